/** Every rewrite row computes what it replaces, over edge and random inputs. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { evalBin } from '../../../src/compiler/ir/eval.ts';
import type { Have, Step } from '../../../src/compiler/target/rewrites/by-constant.ts';
import { CONSTANT_ROWS } from '../../../src/compiler/target/rewrites/by-constant.ts';
import type { Pattern } from '../../../src/compiler/target/rewrites/windows.ts';
import { parsePattern, WINDOW_ROWS } from '../../../src/compiler/target/rewrites/windows.ts';
import { randomSource } from '../isa/random-insns.ts';

const random = randomSource(42);
const EDGES = [
  0n,
  1n,
  2n,
  3n,
  5n,
  7n,
  8n,
  10n,
  31n,
  32n,
  63n,
  64n,
  100n,
  255n,
  256n,
  1000n,
  0x7fffn,
  0x8000n,
  0xffffn,
  0x1_0000n,
  0x4000_0000n,
  0x7fff_ffffn,
  0x8000_0000n,
  0xffff_ff00n,
  0xffff_fffen,
  0xffff_ffffn,
  0x1_0000_0000n,
  0xff_ffff_ffffn,
  1n << 47n,
  1n << 62n,
  (1n << 63n) - 1n,
  1n << 63n,
  0xffff_ffff_0000_0000n,
  0xffff_ffff_8000_0000n,
  0xffff_ffff_7fff_ffffn,
  0xffff_ffff_ffff_ff00n,
  0xffff_ffff_ffff_fffen,
  0xffff_ffff_ffff_ffffn,
];

function word(): bigint {
  return (BigInt(random(0x1_0000_0000)) << 32n) | BigInt(random(0x1_0000_0000));
}

/** BPF's arithmetic, from the standard's text. */
function alu(op: string, wide: boolean, d: bigint, s: bigint): bigint {
  const width = wide ? 64 : 32;
  const u = (v: bigint): bigint => BigInt.asUintN(width, v);
  const a = u(d),
    b = u(s),
    count = b & BigInt(width - 1);
  switch (op) {
    case 'mov':
      return b;
    case 'add':
      return u(a + b);
    case 'sub':
      return u(a - b);
    case 'mul':
      return u(a * b);
    case 'div':
      return b === 0n ? 0n : a / b;
    case 'mod':
      return b === 0n ? a : a % b;
    case 'and':
      return a & b;
    case 'or':
      return a | b;
    case 'xor':
      return a ^ b;
    case 'lsh':
      return u(a << count);
    case 'rsh':
      return a >> count;
    case 'arsh':
      return u(BigInt.asIntN(width, a) >> count);
    case 'neg':
      return u(-a);
    default:
      throw new Error(op);
  }
}

function runSteps(steps: readonly Step[], width: 32 | 64, x: bigint): bigint {
  const regs = { d: x, t: 0xdead_beefn };
  for (const step of steps) {
    const from = typeof step.from === 'number' ? BigInt.asUintN(64, BigInt(step.from)) : regs[step.from];
    if (typeof step.from === 'number') {
      assert.ok(step.from >= -0x8000_0000 && step.from <= 0xffff_ffff, `immediate ${step.from}`);
      if (step.op === 'lsh' || step.op === 'rsh' || step.op === 'arsh')
        assert.ok(step.from >= 0 && step.from < width, `shift by ${step.from}`);
      if (step.op === 'div' || step.op === 'mod') assert.notEqual(step.from, 0);
    }
    // Copies are made in 64 bits, as selection does.
    const wide = width === 64 ? !step.narrow : step.op === 'mov' && typeof step.from !== 'number';
    regs[step.to] = alu(step.op, wide, regs[step.to], from);
  }
  return BigInt.asUintN(width, regs.d);
}

