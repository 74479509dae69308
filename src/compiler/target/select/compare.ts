/**
 * Comparisons. A comparison that decides a branch is the branch; only one whose value is wanted becomes 0 or 1.
 *
 * Width: two i32 whose registers are zero-extended are compared with 64-bit jumps where that means the same, so that
 * the bound the verifier learns is on the whole register, which is what a later pointer addition uses.
 */
import { CLASS, JMP, SRC } from '../../../isa/insn.ts';
import { negatePred, swapPred } from '../../ir/eval.ts';
import type { Cmp, Pred, Value } from '../../ir/ir.ts';
import { asImm64 } from '../bits.ts';
import type { MBlock } from '../machine.ts';
import { MOV64_IMM, NONE } from '../machine.ts';
import { signExtended, zeroExtended } from './arithmetic.ts';
import type { Facts } from './facts.ts';
import { bitsOf } from './facts.ts';
import type { Selection } from './selection.ts';

const JUMPS: Readonly<Record<Pred, number>> = {
  eq: JMP.JEQ,
  ne: JMP.JNE,
  ult: JMP.JLT,
  ule: JMP.JLE,
  ugt: JMP.JGT,
  uge: JMP.JGE,
  slt: JMP.JSLT,
  sle: JMP.JSLE,
  sgt: JMP.JSGT,
  sge: JMP.JSGE,
  set: JMP.JSET,
};
const LESS: ReadonlySet<Pred> = new Set<Pred>(['ult', 'ule', 'slt', 'sle']);
const SIGNED: ReadonlySet<Pred> = new Set<Pred>(['slt', 'sle', 'sgt', 'sge']);

/** Ends the current block: `then` where the value is not zero. */
export function branchOn(s: Selection, cond: Value, then: MBlock, otherwise: MBlock): void {
  const v = conditionOf(s.facts, cond);
  if (v.op === 'const') {
    s.block.next = v.value !== 0n ? then : otherwise;
    return;
  }
  if (v.op === 'cmp') return compareAndBranch(s, v.pred, v.a, v.b, then, otherwise);
  const parts = conditionParts(s.facts, v);
  if (parts?.kind === 'not') return branchOn(s, parts.a, otherwise, then);
  if (parts) {
    const second = s.newBlock();
    if (parts.kind === 'and') branchOn(s, parts.a, second, otherwise);
    else branchOn(s, parts.a, then, second);
    s.continueIn(second);
    return branchOn(s, parts.b, then, otherwise);
  }
  const zero: Value = v.type === 'i32' ? ZERO32 : ZERO64;
  compareAndBranch(s, 'ne', v, zero, then, otherwise);
}

const ZERO32 = { op: 'const', type: 'i32', value: 0n } as const;
const ZERO64 = { op: 'const', type: 'i64', value: 0n } as const;

/** The truth value below extensions. */
export function conditionOf(facts: Facts, cond: Value): Value {
  let v = cond;
  while ((v.op === 'ext' && !v.signed) || v.op === 'trunc') {
    if (bitsOf(facts.bits, v.a) > 1) break;
    v = v.a;
  }
  return v;
}

export type ConditionParts =
  | { readonly kind: 'not'; readonly a: Value }
  | { readonly kind: 'and' | 'or'; readonly a: Value; readonly b: Value };

/** A condition made of comparisons that nobody else wants: decided one by one. */
export function conditionParts(facts: Facts, v: Value): ConditionParts | undefined {
  if (v.op !== 'bin' || v.type !== 'i32' || facts.uses[v.id] !== 1) return undefined;
  if (v.bin === 'xor' && v.b.op === 'const' && v.b.value === 1n && bitsOf(facts.bits, v.a) === 1) return { kind: 'not', a: v.a };
  if (v.bin !== 'and' && v.bin !== 'or') return undefined;
  const lone = (x: Value): boolean => x.op === 'cmp' && facts.uses[x.id] === 1;
  return lone(v.a) && lone(v.b) ? { kind: v.bin, a: v.a, b: v.b } : undefined;
}

