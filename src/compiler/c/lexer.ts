/**
 * The lexer: cuts one file into preprocessing tokens.
 *
 * It is given a `SourceFile` whose splices are already removed (`splice.ts`), knows nothing of macros, and looks
 * only forward: at a character code, in a table, at the next. Every token is one fresh object with its place in
 * the file. In directive mode (`inDirective`) the end of the line is an `eof` token and stays unread; outside it,
 * line ends only set `lineStart` on the token that follows.
 *
 * It never fails: what is no token of C is an `other` token (a stray character, an unterminated literal up to the
 * end of its line) and whoever keeps such a token complains. Only a comment without an end is reported from here.
 */
import type { Diagnostics, Loc } from '../diagnostics.ts';
import { isIdentifierCodePoint, isUnicodeSpace, readUcn, WORD } from './characters.ts';
import { DIGRAPH_SPELLING, digraphMeaning, punctuatorAt } from './punctuators.ts';
import type { SourceFile } from './source.ts';
import type { Spliced } from './splice.ts';
import type { Token, TokenKind } from './token.ts';

/** A token as the preprocessor handles it. Shared freely: changed only by whoever just made it. */
export class PpToken implements Token {
  readonly kind: TokenKind;
  readonly text: string;
  readonly loc: Loc;
  spaceBefore: boolean;
  lineStart: boolean;
  /** Identifier: met inside its own expansion, so never expanded again. Punctuator: spelled as a digraph. */
  mark: boolean;

  constructor(kind: TokenKind, text: string, loc: Loc, spaceBefore: boolean, lineStart: boolean, mark = false) {
    this.kind = kind;
    this.text = text;
    this.loc = loc;
    this.spaceBefore = spaceBefore;
    this.lineStart = lineStart;
    this.mark = mark;
  }
}

/** The token's text as it was written: what `#` makes a string of. */
export function spelling(token: PpToken): string {
  return token.mark && token.kind === 'punct' ? DIGRAPH_SPELLING.get(token.text)! : token.text;
}

export class Lexer {
  readonly file: SourceFile;
  readonly text: string;
  readonly end: number;
  pos: number;
  /** The end of the line ends the token stream, until this is cleared. */
  inDirective = false;
  /** Nothing but white space since the line began. */
  lineStart = true;
  private readonly spliced: Spliced;
  private readonly diagnostics: Diagnostics | undefined;
  /** Position where the next splice takes effect, its index, and the shift that holds now. */
  private spliceAt = Infinity;
  private spliceIndex = 0;
  private offset: number;

  constructor(file: SourceFile, spliced: Spliced, diagnostics: Diagnostics | undefined, start = 0, end = spliced.text.length) {
    this.file = file;
    this.spliced = spliced;
    this.text = spliced.text;
    this.diagnostics = diagnostics;
    this.pos = start;
    this.end = end;
    this.offset = file.base;
    if (spliced.at.length > 0) this.spliceAt = spliced.at[0]!;
    if (start > 0) {
      let low = 0;
      let high = spliced.at.length;
      while (low < high) {
        const middle = (low + high) >>> 1;
        if (spliced.at[middle]! <= start) low = middle + 1;
        else high = middle;
      }
      this.spliceIndex = low;
      this.spliceAt = spliced.at[low] ?? Infinity;
      if (low > 0) this.offset = file.base + spliced.shift[low - 1]!;
    }
    if (start === 0 && this.text.charCodeAt(0) === 0xfeff) this.pos = 1;
  }

  /** Handle of a position that is not before the last one asked for. */
  locAt(pos: number): Loc {
    while (pos >= this.spliceAt) {
      this.offset = this.file.base + this.spliced.shift[this.spliceIndex]!;
      this.spliceAt = this.spliced.at[++this.spliceIndex] ?? Infinity;
    }
    return pos + this.offset;
  }

