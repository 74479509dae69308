/** Expressions with a scalar value. */
import type { Assign, Binary, BinaryOp, Cast, CompoundAssign, Cond, Expr } from '../../c/ast.ts';
import type { CType, QualType } from '../../c/types.ts';
import { constant, NULL, undef } from '../builder.ts';
import type { BinOp, Block, IrType, Phi, Pred, Value } from '../ir.ts';
import { readPlace, unsupported, writePlace } from './access.ts';
import { lowerBuiltin } from './builtins.ts';
import { lowerCall } from './call.ts';
import { condition } from './condition.ts';
import { convertInt, toBool } from './convert.ts';
import { effect } from './effect.ts';
import { address, place } from './place.ts';
import { assignRecord } from './record.ts';
import type { FunctionState } from './state.ts';
import { statement } from './statement.ts';
import { noteReserved } from './submitted.ts';
import { integer, isRecord, isWide, pointeeOf, scalarType, spaceOf } from './types.ts';
import { compareWide, narrowed, wideTruth } from './wide.ts';

export function scalar(f: FunctionState, e: Expr): Value {
  const { b } = f;
  b.loc = e.loc;
  switch (e.kind) {
    case 'int': {
      const t = scalarType(e.type.type);
      return t ? constant(t, e.value) : unsupported(f, e.type, e.loc);
    }
    case 'cast':
      return lowerCast(f, e);
    case 'unary': {
      if (e.op === 'lnot') return lowerNot(f, e);
      const v = scalar(f, e.operand);
      b.loc = e.loc;
      if (v.type !== 'i32' && v.type !== 'i64') return unsupported(f, e.type, e.loc);
      return e.op === 'neg' ? b.bin('sub', constant(v.type, 0), v) : b.bin('xor', v, constant(v.type, -1));
    }
    case 'binary':
      return lowerBinary(f, e);
    case 'pointerArith': {
      const p = scalar(f, e.pointer);
      const i = scalar(f, e.index);
      b.loc = e.loc;
      return b.ptradd(p, scaled(f, i, e.elementSize, e.op === 'sub'));
    }
    case 'pointerDiff': {
      const l = b.ptrtoint(scalar(f, e.left)),
        r = b.ptrtoint(scalar(f, e.right));
      b.loc = e.loc;
      const bytes = b.bin('sub', l, r);
      const size = e.elementSize;
      // The difference is a multiple, so a shift is exact.
      if (size > 0 && (size & (size - 1)) === 0) return b.bin('ashr', bytes, constant('i64', Math.log2(size)));
      return b.bin('sdiv', bytes, constant('i64', size));
    }
    case 'logical':
      return lowerLogical(f, e);
    case 'comma':
      effect(f, e.left);
      return scalar(f, e.right);
    case 'assign':
      return lowerAssign(f, e);
    case 'compoundAssign':
      return lowerCompound(f, e);
    case 'cond':
      return lowerCond(f, e);
    case 'call':
      return lowerCall(f, e) ?? undef(scalarType(e.type.type) ?? 'i64');
    case 'addressOf':
      return address(f, place(f, e.operand));
    case 'mapAddress':
      return b.mapaddr(e.map.map?.name ?? e.map.name);
    case 'stmtExpr':
      for (const s of e.body.body) statement(f, s);
      return e.result ? scalar(f, e.result) : undef('i32');
    case 'builtin':
      return lowerBuiltin(f, e) ?? undef(scalarType(e.type.type) ?? 'i64');
    // Without a load: a member of a record value.
    case 'member':
    case 'ref':
    case 'deref':
    case 'string':
    case 'compoundLiteral': {
      const p = place(f, e);
      return e.type.type.kind === 'function' ? p.ptr : readPlace(f, p, e.type, e.loc);
    }
    default:
      return never(e);
  }
}

function lowerNot(f: FunctionState, e: Expr & { kind: 'unary' }): Value {
  if (isWide(e.operand.type.type)) return f.b.bin('xor', wideTruth(f, e.operand), constant('i32', 1));
  if (!scalarType(e.operand.type.type)) return unsupported(f, e.operand.type, e.loc);
  const v = scalar(f, e.operand);
  f.b.loc = e.loc;
  return f.b.cmp('eq', v, zeroLike(e.operand.type.type));
}

export function zeroLike(t: CType): Value {
  return constant(scalarType(t) ?? 'i32', 0);
}

/** An index in bytes. */
export function scaled(f: FunctionState, index: Value, elementSize: number, negative: boolean): Value {
  const { b } = f;
  const bytes = b.bin('mul', index, constant('i64', elementSize));
  return negative ? b.bin('sub', constant('i64', 0), bytes) : bytes;
}

