/** ALU, ALU64 and the comparisons of jumps as WebAssembly. Division and shifts by the rules of BPF, which never trap. */

import type { Insn } from '../../isa/insn.ts';
import { ALU, CLASS, JMP, SRC } from '../../isa/insn.ts';
import { MAY_GOTO, REGISTER } from './locals.ts';
import type { WasmWriter } from './writer.ts';
import { I32, I64, OP } from './writer.ts';

/** WebAssembly's operations by BPF's, 64 bits then 32. Its shifts take their count modulo the width, as BPF's do. */
const BINARY: ReadonlyMap<number, readonly [number, number]> = new Map([
  [ALU.ADD, [OP.i64Add, OP.i32Add]],
  [ALU.SUB, [OP.i64Sub, OP.i32Sub]],
  [ALU.MUL, [OP.i64Mul, OP.i32Mul]],
  [ALU.OR, [OP.i64Or, OP.i32Or]],
  [ALU.AND, [OP.i64And, OP.i32And]],
  [ALU.XOR, [OP.i64Xor, OP.i32Xor]],
  [ALU.LSH, [OP.i64Shl, OP.i32Shl]],
  [ALU.RSH, [OP.i64ShrU, OP.i32ShrU]],
  [ALU.ARSH, [OP.i64ShrS, OP.i32ShrS]],
]);

const COMPARE: ReadonlyMap<number, readonly [number, number]> = new Map([
  [JMP.JEQ, [OP.i64Eq, OP.i32Eq]],
  [JMP.JNE, [OP.i64Ne, OP.i32Ne]],
  [JMP.JGT, [OP.i64GtU, OP.i32GtU]],
  [JMP.JGE, [OP.i64GeU, OP.i32GeU]],
  [JMP.JLT, [OP.i64LtU, OP.i32LtU]],
  [JMP.JLE, [OP.i64LeU, OP.i32LeU]],
  [JMP.JSGT, [OP.i64GtS, OP.i32GtS]],
  [JMP.JSGE, [OP.i64GeS, OP.i32GeS]],
  [JMP.JSLT, [OP.i64LtS, OP.i32LtS]],
  [JMP.JSLE, [OP.i64LeS, OP.i32LeS]],
]);

export function getRegister(w: WasmWriter, register: number): void {
  w.byte(OP.localGet).unsigned(REGISTER[register] as number);
}

export function setRegister(w: WasmWriter, register: number): void {
  w.byte(OP.localSet).unsigned(REGISTER[register] as number);
}

/** The first operand; `wide` is 64 bits. */
function left(w: WasmWriter, insn: Insn, wide: boolean): void {
  getRegister(w, insn.dst);
  if (!wide) w.byte(OP.i32WrapI64);
}

function right(w: WasmWriter, insn: Insn, wide: boolean): void {
  if ((insn.op & SRC.X) === 0) {
    w.byte(wide ? OP.i64Const : OP.i32Const).signed(insn.imm);
    return;
  }
  getRegister(w, insn.src);
  if (!wide) w.byte(OP.i32WrapI64);
}

export function emitArithmetic(w: WasmWriter, insn: Insn, swap64: number): void {
  const wide = (insn.op & 7) === CLASS.ALU64;
  const op = insn.op & 0xf0;
  if (op === ALU.END) {
    emitSwap(w, insn, swap64);
    return;
  }
  if (op === ALU.MOV) emitMove(w, insn, wide);
  else if (op === ALU.DIV || op === ALU.MOD) emitDivision(w, insn, wide, op === ALU.DIV);
  else if (op === ALU.NEG) {
    w.byte(wide ? OP.i64Const : OP.i32Const).signed(0);
    left(w, insn, wide);
    w.byte(wide ? OP.i64Sub : OP.i32Sub);
  } else {
    left(w, insn, wide);
    right(w, insn, wide);
    const codes = BINARY.get(op);
    if (codes === undefined) throw new Error(`no such operation: ${insn.op}`);
    w.byte(codes[wide ? 0 : 1]);
  }
  if (!wide) w.byte(OP.i64ExtendI32U);
  setRegister(w, insn.dst);
}

function emitMove(w: WasmWriter, insn: Insn, wide: boolean): void {
  right(w, insn, wide);
  if (insn.off === 8) w.byte(wide ? OP.i64Extend8S : OP.i32Extend8S);
  else if (insn.off === 16) w.byte(wide ? OP.i64Extend16S : OP.i32Extend16S);
  else if (insn.off === 32) w.byte(OP.i64Extend32S);
}

