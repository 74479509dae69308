/**
 * Neighbouring constants are stored together: two words of zero are one store of eight bytes. Within a block, as long
 * as nothing in between may read or write those bytes. A constant of eight bytes that is no sign-extended 32-bit number
 * would need two more instructions, so such ones stay apart (and wide ones are split).
 */
import { constant } from '../builder.ts';
import type { Block, Inst, IrFunction, MemBits, Store, Value } from '../ir.ts';
import { type Captures, findCaptures, mayAlias, type Region, reachableByOthers, readsOf, regionOf, writesOf } from './alias.ts';
import { basedOn } from './pointers.ts';

export function mergeStores(fn: IrFunction): boolean {
  const captures = findCaptures(fn);
  let changed = false;
  for (const block of fn.blocks) if (mergeBlock(fn, block, captures)) changed = true;
  return changed;
}

interface Group {
  readonly base: Value;
  readonly stores: Store[];
}

function mergeBlock(fn: IrFunction, block: Block, captures: Captures): boolean {
  let groups: Group[] = [];
  const dead = new Set<Inst>();
  const before = new Map<Inst, Store[]>();
  let changed = false;
  const close = (g: Group): void => {
    if (g.stores.length > 1 && mergeGroup(fn, g, dead, before)) changed = true;
  };
  for (const i of block.insts) {
    if (i.op === 'store' && isCandidate(fn, i)) {
      const region = regionOf(i.ptr, i.offset, i.bits / 8);
      const mine = groups.find((g) => g.base === region.base);
      for (const g of groups) if (g !== mine && touches(g, region, captures)) close(g);
      groups = groups.filter((g) => g === mine || !touches(g, region, captures));
      if (mine) {
        mine.stores.push(i);
        continue;
      }
      groups.push({ base: region.base, stores: [i] });
      continue;
    }
    const w = writesOf(i),
      r = readsOf(i);
    if (!w.everything && !r.everything && w.regions.length === 0 && r.regions.length === 0) continue;
    groups = groups.filter((g) => {
      const hit =
        ((w.everything || r.everything) && reachableByOthers({ base: g.base, offset: undefined, size: undefined }, captures)) ||
        w.regions.some((x) => touches(g, x, captures)) ||
        r.regions.some((x) => touches(g, x, captures));
      if (hit) close(g);
      return !hit;
    });
  }
  for (const g of groups) close(g);
  if (!changed) return false;
  const out: Inst[] = [];
  for (const i of block.insts) {
    for (const s of before.get(i) ?? []) out.push(s);
    if (!dead.has(i)) out.push(i);
  }
  block.insts = out;
  return true;
}

/** Constants, in memory without fields: the kernel checks stores to a context and to its own structs field by field. */
function isCandidate(fn: IrFunction, i: Store): boolean {
  if (i.volatile || i.core || i.value.op !== 'const') return false;
  const { base, offset } = basedOn(i.ptr);
  if (offset === undefined) return false;
  // Of a subprogram's parameters it is not known.
  if (base.op === 'param') return base.space !== undefined && base.space !== 'ctx' && base.space !== 'btf';
  // What a struct_ops function was given points to structs of the kernel, some of whose members it may write.
  return base.op !== 'load' || (fn.program !== undefined && fn.program.type !== 'struct_ops');
}

function touches(g: Group, r: Region, captures: Captures): boolean {
  return g.stores.some((s) => mayAlias(regionOf(s.ptr, s.offset, s.bits / 8), r, captures));
}

function mergeGroup(fn: IrFunction, g: Group, dead: Set<Inst>, before: Map<Inst, Store[]>): boolean {
  // The bytes as they are after the last of them.
  const bytes = new Map<number, { value: number; store: Store }>();
  let low = Infinity,
    high = -Infinity;
  for (const s of g.stores) {
    const at = (basedOn(s.ptr).offset as number) + s.offset;
    const value = (s.value as { value: bigint }).value;
    for (let k = 0; k < s.bits / 8; k++) bytes.set(at + k, { value: Number((value >> BigInt(8 * k)) & 0xffn), store: s });
    low = Math.min(low, at);
    high = Math.max(high, at + s.bits / 8);
  }
  const made: { at: number; bits: MemBits; value: bigint }[] = [];
  for (let at = low; at < high; ) {
    if (!bytes.has(at)) {
      at++;
      continue;
    }
    let width = 8;
    while (width > 1 && (at % width !== 0 || !whole(bytes, at, width) || !fits(bytes, at, width))) width /= 2;
    made.push({ at, bits: (width * 8) as MemBits, value: read(bytes, at, width) });
    at += width;
  }
  if (made.length >= g.stores.length) return false;
  const last = g.stores[g.stores.length - 1] as Store;
  const first = g.stores[0] as Store;
  for (const s of g.stores) dead.add(s);
  const base = first.ptr.op === 'ptradd' || first.ptr.op === 'spacecast' ? g.base : first.ptr;
  before.set(
    last,
    made.map((m) => ({
      op: 'store',
      type: 'void',
      id: fn.nextId++,
      loc: last.loc,
      ptr: base,
      offset: m.at,
      bits: m.bits,
      value: constant(m.bits === 64 ? 'i64' : 'i32', m.value),
      volatile: false,
    })),
  );
  return true;
}

function whole(bytes: Map<number, unknown>, at: number, width: number): boolean {
  for (let k = 0; k < width; k++) if (!bytes.has(at + k)) return false;
  return true;
}

function read(bytes: Map<number, { value: number }>, at: number, width: number): bigint {
  let v = 0n;
  for (let k = width - 1; k >= 0; k--) v = (v << 8n) | BigInt(bytes.get(at + k)?.value ?? 0);
  return v;
}

/** Whether the immediate of one instruction can say it. */
function fits(bytes: Map<number, { value: number }>, at: number, width: number): boolean {
  return width < 8 || BigInt.asIntN(64, read(bytes, at, 8)) === BigInt.asIntN(32, read(bytes, at, 8));
}
