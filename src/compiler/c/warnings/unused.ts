/** Variables, values and functions that nobody uses. */
import type { Diagnostics } from '../../diagnostics.ts';
import type { Attribute, Expr, FunctionDecl, Stmt, TranslationUnit, VarDecl } from '../ast.ts';
import { isPure } from '../sema/expr/discard.ts';
import { QUAL } from '../types.ts';
import { visit, written } from './walk.ts';
import type { Where } from './warnings.ts';

const KEPT = new Set(['unused', 'maybe_unused', 'used', 'cleanup', 'section']);

function isKept(attributes: readonly Attribute[]): boolean {
  return attributes.some((a) => KEPT.has(a.name));
}

export function unusedWarnings(fn: FunctionDecl, unit: TranslationUnit, where: Where, diagnostics: Diagnostics): void {
  const { body } = fn;
  if (body === undefined) return;
  const { referenced } = unit.asides;
  if (fn.storage === 'static' && !fn.inline && !fn.program && !referenced.has(fn) && !isKept(fn.attributes) && where.plain(fn.loc))
    diagnostics.warn('unused-function', fn.loc, `function '${fn.name}' is static and nobody calls it`);
  const declared: VarDecl[] = [];
  const read = new Set<VarDecl>();
  /** Variables that stand as the target of an assignment, and the places where they do. */
  const targets = new Set<Expr>();
  const stepped = new Set<Expr>();
  const inStatementExpression = new Set<Stmt>();
  visit(body, {
    stmt: (s) => {
      if (s.kind === 'decl') declared.push(...s.vars);
      if (s.kind !== 'expr') return;
      const e = valueless(s.expr);
      if (e.kind === 'compoundAssign' && e.target.kind === 'ref') stepped.add(e.target);
      if (!inStatementExpression.has(s)) unusedValue(s.expr, where, diagnostics);
    },
    expr: (e) => {
      if (e.kind === 'stmtExpr') {
        const last = e.body.body.at(-1);
        if (last !== undefined) inStatementExpression.add(last);
      }
      if (e.kind === 'assign' && e.target.kind === 'ref') targets.add(e.target);
      if (e.kind === 'ref' && e.decl.kind === 'var' && !targets.has(e) && !stepped.has(e)) read.add(e.decl);
    },
  });
  for (const v of declared) {
    // Parameters of probes stand before the body.
    if (v.scope !== 'local' || v.storage === 'extern' || v.loc < body.loc || isKept(v.attributes)) continue;
    if (read.has(v) || !where.named(v.loc, v.name) || !where.plain(v.loc) || v.type.quals & QUAL.VOLATILE) continue;
    if (!referenced.has(v)) diagnostics.warn('unused-variable', v.loc, `variable '${v.name}' is never used`);
    // What is only measured (sizeof) is used; a struct may be written for its bytes.
    else if (isSimple(v) && isAssigned(v, targets, stepped))
      diagnostics.warn('unused-but-set', v.loc, `variable '${v.name}' is set and its value never used`);
  }
}

function isSimple({ type: { type } }: VarDecl): boolean {
  return type.kind === 'int' || type.kind === 'pointer' || type.kind === 'enum';
}

function isAssigned(v: VarDecl, ...places: readonly ReadonlySet<Expr>[]): boolean {
  return places.some((set) => [...set].some((e) => e.kind === 'ref' && e.decl === v));
}

function valueless(e: Expr): Expr {
  return e.kind === 'cast' && e.cast === 'toVoid' ? e.operand : e;
}

function unusedValue(e: Expr, where: Where, diagnostics: Diagnostics): void {
  if (e.kind === 'cast' && e.explicit) return;
  const value = written(valueless(e));
  if (value.type.type.kind === 'void' || !isPure(value) || value.type.quals & QUAL.VOLATILE || !where.plain(value.loc)) return;
  if (value.kind === 'int' || value.kind === 'mapAddress' || (value.kind === 'cast' && value.explicit)) return;
  const comparison = value.kind === 'binary' && value.op === 'eq';
  diagnostics.warn(
    'unused-value',
    value.loc,
    comparison ? "the result of this comparison is not used; '=' assigns" : 'the value of this expression is not used',
  );
}