function lowerCast(f: FunctionState, e: Cast): Value {
  const { b } = f;
  const to = e.type.type;
  switch (e.cast) {
    case 'load': {
      const p = place(f, e.operand);
      b.loc = e.loc;
      return readPlace(f, p, e.type, e.loc);
    }
    case 'decay':
      return address(f, place(f, e.operand));
    case 'functionDecay': {
      if (e.operand.kind === 'ref' && e.operand.decl.kind === 'function') {
        f.m.need(e.operand.decl);
        return b.funcaddr(e.operand.decl.name);
      }
      return address(f, place(f, e.operand));
    }
    case 'integral': {
      if (isWide(e.operand.type.type)) return narrowed(f, e.operand, to);
      const from = integer(e.operand.type.type),
        target = integer(to);
      const v = scalar(f, e.operand);
      b.loc = e.loc;
      if (!from || !target || !scalarType(to) || !scalarType(e.operand.type.type))
        return unsupported(f, scalarType(to) ? e.operand.type : e.type, e.loc);
      return convertInt(b, v, from, target);
    }
    case 'toBool': {
      if (isWide(e.operand.type.type)) return wideTruth(f, e.operand);
      const v = scalar(f, e.operand);
      b.loc = e.loc;
      return scalarType(e.operand.type.type) ? toBool(b, v) : unsupported(f, e.operand.type, e.loc);
    }
    case 'pointerToInt': {
      const v = scalar(f, e.operand);
      b.loc = e.loc;
      const i = b.ptrtoint(v);
      return scalarType(to) === 'i32'
        ? convertInt(
            b,
            i,
            { kind: 'int', name: 'unsigned long', size: 8, signed: false, rank: 4 },
            integer(to) as NonNullable<ReturnType<typeof integer>>,
          )
        : i;
    }
    case 'intToPointer': {
      const v = scalar(f, e.operand);
      b.loc = e.loc;
      const wide = v.type === 'i32' ? b.ext('i64', integer(e.operand.type.type)?.signed ?? false, 32, v) : v;
      return b.inttoptr(wide, to.kind === 'pointer' ? spaceOf(to.to.quals) : undefined, pointeeOf(to));
    }
    case 'pointer': {
      noteReserved(e);
      const v = scalar(f, e.operand);
      b.loc = e.loc;
      const from = e.operand.type.type;
      const before = from.kind === 'pointer' ? spaceOf(from.to.quals) : undefined;
      const after = to.kind === 'pointer' ? spaceOf(to.to.quals) : undefined;
      // What is said once holds, also where the new type does not repeat it.
      const space = after ?? before;
      return space ? b.spacecast(v, space) : v;
    }
    case 'nullToPointer':
      return NULL;
    case 'toVoid':
      effect(f, e.operand);
      return undef('i32');
    case 'noop':
      return scalar(f, e.operand);
    default:
      return never(e.cast);
  }
}

const ARITHMETIC: Readonly<Partial<Record<BinaryOp, readonly [signed: BinOp, unsigned: BinOp]>>> = {
  add: ['add', 'add'],
  sub: ['sub', 'sub'],
  mul: ['mul', 'mul'],
  div: ['sdiv', 'udiv'],
  mod: ['smod', 'umod'],
  and: ['and', 'and'],
  or: ['or', 'or'],
  xor: ['xor', 'xor'],
  shl: ['shl', 'shl'],
  shr: ['ashr', 'lshr'],
};
const COMPARISON: Readonly<Partial<Record<BinaryOp, readonly [signed: Pred, unsigned: Pred]>>> = {
  eq: ['eq', 'eq'],
  ne: ['ne', 'ne'],
  lt: ['slt', 'ult'],
  le: ['sle', 'ule'],
  gt: ['sgt', 'ugt'],
  ge: ['sge', 'uge'],
};

function lowerBinary(f: FunctionState, e: Binary): Value {
  if (isWide(e.left.type.type) && COMPARISON[e.op]) return compareWide(f, e);
  const l = scalar(f, e.left),
    r = scalar(f, e.right);
  f.b.loc = e.loc;
  if (!scalarType(e.left.type.type)) return unsupported(f, e.left.type, e.loc);
  return combine(f, e.op, l, r, e.left.type, e.type);
}

