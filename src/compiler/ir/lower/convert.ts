/** Conversions between integer types. An i32 always holds its C value extended to 32 bits by the type's signedness. */
import type { CType, IntType } from '../../c/types.ts';
import { type Builder, constant } from '../builder.ts';
import type { Value } from '../ir.ts';
import { integer } from './types.ts';

export function toBool(b: Builder, v: Value): Value {
  return b.cmp('ne', v, constant(v.type === 'void' ? 'i32' : v.type, 0));
}

export function convertInt(b: Builder, v: Value, from: IntType, to: IntType): Value {
  if (to.rank === 0) return from.rank === 0 ? v : toBool(b, v);
  if (to.size >= 8) {
    if (from.size >= 8) return v;
    return b.ext('i64', from.signed, 32, v);
  }
  if (to.size === 4) return from.size >= 8 ? b.trunc(v) : v;
  // char and short: already in range, or the low bits extended anew.
  if (from.size < to.size && (from.signed === to.signed || !from.signed)) return v;
  if (from.size === to.size && from.signed === to.signed) return v;
  return b.ext('i32', to.signed, (to.size * 8) as 8 | 16, v);
}

/** Between scalars of any kind, where the tree does not say how (unprototyped calls). */
export function coerce(b: Builder, v: Value, from: CType, to: 'i32' | 'i64' | 'ptr'): Value {
  if (v.type === to) return v;
  if (v.type === 'ptr') return to === 'i64' ? b.ptrtoint(v) : b.trunc(b.ptrtoint(v));
  const wide = v.type === 'i32' ? b.ext('i64', integer(from)?.signed ?? false, 32, v) : v;
  if (to === 'i64') return wide;
  return to === 'ptr' ? b.inttoptr(wide) : b.trunc(wide);
}
