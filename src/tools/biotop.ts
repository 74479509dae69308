/**
 * biotop: which processes use the disks?
 *
 *   request made ─▶ of[request] = pid, comm ─▶ issued ─▶ + time, bytes ─▶ completed ─▶ counts[pid, comm, disk, direction]
 */
import { linuxKernel } from '../kernel/linux.ts';
import { Columns } from '../render/columns.ts';
import { BLOCK_EVENTS, BLOCK_IO, blockDefines, DISK_OF } from './parts/block-io.ts';
import { Disks } from './parts/disks.ts';
import { FILTER, filters } from './parts/filter.ts';
import { EVERY_SECOND, roundsOf, TIME_FIELD } from './parts/intervals.ts';
import { program } from './parts/text.ts';
import { topHeading } from './parts/top.ts';
import { defineTool } from './tool.ts';

const PROGRAM = `
#include <linux/blk-mq.h>
#include <linux/sched.h>

struct who {
    u64 issued;
    u64 bytes;
    u32 pid;
    char comm[TASK_COMM_LEN];
};

struct info {
    u32 pid;
    u32 dev;
    u32 write;
    char comm[TASK_COMM_LEN];
};

struct sum {
    u64 io;
    u64 bytes;
    u64 ns;
};

BPF_HASH(of, struct request *, struct who);
BPF_HASH(counts, struct info, struct sum);

static inline void made(struct request *req)
{
    struct who who = {};

    if (filtered())
        return;
    who.pid = bpf_get_current_pid_tgid() >> 32;
    bpf_get_current_comm(&who.comm, sizeof(who.comm));
    of.update(&req, &who);
}

static inline int was_made(struct request *req)
{
    return of.lookup(&req) != 0;
}

static inline void issued(struct request *req)
{
    struct who *who = of.lookup(&req);
    if (!who)
        return;
    who->issued = bpf_ktime_get_ns();
    who->bytes = req->__data_len;
}

static inline void completed(struct request *req)
{
    struct who *who = of.lookup(&req);
    if (!who)
        return;
    if (who->issued) {
        struct info info = {};
        struct sum none = {};

        info.pid = who->pid;
        info.dev = disk_of(req);
        info.write = (req->cmd_flags & REQ_OP_MASK) == REQ_OP_WRITE;
        __builtin_memcpy(info.comm, who->comm, sizeof(info.comm));
        struct sum *sum = counts.lookup_or_try_init(&info, &none);
        if (sum) {
            __sync_fetch_and_add(&sum->io, 1);
            __sync_fetch_and_add(&sum->bytes, who->bytes);
            __sync_fetch_and_add(&sum->ns, bpf_ktime_get_ns() - who->issued);
        }
    }
    of.delete(&req);
}
`;

interface Info {
  readonly pid: number;
  readonly dev: number;
  readonly write: number;
  readonly comm: string;
}

interface Sum {
  readonly io: bigint;
  readonly bytes: bigint;
  readonly ns: bigint;
}

interface Row {
  readonly pid: number;
  readonly comm: string;
  readonly direction: 'R' | 'W';
  readonly major: number;
  readonly minor: number;
  readonly disk: string;
  readonly io: number;
  readonly kbytes: number;
  readonly avgMs: number;
}

const COLUMNS = new Columns<Row>([
  { head: 'PID', format: '%-7d ', value: (r) => r.pid },
  { head: 'COMM', format: '%-16s ', value: (r) => r.comm },
  { head: 'D', format: '%1s ', value: (r) => r.direction },
  { head: 'MAJ', format: '%-3d ', value: (r) => r.major },
  { head: 'MIN', format: '%-3d ', value: (r) => r.minor },
  { head: 'DISK', format: '%-8s ', value: (r) => r.disk },
  { head: 'I/O', format: '%5d ', value: (r) => r.io },
  { head: 'Kbytes', format: '%7.1f ', value: (r) => r.kbytes },
  { head: 'AVGms', format: '%6.2f', value: (r) => r.avgMs },
]);

const MINOR_BITS = 20;

function rowOf(disks: Disks, { pid, comm, dev, write }: Info, { io, bytes, ns }: Sum): Row {
  return {
    pid,
    comm,
    direction: write ? 'W' : 'R',
    major: dev >>> MINOR_BITS,
    minor: dev & ((1 << MINOR_BITS) - 1),
    disk: disks.name(dev),
    io: Number(io),
    kbytes: Number(bytes) / 1024,
    avgMs: io === 0n ? 0 : Number(ns) / 1e6 / Number(io),
  };
}

export const tool = defineTool({
  name: 'biotop',
  topic: 'disk',
  summary: 'Block device (disk) I/O by process',
  about:
    'Every second, a table of the processes whose requests block devices completed: how many, how much, and how long the ' +
    'device took. A process is that which made the request; writes that the kernel does later are those of its workers. ' +
    'Before Linux 6.5 it is the process that queued or issued the request, which is nearly always the same.',
  flags: {
    noclear: { type: 'boolean', short: 'C', help: 'do not clear the screen' },
    maxrows: { type: 'count', short: 'r', default: 20, help: 'rows to show' },
    pid: { type: 'pid', short: 'p', help: 'only this process' },
  },
  positionals: EVERY_SECOND,
  examples: [
    { command: 'biotop', help: 'once a second' },
    { command: 'biotop -C', help: 'without clearing the screen' },
    { command: 'biotop -p 181', help: 'process 181 alone' },
    { command: 'biotop 5 10', help: 'every five seconds, ten times' },
    { command: 'biotop --json 5', help: 'a JSON line for each process, disk and direction' },
  ],
  fields: [
    TIME_FIELD,
    { name: 'pid', type: 'integer', help: 'process' },
    { name: 'comm', type: 'string', help: 'its name' },
    { name: 'direction', type: 'string', help: '"R" or "W"; everything that is no write is a read' },
    { name: 'major', type: 'integer', help: 'number of the disk' },
    { name: 'minor', type: 'integer', help: 'number of the disk' },
    { name: 'disk', type: 'string', help: 'name of the disk' },
    { name: 'io', type: 'integer', help: 'requests completed' },
    { name: 'kbytes', type: 'number', help: 'their size together, in Kbytes' },
    { name: 'avg_ms', type: 'number', help: 'mean time at the device, in milliseconds' },
  ],
  probes: BLOCK_IO,
  program: (options, _args, choice) =>
    program({ ...filters(options), ...blockDefines(choice), NEEDS_MADE: true, NEEDS_ISSUED: true }, FILTER, DISK_OF, PROGRAM, BLOCK_EVENTS),
  async run({ options, args, out, load, rounds }) {
    const bpf = await load();
    out.line(`Tracing... Output every ${args['interval']} secs. Hit Ctrl-C to end`);
    const counts = bpf.map<Info, Sum>('counts');
    const disks = new Disks(linuxKernel());
    for await (const _ of roundsOf({ args, rounds })) {
      const time = topHeading(out, { clear: !options.noclear });
      out.line(COLUMNS.header);
      const rows = [...counts.drain()].map(([info, sum]) => rowOf(disks, info, sum)).sort((a, b) => b.kbytes - a.kbytes || a.pid - b.pid);
      for (const row of rows.slice(0, options.maxrows)) {
        const { avgMs, ...rest } = row;
        out.row(COLUMNS, row, () => ({ time, ...rest, avg_ms: avgMs }));
      }
    }
    out.line('Detaching...');
  },
});
