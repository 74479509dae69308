/** Waiting longer than a timer can. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { sleep } from '../../../src/cli/waiting.ts';

/** Lets what is resolved go on. */
const settled = () => new Promise((resolve) => setImmediate(resolve));

test('a month, and without end: neither is over at once, the month is over after a month, an abort ends both', async (t) => {
  t.mock.timers.enable({ apis: ['setTimeout'] });
  const day = 86_400_000;
  const stop = new AbortController();
  const over: string[] = [];
  void sleep(30 * 86_400, stop.signal).then(() => over.push('month'));
  void sleep(60 * 86_400, stop.signal).then(() => over.push('two'));
  void sleep(Number.POSITIVE_INFINITY, stop.signal).then(() => over.push('for ever'));
  t.mock.timers.tick(day);
  await settled();
  assert.deepEqual(over, []);
  // A timer made by another one's end counts from there.
  for (let i = 1; i < 29; i++) t.mock.timers.tick(day);
  await settled();
  assert.deepEqual(over, []);
  t.mock.timers.tick(2 * day);
  await settled();
  assert.deepEqual(over, ['month']);
  stop.abort();
  await settled();
  assert.deepEqual(over, ['month', 'two', 'for ever']);
});
