/**
 * No byte of the stack is read before it is written, padding included: what a helper gets, what is copied out, what the
 * program itself loads. Kernels before 6.3 refuse such programs, and on later ones the bytes are whatever the last
 * program left there.
 *
 * Forward over the blocks: which bytes of each object are written on every path. Bytes that some read finds unwritten
 * are zeroed once, at the first touch of the object, outside of all loops.
 */
import { constant } from '../builder.ts';
import { buildCfg, buildDominators, type Cfg, findLoops } from '../cfg.ts';
import type { Alloca, Block, Inst, IrFunction, MemBits, Store, Value } from '../ir.ts';
import { forEachOperand, termOperand } from '../uses.ts';
import { type Region, readsOf, writesOf } from './alias.ts';
import { assignBits, hasBit, newBits, setBits } from './bitset.ts';
import { basedOn } from './pointers.ts';

export function initializeStack(fn: IrFunction): boolean {
  const objects: Alloca[] = [];
  for (const i of fn.blocks[0]?.insts ?? []) if (i.op === 'alloca' && i.size > 0) objects.push(i);
  if (objects.length === 0) return false;
  return new Initializer(fn, objects).run();
}

class Initializer {
  private readonly fn: IrFunction;
  private readonly objects: readonly Alloca[];
  private readonly first: Int32Array;
  private readonly bytes: number;
  private readonly missing: Uint8Array;

  constructor(fn: IrFunction, objects: readonly Alloca[]) {
    this.fn = fn;
    this.objects = objects;
    this.first = new Int32Array(fn.nextId).fill(-1);
    let bytes = 0;
    for (const o of objects) {
      this.first[o.id] = bytes;
      bytes += o.size;
    }
    this.bytes = bytes;
    this.missing = new Uint8Array(bytes);
  }

  run(): boolean {
    const cfg = buildCfg(this.fn);
    const n = cfg.order.length;
    // Written on every path to the end of a block; all ones until the block has been seen.
    const out: Uint32Array[] = cfg.order.map(() => newBits(this.bytes).fill(0xffff_ffff));
    const state = newBits(this.bytes);
    const enter = (at: number): void => {
      if (at === 0) {
        state.fill(0);
        return;
      }
      state.fill(0xffff_ffff);
      for (const p of cfg.preds[at] as readonly Block[]) {
        const from = out[cfg.position[p.id] as number] as Uint32Array;
        for (let w = 0; w < state.length; w++) state[w] = (state[w] as number) & (from[w] as number);
      }
    };
    for (let changed = true; changed; ) {
      changed = false;
      for (let at = 0; at < n; at++) {
        enter(at);
        for (const i of (cfg.order[at] as Block).insts) this.write(i, state);
        if (assignBits(out[at] as Uint32Array, state)) changed = true;
      }
    }
    for (let at = 0; at < n; at++) {
      enter(at);
      for (const i of (cfg.order[at] as Block).insts) {
        this.read(i, state);
        this.write(i, state);
      }
      const t = termOperand((cfg.order[at] as Block).term);
      if (t?.type === 'ptr') this.readAll(basedOn(t).base, state);
    }
    return this.zero(cfg);
  }

  private range(r: Region): { start: number; end: number; exact: boolean } | undefined {
    if (r.base.op !== 'alloca') return undefined;
    const start = this.first[r.base.id] as number;
    if (start < 0) return undefined;
    const { size } = r.base;
    if (r.offset === undefined) return { start, end: start + size, exact: false };
    const from = Math.max(0, Math.min(size, r.offset));
    const to = r.size === undefined ? size : Math.max(from, Math.min(size, r.offset + r.size));
    return { start: start + from, end: start + to, exact: r.size !== undefined };
  }

  private write(i: Inst, state: Uint32Array): void {
    for (const r of writesOf(i).regions) {
      const range = this.range(r);
      // A helper that may write anything says nothing about what it does write; the others fill what they are given.
      if (range?.exact) setBits(state, range.start, range.end, true);
    }
  }

