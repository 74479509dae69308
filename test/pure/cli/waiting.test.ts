/** Waiting longer than a timer can. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { rounds, sleep } from '../../../src/cli/waiting.ts';

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

/** When each of `count` rounds ended by a clock that `wait` moves, `late` seconds too far in some rounds; `work` seconds follow each. */
async function ends(count: number, late: Readonly<Record<number, number>>, work: Readonly<Record<number, number>> = {}): Promise<number[]> {
  let now = 100;
  let waits = 0;
  const wait = async (seconds: number) => void (now += seconds + (late[++waits] ?? 0));
  const at: number[] = [];
  for await (const { number } of rounds(wait, new AbortController().signal, 3, count, () => now * 1000)) {
    at.push(Math.round((now - 100) * 1000) / 1000);
    now += work[number] ?? 0;
  }
  return at;
}

test('rounds stay on their grid, and after one that came late the next is a whole one', async () => {
  assert.deepEqual(await ends(4, {}), [3, 6, 9, 12]);
  assert.deepEqual(await ends(4, { 1: 0.1 }, { 2: 1 }), [3.1, 6, 9, 12]);
  assert.deepEqual(await ends(4, { 1: 4 }), [7, 10, 13, 16]);
  assert.deepEqual(await ends(3, { 1: 2 }), [5, 8, 11]);
  assert.deepEqual(await ends(3, {}, { 1: 7 }), [3, 13, 16]);
});
