/**
 * Peepholes: two instructions on one register that are one, or none. Rows are text; a test runs both sides of each over
 * random and edge inputs.
 *
 *   d       the register; wd its 32-bit form, in which an instruction clears the upper half
 *   s       another register
 *   A, B    immediates; an expression in braces gives the new one
 *   load8   a zero-extending load, &slot a stack address
 *
 * `then` is the next instruction that mentions d. Instructions between the two neither read nor write d, nor s.
 */
import { ALU, CLASS, MODE, SIZE, SRC } from '../../../isa/insn.ts';
import type { MBlock, MFunction } from '../machine.ts';
import {
  DEFS_DST,
  flagsOf,
  MInst,
  MOV32,
  NONE,
  PSEUDO,
  physicalDefs,
  physicalUses,
  USES_SRC,
  virtualDefs,
  virtualUses,
} from '../machine.ts';

export interface WindowRow {
  readonly first: string;
  readonly then: string;
  /** Empty: the second instruction goes, the first stays. */
  readonly to: string;
  readonly when?: (A: number, B: number) => boolean;
  /** Only where there are 32-bit forms: the replacement is one and what it replaces is not. */
  readonly alu32?: boolean;
  /** The immediate that `C` in `to` stands for. */
  readonly C?: (A: number, B: number) => number;
}

const fits = (n: number): boolean => n >= -0x8000_0000 && n <= 0x7fff_ffff;

export const WINDOW_ROWS: readonly WindowRow[] = [
  { first: 'd = s', then: 'wd = wd', to: 'wd = ws' },
  { first: 'wd = ws', then: 'wd = wd', to: 'wd = ws' },
  { first: 'wd = A', then: 'wd = wd', to: 'wd = A' },
  { first: 'd = load8', then: 'wd = wd', to: '' },
  { first: 'd = load16', then: 'wd = wd', to: '' },
  { first: 'd = load32', then: 'wd = wd', to: '' },
  { first: 'wd *= *', then: 'wd = wd', to: '' },
  { first: 'd = load8', then: 'd &= B', to: '', when: (_, B) => (B & 0xff) === 0xff },
  { first: 'd = load16', then: 'd &= B', to: '', when: (_, B) => (B & 0xffff) === 0xffff },
  { first: 'd = load8', then: 'wd &= B', to: '', when: (_, B) => (B & 0xff) === 0xff },
  { first: 'd = load16', then: 'wd &= B', to: '', when: (_, B) => (B & 0xffff) === 0xffff },
  { first: 'd <<= 32', then: 'd >>= 32', to: 'wd = wd', alu32: true },
  { first: 'd += A', then: 'd += B', to: 'd += C', when: (A, B) => fits(A + B), C: (A, B) => A + B },
  { first: 'wd += A', then: 'wd += B', to: 'wd += C', C: (A, B) => (A + B) | 0 },
  { first: 'd = &slot', then: 'd += B', to: 'd = &slot', when: (A, B) => fits(A + B) },
  { first: 'd &= A', then: 'd &= B', to: 'd &= C', C: (A, B) => A & B },
  { first: 'wd &= A', then: 'wd &= B', to: 'wd &= C', C: (A, B) => A & B },
  { first: 'd |= A', then: 'd |= B', to: 'd |= C', C: (A, B) => A | B },
  { first: 'd >>= A', then: 'd >>= B', to: 'd >>= C', when: (A, B) => A + B < 64, C: (A, B) => A + B },
  { first: 'wd >>= A', then: 'wd >>= B', to: 'wd >>= C', when: (A, B) => A + B < 32, C: (A, B) => A + B },
  { first: 'd <<= A', then: 'd <<= B', to: 'd <<= C', when: (A, B) => A + B < 64, C: (A, B) => A + B },
  { first: 'wd <<= A', then: 'wd <<= B', to: 'wd <<= C', when: (A, B) => A + B < 32, C: (A, B) => A + B },
];

/* ---------- reading rows ---------- */

/** An instruction of a row. */
export interface Pattern {
  /** Opcode byte, or a pseudo opcode; NONE for any 32-bit arithmetic. */
  readonly op: number;
  readonly src: 'd' | 's' | undefined;
  /** A variable, a fixed number, or none. */
  readonly imm: 'A' | 'B' | 'C' | number | undefined;
}

const SYMBOLS: Readonly<Record<string, number>> = {
  '=': ALU.MOV,
  '+=': ALU.ADD,
  '-=': ALU.SUB,
  '*=': ALU.MUL,
  '&=': ALU.AND,
  '|=': ALU.OR,
  '^=': ALU.XOR,
  '<<=': ALU.LSH,
  '>>=': ALU.RSH,
  's>>=': ALU.ARSH,
};
const LOADS: Readonly<Record<string, number>> = {
  load8: CLASS.LDX | MODE.MEM | SIZE.B,
  load16: CLASS.LDX | MODE.MEM | SIZE.H,
  load32: CLASS.LDX | MODE.MEM | SIZE.W,
};

