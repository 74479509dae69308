/**
 * Local simplification to a fixpoint: folds constants, puts constants on the right, then tries the rows of `rules.ts`
 * and the few rules that are about memory and so are code. Walks in reverse postorder, so operands are simple before
 * their users are looked at.
 */
import { constant, undef } from '../builder.ts';
import { buildCfg } from '../cfg.ts';
import { evalBin, evalBswap, evalCmp, evalExt, swapPred } from '../eval.ts';
import type { Block, Cmp, Inst, IrFunction, IrModule, IrType, Load, Value } from '../ir.ts';
import { countUses, isInst, mapOperands, mapTermOperand, replaceAll } from '../uses.ts';
import { isNegatable } from './branches.ts';
import { readConstant } from './constant-memory.ts';
import { basedOn } from './pointers.ts';
import { applyRow, RowTable } from './rewrite.ts';
import { RULES } from './rules.ts';

let table: RowTable | undefined;

/** More rounds than any code needs; a pair of rules that undo each other ends here instead of never. */
const MAX_ROUNDS = 12;

export function combine(fn: IrFunction, module: IrModule): boolean {
  table ??= new RowTable(RULES);
  let changed = false;
  for (let round = 0; round < MAX_ROUNDS; round++) {
    if (!new Round(fn, module, table).run()) break;
    changed = true;
  }
  return changed;
}

/** Instructions that are compared for less or more. */
function comparedIds(fn: IrFunction): ReadonlySet<number> {
  const ids = new Set<number>();
  for (const block of fn.blocks)
    for (const i of block.insts)
      if (i.op === 'cmp' && i.pred !== 'eq' && i.pred !== 'ne') for (const v of [i.a, i.b]) if (isInst(v)) ids.add(v.id);
  return ids;
}

class Round {
  private readonly fn: IrFunction;
  private readonly module: IrModule;
  private readonly rows: RowTable;
  private readonly replacement: (Value | undefined)[] = [];
  private readonly uses: Int32Array;
  private compared: ReadonlySet<number> | undefined;
  private out: Inst[] = [];
  private loc = 0;
  private changed = false;
  /** Instructions that were already walked mention a value that has been replaced. */
  private sweep = false;

  constructor(fn: IrFunction, module: IrModule, rows: RowTable) {
    this.fn = fn;
    this.module = module;
    this.rows = rows;
    this.uses = countUses(fn);
  }

  private readonly resolve = (v: Value): Value => {
    let x = v;
    while (isInst(x)) {
      const r: Value | undefined = this.replacement[x.id];
      if (r === undefined) return x;
      x = r;
    }
    return x;
  };
  private readonly once = (v: Value): boolean => isInst(v) && (this.uses[v.id] ?? 1) <= 1;
  private readonly hints = {
    once: this.once,
    bounded: (v: Value): boolean => isInst(v) && (this.compared ??= comparedIds(this.fn)).has(v.id),
  };

  emit(i: Inst): Value {
    i.loc = this.loc;
    const folded = fold(i);
    if (folded) return folded;
    i.id = this.fn.nextId++;
    this.out.push(i);
    return i;
  }

  run(): boolean {
    const cfg = buildCfg(this.fn);
    for (const block of cfg.order) {
      this.out = [];
      for (const i of block.insts) {
        mapOperands(i, this.resolve);
        this.loc = i.loc;
        const better = this.simplify(i);
        if (better && better !== i) {
          if (isInst(better) && i.name !== undefined) better.name ??= i.name;
          this.replacement[i.id] = better;
          this.changed = true;
        } else this.out.push(i);
      }
      block.insts = this.out;
      mapTermOperand(block.term, this.resolve);
      this.terminator(block);
    }
    if (this.sweep) replaceAll(this.fn, this.replacement);
    // Phis look back along loops.
    else if (this.changed) {
      for (const block of cfg.order) {
        for (const i of block.insts) {
          if (i.op !== 'phi') break;
          for (const x of i.incoming) x.value = this.resolve(x.value);
        }
      }
    }
    return this.changed;
  }

