/** A value that nobody asks for: of an expression statement, of the left side of a comma. */
import type { Expr } from '../../ast.ts';
import { QUAL } from '../../types.ts';
import type { Context } from '../context.ts';
import { rvalue } from '../convert.ts';
import { cast } from '../nodes.ts';
import { Q } from '../types/basic.ts';
import { isScalar } from '../types/predicates.ts';

/**
 * Scalars are loaded (a volatile read must happen); what has no scalar value becomes a cast to void around the
 * untouched operand, so that a statement expression can still find what it ends with.
 */
export function discard(ctx: Context, e: Expr): Expr {
  const t = e.type.type;
  if (t.kind === 'void') return e.lvalue ? cast('toVoid', e, Q.void) : e;
  if (t.kind !== 'float' && isScalar(t)) return e.lvalue ? rvalue(ctx, e) : e;
  return t.kind === 'record' && !e.lvalue ? e : cast('toVoid', e, Q.void);
}

/** Does dropping this expression drop nothing? */
export function isPure(e: Expr): boolean {
  switch (e.kind) {
    case 'int':
    case 'string':
    case 'mapAddress':
      return true;
    case 'ref':
      return true;
    case 'cast':
      return !(e.cast === 'load' && e.operand.type.quals & QUAL.VOLATILE) && isPure(e.operand);
    case 'unary':
      return isPure(e.operand);
    case 'binary':
    case 'pointerDiff':
    case 'logical':
      return isPure(e.left) && isPure(e.right);
    case 'comma':
      return isPure(e.left) && isPure(e.right);
    case 'pointerArith':
      return isPure(e.pointer) && isPure(e.index);
    case 'member':
      return isPure(e.base);
    case 'deref':
      return isPure(e.pointer);
    case 'addressOf':
      return isPure(e.operand);
    case 'cond':
      return isPure(e.cond) && (e.then === undefined || isPure(e.then)) && isPure(e.else);
    case 'assign':
    case 'compoundAssign':
    case 'call':
    case 'compoundLiteral':
    case 'stmtExpr':
    case 'builtin':
      return false;
    default:
      return e satisfies never;
  }
}
