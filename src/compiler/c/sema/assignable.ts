/**
 * Conversion "as if by assignment" (6.5.16.1): of assigned values, initialisers, arguments and results.
 *
 * The rules that say yes, no or maybe are in one place; `Purpose` puts the words around the types.
 */
import type { Loc } from '../../diagnostics.ts';
import type { Expr } from '../ast.ts';
import type { PointerType, QualType } from '../types.ts';
import { QUAL } from '../types.ts';
import type { Context } from './context.ts';
import { noteAt } from './context.ts';
import { convertScalar, isNull, noFloat, rvalue } from './convert.ts';
import { isWhole, wholePart } from './floats.ts';
import { cast, errorExpr, int, isErrorExpr } from './nodes.ts';
import { fits, maxOf, wrap } from './types/arithmetic.ts';
import { unqualified } from './types/basic.ts';
import { compatibleTypes, similarTypes } from './types/compatible.ts';
import { quoteType } from './types/format.ts';
import { CV, integerOf, isError, isInteger } from './types/predicates.ts';

/** What a value is converted for. */
export type Purpose =
  | { readonly kind: 'assign' | 'return' }
  | { readonly kind: 'initialize' }
  | { readonly kind: 'argument'; readonly index: number; readonly callee: string; readonly declared: Loc };

/** `assigning to 'int *' from 'int'`. */
function phrase(purpose: Purpose, to: QualType, from: QualType): string {
  switch (purpose.kind) {
    case 'assign':
      return `assigning to ${quoteType(to)} from ${quoteType(from)}`;
    case 'return':
      return `returning ${quoteType(from)} from a function with result type ${quoteType(to)}`;
    case 'initialize':
      return `initializing ${quoteType(to)} with a value of type ${quoteType(from)}`;
    case 'argument':
      return `passing ${quoteType(from)} to parameter ${purpose.index + 1}${purpose.callee}, which is ${quoteType(to)}`;
    default:
      return purpose satisfies never;
  }
}

function notes(purpose: Purpose): ReturnType<typeof noteAt> {
  return purpose.kind === 'argument' ? noteAt('declared here', purpose.declared) : undefined;
}

/** The value of `e` as a value of type `to`, with what there is to say about it. */
export function assignTo(ctx: Context, e: Expr, to: QualType, purpose: Purpose, loc: Loc): Expr {
  const target = to.type;
  if (isError(to)) return rvalue(ctx, e);
  // One message is enough: the number on the right has had it.
  if (target.kind === 'float') return isErrorExpr(e) ? e : noFloat(ctx, to, loc);
  const v = rvalue(ctx, e);
  if (isErrorExpr(v)) return v;
  const from = v.type.type;
  const plain = unqualified(to);
  if (from.kind === 'float') {
    const whole = wholePart(v);
    if (whole === undefined || !isWhole(v) || !isInteger(target) || !fits(whole, integerOf(target))) return noFloat(ctx, v.type, v.loc);
    return int(whole, plain, v.loc);
  }
  if (isInteger(target)) {
    if (isInteger(from)) {
      if (v.kind === 'int') warnChangedConstant(ctx, v.value, v.type, to, loc);
      return convertScalar(ctx, v, plain);
    }
    if (from.kind === 'pointer') {
      if (integerOf(target).rank !== 0) {
        ctx.warn('int-conversion', loc, `pointer becomes an integer without a cast, ${phrase(purpose, to, v.type)}`, notes(purpose));
      }
      return convertScalar(ctx, v, plain);
    }
  } else if (target.kind === 'pointer') {
    if (from.kind === 'pointer') {
      checkPointers(ctx, from, v, target, to, purpose, loc);
      return convertScalar(ctx, v, plain);
    }
    if (isInteger(from)) {
      if (!isNull(v)) {
        ctx.warn('int-conversion', loc, `integer becomes a pointer without a cast, ${phrase(purpose, to, v.type)}`, notes(purpose));
      }
      return convertScalar(ctx, v, plain);
    }
  } else if (target.kind === 'record' && from.kind === 'record' && compatibleTypes(target, from)) {
    return target === from ? v : cast('noop', v, plain);
  }
  if (from.kind === 'void') {
    ctx.error('void-value-used', loc, `a call or expression of type 'void' has no value: ${phrase(purpose, to, v.type)}`, notes(purpose));
  } else {
    ctx.error('incompatible-assign', loc, `types do not go together: ${phrase(purpose, to, v.type)}${hint(to, v.type)}`, notes(purpose));
  }
  return errorExpr(v.loc);
}

/** What a small change would mend. */
function hint(to: QualType, from: QualType): string {
  if (to.type.kind === 'record' && from.type.kind === 'pointer' && compatibleTypes(from.type.to.type, to.type))
    return "; dereference with '*'";
  if (
    to.type.kind === 'pointer' &&
    from.type.kind === 'record' &&
    (to.type.to.type.kind === 'void' || compatibleTypes(to.type.to.type, from.type))
  )
    return "; take the address with '&'";
  return '';
}

function checkPointers(ctx: Context, from: PointerType, e: Expr, to: PointerType, type: QualType, purpose: Purpose, loc: Loc): void {
  const a = from.to;
  const b = to.to;
  if (a.type === b.type && a.quals === b.quals) return;
  if (isNull(e)) return;
  const anything = a.type.kind === 'void' || b.type.kind === 'void';
  if (!anything && !similarTypes(a.type, b.type)) {
    ctx.warn('incompatible-pointer', loc, `incompatible pointers, ${phrase(purpose, type, e.type)}`, notes(purpose));
    return;
  }
  const lost = a.quals & CV & ~b.quals & (QUAL.CONST | QUAL.VOLATILE);
  if (lost !== 0) {
    const words = [lost & QUAL.CONST ? "'const'" : '', lost & QUAL.VOLATILE ? "'volatile'" : ''].filter((w) => w !== '').join(' and ');
    ctx.warn('discards-qualifiers', loc, `${words} is lost, ${phrase(purpose, type, e.type)}`, notes(purpose));
  }
}

/** A constant that an implicit conversion makes another number. -1 for "all ones" is no surprise. */
export function warnChangedConstant(ctx: Context, value: bigint, from: QualType, to: QualType, loc: Loc): void {
  if (!isInteger(from.type) || !isInteger(to.type)) return;
  const source = integerOf(from.type);
  const target = integerOf(to.type);
  if (target.rank === 0 || source.size <= target.size || fits(value, target)) return;
  if (value < 0n && !target.signed && -value <= (maxOf(target) + 1n) / 2n) return;
  ctx.warn('constant-conversion', loc, `${value} becomes ${wrap(value, target)} when converted to ${quoteType(to)}`);
}
