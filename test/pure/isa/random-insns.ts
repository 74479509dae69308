/** Random valid instructions, one seed one list: every opcode row, registers, edge immediates. */

import { ldImm64 } from '../../../src/isa/build.ts';
import type { Insn } from '../../../src/isa/insn.ts';
import { ALU, ATOMIC, CALL, CLASS, MODE, PSEUDO, SIZE, SRC } from '../../../src/isa/insn.ts';
import { LD_IMM64, OPCODES } from '../../../src/isa/opcodes.ts';

/** mulberry32: small, seeded, good enough for test inputs. */
export function randomSource(seed: number): (bound: number) => number {
  let state = seed >>> 0;
  return (bound) => {
    state = (state + 0x6d2b79f5) >>> 0;
    let t = Math.imul(state ^ (state >>> 15), state | 1);
    t ^= t + Math.imul(t ^ (t >>> 7), t | 61);
    return Math.floor((((t ^ (t >>> 14)) >>> 0) / 4294967296) * bound);
  };
}

const EDGES = [0, 1, -1, 2, 7, 8, 31, 32, 63, 64, 127, 128, 255, 256, 0x7fff, 0x8000, 0xffff, 0x7fffffff, -0x80000000, -0x7fffffff];

export function randomImm(random: (bound: number) => number): number {
  return random(2) === 0 ? (EDGES[random(EDGES.length)] as number) : random(0x100000000) | 0;
}

const pick = <T>(random: (bound: number) => number, list: readonly T[]): T => list[random(list.length)] as T;

/** Every valid opcode appears about as often as any other. */
export function randomInsn(random: (bound: number) => number, opcodes: readonly number[] = VALID): Insn {
  const op = pick(random, opcodes);
  const row = OPCODES[op];
  if (row === undefined) throw new Error('not an opcode');
  const dst = row.dst ? random(11) : 0;
  const src = row.src ? random(11) : 0;
  const off = row.off ? (random(0x10000) << 16) >> 16 : 0;
  const imm = row.imm ? randomImm(random) : 0;
  if (op === LD_IMM64) {
    const low = BigInt(randomImm(random) >>> 0);
    const pseudo = pick(random, [0, 0, 0, ...Object.values(PSEUDO)]);
    return ldImm64(dst, (BigInt(randomImm(random) >>> 0) << 32n) | low, pseudo);
  }
  const cls = op & 7;
  const kind = op & 0xf0;
  if ((cls === CLASS.ALU || cls === CLASS.ALU64) && (kind === ALU.DIV || kind === ALU.MOD)) return { op, dst, src, off: random(2), imm };
  if ((cls === CLASS.ALU || cls === CLASS.ALU64) && kind === ALU.END) return { op, dst, src, off, imm: pick(random, [16, 32, 64]) };
  if (op === (CLASS.ALU | ALU.MOV | SRC.X)) return { op, dst, src, off: pick(random, [0, 8, 16]), imm };
  if (op === (CLASS.ALU64 | ALU.MOV | SRC.X)) {
    const extend = pick(random, [0, 1, 8, 16, 32]);
    return { op, dst, src, off: extend, imm: extend === 1 ? imm : 0 };
  }
  if (cls === CLASS.STX && (op & 0xe0) === MODE.ATOMIC) {
    const wide = (op & 0x18) === SIZE.W || (op & 0x18) === SIZE.DW;
    const rmw = [0, 0x40, 0x50, 0xa0].flatMap((a) => [a, a | ATOMIC.FETCH]);
    return {
      op,
      dst,
      src,
      off,
      imm: pick(random, [ATOMIC.LOAD_ACQ, ATOMIC.STORE_REL, ...(wide ? [...rmw, ATOMIC.XCHG, ATOMIC.CMPXCHG] : [])]),
    };
  }
  if (op === 0x85) {
    const kind = pick(random, Object.values(CALL));
    return { op, dst, src: kind, off: kind === CALL.KFUNC ? random(4) : 0, imm };
  }
  return { op, dst, src, off, imm };
}

export const VALID: readonly number[] = OPCODES.flatMap((row, op) => (row === undefined ? [] : [op]));
