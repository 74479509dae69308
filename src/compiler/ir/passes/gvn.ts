/**
 * Computes nothing twice: along the dominator tree, a pure instruction equal to an earlier one is that one; a load of
 * what was stored or loaded before, with nothing in between that can have changed it, is that value; the condition of a
 * branch is true on one side and false on the other.
 *
 * Memory: every write is noted in a log, and a remembered value holds if no entry after it may touch its bytes. Where
 * paths join, all writes on the way from the immediate dominator are entered. Nothing moves: a load stays where the
 * source has it or goes, so no check is passed by.
 */
import { constant, isConst } from '../builder.ts';
import { buildCfg, buildDominators, type Cfg } from '../cfg.ts';
import { evalExt, negatePred } from '../eval.ts';
import { helperFacts } from '../helpers.ts';
import type { Block, Cmp, Inst, IrFunction, IrType, Load, MemBits, Value } from '../ir.ts';
import { isInst, isPure, mapOperands, mapTermOperand } from '../uses.ts';
import { type Captures, type Effects, findCaptures, mayAlias, type Region, reachableByOthers, regionOf, writesOf } from './alias.ts';
import { sameValue } from './cleanup-cfg.ts';

/** Writes looked at before a load is given up on. */
const MAX_LOG = 200;
/** Blocks walked to collect what happens between a join and its dominator. */
const MAX_REGION = 400;

interface Known {
  readonly region: Region;
  readonly bits: MemBits;
  /** What is in memory, its low `bits` (higher ones as the loader or storer had them). */
  readonly value: Value;
  /** Length of the log when it was noted. */
  readonly at: number;
  /** The load it came from, for its way of extending. */
  readonly load: Load | undefined;
}

export function gvn(fn: IrFunction): boolean {
  return new Gvn(fn).run();
}

class Gvn {
  private readonly fn: IrFunction;
  private readonly cfg: Cfg;
  private readonly captures: Captures;
  private readonly replacement: (Value | undefined)[];
  private readonly table = new Map<number, Inst[]>();
  private readonly undoTable: number[] = [];
  private readonly memory = new Map<number, Known[]>();
  private readonly undoMemory: number[] = [];
  private log: Effects[] = [];
  /** Facts from branches: conditions by id. */
  private readonly truths: (Value | undefined)[];
  private readonly undoTruths: { id: number; old: Value | undefined }[] = [];
  private readonly blockWrites: (Effects[] | undefined)[] = [];
  private changed = false;

  constructor(fn: IrFunction) {
    this.fn = fn;
    this.cfg = buildCfg(fn);
    this.captures = findCaptures(fn);
    this.replacement = new Array<Value | undefined>(fn.nextId);
    this.truths = new Array<Value | undefined>(fn.nextId);
  }

  private readonly resolve = (v: Value): Value => {
    let x = v;
    while (isInst(x)) {
      const r: Value | undefined = this.replacement[x.id] ?? this.truths[x.id];
      if (r === undefined) return x;
      x = r;
    }
    return x;
  };

  run(): boolean {
    const dom = buildDominators(this.cfg);
    const stack: { at: number; next: number; table: number; memory: number; truths: number; log: Effects[] }[] = [];
    const enter = (at: number): void => {
      const mark = {
        at,
        next: 0,
        table: this.undoTable.length,
        memory: this.undoMemory.length,
        truths: this.undoTruths.length,
        log: this.log,
      };
      this.log = this.log.slice();
      this.block(at, dom.idom[at] as number);
      stack.push(mark);
    };
    if (this.cfg.order.length > 0) enter(0);
    while (stack.length > 0) {
      const top = stack[stack.length - 1] as (typeof stack)[number];
      const child = (dom.children[top.at] as readonly number[])[top.next++];
      if (child !== undefined) {
        enter(child);
        continue;
      }
      while (this.undoTable.length > top.table) this.table.get(this.undoTable.pop() as number)?.pop();
      while (this.undoMemory.length > top.memory) this.memory.get(this.undoMemory.pop() as number)?.pop();
      while (this.undoTruths.length > top.truths) {
        const u = this.undoTruths.pop() as { id: number; old: Value | undefined };
        this.truths[u.id] = u.old;
      }
      this.log = top.log;
      stack.pop();
    }
    if (this.changed) {
      // Facts of branches hold only where they were entered; plain replacements hold everywhere.
      const find = (v: Value): Value => {
        let x = v;
        while (isInst(x)) {
          const r: Value | undefined = this.replacement[x.id];
          if (r === undefined) return x;
          x = r;
        }
        return x;
      };
      for (const block of this.fn.blocks) {
        for (const i of block.insts) mapOperands(i, find);
        mapTermOperand(block.term, find);
      }
    }
    return this.changed;
  }

