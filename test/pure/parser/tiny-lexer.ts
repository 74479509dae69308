/** Just enough of a lexer for the parser's own tests: C tokens, comments, `#pragma` lines; positions are offsets + 1. */
import type { Token, TokenKind, TokenSource } from '../../../src/compiler/c/token.ts';

const PATTERN = new RegExp(
  [
    '(?<space>(?:[ \\t\\r\\n]|//[^\\n]*|/\\*[^]*?\\*/)+)',
    '(?<pragma>#[ \\t]*pragma[^\\n]*)',
    '(?<ident>[A-Za-z_$][\\w$]*)',
    '(?<number>\\.?[0-9](?:[eEpP][+-]|[\\w.])*)',
    '(?<string>"(?:[^"\\\\\\n]|\\\\.)*")',
    "(?<char>'(?:[^'\\\\\\n]|\\\\.)*')",
    '(?<punct>\\.\\.\\.|<<=|>>=|->|\\+\\+|--|<<|>>|<=|>=|==|!=|&&|\\|\\||[-+*/%&|^]=|[\\]\\[(){};,:?.~!=*/%+\\-<>&^|])',
    '(?<other>.)',
  ].join('|'),
  'gy',
);

export function tinyLexer(text: string): TokenSource {
  const tokens: Token[] = [];
  let spaceBefore = false;
  let lineStart = true;
  PATTERN.lastIndex = 0;
  for (let match = PATTERN.exec(text); match !== null; match = PATTERN.exec(text)) {
    const [kind, found] = Object.entries(match.groups ?? {}).find(([, value]) => value !== undefined) ?? ['other', ''];
    if (kind === 'space') {
      spaceBefore = true;
      if (found?.includes('\n')) lineStart = true;
      continue;
    }
    const body = kind === 'pragma' ? (found ?? '').replace(/^#\s*pragma\s*/, '') : (found ?? '');
    tokens.push({ kind: kind as TokenKind, text: body, loc: match.index + 1, spaceBefore, lineStart });
    spaceBefore = false;
    lineStart = false;
  }
  const eof: Token = { kind: 'eof', text: '', loc: text.length + 1, spaceBefore: true, lineStart: true };
  let at = 0;
  return { next: () => tokens[at++] ?? eof };
}