  next(): PpToken {
    const text = this.text;
    const end = this.end;
    let pos = this.pos;
    let space = false;
    let lineStart = this.lineStart;
    let c = 0;
    for (;;) {
      if (pos >= end) {
        this.pos = end;
        return new PpToken('eof', '', this.locAt(end), space, true);
      }
      c = text.charCodeAt(pos);
      if (c === 32 || c === 9 || c === 13) {
        pos++;
      } else if (c === 10) {
        if (this.inDirective) {
          this.pos = pos;
          return new PpToken('eof', '', this.locAt(pos), space, false);
        }
        pos++;
        lineStart = true;
      } else if (c === 47) {
        const d = text.charCodeAt(pos + 1);
        if (d === 42) pos = this.afterComment(pos);
        else if (d === 47) {
          pos = text.indexOf('\n', pos);
          if (pos < 0) pos = end;
        } else break;
      } else if (c === 11 || c === 12 || c === 0 || (c > 127 && isUnicodeSpace(c))) {
        pos++;
      } else break;
      space = true;
    }
    this.lineStart = false;

    if (c < 128) {
      const word = WORD[c]!;
      if (word === 1) {
        let at = pos + 1;
        let d = text.charCodeAt(at);
        while (d < 128 && WORD[d]! !== 0) d = text.charCodeAt(++at);
        if ((d === 34 || d === 39) && at - pos <= 2) {
          const prefix = text.slice(pos, at);
          if (prefix === 'L' || prefix === 'u' || prefix === 'U' || (prefix === 'u8' && d === 34))
            return this.literal(pos, at, d, space, lineStart);
        }
        if (d === 92 || d > 127) return this.slowIdentifier(pos, space, lineStart)!;
        this.pos = at;
        return new PpToken('ident', text.slice(pos, at), this.locAt(pos), space, lineStart);
      }
      if (word === 2) return this.number(pos, space, lineStart);
      if (c === 34 || c === 39) return this.literal(pos, pos, c, space, lineStart);
      if (c === 46) {
        const d = text.charCodeAt(pos + 1);
        if (d >= 48 && d <= 57) return this.number(pos, space, lineStart);
      }
      if (c !== 92) return this.punctuator(c, pos, space, lineStart);
    }
    const word = this.slowIdentifier(pos, space, lineStart);
    if (word !== undefined) return word;
    const size = c < 128 ? (readUcn(text, pos)?.length ?? 1) : text.codePointAt(pos)! > 0xffff ? 2 : 1;
    this.pos = pos + size;
    return new PpToken('other', text.slice(pos, pos + size), this.locAt(pos), space, lineStart);
  }

  /** A lexer of its own for a stretch of the file, within a line. */
  part(start: number, end: number): Lexer {
    const lexer = new Lexer(this.file, this.spliced, undefined, start, end);
    lexer.lineStart = false;
    return lexer;
  }

  /** Position of the next character that is neither white space nor in a comment; -1 at the end (in directive mode, of the line). */
  peek(): number {
    const text = this.text;
    let pos = this.pos;
    for (;;) {
      if (pos >= this.end) return -1;
      const c = text.charCodeAt(pos);
      if (c === 32 || c === 9 || c === 13 || c === 11 || c === 12 || c === 0) pos++;
      else if (c === 10) {
        if (this.inDirective) return -1;
        pos++;
      } else if (c === 47 && text.charCodeAt(pos + 1) === 42) {
        pos = text.indexOf('*/', pos + 2);
        if (pos < 0) return -1;
        pos += 2;
      } else if (c === 47 && text.charCodeAt(pos + 1) === 47) {
        pos = text.indexOf('\n', pos);
        if (pos < 0) return -1;
      } else return pos;
    }
  }

  /** `<…>` or `"…"` after white space, as one `string` token; undefined, and nothing read, if something else is there. */
  headerName(): PpToken | undefined {
    const at = this.peek();
    if (at < 0) return undefined;
    const c = this.text.charCodeAt(at);
    if (c !== 60 && c !== 34) return undefined;
    let lineEnd = this.text.indexOf('\n', at);
    if (lineEnd < 0) lineEnd = this.end;
    const length = this.text.slice(at + 1, lineEnd).indexOf(c === 60 ? '>' : '"');
    if (length < 0) return undefined;
    const close = at + 1 + length;
    const space = at > this.pos;
    this.pos = close + 1;
    return new PpToken('string', this.text.slice(at, close + 1), this.locAt(at), space, false);
  }

  /**
   * Runs over a group that a conditional leaves out: to behind the `#` of the next directive, now in directive mode.
   * False at the end of the file. Called at the start of a line or behind a directive's name.
   */
  skipToDirective(): boolean {
    const text = this.text;
    const end = this.end;
    let pos = this.pos;
    let first = this.lineStart;
    this.inDirective = false;
    while (pos < end) {
      const c = text.charCodeAt(pos);
      if (c === 10) {
        pos++;
        first = true;
      } else if (c === 32 || c === 9 || c === 13 || c === 11 || c === 12) {
        pos++;
      } else if (c === 47 && text.charCodeAt(pos + 1) === 42) {
        pos = this.afterComment(pos);
      } else if (first && (c === 35 || (c === 37 && text.charCodeAt(pos + 1) === 58))) {
        this.pos = pos + (c === 35 ? 1 : 2);
        this.lineStart = false;
        this.inDirective = true;
        return true;
      } else if (c === 47 && text.charCodeAt(pos + 1) === 47) {
        pos = text.indexOf('\n', pos);
        if (pos < 0) pos = end;
      } else if (c === 34 || c === 39) {
        first = false;
        pos = this.afterLiteral(pos);
      } else {
        first = false;
        pos++;
      }
    }
    this.pos = end;
    this.lineStart = true;
    return false;
  }

