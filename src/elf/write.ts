/**
 * ELF writer for relocatable BPF objects (64 bits, little endian).
 *
 * Given: sections, symbols and relocations in any order, by the handles that adding them gives. Promised: an object
 * that linkers and loaders take, the same for the same calls.
 *
 *   header | section data … | .rel… | .symtab | .strtab | section headers
 *
 * ELF wants local symbols before all others; they are sorted when the bytes are made.
 */
import { EM, ET, SHN, SHT, STB, STT, STV } from './constants.ts';
import { ElfError } from './error.ts';

export interface NewSection {
  readonly name: string;
  readonly type: number;
  readonly flags: number;
  readonly data: Uint8Array;
  /** For NOBITS: the size that `data` does not have. */
  readonly size?: number;
  readonly align?: number;
  readonly entrySize?: number;
}

export interface NewSymbol {
  readonly name: string;
  readonly value: number;
  readonly size: number;
  readonly binding: number;
  readonly type: number;
  readonly visibility?: number;
  /** Handle of a section, `undefined` for an undefined symbol. */
  readonly section: SectionHandle | undefined;
}

export interface SectionHandle {
  readonly section: number;
}
export interface SymbolHandle {
  readonly symbol: number;
}

interface Relocation {
  readonly offset: number;
  readonly symbol: SymbolHandle;
  readonly type: number;
}

const HEADER = 64;
const SECTION_HEADER = 64;
const SYMBOL = 24;
const REL = 16;
const toUtf8 = new TextEncoder();

export class ElfBuilder {
  readonly #sections: NewSection[] = [];
  readonly #symbols: NewSymbol[] = [];
  readonly #sectionSymbols = new Map<number, SymbolHandle>();
  readonly #relocations = new Map<number, Relocation[]>();

