/**
 * Lazy BTF reader.
 *
 * Given: the bytes of a BTF blob (a kernel's is 5.5 MB with 127,000 types), perhaps the BTF that it builds on.
 * Promised: a `BtfSource` after one pass that only notes where each type starts (`scan.ts`). Names are hashed when
 * one is first searched for (`names.ts`), types are decoded when asked for and kept.
 *
 *     header        types                     layout      strings
 *   ┌────────┬───────────────────────────┬──────────────┬─────────┐
 *   │ where  │ info · size · elements …  │ size of each │ names   │
 *   └────────┴───────────────────────────┴──────────────┴─────────┘
 *                 ▲ offsets[id]             kind (new)
 *
 * BTF grows: a longer header, more kinds, more elements. What this reader does not know is skipped by the layout
 * section where there is one; where there is none, reading stops in front of it, and `warnings` says so. Only bytes
 * that are no BTF at all are refused. Nothing in a blob can make the reader crash or run on: every offset is checked
 * while indexing, and a bad name or id is a `BtfError` when the type that has it is asked for.
 *
 * Source: include/uapi/linux/btf.h, Documentation/bpf/btf.rst.
 */
import { decodeType } from './decode.ts';
import { BtfError } from './error.ts';
import { BTF_MAGIC, BTF_VERSION, HEADER_SIZE, HEADER_SIZE_LAYOUT, RAW, RAW_KIND } from './format.ts';
import { NameIndex } from './names.ts';
import { enumeratorsOf, indexTypes, type Layout, makeLayout, ownerOf, type TypeIndex } from './scan.ts';
import { closest } from './similar.ts';
import { StringTable } from './strings.ts';
import type { BtfKind, BtfSource, BtfType } from './types.ts';

export interface BtfReaderOptions {
  /** What split BTF builds on: the kernel's for a module's, `.BTF.base` for a `.BTF` beside one. */
  readonly base?: BtfReader;
}

const VOID: BtfType = { kind: 'void' };

export class BtfReader implements BtfSource {
  readonly size: number;
  /** What could not be read, in words. Empty for BTF that was understood completely. */
  readonly warnings: readonly string[];
  /** Of bytes that end before the header says: what is missing. */
  readonly cutOff: string | undefined;
  readonly #base: BtfReader | undefined;
  /** First id of its own. */
  readonly #first: number;
  readonly #strings: StringTable;
  readonly #layout: Layout;
  readonly #words: Uint32Array;
  readonly #index: TypeIndex;
  /** Own types that were asked for. */
  readonly #cache: (BtfType | undefined)[];
  #names: NameIndex | undefined;
  #enumerators: Uint32Array | undefined;
  #enumeratorNames: NameIndex | undefined;
  readonly #nameAt = (offset: number): string => this.#strings.at(offset);

  constructor(bytes: Uint8Array, options: BtfReaderOptions = {}) {
    const warnings: string[] = [];
    const header = readHeader(bytes, warnings);
    this.cutOff = header.cutOff;
    const base = options.base;
    this.#base = base;
    this.#first = base === undefined ? 1 : base.size;
    this.#strings = new StringTable(header.strings, base === undefined ? undefined : base.#strings);
    this.#layout = makeLayout(header.layout, base === undefined ? undefined : base.#layout);
    this.#words = header.words;
    this.#index = indexTypes(header.words, this.#layout, this.#first, warnings);
    this.#cache = new Array<BtfType | undefined>(this.#index.offsets.length);
    this.size = this.#first + this.#index.offsets.length;
    this.warnings = warnings;
  }

