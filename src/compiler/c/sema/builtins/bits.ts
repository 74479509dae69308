/** Bit counting, byte order, rotation, absolute values, arithmetic that tells overflow. */
import type { Expr } from '../../ast.ts';
import type { EnumType, IntType, QualType } from '../../types.ts';
import { integerValue } from '../constants.ts';
import { convertScalar, qualOf } from '../convert.ts';
import { builtin, int } from '../nodes.ts';
import { fits, maxOf, minOf, wrap } from '../types/arithmetic.ts';
import { BOOL, INT, LLONG, LONG, Q, qual, UCHAR, UINT, ULLONG, ULONG, USHORT, unsignedOfSize } from '../types/basic.ts';
import { quoteType } from '../types/format.ts';
import { integerOf, isInteger } from '../types/predicates.ts';
import type { BuiltinRow, BuiltinTable } from './arguments.ts';
import { row } from './arguments.ts';

/* ---------- byte order ---------- */

function swapped(value: bigint, bytes: number): bigint {
  let out = 0n;
  for (let i = 0; i < bytes; i++) out = (out << 8n) | ((value >> BigInt(8 * i)) & 0xffn);
  return out;
}

function byteSwap(type: IntType): BuiltinRow {
  return row(1, (c) => {
    const v = c.integer(0, type);
    return v.kind === 'int'
      ? int(swapped(v.value, type.size), qualOf(type), c.loc)
      : builtin(`bswap${type.size * 8}`, [v], qualOf(type), c.loc);
  });
}

/* ---------- counting ---------- */

type Count = (v: bigint, bits: number) => number;

const popcount: Count = (v) => {
  let n = 0;
  for (let x = v; x !== 0n; x >>= 1n) if (x & 1n) n++;
  return n;
};
const ctz: Count = (v, bits) => {
  for (let n = 0; n < bits; n++) if ((v >> BigInt(n)) & 1n) return n;
  return bits;
};
const clz: Count = (v, bits) => {
  let n = bits;
  for (let x = v; x !== 0n; x >>= 1n) n--;
  return n;
};
const COUNTS: Readonly<{ [name: string]: Count }> = {
  clz,
  ctz,
  popcount,
  ffs: (v, bits) => (v === 0n ? 0 : ctz(v, bits) + 1),
  parity: (v, bits) => popcount(v, bits) & 1,
};

function count(name: string, type: IntType): BuiltinRow {
  const fold = COUNTS[name] as Count;
  const bits = type.size * 8;
  return row(1, (c) => {
    const v = c.integer(0, type);
    return v.kind === 'int' ? int(BigInt(fold(v.value, bits)), Q.int, c.loc) : builtin(`${name}${bits}`, [v], Q.int, c.loc);
  });
}

/** The newer forms take any unsigned type; a second argument is the result for zero. */
function countGeneric(name: string): BuiltinRow {
  return row(name === 'popcount' ? 1 : [1, 2], (c) => {
    const v = c.value(0);
    const t = v.type.type;
    if (t.kind !== 'int' || t.signed) return c.fail(`'${c.name}' needs an unsigned integer; found ${quoteType(v.type)}`, v.loc);
    if (t.size > 8) c.unsupported('of 128 bits is not supported');
    if (c.count === 2) c.unsupported('with a second argument is not supported');
    if (v.kind === 'int') return int(BigInt((COUNTS[name] as Count)(v.value, t.size * 8)), Q.int, c.loc);
    if (t.size < 4 && name === 'clz') c.unsupported('of 8 or 16 bits is not supported; convert to unsigned int');
    const wide = t.size <= 4 ? UINT : ULONG;
    return builtin(`${name}${wide.size * 8}`, [convertScalar(c.ctx, v, qualOf(wide))], Q.int, c.loc);
  });
}

/* ---------- rotation, absolute values ---------- */

function rotate(name: 'rotateLeft' | 'rotateRight', type: IntType): BuiltinRow {
  return row(2, (c) => {
    const v = c.integer(0, type);
    const n = c.integer(1, type);
    if (v.kind !== 'int' || n.kind !== 'int') return builtin(name, [v, n], qualOf(type), c.loc);
    const bits = BigInt(type.size * 8);
    const by = name === 'rotateLeft' ? n.value % bits : (bits - (n.value % bits)) % bits;
    return int(wrap((v.value << by) | (v.value >> (bits - by)), type), qualOf(type), c.loc);
  });
}

function reverse(type: IntType): BuiltinRow {
  return row(1, (c) => {
    const v = c.integer(0, type);
    if (v.kind !== 'int') return c.unsupported('of a value that is no constant is not supported');
    let out = 0n;
    for (let i = 0; i < type.size * 8; i++) out = (out << 1n) | ((v.value >> BigInt(i)) & 1n);
    return int(out, qualOf(type), c.loc);
  });
}

export function absolute(type: IntType): BuiltinRow {
  return row(1, (c) => {
    const v = c.integer(0, type);
    return v.kind === 'int'
      ? int(wrap(v.value < 0n ? -v.value : v.value, type), qualOf(type), c.loc)
      : builtin(`abs${type.size * 8}`, [v], qualOf(type), c.loc);
  });
}

