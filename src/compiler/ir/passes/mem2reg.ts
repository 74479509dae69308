/**
 * Allocas that are only loaded and stored, whole, become SSA values.
 *
 * Phis go to the iterated dominance frontier of the stores, where the variable is live (Cytron et al., pruned); then
 * one walk over the dominator tree replaces loads by what was stored last. An 8- or 16-bit variable is kept as the
 * i32 that was stored and each load extends it anew; `combine` removes extensions that change nothing.
 * A load before any store is undef.
 */
import { undef } from '../builder.ts';
import { buildCfg, buildDominators, type Cfg, dominanceFrontiers } from '../cfg.ts';
import type { Alloca, Block, Inst, IrFunction, IrType, MemBits, Phi, Value } from '../ir.ts';
import { forEachOperand, isInst, mapOperands, mapTermOperand, termOperand } from '../uses.ts';

interface Variable {
  readonly alloca: Alloca;
  readonly index: number;
  bits: MemBits | 0;
  type: IrType;
  /** Positions of blocks with a store. */
  readonly stores: number[];
  /** Positions of blocks that load before they store. */
  readonly liveIn: number[];
}

export function mem2reg(fn: IrFunction): boolean {
  const entry = fn.blocks[0] as Block;
  const cfg = buildCfg(fn);
  const variables = findVariables(fn, entry, cfg);
  if (variables.length === 0) return false;
  const dom = buildDominators(cfg);
  const frontiers = dominanceFrontiers(cfg, dom);
  const varOf: (Variable | undefined)[] = new Array<Variable | undefined>(fn.nextId);
  for (const v of variables) varOf[v.alloca.id] = v;

  const phiVars = new Map<Phi, Variable>();
  for (const v of variables) placePhis(fn, cfg, frontiers, v, phiVars);

  // Renaming. `current` holds the reaching value per variable; each block undoes its own changes when left.
  const current: (Value | undefined)[] = new Array<Value | undefined>(variables.length);
  const replacement: (Value | undefined)[] = new Array<Value | undefined>(fn.nextId);
  const resolve = (v: Value): Value => {
    let x = v;
    while (isInst(x)) {
      const r: Value | undefined = replacement[x.id];
      if (r === undefined) return x;
      x = r;
    }
    return x;
  };
  const undo: { index: number; value: Value | undefined }[] = [];
  const set = (index: number, value: Value): void => {
    undo.push({ index, value: current[index] });
    current[index] = value;
  };
  const stack: { at: number; next: number; mark: number }[] = [];
  const enter = (at: number): void => {
    const mark = undo.length;
    const block = cfg.order[at] as Block;
    const out: Inst[] = [];
    for (const i of block.insts) {
      if (i.op === 'alloca' && varOf[i.id]) continue;
      if (i.op === 'phi') {
        const v = phiVars.get(i);
        if (v) set(v.index, i);
        out.push(i);
        continue;
      }
      if (i.op === 'load' && i.ptr.op === 'alloca') {
        const v = varOf[i.ptr.id];
        if (v) {
          replacement[i.id] = asLoaded(fn, i, current[v.index] ?? undef(v.type), out);
          continue;
        }
      }
      if (i.op === 'store' && i.ptr.op === 'alloca') {
        const v = varOf[i.ptr.id];
        if (v) {
          set(v.index, asStored(fn, v, resolve(i.value), i, out));
          continue;
        }
      }
      mapOperands(i, resolve);
      out.push(i);
    }
    block.insts = out;
    mapTermOperand(block.term, resolve);
    for (const s of cfg.succs[at] as readonly Block[]) {
      for (const i of s.insts) {
        if (i.op !== 'phi') break;
        const v = phiVars.get(i);
        if (v && !i.incoming.some((x) => x.block === block)) i.incoming.push({ block, value: current[v.index] ?? undef(v.type) });
      }
    }
    stack.push({ at, next: 0, mark });
  };
  enter(0);
  while (stack.length > 0) {
    const top = stack[stack.length - 1] as { at: number; next: number; mark: number };
    const child = (dom.children[top.at] as readonly number[])[top.next++];
    if (child !== undefined) {
      enter(child);
      continue;
    }
    while (undo.length > top.mark) {
      const u = undo.pop() as { index: number; value: Value | undefined };
      current[u.index] = u.value;
    }
    stack.pop();
  }
  // Phis of before may mention loads of blocks that were walked later.
  for (const block of cfg.order) {
    for (const i of block.insts) {
      if (i.op !== 'phi') break;
      for (const x of i.incoming) x.value = resolve(x.value);
    }
  }
  return true;
}