  type(id: number): BtfType {
    const own = id - this.#first;
    const known = this.#cache[own];
    if (known !== undefined) return known;
    if (id === 0) return VOID;
    if (own < 0 && this.#base !== undefined) return this.#base.type(id);
    const at = this.#index.offsets[own];
    if (at === undefined) {
      throw new BtfError('badType', `type id ${id} is out of range: the highest is ${this.size - 1}`);
    }
    const type = decodeType(this.#words, at, id, this.#nameAt);
    this.#cache[own] = type;
    return type;
  }

  find(name: string, ...kinds: BtfKind[]): number | undefined {
    const inBase = this.#base?.find(name, ...kinds);
    if (inBase !== undefined) return inBase;
    let best: number | undefined;
    for (const id of this.#matches(name, kinds)) if (best === undefined || id < best) best = id;
    return best;
  }

  findAll(name: string, ...kinds: BtfKind[]): number[] {
    const own = [...this.#matches(name, kinds)].sort((a, b) => a - b);
    return this.#base === undefined ? own : [...this.#base.findAll(name, ...kinds), ...own];
  }

  findEnumerator(name: string): { readonly id: number; readonly value: bigint } | undefined {
    const inBase = this.#base?.findEnumerator(name);
    if (inBase !== undefined) return inBase;
    this.#enumerators ??= enumeratorsOf(this.#words, this.#index.enums);
    this.#enumeratorNames ??= new NameIndex(this.#words, this.#enumerators, this.#strings);
    let first: number | undefined;
    for (const entry of this.#enumeratorNames.named(name)) if (first === undefined || entry < first) first = entry;
    if (first === undefined) return undefined;
    const id = ownerOf(this.#index.offsets, this.#enumerators[first]) + this.#first;
    const type = this.type(id);
    const found = type.kind === 'enum' || type.kind === 'enum64' ? type.values.find((v) => v.name === name) : undefined;
    return found === undefined ? undefined : { id, value: found.value };
  }

  *enumeratorNames(beginning: string): Generator<string> {
    if (this.#base !== undefined) yield* this.#base.enumeratorNames(beginning);
    this.#enumerators ??= enumeratorsOf(this.#words, this.#index.enums);
    for (const word of this.#enumerators) {
      const name = this.#strings.at(this.#words[word] ?? 0);
      if (name.startsWith(beginning)) yield name;
    }
  }

  similar(name: string, ...kinds: BtfKind[]): string[] {
    return closest(name, this.#candidates(kindMask(kinds)));
  }

  /** A string by its offset, as `.BTF.ext` refers to them. */
  text(offset: number): string {
    return this.#strings.at(offset);
  }

  /** The own ids of these kinds, ascending; of all kinds without. Does not decode. */
  *ids(...kinds: BtfKind[]): Generator<number> {
    const wanted = kindMask(kinds);
    for (let own = 0; own < this.#index.offsets.length; own++) {
      if (wanted[this.#rawKind(own)] === 1) yield own + this.#first;
    }
  }

  #rawKind(own: number): number {
    return (this.#words[this.#index.offsets[own] + 1] >>> 24) & 0x7f;
  }

  *#matches(name: string, kinds: readonly BtfKind[]): Generator<number> {
    const wanted = kindMask(kinds);
    this.#names ??= new NameIndex(this.#words, this.#index.offsets, this.#strings);
    for (const own of this.#names.named(name)) {
      if (wanted[this.#rawKind(own)] === 1) yield own + this.#first;
    }
  }

  /** Names of the kinds wanted as bytes: nothing is decoded to be compared. */
  *#candidates(wanted: Uint8Array): Generator<Uint8Array> {
    if (this.#base !== undefined) yield* this.#base.#candidates(wanted);
    const { offsets } = this.#index;
    for (let own = 0; own < offsets.length; own++) {
      const name = this.#words[offsets[own]];
      if (name !== 0 && wanted[this.#rawKind(own)] === 1) yield this.#strings.bytesAt(name);
    }
  }
}

interface Header {
  readonly words: Uint32Array;
  readonly strings: Uint8Array;
  readonly layout: Uint8Array | undefined;
  readonly cutOff: string | undefined;
}

function readHeader(bytes: Uint8Array, warnings: string[]): Header {
  if (bytes.length < HEADER_SIZE) throw new BtfError('truncated', `BTF of ${bytes.length} bytes has no complete header`);
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const magic = view.getUint16(0, true);
  if (magic === ((BTF_MAGIC & 0xff) << 8) + (BTF_MAGIC >> 8)) {
    throw new BtfError('unsupported', 'BTF of a big-endian machine is not supported');
  }
  if (magic !== BTF_MAGIC) throw new BtfError('format', `not BTF: magic is 0x${magic.toString(16)} instead of 0xeb9f`);
  const version = bytes[2];
  if (version !== BTF_VERSION) warnings.push(`BTF version is ${version}: reading it as version ${BTF_VERSION}`);
  const length = view.getUint32(4, true);
  if (length < HEADER_SIZE || length > bytes.length) {
    throw new BtfError('format', `BTF header length ${length} does not fit ${bytes.length} bytes`);
  }
  let cutOff: string | undefined;
  const section = (what: string, at: number): Uint8Array => {
    const from = length + view.getUint32(at, true);
    const to = from + view.getUint32(at + 4, true);
    if (to > bytes.length) warnings.push((cutOff = `the ${what} section ends at ${to}, but there are only ${bytes.length} bytes`));
    return bytes.subarray(Math.min(from, bytes.length), Math.min(to, bytes.length));
  };
  const types = section('type', 8);
  const layout = length >= HEADER_SIZE_LAYOUT ? section('layout', 24) : undefined;
  return { words: asWords(types), strings: section('string', 16), layout, cutOff };
}

function asWords(bytes: Uint8Array): Uint32Array {
  const length = bytes.length >> 2;
  if ((bytes.byteOffset & 3) === 0) return new Uint32Array(bytes.buffer, bytes.byteOffset, length);
  const copy = bytes.slice(0, length * 4);
  return new Uint32Array(copy.buffer, 0, length);
}

/** 1 for each kind number asked for. */
function kindMask(kinds: readonly BtfKind[]): Uint8Array {
  const mask = new Uint8Array(128);
  if (kinds.length === 0) return mask.fill(1);
  for (const kind of kinds) {
    const raw = RAW_KIND.get(kind);
    if (raw !== undefined) mask[raw] = 1;
    else if (kind === 'unknown') mask.fill(1, RAW.LAST + 1).fill(1, 0, 1);
  }
  return mask;
}
