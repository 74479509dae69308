/**
 * The programs of gcc's torture suite, read and typed: none makes the front end throw, and all are accepted but for
 * what BPF cannot do (floating point, variable arguments, arrays of variable length, …), which is refused by name.
 * What they compute is tested where programs run.
 */
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { test } from 'node:test';
import type { SourceFile } from '../../corpora/corpora.ts';
import { CorpusMissing, cTorture } from '../../corpora/corpora.ts';
import { compile } from './support.ts';

/** First errors that say what is beyond BPF, or that the suite's libc headers are not here. */
const REFUSALS = new Set([
  'no-floating-point',
  'unsupported-builtin',
  'unknown-builtin',
  'unsupported-attribute',
  'complex-number',
  'computed-goto',
  'variable-length-array',
  'include-not-found',
  'array-too-large',
  'nested-function',
  'statement-expression-outside-function',
]);
/** What the programs take from a C library without declaring it. */
const LIBRARY =
  'typedef unsigned long size_t; void *malloc(size_t); void *calloc(size_t, size_t); void free(void *); int printf(const char *, ...);\n';

let files: SourceFile[] | undefined;
let missing: string | false = false;
try {
  files = cTorture();
} catch (error) {
  if (!(error instanceof CorpusMissing)) throw error;
  missing = error.message;
}

test('gcc.c-torture/execute is accepted, or refused for what BPF cannot do', { skip: missing }, () => {
  let accepted = 0;
  const wrong: string[] = [];
  for (const { name, path } of files ?? []) {
    const c = compile(LIBRARY + readFileSync(path, 'utf8'), { implicitFunctions: true, limit: 20 });
    const first = c.errors[0];
    if (first === undefined) accepted++;
    else if (!REFUSALS.has(first.split(' ')[1] as string)) wrong.push(`${name}: ${first}`);
  }
  assert.deepEqual(wrong, []);
  assert.ok(accepted > 1100, `only ${accepted} accepted`);
});