/** The candidates, with where they are stored and where they are live on entry. */
function findVariables(fn: IrFunction, entry: Block, cfg: Cfg): Variable[] {
  const table: (Variable | undefined)[] = new Array<Variable | undefined>(fn.nextId);
  let count = 0;
  for (const i of entry.insts) {
    if (i.op !== 'alloca' || i.size > 8) continue;
    table[i.id] = { alloca: i, index: 0, bits: 0, type: 'i32', stores: [], liveIn: [] };
    count++;
  }
  if (count === 0) return [];
  const give = (v: Value): void => {
    if (v.op === 'alloca') table[v.id] = undefined;
  };
  // Unreachable blocks are not renamed, so they must not mention a variable either.
  for (const block of fn.blocks) {
    const at = cfg.position[block.id] as number;
    for (const i of block.insts) {
      if ((i.op === 'load' || i.op === 'store') && i.ptr.op === 'alloca') {
        if (i.op === 'store') give(i.value);
        const v = table[i.ptr.id];
        if (!v) continue;
        if (i.volatile || i.offset !== 0 || at < 0 || i.bits > v.alloca.size * 8 || (v.bits !== 0 && v.bits !== i.bits)) {
          table[i.ptr.id] = undefined;
          continue;
        }
        v.bits = i.bits;
        if (i.op === 'load') {
          if (v.stores[v.stores.length - 1] !== at && v.liveIn[v.liveIn.length - 1] !== at) v.liveIn.push(at);
          if (i.type === 'ptr' && v.type === 'i32') v.type = 'ptr';
          else if (i.bits === 64 && v.type === 'i32') v.type = 'i64';
        } else {
          if (v.stores[v.stores.length - 1] !== at) v.stores.push(at);
          // A pointer that was stored keeps its provenance however it is loaded.
          if (i.value.type === 'ptr') v.type = 'ptr';
          else if (i.bits === 64 && v.type === 'i32') v.type = 'i64';
        }
      } else forEachOperand(i, give);
    }
    const t = termOperand(block.term);
    if (t) give(t);
  }
  const out: Variable[] = [];
  for (const i of entry.insts) {
    const v = i.op === 'alloca' ? table[i.id] : undefined;
    if (v) out.push({ ...v, index: out.length });
  }
  return out;
}

function placePhis(fn: IrFunction, cfg: Cfg, frontiers: readonly (readonly number[])[], v: Variable, phiVars: Map<Phi, Variable>): void {
  if (v.stores.length === 0 || v.liveIn.length === 0) return;
  const n = cfg.order.length;
  const stored = new Uint8Array(n);
  for (const s of v.stores) stored[s] = 1;
  const live = new Uint8Array(n);
  const work = [...v.liveIn];
  for (const l of work) live[l] = 1;
  while (work.length > 0) {
    for (const p of cfg.preds[work.pop() as number] as readonly Block[]) {
      const at = cfg.position[p.id] as number;
      if (!live[at] && !stored[at]) {
        live[at] = 1;
        work.push(at);
      }
    }
  }
  const has = new Uint8Array(n);
  const todo = [...v.stores];
  while (todo.length > 0) {
    for (const f of frontiers[todo.pop() as number] as readonly number[]) {
      if (has[f] || !live[f]) continue;
      has[f] = 1;
      const block = cfg.order[f] as Block;
      const phi: Phi = { op: 'phi', type: v.type, id: fn.nextId++, loc: v.alloca.loc, incoming: [] };
      if (v.alloca.var !== undefined) phi.name = v.alloca.var;
      block.insts.unshift(phi);
      phiVars.set(phi, v);
      if (!stored[f]) todo.push(f);
    }
  }
}

/** The value as the load would have extended it. */
function asLoaded(fn: IrFunction, load: Inst & { op: 'load' }, value: Value, out: Inst[]): Value {
  if (value.op === 'undef') return undef(load.type);
  const base = { id: 0, loc: load.loc };
  const emit = <T extends Inst>(i: T): T => {
    i.id = fn.nextId++;
    out.push(i);
    return i;
  };
  if (load.bits === 64) {
    if (load.type === value.type) {
      return load.type === 'ptr' && load.resultSpace
        ? emit({ ...base, op: 'spacecast', type: 'ptr', a: value, space: load.resultSpace })
        : value;
    }
    if (load.type === 'ptr')
      return emit({ ...base, op: 'inttoptr', type: 'ptr', a: value, ...(load.resultSpace ? { space: load.resultSpace } : {}) });
    return emit({ ...base, op: 'ptrtoint', type: 'i64', a: value });
  }
  if (load.bits === 32 && load.type === 'i32') return value;
  return emit({ ...base, op: 'ext', type: load.type as 'i32' | 'i64', signed: load.signed, bits: load.bits, a: value });
}

/** The value in the variable's own type. */
function asStored(fn: IrFunction, v: Variable, value: Value, store: Inst & { op: 'store' }, out: Inst[]): Value {
  if (value.type === v.type) return value;
  if (value.op === 'undef') return undef(v.type);
  const base = { id: fn.nextId++, loc: store.loc };
  let inst: Inst;
  if (v.type === 'i32') inst = { ...base, op: 'trunc', type: 'i32', a: value };
  else if (v.type === 'ptr') {
    if (value.op === 'const') return { op: 'const', type: 'ptr', value: value.value };
    inst = { ...base, op: 'inttoptr', type: 'ptr', a: value };
  } else inst = { ...base, op: 'ptrtoint', type: 'i64', a: value };
  out.push(inst);
  return inst;
}
