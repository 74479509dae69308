/**
 * `switch` as comparisons: BPF has no indirect jumps. Cases are sorted and merged; up to `LEAF` are tried one after the
 * other, more are halved by a comparison first.
 */
import type { Pred, Terminator, Value } from '../../ir/ir.ts';
import type { MBlock } from '../machine.ts';
import { compareAndBranch } from './compare.ts';
import type { Selection } from './selection.ts';

const LEAF = 4;

interface Range {
  low: bigint;
  high: bigint;
  readonly to: MBlock;
}

export function selectSwitch(s: Selection, t: Terminator & { op: 'switch' }, target: (to: (typeof t)['otherwise']) => MBlock): void {
  const otherwise = target(t.otherwise);
  const ranges = merged(
    t.cases.map((c) => ({ low: c.low, high: c.high, to: target(c.to) })).filter((r) => r.to !== otherwise && r.low <= r.high),
  );
  const width = t.value.type === 'i32' ? 32n : 64n;
  const min = t.signed ? -(1n << (width - 1n)) : 0n;
  const max = t.signed ? (1n << (width - 1n)) - 1n : (1n << width) - 1n;
  // One register for all comparisons, and for what is done with the value afterwards.
  const tree: Tree = {
    s,
    value: s.resolve(t.value).type === t.value.type ? s.resolve(t.value) : t.value,
    type: t.value.type as 'i32' | 'i64',
    signed: t.signed,
    otherwise,
  };
  if (ranges.length === 0) {
    s.block.next = otherwise;
    return;
  }
  decide(tree, ranges, min, max);
}

interface Tree {
  readonly s: Selection;
  readonly value: Value;
  readonly type: 'i32' | 'i64';
  readonly signed: boolean;
  readonly otherwise: MBlock;
}

function merged(ranges: Range[]): Range[] {
  ranges.sort((a, b) => (a.low < b.low ? -1 : a.low > b.low ? 1 : 0));
  const out: Range[] = [];
  for (const r of ranges) {
    const last = out[out.length - 1];
    if (last && last.to === r.to && last.high + 1n === r.low) last.high = r.high;
    else out.push({ ...r });
  }
  return out;
}

/** The value is known to be in min … max. */
function decide(tree: Tree, ranges: readonly Range[], min: bigint, max: bigint): void {
  if (ranges.length <= LEAF) return inOrder(tree, ranges, min, max);
  const half = ranges.length >> 1;
  const pivot = (ranges[half] as Range).low;
  const { s } = tree;
  const below = s.newBlock(),
    above = s.newBlock();
  compare(tree, tree.signed ? 'slt' : 'ult', pivot, below, above);
  s.continueIn(below);
  decide(tree, ranges.slice(0, half), min, pivot - 1n);
  s.continueIn(above);
  decide(tree, ranges.slice(half), pivot, max);
}

function inOrder(tree: Tree, ranges: readonly Range[], min: bigint, max: bigint): void {
  const { s } = tree;
  let low = min;
  ranges.forEach((r, k) => {
    const next = k === ranges.length - 1 ? tree.otherwise : s.newBlock();
    if (r.low <= low && r.high >= max) {
      s.block.next = r.to;
      return;
    }
    if (r.low === r.high) compare(tree, 'eq', r.low, r.to, next);
    else if (r.low <= low) compare(tree, tree.signed ? 'sle' : 'ule', r.high, r.to, next);
    else if (r.high >= max) compare(tree, tree.signed ? 'sge' : 'uge', r.low, r.to, next);
    else {
      const inside = s.newBlock();
      compare(tree, tree.signed ? 'sge' : 'uge', r.low, inside, next);
      s.continueIn(inside);
      compare(tree, tree.signed ? 'sle' : 'ule', r.high, r.to, next);
    }
    if (r.low <= low) low = r.high + 1n;
    s.continueIn(next);
  });
}

function compare(tree: Tree, pred: Pred, bound: bigint, then: MBlock, otherwise: MBlock): void {
  const k: Value = { op: 'const', type: tree.type, value: BigInt.asUintN(tree.type === 'i32' ? 32 : 64, bound) };
  compareAndBranch(tree.s, pred, tree.value, k, then, otherwise);
}
