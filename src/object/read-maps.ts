/** Maps of an object file: BTF definitions in `.maps`, old ones in `maps`, and a map for each data section. */
import type { BtfSource } from '../btf/types.ts';
import { resolve, sizeOf } from '../btf/walk.ts';
import { STT } from '../elf/constants.ts';
import type { ElfSection } from '../elf/read.ts';
import type { ElfSymbol } from '../elf/symbols.ts';
import { ObjectError } from './error.ts';
import { PIN_FOLDER, parseMapDefinition } from './map-def.ts';
import { BPF_F_MMAPABLE, mapTypeByNumber } from './map-types.ts';
import { byOffset, lowerBound, within } from './ranges.ts';
import { contents, isDataSection, type ObjectFile } from './read-elf.ts';
import type { MapSpec, VariableSpec } from './spec.ts';

const BPF_F_RDONLY_PROG = 1 << 7;
const MAX_KCONFIG = 1 << 20;

export interface ReadMaps {
  readonly maps: ReadonlyMap<string, MapSpec>;
  readonly variables: ReadonlyMap<string, VariableSpec>;
  /** What is outside of the object, by name: a value of the kernel's configuration, or a kernel symbol. */
  readonly externals: ReadonlyMap<string, 'kconfig' | 'typed' | 'typeless'>;
  /** The map at a place of a section with map definitions, or of a data section. */
  at(section: number, offset: number): string | undefined;
}

interface Placed {
  readonly name: string;
  readonly offset: number;
  readonly to: number;
}

export function readMaps(file: ObjectFile): ReadMaps {
  const maps = new Map<string, MapSpec>();
  const variables = new Map<string, VariableSpec>();
  const places = new Map<number, Placed[]>();
  for (const section of file.elf.sections) {
    if (section.name === '.maps') places.set(section.index, readDefinitions(file, section, maps));
    else if (section.name === 'maps') places.set(section.index, readLegacy(file, section, maps));
  }
  for (const section of file.elf.sections) {
    if (!isDataSection(section) || maps.has(section.name)) continue;
    maps.set(section.name, readData(file, section, variables));
    places.set(section.index, [{ name: section.name, offset: 0, to: section.size }]);
  }
  readKconfig(file, maps, variables);
  for (const list of places.values()) list.sort(byOffset);
  const at = (section: number, offset: number): string | undefined => {
    const list = places.get(section) ?? [];
    const last = list[lowerBound(list, offset + 1) - 1];
    return last !== undefined && offset < last.to ? last.name : undefined;
  };
  // Static values name other maps and programs, so they come when all are known.
  for (const section of file.elf.sections) {
    if (section.name === '.maps') readValues(file, section, maps, at);
  }
  return { maps, variables, externals: readExternals(file), at };
}

// ---- .maps

function sectionEntries(
  file: ObjectFile,
  section: string,
): readonly { readonly type: number; readonly offset: number; readonly size: number }[] {
  const id = file.btf?.find(section, 'datasec');
  const type = id === undefined ? undefined : file.btf?.type(id);
  return type?.kind === 'datasec' ? type.entries : [];
}

function readDefinitions(file: ObjectFile, section: ElfSection, maps: Map<string, MapSpec>): Placed[] {
  const { btf } = file;
  if (btf === undefined) throw new ObjectError('format', "section '.maps' needs BTF: compile with -g");
  const placed: Placed[] = [];
  for (const entry of sectionEntries(file, '.maps')) {
    const { spec } = parseMapDefinition(btf, entry.type);
    if (maps.has(spec.name)) throw new ObjectError('map', `there are two maps '${spec.name}'`);
    maps.set(spec.name, spec);
    placed.push({ name: spec.name, offset: entry.offset, to: entry.offset + entry.size });
  }
  if (placed.length === 0 && section.size > 0) throw new ObjectError('format', "BTF says nothing about section '.maps'");
  return placed;
}

