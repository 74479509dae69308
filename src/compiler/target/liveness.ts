/**
 * Which virtual registers are live at the borders of blocks, as bit sets. Only registers that are read in a block
 * before it writes them can be live there; the others, most of them, live and die inside a block and get no bit.
 *
 * Inside a block the stages walk backward from `liveOut` themselves.
 */

import type { MFunction } from './machine.ts';
import { virtualDefs, virtualUses } from './machine.ts';

export interface Liveness {
  /** Bit of each register, -1 for those that never cross a border. */
  readonly bit: Int32Array;
  /** Register of each bit. */
  readonly regs: readonly number[];
  readonly words: number;
  /** `words` words per block. */
  readonly liveIn: Uint32Array;
  readonly liveOut: Uint32Array;
}

export function computeLiveness(fn: MFunction): Liveness {
  const blocks = fn.blocks;
  const bit = new Int32Array(fn.nextReg).fill(-1);
  const regs: number[] = [];
  const definedIn = new Int32Array(fn.nextReg).fill(-1);
  const operands: number[] = [];
  const exposed: number[] = [];
  for (const block of blocks) {
    for (const i of block.insts) {
      for (let n = virtualUses(i, operands) - 1; n >= 0; n--) {
        const r = operands[n] as number;
        if (definedIn[r] === block.index) continue;
        if (bit[r] === -1) bit[r] = regs.push(r) - 1;
        exposed.push(block.index, bit[r] as number);
      }
      for (let n = virtualDefs(i, operands) - 1; n >= 0; n--) definedIn[operands[n] as number] = block.index;
    }
  }
  const words = (regs.length + 31) >>> 5;
  const liveIn = new Uint32Array(blocks.length * words),
    liveOut = new Uint32Array(blocks.length * words);
  if (words === 0) return { bit, regs, words, liveIn, liveOut };
  const kill = new Uint32Array(blocks.length * words);
  for (let k = 0; k < exposed.length; k += 2) {
    const b = exposed[k + 1] as number;
    liveIn[(exposed[k] as number) * words + (b >>> 5)]! |= 1 << (b & 31);
  }
  for (const block of blocks) {
    for (const i of block.insts) {
      for (let n = virtualDefs(i, operands) - 1; n >= 0; n--) {
        const b = bit[operands[n] as number] as number;
        if (b !== -1) kill[block.index * words + (b >>> 5)]! |= 1 << (b & 31);
      }
    }
  }
  for (let changed = true; changed; ) {
    changed = false;
    for (let k = blocks.length - 1; k >= 0; k--) {
      const block = blocks[k] as (typeof blocks)[number];
      const at = k * words;
      const taken = block.taken === undefined ? -1 : block.taken.index * words;
      const next = block.next === undefined ? -1 : block.next.index * words;
      for (let w = 0; w < words; w++) {
        const out = (taken < 0 ? 0 : (liveIn[taken + w] as number)) | (next < 0 ? 0 : (liveIn[next + w] as number));
        if (out >>> 0 === liveOut[at + w]) continue;
        liveOut[at + w] = out;
        liveIn[at + w]! |= out & ~(kill[at + w] as number);
        changed = true;
      }
    }
  }
  return { bit, regs, words, liveIn, liveOut };
}

/** Calls `f` with each register of a block's set. */
export function forEachLive(live: Liveness, set: Uint32Array, block: number, f: (r: number) => void): void {
  const at = block * live.words;
  for (let w = 0; w < live.words; w++) {
    for (let word = set[at + w] as number; word !== 0; word &= word - 1) {
      f(live.regs[w * 32 + 31 - Math.clz32(word & -word)] as number);
    }
  }
}
