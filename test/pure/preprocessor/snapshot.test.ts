import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Preprocessor } from '../../../src/compiler/c/preprocessor/preprocessor.ts';
import { snapshot } from '../../../src/compiler/c/preprocessor/snapshot.ts';
import { Diagnostics } from '../../../src/compiler/diagnostics.ts';
import { preprocess } from './support.ts';

const PRELUDE = '#define MAX(a, b) ((a) > (b) ? (a) : (b))\n#define LAZY 1 + LAZY2\ntypedef int u32;\n#undef __BPF__\n__COUNTER__\n';
const take = (text: string) => snapshot({ diagnostics: new Diagnostics() }, [{ name: '<prelude>', text }]);

function run(from: ReturnType<typeof take>, text: string): { words: string[]; pp: Preprocessor } {
  const pp = new Preprocessor({ diagnostics: new Diagnostics(), from });
  pp.enter('user.c', text);
  const words: string[] = [];
  for (let token = pp.next(); token.kind !== 'eof'; token = pp.next()) words.push(token.text);
  return { words, pp };
}

test('beginning at a snapshot is the same as reading the prelude first', () => {
  const text = 'MAX(1, u32) LAZY __COUNTER__ __LINE__ __BPF__\n#ifdef __BPF__\nno\n#endif\n';
  const from = take(PRELUDE);
  const { words } = run(from, text);
  assert.deepEqual(words, preprocess(text, { before: PRELUDE }).words);
  assert.deepEqual(run(from, text).words, words, 'and again');
});

test('forks do not see each other', () => {
  const from = take(PRELUDE);
  assert.deepEqual(run(from, '#undef MAX\n#define LAZY 9\nMAX LAZY\n').words.slice(-2), ['MAX', '9']);
  assert.deepEqual(run(from, 'LAZY\n').words.slice(-3), ['1', '+', 'LAZY2']);
});

test('a fork that was abandoned in the middle of an expansion leaves no macro disabled', () => {
  const from = take('#define f(x) x g f\n');
  const pp = new Preprocessor({ diagnostics: new Diagnostics(), from });
  pp.enter('a.c', 'f(1)');
  assert.equal(pp.next().text, '1');
  assert.deepEqual(run(from, 'f(2)').words, ['2', 'g', 'f']);
});

test('positions of prelude and user text both resolve', () => {
  const { pp } = run(take(PRELUDE), 'x\n');
  const all = new Preprocessor({ diagnostics: new Diagnostics(), from: take('int a;\n') });
  all.enter('user.c', '\n  b\n');
  const places: string[] = [];
  for (let token = all.next(); token.kind !== 'eof'; token = all.next()) {
    const p = all.source.resolve(token.loc)!;
    places.push(`${token.text} ${p.file}:${p.line}:${p.column}`);
  }
  assert.deepEqual(places, ['int <prelude>:1:1', 'a <prelude>:1:5', '; <prelude>:1:6', 'b user.c:2:3']);
  assert.equal(pp.source.files.length, 2);
});

test('what the constants hook said is asked anew', () => {
  const hook = (value: string) => ({ has: () => true, text: (name: string) => (name === 'K' ? value : undefined) });
  const from = snapshot({ diagnostics: new Diagnostics(), constants: hook('1') }, [{ name: 'p', text: 'K\n' }]);
  const pp = new Preprocessor({ diagnostics: new Diagnostics(), from, constants: hook('2') });
  pp.enter('u', 'K\n');
  assert.deepEqual([pp.next().text, pp.next().text], ['1', '2']);
});
