/** Counting bits on a machine that has no instruction for it. */
import { type Builder, constant } from '../builder.ts';
import type { Value } from '../ir.ts';

function repeat(byte: bigint, type: 'i32' | 'i64'): Value {
  return constant(type, (byte * 0x0101_0101_0101_0101n) & (type === 'i32' ? 0xffff_ffffn : 0xffff_ffff_ffff_ffffn));
}

/** Sums neighbouring bits, pairs, nibbles; a multiplication adds the bytes. */
export function popcount(b: Builder, v: Value): Value {
  const t = v.type as 'i32' | 'i64';
  const n = (k: number): Value => constant(t, k);
  const pairs = b.bin('sub', v, b.bin('and', b.bin('lshr', v, n(1)), repeat(0x55n, t)));
  const nibbles = b.bin('add', b.bin('and', pairs, repeat(0x33n, t)), b.bin('and', b.bin('lshr', pairs, n(2)), repeat(0x33n, t)));
  const bytes = b.bin('and', b.bin('add', nibbles, b.bin('lshr', nibbles, n(4))), repeat(0x0fn, t));
  return b.bin('lshr', b.bin('mul', bytes, repeat(1n, t)), n(t === 'i32' ? 24 : 56));
}

/** Zeros below the lowest one: the ones of (lowest one - 1). */
export function trailingZeroCount(b: Builder, v: Value): Value {
  const t = v.type as 'i32' | 'i64';
  const below = b.bin('and', b.bin('xor', v, constant(t, -1)), b.bin('sub', v, constant(t, 1)));
  return popcount(b, below);
}

/** Zeros above the highest one: fill all below it, count what is not filled. */
export function leadingZeroCount(b: Builder, v: Value): Value {
  const t = v.type as 'i32' | 'i64';
  let filled = v;
  for (let k = 1; k < (t === 'i32' ? 32 : 64); k *= 2) filled = b.bin('or', filled, b.bin('lshr', filled, constant(t, k)));
  return popcount(b, b.bin('xor', filled, constant(t, -1)));
}
