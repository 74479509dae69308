/**
 * `__attribute__((cleanup(fn)))`: fn(&variable) is called wherever control leaves the variable's scope. libbpf's
 * `bpf_for` stands on it.
 *
 *   { T v cleanup(fn); … break; … return x; … }
 *   ──▶ { T v; … { fn(&v); break; } … { T' r = x; fn(&v); return r; } … fn(&v); }
 *
 * The parser sees every way out of a block, so it writes the calls; nothing after it knows of them. Where a goto leads
 * is known at the function's end only: its calls are filled in then.
 */
import type { Loc } from '../../diagnostics.ts';
import type { Attribute, Compound, Expr, Stmt, VarDecl } from '../ast.ts';
import { cast, ref } from '../sema/nodes.ts';
import type { Parser } from './parser.ts';

export interface Cleanup {
  readonly variable: VarDecl;
  readonly callee: Expr;
  /** Loops, and loops and switches, around the declaration. */
  readonly loops: number;
  readonly breakables: number;
}

/** Takes note of a local variable that has the attribute. */
export function noteCleanup(p: Parser, variable: VarDecl): void {
  const attribute = variable.attributes.find((a: Attribute) => a.name === 'cleanup');
  if (attribute === undefined || variable.storage !== 'auto') return;
  const [arg] = attribute.args;
  if (arg?.kind !== 'ident') {
    p.error('bad-attribute', attribute.loc, "attribute 'cleanup' needs the name of a function");
    return;
  }
  p.cleanups.push({
    variable,
    callee: p.actions.calleeIdentifier(arg.name, attribute.loc),
    loops: p.loops,
    breakables: p.loops + p.switches,
  });
}

/** The calls for all cleanups from `first` on, the latest declared first. */
function calls(p: Parser, cleanups: readonly Cleanup[], first: number, loc: Loc): Stmt[] {
  const out: Stmt[] = [];
  for (let i = cleanups.length - 1; i >= first; i--) {
    const { variable, callee } = cleanups[i] as Cleanup;
    const address = p.actions.unary('&', ref(variable, loc), loc);
    out.push({ kind: 'expr', expr: p.actions.expressionStatement(p.actions.call(callee, [address], loc)), loc });
  }
  return out;
}

function compound(body: readonly Stmt[], loc: Loc): Compound {
  return { kind: 'compound', body, loc, end: loc };
}

/** At the end of a block: ends the cleanups that began in it. */
export function leaveBlock(p: Parser, first: number, body: Stmt[], end: Loc, isExpression: boolean): void {
  if (p.cleanups.length === first) return;
  const last = isExpression ? body.at(-1) : undefined;
  if (last?.kind === 'expr' && last.expr.type.type.kind !== 'void') {
    body.pop();
    const { declaration, value } = keep(last.expr, end);
    body.push(declaration, ...calls(p, p.cleanups, first, end), { kind: 'expr', expr: value, loc: last.loc });
  } else {
    body.push(...calls(p, p.cleanups, first, end));
  }
  p.cleanups.length = first;
}

/** A statement that is a scope by itself (`for`). */
export function leaveStatement(p: Parser, first: number, statement: Stmt): Stmt {
  if (p.cleanups.length === first) return statement;
  const body = [statement, ...calls(p, p.cleanups, first, statement.loc)];
  p.cleanups.length = first;
  return compound(body, statement.loc);
}

/** The value in a variable of its own, so that it is computed before the calls. */
function keep(expr: Expr, loc: Loc): { declaration: Stmt; value: Expr } {
  const variable: VarDecl = {
    kind: 'var',
    name: '',
    type: { ...expr.type, quals: 0 },
    storage: 'auto',
    scope: 'local',
    attributes: [],
    loc,
    init: { kind: 'scalar', value: expr },
  };
  return { declaration: { kind: 'decl', vars: [variable], loc }, value: cast('load', ref(variable, loc), variable.type) };
}

/** `break`, `continue` or `return` with the calls before it. */
export function leaveBy(p: Parser, statement: Stmt & { readonly kind: 'break' | 'continue' | 'return' }): Stmt {
  const { cleanups } = p;
  if (cleanups.length === 0) return statement;
  const breakables = p.loops + p.switches;
  let first = 0;
  if (statement.kind === 'break') first = cleanups.findIndex((c) => c.breakables >= breakables);
  else if (statement.kind === 'continue') first = cleanups.findIndex((c) => c.loops >= p.loops);
  if (first < 0) return statement;
  const { loc } = statement;
  const after = calls(p, cleanups, first, loc);
  if (statement.kind !== 'return' || statement.value === undefined || statement.value.kind === 'int')
    return compound([...after, statement], loc);
  const { declaration, value } = keep(statement.value, loc);
  return compound([declaration, ...after, { kind: 'return', value, loc }], loc);
}

/** A goto out of scopes with cleanups: the calls come when it is known which scopes the label is in. */
export function leaveByGoto(p: Parser, name: string, label: { readonly text: string; readonly loc: Loc }, loc: Loc): Stmt {
  const inside = [...p.cleanups];
  const jump: Stmt = { kind: 'goto', label: name, loc };
  if (inside.length === 0) return jump;
  const body: Stmt[] = [];
  p.labels?.whenDefined(label.text, label.loc, (outside) => {
    let common = 0;
    while (common < outside.length && outside[common] === inside[common]) common++;
    body.push(...calls(p, inside, common, loc), jump);
  });
  return compound(body, loc);
}
