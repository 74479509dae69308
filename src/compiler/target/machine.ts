/**
 * Machine IR: BPF instructions over virtual registers.
 *
 *   IR ─▶ select/ ─▶ machine IR ─▶ rewrites ─▶ coalesce ─▶ spill ─▶ color ─▶ rewrites ─▶ layout ─▶ Insn[]
 *
 * An instruction is a BPF instruction, field by field, with three differences: registers from `FIRST_VIRTUAL` on are
 * virtual; a memory operand may name a stack object (`slot`, then its base register is r10 and `off` counts from the
 * object's first byte); jump targets are blocks. Virtual registers are variables: they may be written many times (BPF's
 * two-operand arithmetic writes what it reads, and phis have become copies).
 *
 * Physical registers appear where BPF fixes them: arguments, results, what calls destroy, r0 of compare-and-exchange,
 * r6 of LD_ABS. Their lives never cross a block's border before allocation; every later stage relies on that.
 */
import { ALU, ATOMIC, CLASS, JMP, MODE, SIZE, SRC } from '../../isa/insn.ts';
import type { Reference } from '../../object/spec.ts';
import type { Loc } from '../diagnostics.ts';
import type { CoreRef } from '../ir/ir.ts';

/** No register. */
export const NONE = -1;
/** r0 to r9 can hold values, r10 is the frame pointer. */
export const REGISTERS = 10;
export const FP = 10;
export const FIRST_VIRTUAL = 16;
/** r0 to r5: what a call destroys. */
export const CLOBBERED = 0x03f;
export const ALL_REGISTERS = 0x3ff;

/** Opcodes that only exist here. */
export const PSEUDO = {
  /** dst = address of `slot` + off: two instructions. */
  LEA: 0x100,
  /** Inline assembly; see `AsmBody`. */
  ASM: 0x101,
} as const;

export const MOV64: number = CLASS.ALU64 | ALU.MOV | SRC.X;
export const MOV64_IMM: number = CLASS.ALU64 | ALU.MOV | SRC.K;
export const MOV32: number = CLASS.ALU | ALU.MOV | SRC.X;
export const MOV32_IMM: number = CLASS.ALU | ALU.MOV | SRC.K;
export const LD_IMM64: number = CLASS.LD | MODE.IMM | SIZE.DW;
/** `off` is the number of arguments, `src` the kind of call, `imm` the helper. */
export const CALL: number = CLASS.JMP | JMP.CALL;
/** `off` is 1 where r0 is the result. */
export const EXIT: number = CLASS.JMP | JMP.EXIT;
const ATOMIC64: number = CLASS.STX | MODE.ATOMIC | SIZE.DW;
const ATOMIC32: number = CLASS.STX | MODE.ATOMIC | SIZE.W;

/** What is rare on an instruction. */
export type Extra =
  | { readonly kind: 'ref'; readonly ref: Reference }
  | { readonly kind: 'wide'; readonly value: bigint }
  | { readonly kind: 'core'; readonly core: CoreRef }
  | AsmBody;

export interface AsmBody {
  readonly kind: 'asm';
  readonly text: string;
  /** By operand number: a register (index into `uses` or `defs`) or a constant. */
  readonly operands: readonly AsmOperand[];
  uses: number[];
  /** Written; a register that is also in `uses` is read first. */
  defs: number[];
  /** Physical registers that the text destroys, as bits. */
  readonly clobbers: number;
  /** Outputs that must not share a register with an input (`&`): indexes into `defs`. */
  readonly early: readonly number[];
}
export type AsmOperand =
  | { readonly kind: 'use' | 'def'; readonly index: number; readonly half: boolean }
  | { readonly kind: 'constant'; readonly value: bigint };

export class MInst {
  op: number;
  dst: number;
  src: number;
  off: number;
  imm: number;
  /** Stack object of the memory operand or LEA, NONE for none. */
  slot = NONE;
  loc: Loc;
  /** Must stay although its result is not used: volatile loads. */
  keep = false;
  extra: Extra | undefined = undefined;
  /** Which pointer a memory operand was computed from: equal numbers, same kind of pointer. 0 is unknown. */
  origin = 0;
  /** It is the end of several lines at once, and `loc` is only one of them. */
  shared = false;
  /** Stack objects it reads or writes through pointers (calls, accesses by computed addresses). */
  touch: readonly number[] | undefined = undefined;

  constructor(op: number, dst: number, src: number, off: number, imm: number, loc: Loc) {
    this.op = op;
    this.dst = dst;
    this.src = src;
    this.off = off;
    this.imm = imm;
    this.loc = loc;
  }
}

