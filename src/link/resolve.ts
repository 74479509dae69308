/**
 * References to numbers: what an instruction says by name becomes what this kernel knows.
 *
 *   map 'counts'        ─▶ its descriptor               kfunc 'bpf_task_from_pid'  ─▶ its id in the kernel's types
 *   '.rodata' + 16      ─▶ descriptor and offset        ksym 'jiffies'             ─▶ its address, or id if typed
 *   CONFIG_HZ           ─▶ its place in '.kconfig'
 *
 * What is weak and missing becomes zero (an address) or a call that no kernel has (a kfunc): the program may ask first.
 * The poison numbers are libbpf's: 2001000000 for maps, 2002000000 for kfuncs.
 */
import { ldImm64, ldMapFd, ldMapValue } from '../isa/build.ts';
import { CALL, type Insn, PSEUDO } from '../isa/insn.ts';
import type { Reference, SymbolRef, VariableSpec } from '../object/spec.ts';
import { LinkError } from './error.ts';
import type { JoinedProgram } from './join.ts';
import type { KernelSymbols } from './ksyms.ts';

export const KFUNC_POISON = 2002000000;

export interface Environment {
  /** Descriptor of a map; undefined if there is none of that name. */
  mapFd(name: string): number | undefined;
  readonly variables: ReadonlyMap<string, VariableSpec>;
  readonly symbols: KernelSymbols;
}

export interface ResolvedProgram {
  readonly insns: readonly Insn[];
  /** Descriptors of module BTF by the index that kfunc calls use (from 1); empty if no module is needed. */
  readonly fdArray: readonly number[];
  /** By slot: names of what was missing and weak. */
  readonly poisoned: ReadonlyMap<number, string>;
}

export function resolveReferences(program: JoinedProgram, env: Environment): ResolvedProgram {
  if (program.refs.length === 0) return { insns: program.insns, fdArray: [], poisoned: new Map() };
  const insns = [...program.insns];
  const poisoned = new Map<number, string>();
  const modules: string[] = [];
  const addresses = env.symbols.addresses(namesOfAddresses(program.refs));
  const functionOf = (at: number): string => {
    let name = '';
    for (const fn of program.functions) if (fn.insn <= at) name = fn.name;
    return name;
  };
  for (const { insn: at, to } of program.refs) {
    const insn = insns[at];
    if (insn === undefined) continue;
    const fail = (message: string): LinkError => new LinkError(`${functionOf(at)}: ${message}`);
    if (to.kind !== 'kfunc' && to.kind !== 'call' && insn.imm64 === undefined)
      throw fail(`a reference to ${describe(to)} in an instruction that holds no address`);
    switch (to.kind) {
      case 'map': {
        const fd = env.mapFd(to.map);
        if (fd === undefined) throw fail(`there is no map '${to.map}'`);
        insns[at] = ldMapFd(insn.dst, fd);
        break;
      }
      case 'mapValue': {
        const fd = env.mapFd(to.map);
        if (fd === undefined) throw fail(`there is no data section '${to.map}'`);
        insns[at] = ldMapValue(insn.dst, fd, to.offset);
        break;
      }
      case 'kconfig': {
        const variable = env.variables.get(to.name);
        const fd = variable === undefined ? undefined : env.mapFd(variable.map);
        if (variable === undefined || fd === undefined) throw fail(`'${to.name}' has no place in a data section`);
        insns[at] = ldMapValue(insn.dst, fd, variable.offset);
        break;
      }
      case 'ksym':
        insns[at] = kernelSymbol(insn, to, env.symbols, addresses, fail);
        break;
      case 'kfunc': {
        const found = env.symbols.typed(to.name, 'func');
        if (found === undefined) {
          if (!to.weak) throw fail(`this kernel has no function '${to.name}' that programs may call`);
          poisoned.set(program.slots[at] ?? 0, to.name);
          insns[at] = { ...insn, src: 0, off: 0, imm: KFUNC_POISON + poisoned.size - 1 };
          break;
        }
        if (found.module !== undefined && !modules.includes(found.module)) modules.push(found.module);
        insns[at] = { ...insn, src: CALL.KFUNC, imm: found.id, off: found.module === undefined ? 0 : modules.indexOf(found.module) + 1 };
        break;
      }
      case 'call':
      case 'functionAddress':
        throw fail(`${describe(to)} was not joined`);
      default:
        to satisfies never;
    }
  }
  // Index 0 stands for the kernel itself and is never looked at.
  const fdArray = modules.length === 0 ? [] : [0, ...modules.map((m) => env.symbols.moduleFd(m))];
  return { insns, fdArray, poisoned };
}

function namesOfAddresses(refs: readonly SymbolRef[]): ReadonlySet<string> {
  const names = new Set<string>();
  for (const { to } of refs) if (to.kind === 'ksym' && !to.typed) names.add(to.name);
  return names;
}

function kernelSymbol(
  insn: Insn,
  to: Extract<Reference, { kind: 'ksym' }>,
  symbols: KernelSymbols,
  addresses: ReadonlyMap<string, bigint>,
  fail: (message: string) => LinkError,
): Insn {
  if (!to.typed) {
    const address = addresses.get(to.name);
    if (address === undefined && !to.weak) throw fail(`this kernel has no symbol '${to.name}'`);
    return ldImm64(insn.dst, address ?? 0n);
  }
  const found = symbols.typed(to.name, 'var') ?? symbols.typed(to.name, 'func');
  if (found === undefined) {
    if (!to.weak) throw fail(`this kernel has no typed symbol '${to.name}'`);
    return ldImm64(insn.dst, 0n);
  }
  const module = found.module === undefined ? 0 : symbols.moduleFd(found.module);
  return ldImm64(insn.dst, (BigInt(module) << 32n) | BigInt(found.id), PSEUDO.BTF_ID);
}

function describe(to: Reference): string {
  switch (to.kind) {
    case 'map':
    case 'mapValue':
      return `map '${to.map}'`;
    case 'call':
    case 'functionAddress':
      return `function '${to.function}'`;
    case 'kfunc':
    case 'ksym':
    case 'kconfig':
      return `'${to.name}'`;
    default:
      return to satisfies never;
  }
}
