/**
 * Random programs for comparing engines with each other and with the kernel.
 *
 * `wildProgram` does anything that is well formed: it jumps into loops, follows wild pointers, recurses. What matters
 * is that both engines do the same. `tameProgram` is one that the kernel's verifier accepts, and ends by storing all
 * that it computed.
 */

import * as build from '../../../src/isa/build.ts';
import { slotOfIndex } from '../../../src/isa/encode.ts';
import type { Insn } from '../../../src/isa/insn.ts';
import { ALU, ATOMIC, CLASS, JMP, MODE, SIZE, SRC } from '../../../src/isa/insn.ts';
import { randomImm } from '../isa/random-insns.ts';

export type Random = (bound: number) => number;

const pick = <T>(random: Random, list: readonly T[]): T => list[random(list.length)] as T;
const BINARY = [ALU.ADD, ALU.SUB, ALU.MUL, ALU.DIV, ALU.OR, ALU.AND, ALU.LSH, ALU.RSH, ALU.MOD, ALU.XOR, ALU.MOV, ALU.ARSH];
const SIZES = [SIZE.B, SIZE.H, SIZE.W, SIZE.DW];
const CONDITIONS = [JMP.JEQ, JMP.JNE, JMP.JGT, JMP.JGE, JMP.JLT, JMP.JLE, JMP.JSET, JMP.JSGT, JMP.JSGE, JMP.JSLT, JMP.JSLE];
const RMW = [ATOMIC.ADD, ATOMIC.OR, ATOMIC.AND, ATOMIC.XOR].flatMap((op) => [op, op | ATOMIC.FETCH]).concat(ATOMIC.XCHG, ATOMIC.CMPXCHG);

const bytesOf = (size: number): number => ({ [SIZE.B]: 1, [SIZE.H]: 2, [SIZE.W]: 4, [SIZE.DW]: 8 })[size] as number;

/** One arithmetic instruction over the given registers, of any form. `valid`: only what the verifier takes. */
export function randomAlu(random: Random, registers: readonly number[], valid: boolean): Insn {
  const dst = pick(random, registers);
  const src = pick(random, registers);
  const wide = random(2) === 0;
  const cls = wide ? CLASS.ALU64 : CLASS.ALU;
  switch (random(10)) {
    case 0:
      return wide ? build.neg64(dst) : build.neg32(dst);
    case 1:
      return pick(random, [build.toBig, build.toLittle, build.bswap])(dst, pick(random, [16, 32, 64] as const));
    case 2:
      return wide ? build.movsx64(dst, src, pick(random, [8, 16, 32] as const)) : build.movsx32(dst, src, pick(random, [8, 16] as const));
    case 3:
      return build.ldImm64(dst, (BigInt(randomImm(random) >>> 0) << 32n) | BigInt(randomImm(random) >>> 0));
    default: {
      const op = pick(random, BINARY);
      const divides = op === ALU.DIV || op === ALU.MOD;
      const off = divides ? random(2) : 0;
      if (random(2) === 0) return build.insn(cls | op | SRC.X, dst, src, off, 0);
      let imm = randomImm(random);
      if (valid && divides && imm === 0) imm = 7;
      if (valid && (op === ALU.LSH || op === ALU.RSH || op === ALU.ARSH)) imm &= wide ? 63 : 31;
      return build.insn(cls | op | SRC.K, dst, 0, off, imm);
    }
  }
}

/** Reads, writes and atomics of the frame between -`depth` and 0, aligned. */
export function randomStackAccess(random: Random, registers: readonly number[], depth: number, base: number): Insn {
  const size = pick(random, SIZES);
  const bytes = bytesOf(size);
  const off = -bytes * (1 + random(depth / bytes));
  const register = pick(random, registers);
  switch (random(8)) {
    case 0:
      return build.storeImm(size, base, off, randomImm(random));
    case 1:
      return size === SIZE.DW ? build.load(size, register, base, off) : build.loadSigned(size, register, base, off);
    case 2:
    case 3:
      return build.load(size, register, base, off);
    case 4:
      return random(2) === 0 ? build.loadAcquire(size, register, base, off) : build.storeRelease(size, base, off, register);
    case 5:
      if (size !== SIZE.W && size !== SIZE.DW) return build.store(size, base, off, register);
      return build.atomic(size, pick(random, RMW), base, off, register);
    default:
      return build.store(size, base, off, register);
  }
}

