/**
 * memcpy, memset and memcmp of constant size, as the widest accesses that are allowed.
 *
 * The stack must be accessed aligned, and so must the context and kernel objects; map values, packets and memory from
 * helpers need not be. Stack objects of eight bytes and more are laid out aligned to eight, whatever C asked.
 */
import { ALU, CLASS, JMP, MODE, SRC } from '../../../isa/insn.ts';
import type { MemBits, MemCmp, MemCopy, MemSet, Value } from '../../ir/ir.ts';
import { asImm64 } from '../bits.ts';
import { MOV64_IMM, NONE } from '../machine.ts';
import { loadFrom, rootOf, storeImm, storesImmediates, storeTo } from './memory.ts';
import type { Selection } from './selection.ts';

interface Chunk {
  readonly at: number;
  readonly bits: MemBits;
}

/** Splits `size` bytes into accesses that both alignments allow. Alignment at byte `at` is the lowest set bit. */
function chunks(size: number, align: number, start: number): Chunk[] {
  const out: Chunk[] = [];
  for (let at = 0; at < size; ) {
    let bytes = 8;
    while (bytes > size - at || bytes > align || ((start + at) & (bytes - 1)) !== 0) bytes >>= 1;
    out.push({ at, bits: (bytes * 8) as MemBits });
    at += bytes;
  }
  return out;
}

interface Side {
  readonly align: number;
  readonly start: number;
}

/** What is known about the pointer: it is `start` bytes past something aligned to `align`. */
function sideOf(s: Selection, ptr: Value, declared: number): Side {
  let v = s.resolve(ptr);
  let off = 0;
  while (v.op === 'ptradd' && v.offset.op === 'const') {
    off += Number(BigInt.asIntN(32, v.offset.value));
    v = s.resolve(v.base);
  }
  if (v.op === 'alloca') return { align: slotAlign(v.size, v.align), start: off & 7 };
  const root = rootOf(s, v);
  if (root.op === 'globaladdr') return UNALIGNED;
  // Map values and helpers' memory. A pointer with a stack root under a variable offset keeps its declared alignment.
  if (root.op === 'call' && root.callee.kind === 'helper') return UNALIGNED;
  if (root.op === 'load' && (root.resultSpace === 'packet' || root.resultSpace === 'packetMeta' || root.resultSpace === 'map'))
    return UNALIGNED;
  return { align: declared, start: 0 };
}

const UNALIGNED: Side = { align: Infinity, start: 0 };

export function slotAlign(size: number, align: number): number {
  return Math.max(align, size >= 8 ? 8 : size >= 4 ? 4 : size >= 2 ? 2 : 1);
}

function plan(size: number, a: Side, b: Side): Chunk[] {
  // An unaligned side follows the other one.
  if (a.align === Infinity) return chunksOf(size, b);
  if (b.align === Infinity || (a.start === b.start && a.align === b.align)) return chunksOf(size, a);
  if (a.start === b.start) return chunks(size, Math.min(a.align, b.align), a.start);
  const common = (a.start ^ b.start) & -(a.start ^ b.start);
  return chunks(size, Math.min(a.align, b.align, common), a.start);
}

function chunksOf(size: number, side: Side): Chunk[] {
  return side.align === Infinity ? chunks(size, 8, 0) : chunks(size, Math.min(8, side.align), side.start);
}

export function selectMemCopy(s: Selection, i: MemCopy): void {
  if (i.size === 0) return;
  const list = plan(i.size, sideOf(s, i.dst, i.align), sideOf(s, i.src, i.align));
  if (i.move && !distinct(s, i.dst, i.src)) {
    // Everything is read before anything is written, or, when that would take too many registers, from the safe end.
    if (list.length <= 8) return readThenWrite(s, i, list);
    return copyFromSafeEnd(s, i, list);
  }
  for (const c of list) copyChunk(s, i, c);
}

function copyChunk(s: Selection, i: MemCopy, c: Chunk): void {
  const t = s.newReg();
  const bytes = c.bits / 8 - 1;
  loadFrom(s, MODE.MEM, c.bits, t, s.address(i.src, c.at, bytes)).touch = s.slotsOf(i.src);
  storeTo(s, c.bits, s.address(i.dst, c.at, bytes), t).touch = s.slotsOf(i.dst);
}

function readThenWrite(s: Selection, i: MemCopy, list: readonly Chunk[]): void {
  const regs = list.map((c) => {
    const t = s.newReg();
    loadFrom(s, MODE.MEM, c.bits, t, s.address(i.src, c.at)).touch = s.slotsOf(i.src);
    return t;
  });
  list.forEach((c, k) => {
    storeTo(s, c.bits, s.address(i.dst, c.at), regs[k] as number).touch = s.slotsOf(i.dst);
  });
}

