/** ext4slower: which operations of ext4 take long? */
import { Columns } from '../render/columns.ts';
import { safe } from '../render/safe.ts';
import { EventClock } from '../render/time.ts';
import { COMM, PID, TID, TIME } from './parts/fields.ts';
import { FILTER, filters } from './parts/filter.ts';
import { PID_FLAG } from './parts/flags.ts';
import { FUNCTION_PROBES } from './parts/function-probes.ts';
import { program } from './parts/text.ts';
import { defineTool } from './tool.ts';

const PROGRAM = `
#include <linux/fs.h>
#include <linux/sched.h>

#define NAME_SIZE 256

enum { READ_OP, WRITE_OP, OPEN_OP, SYNC_OP };

struct event {
    u64 ts;
    u64 duration;
    u64 offset;
    s64 bytes;
    u32 pid;
    u32 tid;
    u32 op;
    char comm[TASK_COMM_LEN];
    char name[NAME_SIZE];
};

struct operation {
    u64 start;
    u64 offset;
    struct file *file;
};

BPF_HASH(operations, u32, struct operation, 10240);
BPF_RINGBUF_OUTPUT(events, 64);

static inline int begin(struct file *file, u64 offset)
{
    u32 tid = bpf_get_current_pid_tgid();
    struct operation o = { .file = file, .offset = offset };

    if (filtered())
        return 0;
    o.start = bpf_ktime_get_ns();
    operations.update(&tid, &o);
    return 0;
}

static inline int finish(u32 op, s64 bytes)
{
    u64 id = bpf_get_current_pid_tgid();
    u32 tid = id;
    struct operation *o = operations.lookup(&tid);
    struct event e = {};

    if (!o)
        return 0;
    u64 now = bpf_ktime_get_ns();
    u64 duration = now - o->start;
    if (duration / 1000 < MIN_US)
        goto done;
    e.ts = now;
    e.duration = duration;
    e.offset = o->offset;
    e.bytes = bytes;
    e.pid = id >> 32;
    e.tid = tid;
    e.op = op;
    bpf_get_current_comm(e.comm, sizeof(e.comm));
    if (bpf_probe_read_kernel_str(e.name, NAME_SIZE, o->file->f_path.dentry->d_name.name) < 0)
        e.name[0] = 0;
    events.ringbuf_output(&e, sizeof(e), 0);
done:
    operations.delete(&tid);
    return 0;
}

ENTRY(ext4_file_read_iter, struct kiocb *iocb)
{
    return begin(iocb->ki_filp, iocb->ki_pos);
}

RETURN(ext4_file_read_iter, (struct kiocb *iocb, struct iov_iter *to), ssize_t)
{
    return finish(READ_OP, RESULT);
}

ENTRY(ext4_file_write_iter, struct kiocb *iocb)
{
    return begin(iocb->ki_filp, iocb->ki_pos);
}

RETURN(ext4_file_write_iter, (struct kiocb *iocb, struct iov_iter *from), ssize_t)
{
    return finish(WRITE_OP, RESULT);
}

ENTRY(ext4_file_open, struct inode *inode, struct file *file)
{
    return begin(file, 0);
}

RETURN(ext4_file_open, (struct inode *inode, struct file *file), int)
{
    return finish(OPEN_OP, 0);
}

ENTRY(ext4_sync_file, struct file *file)
{
    return begin(file, 0);
}

RETURN(ext4_sync_file, (struct file *file, loff_t start, loff_t end, int datasync), int)
{
    return finish(SYNC_OP, 0);
}
`;

const OPS = [
  ['R', 'read'],
  ['W', 'write'],
  ['O', 'open'],
  ['S', 'sync'],
] as const;

interface SlowOp {
  readonly ts: bigint;
  readonly duration: bigint;
  readonly offset: bigint;
  readonly bytes: bigint;
  readonly pid: number;
  readonly tid: number;
  readonly op: number;
  readonly comm: string;
  readonly name: string;
}

const letter = (e: SlowOp): string => OPS[e.op]?.[0] ?? '?';
const FUNCTIONS = ['ext4_file_read_iter', 'ext4_file_write_iter', 'ext4_file_open', 'ext4_sync_file'] as const;

