/** `__sync_*`, `__atomic_*` and `__c11_atomic_*`. BPF does atomic operations on 4 and 8 bytes. */
import type { Expr } from '../../ast.ts';
import type { QualType } from '../../types.ts';
import { QUAL } from '../../types.ts';
import { integerValue } from '../constants.ts';
import { builtin, cast, deref, int, unary } from '../nodes.ts';
import { wrap } from '../types/arithmetic.ts';
import { BOOL, pointer, Q, qual, unqualified } from '../types/basic.ts';
import { quoteType } from '../types/format.ts';
import { integerOf, isInteger } from '../types/predicates.ts';
import { sizeOf } from '../types/size.ts';
import type { BuiltinCall, BuiltinRow, BuiltinTable } from './arguments.ts';
import { row } from './arguments.ts';

interface Target {
  readonly pointer: Expr;
  /** What it points to, unqualified. */
  readonly type: QualType;
}

/** The object that an atomic operation works on. */
function target(c: BuiltinCall, i: number, arithmetic: boolean): Target {
  const { value, to } = c.pointer(i);
  const type = unqualified(to);
  const t = type.type;
  if (!isInteger(t) && (arithmetic || t.kind !== 'pointer')) {
    c.fail(
      `argument ${i + 1} of '${c.name}' must point to an integer${arithmetic ? '' : ' or a pointer'}; it points to ${quoteType(to)}`,
      value.loc,
    );
  }
  if (to.quals & QUAL.CONST) c.fail(`'${c.name}' writes to what its argument points to, and ${quoteType(to)} is const`, value.loc);
  return { pointer: value, type };
}

function checkSize(c: BuiltinCall, type: QualType): void {
  const size = sizeOf(type.type);
  if (size !== 4 && size !== 8) {
    c.unsupported(`on ${size === 1 ? '1 byte' : `${size} bytes`} (${quoteType(type)}): BPF has atomic operations on 4 and 8 bytes only`);
  }
}

function negated(e: Expr): Expr {
  const t = e.type.type;
  if (e.kind === 'int' && isInteger(t)) return int(wrap(-e.value, integerOf(t)), e.type, e.loc);
  return unary('neg', e, e.type, e.loc);
}

type Op = 'add' | 'sub' | 'and' | 'or' | 'xor' | 'nand';
const NAMES: Readonly<{ [op in 'add' | 'and' | 'or' | 'xor']: string }> = { add: 'Add', and: 'And', or: 'Or', xor: 'Xor' };

/** `order`: the call has a memory order as its last argument. */
function arithmetic(op: Op, result: 'old' | 'new', order: boolean): BuiltinRow {
  return row(order ? 3 : [2, Number.POSITIVE_INFINITY], (c) => {
    const { pointer: p, type } = target(c, 0, true);
    if (op === 'nand') return c.unsupported('is not supported: BPF has no atomic nand');
    checkSize(c, type);
    const value = c.as(1, type);
    const kind = op === 'sub' ? 'add' : op;
    return builtin(
      `atomic${result === 'old' ? `Fetch${NAMES[kind]}` : `${NAMES[kind]}Fetch`}`,
      [p, op === 'sub' ? negated(value) : value],
      type,
      c.loc,
      undefined,
      order ? memoryOrder(c, 2) : SEQ_CST,
    );
  });
}

const SEQ_CST = 5n;

/** The number of the order; one that is not constant counts as the strongest. */
function memoryOrder(c: BuiltinCall, i: number): bigint {
  const v = integerValue(c.value(i));
  return v !== undefined && v >= 0n && v <= SEQ_CST ? v : SEQ_CST;
}

function exchange(order: boolean): BuiltinRow {
  return row(order ? 3 : [2, Number.POSITIVE_INFINITY], (c) => {
    const { pointer: p, type } = target(c, 0, false);
    checkSize(c, type);
    return builtin('atomicExchange', [p, c.as(1, type)], type, c.loc, undefined, order ? memoryOrder(c, 2) : SEQ_CST);
  });
}

function syncCompare(result: 'old' | 'success'): BuiltinRow {
  return row([3, Number.POSITIVE_INFINITY], (c) => {
    const { pointer: p, type } = target(c, 0, false);
    checkSize(c, type);
    const args = [p, c.as(1, type), c.as(2, type)];
    return result === 'old' ? builtin('atomicCompareSwap', args, type, c.loc) : builtin('atomicCompareSwapBool', args, qual(BOOL), c.loc);
  });
}

/** `(p, &expected, desired, [weak,] success, failure)` */
function compareExchange(weak: boolean, byPointer: boolean): BuiltinRow {
  return row(weak ? 6 : 5, (c) => {
    const { pointer: p, type } = target(c, 0, false);
    checkSize(c, type);
    const expected = c.as(1, qual(pointer(type)));
    const desired = byPointer ? loaded(c, 2, type) : c.as(2, type);
    return builtin('atomicCompareExchange', [p, expected, desired], qual(BOOL), c.loc, undefined, memoryOrder(c, weak ? 4 : 3));
  });
}

