/**
 * Removes instructions whose result nobody reads. Selection computes a pointer's offset where IR does and then finds
 * that every use could fold it; this is where the leftovers go.
 */
import { DEFS_DST, FIRST_VIRTUAL, USES_DST, flagsOf, isRemovable, virtualUses } from './machine.ts';
import type { MFunction, MInst } from './machine.ts';

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
