/**
 * Brings the number of values in registers below what there is, by cutting lives: a value leaves its register for a
 * while and is reloaded where it is used next. Which one leaves is Belady's choice, the one that is used last from here
 * (Braun and Hack, "Register Spilling and Live-Range Splitting for SSA-Form Programs"). At a call only the four registers
 * that survive it count.
 *
 *   per block:  what is in registers at its start ─▶ walk, evicting and reloading ─▶ what is at its end
 *   per edge:   reload what the next block expects
 *   at last:    save each value where it is written, if a reload may come; constants are made again instead
 *
 * A register is still one variable afterwards; `webs.ts` then gives the separate parts of its life separate names, which
 * may get separate physical registers.
 */
import { removeDeadCode } from './dead-code.ts';
import type { Liveness } from './liveness.ts';
import { computeLiveness, forEachLive } from './liveness.ts';
import type { MBlock, MFunction } from './machine.ts';
import { type MInst, NONE, newBlock, physicalDefs, physicalUses, REGISTERS, virtualDefs, virtualUses } from './machine.ts';
import type { NextUses, Pressure } from './pressure.ts';
import { FAR, FARTHEST, measurePressure, nextUses } from './pressure.ts';
import { findRepeatable, repeat, repeatCost } from './rematerialize.ts';
import { newSpillSlot, reload, save } from './spill-everywhere.ts';
import { renameWebs } from './webs.ts';

/** Registers that survive a call. */
const SURVIVORS = 4;

/** Blocks must be in reverse postorder. True if anything was spilled. */
export function spillPressure(fn: MFunction): boolean {
  const live = computeLiveness(fn);
  const pressure = measurePressure(fn, live);
  if (!pressure.tooHigh) return false;
  new Spiller(fn, live, pressure).run();
  return true;
}

interface Insertion {
  readonly before: number;
  readonly reg: number;
  readonly kind: 'reload' | 'save';
}

class Spiller {
  private readonly fn: MFunction;
  private readonly live: Liveness;
  private readonly pressure: Pressure;
  private readonly uses: NextUses;
  private readonly makers: (MInst | undefined)[];
  private readonly entry: number[][];
  private readonly exit: number[][];
  /** Reloads and saves by block; `before` counts original instructions. */
  private readonly insertions: Insertion[][];
  private readonly slots: Int32Array;
  private readonly reloaded: Uint8Array;
  /** In the block being walked: position of the next use. */
  private readonly next: Int32Array;
  private readonly useLists: (number[] | undefined)[];
  private readonly defCount: Int32Array;
  private readonly defDepth: Int32Array;
  /** Where each register left, for those that leave in one place only: block and position, or SEVERAL. */
  private readonly leaves: (readonly [number, number] | 'several' | undefined)[];

  constructor(fn: MFunction, live: Liveness, pressure: Pressure) {
    this.fn = fn;
    this.live = live;
    this.pressure = pressure;
    this.uses = nextUses(fn, live);
    this.makers = findRepeatable(fn);
    this.entry = fn.blocks.map(() => []);
    this.exit = fn.blocks.map(() => []);
    this.insertions = fn.blocks.map(() => []);
    this.slots = new Int32Array(fn.nextReg).fill(NONE);
    this.reloaded = new Uint8Array(fn.nextReg);
    this.next = new Int32Array(fn.nextReg).fill(FAR);
    this.useLists = new Array<undefined>(fn.nextReg).fill(undefined);
    this.defCount = new Int32Array(fn.nextReg);
    this.leaves = new Array<undefined>(fn.nextReg).fill(undefined);
    this.defDepth = new Int32Array(fn.nextReg);
    const operands: number[] = [];
    for (const b of fn.blocks) {
      for (const i of b.insts) {
        for (let n = virtualDefs(i, operands) - 1; n >= 0; n--) {
          this.defCount[operands[n] as number]!++;
          this.defDepth[operands[n] as number] = b.depth;
        }
      }
    }
  }

