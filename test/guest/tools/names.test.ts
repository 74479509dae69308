/** tcpconnect -d with a name server of the test's own, and tcpstates -Y with a journal that prints what it is sent. */
import assert from 'node:assert/strict';
import { createSocket, type Socket as DatagramSocket } from 'node:dgram';
import { Resolver } from 'node:dns/promises';
import { mkdirSync, rmSync } from 'node:fs';
import { type AddressInfo, connect, createServer } from 'node:net';
import { kernelTest } from '../../run/needs.ts';
import { start } from '../../support/command.ts';
import { records, startTools, stop, untilSeen } from '../../support/tools.ts';

/** Connects, and waits until the server has said goodbye. */
function visit(host: string, port: number): Promise<void> {
  return new Promise((resolve, reject) => {
    const client = connect(port, host);
    client.once('error', reject);
    client.once('close', () => resolve());
    client.resume();
  });
}

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
    const server = createServer((socket) => socket.end());
    const names = await nameServer({ 1: [127, 0, 0, 2], 28: [...Array<number>(15).fill(0), 1] });
    try {
      await journal.sees('bound');
      await new Promise<void>((resolve) => server.listen(0, '::', resolve));
      const { port } = server.address() as AddressInfo;
      const p = String(process.pid);
      const [text, json, states] = await startTools(
        ['tcpconnect', '-d', '-p', p, '-P', String(port)],
        ['tcpconnect', '-d', '--json', '-p', p, '-P', String(port)],
        ['tcpstates', '-Y', '--json', '-D', String(port)],
      );
      assert.ok(text && json && states);
      const resolver = new Resolver();
      resolver.setServers(['127.0.0.1']);
      await visit('127.0.0.1', port);
      assert.deepEqual(await resolver.resolve4('four.skep.test'), ['127.0.0.2']);
      await visit('127.0.0.2', port);
      assert.deepEqual(await resolver.resolve6('six.skep.test'), ['::1']);
      await visit('::1', port);
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
      const [local, four, six] = lines.slice(2).map((line) => line.trim().split(/\s+/).slice(4, 7));
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
