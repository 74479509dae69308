/**
 * Writes resolved CO-RE relocations into instructions.
 *
 *   r1 = 16            ─▶ r1 = 24              (move or add of an immediate)
 *   r1 = *(u64 *)(r6 + 16)  ─▶ r1 = *(u32 *)(r6 + 24)   (load or store: offset, and width where the field's changed)
 *   r1 = 7 ll          ─▶ r1 = 1234 ll         (64-bit constant: type ids, enumerators)
 *   anything           ─▶ call 195896080       (poison)
 *
 * A poisoned 64-bit constant takes two slots and becomes two calls, so indexes behind it move: references and lines are
 * renumbered. Slots, which jumps count, stay as they are. The poison number is libbpf's, so that other tools know it.
 */

import { insn as makeInsn } from '../isa/build.ts';
import { CLASS, type Insn, JMP, MODE, SIZE, SRC } from '../isa/insn.ts';
import type { CoreKind, FunctionSpec } from '../object/spec.ts';
import { CoreError } from './error.ts';

export const CORE_POISON = 195896080;

export interface Patch {
  readonly insn: number;
  /** What is accessed, for messages. */
  readonly what: string;
  readonly kind: CoreKind;
  /** What the instruction must hold now; undefined where it is not known. */
  readonly before: bigint | undefined;
  readonly after: bigint;
  readonly poison: boolean;
  /** For loads and stores at a field's offset: its new width in bytes; 'unfit' where no load keeps the value. */
  readonly width: number | 'same' | 'unfit';
}

const SIZE_BITS: Readonly<Record<number, number>> = { 1: SIZE.B, 2: SIZE.H, 4: SIZE.W, 8: SIZE.DW };

export function patchFunction(
  fn: FunctionSpec,
  patches: readonly Patch[],
): { readonly function: FunctionSpec; readonly poisoned: ReadonlyMap<number, string> } {
  const insns: (Insn | readonly Insn[])[] = [...fn.insns];
  const why = new Map<number, string>();
  for (const patch of patches) {
    const old = insns[patch.insn];
    if (old === undefined) throw new CoreError(`${fn.name}: relocation of instruction ${patch.insn}, which does not exist`);
    // Several relocations may meet in one instruction; once poisoned it stays so.
    if (why.has(patch.insn)) continue;
    if (patch.poison || (patch.width === 'unfit' && isMemory(old as Insn))) {
      why.set(patch.insn, `${patch.what} (${patch.kind})`);
      insns[patch.insn] = poison(old as Insn);
    } else {
      insns[patch.insn] = patchInsn(fn.name, old as Insn, patch);
    }
  }
  if (!insns.some((i) => Array.isArray(i))) {
    return { function: { ...fn, insns: insns as Insn[], core: [] }, poisoned: why };
  }
  return renumber(fn, insns, why);
}

function isMemory(insn: Insn): boolean {
  const width = insn.op & 7;
  return width === CLASS.LDX || width === CLASS.ST || width === CLASS.STX;
}

function poison(old: Insn): Insn | readonly Insn[] {
  const call = makeInsn(CLASS.JMP | JMP.CALL, 0, 0, 0, CORE_POISON);
  return old.imm64 === undefined ? call : [call, call];
}

function patchInsn(fn: string, old: Insn, patch: Patch): Insn {
  const wrong = (has: string): CoreError =>
    new CoreError(`${fn}: instruction ${patch.insn}: ${patch.what}: the instruction has ${has}, the object's types say ${patch.before}`);
  const width = old.op & 7;
  switch (width) {
    case CLASS.ALU:
    case CLASS.ALU64: {
      if ((old.op & SRC.X) !== 0)
        throw new CoreError(`${fn}: instruction ${patch.insn}: a CO-RE relocation of an instruction between registers`);
      if (patch.before !== undefined && BigInt(old.imm) !== BigInt.asIntN(32, patch.before)) throw wrong(String(old.imm));
      return { ...old, imm: Number(BigInt.asIntN(32, patch.after)) };
    }
    case CLASS.LDX:
    case CLASS.ST:
    case CLASS.STX: {
      if (patch.before !== undefined && BigInt(old.off) !== patch.before) throw wrong(`offset ${old.off}`);
      if (patch.after > 32767n) throw new CoreError(`${fn}: ${patch.what}: the offset ${patch.after} does not fit an instruction`);
      return { ...old, off: Number(patch.after), op: resized(fn, old, patch) };
    }
    case CLASS.LD: {
      if (old.imm64 === undefined || old.src !== 0)
        throw new CoreError(`${fn}: instruction ${patch.insn}: a CO-RE relocation of an instruction that cannot have one`);
      if (patch.before !== undefined && old.imm64 !== BigInt.asUintN(64, patch.before) && old.imm64 !== BigInt.asUintN(32, patch.before))
        throw wrong(String(old.imm64));
      const imm64 = BigInt.asUintN(64, patch.after);
      return { ...old, imm64, imm: Number(BigInt.asIntN(32, imm64)) };
    }
    default:
      throw new CoreError(`${fn}: instruction ${patch.insn}: a CO-RE relocation of an instruction that cannot have one`);
  }
}

function resized(fn: string, old: Insn, patch: Patch): number {
  if (typeof patch.width !== 'number' || (old.op & 0xe0) !== MODE.MEM) return old.op;
  const bits = SIZE_BITS[patch.width];
  if (bits === undefined) throw new CoreError(`${fn}: ${patch.what}: no load is ${patch.width} bytes wide`);
  return (old.op & ~0x18) | bits;
}

function renumber(
  fn: FunctionSpec,
  insns: readonly (Insn | readonly Insn[])[],
  why: ReadonlyMap<number, string>,
): ReturnType<typeof patchFunction> {
  const flat: Insn[] = [];
  const newIndex: number[] = [];
  for (const item of insns) {
    newIndex.push(flat.length);
    if (Array.isArray(item)) flat.push(...(item as readonly Insn[]));
    else flat.push(item as Insn);
  }
  const moved = <T extends { readonly insn: number }>(rows: readonly T[]): T[] =>
    rows.map((row) => ({ ...row, insn: newIndex[row.insn] ?? row.insn }));
  const poisoned = new Map<number, string>();
  for (const [index, what] of why) poisoned.set(newIndex[index] ?? index, what);
  return { function: { ...fn, insns: flat, refs: moved(fn.refs), lines: moved(fn.lines), core: [] }, poisoned };
}
