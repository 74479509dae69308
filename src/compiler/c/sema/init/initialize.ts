/**
 * Initialisers (6.7.9): a braced list, with designators and left-out braces, becomes a flat list of (offset, value).
 *
 *   struct { int a; struct { char b[2]; long c; } s; } x = { 1, { "q" }, .s.c = 3 };
 *   ──▶ 0: int 1, 8: bytes "q", 16: long 3
 *
 * An aggregate without braces of its own takes as many items of the list around it as it has parts; `Cursor` is that
 * shared place in the list. A designator moves the place to a part, and the walk goes on from there, also when it was
 * several levels deep. What is initialised twice is sorted out at the end (`overrides.ts`).
 */
import type { Loc } from '../../../diagnostics.ts';
import type { Expr, Initializer } from '../../ast.ts';
import type { ArrayType, CType, Field, IntType, QualType, RecordType } from '../../types.ts';
import type { Designator, ParsedInit, ParsedInitItem } from '../actions.ts';
import { assignTo } from '../assignable.ts';
import { integerValue } from '../constants.ts';
import type { Context } from '../context.ts';
import { checkBits } from '../expr/assign.ts';
import { closestMembers } from '../names.ts';
import { isErrorExpr } from '../nodes.ts';
import { array, qual, withQuals } from '../types/basic.ts';
import { compatibleTypes } from '../types/compatible.ts';
import { quoteType } from '../types/format.ts';
import { findMember, memberNames } from '../types/members.ts';
import { isIncomplete, isInteger } from '../types/predicates.ts';
import { sizeOf } from '../types/size.ts';
import { Items, TooManyItems } from './items.ts';
import { checkStatic, literalInit, stringBytes } from './values.ts';

export interface Initialized {
  /** The type, with the length that the initialiser gives an array. */
  readonly type: QualType;
  readonly init: Initializer;
}

/** An initialiser for an object of that type. Undefined after an error that leaves none. */
export function initialize(ctx: Context, type: QualType, init: ParsedInit, isStatic: boolean): Initialized | undefined {
  const t = type.type;
  if (t.kind === 'function' || (t.kind !== 'array' && isIncomplete(t))) {
    ctx.error(
      'bad-initializer',
      init.loc,
      `${t.kind === 'function' ? 'a function' : `incomplete type ${quoteType(type)}`} cannot be initialized`,
    );
    return undefined;
  }
  try {
    return new Initializing(ctx, isStatic).whole(type, init);
  } catch (thrown) {
    if (!(thrown instanceof TooManyItems)) throw thrown;
    ctx.error('initializer-too-large', init.loc, `this initializer has more than ${thrown.limit} parts`);
    return undefined;
  }
}

/** Arrays in arrays in records: the types of a text nest less. */
const MAX_DEPTH = 400;
const MAX_STEPS = 1 << 19;

class Cursor {
  readonly items: readonly ParsedInitItem[];
  at = 0;

  constructor(items: readonly ParsedInitItem[]) {
    this.items = items;
  }

  /** The next item, unless there is none or it says itself where it belongs. */
  get plain(): ParsedInitItem | undefined {
    const item = this.items[this.at];
    return item && item.designators.length === 0 ? item : undefined;
  }
}

class Initializing {
  private readonly ctx: Context;
  private readonly isStatic: boolean;
  private readonly out = new Items();
  /** Aggregates without braces of their own around what is being initialised. */
  private depth = 0;
  /** Elements of ranges. */
  private steps = 0;

  constructor(ctx: Context, isStatic: boolean) {
    this.ctx = ctx;
    this.isStatic = isStatic;
  }

  whole(type: QualType, init: ParsedInit): Initialized | undefined {
    const t = type.type;
    if (t.kind === 'array') return this.wholeArray(type, t, init);
    if (t.kind === 'record' && init.kind === 'list') {
      this.braced(type, 0, init);
      return { type, init: { kind: 'list', items: this.out.finish(this.ctx), loc: init.loc } };
    }
    const expr = init.kind === 'expr' ? init.expr : this.scalarOf(type, init);
    if (!expr) return t.kind === 'record' ? undefined : { type, init: { kind: 'list', items: [], loc: init.loc } };
    const literal = t.kind === 'record' ? this.literal(expr, t) : undefined;
    if (literal) return { type, init: literal };
    const value = this.value(expr, type, init.loc);
    return value && { type, init: { kind: 'scalar', value } };
  }

