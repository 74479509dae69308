/**
 * Ranges that overlap, cut into pieces that do not.
 *
 *   range 0  ├──────────────────┤            pieces  ├ 0 ┼── 1 ──┼ 2 ┼ 1 ┼ 0 ┤
 *   range 1      ├──────────────┤   later wins
 *   range 2              ├───┤
 *
 * Over each address the range with the highest index holds: the latest line of a perf map, the best of several symbols.
 * Given any ranges, hostile ones too, the time is n log n: a sweep over the sorted starts with a heap of what is open.
 */
import type { Sliced } from './sliced.ts';

/** Addresses above have no place here: user space ends far below on every machine that runs BPF. */
export const MAX_START = 2 ** 48 - 1;

/** A slice of the work: so many ranges, about a millisecond. */
const SLICE = 8192;
/** So many that an index takes 15 bits. */
const CHUNK = 2 ** 15;
const LIMIT = 2 ** 48;
const HIGH = 2 ** 17;

export class Pieces {
  /** Ascending. */
  readonly starts: Float64Array;
  /** First address behind each piece. */
  readonly ends: Float64Array;
  /** Index of the range that holds there. */
  readonly owners: Uint32Array;

  constructor(starts: Float64Array, ends: Float64Array, owners: Uint32Array) {
    this.starts = starts;
    this.ends = ends;
    this.owners = owners;
  }

  /** Index of the range that holds an address, -1 for none. */
  find(key: number): number {
    const { starts } = this;
    let low = 0;
    let high = starts.length;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if ((starts[middle] as number) <= key) low = middle + 1;
      else high = middle;
    }
    const at = low - 1;
    return at >= 0 && key < (this.ends[at] as number) ? (this.owners[at] as number) : -1;
  }
}

/** `starts[i]` is from 0 to `MAX_START`; `ends[i]` is the first address behind range i. */
export function* cut(starts: Float64Array, ends: Float64Array): Sliced<Pieces> {
  const order = yield* orderByStart(starts);
  // Each range opens at most one piece when it begins and lets one show again when it ends.
  const room = 2 * starts.length;
  const outStarts = new Float64Array(room);
  const outEnds = new Float64Array(room);
  const owners = new Uint32Array(room);
  let count = 0;
  const open = new MaxHeap(starts.length);
  let at = 0;
  const advance = (to: number): void => {
    while (open.size > 0 && at < to) {
      const top = open.top;
      const end = ends[top] as number;
      if (end <= at) {
        open.pop();
        continue;
      }
      const stop = end < to ? end : to;
      if (count > 0 && owners[count - 1] === top && outEnds[count - 1] === at) outEnds[count - 1] = stop;
      else {
        outStarts[count] = at;
        outEnds[count] = stop;
        owners[count++] = top;
      }
      at = stop;
    }
    at = to;
  };
  for (let i = 0; i < order.length; i++) {
    const range = order[i] as number;
    advance(starts[range] as number);
    open.push(range);
    if (i % SLICE === 0) yield;
  }
  advance(Number.POSITIVE_INFINITY);
  return new Pieces(outStarts.slice(0, count), outEnds.slice(0, count), owners.slice(0, count));
}

/**
 * Indices in the order of their starts, equal ones as they stand. Chunks are sorted natively, start and index in one
 * 64-bit word, and merged; what is in order already is only looked at.
 */
export function* orderByStart(starts: Float64Array): Sliced<Uint32Array> {
  const { length } = starts;
  let from = new Uint32Array(length);
  const words = new BigUint64Array(Math.min(length, CHUNK));
  const halves = new Uint32Array(words.buffer);
  for (let base = 0; base < length; base += CHUNK) {
    const size = Math.min(CHUNK, length - base);
    let ascending = true;
    let fits = true;
    for (let i = base; i < base + size; i++) {
      from[i] = i;
      const start = starts[i] as number;
      if (i > base && start < (starts[i - 1] as number)) ascending = false;
      if (!(start >= -LIMIT && start < LIMIT)) fits = false;
    }
    yield;
    if (ascending) continue;
    if (!fits) {
      // Kernels with tables of five levels may have addresses further down.
      from.subarray(base, base + size).sort((a, b) => (starts[a] as number) - (starts[b] as number) || a - b);
      continue;
    }
    for (let i = 0; i < size; i++) {
      // 49 bits of address above 15 of index. Those of the kernel are negative, and come first.
      const start = (starts[base + i] as number) + LIMIT;
      const high = Math.floor(start / HIGH);
      halves[2 * i] = ((start - high * HIGH) * CHUNK + i) >>> 0;
      halves[2 * i + 1] = high;
    }
    words.subarray(0, size).sort();
    for (let i = 0; i < size; i++) from[base + i] = base + ((halves[2 * i] as number) % CHUNK);
    yield;
  }
  let to = new Uint32Array(length);
  for (let width = CHUNK; width < length; width *= 2) {
    for (let base = 0; base < length; base += 2 * width) {
      const middle = Math.min(base + width, length);
      const end = Math.min(base + 2 * width, length);
      const key = (at: number): number => starts[from[at] as number] as number;
      if (middle === end || key(middle - 1) <= key(middle)) {
        to.set(from.subarray(base, end), base);
        continue;
      }
      for (let left = base, right = middle, at = base; at < end; at++) {
        const takeLeft =
          left < middle && (right >= end || (starts[from[left] as number] as number) <= (starts[from[right] as number] as number));
        to[at] = from[takeLeft ? left++ : right++] as number;
        if (at % SLICE === 0) yield;
      }
    }
    [from, to] = [to, from];
  }
  return from;
}

/** The largest of a set of indices. */
class MaxHeap {
  size = 0;
  private readonly items: Uint32Array;

  constructor(room: number) {
    this.items = new Uint32Array(room);
  }

  get top(): number {
    return this.items[0] as number;
  }

  push(value: number): void {
    const { items } = this;
    let at = this.size++;
    while (at > 0) {
      const parent = (at - 1) >> 1;
      if ((items[parent] as number) >= value) break;
      items[at] = items[parent] as number;
      at = parent;
    }
    items[at] = value;
  }

  pop(): void {
    const { items } = this;
    const size = --this.size;
    const value = items[size] as number;
    let at = 0;
    for (let child = 1; child < size; child = 2 * at + 1) {
      if (child + 1 < size && (items[child + 1] as number) > (items[child] as number)) child++;
      if ((items[child] as number) <= value) break;
      items[at] = items[child] as number;
      at = child;
    }
    items[at] = value;
  }
}
