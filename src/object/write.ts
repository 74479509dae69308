/**
 * ObjectSpec to `.bpf.o`, for any other loader: libbpf, bpftool, cilium/ebpf, aya, iproute2.
 *
 *   .text              subprograms             .maps       one variable for each map, described by BTF
 *   kprobe/vfs_read …  programs                .BTF        types, variables, sections
 *   .data .rodata …    variables               .BTF.ext    functions, lines, CO-RE relocations
 *   license
 *
 * The spec's BTF is written with all its ids as they are; what other loaders look for in BTF (sections of variables,
 * map definitions, externals) is added, or corrected where the spec says otherwise now. The same spec gives the same
 * bytes. What an object file cannot say (which events a BCC table carries, say) is left out.
 */
import { BtfBuilder } from '../btf/builder.ts';
import { encodeExt } from '../btf/ext.ts';
import type { BtfDatasecEntry } from '../btf/types.ts';
import { sizeOf } from '../btf/walk.ts';
import { BtfImage } from '../btf/write.ts';
import { R_BPF, SHF, SHT, STB, STT } from '../elf/constants.ts';
import { ElfBuilder, type SectionHandle, type SymbolHandle } from '../elf/write.ts';
import { ObjectError } from './error.ts';
import { mapVariable } from './map-def.ts';
import type { MapSpec, ObjectSpec, Reference, VariableSpec } from './spec.ts';
import { encodeSection, extInfo, placeFunctions } from './write-code.ts';

const KCONFIG = '.kconfig';
const toUtf8 = new TextEncoder();

export function writeObject(spec: ObjectSpec): Uint8Array {
  return new ObjectWriter(spec).write();
}

class ObjectWriter {
  readonly #spec: ObjectSpec;
  readonly #elf = new ElfBuilder();
  readonly #btf: BtfBuilder;
  readonly #functions = new Map<string, { readonly symbol: SymbolHandle; readonly section: SectionHandle; readonly offset: number }>();
  readonly #programs = new Map<string, SymbolHandle>();
  readonly #mapSymbols = new Map<string, SymbolHandle>();
  readonly #data = new Map<string, SectionHandle>();
  readonly #externals = new Map<string, SymbolHandle>();

  constructor(spec: ObjectSpec) {
    this.#spec = spec;
    this.#btf = spec.btf === undefined ? new BtfBuilder() : BtfBuilder.from(spec.btf);
  }

