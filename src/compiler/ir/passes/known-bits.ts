/**
 * How many low bits of a value can matter. Two numbers are enough for what the rewrite rules ask (is this extension
 * needed, is this comparison decided), and they cost no BigInt.
 */
import type { Value } from '../ir.ts';

const DEPTH = 6;

function width(v: Value): number {
  return v.type === 'i32' ? 32 : 64;
}

function bitLength(value: bigint): number {
  if (value <= 0xffff_ffffn) return 32 - Math.clz32(Number(value));
  return 64 - Math.clz32(Number(value >> 32n));
}

/** The least n for which the value is known to be below 2^n, read unsigned. */
export function unsignedBits(v: Value, depth = 0): number {
  const w = width(v);
  if (depth > DEPTH) return v.op === 'const' ? bitLength(v.value) : v.op === 'cmp' ? 1 : v.op === 'load' && !v.signed ? v.bits : w;
  switch (v.op) {
    case 'const':
      return bitLength(v.value);
    case 'cmp':
      return 1;
    case 'load':
      return v.signed ? w : v.bits;
    case 'ldpacket':
      return v.bits;
    case 'bswap':
      return v.bits;
    case 'ext':
      return v.signed
        ? unsignedBits(v.a, depth + 1) < v.bits
          ? unsignedBits(v.a, depth + 1)
          : w
        : Math.min(v.bits, unsignedBits(v.a, depth + 1));
    case 'trunc':
      return Math.min(32, unsignedBits(v.a, depth + 1));
    case 'select':
      return Math.max(unsignedBits(v.a, depth + 1), unsignedBits(v.b, depth + 1));
    case 'phi': {
      if (v.incoming.length > 4) return w;
      let most = 0;
      for (const x of v.incoming) {
        // A cycle gives nothing more than its own start only for values that pass unchanged.
        if (x.value === v) continue;
        most = Math.max(most, unsignedBits(x.value, depth + 3));
        if (most >= w) return w;
      }
      return most;
    }
    case 'bin': {
      const a = v.a,
        b = v.b;
      switch (v.bin) {
        case 'and':
          return Math.min(unsignedBits(a, depth + 1), unsignedBits(b, depth + 1));
        case 'or':
        case 'xor':
          return Math.max(unsignedBits(a, depth + 1), unsignedBits(b, depth + 1));
        case 'add':
          return Math.min(w, Math.max(unsignedBits(a, depth + 1), unsignedBits(b, depth + 1)) + 1);
        case 'mul':
          return Math.min(w, unsignedBits(a, depth + 1) + unsignedBits(b, depth + 1));
        case 'udiv':
          return unsignedBits(a, depth + 1);
        case 'umod':
          return b.op === 'const' && b.value > 0n
            ? Math.min(unsignedBits(a, depth + 1), bitLength(b.value - 1n))
            : unsignedBits(a, depth + 1);
        case 'lshr':
          return b.op === 'const' ? Math.max(0, unsignedBits(a, depth + 1) - (Number(b.value) % w)) : unsignedBits(a, depth + 1);
        case 'ashr': {
          const n = unsignedBits(a, depth + 1);
          return n < w ? (b.op === 'const' ? Math.max(0, n - (Number(b.value) % w)) : n) : w;
        }
        case 'shl':
          return b.op === 'const' ? Math.min(w, unsignedBits(a, depth + 1) + (Number(b.value) % w)) : w;
        case 'sub':
        case 'sdiv':
        case 'smod':
          return w;
        default:
          return w;
      }
    }
    default:
      return w;
  }
}

/** The least n for which the value is known to be the sign extension of its low n bits. */
export function signedBits(v: Value, depth = 0): number {
  const w = width(v);
  const fromUnsigned = Math.min(w, unsignedBits(v, depth) + 1);
  if (depth > DEPTH) return fromUnsigned;
  switch (v.op) {
    case 'load':
      return v.signed ? Math.min(w, v.bits) : fromUnsigned;
    case 'ext':
      return v.signed ? Math.min(v.bits, signedBits(v.a, depth + 1)) : fromUnsigned;
    case 'const': {
      const s = BigInt.asIntN(w, v.value);
      return bitLength(s < 0n ? ~s : s) + 1;
    }
    case 'select':
      return Math.min(fromUnsigned, Math.max(signedBits(v.a, depth + 1), signedBits(v.b, depth + 1)));
    case 'bin':
      switch (v.bin) {
        case 'and':
        case 'or':
        case 'xor':
          return Math.min(fromUnsigned, Math.max(signedBits(v.a, depth + 1), signedBits(v.b, depth + 1)));
        case 'add':
        case 'sub':
          return Math.min(fromUnsigned, Math.max(signedBits(v.a, depth + 1), signedBits(v.b, depth + 1)) + 1);
        case 'ashr':
          return v.b.op === 'const'
            ? Math.min(fromUnsigned, Math.max(1, signedBits(v.a, depth + 1) - (Number(v.b.value) % w)))
            : fromUnsigned;
        default:
          return fromUnsigned;
      }
    default:
      return fromUnsigned;
  }
}

/** Low bits that are known to be zero. */
export function trailingZeros(v: Value, depth = 0): number {
  const w = width(v);
  if (depth > DEPTH) return 0;
  switch (v.op) {
    case 'const': {
      if (v.value === 0n) return w;
      return bitLength(v.value & -v.value) - 1;
    }
    case 'ext':
      return trailingZeros(v.a, depth + 1) >= v.bits ? w : trailingZeros(v.a, depth + 1);
    case 'trunc':
      return Math.min(32, trailingZeros(v.a, depth + 1));
    case 'bin':
      switch (v.bin) {
        case 'shl':
          return v.b.op === 'const' ? Math.min(w, trailingZeros(v.a, depth + 1) + (Number(v.b.value) % w)) : trailingZeros(v.a, depth + 1);
        case 'mul':
          return Math.min(w, trailingZeros(v.a, depth + 1) + trailingZeros(v.b, depth + 1));
        case 'add':
        case 'sub':
        case 'or':
        case 'xor':
          return Math.min(trailingZeros(v.a, depth + 1), trailingZeros(v.b, depth + 1));
        case 'and':
          return Math.max(trailingZeros(v.a, depth + 1), trailingZeros(v.b, depth + 1));
        default:
          return 0;
      }
    default:
      return 0;
  }
}
