/**
 * What the pure operations compute, on constants. One definition for the builder, the passes and the interpreter, so
 * that folding can never disagree with running. Semantics are BPF's: see the comments in `ir.ts`.
 */
import type { BinOp, IrType, Pred } from './ir.ts';

const M32 = 0xffff_ffffn;
const M64 = 0xffff_ffff_ffff_ffffn;

export function widthOf(type: IrType): 32 | 64 {
  return type === 'i32' ? 32 : 64;
}

/** The bits that a value of this type keeps. */
export function wrap(type: IrType, value: bigint): bigint {
  return value & (type === 'i32' ? M32 : M64);
}

/** The value read as two's complement. */
export function signed(type: IrType, value: bigint): bigint {
  return type === 'i32' ? BigInt.asIntN(32, value) : BigInt.asIntN(64, value);
}

export function evalBin(op: BinOp, type: 'i32' | 'i64', a: bigint, b: bigint): bigint {
  switch (op) {
    case 'add':
      return wrap(type, a + b);
    case 'sub':
      return wrap(type, a - b);
    case 'mul':
      return wrap(type, a * b);
    case 'udiv':
      return b === 0n ? 0n : a / b;
    case 'umod':
      return b === 0n ? a : a % b;
    case 'sdiv':
      return b === 0n ? 0n : wrap(type, signed(type, a) / signed(type, b));
    case 'smod':
      return b === 0n ? a : wrap(type, signed(type, a) % signed(type, b));
    case 'and':
      return a & b;
    case 'or':
      return a | b;
    case 'xor':
      return a ^ b;
    case 'shl':
      return wrap(type, a << shiftCount(type, b));
    case 'lshr':
      return a >> shiftCount(type, b);
    case 'ashr':
      return wrap(type, signed(type, a) >> shiftCount(type, b));
    default:
      return unreachable(op);
  }
}

function shiftCount(type: IrType, b: bigint): bigint {
  return b & (type === 'i32' ? 31n : 63n);
}

export function evalCmp(pred: Pred, type: IrType, a: bigint, b: bigint): boolean {
  switch (pred) {
    case 'eq':
      return a === b;
    case 'ne':
      return a !== b;
    case 'ult':
      return a < b;
    case 'ule':
      return a <= b;
    case 'ugt':
      return a > b;
    case 'uge':
      return a >= b;
    case 'slt':
      return signed(type, a) < signed(type, b);
    case 'sle':
      return signed(type, a) <= signed(type, b);
    case 'sgt':
      return signed(type, a) > signed(type, b);
    case 'sge':
      return signed(type, a) >= signed(type, b);
    case 'set':
      return (a & b) !== 0n;
    default:
      return unreachable(pred);
  }
}

export function evalExt(type: IrType, isSigned: boolean, bits: number, a: bigint): bigint {
  return isSigned ? wrap(type, BigInt.asIntN(bits, a)) : BigInt.asUintN(bits, a);
}

export function evalBswap(bits: number, a: bigint): bigint {
  let out = 0n;
  for (let i = 0; i < bits; i += 8) out = (out << 8n) | ((a >> BigInt(i)) & 0xffn);
  return out;
}

const NEGATED: Readonly<Record<Exclude<Pred, 'set'>, Pred>> = {
  eq: 'ne',
  ne: 'eq',
  ult: 'uge',
  uge: 'ult',
  ule: 'ugt',
  ugt: 'ule',
  slt: 'sge',
  sge: 'slt',
  sle: 'sgt',
  sgt: 'sle',
};

/** The predicate that holds when this one does not; `set` has none. */
export function negatePred(pred: Pred): Pred | undefined {
  return pred === 'set' ? undefined : NEGATED[pred];
}

const SWAPPED: Readonly<Record<Pred, Pred>> = {
  eq: 'eq',
  ne: 'ne',
  set: 'set',
  ult: 'ugt',
  ugt: 'ult',
  ule: 'uge',
  uge: 'ule',
  slt: 'sgt',
  sgt: 'slt',
  sle: 'sge',
  sge: 'sle',
};

/** The predicate after exchanging the operands. */
export function swapPred(pred: Pred): Pred {
  return SWAPPED[pred];
}

function unreachable(x: never): never {
  throw new Error(`unhandled ${String(x)}`);
}
