/**
 * After allocation: a copy whose every reader could read the original goes.
 *
 *   r1 = r0; if r1 == 0 …      if r0 == 0 …
 *
 * Within a block: up to where the copy's register is written again or no longer needed, the original must keep its value
 * and the readers must name the register (a call's argument is where it is).
 */

import type { MBlock, MFunction, MInst } from './machine.ts';
import {
  DEFS_DST,
  DEFS_SRC,
  FP,
  flagsOf,
  implicitDefs,
  implicitUses,
  MOV64,
  PSEUDO,
  physicalDefs,
  physicalUses,
  SPECIAL,
  USES_DST,
  USES_SRC,
} from './machine.ts';

export function propagateCopies(fn: MFunction): void {
  let liveOut: Uint16Array | undefined;
  for (const b of fn.blocks) {
    for (let k = 0; k < b.insts.length; k++) {
      const copy = b.insts[k] as MInst;
      if (copy.op !== MOV64 || copy.off !== 0 || copy.src === FP || copy.dst === copy.src) continue;
      const end = lastReader(b, k);
      if (end === undefined) continue;
      if (end < 0) {
        liveOut ??= physicalLiveOut(fn);
        if ((((liveOut[b.index] as number) >>> copy.dst) & 1) !== 0) continue;
      }
      rename(b, k + 1, end < 0 ? b.insts.length : end + 1, copy.dst, copy.src);
      b.insts.splice(k, 1);
      k--;
    }
  }
}

/** Where the copy's register is written again, the index of its last reader; -1 where the block ends first; undefined where it must stay. */
function lastReader(b: MBlock, at: number): number | undefined {
  const { dst: d, src: s } = b.insts[at] as MInst;
  let last = at;
  let original = true;
  for (let k = at + 1; k < b.insts.length; k++) {
    const i = b.insts[k] as MInst;
    if (((physicalUses(i) >>> d) & 1) !== 0) {
      if (!original || !renamable(i, d)) return undefined;
      last = k;
    }
    const defs = physicalDefs(i);
    if (((defs >>> d) & 1) !== 0) return last;
    if (((defs >>> s) & 1) !== 0) original = false;
  }
  return -1;
}

/** Reads the register only where it is named, and does not write it. */
function renamable(i: MInst, r: number): boolean {
  const flags = flagsOf(i);
  if (i.op === PSEUDO.ASM) return false;
  if ((flags & SPECIAL) !== 0 && (((implicitUses(i) | implicitDefs(i)) >>> r) & 1) !== 0) return false;
  if (i.dst === r && (flags & DEFS_DST) !== 0 && (flags & USES_DST) !== 0) return false;
  return !(i.src === r && (flags & DEFS_SRC) !== 0);
}

function rename(b: MBlock, from: number, to: number, d: number, s: number): void {
  for (let k = from; k < to; k++) {
    const i = b.insts[k] as MInst;
    const flags = flagsOf(i);
    if (i.src === d && (flags & USES_SRC) !== 0) i.src = s;
    if (i.dst === d && (flags & USES_DST) !== 0 && (flags & DEFS_DST) === 0) i.dst = s;
  }
}

/** Physical registers that are read before they are written after each block's end, as bits. */
export function physicalLiveOut(fn: MFunction): Uint16Array {
  const { blocks } = fn;
  const use = new Uint16Array(blocks.length),
    kill = new Uint16Array(blocks.length);
  blocks.forEach((b, k) => {
    for (let n = b.insts.length - 1; n >= 0; n--) {
      const i = b.insts[n] as MInst;
      const defs = physicalDefs(i);
      use[k] = ((use[k] as number) & ~defs) | physicalUses(i);
      kill[k]! |= defs;
    }
  });
  const out = new Uint16Array(blocks.length);
  for (let changed = true; changed; ) {
    changed = false;
    for (let k = blocks.length - 1; k >= 0; k--) {
      const b = blocks[k] as MBlock;
      let now = 0;
      for (const s of [b.taken, b.next]) if (s) now |= (use[s.index] as number) | ((out[s.index] as number) & ~(kill[s.index] as number));
      if (now !== out[k]) {
        out[k] = now;
        changed = true;
      }
    }
  }
  return out;
}
