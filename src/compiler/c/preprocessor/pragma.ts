/**
 * `#pragma` and `_Pragma`: what concerns the preprocessor is done here, the rest goes on as a `pragma` token.
 */

import type { Loc } from '../../diagnostics.ts';
import { PpToken } from '../lexer.ts';
import { identityOf } from './headers.ts';
import { readLine, textOf } from './line.ts';
import { lexText } from './paste.ts';
import type { OpenFile, Preprocessor } from './preprocessor.ts';

type Handler = (pp: Preprocessor, operands: readonly PpToken[], loc: Loc) => void;

const nothing: Handler = () => {};

/** By first word, or by `GCC word` and `clang word`. */
const HANDLERS: ReadonlyMap<string, Handler> = new Map<string, Handler>([
  ['once', once],
  ['GCC system_header', systemHeader],
  ['clang system_header', systemHeader],
  ['GCC poison', poison],
  ['clang poison', poison],
  ['push_macro', pushMacro],
  ['pop_macro', popMacro],
  ['message', message('user-message')],
  ['GCC warning', message('user-warning')],
  ['GCC error', message('user-error')],
  ['GCC diagnostic', silence],
  ['clang diagnostic', silence],
  ['region', nothing],
  ['endregion', nothing],
  ['mark', nothing],
]);
/** They say nothing to a compiler that keeps no files. */
const DROPPED = new Set(['GCC dependency', 'clang dependency']);
/** Macros count in their operands. */
const EXPANDED = new Set(['unroll', 'nounroll', 'unroll_and_jam', 'pack', 'GCC unroll', 'clang loop', 'clang attribute']);

export function pragmaDirective(pp: Preprocessor, file: OpenFile, name: PpToken): void {
  pp.emitted = runPragma(pp, readLine(file.lexer), name.loc);
}

function runPragma(pp: Preprocessor, tokens: readonly PpToken[], loc: Loc): PpToken | undefined {
  const [first, second] = tokens;
  if (first === undefined) return undefined;
  const twoWords = first.text === 'GCC' || first.text === 'clang';
  const key = twoWords && second !== undefined ? `${first.text} ${second.text}` : first.text;
  const handler = HANDLERS.get(key);
  if (handler !== undefined) {
    handler(pp, tokens.slice(twoWords ? 2 : 1), loc);
    if (pp.options.allPragmas !== true || handler === once) return undefined;
  } else if (DROPPED.has(key) && pp.options.allPragmas !== true) {
    return undefined;
  }
  const text = EXPANDED.has(key) ? textOf(pp.expandList(tokens)) : textOf(tokens);
  return new PpToken('pragma', text, loc, true, true);
}

/** `_Pragma ( "text" )`, wherever a token may stand. */
export function pragmaOperator(pp: Preprocessor, name: PpToken): PpToken | undefined {
  const open = pp.lex();
  const literal = open.text === '(' ? pp.lex() : open;
  const close = literal.kind === 'string' ? pp.lex() : literal;
  if (open.text !== '(' || literal.kind !== 'string' || close.text !== ')') {
    pp.diagnostics.error('bad-pragma-operator', name.loc, "'_Pragma' needs one string in parentheses");
    return undefined;
  }
  const text = literal.text
    .replace(/^[^"]*"|"$/g, '')
    .replace(/\\(["\\])/g, '$1')
    .replace(/\n/g, ' ');
  return runPragma(pp, lexText(text), name.loc);
}

function silence(pp: Preprocessor, operands: readonly PpToken[], loc: Loc): void {
  pp.silence.pragma(operands, loc);
}

function once(pp: Preprocessor, _operands: readonly PpToken[], loc: Loc): void {
  if (pp.files.length <= 1) pp.warn('pragma-once-in-main', loc, "'#pragma once' in a main file does nothing");
  const file = pp.files.at(-1);
  if (file !== undefined) pp.once.add(identityOf(file.header));
}

function systemHeader(pp: Preprocessor, _operands: readonly PpToken[], loc: Loc): void {
  const source = pp.source.fileOf(loc);
  if (source === undefined) return;
  if (pp.files.length <= 1) pp.warn('system-header-in-main', loc, "'#pragma system_header' in a main file does nothing");
  else source.system = true;
}

function poison(pp: Preprocessor, operands: readonly PpToken[]): void {
  for (const token of operands) {
    if (token.kind !== 'ident') {
      pp.diagnostics.error('bad-pragma', token.loc, 'only identifiers can be poisoned');
      return;
    }
    if (pp.lookup(token.text) !== null && pp.poisoned?.has(token.text) !== true)
      pp.warn('poisoned-macro', token.loc, `'${token.text}' is poisoned while it is a macro`);
    pp.macros.set(token.text, null);
    (pp.poisoned ??= new Set()).add(token.text);
  }
}

/** `("NAME")` */
function macroOperand(pp: Preprocessor, operands: readonly PpToken[], loc: Loc): string | undefined {
  const [open, name, close] = operands;
  if (open?.text === '(' && name?.kind === 'string' && close?.text === ')') return name.text.slice(1, -1);
  pp.diagnostics.error('bad-pragma', loc, 'expected ("NAME") with the name of a macro');
  return undefined;
}

function pushMacro(pp: Preprocessor, operands: readonly PpToken[], loc: Loc): void {
  const name = macroOperand(pp, operands, loc);
  if (name === undefined) return;
  const stack = pp.pushed.get(name);
  if (stack === undefined) pp.pushed.set(name, [pp.lookup(name)]);
  else stack.push(pp.lookup(name));
}

function popMacro(pp: Preprocessor, operands: readonly PpToken[], loc: Loc): void {
  const name = macroOperand(pp, operands, loc);
  if (name === undefined) return;
  const macro = pp.pushed.get(name)?.pop();
  if (macro === undefined) pp.warn('pop-without-push', loc, `'pop_macro("${name}")' without a 'push_macro' before it`);
  else pp.macros.set(name, macro);
}

function message(code: string): Handler {
  return (pp, operands, loc) => {
    const text = pp
      .expandList(operands)
      .filter((token) => token.kind === 'string')
      .map((token) => token.text.slice(1, -1))
      .join('');
    if (code === 'user-error') pp.diagnostics.error(code, loc, text);
    else pp.diagnostics.warn(code, loc, text);
  };
}
