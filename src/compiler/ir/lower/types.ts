/** C types as IR sees them. */

import { alignOf, sizeOf } from '../../c/sema/types/size.ts';
import type { CType, EnumType, IntType, QualType } from '../../c/types.ts';
import { QUAL } from '../../c/types.ts';
import type { IrType, MemBits, Pointee, Space } from '../ir.ts';

/** The integer type behind integers and enums; undefined for all others. */
export function integer(t: CType): IntType | undefined {
  return t.kind === 'int' ? t : t.kind === 'enum' ? (t as EnumType).underlying : undefined;
}

/** `__int128`: two registers, so it is handled as memory. */
export function isWide(t: CType): boolean {
  return t.kind === 'int' && t.size === 16;
}

/** Lives in memory, and is copied, not computed with. */
export function isRecord(t: CType): boolean {
  return t.kind === 'record' || t.kind === 'array' || isWide(t);
}

/** The IR type of a scalar; undefined for what has none (records, void, floating point, 128 bits). */
export function scalarType(t: CType): IrType | undefined {
  switch (t.kind) {
    case 'int':
      return t.size <= 4 ? 'i32' : t.size === 8 ? 'i64' : undefined;
    case 'enum':
      return t.underlying.size <= 4 ? 'i32' : 'i64';
    case 'pointer':
      return 'ptr';
    case 'function':
      return 'ptr';
    case 'void':
    case 'float':
    case 'array':
    case 'record':
      return undefined;
    default:
      return never(t);
  }
}

export function memBits(t: CType): MemBits {
  return ((sizeOf(t) ?? 8) * 8) as MemBits;
}

export function sizeOfType(t: CType): number {
  return sizeOf(t) ?? 0;
}

export function alignOfType(q: QualType): number {
  return Math.max(1, q.align ?? alignOf(q.type));
}

/** What the qualifiers of a pointee say about where it is. */
export function spaceOf(quals: number): Space | undefined {
  if ((quals & (QUAL.USER | QUAL.KERNEL | QUAL.ARENA)) === 0) return undefined;
  return quals & QUAL.USER ? 'user' : quals & QUAL.ARENA ? 'arena' : 'kernel';
}

/** Whether a pointer leads to a record: then the verifier may know it by BTF. */
export function pointeeOf(t: CType): Pointee | undefined {
  return t.kind !== 'pointer' ? undefined : t.to.type.kind === 'record' ? 'record' : 'other';
}

export function isVolatile(q: QualType): boolean {
  return (q.quals & QUAL.VOLATILE) !== 0;
}

function never(x: never): never {
  throw new Error(`unhandled ${JSON.stringify(x)}`);
}
