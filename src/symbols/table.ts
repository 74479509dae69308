/**
 * Sorted symbols of one image: "which function holds this address?" by binary search.
 *
 * Addresses are kept as numbers: a 64-bit address, read as signed, has at most 48 significant bits on the machines
 * that run BPF, which a double holds exactly. Kernel addresses are then negative and sort before user ones.
 */

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
    const order = new Uint32Array(starts.length);
    for (let i = 0; i < order.length; i++) order[i] = i;
    if (!ascending(starts)) {
      // Sorting numbers natively and indices by lookup: stable, so equal starts keep their order.
      order.sort((a, b) => (starts[a] as number) - (starts[b] as number) || a - b);
    }
    this.order = order;
    this.starts = starts.length === 0 ? starts : Float64Array.from(order, (i) => starts[i] as number);
    this.ends = ends && Float64Array.from(order, (i) => ends[i] as number);
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

function ascending(values: Float64Array): boolean {
  for (let i = 1; i < values.length; i++) if ((values[i] as number) < (values[i - 1] as number)) return false;
  return true;
}
