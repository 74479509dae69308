/**
 * Record layout as clang does it for the Itanium ABI (x86-64, BPF, arm64 little endian).
 *
 * An ordinary member starts at the next multiple of its alignment. A bit-field continues where the last one ended,
 * unless it would cross a boundary of its declared type; then it starts at the next such boundary. `:0` moves to the
 * next boundary. `packed` makes every alignment 1 byte for ordinary members and 1 bit for bit-fields (of a non-zero
 * width); `aligned` on a member raises it again; `#pragma pack(n)` caps both. Unnamed bit-fields take room but do not align the record.
 *
 * Positions are counted in bits, as numbers: a record may be larger than 2^31 bits.
 */
import type { Loc } from '../../diagnostics.ts';
import type { Field, QualType } from '../types.ts';
import { alignOfQual, sizeOf } from './types/size.ts';

export interface LayoutMember {
  readonly name: string;
  readonly type: QualType;
  /** Of a bit-field. */
  readonly width: number | undefined;
  /** Bytes that `aligned` or `_Alignas` asks for. */
  readonly align: number | undefined;
  readonly packed: boolean;
  readonly tags: readonly string[] | undefined;
  readonly loc: Loc;
}

export interface Layout {
  readonly fields: readonly Field[];
  readonly size: number;
  readonly align: number;
}

function roundUp(n: number, to: number): number {
  const rest = n % to;
  return rest === 0 ? n : n + (to - rest);
}

export function layOut(
  kind: 'struct' | 'union',
  members: readonly LayoutMember[],
  packed: boolean,
  align: number | undefined,
  pack?: number,
): Layout {
  const limit = pack ?? Number.POSITIVE_INFINITY;
  const fields: Field[] = [];
  let recordAlign = 1;
  /** End of what is placed, in bits. */
  let end = 0;
  let unionBits = 0;
  for (const m of members) {
    const natural = alignOfQual(m.type);
    const size = sizeOf(m.type.type) ?? 0;
    const isPacked = packed || m.packed;
    let bits: number;
    let at = kind === 'union' ? 0 : end;
    if (m.width === undefined) {
      const a = Math.min(Math.max(isPacked ? 1 : natural, m.align ?? 1), limit);
      recordAlign = Math.max(recordAlign, a);
      at = roundUp(at, a * 8);
      bits = size * 8;
      fields.push({ name: m.name, type: m.type, offset: at / 8, loc: m.loc, ...tagged(m) });
    } else {
      let a = isPacked && m.width !== 0 ? 1 : natural * 8;
      if (m.align !== undefined) a = Math.max(a, m.align * 8);
      // Here the limit wins over `packed`, too.
      if (m.width !== 0 && pack !== undefined) a = Math.min(isPacked ? Math.max(natural, m.align ?? 1) * 8 : a, pack * 8);
      // Under a limit no bit-field is moved to a boundary.
      if (m.width === 0 || (pack === undefined && (at % a) + m.width > size * 8)) at = roundUp(at, a);
      else if (m.align !== undefined && m.align <= limit) at = roundUp(at, m.align * 8);
      if (m.name !== '') recordAlign = Math.max(recordAlign, a / 8);
      bits = m.width;
      fields.push(bitField(m, at, size));
    }
    if (kind === 'union') unionBits = Math.max(unionBits, bits);
    else end = at + bits;
  }
  recordAlign = Math.max(recordAlign, align ?? 1);
  const bytes = Math.ceil((kind === 'union' ? unionBits : end) / 8);
  return { fields, size: roundUp(bytes, recordAlign), align: recordAlign };
}

function tagged(m: LayoutMember): { readonly tags?: readonly string[] } {
  return m.tags ? { tags: m.tags } : {};
}

/** A bit-field at that bit of the record: its unit is the aligned one of its declared type that holds its first bit. */
function bitField(m: LayoutMember, at: number, size: number): Field {
  const offset = Math.floor(at / (size * 8)) * size;
  return {
    name: m.name,
    type: m.type,
    offset,
    bit: { offset: at - offset * 8, width: m.width as number },
    loc: m.loc,
    ...tagged(m),
  };
}
