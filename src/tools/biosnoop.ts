/** biosnoop: every request to a block device: who made it, where it went, how long it took. */
import { Columns } from '../render/columns.ts';
import { EventClock } from '../render/time.ts';
import { Disks } from './parts/disks.ts';
import { COMM, PID, TID, TIME } from './parts/fields.ts';
import { FILTER, filters } from './parts/filter.ts';
import { PID_FLAG } from './parts/flags.ts';
import { program } from './parts/text.ts';
import { defineTool } from './tool.ts';

/**
 * A request is begun by the task that wants it, given to the device (perhaps by another task), and done in an interrupt:
 *
 *   begin: who, when ─▶ issue: when; which disk, sector, size ─▶ done: the event
 */
const COMMON = `
#include <linux/blkdev.h>
#include <linux/sched.h>

struct event {
    u64 ts;
    u64 queued;
    u64 latency;
    u64 sector;
    u32 bytes;
    u32 dev;
    u32 pid;
    u32 tid;
    char op;
    char comm[TASK_COMM_LEN];
};

struct request_key {
    u64 id;
    u32 dev;
    u32 unused;
};

struct io {
    u64 begin;
    u64 issue;
    u64 sector;
    u32 bytes;
    u32 dev;
    u32 pid;
    u32 tid;
    char op;
    char comm[TASK_COMM_LEN];
};

/* Requests that are merged into others never end: they are forgotten in time. */
BPF_TABLE("lru_hash", struct request_key, struct io, ios, 16384);
BPF_RINGBUF_OUTPUT(events, 64);

static inline int begin(struct request_key *key)
{
    u64 id = bpf_get_current_pid_tgid();
    struct io io = {};

    if (filtered())
        return 0;
    io.begin = bpf_ktime_get_ns();
    io.pid = id >> 32;
    io.tid = id;
    bpf_get_current_comm(io.comm, sizeof(io.comm));
    ios.update(key, &io);
    return 0;
}

static inline int issued(struct request_key *key, u32 dev, u64 sector, u32 bytes, char op)
{
    struct io *io;

#ifdef FILTER_DEV
    if (dev != FILTER_DEV) {
        ios.delete(key);
        return 0;
    }
#endif
    io = ios.lookup(key);
    if (!io)
        return 0;
    io->issue = bpf_ktime_get_ns();
    io->dev = dev;
    io->sector = sector;
    io->bytes = bytes;
    io->op = op;
    return 0;
}

static inline int done(struct request_key *key)
{
    struct io *io = ios.lookup(key);
    struct event e = {};

    if (!io)
        return 0;
    if (io->issue) {
        e.ts = bpf_ktime_get_ns();
        e.latency = e.ts - io->issue;
        e.queued = io->issue - io->begin;
        e.sector = io->sector;
        e.bytes = io->bytes;
        e.dev = io->dev;
        e.pid = io->pid;
        e.tid = io->tid;
        e.op = io->op;
        __builtin_memcpy(e.comm, io->comm, sizeof(e.comm));
        events.ringbuf_output(&e, sizeof(e), 0);
    }
    ios.delete(key);
    return 0;
}
`;

/** What the typed tracepoints share. */
const TYPED = `
#define MINOR_BITS 20

static inline u32 disk_number(struct request *rq)
{
#if LINUX_VERSION_CODE >= KERNEL_VERSION(5, 17, 0)
    struct gendisk *disk = rq->q->disk;
#else
    struct gendisk *disk = rq->rq_disk;
#endif
    return disk ? (u32)disk->major << MINOR_BITS | disk->first_minor : 0;
}

static inline char operation(struct request *rq)
{
    switch (rq->cmd_flags & REQ_OP_MASK) {
    case REQ_OP_READ:
        return 'R';
    case REQ_OP_WRITE:
        return 'W';
    case REQ_OP_FLUSH:
        return 'F';
    case REQ_OP_DISCARD:
    case REQ_OP_SECURE_ERASE:
        return 'D';
    default:
        return 'N';
    }
}
`;

