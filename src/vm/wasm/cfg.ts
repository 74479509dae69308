/**
 * The control flow graph of one function, in the order and with the facts that structured code needs.
 *
 * Blocks come in reverse postorder, so that every edge to a later block goes forward. A graph is reducible when each
 * edge backward goes to a block that dominates its source: a loop with one entry. Nearly all compiled code is; what is
 * not gets the slower form.
 */

import type { Insn } from '../../isa/insn.ts';
import type { Code, CodeFunction } from '../code.ts';
import { isConditional, isExit, isJump } from '../code.ts';
import { dominators } from './dominators.ts';

/** All lists are by block. */
export interface Graph {
  readonly count: number;
  /** Indices of the first instruction and one past the last. */
  readonly start: Int32Array;
  readonly end: Int32Array;
  /** Where it goes on, or where its only jump leads; -1 after `exit`. */
  readonly next: Int32Array;
  /** Where a conditional jump leads when taken; -1 for other blocks. */
  readonly taken: Int32Array;
  /** 1: entered by an edge backward. */
  readonly loop: Uint8Array;
  /** 1: entered by more than one edge forward. */
  readonly merge: Uint8Array;
  /** The merges that a block immediately dominates: the first of them, and for each the one after it, ascending. */
  readonly firstMerge: Int32Array;
  readonly nextMerge: Int32Array;
  readonly reducible: boolean;
}

export function graphOf(code: Code, fn: CodeFunction): Graph {
  const starts = leaders(code, fn);
  const raw = starts.length;
  const blockAt = new Int32Array(fn.end - fn.start).fill(-1);
  for (const [i, start] of starts.entries()) blockAt[start - fn.start] = i;
  const rawNext = new Int32Array(raw).fill(-1);
  const rawTaken = new Int32Array(raw).fill(-1);
  for (let i = 0; i < raw; i++) {
    const last = (starts[i + 1] ?? fn.end) - 1;
    const insn = code.insns[last] as Insn;
    if (isExit(insn)) continue;
    const jump = isJump(insn) ? (blockAt[(code.target[last] as number) - fn.start] as number) : -1;
    const conditional = isConditional(insn);
    rawNext[i] = jump === -1 || conditional ? i + 1 : jump;
    if (conditional) rawTaken[i] = jump;
  }

  const order = reversePostorder(rawNext, rawTaken);
  const count = order.length;
  const rank = new Int32Array(raw).fill(-1);
  for (const [i, block] of order.entries()) rank[block] = i;
  const renumber = (to: number): number => (to === -1 ? -1 : (rank[to] as number));
  const next = Int32Array.from(order, (block) => renumber(rawNext[block] as number));
  const taken = Int32Array.from(order, (block) => renumber(rawTaken[block] as number));
  const dominator = dominators(next, taken);
  const inside = subtrees(dominator);

  const forward = new Int32Array(count);
  const loop = new Uint8Array(count);
  let reducible = true;
  for (let from = 0; from < count; from++) {
    for (const to of [next[from] as number, taken[from] as number]) {
      if (to > from) forward[to] = (forward[to] as number) + 1;
      else if (to !== -1) {
        loop[to] = 1;
        if (!inside(to, from)) reducible = false;
      }
    }
  }
  const merge = Uint8Array.from(forward, (edges) => (edges > 1 ? 1 : 0));
  const firstMerge = new Int32Array(count).fill(-1);
  const nextMerge = new Int32Array(count).fill(-1);
  for (let i = count - 1; i > 0; i--) {
    if (merge[i] === 0) continue;
    const above = dominator[i] as number;
    nextMerge[i] = firstMerge[above] as number;
    firstMerge[above] = i;
  }
  return {
    count,
    next,
    taken,
    loop,
    merge,
    firstMerge,
    nextMerge,
    reducible,
    start: Int32Array.from(order, (block) => starts[block] as number),
    end: Int32Array.from(order, (block) => starts[block + 1] ?? fn.end),
  };
}

function leaders(code: Code, fn: CodeFunction): number[] {
  const marks = new Uint8Array(fn.end - fn.start);
  marks[0] = 1;
  for (let i = fn.start; i < fn.end; i++) {
    const insn = code.insns[i] as Insn;
    if (isJump(insn)) marks[(code.target[i] as number) - fn.start] = 1;
    if ((isJump(insn) || isExit(insn)) && i + 1 < fn.end) marks[i + 1 - fn.start] = 1;
  }
  const starts: number[] = [];
  for (let i = 0; i < marks.length; i++) if (marks[i] === 1) starts.push(fn.start + i);
  return starts;
}

/** Without recursion: programs may have tens of thousands of blocks in a row. */
function reversePostorder(next: Int32Array, taken: Int32Array): number[] {
  /** How many of its edges were followed; 3 when the block is done. */
  const state = new Uint8Array(next.length);
  const post: number[] = [];
  const stack = [0];
  while (stack.length > 0) {
    const block = stack[stack.length - 1] as number;
    const followed = state[block] as number;
    if (followed === 2) {
      stack.pop();
      state[block] = 3;
      post.push(block);
      continue;
    }
    state[block] = followed + 1;
    const to = (followed === 0 ? next[block] : taken[block]) as number;
    if (to !== -1 && state[to] === 0) stack.push(to);
  }
  return post.reverse();
}

/** Answers whether a block dominates another, by intervals of a walk over the dominator tree. */
function subtrees(dominator: Int32Array): (above: number, below: number) => boolean {
  const n = dominator.length;
  const child = new Int32Array(n).fill(-1);
  const sibling = new Int32Array(n).fill(-1);
  for (let i = n - 1; i > 0; i--) {
    const above = dominator[i] as number;
    sibling[i] = child[above] as number;
    child[above] = i;
  }
  const enter = new Int32Array(n);
  const leave = new Int32Array(n);
  const stack = [0];
  let clock = 1;
  while (stack.length > 0) {
    const block = stack[stack.length - 1] as number;
    if (enter[block] === 0) enter[block] = clock++;
    const next = child[block] as number;
    if (next === -1) {
      leave[block] = clock++;
      stack.pop();
    } else {
      child[block] = sibling[next] as number;
      stack.push(next);
    }
  }
  return (above, below) => (enter[above] as number) <= (enter[below] as number) && (leave[below] as number) <= (leave[above] as number);
}