  run(): void {
    for (const b of this.fn.blocks) {
      this.entry[b.index] = this.atEntry(b);
      this.walk(b);
    }
    const edges = this.edgeReloads();
    this.placeSaves(edges);
    this.apply(edges);
    renameWebs(this.fn);
    // Writes of what is now made again everywhere.
    removeDeadCode(this.fn);
  }

  /* ---------- what is in registers when a block begins ---------- */

  private atEntry(b: MBlock): number[] {
    if (b.index === 0) return [];
    const done = b.preds.filter((p) => p.index < b.index);
    const isHeader = done.length < b.preds.length;
    const liveIn: number[] = [];
    forEachLive(this.live, this.live.liveIn, b.index, (r) => liveIn.push(r));
    const distance = (r: number): number => this.uses.atEntry(b.index, r);
    if (isHeader) return this.atLoop(b, liveIn, distance);
    const held = new Map<number, number>();
    for (const p of done) for (const r of this.exit[p.index] as number[]) held.set(r, (held.get(r) ?? 0) + 1);
    const everywhere: number[] = [],
      almost: number[] = [];
    for (const r of liveIn) {
      const n = held.get(r) ?? 0;
      if (n === done.length) everywhere.push(r);
      else if (n > 0 && n === done.length - 1 && this.cheapEdge(done.find((p) => !(this.exit[p.index] as number[]).includes(r))))
        almost.push(r);
    }
    everywhere.sort((x, y) => distance(x) - distance(y));
    almost.sort((x, y) => distance(x) - distance(y));
    const out = everywhere.slice(0, REGISTERS);
    for (const r of almost) if (out.length < REGISTERS - 2 && distance(r) < this.uses.callAtEntry(b.index)) out.push(r);
    return out;
  }

  /** A reload at the end of this block needs no block of its own. */
  private cheapEdge(p: MBlock | undefined): boolean {
    return p !== undefined && p.taken === undefined;
  }

  /** A loop keeps what it uses; what only passes through stays if there is room in the whole loop. */
  private atLoop(b: MBlock, liveIn: readonly number[], distance: (r: number) => number): number[] {
    const loop = this.pressure.ofLoop(b.index);
    const sorted = liveIn.slice().sort((x, y) => distance(x) - distance(y));
    const used = sorted.filter((r) => distance(r) < FAR / 2);
    const through = sorted.filter((r) => distance(r) >= FAR / 2);
    const beforeCall = this.uses.callAtEntry(b.index);
    const out: number[] = [];
    let survivors = 0;
    for (const r of used) {
      if (out.length >= REGISTERS) break;
      // What is not used before the loop's first call must survive it.
      if (loop.calls && distance(r) > beforeCall) {
        if (survivors >= SURVIVORS) continue;
        survivors++;
      }
      out.push(r);
    }
    let room = REGISTERS - (loop.most - through.length);
    if (loop.calls) room = Math.min(room, SURVIVORS - (loop.mostAcross - through.length));
    for (const r of through) {
      if (room-- <= 0 || out.length >= REGISTERS) break;
      out.push(r);
    }
    return out;
  }

  /* ---------- a block ---------- */

