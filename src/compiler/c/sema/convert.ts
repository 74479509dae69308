/**
 * Conversions between values: the ones every operand goes through (load, decay, promotion), and from one scalar type
 * to another. Constants are converted at once. What is allowed where, and what deserves a warning, is in `assignable.ts`.
 */
import type { Loc } from '../../diagnostics.ts';
import type { CastKind, Expr } from '../ast.ts';
import type { EnumType, IntType, QualType } from '../types.ts';
import { evaluate } from './constants.ts';
import type { Context } from './context.ts';
import { addressOf, cast, errorExpr, int, isErrorExpr } from './nodes.ts';
import { commonType, promoted, wrap } from './types/arithmetic.ts';
import { INT, LONG, pointer, Q, qual, UINT, ULONG, unqualified, withQuals } from './types/basic.ts';
import { quoteType } from './types/format.ts';
import { INHERITED, integerOf, isIncomplete, isInteger } from './types/predicates.ts';

/** The value of an expression: lvalues are loaded, arrays and functions become pointers (6.3.2.1). */
export function rvalue(ctx: Context, e: Expr): Expr {
  const t = e.type.type;
  if (t.kind === 'array') {
    const of = withQuals(t.of, e.type.quals & INHERITED);
    return cast('decay', e, qual(pointer(of)));
  }
  if (t.kind === 'function') return e.kind === 'deref' ? e.pointer : cast('functionDecay', e, qual(pointer(qual(t))));
  if (!e.lvalue) return e;
  if (t.kind === 'void') {
    ctx.error('void-value-used', e.loc, "a value of type 'void' is used; cast the pointer to the type of what it points to first");
    return errorExpr(e.loc);
  }
  if (t.kind === 'float') return noFloat(ctx, e.type, e.loc);
  if (isIncomplete(t)) {
    ctx.error('incomplete-type', e.loc, `the value of incomplete type ${quoteType(e.type)} is used`);
    return errorExpr(e.loc);
  }
  return cast('load', e, unqualified(e.type));
}

export function noFloat(ctx: Context, type: QualType, loc: Loc): Expr {
  ctx.error('no-floating-point', loc, `a value of type ${quoteType(type)} is used: BPF has no floating point`);
  return errorExpr(loc);
}

/** Width of the bit-field whose value this is, if it is one. */
export function bitWidth(e: Expr): number | undefined {
  switch (e.kind) {
    case 'member':
      return e.field.bit?.width;
    case 'cast':
      return e.cast === 'load' ? bitWidth(e.operand) : undefined;
    case 'assign':
      return bitWidth(e.target);
    // What x++ was is not a bit-field any more, says clang.
    case 'compoundAssign':
      return e.post ? undefined : bitWidth(e.target);
    case 'comma':
      return bitWidth(e.right);
    default:
      return undefined;
  }
}

/** An integer value of at least int. */
export function promote(ctx: Context, e: Expr): Expr {
  const t = e.type.type;
  if (!isInteger(t) || t === INT) return e;
  if (t.kind === 'int' && t.rank > INT.rank && bitWidth(e) === undefined) return e;
  return toInteger(ctx, e, promoted(t, bitWidth(e)));
}

/** The type that the operands of an arithmetic operator have in common. */
export function commonInteger(l: Expr, r: Expr): IntType {
  const a = promoted(l.type.type as IntType | EnumType, bitWidth(l));
  const b = promoted(r.type.type as IntType | EnumType, bitWidth(r));
  return commonType(a, b);
}

const QUALIFIED = new Map<IntType, QualType>([
  [INT, Q.int],
  [UINT, Q.uint],
  [LONG, Q.long],
  [ULONG, Q.ulong],
]);

export function qualOf(type: IntType): QualType {
  return QUALIFIED.get(type) ?? qual(type);
}

export function toInteger(ctx: Context, e: Expr, type: IntType): Expr {
  return e.type.type === type ? e : convertScalar(ctx, e, qualOf(type));
}

/**
 * A value of one scalar type as one of another: the same number or bits, as a cast does it. Neither type is a float.
 * The operand must be a value already.
 */
