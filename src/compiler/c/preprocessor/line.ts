/**
 * The rest of a directive's line.
 */
import type { Lexer, PpToken } from '../lexer.ts';
import { spelling } from '../lexer.ts';
import type { Preprocessor } from './preprocessor.ts';

const HEADER_OPERATORS = new Set(['__has_include', '__has_include_next', '__has_embed']);

/** Its tokens, unexpanded. The operand of `__has_include` is one token, as it would be behind `#include`. */
export function readLine(lexer: Lexer): PpToken[] {
  const out: PpToken[] = [];
  for (let token = lexer.next(); token.kind !== 'eof'; token = lexer.next()) {
    out.push(token);
    if (token.text === '(' && token.kind === 'punct' && HEADER_OPERATORS.has(out.at(-2)?.text ?? '')) {
      const name = lexer.headerName();
      if (name !== undefined) out.push(name);
    }
  }
  lexer.inDirective = false;
  return out;
}

export function endLine(lexer: Lexer): void {
  while (lexer.next().kind !== 'eof');
  lexer.inDirective = false;
}

/** Warns if there is anything left, and leaves it. */
export function expectEnd(pp: Preprocessor, lexer: Lexer, directive: PpToken): void {
  const token = lexer.next();
  if (token.kind === 'eof') {
    lexer.inDirective = false;
    return;
  }
  pp.warn('extra-tokens', token.loc, `extra text behind '#${directive.text}'`);
  endLine(lexer);
}

/** The line's text with single spaces, for messages and pragmas. */
export function textOf(tokens: readonly PpToken[]): string {
  let out = '';
  for (let i = 0; i < tokens.length; i++) {
    if (i > 0 && tokens[i]!.spaceBefore) out += ' ';
    out += spelling(tokens[i]!);
  }
  return out;
}