export function randomBranch(random: Random, registers: readonly number[], off: number): Insn {
  const cls = random(2) === 0 ? CLASS.JMP : CLASS.JMP32;
  const op = pick(random, CONDITIONS);
  if (random(2) === 0) return build.insn(cls | op | SRC.X, pick(random, registers), pick(random, registers), off, 0);
  return build.insn(cls | op | SRC.K, pick(random, registers), 0, off, randomImm(random));
}

/** A kernel of that version, [major, minor], takes an instruction like this one: the nearest that it knows. */
export function asKnownTo([major, minor]: readonly [number, number], i: Insn): Insn {
  const since = (a: number, b: number): boolean => major > a || (major === a && minor >= b);
  const size = (i.op & 0x18) as (typeof SIZE)[keyof typeof SIZE];
  if (!since(6, 15) && (i.op & ~0x18) === (CLASS.STX | MODE.ATOMIC)) {
    if (i.imm === ATOMIC.LOAD_ACQ) return build.load(size, i.dst, i.src, i.off);
    if (i.imm === ATOMIC.STORE_REL) return build.store(size, i.dst, i.off, i.src);
  }
  if (since(6, 6)) return i;
  if ((i.op & ~0x18) === (CLASS.LDX | MODE.MEMSX)) return build.load(size, i.dst, i.src, i.off);
  const cls = i.op & 7;
  if (cls !== CLASS.ALU && cls !== CLASS.ALU64) return i;
  // Signed division and extending moves; the swap that does not ask for an order.
  if ((i.op & 0xf0) === ALU.END) return cls === CLASS.ALU ? i : build.toBig(i.dst, i.imm as 16 | 32 | 64);
  return { ...i, off: 0 };
}

/** Jumps are drawn as indices first, because their distance counts slots. */
interface Draft {
  readonly insn: Insn;
  /** Index within the function, or number of the function called. */
  readonly target?: number;
}

const ALL = [0, 1, 2, 3, 4, 5, 6, 7, 8, 9];

export function wildProgram(random: Random): Insn[] {
  const functions = 1 + random(3);
  const bodies = Array.from({ length: functions }, () => {
    const length = 3 + random(40);
    const drafts: Draft[] = [];
    for (let i = 0; i < length - 1; i++) drafts.push(wildInsn(random, length, functions));
    drafts.push(random(3) === 0 ? { insn: build.jump(0), target: random(length) } : { insn: build.exit() });
    return drafts;
  });
  const flat = bodies.flat();
  const starts = bodies.map((_, i) => bodies.slice(0, i).reduce((sum, body) => sum + body.length, 0));
  const slot = slotOfIndex(flat.map((draft) => draft.insn));
  return flat.map(({ insn, target }, i) => {
    if (target === undefined) return insn;
    const own = starts.findLastIndex((start) => start <= i);
    const to = insn.op === 0x85 || insn.imm64 !== undefined ? (starts[target] as number) : (starts[own] as number) + target;
    const distance = (slot[to] as number) - (slot[i] as number) - 1;
    if (insn.imm64 !== undefined) return build.ldFunction(insn.dst, distance);
    return insn.op === 0x85 || insn.op === 0x06 ? { ...insn, imm: distance } : { ...insn, off: distance };
  });
}

