/** Instructions: as data, as bytes, as text. */
export * from './insn.ts';
export * as build from './build.ts';
export { assemble, AssembleError, type Assembled, type AssembledRef, type AssembleOptions } from './assemble.ts';
export { decode, DecodeError, type DecodeOptions } from './decode.ts';
export { disassemble, disassembleInsn, type DisassembleOptions } from './disassemble.ts';
export { encode, EncodeError, indexOfSlot, slotCount, slotOfIndex } from './encode.ts';
export { checkInsn } from './opcodes.ts';
