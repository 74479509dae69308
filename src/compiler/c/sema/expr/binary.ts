/** Binary operators but for assignment. Constants are computed at once. */
import type { Loc } from '../../../diagnostics.ts';
import type { BinaryOp, Expr } from '../../ast.ts';
import type { IntType, PointerType, QualType } from '../../types.ts';
import type { Context } from '../context.ts';
import { commonInteger, constantAddress, convertScalar, isNull, noFloat, promote, qualOf, rvalue, toInteger, widen } from '../convert.ts';
import { foldFloats } from '../floats.ts';
import { compare, exact } from '../fold.ts';
import { binary as binaryNode, errorExpr, int, isErrorExpr, pointerArith } from '../nodes.ts';
import { wrap } from '../types/arithmetic.ts';
import { LONG, Q, VOID_POINTER } from '../types/basic.ts';
import { similarTypes } from '../types/compatible.ts';
import { quoteType } from '../types/format.ts';
import { integerOf, isInteger } from '../types/predicates.ts';
import { strideOf } from '../types/size.ts';
import { discard } from './discard.ts';
import { condition, incompletePointee } from './unary.ts';

export const ARITHMETIC: Readonly<{ [op: string]: BinaryOp | undefined }> = {
  '+': 'add',
  '-': 'sub',
  '*': 'mul',
  '/': 'div',
  '%': 'mod',
  '&': 'and',
  '|': 'or',
  '^': 'xor',
  '<<': 'shl',
  '>>': 'shr',
};
const COMPARISON: Readonly<{ [op: string]: BinaryOp | undefined }> = {
  '==': 'eq',
  '!=': 'ne',
  '<': 'lt',
  '<=': 'le',
  '>': 'gt',
  '>=': 'ge',
};

export function binary(ctx: Context, op: string, left: Expr, right: Expr, loc: Loc): Expr {
  if (op === ',') return comma(ctx, left, right, loc);
  if (op === '&&' || op === '||') return logical(ctx, op, left, right, loc);
  const l = rvalue(ctx, left);
  const r = rvalue(ctx, right);
  if (isErrorExpr(l)) return l;
  if (isErrorExpr(r)) return r;
  const comparison = COMPARISON[op];
  if (isInteger(l.type.type) && isInteger(r.type.type)) {
    if (comparison !== undefined) return compareIntegers(ctx, comparison, l, r, loc);
    return arithmetic(ctx, ARITHMETIC[op] as BinaryOp, op, l, r, loc);
  }
  const pointers = l.type.type.kind === 'pointer' || r.type.type.kind === 'pointer';
  if (pointers && comparison !== undefined) return comparePointers(ctx, op, comparison, l, r, loc);
  if (pointers && (op === '+' || op === '-')) return pointerArithmetic(ctx, op, l, r, loc);
  const number = comparison ?? ARITHMETIC[op];
  const folded = number === undefined ? undefined : foldFloats(number, l, r, loc);
  if (folded !== undefined) return typeof folded === 'boolean' ? int(folded ? 1n : 0n, Q.int, loc) : folded;
  return badOperands(ctx, op, l, r, loc);
}

function badOperands(ctx: Context, op: string, l: Expr, r: Expr, loc: Loc): Expr {
  for (const e of [l, r]) {
    if (e.type.type.kind === 'float') return noFloat(ctx, e.type, loc);
    if (e.type.type.kind === 'void') {
      ctx.error('void-value-used', loc, `an operand of '${op}' has type 'void' and so no value`);
      return errorExpr(loc);
    }
  }
  ctx.error('bad-operands', loc, `'${op}' does not go with types ${quoteType(l.type)} and ${quoteType(r.type)}`);
  return errorExpr(loc);
}

/* ---------- integers ---------- */

function compareIntegers(ctx: Context, op: BinaryOp, left: Expr, right: Expr, loc: Loc): Expr {
  const type = commonInteger(left, right);
  const l = toInteger(ctx, left, type);
  const r = toInteger(ctx, right, type);
  if (l.kind !== 'int' || r.kind !== 'int') return binaryNode(op, l, r, Q.int, loc);
  const known = int(compare(op, l.value, r.value) ? 1n : 0n, Q.int, loc);
  ctx.asides.compared.set(known, op);
  return known;
}

function arithmetic(ctx: Context, op: BinaryOp, spelling: string, left: Expr, right: Expr, loc: Loc): Expr {
  let l: Expr;
  let r: Expr;
  if (op === 'shl' || op === 'shr') {
    l = promote(ctx, left);
    r = promote(ctx, right);
    if (!checkShiftCount(ctx, r, integerOf(l.type.type as IntType), loc)) return binaryNode(op, l, r, l.type, loc);
  } else {
    const type = commonInteger(left, right);
    l = toInteger(ctx, left, type);
    r = toInteger(ctx, right, type);
    if ((op === 'div' || op === 'mod') && !checkConstantDivisor(ctx, r, op, loc)) return binaryNode(op, l, r, l.type, loc);
  }
  const type = integerOf(l.type.type as IntType);
  const result = qualOf(type);
  if (l.kind !== 'int' || r.kind !== 'int') return binaryNode(op, l, r, result, loc);
  const raw = exact(op, l.value, r.value, type) as bigint;
  const value = wrap(raw, type);
  // A bit shifted into the sign bit is what masks are made of.
  if (type.signed && value !== raw && !(op === 'shl' && raw >= 0n && raw < 1n << BigInt(type.size * 8))) {
    ctx.warn('constant-overflow', loc, `${l.value} ${spelling} ${r.value} does not fit into '${type.name}' and becomes ${value}`);
  }
  return int(value, result, loc);
}

