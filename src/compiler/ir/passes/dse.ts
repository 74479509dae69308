/**
 * Dead stores, byte by byte: a store into a stack object goes if every byte of it is written again or never read on
 * all paths; a fill shrinks to the bytes that are. One bit for each byte of each stack object whose address has not got
 * away, solved backwards over the blocks.
 *
 * So `struct event e = {}; e.pid = …; e.ts = …` zeroes only the padding, and a buffer that `bpf_get_current_comm`
 * fills is not zeroed at all.
 */
import { constant } from '../builder.ts';
import { buildCfg } from '../cfg.ts';
import { helperFacts } from '../helpers.ts';
import type { Alloca, Block, Inst, IrFunction, MemSet } from '../ir.ts';
import { findCaptures, type Region, readsOf, regionOf, writesOf } from './alias.ts';
import { anyBit, assignBits, hasBit, newBits, setBits } from './bitset.ts';

/** More stack than this is an error later anyway. */
const MAX_BYTES = 1 << 16;

export function removeDeadStores(fn: IrFunction): boolean {
  const captures = findCaptures(fn);
  const first = new Int32Array(fn.nextId).fill(-1);
  let bytes = 0;
  for (const i of fn.blocks[0]?.insts ?? []) {
    if (i.op === 'alloca' && captures[i.id] !== 2 && bytes + i.size <= MAX_BYTES) {
      first[i.id] = bytes;
      bytes += i.size;
    }
  }
  if (bytes === 0) return false;
  return new Solver(fn, first, bytes).run();
}

class Solver {
  private readonly fn: IrFunction;
  private readonly first: Int32Array;
  private readonly bytes: number;

  constructor(fn: IrFunction, first: Int32Array, bytes: number) {
    this.fn = fn;
    this.first = first;
    this.bytes = bytes;
  }

  run(): boolean {
    const cfg = buildCfg(this.fn);
    const n = cfg.order.length;
    const liveIn: Uint32Array[] = cfg.order.map(() => newBits(this.bytes));
    const live = newBits(this.bytes);
    const outOf = (at: number): void => {
      live.fill(0);
      for (const s of cfg.succs[at] as readonly Block[]) {
        const from = liveIn[cfg.position[s.id] as number] as Uint32Array;
        for (let w = 0; w < live.length; w++) live[w] = (live[w] as number) | (from[w] as number);
      }
    };
    for (let changed = true; changed; ) {
      changed = false;
      for (let at = n - 1; at >= 0; at--) {
        outOf(at);
        const { insts } = cfg.order[at] as Block;
        for (let k = insts.length - 1; k >= 0; k--) this.step(insts[k] as Inst, live);
        if (assignBits(liveIn[at] as Uint32Array, live)) changed = true;
      }
    }
    let removed = false;
    for (let at = 0; at < n; at++) {
      const block = cfg.order[at] as Block;
      outOf(at);
      const dead = new Set<Inst>();
      const added: { before: Inst; inst: Inst }[] = [];
      for (let k = block.insts.length - 1; k >= 0; k--) {
        const i = block.insts[k] as Inst;
        if (this.isDead(i, live)) {
          dead.add(i);
          continue;
        }
        if (i.op === 'memset') {
          const moved = this.shrink(i, live);
          if (moved) {
            if (moved !== i) added.push({ before: i, inst: moved });
            removed = true;
          }
        }
        this.step(i, live);
      }
      if (dead.size > 0) removed = true;
      if (dead.size > 0 || added.length > 0) {
        const out: Inst[] = [];
        for (const i of block.insts) {
          for (const a of added) if (a.before === i) out.push(a.inst);
          if (!dead.has(i)) out.push(i);
        }
        block.insts = out;
      }
    }
    return removed;
  }

  /** Bits of a region, or undefined where it is of no object here. Unknown offset: the whole object. */
  private range(r: Region): { start: number; end: number; exact: boolean } | undefined {
    if (r.base.op !== 'alloca') return undefined;
    const start = this.first[r.base.id] as number;
    if (start < 0) return undefined;
    const { size } = r.base as Alloca;
    if (r.offset === undefined) return { start, end: start + size, exact: false };
    const from = Math.max(0, Math.min(size, r.offset));
    const to = r.size === undefined ? size : Math.max(from, Math.min(size, r.offset + r.size));
    return { start: start + from, end: start + to, exact: r.size !== undefined };
  }

  private step(i: Inst, live: Uint32Array): void {
    if (i.op === 'store' || i.op === 'memset' || i.op === 'memcpy' || (i.op === 'call' && helperFacts(i).fillsAll)) {
      for (const r of writesOf(i).regions) {
        const range = this.range(r);
        if (range?.exact) setBits(live, range.start, range.end, false);
      }
    }
    for (const r of readsOf(i).regions) {
      const range = this.range(r);
      if (range) setBits(live, range.start, range.end, true);
    }
  }

  private isDead(i: Inst, live: Uint32Array): boolean {
    if (i.op === 'store' ? i.volatile : i.op !== 'memset' && i.op !== 'memcpy') return false;
    for (const r of writesOf(i).regions) {
      const range = this.range(r);
      if (!range || anyBit(live, range.start, range.end)) return false;
    }
    return true;
  }

  /** Cuts dead bytes off both ends. Returns the new address to be placed before it, itself if none is needed. */
  private shrink(i: MemSet, live: Uint32Array): Inst | undefined {
    const region = regionOf(i.dst, 0, i.size);
    const range = this.range(region);
    if (!range?.exact || region.offset === undefined || range.end - range.start !== i.size) return undefined;
    let front = 0,
      back = i.size;
    while (front < back && !hasBit(live, range.start + front)) front++;
    while (back > front && !hasBit(live, range.start + back - 1)) back--;
    // Whole words stay whole: they cost no more.
    front -= (region.offset + front) % 8 === 0 ? 0 : Math.min(front, (region.offset + front) % 8);
    back = Math.min(i.size, back + ((8 - ((region.offset + back) % 8)) % 8));
    if (front === 0 && back === i.size) return undefined;
    i.size = back - front;
    if (front === 0) return i;
    const ptr: Inst = { op: 'ptradd', type: 'ptr', id: this.fn.nextId++, loc: i.loc, base: i.dst, offset: constant('i64', front) };
    i.dst = ptr;
    i.align = Math.min(i.align, front & -front);
    return ptr;
  }
}
