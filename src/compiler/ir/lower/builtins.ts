/**
 * Builtins that reach lowering: a table from name to code. What can be computed from types or constants was folded by
 * `sema`; dialects make such nodes too.
 * (`sema/builtins/builtins.ts` lists the names and what their operands are.)
 */
import type { Builtin, Expr } from '../../c/ast.ts';
import { constant, undef } from '../builder.ts';
import type { AtomicOp, BinOp, Value } from '../ir.ts';
import { VARIABLE } from '../passes/constant-sizes.ts';
import { readPlace, writePlace } from './access.ts';
import { leadingZeroCount, popcount, trailingZeroCount } from './bit-tricks.ts';
import { convertInt } from './convert.ts';
import { fieldInfo, preserved, typeInfo } from './core.ts';
import { effect } from './effect.ts';
import { pointee } from './place.ts';
import { scalar } from './scalar.ts';
import type { FunctionState, Place } from './state.ts';
import { alignOfType, integer, scalarType, sizeOfType } from './types.ts';

type Lower = (f: FunctionState, e: Builtin, into?: Place) => Value | undefined;

export function lowerBuiltin(f: FunctionState, e: Builtin, into?: Place): Value | undefined {
  const lower = TABLE.get(e.name);
  if (!lower) {
    f.error('unsupported-builtin', e, `'${e.name}' is not supported`);
    const t = scalarType(e.type.type);
    return t ? undef(t) : undefined;
  }
  f.b.loc = e.loc;
  return lower(f, e, into);
}

function arg(e: Builtin, i: number): Expr {
  const a = e.args[i];
  if (!a) throw new Error(`${e.name} without argument ${i}`);
  return a;
}

/* ---------- memory ---------- */

/** Alignment of what a pointer expression points to, before it became `void *`. */
function pointeeAlign(e: Expr): number {
  let x = e;
  while (x.kind === 'cast' && (x.cast === 'pointer' || x.cast === 'noop')) x = x.operand;
  const t = x.type.type;
  if (x.kind === 'cast' && x.cast === 'decay') {
    const array = x.operand.type;
    return alignOfType(array);
  }
  return t.kind === 'pointer' ? alignOfType(t.to) : 1;
}

/** A size that is not known here may be when this function has been inlined. */
function withSize(
  f: FunctionState,
  e: Builtin,
  name: string,
  args: readonly [Value, Value],
  align: number,
  known: (size: number) => Value | undefined,
): Value | undefined {
  const size = scalar(f, arg(e, 2));
  f.b.loc = e.loc;
  if (size.op === 'const' && size.value < 0x8000_0000n) return known(Number(size.value));
  return f.b.call(name === VARIABLE.memcmp ? 'i32' : 'void', { kind: 'function', name }, [...args, size, constant('i64', align)]);
}

const copy =
  (move: boolean): Lower =>
  (f, e) => {
    const dst = scalar(f, arg(e, 0)),
      src = scalar(f, arg(e, 1));
    const align = Math.min(pointeeAlign(arg(e, 0)), pointeeAlign(arg(e, 1)));
    withSize(f, e, move ? VARIABLE.memmove : VARIABLE.memcpy, [dst, src], align, (size) => {
      f.b.memcpy(dst, src, size, align, move);
      return undefined;
    });
    return dst;
  };

const fill: Lower = (f, e) => {
  const dst = scalar(f, arg(e, 0));
  const raw = scalar(f, arg(e, 1));
  const byte = raw.type === 'i64' ? f.b.trunc(raw) : raw;
  const align = pointeeAlign(arg(e, 0));
  withSize(f, e, VARIABLE.memset, [dst, byte], align, (size) => {
    f.b.memset(dst, byte, size, align);
    return undefined;
  });
  return dst;
};

const compare: Lower = (f, e) => {
  const x = scalar(f, arg(e, 0)),
    y = scalar(f, arg(e, 1));
  const align = Math.min(pointeeAlign(arg(e, 0)), pointeeAlign(arg(e, 1)));
  return withSize(f, e, VARIABLE.memcmp, [x, y], align, (size) => f.b.memcmp(x, y, size, align));
};

/* ---------- numbers ---------- */

const swap =
  (bits: 16 | 32 | 64): Lower =>
  (f, e) => {
    const v = scalar(f, arg(e, 0));
    f.b.loc = e.loc;
    return f.b.bswap(bits, v);
  };

