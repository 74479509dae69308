import assert from 'node:assert/strict';
import { test } from 'node:test';
import { preprocessToText } from '../../../src/compiler/c/preprocessor/text.ts';
import { fresh, preprocess } from './support.ts';

test('lines stay where they are; long gaps become markers', () => {
  const text = `int a;\n#define X 1\nint b = X;\n${'\n'.repeat(20)}  int c;\n`;
  assert.equal(preprocessToText(fresh(text)), '# 1 "test.c"\nint a;\n\nint b = 1;\n# 24 "test.c"\n  int c;\n');
});

test('without markers', () => {
  assert.equal(preprocessToText(fresh('int a;\n\n\nint b;\n'), { lineMarkers: false }), 'int a;\nint b;\n');
});

test('includes go there and back', () => {
  const pp = fresh('a\n#include <h>\nb\n', { resolve: () => ({ name: 'h"x', text: 'in\n' }) });
  assert.equal(preprocessToText(pp), '# 1 "test.c"\na\n# 1 "h\\"x"\nin\n# 3 "test.c"\nb\n');
});

test('pragmas get their own line', () => {
  assert.equal(
    preprocessToText(fresh('a _Pragma("unroll") b\n')),
    `# 1 "test.c"\na\n# 1 "test.c"\n#pragma unroll\n# 1 "test.c"\n${' '.repeat(20)}b\n`,
  );
});

test('tokens that would run together are kept apart', () => {
  const pairs = [
    ['+', '+'],
    ['-', '-'],
    ['-', '>'],
    ['<', '<'],
    ['<<', '='],
    ['/', '/'],
    ['/', '*'],
    ['a', 'b'],
    ['a', '1'],
    ['1', 'a'],
    ['1', '.'],
    ['1', '+'],
    ['1e', '-'],
    ['.', '5'],
    ['.', '.'],
    ['L', '"s"'],
    ['u8', '"s"'],
    ['<', ':'],
    ['%', ':'],
    ['&', '&'],
    ['|', '='],
    ['>', '>='],
    ['=', '=='],
    ['!', '='],
    ['^', '='],
    ['*', '='],
    ['x', '$'],
  ];
  for (const [left, right] of pairs) {
    const text = `#define E\n#define L_ ${left}\n#define R_ ${right}\nL_/**/E/**/R_\n`.replaceAll('/**/', '');
    const joined = `#define id(x) x\nid(${left})id(${right})\n`;
    for (const source of [text.replace('L_ER_', 'L_ R_'), joined]) {
      const words = preprocess(source).words;
      assert.deepEqual(preprocess(preprocessToText(fresh(source))).words, words, `${left} ${right}`);
    }
  }
});
