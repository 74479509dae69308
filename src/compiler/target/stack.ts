/**
 * The stack frame: 512 bytes for variables and spilled registers. Objects that are never needed at the same time share
 * bytes.
 *
 * An object is needed between two touches of it: A and B must be apart if some touch of B lies on a path between two
 * touches of A (the first writes, the second reads), or one instruction touches both. So the analysis needs, at each
 * touch, what has been touched before (forward) and what will be read again (backward; a store of the whole object ends
 * that, as does a spill). An object whose address got out of sight is needed always.
 */
import { CLASS, STACK_SIZE } from '../../isa/insn.ts';
import type { Diagnostics, Loc } from '../diagnostics.ts';
import type { MBlock, MFunction, MInst, Slot } from './machine.ts';
import { NONE, PSEUDO } from './machine.ts';

/** Places all slots: rewrites memory operands to offsets from r10 and gives the bytes used. */
export function layoutStack(fn: MFunction, diagnostics: Diagnostics, loc: Loc): number {
  const count = fn.slots.length;
  if (count === 0) return 0;
  const used = new Uint8Array(count);
  for (const b of fn.blocks) {
    for (const i of b.insts) {
      if (i.slot !== NONE) used[i.slot] = 1;
      for (const s of i.touch ?? []) used[s] = 1;
    }
  }
  const words = (count + 31) >>> 5;
  const conflicts = findConflicts(fn, words);
  const offsets = new Int32Array(count);
  const order = fn.slots.map((_, k) => k).filter((k) => used[k]);
  const size = (k: number): number => Math.max(1, (fn.slots[k] as Slot).size);
  order.sort((a, b) => size(b) - size(a) || a - b);
  const placed: number[] = [];
  let depth = 0;
  for (const k of order) {
    const slot = fn.slots[k] as Slot;
    const apart = placed.filter(
      (p) => slot.escapes || (fn.slots[p] as Slot).escapes || (((conflicts[k * words + (p >>> 5)] as number) >>> (p & 31)) & 1) !== 0,
    );
    // Down from the frame pointer, the first place that is free of them all.
    let at = fit(0, size(k), slot.align);
    for (let p = 0; p < apart.length; p++) {
      const other = apart[p] as number;
      const start = offsets[other] as number;
      if (at >= start + size(other) || at + size(k) <= start) continue;
      at = fit(start, size(k), slot.align);
      p = -1;
    }
    offsets[k] = at;
    placed.push(k);
    depth = Math.max(depth, -at);
  }
  if (depth > STACK_SIZE) reportTooLarge(fn, diagnostics, loc, depth, placed);
  for (const b of fn.blocks) {
    for (const i of b.insts) {
      if (i.slot === NONE) continue;
      i.off += offsets[i.slot] as number;
    }
  }
  return depth;
}

/** The highest aligned place of that size below `top`. */
function fit(top: number, size: number, align: number): number {
  return Math.floor((top - size) / align) * align;
}

function findConflicts(fn: MFunction, words: number): Uint32Array {
  const blocks = fn.blocks;
  const touched = new Uint32Array(blocks.length * words);
  const reads = new Uint32Array(blocks.length * words),
    kills = new Uint32Array(blocks.length * words);
  const events: MInst[][] = blocks.map((b) => b.insts.filter((i) => i.op !== PSEUDO.LEA && (i.slot !== NONE || i.touch !== undefined)));
  blocks.forEach((_, k) => {
    const list = events[k] as MInst[];
    const at = k * words;
    for (let e = list.length - 1; e >= 0; e--) {
      const i = list[e] as MInst;
      forEachTouch(i, (s) => {
        const w = at + (s >>> 5),
          bit = 1 << (s & 31);
        touched[w]! |= bit;
        if (overwrites(fn, i)) {
          reads[w]! &= ~bit;
          kills[w]! |= bit;
        } else reads[w]! |= bit;
      });
    }
  });
  const before = forward(blocks, touched, words);
  const after = backward(blocks, reads, kills, words);

  const conflicts = new Uint32Array(fn.slots.length * words);
  const live = new Uint32Array(words),
    seen = new Uint32Array(words);
  blocks.forEach((_, k) => {
    const list = events[k] as MInst[];
    if (list.length === 0) return;
    seen.set(before.subarray(k * words, (k + 1) * words));
    const seenAt = new Uint32Array(list.length * words);
    list.forEach((i, e) => {
      seenAt.set(seen, e * words);
      forEachTouch(i, (s) => {
        seen[s >>> 5]! |= 1 << (s & 31);
      });
    });
    live.set(after.subarray(k * words, (k + 1) * words));
    for (let e = list.length - 1; e >= 0; e--) {
      const i = list[e] as MInst;
      forEachTouch(i, (s) => {
        for (let w = 0; w < words; w++) addConflicts(conflicts, words, s, w, (live[w] as number) & (seenAt[e * words + w] as number));
        forEachTouch(i, (t) => {
          if (t !== s) addConflicts(conflicts, words, s, t >>> 5, 1 << (t & 31));
        });
      });
      const whole = overwrites(fn, i);
      forEachTouch(i, (s) => {
        if (whole) live[s >>> 5]! &= ~(1 << (s & 31));
        else live[s >>> 5]! |= 1 << (s & 31);
      });
    }
  });
  return conflicts;
}

