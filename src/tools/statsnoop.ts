/** statsnoop: who asks for the state of which files? */
import { Columns } from '../render/columns.ts';
import { EventClock } from '../render/time.ts';
import { COMM, PID, TID, TIME, UID } from './parts/fields.ts';
import { FILTER, filters } from './parts/filter.ts';
import { PID_FLAG } from './parts/flags.ts';
import { program } from './parts/text.ts';
import { defineTool } from './tool.ts';

/** What the kernel calls them; the number in the record is the place in this list. */
const CALLS = ['statfs', 'newfstatat', 'statx', 'newstat', 'newlstat'] as const;

const PROGRAM = `
#include <linux/limits.h>
#include <linux/sched.h>

struct event {
    u64 ts;
    u32 pid;
    u32 tid;
    u32 uid;
    int ret;
    u32 call;
    char comm[TASK_COMM_LEN];
    char path[];
};

/* Too large for the stack. */
union room {
    struct event event;
    u8 bytes[sizeof(struct event) + PATH_MAX];
};

struct stat_call {
    const char *path;
    u32 call;
};

BPF_HASH(calls, u32, struct stat_call, 10240);
BPF_PERCPU_ARRAY(scratch, union room, 1);
BPF_RINGBUF_OUTPUT(events, 64);

static inline int enter(const char *path, u32 call)
{
    u32 tid = bpf_get_current_pid_tgid();
    struct stat_call c = { .path = path, .call = call };

    if (filtered())
        return 0;
    calls.update(&tid, &c);
    return 0;
}

static inline int leave(long ret)
{
    u64 id = bpf_get_current_pid_tgid();
    u32 tid = id;
    int zero = 0;
    struct stat_call *c = calls.lookup(&tid);

    if (!c)
        return 0;
#ifdef FAILED_ONLY
    if (ret >= 0)
        goto done;
#endif
    struct event *e = (struct event *)scratch.lookup(&zero);
    if (!e)
        goto done;
    e->ts = bpf_ktime_get_ns();
    e->pid = id >> 32;
    e->tid = tid;
    e->uid = bpf_get_current_uid_gid();
    e->ret = ret;
    e->call = c->call;
    bpf_get_current_comm(e->comm, sizeof(e->comm));
    long length = bpf_probe_read_user_str(e->path, PATH_MAX, c->path);
    if (length < 1) {
        e->path[0] = 0;
        length = 1;
    }
    events.ringbuf_output(e, offsetof(struct event, path) + length, 0);
done:
    calls.delete(&tid);
    return 0;
}

TRACEPOINT_PROBE(syscalls, sys_enter_statfs)
{
    return enter(args->pathname, 0);
}

TRACEPOINT_PROBE(syscalls, sys_exit_statfs)
{
    return leave(args->ret);
}

TRACEPOINT_PROBE(syscalls, sys_enter_newfstatat)
{
    return enter(args->filename, 1);
}

TRACEPOINT_PROBE(syscalls, sys_exit_newfstatat)
{
    return leave(args->ret);
}

TRACEPOINT_PROBE(syscalls, sys_enter_statx)
{
    return enter(args->filename, 2);
}

TRACEPOINT_PROBE(syscalls, sys_exit_statx)
{
    return leave(args->ret);
}

#ifdef __x86_64__
TRACEPOINT_PROBE(syscalls, sys_enter_newstat)
{
    return enter(args->filename, 3);
}

TRACEPOINT_PROBE(syscalls, sys_exit_newstat)
{
    return leave(args->ret);
}

TRACEPOINT_PROBE(syscalls, sys_enter_newlstat)
{
    return enter(args->filename, 4);
}

TRACEPOINT_PROBE(syscalls, sys_exit_newlstat)
{
    return leave(args->ret);
}
#endif
`;

interface Stat {
  readonly ts: bigint;
  readonly pid: number;
  readonly tid: number;
  readonly uid: number;
  readonly ret: number;
  readonly call: number;
  readonly comm: string;
  readonly path: string;
}

const callName = (e: Stat): string => CALLS[e.call] ?? '?';

export const tool = defineTool({
  name: 'statsnoop',
  topic: 'files',
  summary: 'Trace stat() syscalls',
  about:
    'Prints a line for each stat(), lstat(), fstatat(), statx() and statfs() on a path: who, which path, and the error if ' +
    'there was one. FD is 0 for a call that succeeded and -1 for one that failed.',
  flags: {
    timestamp: { type: 'boolean', short: 't', help: 'print a column with seconds since the first event' },
    sysname: { type: 'boolean', short: 's', help: 'print the name of the call' },
    failed: { type: 'boolean', short: 'x', help: 'only calls that failed' },
    pid: PID_FLAG,
  },
  positionals: [],
  examples: [
    { command: 'statsnoop', help: 'all stat() calls' },
    { command: 'statsnoop -t', help: 'with time' },
    { command: 'statsnoop -x', help: 'only those that failed' },
    { command: 'statsnoop -p 181', help: 'only process 181' },
    { command: 'statsnoop -s --json', help: 'a JSON object for each' },
  ],
  fields: [
    TIME,
    PID,
    TID,
    UID,
    COMM,
    { name: 'fd', type: 'integer', help: '0, or -1 if the call failed' },
    { name: 'err', type: 'integer', help: 'errno; 0 if it succeeded' },
    { name: 'call', type: 'string', help: `name of the call: ${CALLS.join(', ')}` },
    { name: 'path', type: 'string', help: 'the path' },
  ],
  probes: [
    {
      kind: 'tracepoint',
      targets: ['syscalls:sys_enter_newfstatat', 'syscalls:sys_enter_statx', 'syscalls:sys_enter_statfs'],
      minKernel: '5.8',
    },
  ],
  program: (options) => program({ ...filters(options), FAILED_ONLY: options.failed }, FILTER, PROGRAM),
  async run({ options, out, load, events }) {
    const bpf = await load();
    const clock = new EventClock();
    const columns = new Columns<Stat>([
      options.timestamp && { head: 'TIME(s)', format: '%-14.9f', value: (e) => clock.sinceFirst(e.ts) },
      { head: 'PID', format: '%-7d ', value: (e) => e.pid },
      { head: 'COMM', format: '%-16s ', value: (e) => e.comm },
      { head: 'FD', format: '%4d ', value: (e) => (e.ret < 0 ? -1 : 0) },
      { head: 'ERR', format: '%3d', value: (e) => (e.ret < 0 ? -e.ret : 0) },
      options.sysname && { head: 'SYSCALL', format: ' %-12s', value: callName },
      { head: 'PATH', format: ' %s', value: (e) => e.path },
    ]);
    out.line(columns.header);
    await events<Stat>(bpf, 'events', (event) => {
      out.row(columns, event, (e) => ({
        time: clock.iso(e.ts),
        pid: e.pid,
        tid: e.tid,
        uid: e.uid,
        comm: e.comm,
        fd: e.ret < 0 ? -1 : 0,
        err: e.ret < 0 ? -e.ret : 0,
        call: callName(e),
        path: e.path,
      }));
    });
  },
});
