/**
 * What selection wants to know about IR values before it begins, in one pass over the function:
 *
 *   uses    how often each instruction is used
 *   bits    an upper bound: the value, read as unsigned, is below 2^bits
 *   zero    an i32's register will have a zero upper half, because the instruction leaves one (32-bit forms do) or
 *           because some use needs it and then the definition clears it. So an index keeps one register from its
 *           bounds check to its use, and the verifier sees both.
 *   roots   which allocas a pointer may point into
 */

import type { Cfg } from '../../ir/cfg.ts';
import type { Inst, IrFunction, Phi, Pred, Select, Value } from '../../ir/ir.ts';
import { countUses, forEachOperand, isInst, termOperand } from '../../ir/uses.ts';
import { bitLength } from '../bits.ts';

export interface Facts {
  /** Whether there are 32-bit forms. */
  readonly alu32: boolean;
  /** By instruction id. */
  readonly uses: Int32Array;
  /** By instruction id. */
  readonly bits: Uint8Array;
  /** By instruction id, 1 where the register's upper half will be zero. Only for i32. */
  readonly zero: Uint8Array;
  /** By instruction id, 1 where selection must clear the upper half after computing the value. */
  readonly clear: Uint8Array;
  /** By instruction id, 1 for an i32 that is also wanted sign-extended. Only without 32-bit forms. */
  readonly signed: Uint8Array;
  /** By parameter index, as `signed`. */
  readonly signedParams: Uint8Array;
  /** By instruction id, 1 for a memcmp that is only asked whether it is zero. */
  readonly equality: Uint8Array;
  /** By parameter index, as `clear`. */
  readonly clearParams: Uint8Array;
  /** By instruction id: ids of allocas. Undefined for none. */
  readonly roots: readonly (readonly number[] | undefined)[];
  /** Ids of allocas whose address gets out of sight. */
  readonly escaped: ReadonlySet<number>;
}

export function gatherFacts(fn: IrFunction, cfg: Cfg, alu32: boolean): Facts {
  const bits = valueBits(fn, cfg);
  const zero = new Uint8Array(fn.nextId),
    clear = new Uint8Array(fn.nextId),
    clearParams = new Uint8Array(fn.params.length);
  upperHalves(cfg, alu32, bits, zero, clear, clearParams);
  const signed = new Uint8Array(fn.nextId),
    signedParams = new Uint8Array(fn.params.length);
  if (!alu32) signExtensions(cfg, signed, signedParams);
  return {
    alu32,
    uses: countUses(fn),
    bits,
    zero,
    clear,
    clearParams,
    signed,
    signedParams,
    equality: equalities(fn, cfg),
    ...findRoots(fn, cfg),
  };
}

/** Bits of any operand. */
export function bitsOf(bits: Uint8Array, v: Value): number {
  switch (v.op) {
    case 'const':
      return bitLength(v.value);
    case 'undef':
      return 0;
    case 'param':
      return v.type === 'i32' ? 32 : 64;
    default:
      return bits[v.id] as number;
  }
}

function valueBits(fn: IrFunction, cfg: Cfg): Uint8Array {
  const bits = new Uint8Array(fn.nextId);
  const known = (v: Value): number => {
    const b = bitsOf(bits, v);
    // Zero on an instruction: a phi's operand around a loop, not yet seen.
    return b === 0 && isInst(v) && v.type !== 'void' ? width(v) : b;
  };
  for (const block of cfg.order)
    for (const i of block.insts) if (i.type !== 'void') bits[i.id] = Math.max(1, Math.min(width(i), instBits(i, known)));
  return bits;
}

function width(v: Value): 32 | 64 {
  return v.type === 'i32' ? 32 : 64;
}