  private block(at: number, idom: number): void {
    const block = this.cfg.order[at] as Block;
    const preds = this.cfg.preds[at] as readonly Block[];
    if (preds.length === 1 && preds[0]) this.learn(preds[0], block);
    else if (at !== 0) this.join(at, idom);
    let kept = 0;
    const insts = block.insts;
    for (let k = 0; k < insts.length; k++) {
      const i = insts[k] as Inst;
      if (i.op !== 'phi') mapOperands(i, this.resolveChanged);
      const same = this.visit(i, block, kept);
      if (same) {
        // A value that has to be made from what memory is known to hold.
        if (isInst(same) && same.id === NEW) {
          same.id = this.fn.nextId++;
          same.loc = i.loc;
          insts[kept++] = same;
        }
        this.replacement[i.id] = same;
        if (isInst(same) && i.name !== undefined) same.name ??= i.name;
        this.changed = true;
      } else insts[kept++] = i;
    }
    insts.length = kept;
    mapTermOperand(block.term, this.resolveChanged);
    // What is known here also holds at the ends of the edges out of here.
    for (const s of this.cfg.succs[at] as readonly Block[]) {
      for (const i of s.insts) {
        if (i.op !== 'phi') break;
        for (const x of i.incoming) if (x.block === block) x.value = this.resolveChanged(this.onEdge(block, s, x.value));
      }
    }
  }

  private readonly resolveChanged = (v: Value): Value => {
    const r = this.resolve(v);
    if (r !== v) this.changed = true;
    return r;
  };

  /** On the edge a branch takes, its condition is known; on one a comparison for equality takes, so is the value. */
  private onEdge(from: Block, to: Block, value: Value): Value {
    const t = from.term;
    if (t.op !== 'branch' || t.then === t.else) return value;
    const taken = t.then === to;
    if (value === t.cond && value.type === 'i32' && t.cond.op === 'cmp') return constant('i32', taken ? 1 : 0);
    const equal = equality(t.cond, taken);
    return equal && equal.value === value ? equal.constant : value;
  }

  private know(i: Inst, value: Value): void {
    this.undoTruths.push({ id: i.id, old: this.truths[i.id] });
    this.truths[i.id] = value;
  }

  /** The only way here is an edge of a branch. */
  private learn(from: Block, to: Block): void {
    const t = from.term;
    if (t.op !== 'branch' || t.then === t.else || !isInst(t.cond)) return;
    const taken = t.then === to;
    if (t.cond.op === 'cmp') {
      this.know(t.cond, constant('i32', taken ? 1 : 0));
      // The opposite question has the opposite answer.
      const negated = negatePred(t.cond.pred);
      if (negated) {
        const other = this.find(
          hashCmp({ ...t.cond, pred: negated }),
          (x) => x.op === 'cmp' && x.pred === negated && sameValue(x.a, (t.cond as Cmp).a) && sameValue(x.b, (t.cond as Cmp).b),
        );
        if (other) this.know(other, constant('i32', taken ? 0 : 1));
      }
    }
    const equal = equality(t.cond, taken);
    // A pointer that equals null is null; other pointers keep their own provenance.
    if (equal && isInst(equal.value)) this.know(equal.value, equal.constant);
  }

