/**
 * ELF reader, for objects of any machine: BPF objects, executables, shared libraries, kernel modules, debug files.
 *
 * Given: bytes, or a source that reads ranges of a file (an executable may be large, and little of it is wanted).
 * Promised: headers at once; everything else when asked for. Every offset, size and index is checked against the
 * file before it is used, and what is wrong is an `ElfError`, as these files belong to whoever is traced. 32 and 64
 * bits, both byte orders.
 *
 *   ELF header ─▶ segments (what a process maps)      notes, build id
 *             └─▶ sections (what a linker sees)       symbols, strings, relocations, notes, debug link
 *
 * Source: System V ABI, chapters 4 and 5.
 */
import { PT, SHF, SHN, SHT } from './constants.ts';
import { ElfError } from './error.ts';
import { type ElfNote, parseNotes } from './notes.ts';
import { ElfStrings } from './strings.ts';
import { ElfSymbols } from './symbols.ts';

/** Where the bytes come from. `read` gives fewer bytes only at the end. */
export interface ByteSource {
  readonly size: number;
  read(offset: number, length: number): Uint8Array;
}

export interface ElfSection {
  readonly index: number;
  readonly name: string;
  readonly type: number;
  readonly flags: number;
  readonly address: bigint;
  readonly offset: number;
  readonly size: number;
  readonly link: number;
  readonly info: number;
  readonly align: number;
  readonly entrySize: number;
}

export interface ElfSegment {
  readonly type: number;
  readonly flags: number;
  readonly offset: number;
  readonly address: bigint;
  readonly fileSize: number;
  readonly memorySize: bigint;
  readonly align: bigint;
}

export interface ElfRelocation {
  readonly offset: number;
  /** Index into the symbol table that the relocation section links to. */
  readonly symbol: number;
  readonly type: number;
  /** Undefined in REL sections: the addend is in the place itself. */
  readonly addend: bigint | undefined;
}

/** No real file has more; a header that says so is broken. */
const MAX_HEADERS = 1_000_000;

export class ElfFile {
  readonly bits: 32 | 64;
  readonly littleEndian: boolean;
  readonly type: number;
  readonly machine: number;
  readonly flags: number;
  readonly entry: bigint;
  readonly segments: readonly ElfSegment[];
  readonly sections: readonly ElfSection[];
  readonly #source: ByteSource;
  readonly #byName = new Map<string, ElfSection>();

