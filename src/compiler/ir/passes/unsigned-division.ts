/**
 * Signed division and remainder become unsigned where neither operand can be negative: the verifier knows the range of
 * `i & 7` and of `i % 10u`, and nothing of `i s% 8`.
 *
 *   for (int i = 0; i < 10; i++) a[i % 8]++;        i begins at 0, and i + 1 cannot overflow where i < 10 holds
 *   if (i < 0) return 0;  …  a[i % 8]               the branch says so
 *
 * That a value is not negative is proved backwards: from what it is made of (`known-bits`), from the branches that every
 * way to the place has taken, and for a phi by induction: if no start is negative, and no round makes it so while it
 * was not. Addition wraps in this IR, so a sum also needs an upper bound.
 */
import { buildCfg, buildDominators, type Cfg, type Dominators } from '../cfg.ts';
import { negatePred, swapPred } from '../eval.ts';
import type { Bin, Block, Cmp, Inst, IrFunction, Pred, Value } from '../ir.ts';
import { unsignedBits } from './known-bits.ts';

const MAX_DEPTH = 10;
/** Steps of one proof. */
const MAX_STEPS = 400;
/** Branches looked at on the way up from a place. */
const MAX_FACTS = 64;

export function unsignedDivisions(fn: IrFunction): boolean {
  if (!fn.blocks.some((block) => block.insts.some(isSignedDivision))) return false;
  const cfg = buildCfg(fn);
  const signs = new Signs(cfg, buildDominators(cfg));
  let changed = false;
  cfg.order.forEach((block, at) => {
    for (const i of block.insts) {
      if (!isSignedDivision(i) || !signs.proves(i.b, at) || !signs.proves(i.a, at)) continue;
      i.bin = i.bin === 'sdiv' ? 'udiv' : 'umod';
      changed = true;
    }
  });
  return changed;
}

function isSignedDivision(i: Inst): i is Bin {
  return i.op === 'bin' && (i.bin === 'sdiv' || i.bin === 'smod');
}

/** The end of a block, and the edge that is taken from there. */
interface Place {
  readonly at: number;
  readonly to?: Block;
}

interface Fact {
  readonly cond: Value;
  readonly taken: boolean;
}

interface Range {
  readonly low?: bigint;
  readonly high?: bigint;
}

const widthOf = (v: Value): number => (v.type === 'i32' ? 32 : 64);
const largest = (v: Value): bigint => (1n << BigInt(widthOf(v) - 1)) - 1n;

class Signs {
  private readonly cfg: Cfg;
  private readonly dom: Dominators;
  private readonly facts = new Map<number, readonly Fact[]>();
  private steps = 0;
  /** Phis that the proof takes for not negative in all earlier rounds; what rests on one stands after it. */
  private assumed: Value[] = [];
  private readonly blockOf = new Map<Value, Block>();

  constructor(cfg: Cfg, dom: Dominators) {
    this.cfg = cfg;
    this.dom = dom;
    for (const block of cfg.order) for (const i of block.insts) if (i.op === 'phi') this.blockOf.set(i, block);
  }

  proves(v: Value, at: number): boolean {
    this.steps = 0;
    this.assumed = [];
    return this.notNegative(v, { at }, 0);
  }

  private notNegative(v: Value, place: Place, depth: number): boolean {
    if (v.type !== 'i32' && v.type !== 'i64') return false;
    if (v.op === 'const') return BigInt.asIntN(widthOf(v), v.value) >= 0n;
    if (this.assumed.includes(v) || unsignedBits(v) < widthOf(v)) return true;
    if (depth > MAX_DEPTH || ++this.steps > MAX_STEPS) return false;
    if (this.ranges(v, place, depth).some(({ low }) => low !== undefined && low >= 0n)) return true;
    const also = (x: Value): boolean => this.notNegative(x, place, depth + 1);
    switch (v.op) {
      case 'ext':
        return v.signed && v.bits === widthOf(v.a) && also(v.a);
      case 'select':
        return also(v.a) && also(v.b);
      case 'phi': {
        const mark = this.assumed.push(v) - 1;
        if (v.incoming.every(({ value, block }) => this.arrives(v, value, block, depth))) return true;
        this.assumed.length = mark;
        return false;
      }
      case 'bin':
        return this.result(v, place, depth, also);
      default:
        return false;
    }
  }

