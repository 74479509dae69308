/**
 * Arithmetic: BPF's two-operand instructions `dst op= src`, in 64-bit and (from v3) 32-bit forms. Where an i32 lives
 * in a 64-bit operation (before v3) its operands are first made what the operation looks at: zero- or sign-extended.
 */
import { ALU, CLASS, SRC } from '../../../isa/insn.ts';
import type { Bin, BinOp, Bswap, Ext, PtrAdd, Value } from '../../ir/ir.ts';
import { asImm64, bitLength, powerOfTwo } from '../bits.ts';
import { NONE } from '../machine.ts';
import type { StepOp } from '../rewrites/by-constant.ts';
import { constantRow } from '../rewrites/by-constant.ts';
import type { Selection } from './selection.ts';

const OPS: Readonly<Record<Exclude<BinOp, 'sdiv' | 'smod'>, number>> = {
  add: ALU.ADD,
  sub: ALU.SUB,
  mul: ALU.MUL,
  udiv: ALU.DIV,
  umod: ALU.MOD,
  and: ALU.AND,
  or: ALU.OR,
  xor: ALU.XOR,
  shl: ALU.LSH,
  lshr: ALU.RSH,
  ashr: ALU.ARSH,
};
const COMMUTES: ReadonlySet<BinOp> = new Set<BinOp>(['add', 'mul', 'and', 'or', 'xor']);

export function selectBin(s: Selection, i: Bin): void {
  let a = i.a,
    b = i.b;
  if (a.op === 'const' && b.op !== 'const' && COMMUTES.has(i.bin)) [a, b] = [b, a];
  const dst = s.facts.clear[i.id] ? s.newReg() : s.target(i);
  bin(s, i, dst, a, b);
  if (s.facts.clear[i.id]) s.finish(i, dst);
}

function bin(s: Selection, i: Bin, dst: number, a: Value, b: Value): void {
  const narrow = i.type === 'i32';
  if (b.op === 'const' && byConstant(s, i.bin, narrow, dst, a, b.value)) return;
  if (i.bin === 'sdiv' || i.bin === 'smod') return signedDivision(s, i.bin, narrow, dst, a, b);
  if (narrow && !s.cpu.alu32) return wideBin(s, i.bin, dst, a, b);
  plain(s, i.bin, !narrow, dst, a, b);
}

function plain(s: Selection, op: keyof typeof OPS, wide: boolean, dst: number, a: Value, b: Value): void {
  const imm = immediate(b, wide);
  if (op === 'sub' && a.op === 'const' && a.value === 0n) {
    s.into(dst, b);
    s.aluImm(ALU.NEG, wide, dst, 0);
    return;
  }
  if (imm !== undefined) {
    s.into(dst, a);
    const count = op === 'shl' || op === 'lshr' || op === 'ashr';
    s.aluImm(OPS[op], wide, dst, count ? imm & (wide ? 63 : 31) : imm);
    return;
  }
  const rb = s.reg(b);
  s.into(dst, a);
  s.alu(OPS[op], wide, dst, rb);
}

/** dst = dst op constant. */
export function changeBy(s: Selection, narrow: boolean, dst: number, op: BinOp, by: bigint): void {
  const wide = !narrow;
  const imm = immediate({ op: 'const', type: narrow ? 'i32' : 'i64', value: by }, wide);
  if (imm === undefined || op === 'sdiv' || op === 'smod') throw new Error(`${op} by ${by} in place`);
  s.aluImm(OPS[op], wide, dst, imm);
}

function immediate(v: Value, wide: boolean): number | undefined {
  if (v.op === 'undef') return 0;
  if (v.op !== 'const') return undefined;
  return wide ? asImm64(v.value) : Number(v.value) | 0;
}

