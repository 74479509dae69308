/** offcputime: where do threads wait, and how long? Time off the CPUs, added up by stack. */
import { UsageError } from '../kernel/errors.ts';
import { FILTER, filters } from './parts/filter.ts';
import { STACK_FLAGS, StackReport, sidesOf } from './parts/stack-report.ts';
import { TASK_STATE } from './parts/task-state.ts';
import { program } from './parts/text.ts';
import { defineTool } from './tool.ts';

/**
 * sched_switch comes while the thread that leaves is still the current one: that is when its stack can be taken, and
 * what it is kept with is its start.
 */
const PROGRAM = `
#include <linux/sched.h>

struct key_t {
    u32 pid;
    u32 tgid;
    s32 kernel_stack;
    s32 user_stack;
    char comm[TASK_COMM_LEN];
};
struct start_t {
    u64 time;
    struct key_t key;
};
BPF_HASH(start, u32, struct start_t, 65536);
BPF_HASH(counts, struct key_t, u64, 40960);
BPF_STACK_TRACE(stacks, STACK_STORAGE);

static inline int leaves(struct task_struct *prev)
{
#ifdef ONLY_TGID
    if (prev->tgid != ONLY_TGID)
        return 0;
#endif
#ifdef ONLY_TID
    if (prev->pid != ONLY_TID)
        return 0;
#endif
#ifdef USER_THREADS
    if (prev->flags & PF_KTHREAD)
        return 0;
#endif
#ifdef KERNEL_THREADS
    if (!(prev->flags & PF_KTHREAD))
        return 0;
#endif
#ifdef STATE
    long state = state_of(prev);
    if (STATE == 0 ? state != 0 : !(state & STATE))
        return 0;
#endif
    return prev->pid != 0 && !filtered();
}

static inline int on_switch(void *ctx, struct task_struct *prev, struct task_struct *next)
{
    u64 now = bpf_ktime_get_ns();

    if (leaves(prev)) {
        struct start_t s = {};
        u32 pid = prev->pid;

        s.time = now;
        s.key.pid = pid;
        s.key.tgid = prev->tgid;
        bpf_probe_read_kernel_str(&s.key.comm, sizeof(s.key.comm), prev->comm);
#ifdef KERNEL_STACKS
        s.key.kernel_stack = stacks.get_stackid(ctx, 0);
#else
        s.key.kernel_stack = -1;
#endif
#ifdef USER_STACKS
        s.key.user_stack = stacks.get_stackid(ctx, BPF_F_USER_STACK);
#else
        s.key.user_stack = -1;
#endif
        start.update(&pid, &s);
    }

    u32 pid = next->pid;
    struct start_t *from = start.lookup(&pid);
    if (!from)
        return 0;
    u64 delta = now - from->time;
    if ((s64)delta >= 0 && delta / 1000 >= MIN_BLOCK && delta / 1000 <= MAX_BLOCK)
        counts.atomic_increment(from->key, delta / 1000);
    start.delete(&pid);
    return 0;
}
`;

const HOOKS: Readonly<Record<string, string>> = {
  tp_btf: `
BTF_TRACEPOINT_PROBE(sched_switch, bool preempt, struct task_struct *prev, struct task_struct *next)
{
    return on_switch(ctx, prev, next);
}
`,
  raw_tracepoint: `
RAW_TRACEPOINT_PROBE(sched_switch)
{
    return on_switch(ctx, (struct task_struct *)ctx->args[1], (struct task_struct *)ctx->args[2]);
}
`,
};

