/**
 * Constructors of instructions, for the code generator, the linker and tests.
 *
 * Plain functions that only place fields; nothing here checks ranges (`encode` does). Arguments go in the order of
 * the text form: destination, then source. Jump distances count slots from the next instruction.
 */
import { ALU, ATOMIC, CALL, CLASS, JMP, MODE, PSEUDO, SIZE, SRC } from './insn.ts';
import type { Insn } from './insn.ts';

/** Values of one of the constant tables of `insn.ts`. */
export type AluOp = (typeof ALU)[keyof typeof ALU];
export type JmpOp = (typeof JMP)[keyof typeof JMP];
export type Size = (typeof SIZE)[keyof typeof SIZE];

export function insn(op: number, dst: number, src: number, off: number, imm: number): Insn {
  return { op, dst, src, off, imm };
}

export function mov64(dst: number, src: number): Insn {
  return insn(CLASS.ALU64 | ALU.MOV | SRC.X, dst, src, 0, 0);
}

/** Sign-extends `imm` to 64 bits. */
export function mov64Imm(dst: number, imm: number): Insn {
  return insn(CLASS.ALU64 | ALU.MOV | SRC.K, dst, 0, 0, imm);
}

/** Clears the upper half of `dst`. */
export function mov32(dst: number, src: number): Insn {
  return insn(CLASS.ALU | ALU.MOV | SRC.X, dst, src, 0, 0);
}

export function mov32Imm(dst: number, imm: number): Insn {
  return insn(CLASS.ALU | ALU.MOV | SRC.K, dst, 0, 0, imm);
}

/** `r1 = (s8)r2`: sign-extends the low `bits` to 64. */
export function movsx64(dst: number, src: number, bits: 8 | 16 | 32): Insn {
  return insn(CLASS.ALU64 | ALU.MOV | SRC.X, dst, src, bits, 0);
}

/** `w1 = (s8)w2`: sign-extends the low `bits` to 32 and clears the upper half. */
export function movsx32(dst: number, src: number, bits: 8 | 16): Insn {
  return insn(CLASS.ALU | ALU.MOV | SRC.X, dst, src, bits, 0);
}

export function alu64(op: AluOp, dst: number, src: number): Insn {
  return insn(CLASS.ALU64 | op | SRC.X, dst, src, 0, 0);
}

export function alu64Imm(op: AluOp, dst: number, imm: number): Insn {
  return insn(CLASS.ALU64 | op | SRC.K, dst, 0, 0, imm);
}

export function alu32(op: AluOp, dst: number, src: number): Insn {
  return insn(CLASS.ALU | op | SRC.X, dst, src, 0, 0);
}

export function alu32Imm(op: AluOp, dst: number, imm: number): Insn {
  return insn(CLASS.ALU | op | SRC.K, dst, 0, 0, imm);
}

/** Signed division or remainder, v4. */
export function signedDiv(op: typeof ALU.DIV | typeof ALU.MOD, wide: boolean, dst: number, src: number): Insn {
  return insn((wide ? CLASS.ALU64 : CLASS.ALU) | op | SRC.X, dst, src, 1, 0);
}

export function signedDivImm(op: typeof ALU.DIV | typeof ALU.MOD, wide: boolean, dst: number, imm: number): Insn {
  return insn((wide ? CLASS.ALU64 : CLASS.ALU) | op | SRC.K, dst, 0, 1, imm);
}

export function neg64(dst: number): Insn {
  return insn(CLASS.ALU64 | ALU.NEG, dst, 0, 0, 0);
}

export function neg32(dst: number): Insn {
  return insn(CLASS.ALU | ALU.NEG, dst, 0, 0, 0);
}

/** `r1 = be16 r1`: host order to big endian, upper bits cleared. */
export function toBig(dst: number, bits: 16 | 32 | 64): Insn {
  return insn(CLASS.ALU | ALU.END | SRC.X, dst, 0, 0, bits);
}

/** `r1 = le16 r1`: host order to little endian, upper bits cleared. */
export function toLittle(dst: number, bits: 16 | 32 | 64): Insn {
  return insn(CLASS.ALU | ALU.END | SRC.K, dst, 0, 0, bits);
}

/** Unconditional byte swap, v4. */
export function bswap(dst: number, bits: 16 | 32 | 64): Insn {
  return insn(CLASS.ALU64 | ALU.END | SRC.K, dst, 0, 0, bits);
}

/** Address in `srcAs` to the address of the same byte in `dstAs` (arena pointers). */
export function addrSpaceCast(dst: number, src: number, dstAs: number, srcAs: number): Insn {
  return insn(CLASS.ALU64 | ALU.MOV | SRC.X, dst, src, 1, (dstAs << 16) | srcAs);
}

export function load(size: Size, dst: number, src: number, off: number): Insn {
  return insn(CLASS.LDX | MODE.MEM | size, dst, src, off, 0);
}

