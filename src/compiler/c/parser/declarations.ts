/**
 * Declarations at file scope and in blocks, and function definitions, old-style ones included.
 */
import type { Loc } from '../../diagnostics.ts';
import type { Attribute, Compound, VarDecl } from '../ast.ts';
import type { DeclSpec, ParsedInit } from '../sema/actions.ts';
import type { ParamType, QualType } from '../types.ts';
import { parseAsmText } from './asm.ts';
import { parseAttributes } from './attributes.ts';
import { noteCleanup } from './cleanups.ts';
import type { Declarator, FunctionPart } from './declarators.ts';
import { applyDeclarator, applyParameter, parseAsmLabel, parseDeclarator } from './declarators.ts';
import { parseConditional, parseString } from './expressions.ts';
import { parseInit } from './initializers.ts';
import { FunctionLabels } from './labels.ts';
import type { Parser } from './parser.ts';
import type { Specifiers } from './specifiers.ts';
import { parseSpecifiers } from './specifiers.ts';
import { parseCompound } from './statements.ts';
import { T } from './token-codes.ts';

export function parseExternalDeclaration(p: Parser): void {
  for (const pragma of p.takePragmas()) {
    if (p.pragmaState.take(pragma, p.diagnostics) !== undefined)
      p.warn('misplaced-pragma', pragma.loc, `#pragma ${pragma.text} belongs before a loop and is ignored here`);
  }
  switch (p.code) {
    case T.SEMI:
      p.advance();
      return;
    case T.ASM: {
      const { loc } = p.advance();
      while (p.code === T.QUALIFIER) p.advance();
      p.actions.fileAsm(parseAsmText(p), loc);
      p.expectSemicolon('asm(…)');
      return;
    }
    case T.STATIC_ASSERT:
      parseStaticAssert(p);
      return;
    case T.RBRACE:
      p.fail('extra-brace', "this '}' closes nothing");
      break;
    default:
      parseDeclaration(p, 'file', []);
  }
}

export function parseStaticAssert(p: Parser): void {
  const { loc } = p.advance();
  const open = p.expect(T.LPAREN, "'('", 'after _Static_assert');
  const condition = parseConditional(p);
  const message = p.accept(T.COMMA) ? parseString(p) : undefined;
  p.expectClose(T.RPAREN, "')'", open);
  p.expectSemicolon('_Static_assert');
  p.actions.staticAssert(condition, message, loc);
}

/**
 * A declaration with its `;`, or a function definition. Returns the variables that live in the enclosing block.
 * `attributes` were read before it was clear that they start a declaration.
 */
export function parseDeclaration(p: Parser, place: 'file' | 'block', attributes: Attribute[]): VarDecl[] {
  const specifiers = parseSpecifiers(p, place, attributes);
  const { spec } = specifiers;
  const locals: VarDecl[] = [];
  if (p.code === T.SEMI) {
    p.advance();
    if (specifiers.defines === undefined || spec.storage !== 'none') p.actions.emptyDeclaration(spec);
    return locals;
  }
  for (let first = true; ; first = false) {
    const d = parseDeclarator(p, 'required');
    parseAsmLabel(p, d.attributes);
    parseAttributes(p, d.attributes);
    if (first && startsBody(p, d)) {
      if (place === 'block') nestedFunction(p, d);
      parseFunctionDefinition(p, spec, d);
      return locals;
    }
    declare(p, specifiers, d, locals);
    if (!p.accept(T.COMMA)) break;
    parseAttributes(p, attributes);
  }
  p.expectSemicolon('a declaration');
  return locals;
}

/* ---------- declarators with their initialisers ---------- */

function declare(p: Parser, { spec, auto }: Specifiers, d: Declarator, locals: VarDecl[]): void {
  const { actions } = p;
  const name = d.name?.text ?? '';
  if (auto) {
    declareAuto(p, spec, d, locals);
    return;
  }
  rejectNames(p, d);
  const type = applyDeclarator(p, spec.type, d);
  if (spec.storage === 'typedef') {
    if (p.code === T.ASSIGN) p.fail('typedef-initializer', `typedef '${name}' cannot have an initializer`);
    const attributes = spec.attributes.length === 0 ? d.attributes : [...spec.attributes, ...d.attributes];
    actions.declareTypedef(name, type, attributes, d.loc);
    return;
  }
  if (type.type.kind === 'function') {
    actions.declareFunction(name, type, spec, d.attributes, d.loc);
    if (p.code === T.ASSIGN) p.fail('function-initializer', `function '${name}' cannot be initialized like a variable`);
    return;
  }
  const variable = actions.declareVariable(name, type, spec, d.attributes, d.loc);
  if (p.accept(T.ASSIGN)) actions.initVariable(variable, parseInit(p));
  actions.finishVariable(variable);
  keepLocal(p, variable, locals);
}