  private wholeArray(type: QualType, t: ArrayType, init: ParsedInit): Initialized | undefined {
    const loose = unwrapString(init);
    const text = loose && stringBytes(this.ctx, t, loose, loose.loc);
    if (text) {
      const complete = t.length === undefined ? qual(array(t.of, text.length), type.quals, type.tags, type.alias, type.align) : type;
      return { type: complete, init: { kind: 'string', bytes: text.bytes, loc: init.loc } };
    }
    if (init.kind === 'expr') {
      const literal = this.literal(init.expr, t);
      if (literal) return { type: t.length === undefined ? init.expr.type : type, init: literal };
      if (!isErrorExpr(init.expr)) {
        this.ctx.error(
          'bad-initializer',
          init.loc,
          `an array needs a list in braces${isCharArray(t) ? ' or a string' : ''}; found ${quoteType(init.expr.type)}`,
        );
      }
      return undefined;
    }
    const count = this.braced(type, 0, init);
    const complete = t.length === undefined ? qual(array(t.of, count), type.quals, type.tags, undefined, type.align) : type;
    return { type: complete, init: { kind: 'list', items: this.out.finish(this.ctx), loc: init.loc } };
  }

  /* ---------- one object ---------- */

  /** An object with braces of its own. Returns how many elements an array turned out to have. */
  private braced(type: QualType, offset: number, list: ParsedInit & { readonly kind: 'list' }): number {
    const t = type.type;
    if (t.kind !== 'array' && t.kind !== 'record') {
      const expr = this.scalarOf(type, list);
      if (expr) this.scalar(type, offset, undefined, expr, list.loc);
      return 0;
    }
    if (t.kind === 'array') {
      const loose = unwrapString(list);
      const text = loose && stringBytes(this.ctx, t, loose, loose.loc);
      if (text) {
        this.out.add(offset, type, { kind: 'bytes', bytes: text.bytes, loc: list.loc }, list.loc);
        return text.length;
      }
    }
    this.out.clear(offset, sizeOf(t) ?? 0);
    const cursor = new Cursor(list.items);
    const walk = { count: 0 };
    if (cursor.plain) this.parts(type, offset, cursor, 0, walk);
    while (cursor.at < list.items.length) {
      const item = list.items[cursor.at] as ParsedInitItem;
      if (item.designators.length > 0) {
        const before = cursor.at;
        this.designated(type, offset, item.designators, 0, cursor, walk);
        // What has no parts takes nothing.
        if (cursor.at === before) this.skip(cursor);
        continue;
      }
      const what = t.kind === 'array' ? 'array' : t.tag;
      this.ctx.warn('excess-initializers', item.loc, `this ${what} has no part left for this initializer: ${quoteType(type)}`);
      cursor.at = nextDesignated(list.items, cursor.at);
    }
    return walk.count;
  }

  /** An object whose value comes next in a list: one item, or several where its own braces are left out. */
  private next(type: QualType, offset: number, bit: Field['bit'], cursor: Cursor, name = ''): void {
    const item = cursor.items[cursor.at] as ParsedInitItem;
    const t = type.type;
    const { value } = item;
    if (value.kind === 'list') {
      cursor.at++;
      if (bit) this.bracedBitField(type, offset, bit, value, name);
      else this.braced(type, offset, value);
      return;
    }
    if (t.kind !== 'array' && t.kind !== 'record') {
      cursor.at++;
      this.scalar(type, offset, bit, value.expr, value.loc, name);
      return;
    }
    if (t.kind === 'array') {
      const text = value.expr.kind === 'string' ? stringBytes(this.ctx, t, value.expr, value.loc) : undefined;
      if (text) {
        cursor.at++;
        this.out.add(offset, type, { kind: 'bytes', bytes: text.bytes, loc: value.loc }, item.loc);
        return;
      }
      const literal = this.literal(value.expr, t);
      if (literal) {
        cursor.at++;
        this.out.include(offset, type, literal, item.loc);
        return;
      }
    } else if (value.expr.type.type.kind === 'record' && compatibleTypes(t, value.expr.type.type)) {
      cursor.at++;
      const literal = this.literal(value.expr, t);
      if (literal) {
        this.out.include(offset, type, literal, item.loc);
        return;
      }
      const v = this.value(value.expr, type, value.loc);
      if (v) this.out.add(offset, type, v, item.loc);
      return;
    }
    const before = cursor.at;
    if (++this.depth > MAX_DEPTH) throw new TooManyItems();
    this.parts(type, offset, cursor, 0, { count: 0 });
    this.depth--;
    // A record without members, or an array without elements, takes nothing; the item is the neighbour's.
    if (cursor.at === before && isErrorExpr(value.expr)) cursor.at++;
  }

