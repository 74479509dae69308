/** Small questions about truth values. */
import type { Value } from '../ir.ts';
import { unsignedBits } from './known-bits.ts';

/** An i32 that is 0 or 1, so a branch can use it as it stands. */
export function isNegatable(v: Value): boolean {
  return v.type === 'i32' && unsignedBits(v) <= 1;
}
