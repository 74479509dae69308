/**
 * How many values want registers, where, and how soon each is used again: what spilling decides by.
 *
 * A distance counts instructions; leaving a loop adds a large number, so that what the loop uses looks nearer than
 * anything behind it.
 */
import type { Liveness } from './liveness.ts';
import { forEachLive } from './liveness.ts';
import type { MBlock, MFunction, MInst } from './machine.ts';
import { CLOBBERED, physicalDefs, physicalUses, REGISTERS, virtualDefs, virtualUses } from './machine.ts';

/** Beyond any distance inside a function; twice as far is never. */
export const FAR = 0x1000_0000;
/** The most that a live register's distance can be. */
export const FARTHEST: number = FAR * 2 - 0x10_0000;
const LEAVE_LOOP = 0x0800_0000;

export interface LoopPressure {
  /** Most values alive at once. */
  readonly most: number;
  /** Most values alive across a call. */
  readonly mostAcross: number;
  readonly calls: boolean;
}

export interface Pressure {
  /** Whether some place wants more registers than there are. */
  readonly tooHigh: boolean;
  /** Of the natural loop with this header. */
  ofLoop(header: number): LoopPressure;
}

export function measurePressure(fn: MFunction, live: Liveness): Pressure {
  const most = new Int32Array(fn.blocks.length),
    across = new Int32Array(fn.blocks.length).fill(-1);
  let tooHigh = false;
  const inLive = new Int32Array(fn.nextReg).fill(-1);
  const operands: number[] = [];
  for (const b of fn.blocks) {
    let count = 0,
      physical = 0,
      peak = 0;
    const add = (r: number): void => {
      if (inLive[r] === b.index) return;
      inLive[r] = b.index;
      count++;
    };
    forEachLive(live, live.liveOut, b.index, add);
    peak = count;
    for (let k = b.insts.length - 1; k >= 0; k--) {
      const i = b.insts[k] as MInst;
      const written = physicalDefs(i);
      let dead = 0;
      const nd = virtualDefs(i, operands);
      for (let n = 0; n < nd; n++) {
        const r = operands[n] as number;
        if (inLive[r] === b.index) {
          inLive[r] = -1;
          count--;
        }
        dead++;
      }
      const held = popcount(physical | written);
      // Values that live across it, with what it writes and what else is taken.
      if (count + dead + held > REGISTERS) tooHigh = true;
      peak = Math.max(peak, count + dead + held);
      if ((written & CLOBBERED) === CLOBBERED) across[b.index] = Math.max(across[b.index] as number, count);
      physical = (physical & ~written) | physicalUses(i);
      for (let n = virtualUses(i, operands) - 1; n >= 0; n--) add(operands[n] as number);
      if (count + popcount(physical) > REGISTERS) tooHigh = true;
      peak = Math.max(peak, count + popcount(physical));
    }
    most[b.index] = peak;
  }
  return {
    tooHigh,
    ofLoop(header) {
      const h = fn.blocks[header] as MBlock;
      let loopMost = 0,
        mostAcross = 0,
        calls = false;
      for (const b of loopBody(h)) {
        loopMost = Math.max(loopMost, most[b.index] as number);
        if ((across[b.index] as number) >= 0) {
          calls = true;
          mostAcross = Math.max(mostAcross, across[b.index] as number);
        }
      }
      return { most: loopMost, mostAcross, calls };
    },
  };
}

/** Blocks that reach the header's back edges without passing it. */
function loopBody(header: MBlock): Set<MBlock> {
  const body = new Set<MBlock>([header]);
  const work = header.preds.filter((p) => p.index >= header.index);
  for (let b = work.pop(); b !== undefined; b = work.pop()) {
    if (body.has(b)) continue;
    body.add(b);
    for (const p of b.preds) work.push(p);
  }
  return body;
}

export interface NextUses {
  /** Instructions from the block's start to the next use of a register that is live there. */
  atEntry(block: number, reg: number): number;
  /** From the block's end. */
  atExit(block: number, reg: number): number;
  /** Instructions from the block's start to the next call. */
  callAtEntry(block: number): number;
}

export function nextUses(fn: MFunction, live: Liveness): NextUses {
  const { blocks } = fn;
  const width = live.regs.length;
  const entry = new Int32Array(blocks.length * width).fill(FAR * 2);
  const calls = new Int32Array(blocks.length).fill(FAR * 2);
  const first = new Int32Array(blocks.length * width).fill(-1);
  const operands: number[] = [];
  const seen = new Int32Array(width);
  for (const b of blocks) {
    seen.fill(0);
    b.insts.forEach((i, at) => {
      for (let n = virtualUses(i, operands) - 1; n >= 0; n--) {
        const bit = live.bit[operands[n] as number] as number;
        if (bit >= 0 && seen[bit] === 0) {
          seen[bit] = 1;
          first[b.index * width + bit] = at;
        }
      }
      for (let n = virtualDefs(i, operands) - 1; n >= 0; n--) {
        const bit = live.bit[operands[n] as number] as number;
        if (bit >= 0) seen[bit] = 1;
      }
      if (calls[b.index] === FAR * 2 && (physicalDefs(i) & CLOBBERED) === CLOBBERED) calls[b.index] = at;
    });
  }
  const hasCall = calls.slice();
  const exitDistance = (b: MBlock, bit: number): number => {
    let best = FAR * 2;
    for (const s of [b.taken, b.next]) {
      if (s === undefined) continue;
      const d = (entry[s.index * width + bit] as number) + (s.depth < b.depth ? LEAVE_LOOP : 0);
      if (d < best) best = d;
    }
    return Math.min(best, FARTHEST);
  };
  // Distances only fall; a few rounds settle all but absurd nests.
  for (let round = 0, changed = true; changed && round < 12; round++) {
    changed = false;
    for (let k = blocks.length - 1; k >= 0; k--) {
      const b = blocks[k] as MBlock;
      forEachLive(live, live.liveIn, k, (r) => {
        const bit = live.bit[r] as number;
        const own = first[k * width + bit] as number;
        const d = own >= 0 ? own : Math.min(FARTHEST, b.insts.length + exitDistance(b, bit));
        if (d !== entry[k * width + bit]) {
          entry[k * width + bit] = d;
          changed = true;
        }
      });
      if (hasCall[k] === FAR * 2) {
        let best = FAR * 2;
        for (const s of [b.taken, b.next]) if (s) best = Math.min(best, b.insts.length + (calls[s.index] as number));
        if (best < (calls[k] as number)) {
          calls[k] = best;
          changed = true;
        }
      }
    }
  }
  return {
    atEntry: (block, reg) => {
      const bit = live.bit[reg] as number;
      return bit < 0 ? FAR * 2 : Math.min(FARTHEST, entry[block * width + bit] as number);
    },
    atExit: (block, reg) => {
      const bit = live.bit[reg] as number;
      return bit < 0 ? FAR * 2 : exitDistance(blocks[block] as MBlock, bit);
    },
    callAtEntry: (block) => calls[block] as number,
  };
}

function popcount(x: number): number {
  let n = 0;
  for (let w = x; w !== 0; w &= w - 1) n++;
  return n;
}
