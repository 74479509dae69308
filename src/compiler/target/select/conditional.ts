/**
 * Values that a condition decides, computed by one branch.
 *
 *   r = (v > 0xff) << 3; v >>= r; n |= r;
 *
 * taken literally makes a number out of the comparison first (three instructions), shifts it and uses it twice. But a
 * shift, an addition or an `or` by zero does nothing, so the same is
 *
 *   if v <= 0xff goto on;  v >>= 8;  n |= 8;  on:
 *
 * An *indicator* is a value that is K where the condition holds and 0 elsewhere. A *member* is an instruction whose value
 * a condition decides: an indicator that is wanted as a number, arithmetic that an indicator's zero leaves alone, and
 * every `select`. Members of one condition that can be computed at one place form a group; the first one in the block
 * stands for all.
 */

import type { Cfg } from '../../ir/cfg.ts';
import type { BinOp, Block, Inst, IrFunction, Value } from '../../ir/ir.ts';
import { isInst } from '../../ir/uses.ts';
import { asImm64 } from '../bits.ts';
import { resolveAlias } from './aliases.ts';
import type { Facts } from './facts.ts';

export interface Member {
  readonly inst: Inst;
  /** The value where the condition does not hold. */
  readonly otherwise: Value;
  /** The value where it holds: another value, or the first one changed by a constant. */
  readonly then: { readonly value: Value } | { readonly op: BinOp; readonly by: bigint };
}

export interface Group {
  readonly cond: Value;
  /** Whether `then` means that the condition is zero. */
  readonly negated: boolean;
  /** By position in the block. The first one is where the code goes. */
  readonly members: readonly Member[];
}

/** By instruction id: the group it is in. */
export type Conditionals = readonly (Group | undefined)[];

/** `cond ? by : 0`. */
interface Indicator {
  readonly cond: Value;
  readonly negated: boolean;
  readonly by: bigint;
}

/** How far a member may be moved up to join others. */
const REACH = 24;
const ZERO_SIDE: Readonly<Partial<Record<BinOp, 'right' | 'both'>>> = {
  add: 'both',
  or: 'both',
  xor: 'both',
  sub: 'right',
  shl: 'right',
  lshr: 'right',
  ashr: 'right',
};

export function findConditionals(fn: IrFunction, cfg: Cfg, facts: Facts): Conditionals {
  const groupOf: (Group | undefined)[] = new Array<undefined>(fn.nextId).fill(undefined);
  const finder = new Finder(fn, facts, groupOf);
  for (const block of cfg.order) if (block.insts.some((i) => i.op === 'select' || i.op === 'cmp')) finder.block(block);
  return groupOf;
}

class Finder {
  private readonly facts: Facts;
  private readonly groupOf: (Group | undefined)[];
  private readonly indicators: (Indicator | undefined)[];
  /** Position in the block being looked at, where the value is computed; -1 outside. */
  private readonly at: Int32Array;
  /** How many uses of an indicator its consumers account for. */
  private readonly consumed: Int32Array;

  constructor(fn: IrFunction, facts: Facts, groupOf: (Group | undefined)[]) {
    this.facts = facts;
    this.groupOf = groupOf;
    this.indicators = new Array<undefined>(fn.nextId).fill(undefined);
    this.at = new Int32Array(fn.nextId).fill(-1);
    this.consumed = new Int32Array(fn.nextId);
  }

  block(block: Block): void {
    const { insts } = block;
    insts.forEach((i, k) => {
      this.at[i.id] = k;
    });
    const members: { member: Member; cond: Value; negated: boolean; k: number }[] = [];
    insts.forEach((i, k) => {
      const consumer = this.consumer(i);
      if (consumer) members.push({ ...consumer, k });
      else this.indicators[i.id] = this.indicator(i);
    });
    // Conditions ask for no number: what only they and consumers use need not exist.
    for (const i of insts) this.countConditions(i);
    if (block.term.op === 'branch') this.note(block.term.cond);
    for (let k = insts.length - 1; k >= 0; k--) {
      const i = insts[k] as Inst;
      const indicator = this.indicators[i.id];
      if (indicator === undefined || this.consumed[i.id] === this.facts.uses[i.id]) continue;
      // Wanted as a number. What is only another name for its operand passes the wish on.
      if (i.op === 'ext') {
        if (isInst(i.a)) this.consumed[i.a.id]!--;
        continue;
      }
      const type = i.type === 'i64' ? 'i64' : 'i32';
      members.push({
        member: { inst: i, otherwise: { op: 'const', type, value: 0n }, then: { value: { op: 'const', type, value: indicator.by } } },
        cond: indicator.cond,
        negated: indicator.negated,
        k,
      });
    }
    members.sort((a, b) => a.k - b.k);
    this.group(members);
    for (const i of insts) this.at[i.id] = -1;
  }

  private note(v: Value): void {
    if (isInst(v) && this.indicators[v.id] !== undefined) this.consumed[v.id]!++;
  }

  /** Uses that decide and do not compute. */
  private countConditions(i: Inst): void {
    if (i.op === 'select') this.note(i.cond);
    else if (
      i.op === 'cmp' &&
      (i.pred === 'eq' || i.pred === 'ne') &&
      i.b.op === 'const' &&
      i.b.value === 0n &&
      resolveAlias(this.facts, i.a).op === 'cmp'
    )
      this.note(i.a);
    // Extensions and shifts of indicators are indicators: they carry the use on.
    if (this.indicators[i.id] !== undefined) {
      if (i.op === 'ext') this.note(i.a);
      else if (i.op === 'bin') this.note(i.a);
    }
  }