/** x / 0 is 0, x % 0 is x, and the smallest number divided by -1 is itself. */
function emitDivision(w: WasmWriter, insn: Insn, wide: boolean, divide: boolean): void {
  const signed = insn.off === 1;
  const type = wide ? I64 : I32;
  const zero = (): void => {
    w.byte(wide ? OP.i64Const : OP.i32Const).signed(0);
  };
  const operation = (): void => {
    left(w, insn, wide);
    right(w, insn, wide);
    if (divide) w.byte(signed ? (wide ? OP.i64DivS : OP.i32DivS) : wide ? OP.i64DivU : OP.i32DivU);
    else w.byte(signed ? (wide ? OP.i64RemS : OP.i32RemS) : wide ? OP.i64RemU : OP.i32RemU);
  };
  const negated = (): void => {
    zero();
    left(w, insn, wide);
    w.byte(wide ? OP.i64Sub : OP.i32Sub);
  };
  const byZero = (): void => {
    if (divide) zero();
    else left(w, insn, wide);
  };
  if ((insn.op & SRC.X) === 0) {
    if (insn.imm === 0) byZero();
    else if (insn.imm === -1 && signed && divide) negated();
    else operation();
    return;
  }
  right(w, insn, wide);
  w.byte(wide ? OP.i64Eqz : OP.i32Eqz).bytes(OP.if, type);
  byZero();
  w.byte(OP.else);
  if (signed && divide) {
    right(w, insn, wide);
    w.byte(wide ? OP.i64Const : OP.i32Const)
      .signed(-1)
      .byte(wide ? OP.i64Eq : OP.i32Eq)
      .bytes(OP.if, type);
    negated();
    w.byte(OP.else);
    operation();
    w.byte(OP.end);
  } else operation();
  w.byte(OP.end);
}

/** The machine is little endian: `le` cuts off, `be` and `bswap` swap. */
function emitSwap(w: WasmWriter, insn: Insn, swap64: number): void {
  const little = insn.op === (CLASS.ALU | ALU.END | SRC.K);
  if (little && insn.imm === 64) return;
  getRegister(w, insn.dst);
  if (little)
    w.byte(OP.i64Const)
      .signed64(insn.imm === 16 ? 0xffffn : 0xffffffffn)
      .byte(OP.i64And);
  else {
    w.byte(OP.call).unsigned(swap64);
    if (insn.imm < 64)
      w.byte(OP.i64Const)
        .signed(64 - insn.imm)
        .byte(OP.i64ShrU);
  }
  setRegister(w, insn.dst);
}

/** A function of one i64: its bytes in reverse. */
export function emitSwap64Body(w: WasmWriter): void {
  const halfSwap = (mask: bigint, shift: number): void => {
    w.bytes(OP.localGet, 0, OP.i64Const).signed64(mask).byte(OP.i64And).byte(OP.i64Const).signed(shift).byte(OP.i64Shl);
    w.bytes(OP.localGet, 0, OP.i64Const)
      .signed(shift)
      .byte(OP.i64ShrU)
      .byte(OP.i64Const)
      .signed64(mask)
      .bytes(OP.i64And, OP.i64Or, OP.localSet, 0);
  };
  w.unsigned(0);
  halfSwap(0x00ff00ff00ff00ffn, 8);
  halfSwap(0x0000ffff0000ffffn, 16);
  w.bytes(OP.localGet, 0, OP.i64Const).signed(32).bytes(OP.i64Rotl, OP.end);
}

/** Leaves 1 where the jump is taken. */
export function emitCondition(w: WasmWriter, insn: Insn): void {
  if (insn.op === (CLASS.JMP | JMP.JCOND)) {
    const may = (): WasmWriter => w.byte(OP.localGet).unsigned(MAY_GOTO);
    may().byte(OP.i32Eqz);
    may();
    may().bytes(OP.i32Const, 0, OP.i32Ne, OP.i32Sub, OP.localSet).unsigned(MAY_GOTO);
    return;
  }
  const wide = (insn.op & 7) === CLASS.JMP;
  const op = insn.op & 0xf0;
  left(w, insn, wide);
  right(w, insn, wide);
  if (op === JMP.JSET)
    w.byte(wide ? OP.i64And : OP.i32And)
      .byte(wide ? OP.i64Const : OP.i32Const)
      .signed(0);
  const codes = op === JMP.JSET ? COMPARE.get(JMP.JNE) : COMPARE.get(op);
  if (codes === undefined) throw new Error(`no such jump: ${insn.op}`);
  w.byte(codes[wide ? 0 : 1]);
}