  private walk(b: MBlock): void {
    const { insts } = b;
    const held = (this.entry[b.index] as number[]).slice();
    const operands: number[] = [];
    const here: number[] = [];
    insts.forEach((i, at) => {
      for (let n = virtualUses(i, operands) - 1; n >= 0; n--) {
        const r = operands[n] as number;
        let list = this.useLists[r];
        if (list === undefined) {
          list = this.useLists[r] = [];
          here.push(r);
        }
        list.push(at);
      }
    });
    const liveOut = new Map<number, number>();
    forEachLive(this.live, this.live.liveOut, b.index, (r) => {
      liveOut.set(r, Math.min(FARTHEST, insts.length + this.uses.atExit(b.index, r)));
    });
    const cursor = new Map<number, number>();
    const nextUse = (r: number, after: number): number => {
      const list = this.useLists[r];
      if (list !== undefined) {
        let c = cursor.get(r) ?? 0;
        while (c < list.length && (list[c] as number) <= after) c++;
        cursor.set(r, c);
        if (c < list.length) return list[c] as number;
      }
      return liveOut.get(r) ?? FAR * 2;
    };
    for (const r of held) this.next[r] = nextUse(r, -1);
    const physical = physicalAfter(b);
    const add = (r: number): void => {
      if (!held.includes(r)) held.push(r);
    };
    /** Evicts until `room` registers hold values, sparing those in `keep`. */
    const limit = (room: number, at: number, keep: readonly number[], count: number): void => {
      while (held.length > room) {
        let worst = -1,
          score = -1;
        for (let k = 0; k < held.length; k++) {
          const r = held[k] as number;
          let kept = false;
          for (let n = 0; n < count; n++) if (keep[n] === r) kept = true;
          if (kept) continue;
          const s = ((this.next[r] as number) - at) * this.cheapness(r);
          if (s > score) {
            score = s;
            worst = k;
          }
        }
        if (worst < 0) return;
        this.leave(held[worst] as number, b.index, at);
        held.splice(worst, 1);
      }
    };
    const uses: number[] = [],
      defs: number[] = [];
    insts.forEach((i, at) => {
      const nu = virtualUses(i, uses);
      let missing = 0;
      for (let n = 0; n < nu; n++) if (!held.includes(uses[n] as number)) missing++;
      const before = at === 0 ? physicalBefore(b) : (physical[at - 1] as number);
      if (missing > 0) {
        limit(REGISTERS - bits(before) - missing, at, uses, nu);
        for (let n = 0; n < nu; n++) {
          const r = uses[n] as number;
          if (held.includes(r)) continue;
          this.reload(b, at, r);
          held.push(r);
        }
      } else limit(REGISTERS - bits(before), at, uses, nu);
      for (let n = 0; n < nu; n++) this.next[uses[n] as number] = nextUse(uses[n] as number, at);
      for (let k = held.length - 1; k >= 0; k--) if ((this.next[held[k] as number] as number) >= FAR * 2) held.splice(k, 1);
      const nd = virtualDefs(i, defs);
      const taken = (physical[at] as number) | physicalDefs(i);
      let fresh = 0;
      for (let n = 0; n < nd; n++) if (!held.includes(defs[n] as number)) fresh++;
      limit(REGISTERS - bits(taken) - fresh, at, defs, nd);
      for (let n = 0; n < nd; n++) {
        const r = defs[n] as number;
        this.next[r] = nextUse(r, at);
        if ((this.next[r] as number) < FAR * 2) add(r);
        else if (held.includes(r)) held.splice(held.indexOf(r), 1);
      }
    });
    for (const r of here) this.useLists[r] = undefined;
    this.exit[b.index] = held;
  }

  /** How gladly it is given up: what need not be saved goes first where the distances are alike. */
  private cheapness(r: number): number {
    const maker = this.makers[r];
    if (maker) return repeatCost(maker) === 1 ? 4 : 2;
    return this.reloaded[r] ? 2 : 1;
  }

  private leave(r: number, block: number, at: number): void {
    this.leaves[r] = this.leaves[r] === undefined ? [block, at] : 'several';
  }

  private reload(b: MBlock, before: number, reg: number): void {
    this.reloaded[reg] = 1;
    (this.insertions[b.index] as Insertion[]).push({ before, reg, kind: 'reload' });
  }

  /* ---------- edges and saves ---------- */

  private edgeReloads(): { from: MBlock; to: MBlock; regs: number[] }[] {
    const out: { from: MBlock; to: MBlock; regs: number[] }[] = [];
    const inEntry = new Int32Array(this.fn.nextReg).fill(-1);
    for (const b of this.fn.blocks) {
      const entry = this.entry[b.index] as number[];
      for (const r of entry) inEntry[r] = b.index;
      for (const p of b.preds) {
        const exit = this.exit[p.index] as number[];
        const missing = entry.filter((r) => !exit.includes(r));
        for (const r of missing) this.reloaded[r] = 1;
        if (missing.length > 0) out.push({ from: p, to: b, regs: missing });
        // Left on the way: nobody expects it here.
        for (const r of exit) if (inEntry[r] !== b.index && this.isLiveIn(b, r)) this.leaves[r] = 'several';
      }
    }
    return out;
  }

