/** Functions at the limits: jumps that do not reach, many values at once, thousands of instructions. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Builder, constant, newFunction } from '../../../src/compiler/ir/builder.ts';
import { IrMemory } from '../../../src/compiler/ir/interpret.ts';
import type { IrFunction, IrModule, Value } from '../../../src/compiler/ir/ir.ts';
import { printFunction } from '../../../src/compiler/ir/print.ts';
import { slotOfIndex } from '../../../src/isa/encode.ts';
import { randomSource } from '../isa/random-insns.ts';
import { assertSame, emit, randomInputs } from './compare.ts';
import { evaluate } from './evaluate.ts';
import { randomModule } from './random-ir.ts';

function moduleOf(fn: IrFunction): IrModule {
  return { functions: new Map([['f', fn]]), globals: new Map() };
}

function shape(): IrFunction {
  return newFunction({
    name: 'f',
    linkage: 'static',
    inline: 'never',
    returns: 'i64',
    loc: 1,
    end: 1,
    params: [
      { type: 'ptr', name: 'buf', loc: 1 },
      { type: 'i64', name: 'a', loc: 1 },
      { type: 'i32', name: 'b', loc: 1 },
      { type: 'i64', name: 'c', loc: 1 },
    ],
  });
}

/** A loop around so much code that neither way back nor way out can be a plain jump. */
function longLoop(stores: number): IrFunction {
  const fn = shape();
  const b = new Builder(fn);
  const [buffer, a] = fn.params as [Value, Value];
  const header = b.newBlock(),
    body = b.newBlock(),
    odd = b.newBlock(),
    even = b.newBlock(),
    latch = b.newBlock(),
    after = b.newBlock();
  const entry = b.block;
  b.jump(header);
  b.place(header);
  const counter = b.phi('i64', [{ block: entry, value: constant('i64', 0) }]);
  b.branch(b.cmp('ult', counter, constant('i64', 4)), body, after);
  b.place(body);
  const x = b.bin('add', a, counter);
  b.branch(b.bin('and', b.trunc(x), constant('i32', 1)), odd, even);
  for (const [block, by] of [
    [odd, 3],
    [even, 5],
  ] as const) {
    b.place(block);
    for (let k = 0; k < stores / 2; k++) b.store(64, b.bin('add', x, constant('i64', k * by)), buffer, 8 * (k % 32), { volatile: true });
    b.jump(latch);
  }
  b.place(latch);
  counter.incoming.push({ block: b.block, value: b.bin('add', counter, constant('i64', 1)) });
  b.jump(header);
  b.place(after);
  b.return(b.load('i64', 64, false, buffer, 8));
  return fn;
}

for (const cpu of [3, 4] as const) {
  test(`jumps beyond 32767 instructions, v${cpu}`, () => {
    const fn = longLoop(40_000);
    const spec = emit(moduleOf(fn), 'f', cpu);
    assert.ok(spec.insns.length > 80_000);
    const slots = slotOfIndex(spec.insns);
    for (const [k, i] of spec.insns.entries()) {
      const cls = i.op & 7;
      if ((cls !== 5 && cls !== 6) || i.op === 0x85 || i.op === 0x95) continue;
      assert.ok(i.op === 0x06 ? cpu === 4 : Math.abs(i.off) <= 0x7fff, `instruction ${k}`);
    }
    assert.equal(slots.length >= spec.insns.length, true);
    for (const a of [0n, 1n]) {
      const memory = new IrMemory();
      const bytes = new Uint8Array(256);
      const got = evaluate(spec, [memory.add('buf', bytes), a, 0n, 0n], {
        memory,
        functions: new Map(),
        packet: new Uint8Array(0),
        address: () => 0n,
        helper: () => 0n,
      });
      // The last round's last store to element 1: k is the largest below 20000 with k % 32 = 1.
      const k = 19_969n,
        x = a + 3n;
      assert.equal(got.value, x + k * (x % 2n === 1n ? 3n : 5n));
    }
  });
}

/** A switch whose cases are far from where they are chosen, and whose ends are far from the end. */
function manyCases(cases: number): IrFunction {
  const fn = shape();
  const b = new Builder(fn);
  const [buffer, a] = fn.params as [Value, Value];
  const blocks = Array.from({ length: cases }, () => b.newBlock());
  const after = b.newBlock();
  b.switch(
    a,
    blocks.map((to, k) => ({ low: BigInt(k * 3), high: BigInt(k * 3), to })),
    after,
    false,
  );
  blocks.forEach((block, k) => {
    b.place(block);
    b.store(64, constant('i64', k + 1), buffer, 0, { volatile: true });
    b.store(64, constant('i64', k + 2), buffer, 8, { volatile: true });
    b.jump(after);
  });
  b.place(after);
  b.return(b.load('i64', 64, false, buffer, 8));
  return fn;
}