function wildInsn(random: Random, length: number, functions: number): Draft {
  switch (random(20)) {
    case 0:
      return { insn: build.callLocal(0), target: random(functions) };
    case 1:
      return { insn: pick(random, [build.jump(0), build.jumpLong(0)]), target: random(length) };
    case 2:
      return { insn: build.mayGoto(0), target: random(length) };
    case 3:
    case 4:
    case 5:
    case 6:
      return { insn: randomBranch(random, ALL, 0), target: random(length) };
    case 7:
      return { insn: build.exit() };
    case 8:
      return { insn: build.load(pick(random, SIZES), pick(random, ALL), pick(random, [1, 1, 1, 2, 6, 10]), random(40) - 4) };
    case 9:
      return { insn: build.store(pick(random, SIZES), pick(random, [1, 1, 1, 2, 6, 10]), random(40) - 30, pick(random, ALL)) };
    case 10:
      return { insn: build.mov64(pick(random, [6, 7, 8]), pick(random, [1, 10])) };
    case 11:
      return { insn: build.ldFunction(pick(random, ALL), 0), target: random(functions) };
    case 12:
    case 13:
    case 14:
      return { insn: randomStackAccess(random, ALL, 64, pick(random, [10, 10, 10, 6])) };
    default:
      return { insn: randomAlu(random, ALL, false) };
  }
}

/** Bytes of frame that a tame program works on, and what it stores: ten registers, then the frame. */
const TAME_STACK = 64;
export const TAME_RESULT: number = 80 + TAME_STACK;

/**
 * Starts from known registers and frame, jumps only forward, calls one subprogram, and stores everything into the value
 * of the map that `ld_imm64` names by number `map`.
 */
export function tameProgram(random: Random, map: number): Insn[] {
  const insns: Insn[] = [];
  const block = (registers: readonly number[], count: number): void => {
    const until: number[] = [];
    for (let i = 0; i < count; i++) {
      const kind = random(12);
      if (kind === 0 && until.length < 5) {
        until.push(insns.length);
        insns.push(randomBranch(random, registers, 0));
      } else if (kind < 4) insns.push(randomStackAccess(random, registers, TAME_STACK, 10));
      else insns.push(randomAlu(random, registers, true));
    }
    // Each jump goes past some of what follows it, at most to the end of the block.
    const slot = slotOfIndex(insns);
    for (const at of until) {
      const to = at + 1 + random(insns.length - at);
      insns[at] = { ...(insns[at] as Insn), off: (slot[to] as number) - (slot[at] as number) - 1 };
    }
  };
  const initialise = (registers: readonly number[]): void => {
    for (const register of registers)
      insns.push(build.ldImm64(register, (BigInt(randomImm(random) >>> 0) << 32n) | BigInt(randomImm(random) >>> 0)));
    for (let off = 8; off <= TAME_STACK; off += 8) insns.push(build.store(SIZE.DW, 10, -off, pick(random, registers)));
  };
  initialise(ALL);
  block(ALL, 10 + random(30));
  const callAt = insns.length;
  insns.push(build.callLocal(0));
  // A call leaves r1 to r5 unreadable.
  for (const register of [1, 2, 3, 4, 5]) insns.push(build.mov64(register, pick(random, [0, 6, 7, 8, 9])));
  block(ALL, 5 + random(15));
  insns.push(build.store(SIZE.DW, 10, -TAME_STACK - 8, 9));
  insns.push({ ...build.ldMapValue(9, map, 0) });
  for (let register = 0; register < 9; register++) insns.push(build.store(SIZE.DW, 9, register * 8, register));
  for (let off = 8; off <= TAME_STACK + 8; off += 8) {
    insns.push(build.load(SIZE.DW, 0, 10, -off), build.store(SIZE.DW, 9, 64 + off, 0));
  }
  insns.push(build.mov64Imm(0, 0), build.exit());
  const start = insns.length;
  const own = [0, 1, 2, 3, 4, 5, 6, 7, 8, 9];
  for (const register of [0, 6, 7, 8, 9]) insns.push(build.mov64(register, 1 + random(5)));
  for (let off = 8; off <= TAME_STACK; off += 8) insns.push(build.store(SIZE.DW, 10, -off, pick(random, own)));
  block(own, 5 + random(15));
  insns.push(build.exit());
  const slot = slotOfIndex(insns);
  insns[callAt] = build.callLocal((slot[start] as number) - (slot[callAt] as number) - 1);
  return insns;
}
