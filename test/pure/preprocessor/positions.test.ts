/**
 * Where tokens stand: files, lines, columns, chains of macros and of includes.
 */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { SourceManager } from '../../../src/compiler/c/source.ts';
import { compile } from '../../../src/compiler/compile.ts';
import { plainFacts } from '../compiler/support.ts';
import { preprocess } from './support.ts';

const at = (text: string, word: string, options: Parameters<typeof preprocess>[1] = {}) => {
  const { tokens, pp } = preprocess(text, options);
  const token = tokens.findLast((t) => t.text === word);
  assert.ok(token, `no token ${word}`);
  const position = pp.source.resolve(token.loc);
  assert.ok(position);
  return position;
};

test('a plain token: line, column and its line', () => {
  const { file, line, column, lineText } = at('int a;\n\tlong  target;\r\nint b;\n', 'target');
  assert.deepEqual({ file, line, column, lineText }, { file: 'test.c', line: 2, column: 8, lineText: '\tlong  target;' });
});

test('splices do not move positions', () => {
  const text = 'int \\\n  one\\\n_more, /* x \\\n */ b;\nint \\  \n\\\n c;\n';
  assert.deepEqual([at(text, 'one_more').line, at(text, 'one_more').column], [2, 3]);
  assert.deepEqual([at(text, 'b').line, at(text, 'b').column], [4, 5]);
  assert.deepEqual([at(text, 'c').line, at(text, 'c').column], [7, 2]);
});

test('every position of every token is right, with splices everywhere', () => {
  const words = ['alpha', 'beta', '"str"', '+', '12', "'c'", '->', 'gamma'];
  let text = '';
  for (let i = 0; i < 400; i++) {
    text += words[(i * 7) % words.length];
    text += [' ', '\\\n ', '\n', '\t', ' /* \\\n */ ', ' // c \\\n d\n'][(i * 5) % 6];
  }
  const { tokens, pp } = preprocess(text);
  assert.equal(tokens.length, 400);
  const lines = text.split('\n');
  for (const token of tokens) {
    const position = pp.source.resolve(token.loc);
    assert.ok(position);
    assert.ok(
      lines[position.line - 1]!.slice(position.column - 1).startsWith(token.text),
      `${token.text} at ${position.line}:${position.column}`,
    );
  }
});

test('a token from a macro: the use, then each definition from outside in', () => {
  const text = '#define INNER(x) (bad + x)\n#define OUTER(y) INNER(y) ok\nint v = OUTER(mine);\n';
  const bad = at(text, 'bad');
  assert.deepEqual([bad.line, bad.column], [3, 9]);
  assert.deepEqual(
    bad.expansions.map((e) => [e.macro, e.line, e.column]),
    [
      ['OUTER', 2, 18],
      ['INNER', 1, 19],
    ],
  );
  const mine = at(text, 'mine');
  assert.deepEqual([mine.line, mine.column, mine.expansions.length], [3, 15, 0]);
  const ok = at(text, 'ok');
  assert.deepEqual(
    ok.expansions.map((e) => [e.macro, e.line, e.column]),
    [['OUTER', 2, 27]],
  );
});

test('an argument written inside another macro belongs to that macro', () => {
  const id = at('#define ID(x) x\n#define USE ID(inside)\n  USE;\n', 'inside');
  assert.deepEqual([id.line, id.column], [3, 3]);
  assert.deepEqual(
    id.expansions.map((e) => [e.macro, e.line, e.column]),
    [['USE', 2, 16]],
  );
});

test('pasted and stringified tokens stand where their operator is', () => {
  const text = '#define J(a, b) a##b\n#define S(a) #a\nJ(x, y) S(q)\n';
  assert.deepEqual([at(text, 'xy').line, at(text, 'xy').column], [3, 3]);
  const s = at(text, '"q"');
  assert.deepEqual([s.line, s.column, s.expansions[0]?.macro], [3, 9, 'S']);
});

test('the chain of includes', () => {
  const headers: Record<string, string> = { 'a.h': '\n#include "b.h"\n', 'b.h': '\n\n  deep\n' };
  const deep = at('#include "a.h"\n', 'deep', { resolve: ({ path }) => ({ name: path, text: headers[path]! }) });
  assert.deepEqual([deep.file, deep.line, deep.column], ['b.h', 3, 3]);
  assert.deepEqual(
    deep.includedFrom.map((p) => [p.file, p.line]),
    [
      ['a.h', 2],
      ['test.c', 1],
    ],
  );
});

test('#line renames, the source line stays', () => {
  const text = 'a\n#line 50 "other.c"\nb\nc\n#line 7\nd\n';
  const place = (word: string): unknown[] => {
    const p = at(text, word);
    return [p.file, p.line, p.lineText];
  };
  assert.deepEqual(place('a'), ['test.c', 1, 'a']);
  assert.deepEqual(place('c'), ['other.c', 51, 'c']);
  assert.deepEqual(place('d'), ['other.c', 7, 'd']);
});

test('nowhere is nowhere', () => {
  const source = new SourceManager();
  source.addFile('x', 'text');
  assert.equal(source.resolve(0), undefined);
  assert.equal(source.filePosition(0), undefined);
  assert.equal(source.lineOf(0), 0);
});

test('the end of a file without a new-line has a position', () => {
  const source = new SourceManager();
  const file = source.addFile('x', 'ab\ncd');
  assert.ok(file);
  assert.deepEqual(source.filePosition(file.base + 5), { file: 'x', line: 2, column: 3, lineText: 'cd' });
});

test('a fork keeps what was and goes its own way', () => {
  const source = new SourceManager();
  const a = source.addFile('a', 'one\ntwo');
  const row = source.macroLoc(a!.base + 4, source.addExpansion('M', a!.base), false);
  const left = source.fork();
  const right = source.fork();
  const l = left.addFile('left', 'l');
  const r = right.addFile('right', 'r');
  assert.equal(l!.base, r!.base);
  assert.equal(left.resolve(l!.base)?.file, 'left');
  assert.equal(right.resolve(r!.base)?.file, 'right');
  assert.equal(left.resolve(row)?.expansions[0]?.macro, 'M');
  assert.equal(left.spellingLoc(row), a!.base + 4);
  assert.equal(left.expansionLoc(row), a!.base);
});

test('texts of files as #line counts their lines, with and without a name', () => {
  const source = new SourceManager();
  const text = 'one\n#line 7\nseven\neight\n#line 2 "b.y"\nof b\n';
  const file = source.addFile('a.c', text);
  assert.ok(file);
  source.markLine(file.base + text.indexOf('seven'), 7, undefined);
  source.markLine(file.base + text.indexOf('of b'), 2, 'b.y');
  source.addFile('sys.h', 'int hidden;', 0, true);
  assert.deepEqual(
    [...source.userTexts()],
    [
      ['a.c', 'one\n#line 7\n\n\n\n\nseven\neight\n#line 2 "b.y"'],
      ['b.y', '\nof b\n'],
    ],
  );
  source.markLine(file.base + text.indexOf('of b'), 2_000_000_000, 'c.y');
  assert.deepEqual([...source.userTexts().keys()], ['a.c'], 'no text of two thousand million lines');
});

test('an excerpt of a refused program: the text of the line that #line names', () => {
  const { spec } = compile('int a;\n#line 1\nint\nf(void)\n{\n\treturn a;\n}\n', {
    facts: plainFacts(),
    file: 'x.c',
    roots: ['f'],
  });
  const line = spec?.functions.get('f')?.lines.at(0);
  assert.equal(spec?.sources.get('x.c')?.split('\n')[(line?.line ?? 0) - 1], '\treturn a;');
});
