import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Lexer } from '../../../src/compiler/c/lexer.ts';
import { SourceManager } from '../../../src/compiler/c/source.ts';
import { splice } from '../../../src/compiler/c/splice.ts';
import { Diagnostics } from '../../../src/compiler/diagnostics.ts';
import { preprocess } from './support.ts';

function lex(text: string, trigraphs = false): { kinds: string[]; words: string[]; codes: string[] } {
  const diagnostics = new Diagnostics();
  const file = new SourceManager().addFile('t', text);
  const lexer = new Lexer(file!, splice(text, trigraphs), diagnostics);
  const kinds: string[] = [];
  const words: string[] = [];
  for (let token = lexer.next(); token.kind !== 'eof'; token = lexer.next()) {
    kinds.push(token.kind);
    words.push(token.text);
  }
  return { kinds, words, codes: diagnostics.list.map((d) => d.code) };
}

test('kinds', () => {
  const { kinds, words } = lex('id 1.5e+3 "s" \'c\' <<= @ L"w" u8"x"');
  assert.deepEqual(kinds, ['ident', 'number', 'string', 'char', 'punct', 'other', 'string', 'string']);
  assert.deepEqual(words, ['id', '1.5e+3', '"s"', "'c'", '<<=', '@', 'L"w"', 'u8"x"']);
});

test('the longest punctuator wins, as in C', () => {
  assert.deepEqual(lex('a+++++b').words, ['a', '++', '++', '+', 'b']);
  assert.deepEqual(lex('x<<=<<y...').words, ['x', '<<=', '<<', 'y', '...']);
  assert.deepEqual(lex('.. ... ....').words, ['.', '.', '...', '...', '.']);
  assert.deepEqual(lex('%:%: %:% <::> <%%>').words, ['##', '#', '%', '[', ']', '{', '}']);
});

test('every ASCII character that C does not use is an other token, none is lost', () => {
  for (let c = 33; c < 127; c++) {
    const char = String.fromCharCode(c);
    if (char === '"' || char === "'") continue;
    assert.deepEqual(lex(char).words, [char]);
  }
  assert.deepEqual(lex('@ ` \\').kinds, ['other', 'other', 'other']);
});

test('unterminated literals end with their line', () => {
  assert.deepEqual(lex('"abc\nx "a\\" \n\'').words, ['"abc', 'x', '"a\\" ', "'"]);
  assert.deepEqual(lex('"abc\nx').kinds, ['other', 'ident']);
  assert.deepEqual(lex('"ab\\"').kinds, ['other']);
  assert.deepEqual(lex('"ab\\\\"').kinds, ['string']);
});

test('identifiers beyond ASCII; universal character names are the characters', () => {
  assert.deepEqual(lex('\u00e9t\u00e9 \\u00e9 x\\U0001F600y \ud83d\ude00').words, ['été', 'é', 'x😀y', '😀']);
  assert.deepEqual(lex('a\u00d7b').kinds, ['ident', 'other', 'ident']);
  assert.deepEqual(lex('\u0301a').kinds, ['other', 'ident'], 'a combining mark cannot begin a name');
  assert.deepEqual(lex('\\u12 \\uzzzz').words, ['\\', 'u12', '\\', 'uzzzz']);
});

test('white space of other scripts is white space; a byte order mark is nothing', () => {
  assert.deepEqual(lex('\ufeffint\u00a0x\u3000;').words, ['int', 'x', ';']);
});

test('trigraphs only if asked', () => {
  const text = '??=define A ??(1??)\n"??/n" ??/\nx';
  assert.deepEqual(lex(text).words.slice(0, 3), ['?', '?', '=']);
  assert.deepEqual(lex(text, true).words, ['#', 'define', 'A', '[', '1', ']', '"\\n"', 'x']);
});

test('a comment without end is reported once', () => {
  assert.deepEqual(lex('a /* b').codes, ['unterminated-comment']);
  assert.deepEqual(lex('a /*/ b').words, ['a']);
});

test('flags: white space before, first on the line', () => {
  const { tokens } = preprocess('a b/**/c\n d\ne');
  assert.deepEqual(
    tokens.map((t) => [t.text, t.spaceBefore, t.lineStart]),
    [
      ['a', false, true],
      ['b', true, false],
      ['c', true, false],
      ['d', true, true],
      ['e', true, true],
    ],
  );
});

test('a literal that is no literal is an error where it is used, not where it is skipped or defined', () => {
  assert.deepEqual(preprocess("#if 0\ndon't \"\n#endif\n#define X don't\n").codes, []);
  assert.deepEqual(preprocess('char *s = "abc;\n').codes, ['unterminated-literal']);
  assert.deepEqual(preprocess("int c = 'a;\n").codes, ['unterminated-literal']);
});