  /** Parts of an aggregate from number `from` on, as long as the list has items without designators. */
  private parts(type: QualType, offset: number, cursor: Cursor, from: number, walk: { count: number }): void {
    const t = type.type;
    if (t.kind === 'array') {
      const size = this.elementSize(t, cursor);
      if (size === undefined) return;
      const of = withQuals(t.of, type.quals);
      const limit = t.length ?? Number.POSITIVE_INFINITY;
      for (let i = from; i < limit && cursor.plain; i++) {
        const before = cursor.at;
        this.next(of, offset + i * size, undefined, cursor);
        walk.count = Math.max(walk.count, i + 1);
        // Elements without parts: the rest of the list has no place in them either.
        if (cursor.at === before) return;
      }
      return;
    }
    if (t.kind !== 'record') return;
    const fields = t.fields ?? [];
    for (let i = from; i < fields.length && cursor.plain; i++) {
      const f = fields[i] as Field;
      if (f.name === '' && f.bit) continue;
      if (this.flexible(f, cursor)) return;
      if (t.tag === 'union') this.out.clearUnion(offset, t, f);
      this.next(withQuals(f.type, type.quals), offset + f.offset, f.bit, cursor, f.name);
      if (t.tag === 'union') return;
    }
  }

  private elementSize(t: ArrayType, cursor: Cursor): number | undefined {
    const size = sizeOf(t.of.type);
    if (size === undefined) {
      const at = cursor.items[cursor.at]?.loc ?? 0;
      this.ctx.error('bad-initializer', at, `elements of incomplete type ${quoteType(t.of)} cannot be initialized`);
      cursor.at = cursor.items.length;
    }
    return size;
  }

  /** An array without a length at the end of a struct: only a static object can have it initialised. */
  private flexible(f: Field, cursor: Cursor): boolean {
    const t = f.type.type;
    if (t.kind !== 'array' || t.length !== undefined || this.isStatic) return false;
    const item = cursor.items[cursor.at] as ParsedInitItem;
    this.ctx.error('flexible-array', item.loc, `'${f.name}' has no length and can be initialized in static objects only`);
    cursor.at = cursor.items.length;
    return true;
  }

  /* ---------- designators ---------- */

  /** The part that `designators[i…]` name, and then what follows it in each aggregate on the way. */
  private designated(
    type: QualType,
    offset: number,
    designators: readonly Designator[],
    i: number,
    cursor: Cursor,
    walk: { count: number },
  ): void {
    const d = designators[i];
    if (!d) {
      this.next(type, offset, undefined, cursor);
      return;
    }
    if (d.kind === 'index') this.designatedElement(type, offset, d, designators, i, cursor, walk);
    else this.designatedMember(type, offset, d, designators, i, cursor);
  }

  private designatedElement(
    type: QualType,
    offset: number,
    d: Designator & { readonly kind: 'index' },
    designators: readonly Designator[],
    i: number,
    cursor: Cursor,
    walk: { count: number },
  ): void {
    const t = type.type;
    if (t.kind !== 'array') {
      this.badDesignator(cursor, d.loc, `'[…]' designates an element, and ${quoteType(type)} is no array`);
      return;
    }
    const low = this.indexValue(d.low, t);
    const high = d.high ? this.indexValue(d.high, t) : low;
    if (low === undefined || high === undefined) {
      this.skip(cursor);
      return;
    }
    if (low > high) {
      this.badDesignator(cursor, d.loc, `the range ${low} ... ${high} is empty`);
      return;
    }
    const size = this.elementSize(t, cursor);
    if (size === undefined) return;
    const of = withQuals(t.of, type.quals);
    const start = cursor.at;
    for (let n = low; n <= high; n++) {
      // Every element of a range takes the same items, be it a mistake.
      if (++this.steps > MAX_STEPS) throw new TooManyItems();
      cursor.at = start;
      this.designated(of, offset + n * size, designators, i + 1, cursor, { count: 0 });
    }
    walk.count = Math.max(walk.count, high + 1);
    this.parts(type, offset, cursor, high + 1, walk);
  }

  private indexValue(e: Expr, t: ArrayType): number | undefined {
    if (isErrorExpr(e)) return undefined;
    const v = integerValue(e);
    if (v === undefined) this.ctx.error('not-constant', e.loc, 'the index in a designator must be an integer constant');
    else if (v < 0n || v >= BigInt(t.length ?? 2 ** 32)) {
      this.ctx.error(
        'bad-designator',
        e.loc,
        v < 0n ? `the index ${v} is negative` : `the index ${v} is beyond the ${t.length ?? 2 ** 32} elements of the array`,
      );
    } else return Number(v);
    return undefined;
  }

