/**
 * The parts of a BPF object file: sections by role, symbols by section, and BTF with its open places filled in.
 *
 * Compilers leave it to the linker to say in BTF where variables lie: `.rel.BTF` has a relocation for each place, and
 * sections have size 0. Here the relocations are applied and the sizes set, so that everything after sees final BTF.
 */
import { type ExtInfo, readExt } from '../btf/ext.ts';
import { BtfOverlay } from '../btf/overlay.ts';
import { BtfReader } from '../btf/read.ts';
import type { BtfSource, BtfType } from '../btf/types.ts';
import { EM, SHF, SHN, SHT, STT } from '../elf/constants.ts';
import { ElfFile, type ElfRelocation, type ElfSection } from '../elf/read.ts';
import type { ElfSymbol } from '../elf/symbols.ts';
import { ObjectError } from './error.ts';
import { byOffset } from './ranges.ts';

export interface ObjectFile {
  readonly elf: ElfFile;
  readonly btf: BtfSource | undefined;
  readonly ext: ExtInfo;
  /** By section index, in order of their values. */
  readonly symbols: ReadonlyMap<number, readonly ElfSymbol[]>;
  /** Relocations by the index of the section they apply to, ascending. */
  readonly relocations: ReadonlyMap<number, readonly Relocation[]>;
}

export interface Relocation {
  readonly offset: number;
  readonly type: number;
  readonly symbol: ElfSymbol;
}

const NO_EXT: ExtInfo = { functions: [], lines: [], core: [] };
/** A file may claim any size for a section that takes no room in it. */
const MAX_SECTION = 2 ** 28;

export function openObject(bytes: Uint8Array): ObjectFile {
  const elf = new ElfFile(bytes);
  // Compilers before LLVM 4 had no number for the machine.
  if (elf.machine !== EM.BPF && elf.machine !== 0) throw new ObjectError('format', `the file is for machine ${elf.machine}, not for BPF`);
  if (elf.bits !== 64 || !elf.littleEndian) throw new ObjectError('unsupported', 'objects for big-endian machines are not supported');
  const { symbols, relocations } = readSymbols(elf);
  const { btf, text } = readBtf(elf, symbols, relocations);
  const extSection = elf.section('.BTF.ext');
  const ext = extSection === undefined || btf === undefined ? NO_EXT : readExt(relocated(elf, extSection, relocations), text);
  return { elf, btf, ext, symbols, relocations };
}

function readSymbols(elf: ElfFile): Pick<ObjectFile, 'symbols' | 'relocations'> {
  const symbols = new Map<number, ElfSymbol[]>();
  const relocations = new Map<number, Relocation[]>();
  const table = elf.sections.find((s) => s.type === SHT.SYMTAB);
  if (table === undefined) return { symbols, relocations };
  const all = [...elf.symbols(table)];
  for (const symbol of all) {
    if (symbol.type === STT.SECTION || symbol.type === STT.FILE || symbol.section === SHN.UNDEF) continue;
    const list = symbols.get(symbol.section);
    if (list === undefined) symbols.set(symbol.section, [symbol]);
    else list.push(symbol);
  }
  for (const list of symbols.values()) list.sort((a, b) => Number(a.value - b.value) || a.index - b.index);
  for (const section of elf.sections) {
    if (section.type === SHT.RELA) throw new ObjectError('unsupported', `section '${section.name}': relocations with addends`);
    if (section.type !== SHT.REL) continue;
    const target = elf.sections[section.info];
    if (target === undefined) throw new ObjectError('format', `section '${section.name}' relocates a section that does not exist`);
    // DWARF has thousands, and nothing here reads it.
    if (target.name.startsWith('.debug_')) continue;
    relocations.set(
      section.info,
      elf
        .relocations(section)
        .map((r) => withSymbol(r, all, section))
        .sort(byOffset),
    );
  }
  return { symbols, relocations };
}

