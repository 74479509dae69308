/**
 * runqlat: how long do tasks wait for a processor?
 *
 *   sched_wakeup, sched_wakeup_new ─┐
 *   sched_switch, away while runnable ─┴▶ since[tid] = now ─▶ sched_switch, to the task ─▶ now - since[tid]
 *
 * An entry stays with its thread, set to zero while it runs: a switch then costs two lookups and no insertion. It goes
 * with the thread's last switch.
 */
import { attachCgroupId, FILTER_TASK, taskFilters } from './parts/filter-task.ts';
import { HIST, Histograms } from './parts/hist.ts';
import { heading, INTERVAL, roundsOf, TIME_FIELD, TIMESTAMP } from './parts/intervals.ts';
import { TASK_STATE } from './parts/task-state.ts';
import { program } from './parts/text.ts';
import { TYPED_TRACEPOINT, typedDefine, typedTracepoints } from './parts/typed-tracepoint.ts';
import { defineTool } from './tool.ts';

const PROGRAM = `
#include <linux/sched.h>

BPF_HASH(since, u32, u64, 65536);
#ifdef BY_ID
BPF_HASH(dist, u32, struct hist);
#else
BPF_PERCPU_ARRAY(dist, struct hist, 1);
#endif

static inline void runnable(struct task_struct *task, u64 now)
{
    u32 tid = task->pid;

    /* The idle task is always runnable. */
    if (tid == 0 || filtered_task(task))
        return;
    u64 *at = since.lookup(&tid);
    if (at)
        *at = now;
    else
        since.update(&tid, &now);
}

static inline void waited(struct task_struct *task, u64 value)
{
#ifdef BY_ID
    u32 id = BY_ID;
    struct hist *hist = dist.lookup_or_try_init(&id, (void *)&no_hist);
    if (hist)
        hist_add_shared(hist, value);
#else
    int one = 0;
    struct hist *hist = dist.lookup(&one);
    if (hist)
        hist_add(hist, value);
#endif
}

TYPED_TRACEPOINT(sched_wakeup, struct task_struct *task)
{
    runnable(task, bpf_ktime_get_ns());
    return 0;
}

TYPED_TRACEPOINT(sched_wakeup_new, struct task_struct *task)
{
    runnable(task, bpf_ktime_get_ns());
    return 0;
}

TYPED_TRACEPOINT(sched_switch, bool preempt, struct task_struct *prev, struct task_struct *next)
{
    u64 now = bpf_ktime_get_ns();
    long state = state_of(prev);

    /* Preempted on its way to sleep, it still waits for a processor. */
    if (preempt || state == TASK_RUNNING) {
        runnable(prev, now);
    } else if (state & TASK_DEAD) {
        u32 gone = prev->pid;
        since.delete(&gone);
    }

    u32 tid = next->pid;
    u64 *at = since.lookup(&tid);
    if (!at || *at == 0)
        return 0;
    u64 delta = now - *at;
    *at = 0;
    waited(next, delta / UNIT_NS);
    return 0;
}
`;

/** The id that histograms are kept by: C, from the task. */
const BY = {
  pid: '#define BY_ID (task->tgid)\n',
  tid: '#define BY_ID (task->pid)\n',
  pidns: `#define BY_ID (pid_namespace(task))

static inline u32 pid_namespace(struct task_struct *task)
{
    struct pid *pid = task->thread_pid;
    struct upid innermost = {};

    /* A plain load cannot have a variable index. */
    bpf_probe_read_kernel(&innermost, sizeof(innermost), &pid->numbers[pid->level]);
    return innermost.ns->ns.inum;
}
`,
} as const;

interface Grouping {
  readonly pids: boolean;
  readonly tids: boolean;
  readonly pidnss: boolean;
}

function groupingOf({ pids, tids, pidnss }: Grouping): keyof typeof BY | undefined {
  return tids ? 'tid' : pids ? 'pid' : pidnss ? 'pidns' : undefined;
}

export const tool = defineTool({
  name: 'runqlat',
  topic: 'scheduler',
  summary: 'Run queue (scheduler) latency as a histogram',
  about:
    'Measures the time that each task waits in the queue of a processor, from being woken or preempted to running, ' +
    'and prints a power-of-two histogram. Long waits mean that there is more work than processors.',
  flags: {
    timestamp: TIMESTAMP,
    milliseconds: { type: 'boolean', short: 'm', help: 'milliseconds instead of microseconds' },
    pids: { type: 'boolean', short: 'P', help: 'a histogram for each process' },
    pidnss: { type: 'boolean', help: 'a histogram for each PID namespace' },
    tids: { type: 'boolean', short: 'L', help: 'a histogram for each thread' },
    pid: { type: 'pid', short: 'p', help: 'only this process' },
  },
  positionals: INTERVAL,
  examples: [
    { command: 'runqlat', help: 'until Ctrl-C, then one histogram' },
    { command: 'runqlat 1 10', help: 'once a second, ten times' },
    { command: 'runqlat -mT 1', help: 'milliseconds, with the time' },
    { command: 'runqlat -P 5 1', help: 'each process by itself, for five seconds' },
    { command: 'runqlat -p 185', help: 'process 185 alone' },
    { command: 'runqlat --json 1', help: 'a JSON line a second' },
  ],
  fields: [
    TIME_FIELD,
    { name: 'pid', type: 'integer', help: 'process, with -P' },
    { name: 'tid', type: 'integer', help: 'thread, with -L' },
    { name: 'pidns', type: 'integer', help: 'PID namespace, with --pidnss' },
    { name: 'unit', type: 'string', help: '"usecs" or "msecs"' },
    { name: 'buckets', type: 'array', help: 'rows with low and high (both included) and count' },
  ],
  probes: typedTracepoints('sched_wakeup', 'sched_wakeup_new', 'sched_switch'),
  program(options, _args, choice) {
    const by = groupingOf(options);
    const defines = { ...taskFilters(options), UNIT_NS: options.milliseconds ? 1_000_000 : 1000, ...typedDefine(choice) };
    return program(defines, by === undefined ? '' : BY[by], FILTER_TASK, HIST, TASK_STATE, TYPED_TRACEPOINT, PROGRAM);
  },
  attach: attachCgroupId,
  async run({ options, args, out, load, rounds }) {
    const bpf = await load();
    out.line('Tracing run queue latency... Hit Ctrl-C to end.');
    const histograms = new Histograms<number>(bpf.map('dist'));
    const by = groupingOf(options);
    const unit = options.milliseconds ? 'msecs' : 'usecs';
    for await (const _ of roundsOf({ args, rounds })) {
      const time = heading(out, options.timestamp);
      for (const { key, slots } of histograms.take().toSorted((a, b) => a.key - b.key)) {
        if (by !== undefined) out.lines(['', `${by} = ${key}`]);
        out.log2(slots, unit, { time, ...(by === undefined ? {} : { [by]: key }) });
      }
    }
  },
});