export function convertScalar(ctx: Context, e: Expr, to: QualType, explicit = false): Expr {
  const from = e.type.type;
  const t = to.type;
  if (from === t && !explicit) return e;
  if (isErrorExpr(e)) return e;
  if (isInteger(t)) {
    const target = integerOf(t);
    if (isInteger(from)) {
      if (e.kind === 'int') return int(wrap(e.value, target), to, e.loc, e.enumerator);
      const source = integerOf(from);
      const kind: CastKind =
        target.rank === 0 && source.rank !== 0
          ? 'toBool'
          : source.size === target.size && source.signed === target.signed
            ? 'noop'
            : 'integral';
      return cast(kind, e, to, explicit);
    }
    if (from.kind === 'pointer') return pointerToInteger(e, target, to, explicit);
    return e;
  }
  if (t.kind !== 'pointer') return e;
  if (from.kind === 'pointer') {
    if (!explicit && from.to.type === t.to.type && from.to.quals === t.to.quals && from.to.tags === t.to.tags) return e;
    return isNull(e) ? cast('nullToPointer', int(0n, Q.int, e.loc), to, explicit) : cast('pointer', e, to, explicit);
  }
  if (!isInteger(from)) return e;
  if (e.kind === 'int' && e.value === 0n) return cast('nullToPointer', e, to, explicit);
  return cast('intToPointer', widen(ctx, e), to, explicit);
}

/** An integer as 64 bits, extended by its own signedness. */
export function widen(ctx: Context, e: Expr): Expr {
  const t = integerOf(e.type.type as IntType | EnumType);
  if (t.size === 8 && e.type.type.kind === 'int') return e;
  return toInteger(ctx, e, t.signed ? LONG : ULONG);
}

function pointerToInteger(e: Expr, target: IntType, to: QualType, explicit: boolean): Expr {
  if (target.rank === 0) return cast('toBool', e, to, explicit);
  const known = constantAddress(e);
  if (known !== undefined) return int(wrap(known, target), to, e.loc);
  if (target.size === 8) return cast('pointerToInt', e, to, explicit);
  return cast('integral', cast('pointerToInt', e, Q.ulong), to, explicit);
}

/** The number behind a pointer that is none but a number: `&((T *)0)->m`. */
export function constantAddress(e: Expr): bigint | undefined {
  if (e.kind === 'cast' && (e.cast === 'load' || e.cast === 'decay' || e.cast === 'functionDecay') && e.operand.kind === 'ref')
    return undefined;
  if (touchesRelocatable(e)) return undefined;
  const v = evaluate(e);
  return v && !v.base ? v.value : undefined;
}

/** Offsets in relocatable records are the target's to know. */
function touchesRelocatable(e: Expr): boolean {
  switch (e.kind) {
    case 'member':
      return e.record.preserveAccessIndex || touchesRelocatable(e.base);
    case 'deref':
      return touchesRelocatable(e.pointer);
    case 'addressOf':
    case 'cast':
      return touchesRelocatable(e.operand);
    case 'pointerArith':
      return touchesRelocatable(e.pointer);
    default:
      return false;
  }
}

/** A null pointer constant: an integer constant 0, or that cast to `void *`. */
export function isNull(e: Expr): boolean {
  if (e.kind === 'int') return e.value === 0n && isInteger(e.type.type);
  if (e.kind !== 'cast' || e.cast !== 'nullToPointer') return false;
  const t = e.type.type;
  return t.kind === 'pointer' && t.to.type.kind === 'void' && t.to.quals === 0;
}

/** The default promotions of an argument that no parameter describes. */
export function promoteArgument(ctx: Context, e: Expr): Expr {
  const v = rvalue(ctx, e);
  return v.type.type.kind === 'float' ? noFloat(ctx, v.type, v.loc) : promote(ctx, v);
}

/** The address of a place, made for a value: marks variables that then cannot live in registers. */
export function takeAddress(e: Expr, loc: Loc): Expr {
  markAddressTaken(e);
  return addressOf(e, loc);
}

export function markAddressTaken(e: Expr): void {
  for (let at: Expr = e; ; ) {
    if (at.kind === 'member') at = at.base;
    else if (
      at.kind === 'deref' &&
      at.pointer.kind === 'pointerArith' &&
      at.pointer.pointer.kind === 'cast' &&
      at.pointer.pointer.cast === 'decay'
    )
      at = at.pointer.pointer.operand;
    else if (at.kind === 'compoundLiteral') {
      at.decl.addressTaken = true;
      return;
    } else {
      if (at.kind === 'ref' && at.decl.kind !== 'function') at.decl.addressTaken = true;
      return;
    }
  }
}
