/** softirqs: how long do soft interrupts run? They do not interrupt each other, so a CPU has at most one at a time. */
import { HIST, Histograms } from './parts/hist.ts';
import { heading, INTERVAL, roundsOf } from './parts/intervals.ts';
import { IRQ_FIELDS, IRQ_FLAGS, irqDefines, printHistograms, printSums, SUM, type Sum } from './parts/irq.ts';
import { Sums } from './parts/sums.ts';
import { program } from './parts/text.ts';
import { TYPED_TRACEPOINT, typedDefine, typedTracepoints } from './parts/typed-tracepoint.ts';
import { defineTool } from './tool.ts';

/** Names by number: include/linux/interrupt.h. */
const NAMES = ['hi', 'timer', 'net_tx', 'net_rx', 'block', 'irq_poll', 'tasklet', 'sched', 'hrtimer', 'rcu'] as const;

const PROGRAM = `
#define VECTORS ${NAMES.length}

#ifdef DIST
BPF_PERCPU_ARRAY(dist, struct hist, VECTORS);
#else
BPF_PERCPU_ARRAY(dist, struct sum, VECTORS);
#endif

#ifdef FILTER_CPU
#define OTHER_CPU (bpf_get_smp_processor_id() != FILTER_CPU)
#else
#define OTHER_CPU 0
#endif

#ifdef COUNT_ONLY
TYPED_TRACEPOINT(softirq_entry, unsigned int vec)
{
    if (OTHER_CPU)
        return 0;
    struct sum *sum = dist.lookup(&vec);
    if (sum)
        sum->count++;
    return 0;
}
#else
BPF_PERCPU_ARRAY(start, u64, VECTORS);

TYPED_TRACEPOINT(softirq_entry, unsigned int vec)
{
    if (OTHER_CPU)
        return 0;
    u64 *since = start.lookup(&vec);
    if (since)
        *since = bpf_ktime_get_ns();
    return 0;
}

TYPED_TRACEPOINT(softirq_exit, unsigned int vec)
{
    if (OTHER_CPU)
        return 0;
    u64 *since = start.lookup(&vec);
    if (!since || *since == 0)
        return 0;
    u64 took = bpf_ktime_get_ns() - *since;
    *since = 0;
#ifdef DIST
    struct hist *hist = dist.lookup(&vec);
    if (hist)
        hist_add(hist, took / UNIT_NS);
#else
    struct sum *sum = dist.lookup(&vec);
    if (sum) {
        sum->count++;
        sum->ns += took;
    }
#endif
    return 0;
}
#endif
`;

export const tool = defineTool({
  name: 'softirqs',
  topic: 'scheduler',
  summary: 'Measure soft IRQ (soft interrupt) event time',
  about:
    'The time that the kernel spends in each kind of soft interrupt (network, timers, block devices, RCU, …), as sums or ' +
    'as power-of-two histograms. Hard interrupts that come meanwhile are part of it.',
  noCgroup: 'a soft interrupt runs on behalf of no task',
  flags: { ...IRQ_FLAGS, events: { type: 'boolean', short: 'C', help: 'how often instead of how long' } },
  positionals: INTERVAL,
  examples: [
    { command: 'softirqs', help: 'until Ctrl-C, then sums' },
    { command: 'softirqs -C', help: 'how often each ran' },
    { command: 'softirqs -d', help: 'histograms' },
    { command: 'softirqs 1 10', help: 'once a second, ten times' },
    { command: 'softirqs -NT 1', help: 'nanoseconds, with the time' },
    { command: 'softirqs -c 1', help: 'CPU 1 alone' },
    { command: 'softirqs --json 5', help: 'a JSON line for each' },
  ],
  fields: IRQ_FIELDS('softirq', 'kind of soft interrupt: "net_rx"'),
  probes: typedTracepoints('softirq_entry', 'softirq_exit'),
  program: (options, _args, choice) =>
    program(
      { ...irqDefines(options, options.events, '--events'), ...typedDefine(choice) },
      options.dist ? HIST : SUM,
      TYPED_TRACEPOINT,
      PROGRAM,
    ),
  async run({ options, args, out, load, rounds }) {
    const bpf = await load();
    out.line(`Tracing soft irq ${options.events ? 'events' : 'event time'}... Hit Ctrl-C to end.`);
    const shape = { name: 'softirq', format: '%-16s %11s', counts: options.events };
    const name = (vec: number): string => NAMES[vec] ?? String(vec);
    const table = bpf.map('dist');
    const histograms = new Histograms<number>(table);
    const sums = new Sums<number, Sum>(table);
    for await (const _ of roundsOf({ args, rounds })) {
      const time = heading(out, options.timestamp);
      if (options.dist) {
        const list = histograms.take().map((hist) => ({ irq: name(hist.key), hist }));
        printHistograms(out, time, list, shape, options);
      } else printSums(out, time, new Map(sums.take().map(([vec, sum]) => [name(vec), sum])), shape, options);
    }
  },
});
