/** Pointers on the stack: what is known of them, and when nothing is. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Diagnostics } from '../../../src/compiler/diagnostics.ts';
import { parseModule } from '../../../src/compiler/ir/parse.ts';
import { insertProbeReads } from '../../../src/compiler/ir/passes/probe-reads.ts';

/** `caller` fills %c, an object of the stack, and hands it to `step`, which writes through the pointer at %c+8. */
function errors(caller: string, step = '%p = load ptr u64 %c+8\nstore 64 1, %p'): string[] {
  const module = parseModule(`function main(ptr %ctx space=ctx): i64 static auto program=kprobe {
b0:
    %v = alloca 8 align 8
    %c = alloca 32 align 8
    %f = funcaddr step
    ${caller}
    return 0:i64
}
function step(i32 %i, ptr %c): i64 static auto {
b0:
    ${step}
    return 0:i64
}`);
  const diagnostics = new Diagnostics();
  insertProbeReads(module, diagnostics);
  return diagnostics.list.map(({ code }) => code);
}

const LOOP = '%r = call i64 helper 181 loop(4, %f, %c, 0)';
const REFUSED = ['write-to-kernel-memory'];

test('a callback writes through what its context holds', () => {
  assert.deepEqual(errors(`store 64 %v, %c+8\n${LOOP}`), []);
  // Zeroes first, numbers beside it and in an array, other pointers elsewhere.
  assert.deepEqual(errors(`memset %c, 0, 32 align 8\nstore 64 %v, %c+8\nstore 32 7, %c+4\nstore 64 %ctx, %c+16\n${LOOP}`), []);
  assert.deepEqual(
    errors(
      `store 64 %v, %c+8\n${LOOP}`,
      '%e = ext i64 u32 %i\n%a = ptradd %c, %e\nstore 32 1, %a+16\n%p = load ptr u64 %c+8\nstore 64 1, %p',
    ),
    [],
  );
  // The same function again, with the same object.
  assert.deepEqual(errors(`store 64 %v, %c+8\n${LOOP}\n${LOOP.replace('%r', '%q')}`), []);
});

test('what may lie there decides', () => {
  const kernel = '%k = load ptr u64 %ctx+8\n';
  assert.deepEqual(errors(`${kernel}store 64 %k, %c+8\n${LOOP}`), REFUSED);
  assert.deepEqual(errors(`${kernel}store 64 %v, %c+8\nstore 64 %k, %c+8\n${LOOP}`), REFUSED);
  // Stored by the callback itself.
  assert.deepEqual(
    errors(
      `store 64 %v, %c+8\nstore 64 %ctx, %c+16\n${LOOP}`,
      `%x = load ptr u64 %c+16\n%k = load ptr u64 %x+8\nstore 64 %k, %c+8\n%p = load ptr u64 %c+8\nstore 64 1, %p`,
    ),
    REFUSED,
  );
});

test('what cannot be followed is not known', () => {
  // Never stored; stored as half a number; a copy of something; an element that may be anywhere.
  assert.deepEqual(errors(LOOP), REFUSED);
  assert.deepEqual(errors(`store 64 %v, %c+8\nstore 32 7, %c+12\n${LOOP}`), REFUSED);
  assert.deepEqual(errors(`store 64 %v, %c+8\nmemcpy %c, %ctx, 32 align 8\n${LOOP}`), REFUSED);
  assert.deepEqual(errors(`store 64 %v, %c+4\nstore 64 %v, %c+8\n${LOOP}`), REFUSED);
  // A helper writes it; its address lies in memory.
  assert.deepEqual(errors(`store 64 %v, %c+8\n%x = call i64 helper 4 probe_read(%c, 32, %ctx)\n${LOOP}`), REFUSED);
  assert.deepEqual(errors(`store 64 %v, %c+8\nstore 64 %c, %v\n${LOOP}`), REFUSED);
  // Two objects for one callback.
  assert.deepEqual(
    errors(`%d = alloca 32 align 8\nstore 64 %v, %c+8\nstore 64 %v, %d+8\n${LOOP}\n${LOOP.replace('%r', '%q').replace('%c', '%d')}`),
    REFUSED,
  );
});
