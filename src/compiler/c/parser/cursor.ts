/**
 * The cursor over the token stream: look-ahead, expectations with their messages, and recovery.
 *
 * A syntax error is reported where it is found and then unwinds (`Unwind`) to the nearest statement, field or
 * declaration, which skips to a place where parsing can go on. Whatever nests (scopes, depth, loops) is restored
 * from a mark taken there, so nothing in between needs a `finally`.
 */
import type { Diagnostic, Diagnostics, Loc } from '../../diagnostics.ts';
import type { Token, TokenSource } from '../token.ts';
import type { Code } from './token-codes.ts';
import { codeOf, describe, STARTS_SPECIFIER, STARTS_STATEMENT, T } from './token-codes.ts';

/** Leaves a construct whose error has been reported. */
export class Unwind extends Error {
  override name = 'Unwind';
}
/** Leaves the parser: what follows cannot be made sense of. Reported before it is thrown. */
export class Stop extends Error {
  override name = 'Stop';
}
const UNWIND = new Unwind();

/** Handles from here on are tokens out of macros and cannot be counted forward (see `source.ts`). */
const MACRO_LOCS = 0x4000_0000;

/** Brackets of all kinds, one inside the other: as many as clang takes. */
const MAX_BRACKETS = 256;
/** A bracket costs several stack frames, other recursion (unary operators, `?:`, `else if`) one or two. */
export const BRACKET = 4;
const MAX_DEPTH = MAX_BRACKETS * BRACKET;

export class Cursor {
  readonly diagnostics: Diagnostics;
  /** The current token and its code. */
  tok: Token;
  code: Code;
  /** The one before it; before the first, the first. */
  prev: Token;
  depth = 0;
  private readonly source: TokenSource;
  private readonly ahead: Token[] = [];
  /** Pragmas that stand between `prev` and `tok`, and (`aheadPragmas`) before tokens that were only peeked at. */
  private pragmas: Token[] = [];
  private readonly aheadPragmas: Token[][] = [];
  private lastError: Token | undefined;

  constructor(source: TokenSource, diagnostics: Diagnostics) {
    this.source = source;
    this.diagnostics = diagnostics;
    this.tok = this.fetch(this.pragmas);
    this.code = codeOf(this.tok);
    this.prev = this.tok;
  }

  private fetch(pragmas: Token[]): Token {
    let token = this.source.next();
    while (token.kind === 'pragma') {
      pragmas.push(token);
      token = this.source.next();
    }
    return token;
  }

  /** Consumes the current token and returns it. */
  advance(): Token {
    const token = this.tok;
    this.prev = token;
    const next = this.ahead.shift();
    if (next === undefined) {
      this.tok = this.fetch(this.pragmas);
    } else {
      this.tok = next;
      const pragmas = this.aheadPragmas.shift();
      if (pragmas !== undefined && pragmas.length > 0) this.pragmas.push(...pragmas);
    }
    this.code = codeOf(this.tok);
    return token;
  }

  /** The n-th token after the current one (1 is the next). */
  peek(n = 1): Token {
    while (this.ahead.length < n) {
      const pragmas: Token[] = [];
      this.ahead.push(this.fetch(pragmas));
      this.aheadPragmas.push(pragmas);
    }
    return this.ahead[n - 1] as Token;
  }

  peekCode(n = 1): Code {
    return codeOf(this.peek(n));
  }

  /** Pragmas before the current token that nobody has taken yet. */
  takePragmas(): readonly Token[] {
    if (this.pragmas.length === 0) return this.pragmas;
    const taken = this.pragmas;
    this.pragmas = [];
    return taken;
  }

  accept(code: Code): boolean {
    if (this.code !== code) return false;
    this.advance();
    return true;
  }

  /* ---------- expectations ---------- */

  error(code: string, loc: Loc, message: string, notes?: Diagnostic['notes']): void {
    this.diagnostics.error(code, loc, message, notes);
  }

  warn(code: string, loc: Loc, message: string): void {
    this.diagnostics.warn(code, loc, message);
  }

  /** Reports at the current token and unwinds; a second error at the same token is only a consequence. */
  fail(code: string, message: string, notes?: Diagnostic['notes'], loc = this.tok.loc): never {
    if (this.lastError !== this.tok) this.error(code, loc, message, notes);
    this.lastError = this.tok;
    throw UNWIND;
  }

  /** Unwinds after an error that has been reported. */
  unwind(): never {
    this.lastError = this.tok;
    throw UNWIND;
  }

  found(): string {
    return `found ${describe(this.tok)}`;
  }

