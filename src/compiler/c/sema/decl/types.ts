/** Building types from specifiers and declarators. */
import type { Loc } from '../../../diagnostics.ts';
import type { Attribute, Expr } from '../../ast.ts';
import type { ArrayType, CType, FunctionType, ParamType, QualType } from '../../types.ts';
import { QUAL } from '../../types.ts';
import { integerValue } from '../constants.ts';
import type { Context } from '../context.ts';
import { isErrorExpr } from '../nodes.ts';
import { array, ERROR, functionType, INT, pointer, Q, qual, typeOfWords, withQuals } from '../types/basic.ts';
import { formatType, quoteType } from '../types/format.ts';
import { isError, isInteger } from '../types/predicates.ts';
import { sizeOf } from '../types/size.ts';
import { applyTypeAttributes } from './attributes.ts';

export function basicType(ctx: Context, words: readonly string[], loc: Loc): CType {
  const type = typeOfWords(words);
  if (type) return type;
  if (words.length === 0) {
    ctx.warn('implicit-int', loc, 'the type is missing; int is assumed');
    return INT;
  }
  if (words.some((w) => w === '_Complex' || w === '__complex__' || w === '_Imaginary')) {
    ctx.error('no-floating-point', loc, `'${words.join(' ')}' is a floating point type: BPF has no floating point`);
  } else ctx.error('bad-type', loc, `'${words.join(' ')}' is no type`);
  return ERROR;
}

export function pointerTo(ctx: Context, type: QualType, quals: number, attributes: readonly Attribute[], loc: Loc): QualType {
  if (isError(type)) return type;
  if (quals & QUAL.RESTRICT && type.type.kind === 'function') {
    ctx.error('bad-qualifier', loc, "a pointer to a function cannot be 'restrict'");
  }
  const made = qual(pointer(type), quals);
  return attributes.length === 0 ? made : applyTypeAttributes(ctx, made, attributes);
}

export function qualify(ctx: Context, type: QualType, quals: number, attributes: readonly Attribute[]): QualType {
  let q = type;
  if (quals !== 0) {
    // `restrict` on what is no pointer has no meaning and no consequence.
    q = withQuals(q, q.type.kind === 'pointer' ? quals : quals & ~QUAL.RESTRICT);
  }
  return attributes.length === 0 ? q : applyTypeAttributes(ctx, q, attributes);
}

/* ---------- arrays ---------- */

/** Arrays whose length is no constant. Only parameters may be such: there the outermost array is a pointer. */
const variable = new WeakMap<CType, Loc>();
/** Bytes: an object larger than this cannot be meant. */
const MAX_SIZE = 2 ** 48;

export function arrayOf(ctx: Context, type: QualType, length: Expr | undefined, loc: Loc): QualType {
  const t = type.type;
  if (isError(type)) return type;
  if (t.kind === 'function') {
    ctx.error('bad-array', loc, `an array of functions; did you mean an array of pointers, '${formatType(qual(pointer(type)))}'?`);
    return qual(array(Q.error, 1));
  }
  if (t.kind === 'void') {
    ctx.error('bad-array', loc, "an array of 'void'");
    return qual(array(Q.error, 1));
  }
  // Records that are still open may be completed before the array is used only in parameters; C forbids it anyway.
  if (
    (t.kind === 'record' && t.size === 0 && t.fields === undefined) ||
    (t.kind === 'array' && t.length === undefined && !variable.has(t))
  ) {
    ctx.error('incomplete-type', loc, `an array of incomplete type ${quoteType(type)}`);
    return qual(array(Q.error, 1));
  }
  const made = (n: number | undefined): QualType => qual(array(type, n), 0, undefined, undefined, undefined);
  if (!length) return made(undefined);
  if (isErrorExpr(length)) return made(1);
  if (!isInteger(length.type.type)) {
    ctx.error('bad-array', length.loc, `the length of an array must be an integer; found ${quoteType(length.type)}`);
    return made(1);
  }
  const n = integerValue(length);
  if (n === undefined) {
    const vla = made(undefined);
    variable.set(vla.type, length.loc);
    return vla;
  }
  if (n < 0n) {
    ctx.error('negative-array-size', length.loc, `an array of ${n} elements`);
    return made(1);
  }
  const element = sizeOf(t) ?? 1;
  if (n * BigInt(element) > BigInt(MAX_SIZE)) {
    ctx.error('array-too-large', length.loc, `an array of ${n} elements is too large`);
    return made(1);
  }
  return made(Number(n));
}

