/**
 * The flat parts of an initialiser, and what happens where parts overlap: of two, the later one counts, unless it is
 * a piece of the earlier. Most lists are written in order and never overlap; then nothing has to be sorted.
 */
import type { Loc } from '../../../diagnostics.ts';
import type { InitItem, Initializer } from '../../ast.ts';
import type { Field, QualType, RecordType } from '../../types.ts';
import type { Context } from '../context.ts';
import { noteAt } from '../context.ts';
import { sizeOf } from '../types/size.ts';

export class TooManyItems extends Error {
  readonly limit = LIMIT;
}

/** More parts than this are a slip (`[0 ... 0xffffffff]`): no BPF program has the room. */
const LIMIT = 1 << 18;

interface Entry {
  /** Undefined for a range that is only made empty. */
  readonly item: InitItem | undefined;
  /** In bits. */
  readonly start: number;
  readonly end: number;
  readonly order: number;
  readonly loc: Loc;
}

export class Items {
  private readonly entries: Entry[] = [];
  private sorted = true;
  private last = 0;
  private readonly unions = new Map<number, { readonly record: RecordType; field: Field }[]>();

  add(offset: number, type: QualType, value: InitItem['value'], loc: Loc, bit?: Field['bit']): void {
    const start = offset * 8 + (bit?.offset ?? 0);
    let size = bit ? bit.width : (sizeOf(type.type) ?? 0) * 8;
    // An array without a length at the end of a struct.
    if (size === 0 && value.kind === 'bytes') size = value.bytes.length * 8;
    this.push({
      item: bit ? { offset, bit, type, value } : { offset, type, value },
      start,
      end: start + size,
      order: this.entries.length,
      loc,
    });
  }

  /** The parts of a compound literal that is the value of an object at `offset`. */
  include(offset: number, type: QualType, init: Initializer, loc: Loc): void {
    this.clear(offset, sizeOf(type.type) ?? 0);
    switch (init.kind) {
      case 'scalar':
        this.add(offset, type, init.value, loc);
        break;
      case 'string':
        this.add(offset, type, { kind: 'bytes', bytes: init.bytes, loc: init.loc }, loc);
        break;
      case 'list':
        for (const i of init.items) this.add(offset + i.offset, i.type, i.value, loc, i.bit);
        break;
      default:
        init satisfies never;
    }
  }

  /** Whatever was said about these bytes no longer counts. */
  clear(offset: number, size: number): void {
    if (this.last <= offset * 8) return;
    this.push({ item: undefined, start: offset * 8, end: (offset + size) * 8, order: this.entries.length, loc: 0 });
  }

  /** Another member of the union at `offset` is going to be initialised. */
  clearUnion(offset: number, record: RecordType, field: Field): void {
    const here = this.unions.get(offset) ?? [];
    const known = here.find((u) => u.record === record);
    if (known?.field === field) return;
    if (known) known.field = field;
    else this.unions.set(offset, [...here, { record, field }]);
    this.clear(offset, record.size);
  }

  private push(entry: Entry): void {
    if (this.entries.length >= LIMIT) throw new TooManyItems();
    if (entry.start < this.last || !entry.item) this.sorted = false;
    this.last = Math.max(this.last, entry.end);
    this.entries.push(entry);
  }

  finish(ctx: Context): InitItem[] {
    if (this.sorted) return this.entries.map((e) => e.item as InitItem);
    // Outer before inner, earlier before later.
    const list = [...this.entries].sort((a, b) => a.start - b.start || b.end - a.end || a.order - b.order);
    const dropped = new Set<Entry>();
    const open: Entry[] = [];
    for (const e of list) {
      while (open.length > 0 && (open.at(-1) as Entry).end <= e.start) open.pop();
      // Of several for the same range only the last one counts, and the stack stays as deep as the object.
      for (let top = open.at(-1); top && top.start === e.start && top.end === e.end; top = open.at(-1)) {
        if (top.item && e.item && !dropped.has(top)) warnOverride(ctx, e, top);
        dropped.add(top);
        open.pop();
      }
      if (open.some((outer) => outer.end >= e.end && outer.order > e.order)) dropped.add(e);
      open.push(e);
    }
    return list.filter((e) => e.item && !dropped.has(e)).map((e) => e.item as InitItem);
  }
}

function warnOverride(ctx: Context, later: Entry, earlier: Entry): void {
  ctx.warn(
    'initializer-overrides',
    later.loc,
    'this initializes a part a second time; the first value is lost',
    noteAt('first initialized here', earlier.loc),
  );
}
