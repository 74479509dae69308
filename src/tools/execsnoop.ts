/** execsnoop: which programs are started, by whom, with which arguments? */
import type { Kernel } from '../kernel/port.ts';
import { readTextIfThere } from '../kernel/text.ts';
import { Columns } from '../render/columns.ts';
import { EventClock } from '../render/time.ts';
import { COMM, PID, PPID, RET, TIME, UID } from './parts/fields.ts';
import { CONTAINER_FLAGS, FILTER, filters } from './parts/filter.ts';
import { pattern } from './parts/patterns.ts';
import { program } from './parts/text.ts';
import { userId } from './parts/users.ts';
import { defineTool } from './tool.ts';

/**
 * A call is two records, joined by pid: the arguments as it begins, when they can still be read, and what came of it.
 *
 * Memory that was never touched cannot be read from a program ("/bin/true" in a page of the file that was not needed
 * yet). Then the arguments are taken from the new process once it stands, where the kernel has copied them to.
 */
const PROGRAM = `
#include <linux/sched.h>
#include <linux/mm_types.h>

#define ARG_SIZE 1024
#define ARGS_SIZE 16384
#define EVENTS_PAGES 256

enum { ENTER, FROM_NEW_PROCESS, LEAVE };
/* What user space is told of the arguments. */
enum { MORE = 1, UNREADABLE = 2 };

struct event {
    u64 ts;
    u32 kind;
    u32 pid;
    u32 ppid;
    u32 uid;
    int ret;
    u32 cpu;
    u32 note;
    char comm[TASK_COMM_LEN];
    char pcomm[TASK_COMM_LEN];
    /* Each with its zero byte: the path, then the arguments from the second on. */
    u8 args[];
};

/* Too large for the stack. */
union room {
    struct event event;
    u8 bytes[sizeof(struct event) + ARGS_SIZE];
};

BPF_PERCPU_ARRAY(scratch, union room, 1);
BPF_HASH(unreadable, u32, u8, 1024);
BPF_RINGBUF_OUTPUT(events, EVENTS_PAGES);

/*
 * Nobody needs to wake for the first record of a call: there is nothing to print before its last. To wake costs more
 * than all else here. Only a buffer that fills up is told of at once: a full one would have no room for the last.
 */
static inline u64 quietly(void)
{
    return events.ringbuf_query(BPF_RB_AVAIL_DATA) > EVENTS_PAGES * 4096 / 4 ? BPF_RB_FORCE_WAKEUP : BPF_RB_NO_WAKEUP;
}

static inline int left_out(void)
{
    if (filtered())
        return 1;
#ifdef FILTER_PPID
    struct task_struct *task = (struct task_struct *)bpf_get_current_task();
    if (task->real_parent->tgid != FILTER_PPID)
        return 1;
#endif
    return 0;
}

static inline int enter(const char *path, const char *const *argv)
{
    int zero = 0;
    u32 at = 0, i;
    struct event *e;

    if (left_out())
        return 0;
    e = (struct event *)scratch.lookup(&zero);
    if (!e)
        return 0;
    e->kind = ENTER;
    e->pid = bpf_get_current_pid_tgid() >> 32;
    e->note = MORE;
    for (i = 0; i <= MAX_ARGS; i++) {
        const char *arg = path;

        if (i > 0) {
            arg = 0;
            if (bpf_probe_read_user(&arg, sizeof(arg), &argv[i]) < 0) {
                e->note = UNREADABLE;
                break;
            }
        }
        if (!arg) {
            e->note = 0;
            break;
        }
        if (i == MAX_ARGS || at > ARGS_SIZE - ARG_SIZE)
            break;
        long length = bpf_probe_read_user_str(&e->args[at], ARG_SIZE, arg);
        if (length < 1 || length > ARG_SIZE) {
            e->note = UNREADABLE;
            break;
        }
        at += length;
    }
#ifndef NO_KERNEL_READS
    if (e->note == UNREADABLE) {
        u8 one = 1;
        unreadable.update(&e->pid, &one);
    }
#endif
    if (at > ARGS_SIZE)
        return 0;
    events.ringbuf_output(e, offsetof(struct event, args) + at, quietly());
    return 0;
}

#ifndef NO_KERNEL_READS
static inline void from_new_process(struct event *e, struct task_struct *task)
{
    u64 start = task->mm->arg_start;
    u64 length = task->mm->arg_end - start;

    if (length > ARGS_SIZE)
        length = ARGS_SIZE;
    e->kind = FROM_NEW_PROCESS;
    if (bpf_probe_read_user(e->args, length, (void *)start) == 0)
        events.ringbuf_output(e, offsetof(struct event, args) + length, quietly());
}
#endif

static inline int leave(long ret)
{
    int zero = 0;
    struct event *e;

    if (left_out())
        return 0;
    e = (struct event *)scratch.lookup(&zero);
    if (!e)
        return 0;
    e->pid = bpf_get_current_pid_tgid() >> 32;
    e->note = 0;
#ifdef NO_KERNEL_READS
    e->ppid = 0;
    e->pcomm[0] = 0;
#else
    struct task_struct *task = (struct task_struct *)bpf_get_current_task();
    struct task_struct *parent = task->real_parent;
    e->ppid = parent->tgid;
    bpf_probe_read_kernel_str(e->pcomm, sizeof(e->pcomm), parent->comm);
    if (unreadable.lookup(&e->pid)) {
        unreadable.delete(&e->pid);
        if (ret == 0)
            from_new_process(e, task);
    }
#endif
    e->ts = bpf_ktime_get_ns();
    e->kind = LEAVE;
    e->uid = bpf_get_current_uid_gid();
    e->cpu = bpf_get_smp_processor_id();
    e->ret = ret;
    bpf_get_current_comm(e->comm, sizeof(e->comm));
    /* The reader has not caught up, as it slept over the first record: it would not be woken by itself. */
    events.ringbuf_output(e, offsetof(struct event, args), BPF_RB_FORCE_WAKEUP);
    return 0;
}

TRACEPOINT_PROBE(syscalls, sys_enter_execve)
{
    return enter(args->filename, (const char *const *)args->argv);
}

TRACEPOINT_PROBE(syscalls, sys_exit_execve)
{
    return leave(args->ret);
}

TRACEPOINT_PROBE(syscalls, sys_enter_execveat)
{
    return enter(args->filename, (const char *const *)args->argv);
}

TRACEPOINT_PROBE(syscalls, sys_exit_execveat)
{
    return leave(args->ret);
}
`;

