/**
 * Values that are other values, register for register: casts, and extensions of what is extended already. They get no
 * instruction and no register of their own.
 */
import type { Value } from '../../ir/ir.ts';
import type { Facts } from './facts.ts';
import { bitsOf } from './facts.ts';

/** Whether the register of this value has nothing above its type's width. */
export function isZeroExtended(facts: Facts, v: Value): boolean {
  if (v.type !== 'i32') return true;
  switch (v.op) {
    case 'const':
      return facts.alu32 || v.value < 0x8000_0000n;
    case 'undef':
      return true;
    case 'param':
      return facts.clearParams[v.index] === 1;
    default:
      return facts.zero[v.id] === 1;
  }
}

export function resolveAlias(facts: Facts, v: Value): Value {
  let x = v;
  for (;;) {
    const next = alias(facts, x);
    if (next === undefined) return x;
    x = next;
  }
}

function alias(facts: Facts, v: Value): Value | undefined {
  switch (v.op) {
    case 'ptrtoint':
    case 'inttoptr':
    case 'spacecast':
      return v.a;
    case 'trunc':
      return facts.clear[v.id] ? undefined : v.a;
    case 'ext': {
      if (!isZeroExtended(facts, v.a)) return undefined;
      const bits = bitsOf(facts.bits, v.a);
      return (v.signed ? bits < v.bits : bits <= v.bits) ? v.a : undefined;
    }
    default:
      return undefined;
  }
}
