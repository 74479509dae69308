/**
 * Arithmetic: BPF's two-operand instructions `dst op= src`, in 64-bit and (from v3) 32-bit forms. Where an i32 lives
 * in a 64-bit operation (before v3) its operands are first made what the operation looks at: zero- or sign-extended.
 */
import { ALU, CLASS, SRC } from '../../../isa/insn.ts';
import type { Bin, BinOp, Bswap, Const, Ext, PtrAdd, Value } from '../../ir/ir.ts';
import { asImm64, bitLength, powerOfTwo } from '../bits.ts';
import { MOV32, NONE } from '../machine.ts';
import type { Selection } from './selection.ts';

const OPS: Readonly<Record<Exclude<BinOp, 'sdiv' | 'smod'>, number>> = {
  add: ALU.ADD, sub: ALU.SUB, mul: ALU.MUL, udiv: ALU.DIV, umod: ALU.MOD, and: ALU.AND, or: ALU.OR, xor: ALU.XOR,
  shl: ALU.LSH, lshr: ALU.RSH, ashr: ALU.ARSH,
};
const COMMUTES: ReadonlySet<BinOp> = new Set<BinOp>(['add', 'mul', 'and', 'or', 'xor']);

export function selectBin(s: Selection, i: Bin): void {
  let a = i.a, b = i.b;
  if (a.op === 'const' && b.op !== 'const' && COMMUTES.has(i.bin)) [a, b] = [b, a];
  const dst = s.facts.clear[i.id] ? s.newReg() : s.target(i);
  bin(s, i, dst, a, b);
  if (s.facts.clear[i.id]) s.finish(i, dst);
}

