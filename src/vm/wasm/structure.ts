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
import { isConditional, isExit } from '../code.ts';
import { OP, VOID } from './writer.ts';
import type { Block, Graph } from './cfg.ts';
import type { Code } from '../code.ts';
import type { Insn } from '../../isa/insn.ts';
import type { WasmWriter } from './writer.ts';

/** What the translation of instructions provides. */
export interface BodyEmitter {
  /** Everything of the block but its last jump; at an `exit` also the return. */
  straight(block: Block): void;
  /** Leaves 1 on the stack where the block's last jump is taken. */
  condition(block: Block): void;
  /** Before control goes to a block at or before this one's last instruction. */
  backward(block: Block): void;
}

export function emitGraph(w: WasmWriter, code: Code, graph: Graph, emit: BodyEmitter, dispatchLocal: number): void {
  if (graph.reducible) structured(w, code, graph, emit);
  else dispatched(w, code, graph, emit, dispatchLocal);
  w.byte(OP.unreachable);
}

type Task =
  /** The block and all it dominates. */
  | { readonly kind: 'tree'; readonly block: number }
  /** The block's own code and its jumps. */
  | { readonly kind: 'body'; readonly block: number }
  | { readonly kind: 'edge'; readonly from: number; readonly to: number }
  | { readonly kind: 'else' | 'end' };

function structured(w: WasmWriter, code: Code, graph: Graph, emit: BodyEmitter): void {
  const { blocks } = graph;
  /** Innermost last: the block that a branch to this label continues with, -1 for an `if`. */
  const labels: number[] = [];
  const open = (op: number, label: number): void => {
    w.bytes(op, VOID);
    labels.push(label);
  };
  const tasks: Task[] = [{ kind: 'tree', block: 0 }];
  for (let task = tasks.pop(); task !== undefined; task = tasks.pop()) {
    switch (task.kind) {
      case 'tree': {
        const block = blocks[task.block] as Block;
        const merges = block.children.filter((child) => (blocks[child] as Block).merge);
        if (block.loop) {
          open(OP.loop, task.block);
          tasks.push({ kind: 'end' });
        }
        for (let i = merges.length - 1; i >= 0; i--) {
          open(OP.block, merges[i] as number);
          tasks.push({ kind: 'tree', block: merges[i] as number }, { kind: 'end' });
        }
        tasks.push({ kind: 'body', block: task.block });
        break;
      }
      case 'body': {
        const block = blocks[task.block] as Block;
        emit.straight(block);
        const insn = code.insns[block.end - 1] as Insn;
        if (isExit(insn)) break;
        const [first, taken] = block.next as readonly [number, number?];
        if (!isConditional(insn) || taken === undefined) {
          tasks.push({ kind: 'edge', from: task.block, to: first });
          break;
        }
        emit.condition(block);
        open(OP.if, -1);
        tasks.push({ kind: 'end' }, { kind: 'edge', from: task.block, to: first }, { kind: 'else' }, { kind: 'edge', from: task.block, to: taken });
        break;
      }
      case 'edge': {
        const from = blocks[task.from] as Block;
        const to = blocks[task.to] as Block;
        if (to.start < from.end) emit.backward(from);
        if (task.to <= task.from || to.merge) w.byte(OP.br).unsigned(labels.length - 1 - labels.lastIndexOf(task.to));
        else tasks.push({ kind: 'tree', block: task.to });
        break;
      }
      case 'else':
        w.byte(OP.else);
        break;
      case 'end':
        w.byte(OP.end);
        labels.pop();
        break;
      default: {
        const never: never = task;
        throw new Error(`unexpected ${String(never)}`);
      }
    }
  }
}

function dispatched(w: WasmWriter, code: Code, graph: Graph, emit: BodyEmitter, next: number): void {
  const { blocks } = graph;
  w.bytes(OP.loop, VOID);
  for (let i = 0; i < blocks.length; i++) w.bytes(OP.block, VOID);
  w.byte(OP.localGet).unsigned(next).byte(OP.brTable).unsigned(blocks.length - 1);
  for (let i = 0; i < blocks.length; i++) w.unsigned(i);
  const edge = (from: Block, to: number, depth: number): void => {
    if ((blocks[to] as Block).start < from.end) emit.backward(from);
    w.byte(OP.i32Const).signed(to).byte(OP.localSet).unsigned(next).byte(OP.br).unsigned(depth);
  };
  blocks.forEach((block, i) => {
    w.byte(OP.end);
    emit.straight(block);
    const insn = code.insns[block.end - 1] as Insn;
    if (isExit(insn)) return;
    const toLoop = blocks.length - 1 - i;
    const [first, taken] = block.next as readonly [number, number?];
    if (isConditional(insn) && taken !== undefined) {
      emit.condition(block);
      w.bytes(OP.if, VOID);
      edge(block, taken, toLoop + 1);
      w.byte(OP.end);
    }
    edge(block, first, toLoop);
  });
  w.byte(OP.end);
}
