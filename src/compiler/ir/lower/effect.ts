/** Expressions whose value nobody wants. */
import type { Expr } from '../../c/ast.ts';
import { lowerBuiltin } from './builtins.ts';
import { lowerCall } from './call.ts';
import { condition } from './condition.ts';
import { recordValue } from './place.ts';
import { assignRecord } from './record.ts';
import { scalar } from './scalar.ts';
import type { FunctionState } from './state.ts';
import { statement } from './statement.ts';
import { isRecord } from './types.ts';

export function effect(f: FunctionState, e: Expr): void {
  const { b } = f;
  b.loc = e.loc;
  switch (e.kind) {
    case 'comma':
      effect(f, e.left);
      effect(f, e.right);
      return;
    case 'cast':
      if (e.cast === 'toVoid' || e.cast === 'noop') return effect(f, e.operand);
      break;
    case 'stmtExpr':
      for (const s of e.body.body) statement(f, s);
      if (e.result) effect(f, e.result);
      return;
    case 'call':
      lowerCall(f, e);
      return;
    case 'builtin':
      lowerBuiltin(f, e);
      return;
    case 'assign':
      if (isRecord(e.type.type)) {
        assignRecord(f, e);
        return;
      }
      break;
    case 'cond': {
      const then = b.newBlock(),
        otherwise = b.newBlock(),
        join = b.newBlock();
      condition(f, e.cond, then, otherwise);
      b.place(then);
      if (e.then) effect(f, e.then);
      b.jump(join);
      b.place(otherwise);
      effect(f, e.else);
      b.place(join);
      return;
    }
    case 'logical': {
      const right = b.newBlock(),
        join = b.newBlock();
      if (e.op === 'and') condition(f, e.left, right, join);
      else condition(f, e.left, join, right);
      b.place(right);
      effect(f, e.right);
      b.place(join);
      return;
    }
    default:
      break;
  }
  if (e.type.type.kind === 'void' || e.type.type.kind === 'function') return;
  if (isRecord(e.type.type)) recordValue(f, e);
  else scalar(f, e);
}
