/** filelife, fileslower, filetop and ext4slower, on a file system of the test's own. */
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { mkdtempSync, rmSync, truncateSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { guestSeries, kernelTest } from '../../run/needs.ts';
import { end, records, startPeer, startTool, stop, stopPeer, untilSeen } from '../../support/tools.ts';

const NEEDS = { guest: true, modules: ['ext4', 'loop'], commands: ['mkfs.ext4', 'dd', 'perl'] } as const;

/** Debian's filelife of libbpf-tools 0.26 prints its header on 6.12 and then nothing, whatever is made and deleted. */
const PEER_SEES_FILES = guestSeries !== '6.12';

/** An ext4 of the test's own. */
function withExt4(fn: (folder: string) => Promise<void>): Promise<void> {
  const home = mkdtempSync(join(tmpdir(), 'skep-ext4-'));
  const [image, folder] = [join(home, 'image'), join(home, 'mnt')];
  writeFileSync(image, '');
  truncateSync(image, 64 << 20);
  execFileSync('mkfs.ext4', ['-q', '-F', image]);
  execFileSync('mkdir', [folder]);
  execFileSync('mount', ['-o', 'loop', image, folder]);
  return fn(folder).finally(() => {
    execFileSync('umount', [folder]);
    rmSync(home, { recursive: true });
  });
}

interface FileUse {
  readonly file: string;
  readonly comm: string;
  readonly reads: number;
  readonly writes: number;
  readonly read_bytes: number;
  readonly write_bytes: number;
  readonly type: string;
}

kernelTest('filelife, fileslower, filetop, ext4slower: known files, and as the peers see them', NEEDS, () =>
  withExt4(async (folder) => {
    const [life, lifeJson, slow, slowJson, ext4, ext4Json, csv, top, topText, twice, peerLife, peerExt4] = await Promise.all([
      startTool(['filelife']),
      startTool(['filelife', '--json']),
      startTool(['fileslower', '0']),
      startTool(['fileslower', '--json', '0']),
      startTool(['ext4slower', '0']),
      startTool(['ext4slower', '--json', '0']),
      startTool(['ext4slower', '-j', '0']),
      startTool(['filetop', '--json', '-d', folder, '-s', 'wbytes', '100000']),
      startTool(['filetop', '-C', '-d', folder, '100000']),
      startTool(['filetop', '-C', '-d', folder, '1', '2']),
      PEER_SEES_FILES ? startPeer('filelife', [], 'COMM') : undefined,
      startPeer('ext4slower', ['-m', '0'], 'COMM'),
    ]);
    // The tools run in this process: what it writes itself is left out.
    writeFileSync(join(folder, 'own'), 'text');
    // 25 files that live only for this; then a file written in 16 pieces of 4 KiB and read in 8 of 8 KiB.
    execFileSync('perl', [
      '-e',
      'my $d = shift; for (1..25) { open(F, ">", "$d/short$_") or die; close F; unlink "$d/short$_" or die }',
      folder,
    ]);
    execFileSync('dd', ['if=/dev/zero', `of=${folder}/known`, 'bs=4k', 'count=16', 'conv=fsync'], { stdio: 'ignore' });
    execFileSync('dd', [`if=${folder}/known`, 'of=/dev/null', 'bs=8k', 'count=8'], { stdio: 'ignore' });
    await Promise.all([
      untilSeen(life, /short25\n/),
      untilSeen(lifeJson, /short25"/),
      untilSeen(slow, /dd +\d+ +R 8192 .* known\n/, 8),
      untilSeen(slowJson, /"op":"read","bytes":8192,[^\n]*"known"/, 8),
      untilSeen(ext4, /dd +\d+ +R 8192 .* known\n/, 8),
      untilSeen(ext4Json, /"op":"read","bytes":8192,[^\n]*"known"/, 8),
      untilSeen(csv, /,R,8192,\d+,\d+,known\n/, 8),
      ...(peerLife ? [untilSeen(peerLife, /short25\b/)] : []),
      ...(peerExt4 ? [untilSeen(peerExt4, /R 8192 .*known\s/, 8)] : []),
    ]);

    const lifeLines = (await stop(life)).lines;
    assert.equal(lifeLines[0], 'TIME     PID     COMM             AGE(s)  FILE');
    for (let i = 1; i <= 25; i++)
      assert.equal(
        lifeLines.filter((line) => new RegExp(`^\\d\\d:\\d\\d:\\d\\d +\\d+ +perl +\\d+\\.\\d\\d +short${i}$`).test(line)).length,
        1,
        lifeLines.join('\n'),
      );
    const lives = records<{ file: string; age: number; comm: string }>(await stop(lifeJson)).filter(({ comm }) => comm === 'perl');
    assert.deepEqual(
      lives.map(({ file }) => file),
      Array.from({ length: 25 }, (_, i) => `short${i + 1}`),
    );
    assert.ok(lives.every(({ age }) => age >= 0 && age < 60));
    if (peerLife) {
      const theirs = (await stopPeer(peerLife)).filter((line) => /short\d+\s*$/.test(line));
      assert.equal(theirs.length, 25, theirs.join('\n'));
    }

    const slowLines = (await stop(slow)).lines;
    assert.ok(!slowLines.some((line) => / own$/.test(line)), slowLines.join('\n'));
    assert.deepEqual(slowLines.slice(0, 2), [
      'Tracing sync read/writes slower than 0 ms',
      'TIME(s)  COMM           TID    D BYTES   LAT(ms) FILENAME',
    ]);
    const slowRow = (d: string, bytes: number) => new RegExp(`^ *-?\\d+\\.\\d{3} +dd +\\d+ +${d} ${bytes} +\\d+\\.\\d\\d known$`);
    assert.equal(slowLines.filter((line) => slowRow('W', 4096).test(line)).length, 16, slowLines.join('\n'));
    assert.equal(slowLines.filter((line) => slowRow('R', 8192).test(line)).length, 8, slowLines.join('\n'));
    const slowOnes = records<{ op: string; bytes: number; ret: number; file: string; latency_ms: number }>(await stop(slowJson)).filter(
      (r) => r.file === 'known',
    );
    assert.deepEqual(
      [slowOnes.filter((r) => r.op === 'write' && r.ret === 4096).length, slowOnes.filter((r) => r.op === 'read' && r.ret === 8192).length],
      [16, 8],
    );

    const ext4Lines = (await stop(ext4)).lines;
    assert.ok(!ext4Lines.some((line) => / own$/.test(line)), ext4Lines.join('\n'));
    assert.deepEqual(ext4Lines.slice(0, 2), [
      'Tracing ext4 operations',
      'TIME     COMM           PID    T BYTES   OFF_KB   LAT(ms) FILENAME',
    ]);
    const ext4Row = (op: string, bytes: number, kb: number) =>
      new RegExp(`^\\d\\d:\\d\\d:\\d\\d +dd +\\d+ +${op} ${bytes} +${kb} +\\d+\\.\\d\\d known$`);
    for (let i = 0; i < 16; i++)
      assert.equal(ext4Lines.filter((line) => ext4Row('W', 4096, i * 4).test(line)).length, 1, ext4Lines.join('\n'));
    for (let i = 0; i < 8; i++)
      assert.equal(ext4Lines.filter((line) => ext4Row('R', 8192, i * 8).test(line)).length, 1, ext4Lines.join('\n'));
    assert.equal(ext4Lines.filter((line) => ext4Row('S', 0, 0).test(line)).length, 1, ext4Lines.join('\n'));
    const ops = records<{ op: string; bytes: number; offset: number; file: string }>(await stop(ext4Json)).filter(
      (r) => r.file === 'known',
    );
    const count = (op: string) => ops.filter((r) => r.op === op).length;
    assert.deepEqual([count('write'), count('read'), count('sync')], [16, 8, 1]);
    assert.ok(count('open') >= 2);
    const values = (await stop(csv)).lines;
    assert.equal(values[0], 'ENDTIME_us,TASK,PID,TYPE,BYTES,OFFSET_b,LATENCY_us,FILE');
    assert.equal(values.filter((line) => /^\d+,dd,\d+,W,4096,\d+,\d+,known$/.test(line)).length, 16, values.join('\n'));
    if (peerExt4) {
      const theirs = (await stopPeer(peerExt4)).filter((line) => / dd +\d+ +[RW] .*known\s*$/.test(line));
      assert.equal(theirs.length, 24, theirs.join('\n'));
    }

    const all = records<FileUse>(await stop(top));
    assert.ok(!all.some(({ file }) => file === 'own'));
    const uses = all.filter((r) => r.file === 'known');
    const sum = (field: 'reads' | 'writes' | 'read_bytes' | 'write_bytes') => uses.reduce((total, use) => total + use[field], 0);
    assert.deepEqual([sum('writes'), sum('write_bytes'), sum('reads'), sum('read_bytes')], [16, 65536, 8, 65536]);
    assert.ok(uses.every(({ comm, type }) => comm === 'dd' && type === 'R'));
    const screen = (await stop(topText)).lines;
    assert.equal(screen[0], 'Tracing... Output every 100000 secs. Hit Ctrl-C to end');
    assert.match(screen[2] ?? '', /^\d\d:\d\d:\d\d loadavg: [\d.]+ [\d.]+ [\d.]+ /);
    assert.equal(screen[4], 'TID     COMM             READS  WRITES R_Kb    W_Kb    T FILE');
    assert.ok(
      screen.some((line) => /^\d+ +dd +0 +16 +0 +64 +R known$/.test(line)),
      screen.join('\n'),
    );
    assert.ok(
      screen.some((line) => /^\d+ +dd +8 +0 +64 +0 +R known$/.test(line)),
      screen.join('\n'),
    );
    assert.equal(screen.at(-1), 'Detaching...');
    // A tool that is told how often ends by itself.
    assert.equal((await end(twice)).lines.filter((line) => /loadavg/.test(line)).length, 2);
  }),
);
