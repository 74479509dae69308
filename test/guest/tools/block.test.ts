/**
 * Tools about block devices, on a device of the test's own that takes a known time for each request: 200 reads one after
 * the other by one dd, then 20 here and there by 20 more. All tools and their peers see the same reads.
 */
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { kernelTest } from '../../run/needs.ts';
import { nullBlock } from '../../support/null-block.ts';
import { records, type Said, startPeer, startTool, startToolBy, stop, stopPeer } from '../../support/tools.ts';

const SEQUENTIAL = 200;
const RANDOM = 20;
const ALL = SEQUENTIAL + RANDOM;
const DELAY_MS = 3;

interface Histogram {
  readonly disk?: string;
  readonly flags?: string;
  readonly unit: string;
  readonly total?: number;
  readonly count?: number;
  readonly buckets: readonly { readonly low: number; readonly high: number; readonly count: number }[];
}

function read(path: string, skip: number, count: number): void {
  execFileSync('dd', [`if=${path}`, 'of=/dev/null', 'bs=4k', `count=${count}`, `skip=${skip}`, 'iflag=direct'], { stdio: 'ignore' });
}

const counted = ({ buckets }: Histogram): number => buckets.reduce((sum, { count }) => sum + count, 0);

/** Counts of the rows of a printed histogram. */
function rows(lines: readonly string[]): { low: number; count: number }[] {
  return lines.flatMap((line) => {
    const [, low, count] = /^ *(\d+) -> \d+ *: (\d+) +\|/.exec(line) ?? [];
    return low === undefined ? [] : [{ low: Number(low), count: Number(count) }];
  });
}

/** The section of a disk, from its heading to the empty line after it. */
function section(said: Said, heading: string): string[] {
  const from = said.lines.indexOf(heading);
  const rest = said.lines.slice(from + 1);
  const end = rest.indexOf('');
  return from < 0 ? [] : rest.slice(0, end < 0 ? rest.length : end);
}

