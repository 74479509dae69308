/** Statements. */
import type { DeclStmt, If, Loop, Return, Stmt, Switch } from '../../c/ast.ts';
import { constant } from '../builder.ts';
import type { Block } from '../ir.ts';
import { lowerAsm } from './asm.ts';
import { condition } from './condition.ts';
import { effect } from './effect.ts';
import { initialize } from './init.ts';
import { localPlace, newLocal } from './place.ts';
import { recordInto } from './record.ts';
import { scalar } from './scalar.ts';
import type { FunctionState } from './state.ts';
import { alignOfType, integer, isRecord, scalarType } from './types.ts';

export function statement(f: FunctionState, s: Stmt): void {
  const { b } = f;
  b.loc = s.loc;
  switch (s.kind) {
    case 'compound':
      for (const x of s.body) statement(f, x);
      return;
    case 'expr':
      return effect(f, s.expr);
    case 'decl':
      return declare(f, s);
    case 'if':
      return lowerIf(f, s);
    case 'loop':
      return lowerLoop(f, s);
    case 'switch':
      return lowerSwitch(f, s);
    case 'case': {
      const block = f.cases.get(s);
      if (!block) throw new Error('case outside its switch');
      b.place(block);
      if (s.body) statement(f, s.body);
      return;
    }
    case 'label':
      b.place(f.label(s.name));
      statement(f, s.body);
      return;
    case 'goto':
      b.jump(f.label(s.label));
      return;
    case 'break':
      if (f.breakTo) b.jump(f.breakTo);
      return;
    case 'continue':
      if (f.continueTo) b.jump(f.continueTo);
      return;
    case 'return':
      return lowerReturn(f, s);
    case 'empty':
      return;
    case 'asm':
      return lowerAsm(f, s);
    default:
      return never(s);
  }
}

function declare(f: FunctionState, s: DeclStmt): void {
  for (const v of s.vars) {
    // Statics live with the globals and are made where they are used.
    if (v.storage === 'static' || v.storage === 'extern') continue;
    let p = f.locals.get(v);
    if (!p) f.locals.set(v, (p = newLocal(f, v.type, v.name, v.loc, v.align)));
    if (v.init) initialize(f, p, v.type, v.init);
  }
}

function lowerIf(f: FunctionState, s: If): void {
  const { b } = f;
  const then = b.newBlock(),
    otherwise = s.else ? b.newBlock() : undefined,
    join = b.newBlock();
  condition(f, s.cond, then, otherwise ?? join);
  b.place(then);
  statement(f, s.then);
  if (otherwise && s.else) {
    b.jump(join);
    b.place(otherwise);
    statement(f, s.else);
  }
  b.place(join);
}

/**
 *   init ─▶ header: cond ─▶ body ─▶ step ─▶ header        do: body ─▶ header: cond ─▶ body
 */
function lowerLoop(f: FunctionState, s: Loop): void {
  const { b } = f;
  if (s.init) statement(f, s.init);
  b.loc = s.loc;
  const header = b.newBlock(),
    body = b.newBlock(),
    exit = b.newBlock();
  const step = s.step || s.form === 'do' ? b.newBlock() : header;
  const outer = { breakTo: f.breakTo, continueTo: f.continueTo };
  f.breakTo = exit;
  f.continueTo = step;
  const unrolled = s.form === 'do' ? body : header;
  if (s.unroll !== undefined) unrolled.unroll = s.unroll;
  if (s.form === 'do') {
    b.place(body);
    statement(f, s.body);
    b.place(step);
    if (s.cond) condition(f, s.cond, body, exit);
    else b.jump(body);
  } else {
    b.place(header);
    if (s.cond) condition(f, s.cond, body, exit);
    b.place(body);
    statement(f, s.body);
    if (s.step) {
      b.place(step);
      effect(f, s.step);
    }
    b.jump(header);
  }
  f.breakTo = outer.breakTo;
  f.continueTo = outer.continueTo;
  b.place(exit);
}

function lowerSwitch(f: FunctionState, s: Switch): void {
  const { b } = f;
  const v = scalar(f, s.value);
  b.loc = s.loc;
  const type = integer(s.value.type.type);
  const exit = b.newBlock();
  let otherwise: Block = exit;
  const cases: { low: bigint; high: bigint; to: Block }[] = [];
  for (const c of s.cases) {
    const to = b.newBlock();
    f.cases.set(c, to);
    if (c.low === undefined) otherwise = to;
    else cases.push({ low: c.low, high: c.high ?? c.low, to });
  }
  b.switch(
    v,
    cases.sort((x, y) => (x.low < y.low ? -1 : x.low > y.low ? 1 : 0)),
    otherwise,
    type?.signed ?? true,
  );
  const outer = f.breakTo;
  f.breakTo = exit;
  statement(f, s.body);
  f.breakTo = outer;
  b.place(exit);
}

function lowerReturn(f: FunctionState, s: Return): void {
  const { b } = f;
  if (!s.value) return b.return(f.fn.returns ? constant(f.fn.returns, 0) : undefined);
  if (f.returnInto && isRecord(s.value.type.type)) {
    recordInto(f, s.value, localPlace(f.returnInto, s.value.type, alignOfType(s.value.type)));
    b.loc = s.loc;
    return b.return(undefined);
  }
  if (!f.fn.returns || !scalarType(s.value.type.type)) {
    effect(f, s.value);
    b.loc = s.loc;
    return b.return(f.fn.returns ? constant(f.fn.returns, 0) : undefined);
  }
  const v = scalar(f, s.value);
  b.loc = s.loc;
  b.return(v);
}

function never(x: never): never {
  throw new Error(`unhandled ${JSON.stringify(x)}`);
}
