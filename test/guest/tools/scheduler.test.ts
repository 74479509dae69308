/**
 * Tools about processors and interrupts, held against what the kernel itself counts: /proc/PID/schedstat,
 * /proc/softirqs, /proc/interrupts.
 *
 *   before ≤ │ tool is ready … what is made to happen … tool is stopped │ ≤ after        the tool saw between inner and outer
 */
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { readFileSync, readlinkSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import { kernelTest } from '../../run/needs.ts';
import { records, startPeer, startTool, startToolBy, stop, stopPeer, until } from '../../support/tools.ts';

interface Histogram {
  readonly pid?: number;
  readonly tid?: number;
  readonly pidns?: number;
  readonly buckets: readonly { readonly low: number; readonly high: number; readonly count: number }[];
}

/** Nanoseconds on a processor, nanoseconds waiting for one, and how often it got one. */
function schedstat(pid: number): { ran: number; waited: number; times: number } {
  const [ran = 0, waited = 0, times = 0] = readFileSync(`/proc/${pid}/schedstat`, 'utf8').split(' ').map(Number);
  return { ran, waited, times };
}

const counted = ({ buckets }: Histogram): number => buckets.reduce((sum, { count }) => sum + count, 0);

kernelTest(
  'runqlat, runqlen: two tasks on one processor wait as long as the kernel says',
  { guest: true, commands: ['taskset'] },
  async () => {
    // They stop themselves until all is ready: compiling beside them would take twice as long.
    const burners = [1, 2].map(() => spawn('taskset', ['-c', '0', 'perl', '-e', 'kill STOP => $$; 1 while 1'], { stdio: 'ignore' }));
    const [first, second] = burners.map(({ pid }) => pid as number) as [number, number];
    try {
      const tools = [
        ['runqlat', '--json', '-P'],
        ['runqlat', '--json', '-L', '-p', String(first)],
        ['runqlat', '-p', String(second)],
        ['runqlat', '-m', '--pidnss', '--json'],
      ];
      const outer = [first, second].map(schedstat);
      const [all, thread, text, namespaces] = (await Promise.all(tools.map(startTool))) as [
        Awaited<ReturnType<typeof startTool>>,
        ...Awaited<ReturnType<typeof startTool>>[],
      ];
      const raw = await startToolBy('raw_tracepoint', ['runqlat', '--json', '-L', '-p', String(first)]);
      const peer = await startPeer('runqlat', ['-p', String(second)], 'Tracing');
      await until(
        () => 'both stopped themselves',
        () => [first, second].every((pid) => / T /.test(readFileSync(`/proc/${pid}/stat`, 'utf8'))),
      );
      for (const burner of burners) burner.kill('SIGCONT');
      const inner = [first, second].map(schedstat);
      // These look from now on.
      const [lengths, occupancy, lengthText] = await Promise.all([
        startTool(['runqlen', '-C', '--json']),
        startTool(['runqlen', '-O']),
        startTool(['runqlen', '-T']),
      ]);
      // Both have waited often by now, whatever else goes on.
      await until(
        () => 'both waited 50 times',
        () =>
          [first, second].every(
            (pid, i) => schedstat(pid).times - (inner[i]?.times ?? 0) >= 50 && schedstat(pid).waited - (inner[i]?.waited ?? 0) > 1e8,
          ),
      );
      const innerEnd = [first, second].map(schedstat);
      const byPid = records<Histogram>(await stop(all));
      const byTid = records<Histogram>(await stop(thread as typeof all));
      const plain = await stop(text as typeof all);
      const byNamespace = records<Histogram>(await stop(namespaces as typeof all));
      const byCpu = records<{ cpu: number; samples: number; buckets: { value: number; count: number }[] }>(await stop(lengths));
      const [byRaw] = records<Histogram>(await stop(raw));
      const occupied = await stop(occupancy);
      const lengthLines = await stop(lengthText);
      const theirs = peer === undefined ? undefined : await stopPeer(peer);
      const outerEnd = [first, second].map(schedstat);

      const histograms = [...[first, second].map((pid) => [pid, byPid.find((h) => h.pid === pid)] as const), [first, byRaw] as const];
      for (const [pid, histogram] of histograms) {
        const i = pid === first ? 0 : 1;
        assert.ok(histogram, `no histogram of ${pid}`);
        const times = counted(histogram);
        const least = (innerEnd[i]?.times ?? 0) - (inner[i]?.times ?? 0);
        const most = (outerEnd[i]?.times ?? 0) - (outer[i]?.times ?? 0);
        // One that was waiting when tracing began, or still waits, is not seen.
        assert.ok(times >= least - 2 && times <= most + 1, `${pid} got a processor ${least} to ${most} times; seen ${times}`);
        // Sums between the edges of the rows; the kernel's numbers in microseconds.
        const low = histogram.buckets.reduce((sum, b) => sum + b.low * b.count, 0);
        const high = histogram.buckets.reduce((sum, b) => sum + (b.high + 1) * b.count, 0);
        const leastWaited = ((innerEnd[i]?.waited ?? 0) - (inner[i]?.waited ?? 0)) / 1000;
        const mostWaited = ((outerEnd[i]?.waited ?? 0) - (outer[i]?.waited ?? 0)) / 1000;
        assert.ok(
          high >= leastWaited * 0.9 && low <= mostWaited * 1.1,
          `${pid} waited ${leastWaited} to ${mostWaited} us; rows say ${low} to ${high}`,
        );
      }
      assert.deepEqual(
        byTid.map(({ tid }) => tid),
        [first],
        'one thread was asked for',
      );
      assert.match(
        plain.out,
        /^Tracing run queue latency\.\.\. Hit Ctrl-C to end\.\n\n {5}usecs {15}: count {5}distribution\n {9}0 -> 1 {10}: \d+/,
      );
      // A task that is ending has no namespaces any more: the kernel gives 0 for it, and so does BCC.
      assert.deepEqual(
        byNamespace.map(({ pidns }) => pidns).filter((pidns) => pidns !== 0),
        [Number(/\d+/.exec(readlinkSync('/proc/self/ns/pid'))?.[0])],
      );
      if (theirs) {
        const total = theirs.reduce((sum, line) => sum + Number(/ : (\d+) +\|/.exec(line)?.[1] ?? 0), 0);
        const least = (innerEnd[1]?.times ?? 0) - (inner[1]?.times ?? 0);
        assert.ok(total >= least - 2 && total <= (outerEnd[1]?.times ?? 0) - (outer[1]?.times ?? 0) + 1, theirs.join('\n'));
      }

      // Two tasks that never sleep: one runs and at least one waits, whenever the processor is looked at.
      const zero = byCpu.find(({ cpu }) => cpu === 0);
      assert.ok(zero && zero.samples > 0);
      const waiting = zero.buckets.filter(({ value }) => value >= 1).reduce((sum, { count }) => sum + count, 0);
      assert.ok(waiting >= zero.samples * 0.9, JSON.stringify(zero));
      assert.equal(
        zero.buckets.reduce((sum, { count }) => sum + count, 0),
        zero.samples,
      );
      const [, percent] = /^Sampling run queue length\.\.\. Hit Ctrl-C to end\.\n\nrunqocc: (\d+\.\d\d)%\n$/.exec(occupied.out) ?? [];
      assert.ok(Number(percent) >= 40 && Number(percent) <= 100, occupied.out);
      assert.match(
        lengthLines.out,
        /\n\n\d\d:\d\d:\d\d\n {5}runqlen {7}: count {5}distribution\n {8}0 {10}: \d+ +\|[* ]{40}\|\n {8}1 {10}: /,
      );
    } finally {
      for (const burner of burners) burner.kill('SIGKILL');
    }
  },
);

/** Sums over all CPUs by name, from a table of the kernel's: 'NET_RX: 1 2', ' 11: 3 4 IO-APIC 11-edge virtio0-input.0'. */
function softirqs(): Map<string, number> {
  const sums = new Map<string, number>();
  for (const line of readFileSync('/proc/softirqs', 'utf8').split('\n').slice(1)) {
    const [name = '', ...counts] = line.trim().split(/\s+/);
    if (name !== '')
      sums.set(
        name.replace(':', '').toLowerCase(),
        counts.reduce((sum, count) => sum + Number(count), 0),
      );
  }
  return sums;
}

function interrupts(): Map<string, number> {
  const sums = new Map<string, number>();
  for (const line of readFileSync('/proc/interrupts', 'utf8').split('\n').slice(1)) {
    const [, counts, name] = /^ *\d+:((?: +\d+)+) .*?(\S+)$/.exec(line) ?? [];
    if (name !== undefined)
      sums.set(
        name,
        (sums.get(name) ?? 0) +
          (counts ?? '')
            .trim()
            .split(/ +/)
            .reduce((sum, count) => sum + Number(count), 0),
      );
  }
  return sums;
}

kernelTest('softirqs, hardirqs: as many as the kernel counts', { guest: true }, async () => {
  const before = { soft: softirqs(), hard: interrupts() };
  const [soft, softText, softDist, hard, hardText, hardDist] = await Promise.all([
    startTool(['softirqs', '--json']),
    startTool(['softirqs', '-C']),
    startTool(['softirqs', '-d', '-N', '--json']),
    startTool(['hardirqs', '--json']),
    startTool(['hardirqs', '-C', '-T']),
    startTool(['hardirqs', '-d', '--json']),
  ]);
  const [rawSoft, rawHard] = await Promise.all([
    startToolBy('raw_tracepoint', ['softirqs', '--json']),
    startToolBy('raw_tracepoint', ['hardirqs', '--json']),
  ]);
  // Its softirqs has times only.
  const peerHard = await startPeer('hardirqs', ['-C'], 'Tracing');
  const inner = { soft: softirqs(), hard: interrupts() };
  // Sleeping and waking makes timers and scheduling; the files of the guest come through interrupts of virtio.
  for (let i = 0; i < 50; i++) {
    await sleep(2);
    readFileSync('/proc/interrupts');
  }
  const innerEnd = { soft: softirqs(), hard: interrupts() };
  const said = {
    soft: await stop(soft),
    softText: await stop(softText),
    softDist: await stop(softDist),
    hard: await stop(hard),
    hardText: await stop(hardText),
    hardDist: await stop(hardDist),
    rawSoft: await stop(rawSoft),
    rawHard: await stop(rawHard),
    peerHard: peerHard === undefined ? undefined : await stopPeer(peerHard),
  };
  const after = { soft: softirqs(), hard: interrupts() };

  const between = (kind: 'soft' | 'hard', name: string, count: number, what: string): void => {
    const least = (innerEnd[kind].get(name) ?? 0) - (inner[kind].get(name) ?? 0);
    const most = (after[kind].get(name) ?? 0) - (before[kind].get(name) ?? 0);
    assert.ok(count >= least && count <= most, `${what}: ${name} happened ${least} to ${most} times; seen ${count}`);
  };
  const softSums = records<{ softirq: string; count: number; total: number; unit: string }>(said.soft);
  const timer = softSums.find(({ softirq }) => softirq === 'timer');
  assert.ok(timer && timer.count > 0 && timer.total > 0 && timer.unit === 'usecs', said.soft.out);
  for (const { softirq, count } of softSums) between('soft', softirq, count, 'softirqs');
  const softByRaw = records<{ softirq: string; count: number }>(said.rawSoft);
  assert.ok(softByRaw.length > 0);
  for (const { softirq, count } of softByRaw) between('soft', softirq, count, 'softirqs by raw tracepoint');

  assert.match(said.softText.out, /^Tracing soft irq events\.\.\. Hit Ctrl-C to end\.\n\nSOFTIRQ {10}TOTAL_count\n/);
  const softRows = tableOf(said.softText.lines);
  assert.ok(softRows.size > 0);
  for (const [name, count] of softRows) between('soft', name, count, 'softirqs -C');
  assert.deepEqual(
    [...softRows.values()],
    [...softRows.values()].toSorted((a, b) => a - b),
    'the least first',
  );

  for (const { softirq, buckets, unit } of records<Histogram & { softirq: string; unit: string }>(said.softDist)) {
    assert.equal(unit, 'nsecs');
    between('soft', softirq, counted({ buckets }), 'softirqs -d');
  }

  const hardSums = records<{ hardirq: string; count: number; total: number }>(said.hard);
  const known = hardSums.filter(({ hardirq }) => before.hard.has(hardirq));
  assert.ok(known.length > 0, `${said.hard.out} of ${[...before.hard.keys()].join(' ')}`);
  for (const { hardirq, count } of known) between('hard', hardirq, count, 'hardirqs');
  const hardByRaw = records<{ hardirq: string; count: number }>(said.rawHard).filter(({ hardirq }) => before.hard.has(hardirq));
  assert.ok(hardByRaw.length > 0, said.rawHard.out);
  for (const { hardirq, count } of hardByRaw) between('hard', hardirq, count, 'hardirqs by raw tracepoint');
  assert.match(said.hardText.out, /^Tracing hard irq events\.\.\. Hit Ctrl-C to end\.\n\n\d\d:\d\d:\d\d\nHARDIRQ {20}TOTAL_count\n/);
  for (const [name, count] of tableOf(said.hardText.lines)) if (before.hard.has(name)) between('hard', name, count, 'hardirqs -C');
  for (const { hardirq, buckets } of records<Histogram & { hardirq: string }>(said.hardDist))
    if (before.hard.has(hardirq)) between('hard', hardirq, counted({ buckets }), 'hardirqs -d');

  if (said.peerHard)
    for (const [name, count] of tableOf(said.peerHard)) if (before.hard.has(name)) between('hard', name, count, "libbpf's hardirqs");
});

/** Rows of a name and a number, under the heading. */
function tableOf(lines: readonly string[]): Map<string, number> {
  return new Map(
    lines.flatMap((line) => (/^\S+ +\d+$/.test(line) ? [[line.split(/ +/)[0] ?? '', Number(line.split(/ +/)[1])] as const] : [])),
  );
}