  private find(hash: number, same: (i: Inst) => boolean): Inst | undefined {
    const list = this.table.get(hash);
    if (!list) return undefined;
    for (let k = list.length - 1; k >= 0; k--) if (same(list[k] as Inst)) return list[k];
    return undefined;
  }

  /** Enters what may have been written between the dominator's end and here. */
  private join(at: number, idom: number): void {
    const seen = new Set<number>();
    const work: number[] = [];
    for (const p of this.cfg.preds[at] as readonly Block[]) {
      const pos = this.cfg.position[p.id] as number;
      if (pos >= 0) work.push(pos);
    }
    while (work.length > 0) {
      const p = work.pop() as number;
      if (p === idom || seen.has(p)) continue;
      seen.add(p);
      if (seen.size > MAX_REGION) {
        this.log.push({ regions: [], everything: true }, EVERY_STACK);
        return;
      }
      for (const q of this.cfg.preds[p] as readonly Block[]) work.push(this.cfg.position[q.id] as number);
    }
    // In a loop the header itself may be among them.
    for (const p of seen) for (const e of this.writesIn(p)) this.log.push(e);
  }

  private writesIn(at: number): Effects[] {
    let list = this.blockWrites[at];
    if (list) return list;
    list = [];
    for (const i of (this.cfg.order[at] as Block).insts) {
      const e = writesOf(i);
      if (e.everything || e.regions.length > 0) list.push(e);
    }
    this.blockWrites[at] = list;
    return list;
  }

  private visit(i: Inst, block: Block, position: number): Value | undefined {
    switch (i.op) {
      case 'phi': {
        for (let k = 0; k < position; k++) {
          const x = block.insts[k] as Inst;
          if (
            x.op === 'phi' &&
            x.type === i.type &&
            x.incoming.length === i.incoming.length &&
            x.incoming.every((p) => i.incoming.some((q) => q.block === p.block && sameValue(p.value, q.value)))
          )
            return x;
        }
        return undefined;
      }
      case 'load':
        return this.load(i);
      case 'call': {
        if (helperFacts(i).stable && i.args.length === 0) {
          const earlier = this.lookUp(i, hashOf(i));
          if (earlier) return earlier;
        }
        break;
      }
      default:
        if (isPure(i)) return this.lookUp(i, hashOf(i));
    }
    const e = writesOf(i);
    if (e.everything || e.regions.length > 0) this.log.push(e);
    if (i.op === 'store' && !i.volatile && !i.core)
      this.note({ region: regionOf(i.ptr, i.offset, i.bits / 8), bits: i.bits, value: i.value, at: this.log.length, load: undefined });
    return undefined;
  }

  private lookUp(i: Inst, hash: number): Inst | undefined {
    const found = this.find(hash, (x) => sameExpression(x, i));
    if (found) return found;
    const list = this.table.get(hash);
    if (list) list.push(i);
    else this.table.set(hash, [i]);
    this.undoTable.push(hash);
    return undefined;
  }

  private note(k: Known): void {
    if (k.region.offset === undefined) return;
    const key = memoryKey(k.region);
    const list = this.memory.get(key);
    if (list) list.push(k);
    else this.memory.set(key, [k]);
    this.undoMemory.push(key);
  }

  private load(i: Load): Value | undefined {
    if (i.volatile || i.core) return undefined;
    const region = regionOf(i.ptr, i.offset, i.bits / 8);
    const { offset } = region;
    if (offset === undefined) return undefined;
    const candidates = this.memory.get(memoryKey(region));
    if (candidates) {
      for (let k = candidates.length - 1; k >= 0; k--) {
        const c = candidates[k] as Known;
        if (c.region.base !== region.base && !sameGlobal(c.region.base, region.base)) continue;
        if (c.region.offset !== offset || c.bits !== i.bits || !this.holds(c)) continue;
        const v = this.asLoaded(i, c);
        if (v) return v;
        break;
      }
    }
    this.note({ region, bits: i.bits, value: i, at: this.log.length, load: i });
    return undefined;
  }

