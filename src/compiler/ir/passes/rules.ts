/**
 * The rewrite rules of `combine`: algebra, extensions, comparisons, pointers. Each is one row (see `rewrite.ts`) and each
 * is run against itself by a test. Constants stand on the right of commutative operations and comparisons by the time
 * a row is tried.
 *
 * What is not here on purpose: rules that turn pointer comparisons into arithmetic or checks into selects, because the
 * verifier learns from the former and not from the latter.
 */
import { evalBswap } from '../eval.ts';
import type { Inst, Value } from '../ir.ts';
import { signedBits, trailingZeros, unsignedBits } from './known-bits.ts';
import type { Row, RuleContext } from './rewrite.ts';

const isPow2 = (c: bigint): boolean => c > 0n && (c & (c - 1n)) === 0n;
const log2 = (c: bigint): bigint => BigInt(c.toString(2).length - 1);
const lowMask = (n: bigint | number): bigint => (1n << BigInt(n)) - 1n;
const allOnes = (w: number): bigint => lowMask(w);
const v = (context: RuleContext, name: string): Value => context.values[name] as Value;
const ubits = (context: RuleContext, name: string): number => unsignedBits(v(context, name));

const ALGEBRA: readonly Row[] = [
  { from: '(add x 0)', to: 'x' },
  { from: '(sub x 0)', to: 'x' },
  { from: '(sub x x)', to: '0' },
  { from: '(sub x C)', to: '(add x D)', let: { D: ({ C }) => -(C as bigint) } },
  { from: '(add (add x C) D)', to: '(add x E)', let: { E: ({ C, D }) => (C as bigint) + (D as bigint) } },
  { from: '(add (sub x y) y)', to: 'x' },
  { from: '(sub (add x y) y)', to: 'x' },
  { from: '(sub (add x y) x)', to: 'y' },
  { from: '(sub (add x C) (add y C))', to: '(sub x y)' },
  { from: '(sub 0 (sub x y))', to: '(sub y x)' },
  { from: '(add x (sub 0 y))', to: '(sub x y)' },
  { from: '(sub x (sub 0 y))', to: '(add x y)' },
  { from: '(mul x 0)', to: '0' },
  { from: '(mul x 1)', to: 'x' },
  { from: '(mul x -1)', to: '(sub 0 x)' },
  { from: '(mul (mul x C) D)', to: '(mul x E)', let: { E: ({ C, D }) => (C as bigint) * (D as bigint) } },
  { from: '(mul x C)', to: '(shl x D)', when: ({ C }) => isPow2(C as bigint), let: { D: ({ C }) => log2(C as bigint) } },
  { from: '(udiv x 1)', to: 'x' },
  { from: '(udiv x C)', to: '(lshr x D)', when: ({ C }) => isPow2(C as bigint), let: { D: ({ C }) => log2(C as bigint) } },
  {
    from: '(udiv (udiv x C) D)',
    to: '(udiv x E)',
    when: ({ C, D }, { width }) => C !== 0n && D !== 0n && (C as bigint) * (D as bigint) <= allOnes(width),
    let: { E: ({ C, D }) => (C as bigint) * (D as bigint) },
  },
  { from: '(umod x 1)', to: '0' },
  { from: '(umod x C)', to: '(and x D)', when: ({ C }) => isPow2(C as bigint), let: { D: ({ C }) => (C as bigint) - 1n } },
  { from: '(sdiv x 1)', to: 'x' },
  { from: '(smod x 1)', to: '0' },
  { from: '(sdiv x C)', to: '(udiv x C)', when: ({ C }, k) => ubits(k, 'x') < k.width && (C as bigint) <= allOnes(k.width - 1) },
  {
    from: '(smod x C)',
    to: '(umod x C)',
    when: ({ C }, k) => ubits(k, 'x') < k.width && (C as bigint) <= allOnes(k.width - 1) && C !== 0n,
  },
  // Rounds towards zero: a negative dividend is first made larger by the divisor less one.
  {
    from: '(sdiv x C)',
    to: '(ashr (add x (lshr (ashr x S) T)) D)',
    when: ({ C }, { width }) => isPow2(C as bigint) && (C as bigint) > 1n && (C as bigint) <= allOnes(width - 1),
    let: {
      S: (_c, { width }) => BigInt(width - 1),
      T: ({ C }, { width }) => BigInt(width) - log2(C as bigint),
      D: ({ C }) => log2(C as bigint),
    },
  },
  { from: '(and x 0)', to: '0' },
  { from: '(and x -1)', to: 'x' },
  { from: '(and x x)', to: 'x' },
  { from: '(and (and x C) D)', to: '(and x E)', let: { E: ({ C, D }) => (C as bigint) & (D as bigint) } },
  { from: '(and x C)', to: 'x', when: ({ C }, k) => (lowMask(ubits(k, 'x')) & ~(C as bigint)) === 0n },
  {
    from: '(and x C)',
    to: '0',
    when: ({ C }, k) => (lowMask(ubits(k, 'x')) & (C as bigint)) === 0n || (C as bigint) >> BigInt(trailingZeros(v(k, 'x'))) === 0n,
  },
  {
    from: '(and (or x C) D)',
    to: '(or (and x D) E)',
    when: ({ C, D }, k) =>
      ((C as bigint) & (D as bigint)) !== (D as bigint) && ((C as bigint) & (D as bigint)) !== (C as bigint) && k.once(v(k, 'x')),
    let: { E: ({ C, D }) => (C as bigint) & (D as bigint) },
  },
  { from: '(and (or x C) D)', to: '(and x D)', when: ({ C, D }) => ((C as bigint) & (D as bigint)) === 0n },
  {
    from: '(and (or x y) C)',
    to: '(and x C)',
    when: ({ C }, k) => (lowMask(ubits(k, 'y')) & (C as bigint)) === 0n || (C as bigint) >> BigInt(trailingZeros(v(k, 'y'))) === 0n,
  },
  {
    from: '(and (or x y) C)',
    to: '(and y C)',
    when: ({ C }, k) => (lowMask(ubits(k, 'x')) & (C as bigint)) === 0n || (C as bigint) >> BigInt(trailingZeros(v(k, 'x'))) === 0n,
  },
  { from: '(or x 0)', to: 'x' },
  { from: '(or x -1)', to: '-1' },
  { from: '(or x x)', to: 'x' },
  { from: '(or (or x C) D)', to: '(or x E)', let: { E: ({ C, D }) => (C as bigint) | (D as bigint) } },
  { from: '(or (and x C) (and x D))', to: '(and x E)', let: { E: ({ C, D }) => (C as bigint) | (D as bigint) } },
  { from: '(xor x 0)', to: 'x' },
  { from: '(xor x x)', to: '0' },
  { from: '(xor (xor x C) D)', to: '(xor x E)', let: { E: ({ C, D }) => (C as bigint) ^ (D as bigint) } },
  { from: '(xor (xor x y) y)', to: 'x' },
];

