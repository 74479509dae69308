/** Variables, typedefs, and what a second declaration does to the first. */
import type { Loc } from '../../../diagnostics.ts';
import type { Attribute, Expr, VarDecl } from '../../ast.ts';
import type { QualType } from '../../types.ts';
import { QUAL } from '../../types.ts';
import type { DeclSpec, ParsedInit } from '../actions.ts';
import { evaluate, isStatic } from '../constants.ts';
import type { Context } from '../context.ts';
import { noteAt } from '../context.ts';
import { initialize } from '../init/initialize.ts';
import { int } from '../nodes.ts';
import type { ScopeSymbol } from '../scopes.ts';
import { array, Q, qual } from '../types/basic.ts';
import { compatible, compatibleTypes, composite, similarTypes } from '../types/compatible.ts';
import { quoteType } from '../types/format.ts';
import { isError, isIncomplete, isInteger } from '../types/predicates.ts';
import { sizeOf } from '../types/size.ts';
import { alignmentOf, applyTypeAttributes, checkAttributes } from './attributes.ts';
import { rejectVariableArray } from './types.ts';

export type Mutable<T> = { -readonly [K in keyof T]: T[K] };

const NO_ATTRIBUTES: readonly Attribute[] = [];

export function allAttributes(spec: DeclSpec, attributes: readonly Attribute[]): readonly Attribute[] {
  if (spec.attributes.length === 0) return attributes;
  return attributes.length === 0 ? spec.attributes : [...spec.attributes, ...attributes];
}

export function kindWord(s: ScopeSymbol): string {
  switch (s.kind) {
    case 'var':
      return 'variable';
    case 'param':
      return 'parameter';
    case 'function':
      return 'function';
    case 'typedef':
      return 'type';
    case 'enumerator':
      return 'enumerator';
    default:
      return s satisfies never;
  }
}

export function differentKind(ctx: Context, name: string, now: string, before: ScopeSymbol, loc: Loc): void {
  ctx.error(
    'different-kind',
    loc,
    `'${name}' is declared as a ${now} and was a ${kindWord(before)}`,
    noteAt('first declared here', before.loc),
  );
}

/* ---------- typedefs ---------- */

export function declareTypedef(ctx: Context, name: string, type: QualType, attributes: readonly Attribute[], loc: Loc): void {
  checkAttributes(ctx, attributes);
  rejectVariableArray(ctx, type);
  const t = attributes.length === 0 ? type : applyTypeAttributes(ctx, type, attributes);
  const align = attributes.length === 0 ? t.align : (alignmentOf(ctx, attributes) ?? t.align);
  const before = ctx.scopes.lookupHere(name);
  if (before) {
    if (before.kind !== 'typedef') {
      differentKind(ctx, name, 'type', before, loc);
      return;
    }
    // The same again is fine, and so are other words for the same integer: kernel and libc headers differ there.
    if (!compatible(before.type, t) && !(isInteger(t.type) && isInteger(before.type.type) && sameInteger(before.type, t))) {
      ctx.error(
        'conflicting-types',
        loc,
        `type '${name}' is declared as ${quoteType(t)} and was ${quoteType(before.type)}`,
        noteAt('first declared here', before.loc),
      );
    }
    return;
  }
  ctx.scopes.declare(name, { kind: 'typedef', name, type: qual(t.type, t.quals, t.tags, name, align), loc });
}

function sameInteger(a: QualType, b: QualType): boolean {
  const x = a.type;
  const y = b.type;
  return similarTypes(x, y) && x.kind === 'int' && y.kind === 'int' && x.signed === y.signed;
}

/* ---------- variables ---------- */

