import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Diagnostics } from '../../../src/compiler/diagnostics.ts';
import { interpret } from '../../../src/compiler/ir/interpret.ts';
import type { IrFunction } from '../../../src/compiler/ir/ir.ts';
import { parseFunction, parseModule } from '../../../src/compiler/ir/parse.ts';
import { removeDeadStores } from '../../../src/compiler/ir/passes/dse.ts';
import { gvn } from '../../../src/compiler/ir/passes/gvn.ts';
import { initializeStack } from '../../../src/compiler/ir/passes/init-stack.ts';
import { mem2reg } from '../../../src/compiler/ir/passes/mem2reg.ts';
import { mergeConditions } from '../../../src/compiler/ir/passes/merge-conditions.ts';
import { mergeStores } from '../../../src/compiler/ir/passes/merge-stores.ts';
import { sroa } from '../../../src/compiler/ir/passes/sroa.ts';
import { unrollLoops } from '../../../src/compiler/ir/passes/unroll.ts';
import { printInst } from '../../../src/compiler/ir/print.ts';

const fn = (body: string, head = 'ptr %ctx space=ctx, i64 %n'): IrFunction =>
  parseFunction(`function f(${head}): i64 static auto program=kprobe {\nb0:\n${body}\n}`);
const lines = (f: IrFunction, ...ops: string[]): string[] =>
  f.blocks
    .flatMap((b) => b.insts)
    .filter((i) => ops.includes(i.op))
    .map(printInst);

test('padding that a helper would read is zeroed, and nothing else', () => {
  // struct { u32 a; /* 4 bytes of padding */ u64 b; }
  const f = fn(`
    %1 = alloca 16 align 8 "e"
    store 32 7, %1
    store 64 %n, %1+8
    %2 = mapaddr "events"
    %3 = call i64 helper 25 perf_event_output(%ctx, %2, 0, %1, 16)
    return 0:i64`);
  assert.ok(initializeStack(f));
  assert.deepEqual(lines(f, 'store'), ['store 32 0, %1+4', 'store 32 7, %1', 'store 64 %n, %1+8']);
  assert.equal(initializeStack(f), false);
});

test('an object written on one path only is zeroed before the paths part, outside the loop', () => {
  const f = fn(`
    %1 = alloca 8 align 8
    jump b1
  b1:
    %2 = phi i64 [b0: 0, b3: %4]
    %3 = cmp eq i64 %2, %n
    branch %3, b2, b3
  b2:
    store 64 %2, %1
    jump b3
  b3:
    %5 = call i64 helper 6 trace_printk(%1, 8)
    %4 = add i64 %2, 1
    %6 = cmp ult i64 %4, 10
    branch %6, b1, b4
  b4:
    return 0:i64`);
  assert.ok(initializeStack(f));
  assert.deepEqual((f.blocks[0]?.insts ?? []).filter((i) => i.op === 'store').map(printInst), ['store 64 0, %1']);
});

test('what a helper fills needs no zeros, before or after', () => {
  const f = fn(`
    %1 = alloca 16 align 8 "comm"
    memset %1, 0, 16 align 8
    %2 = call i64 helper 113 probe_read_kernel(%1, 16, %n)
    %3 = call i64 helper 6 trace_printk(%1, 16)
    return 0:i64`);
  assert.ok(removeDeadStores(f));
  assert.deepEqual(lines(f, 'memset'), []);
  assert.equal(initializeStack(f), false);
});

test('a string read may leave the tail: its zeros stay', () => {
  const f = fn(`
    %1 = alloca 16 align 8
    memset %1, 0, 16 align 8
    %2 = call i64 helper 115 probe_read_kernel_str(%1, 16, %n)
    %3 = call i64 helper 6 trace_printk(%1, 16)
    return 0:i64`);
  removeDeadStores(f);
  assert.equal(lines(f, 'memset').length, 1);
});

test('a fill shrinks to the bytes that are not written after', () => {
  const f = fn(`
    %1 = alloca 32 align 8
    memset %1, 0, 32 align 8
    store 64 1, %1
    store 64 2, %1+8
    store 64 3, %1+24
    %3 = call i64 helper 6 trace_printk(%1, 32)
    return 0:i64`);
  removeDeadStores(f);
  assert.deepEqual(
    lines(f, 'memset').map((s) => s.replace(/^memset %\d+/, 'memset')),
    ['memset, 0, 8 align 8'],
  );
});

test('neighbouring constants are stored together where an immediate can say them', () => {
  const f = fn(`
    %1 = alloca 16 align 8
    store 32 0, %1
    store 16 0, %1+4
    store 16 0, %1+6
    store 32 1, %1+8
    store 32 1, %1+12
    %3 = call i64 helper 6 trace_printk(%1, 16)
    return 0:i64`);
  mergeStores(f);
  assert.deepEqual(lines(f, 'store'), ['store 64 0, %1', 'store 32 1, %1+8', 'store 32 1, %1+12']);
});

