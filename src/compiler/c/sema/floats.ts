/**
 * Floating point numbers, of which BPF has none: they may be written where they fold away into an integer, as in
 * `(u64)(0.5 * NSEC_PER_SEC)`.
 *
 * In the tree such a number is a constant of a floating point type, and its value is kept here. Whoever takes values
 * of that type either folds it or reports it as every other one.
 */

import type { Loc } from '../../diagnostics.ts';
import type { BinaryOp, Expr } from '../ast.ts';
import type { CType, QualType } from '../types.ts';
import { compare } from './fold.ts';
import { int } from './nodes.ts';
import { DOUBLE, FLOAT, LDOUBLE, qual } from './types/basic.ts';

const values = new WeakMap<Expr, number>();

/** A decimal number with a fraction or an exponent; undefined for all others. */
export function floatLiteral(spelling: string, loc: Loc): Expr | undefined {
  const match = /^((?:[0-9]+\.?[0-9]*|\.[0-9]+)(?:e[-+]?[0-9]+)?)([fl]?)$/i.exec(spelling);
  if (!match) return undefined;
  const suffix = (match[2] ?? '').toLowerCase();
  return known(Number(match[1]), qual(suffix === 'f' ? FLOAT : suffix === 'l' ? LDOUBLE : DOUBLE), loc);
}

/** The value of a constant as a floating point number. Only what `floatLiteral` made, and integers, have one. */
export function floatValue(e: Expr): number | undefined {
  return values.get(e) ?? (e.kind === 'int' && e.type.type.kind === 'int' ? Number(e.value) : undefined);
}

export function toFloat(e: Expr, type: QualType, loc: Loc): Expr | undefined {
  const value = floatValue(e);
  return value === undefined ? undefined : known(value, type, loc);
}

export function negated(e: Expr, loc: Loc): Expr | undefined {
  const value = values.get(e);
  return value === undefined ? undefined : known(-value, e.type, loc);
}

/** The whole number that is left of it (6.3.1.4); undefined where there is none. */
export function wholePart(e: Expr): bigint | undefined {
  const value = values.get(e);
  return value !== undefined && Number.isFinite(value) ? BigInt(Math.trunc(value)) : undefined;
}

/** As a _Bool: anything but zero is true. */
export function truth(e: Expr): bigint | undefined {
  const value = values.get(e);
  return value === undefined ? undefined : value === 0 ? 0n : 1n;
}

/** Loses a conversion to an integer nothing? */
export function isWhole(e: Expr): boolean {
  return Number.isInteger(values.get(e));
}

/** Of two constants one of which is a floating point number: what the operator makes of them, or whether they compare so. */
export function foldFloats(op: BinaryOp, left: Expr, right: Expr, loc: Loc): Expr | boolean | undefined {
  const type = qual(RANKS[Math.max(rank(left), rank(right))] ?? DOUBLE);
  const l = rounded(floatValue(left), type);
  const r = rounded(floatValue(right), type);
  if (l === undefined || r === undefined) return undefined;
  switch (op) {
    case 'add':
      return known(l + r, type, loc);
    case 'sub':
      return known(l - r, type, loc);
    case 'mul':
      return known(l * r, type, loc);
    case 'div':
      return known(l / r, type, loc);
    default:
      return compare(op, l, r);
  }
}

const RANKS: readonly CType[] = [FLOAT, DOUBLE, LDOUBLE];
const rank = (e: Expr): number => RANKS.indexOf(e.type.type);
const rounded = (value: number | undefined, type: QualType): number | undefined =>
  value !== undefined && type.type === FLOAT ? Math.fround(value) : value;

function known(value: number, type: QualType, loc: Loc): Expr {
  const made = int(0n, type, loc);
  values.set(made, rounded(value, type) ?? value);
  return made;
}
