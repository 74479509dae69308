/**
 * One program out of the functions it is made of.
 *
 *   entry ─▶ [entry][f][g]        f and g: called, or passed as callbacks, from entry or from each other
 *
 * Given functions of an `ObjectSpec` and the name of the entry, promises one instruction list as the kernel takes it:
 * calls and callback addresses are distances, all other references, lines and functions are counted from the start of
 * the whole. Functions follow in the order of first mention, so the result is the same every time. The VM runs the
 * result too: nothing of a kernel is in it.
 */

import { slotCount, slotOfIndex } from '../isa/encode.ts';
import { CALL, type Insn, PSEUDO } from '../isa/insn.ts';
import type { FunctionSpec, LineInfo, SymbolRef } from '../object/spec.ts';
import { LinkError } from './error.ts';

export interface JoinedFunction {
  readonly name: string;
  /** First instruction, as index and as slot. */
  readonly insn: number;
  readonly slot: number;
  /** FUNC type in the object's BTF. */
  readonly btfFunc: number | undefined;
}

export interface JoinedLine extends LineInfo {
  readonly slot: number;
}

export interface JoinedProgram {
  readonly insns: readonly Insn[];
  /** References that need a kernel: maps, symbols, kfuncs, kconfig. By index into `insns`. */
  readonly refs: readonly SymbolRef[];
  readonly functions: readonly JoinedFunction[];
  readonly lines: readonly JoinedLine[];
  /** Slot of each instruction; one more entry: their number. */
  readonly slots: Int32Array;
}

export function joinProgram(functions: ReadonlyMap<string, FunctionSpec>, entry: string): JoinedProgram {
  const order = reachable(functions, entry);
  const placed: JoinedFunction[] = [];
  const slotOf = new Map<string, number>();
  let insnBase = 0;
  let slotBase = 0;
  for (const fn of order) {
    placed.push({ name: fn.name, insn: insnBase, slot: slotBase, btfFunc: fn.btfFunc });
    slotOf.set(fn.name, slotBase);
    insnBase += fn.insns.length;
    slotBase += slotCount(fn.insns);
  }
  const insns: Insn[] = [];
  for (const fn of order) for (const insn of fn.insns) insns.push(insn);
  const slots = slotOfIndex(insns);
  const refs: SymbolRef[] = [];
  const lines: JoinedLine[] = [];
  for (const [i, fn] of order.entries()) {
    const base = placed[i]?.insn ?? 0;
    for (const ref of fn.refs) {
      const at = base + ref.insn;
      const insn = insns[at];
      if (insn === undefined || ref.insn >= fn.insns.length)
        throw new LinkError(`${fn.name}: a reference from instruction ${ref.insn}, which does not exist`);
      const { to } = ref;
      if (to.kind === 'call' || to.kind === 'functionAddress') {
        const distance = (slotOf.get(to.function) ?? 0) - (slots[at] ?? 0) - 1;
        insns[at] = to.kind === 'call' ? { ...insn, src: CALL.LOCAL, imm: distance } : callback(insn, distance, fn.name);
      } else {
        refs.push({ insn: at, to });
      }
    }
    for (const line of fn.lines) {
      const at = base + line.insn;
      if (line.insn < fn.insns.length) lines.push({ ...line, insn: at, slot: slots[at] ?? 0 });
    }
  }
  return { insns, refs, functions: placed, lines, slots };
}

function callback(insn: Insn, distance: number, name: string): Insn {
  if (insn.imm64 === undefined) throw new LinkError(`${name}: the address of a function in an instruction that holds no address`);
  return { ...insn, src: PSEUDO.FUNC, imm: distance, imm64: BigInt(distance >>> 0) };
}

/** The entry and everything it leads to, each once. */
function reachable(functions: ReadonlyMap<string, FunctionSpec>, entry: string): FunctionSpec[] {
  const order: FunctionSpec[] = [];
  const seen = new Set<string>([entry]);
  const queue: { readonly name: string; readonly from: string }[] = [{ name: entry, from: 'the program' }];
  for (let at = 0; at < queue.length; at++) {
    const { name, from } = queue[at] as { readonly name: string; readonly from: string };
    const fn = functions.get(name);
    if (fn === undefined) throw new LinkError(`'${name}' is called by ${from}, but this object has no such function`);
    order.push(fn);
    for (const { to } of fn.refs) {
      if ((to.kind === 'call' || to.kind === 'functionAddress') && !seen.has(to.function)) {
        seen.add(to.function);
        queue.push({ name: to.function, from: `'${name}'` });
      }
    }
  }
  return order;
}

/** The last line that begins at or before a slot: where the instruction came from. */
export function lineAt(lines: readonly JoinedLine[], slot: number): JoinedLine | undefined {
  let low = 0;
  let high = lines.length;
  while (low < high) {
    const middle = (low + high) >> 1;
    if ((lines[middle]?.slot ?? 0) <= slot) low = middle + 1;
    else high = middle;
  }
  return lines[low - 1];
}

/** The function that a slot lies in. */
export function functionAt(functions: readonly JoinedFunction[], slot: number): JoinedFunction | undefined {
  let found: JoinedFunction | undefined;
  for (const fn of functions) if (fn.slot <= slot) found = fn;
  return found;
}
