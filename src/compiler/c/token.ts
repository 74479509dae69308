/**
 * Tokens: what the preprocessor hands to the parser.
 *
 * Phases 1 to 4 and 6 of translation (splicing, comments, directives, macro expansion, joining adjacent strings is
 * left to the parser) are done. Keywords are identifiers until the parser looks at them, because macros may be
 * named like keywords.
 */
import type { Loc } from '../diagnostics.ts';

export type TokenKind =
  /** Identifier or keyword: `text` is its spelling. */
  | 'ident'
  /** Preprocessing number, not yet interpreted: `text` is its spelling. */
  | 'number'
  /** Character constant with quotes and prefix in `text`. */
  | 'char'
  /** String literal with quotes and prefix in `text`. */
  | 'string'
  /** Punctuator: `text` is canonical (digraphs are mapped). */
  | 'punct'
  /** `#pragma` or `_Pragma` that the parser may want: `text` is all after `pragma`. */
  | 'pragma'
  /** A character that is no token in C: kept for `#` and error messages. */
  | 'other'
  | 'eof';

export interface Token {
  readonly kind: TokenKind;
  readonly text: string;
  readonly loc: Loc;
  /** White space (or a comment, or a line end) came before it. */
  readonly spaceBefore: boolean;
  /** First on its (logical) line. */
  readonly lineStart: boolean;
}

/** A stream with look-ahead: what the parser reads. */
export interface TokenSource {
  /** The next token, consumed. After the end, `eof` for ever. */
  next(): Token;
  /** For a token that a macro made: the place right behind the user's text that it came out of. */
  behind?(loc: Loc): Loc;
}