function bin(s: Selection, i: Bin, dst: number, a: Value, b: Value): void {
  const narrow = i.type === 'i32';
  if (b.op === 'const' && byConstant(s, i, dst, a, b)) return;
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

function immediate(v: Value, wide: boolean): number | undefined {
  if (v.op === 'undef') return 0;
  if (v.op !== 'const') return undefined;
  return wide ? asImm64(v.value) : Number(v.value) | 0;
}

/** i32 arithmetic in 64-bit registers. */
function wideBin(s: Selection, op: keyof typeof OPS, dst: number, a: Value, b: Value): void {
  switch (op) {
    case 'add': case 'sub': case 'mul': case 'and': case 'or': case 'xor': return plain(s, op, true, dst, a, lowConst(b));
    case 'udiv': case 'umod': {
      const rb = zeroExtended(s, b);
      s.copy(dst, zeroExtended(s, a));
      s.alu(OPS[op], true, dst, rb);
      return;
    }
    case 'shl': case 'lshr': case 'ashr': {
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
    default: never(op);
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
  s.signExtend(r, s.reg(v), 32, true);
  return r;
}

/** Cheaper ways for particular constants. Each is checked against the plain operation by a test. */
function byConstant(s: Selection, i: Bin, dst: number, a: Value, b: Const): boolean {
  const narrow = i.type === 'i32';
  const wide = !narrow;
  if (narrow && !s.cpu.alu32 && i.bin !== 'mul' && i.bin !== 'sdiv' && i.bin !== 'smod') return false;
  const k = powerOfTwo(b.value);
  switch (i.bin) {
    case 'sub': {
      // -c may fit where c does not.
      const negative = BigInt.asUintN(64, -b.value);
      if (narrow || asImm64(b.value) !== undefined || asImm64(negative) === undefined) return false;
      s.into(dst, a);
      s.addConst(dst, negative);
      return true;
    }
    case 'mul':
      if (b.value === 0n) {
        s.aluImm(ALU.MOV, true, dst, 0);
        return true;
      }
      if (k < 0) return false;
      s.into(dst, a);
      if (k > 0) s.aluImm(ALU.LSH, wide || !s.cpu.alu32, dst, k);
      return true;
    case 'udiv':
      if (b.value === 0n) s.aluImm(ALU.MOV, true, dst, 0);
      else if (k < 0) return false;
      else {
        s.into(dst, a);
        if (k > 0) s.aluImm(ALU.RSH, wide, dst, k);
      }
      return true;
    case 'umod':
      if (b.value === 0n) s.into(dst, a);
      else if (k < 0) return false;
      else mask(s, wide, dst, a, b.value - 1n);
      return true;
    case 'and':
      if (wide) {
        mask(s, true, dst, a, b.value);
        return true;
      }
      return false;
    case 'sdiv': case 'smod':
      if (b.value === 0n) {
        if (i.bin === 'sdiv') s.aluImm(ALU.MOV, true, dst, 0);
        else s.into(dst, a);
        return true;
      }
      return signedByPowerOfTwo(s, i.bin, narrow, dst, a, b);
    default: return false;
  }
}

/** dst = a & mask. */
function mask(s: Selection, wide: boolean, dst: number, a: Value, bits: bigint): void {
  const imm = wide ? asImm64(bits) : Number(bits) | 0;
  const low = bitLength(bits);
  const contiguous = powerOfTwo(bits + 1n) >= 0;
  if (contiguous && s.bits(a) <= low && (wide || s.isZeroExtended(a))) s.into(dst, a);
  else if (wide && bits === 0xffff_ffffn && s.cpu.alu32) s.emit(MOV32, dst, s.reg(a), 0, 0);
  else if (imm !== undefined) {
    s.into(dst, a);
    s.aluImm(ALU.AND, wide, dst, imm);
  } else if (contiguous) {
    s.into(dst, a);
    s.aluImm(ALU.LSH, true, dst, 64 - low);
    s.aluImm(ALU.RSH, true, dst, 64 - low);
  } else if (low <= 32 && s.cpu.alu32) {
    s.into(dst, a);
    s.aluImm(ALU.AND, false, dst, Number(bits) | 0);
  } else {
    const t = s.newReg();
    s.wide(t, bits);
    s.into(dst, a);
    s.alu(ALU.AND, true, dst, t);
  }
}

/** Rounding toward zero: what is added before the shift is 2^k - 1 for negative numbers. */
function signedByPowerOfTwo(s: Selection, op: 'sdiv' | 'smod', narrow: boolean, dst: number, a: Value, b: Const): boolean {
  const k = powerOfTwo(b.value);
  const width = narrow ? 32 : 64;
  // The lowest number is its own negative and not a positive power of two.
  if (k < 1 || k >= width - 1 || (s.cpu.v4 && op === 'smod')) return false;
  const wide = !narrow || !s.cpu.alu32;
  const full = wide ? 64 : 32;
  const from = narrow && !s.cpu.alu32 ? signExtended(s, a) : s.reg(a);
  const bias = s.newReg();
  s.copy(bias, from);
  if (k > 1) s.aluImm(ALU.ARSH, wide, bias, full - 1);
  s.aluImm(ALU.RSH, wide, bias, full - k);
  if (op === 'sdiv') {
    s.copy(dst, from);
    s.alu(ALU.ADD, wide, dst, bias);
    s.aluImm(ALU.ARSH, wide, dst, k);
    return true;
  }
  // a - ((a + bias) & ~(2^k - 1))
  if (k > 30) return false;
  s.alu(ALU.ADD, wide, bias, from);
  s.aluImm(ALU.AND, wide, bias, -(2 ** k) | 0);
  s.copy(dst, from);
  s.alu(ALU.SUB, wide, dst, bias);
  return true;
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
  if (b.op === 'const') {
    const negative = b.value >> (narrow ? 31n : 63n) === 1n;
    const magnitude = negative ? (1n << (narrow ? 32n : 64n)) - b.value : b.value;
    const imm = wide ? asImm64(magnitude) : Number(magnitude) | 0;
    if (imm !== undefined) s.aluImm(code, wide, dst, imm);
    else {
      const t = s.newReg();
      s.wide(t, magnitude);
      s.alu(code, wide, dst, t);
    }
    negateBy(s, wide, dst, signA);
    if (op === 'sdiv' && negative) s.aluImm(ALU.NEG, wide, dst, 0);
    return;
  }
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
  if (i.signed) s.signExtend(dst, s.reg(i.a), i.bits, wide);
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
