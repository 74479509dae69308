/** fileslower: which reads and writes of files take long? */
import { Columns } from '../render/columns.ts';
import { EventClock } from '../render/time.ts';
import { COMM, PID, TID, TIME } from './parts/fields.ts';
import { FILTER, filters } from './parts/filter.ts';
import { PID_FLAG } from './parts/flags.ts';
import { FUNCTION_PROBES } from './parts/function-probes.ts';
import { program } from './parts/text.ts';
import { defineTool } from './tool.ts';

const PROGRAM = `
#include <linux/fs.h>
#include <linux/stat.h>
#include <linux/sched.h>

#define NAME_SIZE 256

struct event {
    u64 ts;
    u64 duration;
    u64 bytes;
    s64 ret;
    u32 pid;
    u32 tid;
    u32 write;
    char comm[TASK_COMM_LEN];
    char name[NAME_SIZE];
};

struct io {
    u64 start;
    struct file *file;
    u64 bytes;
};

BPF_HASH(ios, u32, struct io, 10240);
BPF_RINGBUF_OUTPUT(events, 64);

static inline int begin(struct file *file, size_t count)
{
    u32 tid = bpf_get_current_pid_tgid();
    struct io io = { .file = file, .bytes = count };

    if (filtered())
        return 0;
    /* What has no name is no file. */
    if (file->f_path.dentry->d_name.len == 0)
        return 0;
#ifndef ALL_FILES
    if (!S_ISREG(file->f_inode->i_mode))
        return 0;
#endif
    io.start = bpf_ktime_get_ns();
    ios.update(&tid, &io);
    return 0;
}

static inline int finish(u32 write, s64 ret)
{
    u64 id = bpf_get_current_pid_tgid();
    u32 tid = id;
    struct io *io = ios.lookup(&tid);
    struct event e = {};

    if (!io)
        return 0;
    u64 now = bpf_ktime_get_ns();
    u64 duration = now - io->start;
    if (duration / 1000 < MIN_US)
        goto done;
    e.ts = now;
    e.duration = duration;
    e.bytes = io->bytes;
    e.ret = ret;
    e.pid = id >> 32;
    e.tid = tid;
    e.write = write;
    bpf_get_current_comm(e.comm, sizeof(e.comm));
    if (bpf_probe_read_kernel_str(e.name, NAME_SIZE, io->file->f_path.dentry->d_name.name) < 0)
        e.name[0] = 0;
    events.ringbuf_output(&e, sizeof(e), 0);
done:
    ios.delete(&tid);
    return 0;
}

ENTRY(vfs_read, struct file *file, char *buf, size_t count)
{
    return begin(file, count);
}

RETURN(vfs_read, (struct file *file, char *buf, size_t count, loff_t *pos), ssize_t)
{
    return finish(0, RESULT);
}

ENTRY(vfs_write, struct file *file, const char *buf, size_t count)
{
    return begin(file, count);
}

RETURN(vfs_write, (struct file *file, const char *buf, size_t count, loff_t *pos), ssize_t)
{
    return finish(1, RESULT);
}
`;

interface SlowIo {
  readonly ts: bigint;
  readonly duration: bigint;
  readonly bytes: bigint;
  readonly ret: bigint;
  readonly pid: number;
  readonly tid: number;
  readonly write: number;
  readonly comm: string;
  readonly name: string;
}

const FUNCTIONS = ['vfs_read', 'vfs_write'] as const;

export const tool = defineTool({
  name: 'fileslower',
  topic: 'files',
  summary: 'Trace slow synchronous file reads and writes',
  about:
    'Prints a line for each read and write through the file system that takes at least min_ms: time waited for disks, ' +
    'locks, a processor, as the process feels it. BYTES is what was asked for. Asynchronous I/O and mapped files are not seen, ' +
    "and the tool's own writes are left out: of a list that goes to a file, each line would make the next.",
  flags: {
    pid: PID_FLAG,
    'all-files': { type: 'boolean', short: 'a', help: 'also what is no regular file: sockets, pipes, devices' },
  },
  positionals: [{ name: 'min_ms', type: 'number', default: 10, help: 'shortest time in milliseconds (default 10); 0 shows all' }],
  examples: [
    { command: 'fileslower', help: 'slower than 10 ms' },
    { command: 'fileslower 1', help: 'slower than 1 ms' },
    { command: 'fileslower -p 185', help: 'only process 185' },
    { command: 'fileslower -a 5', help: 'slower than 5 ms, sockets and pipes, too' },
    { command: 'fileslower --json 1', help: 'a JSON object for each' },
  ],
  fields: [
    TIME,
    COMM,
    PID,
    TID,
    { name: 'op', type: 'string', help: 'read or write' },
    { name: 'bytes', type: 'integer', help: 'bytes asked for' },
    { name: 'ret', type: 'integer', help: 'bytes that were read or written, or -errno' },
    { name: 'latency_ms', type: 'number', help: 'milliseconds it took' },
    { name: 'file', type: 'string', help: 'name of the file, without its folder' },
  ],
  probes: [
    { kind: 'fentry', targets: FUNCTIONS, minKernel: '5.8' },
    { kind: 'kprobe', targets: FUNCTIONS, minKernel: '5.8' },
  ],
  program: (options, args, { kind }) =>
    program(
      {
        ...filters(options),
        ALL_FILES: options['all-files'],
        MIN_US: Math.round(Number(args['min_ms'] ?? 10) * 1000),
        BY_TRAMPOLINE: kind === 'fentry',
      },
      FILTER,
      FUNCTION_PROBES,
      PROGRAM,
    ),
  async run({ args, out, load, events }) {
    const bpf = await load();
    const clock = new EventClock();
    const columns = new Columns<SlowIo>([
      { head: 'TIME(s)', format: '%-8.3f ', value: (e) => clock.sinceFirst(e.ts) },
      { head: 'COMM', format: '%-14.14s ', value: (e) => e.comm },
      { head: 'TID', format: '%-6d ', value: (e) => e.tid },
      { head: 'D', format: '%1s ', value: (e) => (e.write === 0 ? 'R' : 'W') },
      { head: 'BYTES', format: '%-7d ', value: (e) => e.bytes },
      { head: 'LAT(ms)', format: '%7.2f ', value: (e) => Number(e.duration) / 1e6 },
      { head: 'FILENAME', format: '%s', value: (e) => e.name },
    ]);
    out.line(`Tracing sync read/writes slower than ${args['min_ms']} ms`);
    out.line(columns.header);
    await events<SlowIo>(bpf, 'events', (event) => {
      if (event.pid === process.pid) return;
      out.row(columns, event, (e) => ({
        time: clock.iso(e.ts),
        comm: e.comm,
        pid: e.pid,
        tid: e.tid,
        op: e.write === 0 ? 'read' : 'write',
        bytes: e.bytes,
        ret: e.ret,
        latency_ms: Number(e.duration) / 1e6,
        file: e.name,
      }));
    });
  },
});