/** One operation on values of the operands' common type (shifts: of the left one's). */
function combine(f: FunctionState, op: BinaryOp, l: Value, r: Value, type: QualType, result: QualType): Value {
  const { b } = f;
  const isSigned = integer(type.type)?.signed ?? false;
  const pred = COMPARISON[op];
  if (pred) return b.cmp(pred[isSigned ? 0 : 1], l, r);
  const bin = ARITHMETIC[op] as readonly [BinOp, BinOp];
  if (!scalarType(result.type) || l.type === 'ptr' || r.type === 'ptr') return unsupported(f, result, b.loc);
  const count = op === 'shl' || op === 'shr' ? countFor(f, l.type as IrType, r) : r;
  return b.bin(bin[isSigned ? 0 : 1], l, count);
}

function countFor(f: FunctionState, type: IrType, count: Value): Value {
  if (count.type === type) return count;
  return type === 'i32' ? f.b.trunc(count) : f.b.ext('i64', false, 32, count);
}

function lowerLogical(f: FunctionState, e: Expr & { kind: 'logical' }): Value {
  const { b } = f;
  const right = b.newBlock(),
    join = b.newBlock();
  const short = b.newBlock();
  if (e.op === 'and') condition(f, e.left, right, short);
  else condition(f, e.left, short, right);
  b.place(short);
  b.jump(join);
  b.place(right);
  const v = scalar(f, e.right);
  b.loc = e.loc;
  const truth = e.right.type.type.kind === 'int' && isTruth(v) ? v : toBool(b, v);
  const incoming: Phi['incoming'] = [{ block: short, value: constant('i32', e.op === 'and' ? 0 : 1) }];
  // The right side may never come back (a call of a noreturn function).
  if (b.reachable) incoming.push({ block: b.block, value: truth });
  b.place(join);
  return b.phi('i32', incoming);
}

/** Whether a value is a comparison's result, so 0 or 1. */
export function isTruth(v: Value): boolean {
  return v.op === 'cmp' || (v.op === 'const' && v.type === 'i32' && v.value <= 1n);
}

function lowerCond(f: FunctionState, e: Cond): Value {
  const { b } = f;
  const type = scalarType(e.type.type);
  if (!type) {
    if (e.type.type.kind !== 'void') return unsupported(f, e.type, e.loc);
    effect(f, e);
    return undef('i32');
  }
  const then = b.newBlock(),
    otherwise = b.newBlock(),
    join = b.newBlock();
  let shared: Value | undefined;
  if (e.then) condition(f, e.cond, then, otherwise);
  else {
    shared = scalar(f, e.cond);
    b.branch(isTruth(shared) ? shared : toBool(b, shared), then, otherwise);
  }
  const incoming: Phi['incoming'] = [];
  const arm = (block: Block, value: () => Value): void => {
    b.place(block);
    const v = value();
    b.loc = e.loc;
    if (b.reachable) incoming.push({ block: b.block, value: v });
    b.jump(join);
  };
  arm(then, () => (e.then ? scalar(f, e.then) : (shared as Value)));
  arm(otherwise, () => scalar(f, e.else));
  b.place(join);
  return b.phi(type, incoming);
}

function lowerAssign(f: FunctionState, e: Assign): Value {
  if (!scalarType(e.type.type)) {
    if (isRecord(e.type.type)) {
      assignRecord(f, e);
      return undef('i32');
    }
    return unsupported(f, e.type, e.loc);
  }
  // The value first: it may hold a call that needs registers, and C leaves the order open.
  const v = scalar(f, e.value);
  const p = place(f, e.target);
  f.b.loc = e.loc;
  return writePlace(f, p, e.target.type, v, e.loc);
}

function lowerCompound(f: FunctionState, e: CompoundAssign): Value {
  const { b } = f;
  const target = e.target.type;
  const value = scalar(f, e.value);
  const p = place(f, e.target);
  b.loc = e.loc;
  const old = readPlace(f, p, target, e.loc);
  let next: Value;
  if (e.op === 'pointerAdd' || e.op === 'pointerSub') {
    next = b.ptradd(old, scaled(f, value, e.elementSize, e.op === 'pointerSub'));
  } else {
    const from = integer(target.type),
      compute = integer(e.computeType.type);
    if (!from || !compute || !scalarType(e.computeType.type) || !scalarType(target.type))
      return unsupported(f, scalarType(target.type) ? e.computeType : target, e.loc);
    const wide = convertInt(b, old, from, compute);
    next = convertInt(b, combine(f, e.op, wide, value, e.computeType, e.computeType), compute, from);
  }
  const stored = writePlace(f, p, target, next, e.loc);
  return e.post ? old : stored;
}

function never(x: never): never {
  throw new Error(`unhandled ${JSON.stringify(x)}`);
}
