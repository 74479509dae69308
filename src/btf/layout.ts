/**
 * How to write a record so that a C compiler lays it out as BTF says.
 *
 * The members are placed by the rules of C (Itanium ABI, little endian), and compared with their recorded places:
 * a gap becomes padding, a place that C would not choose makes the record packed. Padding is unnamed bit-fields,
 * which need no name and do not raise the alignment; long gaps are arrays.
 */
import { BtfError } from './error.ts';
import type { BtfMember, BtfSource, BtfStruct } from './types.ts';
import { POINTER_SIZE, resolveId, scalarAlignment, sizeOf } from './walk.ts';

export type LayoutLine = { readonly kind: 'member'; readonly member: BtfMember } | { readonly kind: 'padding'; readonly text: string };

export interface Layout {
  readonly members: readonly LayoutLine[];
  readonly packed: boolean;
  /** Alignment of the record as written, in bytes. It may be less than it was in the source. */
  readonly align: number;
}

const MAX_DEPTH = 64;
/** Bits of a gap that is written as unnamed bit-fields; longer ones as an array. */
const MAX_BIT_PADDING = 8 * 64;

export class RecordLayout {
  readonly #source: BtfSource;
  /** `undefined`: in progress. */
  readonly #known = new Map<number, Layout | undefined>();

  constructor(source: BtfSource) {
    this.#source = source;
  }

  of(id: number, depth = 0): Layout {
    const known = this.#known.get(id);
    if (known !== undefined) return known;
    const type = this.#source.type(id);
    if (type.kind !== 'struct' && type.kind !== 'union') throw new BtfError('badType', 'not a record', id);
    if (this.#known.has(id)) throw new BtfError('cycle', `${type.kind} '${type.name}' contains itself`, id);
    if (depth > MAX_DEPTH) throw new BtfError('limit', `records nested more than ${MAX_DEPTH} deep`, id);
    this.#known.set(id, undefined);
    const layout = this.#place(id, type, false, depth) ?? this.#place(id, type, true, depth);
    if (layout === undefined) throw new BtfError('badType', `the members of ${type.kind} '${type.name}' overlap`, id);
    this.#known.set(id, layout);
    return layout;
  }

  /** Undefined where C cannot lay it out so. */
  #place(id: number, record: BtfStruct, packed: boolean, depth: number): Layout | undefined {
    const lines: LayoutLine[] = [];
    const isUnion = record.kind === 'union';
    let align = 1;
    /** End of what is placed, in bits. */
    let end = 0;
    let widest = 0;
    for (const member of record.members) {
      const { size, align: natural } = this.#measure(member.type, depth);
      const unit = packed ? 1 : natural;
      const start = isUnion ? 0 : end;
      const place = (from: number): number =>
        member.bitSize > 0 ? placeBits(from, member.bitSize, size, unit, packed) : roundUp(from, unit * 8);
      if (place(start) !== member.bitOffset) {
        if (isUnion || member.bitOffset < start) return undefined;
        // Fill the gap, as far as C would not do it by itself.
        if (place(member.bitOffset) !== member.bitOffset) return undefined;
        pad(lines, start, member.bitOffset, packed);
      }
      lines.push({ kind: 'member', member });
      end = member.bitOffset + (member.bitSize > 0 ? member.bitSize : size * 8);
      widest = Math.max(widest, end);
      align = Math.max(align, unit);
    }
    const total = record.size * 8;
    const natural = roundUp(widest, align * 8);
    if (natural > total || total % (align * 8) !== 0) {
      if (packed) throw new BtfError('badType', `the members of ${record.kind} '${record.name}' reach beyond it`, id);
      return undefined;
    }
    if (natural < total) pad(lines, isUnion ? 0 : widest, total, packed || isUnion);
    return { members: lines, packed, align };
  }

  /** Size and written alignment of a member's type. */
  #measure(id: number, depth: number): { readonly size: number; readonly align: number } {
    const at = resolveId(this.#source, id);
    const type = this.#source.type(at);
    switch (type.kind) {
      case 'int':
      case 'float':
      case 'enum':
      case 'enum64':
        return { size: type.size, align: scalarAlignment(type.size) };
      case 'ptr':
        return { size: POINTER_SIZE, align: POINTER_SIZE };
      case 'array':
        return { size: sizeOf(this.#source, at), align: this.#elementAlign(type.element, depth + 1) };
      case 'struct':
      case 'union':
        return { size: type.size, align: this.of(at, depth + 1).align };
      default:
        throw new BtfError('badType', `a member of kind ${type.kind}`, at);
    }
  }

  #elementAlign(id: number, depth: number): number {
    if (depth > MAX_DEPTH) throw new BtfError('limit', `types nested more than ${MAX_DEPTH} deep`, id);
    return this.#measure(id, depth).align;
  }
}

/** A bit-field goes where the last one ended, unless it would then cross a boundary of its type. */
function placeBits(from: number, width: number, size: number, unit: number, packed: boolean): number {
  if (packed) return from;
  const inUnit = from % (unit * 8);
  return inUnit + width > size * 8 ? roundUp(from, unit * 8) : from;
}

function pad(lines: LayoutLine[], from: number, to: number, byBytes: boolean): void {
  if (to - from > MAX_BIT_PADDING || (byBytes && to - from >= 8)) {
    const start = roundUp(from, 8);
    if (start > from) lines.push({ kind: 'padding', text: `char: ${start - from}` });
    const bytes = Math.floor((to - start) / 8);
    if (bytes > 0) lines.push({ kind: 'padding', text: `char __gap${start / 8}[${bytes}]` });
    if (to > start + bytes * 8) lines.push({ kind: 'padding', text: `char: ${to - start - bytes * 8}` });
    return;
  }
  let at = from;
  while (at < to) {
    // The widest unit that the next bits end or lie in.
    const [bits, name] = UNITS.find(([b]) => at % b === 0 && at + b <= to) ?? UNITS.find(([b]) => at + (b - (at % b)) <= to) ?? [8, 'char'];
    const width = Math.min(to - at, bits - (at % bits));
    lines.push({ kind: 'padding', text: `${name}: ${width}` });
    at += width;
  }
}

const UNITS: readonly (readonly [number, string])[] = [
  [64, 'long'],
  [32, 'int'],
  [16, 'short'],
  [8, 'char'],
];

function roundUp(value: number, to: number): number {
  return Math.ceil(value / to) * to;
}
