/**
 * Calls: of functions, of helpers (constant pointers with a helper's number), of what a dialect or the compiler itself
 * implements, and of names that nothing declared so far.
 */
import type { Loc } from '../../../diagnostics.ts';
import type { Expr, FunctionDecl, Ref, VarDecl } from '../../ast.ts';
import type { FunctionType } from '../../types.ts';
import { QUAL } from '../../types.ts';
import { assignTo } from '../assignable.ts';
import { libraryCall } from '../builtins/builtins.ts';
import { evaluate } from '../constants.ts';
import type { Context } from '../context.ts';
import { noteAt } from '../context.ts';
import { promoteArgument, rvalue } from '../convert.ts';
import { stringArg } from '../decl/attributes.ts';
import { functionOfType } from '../decl/types.ts';
import { declareFunctionByText, declareImplicitly, isUndeclared, reportUndeclaredFunction } from '../names.ts';
import { errorExpr, isErrorExpr, ref } from '../nodes.ts';
import { unqualified } from '../types/basic.ts';
import { quoteType } from '../types/format.ts';
import { isError, isIncomplete } from '../types/predicates.ts';

export function call(ctx: Context, callee: Expr, args: readonly Expr[], loc: Loc): Expr {
  const target = designated(callee);
  const name = target ? target.decl.name : undefined;
  if (target && name !== undefined && !(target.decl.kind === 'function' && target.decl.body)) {
    const own = ctx.dialect?.builtinCall(name, args, loc, ctx.dialectContext);
    if (own) return own;
    if (target.decl.kind === 'function') {
      const special = isUndeclared(target.decl) ? undefined : stringArg(target.decl.attributes.find((a) => a.name === 'asm'));
      const made = libraryCall(ctx, special ?? name, args, loc);
      if (made) return made;
      if (isUndeclared(target.decl)) return callByName(ctx, name, target, args, loc);
    }
  }
  if (isErrorExpr(callee)) {
    for (const a of args) rvalue(ctx, a);
    return callee;
  }
  const helper = target?.decl.kind === 'var' ? helperOf(ctx, target.decl) : undefined;
  const fn = helper ?? (target?.decl.kind === 'function' ? target.decl : undefined);
  if (fn) return finish(ctx, ref(fn, callee.loc), fn.type, fn.name, fn.loc, args, loc);
  const value = rvalue(ctx, callee);
  const type = functionOfType(value.type);
  if (!type) {
    if (!isErrorExpr(value)) ctx.error('not-callable', loc, `this is called and is no function: its type is ${quoteType(callee.type)}`);
    return errorExpr(loc);
  }
  return finish(ctx, value, type, '', 0, args, loc);
}

/** The name that is called, also behind `*`, `&` and parentheses. */
function designated(callee: Expr): Ref | undefined {
  let e = callee;
  for (;;) {
    if (e.kind === 'ref') return e.decl.kind === 'param' ? undefined : e;
    if (e.kind === 'deref') e = e.pointer;
    else if (e.kind === 'cast' && (e.cast === 'load' || e.cast === 'functionDecay')) e = e.operand;
    else if (e.kind === 'addressOf') e = e.operand;
    else return undefined;
  }
}

/** A name that nothing declared when it was read: a helper by its name, or nobody's. */
function callByName(ctx: Context, name: string, stub: Ref, args: readonly Expr[], loc: Loc): Expr {
  if (declareFunctionByText(ctx, name)) {
    const found = ctx.scopes.lookup(name);
    if (found?.kind === 'var' || found?.kind === 'function') return call(ctx, ref(found, stub.loc), args, loc);
  }
  if (ctx.implicitFunctions && stub.decl.kind === 'function') {
    const { decl } = stub;
    declareImplicitly(ctx, decl);
    return finish(ctx, stub, decl.type, name, decl.loc, args, loc);
  }
  reportUndeclaredFunction(ctx, name, stub.loc);
  return errorExpr(loc);
}

/* ---------- helpers ---------- */

const helpers = new WeakMap<VarDecl, FunctionDecl>();
/** Larger numbers are addresses, not helpers. */
const MAX_HELPER = 0xffffn;

/** `static T *(*name)(args) = (void *)N;` is helper N. */
export function helperOf(_ctx: Context, v: VarDecl): FunctionDecl | undefined {
  const known = helpers.get(v);
  if (known) return known;
  if (v.type.type.kind !== 'pointer' || v.init?.kind !== 'scalar') return undefined;
  const { to } = v.type.type;
  if (to.type.kind !== 'function' || !(v.storage === 'static' || v.type.quals & QUAL.CONST)) return undefined;
  const number = evaluate(v.init.value);
  if (!number || number.base || number.value <= 0n || number.value > MAX_HELPER) return undefined;
  const fn: FunctionDecl = {
    kind: 'function',
    name: v.name,
    type: to.type,
    params: [],
    storage: 'extern',
    inline: false,
    attributes: v.attributes,
    loc: v.loc,
    end: v.loc,
    helper: Number(number.value),
  };
  helpers.set(v, fn);
  return fn;
}

/* ---------- arguments ---------- */

function finish(ctx: Context, callee: Expr, type: FunctionType, name: string, declared: Loc, args: readonly Expr[], loc: Loc): Expr {
  const { params } = type;
  const checked = type.prototype || params.length === args.length;
  if (type.prototype && (args.length < params.length || (args.length > params.length && !type.variadic))) {
    const count = `${params.length}${type.variadic ? ' or more' : ''} argument${params.length === 1 && !type.variadic ? '' : 's'}`;
    ctx.error(
      'bad-argument-count',
      args.length > params.length ? (args[params.length] as Expr).loc : loc,
      `${name === '' ? 'this function' : `'${name}'`} takes ${params.length === 0 ? 'no arguments' : count}; found ${args.length}`,
      noteAt(`'${name}' is declared here`, declared),
    );
    return errorExpr(loc);
  }
  const of = name === '' ? '' : ` of '${name}'`;
  let bad = false;
  const values = args.map((a, index) => {
    const p = checked ? params[index] : undefined;
    const v =
      p === undefined ? promoteArgument(ctx, a) : assignTo(ctx, a, p.type, { kind: 'argument', index, callee: of, declared: p.loc }, a.loc);
    if (p === undefined && v.type.type.kind === 'void') ctx.error('void-value-used', a.loc, "an argument has type 'void' and so no value");
    bad ||= isErrorExpr(v);
    return v;
  });
  const result = unqualified(type.returns);
  if (result.type.kind !== 'void' && isIncomplete(result.type) && !isError(result)) {
    ctx.error('incomplete-type', loc, `the call returns incomplete type ${quoteType(result)}`);
    return errorExpr(loc);
  }
  if (bad && result.type.kind !== 'void') return errorExpr(loc);
  return { kind: 'call', type: result, loc, lvalue: false, callee, args: values };
}