  private result({ bin, a, b }: Bin, place: Place, depth: number, also: (x: Value) => boolean): boolean {
    switch (bin) {
      case 'add':
        return b.op === 'const' && also(b) && also(a) && this.highest(a, place, depth) <= largest(a) - b.value;
      case 'and':
        return also(a) || also(b);
      case 'or':
      case 'xor':
      case 'sdiv':
        return also(a) && also(b);
      case 'smod':
      case 'umod':
      case 'udiv':
      case 'ashr':
      case 'lshr':
        return also(a);
      default:
        return false;
    }
  }

  private arrives(phi: Value, value: Value, block: Block, depth: number): boolean {
    const at = this.cfg.position[block.id] as number;
    // From where nothing comes.
    if (at < 0) return true;
    const to = this.blockOf.get(phi);
    return this.notNegative(value, to === undefined ? { at } : { at, to }, depth + 1);
  }

  private highest(v: Value, place: Place, depth: number): bigint {
    let least = largest(v);
    const bits = unsignedBits(v);
    if (bits < widthOf(v)) least = (1n << BigInt(bits)) - 1n;
    for (const { high } of this.ranges(v, place, depth)) if (high !== undefined && high < least) least = high;
    return least;
  }

  /** What the branches on every way here say of a value, read signed. */
  private ranges(v: Value, place: Place, depth: number): Range[] {
    const found: Range[] = [];
    const say = ({ cond, taken }: Fact): void => {
      if (cond.op === 'bin' && cond.bin === (taken ? 'and' : 'or')) {
        if (cond.a.op === 'cmp' && cond.b.op === 'cmp') for (const part of [cond.a, cond.b]) say({ cond: part, taken });
        return;
      }
      if (cond.op !== 'cmp') return;
      const pred = taken ? cond.pred : negatePred(cond.pred);
      if (pred === undefined) return;
      const range = isAbout(cond.a, v)
        ? this.range(pred, cond.b, place, depth)
        : isAbout(cond.b, v)
          ? this.range(swapPred(pred), cond.a, place, depth)
          : undefined;
      if (range !== undefined) found.push(range);
    };
    const { at, to } = place;
    if (to !== undefined) for (const fact of edgeFacts(this.cfg.order[at] as Block, to)) say(fact);
    for (const fact of this.factsAt(at)) say(fact);
    return found;
  }

  /** Values x for which `x pred than` holds. */
  private range(pred: Pred, than: Value, place: Place, depth: number): Range | undefined {
    if (than.type === 'ptr' || than.type === 'void') return undefined;
    const known = than.op === 'const' ? BigInt.asIntN(widthOf(than), than.value) : undefined;
    const zeroUp = (): boolean => (known === undefined ? this.notNegative(than, place, depth + 2) : known >= 0n);
    const top = known ?? largest(than);
    switch (pred) {
      case 'slt':
        return { high: top - 1n };
      case 'sle':
        return { high: top };
      case 'sgt':
        return known !== undefined ? { low: known + 1n } : zeroUp() ? { low: 1n } : undefined;
      case 'sge':
        return known !== undefined ? { low: known } : zeroUp() ? { low: 0n } : undefined;
      case 'ult':
        return zeroUp() ? { low: 0n, high: top - 1n } : undefined;
      case 'ule':
        return zeroUp() ? { low: 0n, high: top } : undefined;
      case 'eq':
        return known !== undefined ? { low: known, high: known } : zeroUp() ? { low: 0n } : undefined;
      case 'ne':
      case 'ugt':
      case 'uge':
      case 'set':
        return undefined;
      default:
        return pred satisfies never;
    }
  }

  private factsAt(at: number): readonly Fact[] {
    let list = this.facts.get(at);
    if (list !== undefined) return list;
    const found: Fact[] = [];
    for (let b = at; found.length < MAX_FACTS; b = this.dom.idom[b] as number) {
      const [from, other] = this.cfg.preds[b] as readonly Block[];
      if (from !== undefined && other === undefined) found.push(...edgeFacts(from, this.cfg.order[b] as Block));
      if (b === 0) break;
    }
    this.facts.set(at, (list = found));
    return list;
  }
}

function edgeFacts({ term }: Block, to: Block): readonly Fact[] {
  return term.op === 'branch' && term.then !== term.else ? [{ cond: term.cond, taken: term.then === to }] : [];
}

/** The value itself, or the same number wider. */
function isAbout(compared: Cmp['a'], v: Value): boolean {
  return compared === v || (compared.op === 'ext' && compared.signed && compared.a === v && compared.bits === widthOf(v));
}