/** The result is an int; the operand decides the width. */
const count =
  (how: (f: FunctionState, v: Value) => Value): Lower =>
  (f, e) => {
    const v = scalar(f, arg(e, 0));
    f.b.loc = e.loc;
    const n = how(f, v);
    return n.type === 'i64' ? f.b.trunc(n) : n;
  };

const ffs = (f: FunctionState, v: Value): Value => {
  const t = v.type as 'i32' | 'i64';
  const n = f.b.bin('add', trailingZeroCount(f.b, v), constant(t, 1));
  return f.b.select(f.b.cmp('eq', v, constant(t, 0)), constant(t, 0), n);
};

/** Computes in `types[0]`, stores cut to `types[1]`, and says whether either lost something. */
const overflow =
  (bin: 'add' | 'sub' | 'mul'): Lower =>
  (f, e) => {
    const { b } = f;
    const [computed, target] = e.types ?? [];
    const t = computed && integer(computed.type),
      to = target && integer(target.type);
    if (!computed || !target || !t || !to) throw new Error(`${e.name} without types`);
    const x = scalar(f, arg(e, 0)),
      y = scalar(f, arg(e, 1)),
      p = scalar(f, arg(e, 2));
    b.loc = e.loc;
    let v: Value, lost: Value;
    if (t.size <= 4) {
      // 64 bits hold every true result.
      const wide = b.bin(bin, b.ext('i64', t.signed, 32, x), b.ext('i64', t.signed, 32, y));
      v = b.trunc(wide);
      lost = b.cmp('ne', b.ext('i64', t.signed, 32, v), wide);
    } else {
      v = b.bin(bin, x, y);
      lost = t.signed ? signedOverflow(f, bin, x, y, v) : unsignedOverflow(f, bin, x, y, v);
    }
    const cut = convertInt(b, v, t, to);
    if (to.size < t.size || to.signed !== t.signed) {
      const back = convertInt(b, cut, to, t);
      let differs = b.cmp('ne', back, v);
      // Same bits, other sign: what one calls negative the other calls large.
      if (to.size === t.size) differs = b.cmp('slt', v, constant(v.type as 'i32' | 'i64', 0));
      lost = b.bin('or', lost, differs);
    }
    writePlace(f, pointee(f, p, target), target, cut, e.loc);
    return lost;
  };

function unsignedOverflow(f: FunctionState, bin: 'add' | 'sub' | 'mul', x: Value, y: Value, v: Value): Value {
  const { b } = f;
  if (bin === 'add') return b.cmp('ult', v, x);
  if (bin === 'sub') return b.cmp('ult', x, y);
  // v / y gives x back unless it overflowed; division by zero gives zero.
  return b.bin('and', b.cmp('ne', y, constant('i64', 0)), b.cmp('ne', b.bin('udiv', v, y), x));
}

function signedOverflow(f: FunctionState, bin: 'add' | 'sub' | 'mul', x: Value, y: Value, v: Value): Value {
  const { b } = f;
  const zero = constant('i64', 0);
  if (bin !== 'mul') {
    // The sign came out wrong: both operands (for sub: the second one's opposite) have the other one.
    const wrong =
      bin === 'add' ? b.bin('and', b.bin('xor', v, x), b.bin('xor', v, y)) : b.bin('and', b.bin('xor', x, y), b.bin('xor', v, x));
    return b.cmp('slt', wrong, zero);
  }
  // As magnitudes: the product must stay below 2^63, or be 2^63 and negative.
  const ax = magnitude(f, x),
    ay = magnitude(f, y);
  const product = b.bin('mul', ax, ay);
  const big = unsignedOverflow(f, 'mul', ax, ay, product);
  const negative = b.bin('lshr', b.bin('xor', x, y), constant('i64', 63));
  const limit = b.bin('add', constant('i64', (1n << 63n) - 1n), negative);
  return b.bin('or', big, b.cmp('ugt', product, limit));
}