test('arithmetic by constants', () => {
  const used = new Set<string>();
  const targets: readonly Have[] = [
    { alu32: true, signedDivision: false },
    { alu32: true, signedDivision: true },
    { alu32: false, signedDivision: false },
  ];
  for (const row of CONSTANT_ROWS) {
    for (const have of targets) {
      for (const width of [32, 64] as const) {
        // Before v3 there is no 32-bit arithmetic at all.
        if (width === 32 && !have.alu32) continue;
        const type = width === 32 ? 'i32' : 'i64';
        const constants = [
          ...EDGES,
          ...Array.from({ length: 64 }, (_, k) => 1n << BigInt(k)),
          ...Array.from({ length: 64 }, (_, k) => -(1n << BigInt(k))),
          ...Array.from({ length: 40 }, word),
        ];
        for (const c of constants.map((v) => BigInt.asUintN(width, v))) {
          if (!row.when(c, width, have)) continue;
          used.add(row.name);
          const steps = row.steps(c, width);
          for (const x of [...EDGES, ...Array.from({ length: 20 }, word)].map((v) => BigInt.asUintN(width, v))) {
            assert.equal(runSteps(steps, width, x), evalBin(row.op, type, x, c), `${row.name}: ${x} by ${c}, ${width} bits`);
          }
        }
      }
    }
  }
  assert.deepEqual(
    CONSTANT_ROWS.filter((r) => !used.has(r.name)).map((r) => r.name),
    [],
    'rows that nothing tried',
  );
});

const NAMES: Readonly<Record<number, string>> = {
  0x00: 'add',
  0x10: 'sub',
  0x20: 'mul',
  0x40: 'or',
  0x50: 'and',
  0x60: 'lsh',
  0x70: 'rsh',
  0xa0: 'xor',
  0xb0: 'mov',
  0xc0: 'arsh',
};

interface Regs {
  d: bigint;
  s: bigint;
}

/** Runs one side of a window. `slot` and `load` stand for what a stack address and a load give. */
function runPattern(p: Pattern, regs: Regs, imm: { A: number; B: number; C: number }, load: bigint, slot: bigint): void {
  if (p.op === 0x100) {
    regs.d = slot;
    return;
  }
  if ((p.op & 7) === 1) {
    regs.d = load & ({ 0x71: 0xffn, 0x69: 0xffffn, 0x61: 0xffff_ffffn }[p.op] as bigint);
    return;
  }
  const value =
    p.src === 'd' ? regs.d : p.src === 's' ? regs.s : BigInt.asUintN(64, BigInt(typeof p.imm === 'number' ? p.imm : imm[p.imm ?? 'A']));
  regs.d = alu(NAMES[p.op & 0xf0] as string, (p.op & 7) === 7, regs.d, value);
}

test('windows of two instructions', () => {
  for (const row of WINDOW_ROWS) {
    const text = `${row.first}; ${row.then}`;
    // '*' is any 32-bit arithmetic: multiplication stands for it.
    const first = parsePattern(row.first.endsWith('*') ? 'wd *= A' : row.first),
      then = parsePattern(row.then);
    const to = row.to === '' ? undefined : parsePattern(row.to);
    const shift = /<<=|>>=/.test(text);
    let tried = 0;
    const numbers = shift
      ? [0, 1, 7, 15, 16, 31, ...(row.first.startsWith('w') ? [] : [32, 40, 63])]
      : [0, 1, -1, 255, 256, 0xffff, 0x7fff_ffff, -0x8000_0000, random(0x8000_0000), -random(0x8000_0000)];
    for (const A of numbers) {
      for (const B of numbers) {
        if (row.when?.(A, B) === false) continue;
        const C = row.C?.(A, B) ?? 0;
        assert.ok(C >= -0x8000_0000 && C <= 0x7fff_ffff, `${text}: immediate ${C}`);
        for (const x of [...EDGES, word(), word()]) {
          tried++;
          const slot = 0xffff_c900_0000_1000n,
            load = word();
          const before: Regs = { d: x, s: word() };
          const after: Regs = { ...before };
          runPattern(first, before, { A, B, C }, load, slot);
          runPattern(then, before, { A, B, C }, load, slot);
          if (to === undefined) runPattern(first, after, { A, B, C }, load, slot);
          else if (to.op === 0x100) after.d = slot + BigInt(B);
          else runPattern(to, after, { A, B, C }, load, slot);
          assert.equal(after.d, BigInt.asUintN(64, before.d), `${text} -> ${row.to || 'first'}: A=${A} B=${B} x=${x}`);
        }
      }
    }
    assert.ok(tried > 0, `${text} was never tried`);
  }
});
