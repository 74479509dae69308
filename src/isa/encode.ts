/**
 * Instructions to bytes, and the two ways to count them.
 *
 * An index counts `Insn`s, a slot counts 8-byte units of the wire form; `ld_imm64` has one index and two slots. Jumps,
 * the verifier's log and line info count slots.
 */

import type { Insn } from './insn.ts';
import { slots } from './insn.ts';

/** A field that does not fit its width: always a mistake of whoever made the instruction. */
export class EncodeError extends Error {
  override name = 'EncodeError';
  readonly index: number;

  constructor(index: number, message: string) {
    super(`instruction ${index}: ${message}`);
    this.index = index;
  }
}

/** Little endian wire form. */
export function encode(insns: readonly Insn[]): Uint8Array {
  const bytes = new Uint8Array(slotCount(insns) * 8);
  const view = new DataView(bytes.buffer);
  let at = 0;
  for (let index = 0; index < insns.length; index++) {
    const insn = insns[index] as Insn;
    const { op, dst, src, off, imm, imm64 } = insn;
    if ((op & 0xff) !== op) throw new EncodeError(index, `opcode ${op} does not fit 8 bits`);
    if ((dst & 15) !== dst || (src & 15) !== src)
      throw new EncodeError(index, `register r${(dst & 15) === dst ? src : dst} does not exist`);
    if ((off << 16) >> 16 !== off) throw new EncodeError(index, `offset ${off} does not fit 16 bits`);
    if ((imm | 0) !== imm) throw new EncodeError(index, `immediate ${imm} does not fit 32 bits`);
    view.setUint8(at, op);
    view.setUint8(at + 1, (src << 4) | dst);
    view.setInt16(at + 2, off, true);
    view.setInt32(at + 4, imm, true);
    at += 8;
    if (imm64 === undefined) continue;
    if (BigInt.asUintN(64, imm64) !== imm64) throw new EncodeError(index, `constant ${imm64} does not fit 64 bits`);
    if (Number(BigInt.asIntN(32, imm64)) !== imm) throw new EncodeError(index, 'imm is not the low half of imm64');
    view.setUint32(at + 4, Number(imm64 >> 32n), true);
    at += 8;
  }
  return bytes;
}

export function slotCount(insns: readonly Insn[]): number {
  let count = 0;
  for (const insn of insns) count += slots(insn);
  return count;
}

/** The slot of each index, and one more entry: the number of slots. */
export function slotOfIndex(insns: readonly Insn[]): Int32Array {
  const result = new Int32Array(insns.length + 1);
  let slot = 0;
  for (let index = 0; index < insns.length; index++) {
    result[index] = slot;
    slot += slots(insns[index] as Insn);
  }
  result[insns.length] = slot;
  return result;
}

/** The index at each slot, -1 for the second half of a `ld_imm64`; one more entry: the number of instructions. */
export function indexOfSlot(insns: readonly Insn[]): Int32Array {
  const result = new Int32Array(slotCount(insns) + 1).fill(-1);
  let slot = 0;
  for (let index = 0; index < insns.length; index++) {
    result[slot] = index;
    slot += slots(insns[index] as Insn);
  }
  result[slot] = insns.length;
  return result;
}
