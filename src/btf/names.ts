/**
 * Hash index over names in a string table: which entries have this name, without decoding any.
 *
 * An entry is the position of a word that holds a string offset; so types and enumerators are indexed the same way.
 *
 *     heads[hash of name] ─▶ entry ─chain▶ entry ─▶ … (both one more than the entry, 0 for none)
 */
import { nameBytes, type StringTable } from './strings.ts';

export class NameIndex {
  readonly #words: Uint32Array;
  readonly #entries: Uint32Array;
  readonly #strings: StringTable;
  readonly #heads: Int32Array;
  readonly #chain: Int32Array;

  /** `words[entries[i]]` is the string offset of entry i's name; 0 for none. */
  constructor(words: Uint32Array, entries: Uint32Array, strings: StringTable) {
    this.#words = words;
    this.#entries = entries;
    this.#strings = strings;
    let size = 16;
    while (size < entries.length) size *= 2;
    this.#heads = new Int32Array(size);
    this.#chain = new Int32Array(entries.length);
    fill(words, entries, strings, this.#heads, this.#chain);
  }

  /** Entries with that name, in no order. */
  *named(name: string): Generator<number> {
    const bytes = nameBytes(name);
    if (bytes.length === 0) return;
    const slot = mix(hashName(bytes, 0)) & (this.#heads.length - 1);
    for (let next = this.#heads[slot]; next !== 0; next = this.#chain[next - 1]) {
      if (this.#strings.equals(this.#words[this.#entries[next - 1]], bytes)) yield next - 1;
    }
  }
}

function fill(words: Uint32Array, entries: Uint32Array, strings: StringTable, heads: Int32Array, chain: Int32Array): void {
  const { bytes, start } = strings;
  const mask = heads.length - 1;
  for (let i = 0; i < entries.length; i++) {
    const offset = words[entries[i]];
    if (offset === 0) continue;
    let hash = 0;
    if (offset < start) hash = hashName(strings.bytesAt(offset), 0);
    // The same as `hashName`: a call costs much here until the engine has inlined it.
    else for (let at = offset - start, byte: number; (byte = bytes[at]) > 0; at++) hash = (Math.imul(hash, 31) + byte) | 0;
    const slot = mix(hash) & mask;
    chain[i] = heads[slot];
    heads[slot] = i + 1;
  }
}

function mix(hash: number): number {
  return hash ^ (hash >>> 15);
}

/** Ends at NUL, and at the end of the table, where `undefined > 0` is false. */
function hashName(bytes: Uint8Array, at: number): number {
  let hash = 0;
  for (let byte: number; (byte = bytes[at]) > 0; at++) hash = (Math.imul(hash, 31) + byte) | 0;
  return hash;
}
