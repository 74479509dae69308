/** Bytes to instructions. Strict: what comes out is an instruction that the kernel knows, with its reserved fields zero. */

import type { Insn } from './insn.ts';
import { CALL, CLASS, JMP, PSEUDO } from './insn.ts';
import { checkInsn, LD_IMM64 } from './opcodes.ts';

export class DecodeError extends Error {
  override name = 'DecodeError';
  /** Where, in 8-byte slots from the start. */
  readonly slot: number;

  constructor(slot: number, message: string) {
    super(`instruction at slot ${slot}: ${message}`);
    this.slot = slot;
  }
}

export interface DecodeOptions {
  /**
   * The bytes are a dump of a translated program. Lets pass what only the kernel writes (unknown opcodes, r11, reserved
   * fields) and takes out the subprogram numbers that it leaves in local calls and function addresses.
   */
  readonly translated?: boolean;
  /** Big endian wire form: fields of several bytes and the two registers swap. */
  readonly bigEndian?: boolean;
}

export function decode(bytes: Uint8Array, options: DecodeOptions = {}): Insn[] {
  if (bytes.length % 8 !== 0) throw new DecodeError(bytes.length >> 3, `truncated: ${bytes.length} bytes are no multiple of 8`);
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
  const little = options.bigEndian !== true;
  const insns: Insn[] = [];
  for (let at = 0; at < bytes.length; at += 8) {
    const op = view.getUint8(at);
    const registers = view.getUint8(at + 1);
    const dst = little ? registers & 15 : registers >> 4;
    const src = little ? registers >> 4 : registers & 15;
    const off = view.getInt16(at + 2, little);
    const imm = view.getInt32(at + 4, little);
    const slot = at >> 3;
    let insn: Insn = { op, dst, src, off, imm };
    if (op === LD_IMM64) {
      at += 8;
      if (at >= bytes.length) throw new DecodeError(slot, 'ld_imm64 without its second half');
      if (view.getUint32(at, little) !== 0) throw new DecodeError(slot, 'second half of ld_imm64 has fields other than imm');
      const imm64 = (BigInt(view.getUint32(at + 4, little)) << 32n) | BigInt(imm >>> 0);
      insn = { op, dst, src, off, imm, imm64 };
    }
    if (options.translated === true) insn = withoutSubprogramNumber(insn);
    const problem = options.translated === true ? undefined : checkInsn(insn);
    if (problem !== undefined) throw new DecodeError(slot, problem);
    insns.push(insn);
  }
  return insns;
}

/** Once a program is compiled to machine code, the kernel keeps the distance of a local call in `off`, the callee's number in `imm`. */
function withoutSubprogramNumber(insn: Insn): Insn {
  if (insn.op === LOCAL_CALL && insn.src === CALL.LOCAL && insn.off !== 0) return { ...insn, off: 0, imm: insn.off };
  if (insn.imm64 !== undefined && insn.src === PSEUDO.FUNC) return { ...insn, imm64: BigInt(insn.imm >>> 0) };
  return insn;
}

const LOCAL_CALL = CLASS.JMP | JMP.CALL;