function readValues(file: ObjectFile, section: ElfSection, maps: Map<string, MapSpec>, at: ReadMaps['at']): void {
  const { btf } = file;
  if (btf === undefined) return;
  for (const entry of sectionEntries(file, '.maps')) {
    const { spec, valuesAt } = parseMapDefinition(btf, entry.type);
    const values: { index: number; name: string }[] = [];
    for (const { offset, symbol } of within(file.relocations.get(section.index) ?? [], entry.offset, entry.offset + entry.size)) {
      const index = (offset - entry.offset - (valuesAt ?? 0)) / 8;
      if (valuesAt === undefined || !Number.isInteger(index) || index < 0) {
        throw new ObjectError('map', `map '${spec.name}': a reference to '${symbol.name}' outside of its values`);
      }
      const name = symbol.type === STT.FUNC ? symbol.name : at(symbol.section, Number(symbol.value));
      if (name === undefined) throw new ObjectError('reference', `map '${spec.name}': '${symbol.name}' is neither map nor program`);
      values.push({ index, name });
    }
    values.sort((a, b) => a.index - b.index);
    if (values.length > 0) maps.set(spec.name, { ...spec, values });
  }
}

// ---- maps

/**
 * Before BTF a map was a struct of numbers. The kernel's has type, key size, value size, entries and flags, then
 * in samples the inner map and NUMA node; that of iproute2 has id, pinning and inner map instead, and is 36 bytes long.
 */
const IPROUTE2_SIZE = 36;
const LEAST_SIZE = 16;
const PIN_GLOBAL = 2;
const SAMPLES_SIZE = 28;

function readLegacy(file: ObjectFile, section: ElfSection, maps: Map<string, MapSpec>): Placed[] {
  const symbols = (file.symbols.get(section.index) ?? []).filter((s) => s.name !== '');
  const bytes = file.elf.data(section);
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  return symbols.map((symbol, i) => {
    const from = Number(symbol.value);
    const to = Math.min(Number(symbols[i + 1]?.value ?? BigInt(section.size)), section.size);
    const size = to - from;
    if (size < LEAST_SIZE) throw new ObjectError('map', `map '${symbol.name}': its definition has ${size} bytes`);
    const word = (n: number): number => (n * 4 + 4 <= size ? view.getUint32(from + n * 4, true) : 0);
    const kind = mapTypeByNumber(word(0));
    if (kind === undefined) throw new ObjectError('map', `map '${symbol.name}': unknown map type ${word(0)}`);
    if (kind.holdsMaps) throw new ObjectError('unsupported', `map '${symbol.name}': maps of maps in section 'maps'`);
    if (maps.has(symbol.name)) throw new ObjectError('map', `there are two maps '${symbol.name}'`);
    const [keyType, valueType] = annotation(file.btf, symbol.name, word(1), word(2));
    maps.set(symbol.name, {
      name: symbol.name,
      type: kind.name,
      keySize: word(1),
      valueSize: word(2),
      maxEntries: word(3),
      flags: word(4),
      keyType,
      valueType,
      ...(size === SAMPLES_SIZE && (word(4) & 4) !== 0 ? { numaNode: word(6) } : {}),
      ...(size === IPROUTE2_SIZE && word(6) === PIN_GLOBAL ? { pin: `${PIN_FOLDER}/tc/globals/${symbol.name}` } : {}),
    });
    return { name: symbol.name, offset: from, to };
  });
}

/** `BPF_ANNOTATE_KV_PAIR` told key and value types by a struct beside the map. */
function annotation(btf: BtfSource | undefined, map: string, keySize: number, valueSize: number): [number, number] {
  const id = btf?.find(`____btf_map_${map}`, 'struct');
  if (btf === undefined || id === undefined) return [0, 0];
  const struct = btf.type(id);
  if (struct.kind !== 'struct' || struct.members.length !== 2) return [0, 0];
  const [key, value] = struct.members.map((m) => m.type);
  return sizeOf(btf, key) === keySize && sizeOf(btf, value) === valueSize ? [key, value] : [0, 0];
}

// ---- data sections

