/**
 * The tcp… tools on connections that the test itself makes: known ends, known bytes, known times, and a network that
 * swallows packets. Peers of libbpf-tools see the same connections.
 */
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { createSocket, type Socket as DatagramSocket } from 'node:dgram';
import { Resolver } from 'node:dns/promises';
import { mkdirSync, rmSync } from 'node:fs';
import { connect, createServer, type Server, type Socket } from 'node:net';
import { kernelTest } from '../../run/needs.ts';
import { start } from '../../support/command.ts';
import { records, startPeer, startTool, startTools, stop, stopPeer, untilSeen } from '../../support/tools.ts';

const COUNT = 5;
const TO_SERVER = 100_000;
const TO_CLIENT = 300_000;

function listen(server: Server, host: string): Promise<number> {
  return new Promise((resolve, reject) => {
    server.once('error', reject);
    server.listen(0, host, () => resolve((server.address() as { port: number }).port));
  });
}

/** One session: so many bytes each way, and then the client says goodbye. Returns the client's port. */
function session(host: string, port: number): Promise<number> {
  return new Promise((resolve, reject) => {
    const client: Socket = connect(port, host);
    let read = 0;
    let own = 0;
    client.once('error', reject);
    client.once('connect', () => {
      own = client.localPort ?? 0;
      client.write(Buffer.alloc(TO_SERVER));
    });
    client.on('data', (data) => {
      read += data.length;
      if (read === TO_CLIENT) client.end();
    });
    client.once('close', () => resolve(own));
  });
}

function answering(): Server {
  return createServer({ allowHalfOpen: false }, (socket) => {
    let read = 0;
    socket.on('error', () => {});
    socket.on('data', (data) => {
      read += data.length;
      if (read === TO_SERVER) socket.write(Buffer.alloc(TO_CLIENT));
    });
  });
}

function refused(port: number): Promise<void> {
  return new Promise((resolve) => connect(port, '127.0.0.1').once('error', () => resolve()));
}

const fieldsOf = (line: string): string[] => line.trim().split(/\s+/);

