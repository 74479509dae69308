/**
 * Builtins that reach lowering: a table from name to code. What can be computed from types or constants was folded by
 * `sema`; dialects make such nodes too.
 */
import type { Builtin, Expr } from '../../c/ast.ts';
import { constant, undef } from '../builder.ts';
import type { AtomicOp, BinOp, Value } from '../ir.ts';
import { leadingZeroCount, popcount, trailingZeroCount } from './bit-tricks.ts';
import { convertInt, toBool } from './convert.ts';
import { fieldInfo, preserved, typeInfo } from './core.ts';
import { effect } from './effect.ts';
import { pointee } from './place.ts';
import { readPlace, writePlace } from './access.ts';
import { isTruth, scalar } from './scalar.ts';
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

function constantSize(f: FunctionState, e: Builtin, i: number): number | undefined {
  const size = scalar(f, arg(e, i));
  if (size.op === 'const' && size.value < 0x8000_0000n) return Number(size.value);
  f.error('variable-size', arg(e, i), `the size of '${e.name}' must be a constant: BPF has no such function to call`);
  return undefined;
}

const copy = (move: boolean): Lower => (f, e) => {
  const dst = scalar(f, arg(e, 0)), src = scalar(f, arg(e, 1));
  const size = constantSize(f, e, 2);
  f.b.loc = e.loc;
  if (size !== undefined) f.b.memcpy(dst, src, size, Math.min(pointeeAlign(arg(e, 0)), pointeeAlign(arg(e, 1))), move);
  return dst;
};

const fill: Lower = (f, e) => {
  const dst = scalar(f, arg(e, 0));
  const byte = scalar(f, arg(e, 1));
  const size = constantSize(f, e, 2);
  f.b.loc = e.loc;
  if (size !== undefined) f.b.memset(dst, byte.type === 'i64' ? f.b.trunc(byte) : byte, size, pointeeAlign(arg(e, 0)));
  return dst;
};

const compare: Lower = (f, e) => {
  const a = scalar(f, arg(e, 0)), b = scalar(f, arg(e, 1));
  const size = constantSize(f, e, 2);
  f.b.loc = e.loc;
  return size === undefined ? constant('i32', 0) : f.b.memcmp(a, b, size, Math.min(pointeeAlign(arg(e, 0)), pointeeAlign(arg(e, 1))));
};

/* ---------- numbers ---------- */

const swap = (bits: 16 | 32 | 64): Lower => (f, e) => {
  const v = scalar(f, arg(e, 0));
  f.b.loc = e.loc;
  return f.b.bswap(bits, v);
};

