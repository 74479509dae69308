/** Unary operators, ++ and --, sizeof and its kin. */
import type { Loc } from '../../../diagnostics.ts';
import type { CompoundAssign, Expr } from '../../ast.ts';
import type { QualType } from '../../types.ts';
import type { Context } from '../context.ts';
import { noteAt } from '../context.ts';
import { bitWidth, noFloat, promote, qualOf, rvalue, takeAddress } from '../convert.ts';
import { rejectVariableArray } from '../decl/types.ts';
import { negated, toFloat } from '../floats.ts';
import { foldUnary } from '../fold.ts';
import { deref, errorExpr, int, isErrorExpr, unary as unaryNode } from '../nodes.ts';
import { promoted, wrap } from '../types/arithmetic.ts';
import { LONG, Q, qual, unqualified } from '../types/basic.ts';
import { quoteType } from '../types/format.ts';
import { integerOf, isIncomplete, isInteger, isScalar } from '../types/predicates.ts';
import { alignOf, alignOfQual, sizeOf, strideOf } from '../types/size.ts';
import { checkAssignable } from './assign.ts';

export function unary(ctx: Context, op: '+' | '-' | '~' | '!' | '*' | '&' | '++' | '--', operand: Expr, loc: Loc): Expr {
  switch (op) {
    case '*':
      return dereference(ctx, rvalue(ctx, operand), loc);
    case '&':
      return addressOperator(ctx, operand, loc);
    case '!':
      return not(ctx, operand, loc);
    case '++':
    case '--':
      return step(ctx, op, operand, false, loc);
    case '+':
    case '-':
    case '~':
      return arithmetic(ctx, op, operand, loc);
    default:
      return op satisfies never;
  }
}

function arithmetic(ctx: Context, op: '+' | '-' | '~', operand: Expr, loc: Loc): Expr {
  const v = promote(ctx, rvalue(ctx, operand));
  if (isErrorExpr(v)) return v;
  const t = v.type.type;
  if (t.kind === 'float' && op !== '~') return (op === '+' ? toFloat(v, v.type, loc) : negated(v, loc)) ?? noFloat(ctx, v.type, loc);
  if (!isInteger(t)) {
    ctx.error('bad-operands', loc, `'${op}' does not take an operand of type ${quoteType(v.type)}`);
    return errorExpr(loc);
  }
  if (op === '+') return v;
  const name = op === '-' ? 'neg' : 'not';
  const type = integerOf(t);
  if (v.kind === 'int') {
    const result = foldUnary(name, v.value, type);
    if (op === '-' && type.signed && result !== -v.value) {
      ctx.warn(
        'constant-overflow',
        loc,
        `-${v.value < 0n ? `(${v.value})` : v.value} does not fit into '${type.name}' and becomes ${result}`,
      );
    }
    return int(result, qualOf(type), loc);
  }
  return unaryNode(name, v, qualOf(type), loc);
}

function not(ctx: Context, operand: Expr, loc: Loc): Expr {
  const v = condition(ctx, operand, loc);
  if (isErrorExpr(v)) return v;
  return v.kind === 'int' ? int(v.value === 0n ? 1n : 0n, Q.int, loc) : unaryNode('lnot', v, Q.int, loc);
}

/** A value that is true or false: a number or a pointer. */
export function condition(ctx: Context, e: Expr, loc: Loc): Expr {
  const v = rvalue(ctx, e);
  if (isErrorExpr(v) || isInteger(v.type.type) || v.type.type.kind === 'pointer') return v;
  if (v.type.type.kind === 'float') return noFloat(ctx, v.type, loc);
  if (v.type.type.kind === 'void') ctx.error('void-value-used', loc, "a condition is needed and this has type 'void'");
  else ctx.error('not-a-condition', loc, `a condition must be a number or a pointer; found ${quoteType(v.type)}`);
  return errorExpr(loc);
}

/* ---------- * and & ---------- */

/** The place that the value `pointer` points to. */
export function dereference(ctx: Context, pointer: Expr, loc: Loc): Expr {
  if (isErrorExpr(pointer)) return pointer;
  const t = pointer.type.type;
  if (t.kind !== 'pointer') {
    ctx.error('not-a-pointer', loc, `'*' needs a pointer; found ${quoteType(pointer.type)}`);
    return errorExpr(loc);
  }
  return deref(pointer, t.to, loc);
}

