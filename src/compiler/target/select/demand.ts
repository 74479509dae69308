/**
 * Which instructions are wanted as values. A comparison that only decides branches never becomes a number, and what
 * nobody wants is not selected at all. Conditions are followed exactly as `compare.ts` takes them apart.
 */

import type { Cfg } from '../../ir/cfg.ts';
import type { Inst, IrFunction, Pred, Value } from '../../ir/ir.ts';
import { forEachOperand, hasEffect, isInst } from '../../ir/uses.ts';
import { resolveAlias } from './aliases.ts';
import { conditionOf, conditionParts } from './compare.ts';
import type { Conditionals } from './conditional.ts';
import type { Facts } from './facts.ts';

/** By instruction id. */
export function wantedValues(fn: IrFunction, cfg: Cfg, facts: Facts, groups: Conditionals): Uint8Array {
  const wanted = new Uint8Array(fn.nextId);
  const asCondition = new Uint8Array(fn.nextId);
  const work: Inst[] = [];
  const want = (v: Value): void => {
    if (!isInst(v) || wanted[v.id]) return;
    wanted[v.id] = 1;
    work.push(v);
  };
  /** Only taken or not taken. */
  const decide = (cond: Value): void => {
    const v = conditionOf(facts, cond);
    if (!isInst(v)) return;
    if (v.op === 'cmp') {
      if (!asCondition[v.id]) {
        asCondition[v.id] = 1;
        compared(v.pred, v.a, v.b);
      }
      return;
    }
    const parts = conditionParts(facts, v);
    if (parts === undefined) return want(v);
    decide(parts.a);
    if (parts.kind !== 'not') decide(parts.b);
  };
  const compared = (pred: Pred, a: Value, b: Value): void => {
    const other = b.op === 'const' && b.value === 0n ? a : a.op === 'const' && a.value === 0n ? b : undefined;
    if (other && (pred === 'eq' || pred === 'ne')) {
      const under = resolveAlias(facts, other);
      if (under.op === 'cmp') return decide(under);
    }
    want(a);
    want(b);
  };
  for (const block of cfg.order) {
    for (const i of block.insts) if (hasEffect(i)) want(i);
    const t = block.term;
    if (t.op === 'branch') decide(t.cond);
    else if (t.op === 'switch') want(t.value);
    else if (t.op === 'return' && t.value) want(t.value);
  }
  for (let i = work.pop(); i !== undefined; i = work.pop()) {
    const member = groups[i.id]?.members.find((m) => m.inst === i);
    if (member) {
      decide(groups[i.id]?.cond as Value);
      want(member.otherwise);
      if ('value' in member.then) want(member.then.value);
    } else if (i.op === 'cmp') compared(i.pred, i.a, i.b);
    else forEachOperand(i, want);
  }
  return wanted;
}
