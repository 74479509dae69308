/**
 * Jumps to nested blocks: WebAssembly has no `goto`.
 *
 * For a reducible graph, each block's code is followed by the blocks it dominates: those with one way in are put right
 * at that jump, those with several (merges) after an enclosing `block`, whose end is what the jumps leave to; a loop
 * header is wrapped in a `loop`. (Norman Ramsey, "Beyond Relooper", ICFP 2022.) For any other graph, one loop around a
 * `br_table` picks the next block by number.
 *
 * Nothing here recurses: depth of nesting is the program's to choose, and programs are hostile.
 */

import type { Graph } from './cfg.ts';
import type { WasmWriter } from './writer.ts';
import { OP, VOID } from './writer.ts';

/** What the translation of instructions provides; all by index of instruction. */
export interface BodyEmitter {
  /** Everything of the block but its last jump; at an `exit` also the return. */
  straight(start: number, end: number): void;
  /** Leaves 1 on the stack where the jump is taken. */
  condition(jump: number): void;
  /** Before control goes back from a jump. */
  backward(jump: number): void;
}

export function emitGraph(w: WasmWriter, graph: Graph, emit: BodyEmitter, dispatchLocal: number): void {
  if (graph.reducible) structured(w, graph, emit);
  else dispatched(w, graph, emit, dispatchLocal);
  w.byte(OP.unreachable);
}

/** Before an edge: going to where we are or before is going back. */
function leave(graph: Graph, emit: BodyEmitter, from: number, to: number): void {
  const end = graph.end[from] as number;
  if ((graph.start[to] as number) < end) emit.backward(end - 1);
}

type Task =
  /** The block and all it dominates. */
  | { readonly kind: 'tree'; readonly block: number }
  /** The block's own code and its jumps. */
  | { readonly kind: 'body'; readonly block: number }
  | { readonly kind: 'edge'; readonly from: number; readonly to: number }
  | { readonly kind: 'else' | 'end' };

const END: Task = { kind: 'end' };
const ELSE: Task = { kind: 'else' };

function structured(w: WasmWriter, graph: Graph, emit: BodyEmitter): void {
  /** How deep each block's label lies; a block is never a merge and an open loop at once. */
  const depthOf = new Int32Array(graph.count);
  let depth = 0;
  const open = (op: number, block: number): void => {
    w.bytes(op, VOID);
    depth++;
    if (block !== -1) depthOf[block] = depth;
  };
  const tasks: Task[] = [{ kind: 'tree', block: 0 }];
  for (let task = tasks.pop(); task !== undefined; task = tasks.pop()) {
    switch (task.kind) {
      case 'tree': {
        const { block } = task;
        if (graph.loop[block] === 1) {
          open(OP.loop, block);
          tasks.push(END);
        }
        const merges: number[] = [];
        for (let merge = graph.firstMerge[block] as number; merge !== -1; merge = graph.nextMerge[merge] as number) merges.push(merge);
        // The last merge is the outermost block, and done last.
        for (let merge = merges.pop(); merge !== undefined; merge = merges.pop()) {
          open(OP.block, merge);
          tasks.push({ kind: 'tree', block: merge }, END);
        }
        tasks.push({ kind: 'body', block });
        break;
      }
      case 'body': {
        const { block } = task;
        emit.straight(graph.start[block] as number, graph.end[block] as number);
        const next = graph.next[block] as number;
        const taken = graph.taken[block] as number;
        if (next === -1) break;
        if (taken === -1) {
          tasks.push({ kind: 'edge', from: block, to: next });
          break;
        }
        emit.condition((graph.end[block] as number) - 1);
        open(OP.if, -1);
        tasks.push(END, { kind: 'edge', from: block, to: next }, ELSE, { kind: 'edge', from: block, to: taken });
        break;
      }
      case 'edge': {
        const { from, to } = task;
        leave(graph, emit, from, to);
        if (to <= from || graph.merge[to] === 1) w.byte(OP.br).unsigned(depth - (depthOf[to] as number));
        else tasks.push({ kind: 'tree', block: to });
        break;
      }
      case 'else':
        w.byte(OP.else);
        break;
      case 'end':
        w.byte(OP.end);
        depth--;
        break;
      default: {
        const never: never = task;
        throw new Error(`unexpected ${String(never)}`);
      }
    }
  }
}

function dispatched(w: WasmWriter, graph: Graph, emit: BodyEmitter, nextLocal: number): void {
  const { count } = graph;
  w.bytes(OP.loop, VOID);
  for (let i = 0; i < count; i++) w.bytes(OP.block, VOID);
  w.byte(OP.localGet)
    .unsigned(nextLocal)
    .byte(OP.brTable)
    .unsigned(count - 1);
  for (let i = 0; i < count; i++) w.unsigned(i);
  const edge = (from: number, to: number, depth: number): void => {
    leave(graph, emit, from, to);
    w.byte(OP.i32Const).signed(to).byte(OP.localSet).unsigned(nextLocal).byte(OP.br).unsigned(depth);
  };
  for (let block = 0; block < count; block++) {
    w.byte(OP.end);
    emit.straight(graph.start[block] as number, graph.end[block] as number);
    const next = graph.next[block] as number;
    const taken = graph.taken[block] as number;
    if (next === -1) continue;
    const toLoop = count - 1 - block;
    if (taken !== -1) {
      emit.condition((graph.end[block] as number) - 1);
      w.bytes(OP.if, VOID);
      edge(block, taken, toLoop + 1);
      w.byte(OP.end);
    }
    edge(block, next, toLoop);
  }
  w.byte(OP.end);
}
