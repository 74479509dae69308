/**
 * Inlining, callees before callers, so that what is copied is already simple. `always_inline` (and in BCC's dialect
 * everything) is copied wherever it is called; other static functions if they are small or called once; functions that
 * BPF could not call (more than five arguments) always. Recursion stays a call.
 *
 * What remains uncalled is removed; programs and what they call stay.
 */
import type { Diagnostics } from '../../diagnostics.ts';
import { mapSuccessors, successors } from '../cfg.ts';
import type { Block, CallInst, Inst, IrFunction, IrModule, IrType, Terminator, Value } from '../ir.ts';
import { mapOperands, mapTermOperand, replaceAll } from '../uses.ts';

/** Instructions up to which a function is copied though nobody asked for it. About clang's limit at -O2. */
const SMALL = 45;
/** A function stops growing by choice here, and by force where `always_inline` goes on. */
const LARGE = 8_000;
const HUGE = 200_000;

export interface InlineOptions {
  readonly diagnostics: Diagnostics;
  /** Run on each function when its callees are in it, before it is copied itself. */
  readonly prepare: (fn: IrFunction) => void;
  /** Functions to keep besides programs. */
  readonly roots?: readonly string[];
}

/** Ends with the first error: what is left then is of no use. */
export function inlineModule(module: IrModule, options: InlineOptions): void {
  const { order, recursive } = callOrder(module);
  const callers = countCallers(module);
  const warned = new Set<IrFunction>();
  for (const fn of order) {
    inlineInto(module, fn, recursive, callers, options, warned);
    if (options.diagnostics.errors > 0) return;
    options.prepare(fn);
  }
  removeUncalled(module, options.roots);
}

export function sizeOf(fn: IrFunction): number {
  let n = 0;
  for (const b of fn.blocks) n += b.insts.length;
  return n;
}

function inlineInto(
  module: IrModule,
  fn: IrFunction,
  recursive: ReadonlySet<IrFunction>,
  callers: ReadonlyMap<string, number>,
  options: InlineOptions,
  warned: Set<IrFunction>,
): void {
  let size = sizeOf(fn);
  const home = fn.blocks[0] as Block;
  const frame: Inst[] = [];
  const replacement: Value[] = [];
  const done: Block[] = [];
  // The last is next: what comes out of a call goes before the blocks that follow it.
  const waiting = fn.blocks.toReversed();
  for (let block = waiting.pop(); block !== undefined; block = waiting.pop()) {
    done.push(block);
    for (let k = 0; k < block.insts.length; k++) {
      const call = block.insts[k] as Inst;
      if (call.op !== 'call' || call.callee.kind !== 'function') continue;
      const callee = module.functions.get(call.callee.name);
      if (!callee) continue;
      if (recursive.has(callee)) {
        if (!warned.has(callee))
          options.diagnostics.warn('recursion', call.loc, `'${callee.name}' can call itself; the kernel refuses programs with recursion`);
        warned.add(callee);
        continue;
      }
      const length = sizeOf(callee);
      if (!wanted(callee, length, callers.get(callee.name) ?? 0, size)) continue;
      if (size + length > HUGE) {
        options.diagnostics.error(
          'function-too-large',
          call.loc,
          `inlining '${callee.name}' here makes '${fn.name}' larger than ${HUGE} instructions`,
        );
        return;
      }
      size += length;
      const copy = inlineCall(fn, block, k, call, callee);
      frame.push(...copy.allocas);
      if (copy.value !== undefined) replacement[call.id] = copy.value;
      waiting.push(...copy.blocks.toReversed());
      break;
    }
  }
  fn.blocks = done;
  // Stack objects belong to the frame, so to the entry.
  home.insts.unshift(...frame);
  if (replacement.length > 0) replaceAll(fn, replacement);
}

function wanted(callee: IrFunction, length: number, callers: number, size: number): boolean {
  if (callee.inline === 'always') return true;
  if (callee.params.length > 5) return true;
  if (callee.inline === 'never' || callee.linkage === 'weak') return false;
  if (size + length > LARGE) return false;
  return length <= SMALL || (callee.linkage === 'static' && callers === 1);
}