export function declareVariable(
  ctx: Context,
  name: string,
  type: QualType,
  spec: DeclSpec,
  ownAttributes: readonly Attribute[],
  loc: Loc,
): VarDecl {
  const attributes = allAttributes(spec, ownAttributes);
  let t = type;
  if (attributes.length > 0) {
    checkAttributes(ctx, attributes);
    if (ownAttributes.length > 0) t = applyTypeAttributes(ctx, type, ownAttributes);
  }
  // `extern const void symbol __ksym;` has an address and nothing else.
  if (t.type.kind === 'void' && spec.storage !== 'extern') {
    ctx.error('incomplete-type', loc, `variable '${name}' has type 'void'`);
    t = Q.error;
  } else if ((t.type.kind === 'array' || t.type.kind === 'pointer') && rejectVariableArray(ctx, t)) t = Q.error;
  const align = alignmentOf(ctx, attributes, spec.alignas);
  if (ctx.scopes.depth === 0 || spec.storage === 'extern') return declareLinked(ctx, name, t, spec, attributes, align, loc);
  const before = ctx.scopes.lookupHere(name);
  if (before) {
    ctx.error('redefinition', loc, `'${name}' is declared twice in this block`, noteAt('first declared here', before.loc));
  }
  const storage = spec.storage === 'static' ? 'static' : spec.storage === 'register' ? 'register' : 'auto';
  const decl: VarDecl = {
    kind: 'var',
    name: storage === 'static' ? staticName(ctx, name) : name,
    type: t,
    storage,
    scope: 'local',
    attributes: attributes === NO_ATTRIBUTES ? [] : [...attributes],
    loc,
    align,
  };
  ctx.scopes.declare(name, decl);
  if (storage === 'static') ctx.variables.push(decl);
  return decl;
}

/** Static locals are global objects, and their names must tell them apart. */
function staticName(ctx: Context, name: string): string {
  const fn = ctx.function;
  if (!fn) return name;
  const count = fn.statics.get(name) ?? 0;
  fn.statics.set(name, count + 1);
  return `${fn.decl.name}.${name}${count === 0 ? '' : `.${count}`}`;
}

/** At file scope, or `extern` in a block: one object for all declarations of the name. */
function declareLinked(
  ctx: Context,
  name: string,
  type: QualType,
  spec: DeclSpec,
  attributes: readonly Attribute[],
  align: number | undefined,
  loc: Loc,
): VarDecl {
  const storage = spec.storage === 'static' ? 'static' : spec.storage === 'extern' ? 'extern' : 'global';
  const local = ctx.scopes.depth > 0 ? ctx.scopes.lookupHere(name) : undefined;
  if (local && local.kind !== 'var') differentKind(ctx, name, 'variable', local, loc);
  const before = ctx.scopes.lookupAt(name, 0);
  if (before?.kind === 'var') {
    merge(ctx, before, name, type, storage, attributes, align, loc);
    if (ctx.scopes.depth > 0) ctx.scopes.declare(name, before);
    return before;
  }
  const decl: VarDecl = { kind: 'var', name, type, storage, scope: 'file', attributes: [...attributes], loc, align };
  if (before) differentKind(ctx, name, 'variable', before, loc);
  else ctx.scopes.declare(name, decl, 0);
  if (ctx.scopes.depth > 0) ctx.scopes.declare(name, decl);
  ctx.variables.push(decl);
  return decl;
}

function merge(
  ctx: Context,
  before: Mutable<VarDecl>,
  name: string,
  type: QualType,
  storage: 'static' | 'extern' | 'global',
  attributes: readonly Attribute[],
  align: number | undefined,
  loc: Loc,
): void {
  const first = noteAt('first declared here', before.loc);
  if (!isError(before.type) && !isError(type)) {
    if (before.type.quals === type.quals ? compatibleTypes(before.type.type, type.type) : compatible(before.type, type)) {
      before.type = composite(before.type, type);
    } else {
      ctx.error('conflicting-types', loc, `'${name}' is declared with type ${quoteType(type)} and had ${quoteType(before.type)}`, first);
    }
  }
  if (storage === 'static' && before.storage !== 'static') {
    ctx.error('linkage-conflict', loc, `'${name}' is declared 'static' after a declaration without`, first);
  } else if (storage === 'global' && before.storage === 'static') {
    ctx.error('linkage-conflict', loc, `'${name}' is declared without 'static' after a declaration with it`, first);
  } else if (storage === 'global' && before.storage === 'extern') {
    before.storage = 'global';
    before.loc = loc;
  }
  before.attributes.push(...attributes);
  if (align !== undefined) before.align = Math.max(align, before.align ?? 1);
}