const SHIFTS: readonly Row[] = [
  { from: '(shl x 0)', to: 'x' },
  { from: '(lshr x 0)', to: 'x' },
  { from: '(ashr x 0)', to: 'x' },
  {
    from: '(shl x C)',
    to: '(shl x D)',
    when: ({ C }, { width }) => (C as bigint) >= BigInt(width),
    let: { D: ({ C }, { width }) => (C as bigint) % BigInt(width) },
  },
  {
    from: '(lshr x C)',
    to: '(lshr x D)',
    when: ({ C }, { width }) => (C as bigint) >= BigInt(width),
    let: { D: ({ C }, { width }) => (C as bigint) % BigInt(width) },
  },
  {
    from: '(ashr x C)',
    to: '(ashr x D)',
    when: ({ C }, { width }) => (C as bigint) >= BigInt(width),
    let: { D: ({ C }, { width }) => (C as bigint) % BigInt(width) },
  },
  {
    from: '(shl (shl x C) D)',
    to: '(shl x E)',
    when: ({ C, D }, { width }) => (C as bigint) + (D as bigint) < BigInt(width) && (C as bigint) < BigInt(width),
    let: { E: ({ C, D }) => (C as bigint) + (D as bigint) },
  },
  {
    from: '(lshr (lshr x C) D)',
    to: '(lshr x E)',
    when: ({ C, D }, { width }) => (C as bigint) + (D as bigint) < BigInt(width),
    let: { E: ({ C, D }) => (C as bigint) + (D as bigint) },
  },
  {
    from: '(lshr (lshr x C) D)',
    to: '0',
    when: ({ C, D }, { width }) =>
      (C as bigint) < BigInt(width) && (D as bigint) < BigInt(width) && (C as bigint) + (D as bigint) >= BigInt(width),
  },
  {
    from: '(ashr (ashr x C) D)',
    to: '(ashr x E)',
    when: ({ C, D }, { width }) => (C as bigint) + (D as bigint) < BigInt(width),
    let: { E: ({ C, D }) => (C as bigint) + (D as bigint) },
  },
  { from: '(lshr x C)', to: '0', when: ({ C }, k) => BigInt(ubits(k, 'x')) <= (C as bigint) && (C as bigint) < BigInt(k.width) },
  { from: '(ashr x C)', to: '(lshr x C)', when: (_c, k) => ubits(k, 'x') < k.width },
  {
    from: '(lshr (shl x C) C)',
    to: '(and x D)',
    when: ({ C }, { width }) => (C as bigint) < BigInt(width) && (width === 32 || (C as bigint) >= 32n),
    let: { D: ({ C }, { width }) => allOnes(width) >> (C as bigint) },
  },
  {
    from: '(shl (lshr x C) C)',
    to: '(and x D)',
    when: ({ C }, { width }) => (C as bigint) < BigInt(width) && (width === 32 || (C as bigint) < 32n),
    let: { D: ({ C }, { width }) => (allOnes(width) >> (C as bigint)) << (C as bigint) },
  },
  { from: '(ashr (shl x 24) 24)', to: '(sext8 x)', when: (_c, { width }) => width === 32 },
  { from: '(ashr (shl x 16) 16)', to: '(sext16 x)', when: (_c, { width }) => width === 32 },
  { from: '(ashr (shl x 56) 56)', to: '(sext8 x)', when: (_c, { width }) => width === 64 },
  { from: '(ashr (shl x 48) 48)', to: '(sext16 x)', when: (_c, { width }) => width === 64 },
  { from: '(ashr (shl x 32) 32)', to: '(sext32 x)', when: (_c, { width }) => width === 64 },
  // The mask of a count is what the machine does anyway.
  { from: '(shl x (and y C))', to: '(shl x y)', when: ({ C }, { width }) => ((C as bigint) & BigInt(width - 1)) === BigInt(width - 1) },
  { from: '(lshr x (and y C))', to: '(lshr x y)', when: ({ C }, { width }) => ((C as bigint) & BigInt(width - 1)) === BigInt(width - 1) },
  { from: '(ashr x (and y C))', to: '(ashr x y)', when: ({ C }, { width }) => ((C as bigint) & BigInt(width - 1)) === BigInt(width - 1) },
];