export function parsePattern(text: string): Pattern {
  const [left, symbol, right] = text.split(' ') as [string, string, string];
  const cls = left === 'wd' ? CLASS.ALU : CLASS.ALU64;
  if (right === '*') return { op: NONE, src: undefined, imm: undefined };
  if (right === '&slot') return { op: PSEUDO.LEA, src: undefined, imm: undefined };
  const load = LOADS[right];
  if (load !== undefined) return { op: load, src: undefined, imm: undefined };
  const op = cls | (SYMBOLS[symbol] as number);
  if (right === 'A' || right === 'B' || right === 'C') return { op: op | SRC.K, src: undefined, imm: right };
  if (right.endsWith('d') || right.endsWith('s')) return { op: op | SRC.X, src: right.endsWith('d') ? 'd' : 's', imm: undefined };
  return { op: op | SRC.K, src: undefined, imm: Number(right) };
}

interface Row {
  readonly first: Pattern;
  readonly then: Pattern;
  readonly to: Pattern | undefined;
  readonly row: WindowRow;
}

let parsed: ReadonlyMap<number, readonly Row[]> | undefined;

/** Rows by the opcode of their second instruction. */
function rowsByThen(): ReadonlyMap<number, readonly Row[]> {
  if (parsed) return parsed;
  const out = new Map<number, Row[]>();
  for (const row of WINDOW_ROWS) {
    const r: Row = {
      row,
      first: parsePattern(row.first),
      then: parsePattern(row.then),
      to: row.to === '' ? undefined : parsePattern(row.to),
    };
    const list = out.get(r.then.op);
    if (list) list.push(r);
    else out.set(r.then.op, [r]);
  }
  return (parsed = out);
}

/* ---------- applying them ---------- */

/** Over virtual or physical registers. */
export function applyWindows(fn: MFunction): void {
  const rows = rowsByThen();
  for (const block of fn.blocks) {
    for (let k = 1; k < block.insts.length; k++) {
      const then = block.insts[k] as MInst;
      const candidates = rows.get(then.op);
      if (candidates === undefined || (then.src !== NONE && (flagsOf(then) & USES_SRC) !== 0 && then.src !== then.dst)) continue;
      const at = definition(block, k);
      if (at < 0) continue;
      const first = block.insts[at] as MInst;
      for (const row of candidates) {
        if (
          (row.row.alu32 && fn.cpu < 3) ||
          !matches(row.first, first) ||
          !matches(row.then, then) ||
          row.row.when?.(immOf(first), then.imm) === false
        )
          continue;
        if (row.then.src === 'd' && then.src !== then.dst) continue;
        // The replacement stands where the second did, and reads what the first read there.
        if (first.op !== PSEUDO.LEA && row.to !== undefined && row.first.src === 's' && isWritten(block, first.src, at + 1, k)) continue;
        replace(block, at, k, row);
        k = Math.max(0, k - 2);
        break;
      }
    }
  }
}

function immOf(i: MInst): number {
  return i.op === PSEUDO.LEA ? i.off : i.imm;
}

function matches(p: Pattern, i: MInst): boolean {
  if (p.op === NONE) {
    // 32-bit arithmetic of any kind; byte swaps are in the same class but may be 64 bits wide.
    return (i.op & 7) === CLASS.ALU && i.op < 0x100 && (i.op & 0xf0) !== ALU.END && !(i.op === MOV32 && i.off !== 0);
  }
  if (p.op !== i.op || i.extra !== undefined) return false;
  if ((i.op & 7) === CLASS.LDX) return true;
  if (i.op !== PSEUDO.LEA && i.off !== 0) return false;
  return typeof p.imm !== 'number' || p.imm === i.imm;
}

/** The instruction before `k` that mentions its register, if it writes it; -1 if there is none. */
function definition(block: MBlock, k: number): number {
  const r = (block.insts[k] as MInst).dst;
  for (let at = k - 1; at >= 0; at--) {
    const i = block.insts[at] as MInst;
    if (i.dst === r && (flagsOf(i) & DEFS_DST) !== 0 && !(i.src === r && (flagsOf(i) & USES_SRC) !== 0)) return at;
    if (mentions(i, r)) return -1;
  }
  return -1;
}

const operands: number[] = [];

function mentions(i: MInst, r: number): boolean {
  if (r < 16) return (((physicalUses(i) | physicalDefs(i)) >>> r) & 1) !== 0;
  for (let n = virtualUses(i, operands) - 1; n >= 0; n--) if (operands[n] === r) return true;
  for (let n = virtualDefs(i, operands) - 1; n >= 0; n--) if (operands[n] === r) return true;
  return false;
}

function isWritten(block: MBlock, r: number, from: number, to: number): boolean {
  for (let k = from; k < to; k++) {
    const i = block.insts[k] as MInst;
    if (r < 16 ? ((physicalDefs(i) >>> r) & 1) !== 0 : virtualDefs(i, operands) > 0 && operands.includes(r)) return true;
  }
  return false;
}

function replace(block: MBlock, at: number, k: number, { row, to }: Row): void {
  const first = block.insts[at] as MInst,
    then = block.insts[k] as MInst;
  if (to === undefined) {
    block.insts.splice(k, 1);
    return;
  }
  const i = new MInst(to.op, then.dst, NONE, 0, 0, then.loc);
  if (to.op === PSEUDO.LEA) {
    i.slot = first.slot;
    i.off = first.off + then.imm;
  } else if (to.src !== undefined) i.src = to.src === 'd' ? then.dst : first.src;
  else if (to.imm === 'C') i.imm = row.C?.(first.imm, then.imm) ?? 0;
  else if (to.imm === 'A') i.imm = first.imm;
  block.insts[k] = i;
  block.insts.splice(at, 1);
}