/** i32 arithmetic in 64-bit registers. */
function wideBin(s: Selection, op: keyof typeof OPS, dst: number, a: Value, b: Value): void {
  switch (op) {
    case 'add':
    case 'sub':
    case 'mul':
    case 'and':
    case 'or':
    case 'xor':
      return plain(s, op, true, dst, a, lowConst(b));
    case 'udiv':
    case 'umod': {
      const rb = zeroExtended(s, b);
      s.copy(dst, zeroExtended(s, a));
      s.alu(OPS[op], true, dst, rb);
      return;
    }
    case 'shl':
    case 'lshr':
    case 'ashr': {
      const from = op === 'lshr' ? zeroExtended(s, a) : op === 'ashr' ? signExtended(s, a) : s.reg(a);
      if (b.op === 'const') {
        s.copy(dst, from);
        s.aluImm(OPS[op], true, dst, Number(b.value & 31n));
        return;
      }
      const count = s.fresh(b);
      s.aluImm(ALU.AND, true, count, 31);
      s.copy(dst, from);
      s.alu(OPS[op], true, dst, count);
      return;
    }
    default:
      never(op);
  }
}

/** An i32 constant as it is cheapest in 64 bits: its upper half does not matter. */
function lowConst(v: Value): Value {
  return v.op === 'const' ? { op: 'const', type: 'i64', value: BigInt.asUintN(64, BigInt.asIntN(32, v.value)) } : v;
}

/** A register with the i32 zero-extended. */
export function zeroExtended(s: Selection, v: Value): number {
  if (v.op === 'const') {
    const r = s.newReg();
    s.wide(r, v.value);
    return r;
  }
  if (s.isZeroExtended(v)) return s.reg(v);
  const r = s.newReg();
  s.zeroExtend(r, s.reg(v));
  return r;
}

/** A register with the i32 sign-extended to 64 bits. */
export function signExtended(s: Selection, v: Value): number {
  const r = s.newReg();
  if (v.op === 'const') {
    s.wide(r, BigInt.asUintN(64, BigInt.asIntN(32, v.value)));
    return r;
  }
  if (s.isZeroExtended(v) && s.bits(v) < 32) return s.reg(v);
  const made = s.signedRegs.get(v);
  if (made !== undefined) return made;
  s.signExtend(r, s.reg(v), 32, true);
  return r;
}

const STEP_OPS: Readonly<Record<StepOp, number>> = {
  mov: ALU.MOV,
  add: ALU.ADD,
  sub: ALU.SUB,
  mul: ALU.MUL,
  div: ALU.DIV,
  mod: ALU.MOD,
  and: ALU.AND,
  or: ALU.OR,
  xor: ALU.XOR,
  lsh: ALU.LSH,
  rsh: ALU.RSH,
  arsh: ALU.ARSH,
  neg: ALU.NEG,
};

/** The cheaper way for this constant, if there is one. */
function byConstant(s: Selection, op: BinOp, narrow: boolean, dst: number, a: Value, value: bigint): boolean {
  // Before v3 an i32 is computed in 64 bits, from an operand that is extended as the operation reads it.
  const wide = !narrow || !s.cpu.alu32;
  const signed = op === 'sdiv' || op === 'smod';
  const c = narrow && wide && signed ? BigInt.asUintN(64, BigInt.asIntN(32, value)) : value;
  if (op === 'and' && isKept(s, a, c, narrow)) {
    s.into(dst, a);
    return true;
  }
  const width = wide ? 64 : 32;
  const row = constantRow(op, c, width, { alu32: s.cpu.alu32, signedDivision: s.cpu.v4 });
  if (row === undefined) return false;
  if (narrow && wide && signed) s.copy(dst, signExtended(s, a));
  else if (narrow && wide && (op === 'udiv' || op === 'umod')) s.copy(dst, zeroExtended(s, a));
  else s.into(dst, a);
  let aside = NONE;
  for (const step of row.steps(c, width)) {
    const full = wide && !step.narrow;
    if (step.to === 't' && aside === NONE) aside = s.newReg();
    const to = step.to === 'd' ? dst : aside;
    if (typeof step.from === 'number') s.aluImm(STEP_OPS[step.op], full || (step.op === 'mov' && step.from >= 0), to, step.from);
    else s.alu(STEP_OPS[step.op], full || (step.op === 'mov' && !step.narrow), to, step.from === 'd' ? dst : aside);
  }
  return true;
}