  private simplify(i: Inst): Value | undefined {
    const folded = fold(i);
    if (folded) return folded;
    switch (i.op) {
      case 'load':
        return this.load(i);
      case 'store':
        if (this.foldOffset(i)) this.changed = true;
        // Only the low bits are stored, so what was done to the others is nothing.
        if (i.bits < 64) i.value = this.lowBits(i.value, i.bits);
        return undefined;
      case 'atomic':
        if (this.foldOffset(i)) this.changed = true;
        return undefined;
      case 'ext': {
        const better = this.extOfLoad(i);
        if (better) return better;
        break;
      }
      case 'cmp': {
        const known = knownPointerComparison(i);
        if (known) return known;
        break;
      }
      case 'spacecast': {
        if (i.a.op === 'spacecast') i.a = i.a.a;
        return undefined;
      }
      case 'memset':
      case 'memcpy':
        return undefined;
      default:
        break;
    }
    for (const row of this.rows.candidates(i)) {
      const better = applyRow(row, i, this.hints, this);
      if (better) return better;
    }
    return undefined;
  }

  private terminator(block: Block): void {
    const t = block.term;
    if (t.op !== 'branch') return;
    const c = t.cond;
    if (c.op !== 'cmp') return;
    // `if (x == 0)` of a truth value asks the opposite question.
    if (c.b.op === 'const' && c.b.value === 0n && (c.pred === 'ne' || c.pred === 'eq') && isNegatable(c.a)) {
      t.cond = c.a;
      if (c.pred === 'eq') {
        const then = t.then;
        t.then = t.else;
        t.else = then;
        if (t.likely !== undefined) t.likely = !t.likely;
      }
      this.changed = true;
    }
  }

  private load(i: Load): Value | undefined {
    if (this.foldOffset(i)) this.changed = true;
    if (i.volatile) return undefined;
    const { base, offset } = basedOn(i.ptr);
    if (base.op === 'globaladdr' && offset !== undefined) {
      const v = readConstant(this.module, base.global, base.offset + offset + i.offset, i);
      if (v === undefined) return undefined;
      return v.op === 'globaladdr' || v.op === 'funcaddr' ? this.emit(v) : v;
    }
    return undefined;
  }

  /** Moves a constant offset from the pointer into the access. */
  private foldOffset(i: Inst & { op: 'load' | 'store' | 'atomic' }): boolean {
    let changed = false;
    while (i.ptr.op === 'ptradd' && i.ptr.offset.op === 'const') {
      const next = i.offset + Number(BigInt.asIntN(64, i.ptr.offset.value));
      if (next < -0x8000 || next > 0x7fff) break;
      i.offset = next;
      i.ptr = i.ptr.base;
      changed = true;
    }
    return changed;
  }

  private lowBits(value: Value, bits: number): Value {
    let v = value;
    for (;;) {
      if (v.op === 'ext' && v.bits >= bits && v.a.type !== 'ptr') v = v.a;
      else if (
        v.op === 'bin' &&
        v.bin === 'and' &&
        v.b.op === 'const' &&
        (v.b.value & ((1n << BigInt(bits)) - 1n)) === (1n << BigInt(bits)) - 1n
      )
        v = v.a;
      else if (v.op === 'trunc' && bits <= 32 && v.a.type === 'i64') v = v.a;
      else break;
    }
    if (v !== value) this.changed = true;
    return v;
  }

  /** The load can extend by itself: zero extension for nothing, sign extension where the target has such loads. */
  private extOfLoad(i: Inst & { op: 'ext' }): Value | undefined {
    const l = i.a;
    if (l.op !== 'load' || l.volatile || !this.once(l) || l.type === 'ptr' || l.core) return undefined;
    // An extension of all that was loaded, or of what a signless load put there.
    if (l.bits > i.bits) {
      // Only the low part is wanted, but a narrower load is another access: leave it.
      return undefined;
    }
    const sameSign = l.signed === i.signed || (!l.signed && l.bits < i.bits);
    if (l.bits === i.bits ? true : sameSign) {
      const signed = l.bits === i.bits ? i.signed : l.signed;
      // The new load must stand where the old one did: memory may change between.
      const at = this.out.indexOf(l);
      if (at < 0) return undefined;
      const wide: Load = { ...l, id: this.fn.nextId++, type: i.type as IrType, signed };
      // Other users, if the count was out of date, get their value from the new load; with none it is dead.
      const base = { id: this.fn.nextId++, loc: l.loc };
      const old: Inst =
        l.type === 'i32' && wide.type === 'i64' && (signed === l.signed || l.bits === 32)
          ? { ...base, op: 'trunc', type: 'i32', a: wide }
          : { ...base, op: 'ext', type: l.type, signed: l.signed, bits: l.bits as 8 | 16 | 32, a: wide };
      this.out.splice(at, 1, wide, old);
      this.replacement[l.id] = old;
      this.sweep = true;
      return wide;
    }
    return undefined;
  }
}

