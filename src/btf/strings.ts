/**
 * The string table of one BTF: NUL-terminated UTF-8, addressed by byte offset.
 *
 * Most callers want few of the 125,000 names of a kernel, some want all. Few are picked out one by one; after that
 * the whole table becomes one JavaScript string whose slices cost next to nothing.
 */
import { BtfError } from './error.ts';

const decoder = new TextDecoder();
const encoder = new TextEncoder();
/** About where decoding 2 MB at once has become cheaper than going on one by one. */
const FEW = 2000;

export class StringTable {
  readonly bytes: Uint8Array;
  /** Offset of this table's first byte: behind the base's strings in split BTF. */
  readonly start: number;
  readonly #base: StringTable | undefined;
  #reads = 0;
  /** The whole table, once asked often and if it is plain ASCII, so that offsets agree. */
  #text: string | undefined;

  constructor(bytes: Uint8Array, base?: StringTable) {
    this.bytes = bytes;
    this.start = base === undefined ? 0 : base.end;
    this.#base = base;
  }

  get end(): number {
    return this.start + this.bytes.length;
  }

  at(offset: number): string {
    if (offset < this.start && this.#base !== undefined) return this.#base.at(offset);
    const from = offset - this.start;
    const { bytes } = this;
    if (from >= bytes.length) {
      // Offset 0 means "no name" even where there are no strings at all.
      if (offset === 0) return '';
      throw new BtfError('truncated', `name at offset ${offset} is outside the string table of ${this.end} bytes`);
    }
    if (this.#text !== undefined) {
      const to = this.#text.indexOf('\0', from);
      return this.#text.slice(from, to < 0 ? undefined : to);
    }
    if (++this.#reads === FEW) {
      const text = decoder.decode(bytes);
      if (text.length === bytes.length) this.#text = text;
    }
    let to = from;
    let high = 0;
    for (let byte: number; (byte = bytes[to]) > 0; to++) high |= byte;
    const name = bytes.subarray(from, to);
    return high < 0x80 && name.length < 256 ? String.fromCharCode.apply(null, name as unknown as number[]) : decoder.decode(name);
  }

  /** The bytes of the name there without its NUL; empty when out of range. */
  bytesAt(offset: number): Uint8Array {
    if (offset < this.start && this.#base !== undefined) return this.#base.bytesAt(offset);
    const from = offset - this.start;
    let to = from;
    while (this.bytes[to] > 0) to++;
    return this.bytes.subarray(from, to);
  }

  equals(offset: number, name: Uint8Array): boolean {
    if (offset < this.start && this.#base !== undefined) return this.#base.equals(offset, name);
    const { bytes } = this;
    const from = offset - this.start;
    for (let i = 0; i < name.length; i++) if (bytes[from + i] !== name[i]) return false;
    return !(bytes[from + name.length] > 0);
  }
}

/** A name as it stands in a string table, for comparing without decoding. */
export function nameBytes(name: string): Uint8Array {
  return encoder.encode(name);
}
