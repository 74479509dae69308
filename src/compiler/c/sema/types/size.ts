/** sizeof and alignof. */
import type { CType, QualType } from '../../types.ts';

/** Bytes, undefined for an incomplete type, `void` and functions. */
export function sizeOf(t: CType): number | undefined {
  switch (t.kind) {
    case 'int':
    case 'float':
      return t.size;
    case 'pointer':
      return 8;
    case 'enum':
      return t.values === undefined ? undefined : t.underlying.size;
    case 'array': {
      if (t.length === undefined) return undefined;
      const element = sizeOf(t.of.type);
      return element === undefined ? undefined : element * t.length;
    }
    case 'record':
      return t.size === 0 && t.fields === undefined ? undefined : t.size;
    case 'void':
    case 'function':
      return undefined;
    default:
      return t satisfies never;
  }
}

/** GNU: `void` and functions count as one byte in arithmetic. */
export function strideOf(t: CType): number | undefined {
  return t.kind === 'void' || t.kind === 'function' ? 1 : sizeOf(t);
}

/** Bytes; 1 where the type has no alignment. */
export function alignOf(t: CType): number {
  switch (t.kind) {
    case 'int':
    case 'float':
      return t.size;
    case 'pointer':
      return 8;
    case 'enum':
      return t.underlying.size;
    case 'array':
      return alignOfQual(t.of);
    case 'record':
      return t.align;
    case 'void':
    case 'function':
      return 1;
    default:
      return t satisfies never;
  }
}

/** With what a typedef's `aligned` says: it may raise and lower. */
export function alignOfQual(q: QualType): number {
  return q.align ?? alignOf(q.type);
}

/** What a declaration's own `aligned` or `_Alignas` makes of it: it only raises. */
export function alignOfDeclared(q: QualType, declared: number | undefined): number {
  const natural = alignOfQual(q);
  return declared !== undefined && declared > natural ? declared : natural;
}
