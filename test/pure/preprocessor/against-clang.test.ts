/**
 * Rule by rule beside clang: the same tokens, and errors for the same texts.
 */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { CASES } from './cases.ts';
import { CLANG, clang, difference, haveClang, normal, preprocess } from './support.ts';

const skip = haveClang() ? false : `${CLANG} is not installed`;

for (const [name, text] of Object.entries(CASES)) {
  test(`as clang: ${name}`, { skip }, () => {
    const ours = preprocess(text, { name: '<stdin>' });
    const theirs = clang(text, [], true);
    const errors = ours.diagnostics.filter((d) => d.severity === 'error');
    assert.equal(errors.length === 0, theirs.ok, `ours: ${errors.map((e) => e.message).join('; ')}; clang: ${theirs.stderr}`);
    if (theirs.ok) assert.equal(difference(ours.words.map(normal), theirs.words), undefined);
  });
}