  write(): Uint8Array {
    const code = placeFunctions(this.#spec);
    // Sections refer to each other's symbols: all of these first, their bytes afterwards.
    const codeBytes = code.map((section) => new Uint8Array(section.size));
    const handles = code.map((section, i) => {
      const handle = this.#elf.section({
        name: section.name,
        type: SHT.PROGBITS,
        flags: SHF.ALLOC | SHF.EXECINSTR,
        data: codeBytes[i],
        align: 8,
      });
      for (const fn of section.functions) {
        const binding = fn.linkage === 'static' ? STB.LOCAL : fn.linkage === 'weak' ? STB.WEAK : STB.GLOBAL;
        const symbol = this.#elf.symbol({ name: fn.name, value: fn.offset, size: fn.size, binding, type: STT.FUNC, section: handle });
        if (section.name === '.text') this.#functions.set(fn.name, { symbol, section: handle, offset: fn.offset });
        else this.#programs.set(fn.name, symbol);
      }
      return handle;
    });
    this.#writeData();
    this.#writeMaps();
    this.#writeExternals();
    this.#writeLicense();
    code.forEach((section, i) => {
      const { bytes, relocations } = encodeSection(section, (to) => this.#addend(to));
      codeBytes[i].set(bytes);
      for (const { offset, to } of relocations) {
        const isCall = to.kind === 'call' || to.kind === 'kfunc';
        this.#elf.relocation(handles[i], offset, isCall ? R_BPF.CALL32 : R_BPF.LD64, this.#symbolOf(to));
      }
    });
    if (this.#btf.size > 1) {
      const image = new BtfImage(this.#btf);
      const ext = encodeExt(extInfo(code, this.#spec.sources), image);
      this.#elf.section({ name: '.BTF', type: SHT.PROGBITS, flags: 0, data: image.bytes(), align: 4 });
      this.#elf.section({ name: '.BTF.ext', type: SHT.PROGBITS, flags: 0, data: ext, align: 4 });
    }
    return this.#elf.bytes();
  }

  // ---- references

  #addend(to: Reference): number {
    if (to.kind === 'mapValue') return to.offset;
    return to.kind === 'functionAddress' ? this.#functionOf(to.function).offset : 0;
  }

  #symbolOf(to: Reference): SymbolHandle {
    switch (to.kind) {
      case 'map':
        return known(this.#mapSymbols, to.map, 'map');
      case 'mapValue':
        return this.#elf.sectionSymbol(known(this.#data, to.map, 'data section'));
      case 'call':
        return this.#functionOf(to.function).symbol;
      case 'functionAddress':
        // libbpf takes the section and the offset in the instruction; a symbol would not do for static functions.
        return this.#elf.sectionSymbol(this.#functionOf(to.function).section);
      case 'kfunc':
      case 'ksym':
      case 'kconfig':
        return known(this.#externals, to.name, 'external symbol');
      default:
        return to satisfies never;
    }
  }

  #functionOf(name: string): { readonly symbol: SymbolHandle; readonly section: SectionHandle; readonly offset: number } {
    return known(this.#functions, name, 'function');
  }

  // ---- data

  #writeData(): void {
    for (const map of this.#spec.maps.values()) {
      if (!isDataMap(map) || map.name === KCONFIG) continue;
      const variables = [...this.#spec.variables.values()].filter((v) => v.map === map.name).sort((a, b) => a.offset - b.offset);
      const isZero = map.name === '.bss' || map.name.startsWith('.bss.');
      const data = map.data ?? new Uint8Array(map.valueSize);
      if (data.length > map.valueSize)
        throw new ObjectError('map', `section '${map.name}': ${data.length} bytes of data for a size of ${map.valueSize}`);
      if (isZero && data.some((b) => b !== 0)) throw new ObjectError('map', `section '${map.name}' can hold zeros only`);
      const bytes = new Uint8Array(map.valueSize);
      bytes.set(data);
      const handle = this.#elf.section({
        name: map.name,
        type: isZero ? SHT.NOBITS : SHT.PROGBITS,
        flags: SHF.ALLOC | (map.name.startsWith('.rodata') ? 0 : SHF.WRITE),
        data: isZero ? new Uint8Array(0) : bytes,
        size: map.valueSize,
        align: 8,
      });
      this.#data.set(map.name, handle);
      for (const v of variables) {
        const binding = v.linkage === 'static' ? STB.LOCAL : STB.GLOBAL;
        this.#elf.symbol({ name: v.name, value: v.offset, size: v.size, binding, type: STT.OBJECT, section: handle });
      }
      this.#describeData(map, variables);
    }
  }

  /** A section of variables in BTF: only what has a type can be in it, and places must not overlap. */
  #describeData(map: MapSpec, variables: readonly VariableSpec[]): void {
    const entries: BtfDatasecEntry[] = [];
    let end = 0;
    for (const v of variables) {
      if (v.type === 0 || v.size === 0 || v.offset < end) continue;
      const type = this.#btf.add({ kind: 'var', name: v.name, type: v.type, linkage: v.linkage });
      entries.push({ type, offset: v.offset, size: v.size });
      end = v.offset + v.size;
    }
    if (entries.length > 0) this.#setSection(map.name, map.valueSize, entries);
  }

