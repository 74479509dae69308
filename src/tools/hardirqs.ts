/**
 * hardirqs: how long do handlers of hard interrupts run? Hard interrupts do not interrupt each other, so a CPU runs at
 * most one handler at a time.
 *
 *   irq_handler_entry ─▶ start (this CPU's) = now ─▶ irq_handler_exit, handled ─▶ dist[irq, action] += now - start
 *
 * Names are looked up once for each handler, in the kernel by its `struct irqaction`; where reading the kernel's memory is
 * forbidden (lockdown), from /sys/kernel/irq, where handlers that share a line share an entry.
 */
import type { BPF } from '../bcc/bpf.ts';
import { linuxKernel } from '../kernel/linux.ts';
import { lockdownMode } from '../kernel/lockdown.ts';
import { readTextIfThere } from '../kernel/text.ts';
import { HIST, Histograms } from './parts/hist.ts';
import { heading, INTERVAL } from './parts/intervals.ts';
import { IRQ_FIELDS, IRQ_FLAGS, irqDefines, printHistograms, printSums, SUM, type Sum } from './parts/irq.ts';
import { Sums } from './parts/sums.ts';
import { program } from './parts/text.ts';
import { TYPED_TRACEPOINT, typedDefine, typedTracepoints } from './parts/typed-tracepoint.ts';
import { defineTool, type Positional } from './tool.ts';

const PROGRAM = `
struct handler {
    u64 action;
    u32 irq;
    u32 unused;
};

#ifdef DIST
BPF_HASH(dist, struct handler, struct hist, 1024);
#else
BPF_PERCPU_HASH(dist, struct handler, struct sum, 1024);
#endif
BPF_PERCPU_ARRAY(start, u64, 1);
#ifdef READ_NAMES
struct name {
    char text[32];
};
BPF_HASH(names, struct handler, struct name, 1024);
#endif

#ifdef FILTER_CPU
#define OTHER_CPU (bpf_get_smp_processor_id() != FILTER_CPU)
#else
#define OTHER_CPU 0
#endif

#ifndef COUNT_ONLY
TYPED_TRACEPOINT(irq_handler_entry, int irq, struct irqaction *action)
{
    int zero = 0;
    u64 *since = start.lookup(&zero);
    if (since)
        *since = bpf_ktime_get_ns();
    return 0;
}
#endif

TYPED_TRACEPOINT(irq_handler_exit, int irq, struct irqaction *action, int ret)
{
    u64 took = 0;

    if (OTHER_CPU)
        return 0;
#ifndef COUNT_ONLY
    int zero = 0;
    u64 *since = start.lookup(&zero);
    if (!since || *since == 0)
        return 0;
    took = bpf_ktime_get_ns() - *since;
    *since = 0;
#endif
    /* On a shared line each handler is asked; the interrupt was not this one's. */
    if (ret == IRQ_NONE)
        return 0;

    struct handler handler = { .action = (u64)action, .irq = irq };
#ifdef DIST
    struct hist *found = dist.lookup(&handler);
#else
    struct sum none = {};
    struct sum *found = dist.lookup(&handler);
#endif
    if (!found) {
#ifdef READ_NAMES
        struct name name = {};
        bpf_probe_read_kernel_str(&name.text, sizeof(name.text), action->name);
        names.update(&handler, &name);
#endif
#ifdef DIST
        found = dist.lookup_or_try_init(&handler, (void *)&no_hist);
#else
        found = dist.lookup_or_try_init(&handler, &none);
#endif
        if (!found)
            return 0;
    }
#ifdef DIST
    hist_add_shared(found, took / UNIT_NS);
#else
    found->count++;
    found->ns += took;
#endif
    return 0;
}
`;

interface Handler {
  readonly action: bigint;
  readonly irq: number;
}

const idOf = ({ action, irq }: Handler): string => `${irq} ${action}`;

export const tool = defineTool({
  name: 'hardirqs',
  topic: 'scheduler',
  summary: 'Measure hard IRQ (hard interrupt) event time',
  about:
    "The time that the kernel spends in devices' handlers of hard interrupts, by the name under which the driver asked for " +
    'the interrupt, as sums or as power-of-two histograms. Interrupts of the processor itself (timer, IPIs) have no handler ' +
    'of that kind and are not shown.',
  noCgroup: 'an interrupt belongs to no task',
  flags: { ...IRQ_FLAGS, count: { type: 'boolean', short: 'C', help: 'how often instead of how long' } },
  positionals: [INTERVAL[0] as Positional, { name: 'outputs', type: 'count', help: 'stop after so many outputs' }],
  examples: [
    { command: 'hardirqs', help: 'until Ctrl-C, then sums' },
    { command: 'hardirqs -d', help: 'histograms' },
    { command: 'hardirqs -C', help: 'how often each ran' },
    { command: 'hardirqs 1 10', help: 'once a second, ten times' },
    { command: 'hardirqs -NT 1', help: 'nanoseconds, with the time' },
    { command: 'hardirqs -c 1', help: 'CPU 1 alone' },
    { command: 'hardirqs --json 5', help: 'a JSON line for each' },
  ],
  fields: IRQ_FIELDS('hardirq', 'name of the handler: "eth0"'),
  probes: typedTracepoints('irq_handler_entry', 'irq_handler_exit'),
  program: (options, _args, choice) =>
    program(
      {
        ...irqDefines(options, options.count, '--count'),
        ...typedDefine(choice),
        READ_NAMES: lockdownMode(linuxKernel()) !== 'confidentiality',
      },
      '#include <linux/irqreturn.h>',
      options.dist ? HIST : SUM,
      TYPED_TRACEPOINT,
      PROGRAM,
    ),
  async run({ options, args, out, load, rounds }) {
    const bpf = await load();
    out.line(`Tracing hard irq ${options.count ? 'events' : 'event time'}... Hit Ctrl-C to end.`);
    const shape = { name: 'hardirq', format: '%-26s %11s', counts: options.count };
    const table = bpf.map('dist');
    const histograms = new Histograms<Handler>(table);
    const sums = new Sums<Handler, Sum>(table);
    const names = new HandlerNames(bpf);
    for await (const _ of rounds(args['interval'] as number | undefined, args['outputs'] as number | undefined)) {
      const time = heading(out, options.timestamp);
      if (options.dist) {
        const list = histograms.take().map((hist) => ({ irq: names.of(hist.key), hist }));
        printHistograms(out, time, list, shape, options);
        continue;
      }
      const byName = new Map<string, Sum>();
      for (const [handler, { count, ns }] of sums.take(idOf)) {
        const before = byName.get(names.of(handler));
        byName.set(names.of(handler), { count: count + (before?.count ?? 0n), ns: ns + (before?.ns ?? 0n) });
      }
      printSums(out, time, byName, shape, options);
    }
  },
});

/** Names of handlers: those that the program read, or the line's. */
class HandlerNames {
  private readonly known = new Map<string, string>();
  private readonly bpf: BPF;

  constructor(bpf: BPF) {
    this.bpf = bpf;
  }

  of(handler: Handler): string {
    const id = idOf(handler);
    let name = this.known.get(id);
    if (name === undefined) this.known.set(id, (name = this.read(handler)));
    return name;
  }

  private read(handler: Handler): string {
    const read = this.bpf.maps.includes('names') ? this.bpf.map<Handler, { readonly text: string }>('names').get(handler)?.text : undefined;
    const line = (): string | undefined => readTextIfThere(linuxKernel(), `/sys/kernel/irq/${handler.irq}/actions`)?.trim();
    return read || line() || `irq ${handler.irq}`;
  }
}