const rotate =
  (left: boolean): Lower =>
  (f, e) => {
    const { b } = f;
    const v = scalar(f, arg(e, 0)),
      n = scalar(f, arg(e, 1));
    b.loc = e.loc;
    const type = v.type as 'i32' | 'i64';
    const width = sizeOfType(e.type.type) * 8;
    const mask = constant(type, width - 1);
    const by = b.bin('and', n, mask),
      back = b.bin('and', b.bin('sub', constant(type, 0), n), mask);
    const [up, down] = left ? [by, back] : [back, by];
    const joined = b.bin('or', b.bin('shl', v, up), b.bin('lshr', v, down));
    return width < 32 ? b.ext('i32', false, width as 8 | 16, joined) : joined;
  };

/* ---------- atomics ---------- */

interface Target {
  readonly ptr: Value;
  readonly bits: 32 | 64;
  readonly type: 'i32' | 'i64';
}

function atomicTarget(f: FunctionState, e: Builtin): Target {
  const p = arg(e, 0);
  const to = p.type.type.kind === 'pointer' ? p.type.type.to : undefined;
  const size = to ? sizeOfType(to.type) : 0;
  return { ptr: scalar(f, p), bits: size === 8 ? 64 : 32, type: size === 8 ? 'i64' : 'i32' };
}

function operand(f: FunctionState, t: Target, e: Expr): Value {
  const v = scalar(f, e);
  if (v.type === t.type) return v;
  if (v.type === 'ptr') return f.b.ptrtoint(v);
  return t.type === 'i32' ? f.b.trunc(v) : f.b.ext('i64', integer(e.type.type)?.signed ?? false, 32, v);
}

function asResult(f: FunctionState, e: Builtin, v: Value): Value {
  return e.type.type.kind === 'pointer' && v.type === 'i64' ? f.b.inttoptr(v) : v;
}

const atomic =
  (op: AtomicOp, result: 'old' | 'new'): Lower =>
  (f, e) => {
    const t = atomicTarget(f, e);
    const { b } = f;
    const v = operand(f, t, arg(e, 1));
    b.loc = e.loc;
    const old = b.atomic(op, t.bits, t.ptr, 0, v, true);
    if (result === 'old') return asResult(f, e, old);
    return b.bin(op as BinOp, old, v);
  };

const compareAndSwap =
  (result: 'old' | 'bool'): Lower =>
  (f, e) => {
    const t = atomicTarget(f, e);
    const expected = operand(f, t, arg(e, 1)),
      next = operand(f, t, arg(e, 2));
    f.b.loc = e.loc;
    const old = f.b.atomic('cmpxchg', t.bits, t.ptr, 0, next, true, expected);
    return result === 'old' ? asResult(f, e, old) : f.b.cmp('eq', old, expected);
  };

/** `(p, &expected, desired)`: what was found goes to `expected`. */
const compareExchange: Lower = (f, e) => {
  const t = atomicTarget(f, e);
  const pe = arg(e, 1);
  const type = pe.type.type.kind === 'pointer' ? pe.type.type.to : undefined;
  if (!type) return undef('i32');
  const { b } = f;
  const at = pointee(f, scalar(f, pe), type);
  const next = operand(f, t, arg(e, 2));
  b.loc = e.loc;
  const raw = readPlace(f, at, type, e.loc);
  const expected = raw.type === 'ptr' ? b.ptrtoint(raw) : raw;
  const old = b.atomic('cmpxchg', t.bits, t.ptr, 0, next, true, expected);
  // Where it succeeded the old value is the expected one, so the store changes nothing.
  writePlace(f, at, type, type.type.kind === 'pointer' ? b.inttoptr(old) : old, e.loc);
  return b.cmp('eq', old, expected);
};

const atomicLoad: Lower = (f, e) => {
  const p = arg(e, 0);
  const to = p.type.type.kind === 'pointer' ? p.type.type.to : undefined;
  if (!to) return undef('i64');
  return readPlace(f, { ...pointee(f, scalar(f, p), to), volatile: true }, to, e.loc);
};

const atomicStore: Lower = (f, e) => {
  const p = arg(e, 0);
  const to = p.type.type.kind === 'pointer' ? p.type.type.to : undefined;
  if (!to) return undefined;
  const at = { ...pointee(f, scalar(f, p), to), volatile: true };
  writePlace(f, at, to, scalar(f, arg(e, 1)), e.loc);
  return undefined;
};

const barrier: Lower = (f) => {
  f.b.asm('', [], [], ['memory']);
  return undefined;
};

/* ---------- packets ---------- */