kernelTest(
  'tcpaccept, tcpconnect, tcpconnlat, tcplife, tcpstates, tcptop: sessions of known ends and bytes',
  { guest: true, kprobes: true, timeout: 240_000 },
  async () => {
    const servers = [answering(), answering()] as const;
    const closed = createServer();
    try {
      const port = await listen(servers[0], '127.0.0.1');
      const port6 = await listen(servers[1], '::1');
      const nobody = await listen(closed, '127.0.0.1');
      await new Promise((resolve) => closed.close(resolve));
      const ports = `${port},${port6}`;
      const p = String(process.pid);
      const [accept, connects, counted, latency, life, csv, states, top, peer] = await Promise.all([
        startTool(['tcpaccept', '-P', ports]),
        startTool(['tcpconnect', '-P', `${ports},${nobody}`, '-L', '-U', '-p', p]),
        startTool(['tcpconnect', '-c', '--json', '-P', ports]),
        startTool(['tcpconnlat', '--json', '-p', p]),
        startTool(['tcplife', '-D', ports]),
        startTool(['tcplife', '-s', '-L', String(port6), '-6']),
        startTool(['tcpstates', '--json', '-D', ports]),
        startTool(['tcptop', '--json', '600']),
        startPeer('tcplife', ['-D', String(port)], 'PID'),
      ]);
      const mine: number[] = [];
      for (let i = 0; i < COUNT; i++) mine.push(await session('127.0.0.1', port));
      const mine6 = await session('::1', port6);
      await refused(nobody);
      await untilSeen(connects, new RegExp(` ${nobody}\\s*\\n`));
      await untilSeen(life, new RegExp(`::1 .* ${port6} `));
      await untilSeen(csv, /::1/);
      await untilSeen(latency, new RegExp(`"rport":${nobody}`));
      await untilSeen(states, new RegExp(`"lport":${mine6}.*"newstate":"CLOSE"`));
      for (const own of mine) await untilSeen(life, new RegExp(` ${own} .* ${port} `));

      const accepted = (await stop(accept)).lines;
      assert.equal(accepted[0], 'PID     COMM         IP RADDR            RPORT LADDR            LPORT');
      assert.deepEqual(
        accepted
          .slice(1)
          .map(fieldsOf)
          .map(([pid, , ...ends]) => [pid, ...ends]),
        [
          ...mine.map((own) => [p, '4', '127.0.0.1', String(own), '127.0.0.1', String(port)]),
          [p, '6', '::1', String(mine6), '::1', String(port6)],
        ],
      );

      const connected = (await stop(connects)).lines;
      assert.equal(connected[1], 'UID   PID     COMM         IP SADDR            LPORT  DADDR            DPORT ');
      assert.deepEqual(
        connected
          .slice(2, 2 + COUNT)
          .map(fieldsOf)
          .map(([uid, pid, , ...ends]) => [uid, pid, ...ends]),
        mine.map((own) => ['0', p, '4', '127.0.0.1', String(own), '127.0.0.1', String(port)]),
      );
      assert.equal(connected.length, 2 + COUNT + 2, connected.join('\n'));

      assert.deepEqual(records(await stop(counted)), [
        { ip: 4, laddr: '127.0.0.1', raddr: '127.0.0.1', rport: port, count: COUNT },
        { ip: 6, laddr: '::1', raddr: '::1', rport: port6, count: 1 },
      ]);

      const latencies = records<{ rport: number; lport: number; lat_ms: number; comm: string }>(await stop(latency)).filter(({ rport }) =>
        [port, port6, nobody].includes(rport),
      );
      assert.deepEqual(
        latencies.map(({ rport }) => rport),
        [...mine.map(() => port), port6, nobody],
      );
      assert.ok(latencies.every(({ lat_ms }) => lat_ms > 0 && lat_ms < 10_000));

      const lives = (await stop(life)).lines;
      assert.equal(lives[0], 'PID   COMM       LADDR           LPORT RADDR           RPORT TX_KB RX_KB MS');
      for (const own of mine) {
        const found = lives.filter((line) => line.includes(` ${own} `));
        assert.equal(found.length, 1, lives.join('\n'));
        const [pid, , laddr, , raddr, rport, tx, rx, ms] = fieldsOf(found[0] ?? '');
        assert.deepEqual(
          [pid, laddr, raddr, rport, tx, rx],
          [p, '127.0.0.1', '127.0.0.1', String(port), String(Math.floor(TO_SERVER / 1024)), String(Math.floor(TO_CLIENT / 1024))],
        );
        assert.match(ms ?? '', /^\d+\.\d\d$/);
      }
      const rows = (await stop(csv)).lines;
      assert.equal(rows[0], 'PID,COMM,IP,LADDR,LPORT,RADDR,RPORT,TX_KB,RX_KB,MS');
      assert.match(rows[1] ?? '', new RegExp(`^\\d+,[^,]+,6,::1,${port6},::1,${mine6},292,97,\\d+\\.\\d\\d$`));

      const changes = records<{ skaddr: string; lport: number; oldstate: string; newstate: string; ms: number }>(await stop(states));
      for (const own of mine) {
        const path = changes.filter(({ lport, oldstate }) => lport === own || (lport === 0 && oldstate === 'CLOSE'));
        const sk = changes.find(({ lport }) => lport === own)?.skaddr;
        const steps = path
          .filter(({ skaddr }) => skaddr === sk)
          .map(({ oldstate, newstate }) => `${oldstate}>${newstate}`)
          .join(' ');
        // The client closes first.
        assert.match(
          steps,
          /CLOSE>SYN_SENT SYN_SENT>ESTABLISHED ESTABLISHED>FIN_WAIT1 FIN_WAIT1>FIN_WAIT2 (FIN_WAIT2>TIME_WAIT )?.*CLOSE/,
          JSON.stringify(changes),
        );
      }

      const sums = records<{ pid: number; lport: number; rport: number; rx_bytes: number; tx_bytes: number }>(await stop(top));
      for (const own of mine) {
        const client = sums.find(({ lport, rport }) => lport === own && rport === port);
        const server = sums.find(({ lport, rport }) => lport === port && rport === own);
        assert.deepEqual([client?.tx_bytes, client?.rx_bytes, client?.pid], [TO_SERVER, TO_CLIENT, process.pid]);
        assert.deepEqual([server?.tx_bytes, server?.rx_bytes, server?.pid], [TO_CLIENT, TO_SERVER, process.pid]);
      }

      if (peer) {
        const theirs = (await stopPeer(peer)).map(fieldsOf).filter((row) => row.includes(String(port)));
        const kilobytes = (row: readonly string[]): string[] => row.slice(-3, -1);
        for (const own of mine) {
          const row = theirs.find((words) => words.includes(String(own)));
          const ours = fieldsOf(lives.find((line) => line.includes(` ${own} `)) ?? '');
          // The peer prints fractions.
          if (row)
            assert.deepEqual(
              kilobytes(ours),
              kilobytes(row).map((text) => String(Math.floor(Number(text)))),
            );
        }
      }
    } finally {
      for (const server of servers) server.close();
    }
  },
);

