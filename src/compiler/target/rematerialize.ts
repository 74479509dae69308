/**
 * Registers whose only write is an instruction that can be repeated anywhere: constants, addresses of stack objects and
 * maps. They need no stack slot: where such a register was given up, the instruction is repeated.
 */

import type { MFunction } from './machine.ts';
import { FIRST_VIRTUAL, LD_IMM64, MInst, MOV32_IMM, MOV64_IMM, PSEUDO, sizeOf, virtualDefs } from './machine.ts';

/** By register: the instruction that makes it, undefined where it must be kept. */
export function findRepeatable(fn: MFunction): (MInst | undefined)[] {
  const makers = new Array<MInst | undefined>(fn.nextReg).fill(undefined);
  const writes = new Uint8Array(fn.nextReg);
  const operands: number[] = [];
  for (const block of fn.blocks) {
    for (const i of block.insts) {
      for (let n = virtualDefs(i, operands) - 1; n >= 0; n--) {
        const r = operands[n] as number;
        if (writes[r] === 0) {
          writes[r] = 1;
          if (isRepeatable(i)) makers[r] = i;
        } else makers[r] = undefined;
      }
    }
  }
  return makers;
}

export function isRepeatable(i: MInst): boolean {
  if (i.keep || i.dst < FIRST_VIRTUAL) return false;
  return i.op === MOV64_IMM || i.op === MOV32_IMM || i.op === LD_IMM64 || i.op === PSEUDO.LEA;
}

export function repeat(maker: MInst, dst: number, loc: number): MInst {
  const i = new MInst(maker.op, dst, maker.src, maker.off, maker.imm, loc);
  i.slot = maker.slot;
  i.extra = maker.extra;
  return i;
}

export function repeatCost(maker: MInst): number {
  return sizeOf(maker);
}