/** The value behind argument `i`, a pointer to `type`. */
function loaded(c: BuiltinCall, i: number, type: QualType): Expr {
  const p = c.as(i, qual(pointer(type)));
  return cast('load', deref(p, type, p.loc), type);
}

function load(c: BuiltinCall, i: number): Expr {
  const { value, to } = c.pointer(i);
  const type = unqualified(to);
  if (!isInteger(type.type) && type.type.kind !== 'pointer')
    c.fail(`'${c.name}' needs a pointer to an integer or a pointer; it points to ${quoteType(to)}`, value.loc);
  return builtin('atomicLoad', [value], type, c.loc, undefined, memoryOrder(c, c.count - 1));
}

function store(c: BuiltinCall, byPointer: boolean): Expr {
  const { pointer: p, type } = target(c, 0, false);
  return builtin('atomicStore', [p, byPointer ? loaded(c, 1, type) : c.as(1, type)], Q.void, c.loc, undefined, memoryOrder(c, 2));
}

/** The generic forms hand their result out through a pointer. */
function into(c: BuiltinCall, i: number, value: Expr): Expr {
  const p = c.as(i, qual(pointer(value.type)));
  return { kind: 'assign', type: value.type, loc: c.loc, lvalue: false, target: deref(p, value.type, p.loc), value };
}

function fence(c: BuiltinCall): Expr {
  return builtin('fence', [], Q.void, c.loc, undefined, c.count === 1 ? memoryOrder(c, 0) : SEQ_CST);
}

function lockFree(c: BuiltinCall): Expr {
  const size = c.constant(0);
  return int(size === 4n || size === 8n ? 1n : 0n, qual(BOOL), c.loc);
}

const table: { [name: string]: BuiltinRow } = {
  __sync_val_compare_and_swap: syncCompare('old'),
  __sync_bool_compare_and_swap: syncCompare('success'),
  __sync_lock_test_and_set: exchange(false),
  __sync_swap: exchange(false),
  __sync_lock_release: row([1, Number.POSITIVE_INFINITY], (c) => {
    const { pointer: p, type } = target(c, 0, true);
    return builtin('atomicStore', [p, int(0n, type, c.loc)], Q.void, c.loc, undefined, 3n);
  }),
  __sync_synchronize: row(0, fence),
  __atomic_thread_fence: row(1, fence),
  __atomic_signal_fence: row(1, fence),
  __c11_atomic_thread_fence: row(1, fence),
  __c11_atomic_signal_fence: row(1, fence),
  __atomic_load_n: row(2, (c) => load(c, 0)),
  __c11_atomic_load: row(2, (c) => load(c, 0)),
  __atomic_load: row(3, (c) => into(c, 1, load(c, 0))),
  __atomic_store_n: row(3, (c) => store(c, false)),
  __c11_atomic_store: row(3, (c) => store(c, false)),
  __atomic_store: row(3, (c) => store(c, true)),
  __atomic_exchange_n: exchange(true),
  __c11_atomic_exchange: exchange(true),
  __atomic_exchange: row(4, (c) => {
    const { pointer: p, type } = target(c, 0, false);
    checkSize(c, type);
    return into(c, 2, builtin('atomicExchange', [p, loaded(c, 1, type)], type, c.loc, undefined, memoryOrder(c, 3)));
  }),
  __atomic_compare_exchange_n: compareExchange(true, false),
  __atomic_compare_exchange: compareExchange(true, true),
  __c11_atomic_compare_exchange_strong: compareExchange(false, false),
  __c11_atomic_compare_exchange_weak: compareExchange(false, false),
  __atomic_test_and_set: row(2, (c) =>
    c.unsupported('is not supported: BPF has atomic operations on 4 and 8 bytes only; use __atomic_exchange_n'),
  ),
  __atomic_clear: row(2, (c) => c.unsupported('is not supported; use __atomic_store_n')),
  __atomic_always_lock_free: row(2, lockFree),
  __atomic_is_lock_free: row(2, lockFree),
  __c11_atomic_is_lock_free: row(1, lockFree),
};
for (const op of ['add', 'sub', 'and', 'or', 'xor', 'nand'] as const) {
  table[`__sync_fetch_and_${op}`] = arithmetic(op, 'old', false);
  table[`__sync_${op}_and_fetch`] = arithmetic(op, 'new', false);
  table[`__atomic_fetch_${op}`] = arithmetic(op, 'old', true);
  table[`__atomic_${op}_fetch`] = arithmetic(op, 'new', true);
  table[`__c11_atomic_fetch_${op}`] = arithmetic(op, 'old', true);
}
// clang and gcc accept the size as a suffix.
for (const name of Object.keys(table)) {
  if (!name.startsWith('__sync_') || name === '__sync_synchronize') continue;
  for (const size of [4, 8]) {
    const plain = table[name] as BuiltinRow;
    table[`${name}_${size}`] = row([plain.min, plain.max], (c) => {
      const to = c.pointer(0).to;
      if (sizeOf(to.type) !== size) c.fail(`'${c.name}' works on ${size} bytes; its argument points to ${quoteType(to)}`);
      return plain.make(c);
    });
  }
}

export const ATOMICS: BuiltinTable = table;
