/**
 * The operators `#` and `##` on tokens.
 */
import { WORD } from '../characters.ts';
import { Lexer, PpToken, spelling } from '../lexer.ts';
import type { SourceFile } from '../source.ts';

/** The empty operand of `##`: disappears after pasting, leaving its white space to the next token. */
export function placemarker(space: boolean): PpToken {
  return new PpToken('other', '', 0, space, false);
}

export function isPlacemarker(token: PpToken): boolean {
  return token.text === '' && token.kind === 'other';
}

const SCRATCH: SourceFile = {
  id: -1,
  name: '<scratch>',
  text: '',
  base: 0,
  includedFrom: 0,
  system: true,
  lineMarks: undefined,
  starts: undefined,
};

/** All tokens of a text that belongs to no file; their positions mean nothing. */
export function lexText(text: string): PpToken[] {
  const lexer = new Lexer(SCRATCH, { text, at: [], shift: [] }, undefined);
  const out: PpToken[] = [];
  for (let token = lexer.next(); token.kind !== 'eof'; token = lexer.next()) out.push(token);
  return out;
}

const allWord = (text: string): boolean => {
  for (let i = 0; i < text.length; i++) {
    const c = text.charCodeAt(i);
    if (c > 127 || WORD[c] === 0) return false;
  }
  return true;
};

/** One token out of two, or undefined if their text is not one token. */
export function paste(left: PpToken, right: PpToken): PpToken | undefined {
  if (isPlacemarker(right)) return left;
  if (isPlacemarker(left)) return new PpToken(right.kind, right.text, right.loc, left.spaceBefore, left.lineStart, right.mark);
  const text = spelling(left) + spelling(right);
  if (left.kind === 'ident' && (right.kind === 'ident' || (right.kind === 'number' && allWord(right.text)))) {
    return new PpToken('ident', text, left.loc, left.spaceBefore, left.lineStart);
  }
  const lexer = new Lexer(SCRATCH, { text, at: [], shift: [] }, undefined);
  const token = lexer.next();
  if (token.kind === 'eof' || token.kind === 'other' || lexer.pos !== text.length) return undefined;
  return new PpToken(token.kind, token.text, left.loc, left.spaceBefore, left.lineStart, token.mark);
}

/** The string literal that `#` makes of an argument. `complete` is false if it is none (a lone backslash at its end). Stops soon after `limit` characters. */
export function stringify(tokens: readonly PpToken[], limit: number): { text: string; complete: boolean } {
  let out = '"';
  for (let i = 0; i < tokens.length && out.length <= limit; i++) {
    const token = tokens[i]!;
    if (i > 0 && (token.spaceBefore || token.lineStart)) out += ' ';
    if (token.kind === 'string' || token.kind === 'char') out += token.text.replace(/["\\]/g, '\\$&');
    else if (token.kind === 'other' && /["']/.test(token.text)) out += token.text.replace(/["\\]/g, '\\$&');
    else out += spelling(token);
  }
  let slashes = 0;
  while (out.charCodeAt(out.length - 1 - slashes) === 92) slashes++;
  const complete = (slashes & 1) === 0;
  return { text: `${complete ? out : out.slice(0, -1)}"`, complete };
}