kernelTest(
  'tcpretrans: what is sent again into a network that swallows everything',
  { guest: true, kprobes: true, modules: ['dummy'], commands: ['ip'] },
  async () => {
    const ip = (...words: readonly string[]) => execFileSync('ip', words);
    ip('link', 'add', 'skep-hole', 'type', 'dummy');
    try {
      ip('address', 'add', '192.0.2.1/24', 'dev', 'skep-hole');
      ip('link', 'set', 'skep-hole', 'up');
      const [text, json, count] = await Promise.all([
        startTool(['tcpretrans', '-s', '-4']),
        startTool(['tcpretrans', '--json', '-l']),
        startTool(['tcpretrans', '-c']),
      ]);
      const socket = connect(4321, '192.0.2.9');
      socket.on('error', () => {});
      await untilSeen(text, /192\.0\.2\.9:4321[\s\S]*192\.0\.2\.9:4321/);
      await untilSeen(json, /"raddr":"192\.0\.2\.9"/);
      socket.destroy();
      const lines = (await stop(text)).lines;
      assert.equal(lines[1], 'TIME     PID     IP LADDR:LPORT          T> RADDR:RPORT          STATE        SEQ');
      assert.match(lines[2] ?? '', /^\d\d:\d\d:\d\d \d+ +4 {2}192\.0\.2\.1:\d+ +R> 192\.0\.2\.9:4321 +SYN_SENT +\d+$/);
      const [first] = records<Record<string, unknown>>(await stop(json));
      assert.deepEqual([first?.['raddr'], first?.['rport'], first?.['type'], first?.['state']], ['192.0.2.9', 4321, 'R', 'SYN_SENT']);
      const sums = (await stop(count)).lines;
      assert.match(sums.at(-1) ?? '', /^\[192\.0\.2\.1\]#\d+ +<-> \[192\.0\.2\.9\]#4321 +\d+$/);
    } finally {
      ip('link', 'delete', 'skep-hole');
    }
  },
);

/** Answers every question with one address: c-ares, which asks, takes only what is right. */
async function nameServer(addresses: Readonly<Record<number, readonly number[]>>): Promise<DatagramSocket> {
  const server = createSocket('udp4');
  server.on('message', (query, { port, address }) => {
    // The name of the one question ends with a zero; its type and class follow.
    const end = query.indexOf(0, 12) + 5;
    const type = query.readUInt16BE(end - 4);
    const data = addresses[type] ?? [];
    const head = Buffer.from(query.subarray(0, 12));
    head.writeUInt16BE(0x8180, 2);
    head.writeUInt16BE(1, 6);
    head.writeUInt32BE(0, 8);
    server.send(
      Buffer.from([...head, ...query.subarray(12, end), 0xc0, 12, 0, type, 0, 1, 0, 0, 0, 60, 0, data.length, ...data]),
      port,
      address,
    );
  });
  await new Promise<void>((resolve) => server.bind(53, '127.0.0.1', resolve));
  return server;
}

/** Binds the journal's socket and prints each datagram in hexadecimal. */
const JOURNAL = `use Socket; $| = 1; socket(S, PF_UNIX, SOCK_DGRAM, 0) or die; bind(S, pack_sockaddr_un($ARGV[0])) or die; print "bound\\n";
  while (defined recv(S, $m, 65536, 0)) { print unpack("H*", $m), "\\n" }`;

kernelTest(
  'tcpconnect -d, tcpstates -Y: names out of answers, entries in the journal',
  { guest: true, kprobes: true, commands: ['perl'] },
  async () => {
    mkdirSync('/run/systemd/journal', { recursive: true });
    rmSync('/run/systemd/journal/socket', { force: true });
    const journal = start(['perl', '-e', JOURNAL, '/run/systemd/journal/socket']);
    const server = answering();
    const names = await nameServer({ 1: [127, 0, 0, 2], 28: [...Array<number>(15).fill(0), 1] });
    try {
      await journal.sees('bound');
      const port = await listen(server, '::');
      const p = String(process.pid);
      const [text, json, states] = await startTools(
        ['tcpconnect', '-d', '-p', p, '-P', String(port)],
        ['tcpconnect', '-d', '--json', '-p', p, '-P', String(port)],
        ['tcpstates', '-Y', '--json', '-D', String(port)],
      );
      assert.ok(text && json && states);
      const resolver = new Resolver();
      resolver.setServers(['127.0.0.1']);
      await session('127.0.0.1', port);
      assert.deepEqual(await resolver.resolve4('four.skep.test'), ['127.0.0.2']);
      await session('127.0.0.2', port);
      assert.deepEqual(await resolver.resolve6('six.skep.test'), ['::1']);
      await session('::1', port);
      await untilSeen(text, new RegExp(` ${port} `), 3);
      await untilSeen(json, new RegExp(`"rport":${port}`), 3);
      await untilSeen(states, /"newstate":"CLOSE"/, 3);
      const changes = records<{
        pid: number;
        comm: string;
        lport: number;
        laddr: string;
        raddr: string;
        oldstate: string;
        newstate: string;
      }>(await stop(states));
      await untilSeen(journal, /^[0-9a-f]+\n/m, changes.length);

      const { lines } = await stop(text);
      assert.match(lines[1] ?? '', / DPORT {2}QUERY$/);
      // A name that was found long ago has the time behind it; an emulated processor may take that long.
      const [local, four, six] = lines.slice(2).map((line) => fieldsOf(line).slice(4, 7));
      assert.deepEqual(
        [local, four, six],
        [
          ['127.0.0.1', String(port), 'localhost'],
          ['127.0.0.2', String(port), 'four.skep.test'],
          ['::1', String(port), 'six.skep.test'],
        ],
      );
      assert.deepEqual(
        records<{ raddr: string; name: string | null }>(await stop(json)).map(({ raddr, name }) => [raddr, name]),
        [
          ['127.0.0.1', null],
          ['127.0.0.2', 'four.skep.test'],
          ['::1', 'six.skep.test'],
        ],
      );

      const entries = [...journal.out().matchAll(/^[0-9a-f]+$/gm)].map(
        ([hex]) =>
          new Map(
            Buffer.from(hex, 'hex')
              .toString()
              .split('\n')
              .filter((line) => line !== '')
              .map((line) => [line.slice(0, line.indexOf('=')), line.slice(line.indexOf('=') + 1)]),
          ),
      );
      assert.deepEqual(
        entries.map((fields) => [
          fields.get('SYSLOG_IDENTIFIER'),
          fields.get('PRIORITY'),
          fields.get('OBJECT_PID'),
          fields.get('OBJECT_IPV4_DESTINATION_ADDRESS') ?? fields.get('OBJECT_IPV6_DESTINATION_ADDRESS'),
          fields.get('OBJECT_TCP_SOURCE_PORT'),
          fields.get('OBJECT_TCP_DESTINATION_PORT'),
          fields.get('OBJECT_TCP_OLD_STATE'),
          fields.get('OBJECT_TCP_NEW_STATE'),
        ]),
        changes.map((change) => [
          ...['tcpstates', '5', String(change.pid), change.raddr, String(change.lport), String(port)],
          ...[change.oldstate, change.newstate],
        ]),
      );
      const [first] = changes;
      assert.ok(first);
      assert.equal(
        entries[0]?.get('MESSAGE'),
        `${first.comm} ${first.laddr} ${first.lport} → ${first.raddr} ${port} ${first.oldstate} → ${first.newstate}`,
      );
    } finally {
      journal.child.kill('SIGKILL');
      names.close();
      server.close();
    }
  },
);
