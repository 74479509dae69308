/**
 * biolatency: how long do block devices take?
 *
 *   request issued (with -Q: made) ─▶ start[request] = now ─▶ completed ─▶ now - start[request]
 */
import { UsageError } from '../kernel/errors.ts';
import { linuxKernel } from '../kernel/linux.ts';
import { safe } from '../render/safe.ts';
import { BLOCK_EVENTS, BLOCK_IO, blockDefines, DISK_OF } from './parts/block-io.ts';
import { Disks } from './parts/disks.ts';
import { FILTER, filters } from './parts/filter.ts';
import { extensionLines, HIST, Histograms, sums } from './parts/hist.ts';
import { heading, INTERVAL, roundsOf, TIME_FIELD, TIMESTAMP } from './parts/intervals.ts';
import { requestWords } from './parts/request-flags.ts';
import { program } from './parts/text.ts';
import { defineTool } from './tool.ts';

const PROGRAM = `
#include <linux/blk-mq.h>

BPF_HASH(start, struct request *, u64);
#ifdef BY_KEY
BPF_HASH(dist, u32, struct hist, 1024);
#else
BPF_PERCPU_ARRAY(dist, struct hist, 1);
#endif

static inline void begin(struct request *req)
{
    if (filtered())
        return;
#ifdef FILTER_DISK
    if (disk_of(req) != FILTER_DISK)
        return;
#endif
    u64 now = bpf_ktime_get_ns();
    start.update(&req, &now);
}

static inline int was_made(struct request *req)
{
    return start.lookup(&req) != 0;
}

static inline void made(struct request *req)
{
    begin(req);
}

static inline void issued(struct request *req)
{
    begin(req);
}

static inline void completed(struct request *req)
{
    u64 *since = start.lookup(&req);
    if (!since)
        return;
    u64 took = (bpf_ktime_get_ns() - *since) / UNIT_NS;
    start.delete(&req);
#ifdef BY_KEY
    u32 key = BY_KEY;
    struct hist *hist = dist.lookup_or_try_init(&key, (void *)&no_hist);
    if (hist)
        hist_add_shared(hist, took);
#else
    int one = 0;
    struct hist *hist = dist.lookup(&one);
    if (hist)
        hist_add(hist, took);
#endif
}
`;

const BY_DISK = '#define BY_KEY (disk_of(req))\n';
const BY_FLAGS = '#define BY_KEY (req->cmd_flags)\n';

export const tool = defineTool({
  name: 'biolatency',
  topic: 'disk',
  summary: 'Summarize block device I/O latency as a histogram',
  about:
    'Measures the time from when a request is issued to a block device until it completes, and prints a power-of-two ' +
    'histogram. With -Q the time starts when the request is made, so that waiting in the queues of the kernel counts, too. ' +
    'A cgroup is that of the task that issues (with -Q: makes) the request: of buffered writes, that is a worker of the kernel.',
  flags: {
    timestamp: TIMESTAMP,
    queued: { type: 'boolean', short: 'Q', help: 'count the time in the queues of the kernel, too' },
    milliseconds: { type: 'boolean', short: 'm', help: 'milliseconds instead of microseconds' },
    disks: { type: 'boolean', short: 'D', help: 'a histogram for each disk' },
    flags: { type: 'boolean', short: 'F', help: 'a histogram for each set of I/O flags' },
    extension: { type: 'boolean', short: 'e', help: 'mean, sum and number, too' },
    json: { type: 'boolean', short: 'j', help: 'one JSON object a line instead of text' },
    disk: { type: 'string', short: 'd', value: 'DISK', help: 'only this disk' },
  },
  positionals: INTERVAL,
  examples: [
    { command: 'biolatency', help: 'until Ctrl-C, then one histogram' },
    { command: 'biolatency 1 10', help: 'once a second, ten times' },
    { command: 'biolatency -mT 1', help: 'milliseconds, with the time' },
    { command: 'biolatency -Q', help: 'time in the queues included' },
    { command: 'biolatency -D 5 1', help: 'each disk by itself, for five seconds' },
    { command: 'biolatency -F 5 1', help: 'reads, writes, synchronous ones, … by themselves' },
    { command: 'biolatency -e --json 1', help: 'a JSON line a second, with mean and sum' },
  ],
  fields: [
    TIME_FIELD,
    { name: 'disk', type: 'string', help: 'with -D' },
    { name: 'flags', type: 'string', help: 'words for operation and flags, with -F: "Sync-Write"' },
    { name: 'unit', type: 'string', help: '"usecs" or "msecs"' },
    { name: 'buckets', type: 'array', help: 'rows with low and high (both included) and count' },
    { name: 'total', type: 'integer', help: 'sum of the latencies, with -e' },
    { name: 'count', type: 'integer', help: 'number of requests, with -e' },
  ],
  probes: BLOCK_IO,
  program(options, _args, choice) {
    const { disk } = options;
    const defines = {
      ...filters(options),
      ...blockDefines(choice),
      FILTER_DISK: disk === undefined ? undefined : new Disks(linuxKernel()).number(disk),
      [options.queued ? 'NEEDS_MADE' : 'NEEDS_ISSUED']: true,
      HIST_TOTAL: options.extension,
      UNIT_NS: options.milliseconds ? 1_000_000 : 1000,
    };
    if (options.disks && options.flags) throw new UsageError('-D and -F cannot be used together');
    const by = options.disks ? BY_DISK : options.flags ? BY_FLAGS : '';
    return program(defines, by, FILTER, HIST, DISK_OF, PROGRAM, BLOCK_EVENTS);
  },
  async run({ options, args, out, load, rounds }) {
    const bpf = await load();
    out.line('Tracing block device I/O... Hit Ctrl-C to end.');
    const histograms = new Histograms<number>(bpf.map('dist'));
    const unit = options.milliseconds ? 'msecs' : 'usecs';
    const by = options.disks ? 'disk' : options.flags ? 'flags' : undefined;
    const disks = new Disks(linuxKernel());
    const words = requestWords(bpf.facts);
    const name = (key: number): string => (options.disks ? disks.name(key) : words(key));
    for await (const _ of roundsOf({ args, rounds })) {
      const time = heading(out, options.timestamp);
      const found = histograms.take();
      for (const { key, slots, total, count } of found) {
        if (by !== undefined) out.lines(['', `${by} = ${safe(name(key))}`]);
        const section = by === undefined ? {} : { [by]: name(key) };
        out.log2(slots, unit, { time, ...section, ...(options.extension ? { total, count } : {}) });
      }
      if (options.extension) extensionLines(out, sums(found), unit);
    }
  },
});
