/** The stack frame: size, sharing, alignment, and what is said when it is too large. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Diagnostic } from '../../../src/compiler/diagnostics.ts';
import { Diagnostics } from '../../../src/compiler/diagnostics.ts';
import { parseModule } from '../../../src/compiler/ir/parse.ts';
import { emitFunction } from '../../../src/compiler/target/emit-function.ts';
import type { FunctionSpec } from '../../../src/object/spec.ts';

function compile(body: string): { spec: FunctionSpec; list: readonly Diagnostic[] } {
  const module = parseModule(`function f(ptr %p): i64 static auto {\n${body}\n}`);
  const fn = module.functions.get('f');
  assert.ok(fn);
  const diagnostics = new Diagnostics();
  const spec = emitFunction(fn, module, { cpu: 3, diagnostics, resolve: () => undefined });
  return { spec, list: diagnostics.list };
}

const use = (object: string): string => `%u${object.slice(1)} = call i64 helper 5 t(${object})`;

test('objects that are not needed at the same time share bytes', () => {
  const { spec } = compile(
    'b0:\n%1 = alloca 100 align 8 "a"\n%2 = alloca 100 align 8 "b"\n%3 = alloca 100 align 8 "c"\n' +
      `store 64 1, %1\n${use('%1')}\nstore 64 2, %2\n${use('%2')}\nstore 64 3, %3\n${use('%3')}\nreturn 0:i64`,
  );
  assert.equal(spec.stack, 104);
});

test('objects in different branches share bytes, what both need does not', () => {
  const { spec } = compile(
    'b0:\n%1 = alloca 64 align 8 "left"\n%2 = alloca 64 align 8 "right"\n%3 = alloca 16 align 8 "both"\nstore 64 0, %3\n%c = load i32 u32 %p\nbranch %c, b1, b2\n' +
      `b1:\nstore 64 1, %1\n${use('%1')}\njump b3\nb2:\nstore 64 1, %2\n${use('%2')}\njump b3\nb3:\n%9 = load i64 u64 %3\nreturn %9`,
  );
  assert.equal(spec.stack, 80);
});

test('an object that a loop carries on keeps its place', () => {
  // `kept` is written before the loop and read in it; `each` is written and read in every round.
  const { spec } = compile(
    'b0:\n%1 = alloca 32 align 8 "kept"\n%2 = alloca 8 align 8 "each"\nstore 64 7, %1\njump b1\n' +
      `b1:\nstore 64 1, %2\n${use('%2')}\n%4 = load i64 u64 %1\n%5 = cmp ne i64 %4, 0\nbranch %5, b1, b2\nb2:\nreturn 0:i64`,
  );
  assert.equal(spec.stack, 40);
});

test('an address that was stored keeps its object apart from all', () => {
  const { spec } = compile(
    'b0:\n%1 = alloca 40 align 8 "target"\n%2 = alloca 8 align 8 "holder"\n%3 = alloca 40 align 8 "later"\n' +
      `store 64 1, %1\nstore 64 %1, %2\n${use('%2')}\nstore 64 1, %3\n${use('%3')}\nreturn 0:i64`,
  );
  // `holder` is done when `later` begins; `target` may still be reached through what the helper was given.
  assert.equal(spec.stack, 80);
});

test('alignment', () => {
  const { spec } = compile(
    'b0:\n%1 = alloca 1 align 1 "a"\n%2 = alloca 4 align 4 "b"\n%3 = alloca 8 align 8 "c"\nstore 8 1, %1\nstore 32 2, %2\nstore 64 3, %3\n' +
      '%4 = call i64 helper 5 t(%1, %2, %3)\nreturn %4',
  );
  const offsets = spec.insns
    .filter((i) => (i.op & 7) === 2 || (i.op & 7) === 3)
    .map((i) => ({ off: i.off, size: [4, 2, 1, 8][(i.op >> 3) & 3] as number }));
  for (const { off, size } of offsets) assert.equal(Math.abs(off) % size, 0, `${size} bytes at ${off}`);
  assert.equal(new Set(offsets.map((o) => o.off)).size, offsets.length);
});

test('too much stack names the variables that take it, at their positions', () => {
  const { spec, list } = compile(
    'b0:\n%1 = alloca 400 align 8 "buffer" !12\n%2 = alloca 200 align 8 "record" !15\n%3 = alloca 8 align 8 "small" !17\n' +
      'store 64 1, %1\nstore 64 1, %2\nstore 64 1, %3\n%4 = call i64 helper 5 t(%1, %2, %3) !20\nreturn %4',
  );
  assert.equal(spec.stack, 608);
  assert.equal(list.length, 1);
  const [d] = list;
  assert.equal(d?.code, 'stack-too-large');
  assert.equal(d?.loc, 12);
  assert.match(d?.message ?? '', /f needs 608 bytes of stack, BPF has 512; the largest: 'buffer' \(400 bytes\), 'record' \(200 bytes\)/);
  assert.deepEqual(
    d?.notes?.map((n) => n.loc),
    // The small one is not to blame.
    [12, 15],
  );
});
