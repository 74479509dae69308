/**
 * After allocation: removes instructions that put into a register what is there already, and reads again what another
 * register still holds instead of making it anew.
 *
 *   r1 = 0 … r1 = 0           the second goes
 *   if r0 != 0 goto x; r0 = 0 the check has said it
 *   [r10-8] = r3; r4 = [r10-8]   r4 = r3
 *   r1 = big ll … r2 = big ll    r2 = r1, one slot for two
 *
 * Each register and each spill slot has a value, a number; equal numbers, equal contents. A block begins with what all
 * its predecessors agree on.
 */
import { CLASS, JMP, SRC } from '../../isa/insn.ts';
import type { MBlock, MFunction } from './machine.ts';
import { FP, isConditionalJump, LD_IMM64, type MInst, MOV32_IMM, MOV64, MOV64_IMM, NONE, PSEUDO, physicalDefs } from './machine.ts';
import { RELOAD, SAVE } from './spill-everywhere.ts';

/** Values by register, then by slot; 0 is unknown. */
type State = Int32Array;

/** Blocks must be in reverse postorder. */
export function reuseAvailable(fn: MFunction): void {
  const size = FP + fn.slots.length;
  const numbers = new Map<string, number>();
  let fresh = 1;
  const valueOf = (key: string): number => {
    let n = numbers.get(key);
    if (n === undefined) numbers.set(key, (n = fresh++));
    return n;
  };
  const atEnd: (State | undefined)[] = new Array<undefined>(fn.blocks.length).fill(undefined);
  for (const b of fn.blocks) {
    const state = entryState(b, atEnd, size, valueOf);
    let kept = 0;
    for (const i of b.insts) {
      if (!step(fn, i, state, valueOf, () => fresh++)) b.insts[kept++] = i;
    }
    b.insts.length = kept;
    atEnd[b.index] = state;
  }
}

function entryState(b: MBlock, atEnd: readonly (State | undefined)[], size: number, valueOf: (key: string) => number): State {
  const state = new Int32Array(size);
  if (b.index === 0 || b.preds.some((p) => atEnd[p.index] === undefined)) return state;
  b.preds.forEach((p, k) => {
    const theirs = onEdge(p, b, atEnd[p.index] as State, valueOf);
    if (k === 0) state.set(theirs);
    else for (let r = 0; r < size; r++) if (state[r] !== theirs[r]) state[r] = 0;
  });
  return state;
}

/** What a comparison with a constant says about the register on this way. */
function onEdge(from: MBlock, to: MBlock, end: State, valueOf: (key: string) => number): State {
  const last = from.insts[from.insts.length - 1];
  if (from.taken === undefined || last === undefined || !isConditionalJump(last) || from.taken === from.next) return end;
  if ((last.op & 7) !== CLASS.JMP || (last.op & SRC.X) !== 0) return end;
  const code = last.op & 0xf0;
  if ((code === JMP.JEQ && from.taken === to) || (code === JMP.JNE && from.next === to)) {
    const out = end.slice();
    out[last.dst] = valueOf(`c${last.imm}`);
    return out;
  }
  return end;
}

/** True where the instruction is not needed. */
function step(fn: MFunction, i: MInst, state: State, valueOf: (key: string) => number, fresh: () => number): boolean {
  const { op } = i;
  if (op === MOV64 && i.off === 0 && i.src !== FP) {
    if (state[i.src] === 0) state[i.src] = fresh();
    if (state[i.dst] === state[i.src]) return true;
    state[i.dst] = state[i.src] as number;
    return false;
  }
  const key = keyOf(i);
  if (key !== undefined) {
    const v = valueOf(key);
    if (state[i.dst] === v) return true;
    const other = op === LD_IMM64 || op === PSEUDO.LEA ? holder(state, v) : NONE;
    if (other !== NONE) turnIntoCopy(i, other);
    state[i.dst] = v;
    return false;
  }
  if (op === SAVE && i.slot !== NONE && fn.slots[i.slot]?.spill) {
    if (state[i.src] === 0) state[i.src] = fresh();
    const at = FP + i.slot;
    if (state[at] === state[i.src]) return true;
    state[at] = state[i.src] as number;
    return false;
  }
  if (op === RELOAD && i.slot !== NONE && fn.slots[i.slot]?.spill) {
    const at = FP + i.slot;
    if (state[at] === 0) state[at] = fresh();
    const v = state[at] as number;
    if (state[i.dst] === v) return true;
    const other = holder(state, v);
    if (other !== NONE) turnIntoCopy(i, other);
    state[i.dst] = v;
    return false;
  }
  for (let mask = physicalDefs(i); mask !== 0; mask &= mask - 1) state[31 - Math.clz32(mask & -mask)] = 0;
  return false;
}

/** What the instruction puts into its register, where that is the same each time. */
function keyOf(i: MInst): string | undefined {
  if (i.keep) return undefined;
  switch (i.op) {
    case MOV64_IMM:
      return i.extra ? undefined : `c${i.imm}`;
    case MOV32_IMM:
      return i.imm >= 0 ? `c${i.imm}` : `h${i.imm}`;
    case PSEUDO.LEA:
      return `&${i.slot}+${i.off}`;
    case LD_IMM64:
      if (i.extra?.kind === 'wide') return `w${i.extra.value}`;
      return i.extra?.kind === 'ref' ? `${JSON.stringify(i.extra.ref)}` : undefined;
    default:
      return undefined;
  }
}

function holder(state: State, v: number): number {
  for (let r = 0; r < FP; r++) if (state[r] === v) return r;
  return NONE;
}

function turnIntoCopy(i: MInst, from: number): void {
  i.op = MOV64;
  i.src = from;
  i.off = 0;
  i.imm = 0;
  i.slot = NONE;
  i.extra = undefined;
  i.touch = undefined;
}