/** The length of a parameter makes no type, but C evaluates it on every call. */
export function checkParameterLength(ctx: Context, length: Expr): void {
  if (!isErrorExpr(length) && hasEffect(length)) {
    ctx.error(
      'variable-length-array',
      length.loc,
      'the length of this array changes something whenever the function is called, which is not supported: do it in the body',
    );
  }
}

function hasEffect(e: Expr): boolean {
  switch (e.kind) {
    case 'int':
    case 'string':
    case 'ref':
      return false;
    case 'unary':
    case 'cast':
    case 'addressOf':
      return hasEffect(e.operand);
    case 'binary':
    case 'logical':
      return hasEffect(e.left) || hasEffect(e.right);
    case 'cond':
      return [e.cond, e.then, e.else].some((part) => part !== undefined && hasEffect(part));
    case 'deref':
      return hasEffect(e.pointer);
    case 'member':
      return hasEffect(e.base);
    case 'pointerArith':
      return hasEffect(e.pointer) || hasEffect(e.index);
    case 'assign':
    case 'compoundAssign':
    case 'call':
      return true;
    default:
      return false;
  }
}

/** Reports an array of variable length somewhere in a type that must have a size. True if there was one. */
export function rejectVariableArray(ctx: Context, q: QualType): boolean {
  for (let t: CType = q.type; ; ) {
    const loc = variable.get(t);
    if (loc !== undefined) {
      ctx.error(
        'variable-length-array',
        loc,
        'the length of this array is not a constant: BPF has no stack for arrays of variable length; use a constant bound',
      );
      return true;
    }
    if (t.kind === 'array') t = t.of.type;
    else if (t.kind === 'pointer') t = t.to.type;
    else return false;
  }
}

export function isVariable(t: ArrayType): boolean {
  return variable.has(t);
}

/* ---------- functions ---------- */

export function functionOf(
  ctx: Context,
  returns: QualType,
  params: readonly ParamType[],
  variadic: boolean,
  prototype: boolean,
  loc: Loc,
): QualType {
  let result = returns;
  if (returns.type.kind === 'array' || returns.type.kind === 'function') {
    ctx.error(
      'bad-return-type',
      loc,
      `a function cannot return ${returns.type.kind === 'array' ? 'an array' : 'a function'}; it can return a pointer`,
    );
    result = Q.error;
  }
  return qual(
    functionType(
      result,
      params.map((p) => parameter(ctx, p)),
      variadic,
      prototype,
    ),
  );
}

/** Arrays and functions as parameters are pointers. */
function parameter(ctx: Context, p: ParamType): ParamType {
  const t = p.type.type;
  if (t.kind === 'array') return { ...p, type: qual(pointer(withQuals(t.of, p.type.quals))) };
  if (t.kind === 'function') return { ...p, type: qual(pointer(p.type)) };
  if (t.kind === 'void') {
    ctx.error('bad-parameter', p.loc, p.name === undefined ? "'void' must be the only parameter" : `parameter '${p.name}' has type 'void'`);
    return { ...p, type: Q.error };
  }
  return p;
}

export function typeofExpr(operand: Expr): QualType {
  return isError(operand.type) ? Q.error : operand.type;
}

export function functionOfType(q: QualType): FunctionType | undefined {
  const t = q.type;
  if (t.kind === 'function') return t;
  return t.kind === 'pointer' && t.to.type.kind === 'function' ? t.to.type : undefined;
}
