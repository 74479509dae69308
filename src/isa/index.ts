/** Instructions: as data, as bytes, as text. */

export { type Assembled, type AssembledRef, AssembleError, type AssembleOptions, assemble } from './assemble.ts';
export * as build from './build.ts';
export { DecodeError, type DecodeOptions, decode } from './decode.ts';
export { type DisassembleOptions, disassemble, disassembleInsn } from './disassemble.ts';
export { EncodeError, encode, indexOfSlot, slotCount, slotOfIndex } from './encode.ts';
export * from './insn.ts';
export { checkInsn } from './opcodes.ts';
