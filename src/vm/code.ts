/**
 * A program made ready to run: checked once, its jumps and calls resolved to indices, its constants to addresses.
 *
 * The check is structural, not the kernel's verifier: after it, both engines may index by what the instructions say
 * without looking. Everything that depends on values is checked while running.
 */

import { indexOfSlot, slotOfIndex } from '../isa/encode.ts';
import type { Insn } from '../isa/insn.ts';
import { ATOMIC, CALL, CLASS, FP, JMP, MODE, PSEUDO, SRC } from '../isa/insn.ts';
import { checkInsn } from '../isa/opcodes.ts';
import { VmLoadError } from './fault.ts';
import { REGION_LIMIT, REGION_STEP } from './memory.ts';

export interface CodeFunction {
  readonly name: string;
  /** Index of the first instruction, and one past the last. */
  readonly start: number;
  readonly end: number;
}

export interface Code {
  readonly name: string;
  /** Number of this program within its machine, part of the addresses of its functions. */
  readonly id: number;
  readonly insns: readonly Insn[];
  readonly slotOf: Int32Array;
  /** By instruction: index jumped to, number of the function called; -1 for others. */
  readonly target: Int32Array;
  readonly functions: readonly CodeFunction[];
  /** By instruction: the value of a `ld_imm64`. */
  readonly constants: readonly (bigint | undefined)[];
  /** Where an instruction comes from, for messages. */
  readonly sourceOf?: (index: number) => string | undefined;
}

export interface CodeInput {
  readonly name: string;
  readonly id: number;
  readonly insns: readonly Insn[];
  /** Names of functions by index of their first instruction. */
  readonly names?: ReadonlyMap<number, string>;
  /** Value of a `ld_imm64` with a pseudo source other than FUNC; undefined is an error. */
  readonly constant: (insn: Insn, index: number) => bigint | undefined;
  readonly sourceOf?: (index: number) => string | undefined;
}

const CALL_OP = CLASS.JMP | JMP.CALL;
const EXIT_OP = CLASS.JMP | JMP.EXIT;
const GOTO_OP = CLASS.JMP | JMP.JA;
const GOTOL_OP = CLASS.JMP32 | JMP.JA;

export function isConditional(insn: Insn): boolean {
  const cls = insn.op & 7;
  return (
    (cls === CLASS.JMP || cls === CLASS.JMP32) && insn.op !== CALL_OP && insn.op !== EXIT_OP && insn.op !== GOTO_OP && insn.op !== GOTOL_OP
  );
}

export function isJump(insn: Insn): boolean {
  return insn.op === GOTO_OP || insn.op === GOTOL_OP || isConditional(insn);
}

export function isExit(insn: Insn): boolean {
  return insn.op === EXIT_OP;
}

export function isCall(insn: Insn): boolean {
  return insn.op === CALL_OP;
}

/** Addresses of functions lie above all regions, so that they can be passed around but not read. */
export function functionAddress(code: number, fn: number): number {
  return (REGION_LIMIT + code) * REGION_STEP + fn;
}

export function prepare(input: CodeInput): Code {
  const { insns, name, id } = input;
  if (insns.length === 0) throw new VmLoadError(`program '${name}' has no instructions`);
  const slotOf = slotOfIndex(insns);
  const indexAt = indexOfSlot(insns);
  const fail = (index: number, message: string): never => {
    throw new VmLoadError(`program '${name}': ${message}`, slotOf[index]);
  };
  const at = (from: number, distance: number): number => {
    const slot = (slotOf[from] as number) + 1 + distance;
    const index = slot >= 0 && slot < indexAt.length - 1 ? (indexAt[slot] as number) : -1;
    return index === -1 ? fail(from, `jump to slot ${slot}, which is no instruction`) : index;
  };

  const target = new Int32Array(insns.length).fill(-1);
  const starts = new Set([0]);
  for (let i = 0; i < insns.length; i++) {
    const insn = insns[i] as Insn;
    const problem = checkInsn(insn) ?? unsupported(insn);
    if (problem !== undefined) fail(i, problem);
    if (isCall(insn) && insn.src === CALL.LOCAL) starts.add((target[i] = at(i, insn.imm)));
    else if (insn.imm64 !== undefined && insn.src === PSEUDO.FUNC) starts.add((target[i] = at(i, insn.imm)));
    else if (isJump(insn)) target[i] = at(i, insn.op === GOTOL_OP ? insn.imm : insn.off);
  }

  const sorted = [...starts].sort((a, b) => a - b);
  const functions = sorted.map(
    (start, i): CodeFunction => ({
      name: input.names?.get(start) ?? (start === 0 ? name : `subprogram_${i}`),
      start,
      end: sorted[i + 1] ?? insns.length,
    }),
  );
  const numberAt = new Map(sorted.map((start, i) => [start, i]));
  const constants = new Array<bigint | undefined>(insns.length).fill(undefined);
  for (const fn of functions) {
    const last = insns[fn.end - 1] as Insn;
    if (!isExit(last) && last.op !== GOTO_OP && last.op !== GOTOL_OP) fail(fn.end - 1, `'${fn.name}' runs past its end`);
    for (let i = fn.start; i < fn.end; i++) {
      const insn = insns[i] as Insn;
      const to = target[i] as number;
      if (insn.imm64 !== undefined) {
        if (insn.src === PSEUDO.FUNC) constants[i] = BigInt(functionAddress(id, numberAt.get(to) as number));
        else constants[i] = insn.src === 0 ? insn.imm64 : (input.constant(insn, i) ?? fail(i, 'unresolved reference in ld_imm64'));
      }
      if (to === -1) continue;
      if (isCall(insn)) target[i] = numberAt.get(to) as number;
      else if (isJump(insn) && (to < fn.start || to >= fn.end)) fail(i, `jump out of '${fn.name}'`);
    }
  }
  return { name, id, insns, slotOf, target, functions, constants, ...(input.sourceOf === undefined ? {} : { sourceOf: input.sourceOf }) };
}

/** What is valid but not for this machine, and what only values could make valid. */
function unsupported(insn: Insn): string | undefined {
  const cls = insn.op & 7;
  if (insn.op === (CALL_OP | SRC.X)) return 'calls by register are not part of what the kernel runs';
  if (insn.op === (CLASS.ALU64 | 0xb0 | SRC.X) && insn.off === 1) return 'address space casts (arenas) are not supported';
  const writesDst = cls === CLASS.ALU || cls === CLASS.ALU64 || cls === CLASS.LDX || insn.imm64 !== undefined;
  const atomic = cls === CLASS.STX && (insn.op & 0xe0) === MODE.ATOMIC;
  const writesSrc = atomic && (insn.imm & ATOMIC.FETCH) !== 0 && insn.imm !== ATOMIC.CMPXCHG;
  if ((writesDst || (atomic && insn.imm === ATOMIC.LOAD_ACQ)) && insn.dst === FP) return 'the frame pointer is read-only';
  return writesSrc && insn.src === FP ? 'the frame pointer is read-only' : undefined;
}