function readData(file: ObjectFile, section: ElfSection, variables: Map<string, VariableSpec>): MapSpec {
  const symbols = (file.symbols.get(section.index) ?? []).filter((s) => s.type === STT.OBJECT);
  const types = new Map<string, number>();
  for (const entry of sectionEntries(file, section.name)) {
    const type = file.btf?.type(entry.type);
    if (type?.kind === 'var') types.set(type.name, type.type);
  }
  let shared = false;
  for (const symbol of symbols) {
    const linkage = symbol.binding === 0 ? 'static' : 'global';
    if (linkage === 'global') shared = true;
    const variable = variableOf(symbol, section.name, types.get(symbol.name) ?? 0, linkage);
    if (variable.offset + variable.size > section.size)
      throw new ObjectError('format', `variable '${symbol.name}' reaches beyond section '${section.name}'`);
    variables.set(freeName(variables, symbol.name), variable);
  }
  const isConst = section.name.startsWith('.rodata');
  return {
    name: section.name,
    type: 'array',
    keySize: 4,
    valueSize: section.size,
    maxEntries: 1,
    flags: (isConst ? BPF_F_RDONLY_PROG : 0) | (shared ? BPF_F_MMAPABLE : 0),
    keyType: 0,
    valueType: file.btf?.find(section.name, 'datasec') ?? 0,
    data: contents(file.elf, section),
    ...(isConst ? { frozen: true } : {}),
  };
}

function variableOf(symbol: ElfSymbol, map: string, type: number, linkage: VariableSpec['linkage']): VariableSpec {
  return { name: symbol.name, map, offset: Number(symbol.value), size: Number(symbol.size), type, linkage };
}

/** Static variables of several files may share a name once they are linked. */
function freeName(taken: ReadonlyMap<string, unknown>, name: string): string {
  let free = name;
  for (let i = 2; taken.has(free); i++) free = `${name}.${i}`;
  return free;
}

// ---- externals

function readExternals(file: ObjectFile): Map<string, 'kconfig' | 'typed' | 'typeless'> {
  const externals = new Map<string, 'kconfig' | 'typed' | 'typeless'>();
  const { btf } = file;
  if (btf === undefined) return externals;
  for (const entry of sectionEntries(file, '.ksyms')) {
    const type = btf.type(entry.type);
    if (type.kind === 'func') externals.set(type.name, 'typed');
    else if (type.kind === 'var') externals.set(type.name, resolve(btf, type.type).kind === 'void' ? 'typeless' : 'typed');
  }
  for (const entry of sectionEntries(file, '.kconfig')) {
    const type = btf.type(entry.type);
    if (type.kind === 'var') externals.set(type.name, 'kconfig');
  }
  return externals;
}

/** External values of the kernel's configuration: they get places in a map that is filled when it is loaded. */
function readKconfig(file: ObjectFile, maps: Map<string, MapSpec>, variables: Map<string, VariableSpec>): void {
  const { btf } = file;
  const entries = sectionEntries(file, '.kconfig');
  if (btf === undefined || entries.length === 0) return;
  let end = 0;
  for (const entry of entries) {
    const type = btf.type(entry.type);
    if (type.kind !== 'var') throw new ObjectError('format', "section '.kconfig' lists something that is no variable");
    const size = sizeOf(btf, type.type);
    const scalar = resolve(btf, type.type);
    const align = scalar.kind === 'array' ? 1 : Math.min(Math.max(size, 1), 8);
    const offset = Math.ceil(end / align) * align;
    variables.set(type.name, { name: type.name, map: '.kconfig', offset, size, type: type.type, linkage: 'extern' });
    end = offset + size;
    if (end > MAX_KCONFIG) throw new ObjectError('limit', `section '.kconfig' of ${end} bytes`);
  }
  maps.set('.kconfig', {
    name: '.kconfig',
    type: 'array',
    keySize: 4,
    valueSize: end,
    maxEntries: 1,
    flags: BPF_F_RDONLY_PROG,
    keyType: 0,
    valueType: 0,
    data: new Uint8Array(end),
    frozen: true,
  });
}
