/** `?:`, `_Generic`, statement expressions. */
import type { Loc } from '../../../diagnostics.ts';
import type { Compound, Expr, Stmt } from '../../ast.ts';
import type { CType, QualType } from '../../types.ts';
import type { Context } from '../context.ts';
import { commonInteger, convertScalar, isNull, noFloat, qualOf, rvalue } from '../convert.ts';
import { cast, errorExpr, isErrorExpr } from '../nodes.ts';
import { pointer, Q, qual, unqualified, VOID, VOID_POINTER, withQuals } from '../types/basic.ts';
import { compatibleTypes, composite, similarTypes } from '../types/compatible.ts';
import { quoteType } from '../types/format.ts';
import { isIncomplete, isInteger } from '../types/predicates.ts';
import { condition } from './unary.ts';

export function conditional(ctx: Context, cond: Expr, then: Expr | undefined, otherwise: Expr, loc: Loc): Expr {
  const test = condition(ctx, cond, loc);
  const a = then === undefined ? test : branch(ctx, then);
  const b = branch(ctx, otherwise);
  for (const e of [test, a, b]) if (isErrorExpr(e)) return e;
  const type = resultType(ctx, a, b, loc);
  if (!type) return errorExpr(loc);
  const x = toResult(ctx, a, type);
  const y = toResult(ctx, b, type);
  if (test.kind === 'int') return test.value !== 0n ? x : y;
  // `a ?: b`: converting to the common type never changes whether a value is zero.
  return { kind: 'cond', type, loc, lvalue: false, cond: then === undefined ? x : test, then: then === undefined ? undefined : x, else: y };
}

function branch(ctx: Context, e: Expr): Expr {
  return e.type.type.kind === 'void' ? e : rvalue(ctx, e);
}

function toResult(ctx: Context, e: Expr, type: QualType): Expr {
  const t = type.type;
  if (t.kind === 'void') return e.type.type.kind === 'void' ? e : cast('toVoid', e, Q.void);
  return t.kind === 'record' ? e : convertScalar(ctx, e, type);
}

function resultType(ctx: Context, a: Expr, b: Expr, loc: Loc): QualType | undefined {
  const at = a.type.type;
  const bt = b.type.type;
  if (isInteger(at) && isInteger(bt)) {
    // Two of one enum stay it; everything else is promoted.
    return qualOf(commonInteger(a, b));
  }
  if (at.kind === 'void' || bt.kind === 'void') return Q.void;
  if (at.kind === 'record' && bt.kind === 'record' && compatibleTypes(at, bt)) return unqualified(a.type);
  if (at.kind === 'pointer' || bt.kind === 'pointer') {
    const type = pointerResult(ctx, a, b, loc);
    if (type) return type;
  }
  for (const e of [a, b]) {
    if (e.type.type.kind === 'float') {
      noFloat(ctx, e.type, loc);
      return undefined;
    }
  }
  ctx.error('bad-operands', loc, `'?:' chooses between ${quoteType(a.type)} and ${quoteType(b.type)}, which have no type in common`);
  return undefined;
}

function pointerResult(ctx: Context, a: Expr, b: Expr, loc: Loc): QualType | undefined {
  const at = a.type.type;
  const bt = b.type.type;
  if (at.kind === 'pointer' && bt.kind === 'pointer') {
    if (isNull(a)) return b.type;
    if (isNull(b)) return a.type;
    const quals = at.to.quals | bt.to.quals;
    if (compatibleTypes(at.to.type, bt.to.type)) return qual(pointer(withQuals(composite(unqualified(at.to), unqualified(bt.to)), quals)));
    const anything = at.to.type.kind === 'void' || bt.to.type.kind === 'void';
    if (!anything && !similarTypes(at.to.type, bt.to.type)) {
      ctx.warn('distinct-pointers', loc, `'?:' chooses between pointers of different types, ${quoteType(a.type)} and ${quoteType(b.type)}`);
    }
    if (!anything && similarTypes(at.to.type, bt.to.type)) return a.type;
    return quals === 0 ? VOID_POINTER : qual(pointer(qual(VOID, quals)));
  }
  const [p, other] = at.kind === 'pointer' ? [a, b] : [b, a];
  if (!isInteger(other.type.type)) return undefined;
  if (!isNull(other)) {
    ctx.warn('int-conversion', loc, `'?:' chooses between ${quoteType(a.type)} and ${quoteType(b.type)}: a pointer and an integer`);
  }
  return p.type;
}

/* ---------- _Generic ---------- */

export interface Association {
  readonly type: QualType | undefined;
  readonly value: Expr;
}

export function generic(ctx: Context, control: Expr, associations: readonly Association[], loc: Loc): Expr {
  const t = genericType(control);
  let chosen: Association | undefined;
  let fallback: Association | undefined;
  for (const [i, a] of associations.entries()) {
    const { type } = a;
    if (!type) {
      if (fallback) ctx.error('bad-generic', a.value.loc, "_Generic has two 'default'");
      fallback = a;
      continue;
    }
    if (isIncomplete(type.type) || type.type.kind === 'function') {
      ctx.error(
        'bad-generic',
        a.value.loc,
        `_Generic cannot match ${type.type.kind === 'function' ? 'function' : 'incomplete'} type ${quoteType(type)}`,
      );
    }
    const twin = associations.slice(0, i).some((b) => b.type && b.type.quals === type.quals && exactly(b.type.type, type.type));
    if (twin) ctx.error('bad-generic', a.value.loc, `_Generic names type ${quoteType(type)} twice`);
    if (!chosen && type.quals === 0 && exactly(t.type, type.type)) chosen = a;
  }
  const result = chosen ?? fallback;
  if (result) return result.value;
  if (!isErrorExpr(control)) ctx.error('bad-generic', loc, `_Generic has no association for type ${quoteType(t)}`);
  return errorExpr(loc);
}

/** As its value would have: without qualifiers, arrays and functions as pointers. */
function genericType(control: Expr): QualType {
  const t = control.type.type;
  if (t.kind === 'array') return qual(pointer(t.of));
  if (t.kind === 'function') return qual(pointer(control.type));
  return unqualified(control.type);
}

function exactly(a: CType, b: CType): boolean {
  return compatibleTypes(a, b);
}

/* ---------- ({ … }) ---------- */

export function statementExpression(ctx: Context, body: Compound, loc: Loc): Expr {
  const last = body.body.at(-1);
  const found = last && lastValue(ctx, last);
  if (!found) return { kind: 'stmtExpr', type: Q.void, loc, lvalue: false, body, result: undefined };
  const statements = [...body.body.slice(0, -1), ...found.before];
  return {
    kind: 'stmtExpr',
    type: unqualified(found.value.type),
    loc,
    lvalue: false,
    body: { ...body, body: statements },
    result: found.value,
  };
}

/** The value of the last statement, and what of that statement comes before it. */
function lastValue(ctx: Context, s: Stmt): { readonly before: readonly Stmt[]; readonly value: Expr } | undefined {
  if (s.kind === 'label') {
    const inner = lastValue(ctx, s.body);
    if (!inner) return undefined;
    return { before: [{ ...s, body: { kind: 'empty', loc: s.loc } }, ...inner.before], value: inner.value };
  }
  if (s.kind !== 'expr') return undefined;
  const e = s.expr;
  // What `discard` wrapped is still wanted here.
  const value = e.kind === 'cast' && e.cast === 'toVoid' && !e.explicit ? e.operand : e;
  const t = value.type.type;
  if (t.kind === 'void' || (t.kind === 'record' && isIncomplete(t))) return undefined;
  return { before: [], value: rvalue(ctx, value) };
}
