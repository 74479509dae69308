/**
 * The symbols of one ELF file: which function holds an address, where a function is.
 *
 *   .symtab   (or the one of a separate debug file) ─┐
 *   .dynsym                                          ├─▶ functions, one per address ─▶ pieces
 *   .gnu_debugdata, a compressed small .symtab       ┘
 *
 * A process knows addresses in memory, a mapping turns them into offsets in the file, the program headers into the
 * virtual addresses that symbol tables use. Symbols stay columns of numbers; a name becomes a string when somebody asks.
 */
import { type ElfFile, type ElfStrings, type ElfSymbols, PF, PT, SHN, SHT, STB, STT } from '../elf/index.ts';
import { debugSymbols } from './debug-files.ts';
import { cut, MAX_START, orderByStart, type Pieces } from './pieces.ts';
import type { Sliced } from './sliced.ts';

export interface ImageSymbol {
  /** As the linker has it. */
  readonly name: string;
  readonly offset: number;
}

interface Segment {
  readonly offset: number;
  readonly size: number;
  readonly address: number;
}

const SLICE = 8192;

export class Image {
  readonly buildId: string | undefined;
  /** It has more symbols, which could not be waited for. */
  readonly partial: boolean;
  private readonly segments: readonly Segment[];
  private readonly tables: readonly ElfSymbols[];
  private readonly pieces: Pieces;
  /** Of range i: where it starts, which table it is of, its index there. */
  private readonly starts: Float64Array;
  private readonly symbols: Uint32Array;
  private readonly tableOf: Uint8Array;
  private readonly names: (string | undefined)[] = [];

  private constructor(elf: ElfFile, tables: readonly ElfSymbols[], found: Functions, pieces: Pieces, partial: boolean) {
    this.partial = partial;
    this.buildId = buildIdOf(elf);
    this.segments = elf.segments
      .filter((s) => s.type === PT.LOAD && s.fileSize > 0)
      // Pages are mapped whole: the end of one segment's may hold the start of another's. Code is what is looked for.
      .toSorted((a, b) => (b.flags & PF.X) - (a.flags & PF.X))
      .map((s) => ({ offset: s.offset, size: s.fileSize, address: Number(s.address) }));
    this.tables = tables;
    this.pieces = pieces;
    this.starts = found.starts;
    this.symbols = found.symbols;
    this.tableOf = found.tableOf;
  }

  /** `path`: of the file as its process sees it; `roots`: where debug files are looked for. Throws `ElfError`. */
  static *load(elf: ElfFile, path: string, roots: readonly string[]): Sliced<Image> {
    const own = symbolTables(elf);
    const debug = yield* debugSymbols(elf, path, roots);
    const tables = [...debug.tables, ...own];
    const found = yield* collect(elf, tables);
    const pieces = yield* cut(found.starts, found.ends);
    return new Image(elf, tables, found, pieces, debug.partial);
  }

  get size(): number {
    return this.starts.length;
  }

  /** The function at an offset in the file. */
  find(fileOffset: number): ImageSymbol | undefined {
    const address = this.addressOf(fileOffset);
    return address === undefined ? undefined : this.findAddress(address);
  }

  findAddress(address: number): ImageSymbol | undefined {
    const index = this.pieces.find(address);
    return index < 0 ? undefined : { name: this.name(index), offset: address - (this.starts[index] as number) };
  }

  /** Virtual address of what lies at an offset in the file; undefined where nothing is loaded. */
  addressOf(fileOffset: number): number | undefined {
    const segment = this.segments.find((s) => fileOffset >= s.offset && fileOffset < s.offset + s.size);
    return segment && fileOffset - segment.offset + segment.address;
  }

  private name(index: number): string {
    const table = this.tables[this.tableOf[index] as number] as ElfSymbols;
    return (this.names[index] ??= withoutVersion(table.at(this.symbols[index] as number)?.name ?? ''));
  }
}

interface Functions {
  readonly starts: Float64Array;
  readonly ends: Float64Array;
  readonly sizes: Float64Array;
  readonly symbols: Uint32Array;
  readonly tableOf: Uint8Array;
}

/** The symbol tables of a file, the fuller first. A broken one is left out. */
export function symbolTables(elf: ElfFile): ElfSymbols[] {
  const tables: ElfSymbols[] = [];
  for (const type of [SHT.SYMTAB, SHT.DYNSYM]) {
    for (const section of elf.sections.filter((s) => s.type === type)) {
      try {
        tables.push(elf.symbols(section));
      } catch {
        // The other one may be whole.
      }
    }
  }
  return tables;
}

