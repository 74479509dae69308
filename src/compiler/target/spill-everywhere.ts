/**
 * The last resort of allocation: a register lives on the stack, and each instruction that mentions it gets a short-lived
 * one of its own. Every such register lives across one instruction at most, so allocation always comes to an end.
 */
import { CLASS, MODE, SIZE } from '../../isa/insn.ts';
import type { MFunction } from './machine.ts';
import { FP, MInst, mapRegisters, NONE, virtualDefs, virtualUses } from './machine.ts';
import { repeat } from './rematerialize.ts';

export const RELOAD: number = CLASS.LDX | MODE.MEM | SIZE.DW;
export const SAVE: number = CLASS.STX | MODE.MEM | SIZE.DW;

export function newSpillSlot(fn: MFunction): number {
  // Eight bytes, whatever the type: only whole slots keep what the verifier knows of a register.
  return fn.slots.push({ size: 8, align: 8, name: undefined, loc: 0, spill: true, escapes: false }) - 1;
}

export function reload(dst: number, slot: number, loc: number): MInst {
  const i = new MInst(RELOAD, dst, FP, 0, 0, loc);
  i.slot = slot;
  return i;
}

export function save(src: number, slot: number, loc: number): MInst {
  const i = new MInst(SAVE, FP, src, 0, 0, loc);
  i.slot = slot;
  return i;
}

/** `home` gives a slot, or an instruction to repeat, for each register that is spilled. New registers go to `short`. */
export function spillEverywhere(fn: MFunction, home: ReadonlyMap<number, number | MInst>, short: Set<number>): void {
  const operands: number[] = [];
  for (const block of fn.blocks) {
    const out: MInst[] = [];
    let changed = false;
    for (const i of block.insts) {
      const renamed = new Map<number, number>();
      const before: MInst[] = [],
        after: MInst[] = [];
      let drop = false;
      for (let n = virtualUses(i, operands) - 1; n >= 0; n--) {
        const r = operands[n] as number;
        const where = home.get(r);
        if (where === undefined || renamed.has(r)) continue;
        const t = fn.nextReg++;
        short.add(t);
        renamed.set(r, t);
        before.push(typeof where === 'number' ? reload(t, where, i.loc) : repeat(where, t, i.loc));
      }
      for (let n = virtualDefs(i, operands) - 1; n >= 0; n--) {
        const r = operands[n] as number;
        const where = home.get(r);
        if (where === undefined) continue;
        if (typeof where !== 'number') {
          drop = true;
          continue;
        }
        let t = renamed.get(r);
        if (t === undefined) {
          t = fn.nextReg++;
          short.add(t);
          renamed.set(r, t);
        }
        after.push(save(t, where, i.loc));
      }
      if (drop) {
        changed = true;
        continue;
      }
      if (renamed.size === 0) {
        out.push(i);
        continue;
      }
      changed = true;
      mapRegisters(i, (r) => renamed.get(r) ?? r);
      out.push(...before, i, ...after);
    }
    if (changed) block.insts = out;
  }
}

export { NONE };