function addressOperator(ctx: Context, operand: Expr, loc: Loc): Expr {
  if (isErrorExpr(operand)) return operand;
  if (operand.kind === 'deref') return operand.pointer;
  if (operand.kind === 'member' && operand.field.bit) {
    ctx.error(
      'address-of-bitfield',
      loc,
      `the address of bit-field '${operand.field.name}' cannot be taken`,
      noteAt('declared here', operand.field.loc),
    );
    return errorExpr(loc);
  }
  if (!operand.lvalue) {
    ctx.error('not-an-lvalue', loc, `'&' needs something that has an address; found a value of type ${quoteType(operand.type)}`);
    return errorExpr(loc);
  }
  if (operand.kind === 'ref' && operand.decl.kind === 'var') {
    const { decl } = operand;
    if (decl.map) return { kind: 'mapAddress', type: qual({ kind: 'pointer', to: operand.type }), loc, lvalue: false, map: decl };
    if (decl.storage === 'register') {
      ctx.error('address-of-register', loc, `'${decl.name}' is declared 'register' and has no address`, noteAt('declared here', decl.loc));
      return errorExpr(loc);
    }
  }
  return takeAddress(operand, loc);
}

/* ---------- ++ and -- ---------- */

export function step(ctx: Context, op: '++' | '--', target: Expr, post: boolean, loc: Loc): Expr {
  if (isErrorExpr(target)) return target;
  const t = target.type.type;
  if (!isScalar(t)) {
    ctx.error('bad-operands', loc, `'${op}' needs a number or a pointer; found ${quoteType(target.type)}`);
    return errorExpr(loc);
  }
  if (!checkAssignable(ctx, target, op, loc)) return errorExpr(loc);
  const type = unqualified(target.type);
  const node = (kind: CompoundAssign['op'], value: Expr, computeType: QualType, elementSize: number): Expr => ({
    kind: 'compoundAssign',
    type,
    loc,
    lvalue: false,
    op: kind,
    target,
    value,
    computeType,
    elementSize,
    post,
  });
  if (t.kind === 'pointer') {
    const size = strideOf(t.to.type);
    if (size === undefined) return incompletePointee(ctx, target.type, loc);
    return node(op === '++' ? 'pointerAdd' : 'pointerSub', int(1n, qualOf(LONG), loc), type, size);
  }
  if (!isInteger(t)) return noFloat(ctx, target.type, loc);
  const compute = qualOf(promoted(t, bitWidth(target)));
  return node(op === '++' ? 'add' : 'sub', int(wrap(1n, integerOf(compute.type as typeof t)), compute, loc), compute, 0);
}

export function incompletePointee(ctx: Context, type: QualType, loc: Loc): Expr {
  if (rejectVariableArray(ctx, type)) return errorExpr(loc);
  ctx.error('incomplete-type', loc, `arithmetic on ${quoteType(type)}: the size of what it points to is not known`);
  return errorExpr(loc);
}

/* ---------- sizeof ---------- */

export function sizeofType(ctx: Context, type: QualType, loc: Loc): Expr {
  const t = type.type;
  if (t.kind === 'function' || t.kind === 'void') {
    ctx.warn('bad-sizeof', loc, `sizeof ${t.kind === 'void' ? "'void'" : 'a function'} is 1 by a GNU extension`);
    return int(1n, Q.ulong, loc);
  }
  const size = sizeOf(t);
  if (size === undefined) {
    ctx.error('bad-sizeof', loc, `sizeof incomplete type ${quoteType(type)}`);
    return errorExpr(loc);
  }
  return int(BigInt(size), Q.ulong, loc);
}

export function sizeofExpr(ctx: Context, operand: Expr, loc: Loc): Expr {
  if (isErrorExpr(operand)) return operand;
  if (operand.kind === 'member' && operand.field.bit) {
    ctx.error('bad-sizeof', loc, `sizeof bit-field '${operand.field.name}', which has no size in bytes`);
    return errorExpr(loc);
  }
  return sizeofType(ctx, operand.type, loc);
}

export function alignofType(ctx: Context, type: QualType, loc: Loc): Expr {
  const t = type.type;
  const element = t.kind === 'array' ? t.of : type;
  if (isIncomplete(element.type) && element.type.kind !== 'void') {
    ctx.error('bad-sizeof', loc, `_Alignof incomplete type ${quoteType(type)}`);
    return errorExpr(loc);
  }
  return int(BigInt(type.align === undefined ? alignOf(t) : alignOfQual(type)), Q.ulong, loc);
}