  private isLiveIn(b: MBlock, r: number): boolean {
    const bit = this.live.bit[r] as number;
    return bit >= 0 && (((this.live.liveIn[b.index * this.live.words + (bit >>> 5)] as number) >>> (bit & 31)) & 1) !== 0;
  }

  /** A write is saved when some reload may read it: liveness of the stack slots, backward. */
  private placeSaves(edges: readonly { from: MBlock; to: MBlock; regs: number[] }[]): void {
    const { blocks } = this.fn;
    const saved: number[] = [];
    const index = new Int32Array(this.fn.nextReg).fill(-1);
    for (let r = 0; r < this.fn.nextReg; r++) {
      if (!this.reloaded[r] || this.makers[r]) continue;
      const place = this.leaves[r];
      // One write and one place where it leaves: save there, after its last use before. By then a check may have told
      // the verifier more about it.
      if (
        this.defCount[r] === 1 &&
        Array.isArray(place) &&
        (this.fn.blocks[place[0] as number] as MBlock).depth <= (this.defDepth[r] as number)
      ) {
        const before = this.afterLastMention(this.fn.blocks[place[0] as number] as MBlock, place[1] as number, r);
        (this.insertions[place[0] as number] as Insertion[]).push({ before, reg: r, kind: 'save' });
        continue;
      }
      index[r] = saved.push(r) - 1;
    }
    if (saved.length === 0) return;
    const words = (saved.length + 31) >>> 5;
    const liveIn = new Uint32Array(blocks.length * words),
      liveOut = new Uint32Array(blocks.length * words);
    const edgeUse = new Map<MBlock, Uint32Array[]>();
    for (const e of edges) {
      const set = new Uint32Array(words);
      for (const r of e.regs) if (index[r] !== -1) set[(index[r] as number) >>> 5]! |= 1 << ((index[r] as number) & 31);
      const list = edgeUse.get(e.from);
      if (list) list.push(set);
      else edgeUse.set(e.from, [set]);
    }
    const operands: number[] = [];
    const walkBack = (b: MBlock, now: Uint32Array, onDef?: (r: number, at: number) => void): void => {
      const list = this.insertions[b.index] as Insertion[];
      let at = b.insts.length;
      let k = list.length - 1;
      const reloads = (before: number): void => {
        for (; k >= 0 && (list[k] as Insertion).before >= before; k--) {
          const n = index[(list[k] as Insertion).reg] as number;
          if (n !== -1 && (list[k] as Insertion).kind === 'reload') now[n >>> 5]! |= 1 << (n & 31);
        }
      };
      for (at--; at >= 0; at--) {
        reloads(at + 1);
        for (let n = virtualDefs(b.insts[at] as MInst, operands) - 1; n >= 0; n--) {
          const r = operands[n] as number;
          const x = index[r] as number;
          if (x === -1 || (((now[x >>> 5] as number) >>> (x & 31)) & 1) === 0) continue;
          onDef?.(r, at);
          now[x >>> 5]! &= ~(1 << (x & 31));
        }
      }
      reloads(0);
    };
    for (const list of this.insertions) list.sort((x, y) => x.before - y.before);
    const now = new Uint32Array(words);
    for (let changed = true; changed; ) {
      changed = false;
      for (let k = blocks.length - 1; k >= 0; k--) {
        const b = blocks[k] as MBlock;
        now.fill(0);
        for (const s of [b.taken, b.next]) if (s) for (let w = 0; w < words; w++) now[w]! |= liveIn[s.index * words + w] as number;
        for (const set of edgeUse.get(b) ?? []) for (let w = 0; w < words; w++) now[w]! |= set[w] as number;
        liveOut.set(now, k * words);
        walkBack(b, now);
        for (let w = 0; w < words; w++) {
          if (liveIn[k * words + w] !== now[w]) {
            liveIn[k * words + w] = now[w] as number;
            changed = true;
          }
        }
      }
    }
    for (const b of blocks) {
      now.set(liveOut.subarray(b.index * words, (b.index + 1) * words));
      const saves: Insertion[] = [];
      walkBack(b, now, (reg, at) => saves.push({ before: at + 1, reg, kind: 'save' }));
      if (saves.length > 0) (this.insertions[b.index] as Insertion[]).push(...saves);
    }
  }