function withSymbol(relocation: ElfRelocation, symbols: readonly ElfSymbol[], section: ElfSection): Relocation {
  const symbol = symbols[relocation.symbol];
  if (symbol === undefined) {
    throw new ObjectError('format', `section '${section.name}' refers to symbol ${relocation.symbol}, which does not exist`);
  }
  return { offset: relocation.offset, type: relocation.type, symbol };
}

/** Bytes of a section with the values of symbols added at each relocated place of four bytes. */
function relocated(elf: ElfFile, section: ElfSection, relocations: ReadonlyMap<number, readonly Relocation[]>): Uint8Array {
  const list = relocations.get(section.index) ?? [];
  const bytes = elf.data(section);
  if (list.every((r) => r.symbol.value === 0n)) return bytes;
  // A copy, also of a Node Buffer, whose slice() is a view.
  const copy = new Uint8Array(bytes);
  const view = new DataView(copy.buffer);
  for (const { offset, symbol } of list) {
    if (offset + 4 > copy.length) throw new ObjectError('format', `section '${section.name}': a relocation lies outside of it`);
    view.setUint32(offset, view.getUint32(offset, true) + Number(symbol.value), true);
  }
  return copy;
}

function readBtf(
  elf: ElfFile,
  symbols: ReadonlyMap<number, readonly ElfSymbol[]>,
  relocations: ReadonlyMap<number, readonly Relocation[]>,
): { readonly btf: BtfSource | undefined; readonly text: (offset: number) => string } {
  const section = elf.section('.BTF');
  if (section === undefined) return { btf: undefined, text: () => '' };
  const reader = new BtfReader(relocated(elf, section, relocations));
  if (reader.warnings.length > 0) throw new ObjectError('unsupported', `.BTF: ${reader.warnings[0]}`);
  const replaced = new Map<number, BtfType>();
  const hidden = hiddenNames(symbols);
  for (const id of reader.ids('datasec', 'func', 'var')) {
    const type = reader.type(id);
    if (type.kind === 'datasec') {
      const size = elf.section(type.name)?.size ?? 0;
      const entries = [...type.entries].sort((a, b) => a.offset - b.offset);
      const ordered = entries.every((e, i) => e === type.entries[i]);
      if (size > 0 && (type.size !== size || !ordered)) replaced.set(id, { ...type, size, entries });
    } else if ((type.kind === 'func' || type.kind === 'var') && type.linkage === 'global' && hidden.has(type.name)) {
      // Hidden from other objects: inside of the loaded program nobody else calls it, so the verifier may look into it.
      replaced.set(id, { ...type, linkage: 'static' });
    }
  }
  return { btf: replaced.size === 0 ? reader : new BtfOverlay(reader, replaced), text: (offset) => reader.text(offset) };
}

function hiddenNames(symbols: ReadonlyMap<number, readonly ElfSymbol[]>): ReadonlySet<string> {
  const names = new Set<string>();
  for (const list of symbols.values()) for (const s of list) if (isHidden(s)) names.add(s.name);
  return names;
}

/** STV_INTERNAL or STV_HIDDEN. */
export function isHidden(symbol: ElfSymbol): boolean {
  return symbol.visibility === 1 || symbol.visibility === 2;
}

/** `.data`, `.rodata.str1.1`, `.bss.mine`: what becomes a map of one value. */
export function isDataSection(section: ElfSection): boolean {
  if ((section.flags & SHF.ALLOC) === 0 || section.size === 0) return false;
  return ['.data', '.rodata', '.bss'].some((base) => section.name === base || section.name.startsWith(`${base}.`));
}

export function isCodeSection(section: ElfSection): boolean {
  return section.type === SHT.PROGBITS && (section.flags & SHF.EXECINSTR) !== 0 && section.size > 0;
}

/** The initial bytes of a section, zeros for one that takes no room in the file. */
export function contents(elf: ElfFile, section: ElfSection): Uint8Array {
  if (section.type !== SHT.NOBITS) return new Uint8Array(elf.data(section));
  if (section.size > MAX_SECTION) throw new ObjectError('limit', `section '${section.name}' of ${section.size} bytes`);
  return new Uint8Array(section.size);
}
