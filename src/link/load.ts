/**
 * Loading: an `ObjectSpec` into a `Kernel`, in strict phases.
 *
 *   1 CO-RE      accesses made to fit the kernel's types           core.ts
 *   2 join       programs with the functions they call             join.ts
 *   3 types      BTF of the object, with its source lines          load-btf.ts
 *   4 maps       created, found, filled, frozen, pinned            load-maps.ts
 *   5 programs   references resolved, loaded                       resolve.ts, load-program.ts
 *   6 slots      programs into program arrays
 *
 * Given a spec, a kernel and facts about it, promises a `LoadedObject` that owns every descriptor, or an error and
 * nothing left behind. The spec stays as it is and can be loaded again. What `attach/` and `maps/` do with the object
 * is theirs. Programs that a spec does not load by itself can be loaded later, also as another type (`load`).
 */

import { loadableBtf } from '../btf/loadable.ts';
import type { TargetFacts } from '../compiler/target-facts.ts';
import { kernelBtf, modulesWithBtf } from '../kernel/kernel-btf.ts';
import { type Kernel, KernelError } from '../kernel/port.ts';
import type { FunctionSpec, MapSpec, ObjectSpec, ProgramSpec, VariableSpec } from '../object/spec.ts';
import { attachTarget, targetInProgram } from './attach-target.ts';
import { CoreLinker } from './core.ts';
import { closedError, Descriptor, duplicate } from './descriptor.ts';
import { LinkError } from './error.ts';
import { type JoinedProgram, joinProgram } from './join.ts';
import { KCONFIG_MAP, kconfigData } from './kconfig.ts';
import { KernelSymbols } from './ksyms.ts';
import { ObjectBtf, type ProgramInfo } from './load-btf.ts';
import {
  checkSame,
  createMap,
  fillDataMap,
  fillSlot,
  fillSlots,
  fixUpMap,
  type LoadedMap,
  noSuchSlot,
  openPinned,
  pinMap,
  pinPath,
  unpin,
} from './load-maps.ts';
import { loadProgram } from './load-program.ts';
import { resolveReferences } from './resolve.ts';

export type { LoadedMap } from './load-maps.ts';

export interface LoadOptions {
  readonly facts: TargetFacts;
  /** Descriptors of maps to use instead of making them, by name. They stay the caller's: the object uses copies. */
  readonly maps?: ReadonlyMap<string, number>;
  /** Bytes of global variables by name, before the programs see them. */
  readonly variables?: ReadonlyMap<string, Uint8Array>;
  /** Which programs to load; without, those that the spec loads by itself. */
  readonly programs?: (program: ProgramSpec) => boolean;
  /** False: what the source puts into program arrays is not loaded with who may jump there, only by itself. */
  readonly slotPrograms?: boolean;
  /** Keep the verifier's log of accepted programs, too (1, 2 or 4, or their sum). */
  readonly logLevel?: number;
  /** Program whose function an `ext` program replaces, or fentry and fexit programs hang on. */
  readonly targetProgramFd?: number;
}

export interface LoadedProgram {
  readonly name: string;
  /** Open until the object is closed; throws `UsageError` from then on. */
  readonly fd: number;
  readonly spec: ProgramSpec;
  /** With positions, for messages about it. */
  readonly joined: JoinedProgram;
  readonly log: string;
}

export function loadObject(spec: ObjectSpec, kernel: Kernel, options: LoadOptions): LoadedObject {
  const object = new LoadedObject(spec, kernel, options);
  try {
    object.open();
    return object;
  } catch (error) {
    object.discard();
    throw error;
  }
}

interface Prepared {
  readonly joined: JoinedProgram;
  readonly poisoned: ReadonlyMap<number, string>;
  readonly info: ProgramInfo | undefined;
}

export class LoadedObject {
  readonly spec: ObjectSpec;
  readonly kernel: Kernel;
  readonly maps: Map<string, LoadedMap> = new Map();
  readonly programs: Map<string, LoadedProgram> = new Map();
  /** What did not work and was done without. */
  readonly warnings: string[] = [];
  /** Every load of every function: handles of the earlier ones stay good. `programs` has the latest of each. */
  readonly #loads: LoadedProgram[] = [];
  readonly #descriptors: Descriptor[] = [];
  /** Paths that this load itself made. */
  readonly #pins: string[] = [];
  readonly #options: LoadOptions;
  readonly #symbols: KernelSymbols;
  readonly #functions = new Map<string, FunctionSpec>();
  /** By function: what CO-RE could not find, by instruction. */
  readonly #missing = new Map<string, ReadonlyMap<number, string>>();
  readonly #prepared = new Map<string, Prepared>();
  #btf: ObjectBtf | undefined;
  #btfFd = 0;
  #closed = false;

  constructor(spec: ObjectSpec, kernel: Kernel, options: LoadOptions) {
    this.spec = spec;
    this.kernel = kernel;
    this.#options = options;
    this.#symbols = new KernelSymbols(kernel, () => options.facts.btf);
  }

