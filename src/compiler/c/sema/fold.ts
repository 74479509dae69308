/** Arithmetic on constants: exact for every integer type. */
import type { BinaryOp, UnaryOp } from '../ast.ts';
import type { IntType } from '../types.ts';
import { wrap } from './types/arithmetic.ts';

/** Truth of a comparison of two numbers of one type. */
export function compare<T extends bigint | number>(op: BinaryOp, a: T, b: T): boolean | undefined {
  switch (op) {
    case 'eq':
      return a === b;
    case 'ne':
      return a !== b;
    case 'lt':
      return a < b;
    case 'le':
      return a <= b;
    case 'gt':
      return a > b;
    case 'ge':
      return a >= b;
    default:
      return undefined;
  }
}

/**
 * The exact result of an operation on numbers of `type`, before it is cut to the type: what tells an overflow.
 * Undefined for a division by zero and for comparisons. Shift counts are taken modulo the width, as BPF does.
 */
export function exact(op: BinaryOp, a: bigint, b: bigint, type: IntType): bigint | undefined {
  switch (op) {
    case 'add':
      return a + b;
    case 'sub':
      return a - b;
    case 'mul':
      return a * b;
    case 'div':
      return b === 0n ? undefined : a / b;
    case 'mod':
      return b === 0n ? undefined : a % b;
    case 'and':
      return a & b;
    case 'or':
      return a | b;
    case 'xor':
      return a ^ b;
    case 'shl':
      return a << (BigInt.asUintN(64, b) % BigInt(type.size * 8));
    case 'shr':
      return a >> (BigInt.asUintN(64, b) % BigInt(type.size * 8));
    default:
      return undefined;
  }
}

export function foldUnary(op: UnaryOp, a: bigint, type: IntType): bigint {
  switch (op) {
    case 'neg':
      return wrap(-a, type);
    case 'not':
      return wrap(~a, type);
    case 'lnot':
      return a === 0n ? 1n : 0n;
    default:
      return op satisfies never;
  }
}
