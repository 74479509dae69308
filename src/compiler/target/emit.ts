/**
 * Machine IR with physical registers and laid-out blocks becomes `FunctionSpec`: instructions, references, relocations
 * and one line for each change of position.
 *
 * Distances are counted in slots. A jump that does not reach (±32767) becomes `gotol` on v4; before, the conditional
 * jump is turned around a `goto`, and a `goto` too far hops through islands placed between blocks (`long-jumps.ts`).
 */

import type { Insn } from '../../isa/insn.ts';
import { ALU, CLASS, JMP, SRC } from '../../isa/insn.ts';
import type { CoreRelocation, FunctionSpec, LineInfo, SymbolRef } from '../../object/spec.ts';
import type { Diagnostics, Loc } from '../diagnostics.ts';
import { assembleBody } from './asm.ts';
import { invert, invertible } from './branches.ts';
import type { Jump } from './long-jumps.ts';
import { placeJumps } from './long-jumps.ts';
import type { MBlock, MFunction, MInst } from './machine.ts';
import { asmOf, CALL, EXIT, FP, isConditionalJump, LD_IMM64, MOV64, NONE, PSEUDO } from './machine.ts';

/** Turns a `Loc` into a place in the user's text; undefined for "nowhere". */
export type LocResolver = (loc: Loc) => { readonly file: string; readonly line: number; readonly column: number } | undefined;

export interface Emitted {
  readonly insns: Insn[];
  readonly refs: SymbolRef[];
  readonly core: CoreRelocation[];
  readonly locs: Loc[];
  /** Instructions that several lines share; `locs` has one of these. */
  readonly shared: boolean[];
}

export function emitCode(fn: MFunction, diagnostics: Diagnostics): Emitted {
  const out: Emitted = { insns: [], refs: [], core: [], locs: [], shared: [] };
  const starts = new Map<MBlock, number>();
  const jumps: Jump<MBlock>[] = [];
  let shared = false;
  const push = (insn: Insn, loc: Loc): number => {
    out.locs.push(loc);
    out.shared.push(shared);
    return out.insns.push(insn) - 1;
  };
  fn.blocks.forEach((block, k) => {
    starts.set(block, out.insns.length);
    const follows = fn.blocks[k + 1];
    const last = block.insts[block.insts.length - 1];
    const jump = block.taken !== undefined && isConditionalJump(last) ? last : undefined;
    for (const i of block.insts) {
      if (i === jump) continue;
      shared = i.shared;
      emitInst(i, push, out, diagnostics);
    }
    shared = jump?.shared === true;
    let { taken, next } = block;
    if (jump !== undefined && last !== undefined) {
      if (taken === follows && next !== follows && invertible(jump, fn.cpu)) {
        invert(jump, fn.cpu);
        [taken, next] = [next, taken];
      }
      const at = push(
        { op: jump.op, dst: jump.dst, src: (jump.op & SRC.X) !== 0 ? jump.src : 0, off: 0, imm: (jump.op & SRC.X) !== 0 ? 0 : jump.imm },
        jump.loc,
      );
      jumps.push({ insn: at, to: taken as MBlock });
    }
    if (next === undefined || next === follows) return;
    shared = isBareExit(next) && (next.insts[0] as MInst).shared;
    if (isBareExit(next)) emitInst(next.insts[0] as MInst, push, out, diagnostics);
    else jumps.push({ insn: push({ op: CLASS.JMP | JMP.JA, dst: 0, src: 0, off: 0, imm: 0 }, block.loc), to: next });
  });
  if (!placeJumps(out, jumps, starts, fn.cpu)) {
    const size = `it has ${out.insns.length} instructions`;
    const loc = fn.blocks[0]?.loc ?? 0;
    diagnostics.error(
      'function-too-large',
      loc,
      `jumps in '${fn.name}' do not reach: ${size}, and before instruction set v4 a jump goes 32767 far`,
    );
  }
  return out;
}

/** Jumping to an `exit` takes as much room as the `exit`. */
function isBareExit(b: MBlock): boolean {
  return b.insts.length === 1 && (b.insts[0] as MInst).op === EXIT;
}

function emitInst(i: MInst, push: (insn: Insn, loc: Loc) => number, out: Emitted, diagnostics: Diagnostics): void {
  const { op, loc } = i;
  if (op === PSEUDO.LEA) {
    push({ op: MOV64, dst: i.dst, src: FP, off: 0, imm: 0 }, loc);
    if (i.off !== 0) push({ op: CLASS.ALU64 | ALU.ADD | SRC.K, dst: i.dst, src: 0, off: 0, imm: i.off }, loc);
    return;
  }
  const asm = asmOf(i);
  if (asm) {
    for (const insn of assembleBody(asm, loc, diagnostics)) push(insn, loc);
    return;
  }
  const x = i.extra;
  if (op === LD_IMM64) {
    const value = x?.kind === 'wide' ? x.value : x?.kind === 'core' ? BigInt.asUintN(64, x.core.local) : 0n;
    const at = push({ op, dst: i.dst, src: Math.max(0, i.src), off: 0, imm: Number(BigInt.asIntN(32, value)), imm64: value }, loc);
    note(at, i, out);
    return;
  }
  if (op === CALL) {
    const at = push({ op, dst: 0, src: i.src, off: 0, imm: x?.kind === 'ref' ? -1 : i.imm }, loc);
    note(at, i, out);
    return;
  }
  if (op === EXIT) {
    push({ op, dst: 0, src: 0, off: 0, imm: 0 }, loc);
    return;
  }
  note(push({ op, dst: Math.max(0, i.dst), src: i.src === NONE ? 0 : i.src, off: i.off, imm: i.imm }, loc), i, out);
}

function note(at: number, i: MInst, out: Emitted): void {
  if (i.extra?.kind === 'ref') out.refs.push({ insn: at, to: i.extra.ref });
  else if (i.extra?.kind === 'core')
    out.core.push({ insn: at, kind: i.extra.core.kind, type: i.extra.core.type, access: i.extra.core.access });
}

/**
 * One row per change; the first instruction always has one, as the kernel demands. What several lines share has column
 * 0, as in other compilers' objects what has no place: whoever wants the line must see how it was reached.
 */
export function lineTable({ locs, shared }: Pick<Emitted, 'locs' | 'shared'>, resolve: LocResolver, fallback: Loc): LineInfo[] {
  const rows: LineInfo[] = [];
  let last: LineInfo | undefined;
  locs.forEach((loc, insn) => {
    if (insn > 0 && loc === locs[insn - 1] && shared[insn] === shared[insn - 1]) return;
    const at = resolve(loc) ?? (insn === 0 ? resolve(fallback) : undefined);
    if (at === undefined) return;
    const column = shared[insn] === true && insn > 0 ? 0 : at.column;
    if (last !== undefined && last.file === at.file && last.line === at.line && last.column === column) return;
    last = { insn, file: at.file, line: at.line, column };
    rows.push(last);
  });
  return rows;
}

export type { FunctionSpec };
