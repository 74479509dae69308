/** biopattern: do disks read and write one after the other, or here and there? */
import { linuxKernel } from '../kernel/linux.ts';
import { Columns } from '../render/columns.ts';
import { clockText } from '../render/time.ts';
import { Disks } from './parts/disks.ts';
import { INTERVAL, roundsOf, TIME_FIELD } from './parts/intervals.ts';
import { program } from './parts/text.ts';
import { defineTool } from './tool.ts';

const PROGRAM = `
struct counter {
    u64 next;
    u64 bytes;
    u64 sequential;
    u64 random;
};

BPF_HASH(counters, u32, struct counter, 1024);

TRACEPOINT_PROBE(block, block_rq_complete)
{
    struct counter none = {};
    u32 dev = args->dev;
    u64 sector = args->sector;
    u32 sectors = args->nr_sector;

#ifdef FILTER_DISK
    if (dev != FILTER_DISK)
        return 0;
#endif
    /* Flushes have no place on the disk. */
    if (sectors == 0)
        return 0;
    struct counter *counter = counters.lookup_or_try_init(&dev, &none);
    if (!counter)
        return 0;
    /* The first one follows nothing. */
    if (counter->next) {
        if (counter->next == sector)
            __sync_fetch_and_add(&counter->sequential, 1);
        else
            __sync_fetch_and_add(&counter->random, 1);
        __sync_fetch_and_add(&counter->bytes, (u64)sectors * 512);
    }
    counter->next = sector + sectors;
    return 0;
}
`;

interface Counter {
  readonly bytes: bigint;
  readonly sequential: bigint;
  readonly random: bigint;
}

interface Row {
  readonly time: Date;
  readonly disk: string;
  readonly random: number;
  readonly sequential: number;
  readonly count: number;
  readonly kbytes: number;
}

const COLUMNS = new Columns<Row>([
  { head: 'TIME', format: '%-9s ', value: (r) => clockText(r.time.getTime()) },
  { head: 'DISK', format: '%-7s ', value: (r) => r.disk },
  { head: '%RND', format: '%5d ', value: (r) => r.random },
  { head: '%SEQ', format: '%5d ', value: (r) => r.sequential },
  { head: 'COUNT', format: '%8d ', value: (r) => r.count },
  { head: 'KBYTES', format: '%10d', value: (r) => r.kbytes },
]);

export const tool = defineTool({
  name: 'biopattern',
  topic: 'disk',
  summary: 'Identify random/sequential disk access patterns',
  about:
    'For each disk, the share of requests that begin where the one before ended (sequential) and of those that do not ' +
    '(random), counted when they complete. The first request of each disk has none before it and is not counted.',
  noCgroup: 'a request completes in an interrupt, which belongs to no task',
  flags: { disk: { type: 'string', short: 'd', value: 'DISK', help: 'only this disk' } },
  positionals: INTERVAL,
  examples: [
    { command: 'biopattern', help: 'all disks, until Ctrl-C' },
    { command: 'biopattern 1 10', help: 'once a second, ten times' },
    { command: 'biopattern --json 5', help: 'a JSON line for each disk' },
  ],
  fields: [
    TIME_FIELD,
    { name: 'disk', type: 'string', help: 'name of the disk' },
    { name: 'random_percent', type: 'integer', help: 'share of random requests' },
    { name: 'sequential_percent', type: 'integer', help: 'share of sequential requests' },
    { name: 'random', type: 'integer', help: 'random requests' },
    { name: 'sequential', type: 'integer', help: 'sequential requests' },
    { name: 'bytes', type: 'integer', help: 'their size together' },
  ],
  probes: [{ kind: 'tracepoint', targets: ['block:block_rq_complete'] }],
  program: ({ disk }) => program({ FILTER_DISK: disk === undefined ? undefined : new Disks(linuxKernel()).number(disk) }, PROGRAM),
  async run({ args, out, load, rounds }) {
    const bpf = await load();
    out.line(COLUMNS.header);
    const disks = new Disks(linuxKernel());
    const counters = bpf.map<number, Counter>('counters');
    const before = new Map<number, Counter>();
    for await (const _ of roundsOf({ args, rounds })) {
      const time = new Date();
      for (const [dev, now] of counters.entries()) {
        const then = before.get(dev);
        before.set(dev, now);
        const random = now.random - (then?.random ?? 0n);
        const sequential = now.sequential - (then?.sequential ?? 0n);
        const bytes = now.bytes - (then?.bytes ?? 0n);
        const count = Number(random + sequential);
        if (count === 0) continue;
        const share = Math.round((Number(random) * 100) / count);
        const row = { time, disk: disks.name(dev), random: share, sequential: 100 - share, count, kbytes: Number(bytes) / 1024 };
        out.row(COLUMNS, row, ({ disk }) => ({
          time: time.toISOString(),
          disk,
          random_percent: share,
          sequential_percent: 100 - share,
          random,
          sequential,
          bytes,
        }));
      }
    }
  },
});
