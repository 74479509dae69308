/** Values that are records: copied from place to place, never held in registers. */
import type { Assign, Cond, Expr } from '../../c/ast.ts';
import { lowerBuiltin } from './builtins.ts';
import { lowerCall } from './call.ts';
import { condition } from './condition.ts';
import { effect } from './effect.ts';
import { initialize } from './init.ts';
import { address, newLocal, place, recordValue } from './place.ts';
import type { FunctionState, Place } from './state.ts';
import { statement } from './statement.ts';
import { alignOfType, isWide, sizeOfType } from './types.ts';
import { wideInto } from './wide.ts';

/** Copies a whole object. */
export function copyRecord(f: FunctionState, to: Place, from: Place, size: number): void {
  const dst = address(f, to),
    src = address(f, from);
  f.b.memcpy(dst, src, size, Math.min(to.align, from.align));
}

/** Evaluates a record expression into a place that nothing in the expression reads. */
export function recordInto(f: FunctionState, e: Expr, to: Place): void {
  const { b } = f;
  b.loc = e.loc;
  const size = sizeOfType(e.type.type);
  if (isWide(e.type.type) && wideInto(f, e, to)) return;
  switch (e.kind) {
    case 'cast':
      if (e.cast === 'load') return copyRecord(f, to, place(f, e.operand), size);
      if (e.cast === 'noop') return recordInto(f, e.operand, to);
      break;
    case 'call': {
      const into = address(f, to);
      lowerCall(f, e, into);
      return;
    }
    case 'cond': {
      if (!e.then) break;
      const then = b.newBlock(),
        otherwise = b.newBlock(),
        join = b.newBlock();
      condition(f, e.cond, then, otherwise);
      b.place(then);
      recordInto(f, e.then, to);
      b.jump(join);
      b.place(otherwise);
      recordInto(f, e.else, to);
      b.place(join);
      return;
    }
    case 'comma':
      effect(f, e.left);
      return recordInto(f, e.right, to);
    case 'stmtExpr':
      for (const s of e.body.body) statement(f, s);
      if (e.result) recordInto(f, e.result, to);
      return;
    case 'assign':
      copyRecord(f, to, assignRecord(f, e), size);
      return;
    case 'compoundLiteral':
      if (e.decl.scope === 'file') break;
      initialize(f, to, e.type, e.init);
      return;
    case 'builtin':
      lowerBuiltin(f, e, to);
      return;
    default:
      break;
  }
  copyRecord(f, to, place(f, e), size);
}

/** Where the assigned object is afterwards. */
export function assignRecord(f: FunctionState, e: Assign): Place {
  // The value may mention the target, so it is complete before the target changes.
  const from = recordValue(f, e.value);
  const to = place(f, e.target);
  f.b.loc = e.loc;
  copyRecord(f, to, from, sizeOfType(e.type.type));
  return to;
}

/** `c ? a : b` of records as an object. */
export function joinRecords(f: FunctionState, e: Cond): Place {
  const p = newLocal(f, e.type, undefined, e.loc, alignOfType(e.type));
  recordInto(f, e, p);
  return p;
}
