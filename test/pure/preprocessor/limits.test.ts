/**
 * Input made to cost: an error or an answer, in bounded work. (The time asserted is many times what it takes.)
 */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { preprocess } from './support.ts';

const repeat = (n: number, line: (i: number) => string): string => Array.from({ length: n }, (_, i) => line(i)).join('');
const selfInclude = {
  resolve: ({ path, from }: { path: string; from: { text: string } }) => ({ name: path, text: from.text }),
};

const BOMBS: Readonly<Record<string, readonly [text: string, code: string | undefined]>> = {
  'doubling objects': [`${repeat(40, (i) => `#define a${i + 1} a${i} a${i}\n`)}#define a0 x\na40\n`, 'expansion-too-large'],
  'doubling arguments': [`#define d(x) x x\n${'d('.repeat(60)}y${')'.repeat(60)}`, 'expansion-too-large'],
  'doubling pastes': [
    `#define c2(a,b) a##b\n#define c(a,b) c2(a,b)\n#define p0 x\n${repeat(40, (i) => `#define p${i + 1} c(p${i},p${i})\n`)}p40\n`,
    'expansion-too-large',
  ],
  'doubling strings': [`#define s2(a) #a\n#define s(a) s2(a)\n${'s('.repeat(60)}""${')'.repeat(60)}`, 'token-too-long'],
  'one big argument a thousand times': [`#define r(x) ${'x '.repeat(1000)}\nr(${'1 '.repeat(100_000)})\n`, 'expansion-too-large'],
  'a million pastes in one macro': [`#define f(x) ${'x##'.repeat(50_000)}x\nf(1)\n`, 'expansion-too-large'],
  'nested arguments': [`#define f(x) x\n${'f('.repeat(20_000)}1${')'.repeat(20_000)}`, 'macro-nesting-too-deep'],
  'nested parentheses in #if': [`#if ${'('.repeat(100_000)}1${')'.repeat(100_000)}\n#endif\n`, 'condition-too-deep'],
  'a row of ! in #if': [`#if ${'!'.repeat(100_000)}1\n#endif\n`, 'condition-too-deep'],
  'a row of ?: in #if': [`#if ${'0?0:'.repeat(100_000)}1\n#endif\n`, 'condition-too-deep'],
  'a long && in #if': [`#if ${'1&&'.repeat(100_000)}1\nx\n#endif\n`, undefined],
  'a number of a million digits': [`#if ${'1'.repeat(1_000_000)}\n#endif\n`, 'number-too-large'],
  'a character constant of a million characters': [`#if '${'a'.repeat(1_000_000)}'\n#endif\n`, 'character-too-long'],
  'shifts by astronomic counts': ['#if 1 << 0x7fffffffffffffff || 1 >> -9223372036854775807\n#endif\n', undefined],
  'conditionals in conditionals': ['#if 0\n'.repeat(100_000), 'unterminated-conditional'],
  'a file that includes itself twice': ['#include "self"\n#include "self"\n', 'include-too-deep'],
  'a big file that includes itself': [`#include "self"\n${' '.repeat(200_000)}`, 'too-much-text'],
  'a chain of a hundred thousand macros': [`${repeat(100_000, (i) => `#define m${i + 1} m${i}\n`)}m100000\n`, undefined],
  'calls out of calls': [`#define f(x) x f\n f${'(1)'.repeat(100_000)}`, undefined],
  'comments without end': ['/* '.repeat(300_000), 'unterminated-comment'],
  'splices only': [`${'\\\n'.repeat(300_000)}x`, undefined],
  'includes without end': ['#include <\n'.repeat(50_000), 'bad-include'],
  '#line everywhere': ['#line 5\n__LINE__\n'.repeat(30_000), undefined],
  'twenty thousand parameters': [`#define f(${repeat(20_000, (i) => `a${i},`)}z) z\nf(${','.repeat(20_000)})\n`, undefined],
};

for (const [name, [text, code]] of Object.entries(BOMBS)) {
  test(`bounded: ${name}`, () => {
    const start = performance.now();
    const { codes, diagnostics } = preprocess(text, selfInclude);
    assert.ok(performance.now() - start < 10_000);
    if (code === undefined)
      assert.deepEqual(
        diagnostics.filter((d) => d.severity === 'error'),
        [],
      );
    else assert.ok(codes.includes(code), `${codes[0]}`);
  });
}

test('wide includes are counted', () => {
  const resolve = ({ path }: { path: string }): { name: string; text: string } => ({
    name: path,
    text: path === 'a' ? '#include "b"\n'.repeat(200) : path === 'b' ? '#include "c"\n'.repeat(200) : '',
  });
  const { codes } = preprocess('#include "a"\n', { resolve, limits: { includes: 1000 } });
  assert.deepEqual(codes, ['too-many-includes']);
});

test('after a bound the stream ends for good', () => {
  const { pp, codes } = preprocess('#define d(x) x x x x\nd(d(d(d(d(d(1))))))\nafter\n', {
    limits: { expansion: 100 },
  });
  assert.deepEqual(codes, ['expansion-too-large']);
  assert.equal(pp.next().kind, 'eof');
  assert.equal(pp.next().kind, 'eof');
});

test('bounds that real kernel headers need are far away', () => {
  // tcpretrans of BCC with the headers of Linux 6.1: 1.3 M tokens of expansion, 900 files, 5 M characters.
  const { pp } = preprocess('');
  assert.ok(pp.limits.expansion >= 2_000_000 && pp.limits.includes >= 5000 && pp.limits.characters >= 10_000_000);
});
