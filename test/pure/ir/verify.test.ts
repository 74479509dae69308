import assert from 'node:assert/strict';
import { test } from 'node:test';
import { parseFunction } from '../../../src/compiler/ir/parse.ts';
import { verifyFunction } from '../../../src/compiler/ir/verify.ts';

const wrapped = (body: string): string => `function f(i32 %n, ptr %p): i32 static auto {\nb0:\n${body}\n}`;

test('well-formed functions have no complaints', () => {
  assert.deepEqual(
    verifyFunction(
      parseFunction(
        wrapped(`
      %c = cmp eq i32 %n, 0
      branch %c, b1, b2
    b1:
      jump b2
    b2:
      %x = phi i32 [b0: 1, b1: 2]
      %y = add i32 %x, %n
      return %y`),
      ),
    ),
    [],
  );
});

test('each kind of damage is found', () => {
  for (const [body, complaint] of [
    ['  %a = add i32 %b, 1\n  %b = add i32 %n, 1\n  return %a', /does not dominate/],
    ['  %c = cmp eq i32 %n, 0\n  branch %c, b1, b2\nb1:\n  %a = add i32 %n, 1\n  jump b2\nb2:\n  return %a', /does not dominate/],
    ['  %a = add i64 %n, 1\n  return 0:i32', /is i32, not i64/],
    ['  %a = ptradd %n, 1\n  return 0:i32', /is i32, not ptr/],
    ['  %a = load i32 u64 %p\n  return %a', /64 bits into i32/],
    ['  jump b1\nb1:\n  %x = phi i32 [b0: 1, b1: 2]\n  return %x', /is not a predecessor/],
    ['  jump b1\nb1:\n  %x = phi i32 []\n  return %x', /nothing for predecessor b0/],
    ['  return', /returns i32/],
    ['  jump b1\nb1:\n  %a = alloca 8 align 8\n  return 0:i32', /alloca outside/],
    ['  %a = cmp eq i32 %n, 0\n  jump b1\nb1:\n  %d = add i32 %n, 1\n  %x = phi i32 [b0: 1]\n  return %x', /phi after/],
    ['  jump b0', /entry: has predecessors/],
  ] as const) {
    const complaints = verifyFunction(parseFunction(wrapped(body)));
    assert.ok(
      complaints.some((c) => complaint.test(c)),
      `${body} gave ${JSON.stringify(complaints)}`,
    );
  }
});