  /** Where something is missing after the previous token: right behind it, not at the next line's first token. */
  get afterPrev(): Loc {
    const { prev, tok } = this;
    if ((!tok.lineStart && tok.kind !== 'eof') || prev === tok) return tok.loc;
    // 0 is a text without positions.
    if (prev.loc >= MACRO_LOCS) return this.source.behind?.(prev.loc) ?? prev.loc;
    return prev.loc > 0 ? prev.loc + prev.text.length : prev.loc;
  }

  /** `;` after something. A missing one is reported and parsing goes on as if it stood there, where that is likely. */
  expectSemicolon(after: string): void {
    if (this.accept(T.SEMI)) return;
    // What a macro begins with is no word of the user's.
    const found = this.tok.lineStart && this.tok.loc >= MACRO_LOCS ? '' : `; ${this.found()}`;
    const message = `expected ';' after ${after}${found}`;
    const obvious =
      this.tok.lineStart ||
      this.code === T.RBRACE ||
      this.code === T.EOF ||
      STARTS_STATEMENT[this.code] === 1 ||
      STARTS_SPECIFIER[this.code] === 1;
    if (!obvious) this.fail('expected-semicolon', message, undefined, this.afterPrev);
    if (this.lastError !== this.tok) this.error('expected-semicolon', this.afterPrev, message);
    this.lastError = this.tok;
  }

  expect(code: Code, what: string, context: string): Token {
    if (this.code !== code) this.fail('expected-token', `expected ${what} ${context}; ${this.found()}`, undefined, this.afterPrev);
    return this.advance();
  }

  /** The closing bracket of `open`. */
  expectClose(code: Code, what: string, open: Token): Token {
    if (this.code !== code) {
      const notes = [{ message: `to match this '${open.text}'`, loc: open.loc }];
      this.fail('unclosed-bracket', `expected ${what}; ${this.found()}`, notes, this.afterPrev);
    }
    return this.advance();
  }

  expectIdentifier(context: string): Token {
    if (this.code !== T.IDENT) {
      const keyword = this.tok.kind === 'ident' ? ', which is a keyword' : '';
      this.fail('expected-identifier', `expected an identifier ${context}; ${this.found()}${keyword}`);
    }
    return this.advance();
  }

  /* ---------- depth ---------- */

  enter(cost: number, loc = this.tok.loc): void {
    this.depth += cost;
    if (this.depth > MAX_DEPTH) {
      this.error(
        'nesting-too-deep',
        loc,
        `nested too deeply: the limit is ${MAX_BRACKETS} brackets, or ${MAX_DEPTH} operators or statements, one inside the other`,
      );
      throw new Stop();
    }
  }

  leave(cost: number): void {
    this.depth -= cost;
  }

  /* ---------- recovery ---------- */

  /**
   * Skips to the end of what was not understood: behind its `;`, behind a braced block, in front of the `}` of the
   * enclosing block, or in front of a line that starts with a keyword of a statement or declaration.
   */
  skipStatement(before: Token): void {
    const start = this.tok;
    let brackets = 0;
    for (; this.code !== T.EOF; this.advance()) {
      if (
        brackets === 0 &&
        this.tok !== start &&
        this.tok.lineStart &&
        (STARTS_STATEMENT[this.code] === 1 || STARTS_SPECIFIER[this.code] === 1)
      )
        break;
      if (this.code === T.LPAREN || this.code === T.LBRACKET) brackets++;
      else if ((this.code === T.RPAREN || this.code === T.RBRACKET) && brackets > 0) brackets--;
      else if (this.code === T.LBRACE) {
        this.skipBraces();
        if (brackets > 0) continue;
        if (this.peekCode() === T.RPAREN || this.peekCode() === T.COMMA) continue;
        this.accept(T.RBRACE);
        this.accept(T.SEMI);
        break;
      } else if (this.code === T.RBRACE) break;
      else if (this.code === T.SEMI && (brackets === 0 || this.peek().lineStart)) {
        this.advance();
        break;
      }
    }
    // Something must be consumed, or the same error would be found for ever.
    if (this.tok === before && this.code !== T.EOF && this.code !== T.RBRACE) this.advance();
  }

  /** From `{` to its `}`; leaves the cursor on the `}` or at the end. */
  skipBraces(): void {
    let open = 0;
    for (; this.code !== T.EOF; this.advance()) {
      if (this.code === T.LBRACE) open++;
      else if (this.code === T.RBRACE && --open === 0) return;
    }
  }

  /** From `(` to behind its `)`. */
  skipParens(): void {
    const open = this.tok;
    let depth = 0;
    do {
      if (this.code === T.LPAREN) depth++;
      else if (this.code === T.RPAREN) depth--;
      else if (this.code === T.EOF) this.expectClose(T.RPAREN, "')'", open);
      this.advance();
    } while (depth > 0);
  }
}
