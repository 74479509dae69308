/** Searching what lies in order of offsets; objects may be large, and hostile ones are. */

/** The first index whose offset is not below `offset`. */
export function lowerBound(items: readonly { readonly offset: number }[], offset: number): number {
  let low = 0;
  let high = items.length;
  while (low < high) {
    const middle = (low + high) >>> 1;
    if (items[middle].offset < offset) low = middle + 1;
    else high = middle;
  }
  return low;
}

/** Items with offsets from `from` up to, not including, `to`. */
export function within<T extends { readonly offset: number }>(items: readonly T[], from: number, to: number): T[] {
  return items.slice(lowerBound(items, from), lowerBound(items, to));
}

export function byOffset(a: { readonly offset: number }, b: { readonly offset: number }): number {
  return a.offset - b.offset;
}