/* ---------- overflow ---------- */

type OverflowOp = 'add' | 'sub' | 'mul';
interface Range {
  readonly low: bigint;
  readonly high: bigint;
}

function apply(op: OverflowOp, a: bigint, b: bigint): bigint {
  return op === 'add' ? a + b : op === 'sub' ? a - b : a * b;
}

function least(a: bigint, b: bigint): bigint {
  return b < a ? b : a;
}

function greatest(a: bigint, b: bigint): bigint {
  return b > a ? b : a;
}

function rangeOf(e: Expr): Range {
  const v = integerValue(e);
  if (v !== undefined) return { low: v, high: v };
  const t = integerOf(e.type.type as IntType | EnumType);
  return { low: minOf(t), high: maxOf(t) };
}

function within(r: Range, t: IntType): boolean {
  return fits(r.low, t) && fits(r.high, t);
}

/**
 * The type to compute in, so that an overflow there means that the exact result does not fit the result type: it
 * holds both operands, and every exact result that the result type holds.
 */
function computeType(op: OverflowOp, a: Range, b: Range, result: IntType): IntType | undefined {
  const corners = [apply(op, a.low, b.low), apply(op, a.low, b.high), apply(op, a.high, b.low), apply(op, a.high, b.high)];
  const low = corners.reduce(least);
  const high = corners.reduce(greatest);
  const wantedLow = greatest(low, minOf(result));
  const wantedHigh = least(high, maxOf(result));
  const own = result.size >= 4 ? [result] : [];
  for (const t of [...own, INT, UINT, LONG, ULONG]) {
    const exactAlways = fits(low, t) && fits(high, t);
    if (!within(a, t) || !within(b, t) || !(exactAlways || t.size >= result.size)) continue;
    if (wantedLow > wantedHigh || (fits(wantedLow, t) && fits(wantedHigh, t))) return t;
  }
  return undefined;
}

function overflow(op: OverflowOp, fixed?: IntType): BuiltinRow {
  return row(3, (c) => {
    const target = c.pointer(2);
    const to = target.to.type;
    if (!isInteger(to) || (fixed && integerOf(to).size !== fixed.size)) {
      return c.fail(
        `the third argument of '${c.name}' must point to ${fixed ? `'${fixed.name}'` : 'an integer'}; it points to ${quoteType(target.to)}`,
        target.value.loc,
      );
    }
    const result = fixed ?? integerOf(to);
    const a = fixed ? c.integer(0, fixed) : c.value(0);
    const b = fixed ? c.integer(1, fixed) : c.value(1);
    for (const e of [a, b]) if (!isInteger(e.type.type)) c.fail(`'${c.name}' needs integers; found ${quoteType(e.type)}`, e.loc);
    const type = fixed ?? computeType(op, rangeOf(a), rangeOf(b), result);
    if (!type) {
      return c.unsupported(
        `of ${quoteType(a.type)} and ${quoteType(b.type)} into ${quoteType(target.to)} needs more than 64 bits; convert the operands to one type`,
      );
    }
    const types: readonly QualType[] = [qualOf(type), qual(result)];
    return builtin(
      `${op}Overflow`,
      [convertScalar(c.ctx, a, qualOf(type)), convertScalar(c.ctx, b, qualOf(type)), target.value],
      qual(BOOL),
      c.loc,
      types,
    );
  });
}

/* ---------- the table ---------- */

const table: { [name: string]: BuiltinRow } = {
  __builtin_bswap16: byteSwap(USHORT),
  __builtin_bswap32: byteSwap(UINT),
  __builtin_bswap64: byteSwap(ULONG),
  __builtin_abs: absolute(INT),
  __builtin_labs: absolute(LONG),
  __builtin_llabs: absolute(LLONG),
};
for (const name of Object.keys(COUNTS)) {
  table[`__builtin_${name}`] = count(name, UINT);
  table[`__builtin_${name}l`] = count(name, ULONG);
  table[`__builtin_${name}ll`] = count(name, ULLONG);
}
for (const name of ['clz', 'ctz', 'popcount']) table[`__builtin_${name}g`] = countGeneric(name);
for (const bytes of [1, 2, 4, 8]) {
  const type = unsignedOfSize(bytes) ?? UCHAR;
  table[`__builtin_rotateleft${bytes * 8}`] = rotate('rotateLeft', type);
  table[`__builtin_rotateright${bytes * 8}`] = rotate('rotateRight', type);
  table[`__builtin_bitreverse${bytes * 8}`] = reverse(type);
}
for (const op of ['add', 'sub', 'mul'] as const) {
  table[`__builtin_${op}_overflow`] = overflow(op);
  const fixed: readonly (readonly [string, IntType])[] = [
    ['s', INT],
    ['sl', LONG],
    ['sll', LLONG],
    ['u', UINT],
    ['ul', ULONG],
    ['ull', ULLONG],
  ];
  for (const [suffix, type] of fixed) table[`__builtin_${suffix[0]}${op}${suffix.slice(1)}_overflow`] = overflow(op, type);
}

export const BITS: BuiltinTable = table;
