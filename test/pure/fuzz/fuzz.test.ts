/** The first cases of the fuzzer (`npm run fuzz` runs more), and those that once failed. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { TARGETS } from '../../fuzz/targets.ts';
import { Random } from '../preprocessor/random-text.ts';

const CASES = 12;

for (const [name, run] of Object.entries(TARGETS)) {
  test(`${name}: ${CASES} cases`, () => {
    for (let seed = 1; seed <= CASES; seed++) {
      try {
        run(new Random(seed));
      } catch (error) {
        assert.fail(`npm run fuzz -- --target ${name} --seed ${seed} --count 1: ${error instanceof Error ? error.stack : error}`);
      }
    }
  });
}