  section(section: NewSection): SectionHandle {
    return { section: this.#sections.push(section) - 1 };
  }

  symbol(symbol: NewSymbol): SymbolHandle {
    return { symbol: this.#symbols.push(symbol) - 1 };
  }

  /** The symbol that stands for a section; made when first asked for. */
  sectionSymbol(handle: SectionHandle): SymbolHandle {
    const known = this.#sectionSymbols.get(handle.section);
    if (known !== undefined) return known;
    const made = this.symbol({ name: '', value: 0, size: 0, binding: STB.LOCAL, type: STT.SECTION, section: handle });
    this.#sectionSymbols.set(handle.section, made);
    return made;
  }

  /** A relocation without addend (REL) of a place in a section. */
  relocation(handle: SectionHandle, offset: number, type: number, symbol: SymbolHandle): void {
    const list = this.#relocations.get(handle.section);
    if (list === undefined) this.#relocations.set(handle.section, [{ offset, type, symbol }]);
    else list.push({ offset, type, symbol });
  }

  bytes(): Uint8Array {
    const order = this.#symbols.map((_, i) => i).sort((a, b) => rank(this.#symbols[a]) - rank(this.#symbols[b]) || a - b);
    const place = new Map(order.map((from, i) => [from, i + 1]));
    const locals = order.filter((i) => this.#symbols[i].binding === STB.LOCAL).length + 1;
    const related = [...this.#relocations.keys()].sort((a, b) => a - b);
    const symtabIndex = 1 + this.#sections.length + related.length;
    if (symtabIndex + 2 >= SHN.LORESERVE) throw new ElfError('limit', `${symtabIndex} sections in one object`);

    const names = new Strings();
    const headers: Header[] = [EMPTY_HEADER];
    for (const s of this.#sections) {
      headers.push({
        ...EMPTY_HEADER,
        name: s.name,
        type: s.type,
        flags: s.flags,
        data: s.data,
        size: s.size ?? s.data.length,
        align: s.align ?? 1,
        entrySize: s.entrySize ?? 0,
      });
    }
    for (const section of related) {
      const data = this.#encodeRelocations(this.#relocations.get(section) ?? [], place);
      headers.push({
        ...EMPTY_HEADER,
        name: `.rel${this.#sections[section].name}`,
        type: SHT.REL,
        data,
        size: data.length,
        link: symtabIndex,
        info: section + 1,
        align: 8,
        entrySize: REL,
      });
    }
    const symbols = this.#encodeSymbols(order, names);
    headers.push({
      ...EMPTY_HEADER,
      name: '.symtab',
      type: SHT.SYMTAB,
      data: symbols,
      size: symbols.length,
      link: symtabIndex + 1,
      info: locals,
      align: 8,
      entrySize: SYMBOL,
    });
    headers.push({ ...EMPTY_HEADER, name: '.strtab', type: SHT.STRTAB });
    return assemble(headers, names);
  }

  #encodeRelocations(list: readonly Relocation[], place: ReadonlyMap<number, number>): Uint8Array {
    const bytes = new Uint8Array(list.length * REL);
    const view = new DataView(bytes.buffer);
    [...list]
      .sort((a, b) => a.offset - b.offset)
      .forEach((r, i) => {
        view.setUint32(i * REL, r.offset, true);
        view.setUint32(i * REL + 8, r.type, true);
        view.setUint32(i * REL + 12, place.get(r.symbol.symbol) ?? 0, true);
      });
    return bytes;
  }

  #encodeSymbols(order: readonly number[], names: Strings): Uint8Array {
    const bytes = new Uint8Array((order.length + 1) * SYMBOL);
    const view = new DataView(bytes.buffer);
    order.forEach((from, i) => {
      const symbol = this.#symbols[from];
      const at = (i + 1) * SYMBOL;
      view.setUint32(at, names.add(symbol.name), true);
      view.setUint8(at + 4, (symbol.binding << 4) | symbol.type);
      view.setUint8(at + 5, symbol.visibility ?? STV.DEFAULT);
      view.setUint16(at + 6, symbol.section === undefined ? SHN.UNDEF : symbol.section.section + 1, true);
      view.setBigUint64(at + 8, BigInt(symbol.value), true);
      view.setBigUint64(at + 16, BigInt(symbol.size), true);
    });
    return bytes;
  }
}

function rank(symbol: NewSymbol): number {
  if (symbol.binding !== STB.LOCAL) return 2;
  return symbol.type === STT.SECTION ? 0 : 1;
}

interface Header {
  readonly name: string;
  readonly type: number;
  readonly flags: number;
  readonly data: Uint8Array;
  readonly size: number;
  readonly link: number;
  readonly info: number;
  readonly align: number;
  readonly entrySize: number;
}

const EMPTY_HEADER: Header = { name: '', type: 0, flags: 0, data: new Uint8Array(0), size: 0, link: 0, info: 0, align: 0, entrySize: 0 };

/** Lays the sections out behind each other; the last one is the string table, complete only now. */
function assemble(headers: Header[], names: Strings): Uint8Array {
  const nameOffsets = headers.map((h) => names.add(h.name));
  const strings = names.bytes();
  const last = headers.length - 1;
  headers[last] = { ...headers[last], data: strings, size: strings.length, align: 1 };
  let end = HEADER;
  const offsets = headers.map((h) => {
    if (h.type === SHT.NULL) return 0;
    end = roundUp(end, h.align);
    const offset = end;
    if (h.type !== SHT.NOBITS) end += h.data.length;
    return offset;
  });
  const headersAt = roundUp(end, 8);
  const bytes = new Uint8Array(headersAt + headers.length * SECTION_HEADER);
  const view = new DataView(bytes.buffer);
  bytes.set([0x7f, 0x45, 0x4c, 0x46, 2, 1, 1]);
  view.setUint16(16, ET.REL, true);
  view.setUint16(18, EM.BPF, true);
  view.setUint32(20, 1, true);
  view.setBigUint64(40, BigInt(headersAt), true);
  view.setUint16(52, HEADER, true);
  view.setUint16(58, SECTION_HEADER, true);
  view.setUint16(60, headers.length, true);
  view.setUint16(62, last, true);
  headers.forEach((h, i) => {
    if (h.type !== SHT.NOBITS) bytes.set(h.data, offsets[i]);
    const at = headersAt + i * SECTION_HEADER;
    view.setUint32(at, nameOffsets[i], true);
    view.setUint32(at + 4, h.type, true);
    view.setBigUint64(at + 8, BigInt(h.flags), true);
    view.setBigUint64(at + 24, BigInt(offsets[i]), true);
    view.setBigUint64(at + 32, BigInt(h.size), true);
    view.setUint32(at + 40, h.link, true);
    view.setUint32(at + 44, h.info, true);
    view.setBigUint64(at + 48, BigInt(h.align), true);
    view.setBigUint64(at + 56, BigInt(h.entrySize), true);
  });
  return bytes;
}

class Strings {
  readonly #offsets = new Map<string, number>([['', 0]]);
  readonly #parts: Uint8Array[] = [];
  #size = 1;

  add(name: string): number {
    const known = this.#offsets.get(name);
    if (known !== undefined) return known;
    const offset = this.#size;
    const bytes = toUtf8.encode(name);
    this.#offsets.set(name, offset);
    this.#parts.push(bytes);
    this.#size += bytes.length + 1;
    return offset;
  }

  bytes(): Uint8Array {
    const result = new Uint8Array(this.#size);
    let at = 1;
    for (const part of this.#parts) {
      result.set(part, at);
      at += part.length + 1;
    }
    return result;
  }
}

function roundUp(value: number, to: number): number {
  return to <= 1 ? value : Math.ceil(value / to) * to;
}
