import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Token } from '../../../src/compiler/c/token.ts';
import type { Diagnostic } from '../../../src/compiler/diagnostics.ts';
import { diagnosticToJson, renderDiagnostic, renderDiagnostics, terminalSafe } from '../../../src/compiler/render-diagnostic.ts';
import { preprocess } from './support.ts';

/** An error about the token `word` of `text`. */
function about(
  text: string,
  word: string,
  options: Parameters<typeof preprocess>[1] = {},
  extra: (tokens: readonly Token[]) => Partial<Diagnostic> = () => ({}),
) {
  const { tokens, pp } = preprocess(text, options);
  const token = tokens.findLast((t) => t.text === word);
  assert.ok(token);
  const d: Diagnostic = {
    severity: 'error',
    code: 'some-code',
    message: `about '${word}'`,
    loc: token.loc,
    ...extra(tokens),
  };
  return { d, source: pp.source };
}
const shown = (...args: Parameters<typeof about>): string => {
  const { d, source } = about(...args);
  return renderDiagnostic(d, source);
};

test('place, message, code, source line, caret under the word', () => {
  assert.equal(
    shown('int a;\nint  bad = 1;\n', 'bad'),
    "test.c:2:6: error: about 'bad' [some-code]\n    2 | int  bad = 1;\n      |      ^~~\n",
  );
});

test('tabs become spaces, the caret stays under its word', () => {
  const [, line, caret] = shown('\tint\t\tbad;\n', 'bad').split('\n');
  assert.equal(line, '    1 |         int             bad;');
  assert.equal(caret!.indexOf('^'), line!.indexOf('bad'));
});

test('wide, combining and astral characters', () => {
  // What a terminal shows before the caret must be as wide as the spaces before '^'.
  const width = (s: string): number => [...s].reduce((n, c) => n + (/\p{Mn}/u.test(c) ? 0 : /[\u6f22\u5b57\u{1f600}]/u.test(c) ? 2 : 1), 0);
  for (const before of ['"漢字"', '"é"', '"e\u0301"', '"\u{1f600}"']) {
    const [, line, caret] = shown(`${before} bad`, 'bad').split('\n');
    assert.equal(caret!.indexOf('^'), width(line!.slice(0, line!.indexOf('bad'))), before);
  }
});

test('an end draws the underline to it', () => {
  const { d, source } = about('x = a + b * c;\n', 'a', {}, (tokens) => ({
    end: tokens.find((t) => t.text === ';')!.loc,
  }));
  assert.equal(renderDiagnostic(d, source).split('\n')[2], '      |     ^~~~~~~~~');
});

test('notes with their own places, and without', () => {
  const { d, source } = about('int old;\nint bad;\n', 'bad', {}, (tokens) => ({
    notes: [
      { message: 'declared here', loc: tokens.find((t) => t.text === 'old')!.loc },
      { message: 'no place', loc: 0 },
    ],
  }));
  assert.equal(
    renderDiagnostic(d, source).split('\n').slice(3).join('\n'),
    'test.c:1:5: note: declared here\n    1 | int old;\n      |     ^~~\nskep: note: no place\n',
  );
});

test('expansions, outermost first', () => {
  const text = '#define IN(x) bad + x\n#define OUT(x) IN(x)\nint v = OUT(1);\n';
  assert.equal(
    shown(text, 'bad'),
    "test.c:3:9: error: about 'bad' [some-code]\n    3 | int v = OUT(1);\n      |         ^~~\n" +
      "test.c:2:16: note: in the expansion of macro 'OUT'\n    2 | #define OUT(x) IN(x)\n      |                ^~\n" +
      "test.c:1:15: note: in the expansion of macro 'IN'\n    1 | #define IN(x) bad + x\n      |               ^~~\n",
  );
});

test('a long chain of expansions is cut in the middle', () => {
  let text = '#define m0 bad\n';
  for (let i = 1; i <= 50; i++) text += `#define m${i} m${i - 1}\n`;
  const lines = shown(`${text}m50\n`, 'bad')
    .split('\n')
    .filter((l) => l.includes('note:'));
  assert.equal(lines.length, 7);
  assert.match(lines[0]!, /'m50'/);
  assert.match(lines[3]!, /45 more macros/);
  assert.match(lines[6]!, /'m0'/);
});

test('includes', () => {
  const headers: Record<string, string> = { a: '#include "b"\n', b: 'bad\n' };
  assert.match(
    shown('\n#include "a"\n', 'bad', { resolve: ({ path }) => ({ name: `${path}.h`, text: headers[path]! }) }),
    /^In file included from a\.h:1:\n {17}from test\.c:2:\nb\.h:1:1: error:/,
  );
});

test('nothing of the user reaches the terminal raw', () => {
  const { d, source } = about('"\x1b[31m\u202e" bad\n', 'bad', { name: 'x\x1b]0;y\x07.c' }, () => ({
    message: "about '\x1b[2J\u2066'",
  }));
  const text = renderDiagnostic(d, source);
  assert.doesNotMatch(text, /[\x00-\x09\x0b-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069]/);
  assert.match(text, /<\\x1b>\[31m<\\u\{202e\}>/);
  const [, line, caret] = text.split('\n');
  assert.equal(caret!.indexOf('^'), line!.indexOf('bad'));
  assert.equal(terminalSafe('a\tb\nc\u{e0041}'), 'a\\tb\\nc\\u{e0041}');
});

test('long lines are shown around the caret', () => {
  const { d, source } = about(`${'x + '.repeat(300)}bad${' + y'.repeat(300)}\n`, 'bad');
  const [, line, caret] = renderDiagnostic(d, source, { width: 80 }).split('\n');
  assert.ok(line!.length <= 80);
  assert.equal(caret!.indexOf('^'), line!.indexOf('bad'));
  const far = about(`${' '.repeat(100_000)}bad\n`, 'bad');
  assert.match(renderDiagnostic(far.d, far.source), /^test\.c:1:100001: error/);
});

test('colour is optional and changes nothing else', () => {
  const { d, source } = about('int bad;\n', 'bad');
  const colored = renderDiagnostic(d, source, { color: true });
  assert.match(colored, /\x1b\[1;31merror:\x1b\[0m/);
  assert.equal(colored.replace(/\x1b\[[0-9;]*m/g, ''), renderDiagnostic(d, source));
});

test('a summary behind them all', () => {
  const { pp, diagnostics } = preprocess('#error a\n#error b\n#warning c\n');
  assert.match(renderDiagnostics(diagnostics, pp.source), /\n2 errors and 1 warning\.\n$/);
  assert.equal(renderDiagnostics([], pp.source), '');
});

test('as JSON', () => {
  const text = '#define M bad\nM;\n';
  const { d, source } = about(text, 'bad', {}, () => ({ notes: [{ message: 'n', loc: 0 }] }));
  assert.deepEqual(diagnosticToJson(d, source), {
    severity: 'error',
    code: 'some-code',
    message: "about 'bad'",
    position: { file: 'test.c', line: 2, column: 1 },
    expansions: [{ macro: 'M', file: 'test.c', line: 1, column: 11 }],
    includedFrom: [],
    notes: [{ message: 'n', position: null }],
  });
});
