/** opensnoop: which files are opened, by whom, and what came of it? */
import { Columns } from '../render/columns.ts';
import { EventClock } from '../render/time.ts';
import { COMM, PID, TID, TIME, UID } from './parts/fields.ts';
import { CONTAINER_FLAGS, FILTER, filters } from './parts/filter.ts';
import { bufferPages, PID_FLAG, UID_FLAG } from './parts/flags.ts';
import { OPEN_FLAGS, openFlagMask } from './parts/open-flags.ts';
import { FULL_PATH, joinPath } from './parts/path.ts';
import { program } from './parts/text.ts';
import { defineTool } from './tool.ts';

/** The record, and how it is made; a place for each CPU to make it in. */
const RECORD = `
#include <linux/limits.h>
#include <linux/sched.h>

struct event {
    u64 ts;
    u32 pid;
    u32 tid;
    u32 uid;
    int ret;
    u32 flags;
    u32 mode;
    char comm[TASK_COMM_LEN];
    /* The path with its zero byte; of a relative one, if wanted, then the names from the working directory up. */
    u8 path[];
};

#ifndef WANT_FULL_PATH
#define CWD_SIZE 0
#endif

/* Too large for the stack. */
union room {
    struct event event;
    u8 bytes[sizeof(struct event) + PATH_MAX + CWD_SIZE];
};

BPF_PERCPU_ARRAY(scratch, union room, 1);
BPF_RINGBUF_OUTPUT(events, BUFFER_PAGES);

static inline int emit(const char *path, u32 flags, u32 mode, int ret)
{
    int zero = 0;
    struct event *e;

#ifdef FAILED_ONLY
    if (ret >= 0)
        return 0;
#endif
#ifdef FLAG_MASK
    if ((flags & FLAG_MASK) == 0)
        return 0;
#endif
    e = (struct event *)scratch.lookup(&zero);
    if (!e)
        return 0;
    u64 id = bpf_get_current_pid_tgid();
    e->ts = bpf_ktime_get_ns();
    e->pid = id >> 32;
    e->tid = id;
    e->uid = bpf_get_current_uid_gid();
    e->ret = ret;
    e->flags = flags;
    e->mode = mode;
    bpf_get_current_comm(e->comm, sizeof(e->comm));
    long length = bpf_probe_read_user_str(e->path, PATH_MAX, path);
    if (length < 1 || length > PATH_MAX) {
        e->path[0] = 0;
        length = 1;
    }
#ifdef WANT_FULL_PATH
    if (e->path[0] != '/')
        length += read_cwd(&e->path[length]);
#endif
    events.ringbuf_output(e, offsetof(struct event, path) + length, 0);
    return 0;
}
`;

/** One place for open, openat, openat2 and creat, with arguments and result together. */
const BY_FUNCTION = `
KRETFUNC_PROBE(do_sys_openat2, int dfd, const char *filename, struct open_how *how, long ret)
{
    if (filtered())
        return 0;
    return emit(filename, how->flags, how->mode, ret);
}
`;

/** Without trampolines: what went in is kept until the call returns. */
const BY_TRACEPOINT = `
#include <linux/fcntl.h>

struct open {
    const char *path;
    u32 flags;
    u32 mode;
};

BPF_HASH(opens, u32, struct open, 10240);

static inline int enter(const char *path, u32 flags, u32 mode)
{
    u32 tid = bpf_get_current_pid_tgid();
    struct open o = { .path = path, .flags = flags, .mode = mode };

    if (filtered())
        return 0;
    opens.update(&tid, &o);
    return 0;
}

static inline int leave(long ret)
{
    u32 tid = bpf_get_current_pid_tgid();
    struct open *o = opens.lookup(&tid);

    if (!o)
        return 0;
    emit(o->path, o->flags, o->mode, ret);
    opens.delete(&tid);
    return 0;
}

TRACEPOINT_PROBE(syscalls, sys_enter_openat)
{
    return enter(args->filename, args->flags, args->mode);
}

TRACEPOINT_PROBE(syscalls, sys_exit_openat)
{
    return leave(args->ret);
}

TRACEPOINT_PROBE(syscalls, sys_enter_openat2)
{
    struct open_how how = {};

    bpf_probe_read_user(&how, sizeof(how), args->how);
    return enter(args->filename, how.flags, how.mode);
}

TRACEPOINT_PROBE(syscalls, sys_exit_openat2)
{
    return leave(args->ret);
}

#ifdef __x86_64__
TRACEPOINT_PROBE(syscalls, sys_enter_open)
{
    return enter(args->filename, args->flags, args->mode);
}

TRACEPOINT_PROBE(syscalls, sys_exit_open)
{
    return leave(args->ret);
}

TRACEPOINT_PROBE(syscalls, sys_enter_creat)
{
    return enter(args->pathname, O_CREAT | O_WRONLY | O_TRUNC, args->mode);
}

TRACEPOINT_PROBE(syscalls, sys_exit_creat)
{
    return leave(args->ret);
}
#endif
`;

interface Open {
  readonly ts: bigint;
  readonly pid: number;
  readonly tid: number;
  readonly uid: number;
  readonly ret: number;
  readonly flags: number;
  readonly mode: number;
  readonly comm: string;
  readonly path: Uint8Array;
}