interface Inlined {
  /** What comes after the split block: the callee's, and the rest. */
  readonly blocks: readonly Block[];
  /** The callee's stack objects. */
  readonly allocas: readonly Inst[];
  /** In place of the call's. */
  readonly value: Value | undefined;
}

/** Splits the block at the call. */
function inlineCall(fn: IrFunction, block: Block, index: number, call: CallInst, callee: IrFunction): Inlined {
  const rest: Block = { id: fn.nextId++, insts: block.insts.slice(index + 1), term: block.term };
  for (const s of successors(block.term)) {
    for (const i of s.insts) {
      if (i.op !== 'phi') break;
      for (const x of i.incoming) if (x.block === block) x.block = rest;
    }
  }
  block.insts.length = index;

  const copy = copyBody(fn, callee, call);
  const entry = copy.blocks[0] as Block;
  const allocas = entry.insts.filter((i) => i.op === 'alloca');
  if (allocas.length > 0) entry.insts = entry.insts.filter((i) => i.op !== 'alloca');
  block.term = { op: 'jump', to: entry, loc: call.loc };

  const results: { block: Block; value: Value }[] = [];
  for (const b of copy.blocks) {
    if (b.term.op !== 'return') continue;
    if (b.term.value) results.push({ block: b, value: b.term.value });
    b.term = { op: 'jump', to: rest, loc: b.term.loc };
  }
  return { blocks: [...copy.blocks, rest], allocas, value: call.type === 'void' ? undefined : resultOf(fn, call, results, rest) };
}

function resultOf(fn: IrFunction, call: CallInst, results: { block: Block; value: Value }[], rest: Block): Value {
  const [only] = results;
  if (only === undefined) return { op: 'undef', type: call.type as IrType };
  if (results.length === 1) return only.value;
  const phi: Inst = { op: 'phi', type: call.type as IrType, id: fn.nextId++, loc: call.loc, incoming: results };
  rest.insts.unshift(phi);
  return phi;
}

function copyBody(fn: IrFunction, callee: IrFunction, call: CallInst): { blocks: Block[] } {
  const insts: (Inst | undefined)[] = new Array<Inst | undefined>(callee.nextId);
  const blocks: (Block | undefined)[] = new Array<Block | undefined>(callee.nextId);
  const out: Block[] = [];
  for (const b of callee.blocks) {
    const copy: Block = { id: fn.nextId++, insts: [], term: b.term, ...(b.unroll === undefined ? {} : { unroll: b.unroll }) };
    blocks[b.id] = copy;
    out.push(copy);
  }
  for (const b of callee.blocks) {
    const to = blocks[b.id] as Block;
    for (const i of b.insts) {
      const c = copyInst(i);
      c.id = fn.nextId++;
      insts[i.id] = c;
      to.insts.push(c);
    }
  }
  const value = (v: Value): Value => {
    if (v.op === 'param') return call.args[v.index] ?? { op: 'undef', type: v.type };
    if (v.op === 'const' || v.op === 'undef') return v;
    return insts[v.id] as Inst;
  };
  const target = (b: Block): Block => blocks[b.id] as Block;
  for (const b of callee.blocks) {
    const to = blocks[b.id] as Block;
    for (const i of to.insts) {
      mapOperands(i, value);
      if (i.op === 'phi') for (const x of i.incoming) x.block = target(x.block);
    }
    to.term = copyTerm(b.term);
    mapTermOperand(to.term, value);
    mapSuccessors(to.term, target);
  }
  return { blocks: out };
}

/** A copy with operand lists of its own. */
export function copyInst(i: Inst): Inst {
  switch (i.op) {
    case 'phi':
      return { ...i, incoming: i.incoming.map((x) => ({ ...x })) };
    case 'call':
      return { ...i, args: i.args.slice() };
    case 'asm':
      return { ...i, inputs: i.inputs.map((x) => ({ ...x })), outputs: i.outputs.map((x) => ({ ...x })), clobbers: i.clobbers.slice() };
    default:
      return { ...i };
  }
}