export function checkConstantDivisor(ctx: Context, r: Expr, op: 'div' | 'mod', loc: Loc): boolean {
  if (r.kind !== 'int' || r.value !== 0n) return true;
  ctx.warn(
    'division-by-zero',
    loc,
    op === 'div' ? 'division by zero: BPF gives 0' : 'remainder of a division by zero: BPF gives the dividend',
  );
  return false;
}

export function checkShiftCount(ctx: Context, r: Expr, type: IntType, loc: Loc): boolean {
  if (r.kind !== 'int' || (r.value >= 0n && r.value < BigInt(type.size * 8))) return true;
  ctx.warn(
    'shift-count',
    loc,
    r.value < 0n
      ? `shift by the negative count ${r.value}`
      : `shift by ${r.value} bits, which is not less than the ${type.size * 8} of '${type.name}'`,
  );
  return false;
}

/* ---------- && and || ---------- */

function logical(ctx: Context, op: '&&' | '||', left: Expr, right: Expr, loc: Loc): Expr {
  const l = condition(ctx, left, loc);
  const r = condition(ctx, right, loc);
  if (isErrorExpr(l)) return l;
  if (isErrorExpr(r)) return r;
  if (l.kind === 'int') {
    const decides = (l.value !== 0n) === (op === '||');
    if (decides) return int(op === '||' ? 1n : 0n, Q.int, loc);
    if (r.kind === 'int') return int(r.value !== 0n ? 1n : 0n, Q.int, loc);
  }
  return { kind: 'logical', type: Q.int, loc, lvalue: false, op: op === '&&' ? 'and' : 'or', left: l, right: r };
}

function comma(ctx: Context, left: Expr, right: Expr, loc: Loc): Expr {
  const l = discard(ctx, left);
  const t = right.type.type;
  const r = t.kind === 'void' ? right : rvalue(ctx, right);
  return { kind: 'comma', type: r.type, loc, lvalue: false, left: l, right: r };
}

/* ---------- pointers ---------- */

function pointerArithmetic(ctx: Context, op: '+' | '-', l: Expr, r: Expr, loc: Loc): Expr {
  const lt = l.type.type;
  const rt = r.type.type;
  if (lt.kind === 'pointer' && rt.kind === 'pointer')
    return op === '-' ? difference(ctx, l, lt, r, rt, loc) : badOperands(ctx, op, l, r, loc);
  if (lt.kind === 'pointer' && isInteger(rt)) return addToPointer(ctx, op === '+' ? 'add' : 'sub', l, r, loc);
  if (op === '+' && rt.kind === 'pointer' && isInteger(lt)) return addToPointer(ctx, 'add', r, l, loc);
  return badOperands(ctx, op, l, r, loc);
}

/** `pointer` and `index` are values. */
export function addToPointer(ctx: Context, op: 'add' | 'sub', pointer: Expr, index: Expr, loc: Loc): Expr {
  const t = pointer.type.type as PointerType;
  const size = strideOf(t.to.type);
  if (size === undefined) return incompletePointee(ctx, pointer.type, loc);
  return pointerArith(op, pointer, widen(ctx, index), size, loc);
}

function difference(ctx: Context, l: Expr, lt: PointerType, r: Expr, rt: PointerType, loc: Loc): Expr {
  const elementSize = strideOf(lt.to.type);
  if (elementSize === undefined) return incompletePointee(ctx, l.type, loc);
  if (!similarTypes(lt.to.type, rt.to.type)) {
    ctx.error('bad-operands', loc, `pointers of different types cannot be subtracted: ${quoteType(l.type)} and ${quoteType(r.type)}`);
    return errorExpr(loc);
  }
  if (elementSize === 0) {
    ctx.error('bad-operands', loc, `pointers to ${quoteType(lt.to)}, which has size zero, cannot be subtracted`);
    return errorExpr(loc);
  }
  const a = constantAddress(l);
  const b = a === undefined ? undefined : constantAddress(r);
  if (a !== undefined && b !== undefined) return int(BigInt.asIntN(64, a - b) / BigInt(elementSize), qualOf(LONG), loc);
  return { kind: 'pointerDiff', type: qualOf(LONG), loc, lvalue: false, left: l, right: r, elementSize };
}

function comparePointers(ctx: Context, spelling: string, op: BinaryOp, l: Expr, r: Expr, loc: Loc): Expr {
  const common = commonPointer(ctx, spelling, l, r, loc);
  if (!common) return badOperands(ctx, spelling, l, r, loc);
  return binaryNode(op, convertScalar(ctx, l, common), convertScalar(ctx, r, common), Q.int, loc);
}

/** The pointer type in which two operands are compared; one of them may be an integer. */
function commonPointer(ctx: Context, op: string, l: Expr, r: Expr, loc: Loc): QualType | undefined {
  const lt = l.type.type;
  const rt = r.type.type;
  if (lt.kind === 'pointer' && rt.kind === 'pointer') {
    if (isNull(r)) return l.type;
    if (isNull(l)) return r.type;
    if (lt.to.type.kind === 'void' || rt.to.type.kind === 'void') return VOID_POINTER;
    if (!similarTypes(lt.to.type, rt.to.type)) {
      ctx.warn('distinct-pointers', loc, `'${op}' compares pointers of different types, ${quoteType(l.type)} and ${quoteType(r.type)}`);
      return VOID_POINTER;
    }
    return l.type;
  }
  const [pointer, other] = lt.kind === 'pointer' ? [l, r] : [r, l];
  if (!isInteger(other.type.type)) return undefined;
  if (!isNull(other)) {
    ctx.warn(
      'pointer-integer-comparison',
      loc,
      `'${op}' compares ${quoteType(l.type)} with ${quoteType(r.type)}: a pointer and an integer`,
    );
  }
  return pointer.type;
}
