/**
 * Power-of-two histograms, in the kernel and out of it.
 *
 *   program:  hist_add(hist, value)         one slot of a `struct hist` counts up     (HIST, below)
 *   map:      percpu_array of one hist      no lock, nothing shared between CPUs
 *             hash of hists by id           one for each process, disk, interrupt, …; atomic
 *   here:     new Histograms(table).take()  slots since the last time, added up over the CPUs
 *
 * Maps of which all keys are known beforehand are never cleared: what is shown is the difference to the time before, so
 * nothing that is counted meanwhile gets lost between reading and clearing. Maps with keys that come and go are drained.
 */
import type { Table } from '../../bcc/table.ts';
import { PerCpuMap, reduceSlots } from '../../maps/per-cpu.ts';
import type { Output } from '../output.ts';

/** A value above the last slot's counts there: 2^46 microseconds are two years. */
export const HIST = `
#define HIST_SLOTS 48

struct hist {
#ifdef HIST_TOTAL
    u64 total;
#endif
    u64 slots[HIST_SLOTS];
};

static const struct hist no_hist;

static inline u64 *hist_slot(struct hist *hist, u64 value)
{
#ifdef HIST_TOTAL
    __sync_fetch_and_add(&hist->total, value);
#endif
    u64 slot = bpf_log2l(value);
    return &hist->slots[slot < HIST_SLOTS ? slot : HIST_SLOTS - 1];
}

/* Into a hist of this CPU's own. */
static inline void hist_add(struct hist *hist, u64 value)
{
    *hist_slot(hist, value) += 1;
}

/* Into a hist that other CPUs write to as well. */
static inline void hist_add_shared(struct hist *hist, u64 value)
{
    __sync_fetch_and_add(hist_slot(hist, value), 1);
}
`;

interface Hist {
  readonly slots: readonly bigint[];
  /** Sum of the values; with HIST_TOTAL. */
  readonly total?: bigint;
}

export interface Histogram<K> {
  readonly key: K;
  readonly slots: readonly bigint[];
  readonly count: bigint;
  readonly total: bigint;
}

export class Histograms<K> {
  private readonly table: Table;
  private readonly before = new Map<unknown, Hist>();

  constructor(table: Table) {
    this.table = table;
  }

  /** What was counted since the last time, in the map's order; histograms without counts are left out. */
  take(): Histogram<K>[] {
    const found: Histogram<K>[] = [];
    const { map } = this.table;
    const keyed = !map.spec.type.endsWith('array');
    for (const [key, value] of keyed ? this.table.drain() : this.table.entries()) {
      const now = (map instanceof PerCpuMap ? reduceSlots(value as unknown as Hist[], add) : value) as unknown as Hist;
      const before = keyed ? undefined : this.before.get(key);
      if (!keyed) this.before.set(key, now);
      const slots = now.slots.map((n, i) => n - (before?.slots[i] ?? 0n));
      const count = slots.reduce((sum, n) => sum + n, 0n);
      if (count > 0n) found.push({ key: key as unknown as K, slots, count, total: (now.total ?? 0n) - (before?.total ?? 0n) });
    }
    return found;
  }
}

const add = (a: number | bigint, b: number | bigint): bigint => BigInt(a) + BigInt(b);

/** BCC's `-e`: mean, sum and number of all that was measured. */
export function extensionLines(out: Output, { total, count }: ReturnType<typeof sums>, unit: string): void {
  if (count > 0n) out.lines(['', `avg = ${total / count} ${unit}, total: ${total} ${unit}, count: ${count}`, '']);
}

/** Of several histograms together. */
export function sums(histograms: readonly Histogram<unknown>[]): { readonly total: bigint; readonly count: bigint } {
  let total = 0n;
  let count = 0n;
  for (const histogram of histograms) {
    total += histogram.total;
    count += histogram.count;
  }
  return { total, count };
}