const EXTENSIONS: readonly Row[] = [
  { from: '(zext8:i32 x:i32)', to: '(and x 255)' },
  { from: '(zext16:i32 x:i32)', to: '(and x 65535)' },
  { from: '(zext8:i32 x:i64)', to: '(and (trunc x) 255)' },
  { from: '(zext16:i32 x:i64)', to: '(and (trunc x) 65535)' },
  { from: '(zext8:i64 x:i64)', to: '(and x 255)' },
  { from: '(zext16:i64 x:i64)', to: '(and x 65535)' },
  { from: '(zext8:i64 x:i32)', to: '(zext32 (and:i32 x 255:i32))' },
  { from: '(zext16:i64 x:i32)', to: '(zext32 (and:i32 x 65535:i32))' },
  { from: '(zext32 x:i64)', to: 'x', when: (_c, k) => ubits(k, 'x') <= 32 },
  {
    from: '(and x:i64 C)',
    to: '(zext32 (and:i32 (trunc x) D:i32))',
    when: ({ C }) => (C as bigint) <= 0xffff_ffffn && (C as bigint) > 0x7fff_ffffn,
    let: { D: ({ C }) => C as bigint },
  },
  { from: '(zext32 x:i64)', to: '(zext32 (trunc x))' },
  { from: '(sext32 x:i64)', to: 'x', when: (_c, k) => signedBits(v(k, 'x')) <= 32 },
  { from: '(sext32 x:i64)', to: '(sext32 (trunc x))' },
  { from: '(sext32 x:i32)', to: '(zext32 x)', when: (_c, k) => ubits(k, 'x') < 32 },
  { from: '(sext8:i32 x:i32)', to: 'x', when: (_c, k) => signedBits(v(k, 'x')) <= 8 },
  { from: '(sext16:i32 x:i32)', to: 'x', when: (_c, k) => signedBits(v(k, 'x')) <= 16 },
  { from: '(sext8:i64 x:i64)', to: 'x', when: (_c, k) => signedBits(v(k, 'x')) <= 8 },
  { from: '(sext16:i64 x:i64)', to: 'x', when: (_c, k) => signedBits(v(k, 'x')) <= 16 },
  { from: '(sext8:i64 x:i32)', to: '(sext32 x)', when: (_c, k) => signedBits(v(k, 'x')) <= 8 },
  { from: '(sext16:i64 x:i32)', to: '(sext32 x)', when: (_c, k) => signedBits(v(k, 'x')) <= 16 },
  { from: '(sext8:i32 (and x C))', to: '(sext8 x)', when: ({ C }) => ((C as bigint) & 0xffn) === 0xffn },
  { from: '(sext16:i32 (and x C))', to: '(sext16 x)', when: ({ C }) => ((C as bigint) & 0xffffn) === 0xffffn },
  { from: '(sext8 (sext8 x))', to: '(sext8 x)' },
  { from: '(sext8 (sext16 x))', to: '(sext8 x)' },
  { from: '(sext8 (sext32 x))', to: '(sext8 x)' },
  { from: '(sext8 (zext32 x))', to: '(sext8 x)' },
  { from: '(sext16 (sext16 x))', to: '(sext16 x)' },
  { from: '(sext16 (sext8 x))', to: '(sext8 x)' },
  { from: '(sext16 (sext32 x))', to: '(sext16 x)' },
  { from: '(sext16 (zext32 x))', to: '(sext16 x)' },
  { from: '(sext32 (sext8 x))', to: '(sext8 x)' },
  { from: '(sext32 (sext16 x))', to: '(sext16 x)' },
  { from: '(sext8 (trunc x))', to: '(sext8 x)' },
  { from: '(sext16 (trunc x))', to: '(sext16 x)' },
  { from: '(trunc (zext32 x:i32))', to: 'x' },
  { from: '(trunc (sext32 x:i32))', to: 'x' },
  { from: '(trunc (sext8 x))', to: '(sext8 x)' },
  { from: '(trunc (sext16 x))', to: '(sext16 x)' },
  // The low half needs only the low halves; 32-bit forms are shorter and zero the rest for nothing.
  { from: '(trunc (add x C))', to: '(add:i32 (trunc x) D:i32)', when: (_c, k) => k.once(v(k, 'x')), let: { D: ({ C }) => C as bigint } },
  { from: '(trunc (and x C))', to: '(and:i32 (trunc x) D:i32)', let: { D: ({ C }) => C as bigint } },
  { from: '(trunc (or x C))', to: '(or:i32 (trunc x) D:i32)', let: { D: ({ C }) => C as bigint } },
  { from: '(trunc (xor x C))', to: '(xor:i32 (trunc x) D:i32)', let: { D: ({ C }) => C as bigint } },
  { from: '(trunc (mul x C))', to: '(mul:i32 (trunc x) D:i32)', let: { D: ({ C }) => C as bigint } },
  { from: '(trunc (shl x C))', to: '(shl:i32 (trunc x) D:i32)', when: ({ C }) => (C as bigint) < 32n, let: { D: ({ C }) => C as bigint } },
  { from: '(trunc (shl x C))', to: '0', when: ({ C }) => (C as bigint) >= 32n && (C as bigint) < 64n },
  { from: '(trunc (add (zext32 x:i32) (zext32 y:i32)))', to: '(add:i32 x y)' },
  { from: '(trunc (add (sext32 x:i32) (sext32 y:i32)))', to: '(add:i32 x y)' },
  { from: '(trunc (sub (zext32 x:i32) (zext32 y:i32)))', to: '(sub:i32 x y)' },
  { from: '(trunc (sub (sext32 x:i32) (sext32 y:i32)))', to: '(sub:i32 x y)' },
  { from: '(trunc (and x y))', to: '(and:i32 (trunc x) (trunc y))' },
  { from: '(trunc (or x y))', to: '(or:i32 (trunc x) (trunc y))' },
  { from: '(trunc (xor x y))', to: '(xor:i32 (trunc x) (trunc y))' },
  {
    from: '(trunc (lshr (zext32 x:i32) C))',
    to: '(lshr:i32 x D:i32)',
    when: ({ C }) => (C as bigint) < 32n,
    let: { D: ({ C }) => C as bigint },
  },
  { from: '(and (zext32 x:i32) C)', to: '(zext32 (and:i32 x D:i32))', let: { D: ({ C }) => C as bigint } },
  {
    from: '(lshr (zext32 x:i32) C)',
    to: '(zext32 (lshr:i32 x D:i32))',
    when: ({ C }) => (C as bigint) < 32n,
    let: { D: ({ C }) => C as bigint },
  },
  { from: '(and (zext32 x:i32) (zext32 y:i32))', to: '(zext32 (and:i32 x y))' },
  { from: '(or (zext32 x:i32) (zext32 y:i32))', to: '(zext32 (or:i32 x y))' },
  { from: '(xor (zext32 x:i32) (zext32 y:i32))', to: '(zext32 (xor:i32 x y))' },
  {
    from: '(and (sext32 x:i32) C)',
    to: '(zext32 (and:i32 x D:i32))',
    when: ({ C }) => (C as bigint) <= 0xffff_ffffn,
    let: { D: ({ C }) => C as bigint },
  },
  { from: '(bswap16 (bswap16 x))', to: 'x', when: (_c, k) => ubits(k, 'x') <= 16 },
  { from: '(bswap16 (bswap16 x))', to: '(and x 65535)' },
  { from: '(bswap32 (bswap32 x))', to: 'x', when: (_c, k) => ubits(k, 'x') <= 32 },
  { from: '(bswap64 (bswap64 x))', to: 'x' },
  { from: '(bswap16 (and x C))', to: '(bswap16 x)', when: ({ C }) => ((C as bigint) & 0xffffn) === 0xffffn },
];

