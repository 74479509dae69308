/**
 * Which opcodes exist, and which fields each of them may use.
 *
 * One row per opcode byte, made from the few regular families of RFC 9669. A field that a row does not name must be
 * zero: the kernel refuses such instructions, so a reader that lets them pass would only move the error away from its
 * cause.
 */

import type { Insn } from './insn.ts';
import { ALU, ATOMIC, CALL, CLASS, JMP, MODE, PSEUDO, SIZE, SRC } from './insn.ts';

/** One opcode: the fields in use, and what their values must satisfy beyond their width. */
export interface OpcodeRow {
  readonly dst: boolean;
  readonly src: boolean;
  readonly off: boolean;
  readonly imm: boolean;
  /** Says what is wrong, or nothing. */
  readonly check?: (insn: Insn) => string | undefined;
}

/** Indexed by opcode byte. */
export const OPCODES: readonly (OpcodeRow | undefined)[] = makeTable();

/** What is wrong with the instruction, or undefined where it is one that RFC 9669 or the kernel knows. */
export function checkInsn(insn: Insn): string | undefined {
  const row = OPCODES[insn.op];
  if (row === undefined) return `unknown opcode 0x${hex2(insn.op)}`;
  if (insn.dst > 10) return `register r${insn.dst} does not exist`;
  if (!row.dst && insn.dst !== 0) return reserved(insn, 'dst');
  if (!row.src && insn.src !== 0) return reserved(insn, 'src');
  if (!row.off && insn.off !== 0) return reserved(insn, 'off');
  if (!row.imm && insn.imm !== 0) return reserved(insn, 'imm');
  if (insn.imm64 !== undefined && insn.op !== LD_IMM64) return `opcode 0x${hex2(insn.op)} takes one slot`;
  return row.check === undefined ? (insn.src > 10 ? `register r${insn.src} does not exist` : undefined) : row.check(insn);
}

/** What the kernel writes into translated programs and refuses in others: speculation barriers, per-CPU addresses. */
export function isKernelInternal(insn: Insn): boolean {
  return insn.op === NOSPEC || (insn.op === (CLASS.ALU64 | ALU.MOV | SRC.X) && insn.off === -1);
}

export const NOSPEC: number = CLASS.ST | MODE.ATOMIC;

export const LD_IMM64: number = CLASS.LD | MODE.IMM | SIZE.DW;

function reserved(insn: Insn, field: 'dst' | 'src' | 'off' | 'imm'): string {
  return `reserved field ${field} of opcode 0x${hex2(insn.op)} is ${insn[field]}, not 0`;
}

function hex2(byte: number): string {
  return byte.toString(16).padStart(2, '0');
}

function oneOf(insn: Insn, field: 'src' | 'off' | 'imm', allowed: readonly number[]): string | undefined {
  if (field !== 'src' && insn.src > 10) return `register r${insn.src} does not exist`;
  return allowed.includes(insn[field])
    ? undefined
    : `field ${field} of opcode 0x${hex2(insn.op)} is ${insn[field]}, none of ${allowed.join(', ')}`;
}

function makeTable(): (OpcodeRow | undefined)[] {
  const table = new Array<OpcodeRow | undefined>(256).fill(undefined);
  const none = { dst: false, src: false, off: false, imm: false };
  arithmetic(table);
  jumps(table);

  for (const size of Object.values(SIZE)) {
    table[CLASS.LDX | MODE.MEM | size] = { dst: true, src: true, off: true, imm: false };
    table[CLASS.ST | MODE.MEM | size] = { dst: true, src: false, off: true, imm: true };
    table[CLASS.STX | MODE.MEM | size] = { dst: true, src: true, off: true, imm: false };
    table[CLASS.STX | MODE.ATOMIC | size] = {
      dst: true,
      src: true,
      off: true,
      imm: true,
      check: (insn) => oneOf(insn, 'imm', size === SIZE.W || size === SIZE.DW ? RMW : ORDERED),
    };
    if (size === SIZE.DW) continue;
    table[CLASS.LDX | MODE.MEMSX | size] = { dst: true, src: true, off: true, imm: false };
    table[CLASS.LD | MODE.ABS | size] = { ...none, imm: true };
    table[CLASS.LD | MODE.IND | size] = { ...none, src: true, imm: true };
  }
  table[CLASS.LD | MODE.IMM | SIZE.DW] = {
    dst: true,
    src: true,
    off: false,
    imm: true,
    check: (insn) => (insn.imm64 === undefined ? 'ld_imm64 without its constant' : oneOf(insn, 'src', PSEUDOS)),
  };
  return table;
}