  /** Called once, by `loadObject`. */
  open(): void {
    this.#applyCore();
    this.#prepareAll();
    this.#loadTypes();
    this.#makeMaps();
    const wanted = this.#options.programs ?? ((p: ProgramSpec) => p.autoLoad);
    for (const { map, index, name } of this.#slots())
      if (!this.spec.programs.some((program) => program.name === name)) throw noSuchSlot(map, index, name);
    for (const program of this.spec.programs) if (wanted(program)) this.load(program);
  }

  /**
   * Loads one program now; gives the one already loaded under this name. With a description of the caller's own, the
   * same function can become a program of another type or for another target.
   */
  load(program: ProgramSpec): LoadedProgram {
    if (this.#closed) throw closedError(`'${this.spec.name}'`);
    const { name, type, attachType, target } = program;
    const known = this.#loads.find(
      ({ spec }) => spec.name === name && spec.type === type && spec.attachType === attachType && spec.target === target,
    );
    const loaded = known ?? this.#loadProgram(program);
    this.programs.set(name, loaded);
    // What was put into a slot since stays there.
    if (known !== undefined) return loaded;
    this.#loads.push(loaded);
    for (const slot of this.#slots()) {
      if (slot.name === name) fillSlot(slot.map, slot.index, loaded.fd, this.kernel);
      // Whoever is loaded may jump there.
      else if (this.#options.slotPrograms !== false && !this.programs.has(slot.name)) this.#loadSlot(slot.name);
    }
    return loaded;
  }

  #loadSlot(name: string): void {
    const program = this.spec.programs.find((one) => one.name === name);
    if (program !== undefined) this.load(program);
  }

  /** What the source gives the slots of the program arrays that were made here. */
  *#slots(): Generator<{ readonly map: LoadedMap; readonly index: number; readonly name: string }> {
    for (const map of this.maps.values())
      if (map.spec.type === 'prog_array' && map.created) for (const { index, name } of map.spec.values ?? []) yield { map, index, name };
  }

  /** Every program that is loaded, also several of one function. */
  get loads(): readonly LoadedProgram[] {
    return this.#loads;
  }

  /** Descriptor of a map; throws for a name that is not in the object. */
  mapFd(name: string): number {
    const map = this.maps.get(name);
    if (map === undefined) throw new LinkError(`there is no map '${name}' in ${this.spec.name}`);
    return map.fd;
  }

  close(): void {
    if (this.#closed) return;
    this.#closed = true;
    for (const descriptor of this.#descriptors) descriptor.close(this.kernel);
    if (this.#btfFd > 0) this.kernel.close(this.#btfFd);
    this.#symbols.close();
    this.#loads.length = 0;
    this.programs.clear();
    this.maps.clear();
  }

  /** Closes it and takes away the names that this very load gave its maps: it came to nothing. */
  discard(): void {
    for (const path of this.#pins.splice(0)) {
      try {
        unpin(this.kernel, path);
      } catch (error) {
        // It stays: whoever calls has an error of their own to tell.
        if (!(error instanceof KernelError)) throw error;
      }
    }
    this.close();
  }

  get closed(): boolean {
    return this.#closed;
  }

  [Symbol.dispose](): void {
    this.close();
  }

  #applyCore(): void {
    const { functions, btf } = this.spec;
    let linker: CoreLinker | undefined;
    for (const [name, fn] of functions) {
      if (fn.core.length === 0) {
        this.#functions.set(name, fn);
        continue;
      }
      linker ??= this.#coreLinker();
      if (btf === undefined) throw new LinkError(`${name} has CO-RE relocations, but the object has no types`);
      const result = linker.apply(fn);
      this.#functions.set(name, result.function);
      if (result.poisoned.size > 0) this.#missing.set(name, result.poisoned);
    }
  }

  #coreLinker(): CoreLinker {
    const target = this.#options.facts.btf;
    if (target === undefined || this.spec.btf === undefined)
      throw new LinkError(
        `${this.spec.name} has CO-RE relocations, but this kernel shows no types`,
        'the kernel must be built with CONFIG_DEBUG_INFO_BTF',
      );
    const { kernel } = this;
    return new CoreLinker(this.spec.btf, {
      kernel: target,
      *modules() {
        for (const name of modulesWithBtf(kernel)) {
          const btf = kernelBtf(kernel, name);
          if (btf !== undefined) yield btf;
        }
      },
    });
  }

  #prepareAll(): void {
    if (this.spec.btf !== undefined && this.spec.btf.size > 1) this.#btf = new ObjectBtf(loadableBtf(this.spec.btf));
    for (const program of this.spec.programs) this.#prepare(program.entry);
  }