function addConflicts(conflicts: Uint32Array, words: number, s: number, w: number, bits: number): void {
  conflicts[s * words + w]! |= bits;
  for (let word = bits; word !== 0; word &= word - 1) {
    const t = w * 32 + 31 - Math.clz32(word & -word);
    conflicts[t * words + (s >>> 5)]! |= 1 << (s & 31);
  }
}

function forEachTouch(i: MInst, f: (slot: number) => void): void {
  if (i.slot !== NONE) f(i.slot);
  else for (const s of i.touch ?? []) f(s);
}

/** A store to the whole object: what was in it is no longer needed. */
function overwrites(fn: MFunction, i: MInst): boolean {
  const cls = i.op & 7;
  if (i.slot === NONE || i.op >= 0x100 || (cls !== CLASS.ST && cls !== CLASS.STX) || (i.op & 0xe0) !== 0x60) return false;
  return i.off === 0 && (fn.slots[i.slot] as Slot).size === BYTES[(i.op >> 3) & 3];
}

const BYTES: readonly number[] = [4, 2, 1, 8];

/** What has been touched on some way to each block. */
function forward(blocks: readonly MBlock[], touched: Uint32Array, words: number): Uint32Array {
  const before = new Uint32Array(blocks.length * words);
  for (let changed = true; changed; ) {
    changed = false;
    blocks.forEach((b, k) => {
      for (const p of b.preds) {
        for (let w = 0; w < words; w++) {
          const all =
            ((before[k * words + w] as number) | (before[p.index * words + w] as number) | (touched[p.index * words + w] as number)) >>> 0;
          if (all !== before[k * words + w]) {
            before[k * words + w] = all;
            changed = true;
          }
        }
      }
    });
  }
  return before;
}

/** What is read on some way from the end of each block. */
function backward(blocks: readonly MBlock[], reads: Uint32Array, kills: Uint32Array, words: number): Uint32Array {
  const after = new Uint32Array(blocks.length * words);
  for (let changed = true; changed; ) {
    changed = false;
    for (let k = blocks.length - 1; k >= 0; k--) {
      const b = blocks[k] as MBlock;
      for (const s of [b.taken, b.next]) {
        if (s === undefined) continue;
        for (let w = 0; w < words; w++) {
          const at = s.index * words + w;
          const all = ((after[k * words + w] as number) | (reads[at] as number) | ((after[at] as number) & ~(kills[at] as number))) >>> 0;
          if (all !== after[k * words + w]) {
            after[k * words + w] = all;
            changed = true;
          }
        }
      }
    }
  }
  return after;
}

function reportTooLarge(fn: MFunction, diagnostics: Diagnostics, loc: Loc, depth: number, placed: readonly number[]): void {
  const own = placed.map((k) => fn.slots[k] as Slot).filter((s) => !s.spill);
  const spills = placed.length - own.length;
  own.sort((a, b) => b.size - a.size);
  // What is small is not the reason, unless there is nothing else.
  const large = own.filter((s) => s.size >= STACK_SIZE / 16);
  const largest = (large.length > 0 ? large : own).slice(0, 5);
  const named = (s: Slot): string => (s.name === undefined || s.name.startsWith('__') ? 'a temporary' : `'${s.name}'`);
  const list = largest.map((s) => `${named(s)} (${s.size} bytes)`).join(', ');
  const saved = spills > 0 ? `; ${spills} register${spills > 1 ? 's are' : ' is'} saved there too` : '';
  diagnostics.error(
    'stack-too-large',
    largest[0]?.loc ?? loc,
    `${fn.name} needs ${depth} bytes of stack, BPF has ${STACK_SIZE}${list ? `; the largest: ${list}` : ''}${saved}. Large variables can live in a per-CPU array map instead`,
    (largest.length > 1 ? largest : []).map((s) => ({ message: `${named(s)} takes ${s.size} bytes`, loc: s.loc })),
  );
}
