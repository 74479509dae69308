/**
 * One BPF instruction, and the names of its bits.
 *
 * Wire form (little endian, 8 bytes):  opcode:8  dst:4  src:4  off:16  imm:32
 * `ld_imm64` takes two such slots; here it is one `Insn` whose constant is in `imm64`.
 * Jump distances (`off`, or `imm` for `gotol` and local calls) count slots, as the kernel does.
 *
 * Source: Documentation/bpf/standardization/instruction-set.rst (RFC 9669), include/uapi/linux/bpf.h.
 */
export interface Insn {
  /** The opcode byte. */
  readonly op: number;
  /** Destination register, 0..11 (11 only appears inside the kernel). */
  readonly dst: number;
  /** Source register, or the pseudo kind of `ld_imm64` and `call`. */
  readonly src: number;
  /** Signed 16 bit offset. */
  readonly off: number;
  /** Signed 32 bit immediate. For `ld_imm64` the low half of `imm64`. */
  readonly imm: number;
  /** Only on `ld_imm64`: the whole constant, 0..2^64-1. Its presence makes this a two-slot instruction. */
  readonly imm64?: bigint;
}

/** Instruction classes: the low three bits of the opcode. */
export const CLASS = { LD: 0, LDX: 1, ST: 2, STX: 3, ALU: 4, JMP: 5, JMP32: 6, ALU64: 7 } as const;

/** Where the second operand comes from (ALU and JMP classes). */
export const SRC = { K: 0x00, X: 0x08 } as const;

/** Access width of LD, LDX, ST and STX. */
export const SIZE = { W: 0x00, H: 0x08, B: 0x10, DW: 0x18 } as const;

/** Addressing mode of LD, LDX, ST and STX. */
export const MODE = { IMM: 0x00, ABS: 0x20, IND: 0x40, MEM: 0x60, MEMSX: 0x80, ATOMIC: 0xc0 } as const;

/** Arithmetic operations: the high four bits of ALU and ALU64 opcodes. */
export const ALU = {
  ADD: 0x00,
  SUB: 0x10,
  MUL: 0x20,
  DIV: 0x30,
  OR: 0x40,
  AND: 0x50,
  LSH: 0x60,
  RSH: 0x70,
  NEG: 0x80,
  MOD: 0x90,
  XOR: 0xa0,
  MOV: 0xb0,
  ARSH: 0xc0,
  END: 0xd0,
} as const;

/** Jumps: the high four bits of JMP and JMP32 opcodes. `JCOND` with src 0 is `may_goto`. */
export const JMP = {
  JA: 0x00,
  JEQ: 0x10,
  JGT: 0x20,
  JGE: 0x30,
  JSET: 0x40,
  JNE: 0x50,
  JSGT: 0x60,
  JSGE: 0x70,
  CALL: 0x80,
  EXIT: 0x90,
  JLT: 0xa0,
  JLE: 0xb0,
  JSLT: 0xc0,
  JSLE: 0xd0,
  JCOND: 0xe0,
} as const;

/** Atomic operations: the immediate of an STX ATOMIC instruction. */
export const ATOMIC = {
  ADD: 0x00,
  OR: 0x40,
  AND: 0x50,
  XOR: 0xa0,
  FETCH: 0x01,
  XCHG: 0xe1,
  CMPXCHG: 0xf1,
  LOAD_ACQ: 0x100,
  STORE_REL: 0x110,
} as const;

/** What the source field of `ld_imm64` says about its constant. */
export const PSEUDO = {
  MAP_FD: 1,
  MAP_VALUE: 2,
  BTF_ID: 3,
  FUNC: 4,
  MAP_IDX: 5,
  MAP_IDX_VALUE: 6,
} as const;

/** What the source field of a call says about its immediate. */
export const CALL = { HELPER: 0, LOCAL: 1, KFUNC: 2 } as const;

/** The frame pointer. */
export const FP = 10;
/** The stack of one frame in bytes. */
export const STACK_SIZE = 512;

/** How many 8-byte slots the instruction takes. */
export function slots(insn: Insn): 1 | 2 {
  return insn.imm64 === undefined ? 1 : 2;
}