function* collect(elf: ElfFile, tables: readonly ElfSymbols[]): Sliced<Functions> {
  const code = elf.segments
    .filter((s) => s.type === PT.LOAD && (s.flags & PF.X) !== 0)
    .map((s) => ({ from: Number(s.address), to: Number(s.address) + Number(s.memorySize) }));
  // Most files have one, and most symbols are in the one of the symbol before.
  let last: (typeof code)[number] | undefined;
  const limit = (address: number): number => {
    if (last === undefined || address < last.from || address >= last.to) last = code.find((s) => address >= s.from && address < s.to);
    return last?.to ?? 0;
  };
  const room = tables.reduce((sum, table) => sum + table.length, 0);
  const all = {
    starts: new Float64Array(room),
    ends: new Float64Array(room),
    sizes: new Float64Array(room),
    symbols: new Uint32Array(room),
    tableOf: new Uint8Array(room),
    ranks: new Uint8Array(room),
  };
  let count = 0;
  for (const [tableIndex, table] of tables.entries()) {
    const columns = table.columns();
    yield;
    for (let i = 0; i < table.length; i++) {
      if (i % SLICE === 0) yield;
      const type = columns.types[i] as number;
      if (columns.sections[i] === SHN.UNDEF || (type !== STT.FUNC && type !== STT.GNU_IFUNC && type !== STT.NOTYPE)) continue;
      const start = columns.values[i] as number;
      const end = start <= MAX_START ? limit(start) : 0;
      if (end === 0) continue;
      const size = columns.sizes[i] as number;
      const name = columns.names[i] as number;
      if (type === STT.NOTYPE && !namesCode(table.strings, name)) continue;
      all.starts[count] = start;
      all.sizes[count] = size;
      all.ends[count] = Math.min(start + size, end);
      all.symbols[count] = i;
      all.tableOf[count] = tableIndex;
      all.ranks[count++] = rank(type, columns.bindings[i] as number, size, table.strings, name);
    }
  }
  return yield* best(all, count, limit);
}

/**
 * Of the symbols at one address the best one. Those without a size (labels of assembly) reach to the next symbol and come
 * first in the result: a range with a size holds over them, and an inner range over an outer one.
 */
function* best(all: Functions & { readonly ranks: Uint8Array }, count: number, limit: (address: number) => number): Sliced<Functions> {
  const starts = all.starts.subarray(0, count);
  const order = yield* orderByStart(starts);
  const chosen = new Uint32Array(count);
  const ends = new Float64Array(count);
  let kept = 0;
  let unsized = 0;
  for (let i = 0; i < count; kept++) {
    if (kept % SLICE === 0) yield;
    let one = order[i] as number;
    const start = starts[one] as number;
    let end = all.ends[one] as number;
    for (i++; i < count && starts[order[i] as number] === start; i++) {
      const other = order[i] as number;
      if ((all.ranks[other] as number) > (all.ranks[one] as number)) one = other;
      end = Math.max(end, all.ends[other] as number);
    }
    chosen[kept] = one;
    ends[kept] = end;
    if (end <= start) {
      unsized++;
      ends[kept] = Math.min(i < count ? (starts[order[i] as number] as number) : Number.POSITIVE_INFINITY, limit(start));
    }
  }
  const result = {
    starts: new Float64Array(kept),
    ends: new Float64Array(kept),
    sizes: new Float64Array(kept),
    symbols: new Uint32Array(kept),
    tableOf: new Uint8Array(kept),
  };
  for (let i = 0, label = 0, range = unsized; i < kept; i++) {
    if (i % SLICE === 0) yield;
    const from = chosen[i] as number;
    const to = all.sizes[from] === 0 ? label++ : range++;
    result.starts[to] = starts[from] as number;
    result.ends[to] = ends[i] as number;
    result.sizes[to] = all.sizes[from] as number;
    result.symbols[to] = all.symbols[from] as number;
    result.tableOf[to] = all.tableOf[from] as number;
  }
  return result;
}

/** Which of several symbols at an address is shown: one with a size, that others may use, whose name begins with few underscores. */
function rank(type: number, binding: number, size: number, strings: ElfStrings, name: number): number {
  let underscores = 0;
  while (underscores < 3 && strings.bytes[name + underscores] === UNDERSCORE) underscores++;
  // The mangled names of C++ and Rust begin with one.
  if (underscores === 1 && MANGLED.has(strings.bytes[name + 1] as number)) underscores = 0;
  const shared = binding === STB.LOCAL ? 0 : 32;
  return (size > 0 ? 64 : 0) + shared + (3 - underscores) * 4 + (binding === STB.GLOBAL ? 2 : 0) + (type === STT.NOTYPE ? 0 : 1);
}

const UNDERSCORE = 95;
const MANGLED = new Set(['Z', 'R'].map((letter) => letter.charCodeAt(0)));

/** Labels without a type may stand for data, sections or the assembler's own marks ('$x'). */
function namesCode(strings: ElfStrings, name: number): boolean {
  const first = strings.bytes[name];
  return first !== undefined && first !== 0 && first !== 0x24 && first !== 0x2e;
}

/** 'memcpy@@GLIBC_2.14' is memcpy. */
function withoutVersion(name: string): string {
  const at = name.indexOf('@');
  return at > 0 ? name.slice(0, at) : name;
}

function buildIdOf(elf: ElfFile): string | undefined {
  try {
    return elf.buildId();
  } catch {
    return undefined;
  }
}