  private designatedMember(
    type: QualType,
    offset: number,
    d: Designator & { readonly kind: 'field' },
    designators: readonly Designator[],
    i: number,
    cursor: Cursor,
  ): void {
    const t = type.type;
    if (t.kind !== 'record') {
      this.badDesignator(cursor, d.loc, `'.${d.name}' designates a member, and ${quoteType(type)} is no struct or union`);
      return;
    }
    const path = findMember(t, d.name);
    if (!path) {
      this.ctx.error('no-member', d.loc, `${quoteType(type)} has no member '${d.name}'${closestMembers(d.name, memberNames(t))}`);
      this.skip(cursor);
      return;
    }
    this.alongPath(type, t, offset, path, 0, designators, i, cursor);
  }

  /** Through anonymous members to the one that has the name. */
  private alongPath(
    type: QualType,
    record: RecordType,
    offset: number,
    path: readonly Field[],
    at: number,
    designators: readonly Designator[],
    i: number,
    cursor: Cursor,
  ): void {
    const field = path[at] as Field;
    const inner = withQuals(field.type, type.quals);
    const place = offset + field.offset;
    if (record.tag === 'union') this.out.clearUnion(offset, record, field);
    if (at + 1 < path.length && field.type.type.kind === 'record') {
      this.alongPath(inner, field.type.type, place, path, at + 1, designators, i, cursor);
    } else if (i + 1 < designators.length) {
      this.designated(inner, place, designators, i + 1, cursor, { count: 0 });
    } else {
      if (this.flexible(field, cursor)) return;
      this.next(inner, place, field.bit, cursor, field.name);
    }
    if (record.tag === 'struct') this.parts(type, offset, cursor, (record.fields ?? []).indexOf(field) + 1, { count: 0 });
  }

  private badDesignator(cursor: Cursor, loc: Loc, message: string): void {
    this.ctx.error('bad-designator', loc, message);
    this.skip(cursor);
  }

  /** Leaves out the item, and what would have followed it. */
  private skip(cursor: Cursor): void {
    cursor.at = nextDesignated(cursor.items, cursor.at + 1);
  }

  /* ---------- scalars ---------- */

  private bracedBitField(
    type: QualType,
    offset: number,
    bit: Field['bit'],
    list: ParsedInit & { readonly kind: 'list' },
    name: string,
  ): void {
    const expr = this.scalarOf(type, list);
    if (expr) this.scalar(type, offset, bit, expr, list.loc, name);
  }

  private scalar(type: QualType, offset: number, bit: Field['bit'], expr: Expr, loc: Loc, name = ''): void {
    const v = this.value(expr, type, loc);
    if (!v) return;
    if (bit) checkBits(this.ctx, name, bit.width, type, v);
    this.out.add(offset, type, v, loc, bit);
  }

  /** The value of a scalar in braces: `{ 5 }`. Undefined for `{}`, which is zero. */
  private scalarOf(type: QualType, list: ParsedInit & { readonly kind: 'list' }): Expr | undefined {
    const first = list.items[0];
    if (!first) return undefined;
    if (first.designators.length > 0) {
      this.ctx.error('bad-designator', first.loc, `${quoteType(type)} has no parts to designate`);
      return undefined;
    }
    if (list.items.length > 1)
      this.ctx.warn('excess-initializers', (list.items[1] as ParsedInitItem).loc, `${quoteType(type)} takes one value`);
    return first.value.kind === 'list' ? this.scalarOf(type, first.value) : first.value.expr;
  }

  private literal(expr: Expr, type: CType): Initializer | undefined {
    const init = literalInit(expr, type);
    if (!init || !this.isStatic || init.kind === 'string') return init;
    if (init.kind === 'scalar') {
      const value = checkStatic(this.ctx, init.value);
      return value && { kind: 'scalar', value };
    }
    const items = init.items.map((i) => (i.value.kind === 'bytes' ? i : { ...i, value: checkStatic(this.ctx, i.value) ?? i.value }));
    return { ...init, items };
  }

  private value(expr: Expr, type: QualType, loc: Loc): Expr | undefined {
    const v = assignTo(this.ctx, expr, type, { kind: 'initialize' }, loc);
    if (isErrorExpr(v)) return undefined;
    return this.isStatic ? checkStatic(this.ctx, v) : v;
  }
}

function nextDesignated(items: readonly ParsedInitItem[], from: number): number {
  let i = from;
  while (i < items.length && items[i]?.designators.length === 0) i++;
  return i;
}

/** `"text"` or `{ "text" }`. */
function unwrapString(init: ParsedInit): Expr | undefined {
  if (init.kind === 'expr') return init.expr.kind === 'string' ? init.expr : undefined;
  const only = init.items.length === 1 ? init.items[0] : undefined;
  return only && only.designators.length === 0 && only.value.kind === 'expr' && only.value.expr.kind === 'string'
    ? only.value.expr
    : undefined;
}

function isCharArray(t: ArrayType): boolean {
  return isInteger(t.of.type) && (t.of.type as IntType).size === 1;
}
