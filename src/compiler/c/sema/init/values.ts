/** Values in initialisers: strings for arrays, compound literals, and what a static object may hold. */
import type { Loc } from '../../../diagnostics.ts';
import type { Expr, Initializer } from '../../ast.ts';
import type { ArrayType, CType } from '../../types.ts';
import { evaluate } from '../constants.ts';
import type { Context } from '../context.ts';
import { int } from '../nodes.ts';
import { compatibleTypes } from '../types/compatible.ts';
import { quoteType } from '../types/format.ts';
import { isInteger } from '../types/predicates.ts';
import { sizeOf } from '../types/size.ts';

/** The bytes of a string that initialises an array of that type; undefined if it cannot. */
export function stringBytes(
  ctx: Context,
  t: ArrayType,
  e: Expr,
  loc: Loc,
): { readonly bytes: Uint8Array; readonly length: number } | undefined {
  if (e.kind !== 'string' || e.type.type.kind !== 'array') return undefined;
  const unit = e.type.type.of.type;
  const element = t.of.type;
  const size = sizeOf(unit) ?? 1;
  if (!isInteger(element) || sizeOf(element) !== size || (element.kind === 'int' && element.rank === 0)) return undefined;
  const length = e.bytes.length / size;
  if (t.length === undefined || length <= t.length) return { bytes: e.bytes, length };
  // The terminating zero may be left out.
  if (length - 1 > t.length) {
    ctx.warn(
      'excess-initializers',
      loc,
      `this string of ${length - 1} characters is longer than the array, ${quoteType({ type: t, quals: 0 })}, and is cut`,
    );
  }
  return { bytes: e.bytes.subarray(0, t.length * size), length: t.length };
}

/** `struct s x = (struct s){ … };` needs no second object: the literal's parts are the variable's. */
export function literalInit(e: Expr, type: CType): Initializer | undefined {
  const literal = e.kind === 'cast' && e.cast === 'load' ? e.operand : e;
  if (literal.kind !== 'compoundLiteral') return undefined;
  const own = literal.type.type;
  if (type.kind === 'array' ? own.kind !== 'array' || !compatibleTypes(type.of.type, own.of.type) : !compatibleTypes(type, own))
    return undefined;
  if (type.kind === 'array' && own.kind === 'array' && type.length !== undefined && type.length !== own.length) return undefined;
  return literal.init;
}

/** A value that the object has before any code runs: a number, or an address. */
export function checkStatic(ctx: Context, v: Expr): Expr | undefined {
  if (v.kind === 'int') return v;
  const constant = evaluate(v);
  if (!constant) {
    ctx.error(
      'not-constant',
      v.loc,
      `the initial value of a static object must be a constant; found an expression of type ${quoteType(v.type)}`,
    );
    return undefined;
  }
  return !constant.base && isInteger(v.type.type) ? int(constant.value, v.type, v.loc) : v;
}