  private indicator(i: Inst): Indicator | undefined {
    if (!this.facts.alu32) return undefined;
    switch (i.op) {
      case 'cmp':
        return { cond: i, negated: false, by: 1n };
      case 'ext': {
        const from = this.of(i.a);
        return from && resolveAlias(this.facts, i) !== i ? from : undefined;
      }
      case 'bin': {
        const from = this.of(i.a);
        if (!from || i.bin !== 'shl' || i.b.op !== 'const') return undefined;
        const width = i.type === 'i32' ? 32n : 64n;
        const by = BigInt.asUintN(Number(width), from.by << (i.b.value & (width - 1n)));
        return by === 0n ? undefined : { ...from, by };
      }
      default:
        return undefined;
    }
  }

  /** The indicator behind a value of this block. */
  private of(v: Value): Indicator | undefined {
    return isInst(v) && (this.at[v.id] as number) >= 0 ? this.indicators[v.id] : undefined;
  }

  /** What a member makes of its operands; notes the indicator's use. */
  private consumer(i: Inst): { member: Member; cond: Value; negated: boolean } | undefined {
    if (i.op === 'select') return this.select(i);
    if (i.op !== 'bin' || !this.available(i.type)) return undefined;
    const side = ZERO_SIDE[i.bin];
    if (side === undefined) return undefined;
    const sides: readonly (readonly [Value, Value])[] =
      side === 'both'
        ? [
            [i.a, i.b],
            [i.b, i.a],
          ]
        : [[i.a, i.b]];
    for (const [base, by] of sides) {
      const indicator = this.of(by);
      if (indicator === undefined || base === by || base.op === 'const') continue;
      if (!this.fits(i.bin, i.type, indicator.by)) continue;
      this.note(by);
      return {
        member: { inst: i, otherwise: base, then: { op: i.bin, by: indicator.by } },
        cond: indicator.cond,
        negated: indicator.negated,
      };
    }
    return undefined;
  }

  private select(i: Inst & { op: 'select' }): { member: Member; cond: Value; negated: boolean } {
    // One arm is the other with something done to it: done in its place.
    for (const [then, otherwise, negated] of [
      [i.a, i.b, false],
      [i.b, i.a, true],
    ] as const) {
      if (then.op !== 'bin' || !this.available(then.type) || (this.at[then.id] as number) < 0 || this.facts.uses[then.id] !== 1) continue;
      if (
        then.a !== otherwise ||
        then.b.op !== 'const' ||
        then.bin === 'sdiv' ||
        then.bin === 'smod' ||
        then.bin === 'udiv' ||
        then.bin === 'umod' ||
        then.bin === 'mul'
      )
        continue;
      if (this.groupOf[then.id] !== undefined || this.indicators[then.id] !== undefined || !this.fits(then.bin, then.type, then.b.value))
        continue;
      return { member: { inst: i, otherwise, then: { op: then.bin, by: then.b.value } }, cond: i.cond, negated };
    }
    return { member: { inst: i, otherwise: i.b, then: { value: i.a } }, cond: i.cond, negated: false };
  }

  /** 32-bit arithmetic in place needs 32-bit forms. */
  private available(type: 'i32' | 'i64'): boolean {
    return type === 'i64' || this.facts.alu32;
  }

  private fits(op: BinOp, type: 'i32' | 'i64', by: bigint): boolean {
    if (op === 'shl' || op === 'lshr' || op === 'ashr') return by < (type === 'i32' ? 32n : 64n);
    return type === 'i32' || asImm64(by) !== undefined;
  }

  private group(members: readonly { member: Member; cond: Value; negated: boolean; k: number }[]): void {
    for (let n = 0; n < members.length; n++) {
      const first = members[n] as (typeof members)[number];
      if (this.groupOf[first.member.inst.id] !== undefined) continue;
      const together: (typeof members)[number][] = [first];
      for (let m = n + 1; m < members.length; m++) {
        const next = members[m] as (typeof members)[number];
        if (next.k > first.k + REACH) break;
        if (next.cond !== first.cond || this.groupOf[next.member.inst.id] !== undefined) continue;
        if (
          this.isBefore(next.member.otherwise, first.k) &&
          (!('value' in next.member.then) || this.isBefore(next.member.then.value, first.k))
        )
          together.push(next);
      }
      // A comparison alone is simplest as it is.
      if (together.length === 1 && first.member.inst.op === 'cmp') continue;
      // All must agree on which way is `then`; the odd ones are turned where both arms are values.
      const { negated } = together.find((t) => !('value' in t.member.then)) ?? first;
      const fitting = together.filter((t) => t.negated === negated || 'value' in t.member.then);
      const group: Group = {
        cond: first.cond,
        negated,
        members: fitting.map(({ member, negated: odd }) =>
          odd !== negated && 'value' in member.then
            ? { inst: member.inst, otherwise: member.then.value, then: { value: member.otherwise } }
            : member,
        ),
      };
      for (const t of fitting) {
        this.groupOf[t.member.inst.id] = group;
        this.at[t.member.inst.id] = first.k;
      }
    }
  }

  /** Whether the value is there before position k of the block. */
  private isBefore(v: Value, k: number): boolean {
    if (!isInst(v)) return true;
    const at = this.at[v.id] as number;
    if (at < 0) return true;
    return at < k && (this.indicators[v.id] === undefined || this.groupOf[v.id] !== undefined || v.op === 'cmp');
  }
}
