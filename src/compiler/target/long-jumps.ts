/**
 * Fills in the distances of jumps. A conditional jump and `goto` reach 32767 slots either way.
 *
 *   too far, v4:      if !c goto +1; gotol target
 *   too far, before:  if c goto island … (in reach, after a goto or exit)  island: goto target
 *
 * Functions that large are rare (the kernel takes a million instructions, but nobody writes them), so this only has to
 * be right: it starts over after each change.
 */

import type { Insn } from '../../isa/insn.ts';
import { CLASS, JMP, slots } from '../../isa/insn.ts';
import type { Emitted } from './emit.ts';

export interface Jump<B> {
  /** Index of the jump instruction. */
  insn: number;
  readonly to: B;
}

const REACH = 0x7fff;
const GOTO: number = CLASS.JMP | JMP.JA;
const GOTOL: number = CLASS.JMP32 | JMP.JA;

export function placeJumps<B>(code: Emitted, jumps: Jump<B>[], starts: Map<B, number>, cpu: number): void {
  // Targets as instruction indexes, so that islands can be targets too.
  const targets: { insn: number; to: number }[] = jumps.map((j) => ({ insn: j.insn, to: starts.get(j.to) as number }));
  for (;;) {
    const slotOf = slotNumbers(code.insns);
    const far = targets.find((j) => code.insns[j.insn]?.op !== GOTOL && Math.abs(distance(slotOf, j)) > REACH);
    if (far === undefined) {
      for (const j of targets) {
        const insn = code.insns[j.insn] as Insn;
        const d = distance(slotOf, j);
        code.insns[j.insn] = insn.op === GOTOL ? { ...insn, imm: d } : { ...insn, off: d };
      }
      return;
    }
    const insn = code.insns[far.insn] as Insn;
    if (insn.op === GOTO) {
      if (cpu >= 4) code.insns[far.insn] = { ...insn, op: GOTOL };
      else addIsland(code, targets, far, slotOf);
    } else {
      // if c goto here+1; goto here+2; here+1: goto target
      const at = far.insn + 1;
      insert(code, targets, at, { op: GOTO, dst: 0, src: 0, off: 0, imm: 0 });
      insert(code, targets, at + 1, { op: GOTO, dst: 0, src: 0, off: 0, imm: 0 });
      const to = far.to;
      far.to = at + 1;
      targets.push({ insn: at, to: at + 2 }, { insn: at + 1, to });
    }
  }
}

function distance(slotOf: Int32Array, j: { insn: number; to: number }): number {
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

/** A `goto` on the way, which control steps over. */
function addIsland(code: Emitted, targets: { insn: number; to: number }[], far: { insn: number; to: number }, slotOf: Int32Array): void {
  const from = slotOf[far.insn] as number;
  const aim = from + Math.sign((slotOf[far.to] as number) - from) * (REACH - 1000);
  let at = 0;
  while (at < code.insns.length && (slotOf[at] as number) < aim) at++;
  // Not between the halves of anything: indexes are whole instructions.
  insert(code, targets, at, { op: GOTO, dst: 0, src: 0, off: 0, imm: 0 });
  insert(code, targets, at + 1, { op: GOTO, dst: 0, src: 0, off: 0, imm: 0 });
  targets.push({ insn: at, to: at + 2 }, { insn: at + 1, to: far.to });
  far.to = at + 1;
}

function insert(code: Emitted, targets: { insn: number; to: number }[], at: number, insn: Insn): void {
  code.insns.splice(at, 0, insn);
  code.locs.splice(at, 0, code.locs[Math.max(0, at - 1)] ?? 0);
  code.shared.splice(at, 0, code.shared[Math.max(0, at - 1)] ?? false);
  for (const j of targets) {
    if (j.insn >= at) j.insn++;
    // A jump to what stood here now goes to what is inserted: it leads on.
    if (j.to > at) j.to++;
  }
  for (const list of [code.refs, code.core] as { insn: number }[][]) for (const r of list) if (r.insn >= at) r.insn++;
}