/** The mask only takes what is zero anyway. */
function isKept(s: Selection, a: Value, mask: bigint, narrow: boolean): boolean {
  return powerOfTwo(mask + 1n) >= 0 && s.bits(a) <= bitLength(mask) && (!narrow || s.isZeroExtended(a));
}

/** Signed division: an instruction in v4, before it unsigned division of magnitudes with the signs put back. */
function signedDivision(s: Selection, op: 'sdiv' | 'smod', narrow: boolean, dst: number, a: Value, b: Value): void {
  const code = op === 'sdiv' ? ALU.DIV : ALU.MOD;
  if (s.cpu.v4) {
    const imm = immediate(b, !narrow);
    const cls = narrow ? CLASS.ALU : CLASS.ALU64;
    if (imm !== undefined) {
      s.into(dst, a);
      s.emit(cls | code | SRC.K, dst, NONE, 1, imm);
    } else {
      const rb = s.reg(b);
      s.into(dst, a);
      s.emit(cls | code | SRC.X, dst, rb, 1, 0);
    }
    return;
  }
  const wide = !narrow || !s.cpu.alu32;
  const operand = (v: Value): number => (narrow && wide ? signExtended(s, v) : s.reg(v));
  const ra = operand(a);
  const signA = signMask(s, wide, ra);
  s.copy(dst, ra);
  negateBy(s, wide, dst, signA);
  const rb = operand(b);
  const signB = signMask(s, wide, rb);
  const magnitude = s.newReg();
  s.copy(magnitude, rb);
  negateBy(s, wide, magnitude, signB);
  s.alu(code, wide, dst, magnitude);
  if (op === 'sdiv') s.alu(ALU.XOR, wide, signA, signB);
  negateBy(s, wide, dst, signA);
}

/** All ones for negative numbers, else zero. */
function signMask(s: Selection, wide: boolean, from: number): number {
  const r = s.newReg();
  s.copy(r, from);
  s.aluImm(ALU.ARSH, wide, r, wide ? 63 : 31);
  return r;
}

/** Negates where the mask is all ones. */
function negateBy(s: Selection, wide: boolean, dst: number, sign: number): void {
  s.alu(ALU.XOR, wide, dst, sign);
  s.alu(ALU.SUB, wide, dst, sign);
}

export function selectPtrAdd(s: Selection, i: PtrAdd): void {
  if (i.offset.op === 'const') {
    if (!s.isRebuilt(i)) s.defineOffset(i);
    return;
  }
  const dst = s.target(i);
  const offset = s.reg(i.offset);
  s.into(dst, i.base);
  s.alu(ALU.ADD, true, dst, offset);
}

export function selectExt(s: Selection, i: Ext): void {
  if (s.resolve(i) !== i) return;
  const dst = s.facts.clear[i.id] ? s.newReg() : s.target(i);
  const wide = i.type === 'i64';
  if (i.signed && i.bits === 32 && s.signedRegs.has(i.a)) s.copy(dst, signExtended(s, i.a));
  else if (i.signed) s.signExtend(dst, s.reg(i.a), i.bits, wide);
  else if (i.bits === 32) s.zeroExtend(dst, s.reg(i.a));
  else {
    s.into(dst, i.a);
    // In 64 bits even for an i32: the mask clears the upper half too.
    s.aluImm(ALU.AND, true, dst, i.bits === 8 ? 0xff : 0xffff);
  }
  if (s.facts.clear[i.id]) s.finish(i, dst);
}

export function selectBswap(s: Selection, i: Bswap): void {
  const dst = s.target(i);
  s.into(dst, i.a);
  // To big endian on a little-endian machine: a swap that clears the higher bits.
  s.emit(CLASS.ALU | ALU.END | SRC.X, dst, NONE, 0, i.bits);
}

function never(x: never): never {
  throw new Error(`unhandled ${String(x)}`);
}
