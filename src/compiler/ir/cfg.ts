/**
 * The control flow graph: predecessors, reverse postorder, dominators, loops.
 *
 * Everything is an array by position in reverse postorder, so passes can iterate without maps. A `Cfg` is a snapshot:
 * whoever changes blocks or terminators makes a new one. Unreachable blocks are not in it.
 *
 * Dominators: Cooper, Harvey, Kennedy, "A Simple, Fast Dominance Algorithm".
 */
import type { Block, IrFunction, Terminator } from './ir.ts';

export interface Cfg {
  /** Reachable blocks in reverse postorder; [0] is the entry. */
  readonly order: readonly Block[];
  /** Position in `order` by block id, -1 for unreachable ones. */
  readonly position: Int32Array;
  /** By position; a block that reaches another by two edges is there twice. */
  readonly preds: readonly (readonly Block[])[];
  readonly succs: readonly (readonly Block[])[];
}

export function successors(term: Terminator): Block[] {
  switch (term.op) {
    case 'jump':
      return [term.to];
    case 'branch':
      return [term.then, term.else];
    case 'switch': {
      const out = term.cases.map((c) => c.to);
      out.push(term.otherwise);
      return out;
    }
    case 'return':
    case 'unreachable':
      return [];
    default:
      return never(term);
  }
}

/** Replaces each successor by what `f` says. */
export function mapSuccessors(term: Terminator, f: (b: Block) => Block): void {
  switch (term.op) {
    case 'jump':
      term.to = f(term.to);
      return;
    case 'branch':
      term.then = f(term.then);
      term.else = f(term.else);
      return;
    case 'switch':
      for (const c of term.cases) c.to = f(c.to);
      term.otherwise = f(term.otherwise);
      return;
    case 'return':
    case 'unreachable':
      return;
    default:
      never(term);
  }
}

export function buildCfg(fn: IrFunction): Cfg {
  const entry = fn.blocks[0];
  const position = new Int32Array(fn.nextId).fill(-1);
  if (!entry) return { order: [], position, preds: [], succs: [] };
  // Iterative depth-first walk: generated code may nest deeper than the call stack.
  const post: Block[] = [];
  const succsOf: Block[][] = [];
  // The path from the entry: blocks, their successors, and how many of these are still to be walked.
  const path: Block[] = [entry];
  const pathSuccs: Block[][] = [successors(entry.term)];
  const left: number[] = [(pathSuccs[0] as Block[]).length];
  position[entry.id] = 0;
  for (let top = 0; top >= 0; ) {
    const succs = pathSuccs[top] as Block[];
    // Later successors are walked first, so that the `then` side comes first in reverse postorder.
    const at = (left[top] as number) - 1;
    if (at >= 0) {
      left[top] = at;
      const s = succs[at] as Block;
      if (position[s.id] === -1) {
        position[s.id] = 0;
        top++;
        path[top] = s;
        pathSuccs[top] = successors(s.term);
        left[top] = (pathSuccs[top] as Block[]).length;
      }
    } else {
      post.push(path[top] as Block);
      succsOf.push(succs);
      top--;
    }
  }
  const order = post.reverse();
  succsOf.reverse();
  for (let i = 0; i < order.length; i++) position[(order[i] as Block).id] = i;
  const preds: Block[][] = order.map(() => []);
  for (let i = 0; i < order.length; i++) {
    for (const s of succsOf[i] as Block[]) (preds[position[s.id] as number] as Block[]).push(order[i] as Block);
  }
  return { order, position, preds, succs: succsOf };
}

export interface Dominators {
  /** Position of the immediate dominator by position; the entry's is itself. */
  readonly idom: Int32Array;
  /** Children in the dominator tree by position. */
  readonly children: readonly (readonly number[])[];
  /** By positions; a block dominates itself. */
  dominates(a: number, b: number): boolean;
}