/** `__auto_type x = init;`: here the name is not in scope in its own initialiser. */
function declareAuto(p: Parser, spec: DeclSpec, d: Declarator, locals: VarDecl[]): void {
  const { actions } = p;
  if (d.parts.length > 0) p.fail('auto-type', "'__auto_type' declares plain names only", undefined, d.loc);
  p.expect(T.ASSIGN, "'=' and an initializer", "after a name declared with '__auto_type'");
  const init = parseInit(p);
  if (init.kind !== 'expr') p.fail('auto-type', "'__auto_type' needs an expression, not a list", undefined, init.loc);
  const variable = actions.declareVariable(d.name?.text ?? '', autoType(p, init, spec), spec, d.attributes, d.loc);
  actions.initVariable(variable, init);
  actions.finishVariable(variable);
  keepLocal(p, variable, locals);
}

function autoType(p: Parser, init: ParsedInit & { readonly kind: 'expr' }, spec: DeclSpec): QualType {
  const { type, tags } = p.actions.typeofExpr(init.expr, init.loc);
  const { quals } = spec.type;
  if (type.kind === 'array') return p.actions.pointerTo(type.of, quals, [], init.loc);
  if (type.kind === 'function') return p.actions.pointerTo({ type, quals: 0 }, quals, [], init.loc);
  return tags === undefined ? { type, quals } : { type, quals, tags };
}

function keepLocal(p: Parser, variable: VarDecl, locals: VarDecl[]): void {
  if (variable.storage !== 'auto' && variable.storage !== 'register') return;
  locals.push(variable);
  if (variable.attributes.length > 0) noteCleanup(p, variable);
}

/** `int f(a, b);`: names without types are for definitions only, so these are unknown types. */
function rejectNames(p: Parser, d: Declarator): void {
  for (const part of d.parts) {
    if (part.kind !== 'function' || part.names === undefined) continue;
    part.params = part.names.map(({ text, loc }): ParamType => ({ name: undefined, type: p.actions.typedefType(text, loc), loc }));
  }
}

/* ---------- functions ---------- */

function startsBody(p: Parser, d: Declarator): boolean {
  const [part] = d.parts;
  if (p.code === T.LBRACE) return true;
  return (
    part?.kind === 'function' &&
    part.names !== undefined &&
    p.code !== T.SEMI &&
    p.code !== T.COMMA &&
    p.code !== T.ASSIGN &&
    p.startsDeclaration()
  );
}

function nestedFunction(p: Parser, d: Declarator): never {
  p.error(
    'nested-function',
    d.loc,
    `function '${d.name?.text ?? ''}' is defined inside function '${p.functionName}': BPF cannot have nested functions (is a '}' missing before it?)`,
  );
  while (p.code !== T.LBRACE && p.code !== T.EOF) p.advance();
  p.skipBraces();
  p.accept(T.RBRACE);
  return p.unwind();
}

function parseFunctionDefinition(p: Parser, spec: DeclSpec, d: Declarator): void {
  const { actions } = p;
  const name = d.name?.text ?? '';
  const [part] = d.parts;
  if (part?.kind !== 'function' && p.diagnostics.isSpoiled(d.loc)) p.unwind();
  if (part?.kind !== 'function')
    p.fail('expected-semicolon', `expected ';' or an initializer after '${name}', which is no function; ${p.found()}`);
  if (part.names !== undefined) parseOldStyleParameters(p, part, part.names, name);
  const type = applyDeclarator(p, spec.type, d);
  if (spec.storage === 'typedef') p.fail('typedef-function', 'a typedef cannot have a function body');
  const fn = actions.declareFunction(name, type, spec, d.attributes, d.loc);
  actions.beginFunction(fn);
  p.functionName = name;
  p.labels = new FunctionLabels(p.diagnostics);
  const body: Compound = parseCompound(p, false);
  p.labels.finish();
  p.labels = undefined;
  p.functionName = '';
  actions.finishFunction(fn, body, body.end);
}

/** `f(a, b) int a, b; {…}`: between the names and the body stand their declarations; a name without one is an int. */
function parseOldStyleParameters(
  p: Parser,
  part: FunctionPart,
  names: readonly { readonly text: string; readonly loc: Loc }[],
  fn: string,
): void {
  p.warn('old-style-definition', part.loc, `function '${fn}' is defined in the old style, without a prototype`);
  const types = new Map<string, QualType>();
  while (p.code !== T.LBRACE) {
    if (p.code !== T.IDENT && !p.startsDeclaration())
      p.fail('expected-function-body', `expected '{' or the declaration of a parameter; ${p.found()}`);
    const { spec } = parseSpecifiers(p, 'param');
    do {
      const d = parseDeclarator(p, 'required');
      parseAttributes(p, d.attributes);
      const name = d.name?.text ?? '';
      if (!names.some((n) => n.text === name)) p.error('unknown-parameter', d.loc, `'${name}' is not a parameter of '${fn}'`);
      types.set(name, applyParameter(p, spec.type, d));
    } while (p.accept(T.COMMA));
    p.expectSemicolon('the declaration of a parameter');
  }
  const int: QualType = { type: p.actions.basicType(['int'], part.loc), quals: 0 };
  part.params = names.map(({ text, loc }): ParamType => ({ name: text, type: types.get(text) ?? int, loc }));
}
