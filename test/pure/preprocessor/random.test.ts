/**
 * Random texts: never a crash, never a hang, and what clang makes of them.
 */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { preprocessToText } from '../../../src/compiler/c/preprocessor/text.ts';
import { renderDiagnostics } from '../../../src/compiler/render-diagnostic.ts';
import { CASES } from './cases.ts';
import { mutate, randomMacros, randomNoise } from './random-text.ts';
import { CLANG, clang, difference, fresh, haveClang, normal, preprocess } from './support.ts';

const skip = haveClang() ? false : `${CLANG} is not installed`;
const texts = Object.values(CASES);

function sameAsClang(text: string, seed: number): 'same' | 'rejected' {
  const ours = preprocess(text, { name: '<stdin>' });
  const theirs = clang(text, [], true);
  // To clang's -E a literal without its end is a warning; to us it is an error at once.
  const errors = ours.diagnostics.filter((d) => d.severity === 'error' && d.code !== 'unterminated-literal');
  assert.equal(errors.length === 0, theirs.ok, `seed ${seed}: ours: ${errors[0]?.message}; clang: ${theirs.stderr}\n${text}`);
  if (!theirs.ok) return 'rejected';
  if (!ours.codes.includes('unterminated-literal')) {
    assert.equal(difference(ours.words.map(normal), theirs.words), undefined, `seed ${seed}\n${text}`);
  }
  return 'same';
}

test('random macros as clang expands them', { skip }, (t) => {
  let same = 0;
  for (let seed = 1; seed <= 40; seed++) if (sameAsClang(randomMacros(seed), seed) === 'same') same++;
  t.diagnostic(`${same} of 40 accepted by both, with the same tokens`);
  assert.ok(same > 20);
});

test('mutated texts: the same tokens or both refuse', { skip }, () => {
  for (let seed = 1; seed <= 40; seed++) {
    const text = mutate(texts[seed % texts.length]!, seed);
    // clang takes a lone carriage return for a new-line; spelled-out characters stay spelled out in its strings.
    if (!/\r|\\[uU]/.test(text)) sameAsClang(text, seed);
  }
});

test('noise: an answer every time, and soon', () => {
  for (let seed = 1; seed <= 1500; seed++) {
    const text = seed % 2 === 0 ? randomNoise(seed) : mutate(texts[seed % texts.length]!, seed);
    const start = performance.now();
    const { pp, diagnostics } = preprocess(text, {
      resolve: ({ path, from }) => (path.includes('x') ? { name: path, text: from.text } : undefined),
    });
    renderDiagnostics(diagnostics, pp.source);
    assert.ok(performance.now() - start < 5000, `seed ${seed} took too long`);
  }
});

test('printed text reads back as the same tokens', () => {
  for (let seed = 1; seed <= 200; seed++) {
    const text = randomMacros(seed);
    const { tokens, diagnostics } = preprocess(text);
    if (diagnostics.some((d) => d.severity === 'error')) continue;
    const printed = preprocessToText(fresh(text));
    const again = preprocess(printed).tokens;
    assert.deepEqual(
      again.map((t) => t.text),
      tokens.map((t) => t.text),
      `seed ${seed}\n${text}\n---\n${printed}`,
    );
  }
});