export function copyTerm(t: Terminator): Terminator {
  return t.op === 'switch' ? { ...t, cases: t.cases.map((c) => ({ ...c })) } : { ...t };
}

/* ---------- the call graph ---------- */

function calleesOf(module: IrModule, fn: IrFunction): IrFunction[] {
  const out: IrFunction[] = [];
  for (const b of fn.blocks) {
    for (const i of b.insts) {
      if (i.op !== 'call' || i.callee.kind !== 'function') continue;
      const callee = module.functions.get(i.callee.name);
      if (callee && !out.includes(callee)) out.push(callee);
    }
  }
  return out;
}

/** Callees first; and which functions can reach themselves (Tarjan's components). */
function callOrder(module: IrModule): { order: IrFunction[]; recursive: Set<IrFunction> } {
  const recursive = new Set<IrFunction>();
  const order: IrFunction[] = [];
  const component = new Map<IrFunction, number>();
  const index = new Map<IrFunction, number>();
  const low = new Map<IrFunction, number>();
  const open: IrFunction[] = [];
  let clock = 0,
    components = 0;
  for (const root of module.functions.values()) {
    if (index.has(root)) continue;
    const stack: { fn: IrFunction; callees: IrFunction[]; next: number }[] = [];
    const enter = (fn: IrFunction): void => {
      index.set(fn, clock);
      low.set(fn, clock++);
      open.push(fn);
      stack.push({ fn, callees: calleesOf(module, fn), next: 0 });
    };
    enter(root);
    while (stack.length > 0) {
      const top = stack[stack.length - 1] as (typeof stack)[number];
      const callee = top.callees[top.next++];
      if (callee) {
        if (!index.has(callee)) enter(callee);
        else if (!component.has(callee)) low.set(top.fn, Math.min(low.get(top.fn) as number, index.get(callee) as number));
        continue;
      }
      stack.pop();
      const parent = stack[stack.length - 1];
      if (parent) low.set(parent.fn, Math.min(low.get(parent.fn) as number, low.get(top.fn) as number));
      if (low.get(top.fn) === index.get(top.fn)) {
        const members: IrFunction[] = [];
        for (let x = open.pop(); x; x = open.pop()) {
          component.set(x, components);
          members.push(x);
          if (x === top.fn) break;
        }
        components++;
        if (members.length > 1 || top.callees.includes(top.fn)) for (const x of members) recursive.add(x);
      }
      order.push(top.fn);
    }
  }
  return { order, recursive };
}

function countCallers(module: IrModule): Map<string, number> {
  const counts = new Map<string, number>();
  for (const fn of module.functions.values()) {
    for (const b of fn.blocks) {
      for (const i of b.insts) {
        if (i.op === 'call' && i.callee.kind === 'function') counts.set(i.callee.name, (counts.get(i.callee.name) ?? 0) + 1);
        // Its address is taken: one more that cannot be inlined away.
        else if (i.op === 'funcaddr') counts.set(i.fn, (counts.get(i.fn) ?? 0) + 2);
      }
    }
  }
  return counts;
}

/** Programs and what they reach stay, as libbpf would have it. */
export function removeUncalled(module: IrModule, roots: readonly string[] = []): void {
  const live = new Set<string>();
  const work: string[] = [];
  const need = (name: string): void => {
    if (!live.has(name) && module.functions.has(name)) {
      live.add(name);
      work.push(name);
    }
  };
  for (const fn of module.functions.values()) if (fn.program || roots.includes(fn.name)) need(fn.name);
  for (let name = work.pop(); name !== undefined; name = work.pop()) {
    for (const b of module.functions.get(name)?.blocks ?? []) {
      for (const i of b.insts) {
        if (i.op === 'call' && i.callee.kind === 'function') need(i.callee.name);
        else if (i.op === 'funcaddr') need(i.fn);
      }
    }
  }
  for (const g of module.globals.values()) for (const r of g.relocs ?? []) if (r.kind === 'function') need(r.name);
  for (const name of [...module.functions.keys()]) if (!live.has(name)) module.functions.delete(name);
}
