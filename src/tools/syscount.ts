/**
 * syscount: which system calls are made, how often, and how long do they take?
 *
 *   sys_enter (with -L) ─▶ since[tid] = now ─▶ sys_exit ─▶ data[call or process] += 1, now - since[tid]
 *
 * By call, the counts lie in an array of each CPU: an event is two loads and a store. Calls that are under way when
 * tracing ends, and those that never return (exit), are not counted.
 */
import type { BPF } from '../bcc/bpf.ts';
import { errnoNumber } from '../kernel/errno.ts';
import { UsageError } from '../kernel/errors.ts';
import { printf } from '../render/printf.ts';
import { safe } from '../render/safe.ts';
import { clockText } from '../render/time.ts';
import { FILTER, filters } from './parts/filter.ts';
import { TIME_FIELD } from './parts/intervals.ts';
import { commOf } from './parts/process.ts';
import { Sums } from './parts/sums.ts';
import { Syscalls } from './parts/syscalls.ts';
import { program } from './parts/text.ts';
import { TYPED_TRACEPOINT, typedDefine, typedTracepoints } from './parts/typed-tracepoint.ts';
import { defineTool, type OptionsOf } from './tool.ts';

/** More than any architecture has. Calls of 32-bit programs have other numbers, aborted ones have none. */
const CALLS = 1024;
const COMPAT = CALLS - 2;
const UNKNOWN = CALLS - 1;

const PROGRAM = `
#include <linux/sched.h>

#define CALLS ${CALLS}
#define COMPAT ${COMPAT}
#define UNKNOWN ${UNKNOWN}

static inline u32 call_of(struct pt_regs *regs)
{
#ifdef __aarch64__
    u32 call = regs->syscallno;
    int is32 = regs->pstate & 0x10; /* PSR_MODE32_BIT */
#else
    u32 call = regs->orig_ax;
    int is32 = regs->cs == 0x23; /* __USER32_CS */
#endif
    if (is32)
        return COMPAT;
    return call < COMPAT ? call : UNKNOWN;
}

struct sum {
    u64 count;
#ifdef LATENCY
    u64 ns;
#endif
#ifdef BY_PROCESS
    char comm[TASK_COMM_LEN];
#endif
};

#ifdef BY_PROCESS
BPF_HASH(data, u32, struct sum);
#else
BPF_PERCPU_ARRAY(data, struct sum, CALLS);
#endif

#ifdef BY_RAW_TRACEPOINT
#define CURRENT_TASK ((struct task_struct *)bpf_get_current_task())
#else
#define CURRENT_TASK bpf_get_current_task_btf()
#endif

/* Is this call one of those that were not asked for? */
static inline int other(u32 call)
{
#ifdef FILTER_CALL
    if (call != FILTER_CALL)
        return 1;
#endif
    if (filtered())
        return 1;
#ifdef FILTER_PPID
    struct task_struct *task = CURRENT_TASK;
    if (task->real_parent->tgid != FILTER_PPID)
        return 1;
#endif
    return 0;
}

#ifdef LATENCY
BPF_HASH(since, u32, u64, 65536);

TYPED_TRACEPOINT(sys_enter, struct pt_regs *regs, long id)
{
    u32 tid = bpf_get_current_pid_tgid();

    if (other(call_of(regs)))
        return 0;
    u64 now = bpf_ktime_get_ns();
    u64 *at = since.lookup(&tid);
    if (at)
        *at = now;
    else
        since.update(&tid, &now);
    return 0;
}

TYPED_TRACEPOINT(sched_process_exit, struct task_struct *task)
{
    u32 tid = task->pid;
    since.delete(&tid);
    return 0;
}
#endif

TYPED_TRACEPOINT(sys_exit, struct pt_regs *regs, long ret)
{
    u32 call = call_of(regs);
#ifdef LATENCY
    u32 tid = bpf_get_current_pid_tgid();
    u64 *at = since.lookup(&tid);
    if (!at || *at == 0)
        return 0;
    u64 took = bpf_ktime_get_ns() - *at;
    *at = 0;
#else
    if (other(call))
        return 0;
#endif
#ifdef FAILED_ONLY
    if (ret >= 0)
        return 0;
#endif
#ifdef FILTER_ERRNO
    if (ret != -FILTER_ERRNO)
        return 0;
#endif

#ifdef BY_PROCESS
    struct sum none = {};
    u32 pid = bpf_get_current_pid_tgid() >> 32;
    struct sum *sum = data.lookup(&pid);
    if (!sum) {
        bpf_get_current_comm(&none.comm, sizeof(none.comm));
        sum = data.lookup_or_try_init(&pid, &none);
    }
    if (sum) {
        __sync_fetch_and_add(&sum->count, 1);
#ifdef LATENCY
        __sync_fetch_and_add(&sum->ns, took);
#endif
    }
#else
    struct sum *sum = data.lookup(&call);
    if (sum) {
        sum->count++;
#ifdef LATENCY
        sum->ns += took;
#endif
    }
#endif
    return 0;
}
`;

