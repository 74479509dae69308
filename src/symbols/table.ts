/**
 * Sorted symbols of one image: "which function holds this address?" by binary search.
 *
 * Addresses are kept as numbers: a 64-bit address, read as signed, has at most 48 significant bits on the machines
 * that run BPF, which a double holds exactly. Kernel addresses are then negative and sort before user ones.
 */
import { orderByStart } from './pieces.ts';
import { atOnce } from './sliced.ts';

/** The number that stands for a 64-bit address in tables. */
export function addressKey(address: bigint): number {
  return Number(BigInt.asIntN(64, address));
}

export interface Found {
  /** Index in the table as built. */
  readonly index: number;
  /** Bytes from the start of the symbol. */
  readonly offset: number;
}

export class AddressTable {
  private readonly starts: Float64Array;
  private readonly ends: Float64Array | undefined;
  private readonly order: Uint32Array;

  /**
   * `starts[i]` and, where sizes are known, `ends[i]` (first address behind) of symbol i, in any order. Among symbols
   * with the same start the later one is found.
   */
  constructor(starts: Float64Array, ends?: Float64Array) {
    this.order = atOnce(orderByStart(starts));
    this.starts = inOrder(starts, this.order);
    this.ends = ends && inOrder(ends, this.order);
  }

  get size(): number {
    return this.starts.length;
  }

  /** The symbol that holds the address; undefined before the first one and, with sizes, between two. */
  find(key: number): Found | undefined {
    const { starts } = this;
    let low = 0;
    let high = starts.length;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if ((starts[middle] as number) <= key) low = middle + 1;
      else high = middle;
    }
    const at = low - 1;
    if (at < 0) return undefined;
    if (this.ends && key >= (this.ends[at] as number)) return undefined;
    return { index: this.order[at] as number, offset: key - (starts[at] as number) };
  }
}

function inOrder(values: Float64Array, order: Uint32Array): Float64Array {
  const sorted = new Float64Array(values.length);
  for (let i = 0; i < sorted.length; i++) sorted[i] = values[order[i] as number] as number;
  return sorted;
}
