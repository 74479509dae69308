/**
 * The machine control flow graph: predecessors, reverse postorder, loop depth. Recomputed after whatever changes it;
 * blocks that cannot be reached are dropped on the way.
 */
import type { MBlock, MFunction } from './machine.ts';

/** Sorts `fn.blocks` into reverse postorder and sets `index`, `preds` and `depth`. */
export function orderBlocks(fn: MFunction): void {
  const entry = fn.blocks[0];
  if (entry === undefined) return;
  for (const b of fn.blocks) b.index = -1;
  const post: MBlock[] = [];
  const stack: MBlock[] = [entry];
  const phase: number[] = [0];
  entry.index = 0;
  while (stack.length > 0) {
    const at = stack.length - 1;
    const block = stack[at] as MBlock;
    const step = phase[at] as number;
    phase[at] = step + 1;
    // `taken` is walked first, so that in reverse `next` comes right after the block.
    const to = step === 0 ? block.taken : step === 1 ? block.next : null;
    if (to === null) {
      post.push(block);
      stack.pop();
      phase.pop();
    } else if (to !== undefined && to.index === -1) {
      to.index = 0;
      stack.push(to);
      phase.push(0);
    }
  }
  fn.blocks = post.reverse();
  for (let k = 0; k < fn.blocks.length; k++) {
    const b = fn.blocks[k] as MBlock;
    b.index = k;
    b.preds = [];
    b.depth = 0;
  }
  for (const b of fn.blocks) {
    if (b.taken !== undefined) b.taken.preds.push(b);
    if (b.next !== undefined && b.next !== b.taken) b.next.preds.push(b);
  }
  loopDepths(fn.blocks);
}

/** Natural loops by back edges; bodies of loops with one header count once. */
function loopDepths(blocks: readonly MBlock[]): void {
  const back: { from: MBlock; to: MBlock }[] = [];
  for (const b of blocks) for (const p of b.preds) if (p.index >= b.index) back.push({ from: p, to: b });
  if (back.length === 0) return;
  const idom = dominators(blocks);
  const dominates = (a: number, b: number): boolean => {
    let x = b;
    while (x > a) x = idom[x] as number;
    return x === a;
  };
  const headers = new Map<MBlock, MBlock[]>();
  for (const e of back) {
    if (!dominates(e.to.index, e.from.index)) continue;
    const list = headers.get(e.to);
    if (list) list.push(e.from);
    else headers.set(e.to, [e.from]);
  }
  const seen = new Int32Array(blocks.length).fill(-1);
  for (const [header, latches] of headers) {
    seen[header.index] = header.index;
    header.depth++;
    const work = latches.slice();
    for (let b = work.pop(); b !== undefined; b = work.pop()) {
      if (seen[b.index] === header.index) continue;
      seen[b.index] = header.index;
      b.depth++;
      for (const p of b.preds) work.push(p);
    }
  }
}

/** Immediate dominators by position; blocks are in reverse postorder. */
export function dominators(blocks: readonly MBlock[]): Int32Array {
  const idom = new Int32Array(blocks.length).fill(-1);
  idom[0] = 0;
  for (let changed = true; changed; ) {
    changed = false;
    for (let k = 1; k < blocks.length; k++) {
      let best = -1;
      for (const p of (blocks[k] as MBlock).preds) {
        if (idom[p.index] === -1) continue;
        if (best === -1) {
          best = p.index;
          continue;
        }
        let a = p.index,
          b = best;
        while (a !== b) {
          while (a > b) a = idom[a] as number;
          while (b > a) b = idom[b] as number;
        }
        best = a;
      }
      if (idom[k] !== best) {
        idom[k] = best;
        changed = true;
      }
    }
  }
  return idom;
}