const FLAGS = {
  pid: { type: 'pid', short: 'p', help: 'only this process' },
  tid: { type: 'pid', short: 't', value: 'TID', help: 'only this thread' },
  ppid: { type: 'pid', short: 'c', value: 'PID', help: 'only children of this process' },
  interval: { type: 'number', short: 'i', value: 'SECONDS', help: 'print every so many seconds; 0 as if not given' },
  duration: { type: 'number', short: 'd', value: 'SECONDS', help: 'stop after this long' },
  top: { type: 'count', short: 'T', default: 10, help: 'rows to show' },
  failures: { type: 'boolean', short: 'x', help: 'only calls that failed' },
  errno: { type: 'string', short: 'e', value: 'ERRNO', help: 'only calls that failed with this error: a number or ENOENT' },
  latency: { type: 'boolean', short: 'L', help: 'how long the calls took, too' },
  milliseconds: { type: 'boolean', short: 'm', help: 'times in milliseconds instead of microseconds' },
  process: { type: 'boolean', short: 'P', help: 'by process instead of by call' },
  list: { type: 'boolean', short: 'l', help: 'print the names of all system calls and exit' },
  syscall: { type: 'string', value: 'NAME', help: 'only this system call' },
} as const;

interface Sum {
  readonly count: bigint;
  readonly ns?: bigint;
  readonly comm?: string;
}

function errorNumber(text: string | undefined): number | undefined {
  if (text === undefined) return undefined;
  const number = /^-?\d+$/.test(text) ? Math.abs(Number(text)) : errnoNumber(text.toUpperCase());
  if (number === undefined) throw new UsageError(`--errno takes the number or the name of an error, not '${text}'`);
  return number;
}

const arch = () => (process.arch === 'arm64' ? 'arm64' : 'x86_64');

