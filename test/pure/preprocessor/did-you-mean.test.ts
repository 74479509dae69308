import assert from 'node:assert/strict';
import { test } from 'node:test';
import { editDistance, similar, suggest } from '../../../src/compiler/did-you-mean.ts';

/** The definition, slowly: optimal string alignment by recursion. */
function slow(a: string, b: string): number {
  if (a === '' || b === '') return a.length + b.length;
  let best = Math.min(slow(a.slice(1), b) + 1, slow(a, b.slice(1)) + 1, slow(a.slice(1), b.slice(1)) + (a[0] === b[0] ? 0 : 1));
  if (a.length > 1 && b.length > 1 && a[0] === b[1] && a[1] === b[0]) best = Math.min(best, slow(a.slice(2), b.slice(2)) + 1);
  return best;
}

test('distance is what its definition says', () => {
  const words = ['', 'a', 'ab', 'ba', 'abc', 'acb', 'bca', 'abcd', 'bacd', 'xyz', 'aabb', 'abab'];
  for (const a of words) for (const b of words) assert.equal(editDistance(a, b), slow(a, b), `${a} ${b}`);
});

test('a limit cuts short but never lies', () => {
  assert.equal(editDistance('kitten', 'sitting', 3), 3);
  assert.ok(editDistance('kitten', 'sitting', 2) > 2);
  assert.ok(editDistance('a', 'abcdefgh', 2) > 2);
});

test('suggestions: the nearest, and none that is far', () => {
  const names = ['bpf_get_current_pid_tgid', 'bpf_get_current_uid_gid', 'bpf_ktime_get_ns', 'pid', 'tgid'];
  assert.equal(suggest('bpf_get_curent_pid_tgid', names), 'bpf_get_current_pid_tgid');
  assert.equal(suggest('bpf_ktime_get_nss', names), 'bpf_ktime_get_ns');
  assert.equal(suggest('PID', names), 'pid', 'case is a small mistake');
  assert.equal(suggest('dpi', ['pid', 'xyz']), undefined);
  assert.equal(suggest('x', ['y']), undefined);
  assert.equal(suggest('pid', ['pid']), undefined, 'itself is no suggestion');
  assert.deepEqual(similar('coutn', ['mount', 'court', 'count', 'fort']), ['count', 'mount', 'court']);
});

test('hostile names cost nothing', () => {
  assert.deepEqual(similar('x'.repeat(100_000), ['y'.repeat(100_000)]), []);
});
