/**
 * The tcp… tools on connections that the test itself makes: known ends, known bytes, known times, and a network that
 * swallows packets. Peers of libbpf-tools see the same connections.
 */
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { connect, createServer, type Server, type Socket } from 'node:net';
import { kernelTest } from '../../run/needs.ts';
import { records, startPeer, startTool, stop, stopPeer, untilSeen } from '../../support/tools.ts';

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