  private afterLastMention(b: MBlock, end: number, r: number): number {
    const operands: number[] = [];
    for (let at = end - 1; at >= 0; at--) {
      const i = b.insts[at] as MInst;
      for (let n = virtualUses(i, operands) - 1; n >= 0; n--) if (operands[n] === r) return at + 1;
      for (let n = virtualDefs(i, operands) - 1; n >= 0; n--) if (operands[n] === r) return at + 1;
    }
    return 0;
  }

  /* ---------- the result ---------- */

  private slotOf(r: number): number {
    const slot = this.slots[r] as number;
    return slot !== NONE ? slot : (this.slots[r] = newSpillSlot(this.fn));
  }

  private instOf(i: Insertion, loc: number): MInst {
    const maker = this.makers[i.reg];
    if (i.kind === 'save') return save(i.reg, this.slotOf(i.reg), loc);
    return maker ? repeat(maker, i.reg, loc) : reload(i.reg, this.slotOf(i.reg), loc);
  }

  private apply(edges: readonly { from: MBlock; to: MBlock; regs: number[] }[]): void {
    for (const b of this.fn.blocks) {
      const list = this.insertions[b.index] as Insertion[];
      if (list.length === 0) continue;
      // At one place: what was written is saved before anything is reloaded over it.
      list.sort((x, y) => x.before - y.before || (x.kind === y.kind ? 0 : x.kind === 'save' ? -1 : 1));
      const out: MInst[] = [];
      let k = 0;
      b.insts.forEach((i, at) => {
        for (; k < list.length && (list[k] as Insertion).before <= at; k++) out.push(this.instOf(list[k] as Insertion, i.loc));
        out.push(i);
      });
      for (; k < list.length; k++) out.push(this.instOf(list[k] as Insertion, b.loc));
      b.insts = out;
    }
    for (const { from, to, regs } of edges) {
      const reloads = regs.map((reg) => this.instOf({ before: 0, reg, kind: 'reload' }, from.loc));
      if (from.taken === undefined) from.insts.push(...reloads);
      else if (to.preds.length === 1) to.insts.unshift(...reloads);
      else {
        const middle = newBlock(this.fn, from.loc);
        middle.insts = reloads;
        middle.next = to;
        middle.depth = Math.min(from.depth, to.depth);
        if (from.taken === to) from.taken = middle;
        if (from.next === to) from.next = middle;
        middle.preds = [from];
        to.preds = to.preds.map((p) => (p === from ? middle : p));
      }
    }
  }
}

/** Physical registers live after each instruction, and before the first. */
function physicalAfter(b: MBlock): Uint16Array {
  const out = new Uint16Array(b.insts.length);
  let now = 0;
  for (let at = b.insts.length - 1; at >= 0; at--) {
    const i = b.insts[at] as MInst;
    out[at] = now;
    now = (now & ~physicalDefs(i)) | physicalUses(i);
  }
  return out;
}

function physicalBefore(b: MBlock): number {
  const first = b.insts[0];
  if (first === undefined) return 0;
  return ((physicalAfter(b)[0] as number) & ~physicalDefs(first)) | physicalUses(first);
}

function bits(mask: number): number {
  let n = 0;
  for (let w = mask; w !== 0; w &= w - 1) n++;
  return n;
}