  constructor(source: Uint8Array | ByteSource) {
    this.#source = source instanceof Uint8Array ? fromBytes(source) : source;
    const ident = this.#read(0, 16, 'ELF header');
    if (ident.getUint32(0) !== 0x7f454c46) throw new ElfError('format', 'not an ELF file');
    const [elfClass, data] = [ident.getUint8(4), ident.getUint8(5)];
    if (elfClass !== 1 && elfClass !== 2) throw new ElfError('format', `unknown ELF class ${elfClass}`);
    if (data !== 1 && data !== 2) throw new ElfError('format', `unknown ELF byte order ${data}`);
    this.bits = elfClass === 2 ? 64 : 32;
    this.littleEndian = data === 1;

    const wide = this.bits === 64;
    const header = this.#read(0, wide ? 64 : 52, 'ELF header');
    const at = wide ? WIDE_HEADER : NARROW_HEADER;
    this.type = this.#u16(header, 16);
    this.machine = this.#u16(header, 18);
    this.entry = this.#address(header, 24);
    this.flags = this.#u32(header, at.flags);
    const sectionsAt = this.#number(header, at.sections, 'section headers');
    const segmentsAt = this.#number(header, at.segments, 'program headers');
    let segmentCount = this.#u16(header, at.segmentCount);
    let sectionCount = this.#u16(header, at.sectionCount);
    let namesIndex = this.#u16(header, at.names);
    const sectionSize = this.#u16(header, at.sectionSize);
    const segmentSize = this.#u16(header, at.segmentSize);

    // Counts that do not fit 16 bits stand in the first section header.
    if (sectionsAt !== 0 && (sectionCount === 0 || namesIndex === SHN.XINDEX || segmentCount === 0xffff)) {
      const first = this.#section(this.#table(sectionsAt, sectionSize, 1, 'section headers')[0], 0);
      if (sectionCount === 0) sectionCount = first.size;
      if (namesIndex === SHN.XINDEX) namesIndex = first.link;
      if (segmentCount === 0xffff) segmentCount = first.info;
    }
    this.segments =
      segmentsAt === 0 ? [] : this.#table(segmentsAt, segmentSize, segmentCount, 'program headers').map((v) => this.#segment(v));
    const raw = sectionsAt === 0 ? [] : this.#table(sectionsAt, sectionSize, sectionCount, 'section headers');
    const bare = raw.map((view, i) => this.#section(view, i));
    const names = bare[namesIndex] === undefined ? undefined : this.#strings(bare[namesIndex]);
    this.sections = bare.map((s, i) => ({ ...s, name: names?.at(this.#u32(raw[i], 0)) ?? '' }));
    for (const section of this.sections) if (!this.#byName.has(section.name)) this.#byName.set(section.name, section);
  }

  /** The first section of that name. */
  section(name: string): ElfSection | undefined {
    return this.#byName.get(name);
  }

  /** The bytes of a section; none for sections that take no room in the file. */
  data(section: ElfSection): Uint8Array {
    if (section.type === SHT.NOBITS || section.type === SHT.NULL) return new Uint8Array(0);
    if ((section.flags & SHF.COMPRESSED) !== 0) {
      throw new ElfError('unsupported', `section '${section.name}' is compressed`);
    }
    return this.#bytes(section.offset, section.size, `section '${section.name}'`);
  }

  /** A string table, such as the one a symbol table links to. */
  strings(index: number): ElfStrings {
    const section = this.sections[index];
    if (section === undefined) throw new ElfError('format', `there is no section ${index}`);
    return this.#strings(section);
  }

  /** The symbols of a symbol table ('.symtab', '.dynsym'). */
  symbols(section: ElfSection): ElfSymbols {
    if (section.type !== SHT.SYMTAB && section.type !== SHT.DYNSYM) {
      throw new ElfError('format', `section '${section.name}' is no symbol table`);
    }
    // Section indexes that do not fit 16 bits stand in a table beside it.
    const wide = this.sections.find((s) => s.type === SHT.SYMTAB_SHNDX && s.link === section.index);
    return new ElfSymbols(
      this.data(section),
      this.strings(section.link),
      this.bits,
      this.littleEndian,
      wide === undefined ? undefined : this.data(wide),
    );
  }

  relocations(section: ElfSection): ElfRelocation[] {
    const withAddend = section.type === SHT.RELA;
    if (section.type !== SHT.REL && !withAddend) {
      throw new ElfError('format', `section '${section.name}' holds no relocations`);
    }
    const wide = this.bits === 64;
    const word = wide ? 8 : 4;
    const step = word * (withAddend ? 3 : 2);
    const bytes = this.data(section);
    const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
    const result: ElfRelocation[] = [];
    for (let at = 0; at + step <= bytes.length; at += step) {
      // In 64 bits `info` is symbol:32 type:32, in 32 bits symbol:24 type:8.
      const info = this.#u32(view, at + word);
      const low = wide && this.littleEndian ? info : this.#u32(view, at + (wide ? word + 4 : word));
      const high = wide ? (this.littleEndian ? this.#u32(view, at + word + 4) : info) : info >>> 8;
      result.push({
        offset: this.#number(view, at, `relocations of '${section.name}'`),
        symbol: high,
        type: wide ? low : low & 0xff,
        addend: withAddend ? this.#signed(view, at + 2 * word) : undefined,
      });
    }
    return result;
  }

  /** All notes: of segments where there are any (a stripped file has no sections), else of sections. */
  notes(): ElfNote[] {
    const segments = this.segments.filter((s) => s.type === PT.NOTE && s.fileSize > 0);
    if (segments.length > 0) {
      return segments.flatMap((s) => parseNotes(this.#bytes(s.offset, s.fileSize, 'note segment'), this.littleEndian, Number(s.align)));
    }
    return this.sections.filter((s) => s.type === SHT.NOTE).flatMap((s) => this.notesOf(s));
  }

  notesOf(section: ElfSection): ElfNote[] {
    return parseNotes(this.data(section), this.littleEndian, section.align);
  }

  /** The GNU build id in hexadecimal. */
  buildId(): string | undefined {
    const note = this.notes().find((n) => n.name === 'GNU' && n.type === 3);
    return note && Array.from(note.desc, (b) => b.toString(16).padStart(2, '0')).join('');
  }

  /** Name and CRC of the separate debug file (`.gnu_debuglink`). */
  debugLink(): { readonly file: string; readonly crc: number } | undefined {
    const section = this.section('.gnu_debuglink');
    if (section === undefined) return undefined;
    const bytes = this.data(section);
    const end = bytes.indexOf(0);
    const crcAt = (end + 4) & ~3;
    if (end <= 0 || crcAt + 4 > bytes.length) return undefined;
    const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
    return { file: new ElfStrings(bytes).at(0), crc: this.#u32(view, crcAt) };
  }

  /** Where in the file the byte at a virtual address lies, as uprobes count it. Undefined when nothing is loaded there. */
  fileOffset(address: bigint): bigint | undefined {
    for (const s of this.segments) {
      if (s.type === PT.LOAD && address >= s.address && address < s.address + BigInt(s.fileSize)) {
        return address - s.address + BigInt(s.offset);
      }
    }
    return undefined;
  }

  // ---- checked reading

  #bytes(offset: number, length: number, what: string): Uint8Array {
    if (offset + length > this.#source.size) {
      throw new ElfError('truncated', `${what} ends at ${offset + length}, but the file has ${this.#source.size} bytes`);
    }
    const bytes = length === 0 ? new Uint8Array(0) : this.#source.read(offset, length);
    if (bytes.length < length) throw new ElfError('truncated', `${what}: the file ended while it was read`);
    return bytes;
  }

  #read(offset: number, length: number, what: string): DataView {
    const bytes = this.#bytes(offset, length, what);
    return new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  }

  #table(offset: number, size: number, count: number, what: string): DataView[] {
    if (count === 0) return [];
    const least = what === 'section headers' ? (this.bits === 64 ? 64 : 40) : this.bits === 64 ? 56 : 32;
    if (size < least || count > MAX_HEADERS) throw new ElfError('format', `${what}: ${count} of ${size} bytes each`);
    const bytes = this.#bytes(offset, size * count, what);
    return Array.from({ length: count }, (_, i) => new DataView(bytes.buffer, bytes.byteOffset + i * size, size));
  }

  #strings(section: ElfSection): ElfStrings {
    return new ElfStrings(this.data(section));
  }

  #section(view: DataView, index: number): ElfSection {
    const word = this.bits === 64 ? 8 : 4;
    const at = (n: number): number => 8 + n * word;
    const what = `section ${index}`;
    return {
      index,
      name: '',
      type: this.#u32(view, 4),
      // Flags above 2^32 are for processors and systems.
      flags: Number(BigInt.asUintN(32, this.#address(view, at(0)))),
      address: this.#address(view, at(1)),
      offset: this.#number(view, at(2), what),
      size: this.#number(view, at(3), what),
      link: this.#u32(view, at(4)),
      info: this.#u32(view, at(4) + 4),
      align: this.#number(view, at(4) + 8, what),
      entrySize: this.#number(view, at(5) + 8, what),
    };
  }

  #segment(view: DataView): ElfSegment {
    const wide = this.bits === 64;
    const at = wide ? WIDE_SEGMENT : NARROW_SEGMENT;
    return {
      type: this.#u32(view, 0),
      flags: this.#u32(view, at.flags),
      offset: this.#number(view, at.offset, 'segment'),
      address: this.#address(view, at.address),
      fileSize: this.#number(view, at.fileSize, 'segment'),
      memorySize: this.#address(view, at.memorySize),
      align: this.#address(view, at.align),
    };
  }

  #u16(view: DataView, at: number): number {
    return view.getUint16(at, this.littleEndian);
  }

  #u32(view: DataView, at: number): number {
    return view.getUint32(at, this.littleEndian);
  }

  #address(view: DataView, at: number): bigint {
    return this.bits === 64 ? view.getBigUint64(at, this.littleEndian) : BigInt(this.#u32(view, at));
  }

  #signed(view: DataView, at: number): bigint {
    return this.bits === 64 ? view.getBigInt64(at, this.littleEndian) : BigInt(view.getInt32(at, this.littleEndian));
  }

  /** An offset or size: beyond what a file can have is an error here already. */
  #number(view: DataView, at: number, what: string): number {
    const value = Number(this.#address(view, at));
    if (!Number.isSafeInteger(value)) throw new ElfError('format', `${what}: offset or size ${value} makes no sense`);
    return value;
  }
}

const WIDE_HEADER = {
  segments: 32,
  sections: 40,
  flags: 48,
  segmentSize: 54,
  segmentCount: 56,
  sectionSize: 58,
  sectionCount: 60,
  names: 62,
};
const NARROW_HEADER = {
  segments: 28,
  sections: 32,
  flags: 36,
  segmentSize: 42,
  segmentCount: 44,
  sectionSize: 46,
  sectionCount: 48,
  names: 50,
};
const WIDE_SEGMENT = { flags: 4, offset: 8, address: 16, fileSize: 32, memorySize: 40, align: 48 };
const NARROW_SEGMENT = { flags: 24, offset: 4, address: 8, fileSize: 16, memorySize: 20, align: 28 };

function fromBytes(bytes: Uint8Array): ByteSource {
  return { size: bytes.length, read: (offset, length) => bytes.subarray(offset, offset + length) };
}