  private holds(c: Known): boolean {
    if (this.log.length - c.at > MAX_LOG) return false;
    for (let k = c.at; k < this.log.length; k++) {
      const e = this.log[k] as Effects;
      if (e === EVERY_STACK) return false;
      if (e.everything && reachableByOthers(c.region, this.captures)) return false;
      for (const r of e.regions) if (mayAlias(r, c.region, this.captures)) return false;
    }
    return true;
  }

  /** The remembered value as this load would give it; an instruction with id `NEW` where one is needed. */
  private asLoaded(i: Load, c: Known): Value | undefined {
    const v = c.value;
    if (i.resultSpace && c.load?.resultSpace !== i.resultSpace) return undefined;
    if (c.load && c.load.type === i.type && (c.load.signed === i.signed || i.bits === 64 || (i.bits === 32 && i.type === 'i32'))) return v;
    if (v.op === 'const')
      return i.bits === 64 ? constant(i.type, v.value) : constant(i.type as IrType, evalExt(i.type, i.signed, i.bits, v.value));
    const base = { id: NEW, loc: i.loc };
    if (i.bits === 64) {
      if (v.type === i.type) return v;
      if (v.type === 'ptr') return { ...base, op: 'ptrtoint', type: 'i64', a: v };
      return i.type === 'ptr' && v.type === 'i64' ? { ...base, op: 'inttoptr', type: 'ptr', a: v } : undefined;
    }
    if (v.type === 'ptr' || v.type === 'void' || i.type === 'ptr') return undefined;
    if (i.bits === 32 && i.type === 'i32') return v.type === 'i32' ? v : { ...base, op: 'trunc', type: 'i32', a: v };
    return { ...base, op: 'ext', type: i.type, signed: i.signed, bits: i.bits, a: v };
  }
}

/** Id of an instruction that has no place yet. */
const NEW = -1;

/** Stands in the log for "stack objects too". */
const EVERY_STACK: Effects = { regions: [], everything: true };

/** A branch on `x == c` (taken) or `x != c` (not taken): x is c there. */
function equality(cond: Value, taken: boolean): { value: Value; constant: Value } | undefined {
  if (cond.op !== 'cmp' || !isConst(cond.b)) return undefined;
  if (cond.pred === (taken ? 'eq' : 'ne')) return cond.a.op === 'const' ? undefined : { value: cond.a, constant: cond.b };
  return undefined;
}

function sameGlobal(a: Value, b: Value): boolean {
  return a.op === 'globaladdr' && b.op === 'globaladdr' && a.global === b.global && a.offset === b.offset;
}

function memoryKey(r: Region): number {
  return (hashValue(r.base) * 31 + (r.offset as number)) | 0;
}

function hashText(s: string): number {
  let h = 7;
  for (let k = 0; k < s.length; k++) h = (h * 31 + s.charCodeAt(k)) | 0;
  return h;
}

function hashValue(v: Value): number {
  switch (v.op) {
    case 'const':
      return (Number(v.value & 0xffff_ffffn) ^ Number(v.value >> 32n) ^ 0x5bd1e995) | 0;
    case 'param':
      return -1 - v.index;
    case 'undef':
      return -100;
    case 'globaladdr':
      return hashText(v.global) + v.offset;
    default:
      return v.id;
  }
}

const OPS = new Map<string, number>();
function opNumber(name: string): number {
  let n = OPS.get(name);
  if (n === undefined) OPS.set(name, (n = OPS.size + 1));
  return n;
}

function hashCmp(i: Cmp): number {
  return mix(mix(opNumber('cmp') * 16 + opNumber(i.pred), hashValue(i.a)), hashValue(i.b));
}