/** The value of an instruction whose operands are constants (or undefined). */
export function fold(i: Inst): Value | undefined {
  switch (i.op) {
    case 'bin': {
      if (i.a.op === 'const') {
        if (i.b.op === 'const') return constant(i.type, evalBin(i.bin, i.type, i.a.value, i.b.value));
        if (i.bin === 'add' || i.bin === 'mul' || i.bin === 'and' || i.bin === 'or' || i.bin === 'xor') {
          const a = i.a;
          i.a = i.b;
          i.b = a;
        } else if (
          i.a.value === 0n &&
          (i.bin === 'shl' ||
            i.bin === 'lshr' ||
            i.bin === 'ashr' ||
            i.bin === 'udiv' ||
            i.bin === 'sdiv' ||
            i.bin === 'umod' ||
            i.bin === 'smod')
        )
          return i.a;
      }
      if (i.a.op === 'undef' || i.b.op === 'undef') return foldUndef(i.bin, i.type, i.a, i.b);
      return undefined;
    }
    case 'cmp':
      if (i.a.op === 'const') {
        if (i.b.op === 'const') return constant('i32', evalCmp(i.pred, i.a.type, i.a.value, i.b.value) ? 1 : 0);
        const a = i.a;
        i.a = i.b;
        i.b = a;
        i.pred = swapPred(i.pred);
      }
      if (i.a.op === 'undef' || i.b.op === 'undef') return constant('i32', 0);
      return undefined;
    case 'ext':
      return i.a.op === 'const'
        ? constant(i.type, evalExt(i.type, i.signed, i.bits, i.a.value))
        : i.a.op === 'undef'
          ? constant(i.type, 0)
          : undefined;
    case 'trunc':
      return i.a.op === 'const' ? constant('i32', i.a.value) : i.a.op === 'undef' ? undef('i32') : undefined;
    case 'ptrtoint':
      return i.a.op === 'const' ? constant('i64', i.a.value) : i.a.op === 'undef' ? undef('i64') : undefined;
    case 'inttoptr':
      return i.a.op === 'const' ? constant('ptr', i.a.value) : i.a.op === 'undef' ? undef('ptr') : undefined;
    case 'bswap':
      return i.a.op === 'const' ? constant(i.type, evalBswap(i.bits, i.a.value)) : undefined;
    case 'select':
      if (i.cond.op === 'const') return i.cond.value !== 0n ? i.a : i.b;
      if (i.cond.op === 'undef') return i.b;
      return undefined;
    case 'ptradd': {
      if (i.base.op === 'const' && i.offset.op === 'const') return constant('ptr', i.base.value + i.offset.value);
      if (i.base.op === 'undef') return i.base;
      if (i.offset.op === 'undef') return i.base;
      return undefined;
    }
    case 'spacecast':
      return i.a.op === 'const' || i.a.op === 'undef' ? i.a : undefined;
    default:
      return undefined;
  }
}

/** Undefined may be anything, so it is what makes the result simplest. Zero where one choice must serve all uses. */
function foldUndef(bin: string, type: 'i32' | 'i64', a: Value, b: Value): Value | undefined {
  switch (bin) {
    case 'and':
    case 'mul':
      return constant(type, 0);
    case 'or':
    case 'xor':
    case 'add':
      return a.op === 'undef' ? b : a;
    case 'sub':
      return b.op === 'undef' ? a : undefined;
    case 'shl':
    case 'lshr':
    case 'ashr':
      return a.op === 'undef' ? constant(type, 0) : a;
    case 'udiv':
    case 'sdiv':
    case 'umod':
    case 'smod':
      return a.op === 'undef' ? constant(type, 0) : undefined;
    default:
      return undefined;
  }
}

/** Addresses of objects are never null, and of different objects never equal. */
function knownPointerComparison(i: Cmp): Value | undefined {
  if (i.pred !== 'eq' && i.pred !== 'ne') return undefined;
  const a = basedOn(i.a),
    b = basedOn(i.b);
  const object = (v: Value): boolean => v.op === 'alloca' || v.op === 'globaladdr' || v.op === 'mapaddr' || v.op === 'funcaddr';
  const different = i.pred === 'eq' ? 0 : 1;
  if (object(a.base) && i.b.op === 'const' && i.b.value === 0n) return constant('i32', different);
  if (a.base.op === 'alloca' && b.base.op === 'alloca' && a.base !== b.base) return constant('i32', different);
  return undefined;
}
