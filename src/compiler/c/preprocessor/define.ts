/**
 * `#define` and `#undef`.
 */

import type { Lexer, PpToken } from '../lexer.ts';
import { endLine, expectEnd } from './line.ts';
import { Macro, parseOps, sameDefinition } from './macro.ts';
import type { OpenFile, Preprocessor } from './preprocessor.ts';

const NOT_MACROS = new Set(['defined', '__VA_ARGS__', '__VA_OPT__']);

function macroName(pp: Preprocessor, file: OpenFile, directive: PpToken): PpToken | undefined {
  const token = file.lexer.next();
  if (token.kind === 'ident' && !NOT_MACROS.has(token.text)) {
    if (!pp.checkPoison(token)) return token;
    endLine(file.lexer);
    return undefined;
  }
  if (token.kind === 'eof') pp.diagnostics.error('missing-macro-name', directive.loc, `'#${directive.text}' needs the name of a macro`);
  else pp.diagnostics.error('bad-macro-name', token.loc, `'${token.text}' cannot be the name of a macro`);
  endLine(file.lexer);
  return undefined;
}

export function undefDirective(pp: Preprocessor, file: OpenFile, directive: PpToken): void {
  const name = macroName(pp, file, directive);
  if (name === undefined) return;
  expectEnd(pp, file.lexer, directive);
  const macro = pp.lookup(name.text);
  if (macro?.origin === 'builtin') pp.warn('builtin-macro', name.loc, `'${name.text}' is a builtin macro; from here on it is undefined`);
  pp.macros.set(name.text, null);
  pp.undefined.add(name.text);
}

export function defineDirective(pp: Preprocessor, file: OpenFile, directive: PpToken): void {
  const { lexer } = file;
  const name = macroName(pp, file, directive);
  if (name === undefined) return;
  let params: string[] | undefined;
  let variadic = false;
  const next = lexer.text.charCodeAt(lexer.pos);
  if (next === 40) {
    lexer.next();
    const list = parameters(pp, lexer, name);
    if (list === undefined) {
      endLine(lexer);
      return;
    }
    ({ params, variadic } = list);
  } else if (next > 32 && next !== 47) {
    pp.warn('missing-space', name.loc, `white space is missing between the macro's name '${name.text}' and its text`);
  }
  const origin = file.header.system === true ? 'system' : 'user';
  const lazy = lazyBody(pp, file);
  if (lazy !== undefined) {
    define(pp, name, new Macro(name.text, name.loc, params, variadic, lazy, origin));
    return;
  }
  const body: PpToken[] = [];
  for (let token = lexer.next(); token.kind !== 'eof'; token = lexer.next()) {
    if (pp.poisoned !== undefined && token.kind === 'ident') pp.checkPoison(token);
    body.push(token);
  }
  lexer.inDirective = false;
  const { error } = parseOps(body, params, variadic);
  if (error !== undefined) {
    pp.diagnostics.error(error.code, error.token.loc, error.message);
    return;
  }
  if (!variadic || params?.at(-1) !== '__VA_ARGS__') {
    const stray = body.find(
      (token) => token.kind === 'ident' && (token.text === '__VA_ARGS__' || (token.text === '__VA_OPT__' && !variadic)),
    );
    if (stray !== undefined) pp.warn('va-args-outside', stray.loc, `'${stray.text}' means nothing outside a macro with '...'`);
  }
  define(pp, name, new Macro(name.text, name.loc, params, variadic, body, origin));
}

/** Leaves the body for later where nothing in it can be wrong now: no comments and, in the user's text, no operators. */
function lazyBody(pp: Preprocessor, file: OpenFile): (() => readonly PpToken[]) | undefined {
  const { lexer } = file;
  const start = lexer.pos;
  let end = lexer.text.indexOf('\n', start);
  if (end < 0) end = lexer.text.length;
  const text = lexer.text.slice(start, end);
  if (pp.poisoned !== undefined || text.includes('/*') || text.includes('//')) return undefined;
  if (file.header.system !== true && (text.includes('#') || text.includes('%') || text.includes('__VA_'))) return undefined;
  lexer.pos = end;
  lexer.inDirective = false;
  return () => {
    const inner = lexer.part(start, end);
    const out: PpToken[] = [];
    for (let token = inner.next(); token.kind !== 'eof'; token = inner.next()) out.push(token);
    return out;
  };
}

function define(pp: Preprocessor, name: PpToken, macro: Macro): void {
  const before = pp.lookup(name.text);
  pp.macros.set(name.text, macro);
  if (before === null || before.origin === 'constant') return;
  if (before.builtin !== undefined) pp.warn('builtin-macro', name.loc, `this replaces the builtin macro '${name.text}'`);
  else if (!sameDefinition(before, macro)) {
    const notes = before.loc === 0 ? undefined : [{ message: 'the definition before this is here', loc: before.loc }];
    pp.warn('macro-redefined', name.loc, `the macro '${name.text}' is defined again, and differently`, notes);
  }
}

/** Behind the `(`: names up to `)`. Undefined after an error. */
function parameters(pp: Preprocessor, lexer: Lexer, name: PpToken): { params: string[]; variadic: boolean } | undefined {
  const params: string[] = [];
  const seen = new Set<string>();
  const fail = (token: PpToken, message: string): undefined => {
    pp.diagnostics.error('bad-macro-parameters', token.kind === 'eof' ? name.loc : token.loc, message);
    return undefined;
  };
  let token = lexer.next();
  if (token.text === ')') return { params, variadic: false };
  for (;;) {
    let variadic = false;
    if (token.text === '...' && token.kind === 'punct') {
      params.push('__VA_ARGS__');
      variadic = true;
    } else if (token.kind !== 'ident') {
      return fail(
        token,
        token.kind === 'eof' ? `the parameters of macro '${name.text}' have no ')'` : `'${token.text}' cannot be the parameter of a macro`,
      );
    } else {
      if (NOT_MACROS.has(token.text) && token.text !== 'defined') return fail(token, `'${token.text}' cannot be the parameter of a macro`);
      if (seen.has(token.text)) return fail(token, `the parameter '${token.text}' is there twice`);
      seen.add(token.text);
      params.push(token.text);
    }
    token = lexer.next();
    if (!variadic && token.text === '...' && token.kind === 'punct') {
      variadic = true;
      token = lexer.next();
    }
    if (token.text === ')') return { params, variadic };
    if (variadic) return fail(token, "expected ')' behind '...'");
    if (token.text !== ',')
      return fail(
        token,
        token.kind === 'eof' ? `the parameters of macro '${name.text}' have no ')'` : `expected ',' or ')' before '${token.text}'`,
      );
    token = lexer.next();
  }
}
