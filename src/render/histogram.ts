/**
 * BCC's histograms, to the character.
 *
 * Slots of a log2 histogram: slot i counts the values of bit length i; slot 0 (the value 0, which BCC's `bpf_log2l`
 * never produces) is not printed but takes part in the scaling. Up to slot 32 the narrow form is used, above it the wide one.
 *
 *      Kbytes              : count     distribution
 *          0 -> 1          : 1        |********************                    |
 */
import { safe } from './safe.ts';

export type Count = number | bigint;

/** One printed row: values `low` to `high`, both included. */
export interface HistogramRow {
  readonly low: number;
  readonly high: number;
  readonly count: Count;
}

const SLOTS = 65;
const LINEAR_LIMIT = 1024;

/** The rows that BCC prints for these slots (index = slot); none when only slot 0 counts anything. */
export function log2Rows(slots: readonly Count[]): HistogramRow[] {
  const last = lastFilled(slots);
  const rows: HistogramRow[] = [];
  for (let i = 1; i <= last; i++) rows.push({ low: i === 1 ? 0 : 2 ** (i - 1), high: 2 ** i - 1, count: slots[i] ?? 0 });
  return rows;
}

export interface HistogramOptions {
  /** Skip rows before the first that counts something. */
  readonly stripLeadingZero?: boolean;
}

/** Text lines of a log2 histogram, without line ends. Empty when there is nothing to show. */
export function log2Lines(slots: readonly Count[], label: string, options: HistogramOptions = {}): string[] {
  if (slots.length > SLOTS) throw new RangeError(`a log2 histogram has ${SLOTS} slots, not ${slots.length}`);
  const last = lastFilled(slots);
  if (last <= 0) return [];
  const wide = last > 32;
  const stars = wide ? 20 : 40;
  const max = slots.reduce((a: Count, b) => (b > a ? b : a), 0);
  const title = safe(label);
  const lines = [
    wide ? `               ${title.padEnd(29)} : count     distribution` : `     ${title.padEnd(19)} : count     distribution`,
  ];
  const edge = wide ? 20 : 10;
  let strip = options.stripLeadingZero === true;
  for (let i = 1; i <= last; i++) {
    const count = slots[i] ?? 0;
    if (strip && isZero(count)) continue;
    strip = false;
    const low = i === 1 ? 0n : 1n << BigInt(i - 1);
    const high = (1n << BigInt(i)) - 1n;
    lines.push(`${String(low).padStart(edge)} -> ${String(high).padEnd(edge)} : ${String(count).padEnd(8)} |${bar(count, max, stars)}|`);
  }
  return lines;
}

/** Text lines of a linear histogram: one row for each index up to the last that counts something. */
export function linearLines(values: readonly Count[], label: string): string[] {
  if (values.length > LINEAR_LIMIT + 1)
    throw new RangeError(`index ${values.length - 1} of a linear histogram exceeds the maximum of ${LINEAR_LIMIT}`);
  const last = lastFilled(values);
  if (last < 0) return [];
  const max = values.reduce((a: Count, b) => (b > a ? b : a), 0);
  const lines = [`     ${safe(label).padEnd(13)} : count     distribution`];
  for (let i = 0; i <= last; i++) {
    const count = values[i] ?? 0;
    lines.push(`        ${String(i).padEnd(10)} : ${String(count).padEnd(8)} |${bar(count, max, 40)}|`);
  }
  return lines;
}

function lastFilled(values: readonly Count[]): number {
  let last = values.length - 1;
  while (last >= 0 && isZero(values[last] as Count)) last--;
  return last;
}

function isZero(count: Count): boolean {
  return count === 0 || count === 0n;
}

/** A star for each whole share of `width` that `value` reaches of `max`. Counts are far below 2^53. */
function bar(value: Count, max: Count, width: number): string {
  const share = (width * Number(value)) / Number(max);
  return '*'.repeat(Math.min(width, Math.floor(share))).padEnd(width);
}
