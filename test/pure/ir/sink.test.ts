import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { IrFunction } from '../../../src/compiler/ir/ir.ts';
import { parseFunction } from '../../../src/compiler/ir/parse.ts';
import { sinkLoads } from '../../../src/compiler/ir/passes/sink.ts';
import { verifyFunction } from '../../../src/compiler/ir/verify.ts';

const fn = (body: string): IrFunction => parseFunction(`function f(ptr %p, i64 %n): i64 static auto {\n${body}\n}`);
/** Which blocks have loads: their number by block, in order. */
function loads(f: IrFunction): number[] {
  assert.deepEqual(verifyFunction(f), []);
  return f.blocks.map((b) => b.insts.filter((i) => i.op === 'load').length);
}

test('a read above the check that guards it comes below it, with the read it is made from', () => {
  const f = fn(`
b20:
    %1 = load ptr u64 %p
    %2 = load i64 u32 %1+8
    %3 = cmp ult i64 %n, 34
    branch %3, b21, b22
  b21:
    return 0:i64
  b22:
    return %2`);
  assert.equal(sinkLoads(f), true);
  assert.deepEqual(loads(f), [0, 0, 2]);
});

test('what both sides or the branch itself want stays, and nothing moves past a store or into a loop', () => {
  const both = fn(`
b20:
    %1 = load i64 u64 %p
    %3 = cmp ult i64 %n, 34
    branch %3, b21, b22
  b21:
    return %1
  b22:
    %4 = add i64 %1, 1
    return %4`);
  assert.equal(sinkLoads(both), false);
  const stored = fn(`
b20:
    %1 = load i64 u64 %p
    store 64 5, %p
    %3 = cmp ult i64 %n, 34
    branch %3, b21, b22
  b21:
    return 0:i64
  b22:
    return %1`);
  assert.equal(sinkLoads(stored), false);
  const loop = fn(`
b20:
    %1 = load i64 u64 %p
    %3 = cmp ult i64 %n, 34
    branch %3, b21, b22
  b21:
    return 0:i64
  b22:
    %5 = phi i64 [b20: 0, b22: %6]
    %6 = add i64 %5, %1
    %7 = cmp ult i64 %6, 100
    branch %7, b22, b23
  b23:
    return %6`);
  assert.equal(sinkLoads(loop), false);
});