  private afterComment(pos: number): number {
    const close = this.text.indexOf('*/', pos + 2);
    if (close >= 0 && close + 2 <= this.end) return close + 2;
    this.diagnostics?.error('unterminated-comment', this.locAt(pos), "this comment has no '*/'");
    return this.end;
  }

  /** Behind the closing quote of the literal that opens at `pos`; at the line's end if there is none. */
  private afterLiteral(pos: number): number {
    const text = this.text;
    const quote = text.charCodeAt(pos);
    for (let at = pos + 1; at < this.end; at++) {
      const c = text.charCodeAt(at);
      if (c === quote) return at + 1;
      if (c === 92) {
        if (text.charCodeAt(at + 1) !== 10) at++;
      } else if (c === 10) return at;
    }
    return this.end;
  }

  private literal(start: number, open: number, quote: number, space: boolean, lineStart: boolean): PpToken {
    const text = this.text;
    const after = this.afterLiteral(open);
    this.pos = after;
    const closed = after - open >= 2 && text.charCodeAt(after - 1) === quote && !this.escaped(open, after - 1);
    const kind: TokenKind = !closed ? 'other' : quote === 34 ? 'string' : 'char';
    return new PpToken(kind, text.slice(start, after), this.locAt(start), space, lineStart);
  }

  /** Is the quote at `at` behind an odd number of backslashes? (Then the literal ran into the end of the file.) */
  private escaped(open: number, at: number): boolean {
    let slashes = 0;
    while (at - 1 - slashes > open && this.text.charCodeAt(at - 1 - slashes) === 92) slashes++;
    return (slashes & 1) === 1;
  }

  private number(start: number, space: boolean, lineStart: boolean): PpToken {
    const text = this.text;
    let at = start + 1;
    for (;;) {
      const c = text.charCodeAt(at);
      if (c < 128) {
        if (WORD[c]! !== 0) {
          at++;
          // e+ E- p+ P-
          if ((c | 32) === 101 || (c | 32) === 112) {
            const sign = text.charCodeAt(at);
            if (sign === 43 || sign === 45) at++;
          }
          continue;
        }
        if (c === 46) {
          at++;
          continue;
        }
        if (c !== 92) break;
        const ucn = readUcn(text, at);
        if (ucn === undefined || !isIdentifierCodePoint(ucn.codePoint, false)) break;
        at += ucn.length;
        continue;
      }
      const point = text.codePointAt(at);
      if (point === undefined || !isIdentifierCodePoint(point, false)) break;
      at += point > 0xffff ? 2 : 1;
    }
    this.pos = at;
    return new PpToken('number', text.slice(start, at), this.locAt(start), space, lineStart);
  }

  /** An identifier with characters beyond ASCII or universal character names; its text has the characters themselves. */
  private slowIdentifier(start: number, space: boolean, lineStart: boolean): PpToken | undefined {
    const text = this.text;
    let at = start;
    let word = '';
    for (;;) {
      const c = text.charCodeAt(at);
      if (c < 128 && c !== 92) {
        const kind = WORD[c]!;
        if (kind === 0 || (kind === 2 && at === start)) break;
        word += text.charAt(at);
        at++;
        continue;
      }
      const ucn = c === 92 ? readUcn(text, at) : undefined;
      const point = c === 92 ? ucn?.codePoint : text.codePointAt(at);
      if (point === undefined || point < 128 || !isIdentifierCodePoint(point, at === start)) break;
      word += String.fromCodePoint(point);
      at += ucn !== undefined ? ucn.length : point > 0xffff ? 2 : 1;
    }
    if (at === start) return undefined;
    this.pos = at;
    return new PpToken('ident', word, this.locAt(start), space, lineStart);
  }

  private punctuator(c: number, pos: number, space: boolean, lineStart: boolean): PpToken {
    const written = punctuatorAt(this.text, pos, c);
    if (written === undefined) {
      this.pos = pos + 1;
      return new PpToken('other', this.text.charAt(pos), this.locAt(pos), space, lineStart);
    }
    this.pos = pos + written.length;
    const meaning = digraphMeaning(written);
    return new PpToken('punct', meaning ?? written, this.locAt(pos), space, lineStart, meaning !== undefined);
  }
}
