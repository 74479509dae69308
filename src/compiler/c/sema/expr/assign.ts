/** Assignment, simple and compound. */
import type { Loc } from '../../../diagnostics.ts';
import type { BinaryOp, Expr } from '../../ast.ts';
import type { EnumType, Field, IntType, QualType } from '../../types.ts';
import { QUAL } from '../../types.ts';
import { assignTo } from '../assignable.ts';
import type { Context } from '../context.ts';
import { noteAt } from '../context.ts';
import { bitWidth, commonInteger, noFloat, promote, qualOf, rvalue, toInteger, widen } from '../convert.ts';
import { errorExpr, isErrorExpr } from '../nodes.ts';
import { promoted } from '../types/arithmetic.ts';
import { unqualified } from '../types/basic.ts';
import { quoteType } from '../types/format.ts';
import { MAX_NESTING } from '../types/members.ts';
import { isIncomplete, isInteger } from '../types/predicates.ts';
import { strideOf } from '../types/size.ts';
import { ARITHMETIC, checkConstantDivisor, checkShiftCount } from './binary.ts';
import { incompletePointee } from './unary.ts';

/** Whether this place may be written to; says why not. */
export function checkAssignable(ctx: Context, target: Expr, op: string, loc: Loc): boolean {
  if (!target.lvalue) {
    const cast = target.kind === 'cast' && target.explicit ? ' of a cast' : '';
    ctx.error('not-an-lvalue', loc, `the left side of '${op}' is a value${cast}, not a place that can be assigned to`);
    return false;
  }
  const t = target.type.type;
  if (t.kind === 'array') {
    ctx.error(
      'not-assignable',
      loc,
      `an array cannot be assigned to; copy it with __builtin_memcpy or by elements (type ${quoteType(target.type)})`,
    );
    return false;
  }
  if (t.kind === 'function') {
    ctx.error('not-assignable', loc, 'a function cannot be assigned to');
    return false;
  }
  if (isIncomplete(t)) {
    ctx.error('incomplete-type', loc, `assignment to incomplete type ${quoteType(target.type)}`);
    return false;
  }
  if (target.type.quals & QUAL.CONST) {
    const what =
      target.kind === 'ref' ? `'${target.decl.name}'` : target.kind === 'member' ? `member '${target.field.name}'` : 'this place';
    const at = target.kind === 'ref' ? target.decl.loc : target.kind === 'member' ? target.field.loc : 0;
    ctx.error('not-assignable', loc, `${what} is const: its type is ${quoteType(target.type)}`, noteAt('declared here', at));
    return false;
  }
  if (t.kind === 'record') {
    const field = constMember(t.fields ?? []);
    if (field) {
      ctx.error(
        'not-assignable',
        loc,
        `${quoteType(target.type)} cannot be assigned to: its member '${field.name}' is const`,
        noteAt('declared here', field.loc),
      );
      return false;
    }
  }
  return true;
}

function constMember(fields: readonly Field[], depth = 0): Field | undefined {
  if (depth > MAX_NESTING) return undefined;
  for (const f of fields) {
    if (f.type.quals & QUAL.CONST) return f;
    const t = f.type.type;
    const inner = t.kind === 'record' ? constMember(t.fields ?? [], depth + 1) : undefined;
    if (inner) return inner;
  }
  return undefined;
}

export function assign(ctx: Context, op: string, target: Expr, value: Expr, loc: Loc): Expr {
  if (isErrorExpr(target)) return target;
  if (!checkAssignable(ctx, target, op, loc)) {
    rvalue(ctx, value);
    return errorExpr(loc);
  }
  if (op !== '=') return compound(ctx, op, target, value, loc);
  const v = assignTo(ctx, value, target.type, { kind: 'assign' }, loc);
  if (isErrorExpr(v)) return v;
  checkBitField(ctx, target, v);
  return { kind: 'assign', type: unqualified(target.type), loc, lvalue: false, target, value: v };
}

/** A constant that the bits of a bit-field do not hold. */
export function checkBitField(ctx: Context, target: Expr, value: Expr): void {
  if (target.kind === 'member' && target.field.bit) checkBits(ctx, target.field.name, target.field.bit.width, target.type, value);
}

export function checkBits(ctx: Context, name: string, width: number, type: QualType, value: Expr): void {
  if (value.kind !== 'int' || !isInteger(type.type)) return;
  const bits = BigInt(width);
  const v = value.value;
  if (v >= 0n ? v < 1n << bits : v >= -(1n << (bits - 1n))) return;
  ctx.warn('constant-conversion', value.loc, `${v} does not fit into the ${width} bits of '${name}'`);
}

function compound(ctx: Context, op: string, target: Expr, value: Expr, loc: Loc): Expr {
  const name = ARITHMETIC[op.slice(0, -1)];
  if (name === undefined) throw new Error(`no operator ${op}`);
  const t = target.type.type;
  const v = rvalue(ctx, value);
  if (isErrorExpr(v)) return v;
  const type = unqualified(target.type);
  if (target.type.quals & QUAL.ATOMIC) {
    ctx.error('atomic-operation', loc, `'${op}' on an _Atomic object is not supported; use __sync_fetch_and_add and its like`);
    return errorExpr(loc);
  }
  if (t.kind === 'pointer' && (name === 'add' || name === 'sub') && isInteger(v.type.type)) {
    const elementSize = strideOf(t.to.type);
    if (elementSize === undefined) return incompletePointee(ctx, target.type, loc);
    return {
      kind: 'compoundAssign',
      type,
      loc,
      lvalue: false,
      op: name === 'add' ? 'pointerAdd' : 'pointerSub',
      target,
      value: widen(ctx, v),
      computeType: type,
      elementSize,
      post: false,
    };
  }
  if (t.kind === 'float' || v.type.type.kind === 'float') return noFloat(ctx, t.kind === 'float' ? target.type : v.type, loc);
  if (!isInteger(t) || !isInteger(v.type.type)) {
    ctx.error('bad-operands', loc, `'${op}' does not go with types ${quoteType(target.type)} and ${quoteType(v.type)}`);
    return errorExpr(loc);
  }
  const { computeType, operand } = computation(ctx, name, target, t, v, loc);
  return {
    kind: 'compoundAssign',
    type,
    loc,
    lvalue: false,
    op: name,
    target,
    value: operand,
    computeType: qualOf(computeType),
    elementSize: 0,
    post: false,
  };
}

function computation(
  ctx: Context,
  op: BinaryOp,
  target: Expr,
  t: IntType | EnumType,
  v: Expr,
  loc: Loc,
): { readonly computeType: IntType; readonly operand: Expr } {
  if (op === 'shl' || op === 'shr') {
    const computeType = promoted(t, bitWidth(target));
    const operand = promote(ctx, v);
    checkShiftCount(ctx, operand, computeType, loc);
    return { computeType, operand };
  }
  const computeType = commonInteger(target, v);
  const operand = toInteger(ctx, v, computeType);
  if (op === 'div' || op === 'mod') checkConstantDivisor(ctx, operand, op, loc);
  return { computeType, operand };
}