const KIND = { ENTER: 0, FROM_NEW_PROCESS: 1, LEAVE: 2 } as const;
const MORE = 1;
/** Calls whose end is awaited; more than this many never came back (their end was lost). */
const MOST_WAITING = 10_000;

interface Event {
  readonly ts: bigint;
  readonly kind: number;
  readonly pid: number;
  readonly ppid: number;
  readonly uid: number;
  readonly ret: number;
  readonly cpu: number;
  readonly note: number;
  readonly comm: string;
  readonly pcomm: string;
  readonly args: Uint8Array;
}

interface Exec extends Omit<Event, 'args'> {
  readonly args: readonly string[];
}

const PLACES = ['execve', 'execveat'].flatMap((call) => [`syscalls:sys_enter_${call}`, `syscalls:sys_exit_${call}`]);

export const tool = defineTool({
  name: 'execsnoop',
  topic: 'processes',
  summary: 'Trace new processes via exec() syscalls',
  about:
    'Prints a line for each execve() and execveat() that succeeds: the new program, its parent, and its arguments (the path ' +
    'in place of the first). With --fails also those that do not. A process that forks without exec is not seen.',
  flags: {
    time: { type: 'boolean', short: 'T', help: 'print a column with the time of day' },
    timestamp: { type: 'boolean', short: 't', help: 'print a column with seconds since the start' },
    fails: { type: 'boolean', short: 'x', help: 'also calls that fail' },
    ...CONTAINER_FLAGS,
    uid: { type: 'string', short: 'u', value: 'USER', help: 'only this user, a name or a number' },
    quote: { type: 'boolean', short: 'q', help: 'put each argument into quotation marks' },
    name: { type: 'string', short: 'n', value: 'NAME', help: 'only programs whose name matches this regular expression' },
    line: { type: 'string', short: 'l', value: 'LINE', help: 'only calls whose arguments match this regular expression' },
    'print-uid': { type: 'boolean', short: 'U', help: 'print the user' },
    'print-cpu': { type: 'boolean', short: 'C', help: 'print the CPU' },
    'print-pcomm': { type: 'boolean', short: 'M', help: 'print the name of the parent' },
    'max-args': { type: 'count', value: 'COUNT', default: 20, help: 'at most so many, the path among them' },
    ppid: { type: 'pid', short: 'P', help: 'only children of this process' },
  },
  positionals: [],
  examples: [
    { command: 'execsnoop', help: 'all that succeed' },
    { command: 'execsnoop -x', help: 'also those that fail' },
    { command: 'execsnoop -T -U', help: 'with time and user' },
    { command: 'execsnoop -P 181', help: 'only children of process 181' },
    { command: 'execsnoop -u root', help: 'only programs that root starts' },
    { command: 'execsnoop -q', help: 'with quotation marks, to tell arguments apart' },
    { command: 'execsnoop -n main', help: 'only programs that have "main" in their name' },
    { command: 'execsnoop -l tpkg', help: 'only calls with "tpkg" among the arguments' },
    { command: 'execsnoop --json', help: 'a JSON object for each, the arguments as a list' },
  ],
  fields: [
    TIME,
    PID,
    PPID,
    UID,
    COMM,
    { name: 'pcomm', type: 'string', help: 'name of the parent' },
    { name: 'cpu', type: 'integer', help: 'number of the CPU' },
    RET,
    { name: 'args', type: 'array', help: 'the path and the arguments from the second on; "..." last if there are more' },
  ],
  probes: [
    { id: 'all', kind: 'tracepoint', targets: PLACES, minKernel: '5.8' },
    // Lockdown in confidentiality mode: no parent, no second look at arguments.
    { id: 'no kernel memory', kind: 'tracepoint', targets: PLACES, minKernel: '5.8' },
  ],
  program: (options, _args, { id }) =>
    program(
      {
        ...filters({ cgroup: options.cgroup, cgroupmap: options.cgroupmap, mntnsmap: options.mntnsmap }),
        FILTER_UID: options.uid === undefined ? undefined : Number(options.uid),
        FILTER_PPID: options.ppid,
        MAX_ARGS: options['max-args'],
        NO_KERNEL_READS: id !== 'all',
      },
      FILTER,
      PROGRAM,
    ),
  prepare: ({ options, kernel }) => (options.uid === undefined ? {} : { uid: String(userId(kernel, options.uid)) }),
  async run({ options, out, load, events, kernel }) {
    const [name, line] = [pattern('name', options.name), pattern('line', options.line)];
    const bpf = await load();
    const clock = new EventClock();
    const started = process.hrtime.bigint();
    const quoted = (args: readonly string[]) => args.map((arg) => `"${arg.replaceAll('"', '\\"')}"`);
    const columns = new Columns<Exec>([
      options.time && { head: 'TIME', format: '%-9s', value: (e) => clock.text(e.ts) },
      options.timestamp && { head: 'TIME(s)', format: '%-8.3f', value: (e) => Number(e.ts - started) / 1e9 },
      options['print-uid'] && { head: 'UID', format: '%-6d', value: (e) => e.uid },
      { head: 'COMM', format: '%-16s ', value: (e) => e.comm },
      { head: 'PID', format: '%-7d ', value: (e) => e.pid },
      options['print-pcomm'] && { head: 'PCOMM', format: '%-16s ', value: (e) => e.pcomm },
      { head: 'PPID', format: '%-7s ', value: (e) => (e.ppid > 0 ? String(e.ppid) : '?') },
      options['print-cpu'] && { head: 'CPU', format: '%-4d ', value: (e) => e.cpu },
      { head: 'RET', format: '%3d ', value: (e) => e.ret },
      { head: 'ARGS', format: '%s', value: (e) => (options.quote ? quoted(e.args) : e.args).join(' ') },
    ]);
    out.line(columns.header);
    const waiting = new Map<number, readonly string[]>();
    await events<Event>(bpf, 'events', (event) => {
      const { pid, kind } = event;
      if (kind !== KIND.LEAVE) {
        if (waiting.size > MOST_WAITING) waiting.clear();
        const known = waiting.get(pid);
        const args = splitArgs(event);
        // The path as it was given, if that could be read: the new process knows only what it is called.
        waiting.set(pid, kind === KIND.FROM_NEW_PROCESS && known?.[0] !== undefined ? [known[0], ...args.slice(1)] : args);
        return;
      }
      const args = waiting.get(pid) ?? [];
      waiting.delete(pid);
      if ((event.ret !== 0 && !options.fails) || name?.test(event.comm) === false || line?.test(args.join(' ')) === false) return;
      out.row(columns, { ...event, ...parent(kernel, event), args }, (e) => ({
        time: clock.iso(e.ts),
        pid: e.pid,
        ppid: e.ppid,
        uid: e.uid,
        comm: e.comm,
        pcomm: e.pcomm,
        cpu: e.cpu,
        ret: e.ret,
        args: e.args,
      }));
    });
  },
});

const decoder = new TextDecoder();

function splitArgs({ args, note }: Event): string[] {
  const list: string[] = [];
  for (let at = 0; at < args.length; ) {
    const zero = args.indexOf(0, at);
    const end = zero < 0 ? args.length : zero;
    list.push(decoder.decode(args.subarray(at, end)));
    at = end + 1;
  }
  if (note === MORE) list.push('...');
  return list;
}

/** Where the program could not look: /proc, if the process is still there. */
function parent(kernel: Kernel, event: Event): { readonly ppid: number; readonly pcomm: string } {
  if (event.ppid > 0) return event;
  const ppid = Number(/^PPid:\s*(\d+)/m.exec(readTextIfThere(kernel, `/proc/${event.pid}/status`) ?? '')?.[1] ?? 0);
  return { ppid, pcomm: ppid === 0 ? '' : (readTextIfThere(kernel, `/proc/${ppid}/comm`)?.trim() ?? '') };
}
