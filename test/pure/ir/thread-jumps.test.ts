import assert from 'node:assert/strict';
import { test } from 'node:test';
import { interpret } from '../../../src/compiler/ir/interpret.ts';
import type { IrFunction } from '../../../src/compiler/ir/ir.ts';
import { parseModule } from '../../../src/compiler/ir/parse.ts';
import { cleanupCfg } from '../../../src/compiler/ir/passes/cleanup-cfg.ts';
import { threadJumps } from '../../../src/compiler/ir/passes/thread-jumps.ts';
import { printFunction } from '../../../src/compiler/ir/print.ts';
import { verifyFunction } from '../../../src/compiler/ir/verify.ts';

/** Threads, checks the IR and what it computes for each input; gives the function. */
function threaded(body: string, inputs: readonly bigint[], expectChange = true): IrFunction {
  const text = `function f(i64 %n): i64 static auto {\n${body}\n}`;
  const before = inputs.map((n) => interpret(parseModule(text), 'f', [n]).value);
  const module = parseModule(text);
  const fn = module.functions.get('f') as IrFunction;
  assert.equal(threadJumps(fn), expectChange);
  assert.deepEqual(verifyFunction(fn), [], printFunction(fn));
  assert.deepEqual(
    inputs.map((n) => interpret(module, 'f', [n]).value),
    before,
  );
  cleanupCfg(fn);
  return fn;
}
const branches = (fn: IrFunction): number => fn.blocks.filter((b) => b.term.op === 'branch').length;

test('a flag that was set on one way is not asked for again, though it is used later', () => {
  const fn = threaded(
    `
b20:
    %1 = cmp eq i64 %n, 1
    branch %1, b21, b22
  b21:
    jump b22
  b22:
    %2 = phi i32 [b20: 0, b21: 1]
    branch %2, b25, b23
  b23:
    %3 = cmp eq i64 %n, 2
    branch %3, b24, b25
  b24:
    jump b25
  b25:
    %4 = phi i32 [b22: %2, b23: 0, b24: 7]
    %5 = ext i64 u32 %4
    %6 = ext i64 u32 %2
    %7 = mul i64 %6, 100
    %8 = add i64 %5, %7
    return %8`,
    [0n, 1n, 2n, 3n],
  );
  // The question of b22 is gone: two comparisons are left.
  assert.equal(branches(fn), 2, printFunction(fn));
});

test('a comparison of two phis is answered where both are known', () => {
  const fn = threaded(
    `
b20:
    %1 = cmp ult i64 %n, 10
    branch %1, b21, b22
  b21:
    jump b23
  b22:
    jump b23
  b23:
    %2 = phi i64 [b21: 3, b22: %n]
    %3 = phi i64 [b21: 4, b22: 12]
    %4 = cmp ult i64 %2, %3
    branch %4, b24, b25
  b24:
    %5 = add i64 %2, 1000
    return %5
  b25:
    %6 = ext i64 u32 %4
    %7 = add i64 %6, %3
    return %7`,
    [0n, 10n, 11n, 12n, 13n],
  );
  const entry = fn.blocks[0];
  assert.ok(entry?.term.op === 'branch');
  // On the known way nothing is compared any more.
  assert.notEqual(entry.term.then.term.op, 'branch', printFunction(fn));
});

test("the header of a loop keeps its question: the verifier's view of the loop is the source's", () => {
  threaded(
    `
b20:
    jump b21
  b21:
    %1 = phi i64 [b20: 0, b22: %3]
    %2 = cmp ult i64 %1, 5
    branch %2, b22, b23
  b22:
    %3 = add i64 %1, 1
    jump b21
  b23:
    %4 = add i64 %1, %n
    return %4`,
    [0n, 1n],
    false,
  );
});
