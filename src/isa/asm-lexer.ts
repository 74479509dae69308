/** Assembly text to tokens. One pass over characters; statements end at a new line or a semicolon. */

export type AsmTokenKind = 'word' | 'number' | 'punct' | 'opcode' | 'separator' | 'end';

export interface AsmToken {
  readonly kind: AsmTokenKind;
  readonly text: string;
  /** Offset of its first character. */
  readonly at: number;
}

export class AssembleError extends Error {
  override name = 'AssembleError';
  readonly offset: number;
  /** From 1. */
  readonly line: number;
  /** From 1. */
  readonly column: number;
  /** The message without its position. */
  readonly reason: string;

  constructor(source: string, offset: number, reason: string) {
    const before = source.slice(0, offset);
    const lineStart = before.lastIndexOf('\n') + 1;
    let line = 1;
    for (let at = before.indexOf('\n'); at !== -1; at = before.indexOf('\n', at + 1)) line++;
    super(`${line}:${offset - lineStart + 1}: ${reason}`);
    this.offset = offset;
    this.line = line;
    this.column = offset - lineStart + 1;
    this.reason = reason;
  }
}

/** Longest first. */
const PUNCTUATION: readonly string[] = ['<<=', '>>=', '==', '!=', '<=', '>=', '<<', '>>', '+=', '-=', '*=', '/=', '%=', '&=', '|=', '^='];
const SINGLE = '=+-*/%&|^()[],:<>~#';
/** Operators that a leading `s` makes signed. */
const SIGNABLE: readonly string[] = ['>>=', '>=', '<=', '/=', '%=', '>', '<'];

export function lexAssembly(source: string): AsmToken[] {
  const tokens: AsmToken[] = [];
  let at = 0;
  const push = (kind: AsmTokenKind, end: number): void => {
    tokens.push({ kind, text: source.slice(at, end), at });
    at = end;
  };
  while (at < source.length) {
    const c = source.charCodeAt(at);
    if (c === 0x28 && startsStatement(tokens) && /^\([0-9a-f]{2}\)/.test(source.slice(at, at + 4))) push('opcode', at + 4);
    else if (c === 0x20 || c === 0x09 || c === 0x0d) at++;
    else if (c === 0x0a || c === 0x3b) push('separator', at + 1);
    else if (isDigit(c)) push(...number(source, at));
    else if (isWordStart(c)) {
      const signedOperator = c === 0x73 ? SIGNABLE.find((p) => source.startsWith(p, at + 1)) : undefined;
      if (signedOperator !== undefined) push('punct', at + 1 + signedOperator.length);
      else push('word', skipWord(source, at + 1));
    } else if (c === 0x23 && !isHelperMark(source, at)) at = lineEnd(source, at);
    else if (source.startsWith('//', at)) at = lineEnd(source, at);
    else if (source.startsWith('/*', at)) {
      const end = source.indexOf('*/', at + 2);
      if (end === -1) throw new AssembleError(source, at, 'comment without end');
      at = end + 2;
    } else if (c === 0x27) push('number', character(source, at));
    else {
      const long = PUNCTUATION.find((p) => source.startsWith(p, at));
      if (long !== undefined) push('punct', at + long.length);
      else if (SINGLE.includes(source[at] as string)) push('punct', at + 1);
      else
        throw new AssembleError(
          source,
          at,
          `unexpected character ${JSON.stringify(String.fromCodePoint(source.codePointAt(at) as number))}`,
        );
    }
  }
  tokens.push({ kind: 'end', text: '', at: source.length });
  return tokens;
}

/** Only there is `(b7)` the opcode of a dump. */
function startsStatement(tokens: readonly AsmToken[]): boolean {
  const last = tokens.at(-1);
  return last === undefined || last.kind === 'separator' || last.text === ':';
}

/** The value of a number token. */
export function numberValue(text: string): bigint {
  if (text.startsWith("'"))
    return BigInt(text === "'\\n'" ? 10 : text === "'\\t'" ? 9 : text === "'\\0'" ? 0 : text.charCodeAt(text[1] === '\\' ? 2 : 1));
  if (text.length > 1 && text.startsWith('0') && isDigit(text.charCodeAt(1))) return BigInt(`0o${text}`);
  return BigInt(text);
}

function isDigit(c: number): boolean {
  return c >= 0x30 && c <= 0x39;
}

function isWordStart(c: number): boolean {
  return (c >= 0x61 && c <= 0x7a) || (c >= 0x41 && c <= 0x5a) || c === 0x5f || c === 0x2e || c === 0x24 || c === 0x40;
}

function skipWord(source: string, at: number): number {
  while (at < source.length && (isWordStart(source.charCodeAt(at)) || isDigit(source.charCodeAt(at)))) at++;
  return at;
}

/** A number, or a reference to a numeric label (`1f`, `1b`), which is a word. */
function number(source: string, at: number): [AsmTokenKind, number] {
  const end = skipWord(source, at);
  const text = source.slice(at, end);
  if (/^\d+[bf]$/.test(text)) return ['word', end];
  if (!/^(0[xX][0-9a-fA-F]+|0b[01]+|0[0-7]*|[1-9]\d*)$/.test(text)) throw new AssembleError(source, at, `malformed number '${text}'`);
  return ['number', end];
}

function character(source: string, at: number): number {
  const end = at + (source[at + 1] === '\\' ? 4 : 3);
  if (source[end - 1] !== "'") throw new AssembleError(source, at, 'malformed character constant');
  return end;
}

/** `#` begins a comment, except between a name and its number, as in `call bpf_map_lookup_elem#1`. */
function isHelperMark(source: string, at: number): boolean {
  const before = source.charCodeAt(at - 1);
  const after = source.charCodeAt(at + 1);
  return at > 0 && (isWordStart(before) || isDigit(before)) && (isDigit(after) || after === 0x2d);
}

function lineEnd(source: string, at: number): number {
  const end = source.indexOf('\n', at);
  return end === -1 ? source.length : end;
}