const PROBES: Readonly<Record<string, string>> = {
  // Linux 6.5 counts I/O in tracepoints: begin and end of every request that is accounted for.
  typed: `
${TYPED}
BTF_TRACEPOINT_PROBE(block_io_start, struct request *rq)
{
    struct request_key key = { .id = (u64)rq };

    return begin(&key);
}

BTF_TRACEPOINT_PROBE(block_rq_issue, struct request *rq)
{
    struct request_key key = { .id = (u64)rq };

    return issued(&key, disk_number(rq), rq->__sector, rq->__data_len, operation(rq));
}

BTF_TRACEPOINT_PROBE(block_io_done, struct request *rq)
{
    struct request_key key = { .id = (u64)rq };

    return done(&key);
}
`,
  // Before, a request begins where its first bio is given one, and has that bio until it ends.
  bio: `
${TYPED}
BPF_TABLE("lru_hash", u64, struct request_key, requests, 16384);

BTF_TRACEPOINT_PROBE(block_getrq, struct bio *bio)
{
    struct request_key key = { .id = (u64)bio };

    return begin(&key);
}

BTF_TRACEPOINT_PROBE(block_rq_issue, struct request *rq)
{
    struct request_key key = { .id = (u64)rq->bio };
    u64 id = (u64)rq;

    if (!key.id)
        return 0;
    requests.update(&id, &key);
    return issued(&key, disk_number(rq), rq->__sector, rq->__data_len, operation(rq));
}

BTF_TRACEPOINT_PROBE(block_rq_complete, struct request *rq, blk_status_t error, unsigned int bytes)
{
    u64 id = (u64)rq;
    struct request_key *key, copy;

    /* Some drivers complete a request in parts. */
    if (bytes < rq->__data_len)
        return 0;
    key = requests.lookup(&id);
    if (!key)
        return 0;
    copy = *key;
    requests.delete(&id);
    return done(&copy);
}
`,
  // Without typed programs: by disk and sector, which the tracepoints tell.
  tracepoint: `
static inline char operation(const char *rwbs)
{
    /* An F in front of another letter: flush first. */
    return rwbs[0] == 'F' && rwbs[1] != 0 ? rwbs[1] : rwbs[0];
}

TRACEPOINT_PROBE(block, block_io_start)
{
    struct request_key key = { .id = args->sector, .dev = args->dev };

    return begin(&key);
}

TRACEPOINT_PROBE(block, block_rq_issue)
{
    struct request_key key = { .id = args->sector, .dev = args->dev };

    return issued(&key, args->dev, args->sector, args->bytes, operation(args->rwbs));
}

TRACEPOINT_PROBE(block, block_io_done)
{
    struct request_key key = { .id = args->sector, .dev = args->dev };

    return done(&key);
}
`,
};

interface Io {
  readonly ts: bigint;
  readonly queued: bigint;
  readonly latency: bigint;
  readonly sector: bigint;
  readonly bytes: number;
  readonly dev: number;
  readonly pid: number;
  readonly tid: number;
  readonly op: number;
  readonly comm: string;
}

interface Shown extends Io {
  readonly disk: string;
  readonly pattern: 'S' | 'R';
}

const OPS: Readonly<Record<string, string>> = { R: 'read', W: 'write', F: 'flush', D: 'discard' };
const letter = (e: Io): string => String.fromCharCode(e.op);
const SECTOR = 512;

