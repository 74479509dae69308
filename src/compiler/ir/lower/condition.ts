/** Conditions as control flow: `&&`, `||` and `!` become edges, never values. */
import type { Expr } from '../../c/ast.ts';
import { constant } from '../builder.ts';
import type { Block, Value } from '../ir.ts';
import { effect } from './effect.ts';
import { isTruth, scalar } from './scalar.ts';
import type { FunctionState } from './state.ts';
import { isWide } from './types.ts';
import { wideTruth } from './wide.ts';

export function condition(f: FunctionState, e: Expr, then: Block, otherwise: Block, likely?: boolean): void {
  const { b } = f;
  switch (e.kind) {
    case 'logical': {
      const right = b.newBlock();
      if (e.op === 'and') condition(f, e.left, right, otherwise, likely === true ? true : undefined);
      else condition(f, e.left, then, right, likely === false ? false : undefined);
      b.place(right);
      condition(f, e.right, then, otherwise, likely);
      return;
    }
    case 'unary':
      if (e.op === 'lnot') return condition(f, e.operand, otherwise, then, likely === undefined ? undefined : !likely);
      break;
    case 'comma':
      effect(f, e.left);
      return condition(f, e.right, then, otherwise, likely);
    case 'cast':
      // Truth does not change under what keeps all bits or asks for truth.
      if (e.cast === 'toBool' || (e.cast === 'integral' && widens(e))) return condition(f, e.operand, then, otherwise, likely);
      break;
    case 'binary': {
      // `!!x != 0` and the like, as macros write it.
      const zero = e.right.kind === 'int' && e.right.value === 0n;
      if (zero && (e.op === 'ne' || e.op === 'eq') && isQuestion(e.left)) {
        return e.op === 'ne'
          ? condition(f, e.left, then, otherwise, likely)
          : condition(f, e.left, otherwise, then, likely === undefined ? undefined : !likely);
      }
      break;
    }
    case 'builtin':
      if (e.name === 'expect') {
        const [value, expected] = e.args;
        if (value && expected?.kind === 'int') return condition(f, value, then, otherwise, expected.value !== 0n);
      }
      break;
    default:
      break;
  }
  const v = isWide(e.type.type) ? wideTruth(f, e) : scalar(f, e);
  b.loc = e.loc;
  b.branch(asCondition(f, v), then, otherwise, likely);
}

/** A branch takes truth values; anything else is compared, so that later rules see a comparison. */
function asCondition(f: FunctionState, v: Value): Value {
  return isTruth(v) || v.type === 'void' ? v : f.b.cmp('ne', v, constant(v.type, 0));
}

function widens(e: Expr & { kind: 'cast' }): boolean {
  const from = e.operand.type.type,
    to = e.type.type;
  const size = (t: typeof from): number => (t.kind === 'int' ? t.size : t.kind === 'enum' ? t.underlying.size : 0);
  return size(from) > 0 && size(to) >= size(from);
}

function isQuestion(e: Expr): boolean {
  if (e.kind === 'logical') return true;
  if (e.kind === 'unary') return e.op === 'lnot';
  if (e.kind === 'binary') return ['eq', 'ne', 'lt', 'le', 'gt', 'ge'].includes(e.op);
  return e.kind === 'builtin' && e.name === 'expect';
}
