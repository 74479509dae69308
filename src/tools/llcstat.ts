/**
 * llcstat: who uses the last level cache, and who misses it?
 *
 *   counter of cache references ─┐ once in so many: the program runs on the task that made it so many
 *   counter of cache misses     ─┴▶ counts[cpu, pid, tid, comm] += the period
 */
import type { BPF } from '../bcc/bpf.ts';
import { FeatureError, UserError } from '../kernel/errors.ts';
import { KernelError } from '../kernel/port.ts';
import { Columns } from '../render/columns.ts';
import { printf } from '../render/printf.ts';
import { FILTER, filters } from './parts/filter.ts';
import { TIME_FIELD } from './parts/intervals.ts';
import { program } from './parts/text.ts';
import { defineTool } from './tool.ts';

const PROGRAM = `
#include <linux/sched.h>

struct task {
    u32 cpu;
    u32 pid;
    u32 tid;
    char comm[TASK_COMM_LEN];
};

struct sum {
    u64 references;
    u64 misses;
};

BPF_HASH(counts, struct task, struct sum);

static inline struct sum *sum_of_this(void)
{
    struct task task = {};
    struct sum none = {};
    u64 id = bpf_get_current_pid_tgid();

    if (filtered())
        return 0;
    task.cpu = bpf_get_smp_processor_id();
    task.pid = id >> 32;
#ifdef BY_THREAD
    task.tid = id;
#else
    task.tid = task.pid;
#endif
    bpf_get_current_comm(&task.comm, sizeof(task.comm));
    return counts.lookup_or_try_init(&task, &none);
}

int on_reference(struct bpf_perf_event_data *ctx)
{
    struct sum *sum = sum_of_this();
    if (sum)
        __sync_fetch_and_add(&sum->references, ctx->sample_period);
    return 0;
}

int on_miss(struct bpf_perf_event_data *ctx)
{
    struct sum *sum = sum_of_this();
    if (sum)
        __sync_fetch_and_add(&sum->misses, ctx->sample_period);
    return 0;
}
`;

interface Task {
  readonly cpu: number;
  readonly pid: number;
  readonly tid: number;
  readonly comm: string;
}

interface Row extends Task {
  readonly references: bigint;
  readonly misses: bigint;
}

/** Misses and references are sampled apart: a few more misses than references happen. */
function hitPercent(references: bigint, misses: bigint): number {
  if (references === 0n) return 0;
  return (100 * Number(misses > references ? 0n : references - misses)) / Number(references);
}

const columns = (tid: boolean) =>
  new Columns<Row>([
    { head: 'PID', format: '%-8d ', value: (r) => r.pid },
    tid && { head: 'TID', format: '%-8d ', value: (r) => r.tid },
    { head: 'NAME', format: '%-16s ', value: (r) => r.comm },
    { head: 'CPU', format: '%-4d ', value: (r) => r.cpu },
    { head: 'REFERENCE', format: '%12d ', value: (r) => r.references },
    { head: 'MISS', format: '%12d ', value: (r) => r.misses },
    { head: 'HIT%', format: '%7s', value: (r) => `${hitPercent(r.references, r.misses).toFixed(2)}%` },
  ]);

function attachCounters(bpf: BPF, period: number): void {
  try {
    bpf.attachPerfEvent({ event: 'cache_references', period }, 'on_reference');
    bpf.attachPerfEvent({ event: 'cache_misses', period }, 'on_miss');
  } catch (error) {
    const cause = error instanceof UserError ? error.cause : error;
    const code = cause instanceof KernelError ? cause.code : undefined;
    if (code !== 'ENOENT' && code !== 'ENODEV' && code !== 'EOPNOTSUPP') throw error;
    throw new FeatureError('hardware counters of cache references and misses', {
      why: 'the processor does not offer them',
      hint: 'virtual machines seldom have them: run it on the host, or give the guest a virtual PMU',
      cause: error,
    });
  }
}

export const tool = defineTool({
  name: 'llcstat',
  topic: 'memory',
  summary: 'Summarize CPU cache references and misses by process',
  about:
    "Samples the processor's counters of references and misses of the last level cache and adds them up by process and " +
    'CPU. Needs hardware counters, which virtual machines seldom have.',
  flags: {
    sample_period: { type: 'count', short: 'c', value: 'COUNT', default: 100, help: 'sample once in so many references or misses' },
    tid: { type: 'boolean', short: 't', help: 'by thread' },
    pid: { type: 'pid', short: 'p', help: 'only this process' },
  },
  positionals: [{ name: 'duration', type: 'seconds', default: 10, help: 'seconds (default 10)' }],
  examples: [
    { command: 'llcstat', help: 'for ten seconds' },
    { command: 'llcstat 20 -c 5000', help: 'for 20 seconds, one sample in 5000' },
    { command: 'llcstat -t 5', help: 'by thread' },
    { command: 'llcstat --json 5', help: 'a JSON line for each process and CPU' },
  ],
  fields: [
    TIME_FIELD,
    { name: 'pid', type: 'integer', help: 'process' },
    { name: 'tid', type: 'integer', help: 'thread, with -t' },
    { name: 'comm', type: 'string', help: 'its name' },
    { name: 'cpu', type: 'integer', help: 'CPU' },
    { name: 'references', type: 'integer', help: 'references of the cache' },
    { name: 'misses', type: 'integer', help: 'those that missed it' },
    { name: 'hit_percent', type: 'number', help: 'those that did not' },
  ],
  probes: [{ kind: 'perf_event', targets: ['cache_references', 'cache_misses'] }],
  program: (options) => program({ ...filters({ pid: options.pid, cgroup: options.cgroup }), BY_THREAD: options.tid }, FILTER, PROGRAM),
  attach: (bpf, options) => attachCounters(bpf, options.sample_period),
  async run({ options, args, out, load, rounds }) {
    const duration = Number(args['duration']);
    const bpf = await load();
    out.line(`Running for ${duration} seconds or hit Ctrl-C to end.`);
    for await (const _ of rounds(duration, 1)) {
      const time = new Date().toISOString();
      const table = columns(options.tid);
      out.line(table.header);
      let references = 0n;
      let misses = 0n;
      for (const [task, sum] of bpf.map<Task, { references: bigint; misses: bigint }>('counts').entries()) {
        const row = { ...task, ...sum };
        references += row.references;
        misses += row.misses;
        if (row.references === 0n) continue;
        out.row(table, row, ({ pid, tid, comm, cpu }) => ({
          time,
          pid,
          ...(options.tid ? { tid } : {}),
          comm,
          cpu,
          references: row.references,
          misses: row.misses,
          hit_percent: hitPercent(row.references, row.misses),
        }));
      }
      const total = references === 0n ? 0 : (100 * Number(references - misses)) / Number(references);
      out.line(printf('Total References: %d Total Misses: %d Hit Rate: %.2f%%', references, misses, total));
    }
  },
});
