/** profile: which code is on the CPUs? Stacks sampled at a steady rate. */
import { UsageError } from '../kernel/errors.ts';
import { CONTAINER_FLAGS, FILTER, filters } from './parts/filter.ts';
import { STACK_FLAGS, StackReport, sidesOf } from './parts/stack-report.ts';
import { program } from './parts/text.ts';
import { defineTool } from './tool.ts';

const PROGRAM = `
#include <linux/sched.h>

struct key_t {
    u32 pid;
    s32 kernel_stack;
    s32 user_stack;
    char comm[TASK_COMM_LEN];
};
BPF_HASH(counts, struct key_t, u64, 40960);
BPF_STACK_TRACE(stacks, STACK_STORAGE);

static inline int wanted(u32 tgid, u32 tid)
{
#if !defined(INCLUDE_IDLE)
    if (tid == 0)
        return 0;
#endif
#ifdef THREADS
    return THREADS;
#else
    return 1;
#endif
}

int do_perf_event(struct bpf_perf_event_data *ctx)
{
    u64 id = bpf_get_current_pid_tgid();
    struct key_t key = {};

    if (!wanted(id >> 32, id) || filtered())
        return 0;
    key.pid = id >> 32;
    bpf_get_current_comm(&key.comm, sizeof(key.comm));
#ifdef KERNEL_STACKS
    key.kernel_stack = stacks.get_stackid(ctx, 0);
#else
    key.kernel_stack = -1;
#endif
#ifdef USER_STACKS
    key.user_stack = stacks.get_stackid(ctx, BPF_F_USER_STACK);
#else
    key.user_stack = -1;
#endif
    counts.atomic_increment(key);
    return 0;
}
`;

/** '185' or '185,186' as a C condition on a variable. */
function oneOf(variable: string, flag: string, list: string): string {
  return list
    .split(',')
    .map((word) => {
      const number = /^\s*\d+\s*$/.test(word) ? Number(word) : Number.NaN;
      if (!Number.isSafeInteger(number) || number > 0x7fff_ffff)
        throw new UsageError(`--${flag}: '${word}' is not a number of a process or thread`);
      return `${variable} == ${number}`;
    })
    .join(' || ');
}