function instBits(i: Inst, bits: (v: Value) => number): number {
  const w = width(i);
  switch (i.op) {
    case 'bin': {
      const a = bits(i.a),
        b = bits(i.b);
      const k = i.b.op === 'const' ? Number(i.b.value & BigInt(w - 1)) : undefined;
      switch (i.bin) {
        case 'and':
          return Math.min(a, b);
        case 'or':
        case 'xor':
          return Math.max(a, b);
        case 'add':
          return Math.max(a, b) + 1;
        case 'mul':
          return a + b;
        case 'udiv':
          return i.b.op === 'const' && b > 0 ? a - b + 1 : a;
        // x % 0 is x, so the divisor bounds the result only where it is known.
        case 'umod':
          return i.b.op === 'const' && b > 0 ? Math.min(a, b) : a;
        case 'shl':
          return k === undefined ? w : a + k;
        case 'lshr':
          return k === undefined ? a : a - k;
        case 'ashr':
          return a < w ? (k === undefined ? a : a - k) : w;
        case 'sub':
        case 'sdiv':
        case 'smod':
          return w;
        default:
          return never(i.bin);
      }
    }
    case 'cmp':
      return 1;
    case 'ext':
      return !i.signed ? Math.min(i.bits, bits(i.a)) : bits(i.a) < i.bits ? bits(i.a) : w;
    case 'trunc':
      return Math.min(32, bits(i.a));
    case 'bswap':
      return i.bits;
    case 'select':
      return Math.max(bits(i.a), bits(i.b));
    case 'phi': {
      let most = 0;
      for (const x of i.incoming) most = Math.max(most, bits(x.value));
      return most;
    }
    case 'load':
      return i.signed || i.core ? w : i.bits;
    case 'ldpacket':
      return i.bits;
    case 'atomic':
      return i.bits;
    case 'memcmp':
      return w;
    default:
      return w;
  }
}

function upperHalves(cfg: Cfg, alu32: boolean, bits: Uint8Array, zero: Uint8Array, clear: Uint8Array, clearParams: Uint8Array): void {
  const merges: (Phi | Select)[] = [];
  const needed: Value[] = [];
  const leaves = (v: Value): boolean => {
    switch (v.op) {
      case 'const':
        return alu32 || v.value < 0x8000_0000n;
      case 'undef':
        return true;
      case 'param':
        return clearParams[v.index] === 1;
      default:
        return zero[v.id] === 1;
    }
  };
  const order = cfg.order;
  for (const block of order) {
    for (const i of block.insts) {
      if (i.op === 'ext' && !i.signed && i.bits === 32 && i.type === 'i64') needed.push(i.a);
      // A check in 64 bits must be of the register that is used afterwards, so it is extended once, where it is made.
      if (!alu32 && i.op === 'cmp' && i.a.type === 'i32' && !SIGNED_PREDS.has(i.pred)) needed.push(i.a, i.b);
      if (i.type !== 'i32') continue;
      if (i.op === 'phi' || i.op === 'select') {
        merges.push(i);
        zero[i.id] = 1;
      } else zero[i.id] = naturallyZero(i, alu32, bits, leaves) ? 1 : 0;
    }
  }
  // Merges are zero until an operand is not; a change may reach back around a loop.
  const operandsOf = (m: Phi | Select): readonly Value[] => (m.op === 'phi' ? m.incoming.map((x) => x.value) : [m.a, m.b]);
  for (let changed = true; changed; ) {
    changed = false;
    for (const m of merges) {
      if (zero[m.id] && !operandsOf(m).every(leaves)) {
        zero[m.id] = 0;
        changed = true;
      }
    }
    // Without 32-bit forms arithmetic passes its operands' halves on.
    if (changed && !alu32) {
      for (const block of order) {
        for (const i of block.insts) {
          if (i.type === 'i32' && zero[i.id] && i.op === 'bin' && !naturallyZero(i, alu32, bits, leaves)) zero[i.id] = 0;
        }
      }
    }
  }
  for (const v of needed) {
    if (v.type !== 'i32' || leaves(v)) continue;
    if (v.op === 'param') clearParams[v.index] = 1;
    else if (isInst(v)) zero[v.id] = clear[v.id] = 1;
  }
}

const SIGNED_PREDS: ReadonlySet<Pred> = new Set<Pred>(['slt', 'sle', 'sgt', 'sge']);

/** Which i32 values signed comparisons and extensions ask for: extended once, for the same reason. */
function signExtensions(cfg: Cfg, signed: Uint8Array, signedParams: Uint8Array): void {
  const want = (v: Value): void => {
    if (v.type !== 'i32') return;
    if (v.op === 'param') signedParams[v.index] = 1;
    else if (isInst(v)) signed[v.id] = 1;
  };
  for (const block of cfg.order) {
    for (const i of block.insts) {
      if (i.op === 'ext' && i.signed && i.bits === 32) want(i.a);
      else if (i.op === 'cmp' && SIGNED_PREDS.has(i.pred)) {
        want(i.a);
        want(i.b);
      }
    }
  }
}

