/**
 * Functions of an object file.
 *
 *     section 'kprobe/vfs_read'          section '.text'
 *     ┌─────────┬─────────┐              ┌─────────┬─────────┐
 *     │ prog_a  │ prog_b  │ ──call──▶    │ helper  │ callback│
 *     └─────────┴─────────┘              └─────────┴─────────┘
 *
 * Sections hold functions end to end; symbols say where each begins. They are taken apart, so that linking does not
 * depend on where they stood. What a relocation or a distance refers to becomes a `Reference` by name; line, function
 * and CO-RE info follow the function they are about.
 */
import type { CoreRecord, LineRecord } from '../btf/ext.ts';
import { R_BPF, SHN, STB, STT } from '../elf/constants.ts';
import type { ElfSection } from '../elf/read.ts';
import type { ElfSymbol } from '../elf/symbols.ts';
import { decode } from '../isa/decode.ts';
import { indexOfSlot } from '../isa/encode.ts';
import { CALL, CLASS, type Insn, JMP } from '../isa/insn.ts';
import { LD_IMM64 } from '../isa/opcodes.ts';
import { ObjectError } from './error.ts';
import { byOffset, within } from './ranges.ts';
import { isCodeSection, isHidden, type ObjectFile, type Relocation } from './read-elf.ts';
import type { ReadMaps } from './read-maps.ts';
import { CORE_KINDS, type CoreRelocation, type FunctionSpec, type LineInfo, type Reference, type SymbolRef } from './spec.ts';

export interface CodeFunction {
  readonly section: ElfSection;
  readonly symbol: ElfSymbol;
  /** Name in `ObjectSpec.functions`. */
  readonly name: string;
  readonly spec: FunctionSpec;
}

/** A function's place before it is read. */
interface Place {
  readonly section: ElfSection;
  readonly symbol: ElfSymbol;
  readonly name: string;
  readonly from: number;
  readonly to: number;
}

const CALL_OP = CLASS.JMP | JMP.CALL;

export function readCode(file: ObjectFile, maps: ReadMaps): CodeFunction[] {
  const places = findFunctions(file);
  const starts = new Map<string, string>();
  for (const { section, from, name } of places) {
    const at = `${section.index} ${from}`;
    if (!starts.has(at)) starts.set(at, name);
  }
  const functionAt = (section: number, offset: number): string | undefined => starts.get(`${section} ${offset}`);
  const info = new SectionInfo(file);
  return places.map((place) => {
    const spec = readFunction(file, place, maps, functionAt, info);
    return { section: place.section, symbol: place.symbol, name: place.name, spec };
  });
}

function findFunctions(file: ObjectFile): Place[] {
  const places: Place[] = [];
  const names = new Set<string>();
  // Static functions of several files may share a name once they are linked. Programs keep theirs.
  const programs = new Set<string>();
  for (const section of file.elf.sections) {
    if (!isCodeSection(section)) continue;
    for (const symbol of file.symbols.get(section.index) ?? []) if (isProgram(section, symbol)) programs.add(symbol.name);
  }
  for (const section of file.elf.sections) {
    if (!isCodeSection(section)) continue;
    const symbols = (file.symbols.get(section.index) ?? []).filter((s) => s.type === STT.FUNC && s.name !== '');
    if (symbols.length === 0) throw new ObjectError('format', `section '${section.name}' has code, but no function`);
    for (const [i, symbol] of symbols.entries()) {
      const from = Number(symbol.value);
      const to = symbol.size > 0n ? from + Number(symbol.size) : Number(symbols[i + 1]?.value ?? BigInt(section.size));
      if (from % 8 !== 0 || to > section.size || to <= from) {
        throw new ObjectError('format', `function '${symbol.name}' does not lie within section '${section.name}'`);
      }
      let name = symbol.name;
      for (let n = 2; names.has(name) || (programs.has(name) && !isProgram(section, symbol)); n++) name = `${symbol.name}.${n}`;
      names.add(name);
      places.push({ section, symbol, name, from, to });
    }
  }
  return places;
}

/** Entry points are the functions that others may see, in sections other than `.text`. */
export function isProgram(section: ElfSection, symbol: ElfSymbol): boolean {
  return section.name !== '.text' && symbol.type === STT.FUNC && symbol.binding !== STB.LOCAL;
}

function readFunction(
  file: ObjectFile,
  place: Place,
  maps: ReadMaps,
  functionAt: (section: number, offset: number) => string | undefined,
  info: SectionInfo,
): FunctionSpec {
  const { section, symbol, name, from, to } = place;
  const insns: Insn[] = decode(file.elf.data(section).subarray(from, to));
  const indexes = indexOfSlot(insns);
  const indexAt = (offset: number, what: string): number => {
    const index = offset % 8 === 0 ? indexes[(offset - from) / 8] : -1;
    if (index === undefined || index < 0 || index >= insns.length) {
      throw new ObjectError('format', `${what} of function '${name}' at offset ${offset} is not at an instruction`);
    }
    return index;
  };
  const refs: SymbolRef[] = [];
  const relocated = new Set<number>();
  for (const relocation of info.relocations(section, from, to)) {
    const index = indexAt(relocation.offset, 'a relocation');
    const to = resolveReference(file, insns[index], relocation, maps, functionAt, name);
    refs.push({ insn: index, to });
    relocated.add(index);
    insns[index] = withoutNumber(insns[index]);
  }
  // Within a section the compiler knows the distance itself.
  for (let slot = 0; slot < indexes.length - 1; slot++) {
    const index = indexes[slot];
    if (index < 0 || insns[index].op !== CALL_OP || insns[index].src !== CALL.LOCAL || relocated.has(index)) continue;
    const callee = functionAt(section.index, from + (slot + insns[index].imm + 1) * 8);
    if (callee === undefined) throw new ObjectError('reference', `function '${name}' calls into the middle of something`);
    refs.push({ insn: index, to: { kind: 'call', function: callee } });
    insns[index] = withoutNumber(insns[index]);
  }
  refs.sort((a, b) => a.insn - b.insn);
  const btfFunc = info.functionType(section, from);
  return {
    name,
    linkage: symbol.binding === STB.LOCAL || isHidden(symbol) ? 'static' : symbol.binding === STB.WEAK ? 'weak' : 'global',
    insns,
    refs,
    lines: info
      .lines(section, from, to)
      .map((r): LineInfo => ({ insn: indexAt(r.offset, 'line info'), file: r.file, line: r.line, column: r.column })),
    ...(btfFunc === undefined ? {} : { btfFunc }),
    core: info.core(section, from, to).map((r): CoreRelocation => {
      const kind = CORE_KINDS[r.kind];
      if (kind === undefined) throw new ObjectError('unsupported', `function '${name}': CO-RE relocation of unknown kind ${r.kind}`);
      return { insn: indexAt(r.offset, 'a CO-RE relocation'), kind, type: r.type, access: r.access };
    }),
  };
}