for (const cpu of [3, 4] as const) {
  test(`thousands of jumps that do not reach, v${cpu}: all lead where they should, none is out of control's way`, () => {
    const CASES = 14_000;
    const spec = emit(moduleOf(manyCases(CASES)), 'f', cpu);
    for (const k of [0, 1, 77, 5000, 9999, CASES - 1, CASES]) {
      const memory = new IrMemory();
      const got = evaluate(spec, [memory.add('buf', new Uint8Array(256)), BigInt(k * 3), 0n, 0n], {
        memory,
        functions: new Map(),
        packet: new Uint8Array(0),
        address: () => 0n,
        helper: () => 0n,
      });
      assert.equal(got.value, k < CASES ? BigInt(k + 2) : 0n, `case ${k}`);
    }
    // What the verifier asks first: each instruction can be come to.
    const slots = slotOfIndex(spec.insns);
    const indexOf = new Map(spec.insns.map((_, at) => [slots[at] as number, at]));
    const seen = new Uint8Array(spec.insns.length);
    const todo = [0];
    for (let at = todo.pop(); at !== undefined; at = todo.pop()) {
      if (seen[at] === 1) continue;
      seen[at] = 1;
      const insn = spec.insns[at] as (typeof spec.insns)[number];
      const jumps = (insn.op & 7) === 5 || (insn.op & 7) === 6;
      if (insn.op === 0x95) continue;
      if (jumps && insn.op !== 0x85) {
        const off = insn.op === 0x06 ? insn.imm : insn.off;
        assert.ok(insn.op === 0x06 || Math.abs(off) <= 0x7fff);
        todo.push(indexOf.get((slots[at] as number) + 1 + off) as number);
      }
      if (insn.op !== 0x05 && insn.op !== 0x06) todo.push(at + 1);
    }
    assert.equal(seen.indexOf(0), -1);
  });
}

test('fifty values at once, across calls', () => {
  const fn = shape();
  const b = new Builder(fn);
  const values: Value[] = [];
  for (let k = 0; k < 25; k++) values.push(b.bin('add', b.load('i64', 64, false, fn.params[0] as Value, 8 * (k % 32)), constant('i64', k)));
  values.push(b.call('i64', { kind: 'helper', id: 102, name: 'mix' }, [values[7] as Value, values[21] as Value]));
  for (let k = 0; k < 25; k++) values.push(b.bin('xor', values[k] as Value, values[(k * 7 + 3) % 25] as Value));
  values.push(b.call('i64', { kind: 'helper', id: 105, name: 'mix' }, values.slice(30, 35)));
  let sum: Value = constant('i64', 0);
  for (const v of values) sum = b.bin('add', b.bin('mul', sum, constant('i64', 31)), v);
  b.return(sum);
  const module = moduleOf(fn);
  const spec = emit(module, 'f', 3);
  for (let k = 0; k < 4; k++) assertSame(module, fn, spec, randomInputs(randomSource(k)), () => printFunction(fn));
});

test('spills are whole aligned slots', () => {
  for (let seed = 1; seed <= 20; seed++) {
    const { module } = randomModule(randomSource(seed), { size: 14, variables: 10 });
    const spec = emit(module, 'f', 3);
    // The generator's objects are accessed at their start only, so every eight-byte access to the frame must be aligned.
    for (const i of spec.insns) if (i.op === 0x7b && i.dst === 10) assert.equal(i.off & 7, 0);
  }
});

test('the same function gives the same code', () => {
  for (let seed = 500; seed < 530; seed++) {
    const one = emit(randomModule(randomSource(seed), { size: 12, variables: 6 }).module, 'f', 3);
    const { module } = randomModule(randomSource(seed), { size: 12, variables: 6 });
    const two = emit(module, 'f', 3),
      three = emit(module, 'f', 3);
    assert.deepEqual(two, one);
    assert.deepEqual(three, one, 'emitting changed the function');
  }
});

test('every instruction has a position, where the function has them', () => {
  const { module } = randomModule(randomSource(9), { size: 12 });
  const spec = emit(module, 'f', 3);
  assert.equal(spec.lines[0]?.insn, 0);
  for (let k = 1; k < spec.lines.length; k++) assert.ok((spec.lines[k]?.insn ?? 0) > (spec.lines[k - 1]?.insn ?? 0));
  assert.ok(spec.lines.length > 10);
});