  private need(start: number, end: number, state: Uint32Array): void {
    for (let k = start; k < end; k++) if (!hasBit(state, k)) this.missing[k] = 1;
  }

  private readAll(base: Value, state: Uint32Array): void {
    if (base.op !== 'alloca') return;
    const start = this.first[base.id] as number;
    if (start >= 0) this.need(start, start + base.size, state);
  }

  private read(i: Inst, state: Uint32Array): void {
    for (const r of readsOf(i).regions) {
      const range = this.range(r);
      if (range) this.need(range.start, range.end, state);
    }
    // An address that gets away may be read by anyone from then on.
    switch (i.op) {
      case 'store':
        this.readAll(basedOn(i.value).base, state);
        break;
      case 'phi':
      case 'select':
      case 'ptrtoint':
      case 'asm':
        forEachOperand(i, (v) => this.readAll(basedOn(v).base, state));
        break;
      default:
        break;
    }
  }

  private zero(cfg: Cfg): boolean {
    const wanted = this.objects.filter((o) => this.missing.subarray(this.first[o.id], (this.first[o.id] as number) + o.size).includes(1));
    if (wanted.length === 0) return false;
    const homes = this.homes(cfg, wanted);
    for (const o of wanted) {
      const at = homes.get(o) as Block;
      const index = at.insts.findIndex((i) => i.op !== 'phi' && i.op !== 'alloca' && mentions(i, o));
      const stores = this.stores(o);
      const place = index >= 0 ? index : at.insts.length;
      at.insts.splice(place, 0, ...stores);
    }
    return true;
  }

  /** For each object the nearest block that dominates all uses and lies in no loop. */
  private homes(cfg: Cfg, objects: readonly Alloca[]): Map<Alloca, Block> {
    const dom = buildDominators(cfg);
    const inLoop = new Uint8Array(cfg.order.length);
    for (const l of findLoops(cfg, dom)) for (const b of l.blocks) inLoop[b] = 1;
    const out = new Map<Alloca, Block>();
    for (const o of objects) {
      let home = -1;
      cfg.order.forEach((block, at) => {
        if (!block.insts.some((i) => i !== o && mentions(i, o))) return;
        if (home === -1) home = at;
        while (!dom.dominates(home, at)) home = dom.idom[home] as number;
      });
      home = Math.max(0, home);
      while (inLoop[home] && home !== 0) home = dom.idom[home] as number;
      out.set(o, cfg.order[home] as Block);
    }
    return out;
  }

  /** Aligned stores of zero that cover what is missing, as few as possible. */
  private stores(o: Alloca): Store[] {
    const start = this.first[o.id] as number;
    const has = (from: number, to: number): boolean => {
      for (let k = from; k < to; k++) if (this.missing[start + k]) return true;
      return false;
    };
    const out: Store[] = [];
    const cover = (from: number, width: number): void => {
      if (!has(from, Math.min(from + width, o.size))) return;
      const half = width / 2;
      const left = width > 1 && has(from, Math.min(from + half, o.size));
      const right = width > 1 && has(Math.min(from + half, o.size), Math.min(from + width, o.size));
      if (from + width > o.size || (width > 1 && left !== right)) {
        cover(from, half);
        if (from + half < o.size) cover(from + half, half);
        return;
      }
      const bits = (width * 8) as MemBits;
      out.push({
        op: 'store',
        type: 'void',
        id: this.fn.nextId++,
        loc: o.loc,
        ptr: o,
        offset: from,
        bits,
        value: constant(bits === 64 ? 'i64' : 'i32', 0),
        volatile: false,
      });
    };
    const slot = Math.max(o.align, o.size >= 8 ? 8 : o.size >= 4 ? 4 : o.size >= 2 ? 2 : 1);
    const widest = Math.min(8, slot);
    for (let at = 0; at < o.size; at += widest) cover(at, widest);
    return out;
  }
}

/** Directly, or by a pointer computed from it. */
function mentions(i: Inst, o: Alloca): boolean {
  let found = false;
  forEachOperand(i, (v) => {
    if (!found && v.type === 'ptr' && basedOn(v).base === o) found = true;
  });
  return found;
}
