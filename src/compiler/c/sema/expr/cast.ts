/** Casts and compound literals. */
import type { Loc } from '../../../diagnostics.ts';
import type { CompoundLiteral, Expr, VarDecl } from '../../ast.ts';
import type { QualType, RecordType } from '../../types.ts';
import type { ParsedInit } from '../actions.ts';
import type { Context } from '../context.ts';
import { convertScalar, noFloat, rvalue } from '../convert.ts';
import { rejectVariableArray } from '../decl/types.ts';
import { toFloat, truth, wholePart } from '../floats.ts';
import { initialize } from '../init/initialize.ts';
import { cast as castNode, errorExpr, int, isErrorExpr } from '../nodes.ts';
import { fits } from '../types/arithmetic.ts';
import { Q, unqualified } from '../types/basic.ts';
import { compatibleTypes } from '../types/compatible.ts';
import { quoteType } from '../types/format.ts';
import { integerOf, isError, isIncomplete, isInteger } from '../types/predicates.ts';
import { discard } from './discard.ts';

export function cast(ctx: Context, type: QualType, operand: Expr, loc: Loc): Expr {
  if (isErrorExpr(operand) || isError(type)) return isError(type) ? errorExpr(loc) : operand;
  const t = type.type;
  if (t.kind === 'void') return castNode('toVoid', discard(ctx, operand), Q.void, true);
  if (t.kind === 'record') return castToRecord(ctx, type, t, operand, loc);
  if (t.kind === 'array' || t.kind === 'function') {
    ctx.error('bad-cast', loc, `a cast to ${quoteType(type)}: nothing can be cast to ${t.kind === 'array' ? 'an array' : 'a function'}`);
    return errorExpr(loc);
  }
  if (t.kind === 'float') return toFloat(operand, unqualified(type), loc) ?? noFloat(ctx, type, loc);
  const v = rvalue(ctx, operand);
  if (isErrorExpr(v)) return v;
  const from = v.type.type;
  if (from.kind === 'float') {
    const whole = isInteger(t) && integerOf(t).rank === 0 ? truth(v) : wholePart(v);
    // C does not say what becomes of one that is too large.
    if (whole === undefined || !isInteger(t) || !fits(whole, integerOf(t))) return noFloat(ctx, v.type, v.loc);
    return int(whole, unqualified(type), loc);
  }
  if (isInteger(from) || from.kind === 'pointer') {
    const made = convertScalar(ctx, v, unqualified(type), true);
    return made.loc === loc ? made : { ...made, loc };
  }
  if (from.kind === 'void') ctx.error('void-value-used', loc, `a value of type 'void' cannot be cast to ${quoteType(type)}`);
  else ctx.error('bad-cast', loc, `${quoteType(v.type)} cannot be cast to ${quoteType(type)}`);
  return errorExpr(loc);
}

/** To itself (GNU), or to a union from the type of one of its members (GNU). */
function castToRecord(ctx: Context, type: QualType, t: RecordType, operand: Expr, loc: Loc): Expr {
  const v = rvalue(ctx, operand);
  if (isErrorExpr(v)) return v;
  if (compatibleTypes(t, v.type.type)) return castNode('noop', v, unqualified(type), true);
  if (t.tag === 'union') {
    const field = t.fields?.find((f) => !f.bit && compatibleTypes(f.type.type, v.type.type));
    if (field) {
      const decl = literalDecl(ctx, type, loc);
      decl.init = { kind: 'list', items: [{ offset: field.offset, type: field.type, value: v }], loc };
      const literal: CompoundLiteral = { kind: 'compoundLiteral', type, loc, lvalue: true, init: decl.init, decl };
      return rvalue(ctx, literal);
    }
    ctx.error('bad-cast', loc, `${quoteType(type)} has no member of type ${quoteType(v.type)}`);
  } else ctx.error('bad-cast', loc, `${quoteType(v.type)} cannot be cast to ${quoteType(type)}`);
  return errorExpr(loc);
}

/** The nameless variable that a compound literal is. */
function literalDecl(ctx: Context, type: QualType, loc: Loc): VarDecl {
  const atFile = ctx.function === undefined;
  const decl: VarDecl = {
    kind: 'var',
    name: `.literal.${ctx.literals++}`,
    type,
    storage: atFile ? 'static' : 'auto',
    scope: atFile ? 'file' : 'local',
    attributes: [],
    loc,
    align: undefined,
    addressTaken: true,
  };
  if (atFile) ctx.variables.push(decl);
  return decl;
}

export function compoundLiteral(ctx: Context, type: QualType, init: ParsedInit, loc: Loc): Expr {
  if (isError(type)) return errorExpr(loc);
  const t = type.type;
  const element = t.kind === 'array' && t.length === undefined ? t.of.type : t;
  if (rejectVariableArray(ctx, type)) return errorExpr(loc);
  if (t.kind === 'function' || isIncomplete(element)) {
    ctx.error('incomplete-type', loc, `a compound literal of incomplete type ${quoteType(type)}`);
    return errorExpr(loc);
  }
  const decl = literalDecl(ctx, type, loc);
  const result = initialize(ctx, type, init, decl.scope === 'file');
  if (!result) return errorExpr(loc);
  decl.type = result.type;
  decl.init = result.init;
  return { kind: 'compoundLiteral', type: result.type, loc, lvalue: true, init: result.init, decl };
}
