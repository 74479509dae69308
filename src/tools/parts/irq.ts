/**
 * What softirqs and hardirqs share: flags, the sums or histograms of each interrupt, and how they are shown.
 *
 *   per-CPU map of { count, ns } or of hists ─▶ rows by name ─▶ BCC's table (least first) | a histogram each
 */
import { UsageError } from '../../kernel/errors.ts';
import { printf } from '../../render/printf.ts';
import { safe } from '../../render/safe.ts';
import type { Output } from '../output.ts';
import type { FieldDoc } from '../tool.ts';
import type { Histogram } from './hist.ts';
import { TIME_FIELD, TIMESTAMP } from './intervals.ts';
import type { DefineValue } from './text.ts';

export const IRQ_FLAGS = {
  timestamp: TIMESTAMP,
  nanoseconds: { type: 'boolean', short: 'N', help: 'nanoseconds instead of microseconds' },
  dist: { type: 'boolean', short: 'd', help: 'histograms instead of sums' },
  cpu: { type: 'cpu', short: 'c', value: 'CPU', help: 'only on this CPU' },
} as const;

export interface IrqOptions {
  readonly nanoseconds: boolean;
  readonly dist: boolean;
  readonly cpu: number | undefined;
}

function checkIrqFlags(options: IrqOptions, counts: boolean, flag: string): void {
  if (counts && (options.dist || options.nanoseconds))
    throw new UsageError(`${flag} counts events and cannot be used with -d or -N, which are about times`);
}

/** `flag` asks for numbers of events instead of times, and `counts` says that it is there. */
export function irqDefines(options: IrqOptions, counts: boolean, flag: string): Readonly<Record<string, DefineValue>> {
  checkIrqFlags(options, counts, flag);
  return {
    FILTER_CPU: options.cpu,
    COUNT_ONLY: counts,
    DIST: options.dist,
    UNIT_NS: options.nanoseconds ? 1 : 1000,
  };
}

export const IRQ_FIELDS = (name: string, what: string): readonly FieldDoc[] => [
  TIME_FIELD,
  { name, type: 'string', help: what },
  { name: 'count', type: 'integer', help: 'how often it ran; not with -d' },
  { name: 'total', type: 'integer', help: 'time in it, in the unit; neither with -d nor when counting' },
  { name: 'unit', type: 'string', help: '"usecs" or "nsecs"; not when counting' },
  { name: 'buckets', type: 'array', help: 'rows with low and high (both included) and count, with -d' },
];

/** In the kernel, a `struct sum` of each interrupt. */
export const SUM = `
struct sum {
    u64 count;
    u64 ns;
};
`;

export interface Sum {
  readonly count: bigint;
  readonly ns: bigint;
}

export interface IrqShape {
  /** 'softirq': of the JSON field, and of the heading of a histogram. */
  readonly name: string;
  /** '%-16s %11s', BCC's columns. */
  readonly format: string;
  readonly counts: boolean;
}

/** The table of sums: the least first, as BCC has it. */
export function printSums(out: Output, time: string, sums: ReadonlyMap<string, Sum>, shape: IrqShape, options: IrqOptions): void {
  const { name, format, counts } = shape;
  const unit = options.nanoseconds ? 'nsecs' : 'usecs';
  const factor = options.nanoseconds ? 1n : 1000n;
  out.line(printf(format, name.toUpperCase(), `TOTAL_${counts ? 'count' : unit}`));
  const value = (sum: Sum): bigint => (counts ? sum.count : sum.ns);
  const rows = [...sums]
    .filter(([, sum]) => sum.count > 0n)
    .sort(([, a], [, b]) => (value(a) < value(b) ? -1 : value(a) > value(b) ? 1 : 0));
  for (const [irq, sum] of rows) {
    const times = counts ? {} : { total: sum.ns / factor, unit };
    out.record({ time, [name]: irq, count: sum.count, ...times }, printf(format, safe(irq), String(counts ? sum.count : sum.ns / factor)));
  }
}

export function printHistograms(
  out: Output,
  time: string,
  histograms: readonly { readonly irq: string; readonly hist: Histogram<unknown> }[],
  shape: IrqShape,
  options: IrqOptions,
): void {
  const unit = options.nanoseconds ? 'nsecs' : 'usecs';
  for (const { irq, hist } of histograms) {
    out.lines(['', `${shape.name} = ${safe(irq)}`]);
    out.log2(hist.slots, unit, { time, [shape.name]: irq });
  }
}
