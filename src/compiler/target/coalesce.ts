/**
 * Merges registers that copies connect and that are never needed with different values at once. It runs before
 * spilling, so that a phi and its operands share one register or one stack slot, and it is not afraid of making long
 * lives: spilling cuts them again where it must (`spill.ts`, `webs.ts`). Copies to and from physical registers are left
 * to the colouring, which merges them only where that cannot hurt.
 *
 * Two registers interfere when one is written while the other is live, unless the write copies the other (Chaitin).
 */
import { ALU, CLASS, SRC } from '../../isa/insn.ts';
import type { Liveness } from './liveness.ts';
import { computeLiveness, forEachLive } from './liveness.ts';
import type { MFunction, MInst } from './machine.ts';
import { FIRST_VIRTUAL, isCopy, MOV64, mapRegisters, virtualDefs, virtualUses } from './machine.ts';

export function coalesce(fn: MFunction): void {
  const live = computeLiveness(fn);
  commuteOperands(fn, live);
  const nodes = new Int32Array(fn.nextReg).fill(-1);
  const regs: number[] = [];
  const copies: { inst: MInst; depth: number }[] = [];
  const node = (r: number): number => {
    if (nodes[r] === -1) nodes[r] = regs.push(r) - 1;
    return nodes[r] as number;
  };
  for (const block of fn.blocks) {
    for (const i of block.insts) {
      if (!isCopy(i) || i.dst < FIRST_VIRTUAL || i.src < FIRST_VIRTUAL) continue;
      node(i.dst);
      node(i.src);
      copies.push({ inst: i, depth: block.depth });
    }
  }
  if (copies.length === 0) return;
  const words = (regs.length + 31) >>> 5;
  const conflicts = interference(fn, live, nodes, regs.length, words);
  const parent = new Int32Array(regs.length);
  for (let k = 0; k < parent.length; k++) parent[k] = k;
  const find = (x: number): number => {
    let r = x;
    while (parent[r] !== r) r = parent[r] = parent[parent[r] as number] as number;
    return r;
  };
  copies.sort((a, b) => b.depth - a.depth);
  for (const { inst } of copies) {
    const a = find(nodes[inst.dst] as number),
      b = find(nodes[inst.src] as number);
    if (a === b || (((conflicts[a * words + (b >>> 5)] as number) >>> (b & 31)) & 1) !== 0) continue;
    parent[b] = a;
    for (let w = 0; w < words; w++) {
      let word = conflicts[b * words + w] as number;
      conflicts[a * words + w]! |= word;
      for (; word !== 0; word &= word - 1) {
        const x = w * 32 + 31 - Math.clz32(word & -word);
        conflicts[x * words + (a >>> 5)]! |= 1 << (a & 31);
      }
    }
  }
  const rename = (r: number): number => (r < FIRST_VIRTUAL || nodes[r] === -1 ? r : (regs[find(nodes[r] as number)] as number));
  for (const block of fn.blocks) {
    let kept = 0;
    for (const i of block.insts) {
      mapRegisters(i, rename);
      if (!(i.op === MOV64 && i.dst === i.src && i.off === 0)) block.insts[kept++] = i;
    }
    block.insts.length = kept;
  }
}

/** Rows of bits between the nodes. A merged class's row may name nodes that have since been merged; `find` keeps up. */
function interference(fn: MFunction, live: Liveness, nodes: Int32Array, count: number, words: number): Uint32Array {
  const conflicts = new Uint32Array(count * words);
  const now = new Uint32Array(words);
  const operands: number[] = [];
  for (const block of fn.blocks) {
    now.fill(0);
    forEachLive(live, live.liveOut, block.index, (r) => {
      const n = nodes[r] as number;
      if (n !== -1) now[n >>> 5]! |= 1 << (n & 31);
    });
    for (let k = block.insts.length - 1; k >= 0; k--) {
      const i = block.insts[k] as MInst;
      const from = isCopy(i) && i.src >= FIRST_VIRTUAL ? (nodes[i.src] as number) : -1;
      const defs = virtualDefs(i, operands);
      for (let d = 0; d < defs; d++) {
        const n = nodes[operands[d] as number] as number;
        if (n === -1) continue;
        for (let w = 0; w < words; w++) {
          let word = now[w] as number;
          if (from >>> 5 === w) word &= ~(1 << (from & 31));
          if (n >>> 5 === w) word &= ~(1 << (n & 31));
          if (word === 0) continue;
          conflicts[n * words + w]! |= word;
          for (; word !== 0; word &= word - 1) {
            const x = w * 32 + 31 - Math.clz32(word & -word);
            conflicts[x * words + (n >>> 5)]! |= 1 << (n & 31);
          }
        }
      }
      for (let d = 0; d < defs; d++) {
        const n = nodes[operands[d] as number] as number;
        if (n !== -1) now[n >>> 5]! &= ~(1 << (n & 31));
        // Written together, they must differ even when unused.
        for (let e = 0; e < d; e++) {
          const m = nodes[operands[e] as number] as number;
          if (n === -1 || m === -1 || n === m) continue;
          conflicts[n * words + (m >>> 5)]! |= 1 << (m & 31);
          conflicts[m * words + (n >>> 5)]! |= 1 << (n & 31);
        }
      }
      for (let u = virtualUses(i, operands) - 1; u >= 0; u--) {
        const n = nodes[operands[u] as number] as number;
        if (n !== -1) now[n >>> 5]! |= 1 << (n & 31);
      }
    }
  }
  return conflicts;
}

const COMMUTES: ReadonlySet<number> = new Set([ALU.ADD, ALU.MUL, ALU.AND, ALU.OR, ALU.XOR]);

/** `d = a; d += b` where only b ends here: `d = b; d += a`, so that the copy can go. */
function commuteOperands(fn: MFunction, live: Liveness): void {
  // Live when the mark is the block's: no clearing between blocks.
  const mark = new Int32Array(fn.nextReg).fill(-1);
  const operands: number[] = [];
  for (const block of fn.blocks) {
    forEachLive(live, live.liveOut, block.index, (r) => {
      mark[r] = block.index;
    });
    for (let k = block.insts.length - 1; k >= 0; k--) {
      const i = block.insts[k] as MInst;
      const copy = block.insts[k - 1];
      if (
        copy !== undefined &&
        commutes(i) &&
        copy.op === MOV64 &&
        copy.dst === i.dst &&
        copy.src >= FIRST_VIRTUAL &&
        i.src >= FIRST_VIRTUAL &&
        i.src !== i.dst &&
        mark[copy.src] === block.index &&
        mark[i.src] !== block.index
      ) {
        const a = copy.src;
        copy.src = i.src;
        i.src = a;
      }
      for (let n = virtualDefs(i, operands) - 1; n >= 0; n--) mark[operands[n] as number] = -1;
      for (let n = virtualUses(i, operands) - 1; n >= 0; n--) mark[operands[n] as number] = block.index;
    }
  }
}

function commutes(i: MInst): boolean {
  const cls = i.op & 7;
  return (cls === CLASS.ALU || cls === CLASS.ALU64) && (i.op & SRC.X) !== 0 && COMMUTES.has(i.op & 0xf0);
}
