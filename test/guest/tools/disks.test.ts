/** biosnoop on a device that nobody else uses, and gethostlatency beside look-ups of known names. */
import assert from 'node:assert/strict';
import { execFileSync, spawnSync } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { kernelTest } from '../../run/needs.ts';
import { records, startPeer, startTool, stop, stopPeer, untilSeen } from '../../support/tools.ts';

interface Io {
  readonly comm: string;
  readonly disk: string;
  readonly op: string;
  readonly sector: number;
  readonly bytes: number;
  readonly sequential: boolean;
  readonly queued_ms: number;
  readonly latency_ms: number;
}

kernelTest(
  'biosnoop: 64 known requests, as text and as JSON, and as the peer sees them',
  { guest: true, modules: ['null_blk'], commands: ['dd'] },
  async () => {
    // Without a scheduler requests are not merged, and go to the device as they come.
    writeFileSync('/sys/block/nullb0/queue/scheduler', 'none');
    const [text, json, peer] = await Promise.all([
      startTool(['biosnoop', '-Q', '-P']),
      startTool(['biosnoop', '--json', '-d', 'nullb0']),
      startPeer('biosnoop', [], 'COMM'),
    ]);
    execFileSync('dd', ['if=/dev/nullb0', 'of=/dev/null', 'bs=16k', 'count=64', 'iflag=direct'], { stdio: 'ignore' });
    execFileSync('dd', ['if=/dev/zero', 'of=/dev/nullb0', 'bs=8k', 'count=10', 'seek=100', 'oflag=direct'], { stdio: 'ignore' });
    await Promise.all([
      untilSeen(text, /nullb0 +W +\d+ +8192 /, 10),
      untilSeen(json, /"op":"write","sector":\d+,"bytes":8192,/, 10),
      ...(peer ? [untilSeen(peer, /nullb0 +W[A-Z]* +\d+ +8192 /, 10)] : []),
    ]);

    const { lines } = await stop(text);
    assert.equal(lines[0], 'TIME(s)     COMM           PID     DISK      T SECTOR     BYTES  P QUE(ms) LAT(ms)');
    const row = (op: string, sector: number, bytes: number, pattern: string) =>
      new RegExp(`^-?\\d+\\.\\d{6} +dd +\\d+ +nullb0 +${op} ${sector} +${bytes} *${pattern} +\\d+\\.\\d\\d +\\d+\\.\\d\\d$`);
    for (let i = 0; i < 64; i++)
      assert.equal(
        lines.filter((line) => row('R', i * 32, 16384, i === 0 ? '[RS]' : 'S').test(line)).length,
        1,
        `${i}\n${lines.join('\n')}`,
      );
    for (let i = 0; i < 10; i++)
      assert.equal(
        lines.filter((line) => row('W', 1600 + i * 16, 8192, i === 0 ? 'R' : 'S').test(line)).length,
        1,
        `${i}\n${lines.join('\n')}`,
      );
    const ios = records<Io>(await stop(json));
    assert.ok(ios.every(({ disk, latency_ms, queued_ms }) => disk === 'nullb0' && latency_ms > 0 && queued_ms >= 0));
    assert.deepEqual(
      ios.filter((io) => io.comm === 'dd').map(({ op, sector, bytes }) => [op, sector, bytes]),
      [
        ...Array.from({ length: 64 }, (_, i) => ['read', i * 32, 16384]),
        ...Array.from({ length: 10 }, (_, i) => ['write', 1600 + i * 16, 8192]),
      ],
    );
    if (peer) {
      const theirs = (await stopPeer(peer)).filter((line) => / dd +\d+ +nullb0 /.test(line));
      assert.equal(theirs.length, 74, theirs.join('\n'));
    }
  },
);

kernelTest('gethostlatency: known names', { guest: true, uprobes: true, commands: ['perl'] }, async () => {
  const [text, json, peer] = await Promise.all([
    startTool(['gethostlatency']),
    startTool(['gethostlatency', '--json']),
    startPeer('gethostlatency', [], 'COMM'),
  ]);
  // getaddrinfo by perl's Socket; gethostbyname by its builtin (gethostbyname_r inside, which is another function).
  spawnSync('perl', ['-MSocket=getaddrinfo', '-e', 'getaddrinfo("localhost", "80") for 1..5; getaddrinfo("no.such.name.invalid", "80")']);
  await Promise.all([untilSeen(text, /invalid/), untilSeen(json, /invalid/), ...(peer ? [untilSeen(peer, /invalid/)] : [])]);
  const { lines } = await stop(text);
  assert.equal(lines[0], 'TIME      PID     COMM                  LATms HOST');
  assert.equal(lines.filter((line) => /^\d\d:\d\d:\d\d +\d+ +perl +\d+\.\d\d localhost$/.test(line)).length, 5, lines.join('\n'));
  assert.equal(
    lines.filter((line) => /^\d\d:\d\d:\d\d +\d+ +perl +\d+\.\d\d no\.such\.name\.invalid$/.test(line)).length,
    1,
    lines.join('\n'),
  );
  const found = records<{ comm: string; host: string; latency_ms: number }>(await stop(json)).filter(({ comm }) => comm === 'perl');
  assert.deepEqual(
    found.map(({ host }) => host),
    [...Array.from({ length: 5 }, () => 'localhost'), 'no.such.name.invalid'],
  );
  assert.ok(found.every(({ latency_ms }) => latency_ms > 0));
  if (peer) assert.equal((await stopPeer(peer)).filter((line) => / perl .*localhost/.test(line)).length, 5);
});
