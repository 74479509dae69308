/**
 * Arithmetic with a constant that has a cheaper way than the plain instruction, as rows. A row's steps work on `d`, which
 * holds the first operand and gets the result, and may use one more register `t`. A test runs every row beside the plain
 * operation over random and edge inputs.
 *
 * The first row that applies is taken; no row, the plain instruction.
 */
import type { BinOp } from '../../ir/ir.ts';
import { asImm64, bitLength, powerOfTwo } from '../bits.ts';

export type StepOp = 'mov' | 'add' | 'sub' | 'mul' | 'div' | 'mod' | 'and' | 'or' | 'xor' | 'lsh' | 'rsh' | 'arsh' | 'neg';

export interface Step {
  readonly op: StepOp;
  readonly to: 'd' | 't';
  /** A register or an immediate; ignored by `neg`. */
  readonly from: 'd' | 't' | number;
  /** In the 32-bit form although the operation is wide: clears the upper half. */
  readonly narrow?: boolean;
}

export interface ConstantRow {
  readonly name: string;
  readonly op: BinOp;
  readonly when: (c: bigint, width: 32 | 64, have: Have) => boolean;
  readonly steps: (c: bigint, width: 32 | 64) => readonly Step[];
}

/** What the target has. */
export interface Have {
  readonly alu32: boolean;
  readonly signedDivision: boolean;
}

const on = (op: StepOp, from: Step['from'], narrow?: boolean): Step => ({ op, to: 'd', from, ...(narrow ? { narrow } : {}) });
const aside = (op: StepOp, from: Step['from']): Step => ({ op, to: 't', from });

const isPower = (c: bigint): boolean => powerOfTwo(c) >= 0;
/** 2^k that is positive when read as signed. */
const isSignedPower = (c: bigint, width: number): boolean => powerOfTwo(c) >= 1 && powerOfTwo(c) < width - 1;
const negated = (c: bigint, width: number): bigint => BigInt.asUintN(width, -c);
const isNegative = (c: bigint, width: number): boolean => c >> BigInt(width - 1) === 1n;
const magnitude = (c: bigint, width: number): bigint => (isNegative(c, width) ? negated(c, width) : c);
const fits = (c: bigint, width: number): boolean => width === 32 || asImm64(c) !== undefined;
const imm = (c: bigint): number => asImm64(c) ?? Number(BigInt.asIntN(32, c));
const isLowMask = (c: bigint): boolean => c !== 0n && isPower(c + 1n);

/** What a negative dividend must have added so that the shift rounds toward zero: 2^k - 1, from the sign. */
const bias = (k: number, width: number): Step[] => [
  aside('mov', 'd'),
  ...(k > 1 ? [aside('arsh', width - 1)] : []),
  aside('rsh', width - k),
];

/** Unsigned division of the magnitude, with the sign taken off and put back. */
const bySign = (op: 'div' | 'mod', c: bigint, width: number): Step[] => [
  aside('mov', 'd'),
  aside('arsh', width - 1),
  on('xor', 't'),
  on('sub', 't'),
  on(op, imm(magnitude(c, width))),
  on('xor', 't'),
  on('sub', 't'),
  ...(op === 'div' && isNegative(c, width) ? [on('neg', 0)] : []),
];