export const tool = defineTool({
  name: 'profile',
  topic: 'scheduler',
  summary: 'Profile CPU usage by sampling stack traces',
  about:
    'Samples what runs on each CPU at a fixed rate (49 times a second unless told otherwise) and adds up identical stacks, ' +
    'the most frequent last. Folded output (-f) is what flame graph programs take. Time spent waiting is not seen: offcputime shows that.',
  flags: {
    pid: { type: 'string', short: 'p', value: 'PID[,PID…]', help: 'only these processes' },
    tid: { type: 'string', short: 'L', value: 'TID[,TID…]', help: 'only these threads' },
    ...STACK_FLAGS,
    'stack-storage-size': { ...STACK_FLAGS['stack-storage-size'], default: 16384 },
    frequency: { type: 'count', short: 'F', value: 'HZ', help: 'samples a second on each CPU (default 49)' },
    count: { type: 'count', short: 'c', value: 'EVENTS', help: 'sample once in so many events (nanoseconds of CPU time) instead' },
    annotations: { type: 'boolean', short: 'a', help: 'mark frames of the kernel with _[k]' },
    'include-idle': { type: 'boolean', short: 'I', help: 'also when a CPU has nothing to do' },
    cpu: { type: 'cpu', short: 'C', help: 'only this CPU' },
    ...CONTAINER_FLAGS,
  },
  positionals: [{ name: 'duration', type: 'seconds', help: 'sample for so many seconds' }],
  examples: [
    { command: 'profile', help: 'all CPUs at 49 Hertz, until Ctrl-C' },
    { command: 'profile -F 99 5', help: 'at 99 Hertz for five seconds' },
    { command: 'profile -f 5', help: 'folded, for a flame graph' },
    { command: 'profile -U -p 1 5', help: 'what process 1 does in user space' },
    { command: 'profile --json 5', help: 'one JSON object for each stack' },
  ],
  fields: [
    { name: 'comm', type: 'string', help: 'name of the process' },
    { name: 'pid', type: 'integer', help: 'its id' },
    { name: 'kernel_stack', type: 'array', help: 'names of the functions, innermost first' },
    { name: 'user_stack', type: 'array', help: 'the same in user space' },
    { name: 'count', type: 'integer', help: 'how many samples had this stack' },
  ],
  probes: [{ kind: 'perf_event', targets: ['cpu_clock'] }],
  program(options) {
    const { kernel, user } = sidesOf(options);
    if (options.pid !== undefined && options.tid !== undefined) throw new UsageError('-p and -L exclude each other');
    if (options.frequency !== undefined && options.count !== undefined) throw new UsageError('-F and -c exclude each other');
    const threads =
      options.pid !== undefined
        ? oneOf('tgid', 'pid', options.pid)
        : options.tid !== undefined
          ? oneOf('tid', 'tid', options.tid)
          : undefined;
    const { cgroup, cgroupmap, mntnsmap } = options;
    return program(
      {
        STACK_STORAGE: options['stack-storage-size'],
        INCLUDE_IDLE: options['include-idle'],
        KERNEL_STACKS: kernel,
        USER_STACKS: user,
        ...filters({ cgroup, cgroupmap, mntnsmap }),
      },
      FILTER,
      threads === undefined ? '' : `#define THREADS (${threads})`,
      PROGRAM,
    );
  },
  attach(bpf, { frequency, count, cpu }) {
    const rate = count === undefined ? { frequency: frequency ?? 49 } : { period: count };
    bpf.attachPerfEvent({ event: 'cpu_clock', ...rate, ...(cpu === undefined ? {} : { cpu }) }, 'do_perf_event');
  },
  async run({ options, args, out, load, sleep, during, warn }) {
    const { kernel, user, words } = sidesOf(options);
    const bpf = await load();
    const { pid, tid, count, cpu, folded, delimited, annotations } = options;
    const duration = typeof args['duration'] === 'number' ? args['duration'] : undefined;
    const rate = count === undefined ? `${options.frequency ?? 49} Hertz` : `every ${count} events`;
    const whose =
      pid !== undefined ? `PID [${pid.replaceAll(',', ', ')}]` : tid !== undefined ? `TID [${tid.replaceAll(',', ', ')}]` : 'all threads';
    const where = cpu === undefined ? '' : ` on CPU#${cpu}`;
    const until = duration === undefined ? '... Hit Ctrl-C to end.' : ` for ${duration} secs.`;
    // Their names are known also when they have ended meanwhile.
    for (const word of pid?.split(',') ?? []) bpf.symbols.see(Number(word));
    if (!folded) out.line(`Sampling at ${rate} of ${whose} by ${words} stack${where}${until}`);
    if (during) await during();
    else await sleep(duration ?? Number.POSITIVE_INFINITY);
    for (const attachment of bpf.attached) attachment.detach();
    if (!folded) out.line();
    const report = new StackReport(bpf, out, {
      kernel,
      user,
      delimited,
      folded,
      annotate: annotations,
      value: 'count',
      stacks: 'stacks',
    });
    const rows = [...bpf.map<Key, bigint>('counts').entries()].map(([key, value]) => ({
      comm: key.comm,
      pid: key.pid,
      tgid: key.pid,
      kernelStack: key.kernel_stack,
      userStack: key.user_stack,
      value,
    }));
    await bpf.symbols.prepare(...rows.map(({ tgid }) => tgid));
    report.print(rows);
    if (report.warning !== undefined) warn(report.warning);
  },
});

interface Key {
  readonly pid: number;
  readonly kernel_stack: number;
  readonly user_stack: number;
  readonly comm: string;
}