export const tool = defineTool({
  name: 'offcputime',
  topic: 'scheduler',
  summary: 'Summarize off-CPU time by stack trace',
  about:
    'Adds up the time that threads spend off the CPUs, waiting or ready, by the stack with which they left, in microseconds. ' +
    'The idle threads are left out. Together with profile it shows where all time goes. A switch costs a stack walk: on machines ' +
    'with very many switches a second, filter.',
  flags: {
    pid: { type: 'pid', short: 'p', help: 'only this process' },
    tid: { type: 'pid', short: 't', value: 'TID', help: 'only this thread' },
    'user-threads-only': { type: 'boolean', short: 'u', help: 'no kernel threads' },
    'kernel-threads-only': { type: 'boolean', short: 'k', help: 'only kernel threads' },
    ...STACK_FLAGS,
    'stack-storage-size': { ...STACK_FLAGS['stack-storage-size'], default: 1024 },
    'min-block-time': { type: 'count', short: 'm', value: 'USECS', default: 1, help: 'only waits at least this long' },
    'max-block-time': { type: 'count', short: 'M', value: 'USECS', help: 'only waits at most this long' },
    state: { type: 'mask', value: 'MASK', help: 'only threads in these states (1 sleeping, 2 uninterruptible; 0 still runnable)' },
  },
  positionals: [{ name: 'duration', type: 'seconds', help: 'trace for so many seconds' }],
  examples: [
    { command: 'offcputime', help: 'all threads, until Ctrl-C' },
    { command: 'offcputime 5', help: 'for five seconds' },
    { command: 'offcputime -f 5', help: 'folded, for a flame graph' },
    { command: 'offcputime -m 1000 5', help: 'only waits of a millisecond and more' },
    { command: 'offcputime -K -k --state 2 5', help: 'kernel threads that wait uninterruptibly' },
  ],
  fields: [
    { name: 'comm', type: 'string', help: 'name of the thread' },
    { name: 'pid', type: 'integer', help: 'id of the thread' },
    { name: 'kernel_stack', type: 'array', help: 'names of the functions, innermost first' },
    { name: 'user_stack', type: 'array', help: 'the same in user space' },
    { name: 'usecs', type: 'integer', help: 'microseconds off the CPUs with this stack' },
  ],
  probes: [
    { kind: 'tp_btf', targets: ['sched_switch'], minKernel: '5.5' },
    { kind: 'raw_tracepoint', targets: ['sched_switch'], minKernel: '4.17' },
  ],
  program(options, _args, choice) {
    const { kernel, user } = sidesOf(options);
    const { pid, tid, cgroup } = options;
    const { 'user-threads-only': userThreads, 'kernel-threads-only': kernelThreads } = options;
    if ([pid !== undefined, tid !== undefined, userThreads, kernelThreads].filter(Boolean).length > 1)
      throw new UsageError('-p, -t, -u and -k exclude each other');
    if (options['min-block-time'] > (options['max-block-time'] ?? Number.POSITIVE_INFINITY))
      throw new UsageError('-m is above -M: no wait is left');
    if (kernelThreads && options['user-stacks-only'])
      throw new UsageError('kernel threads have no user stacks: -k and -U exclude each other');
    return program(
      {
        STACK_STORAGE: options['stack-storage-size'],
        ONLY_TGID: pid,
        ONLY_TID: tid,
        USER_THREADS: userThreads,
        KERNEL_THREADS: kernelThreads,
        STATE: options.state,
        MIN_BLOCK: options['min-block-time'],
        MAX_BLOCK: options['max-block-time'] ?? 0xffff_ffff_ffff_ffffn,
        KERNEL_STACKS: kernel,
        USER_STACKS: user,
        ...filters({ cgroup }),
      },
      FILTER,
      TASK_STATE,
      PROGRAM,
      HOOKS[choice.kind] ?? '',
    );
  },
  async run({ options, args, out, load, sleep, during, warn }) {
    const { kernel, user, words } = sidesOf(options);
    const bpf = await load();
    const { pid, tid, folded, delimited } = options;
    const duration = typeof args['duration'] === 'number' ? args['duration'] : undefined;
    const whose =
      pid !== undefined
        ? `PID ${pid}`
        : tid !== undefined
          ? `TID ${tid}`
          : options['user-threads-only']
            ? 'user threads'
            : options['kernel-threads-only']
              ? 'kernel threads'
              : 'all threads';
    const until = duration === undefined ? '... Hit Ctrl-C to end.' : ` for ${duration} secs.`;
    // Its names are known also when it has ended meanwhile.
    if (pid !== undefined) bpf.symbols.see(pid);
    if (!folded) out.line(`Tracing off-CPU time (us) of ${whose} by ${words} stack${until}`);
    if (during) await during();
    else await sleep(duration ?? Number.POSITIVE_INFINITY);
    for (const attachment of bpf.attached) attachment.detach();
    if (!folded) out.line();
    const rows = [...bpf.map<Key, bigint>('counts').entries()].map(([key, value]) => ({
      comm: key.comm,
      pid: key.pid,
      tgid: key.tgid,
      kernelStack: key.kernel_stack,
      userStack: key.user_stack,
      value,
    }));
    await bpf.symbols.prepare(...rows.map(({ tgid }) => tgid));
    const report = new StackReport(bpf, out, { kernel, user, delimited, folded, value: 'usecs', stacks: 'stacks' });
    report.print(rows);
    if (report.warning !== undefined) warn(report.warning);
  },
});

interface Key {
  readonly pid: number;
  readonly tgid: number;
  readonly kernel_stack: number;
  readonly user_stack: number;
  readonly comm: string;
}
