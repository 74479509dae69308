/**
 * Removes instructions whose result nobody reads. Selection computes a pointer's offset where IR does and then finds
 * that every use could fold it; this is where the leftovers go.
 */

import type { MBlock, MFunction, MInst } from './machine.ts';
import { DEFS_DST, FIRST_VIRTUAL, flagsOf, isRemovable, NONE, physicalDefs, physicalUses, USES_DST, virtualUses } from './machine.ts';
import { RELOAD, SAVE } from './spill-everywhere.ts';

export function removeDeadCode(fn: MFunction): void {
  // Reads of a register by instructions that do not merely update it.
  const reads = new Int32Array(fn.nextReg);
  const writers: (MInst[] | undefined)[] = new Array<undefined>(fn.nextReg).fill(undefined);
  const operands: number[] = [];
  const count = (i: MInst, by: number): void => {
    for (let n = virtualUses(i, operands) - 1; n >= 0; n--) {
      const r = operands[n] as number;
      if (!updates(i, r)) reads[r]! += by;
    }
  };
  for (const block of fn.blocks) {
    for (const i of block.insts) {
      count(i, 1);
      if ((flagsOf(i) & DEFS_DST) === 0 || i.dst < FIRST_VIRTUAL || !isRemovable(i)) continue;
      const list = writers[i.dst];
      if (list) list.push(i);
      else writers[i.dst] = [i];
    }
  }
  const dead = new Set<MInst>();
  const work: number[] = [];
  for (let r = FIRST_VIRTUAL; r < fn.nextReg; r++) if (reads[r] === 0 && writers[r]) work.push(r);
  for (let r = work.pop(); r !== undefined; r = work.pop()) {
    for (const i of writers[r] ?? []) {
      if (dead.has(i)) continue;
      dead.add(i);
      count(i, -1);
      for (let n = virtualUses(i, operands) - 1; n >= 0; n--) {
        const u = operands[n] as number;
        if (u !== r && reads[u] === 0) work.push(u);
      }
    }
  }
  if (dead.size === 0) return;
  for (const block of fn.blocks) block.insts = block.insts.filter((i) => !dead.has(i));
}

/** Arithmetic on r itself: reads r only to write it. */
function updates(i: MInst, r: number): boolean {
  const flags = flagsOf(i);
  return i.dst === r && (flags & DEFS_DST) !== 0 && (flags & USES_DST) !== 0 && i.src !== r && isRemovable(i);
}

/**
 * The same after allocation, over physical registers and spill slots: backward liveness of twenty bits and a few. What
 * the kernel or a caller reads is live at EXIT.
 */
export function removeDeadMoves(fn: MFunction): void {
  const { blocks } = fn;
  const spills: number[] = [];
  const bitOf = new Int32Array(fn.slots.length).fill(-1);
  fn.slots.forEach((s, k) => {
    if (s.spill) bitOf[k] = spills.push(k) - 1;
  });
  const words = 1 + ((spills.length + 31) >>> 5);
  const liveIn = new Uint32Array(blocks.length * words);
  const now = new Uint32Array(words);
  const start = (k: number): void => {
    now.fill(0);
    const b = blocks[k];
    for (const s of [b?.taken, b?.next]) if (s) for (let w = 0; w < words; w++) now[w]! |= liveIn[s.index * words + w] as number;
  };
  /** True where nothing needs it. */
  const step = (i: MInst): boolean => {
    const defs = physicalDefs(i);
    const slot = i.slot === NONE ? -1 : (bitOf[i.slot] as number);
    const w = 1 + (slot >>> 5),
      bit = 1 << (slot & 31);
    if (slot >= 0 && i.op === SAVE) {
      if (((now[w] as number) & bit) === 0) return true;
      now[w]! &= ~bit;
    } else if (isRemovable(i) && defs !== 0 && (defs & (now[0] as number)) === 0) return true;
    now[0] = ((now[0] as number) & ~defs) | physicalUses(i);
    if (slot >= 0 && i.op === RELOAD) now[w]! |= bit;
    return false;
  };
  for (let changed = true; changed; ) {
    changed = false;
    for (let k = blocks.length - 1; k >= 0; k--) {
      start(k);
      const { insts } = blocks[k] as MBlock;
      for (let n = insts.length - 1; n >= 0; n--) step(insts[n] as MInst);
      for (let w = 0; w < words; w++) {
        if (liveIn[k * words + w] === now[w]) continue;
        liveIn[k * words + w] = now[w] as number;
        changed = true;
      }
    }
  }
  blocks.forEach((b, k) => {
    start(k);
    const kept: MInst[] = [];
    for (let n = b.insts.length - 1; n >= 0; n--) {
      const i = b.insts[n] as MInst;
      if (!step(i)) kept.push(i);
    }
    if (kept.length < b.insts.length) b.insts = kept.reverse();
  });
}