kernelTest('known reads of a device of known speed', { guest: true, modules: ['null_blk'], commands: ['dd'] }, async () => {
  const disk = nullBlock('skep', DELAY_MS);
  try {
    const [latency, disks, flags, queued, rawLatency, top, rawTop, topText, pattern, patternText, peerLatency, peerPattern] =
      await Promise.all([
        startTool(['biolatency', '--json', '-e', '-d', disk.name]),
        startTool(['biolatency', '-D', '-T']),
        startTool(['biolatency', '-j', '-F', '-m', '-d', disk.name]),
        startTool(['biolatency', '-Q', '-d', disk.name, '-e']),
        startToolBy('raw_tracepoint', ['biolatency', '-Q', '-F', '--json', '-d', disk.name]),
        startTool(['biotop', '--json', '-r', '100', '100000', '1']),
        startToolBy('raw_tracepoint', ['biotop', '--json', '100000', '1']),
        startTool(['biotop', '-C', '100000']),
        startTool(['biopattern', '--json', '-d', disk.name]),
        startTool(['biopattern', '-d', disk.name]),
        startPeer('biolatency', ['-d', disk.name], 'Tracing'),
        startPeer('biopattern', ['-d', disk.name, '100000'], 'DISK'),
      ]);
    read(disk.path, 1000, SEQUENTIAL);
    for (let i = 0; i < RANDOM; i++) read(disk.path, 5000 + ((i * 37) % 50) * 10, 1);

    const [one, ...others] = records<Histogram>(await stop(latency));
    assert.ok(one && others.length === 0);
    assert.equal(one.unit, 'usecs');
    assert.equal(counted(one), ALL);
    assert.equal(one.count, ALL);
    assert.ok((one.total ?? 0) >= ALL * DELAY_MS * 1000, `${one.total} us in all`);
    // No request is faster than the device.
    assert.equal(one.buckets.filter(({ high, count }) => high < DELAY_MS * 1000 && count > 0).length, 0, JSON.stringify(one));

    const byDisk = await stop(disks);
    assert.equal(byDisk.lines[0], 'Tracing block device I/O... Hit Ctrl-C to end.');
    assert.match(byDisk.out, /^Tracing.*\n\n\d\d:\d\d:\d\d\n\ndisk = /);
    const printed = section(byDisk, `disk = ${disk.name}`);
    assert.equal(printed[0], '     usecs               : count     distribution');
    assert.equal(
      rows(printed).reduce((sum, { count }) => sum + count, 0),
      ALL,
      byDisk.out,
    );

    const byFlags = records<Histogram>(await stop(flags));
    assert.equal(
      byFlags.reduce((sum, histogram) => sum + counted(histogram), 0),
      ALL,
    );
    assert.ok(
      byFlags.every(({ flags: words, unit }) => /(^|-)Read$/.test(words ?? '') && unit === 'msecs'),
      JSON.stringify(byFlags),
    );

    const withQueue = await stop(queued);
    assert.equal(
      rows(withQueue.lines).reduce((sum, { count }) => sum + count, 0),
      ALL,
      withQueue.out,
    );
    assert.match(withQueue.out, new RegExp(`\\n\\navg = \\d+ usecs, total: \\d+ usecs, count: ${ALL}\\n\\n$`));

    const tops = records<{ comm: string; disk: string; direction: string; io: number; kbytes: number; avg_ms: number }>(
      await stop(top),
    ).filter((r) => r.disk === disk.name);
    assert.ok(tops.every(({ comm, direction }) => comm === 'dd' && direction === 'R'));
    assert.deepEqual(
      [...tops.slice(0, 1), { io: tops.slice(1).reduce((sum, { io }) => sum + io, 0), kbytes: 4 * RANDOM }].map(({ io, kbytes }) => [
        io,
        kbytes,
      ]),
      [
        [SEQUENTIAL, 4 * SEQUENTIAL],
        [RANDOM, 4 * RANDOM],
      ],
      JSON.stringify(tops),
    );
    assert.ok(tops.every(({ avg_ms }) => avg_ms >= DELAY_MS));

    // The same without the types of BTF tracepoints.
    const byRaw = records<Histogram>(await stop(rawLatency));
    assert.equal(
      byRaw.reduce((sum, histogram) => sum + counted(histogram), 0),
      ALL,
    );
    const [most] = records<{ comm: string; disk: string; direction: string; io: number; kbytes: number }>(await stop(rawTop));
    assert.deepEqual([most?.disk, most?.comm, most?.direction, most?.io, most?.kbytes], [disk.name, 'dd', 'R', SEQUENTIAL, 4 * SEQUENTIAL]);

    const screen = await stop(topText);
    assert.equal(screen.lines[0], 'Tracing... Output every 100000 secs. Hit Ctrl-C to end');
    assert.match(screen.out, /^\d\d:\d\d:\d\d loadavg: [\d.]+ .*\n\nPID {5}COMM {13}D MAJ MIN DISK {7}I\/O {2}Kbytes {2}AVGms\n/m);
    assert.match(
      screen.out,
      new RegExp(`^\\d+ +dd {15}R \\d+ +\\d+ +${disk.name} +${SEQUENTIAL} +${4 * SEQUENTIAL}\\.0 +\\d+\\.\\d\\d$`, 'm'),
    );
    assert.match(screen.out, /\nDetaching\.\.\.\n$/);

    // The very first request follows none.
    const expected = { random: RANDOM, sequential: SEQUENTIAL - 1 };
    const [shape] = records<{ disk: string; random: number; sequential: number; bytes: number; random_percent: number }>(
      await stop(pattern),
    );
    assert.deepEqual(
      { random: shape?.random, sequential: shape?.sequential, bytes: shape?.bytes, disk: shape?.disk },
      { ...expected, bytes: (ALL - 1) * 4096, disk: disk.name },
    );
    const table = await stop(patternText);
    assert.equal(table.lines[0], 'TIME      DISK     %RND  %SEQ    COUNT     KBYTES');
    assert.match(table.lines[1] ?? '', new RegExp(`^\\d\\d:\\d\\d:\\d\\d  ${disk.name} +9    91      ${ALL - 1}        ${(ALL - 1) * 4}$`));

    if (peerLatency) {
      const theirs = rows(await stopPeer(peerLatency));
      assert.equal(
        theirs.reduce((sum, { count }) => sum + count, 0),
        ALL,
      );
    }
    if (peerPattern) {
      const theirs = (await stopPeer(peerPattern)).find((line) => line.includes(disk.name)) ?? '';
      // Its percentages are rounded down.
      assert.deepEqual(theirs.trim().split(/\s+/), [disk.name, '9', '90', String(ALL - 1), String((ALL - 1) * 4)]);
    }
  } finally {
    disk.remove();
  }
});
