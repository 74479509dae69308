/**
 * The control flow graph of one function, in the order and with the facts that structured code needs.
 *
 * Blocks come in reverse postorder, so that every edge to a later block goes forward. A graph is reducible when each
 * edge backward goes to a block that dominates its source: a loop with one entry. Nearly all compiled code is; what is
 * not gets the slower form.
 */
import { isConditional, isExit, isJump } from '../code.ts';
import type { Code, CodeFunction } from '../code.ts';
import type { Insn } from '../../isa/insn.ts';

export interface Block {
  /** Indices of the first instruction and one past the last. */
  readonly start: number;
  readonly end: number;
  /** Where it goes: none after `exit`, one, or two: not taken, then taken. Numbers in reverse postorder. */
  readonly next: readonly number[];
  /** Blocks it immediately dominates, ascending. */
  readonly children: readonly number[];
  /** Entered by an edge backward. */
  readonly loop: boolean;
  /** Entered by more than one edge forward. */
  readonly merge: boolean;
}

export interface Graph {
  readonly blocks: readonly Block[];
  readonly reducible: boolean;
}

export function graphOf(code: Code, fn: CodeFunction): Graph {
  const starts = leaders(code, fn);
  const blockAt = new Map(starts.map((start, i) => [start, i]));
  const edges = starts.map((start, i) => {
    const end = starts[i + 1] ?? fn.end;
    const last = end - 1;
    const insn = code.insns[last] as Insn;
    const to: number[] = [];
    if (!isExit(insn) && (!isJump(insn) || isConditional(insn))) to.push(blockAt.get(end) as number);
    if (isJump(insn)) to.push(blockAt.get(code.target[last] as number) as number);
    return { start, end, to };
  });
  const order = reversePostorder(edges.map((edge) => edge.to));
  const rank = new Int32Array(edges.length).fill(-1);
  order.forEach((raw, i) => (rank[raw] = i));
  const next = order.map((raw) => (edges[raw]?.to ?? []).map((to) => rank[to] as number));
  const dominator = dominators(next);

  const forward = new Int32Array(order.length);
  const backward = new Int32Array(order.length);
  let reducible = true;
  next.forEach((targets, from) => {
    for (const to of targets) {
      const count = to > from ? forward : backward;
      count[to] = (count[to] as number) + 1;
      if (to <= from && !dominates(dominator, to, from)) reducible = false;
    }
  });
  const children: number[][] = order.map(() => []);
  for (let i = 1; i < order.length; i++) (children[dominator[i] as number] as number[]).push(i);
  const blocks = order.map((raw, i): Block => {
    const edge = edges[raw] as (typeof edges)[number];
    return {
      start: edge.start, end: edge.end, next: next[i] as number[], children: children[i] as number[],
      loop: (backward[i] as number) > 0, merge: (forward[i] as number) > 1,
    };
  });
  return { blocks, reducible };
}

function leaders(code: Code, fn: CodeFunction): number[] {
  const starts = new Set([fn.start]);
  for (let i = fn.start; i < fn.end; i++) {
    const insn = code.insns[i] as Insn;
    if (isJump(insn)) starts.add(code.target[i] as number);
    if ((isJump(insn) || isExit(insn)) && i + 1 < fn.end) starts.add(i + 1);
  }
  return [...starts].sort((a, b) => a - b);
}

/** Without recursion: programs may have tens of thousands of blocks in a row. */
function reversePostorder(edges: readonly (readonly number[])[]): number[] {
  const seen = new Uint8Array(edges.length);
  const post: number[] = [];
  const stack: [number, number][] = [[0, 0]];
  seen[0] = 1;
  while (stack.length > 0) {
    const top = stack[stack.length - 1] as [number, number];
    const to = edges[top[0]]?.[top[1]++];
    if (to === undefined) post.push((stack.pop() as [number, number])[0]);
    else if (seen[to] === 0) {
      seen[to] = 1;
      stack.push([to, 0]);
    }
  }
  return post.reverse();
}

/** Immediate dominators by the algorithm of Cooper, Harvey and Kennedy; block 0 dominates itself. */
function dominators(next: readonly (readonly number[])[]): Int32Array {
  const result = new Int32Array(next.length).fill(-1);
  const previous: number[][] = next.map(() => []);
  next.forEach((targets, from) => {
    for (const to of targets) (previous[to] as number[]).push(from);
  });
  result[0] = 0;
  for (let changed = true; changed; ) {
    changed = false;
    for (let block = 1; block < next.length; block++) {
      let common = -1;
      for (const from of previous[block] as number[]) {
        if (result[from] === -1) continue;
        common = common === -1 ? from : intersect(result, from, common);
      }
      if (result[block] !== common) {
        result[block] = common;
        changed = true;
      }
    }
  }
  return result;
}

function intersect(dominator: Int32Array, a: number, b: number): number {
  while (a !== b) {
    while (a > b) a = dominator[a] as number;
    while (b > a) b = dominator[b] as number;
  }
  return a;
}

function dominates(dominator: Int32Array, a: number, b: number): boolean {
  while (b > a) b = dominator[b] as number;
  return a === b;
}
