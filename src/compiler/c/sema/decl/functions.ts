/** Functions: declarations, what a second one adds, bodies. */
import type { Loc } from '../../../diagnostics.ts';
import type { Attribute, Compound, FunctionDecl, ParamDecl } from '../../ast.ts';
import type { FunctionType, QualType } from '../../types.ts';
import type { DeclSpec } from '../actions.ts';
import type { Context } from '../context.ts';
import { noteAt } from '../context.ts';
import { fallsThrough } from '../flow.ts';
import { qual } from '../types/basic.ts';
import { compatibleTypes, composite } from '../types/compatible.ts';
import { quoteType } from '../types/format.ts';
import { isError, isIncomplete } from '../types/predicates.ts';
import { Record } from '../types/record.ts';
import { checkAttributes, findAttribute, hasAttribute, stringArg } from './attributes.ts';
import { nearTag } from './records.ts';
import type { Mutable } from './variables.ts';
import { allAttributes, differentKind } from './variables.ts';

export function declareFunction(
  ctx: Context,
  name: string,
  type: QualType,
  spec: DeclSpec,
  ownAttributes: readonly Attribute[],
  loc: Loc,
): FunctionDecl {
  const attributes = allAttributes(spec, ownAttributes);
  checkAttributes(ctx, attributes);
  if (type.type.kind !== 'function') throw new Error(`declareFunction: '${name}' is no function`);
  const before = ctx.scopes.lookupHere(name) ?? ctx.scopes.lookupAt(name, 0);
  if (before?.kind === 'function') {
    merge(ctx, before, type.type, spec, attributes, loc);
    return before;
  }
  const fn: Mutable<FunctionDecl> = {
    kind: 'function',
    name,
    type: type.type,
    params: paramsOf(type.type),
    storage: spec.storage === 'static' ? 'static' : spec.storage === 'extern' ? 'extern' : 'global',
    inline: spec.inline,
    attributes: [...attributes],
    loc,
    end: loc,
  };
  noteKfunc(fn);
  if (spec.noreturn) fn.attributes.push({ name: 'noreturn', args: [], loc: spec.loc });
  if (before) differentKind(ctx, name, 'function', before, loc);
  else ctx.scopes.declare(name, fn, 0);
  if (ctx.scopes.depth > 0) ctx.scopes.declare(name, fn);
  ctx.functions.push(fn);
  return fn;
}

/** Where a function that has a body already is declared again. */
const again = new WeakMap<FunctionDecl, Loc>();

function paramsOf(type: FunctionType): ParamDecl[] {
  return type.params.map((p, index) => ({ kind: 'param', name: p.name ?? '', type: p.type, index, loc: p.loc }));
}

function noteKfunc(fn: FunctionDecl): void {
  if (fn.attributes.length > 0 && stringArg(findAttribute(fn.attributes, 'section')) === '.ksyms') {
    fn.kfunc = { weak: hasAttribute(fn.attributes, 'weak') };
  }
}

function merge(
  ctx: Context,
  fn: Mutable<FunctionDecl>,
  type: FunctionType,
  spec: DeclSpec,
  attributes: readonly Attribute[],
  loc: Loc,
): void {
  const first = noteAt('first declared here', fn.loc);
  if (compatibleTypes(fn.type, type)) {
    const merged = composite(qual(type), qual(fn.type)).type;
    if (merged.kind === 'function') fn.type = merged;
  } else {
    ctx.error(
      'conflicting-types',
      loc,
      `function '${fn.name}' is declared as ${quoteType(qual(type))} and was ${quoteType(qual(fn.type))}`,
      first,
    );
    fn.type = type;
  }
  if (spec.storage === 'static' && fn.storage !== 'static') {
    ctx.error('linkage-conflict', loc, `function '${fn.name}' is declared 'static' after a declaration without`, first);
  }
  if (fn.storage === 'extern' && spec.storage === 'none') fn.storage = 'global';
  fn.inline ||= spec.inline;
  fn.attributes.push(...attributes);
  if (spec.noreturn) fn.attributes.push({ name: 'noreturn', args: [], loc: spec.loc });
  noteKfunc(fn);
  // The newest names: those of the definition when it comes.
  if (!fn.body) {
    fn.params = paramsOf(type.prototype || type.params.length > 0 ? type : fn.type);
    fn.loc = loc;
  } else again.set(fn, loc);
}

export function beginFunction(ctx: Context, fn: FunctionDecl): void {
  // `extern inline` with gnu_inline is no definition that others would see: the real one may follow.
  if (fn.body && !hasAttribute(fn.attributes, 'gnu_inline'))
    ctx.error('redefinition', again.get(fn) ?? fn.loc, `function '${fn.name}' is defined twice`, noteAt('first defined here', fn.loc));
  const { returns } = fn.type;
  if (returns.type.kind !== 'void' && isIncomplete(returns.type)) {
    ctx.error('incomplete-type', fn.loc, `function '${fn.name}' returns incomplete type ${quoteType(returns)}`);
  }
  ctx.scopes.push();
  ctx.function = { decl: fn, returns, depth: ctx.scopes.depth, statics: new Map() };
  for (const p of fn.params) {
    if (isIncomplete(p.type.type) && !isError(p.type)) {
      ctx.error('incomplete-type', p.loc, `parameter '${p.name}' has incomplete type ${quoteType(p.type)}`);
    }
    if (p.name === '') continue;
    const before = ctx.scopes.lookupHere(p.name);
    if (before) ctx.error('redefinition', p.loc, `parameter '${p.name}' is there twice`, noteAt('first declared here', before.loc));
    else ctx.scopes.declare(p.name, p);
  }
}

export function finishFunction(ctx: Context, fn: FunctionDecl, body: Compound, end: Loc): void {
  const state = ctx.function;
  if (state) while (ctx.scopes.depth >= state.depth) ctx.scopes.pop();
  ctx.function = undefined;
  ctx.switches = [];
  fn.body = body;
  fn.end = end;
  const { returns } = fn.type;
  const naked = findAttribute(fn.attributes, 'naked');
  if (naked)
    ctx.error(
      'unsupported-attribute',
      naked.loc,
      `functions that are '${naked.name}' are not supported: write '${fn.name}' in C, with 'asm volatile' for what needs it`,
    );
  else if (returns.type.kind !== 'void' && fallsThrough(body)) {
    ctx.warn('missing-return', end, `the end of '${fn.name}' can be reached without a 'return' of ${quoteType(returns)}`);
  }
  for (const p of fn.params) warnOfUnknownTag(ctx, fn, p);
  const program = ctx.dialect?.program(fn, ctx.dialectContext);
  if (program) fn.program = program;
}

/** `struct fil *f` names a type that no caller can have: most likely another one was meant. */
function warnOfUnknownTag(ctx: Context, fn: FunctionDecl, param: ParamDecl): void {
  let { type } = param.type;
  while (type.kind === 'pointer' || type.kind === 'array') type = (type.kind === 'pointer' ? type.to : type.of).type;
  if (!(type instanceof Record) || type.origin !== 'reference' || type.reported || type.loc < fn.loc) return;
  // Without a name close by it is one that this kernel lacks, and that nobody looks into.
  const near = nearTag(ctx, qual(type));
  if (near === '') return;
  type.reported = true;
  ctx.warn('tag-in-parameters', type.loc, `${quoteType(qual(type))} is named here for the first time, and declared nowhere${near}`);
}