export function initVariable(ctx: Context, variable: VarDecl, init: ParsedInit): void {
  const v: Mutable<VarDecl> = variable;
  if (v.storage === 'extern') {
    if (ctx.scopes.depth > 0) {
      ctx.error('bad-initializer', init.loc, `'${v.name}' is extern in this block and cannot be initialized here`);
      return;
    }
    v.storage = 'global';
  }
  if (v.init) {
    ctx.error('redefinition', init.loc, `'${v.name}' is initialized twice`, noteAt('declared here', v.loc));
    return;
  }
  const result = initialize(ctx, v.type, init, isStatic(v));
  if (!result) {
    // Its length will not be known any more.
    if (v.type.type.kind === 'array' && v.type.type.length === undefined) v.type = Q.error;
    return;
  }
  v.type = result.type;
  v.init = result.init;
  if (!isStatic(v) && v.type.quals & QUAL.CONST) foldConstant(v);
}

/** Const locals with a constant value are constants in the eyes of gcc and clang; see `constants.ts`. */
function foldConstant(v: Mutable<VarDecl>): void {
  if (v.init?.kind !== 'scalar' || v.init.value.kind === 'int' || !isInteger(v.type.type)) return;
  const { value }: { readonly value: Expr } = v.init;
  const constant = evaluate(value);
  if (constant && !constant.base) v.init = { kind: 'scalar', value: int(constant.value, value.type, value.loc) };
}

export function finishVariable(ctx: Context, variable: VarDecl): void {
  const t = variable.type.type;
  if (variable.scope === 'local' ? isIncomplete(t) : t.kind === 'array' && isIncomplete(t.of.type)) {
    const what =
      t.kind === 'array' && t.length === undefined
        ? 'an array without a length needs an initializer'
        : `incomplete type ${quoteType(variable.type)}`;
    ctx.error('incomplete-type', variable.loc, `variable '${variable.name}' cannot be made: ${what}`);
    variable.type = Q.error;
    return;
  }
  if (tooLarge(ctx, variable)) return;
  if (variable.scope === 'file' && ctx.scopes.depth === 0 && ctx.dialect) {
    const map = ctx.dialect.mapOf(variable, ctx.dialectContext);
    if (map) {
      variable.map = map;
      ctx.maps.set(map.name, variable);
    }
  }
}

/** Bytes. Globals become the value of a map; what a function has on the stack is 512 bytes at most, which the back end tells better. */
const MAX_GLOBAL = 64 << 20;
const MAX_LOCAL = 1 << 20;

/** Said here, before anything of that size is made. */
function tooLarge(ctx: Context, variable: VarDecl): boolean {
  if (variable.storage === 'extern') return false;
  const size = isIncomplete(variable.type.type) ? 0 : (sizeOf(variable.type.type) ?? 0);
  if (size <= (isStatic(variable) ? MAX_GLOBAL : MAX_LOCAL)) return false;
  const limit = isStatic(variable) ? 'global variables have 64 MiB at most' : 'a BPF program has 512 bytes of stack';
  ctx.error('object-too-large', variable.loc, `variable '${variable.name}' has ${size} bytes; ${limit}`);
  variable.type = Q.error;
  delete (variable as Mutable<VarDecl>).init;
  return true;
}

/** What only the end of the text shows: tentative definitions get their type, or have none. */
export function finishVariables(ctx: Context): void {
  for (const v of ctx.variables) {
    const t = v.type.type;
    if (v.storage === 'extern' || !isIncomplete(t) || isError(v.type) || v.map) continue;
    if (t.kind === 'array' && t.length === undefined && !isIncomplete(t.of.type)) {
      ctx.warn('incomplete-type', v.loc, `array '${v.name}' has no length; one element is assumed`);
      v.type = qual(array(t.of, 1), v.type.quals, v.type.tags);
    } else if (v.scope === 'file') {
      ctx.error('incomplete-type', v.loc, `variable '${v.name}' has incomplete type ${quoteType(v.type)}`);
      v.type = Q.error;
    }
  }
}
