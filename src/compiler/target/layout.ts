/**
 * The order of blocks. Each block that is followed by one of its successors saves a jump; chains of such pairs are
 * built greedily and laid out from the entry on, rare ones last.
 */
import { JMP } from '../../isa/insn.ts';
import { invertible } from './branches.ts';
import { orderBlocks } from './cfg.ts';
import type { MBlock, MFunction, MInst } from './machine.ts';
import { isConditionalJump } from './machine.ts';

/** Removes empty blocks and jumps to jumps; joins a block with its only successor where that has no other way in. */
export function cleanBlocks(fn: MFunction): void {
  for (let again = true; again; ) {
    again = false;
    for (const b of fn.blocks) {
      if (b.taken !== undefined) b.taken = through(b.taken);
      if (b.next !== undefined) b.next = through(b.next);
      if (b.taken !== undefined && b.taken === b.next) {
        b.taken = undefined;
        b.insts.pop();
      }
    }
    const entry = fn.blocks[0];
    orderBlocks(fn);
    for (const b of fn.blocks) {
      for (let n = b.next; n !== undefined && b.taken === undefined && n.preds.length === 1 && n !== b && n !== entry; n = b.next) {
        for (const i of n.insts) b.insts.push(i);
        b.taken = n.taken;
        b.next = n.next;
        b.loc = n.loc;
        b.cold ||= n.cold;
        n.insts = [];
        n.taken = undefined;
        n.next = undefined;
        for (const s of [b.taken, b.next]) if (s !== undefined) s.preds = s.preds.map((p) => (p === n ? b : p));
        again = true;
      }
    }
    if (again) orderBlocks(fn);
  }
}

function through(b: MBlock): MBlock {
  let to = b;
  // A chain of empty blocks may be a circle: an empty infinite loop.
  for (let steps = 0; steps < 1000 && to.insts.length === 0 && to.taken === undefined && to.next !== undefined && to.next !== to; steps++)
    to = to.next;
  return to;
}

interface Edge {
  readonly from: MBlock;
  readonly to: MBlock;
  readonly rank: number;
}

export function layoutBlocks(fn: MFunction): void {
  const { blocks } = fn;
  const count = blocks.length;
  const after = new Array<MBlock | undefined>(count).fill(undefined);
  const hasBefore = new Uint8Array(count);
  const chain = new Int32Array(count);
  for (let k = 0; k < count; k++) chain[k] = k;
  const find = (k: number): number => {
    let x = k;
    while (chain[x] !== x) x = chain[x] = chain[chain[x] as number] as number;
    return x;
  };
  const edges: Edge[] = [];
  for (const b of blocks) {
    const last = b.insts[b.insts.length - 1];
    if (b.next !== undefined) edges.push({ from: b, to: b.next, rank: rankOf(b, b.next, b.taken === undefined) });
    if (b.taken !== undefined && last !== undefined && invertible(last, fn.cpu))
      edges.push({ from: b, to: b.taken, rank: rankOf(b, b.taken, false) - 1 });
  }
  edges.sort((x, y) => y.rank - x.rank || x.from.index - y.from.index);
  for (const { from, to } of edges) {
    if (after[from.index] !== undefined || hasBefore[to.index] || to.index === 0) continue;
    const a = find(from.index),
      b = find(to.index);
    if (a === b) continue;
    after[from.index] = to;
    hasBefore[to.index] = 1;
    chain[b] = a;
  }
  // Chains in the order in which control first gets to them; what is rare goes last.
  const out: MBlock[] = [];
  const done = new Uint8Array(count);
  const place = (head: MBlock): void => {
    for (let b: MBlock | undefined = head; b !== undefined; b = after[b.index]) {
      done[b.index] = 1;
      out.push(b);
    }
  };
  const heads = blocks.filter((b) => !hasBefore[b.index]);
  place(blocks[0] as MBlock);
  for (const cold of [false, true]) for (const h of heads) if (!done[h.index] && h.cold === cold) place(h);
  fn.blocks = out;
}

/** Higher first: jumps that have no other way, inner loops, then the order of the source. */
function rankOf(from: MBlock, to: MBlock, only: boolean): number {
  let rank = Math.min(from.depth, to.depth) * 10;
  if (only) rank += 100;
  // A loop's way back: the loop is entered from above.
  if (to.index <= from.index) rank -= 200;
  if (to.preds.length === 1) rank += 6;
  if (to.cold) rank -= 8;
  if (isExit(to)) rank -= 4;
  return rank;
}

function isExit(b: MBlock): boolean {
  return b.next === undefined;
}

export function endsInJump(b: MBlock): MInst | undefined {
  const last = b.insts[b.insts.length - 1];
  return isConditionalJump(last) ? last : undefined;
}

export const JUMP_SET: number = JMP.JSET;