/** A comparison of an extended value with a constant that the narrow type can hold. */
const fits = (c: bigint, bits: number): boolean => c <= lowMask(bits);
const signedFits = (c: bigint, w: number, bits: number): boolean => {
  const s = BigInt.asIntN(w, c);
  return s >= -(1n << BigInt(bits - 1)) && s < 1n << BigInt(bits - 1);
};

const UNSIGNED = ['eq', 'ne', 'ult', 'ule', 'ugt', 'uge'] as const;
const SIGNED = ['slt', 'sle', 'sgt', 'sge'] as const;

const COMPARISONS: readonly Row[] = [
  { from: '(cmp.eq x x)', to: '1' },
  { from: '(cmp.ne x x)', to: '0' },
  { from: '(cmp.ult x x)', to: '0' },
  { from: '(cmp.ugt x x)', to: '0' },
  { from: '(cmp.ule x x)', to: '1' },
  { from: '(cmp.uge x x)', to: '1' },
  { from: '(cmp.slt x x)', to: '0' },
  { from: '(cmp.sgt x x)', to: '0' },
  { from: '(cmp.sle x x)', to: '1' },
  { from: '(cmp.sge x x)', to: '1' },
  { from: '(cmp.ult x 0)', to: '0' },
  { from: '(cmp.uge x 0)', to: '1' },
  { from: '(cmp.ult x 1)', to: '(cmp.eq x 0)' },
  { from: '(cmp.ule x 0)', to: '(cmp.eq x 0)' },
  { from: '(cmp.ugt x 0)', to: '(cmp.ne x 0)' },
  { from: '(cmp.uge x 1)', to: '(cmp.ne x 0)' },
  { from: '(cmp.ule x -1)', to: '1' },
  { from: '(cmp.ugt x -1)', to: '0' },
  // The constant is out of the value's reach.
  { from: '(cmp.ult x C)', to: '1', when: ({ C }, k) => (C as bigint) > lowMask(ubits(k, 'x')) },
  { from: '(cmp.ule x C)', to: '1', when: ({ C }, k) => (C as bigint) >= lowMask(ubits(k, 'x')) },
  { from: '(cmp.ugt x C)', to: '0', when: ({ C }, k) => (C as bigint) >= lowMask(ubits(k, 'x')) },
  { from: '(cmp.uge x C)', to: '0', when: ({ C }, k) => (C as bigint) > lowMask(ubits(k, 'x')) },
  { from: '(cmp.eq x C)', to: '0', when: ({ C }, k) => (C as bigint) > lowMask(ubits(k, 'x')) },
  { from: '(cmp.ne x C)', to: '1', when: ({ C }, k) => (C as bigint) > lowMask(ubits(k, 'x')) },
  // Not negative on either side: signed is unsigned.
  ...SIGNED.map(
    (p): Row => ({
      from: `(cmp.${p} x C)`,
      to: `(cmp.u${p.slice(1)} x C)`,
      when: ({ C }, k) => ubits(k, 'x') < k.width && (C as bigint) <= allOnes(k.width - 1),
    }),
  ),
  ...SIGNED.map(
    (p): Row => ({
      from: `(cmp.${p} x y)`,
      to: `(cmp.u${p.slice(1)} x y)`,
      when: (_c, k) => ubits(k, 'x') < k.width && ubits(k, 'y') < k.width,
    }),
  ),
  // A truth value compared.
  { from: '(cmp.ne x:i32 0)', to: 'x', when: (_c, k) => ubits(k, 'x') <= 1 },
  { from: '(cmp.eq x:i32 1)', to: 'x', when: (_c, k) => ubits(k, 'x') <= 1 },
  { from: '(cmp.ne x:i32 1)', to: '(cmp.eq x 0)', when: (_c, k) => ubits(k, 'x') <= 1 },
  { from: '(xor x:i32 1)', to: '(cmp.eq x 0)', when: (_c, k) => ubits(k, 'x') <= 1 },
  ...(
    [
      ['eq', 'ne'],
      ['ne', 'eq'],
      ['ult', 'uge'],
      ['uge', 'ult'],
      ['ule', 'ugt'],
      ['ugt', 'ule'],
      ['slt', 'sge'],
      ['sge', 'slt'],
      ['sle', 'sgt'],
      ['sgt', 'sle'],
    ] as const
  ).map(([p, q]): Row => ({ from: `(cmp.eq (cmp.${p} x y) 0)`, to: `(cmp.${q} x y)` })),
  // Arithmetic that a comparison undoes.
  { from: '(cmp.eq (add x C) D)', to: '(cmp.eq x E)', let: { E: ({ C, D }) => (D as bigint) - (C as bigint) } },
  { from: '(cmp.ne (add x C) D)', to: '(cmp.ne x E)', let: { E: ({ C, D }) => (D as bigint) - (C as bigint) } },
  { from: '(cmp.eq (xor x C) D)', to: '(cmp.eq x E)', let: { E: ({ C, D }) => (D as bigint) ^ (C as bigint) } },
  { from: '(cmp.ne (xor x C) D)', to: '(cmp.ne x E)', let: { E: ({ C, D }) => (D as bigint) ^ (C as bigint) } },
  { from: '(cmp.eq (sub x y) 0)', to: '(cmp.eq x y)' },
  { from: '(cmp.ne (sub x y) 0)', to: '(cmp.ne x y)' },
  { from: '(cmp.eq (xor x y) 0)', to: '(cmp.eq x y)' },
  { from: '(cmp.ne (xor x y) 0)', to: '(cmp.ne x y)' },
  { from: '(cmp.eq (or x C) 0)', to: '0', when: ({ C }) => C !== 0n },
  { from: '(cmp.ne (or x C) 0)', to: '1', when: ({ C }) => C !== 0n },
  {
    from: '(cmp.eq (shl x C) 0)',
    to: '(cmp.eq (and x D) 0)',
    when: ({ C }, { width }) => (C as bigint) < BigInt(width) && width === 32,
    let: { D: ({ C }, { width }) => allOnes(width) >> (C as bigint) },
  },
  {
    from: '(cmp.eq (lshr x C) D)',
    to: '(cmp.eq (and x E) F)',
    when: ({ C, D }, k) =>
      (C as bigint) < BigInt(k.width) && k.width === 32 && (D as bigint) <= allOnes(k.width) >> (C as bigint) && k.once(v(k, 'x')),
    let: { E: ({ C }, { width }) => (allOnes(width) >> (C as bigint)) << (C as bigint), F: ({ C, D }) => (D as bigint) << (C as bigint) },
  },
  {
    from: '(cmp.eq (and (lshr x C) D) E)',
    to: '(cmp.eq (and x F) G)',
    when: ({ C, D, E }, k) =>
      (C as bigint) < BigInt(k.width) && (D as bigint) << (C as bigint) <= 0x7fff_ffffn && ((E as bigint) & ~(D as bigint)) === 0n,
    let: { F: ({ C, D }) => (D as bigint) << (C as bigint), G: ({ C, E }) => (E as bigint) << (C as bigint) },
  },
  {
    from: '(cmp.ne (and (lshr x C) D) E)',
    to: '(cmp.ne (and x F) G)',
    when: ({ C, D, E }, k) =>
      (C as bigint) < BigInt(k.width) && (D as bigint) << (C as bigint) <= 0x7fff_ffffn && ((E as bigint) & ~(D as bigint)) === 0n,
    let: { F: ({ C, D }) => (D as bigint) << (C as bigint), G: ({ C, E }) => (E as bigint) << (C as bigint) },
  },
  {
    from: '(cmp.eq (bswap16 x) C)',
    to: '(cmp.eq x D)',
    when: ({ C }, k) => ubits(k, 'x') <= 16 && fits(C as bigint, 16),
    let: { D: ({ C }) => evalBswap(16, C as bigint) },
  },
  {
    from: '(cmp.ne (bswap16 x) C)',
    to: '(cmp.ne x D)',
    when: ({ C }, k) => ubits(k, 'x') <= 16 && fits(C as bigint, 16),
    let: { D: ({ C }) => evalBswap(16, C as bigint) },
  },
  { from: '(cmp.eq (bswap32 x:i32) C)', to: '(cmp.eq x D)', let: { D: ({ C }) => evalBswap(32, C as bigint) } },
  { from: '(cmp.ne (bswap32 x:i32) C)', to: '(cmp.ne x D)', let: { D: ({ C }) => evalBswap(32, C as bigint) } },
  { from: '(cmp.eq (bswap16 x) (bswap16 y))', to: '(cmp.eq x y)', when: (_c, k) => ubits(k, 'x') <= 16 && ubits(k, 'y') <= 16 },
  { from: '(cmp.ne (bswap16 x) (bswap16 y))', to: '(cmp.ne x y)', when: (_c, k) => ubits(k, 'x') <= 16 && ubits(k, 'y') <= 16 },
  // Extended values: compare what was extended.
  ...UNSIGNED.map((p): Row => ({ from: `(cmp.${p} (zext32 x:i32) (zext32 y:i32))`, to: `(cmp.${p} x y)` })),
  ...SIGNED.map((p): Row => ({ from: `(cmp.${p} (zext32 x:i32) (zext32 y:i32))`, to: `(cmp.u${p.slice(1)} x y)` })),
  ...[...UNSIGNED, ...SIGNED].map((p): Row => ({ from: `(cmp.${p} (sext32 x:i32) (sext32 y:i32))`, to: `(cmp.${p} x y)` })),
  ...UNSIGNED.map(
    (p): Row => ({
      from: `(cmp.${p} (zext32 x:i32) C)`,
      to: `(cmp.${p} x D)`,
      when: ({ C }) => fits(C as bigint, 32),
      let: { D: ({ C }) => C as bigint },
    }),
  ),
  { from: '(cmp.eq (zext32 x:i32) C)', to: '0', when: ({ C }) => !fits(C as bigint, 32) },
  { from: '(cmp.ne (zext32 x:i32) C)', to: '1', when: ({ C }) => !fits(C as bigint, 32) },
  ...SIGNED.map(
    (p): Row => ({
      from: `(cmp.${p} (sext32 x:i32) C)`,
      to: `(cmp.${p} x D)`,
      when: ({ C }, { width }) => signedFits(C as bigint, width, 32),
      let: { D: ({ C }) => C as bigint },
    }),
  ),
  {
    from: '(cmp.eq (sext32 x:i32) C)',
    to: '(cmp.eq x D)',
    when: ({ C }, { width }) => signedFits(C as bigint, width, 32),
    let: { D: ({ C }) => C as bigint },
  },
  {
    from: '(cmp.ne (sext32 x:i32) C)',
    to: '(cmp.ne x D)',
    when: ({ C }, { width }) => signedFits(C as bigint, width, 32),
    let: { D: ({ C }) => C as bigint },
  },
  {
    from: '(cmp.eq (and x:i64 C) 0)',
    to: '(cmp.eq (and:i32 (trunc x) D:i32) 0:i32)',
    when: ({ C }) => fits(C as bigint, 32),
    let: { D: ({ C }) => C as bigint },
  },
  {
    from: '(cmp.ne (and x:i64 C) 0)',
    to: '(cmp.ne (and:i32 (trunc x) D:i32) 0:i32)',
    when: ({ C }) => fits(C as bigint, 32),
    let: { D: ({ C }) => C as bigint },
  },
];

