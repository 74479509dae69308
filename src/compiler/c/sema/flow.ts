/**
 * Can control reach the end of a statement? Errs towards "no": it is asked for a warning.
 */
import type { Expr, If, Stmt } from '../ast.ts';

export function fallsThrough(s: Stmt): boolean {
  switch (s.kind) {
    case 'compound': {
      let reached = true;
      for (const inner of s.body) {
        // After a jump only a label or a case can be reached.
        if (reached || inner.kind === 'label' || inner.kind === 'case') reached = fallsThrough(inner);
      }
      return reached;
    }
    case 'expr':
      return !neverReturns(s.expr);
    case 'if':
      return ifFallsThrough(s);
    case 'loop': {
      const endless = s.cond === undefined || (s.cond.kind === 'int' && s.cond.value !== 0n);
      if (endless) return breaks(s.body);
      // `do { … return } while (0)`
      return s.form !== 'do' || breaks(s.body) || continues(s.body) || fallsThrough(s.body);
    }
    case 'switch':
      return !s.cases.some((c) => c.low === undefined) || breaks(s.body) || fallsThrough(s.body);
    case 'case':
      return s.body === undefined || fallsThrough(s.body);
    case 'label':
      return fallsThrough(s.body);
    case 'goto':
    case 'break':
    case 'continue':
    case 'return':
      return false;
    case 'decl':
    case 'empty':
      return true;
    case 'asm':
      return s.labels.length === 0;
    default:
      return s satisfies never;
  }
}

/** A chain of else-ifs may be long: it is walked, not recursed into. */
function ifFallsThrough(first: If): boolean {
  for (let s: Stmt | undefined = first; ; s = s.else) {
    if (s?.kind !== 'if') return s === undefined || fallsThrough(s);
    const cond: boolean | undefined = s.cond.kind === 'int' ? s.cond.value !== 0n : undefined;
    if (cond !== false && fallsThrough(s.then)) return true;
    if (cond === true) return false;
  }
}

function neverReturns(e: Expr): boolean {
  switch (e.kind) {
    case 'builtin':
      return e.name === 'unreachable' || e.name === 'trap';
    case 'call': {
      const { callee } = e;
      return callee.kind === 'ref' && callee.decl.kind === 'function' && callee.decl.attributes.some((a) => a.name === 'noreturn');
    }
    case 'cast':
      return neverReturns(e.operand);
    case 'stmtExpr':
      return !fallsThrough(e.body) || (e.result !== undefined && neverReturns(e.result));
    default:
      return false;
  }
}

/** Does a `break` in here leave the loop or switch around it? */
function breaks(s: Stmt): boolean {
  return jumps(s, 'break');
}

function continues(s: Stmt): boolean {
  return jumps(s, 'continue');
}

function jumps(s: Stmt, kind: 'break' | 'continue'): boolean {
  switch (s.kind) {
    case 'break':
    case 'continue':
      return s.kind === kind;
    case 'compound':
      return s.body.some((inner) => jumps(inner, kind));
    case 'if': {
      let last: Stmt | undefined = s;
      for (; last?.kind === 'if'; last = last.else) if (jumps(last.then, kind)) return true;
      return last !== undefined && jumps(last, kind);
    }
    case 'switch':
      return kind === 'continue' && jumps(s.body, kind);
    case 'case':
      return s.body !== undefined && jumps(s.body, kind);
    case 'label':
      return jumps(s.body, kind);
    case 'loop':
    case 'expr':
    case 'decl':
    case 'goto':
    case 'return':
    case 'empty':
    case 'asm':
      return false;
    default:
      return s satisfies never;
  }
}
