/**
 * Building statement expressions by hand, through `Actions`: temporaries, statements, a result. What dialects put in
 * place of a call has the same nodes, conversions and checks as if the user had written it out.
 */

import type { Compound, Expr, Stmt } from '../c/ast.ts';
import type { Actions, DeclSpec } from '../c/sema/actions.ts';
import { ref } from '../c/sema/nodes.ts';
import type { CType, QualType } from '../c/types.ts';
import type { Loc } from '../diagnostics.ts';

export class Block {
  readonly actions: Actions;
  readonly loc: Loc;
  readonly body: Stmt[] = [];

  constructor(actions: Actions, loc: Loc) {
    this.actions = actions;
    this.loc = loc;
  }

  /** A new variable; use it by calling what comes back (each use is its own node). */
  local(name: string, type: QualType, init?: Expr): () => Expr {
    const { actions, loc } = this;
    const plain: QualType = type.quals === 0 ? type : { ...type, quals: 0 };
    const spec: DeclSpec = { type: plain, storage: 'none', inline: false, noreturn: false, alignas: undefined, attributes: [], loc };
    const variable = actions.declareVariable(name, plain, spec, [], loc);
    if (init !== undefined) actions.initVariable(variable, { kind: 'expr', expr: init, loc });
    actions.finishVariable(variable);
    this.body.push({ kind: 'decl', vars: [variable], loc });
    return () => ref(variable, loc);
  }

  do(expr: Expr): void {
    this.body.push({ kind: 'expr', expr: this.actions.expressionStatement(expr), loc: this.loc });
  }

  if(cond: Expr, then: (b: Block) => void, otherwise?: (b: Block) => void): void {
    const { actions, loc } = this;
    this.body.push({
      kind: 'if',
      cond: actions.condition(cond, loc),
      then: compound(actions, loc, then),
      else: otherwise === undefined ? undefined : compound(actions, loc, otherwise),
      loc,
    });
  }

  return(value: Expr | undefined): void {
    this.body.push({ kind: 'return', value: this.actions.returnValue(value, this.loc), loc: this.loc });
  }
}

function compound(actions: Actions, loc: Loc, fill: (b: Block) => void): Compound {
  const b = new Block(actions, loc);
  actions.pushScope();
  fill(b);
  actions.popScope();
  return { kind: 'compound', body: b.body, loc, end: loc };
}

/** `({ …; result; })` */
export function statementExpression(actions: Actions, loc: Loc, fill: (b: Block) => Expr | undefined): Expr {
  const body = compound(actions, loc, (b) => {
    const result = fill(b);
    if (result !== undefined) b.do(result);
  });
  return actions.statementExpression(body, loc);
}

/* ---------- small nodes ---------- */

export function number(actions: Actions, value: number | bigint, loc: Loc): Expr {
  return actions.intLiteral(`${value}`, loc);
}

/** Calls a function by its name, as if it stood in the text. */
export function callNamed(actions: Actions, name: string, args: readonly Expr[], loc: Loc): Expr {
  return actions.call(actions.calleeIdentifier(name, loc), args, loc);
}

export function builtinCall(actions: Actions, name: string, args: readonly Expr[], loc: Loc): Expr {
  return actions.builtinCall(
    name,
    args.map((expr) => ({ kind: 'expr', expr })),
    loc,
  );
}

export function pointerTo(actions: Actions, type: CType | QualType, loc: Loc): QualType {
  return actions.pointerTo('quals' in type ? type : { type, quals: 0 }, 0, [], loc);
}

/** The string that an argument is, behind parentheses and decay; undefined if it is none. */
export function stringOf(expr: Expr): string | undefined {
  let e = expr;
  while (e.kind === 'cast') e = e.operand;
  return e.kind === 'string' ? new TextDecoder().decode(e.bytes.subarray(0, -1)) : undefined;
}