function naturallyZero(i: Inst, alu32: boolean, bits: Uint8Array, leaves: (v: Value) => boolean): boolean {
  switch (i.op) {
    case 'bin':
      if (alu32) return true;
      switch (i.bin) {
        case 'and':
          return leaves(i.a) || leaves(i.b);
        case 'or':
        case 'xor':
          return leaves(i.a) && leaves(i.b);
        case 'udiv':
        case 'umod':
        case 'lshr':
          return true;
        // No carry leaves the low half when the result is known to be small.
        case 'add':
        case 'mul':
        case 'shl':
          return (bits[i.id] as number) < 32 && leaves(i.a) && leaves(i.b);
        default:
          return false;
      }
    case 'ext':
      return !i.signed || alu32;
    case 'trunc':
      return bitsOf(bits, i.a) <= 32;
    // Sign-extending loads fill all 64 bits; before v4 the extension is 32-bit arithmetic.
    case 'load':
      return !i.signed || i.bits === 32;
    case 'cmp':
    case 'bswap':
    case 'ldpacket':
    case 'atomic':
      return true;
    default:
      return false;
  }
}

function equalities(fn: IrFunction, cfg: Cfg): Uint8Array {
  const only = new Uint8Array(fn.nextId);
  let any = false;
  for (const block of cfg.order) {
    for (const i of block.insts) {
      if (i.op !== 'memcmp') continue;
      only[i.id] = 1;
      any = true;
    }
  }
  if (!any) return only;
  const other = (v: Value): void => {
    if (isInst(v)) only[v.id] = 0;
  };
  for (const block of cfg.order) {
    for (const i of block.insts) {
      const asks =
        i.op === 'cmp' &&
        (i.pred === 'eq' || i.pred === 'ne') &&
        ((i.b.op === 'const' && i.b.value === 0n) || (i.a.op === 'const' && i.a.value === 0n));
      if (!asks) forEachOperand(i, other);
    }
    const t = termOperand(block.term);
    if (t && block.term.op !== 'branch') other(t);
  }
  return only;
}

function findRoots(fn: IrFunction, cfg: Cfg): { roots: (readonly number[] | undefined)[]; escaped: Set<number> } {
  const roots: (readonly number[] | undefined)[] = new Array<undefined>(fn.nextId).fill(undefined);
  const escaped = new Set<number>();
  const entry = fn.blocks[0];
  if (!entry?.insts.some((i) => i.op === 'alloca')) return { roots, escaped };
  const of = (v: Value): readonly number[] | undefined => (isInst(v) ? roots[v.id] : undefined);
  const escape = (v: Value): void => {
    for (const r of of(v) ?? []) escaped.add(r);
  };
  let changed = true;
  const set = (id: number, list: readonly number[] | undefined): void => {
    if (!list) return;
    const old = roots[id];
    const all = old ? union(old, list) : list;
    if (old && all.length === old.length) return;
    roots[id] = all;
    changed = true;
  };
  while (changed) {
    changed = false;
    for (const block of cfg.order) {
      for (const i of block.insts) {
        switch (i.op) {
          case 'alloca':
            if (!roots[i.id]) set(i.id, [i.id]);
            break;
          case 'ptradd':
            set(i.id, of(i.base));
            set(i.id, of(i.offset));
            break;
          case 'spacecast':
          case 'ptrtoint':
          case 'inttoptr':
            set(i.id, of(i.a));
            break;
          case 'select':
            set(i.id, of(i.a));
            set(i.id, of(i.b));
            break;
          case 'phi':
            for (const x of i.incoming) set(i.id, of(x.value));
            break;
          // A kernel function may hand back a part of the buffer it was given (bpf_dynptr_slice).
          case 'call':
            if (i.type !== 'void' && i.callee.kind !== 'helper') for (const a of i.args) set(i.id, of(a));
            break;
          case 'bin':
            set(i.id, of(i.a));
            set(i.id, of(i.b));
            break;
          default:
            break;
        }
      }
    }
  }
  for (const block of cfg.order) {
    for (const i of block.insts) {
      switch (i.op) {
        case 'store':
          escape(i.value);
          break;
        case 'atomic':
          escape(i.value);
          if (i.expected) escape(i.expected);
          break;
        case 'asm':
          forEachOperand(i, escape);
          break;
        // A function given two pointers may store one behind the other.
        case 'call':
          if (i.callee.kind === 'function' && i.args.filter((a) => a.type === 'ptr').length > 1) i.args.forEach(escape);
          break;
        // Other ways of computing with an address: too clever to follow.
        case 'trunc':
        case 'ext':
        case 'bswap':
          forEachOperand(i, escape);
          break;
        default:
          break;
      }
    }
    const t = termOperand(block.term);
    if (t && block.term.op === 'return') escape(t);
  }
  return { roots, escaped };
}

function union(a: readonly number[], b: readonly number[]): readonly number[] {
  const out = a.slice();
  for (const x of b) if (!out.includes(x)) out.push(x);
  return out;
}

function never(x: never): never {
  throw new Error(`unhandled ${String(x)}`);
}
