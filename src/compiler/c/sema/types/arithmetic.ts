/** Integer promotions and the usual arithmetic conversions (6.3.1). */
import type { EnumType, IntType } from '../../types.ts';
import { INT, UINT, unsignedOf } from './basic.ts';
import { integerOf } from './predicates.ts';

/** The promoted type of an integer; `width` for a bit-field. */
export function promoted(type: IntType | EnumType, width?: number): IntType {
  const t = integerOf(type);
  if (width !== undefined && t.rank >= INT.rank) {
    // A bit-field narrower than int becomes int, whatever its declared type: what gcc and clang do.
    if (width < 32) return INT;
    if (width === 32) return t.signed ? INT : UINT;
  }
  return t.rank < INT.rank ? INT : t;
}

/** Both operands promoted already. */
export function commonType(a: IntType, b: IntType): IntType {
  if (a === b) return a;
  if (a.signed === b.signed) return a.rank >= b.rank ? a : b;
  const [signed, unsigned] = a.signed ? [a, b] : [b, a];
  if (unsigned.rank >= signed.rank) return unsigned;
  if (signed.size > unsigned.size) return signed;
  return unsignedOf(signed);
}

/** The value of a type that these low bits are. Small signed and unsigned values come back as they are. */
export function wrap(value: bigint, type: IntType): bigint {
  if (type.rank === 0) return value === 0n ? 0n : 1n;
  const bits = type.size * 8;
  return type.signed ? BigInt.asIntN(bits, value) : BigInt.asUintN(bits, value);
}

export function minOf(type: IntType): bigint {
  return type.signed ? -(1n << BigInt(type.size * 8 - 1)) : 0n;
}

export function maxOf(type: IntType): bigint {
  if (type.rank === 0) return 1n;
  return type.signed ? (1n << BigInt(type.size * 8 - 1)) - 1n : (1n << BigInt(type.size * 8)) - 1n;
}

export function fits(value: bigint, type: IntType): boolean {
  return value >= minOf(type) && value <= maxOf(type);
}
