/** Makers of typed nodes. They check nothing; each gives its kind of node always the same shape. */
import type { Loc } from '../../diagnostics.ts';
import type {
  AddressOf,
  Binary,
  BinaryOp,
  Builtin,
  Cast,
  CastKind,
  Deref,
  Expr,
  Int,
  Member,
  PointerArith,
  Ref,
  Str,
  Unary,
  UnaryOp,
  ValueDecl,
} from '../ast.ts';
import type { CType, Field, QualType, RecordType } from '../types.ts';
import { array, pointer, Q, qual } from './types/basic.ts';
import { isError } from './types/predicates.ts';

export function int(value: bigint, type: QualType, loc: Loc, enumerator?: string): Int {
  return { kind: 'int', type, loc, lvalue: false, value, enumerator };
}

/** What an action returns after it has reported an error: whoever uses it says nothing more. */
export function errorExpr(loc: Loc): Int {
  return int(0n, Q.error, loc);
}

export function isErrorExpr(e: Expr): boolean {
  return isError(e.type);
}

export function ref(decl: ValueDecl, loc: Loc): Ref {
  const type = decl.kind === 'function' ? qual(decl.type) : decl.type;
  return { kind: 'ref', type, loc, lvalue: true, decl };
}

/** A string literal; `unit` is the type of its elements. */
export function string(bytes: Uint8Array, unit: CType, size: number, loc: Loc): Str {
  return { kind: 'string', type: qual(array(qual(unit), bytes.length / size)), loc, lvalue: true, bytes };
}

export function cast(kind: CastKind, operand: Expr, type: QualType, explicit = false): Cast {
  return { kind: 'cast', type, loc: operand.loc, lvalue: false, cast: kind, operand, explicit };
}

export function unary(op: UnaryOp, operand: Expr, type: QualType, loc: Loc): Unary {
  return { kind: 'unary', type, loc, lvalue: false, op, operand };
}

export function binary(op: BinaryOp, left: Expr, right: Expr, type: QualType, loc: Loc): Binary {
  return { kind: 'binary', type, loc, lvalue: false, op, left, right };
}

export function pointerArith(op: 'add' | 'sub', base: Expr, index: Expr, elementSize: number, loc: Loc): PointerArith {
  return { kind: 'pointerArith', type: base.type, loc, lvalue: false, op, pointer: base, index, elementSize };
}

export function deref(operand: Expr, type: QualType, loc: Loc): Deref {
  return { kind: 'deref', type, loc, lvalue: true, pointer: operand };
}

export function addressOf(operand: Expr, loc: Loc): AddressOf {
  return { kind: 'addressOf', type: qual(pointer(operand.type)), loc, lvalue: false, operand };
}

export function member(base: Expr, record: RecordType, field: Field, type: QualType, loc: Loc): Member {
  return { kind: 'member', type, loc, lvalue: base.lvalue, base, record, field };
}

export function builtin(
  name: string,
  args: readonly Expr[],
  type: QualType,
  loc: Loc,
  types?: readonly QualType[],
  info?: bigint | string,
): Builtin {
  return { kind: 'builtin', type, loc, lvalue: false, name, args, types, info };
}
