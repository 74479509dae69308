/**
 * `__int128` as two 64-bit halves. BPF has no such registers, so in memory it is treated as a record; this is the
 * arithmetic. Division is not here: nothing calls for it, and it would be a function.
 */
import type { Binary, BinaryOp, CompoundAssign, Expr, Unary } from '../../c/ast.ts';
import type { CType } from '../../c/types.ts';
import { constant } from '../builder.ts';
import type { Pred, Value } from '../ir.ts';
import { place, recordValue, settle } from './place.ts';
import { scalar } from './scalar.ts';
import type { FunctionState, Place } from './state.ts';
import { integer, isWide, scalarType } from './types.ts';

interface Pair {
  readonly lo: Value;
  readonly hi: Value;
}

const zero = constant('i64', 0);

function load(f: FunctionState, at: Place): Pair {
  const p = settle(f, at);
  const half = (by: number): Value =>
    f.b.load('i64', 64, false, p.ptr, p.offset + by, { volatile: p.volatile, align: Math.min(8, p.align) });
  return { lo: half(0), hi: half(8) };
}

function store(f: FunctionState, at: Place, v: Pair): void {
  const p = settle(f, at);
  f.b.store(64, v.lo, p.ptr, p.offset, { volatile: p.volatile, align: Math.min(8, p.align) });
  f.b.store(64, v.hi, p.ptr, p.offset + 8, { volatile: p.volatile, align: Math.min(8, p.align) });
}

/** Evaluates arithmetic into a place; false for what is a copy and not arithmetic. */
export function wideInto(f: FunctionState, e: Expr, to: Place): boolean {
  if (e.kind === 'compoundAssign') {
    store(f, to, compound(f, e));
    return true;
  }
  if (e.kind !== 'int' && e.kind !== 'unary' && e.kind !== 'binary' && !(e.kind === 'cast' && e.cast === 'integral')) return false;
  store(f, to, wide(f, e));
  return true;
}

function wide(f: FunctionState, e: Expr): Pair {
  const { b } = f;
  if (e.kind === 'int') return { lo: constant('i64', e.value), hi: constant('i64', e.value >> 64n) };
  if (e.kind === 'unary' && e.op !== 'lnot') return unary(f, e);
  if (e.kind === 'binary' && isWide(e.type.type))
    return binary(
      f,
      e.op,
      wide(f, e.left),
      e.op === 'shl' || e.op === 'shr' ? count(f, e.right) : wide(f, e.right),
      integer(e.type.type)?.signed ?? false,
      e,
    );
  if (e.kind === 'cast' && e.cast === 'integral' && !isWide(e.operand.type.type)) {
    const from = integer(e.operand.type.type);
    const v = scalar(f, e.operand);
    b.loc = e.loc;
    const lo = v.type === 'i64' ? v : b.ext('i64', from?.signed ?? false, 32, v);
    return { lo, hi: from?.signed ? b.bin('ashr', lo, constant('i64', 63)) : zero };
  }
  if (e.kind === 'cast' && (e.cast === 'integral' || e.cast === 'noop')) return wide(f, e.operand);
  if (e.kind === 'compoundAssign') return compound(f, e);
  return load(f, recordValue(f, e));
}

/** A shift's count, in the low half. */
function count(f: FunctionState, e: Expr): Pair {
  if (isWide(e.type.type)) return wide(f, e);
  const v = scalar(f, e);
  return { lo: v.type === 'i64' ? v : f.b.ext('i64', false, 32, v), hi: zero };
}

function unary(f: FunctionState, e: Unary): Pair {
  const v = wide(f, e.operand);
  const { b } = f;
  if (e.op === 'not') return { lo: b.bin('xor', v.lo, constant('i64', -1)), hi: b.bin('xor', v.hi, constant('i64', -1)) };
  return subtract(f, { lo: zero, hi: zero }, v);
}

function add(f: FunctionState, x: Pair, y: Pair): Pair {
  const { b } = f;
  const lo = b.bin('add', x.lo, y.lo);
  const carry = b.ext('i64', false, 32, b.cmp('ult', lo, x.lo));
  return { lo, hi: b.bin('add', b.bin('add', x.hi, y.hi), carry) };
}

function subtract(f: FunctionState, x: Pair, y: Pair): Pair {
  const { b } = f;
  const borrow = b.ext('i64', false, 32, b.cmp('ult', x.lo, y.lo));
  return { lo: b.bin('sub', x.lo, y.lo), hi: b.bin('sub', b.bin('sub', x.hi, y.hi), borrow) };
}

