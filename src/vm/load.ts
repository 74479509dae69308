/** From a joined program to prepared code: its references become addresses of the machine's maps, its calls functions. */

import type { Insn } from '../isa/insn.ts';
import { CALL, CLASS, JMP, PSEUDO } from '../isa/insn.ts';
import type { JoinedProgram } from '../link/join.ts';
import type { Reference } from '../object/spec.ts';
import type { Code } from './code.ts';
import { prepare } from './code.ts';
import { VmLoadError } from './fault.ts';
import type { HelperFunction } from './helpers/call.ts';
import { TAIL_CALL } from './helpers/table.ts';
import type { VmMap } from './maps/map.ts';
import type { VmMemory } from './memory.ts';

/** What calls and addresses outside the program resolve to. */
export interface LoadEnvironment {
  readonly memory: VmMemory;
  readonly helper: (id: number) => { readonly name: string; readonly run: HelperFunction } | undefined;
  readonly map: (name: string) => VmMap | undefined;
  /** For raw instructions, whose `ld_imm64` carry descriptors or indices. */
  readonly mapByNumber: (number: number) => VmMap | undefined;
  readonly kfunc: (name: string) => HelperFunction | undefined;
  readonly ksym: (name: string) => bigint | undefined;
  readonly variable: (name: string) => { readonly map: string; readonly offset: number } | undefined;
}

/** What a call instruction does, by index of instruction. */
export type CallTarget =
  | { readonly kind: 'helper'; readonly name: string; readonly run: HelperFunction }
  | { readonly kind: 'tailCall' }
  | { readonly kind: 'missing'; readonly name: string };

export interface LoadedCode {
  readonly code: Code;
  readonly calls: readonly (CallTarget | undefined)[];
}

export function loadCode(name: string, id: number, joined: JoinedProgram, env: LoadEnvironment): LoadedCode {
  const refs = new Map<number, Reference>(joined.refs.map((ref) => [ref.insn, ref.to]));
  const calls = joined.insns.map((insn, index): CallTarget | undefined => {
    if (insn.op !== (CLASS.JMP | JMP.CALL) || insn.src === CALL.LOCAL) return undefined;
    const ref = refs.get(index);
    if (ref?.kind === 'kfunc' || insn.src === CALL.KFUNC) return kfunc(ref, insn, env);
    if (insn.imm === TAIL_CALL) return { kind: 'tailCall' };
    const helper = env.helper(insn.imm);
    return helper === undefined ? { kind: 'missing', name: `helper ${insn.imm}` } : { kind: 'helper', ...helper };
  });
  const lines = joined.lines;
  const code = prepare({
    name,
    id,
    // An unresolved kfunc call may carry any source field; what it calls is in `calls`.
    insns: joined.insns,
    names: new Map(joined.functions.map((fn) => [fn.insn, fn.name])),
    constant: (insn, index) => constant(name, insn, refs.get(index), env),
    sourceOf: (index) => {
      const line = lines.findLast((candidate) => candidate.insn <= index);
      return line === undefined ? undefined : `${line.file}:${line.line}${line.column > 0 ? `:${line.column}` : ''}`;
    },
  });
  // Symbols that programs take by plain constants have a reference too.
  const constants = code.constants.map((value, index) => {
    const insn = code.insns[index] as Insn;
    const ref = refs.get(index);
    return insn.imm64 !== undefined && insn.src === 0 && ref !== undefined ? constant(name, insn, ref, env) : value;
  });
  return { code: { ...code, constants }, calls };
}

function kfunc(ref: Reference | undefined, insn: Insn, env: LoadEnvironment): CallTarget {
  const name = ref?.kind === 'kfunc' ? ref.name : `kfunc ${insn.imm}`;
  const run = env.kfunc(name);
  return run === undefined ? { kind: 'missing', name } : { kind: 'helper', name, run };
}

function constant(program: string, insn: Insn, ref: Reference | undefined, env: LoadEnvironment): bigint | undefined {
  if (ref === undefined) return numbered(insn, env);
  switch (ref.kind) {
    case 'map':
      return mapAddress(program, ref.map, env);
    case 'mapValue':
      return valueAddress(program, ref.map, ref.offset, env);
    case 'kconfig': {
      const variable = env.variable(ref.name);
      if (variable === undefined) throw new VmLoadError(`program '${program}': '${ref.name}' has no place in a data section`);
      return valueAddress(program, variable.map, variable.offset, env);
    }
    case 'ksym': {
      const address = env.ksym(ref.name);
      if (address === undefined && !ref.weak)
        throw new VmLoadError(`program '${program}': kernel symbol '${ref.name}' is not given (option ksyms)`);
      return address ?? 0n;
    }
    case 'functionAddress':
    case 'call':
    case 'kfunc':
      return undefined;
    default: {
      const never: never = ref;
      throw new Error(`unexpected ${String(never)}`);
    }
  }
}

function mapAddress(program: string, name: string, env: LoadEnvironment): bigint {
  const map = env.map(name);
  if (map === undefined) throw new VmLoadError(`program '${program}': there is no map '${name}'`);
  return BigInt(map.address);
}

function valueAddress(program: string, name: string, offset: number, env: LoadEnvironment): bigint {
  const map = env.map(name);
  if (map === undefined) throw new VmLoadError(`program '${program}': there is no data section '${name}'`);
  return BigInt(firstValue(map, env)) + BigInt(offset);
}

function firstValue(map: VmMap, env: LoadEnvironment): number {
  const key = env.memory.allocate(8);
  const address = map.store.lookup(key);
  env.memory.release(key, 8);
  if (address === 0) throw new VmLoadError(`map '${map.shape.name}' has no value to take the address of`);
  return address;
}

/** Without a reference: the constant itself says which map. */
function numbered(insn: Insn, env: LoadEnvironment): bigint | undefined {
  const map = env.mapByNumber(insn.imm);
  if (map === undefined) return undefined;
  switch (insn.src) {
    case PSEUDO.MAP_FD:
    case PSEUDO.MAP_IDX:
      return BigInt(map.address);
    case PSEUDO.MAP_VALUE:
    case PSEUDO.MAP_IDX_VALUE:
      return BigInt(firstValue(map, env)) + ((insn.imm64 ?? 0n) >> 32n);
    default:
      return undefined;
  }
}
