/** Conditional jumps: which of them can be turned around. */
import { CLASS, JMP, SRC } from '../../isa/insn.ts';
import type { MInst } from './machine.ts';

const INVERSE: ReadonlyMap<number, number> = new Map([
  [JMP.JEQ, JMP.JNE],
  [JMP.JNE, JMP.JEQ],
  [JMP.JGT, JMP.JLE],
  [JMP.JLE, JMP.JGT],
  [JMP.JGE, JMP.JLT],
  [JMP.JLT, JMP.JGE],
  [JMP.JSGT, JMP.JSLE],
  [JMP.JSLE, JMP.JSGT],
  [JMP.JSGE, JMP.JSLT],
  [JMP.JSLT, JMP.JSGE],
]);
const SWAPPED: ReadonlyMap<number, number> = new Map([
  [JMP.JLT, JMP.JGT],
  [JMP.JLE, JMP.JGE],
  [JMP.JSLT, JMP.JSGT],
  [JMP.JSLE, JMP.JSGE],
]);

/** Whether the opposite condition is one instruction. v1 has no "less" and can only exchange registers. */
export function invertible(jump: MInst, cpu: number): boolean {
  const inverse = INVERSE.get(jump.op & 0xf0);
  if (inverse === undefined) return false;
  return cpu >= 2 || !SWAPPED.has(inverse) || (jump.op & SRC.X) !== 0;
}

/** Makes the jump test the opposite. */
export function invert(jump: MInst, cpu: number): void {
  const inverse = INVERSE.get(jump.op & 0xf0);
  if (inverse === undefined) throw new Error(`jump ${jump.op.toString(16)} has no opposite`);
  const swapped = cpu >= 2 ? undefined : SWAPPED.get(inverse);
  if (swapped !== undefined) [jump.dst, jump.src] = [jump.src, jump.dst];
  jump.op = (jump.op & ~0xf0) | (swapped ?? inverse);
}

export function isWide(jump: MInst): boolean {
  return (jump.op & 7) === CLASS.JMP;
}
