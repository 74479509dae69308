import assert from 'node:assert/strict';
import { test } from 'node:test';
import { IrFault, IrMemory, interpret } from '../../../src/compiler/ir/interpret.ts';
import { parseModule } from '../../../src/compiler/ir/parse.ts';

test('a loop with memory, a call and a phi', () => {
  // Sum of squares of 1..n, kept in memory.
  const m = parseModule(`
    function square(i64 %x): i64 static auto {
    b0:
      %y = mul i64 %x, %x
      return %y
    }
    function sum(i64 %n): i64 global auto {
    b0:
      %s = alloca 8 align 8
      store 64 0, %s
      jump b1
    b1:
      %i = phi i64 [b0: 1, b2: %next]
      %c = cmp ule i64 %i, %n
      branch %c, b2, b3
    b2:
      %q = call i64 function square(%i)
      %old = load i64 u64 %s
      %new = add i64 %old, %q
      store 64 %new, %s
      %next = add i64 %i, 1
      jump b1
    b3:
      %r = load i64 u64 %s
      return %r
    }`);
  assert.equal(interpret(m, 'sum', [10n]).value, 385n);
});

test('division and shifts follow BPF', () => {
  const run = (op: string, type: string, a: bigint, b: bigint): bigint | undefined =>
    interpret(
      parseModule(`function f(${type} %a, ${type} %b): ${type} global auto {\nb0:\n  %r = ${op} ${type} %a, %b\n  return %r\n}`),
      'f',
      [a, b],
    ).value;
  // RFC 9669, section 4.1.
  assert.equal(run('udiv', 'i64', 7n, 0n), 0n);
  assert.equal(run('umod', 'i64', 7n, 0n), 7n);
  assert.equal(run('sdiv', 'i32', 0x8000_0000n, 0xffff_ffffn), 0x8000_0000n);
  assert.equal(run('smod', 'i64', BigInt.asUintN(64, -13n), 3n), BigInt.asUintN(64, -1n));
  assert.equal(run('shl', 'i32', 1n, 33n), 2n);
  assert.equal(run('ashr', 'i64', 1n << 63n, 63n), 0xffff_ffff_ffff_ffffn);
});

test('an access outside an object is a fault', () => {
  const m = parseModule('function f(ptr %p): i32 global auto {\nb0:\n  %v = load i32 u32 %p+5\n  return %v\n}');
  const memory = new IrMemory();
  const p = memory.add('buffer', new Uint8Array(8));
  assert.throws(
    () => interpret(m, 'f', [p], { memory }),
    (e) => e instanceof IrFault && /buffer\[5\] of 8/.test(e.message),
  );
  assert.throws(() => interpret(m, 'f', [p - 8n], { memory }), /buffer\[-3\]/);
  assert.throws(() => interpret(m, 'f', [0n], { memory }), /nothing/);
});

test('a packet load past the end ends the program with 0', () => {
  const m = parseModule('function f(ptr %c): i32 global auto {\nb0:\n  %v = ldpacket 16 %c+1\n  return %v\n}');
  assert.equal(interpret(m, 'f', [0n], { packet: Uint8Array.of(1, 2, 3) }).value, 0x203n);
  assert.equal(interpret(m, 'f', [0n], { packet: Uint8Array.of(1, 2) }).value, 0n);
});