export const tool = defineTool({
  name: 'biosnoop',
  topic: 'disk',
  summary: 'Trace block device I/O and print details including issuing PID',
  about:
    'Prints a line for each request to a block device when it is done: the process that wanted it, disk, kind, place, size, ' +
    'and the time from giving it to the device until it was done. Requests merged into another are part of that one.',
  flags: {
    queue: { type: 'boolean', short: 'Q', help: 'print the time in the queue, too' },
    disk: { type: 'string', short: 'd', value: 'DISK', help: 'only this disk' },
    pattern: { type: 'boolean', short: 'P', help: 'print whether the request goes on where the last one of the disk ended (S) or not (R)' },
    pid: PID_FLAG,
  },
  positionals: [],
  examples: [
    { command: 'biosnoop', help: 'all requests' },
    { command: 'biosnoop -Q', help: 'with the time in the queue' },
    { command: 'biosnoop -P', help: 'sequential or random' },
    { command: 'biosnoop --json', help: 'a JSON object for each' },
  ],
  fields: [
    TIME,
    COMM,
    PID,
    TID,
    { name: 'disk', type: 'string', help: 'name of the disk' },
    { name: 'op', type: 'string', help: 'read, write, flush, discard or other' },
    { name: 'sector', type: 'integer', help: 'where on the disk, in units of 512 bytes' },
    { name: 'bytes', type: 'integer', help: 'size of the request' },
    { name: 'sequential', type: 'boolean', help: 'whether it goes on where the last one of the disk ended' },
    { name: 'queued_ms', type: 'number', help: 'milliseconds until it was given to the device' },
    { name: 'latency_ms', type: 'number', help: 'milliseconds from there until it was done' },
  ],
  probes: [
    { id: 'typed', kind: 'tp_btf', targets: ['block_io_start', 'block_rq_issue', 'block_io_done'] },
    { id: 'tracepoint', kind: 'tracepoint', targets: ['block:block_io_start', 'block:block_rq_issue', 'block:block_io_done'] },
    { id: 'bio', kind: 'tp_btf', targets: ['block_getrq', 'block_rq_issue', 'block_rq_complete'], minKernel: '5.11' },
  ],
  program: (options, _args, { id }) =>
    program(
      { ...filters(options), FILTER_DEV: options.disk === undefined ? undefined : Number(options.disk) },
      FILTER,
      COMMON,
      PROBES[id ?? ''] ?? '',
    ),
  prepare: ({ options, kernel }) => (options.disk === undefined ? {} : { disk: String(new Disks(kernel).number(options.disk)) }),
  async run({ options, out, load, events, kernel }) {
    const bpf = await load();
    const clock = new EventClock();
    const disks = new Disks(kernel);
    const columns = new Columns<Shown>([
      { head: 'TIME(s)', format: '%-11.6f ', value: (e) => clock.sinceFirst(e.ts) },
      { head: 'COMM', format: '%-14.14s ', value: (e) => e.comm },
      { head: 'PID', format: '%-7d ', value: (e) => e.pid },
      { head: 'DISK', format: '%-9s ', value: (e) => e.disk },
      { head: 'T', format: '%-1s ', value: letter },
      { head: 'SECTOR', format: '%-10d ', value: (e) => e.sector },
      { head: 'BYTES', format: '%-7d', value: (e) => e.bytes },
      options.pattern && { head: 'P', format: '%-1s ', value: (e) => e.pattern },
      options.queue && { head: 'QUE(ms)', format: '%7.2f ', value: (e) => Number(e.queued) / 1e6 },
      { head: 'LAT(ms)', format: '%7.2f', value: (e) => Number(e.latency) / 1e6 },
    ]);
    out.line(columns.header);
    const ends = new Map<number, bigint>();
    await events<Io>(bpf, 'events', (event) => {
      const pattern = ends.get(event.dev) === event.sector ? 'S' : 'R';
      ends.set(event.dev, event.sector + BigInt(Math.ceil(event.bytes / SECTOR)));
      out.row(columns, { ...event, disk: disks.name(event.dev), pattern }, (e) => ({
        time: clock.iso(e.ts),
        comm: e.comm,
        pid: e.pid,
        tid: e.tid,
        disk: e.disk,
        op: OPS[letter(e)] ?? 'other',
        sector: e.sector,
        bytes: e.bytes,
        sequential: e.pattern === 'S',
        queued_ms: Number(e.queued) / 1e6,
        latency_ms: Number(e.latency) / 1e6,
      }));
    });
  },
});
