/**
 * Tools that count or time calls, held against processes that make known numbers of them: syscount, vfsstat, cachestat,
 * ext4dist, funclatency, llcstat. Peers of libbpf-tools see the same processes.
 */
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { existsSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { FeatureError } from '../../../src/kernel/errors.ts';
import { kernelTest } from '../../run/needs.ts';
import { ext4 } from '../../support/ext4.ts';
import { records, startPeer, startTool, startToolBy, stop, stopPeer } from '../../support/tools.ts';
import { NR, worker } from '../../support/worker.ts';

interface Buckets {
  readonly buckets: readonly { readonly low: number; readonly high: number; readonly count: number }[];
}

const counted = ({ buckets }: Buckets): number => buckets.reduce((sum, { count }) => sum + count, 0);

/** The number behind a name in a table: 'getppid   500', '1234 perl   800'. */
function rowOf(lines: readonly string[], name: string): string[] {
  const line = lines.find((text) => new RegExp(`^${name} `).test(text)) ?? '';
  return line.slice(name.length).trim().split(/\s+/);
}

kernelTest('syscount: known numbers of calls, failures and times', { commands: ['perl'] }, async () => {
  const [calls, failures, naps] = [500, 300, 20];
  const work = await worker(
    `syscall(${NR.getppid}) for 1..${calls}; chdir("/no/such/folder") for 1..${failures}; select(undef, undef, undef, 0.01) for 1..${naps}`,
  );
  const pid = String(work.pid);
  const [text, json, failed, errno, latency, processes, one, raw, top, peer, peerFailed] = await Promise.all([
    startTool(['syscount', '-p', pid]),
    startTool(['syscount', '-p', pid, '--json']),
    startTool(['syscount', '-x', '-p', pid, '--json']),
    startTool(['syscount', '-e', 'ENOENT', '-t', pid]),
    startTool(['syscount', '-L', '-m', '-p', pid]),
    startTool(['syscount', '-P', '-L', '-p', pid, '--json', '--syscall', 'getppid']),
    startTool(['syscount', '--syscall', 'getppid', '-c', String(process.pid)]),
    startToolBy('raw_tracepoint', ['syscount', '-L', '--syscall', 'getppid', '-c', String(process.pid), '-p', pid, '--json']),
    startTool(['syscount', '-T', '1', '-P', '-x']),
    startPeer('syscount', ['-p', pid], 'Tracing'),
    startPeer('syscount', ['-x', '-p', pid], 'Tracing'),
  ]);
  await work.go();

  const said = await stop(text);
  assert.equal(said.lines[0], 'Tracing syscalls, printing top 10... Ctrl+C to quit.');
  assert.match(said.lines[1] ?? '', /^\[\d\d:\d\d:\d\d\]$/);
  assert.equal(said.lines[2], 'SYSCALL                   COUNT');
  assert.ok(said.lines.includes(`getppid                ${String(calls).padStart(8)}`), said.out);
  assert.deepEqual(said.lines.slice(-2), ['', 'Detaching...']);
  const all = records<{ syscall: string; count: number }>(await stop(json));
  const count = (name: string): number | undefined => all.find(({ syscall }) => syscall === name)?.count;
  assert.equal(count('getppid'), calls);
  assert.equal(count('chdir'), failures);
  const failing = records<{ syscall: string; count: number }>(await stop(failed));
  assert.equal(failing.find(({ syscall }) => syscall === 'chdir')?.count, failures);
  assert.equal(
    failing.some(({ syscall }) => syscall === 'getppid'),
    false,
    'a call that cannot fail',
  );
  assert.deepEqual(rowOf((await stop(errno)).lines, 'chdir'), [String(failures)]);
  const slow = await stop(latency);
  assert.ok(slow.lines.includes('SYSCALL                   COUNT        TIME (ms)'), slow.out);
  // perl's select is select(2) or pselect6(2).
  const [times, milliseconds] = ['select', 'pselect6'].map((name) => rowOf(slow.lines, name)).find((row) => row.length === 2) ?? [];
  assert.ok(Number(times) >= naps && Number(milliseconds) >= naps * 10, slow.out);
  assert.deepEqual(
    records<{ pid: number; comm: string; count: number; total_us: number }>(await stop(processes)).map(({ pid, comm, count }) => [
      pid,
      comm,
      count,
    ]),
    [[work.pid, 'perl', calls]],
  );
  const children = await stop(one);
  assert.equal(children.lines[0], "Tracing syscall 'getppid'... Ctrl+C to quit.");
  assert.deepEqual(rowOf(children.lines, 'getppid'), [String(calls)], children.out);
  const [byRaw] = records<{ syscall: string; count: number; total_us: number }>(await stop(raw));
  assert.deepEqual([byRaw?.syscall, byRaw?.count], ['getppid', calls]);
  assert.ok((byRaw?.total_us ?? 0) > 0);
  const first = await stop(top);
  assert.equal(first.lines[0], 'Tracing failed syscalls, printing top 1... Ctrl+C to quit.');
  assert.equal(first.lines[2], 'PID    COMM               COUNT');
  assert.match(first.lines[3] ?? '', /^\d+ +\S+.* +\d+$/);
  assert.equal(first.lines.length, 6, first.out);
  if (peer) assert.deepEqual(rowOf(await stopPeer(peer), 'getppid'), [String(calls)]);
  if (peerFailed) assert.deepEqual(rowOf(await stopPeer(peerFailed), 'chdir'), [String(failures)]);
  await work.end();
});

const FILES = { guest: true, modules: ['ext4', 'loop'], commands: ['perl', 'mkfs.ext4'] } as const;

kernelTest('vfsstat, ext4dist: known operations on files of ext4', FILES, async () => {
  const disk = ext4();
  try {
    writeFileSync(join(disk.folder, 'data'), Buffer.alloc(1 << 20));
    const n = { read: 40, write: 30, fsync: 7, open: 20, create: 6, unlink: 5, mkdir: 4, rmdir: 3 };
    const work = await worker(
      `my $d = $ARGV[0]; my $b; use IO::Handle;
       for (1..${n.open - 1}) { open(my $f, "<", "$d/data") or die; close($f) }
       open(my $f, "+<", "$d/data") or die;
       for (1..${n.read}) { sysread($f, $b, 1024) == 1024 or die }
       for (1..${n.write}) { syswrite($f, "x" x 512) == 512 or die }
       for (1..${n.fsync}) { $f->sync or die }
       for (1..${n.create}) { syscall(${NR.mknodat}, -100, "$d/n$_", 0100644, 0) == 0 or die }
       for (1..${n.unlink}) { unlink("$d/n$_") or die }
       for (1..${n.mkdir}) { mkdir("$d/d$_") or die }
       for (1..${n.rmdir}) { rmdir("$d/d$_") or die }`,
      disk.folder,
    );
    const pid = String(work.pid);
    const [json, text, dist, distText, peer, peerDist] = await Promise.all([
      startTool(['vfsstat', '-p', pid, '--json', '100000']),
      startTool(['vfsstat', '-p', pid, '1']),
      startTool(['ext4dist', '-p', pid, '--json']),
      startTool(['ext4dist', '-m', '-p', pid, '100000']),
      startPeer('vfsstat', ['-p', pid, '1'], 'TIME'),
      startPeer('ext4dist', ['-p', pid], 'Tracing'),
    ]);
    await work.go();

    const [stat] = records<Record<string, number>>(await stop(json));
    // One more write says that the work is done.
    const { read, write, fsync, open, create, unlink, mkdir, rmdir } = stat ?? {};
    assert.deepEqual({ read, write, fsync, open, create, unlink, mkdir, rmdir }, { ...n, write: n.write + 1 });
    const table = await stop(text);
    assert.equal(table.lines[0], 'TIME         READ/s  WRITE/s  FSYNC/s   OPEN/s CREATE/s UNLINK/s  MKDIR/s  RMDIR/s');
    assert.match(table.lines[1] ?? '', /^\d\d:\d\d:\d\d: ( {1,8}\d+){8}$/);

    const expected = new Map([
      ['read', n.read],
      ['write', n.write],
      ['open', n.open],
      ['fsync', n.fsync],
    ]);
    const operations = records<Buckets & { operation: string; unit: string }>(await stop(dist));
    assert.deepEqual(new Map(operations.map((h) => [h.operation, counted(h)])), expected);
    const printed = await stop(distText);
    assert.match(
      printed.out,
      /^Tracing ext4 operation latency\.\.\. Hit Ctrl-C to end\.\n\n\d\d:\d\d:\d\d:\n\noperation = read\n {5}msecs {15}: count/,
    );

    if (peer) {
      // A row a second: sums of the columns are counts.
      const rows = (await stopPeer(peer)).filter((line) => /^\d\d:\d\d:\d\d/.test(line)).map((line) => line.replace(/^\S+ *:?/, ''));
      const sums = rows.map((row) => row.trim().split(/\s+/).map(Number)).reduce((a, b) => a.map((count, i) => count + (b[i] ?? 0)));
      assert.deepEqual(sums.slice(0, 5), [n.read, n.write + 1, n.fsync, n.open, n.create], rows.join('\n'));
    }
    if (peerDist) {
      const lines = await stopPeer(peerDist);
      const sums = new Map<string, number>();
      let operation = '';
      for (const line of lines) {
        operation = /operation = '?(\w+)'?/.exec(line)?.[1] ?? operation;
        const count = Number(/ : (\d+) +\|/.exec(line)?.[1] ?? 0);
        if (operation !== '') sums.set(operation, (sums.get(operation) ?? 0) + count);
      }
      for (const [name, count] of expected) assert.equal(sums.get(name), count, lines.join('\n'));
    }
    await work.end();
  } finally {
    disk.remove();
  }
});

kernelTest('cachestat: what is read for the first time misses, what is read again hits', FILES, async () => {
  const disk = ext4();
  const pages = 2000;
  try {
    for (const name of ['cold', 'warm']) writeFileSync(join(disk.folder, name), Buffer.alloc(pages * 4096, 1));
    execFileSync('sync');
    writeFileSync('/proc/sys/vm/drop_caches', '3');
    const reads = (name: string, times: number): string =>
      `for (1..${times}) { open(my $f, "<", "$ARGV[0]/${name}") or die; my $b; 1 while sysread($f, $b, 4096); close($f) }`;
    // Once before anything is counted.
    execFileSync('perl', ['-e', reads('warm', 1), disk.folder]);
    const [cold, warm] = await Promise.all([worker(reads('cold', 1), disk.folder), worker(reads('warm', 3), disk.folder)]);
    const [coldJson, warmJson, text, peer] = await Promise.all([
      startTool(['cachestat', '--json', '-p', String(cold.pid), '100000']),
      startTool(['cachestat', '--json', '-p', String(warm.pid), '100000']),
      startTool(['cachestat', '-T', '100000', '1']),
      startPeer('cachestat', ['100000'], 'HITS'),
    ]);
    await cold.go();
    await warm.go();
    const near = (value: number | undefined, expected: number, what: string): void =>
      assert.ok(value !== undefined && Math.abs(value - expected) <= 0.03 * pages, `${what}: ${value}, expected ${expected}`);
    const [first] = records<{ hits: number; misses: number; hit_percent: number; cached_mb: number }>(await stop(coldJson));
    near(first?.misses, pages, 'misses of the first reading');
    near(first?.hits, 0, 'hits of the first reading');
    const [again] = records<{ hits: number; misses: number; hit_percent: number; cached_mb: number }>(await stop(warmJson));
    near(again?.hits, 3 * pages, 'hits of reading again');
    near(again?.misses, 0, 'misses of reading again');
    assert.ok((again?.hit_percent ?? 0) > 97 && (again?.cached_mb ?? 0) >= (2 * pages * 4096) / (1 << 20));
    const said = await stop(text);
    assert.equal(said.lines[0], 'TIME         HITS   MISSES  DIRTIES HITRATIO   BUFFERS_MB  CACHED_MB');
    assert.match(said.lines[1] ?? '', /^\d\d:\d\d:\d\d +\d+ +\d+ +\d+ +\d+\.\d\d% +\d+ +\d+$/);
    const [hits = 0, misses = 0] = (said.lines[1] ?? '').split(/ +/).slice(1).map(Number);
    assert.ok(hits + misses >= 4 * pages * 0.97, said.out);
    if (peer) {
      const theirs = (await stopPeer(peer)).findLast((line) => /\d+\.\d+%/.test(line)) ?? '';
      const [theirHits = 0, theirMisses = 0] = theirs.trim().split(/ +/).map(Number);
      // The whole machine, and not at the same moments: the same within a tenth.
      assert.ok(Math.abs(theirHits + theirMisses - hits - misses) <= 0.1 * (hits + misses), `${theirs} beside ${said.lines[1]}`);
    }
    await Promise.all([cold.end(), warm.end()]);
  } finally {
    disk.remove();
  }
});

kernelTest(
  'funclatency: sleeps of a known time, in the kernel and in the C library',
  { kprobes: true, uprobes: true, commands: ['perl'] },
  async () => {
    const [naps, ms] = [12, 20];
    const work = await worker(`use Time::HiRes; Time::HiRes::nanosleep(${ms} * 1e6) for 1..${naps}`);
    const pid = String(work.pid);
    const [json, text, byFunction, levels, library, peer] = await Promise.all([
      startTool(['funclatency', '--json', '-u', '-p', pid, 'hrtimer_nanosleep']),
      startTool(['funclatency', '-m', '-T', '-p', pid, 'hrtimer_nanosleep']),
      startTool(['funclatency', '-F', '-p', pid, '-r', '^(hrtimer|do)_nanosleep$']),
      startTool(['funclatency', '-F', '-l', '2', '--json', '-p', pid, '-r', '^(hrtimer|do)_nanosleep$']),
      startTool(['funclatency', '-m', 'c:clock_nanosleep']),
      startPeer('funclatency', ['-u', '-p', pid, 'hrtimer_nanosleep'], 'Tracing'),
    ]);
    await work.go();
    const [one] = records<Buckets & { unit: string; total: number; count: number }>(await stop(json));
    assert.ok(one);
    assert.deepEqual([one.unit, one.count, counted(one)], ['usecs', naps, naps]);
    assert.ok(one.total >= naps * ms * 1000, JSON.stringify(one));
    assert.equal(one.buckets.filter(({ high, count }) => high < ms * 1000 && count > 0).length, 0);
    const said = await stop(text);
    assert.match(
      said.out,
      /^Tracing 1 functions for "hrtimer_nanosleep"\.\.\. Hit Ctrl-C to end\.\n\n\d\d:\d\d:\d\d\n {5}msecs {15}: count {5}distribution\n/,
    );
    assert.match(said.out, new RegExp(`\\n\\navg = \\d+ msecs, total: \\d+ msecs, count: ${naps}\\n\\nDetaching\\.\\.\\.\\n$`));
    // One calls the other: the innermost is measured, and both with -l.
    const inner = await stop(byFunction);
    assert.deepEqual(inner.out.match(/^Function = .*$/gm), ['Function = do_nanosleep'], inner.out);
    const both = records<Buckets & { function: string }>(await stop(levels));
    for (const name of ['hrtimer_nanosleep', 'do_nanosleep']) {
      const histogram = both.find((h) => h.function === name);
      assert.equal(histogram === undefined ? undefined : counted(histogram), naps, `${name}: ${JSON.stringify(both)}`);
    }
    const user = await stop(library);
    const mine = user.out.split(/\n\n+/).find((part) => new RegExp(`^Function = \\S*clock_nanosleep \\[${pid}\\]\\n`).test(part)) ?? '';
    assert.equal(
      [...mine.matchAll(/ : (\d+) +\|/g)].reduce((sum, [, count]) => sum + Number(count), 0),
      naps,
      user.out,
    );
    if (peer) {
      const theirs = await stopPeer(peer);
      assert.equal(
        theirs.reduce((sum, line) => sum + Number(/ : (\d+) +\|/.exec(line)?.[1] ?? 0), 0),
        naps,
        theirs.join('\n'),
      );
    }
    await work.end();
  },
);

const hasCounters = existsSync('/sys/bus/event_source/devices/cpu') || existsSync('/sys/bus/event_source/devices/armv8_pmuv3');

kernelTest('llcstat: without hardware counters it says so', {}, async (t) => {
  if (hasCounters) return t.skip('this machine has hardware counters');
  await assert.rejects(
    startTool(['llcstat', '1']),
    (error) =>
      error instanceof FeatureError &&
      /^this kernel has no hardware counters of cache references and misses: the processor does not offer them/.test(error.message) &&
      /virtual machines/.test(error.hint ?? ''),
  );
});