function copyFromSafeEnd(s: Selection, i: MemCopy, list: readonly Chunk[]): void {
  const forward = s.newBlock(),
    backward = s.newBlock(),
    after = s.newBlock();
  const d = s.reg(i.dst);
  s.emit(CLASS.JMP | JMP.JGT | SRC.X, d, s.reg(i.src), 0, 0);
  s.block.loc = s.loc;
  s.block.taken = backward;
  s.block.next = forward;
  s.continueIn(forward);
  for (const c of list) copyChunk(s, i, c);
  s.block.next = after;
  s.continueIn(backward);
  for (let k = list.length - 1; k >= 0; k--) copyChunk(s, i, list[k] as Chunk);
  s.block.next = after;
  s.continueIn(after);
}

/** Whether the two can never be the same memory. */
function distinct(s: Selection, a: Value, b: Value): boolean {
  const x = rootOf(s, a),
    y = rootOf(s, b);
  const own = (v: Value): boolean => v.op === 'alloca' || v.op === 'globaladdr';
  if (!own(x) || !own(y) || x === y) return false;
  return !(x.op === 'globaladdr' && y.op === 'globaladdr' && x.global === y.global);
}

export function selectMemSet(s: Selection, i: MemSet): void {
  if (i.size === 0) return;
  const side = sideOf(s, i.dst, i.align);
  const list = chunksOf(i.size, side);
  const byte = s.resolve(i.byte);
  const put = (c: Chunk, value: number | undefined, reg: number): void => {
    const at = s.address(i.dst, c.at, c.bits / 8 - 1);
    const inst = value === undefined ? storeTo(s, c.bits, at, reg) : storeImm(s, c.bits, at, value);
    inst.touch = s.slotsOf(i.dst);
  };
  if (byte.op !== 'const' && byte.op !== 'undef') {
    const r = s.newReg();
    s.copy(r, s.reg(byte));
    s.aluImm(ALU.AND, true, r, 0xff);
    if (list.some((c) => c.bits > 8)) {
      const ones = s.newReg();
      s.wide(ones, 0x0101_0101_0101_0101n);
      s.alu(ALU.MUL, true, r, ones);
    }
    for (const c of list) put(c, undefined, r);
    return;
  }
  const pattern = BigInt.asUintN(64, (byte.op === 'const' ? byte.value & 0xffn : 0n) * 0x0101_0101_0101_0101n);
  const immediates = storesImmediates(s, i.dst);
  let reg = NONE;
  for (const c of list) {
    const imm = c.bits === 64 ? asImm64(pattern) : Number(BigInt.asIntN(c.bits, pattern));
    if (immediates && imm !== undefined) put(c, imm, NONE);
    else {
      if (reg === NONE) s.wide((reg = s.newReg()), pattern);
      put(c, undefined, reg);
    }
  }
}

/** Chunk by chunk; at the first that differs, as big-endian numbers, the higher one is the greater. */
export function selectMemCmp(s: Selection, i: MemCmp, onlyEquality: boolean): void {
  const dst = s.target(i);
  s.emit(MOV64_IMM, dst, NONE, 0, 0);
  if (i.size === 0) return;
  const list = plan(i.size, sideOf(s, i.a, i.align), sideOf(s, i.b, i.align));
  const differ = s.newBlock(),
    after = s.newBlock();
  const ra = s.newReg(),
    rb = s.newReg();
  list.forEach((c, k) => {
    const bytes = c.bits / 8 - 1;
    loadFrom(s, MODE.MEM, c.bits, ra, s.address(i.a, c.at, bytes)).touch = s.slotsOf(i.a);
    loadFrom(s, MODE.MEM, c.bits, rb, s.address(i.b, c.at, bytes)).touch = s.slotsOf(i.b);
    s.emit(CLASS.JMP | JMP.JNE | SRC.X, ra, rb, 0, 0);
    s.block.loc = s.loc;
    s.block.taken = differ;
    const next = k === list.length - 1 ? after : s.newBlock();
    s.block.next = next;
    s.continueIn(next);
  });
  s.continueIn(differ);
  if (!onlyEquality && list.some((c) => c.bits > 8)) {
    for (const r of [ra, rb]) s.emit(CLASS.ALU | ALU.END | SRC.X, r, NONE, 0, 64);
  }
  s.emit(MOV64_IMM, dst, NONE, 0, 1);
  s.block.next = after;
  if (!onlyEquality) {
    const less = s.newBlock();
    s.emit(CLASS.JMP | JMP.JGT | SRC.X, ra, rb, 0, 0);
    s.block.taken = after;
    s.block.next = less;
    s.block.loc = s.loc;
    s.continueIn(less);
    s.emit(MOV64_IMM, dst, NONE, 0, -1);
    less.next = after;
  }
  s.continueIn(after);
}
