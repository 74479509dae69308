/**
 * Translation phases 1 and 2 on a whole file: backslash-newline disappears and, when asked for, trigraphs are
 * replaced. The lexer then never meets either, and maps its positions back with `at` and `shift`.
 */

export interface Spliced {
  /** What the lexer reads. */
  readonly text: string;
  /** Ascending positions in `text`; from `at[i]` on, the original position is `shift[i]` further. */
  readonly at: readonly number[];
  readonly shift: readonly number[];
}

const TRIGRAPHS: ReadonlyMap<string, string> = new Map([
  ['=', '#'],
  ['/', '\\'],
  ["'", '^'],
  ['(', '['],
  [')', ']'],
  ['!', '|'],
  ['<', '{'],
  ['>', '}'],
  ['-', '~'],
]);

const NONE: readonly number[] = [];

/** Length of the line end that follows the backslash at `pos`, white space before it included; 0 if there is none. */
function lineEndAfter(text: string, pos: number): number {
  let at = pos + 1;
  for (;;) {
    const c = text.charCodeAt(at);
    if (c === 10) return at - pos;
    if (c !== 32 && c !== 9 && c !== 13 && c !== 11 && c !== 12) return 0;
    at++;
  }
}

export function splice(text: string, trigraphs: boolean): Spliced {
  let slash = text.indexOf('\\');
  let query = trigraphs ? text.indexOf('??') : -1;
  if (slash < 0 && query < 0) return { text, at: NONE, shift: NONE };
  const at: number[] = [];
  const shift: number[] = [];
  const parts: string[] = [];
  let length = 0;
  let copied = 0;
  let removed = 0;
  const cut = (from: number, to: number, instead: string): void => {
    parts.push(text.slice(copied, from), instead);
    length += from - copied + instead.length;
    removed += to - from - instead.length;
    copied = to;
    at.push(length);
    shift.push(removed);
  };
  while (slash >= 0 || query >= 0) {
    if (query < 0 || (slash >= 0 && slash < query)) {
      const skip = lineEndAfter(text, slash);
      if (skip > 0) cut(slash, slash + 1 + skip, '');
      slash = text.indexOf('\\', slash + 1);
      continue;
    }
    const instead = TRIGRAPHS.get(text.charAt(query + 2));
    if (instead === undefined) {
      query = text.indexOf('??', query + 1);
      continue;
    }
    const skip = instead === '\\' ? lineEndAfter(text, query + 2) : 0;
    cut(query, query + 3 + skip, skip > 0 ? '' : instead);
    query = text.indexOf('??', query + 3);
  }
  if (copied === 0) return { text, at: NONE, shift: NONE };
  parts.push(text.slice(copied));
  return { text: parts.join(''), at, shift };
}