export function buildDominators(cfg: Cfg): Dominators {
  const n = cfg.order.length;
  const idom = new Int32Array(n).fill(-1);
  if (n > 0) idom[0] = 0;
  const intersect = (x: number, y: number): number => {
    let a = x,
      b = y;
    while (a !== b) {
      while (a > b) a = idom[a] as number;
      while (b > a) b = idom[b] as number;
    }
    return a;
  };
  for (let changed = true; changed; ) {
    changed = false;
    for (let i = 1; i < n; i++) {
      let next = -1;
      for (const p of cfg.preds[i] as readonly Block[]) {
        const at = cfg.position[p.id] as number;
        if (idom[at] === -1) continue;
        next = next === -1 ? at : intersect(at, next);
      }
      if (idom[i] !== next) {
        idom[i] = next;
        changed = true;
      }
    }
  }
  const children: number[][] = Array.from({ length: n }, () => []);
  for (let i = 1; i < n; i++) (children[idom[i] as number] as number[]).push(i);
  // Intervals of a walk over the tree answer `dominates` in constant time.
  const enter = new Int32Array(n),
    leave = new Int32Array(n);
  let clock = 0;
  const stack: { at: number; next: number }[] = n > 0 ? [{ at: 0, next: 0 }] : [];
  while (stack.length > 0) {
    const top = stack[stack.length - 1] as { at: number; next: number };
    if (top.next === 0) enter[top.at] = clock++;
    const child = (children[top.at] as number[])[top.next++];
    if (child !== undefined) stack.push({ at: child, next: 0 });
    else {
      leave[top.at] = clock++;
      stack.pop();
    }
  }
  return {
    idom,
    children,
    dominates: (a, b) => (enter[a] as number) <= (enter[b] as number) && (leave[a] as number) >= (leave[b] as number),
  };
}

/** Dominance frontiers by position, for placing phis. */
export function dominanceFrontiers(cfg: Cfg, dom: Dominators): number[][] {
  const out: number[][] = cfg.order.map(() => []);
  for (let i = 0; i < cfg.order.length; i++) {
    const preds = cfg.preds[i] as readonly Block[];
    if (preds.length < 2) continue;
    for (const p of preds) {
      let runner = cfg.position[p.id] as number;
      while (runner !== dom.idom[i]) {
        const list = out[runner] as number[];
        if (list[list.length - 1] !== i && !list.includes(i)) list.push(i);
        runner = dom.idom[runner] as number;
      }
    }
  }
  return out;
}

export interface Loop {
  /** Position of the header. */
  readonly header: number;
  /** Positions, header included, ascending. */
  readonly blocks: readonly number[];
  /** Positions of the blocks that jump back. */
  readonly latches: readonly number[];
  /** Nesting, 1 for outermost. */
  depth: number;
  parent: Loop | undefined;
}

/** Natural loops, inner ones first. Cycles with two entries (goto into a loop) are in none. */
export function findLoops(cfg: Cfg, dom: Dominators): Loop[] {
  const loops: Loop[] = [];
  const n = cfg.order.length;
  for (let h = n - 1; h >= 0; h--) {
    const latches: number[] = [];
    for (const p of cfg.preds[h] as readonly Block[]) {
      const at = cfg.position[p.id] as number;
      if (at >= h && dom.dominates(h, at) && !latches.includes(at)) latches.push(at);
    }
    if (latches.length === 0) continue;
    const inside = new Uint8Array(n);
    inside[h] = 1;
    const work = latches.filter((l) => l !== h);
    for (const l of work) inside[l] = 1;
    while (work.length > 0) {
      for (const p of cfg.preds[work.pop() as number] as readonly Block[]) {
        const at = cfg.position[p.id] as number;
        if (!inside[at]) {
          inside[at] = 1;
          work.push(at);
        }
      }
    }
    const blocks: number[] = [];
    for (let i = h; i < n; i++) if (inside[i]) blocks.push(i);
    loops.push({ header: h, blocks, latches, depth: 1, parent: undefined });
  }
  // Headers descend, so a loop's parent comes after it.
  for (let i = 0; i < loops.length; i++) {
    const inner = loops[i] as Loop;
    for (let j = i + 1; j < loops.length; j++) {
      const outer = loops[j] as Loop;
      if (outer.blocks.includes(inner.header)) {
        inner.parent = outer;
        break;
      }
    }
  }
  for (let i = loops.length - 1; i >= 0; i--) {
    const loop = loops[i] as Loop;
    loop.depth = loop.parent ? loop.parent.depth + 1 : 1;
  }
  return loops;
}

function never(x: never): never {
  throw new Error(`unhandled ${JSON.stringify(x)}`);
}
