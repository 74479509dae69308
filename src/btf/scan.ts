/**
 * Passes over a whole BTF, on the way of every tool's start: 127,000 types of a kernel, so nothing but arithmetic.
 *
 * Each pass is a function with one small loop. They start in the interpreter, and how soon the compiled loop takes
 * over depends on its size: all in one loop needs 14 ms, where scanning takes 3.5 and hashing names 6.
 */
import { KINDS, RAW, TYPE_SIZE } from './format.ts';

/** By kind number: words of the fixed part and of each element; `UNKNOWN` where it cannot be known. */
export interface Layout {
  readonly fixed: Uint8Array;
  readonly element: Uint8Array;
}

/** In `Layout.fixed`: no way to know where the next type starts. */
const UNKNOWN = 0xff;

/** Sizes of kinds, from the layout section where there is one. A split BTF shares its base's. */
export function makeLayout(section: Uint8Array | undefined, base: Layout | undefined): Layout {
  const fixed = base === undefined ? new Uint8Array(128).fill(UNKNOWN) : base.fixed.slice();
  const element = base === undefined ? new Uint8Array(128) : base.element.slice();
  if (section !== undefined) {
    // Four bytes a kind: size of the fixed part, size of an element, flags. The kernel wants multiples of four.
    for (let kind = 0; kind < 128 && kind * 4 + 4 <= section.length; kind++) {
      const [fixedSize, elementSize] = [section[kind * 4], section[kind * 4 + 1]];
      if (((fixedSize | elementSize) & 3) !== 0) continue;
      fixed[kind] = fixedSize >> 2;
      element[kind] = elementSize >> 2;
    }
  }
  // What is known here is fixed by the ABI; a layout section cannot change it.
  for (const k of KINDS) {
    fixed[k.raw] = k.fixed >> 2;
    element[k.raw] = k.element >> 2;
  }
  return { fixed, element };
}

export interface TypeIndex {
  /** Word offset of each type. */
  readonly offsets: Uint32Array;
  /** Word offset of each enum. */
  readonly enums: readonly number[];
}

/** Finds where each type starts. Stops in front of the first one that cannot be read, with a warning. */
export function indexTypes(words: Uint32Array, layout: Layout, first: number, warnings: string[]): TypeIndex {
  const { fixed, element } = layout;
  const end = words.length;
  const offsets = new Uint32Array(Math.floor((end * 4) / TYPE_SIZE));
  const enums: number[] = [];
  let count = 0;
  let at = 0;
  while (at + 3 <= end) {
    const info = words[at + 1];
    const kind = (info >>> 24) & 0x7f;
    const size = fixed[kind];
    if (size === UNKNOWN) break;
    const next = at + 3 + size + (info & 0xffffff) * element[kind];
    if (next > end) break;
    if (kind === RAW.ENUM || kind === RAW.ENUM64) enums.push(at);
    offsets[count++] = at;
    at = next;
  }
  if (at !== end) warnings.push(whyStopped(words, at, layout, first + count));
  return { offsets: offsets.subarray(0, count), enums };
}

function whyStopped(words: Uint32Array, at: number, layout: Layout, id: number): string {
  const kind = (words[at + 1] >>> 24) & 0x7f;
  const why =
    at + 3 <= words.length && layout.fixed[kind] === UNKNOWN
      ? `is of unknown kind ${kind} and there is no layout for it`
      : 'reaches beyond the type section';
  return `type ${id} ${why}: it and all after it are left out`;
}

/** Word offsets of all enumerators (19,000 in a kernel). */
export function enumeratorsOf(words: Uint32Array, enums: readonly number[]): Uint32Array {
  let count = 0;
  for (const at of enums) count += words[at + 1] & 0xffffff;
  const result = new Uint32Array(count);
  let n = 0;
  for (const at of enums) {
    const info = words[at + 1];
    const step = ((info >>> 24) & 0x7f) === RAW.ENUM ? 2 : 3;
    for (let i = info & 0xffffff, word = at + 3; i > 0; i--, word += step) result[n++] = word;
  }
  return result;
}

/** The position in `offsets` of the type that the word belongs to. */
export function ownerOf(offsets: Uint32Array, word: number): number {
  let low = 0;
  let high = offsets.length;
  while (high - low > 1) {
    const middle = (low + high) >>> 1;
    if (offsets[middle] <= word) low = middle;
    else high = middle;
  }
  return low;
}
