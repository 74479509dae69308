/** Small questions about numbers that selection asks again and again. */

/** Bits needed for an unsigned number. */
export function bitLength(value: bigint): number {
  if (value < 0x1_0000_0000n) return 32 - Math.clz32(Number(value));
  const high = value >> 32n;
  return high < 0x1_0000_0000n ? 64 - Math.clz32(Number(high)) : 65;
}

/** The constant (0 <= value < 2^64) as a 32-bit immediate that sign-extends to it, or undefined. */
export function asImm64(value: bigint): number | undefined {
  if (value < 0x8000_0000n) return Number(value);
  if (value >= 0xffff_ffff_8000_0000n) return Number(value - 0x1_0000_0000_0000_0000n);
  return undefined;
}

/** The power of two that the number is, or -1. */
export function powerOfTwo(value: bigint): number {
  return value > 0n && (value & (value - 1n)) === 0n ? bitLength(value) - 1 : -1;
}

export function fitsOffset(n: number): boolean {
  return n >= -0x8000 && n <= 0x7fff;
}