export const CONSTANT_ROWS: readonly ConstantRow[] = [
  { name: 'x * 0', op: 'mul', when: (c) => c === 0n, steps: () => [on('mov', 0)] },
  { name: 'x * 1', op: 'mul', when: (c) => c === 1n, steps: () => [] },
  { name: 'x * -1', op: 'mul', when: (c, w) => negated(c, w) === 1n, steps: () => [on('neg', 0)] },
  { name: 'x * 2^k', op: 'mul', when: isPower, steps: (c) => [on('lsh', powerOfTwo(c))] },
  { name: 'x / 0', op: 'udiv', when: (c) => c === 0n, steps: () => [on('mov', 0)] },
  { name: 'x / 1', op: 'udiv', when: (c) => c === 1n, steps: () => [] },
  { name: 'x / 2^k', op: 'udiv', when: isPower, steps: (c) => [on('rsh', powerOfTwo(c))] },
  { name: 'x % 0', op: 'umod', when: (c) => c === 0n, steps: () => [] },
  { name: 'x % 1', op: 'umod', when: (c) => c === 1n, steps: () => [on('mov', 0)] },
  { name: 'x % 2^k', op: 'umod', when: (c, w) => isPower(c) && fits(c - 1n, w), steps: (c) => [on('and', imm(c - 1n))] },
  {
    name: 'x % 2^k, large',
    op: 'umod',
    when: (c, w) => isPower(c) && !fits(c - 1n, w),
    steps: (c) => [on('lsh', 64 - powerOfTwo(c)), on('rsh', 64 - powerOfTwo(c))],
  },
  {
    name: 'x & 0xffffffff',
    op: 'and',
    when: (c, w, have) => w === 64 && c === 0xffff_ffffn && have.alu32,
    steps: () => [on('mov', 'd', true)],
  },
  {
    name: 'x & 32 bits',
    op: 'and',
    when: (c, w, have) => w === 64 && !fits(c, w) && c <= 0xffff_ffffn && have.alu32,
    steps: (c) => [on('and', imm(c), true)],
  },
  {
    name: 'x & low mask',
    op: 'and',
    when: (c, w) => w === 64 && !fits(c, w) && isLowMask(c),
    steps: (c) => [on('lsh', 64 - bitLength(c)), on('rsh', 64 - bitLength(c))],
  },
  {
    name: 'x - c as x + -c',
    op: 'sub',
    when: (c, w) => !fits(c, w) && fits(negated(c, w), w),
    steps: (c, w) => [on('add', imm(negated(c, w)))],
  },
  { name: 'x s/ 0', op: 'sdiv', when: (c) => c === 0n, steps: () => [on('mov', 0)] },
  { name: 'x s/ 1', op: 'sdiv', when: (c) => c === 1n, steps: () => [] },
  { name: 'x s/ -1', op: 'sdiv', when: (c, w) => negated(c, w) === 1n, steps: () => [on('neg', 0)] },
  {
    name: 'x s/ 2^k',
    op: 'sdiv',
    when: (c, w) => isSignedPower(c, w),
    steps: (c, w) => [...bias(powerOfTwo(c), w), on('add', 't'), on('arsh', powerOfTwo(c))],
  },
  {
    name: 'x s/ -2^k',
    op: 'sdiv',
    when: (c, w) => isNegative(c, w) && isSignedPower(negated(c, w), w),
    steps: (c, w) => [...bias(powerOfTwo(negated(c, w)), w), on('add', 't'), on('arsh', powerOfTwo(negated(c, w))), on('neg', 0)],
  },
  {
    name: 'x s/ c',
    op: 'sdiv',
    when: (c, w, have) => c !== 0n && !have.signedDivision && fits(magnitude(c, w), w),
    steps: (c, w) => bySign('div', c, w),
  },
  { name: 'x s% 0', op: 'smod', when: (c) => c === 0n, steps: () => [] },
  { name: 'x s% ±1', op: 'smod', when: (c, w) => magnitude(c, w) === 1n, steps: () => [on('mov', 0)] },
  {
    // x - ((x + bias) & -2^k)
    name: 'x s% 2^k',
    op: 'smod',
    when: (c, w, have) => !have.signedDivision && isSignedPower(magnitude(c, w), w) && magnitude(c, w) <= 0x4000_0000n,
    steps: (c, w) => [...bias(powerOfTwo(magnitude(c, w)), w), aside('add', 'd'), aside('and', -Number(magnitude(c, w))), on('sub', 't')],
  },
  {
    name: 'x s% c',
    op: 'smod',
    when: (c, w, have) => c !== 0n && !have.signedDivision && fits(magnitude(c, w), w),
    steps: (c, w) => bySign('mod', c, w),
  },
];

export function constantRow(op: BinOp, c: bigint, width: 32 | 64, have: Have): ConstantRow | undefined {
  const rows = BY_OP.get(op);
  if (rows !== undefined) for (const row of rows) if (row.when(c, width, have)) return row;
  return undefined;
}

const BY_OP: ReadonlyMap<BinOp, readonly ConstantRow[]> = groupByOp();

function groupByOp(): Map<BinOp, ConstantRow[]> {
  const out = new Map<BinOp, ConstantRow[]>();
  for (const row of CONSTANT_ROWS) {
    const list = out.get(row.op);
    if (list) list.push(row);
    else out.set(row.op, [row]);
  }
  return out;
}