/** Sign-extending load, v4; not for eight bytes. */
export function loadSigned(size: Exclude<Size, typeof SIZE.DW>, dst: number, src: number, off: number): Insn {
  return insn(CLASS.LDX | MODE.MEMSX | size, dst, src, off, 0);
}

/** `*(dst + off) = src`. */
export function store(size: Size, dst: number, off: number, src: number): Insn {
  return insn(CLASS.STX | MODE.MEM | size, dst, src, off, 0);
}

export function storeImm(size: Size, dst: number, off: number, imm: number): Insn {
  return insn(CLASS.ST | MODE.MEM | size, dst, 0, off, imm);
}

/** Read-modify-write of `*(dst + off)`; `op` is of `ATOMIC`, with `ATOMIC.FETCH` or not. */
export function atomic(size: typeof SIZE.W | typeof SIZE.DW, op: number, dst: number, off: number, src: number): Insn {
  return insn(CLASS.STX | MODE.ATOMIC | size, dst, src, off, op);
}

export function loadAcquire(size: Size, dst: number, src: number, off: number): Insn {
  return insn(CLASS.STX | MODE.ATOMIC | size, dst, src, off, ATOMIC.LOAD_ACQ);
}

export function storeRelease(size: Size, dst: number, off: number, src: number): Insn {
  return insn(CLASS.STX | MODE.ATOMIC | size, dst, src, off, ATOMIC.STORE_REL);
}

/** `r0 = *(size *)skb[imm]`: legacy packet load; destroys r1 to r5, ends the program when out of bounds. */
export function ldAbs(size: Exclude<Size, typeof SIZE.DW>, imm: number): Insn {
  return insn(CLASS.LD | MODE.ABS | size, 0, 0, 0, imm);
}

export function ldInd(size: Exclude<Size, typeof SIZE.DW>, src: number, imm: number): Insn {
  return insn(CLASS.LD | MODE.IND | size, 0, src, 0, imm);
}

/** Two slots. `value` is any 64-bit number, signed or not; `pseudo` is of `PSEUDO`. */
export function ldImm64(dst: number, value: bigint, pseudo: number = 0): Insn {
  const imm64 = BigInt.asUintN(64, value);
  return { op: CLASS.LD | MODE.IMM | SIZE.DW, dst, src: pseudo, off: 0, imm: Number(BigInt.asIntN(32, imm64)), imm64 };
}

export function ldMapFd(dst: number, fd: number): Insn {
  return ldImm64(dst, BigInt(fd >>> 0), PSEUDO.MAP_FD);
}

/** The address of byte `offset` in the only value of a map. */
export function ldMapValue(dst: number, fd: number, offset: number): Insn {
  return ldImm64(dst, (BigInt(offset >>> 0) << 32n) | BigInt(fd >>> 0), PSEUDO.MAP_VALUE);
}

/** The address of a subprogram `distance` slots after the next slot, as a callback. */
export function ldFunction(dst: number, distance: number): Insn {
  return ldImm64(dst, BigInt(distance >>> 0), PSEUDO.FUNC);
}

export function jump(off: number): Insn {
  return insn(CLASS.JMP | JMP.JA, 0, 0, off, 0);
}

/** `gotol`, v4: 32 bits of distance. */
export function jumpLong(distance: number): Insn {
  return insn(CLASS.JMP32 | JMP.JA, 0, 0, 0, distance);
}

export function branch64(op: JmpOp, dst: number, src: number, off: number): Insn {
  return insn(CLASS.JMP | op | SRC.X, dst, src, off, 0);
}

export function branch64Imm(op: JmpOp, dst: number, imm: number, off: number): Insn {
  return insn(CLASS.JMP | op | SRC.K, dst, 0, off, imm);
}

export function branch32(op: JmpOp, dst: number, src: number, off: number): Insn {
  return insn(CLASS.JMP32 | op | SRC.X, dst, src, off, 0);
}

export function branch32Imm(op: JmpOp, dst: number, imm: number, off: number): Insn {
  return insn(CLASS.JMP32 | op | SRC.K, dst, 0, off, imm);
}

/** Jumps when the kernel's iteration budget is used up. */
export function mayGoto(off: number): Insn {
  return insn(CLASS.JMP | JMP.JCOND, 0, 0, off, 0);
}

export function callHelper(id: number): Insn {
  return insn(CLASS.JMP | JMP.CALL, 0, CALL.HELPER, 0, id);
}

export function callLocal(distance: number): Insn {
  return insn(CLASS.JMP | JMP.CALL, 0, CALL.LOCAL, 0, distance);
}

/** `fdIndex` says which module's BTF holds the id: 0 is vmlinux, others index the load's `fd_array`. */
export function callKfunc(btfId: number, fdIndex: number = 0): Insn {
  return insn(CLASS.JMP | JMP.CALL, 0, CALL.KFUNC, fdIndex, btfId);
}

export function exit(): Insn {
  return insn(CLASS.JMP | JMP.EXIT, 0, 0, 0, 0);
}