  #setSection(name: string, size: number, entries: readonly BtfDatasecEntry[]): void {
    const id = this.#btf.find(name, 'datasec');
    if (id === undefined) this.#btf.append({ kind: 'datasec', name, size, entries });
    else this.#btf.replace(id, { kind: 'datasec', name, size, entries });
  }

  #entriesOf(section: string): readonly BtfDatasecEntry[] {
    const id = this.#btf.find(section, 'datasec');
    const type = id === undefined ? undefined : this.#btf.type(id);
    return type?.kind === 'datasec' ? type.entries : [];
  }

  // ---- maps

  #writeMaps(): void {
    const before = new Map<string, number>();
    for (const { type } of this.#entriesOf('.maps')) {
      const variable = this.#btf.type(type);
      if (variable.kind === 'var') before.set(variable.name, type);
    }
    const entries: BtfDatasecEntry[] = [];
    const places: { readonly map: MapSpec; readonly offset: number; readonly size: number; readonly valuesAt: number }[] = [];
    let end = 0;
    for (const map of this.#spec.maps.values()) {
      if (isDataMap(map)) continue;
      const type = mapVariable(this.#btf, map, before.get(map.name));
      const valuesAt = sizeOf(this.#btf, type);
      const slots = (map.values ?? []).reduce((most, v) => Math.max(most, v.index + 1), 0);
      const size = valuesAt + slots * 8;
      entries.push({ type, offset: end, size });
      places.push({ map, offset: end, size, valuesAt });
      end += size;
    }
    if (places.length === 0) return;
    const handle = this.#elf.section({
      name: '.maps',
      type: SHT.PROGBITS,
      flags: SHF.ALLOC | SHF.WRITE,
      data: new Uint8Array(end),
      align: 8,
    });
    this.#setSection('.maps', end, entries);
    for (const { map, offset, size } of places) {
      this.#mapSymbols.set(
        map.name,
        this.#elf.symbol({ name: map.name, value: offset, size, binding: STB.GLOBAL, type: STT.OBJECT, section: handle }),
      );
    }
    for (const { map, offset, valuesAt } of places) {
      for (const value of map.values ?? []) {
        const symbol = map.inner === undefined ? this.#programs.get(value.name) : this.#mapSymbols.get(value.name);
        if (symbol === undefined)
          throw new ObjectError(
            'reference',
            `map '${map.name}': slot ${value.index} is for '${value.name}', which the object does not have`,
          );
        this.#elf.relocation(handle, offset + valuesAt + value.index * 8, R_BPF.ABS64, symbol);
      }
    }
  }

  // ---- externals

  #writeExternals(): void {
    const weak = new Map<string, boolean>();
    const symbols = new Map<string, Extract<Reference, { kind: 'ksym' | 'kfunc' }>>();
    for (const fn of this.#spec.functions.values()) {
      for (const { to } of fn.refs) {
        if (to.kind !== 'kconfig' && to.kind !== 'ksym' && to.kind !== 'kfunc') continue;
        weak.set(to.name, to.weak && (weak.get(to.name) ?? true));
        if (to.kind !== 'kconfig') symbols.set(to.name, to);
      }
    }
    const configs = [...this.#spec.variables.values()].filter((v) => v.map === KCONFIG);
    if (configs.length > 0) {
      const entries = configs.map((v): BtfDatasecEntry => {
        if (v.type === 0) throw new ObjectError('reference', `'${v.name}' has no type`);
        return { type: this.#btf.add({ kind: 'var', name: v.name, type: v.type, linkage: 'extern' }), offset: 0, size: v.size };
      });
      this.#setSection(KCONFIG, 0, entries);
      for (const v of configs) this.#external(v.name, weak.get(v.name) ?? true);
    }
    if (symbols.size > 0) {
      const entries = new Map(this.#entriesOf('.ksyms').map((e) => [e.type, e]));
      for (const to of symbols.values()) {
        const type = this.#kernelSymbol(to);
        if (!entries.has(type)) entries.set(type, { type, offset: 0, size: 0 });
        this.#external(to.name, weak.get(to.name) ?? false);
      }
      this.#setSection('.ksyms', 0, [...entries.values()]);
    }
  }

  #external(name: string, weak: boolean): void {
    const binding = weak ? STB.WEAK : STB.GLOBAL;
    this.#externals.set(name, this.#elf.symbol({ name, value: 0, size: 0, binding, type: STT.NOTYPE, section: undefined }));
  }

  /** The variable or function in BTF that stands for a kernel symbol. */
  #kernelSymbol(to: Extract<Reference, { kind: 'ksym' | 'kfunc' }>): number {
    const ids = this.#btf.findAll(to.name, 'func', 'var');
    const found = ids.find((id) => {
      const type = this.#btf.type(id);
      return (type.kind === 'func' || (type.kind === 'var' && to.kind === 'ksym')) && type.linkage === 'extern';
    });
    if (found !== undefined) return found;
    if (to.kind === 'kfunc' || to.typed) throw new ObjectError('reference', `kernel symbol '${to.name}' has no type in the object's BTF`);
    return this.#btf.append({ kind: 'var', name: to.name, type: this.#btf.add({ kind: 'const', type: 0 }), linkage: 'extern' });
  }

  #writeLicense(): void {
    const data = toUtf8.encode(`${this.#spec.license}\0`);
    const handle = this.#elf.section({ name: 'license', type: SHT.PROGBITS, flags: SHF.ALLOC | SHF.WRITE, data });
    const entry = this.#entriesOf('license')[0];
    const variable = entry === undefined ? undefined : this.#btf.type(entry.type);
    const name = variable?.kind === 'var' ? variable.name : '_license';
    this.#elf.symbol({ name, value: 0, size: data.length, binding: STB.GLOBAL, type: STT.OBJECT, section: handle });
    if (entry !== undefined) this.#setSection('license', data.length, [{ ...entry, offset: 0, size: data.length }]);
  }
}

/** `.data` and its like: maps whose only value is a section of variables. */
export function isDataMap(map: MapSpec): boolean {
  return map.name.startsWith('.') && map.type === 'array';
}

function known<T>(table: ReadonlyMap<string, T>, name: string, what: string): T {
  const found = table.get(name);
  if (found === undefined) throw new ObjectError('reference', `there is no ${what} '${name}'`);
  return found;
}