/** The result is an int; the operand decides the width. */
const count = (how: (f: FunctionState, v: Value) => Value): Lower => (f, e) => {
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

/** Writes the wrapped result, and says whether it is not the true one. */
const overflow = (bin: 'add' | 'sub' | 'mul'): Lower => (f, e) => {
  const { b } = f;
  const into = arg(e, 2);
  const target = into.type.type.kind === 'pointer' ? into.type.type.to : undefined;
  const t = target && integer(target.type);
  const left = integer(arg(e, 0).type.type), right = integer(arg(e, 1).type.type);
  if (!target || !t || !left || !right || t.size > 8 || left.size > 8 || right.size > 8) {
    f.error('unsupported-builtin', e, `'${e.name}' is not supported for these types`);
    return undef('i32');
  }
  const x = scalar(f, arg(e, 0)), y = scalar(f, arg(e, 1)), p = scalar(f, into);
  b.loc = e.loc;
  const store = (v: Value): void => {
    writePlace(f, pointee(f, p, target), target, v, e.loc);
  };
  const long = { kind: 'int', name: 'long', size: 8, signed: true, rank: 4 } as const;
  if (t.size <= 4 && left.size <= 4 && right.size <= 4) {
    // 64 bits hold every true result.
    const wide = b.bin(bin, convertInt(b, x, left, long), convertInt(b, y, right, long));
    const cut = convertInt(b, wide, long, t);
    store(cut);
    return b.cmp('ne', convertInt(b, cut, t, long), wide);
  }
  if (left.signed !== t.signed || right.signed !== t.signed || t.size !== 8) {
    f.error('unsupported-builtin', e, `'${e.name}' on 64-bit operands needs all three types to be the same`);
    return undef('i32');
  }
  const l = convertInt(b, x, left, t), r = convertInt(b, y, right, t);
  const v = b.bin(bin, l, r);
  store(v);
  const zero = constant('i64', 0);
  if (!t.signed) {
    if (bin === 'add') return b.cmp('ult', v, l);
    if (bin === 'sub') return b.cmp('ult', l, r);
    // v / r gives l back unless it overflowed; division by zero gives zero.
    return b.bin('and', b.cmp('ne', r, zero), b.cmp('ne', b.bin('udiv', v, r), l));
  }
  if (bin === 'mul') {
    f.error('unsupported-builtin', e, `'${e.name}' of signed 64-bit numbers is not supported`);
    return undef('i32');
  }
  // The sign came out wrong: both operands (for sub: the second one's opposite) have the other one.
  const wrong = bin === 'add' ? b.bin('and', b.bin('xor', v, l), b.bin('xor', v, r)) : b.bin('and', b.bin('xor', l, r), b.bin('xor', v, l));
  return b.cmp('slt', wrong, zero);
};

/* ---------- atomics ---------- */

interface Target { readonly ptr: Value; readonly bits: 32 | 64; readonly type: 'i32' | 'i64' }

function atomicTarget(f: FunctionState, e: Builtin): Target | undefined {
  const p = arg(e, 0);
  const to = p.type.type.kind === 'pointer' ? p.type.type.to : undefined;
  const size = to ? sizeOfType(to.type) : 0;
  if (size !== 4 && size !== 8) {
    f.error('atomic-size', e, `'${e.name}' works on 4 and 8 bytes, not on ${size}`);
    return undefined;
  }
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

/** `fetch`: the old value results; otherwise the new one, computed again. */
const atomic = (op: AtomicOp | 'sub' | 'nand', result: 'old' | 'new'): Lower => (f, e) => {
  const t = atomicTarget(f, e);
  if (!t) return undef(scalarType(e.type.type) ?? 'i64');
  const { b } = f;
  const v = operand(f, t, arg(e, 1));
  b.loc = e.loc;
  if (op === 'nand') {
    f.error('unsupported-builtin', e, `'${e.name}' is not supported`);
    return undef(t.type);
  }
  const value = op === 'sub' ? b.bin('sub', constant(t.type, 0), v) : v;
  const old = b.atomic(op === 'sub' ? 'add' : op, t.bits, t.ptr, 0, value, true);
  if (result === 'old' || op === 'xchg') return asResult(f, e, old);
  return b.bin((op === 'sub' ? 'add' : op) as BinOp, old, value);
};

const compareAndSwap = (result: 'old' | 'bool'): Lower => (f, e) => {
  const t = atomicTarget(f, e);
  if (!t) return undef('i32');
  const expected = operand(f, t, arg(e, 1)), next = operand(f, t, arg(e, 2));
  f.b.loc = e.loc;
  const old = f.b.atomic('cmpxchg', t.bits, t.ptr, 0, next, true, expected);
  return result === 'old' ? asResult(f, e, old) : f.b.cmp('eq', old, expected);
};

/** `__atomic_compare_exchange_n(p, &expected, desired, …)` */
const compareExchange: Lower = (f, e) => {
  const t = atomicTarget(f, e);
  const pe = arg(e, 1);
  const type = pe.type.type.kind === 'pointer' ? pe.type.type.to : undefined;
  if (!t || !type) return undef('i32');
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
  writePlace(f, at, to, e.args.length > 1 && e.name !== '__sync_lock_release' ? scalar(f, arg(e, 1)) : constant(scalarType(to.type) ?? 'i32', 0), e.loc);
  return undefined;
};

const barrier: Lower = (f) => {
  f.b.asm('', [], [], ['memory']);
  return undefined;
};

/* ---------- packets ---------- */

/** `load_byte(skb, offset)`: constant offsets go into the instruction. */
const loadPacket = (bits: 8 | 16 | 32): Lower => (f, e) => {
  const ctx = scalar(f, arg(e, 0));
  const index = scalar(f, arg(e, 1));
  f.b.loc = e.loc;
  const wide = index.type === 'i32' ? f.b.ext('i64', false, 32, index) : index;
  const v = wide.op === 'const' && wide.value < 0x8000_0000n ? f.b.ldpacket(bits, ctx, Number(wide.value), undefined) : f.b.ldpacket(bits, ctx, 0, wide);
  return scalarType(e.type.type) === 'i64' ? f.b.ext('i64', false, 32, v) : v;
};

/* ---------- the rest ---------- */

const first: Lower = (f, e) => scalar(f, arg(e, 0));
const nothing: Lower = (f, e) => {
  for (const a of e.args) effect(f, a);
  return undefined;
};
const stop: Lower = (f) => {
  f.b.unreachable();
  return undefined;
};
const never: Lower = (_f, e) => constant(scalarType(e.type.type) ?? 'i32', 0);

const TABLE: ReadonlyMap<string, Lower> = new Map<string, Lower>([
  ['__builtin_memcpy', copy(false)], ['memcpy', copy(false)], ['__builtin_memmove', copy(true)], ['memmove', copy(true)],
  ['__builtin_memset', fill], ['memset', fill], ['__builtin_memcmp', compare], ['memcmp', compare], ['__builtin_bcmp', compare],
  ['__builtin_bzero', (f, e) => {
    const dst = scalar(f, arg(e, 0));
    const size = constantSize(f, e, 1);
    if (size !== undefined) f.b.memset(dst, constant('i32', 0), size, pointeeAlign(arg(e, 0)));
    return undefined;
  }],
  ['__builtin_bswap16', swap(16)], ['__builtin_bswap32', swap(32)], ['__builtin_bswap64', swap(64)],
  ...(['', 'l', 'll'] as const).flatMap((s): [string, Lower][] => [
    [`__builtin_popcount${s}`, count((f, v) => popcount(f.b, v))],
    [`__builtin_parity${s}`, count((f, v) => f.b.bin('and', popcount(f.b, v), constant(v.type as 'i32' | 'i64', 1)))],
    [`__builtin_ctz${s}`, count((f, v) => trailingZeroCount(f.b, v))],
    [`__builtin_clz${s}`, count((f, v) => leadingZeroCount(f.b, v))],
    [`__builtin_ffs${s}`, count(ffs)],
    [`__builtin_clrsb${s}`, count((f, v) => {
      // Copies of the sign bit below it: leading zeros of what differs from the sign, less the sign itself.
      const t = v.type as 'i32' | 'i64';
      const sign = f.b.bin('ashr', v, constant(t, t === 'i32' ? 31 : 63));
      return f.b.bin('sub', leadingZeroCount(f.b, f.b.bin('xor', v, sign)), constant(t, 1));
    })],
  ]),
  ['__builtin_abs', count((f, v) => absolute(f, v))],
  ['__builtin_labs', (f, e) => absolute(f, scalar(f, arg(e, 0)))], ['__builtin_llabs', (f, e) => absolute(f, scalar(f, arg(e, 0)))],
  ...(['add', 'sub', 'mul'] as const).flatMap((op): [string, Lower][] => [
    [`__builtin_${op}_overflow`, overflow(op)],
    ...['s', 'u'].flatMap((s) => ['', 'l', 'll'].map((l): [string, Lower] => [`__builtin_${s}${op}${l}_overflow`, overflow(op)])),
  ]),
  ...(['add', 'sub', 'or', 'and', 'xor', 'nand'] as const).flatMap((op): [string, Lower][] => [
    [`__sync_fetch_and_${op}`, atomic(op, 'old')], [`__sync_${op}_and_fetch`, atomic(op, 'new')],
    [`__atomic_fetch_${op}`, atomic(op, 'old')], [`__atomic_${op}_fetch`, atomic(op, 'new')],
    [`__c11_atomic_fetch_${op}`, atomic(op, 'old')],
  ]),
  ['__sync_lock_test_and_set', atomic('xchg', 'old')], ['__atomic_exchange_n', atomic('xchg', 'old')], ['__c11_atomic_exchange', atomic('xchg', 'old')],
  ['__sync_val_compare_and_swap', compareAndSwap('old')], ['__sync_bool_compare_and_swap', compareAndSwap('bool')],
  ['__atomic_compare_exchange_n', compareExchange],
  ['__atomic_load_n', atomicLoad], ['__atomic_store_n', atomicStore], ['__sync_lock_release', atomicStore],
  ['__sync_synchronize', barrier], ['__atomic_thread_fence', barrier], ['__atomic_signal_fence', barrier],
  ['__builtin_expect', first], ['__builtin_expect_with_probability', first], ['__builtin_launder', first], ['__builtin_assume_aligned', first],
  ['__builtin_unpredictable', first],
  ['__builtin_unreachable', stop], ['__builtin_trap', stop], ['__builtin_abort', stop],
  ['__builtin_prefetch', nothing], ['__builtin_assume', nothing], ['__builtin_constant_p', never],
  ['__builtin_object_size', (_f, e) => constant('i64', e.args[1]?.kind === 'int' && e.args[1].value >= 2n ? 0 : -1)],
  ['__builtin_isinf', never], ['__builtin_isnan', never],
  ['load_byte', loadPacket(8)], ['load_half', loadPacket(16)], ['load_word', loadPacket(32)],
  ['__builtin_bpf_load_byte', loadPacket(8)], ['__builtin_bpf_load_half', loadPacket(16)], ['__builtin_bpf_load_word', loadPacket(32)],
  ['__builtin_preserve_access_index', (f, e) => preserved(f, () => scalar(f, arg(e, 0)))],
  ['__builtin_preserve_field_info', fieldInfo], ['__builtin_preserve_type_info', typeInfo], ['__builtin_btf_type_id', typeInfo],
  ['__builtin_preserve_enum_value', typeInfo],
  ['__builtin_choose_expr', first],
  ['__builtin_bool', (f, e) => {
    const v = scalar(f, arg(e, 0));
    return isTruth(v) ? v : toBool(f.b, v);
  }],
]);

function absolute(f: FunctionState, v: Value): Value {
  const t = v.type as 'i32' | 'i64';
  const { b } = f;
  const sign = b.bin('ashr', v, constant(t, t === 'i32' ? 31 : 63));
  return b.bin('sub', b.bin('xor', v, sign), sign);
}
