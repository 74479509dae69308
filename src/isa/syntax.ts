/** The words of the text form, shared by the disassembler and the assembler. */
import { ALU, ATOMIC, JMP, SIZE } from './insn.ts';

export const ALU_SYMBOLS: ReadonlyMap<string, number> = new Map([
  ['+=', ALU.ADD],
  ['-=', ALU.SUB],
  ['*=', ALU.MUL],
  ['/=', ALU.DIV],
  ['|=', ALU.OR],
  ['&=', ALU.AND],
  ['<<=', ALU.LSH],
  ['>>=', ALU.RSH],
  ['%=', ALU.MOD],
  ['^=', ALU.XOR],
  ['=', ALU.MOV],
  ['s>>=', ALU.ARSH],
]);

/** The forms with `off` 1. */
export const SIGNED_ALU_SYMBOLS: ReadonlyMap<string, number> = new Map([
  ['s/=', ALU.DIV],
  ['s%=', ALU.MOD],
]);

export const JMP_SYMBOLS: ReadonlyMap<string, number> = new Map([
  ['==', JMP.JEQ],
  ['!=', JMP.JNE],
  ['>', JMP.JGT],
  ['>=', JMP.JGE],
  ['<', JMP.JLT],
  ['<=', JMP.JLE],
  ['&', JMP.JSET],
  ['s>', JMP.JSGT],
  ['s>=', JMP.JSGE],
  ['s<', JMP.JSLT],
  ['s<=', JMP.JSLE],
]);

export const UNSIGNED_TYPES: ReadonlyMap<string, number> = new Map([
  ['u8', SIZE.B],
  ['u16', SIZE.H],
  ['u32', SIZE.W],
  ['u64', SIZE.DW],
]);
export const SIGNED_TYPES: ReadonlyMap<string, number> = new Map([
  ['s8', SIZE.B],
  ['s16', SIZE.H],
  ['s32', SIZE.W],
]);

/** Bits of a sign extension by the type's name. */
export const EXTEND_BITS: ReadonlyMap<string, number> = new Map([
  ['s8', 8],
  ['s16', 16],
  ['s32', 32],
]);

export const ATOMIC_NAMES: ReadonlyMap<string, number> = new Map([
  ['add', ATOMIC.ADD],
  ['or', ATOMIC.OR],
  ['and', ATOMIC.AND],
  ['xor', ATOMIC.XOR],
]);

/** The other way round: number to word. */
export function inverted(table: ReadonlyMap<string, number>): ReadonlyMap<number, string> {
  const result = new Map<number, string>();
  for (const [word, value] of table) if (!result.has(value)) result.set(value, word);
  return result;
}