export const tool = defineTool({
  name: 'syscount',
  topic: 'processes',
  summary: 'Summarize syscall counts and latencies',
  about:
    'Counts system calls when they return, by call or (-P) by process, and prints the most frequent ones at the end or every ' +
    'so often; with -L also the time spent in them, and then those that took most. Calls of 32-bit programs, which have ' +
    'numbers of their own, are one row.',
  flags: FLAGS,
  positionals: [],
  examples: [
    { command: 'syscount', help: 'until Ctrl-C' },
    { command: 'syscount -i 1', help: 'once a second' },
    { command: 'syscount -P -d 5', help: 'by process, for five seconds' },
    { command: 'syscount -L -d 5', help: 'with the time they took' },
    { command: 'syscount -x -d 5', help: 'only calls that failed' },
    { command: 'syscount -e ENOENT -P -d 5', help: 'who looks for files that are not there' },
    { command: 'syscount --syscall futex -P -d 5', help: 'who calls futex(2)' },
    { command: 'syscount -p 181 --json -i 1', help: 'process 181, a JSON line for each call' },
    { command: 'syscount -l', help: 'names of all system calls' },
  ],
  fields: [
    TIME_FIELD,
    { name: 'syscall', type: 'string', help: 'name of the call; not with -P' },
    { name: 'pid', type: 'integer', help: 'process, with -P' },
    { name: 'comm', type: 'string', help: 'its name, with -P' },
    { name: 'count', type: 'integer', help: 'calls' },
    { name: 'total_us', type: 'number', help: 'time in them, in microseconds (total_ms with -m), with -L' },
  ],
  probes: typedTracepoints('sys_exit', 'sys_enter'),
  program: (options, _args, choice) =>
    program(
      {
        ...filters(options),
        FILTER_PPID: options.ppid,
        FILTER_CALL: options.syscall === undefined ? undefined : new Syscalls(arch()).number(options.syscall),
        FILTER_ERRNO: errorNumber(options.errno),
        FAILED_ONLY: options.failures,
        LATENCY: options.latency,
        BY_PROCESS: options.process,
        ...typedDefine(choice),
      },
      FILTER,
      TYPED_TRACEPOINT,
      PROGRAM,
    ),
  async run({ options, out, load, rounds }) {
    const calls = new Syscalls(arch());
    if (options.list) {
      const names = calls.names();
      for (let i = 0; i < names.length; i += 4)
        out.line(
          names
            .slice(i, i + 4)
            .map((name) => name.padEnd(22))
            .join('   '),
        );
      return;
    }
    const bpf = await load();
    const what = `Tracing ${options.failures ? 'failed ' : ''}`;
    const which = options.syscall === undefined ? `syscalls, printing top ${options.top}` : `syscall '${options.syscall}'`;
    out.line(`${what}${which}... Ctrl+C to quit.`);
    const rows = rowsOf(bpf, options, calls);
    for await (const _ of rounds(options.interval || undefined)) {
      const now = new Date();
      const { head, format } = layout(options);
      out.lines([`[${clockText(now.getTime())}]`, head]);
      for (const { label, sum, record } of rows().slice(0, options.top)) {
        const time = options.latency ? Number(sum.ns ?? 0n) / (options.milliseconds ? 1e6 : 1e3) : 0;
        const times = options.latency ? { [options.milliseconds ? 'total_ms' : 'total_us']: time } : {};
        const text = printf(format, label, sum.count, ...(options.latency ? [time] : []));
        out.record({ time: now.toISOString(), ...record, count: sum.count, ...times }, text);
      }
      out.line();
    }
    out.line('Detaching...');
  },
});

type Options = OptionsOf<typeof FLAGS>;

function layout({ latency, milliseconds, process: byProcess }: Options): { readonly head: string; readonly format: string } {
  const what = byProcess ? 'PID    COMM' : 'SYSCALL';
  if (!latency) return { head: printf('%-22s %8s', what, 'COUNT'), format: '%-22s %8d' };
  return {
    head: printf('%-22s %8s %16s', what, 'COUNT', `TIME (${milliseconds ? 'ms' : 'us'})`),
    format: `%-22s %8d %16.${milliseconds ? 6 : 3}f`,
  };
}

interface Row {
  readonly label: string;
  readonly sum: Sum;
  readonly record: Readonly<Record<string, unknown>>;
}

/** What was counted since the last time, most (or longest) first. */
function rowsOf(bpf: BPF, options: Options, calls: Syscalls): () => Row[] {
  const table = bpf.map('data');
  const sums = new Sums<number, Sum>(table);
  const order = (a: Row, b: Row): number => {
    const [x, y] = options.latency ? [a.sum.ns ?? 0n, b.sum.ns ?? 0n] : [a.sum.count, b.sum.count];
    return x < y ? 1 : x > y ? -1 : 0;
  };
  const byCall = (): Row[] =>
    sums.take().map(([call, sum]) => {
      const syscall = call === COMPAT ? '[32-bit]' : call === UNKNOWN ? '[unknown]' : calls.name(call);
      return { label: syscall, sum, record: { syscall } };
    });
  const byProcess = (): Row[] =>
    [...bpf.map<number, Sum>('data').drain()].map(([pid, sum]) => {
      const comm = commOf(pid) ?? sum.comm ?? '[unknown]';
      return { label: printf('%-6d %-15s', pid, safe(comm)), sum, record: { pid, comm } };
    });
  return () => (options.process ? byProcess() : byCall()).filter(({ sum }) => sum.count > 0n).sort(order);
}