export const tool = defineTool({
  name: 'ext4slower',
  topic: 'files',
  summary: 'Trace slow ext4 file operations, with per-event details',
  about:
    'Prints a line for each read (R), write (W), open (O) and fsync (S) of ext4 that takes at least min_ms, from the call ' +
    'into the file system to its return: disks, locks, the journal, run queues. ' +
    "The tool's own writes are left out: of a list that goes to a file, each line would make the next.",
  flags: {
    csv: { type: 'boolean', short: 'j', help: 'comma-separated values' },
    pid: PID_FLAG,
  },
  positionals: [{ name: 'min_ms', type: 'number', default: 10, help: 'shortest time in milliseconds (default 10); 0 shows all' }],
  examples: [
    { command: 'ext4slower', help: 'slower than 10 ms' },
    { command: 'ext4slower 1', help: 'slower than 1 ms' },
    { command: 'ext4slower -j 1', help: 'slower than 1 ms, as comma-separated values' },
    { command: 'ext4slower 0', help: 'all operations' },
    { command: 'ext4slower -p 185', help: 'only process 185' },
  ],
  fields: [
    TIME,
    COMM,
    PID,
    TID,
    { name: 'op', type: 'string', help: 'read, write, open or sync' },
    { name: 'bytes', type: 'integer', help: 'bytes that were read or written, or -errno; 0 for open and sync' },
    { name: 'offset', type: 'integer', help: 'where in the file, in bytes' },
    { name: 'latency_us', type: 'integer', help: 'microseconds it took' },
    { name: 'file', type: 'string', help: 'name of the file, without its folder' },
  ],
  probes: [
    { kind: 'fentry', targets: FUNCTIONS, minKernel: '5.8' },
    { kind: 'kprobe', targets: FUNCTIONS, minKernel: '5.8' },
  ],
  program: (options, args, { kind }) =>
    program(
      { ...filters(options), MIN_US: Math.round(Number(args['min_ms'] ?? 10) * 1000), BY_TRAMPOLINE: kind === 'fentry' },
      FILTER,
      FUNCTION_PROBES,
      PROGRAM,
    ),
  async run({ options, args, out, load, events }) {
    const bpf = await load();
    const clock = new EventClock();
    const micros = (e: SlowOp): bigint => e.duration / 1000n;
    const columns = new Columns<SlowOp>([
      { head: 'TIME', format: '%-8s ', value: (e) => clock.text(e.ts) },
      { head: 'COMM', format: '%-14.14s ', value: (e) => e.comm },
      { head: 'PID', format: '%-6d ', value: (e) => e.pid },
      { head: 'T', format: '%1s ', value: letter },
      { head: 'BYTES', format: '%-7d ', value: (e) => e.bytes },
      { head: 'OFF_KB', format: '%-8d ', value: (e) => e.offset / 1024n },
      { head: 'LAT(ms)', format: '%7.2f ', value: (e) => Number(e.duration) / 1e6 },
      { head: 'FILENAME', format: '%s', value: (e) => e.name },
    ]);
    if (options.csv) out.line('ENDTIME_us,TASK,PID,TYPE,BYTES,OFFSET_b,LATENCY_us,FILE');
    else {
      out.line(args['min_ms'] === 0 ? 'Tracing ext4 operations' : `Tracing ext4 operations slower than ${args['min_ms']} ms`);
      out.line(columns.header);
    }
    await events<SlowOp>(bpf, 'events', (event) => {
      if (event.pid === process.pid) return;
      if (options.csv && !out.json) {
        const { ts, comm, pid, bytes, offset, name } = event;
        out.line([ts / 1000n, safe(comm), pid, letter(event), bytes, offset, micros(event), safe(name)].join(','));
        return;
      }
      out.row(columns, event, (e) => ({
        time: clock.iso(e.ts),
        comm: e.comm,
        pid: e.pid,
        tid: e.tid,
        op: OPS[e.op]?.[1] ?? '?',
        bytes: e.bytes,
        offset: e.offset,
        latency_us: micros(e),
        file: e.name,
      }));
    });
  },
});