function mix(a: number, b: number): number {
  return (Math.imul(a, 0x01000193) ^ b) | 0;
}

function hashOf(i: Inst): number {
  let h = opNumber(i.op) + (i.type === 'i32' ? 1000 : i.type === 'i64' ? 2000 : 3000);
  switch (i.op) {
    case 'bin':
      return mix(mix(h * 32 + opNumber(i.bin), hashValue(i.a)), hashValue(i.b));
    case 'cmp':
      return hashCmp(i);
    case 'ptradd':
      return mix(mix(h, hashValue(i.base)), hashValue(i.offset));
    case 'ext':
      return mix(h + i.bits + (i.signed ? 500 : 0), hashValue(i.a));
    case 'trunc':
    case 'ptrtoint':
    case 'inttoptr':
    case 'spacecast':
      return mix(h, hashValue(i.a));
    case 'bswap':
      return mix(h + i.bits, hashValue(i.a));
    case 'select':
      return mix(mix(mix(h, hashValue(i.cond)), hashValue(i.a)), hashValue(i.b));
    case 'mapaddr':
      return h + hashText(i.map);
    case 'globaladdr':
      return h + hashText(i.global) + i.offset;
    case 'funcaddr':
      return h + hashText(i.fn);
    case 'ksymaddr':
      return h + hashText(i.symbol);
    case 'core':
      return h + hashText(i.core.access) + i.core.type;
    case 'call':
      h += i.callee.kind === 'helper' ? i.callee.id : 0;
      return h;
    default:
      return h;
  }
}

function sameExpression(x: Inst, y: Inst): boolean {
  if (x.type !== y.type) return false;
  switch (x.op) {
    case 'bin':
      return y.op === 'bin' && x.bin === y.bin && sameValue(x.a, y.a) && sameValue(x.b, y.b);
    case 'cmp':
      return y.op === 'cmp' && x.pred === y.pred && sameValue(x.a, y.a) && sameValue(x.b, y.b);
    case 'ptradd':
      return y.op === 'ptradd' && sameValue(x.base, y.base) && sameValue(x.offset, y.offset);
    case 'ext':
      return y.op === 'ext' && x.bits === y.bits && x.signed === y.signed && sameValue(x.a, y.a);
    case 'trunc':
      return y.op === 'trunc' && sameValue(x.a, y.a);
    case 'ptrtoint':
      return y.op === 'ptrtoint' && sameValue(x.a, y.a);
    case 'inttoptr':
      return y.op === 'inttoptr' && x.space === y.space && sameValue(x.a, y.a);
    case 'spacecast':
      return y.op === 'spacecast' && x.space === y.space && sameValue(x.a, y.a);
    case 'bswap':
      return y.op === 'bswap' && x.bits === y.bits && sameValue(x.a, y.a);
    case 'select':
      return y.op === 'select' && sameValue(x.cond, y.cond) && sameValue(x.a, y.a) && sameValue(x.b, y.b);
    case 'mapaddr':
      return y.op === 'mapaddr' && x.map === y.map;
    case 'globaladdr':
      return y.op === 'globaladdr' && x.global === y.global && x.offset === y.offset;
    case 'funcaddr':
      return y.op === 'funcaddr' && x.fn === y.fn;
    case 'ksymaddr':
      return y.op === 'ksymaddr' && x.symbol === y.symbol;
    case 'core':
      return (
        y.op === 'core' &&
        x.core.kind === y.core.kind &&
        x.core.type === y.core.type &&
        x.core.access === y.core.access &&
        x.core.local === y.core.local
      );
    case 'call':
      return (
        y.op === 'call' &&
        x.callee.kind === 'helper' &&
        y.callee.kind === 'helper' &&
        x.callee.id === y.callee.id &&
        x.args.length === 0 &&
        y.args.length === 0
      );
    default:
      return false;
  }
}