const SELECTS: readonly Row[] = [
  { from: '(select x y y)', to: 'y' },
  { from: '(select x:i32 1 0)', to: 'x', when: (_c, k) => ubits(k, 'x') <= 1 && k.width === 32 },
  { from: '(select:i32 x:i32 0 1)', to: '(cmp.eq x 0)' },
  { from: '(select:i64 x:i32 1 0)', to: '(zext32 x)', when: (_c, k) => ubits(k, 'x') <= 1 },
  { from: '(select (cmp.eq x 0) y z)', to: '(select x z y)', when: (_c, k) => ubits(k, 'x') <= 1 && v(k, 'x').type === 'i32' },
];

/** Of p + (index << D), p + index * D and p + index: the index. */
function indexIn(root: Inst): Value {
  if (root.op !== 'ptradd') return root;
  const { offset } = root;
  return offset.op === 'bin' && (offset.bin === 'shl' || offset.bin === 'mul') ? offset.a : offset;
}

const POINTERS: readonly Row[] = [
  { from: '(ptradd p 0)', to: 'p' },
  { from: '(ptradd (ptradd p C) D)', to: '(ptradd p E)', let: { E: ({ C, D }) => (C as bigint) + (D as bigint) } },
  // The constant goes last, so that accesses take it as their offset and (p + x) is shared.
  { from: '(ptradd (ptradd p C) x)', to: '(ptradd (ptradd p x) C:i64)', when: (_c, k) => v(k, 'x').op !== 'const' },
  // An index less one: the verifier follows x, but not what wraps below zero; unless the difference is what was checked.
  {
    from: '(ptradd p (shl (add x C) D))',
    when: (_c, k) => !k.bounded(indexIn(k.root)),
    to: '(ptradd (ptradd p (shl:i64 x D:i64)) E:i64)',
    let: { E: ({ C, D }) => (C as bigint) << ((D as bigint) & 63n) },
  },
  {
    from: '(ptradd p (mul (add x C) D))',
    when: (_c, k) => !k.bounded(indexIn(k.root)),
    to: '(ptradd (ptradd p (mul:i64 x D:i64)) E:i64)',
    let: { E: ({ C, D }) => (C as bigint) * (D as bigint) },
  },
  { from: '(ptradd p (add x C))', to: '(ptradd (ptradd p x) C:i64)', when: (_c, k) => !k.bounded(indexIn(k.root)) },
  { from: '(ptrtoint (inttoptr x))', to: 'x' },
  { from: '(inttoptr (ptrtoint p))', to: 'p' },
  { from: '(inttoptr (add (ptrtoint p) x))', to: '(ptradd p x)' },
  { from: '(inttoptr (sub (ptrtoint p) x))', to: '(ptradd p (sub:i64 0:i64 x))', when: (_c, k) => v(k, 'x').op !== 'ptrtoint' },
  { from: '(sub (ptrtoint (ptradd p x)) (ptrtoint p))', to: 'x' },
  { from: '(sub (ptrtoint (ptradd p x)) (ptrtoint (ptradd p y)))', to: '(sub x y)' },
  { from: '(cmp.eq (ptrtoint p) 0)', to: '(cmp.eq p 0:ptr)' },
  { from: '(cmp.ne (ptrtoint p) 0)', to: '(cmp.ne p 0:ptr)' },
  ...UNSIGNED.map((q): Row => ({ from: `(cmp.${q} (ptrtoint p) (ptrtoint q))`, to: `(cmp.${q} p q)` })),
  { from: '(cmp.eq (ptradd p C) (ptradd p D))', to: 'E', let: { E: ({ C, D }) => (C === D ? 1n : 0n) } },
  { from: '(cmp.ne (ptradd p C) (ptradd p D))', to: 'E', let: { E: ({ C, D }) => (C === D ? 0n : 1n) } },
  { from: '(cmp.eq (ptradd p x) p)', to: '(cmp.eq x 0)' },
  { from: '(cmp.ne (ptradd p x) p)', to: '(cmp.ne x 0)' },
];

export const RULES: readonly Row[] = [...ALGEBRA, ...SHIFTS, ...EXTENSIONS, ...COMPARISONS, ...SELECTS, ...POINTERS];
