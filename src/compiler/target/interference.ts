/**
 * The interference graph for colouring: which virtual registers may not share a physical one, which physical registers
 * each may not have, and the copies that want the same register on both sides.
 *
 * Physical registers are not nodes: each node has ten bits of what is forbidden to it. A value that lives across a call
 * has r0 to r5 forbidden, and that is all there is to "callee-saved".
 */
import { computeLiveness, forEachLive } from './liveness.ts';
import type { MFunction, MInst } from './machine.ts';
import { ALL_REGISTERS, asmOf, FIRST_VIRTUAL, FP, isCopy, NONE, physicalDefs, physicalUses, virtualDefs, virtualUses } from './machine.ts';

export interface Move {
  /** Nodes; physical register r is node `count + r`. */
  readonly a: number;
  readonly b: number;
  readonly weight: number;
}

export interface Interference {
  readonly count: number;
  /** Register of each node, and node of each register (-1 for none). */
  readonly regs: readonly number[];
  readonly nodeOf: Int32Array;
  readonly adjacent: number[][];
  readonly forbidden: Uint16Array;
  readonly moves: Move[];
  /** Reads and writes, weighted by loop depth. */
  readonly cost: Float64Array;
  has(a: number, b: number): boolean;
  /** False if they were adjacent already. */
  connect(a: number, b: number): boolean;
}

/** Bit matrix up to this many nodes, hash set beyond. */
const MATRIX_LIMIT = 6000;

export function buildInterference(fn: MFunction): Interference {
  const live = computeLiveness(fn);
  const nodeOf = new Int32Array(fn.nextReg).fill(-1);
  const regs: number[] = [];
  const operands: number[] = [];
  for (const block of fn.blocks) {
    for (const i of block.insts) {
      for (let n = virtualDefs(i, operands) - 1; n >= 0; n--) {
        const r = operands[n] as number;
        if (nodeOf[r] === -1) nodeOf[r] = regs.push(r) - 1;
      }
      for (let n = virtualUses(i, operands) - 1; n >= 0; n--) {
        const r = operands[n] as number;
        if (nodeOf[r] === -1) nodeOf[r] = regs.push(r) - 1;
      }
    }
  }
  const count = regs.length;
  const pairs = pairSet(count);
  const adjacent: number[][] = Array.from({ length: count }, () => []);
  const forbidden = new Uint16Array(count);
  const cost = new Float64Array(count);
  const moves: Move[] = [];
  const connect = (a: number, b: number): boolean => {
    if (a === b || !pairs.add(a, b)) return false;
    (adjacent[a] as number[]).push(b);
    (adjacent[b] as number[]).push(a);
    return true;
  };

  // The live nodes, as a dense list with positions.
  const list = new Int32Array(count),
    place = new Int32Array(count).fill(-1);
  let size = 0;
  const add = (n: number): void => {
    if (place[n] !== -1) return;
    place[n] = size;
    list[size++] = n;
  };
  const remove = (n: number): void => {
    const at = place[n] as number;
    if (at === -1) return;
    const last = list[--size] as number;
    list[at] = last;
    place[last] = at;
    place[n] = -1;
  };

  for (const block of fn.blocks) {
    while (size > 0) remove(list[size - 1] as number);
    forEachLive(live, live.liveOut, block.index, (r) => add(nodeOf[r] as number));
    let physical = 0;
    const weight = 10 ** Math.min(block.depth, 6);
    for (let k = block.insts.length - 1; k >= 0; k--) {
      const i = block.insts[k] as MInst;
      let except = NONE,
        exceptPhysical = 0;
      if (isCopy(i)) {
        const dst = i.dst < FP ? count + i.dst : i.dst < FIRST_VIRTUAL ? NONE : (nodeOf[i.dst] as number);
        const src = i.src < FP ? count + i.src : (nodeOf[i.src] as number);
        if (dst !== NONE && (dst < count || src < count) && dst !== src) moves.push({ a: dst, b: src, weight });
        if (i.src >= FIRST_VIRTUAL) except = src;
        else exceptPhysical = 1 << i.src;
      }
      const written = physicalDefs(i);
      if (written !== 0) {
        for (let n = 0; n < size; n++) {
          const v = list[n] as number;
          if (v !== except) forbidden[v]! |= written;
        }
        physical &= ~written;
      }
      const defs = virtualDefs(i, operands);
      for (let d = 0; d < defs; d++) {
        const v = nodeOf[operands[d] as number] as number;
        cost[v]! += weight;
        forbidden[v]! |= physical & ~exceptPhysical;
        for (let n = 0; n < size; n++) {
          const w = list[n] as number;
          if (w !== except) connect(v, w);
        }
        for (let e = 0; e < d; e++) connect(v, nodeOf[operands[e] as number] as number);
      }
      const asm = asmOf(i);
      if (asm) {
        for (const d of asm.defs) if (d >= FIRST_VIRTUAL) forbidden[nodeOf[d] as number]! |= asm.clobbers;
        for (const u of asm.uses) {
          if (u < FIRST_VIRTUAL) continue;
          forbidden[nodeOf[u] as number]! |= asm.clobbers;
          for (const e of asm.early) connect(nodeOf[asm.defs[e] as number] as number, nodeOf[u] as number);
        }
      }
      for (let d = 0; d < defs; d++) remove(nodeOf[operands[d] as number] as number);
      for (let n = virtualUses(i, operands) - 1; n >= 0; n--) {
        const v = nodeOf[operands[n] as number] as number;
        cost[v]! += weight;
        add(v);
      }
      physical |= physicalUses(i) & ALL_REGISTERS;
    }
  }
  return { count, regs, nodeOf, adjacent, forbidden, moves, cost, has: (a, b) => pairs.has(a, b), connect };
}

interface PairSet {
  has(a: number, b: number): boolean;
  add(a: number, b: number): boolean;
}

function pairSet(count: number): PairSet {
  if (count <= MATRIX_LIMIT) {
    const words = (count + 31) >>> 5;
    const bits = new Uint32Array(count * words);
    return {
      has: (a, b) => (((bits[a * words + (b >>> 5)] as number) >>> (b & 31)) & 1) !== 0,
      add: (a, b) => {
        const at = a * words + (b >>> 5),
          mask = 1 << (b & 31);
        if (((bits[at] as number) & mask) !== 0) return false;
        bits[at]! |= mask;
        bits[b * words + (a >>> 5)]! |= 1 << (a & 31);
        return true;
      },
    };
  }
  const set = new Set<number>();
  const key = (a: number, b: number): number => (a < b ? a * count + b : b * count + a);
  return {
    has: (a, b) => set.has(key(a, b)),
    add: (a, b) => {
      const k = key(a, b);
      if (set.has(k)) return false;
      set.add(k);
      return true;
    },
  };
}