test('a load is not repeated unless something may have changed it', () => {
  const count = (between: string): number => {
    const f = fn(`
      %1 = alloca 8 align 8
      store 64 %n, %1
      %k = alloca 4 align 4
      %2 = mapaddr "m"
      %p = call ptr helper 1 map_lookup_elem(%2, %k)
      %a = load i64 u64 %p
      ${between}
      %b = load i64 u64 %p
      %s = add i64 %a, %b
      return %s`);
    gvn(f);
    return lines(f, 'load').length;
  };
  assert.equal(count(''), 1);
  assert.equal(count('store 64 5, %1'), 1, 'the stack is elsewhere');
  assert.equal(count('%t = call i64 helper 5 ktime_get_ns()'), 1, 'a pure helper');
  assert.equal(count('store 64 5, %p+8'), 1, 'other bytes');
  assert.equal(count('store 32 5, %p+4'), 2, 'the same bytes');
  assert.equal(count('%t = call i64 helper 2 map_update_elem(%2, %k, %1, 0)'), 2, 'maps change');
  assert.equal(count('%g = globaladdr "x"\nstore 64 5, %g'), 1, 'another object');
});

test('a struct on the stack becomes values; a variable index keeps it in memory', () => {
  const split = fn(`
    %1 = alloca 12 align 4
    memset %1, 0, 12 align 4
    store 32 5, %1+4
    %2 = load i64 u32 %1+4
    %3 = load i64 u32 %1+8
    %4 = add i64 %2, %3
    return %4`);
  sroa(split);
  mem2reg(split);
  assert.deepEqual(lines(split, 'alloca', 'load', 'store'), []);
  const kept = fn(`
    %1 = alloca 16 align 8
    memset %1, 0, 16 align 8
    %2 = and i64 %n, 15
    %3 = ptradd %1, %2
    %4 = load i64 u8 %3
    return %4`);
  sroa(kept);
  assert.equal(lines(kept, 'alloca').length, 1);
});

test('loops are unrolled where asked or where the verifier needs constants', () => {
  const loop = (attribute: string, address: string): number => {
    const f = fn(`
      %1 = alloca 64 align 8
      memset %1, 0, 64 align 8
      jump b1
    b1:${attribute}
      %i = phi i64 [b0: 0, b1: %next]
      %sum = phi i64 [b0: 0, b1: %more]
      %at = ptradd ${address}, %i
      %v = load i64 u8 %at
      %more = add i64 %sum, %v
      %next = add i64 %i, 1
      %c = cmp ult i64 %next, 5
      branch %c, b1, b2
    b2:
      return %more`);
    unrollLoops(f, new Diagnostics());
    return lines(f, 'load').length;
  };
  assert.equal(loop(' unroll=full', '%1'), 5);
  assert.equal(loop('', '%ctx'), 5, 'an index into the context must be constant');
  assert.equal(loop('', '%1'), 5, 'a small array can become values');
  assert.equal(loop(' unroll=none', '%1'), 1);
  const unknown = parseModule(`function f(i64 %n): i64 static auto {
    b0:
      jump b1
    b1: unroll=full
      %i = phi i64 [b0: 0, b1: %next]
      %next = add i64 %i, 1
      %c = cmp ult i64 %next, %n
      branch %c, b1, b2
    b2:
      return %next
    }`).functions.get('f') as IrFunction;
  const diagnostics = new Diagnostics();
  unrollLoops(unknown, diagnostics);
  assert.deepEqual(
    diagnostics.list.map((d) => `${d.severity} ${d.code}`),
    ['warning unroll-failed'],
  );
});

test('two questions about one byte are one', () => {
  const text = `function f(i32 %x): i32 static auto {
    b0:
      %b = and i32 %x, 255
      %h = lshr i32 %b, 4
      %c = cmp ne i32 %h, 4
      branch %c, b9, b1
    b1:
      %l = and i32 %b, 15
      %d = cmp eq i32 %l, 5
      branch %d, b2, b9
    b2:
      return 1:i32
    b9:
      return 0:i32
    }`;
  const f = parseFunction(text);
  assert.ok(mergeConditions(f));
  const run = (g: IrFunction, x: bigint): bigint | undefined =>
    interpret({ functions: new Map([['f', g]]), globals: new Map() }, 'f', [x]).value;
  const before = parseFunction(text);
  for (let x = 0n; x < 256n; x++) assert.equal(run(f, x), run(before, x), String(x));
  const branches = f.blocks.filter((b) => b.term.op === 'branch').length;
  assert.equal(branches, 1);
});