/**
 * A basic block. A conditional jump can only be the last instruction, then `taken` is its target. `next` is where
 * control goes otherwise; undefined after EXIT. Jumps between blocks are not instructions until `layout.ts`.
 */
export interface MBlock {
  /** Position in `MFunction.blocks`; kept by `cfg.ts`. */
  index: number;
  insts: MInst[];
  taken: MBlock | undefined;
  next: MBlock | undefined;
  preds: MBlock[];
  /** Loop nesting. */
  depth: number;
  /** Known to be rarely reached. */
  cold: boolean;
  /** Where the jump at its end comes from. */
  loc: Loc;
}

/** A stack object: a variable of the source, or a spilled register. */
export interface Slot {
  readonly size: number;
  readonly align: number;
  /** The variable's name; undefined for spills and unnamed temporaries. */
  readonly name: string | undefined;
  readonly loc: Loc;
  readonly spill: boolean;
  /** Its address was stored, converted or handed to assembly: any access may be to it. */
  escapes: boolean;
}

export interface MFunction {
  readonly name: string;
  /** blocks[0] is the entry. */
  blocks: MBlock[];
  slots: Slot[];
  /** The next virtual register. */
  nextReg: number;
  /** Highest instruction set that may be used. */
  readonly cpu: 1 | 2 | 3 | 4;
}

export function newBlock(fn: MFunction, loc: Loc): MBlock {
  const block: MBlock = { index: fn.blocks.length, insts: [], taken: undefined, next: undefined, preds: [], depth: 0, cold: false, loc };
  fn.blocks.push(block);
  return block;
}

/* ---------- what an instruction reads and writes ---------- */

export const USES_DST = 1;
export const USES_SRC = 2;
export const DEFS_DST = 4;
export const DEFS_SRC = 8;
/** Reads or writes registers it does not name: see `implicitUses`, `implicitDefs`, and `AsmBody`. */
export const SPECIAL = 16;

const FLAGS: Uint8Array = makeFlags();

export function flagsOf(i: MInst): number {
  const flags = FLAGS[i.op] as number;
  if ((i.op === ATOMIC64 || i.op === ATOMIC32) && (i.imm & ATOMIC.FETCH) !== 0) {
    return i.imm === ATOMIC.CMPXCHG ? flags | SPECIAL : flags | DEFS_SRC;
  }
  return flags;
}

/** Physical registers read without being named, as bits. Only for instructions with `SPECIAL`. */
export function implicitUses(i: MInst): number {
  if (i.op === CALL) return ((1 << i.off) - 1) << 1;
  if (i.op === EXIT) return i.off;
  if (i.op === ATOMIC64 || i.op === ATOMIC32) return 1;
  return (i.op & 7) === CLASS.LD && i.op !== LD_IMM64 && i.op < 0x100 ? 1 << 6 : 0;
}

/** Physical registers written or destroyed without being named, as bits. Only for instructions with `SPECIAL`. */
export function implicitDefs(i: MInst): number {
  if (i.op === CALL) return CLOBBERED;
  if (i.op === EXIT) return 0;
  if (i.op === ATOMIC64 || i.op === ATOMIC32) return 1;
  if (i.extra?.kind === 'asm') return i.extra.clobbers;
  return CLOBBERED;
}

export function asmOf(i: MInst): AsmBody | undefined {
  return i.op === PSEUDO.ASM && i.extra?.kind === 'asm' ? i.extra : undefined;
}

/** A copy from register to register that coalescing may remove. */
export function isCopy(i: MInst): boolean {
  return i.op === MOV64 && i.off === 0 && i.src !== FP;
}

/** Nothing but its result matters. */
export function isRemovable(i: MInst): boolean {
  if (i.keep) return false;
  switch (i.op & 7) {
    case CLASS.ALU:
    case CLASS.ALU64:
    case CLASS.LDX:
      return i.op < 0x100;
    case CLASS.LD:
      return i.op === LD_IMM64 || i.op === PSEUDO.LEA;
    default:
      return false;
  }
}

export function isConditionalJump(i: MInst | undefined): boolean {
  if (i === undefined || i.op >= 0x100) return false;
  const cls = i.op & 7;
  return (cls === CLASS.JMP || cls === CLASS.JMP32) && i.op !== CALL && i.op !== EXIT;
}

/** Slots of 8 bytes that the instruction takes when emitted, assembly excepted. */
export function sizeOf(i: MInst): number {
  if (i.op === LD_IMM64) return 2;
  return i.op === PSEUDO.LEA ? 2 : 1;
}

