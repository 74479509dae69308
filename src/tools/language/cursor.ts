/**
 * The little languages of `trace`, `argdist`, `funccount` and `stackcount`: a text, a place in it, and errors that
 * point at the place.
 *
 *   p:c:malloc(size_t size) (size > 4096) "%d bytes", size
 *   └─ probe.ts ──────────┘ └─ C, kept as it stands: expression.ts ─┘
 *
 * What a probe says of functions and events is parsed here; what it says of values is C, and C is left to the
 * compiler: an expression is cut out at its balanced end and keeps its column, so that a mistake inside it is reported
 * at the user's own words, too.
 */
import { UsageError } from '../../kernel/errors.ts';
import { safe } from '../../render/safe.ts';

/** Words that the user wrote, and where they begin in the whole text. */
export interface Words {
  readonly text: string;
  readonly start: number;
}

/** A mistake in a probe or pattern: the text, a caret, and what was expected. */
export class SpecError extends UsageError {
  override name = 'SpecError';
  readonly text: string;
  /** Offset of the mistake in `text`, in UTF-16 units; its length at the end of the text. */
  readonly offset: number;

  constructor(text: string, offset: number, message: string, suggestions: readonly string[] = []) {
    super(`${message}\n  ${safe(text)}\n  ${' '.repeat(safe(text.slice(0, offset)).length)}^`, suggestions);
    this.text = text;
    this.offset = offset;
  }
}

const PAIRS: Readonly<Record<string, string>> = { '(': ')', '[': ']', '{': '}' };

export class Cursor {
  readonly text: string;
  at: number;

  constructor(text: string, at = 0) {
    this.text = text;
    this.at = at;
  }

  get done(): boolean {
    return this.at >= this.text.length;
  }

  /** The next character; '' at the end. */
  get next(): string {
    return this.text.charAt(this.at);
  }

  error(message: string, offset = this.at, suggestions: readonly string[] = []): SpecError {
    return new SpecError(this.text, offset, message, suggestions);
  }

  expected(what: string): SpecError {
    return this.error(`expected ${what}${this.done ? ' before the end' : ` instead of '${safe(this.next)}'`}`);
  }

  skipSpace(): void {
    while (/\s/.test(this.next)) this.at++;
  }

  take(character: string): boolean {
    if (this.next !== character) return false;
    this.at++;
    return true;
  }

  /** As long as `allowed` matches a character. */
  run(allowed: RegExp): Words {
    const start = this.at;
    while (!this.done && allowed.test(this.next)) this.at++;
    return { text: this.text.slice(start, this.at), start };
  }

  /**
   * C text up to a character of `ends` that stands outside brackets, strings and character constants; the end stays.
   * A ':' that belongs to a '?' is no end. Throws when a bracket or string is not closed.
   */
  balanced(ends: string): Words {
    const start = this.at;
    const open: { readonly close: string; readonly at: number }[] = [];
    let questions = 0;
    while (!this.done) {
      const c = this.next;
      if (open.length === 0) {
        if (c === ':' && questions > 0) questions--;
        else if (ends.includes(c)) break;
        else if (c === '?') questions++;
      }
      if (c === '"' || c === "'") {
        this.quoted(c);
        continue;
      }
      const close = PAIRS[c];
      if (close !== undefined) open.push({ close, at: this.at });
      else if (c === ')' || c === ']' || c === '}') {
        if (open.pop()?.close !== c) throw this.error(`this '${c}' closes nothing`);
      }
      this.at++;
    }
    const unclosed = open.pop();
    if (unclosed) throw this.error(`this '${this.text.charAt(unclosed.at)}' is never closed`, unclosed.at);
    return trimmed({ text: this.text.slice(start, this.at), start });
  }

  /** A C expression up to one of `ends`, as `balanced`. Throws where it stops in the middle: C would point behind it. */
  expression(ends: string): Words {
    const words = this.balanced(ends);
    const { text, start } = words;
    // A bracket that is never closed comes first.
    if (text === '' || (this.done && ends === ')')) return words;
    const [cut] = /\*\/$|\+\+$|--$/.test(text) ? [] : (CUT.exec(text) ?? []);
    if (cut !== undefined) throw this.expected(`${cut === '->' || cut === '.' ? 'the name of a member' : 'an expression'} behind '${cut}'`);
    const open = withoutElse(text);
    if (open !== undefined) throw this.error("this '?' has no ':'", start + open);
    return words;
  }

  /** A string or character constant with its quotes. */
  quoted(quote: string): Words {
    const start = this.at++;
    while (!this.done && this.next !== quote) this.at += this.next === '\\' ? 2 : 1;
    if (!this.take(quote)) throw this.error(`this ${quote} is never closed`, start);
    return { text: this.text.slice(start, this.at), start };
  }
}

/** What an expression cannot end with. */
const CUT = /(?:->|&&|\|\||<<|>>|[-+*/%&|^<>=!]=|[-+*/%&|^~!<>=.?,:]|\bsizeof)$/;

/** Where in an expression the '?' is that no ':' belongs to; brackets, strings and character constants are passed over. */
function withoutElse(text: string): number | undefined {
  const open: number[] = [];
  let depth = 0;
  for (const { 0: token, index } of text.matchAll(/"(?:\\.|[^"\\])*"|'(?:\\.|[^'\\])*'|[()[\]{}?:]/g)) {
    if (/[([{]/.test(token)) depth++;
    else if (/[)\]}]/.test(token)) depth--;
    else if (depth === 0 && token === '?') open.push(index);
    else if (depth === 0 && token === ':') open.pop();
  }
  return open.pop();
}

/** Without white space around. */
export function trimmed({ text, start }: Words): Words {
  const lead = text.length - text.trimStart().length;
  return { text: text.trim(), start: start + lead };
}