export const tool = defineTool({
  name: 'opensnoop',
  topic: 'files',
  summary: 'Trace open() syscalls',
  about:
    'Prints a line for each open(), openat(), openat2() and creat(): who, which file, and the descriptor or the error ' +
    'that came of it. Paths are as the process gave them; with --full-path relative ones are shown from the root.',
  flags: {
    timestamp: { type: 'boolean', short: 'T', help: 'print a column with seconds since the first event' },
    'print-uid': { type: 'boolean', short: 'U', help: 'print the user' },
    failed: { type: 'boolean', short: 'x', help: 'only opens that failed' },
    pid: PID_FLAG,
    tid: { type: 'pid', short: 't', value: 'TID', help: 'only this thread' },
    ...CONTAINER_FLAGS,
    uid: UID_FLAG,
    duration: { type: 'number', short: 'd', value: 'SECONDS', help: 'stop after this long' },
    name: { type: 'string', short: 'n', value: 'NAME', help: 'only processes whose name has this in it' },
    extended_fields: { type: 'boolean', short: 'e', help: 'print flags and mode of the call, octal' },
    flag_filter: { type: 'strings', short: 'f', value: 'O_FLAG', help: 'only opens with one of these flags (O_WRONLY); may be repeated' },
    'full-path': { type: 'boolean', short: 'F', help: 'relative paths from the root' },
    'buffer-pages': { type: 'count', short: 'b', value: 'PAGES', default: 64, help: 'size of the ring buffer, a power of two' },
  },
  positionals: [],
  examples: [
    { command: 'opensnoop', help: 'all opens' },
    { command: 'opensnoop -T -U', help: 'with time and user' },
    { command: 'opensnoop -x', help: 'only those that failed' },
    { command: 'opensnoop -p 181', help: 'only process 181' },
    { command: 'opensnoop -d 10', help: 'for ten seconds' },
    { command: 'opensnoop -n main', help: 'only processes that have "main" in their name' },
    { command: 'opensnoop -e -f O_WRONLY -f O_RDWR', help: 'only opens for writing, with flags and mode' },
    { command: 'opensnoop --json', help: 'a JSON object for each' },
  ],
  fields: [
    TIME,
    PID,
    TID,
    UID,
    COMM,
    { name: 'fd', type: 'integer', help: 'the descriptor; -1 if the call failed' },
    { name: 'err', type: 'integer', help: 'errno; 0 if it succeeded' },
    { name: 'flags', type: 'integer', help: 'O_… flags of the call' },
    { name: 'mode', type: 'integer', help: 'mode of the call, for files that it makes' },
    { name: 'path', type: 'string', help: 'the path' },
  ],
  probes: [
    { id: 'function', kind: 'fentry', targets: ['do_sys_openat2'], minKernel: '5.8' },
    { kind: 'tracepoint', targets: ['syscalls:sys_enter_openat', 'syscalls:sys_enter_openat2'], minKernel: '5.8' },
  ],
  program: (options, _args, { id }) =>
    program(
      {
        ...filters(options),
        FAILED_ONLY: options.failed,
        FLAG_MASK: options.flag_filter === undefined ? undefined : openFlagMask(options.flag_filter),
        WANT_FULL_PATH: options['full-path'],
        BUFFER_PAGES: bufferPages(options['buffer-pages']),
      },
      FILTER,
      ...(options['full-path'] ? [FULL_PATH] : []),
      RECORD,
      id === 'function' ? BY_FUNCTION : BY_TRACEPOINT,
    ),
  async run({ options, out, load, events }) {
    const bpf = await load();
    const clock = new EventClock();
    const columns = new Columns<Open>([
      options.timestamp && { head: 'TIME(s)', format: '%-14.9f', value: (e) => clock.sinceFirst(e.ts) },
      options['print-uid'] && { head: 'UID', format: '%-6d', value: (e) => e.uid },
      options.tid === undefined
        ? { head: 'PID', format: '%-6d ', value: (e) => e.pid }
        : { head: 'TID', format: '%-6d ', value: (e) => e.tid },
      { head: 'COMM', format: '%-16s ', value: (e) => e.comm },
      { head: 'FD', format: '%4d ', value: (e) => (e.ret < 0 ? -1 : e.ret) },
      { head: 'ERR', format: '%3d ', value: (e) => (e.ret < 0 ? -e.ret : 0) },
      options.extended_fields && { head: 'FLAGS', format: '%-8s ', value: (e) => e.flags.toString(8).padStart(8, '0') },
      // Without O_CREAT and O_TMPFILE nothing looks at the mode.
      options.extended_fields && {
        head: 'MODE',
        format: '%-4s ',
        value: (e) =>
          (e.flags & OPEN_FLAGS.O_CREAT) !== 0 || (e.flags & OPEN_FLAGS.O_TMPFILE) === OPEN_FLAGS.O_TMPFILE
            ? e.mode.toString(8).padStart(4, '0')
            : 'n/a',
      },
      { head: 'PATH', format: '%s', value: path },
    ]);
    out.line(columns.header);
    await events<Open>(bpf, 'events', (event) => {
      if (options.name !== undefined && !event.comm.includes(options.name)) return;
      out.row(columns, event, (e) => ({
        time: clock.iso(e.ts),
        pid: e.pid,
        tid: e.tid,
        uid: e.uid,
        comm: e.comm,
        fd: e.ret < 0 ? -1 : e.ret,
        err: e.ret < 0 ? -e.ret : 0,
        flags: e.flags,
        mode: e.mode,
        path: path(e),
      }));
    });
  },
});

const decoder = new TextDecoder();

function path({ path }: Open): string {
  const end = path.indexOf(0);
  const text = decoder.decode(path.subarray(0, end < 0 ? path.length : end));
  return end < 0 || text.startsWith('/') ? text : joinPath(path.subarray(end + 1), text);
}