const ORDERED: readonly number[] = [ATOMIC.LOAD_ACQ, ATOMIC.STORE_REL];
const RMW: readonly number[] = [
  ...[ATOMIC.ADD, ATOMIC.OR, ATOMIC.AND, ATOMIC.XOR].flatMap((op) => [op, op | ATOMIC.FETCH]),
  ATOMIC.XCHG,
  ATOMIC.CMPXCHG,
  ...ORDERED,
];
const PSEUDOS: readonly number[] = [0, ...Object.values(PSEUDO)];

function arithmetic(table: (OpcodeRow | undefined)[]): void {
  for (const cls of [CLASS.ALU, CLASS.ALU64]) {
    for (const op of Object.values(ALU)) {
      const divides = op === ALU.DIV || op === ALU.MOD;
      const signed = (insn: Insn): string | undefined => oneOf(insn, 'off', [0, 1]);
      table[cls | op | SRC.K] = divides
        ? { dst: true, src: false, off: true, imm: true, check: signed }
        : { dst: true, src: false, off: false, imm: true };
      table[cls | op | SRC.X] = divides
        ? { dst: true, src: true, off: true, imm: false, check: signed }
        : { dst: true, src: true, off: false, imm: false };
    }
    table[cls | ALU.NEG | SRC.K] = { dst: true, src: false, off: false, imm: false };
    table[cls | ALU.NEG | SRC.X] = undefined;
    const swap: OpcodeRow = { dst: true, src: false, off: false, imm: true, check: (insn) => oneOf(insn, 'imm', [16, 32, 64]) };
    table[cls | ALU.END | SRC.K] = swap;
    table[cls | ALU.END | SRC.X] = cls === CLASS.ALU ? swap : undefined;
  }
  table[CLASS.ALU | ALU.MOV | SRC.X] = { dst: true, src: true, off: true, imm: false, check: (insn) => oneOf(insn, 'off', [0, 8, 16]) };
  table[CLASS.ALU64 | ALU.MOV | SRC.X] = {
    dst: true,
    src: true,
    off: true,
    imm: true,
    check: (insn) => (insn.off !== 1 && insn.imm !== 0 ? reserved(insn, 'imm') : oneOf(insn, 'off', [0, 1, 8, 16, 32])),
  };
}

function jumps(table: (OpcodeRow | undefined)[]): void {
  const none = { dst: false, src: false, off: false, imm: false };
  for (const cls of [CLASS.JMP, CLASS.JMP32]) {
    for (const op of Object.values(JMP)) {
      table[cls | op | SRC.K] = { dst: true, src: false, off: true, imm: true };
      table[cls | op | SRC.X] = { dst: true, src: true, off: true, imm: false };
    }
    for (const op of [JMP.JA, JMP.CALL, JMP.EXIT, JMP.JCOND]) {
      table[cls | op | SRC.K] = undefined;
      table[cls | op | SRC.X] = undefined;
    }
  }
  table[CLASS.JMP | JMP.JA] = { ...none, off: true };
  table[CLASS.JMP32 | JMP.JA] = { ...none, imm: true };
  table[CLASS.JMP | JMP.JCOND] = { ...none, off: true };
  table[CLASS.JMP | JMP.EXIT] = none;
  table[CLASS.JMP | JMP.CALL] = {
    dst: false,
    src: true,
    off: true,
    imm: true,
    check: (insn) => (insn.src !== CALL.KFUNC && insn.off !== 0 ? reserved(insn, 'off') : oneOf(insn, 'src', Object.values(CALL))),
  };
  // The kernel refuses calls by register; compilers without optimisation still write them, and a reader must get past.
  table[CLASS.JMP | JMP.CALL | SRC.X] = { ...none, dst: true };
}
