/**
 * Fills in the distances of jumps. A conditional jump and `goto` reach 32767 slots either way.
 *
 *   too far, v4:      if c goto hop … | goto over; hop: gotol target; over: |
 *   too far, before:  if c goto hop … | goto over; hop: goto island; over: | … | goto over; island: goto target; over: |
 *
 * What is inserted stands in groups: behind a conditional jump that does not reach, and on the way of a `goto` that does
 * not. Control steps over a group; behind a `goto` or an exit nothing would reach that step, and it is left out. A group
 * holds one `goto` for each target, whoever comes for it. Each round inserts for all that are too far, and moves others
 * apart; so there is another, until all reach.
 */

import type { Insn } from '../../isa/insn.ts';
import { CLASS, JMP, slots } from '../../isa/insn.ts';
import type { Emitted } from './emit.ts';

export interface Jump<B> {
  /** Index of the jump instruction. */
  insn: number;
  readonly to: B;
}

interface Target {
  insn: number;
  to: number;
}

const REACH = 0x7fff;
const GOTO: number = CLASS.JMP | JMP.JA;
const GOTOL: number = CLASS.JMP32 | JMP.JA;
const EXIT: number = CLASS.JMP | JMP.EXIT;
/** Groups on the way stand at least this far before the end of reach, and at multiples of that, so that many share one. */
const ROOM = 1024;
/** Each round brings all nearer by half a reach at least; a million slots are the most that a kernel takes. */
const MOST_ROUNDS = 100;

/** False where they cannot be brought into reach: too many go too far, and there is no room for them on the way. */
export function placeJumps<B>(code: Emitted, jumps: readonly Jump<B>[], starts: ReadonlyMap<B, number>, cpu: number): boolean {
  // Targets as instruction indexes, so that what is inserted can be a target too.
  const targets: Target[] = jumps.map((j) => ({ insn: j.insn, to: starts.get(j.to) as number }));
  for (let round = 0; round < MOST_ROUNDS; round++) {
    const slotOf = slotNumbers(code.insns);
    const far = targets.filter((j) => code.insns[j.insn]?.op !== GOTOL && Math.abs(distance(slotOf, j)) > REACH);
    if (far.length === 0) {
      for (const j of targets) {
        const insn = code.insns[j.insn] as Insn;
        const d = distance(slotOf, j);
        code.insns[j.insn] = insn.op === GOTOL ? { ...insn, imm: d } : { ...insn, off: d };
      }
      return true;
    }
    // What the others insert meanwhile may lie between a jump and where it is led on.
    const hop = REACH - Math.min(ROOM + far.length, REACH >> 1);
    const groups = new Map<number, Map<number, Target[]>>();
    for (const j of far) {
      const insn = code.insns[j.insn] as Insn;
      if (insn.op === GOTO && cpu >= 4) {
        code.insns[j.insn] = { ...insn, op: GOTOL };
        continue;
      }
      const at = insn.op === GOTO ? onTheWay(slotOf, j, hop) : j.insn + 1;
      let group = groups.get(at);
      if (group === undefined) groups.set(at, (group = new Map()));
      const same = group.get(j.to);
      if (same === undefined) group.set(j.to, [j]);
      else same.push(j);
    }
    if (groups.size > 0) insert(code, targets, groups);
  }
  return false;
}

function distance(slotOf: Int32Array, j: Target): number {
  return (slotOf[j.to] as number) - (slotOf[j.insn] as number) - 1;
}

function slotNumbers(insns: readonly Insn[]): Int32Array {
  const out = new Int32Array(insns.length + 1);
  let at = 0;
  insns.forEach((insn, k) => {
    out[k] = at;
    at += slots(insn);
  });
  out[insns.length] = at;
  return out;
}

/** Index of the instruction before which a jump that does not reach can be led on. */
function onTheWay(slotOf: Int32Array, j: Target, hop: number): number {
  const from = slotOf[j.insn] as number;
  const aim = (slotOf[j.to] as number) > from ? Math.floor((from + hop) / ROOM) * ROOM : Math.ceil((from - hop) / ROOM) * ROOM;
  let low = 0;
  let high = slotOf.length - 1;
  while (low < high) {
    const middle = (low + high) >>> 1;
    if ((slotOf[middle] as number) < aim) low = middle + 1;
    else high = middle;
  }
  return low;
}

/** Inserts each group before the instruction with its index, and leads its jumps there. */
function insert(code: Emitted, targets: Target[], groups: ReadonlyMap<number, ReadonlyMap<number, readonly Target[]>>): void {
  const { length } = code.insns;
  const insns: Insn[] = [];
  const locs: Emitted['locs'] = [];
  const shared: boolean[] = [];
  /** Where an instruction is now, and where a jump to it leads now. */
  const moved = new Int32Array(length + 1);
  const reached = new Int32Array(length + 1);
  const added: { readonly insn: number; readonly to: number | 'behind'; readonly jumps: readonly Target[]; readonly end: number }[] = [];
  for (let k = 0; k <= length; k++) {
    const group = groups.get(k);
    const before = code.insns[k - 1];
    const steps = group !== undefined && !(before !== undefined && ends(before));
    if (steps) reached[k] = insns.length;
    if (group !== undefined) {
      const end = insns.length + group.size + (steps ? 1 : 0);
      const push = (to: number | 'behind', jumps: readonly Target[]): void => {
        added.push({ insn: insns.length, to, jumps, end });
        insns.push({ op: GOTO, dst: 0, src: 0, off: 0, imm: 0 });
        locs.push(code.locs[Math.max(0, k - 1)] ?? 0);
        shared.push(code.shared[Math.max(0, k - 1)] ?? false);
      };
      if (steps) push('behind', []);
      for (const [to, jumps] of group) push(to, jumps);
    }
    // A jump to what stood behind a step goes to the step: it leads on.
    if (!steps) reached[k] = insns.length;
    moved[k] = insns.length;
    if (k === length) break;
    insns.push(code.insns[k] as Insn);
    locs.push(code.locs[k] as Emitted['locs'][number]);
    shared.push(code.shared[k] as boolean);
  }
  for (const j of targets) {
    j.insn = moved[j.insn] as number;
    j.to = reached[j.to] as number;
  }
  for (const { insn, to, jumps, end } of added) {
    for (const j of jumps) j.to = insn;
    targets.push({ insn, to: to === 'behind' ? end : (reached[to] as number) });
  }
  for (const list of [code.refs, code.core] as { insn: number }[][]) for (const r of list) r.insn = moved[r.insn] as number;
  replace(code.insns, insns);
  replace(code.locs, locs);
  replace(code.shared, shared);
}

function replace<T>(list: T[], by: readonly T[]): void {
  list.length = 0;
  for (const one of by) list.push(one);
}

/** Control does not go on behind it. */
function ends(insn: Insn): boolean {
  return insn.op === GOTO || insn.op === GOTOL || insn.op === EXIT;
}