function makeFlags(): Uint8Array {
  const flags = new Uint8Array(0x102);
  for (let op = 0; op < 0x100; op++) {
    const cls = op & 7,
      code = op & 0xf0,
      x = (op & SRC.X) !== 0;
    switch (cls) {
      case CLASS.ALU:
      case CLASS.ALU64:
        flags[op] = DEFS_DST | (code === ALU.MOV ? 0 : USES_DST) | (x && code !== ALU.END ? USES_SRC : 0);
        break;
      case CLASS.JMP:
      case CLASS.JMP32:
        if (code === JMP.CALL || code === JMP.EXIT) flags[op] = SPECIAL;
        else if (code !== JMP.JA && code !== JMP.JCOND) flags[op] = USES_DST | (x ? USES_SRC : 0);
        break;
      case CLASS.LDX:
        flags[op] = DEFS_DST | USES_SRC;
        break;
      case CLASS.ST:
        flags[op] = USES_DST;
        break;
      case CLASS.STX:
        flags[op] = USES_DST | USES_SRC;
        break;
      case CLASS.LD:
        if (op === LD_IMM64) flags[op] = DEFS_DST;
        else flags[op] = SPECIAL | ((op & 0xe0) === MODE.IND ? USES_SRC : 0);
        break;
      default:
        break;
    }
  }
  flags[PSEUDO.LEA] = DEFS_DST;
  flags[PSEUDO.ASM] = SPECIAL;
  return flags;
}

/** Virtual registers read, without repeats but for assembly, into `out`; gives their number. */
export function virtualUses(i: MInst, out: number[]): number {
  const flags = flagsOf(i);
  let n = 0;
  if ((flags & USES_DST) !== 0 && i.dst >= FIRST_VIRTUAL) out[n++] = i.dst;
  if ((flags & USES_SRC) !== 0 && i.src >= FIRST_VIRTUAL && !(n === 1 && out[0] === i.src)) out[n++] = i.src;
  if (i.op === PSEUDO.ASM) for (const r of asmOf(i)?.uses ?? []) if (r >= FIRST_VIRTUAL) out[n++] = r;
  return n;
}

/** Virtual registers written, into `out`; gives their number. */
export function virtualDefs(i: MInst, out: number[]): number {
  const flags = flagsOf(i);
  let n = 0;
  if ((flags & DEFS_DST) !== 0 && i.dst >= FIRST_VIRTUAL) out[n++] = i.dst;
  if ((flags & DEFS_SRC) !== 0 && i.src >= FIRST_VIRTUAL) out[n++] = i.src;
  if (i.op === PSEUDO.ASM) for (const r of asmOf(i)?.defs ?? []) if (r >= FIRST_VIRTUAL) out[n++] = r;
  return n;
}

/** Physical registers read, as bits (r10 excepted). */
export function physicalUses(i: MInst): number {
  const flags = flagsOf(i);
  let mask = (flags & SPECIAL) !== 0 ? implicitUses(i) : 0;
  if ((flags & USES_DST) !== 0 && i.dst >= 0 && i.dst < FP) mask |= 1 << i.dst;
  if ((flags & USES_SRC) !== 0 && i.src >= 0 && i.src < FP) mask |= 1 << i.src;
  if (i.op === PSEUDO.ASM) for (const r of asmOf(i)?.uses ?? []) if (r < FP) mask |= 1 << r;
  return mask;
}

/** Physical registers written or destroyed, as bits. */
export function physicalDefs(i: MInst): number {
  const flags = flagsOf(i);
  let mask = (flags & SPECIAL) !== 0 ? implicitDefs(i) : 0;
  if ((flags & DEFS_DST) !== 0 && i.dst >= 0 && i.dst < FP) mask |= 1 << i.dst;
  if ((flags & DEFS_SRC) !== 0 && i.src >= 0 && i.src < FP) mask |= 1 << i.src;
  if (i.op === PSEUDO.ASM) for (const r of asmOf(i)?.defs ?? []) if (r < FP) mask |= 1 << r;
  return mask;
}

/** Renames registers. */
export function mapRegisters(i: MInst, f: (r: number) => number): void {
  const flags = flagsOf(i);
  if ((flags & (USES_DST | DEFS_DST)) !== 0) i.dst = f(i.dst);
  if ((flags & (USES_SRC | DEFS_SRC)) !== 0) i.src = f(i.src);
  const asm = asmOf(i);
  if (asm) {
    asm.uses = asm.uses.map(f);
    asm.defs = asm.defs.map(f);
  }
}