export function compareAndBranch(s: Selection, pred: Pred, a: Value, b: Value, then: MBlock, otherwise: MBlock): void {
  if (a.op === 'const' && b.op !== 'const') return compareAndBranch(s, swapPred(pred), b, a, then, otherwise);
  if (b.op === 'const' && b.value === 0n && (pred === 'eq' || pred === 'ne')) {
    const bit = s.resolve(a);
    // (x & y) != 0. The lookup goes through extensions, so the operands' own type decides the width.
    if (bit.op === 'bin' && bit.bin === 'and' && s.facts.uses[bit.id] === 1 && bit.type === a.type && foldsMask(bit.b, bit.type)) {
      return pred === 'ne'
        ? compareAndBranch(s, 'set', bit.a, bit.b, then, otherwise)
        : compareAndBranch(s, 'set', bit.a, bit.b, otherwise, then);
    }
    // (x >> k) == 0 asks whether x is below 2^k, and the verifier learns that bound.
    if (
      bit.op === 'bin' &&
      bit.bin === 'lshr' &&
      bit.type === a.type &&
      bit.b.op === 'const' &&
      s.facts.uses[bit.id] === 1 &&
      bit.b.value < (bit.type === 'i32' ? 32n : 31n)
    ) {
      const bound: Value = { op: 'const', type: bit.type, value: 1n << bit.b.value };
      return compareAndBranch(s, pred === 'eq' ? 'ult' : 'uge', bit.a, bound, then, otherwise);
    }
    // Comparing a truth value with zero is that truth value.
    if (bit.op === 'cmp') return pred === 'ne' ? branchOn(s, bit, then, otherwise) : branchOn(s, bit, otherwise, then);
  }
  if (!s.cpu.less && LESS.has(pred)) {
    if (b.op !== 'const') return compareAndBranch(s, swapPred(pred), b, a, then, otherwise);
    return compareAndBranch(s, negatePred(pred) as Pred, a, b, otherwise, then);
  }
  const narrow = a.type === 'i32' || b.type === 'i32';
  let wide = !narrow;
  let ra: number;
  let imm: number | undefined;
  let rb = NONE;
  if (narrow) {
    const unsigned = !SIGNED.has(pred);
    const small = b.op === 'const' && b.value < 0x8000_0000n;
    const zeros = s.isZeroExtended(a) && (b.op === 'const' ? small : s.isZeroExtended(b));
    const positive = zeros && s.bits(a) < 32 && s.bits(b) < 32;
    if ((unsigned && zeros) || positive) {
      wide = true;
      ra = s.reg(a);
      if (b.op === 'const') imm = Number(b.value);
      else rb = s.reg(b);
    } else if (s.cpu.alu32) {
      ra = s.reg(a);
      if (b.op === 'const') imm = Number(b.value) | 0;
      else rb = s.reg(b);
    } else {
      wide = true;
      const extend = unsigned ? zeroExtended : signExtended;
      ra = extend(s, a);
      const k = b.op === 'const' ? (unsigned ? b.value : BigInt.asUintN(64, BigInt.asIntN(32, b.value))) : undefined;
      imm = k === undefined ? undefined : asImm64(k);
      if (imm === undefined) rb = extend(s, b);
    }
  } else {
    ra = s.reg(a);
    if (b.op === 'const') {
      imm = asImm64(b.value);
      if (imm === undefined && s.cpu.alu32 && b.value < 0x1_0000_0000n && s.bits(a) <= 32 && !SIGNED.has(pred)) {
        wide = false;
        imm = Number(b.value) | 0;
      }
    }
    if (imm === undefined) rb = s.reg(b);
  }
  const cls = wide ? CLASS.JMP : CLASS.JMP32;
  if (imm !== undefined) s.emit(cls | JUMPS[pred] | SRC.K, ra, NONE, 0, imm);
  else s.emit(cls | JUMPS[pred] | SRC.X, ra, rb, 0, 0);
  s.block.loc = s.loc;
  s.block.taken = then;
  s.block.next = otherwise;
}

function foldsMask(mask: Value, type: 'i32' | 'i64'): boolean {
  return mask.op !== 'const' || type === 'i32' || asImm64(mask.value) !== undefined;
}

/** The comparison as a number: `dst = 1; if (a pred b) goto on; dst = 0; on:` */
export function selectCmp(s: Selection, i: Cmp): void {
  const dst = s.target(i);
  const on = s.newBlock(),
    no = s.newBlock();
  s.emit(MOV64_IMM, dst, NONE, 0, 1);
  compareAndBranch(s, i.pred, i.a, i.b, on, no);
  s.continueIn(no);
  s.emit(MOV64_IMM, dst, NONE, 0, 0);
  no.next = on;
  s.continueIn(on);
}