/** Constant offsets go into the instruction. */
const loadPacket: Lower = (f, e) => {
  const bits = Number(e.info) as 8 | 16 | 32;
  const ctx = scalar(f, arg(e, 0)),
    index = scalar(f, arg(e, 1));
  const { b } = f;
  b.loc = e.loc;
  const wide = index.type === 'i32' ? b.ext('i64', false, 32, index) : index;
  let v: Value;
  if (wide.op === 'const' && wide.value < 0x8000_0000n) v = b.ldpacket(bits, ctx, Number(wide.value), undefined);
  else if (wide.op === 'bin' && wide.bin === 'add' && wide.b.op === 'const' && wide.b.value < 0x8000_0000n)
    v = b.ldpacket(bits, ctx, Number(wide.b.value), wide.a);
  else v = b.ldpacket(bits, ctx, 0, wide);
  return b.ext('i64', false, 32, v);
};

/* ---------- the rest ---------- */

/** The second operand only says what is likely, but it is evaluated all the same. */
const expect: Lower = (f, e) => {
  const v = scalar(f, arg(e, 0));
  if (arg(e, 1).kind !== 'int') effect(f, arg(e, 1));
  return v;
};
const nothing: Lower = (f, e) => {
  for (const a of e.args) effect(f, a);
  return undefined;
};
const stop: Lower = (f) => {
  f.b.unreachable();
  return undefined;
};

/** Where the frame is: any address in it will do. */
const frame: Lower = (f) => f.b.alloca(8, 8);

const TABLE: ReadonlyMap<string, Lower> = new Map<string, Lower>([
  ['memcpy', copy(false)],
  ['memmove', copy(true)],
  ['memset', fill],
  ['memcmp', compare],
  ['bswap16', swap(16)],
  ['bswap32', swap(32)],
  ['bswap64', swap(64)],
  ...(['32', '64'] as const).flatMap((w): [string, Lower][] => [
    [`popcount${w}`, count((f, v) => popcount(f.b, v))],
    [`parity${w}`, count((f, v) => f.b.bin('and', popcount(f.b, v), constant(v.type as 'i32' | 'i64', 1)))],
    [`ctz${w}`, count((f, v) => trailingZeroCount(f.b, v))],
    [`clz${w}`, count((f, v) => leadingZeroCount(f.b, v))],
    [`ffs${w}`, count(ffs)],
    [`abs${w}`, (f, e) => magnitude(f, scalar(f, arg(e, 0)))],
  ]),
  ['rotateLeft', rotate(true)],
  ['rotateRight', rotate(false)],
  ['addOverflow', overflow('add')],
  ['subOverflow', overflow('sub')],
  ['mulOverflow', overflow('mul')],
  ['expect', expect],
  ['assume', nothing],
  ['unreachable', stop],
  ['trap', stop],
  ['frameAddress', frame],
  ...(['add', 'and', 'or', 'xor'] as const).flatMap((op): [string, Lower][] => {
    const name = `${op[0]?.toUpperCase()}${op.slice(1)}`;
    return [
      [`atomicFetch${name}`, atomic(op, 'old')],
      [`atomic${name}Fetch`, atomic(op, 'new')],
    ];
  }),
  ['atomicExchange', atomic('xchg', 'old')],
  ['atomicCompareSwap', compareAndSwap('old')],
  ['atomicCompareSwapBool', compareAndSwap('bool')],
  ['atomicCompareExchange', compareExchange],
  ['atomicLoad', atomicLoad],
  ['atomicStore', atomicStore],
  ['fence', barrier],
  [
    'preserveAccessIndex',
    (f, e) => preserved(f, () => (scalarType(arg(e, 0).type.type) ? scalar(f, arg(e, 0)) : (effect(f, arg(e, 0)), undefined))),
  ],
  ['preserveFieldInfo', fieldInfo],
  ['preserveTypeInfo', typeInfo],
  ['btfTypeId', typeInfo],
  ['preserveEnumValue', typeInfo],
  ['loadPacket', loadPacket],
]);

function magnitude(f: FunctionState, v: Value): Value {
  const t = v.type as 'i32' | 'i64';
  const { b } = f;
  const sign = b.bin('ashr', v, constant(t, t === 'i32' ? 31 : 63));
  return b.bin('sub', b.bin('xor', v, sign), sign);
}