/** The number that only helped to find what is referred to; linking puts another in its place. */
function withoutNumber(insn: Insn): Insn {
  return insn.imm64 === undefined ? { ...insn, src: CALL.LOCAL, imm: -1 } : { ...insn, src: 0, imm: 0, imm64: 0n };
}

function resolveReference(
  file: ObjectFile,
  insn: Insn,
  relocation: Relocation,
  maps: ReadMaps,
  functionAt: (section: number, offset: number) => string | undefined,
  from: string,
): Reference {
  const { symbol, type } = relocation;
  const wrong = (message: string): ObjectError => new ObjectError('reference', `function '${from}': ${message}`);
  if (type === R_BPF.CALL32) {
    if (insn.op !== CALL_OP) throw wrong('a relocation for a call is not at a call');
    if (symbol.section === SHN.UNDEF) return { kind: 'kfunc', name: symbol.name, weak: symbol.binding === STB.WEAK };
    const callee = functionAt(symbol.section, Number(symbol.value) + (insn.imm + 1) * 8);
    if (callee === undefined) throw wrong(`calls '${symbol.name}', where there is no function`);
    return { kind: 'call', function: callee };
  }
  if (type !== R_BPF.LD64) throw new ObjectError('unsupported', `function '${from}': relocation of type ${type}`);
  if (insn.op !== LD_IMM64) throw wrong('a relocation for an address is not at a load of one');
  if (symbol.section === SHN.UNDEF) return external(maps, symbol, wrong);
  const section = file.elf.sections[symbol.section];
  if (section === undefined) throw wrong(`'${symbol.name}' has no place: compile with -fno-common`);
  const offset = Number(symbol.value) + insn.imm;
  if (section.name === '.maps' || section.name === 'maps') {
    const map = maps.at(section.index, offset);
    if (map === undefined) throw wrong(`refers to offset ${offset} of section '${section.name}', where no map is`);
    return { kind: 'map', map };
  }
  if (maps.maps.has(section.name)) return { kind: 'mapValue', map: section.name, offset };
  if (isCodeSection(section)) {
    const callee = functionAt(section.index, offset);
    if (callee === undefined) throw wrong(`takes the address of offset ${offset} of section '${section.name}', where no function begins`);
    return { kind: 'functionAddress', function: callee };
  }
  throw new ObjectError('unsupported', `function '${from}': reference to section '${section.name}'`);
}

function external(maps: ReadMaps, symbol: ElfSymbol, wrong: (message: string) => ObjectError): Reference {
  const weak = symbol.binding === STB.WEAK;
  const known = maps.externals.get(symbol.name);
  if (known === undefined) throw wrong(`'${symbol.name}' is external, but neither __ksym nor __kconfig`);
  return known === 'kconfig'
    ? { kind: 'kconfig', name: symbol.name, weak }
    : { kind: 'ksym', name: symbol.name, typed: known === 'typed', weak };
}

/** What is known about instructions, by section and offset. */
class SectionInfo {
  readonly #relocations: ReadonlyMap<number, readonly Relocation[]>;
  readonly #functions = new Map<string, Map<number, number>>();
  readonly #lines: ReadonlyMap<string, readonly LineRecord[]>;
  readonly #core: ReadonlyMap<string, readonly CoreRecord[]>;

  constructor(file: ObjectFile) {
    this.#relocations = file.relocations;
    for (const { section, records } of file.ext.functions) {
      const known = this.#functions.get(section) ?? new Map<number, number>();
      for (const r of records) known.set(r.offset, r.type);
      this.#functions.set(section, known);
    }
    this.#lines = joined(file.ext.lines);
    this.#core = joined(file.ext.core);
  }

  relocations(section: ElfSection, from: number, to: number): Relocation[] {
    return within(this.#relocations.get(section.index) ?? [], from, to);
  }

  functionType(section: ElfSection, from: number): number | undefined {
    return this.#functions.get(section.name)?.get(from);
  }

  lines(section: ElfSection, from: number, to: number): LineRecord[] {
    return within(this.#lines.get(section.name) ?? [], from, to);
  }

  core(section: ElfSection, from: number, to: number): CoreRecord[] {
    return within(this.#core.get(section.name) ?? [], from, to);
  }
}

function joined<T extends { readonly offset: number }>(
  sections: readonly { readonly section: string; readonly records: readonly T[] }[],
): Map<string, T[]> {
  const result = new Map<string, T[]>();
  for (const { section, records } of sections) result.set(section, [...(result.get(section) ?? []), ...records]);
  for (const records of result.values()) records.sort(byOffset);
  return result;
}