  #prepare(entry: string): Prepared {
    const known = this.#prepared.get(entry);
    if (known !== undefined) return known;
    const joined = joinProgram(this.#functions, entry);
    const poisoned = new Map<number, string>();
    for (const fn of joined.functions) {
      for (const [insn, what] of this.#missing.get(fn.name) ?? []) poisoned.set(joined.slots[fn.insn + insn] ?? 0, what);
    }
    // Strings cannot be added to types that are loaded: an entry that the spec does not list has no line info.
    const info = this.#btfFd > 0 ? undefined : this.#btf?.programInfo(joined, this.spec.sources);
    const prepared = { joined, poisoned, info };
    this.#prepared.set(entry, prepared);
    return prepared;
  }

  #loadTypes(): void {
    if (this.#btf === undefined) return;
    try {
      this.#btfFd = this.#btf.load(this.kernel);
    } catch (error) {
      if (!(error instanceof KernelError)) throw error;
      // Without types programs still run; what needs them (locks, timers, kfuncs) is refused with a message of its own.
      this.warnings.push(`the kernel does not take the types of ${this.spec.name}: ${error.message}`);
    }
  }

  #makeMaps(): void {
    const { kernel, spec } = this;
    for (const original of spec.maps.values()) {
      const map = fixUpMap(original, kernel);
      const given = this.#options.maps?.get(map.name);
      if (given !== undefined) {
        checkSame(map, given, 'the one given', kernel);
        this.#addMap(map, duplicate(kernel, given), false);
        continue;
      }
      if (map.sharing === 'extern') throw new LinkError(`map '${map.name}' is defined elsewhere: load the program that has it first`);
      const path = pinPath(map, kernel);
      const pinned = path === undefined ? undefined : openPinned(map, path, kernel);
      if (pinned !== undefined) {
        this.#addMap(map, pinned, false);
        continue;
      }
      const loaded = this.#addMap(map, createMap(map, { kernel, btfFd: this.#btfFd }), true);
      const data = this.#dataOf(loaded);
      if (data !== undefined) fillDataMap(loaded, data, kernel);
      if (path === undefined) continue;
      pinMap(loaded, path, kernel);
      this.#pins.push(path);
    }
    for (const map of this.maps.values()) {
      if (map.created && map.spec.type !== 'prog_array') fillSlots(map, (name) => this.maps.get(name)?.fd, kernel);
    }
  }

  #addMap(spec: MapSpec, fd: number, created: boolean): LoadedMap {
    const { name } = spec;
    const descriptor = this.#own(fd, `the map '${name}'`);
    const loaded: LoadedMap = {
      name,
      get fd() {
        return descriptor.fd;
      },
      spec,
      created,
    };
    this.maps.set(name, loaded);
    return loaded;
  }

  #own(fd: number, what: string): Descriptor {
    const descriptor = new Descriptor(fd, what);
    this.#descriptors.push(descriptor);
    return descriptor;
  }

  /** First bytes of a data section: the object's, or the kernel's configuration, with the caller's variables in them. */
  #dataOf(map: LoadedMap): Uint8Array | undefined {
    const { spec } = map;
    let data = spec.data;
    if (map.name === KCONFIG_MAP) {
      const references = [...this.#functions.values()].flatMap((fn) => fn.refs.map((ref) => ref.to));
      data = kconfigData(spec.valueSize, { variables: this.spec.variables, btf: this.spec.btf, references }, this.#options.facts);
    }
    const changes = [...(this.#options.variables ?? [])].flatMap(([name, bytes]) => {
      const variable = this.#variable(name);
      return variable.map === map.name ? [{ variable, bytes }] : [];
    });
    if (changes.length === 0) return data;
    const changed = new Uint8Array(spec.valueSize);
    if (data !== undefined) changed.set(data);
    for (const { variable, bytes } of changes) {
      if (bytes.length !== variable.size)
        throw new LinkError(`variable '${variable.name}' has ${variable.size} bytes, not ${bytes.length}`);
      changed.set(bytes, variable.offset);
    }
    return changed;
  }

  #variable(name: string): VariableSpec {
    const variable = this.spec.variables.get(name);
    if (variable === undefined) throw new LinkError(`there is no global variable '${name}' in ${this.spec.name}`);
    return variable;
  }

  #loadProgram(program: ProgramSpec): LoadedProgram {
    const { facts, logLevel, targetProgramFd } = this.#options;
    const { joined, poisoned, info } = this.#prepare(program.entry);
    const resolved = resolveReferences(joined, {
      mapFd: (name) => this.maps.get(name)?.fd,
      variables: this.spec.variables,
      symbols: this.#symbols,
    });
    const result = loadProgram(this.kernel, {
      spec: program,
      license: this.spec.license,
      joined,
      resolved,
      poisoned,
      sources: this.spec.sources,
      btfFd: this.#btfFd,
      info,
      target:
        targetProgramFd === undefined
          ? attachTarget(program, () => facts.btf, this.#symbols)
          : targetInProgram(program, this.kernel, targetProgramFd),
      kernelVersion: program.type === 'kprobe' ? facts.kernelVersion : 0,
      ...(targetProgramFd === undefined ? {} : { targetProgramFd }),
      ...(logLevel === undefined ? {} : { logLevel }),
    });
    const descriptor = this.#own(result.fd, `the program '${program.name}'`);
    return {
      name: program.name,
      get fd() {
        return descriptor.fd;
      },
      spec: program,
      joined,
      log: result.log,
    };
  }
}