/** The schoolbook product of halves of halves. */
function multiply(f: FunctionState, x: Pair, y: Pair): Pair {
  const { b } = f;
  const k32 = constant('i64', 32),
    low = constant('i64', 0xffff_ffff);
  const split = (v: Value): [Value, Value] => [b.bin('and', v, low), b.bin('lshr', v, k32)];
  const [x0, x1] = split(x.lo),
    [y0, y1] = split(y.lo);
  const mid = b.bin('add', b.bin('mul', x1, y0), b.bin('lshr', b.bin('mul', x0, y0), k32));
  const mid2 = b.bin('add', b.bin('mul', x0, y1), b.bin('and', mid, low));
  const high = b.bin('add', b.bin('add', b.bin('mul', x1, y1), b.bin('lshr', mid, k32)), b.bin('lshr', mid2, k32));
  const cross = b.bin('add', b.bin('mul', x.lo, y.hi), b.bin('mul', x.hi, y.lo));
  return { lo: b.bin('mul', x.lo, y.lo), hi: b.bin('add', high, cross) };
}

function shift(f: FunctionState, op: 'shl' | 'shr', x: Pair, by: Value, signed: boolean): Pair {
  const { b } = f;
  const n = (k: number): Value => constant('i64', k);
  const c = b.bin('and', by, n(127));
  const far = b.cmp('uge', c, n(64));
  const none = b.cmp('eq', c, n(0));
  // The machine takes counts modulo 64, so what crosses the middle needs a care for zero.
  const back = b.bin('sub', n(64), c);
  if (op === 'shl') {
    const crossing = b.select(none, n(0), b.bin('lshr', x.lo, back));
    const near: Pair = { lo: b.bin('shl', x.lo, c), hi: b.bin('or', b.bin('shl', x.hi, c), crossing) };
    return { lo: b.select(far, zero, near.lo), hi: b.select(far, near.lo, near.hi) };
  }
  const right = signed ? 'ashr' : 'lshr';
  const crossing = b.select(none, n(0), b.bin('shl', x.hi, back));
  const near: Pair = { lo: b.bin('or', b.bin('lshr', x.lo, c), crossing), hi: b.bin(right, x.hi, c) };
  return { lo: b.select(far, near.hi, near.lo), hi: b.select(far, signed ? b.bin('ashr', x.hi, n(63)) : zero, near.hi) };
}

function binary(f: FunctionState, op: BinaryOp, x: Pair, y: Pair, signed: boolean, e: Expr): Pair {
  const { b } = f;
  b.loc = e.loc;
  switch (op) {
    case 'and':
    case 'or':
    case 'xor':
      return { lo: b.bin(op, x.lo, y.lo), hi: b.bin(op, x.hi, y.hi) };
    case 'add':
      return add(f, x, y);
    case 'sub':
      return subtract(f, x, y);
    case 'mul':
      return multiply(f, x, y);
    case 'shl':
    case 'shr':
      return shift(f, op, x, y.lo, signed);
    case 'div':
    case 'mod':
    case 'eq':
    case 'ne':
    case 'lt':
    case 'le':
    case 'gt':
    case 'ge':
      f.error('int128', e, "'__int128' cannot be divided: BPF registers have 64 bits");
      return x;
    default:
      return never(op);
  }
}

function compound(f: FunctionState, e: CompoundAssign): Pair {
  if (e.op === 'pointerAdd' || e.op === 'pointerSub' || !isWide(e.target.type.type)) {
    f.error('int128', e, "this mixes '__int128' with a narrower target: assign it in two steps");
    return { lo: zero, hi: zero };
  }
  const y = e.op === 'shl' || e.op === 'shr' ? count(f, e.value) : wide(f, e.value);
  const at = place(f, e.target);
  const x = load(f, at);
  const v = binary(f, e.op, x, y, integer(e.target.type.type)?.signed ?? false, e);
  store(f, at, v);
  return e.post ? x : v;
}

/** Truth of a comparison whose operands are wide. */
export function compareWide(f: FunctionState, e: Binary): Value {
  const x = wide(f, e.left),
    y = wide(f, e.right);
  const { b } = f;
  b.loc = e.loc;
  const signed = integer(e.left.type.type)?.signed ?? false;
  if (e.op === 'eq' || e.op === 'ne') return b.cmp(e.op, b.bin('or', b.bin('xor', x.lo, y.lo), b.bin('xor', x.hi, y.hi)), zero);
  const strict = e.op === 'lt' || e.op === 'le' ? 'lt' : 'gt';
  const high = b.cmp(`${signed ? 's' : 'u'}${strict}` as Pred, x.hi, y.hi);
  const low = b.cmp(`u${e.op}` as Pred, x.lo, y.lo);
  return b.bin('or', high, b.bin('and', b.cmp('eq', x.hi, y.hi), low));
}

/** Not zero. */
export function wideTruth(f: FunctionState, e: Expr): Value {
  const v = wide(f, e);
  return f.b.cmp('ne', f.b.bin('or', v.lo, v.hi), zero);
}

/** The low bits as a narrower integer. */
export function narrowed(f: FunctionState, e: Expr, to: CType): Value {
  const v = wide(f, e).lo;
  const t = integer(to);
  const { b } = f;
  if (!t || scalarType(to) === 'i64') return v;
  return t.size === 4 ? b.trunc(v) : b.ext('i32', t.signed, (t.size * 8) as 8 | 16, v);
}

function never(x: never): never {
  throw new Error(`unhandled ${String(x)}`);
}
