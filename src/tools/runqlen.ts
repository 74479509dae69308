/**
 * runqlen: how many tasks wait in the queue of each processor? Sampled 99 times a second, on every CPU.
 *
 * What is read is the number of runnable tasks in the CFS queue that the current task belongs to, less the one that runs.
 */
import type { BPF } from '../bcc/bpf.ts';
import { findMember } from '../btf/walk.ts';
import { FeatureError } from '../kernel/errors.ts';
import { kernelBtf } from '../kernel/kernel-btf.ts';
import { linuxKernel } from '../kernel/linux.ts';
import { printf } from '../render/printf.ts';
import { heading, INTERVAL, roundsOf, TIME_FIELD, TIMESTAMP } from './parts/intervals.ts';
import { program } from './parts/text.ts';
import { defineTool } from './tool.ts';

/** Not 100: samples must not fall together with the kernel's own ticks. */
const FREQUENCY = 99;
/** Longer queues count in the last. */
const LENGTHS = 1024;

const PROGRAM = `
#include <linux/sched.h>

BPF_PERCPU_ARRAY(dist, u64, ${LENGTHS});

int on_clock(struct bpf_perf_event_data *ctx)
{
    struct task_struct *task = bpf_get_current_task_btf();
    u32 length = task->se.cfs_rq->QUEUED;

    /* The task that runs does not wait. */
    if (length > 0)
        length--;
    if (length >= ${LENGTHS})
        length = ${LENGTHS} - 1;
    dist.increment(length);
    return 0;
}
`;

/** `struct cfs_rq` counts its tasks in `nr_running`, since Linux 6.14 in `nr_queued`. */
function queuedField(): string {
  const btf = kernelBtf(linuxKernel());
  const queue = btf?.find('cfs_rq', 'struct');
  if (btf === undefined || queue === undefined) throw new FeatureError('types of its scheduler', { why: 'BTF has no struct cfs_rq' });
  const name = ['nr_queued', 'nr_running'].find((field) => findMember(btf, queue, field) !== undefined);
  if (name === undefined) throw new FeatureError('length of its run queues', { why: 'struct cfs_rq has neither nr_queued nor nr_running' });
  return name;
}

/** Counts by length, for each CPU, since the last time. */
class Lengths {
  private readonly bpf: BPF;
  private before: bigint[][] = [];

  constructor(bpf: BPF) {
    this.bpf = bpf;
  }

  /** [cpu][length] */
  take(): bigint[][] {
    const now: bigint[][] = [];
    for (const [length, counts] of this.bpf.map<number, bigint[]>('dist').entries())
      for (const [cpu, count] of counts.entries()) (now[cpu] ??= [])[length] = count;
    const { before } = this;
    this.before = now;
    return now.map((lengths, cpu) => lengths.map((count, length) => count - (before[cpu]?.[length] ?? 0n)));
  }
}

function sum(counts: readonly bigint[]): bigint {
  return counts.reduce((a, b) => a + b, 0n);
}

/** Of samples that saw someone waiting, in percent. */
function occupancy(counts: readonly bigint[]): number {
  const samples = sum(counts);
  return samples === 0n ? 0 : (100 * Number(samples - (counts[0] ?? 0n))) / Number(samples);
}

export const tool = defineTool({
  name: 'runqlen',
  topic: 'scheduler',
  summary: 'Scheduler run queue length as a histogram',
  about:
    `Looks ${FREQUENCY} times a second, on each CPU, how many tasks wait for it, and prints how often it saw how many. ` +
    'With -O only the share of looks that saw any. Tasks of real-time and deadline classes are not in these queues.',
  noCgroup: 'a queue belongs to a processor',
  flags: {
    timestamp: TIMESTAMP,
    runqocc: { type: 'boolean', short: 'O', help: 'the share of time in which tasks waited, instead of a histogram' },
    cpus: { type: 'boolean', short: 'C', help: 'each CPU by itself' },
  },
  positionals: INTERVAL,
  examples: [
    { command: 'runqlen', help: 'until Ctrl-C, then one histogram' },
    { command: 'runqlen 1 10', help: 'once a second, ten times' },
    { command: 'runqlen -T 1', help: 'once a second, with the time' },
    { command: 'runqlen -O 1', help: 'occupancy, once a second' },
    { command: 'runqlen -C 5 1', help: 'each CPU by itself, for five seconds' },
    { command: 'runqlen --json 1', help: 'a JSON line a second' },
  ],
  fields: [
    TIME_FIELD,
    { name: 'cpu', type: 'integer', help: 'with -C' },
    { name: 'samples', type: 'integer', help: 'how often it looked' },
    { name: 'occupancy', type: 'number', help: 'percent of the samples that saw waiting tasks, with -O' },
    { name: 'unit', type: 'string', help: 'always "runqlen"; not with -O' },
    { name: 'buckets', type: 'array', help: 'rows with value (waiting tasks) and count; not with -O' },
  ],
  probes: [{ kind: 'perf_event', targets: ['cpu_clock'] }],
  program: () => program({}, `#define QUEUED ${queuedField()}`, PROGRAM),
  attach(bpf) {
    bpf.attachPerfEvent({ event: 'cpu_clock', frequency: FREQUENCY }, 'on_clock');
  },
  async run({ options, args, out, load, rounds }) {
    const bpf = await load();
    out.line('Sampling run queue length... Hit Ctrl-C to end.');
    const lengths = new Lengths(bpf);
    for await (const _ of roundsOf({ args, rounds })) {
      const time = heading(out, options.timestamp);
      const perCpu = lengths.take();
      const all = perCpu.reduce<bigint[]>((total, counts) => counts.map((count, i) => count + (total[i] ?? 0n)), []);
      const views = options.cpus ? perCpu.map((counts, cpu) => ({ cpu, counts })) : [{ cpu: undefined, counts: all }];
      for (const { cpu, counts } of views) {
        const samples = sum(counts);
        // CPUs that are not there are not sampled.
        if (cpu !== undefined && samples === 0n) continue;
        const record = { time, ...(cpu === undefined ? {} : { cpu }), samples };
        if (options.runqocc) {
          const percent = occupancy(counts);
          const text = cpu === undefined ? printf('runqocc: %0.2f%%', percent) : printf('runqocc, CPU %-3d %6.2f%%', cpu, percent);
          out.record({ ...record, occupancy: percent }, text);
          continue;
        }
        if (cpu !== undefined) out.lines(['', `cpu = ${cpu}`]);
        out.linear(counts.slice(0, counts.findLastIndex((count) => count > 0n) + 1), 'runqlen', record);
      }
    }
  },
});
