/** The parts of expressions and statements, for passes that only look. */
import type { Expr, Initializer, Stmt } from '../ast.ts';

/** Operands in the order in which they are evaluated; not the statements of a statement expression. */
export function operands(e: Expr): readonly Expr[] {
  switch (e.kind) {
    case 'int':
    case 'string':
    case 'ref':
    case 'mapAddress':
      return [];
    case 'unary':
    case 'cast':
    case 'addressOf':
      return [e.operand];
    case 'binary':
    case 'logical':
    case 'comma':
    case 'pointerDiff':
      return [e.left, e.right];
    case 'pointerArith':
      return [e.pointer, e.index];
    case 'assign':
    case 'compoundAssign':
      return [e.value, e.target];
    case 'cond':
      return e.then === undefined ? [e.cond, e.else] : [e.cond, e.then, e.else];
    case 'call':
      return [e.callee, ...e.args];
    case 'deref':
      return [e.pointer];
    case 'member':
      return [e.base];
    case 'compoundLiteral':
      return initializerValues(e.init);
    case 'stmtExpr':
      return [];
    case 'builtin':
      return e.args;
    default:
      return e satisfies never;
  }
}

export function initializerValues(init: Initializer | undefined): readonly Expr[] {
  if (init === undefined || init.kind === 'string') return [];
  if (init.kind === 'scalar') return [init.value];
  return init.items.flatMap(({ value }) => (value.kind === 'bytes' ? [] : [value]));
}

/** Expressions that stand in a statement itself, and the statements in it. */
export function parts(s: Stmt): { readonly exprs: readonly Expr[]; readonly stmts: readonly Stmt[] } {
  switch (s.kind) {
    case 'compound':
      return { exprs: [], stmts: s.body };
    case 'expr':
      return { exprs: [s.expr], stmts: [] };
    case 'decl':
      return { exprs: s.vars.flatMap((v) => (v.scope === 'local' ? initializerValues(v.init) : [])), stmts: [] };
    case 'if':
      return { exprs: [s.cond], stmts: s.else === undefined ? [s.then] : [s.then, s.else] };
    case 'loop': {
      const exprs = [s.cond, s.step].filter((e) => e !== undefined);
      return { exprs, stmts: s.init === undefined ? [s.body] : [s.init, s.body] };
    }
    case 'switch':
      return { exprs: [s.value], stmts: [s.body] };
    case 'case':
      return { exprs: [], stmts: s.body === undefined ? [] : [s.body] };
    case 'label':
      return { exprs: [], stmts: [s.body] };
    case 'return':
      return { exprs: s.value === undefined ? [] : [s.value], stmts: [] };
    case 'asm':
      return { exprs: [...s.outputs, ...s.inputs].map((o) => o.expr), stmts: [] };
    case 'goto':
    case 'break':
    case 'continue':
    case 'empty':
      return { exprs: [], stmts: [] };
    default:
      return s satisfies never;
  }
}

export interface Visitor {
  readonly expr?: (e: Expr) => void;
  readonly stmt?: (s: Stmt) => void;
}

/** Every expression and statement below, statement expressions included. Not recursive: programs may be deep. */
export function visit(root: Stmt | readonly Expr[], { expr, stmt }: Visitor): void {
  const todo: ({ readonly e: Expr } | { readonly s: Stmt })[] = Array.isArray(root)
    ? (root as readonly Expr[]).map((e) => ({ e }))
    : [{ s: root as Stmt }];
  for (let next = todo.pop(); next !== undefined; next = todo.pop()) {
    if ('s' in next) {
      stmt?.(next.s);
      const { exprs, stmts } = parts(next.s);
      for (const s of stmts) todo.push({ s });
      for (const e of exprs) todo.push({ e });
    } else {
      expr?.(next.e);
      if (next.e.kind === 'stmtExpr') {
        todo.push({ s: next.e.body });
        if (next.e.result !== undefined) todo.push({ e: next.e.result });
      }
      for (const e of operands(next.e)) todo.push({ e });
    }
  }
}

/** The expression as it was written, behind conversions that C makes by itself. */
export function written(e: Expr): Expr {
  let at = e;
  while (at.kind === 'cast' && !at.explicit) at = at.operand;
  return at;
}
