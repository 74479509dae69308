/** Questions about types that are asked everywhere. */

import type { CType, EnumType, IntType, QualType } from '../../types.ts';
import { QUAL } from '../../types.ts';
import { ERROR } from './basic.ts';

export function isInteger(t: CType): t is IntType | EnumType {
  return t.kind === 'int' || t.kind === 'enum';
}

export function isArithmetic(t: CType): boolean {
  return t.kind === 'int' || t.kind === 'enum' || t.kind === 'float';
}

export function isScalar(t: CType): boolean {
  return t.kind === 'int' || t.kind === 'enum' || t.kind === 'pointer' || t.kind === 'float';
}

export function isError(q: QualType): boolean {
  return q.type === ERROR;
}

/** The integer type that holds a value of this type. */
export function integerOf(t: IntType | EnumType): IntType {
  return t.kind === 'enum' ? t.underlying : t;
}

export function isCharacter(t: CType): boolean {
  return t.kind === 'int' && t.size === 1 && t.rank === 1;
}

/** Qualifiers that C compares; the others only say where memory is. */
export const CV = QUAL.CONST | QUAL.VOLATILE | QUAL.RESTRICT | QUAL.ATOMIC;
/** What an object hands down to its members and elements. */
export const INHERITED = QUAL.CONST | QUAL.VOLATILE | QUAL.USER | QUAL.KERNEL | QUAL.ARENA;

/** Has no size yet: void, a record or enum without a body, an array without a length. Functions are complete here. */
export function isIncomplete(t: CType): boolean {
  switch (t.kind) {
    case 'void':
      return true;
    // The size first: asking a record from BTF for its fields decodes them.
    case 'record':
      return t.size === 0 && t.fields === undefined;
    case 'enum':
      return t.values === undefined;
    case 'array':
      return t.length === undefined || isIncomplete(t.of.type);
    case 'int':
    case 'float':
    case 'pointer':
    case 'function':
      return false;
    default:
      return t satisfies never;
  }
}
