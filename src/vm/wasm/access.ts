/**
 * Loads, stores and atomics as WebAssembly, each behind its check against the region table.
 *
 * An access relative to the frame pointer needs no check at run time: the frame pointer cannot change, so the
 * translation knows the place, and addresses linear memory directly.
 */

import type { Insn } from '../../isa/insn.ts';
import { ATOMIC, CLASS, FP, MODE, SIZE } from '../../isa/insn.ts';
import { FRAME_SIZE, TABLE } from '../memory.ts';
import { getRegister, setRegister } from './arithmetic.ts';
import { ADDRESS, ENTRY, FAULT_KINDS, FRAME, IMPORT, OLD, POSITION } from './locals.ts';
import type { WasmWriter } from './writer.ts';
import { OP, VOID } from './writer.ts';

interface Width {
  readonly bytes: number;
  readonly load: number;
  readonly loadSigned: number;
  readonly store: number;
}

const WIDTH: ReadonlyMap<number, Width> = new Map([
  [SIZE.B, { bytes: 1, load: OP.i64Load8U, loadSigned: OP.i64Load8S, store: OP.i64Store8 }],
  [SIZE.H, { bytes: 2, load: OP.i64Load16U, loadSigned: OP.i64Load16S, store: OP.i64Store16 }],
  [SIZE.W, { bytes: 4, load: OP.i64Load32U, loadSigned: OP.i64Load32S, store: OP.i64Store32 }],
  [SIZE.DW, { bytes: 8, load: OP.i64Load, loadSigned: OP.i64Load, store: OP.i64Store }],
]);

/** A checked place in linear memory: a local with a position, and what to add to it. */
interface Place {
  readonly local: number;
  readonly offset: number;
}

/** Alignment hint 0: programs may access memory unaligned. */
function memoryArgument(w: WasmWriter, opcode: number, offset: number): void {
  w.byte(opcode).byte(0).unsigned(offset);
}

export function emitFault(
  w: WasmWriter,
  kind: (typeof FAULT_KINDS)[number],
  index: number,
  size: number,
  address: number | undefined,
): void {
  w.byte(OP.i32Const).signed(FAULT_KINDS.indexOf(kind)).byte(OP.i32Const).signed(index).byte(OP.i32Const).signed(size);
  if (address === undefined) w.byte(OP.i64Const).signed(0);
  else w.byte(OP.localGet).unsigned(address);
  w.byte(OP.call).unsigned(IMPORT.fault).byte(OP.unreachable);
}

/** `regions` is the table's length, a power of two. */
function emitPlace(w: WasmWriter, regions: number, index: number, base: number, off: number, bytes: number, write: boolean): Place {
  if (base === FP && off + FRAME_SIZE >= 0 && off + bytes <= 0) return { local: FRAME, offset: off + FRAME_SIZE };
  getRegister(w, base);
  if (off !== 0) w.byte(OP.i64Const).signed(off).byte(OP.i64Add);
  w.byte(OP.localTee).unsigned(ADDRESS);
  // Is the region id one of the table's? Masked all the same, so that the table is never left.
  w.byte(OP.i64Const)
    .signed(32)
    .bytes(OP.i64ShrU, OP.i32WrapI64, OP.localTee)
    .unsigned(ENTRY)
    .byte(OP.i32Const)
    .signed(regions - 1)
    .byte(OP.i32GtU);
  w.byte(OP.localGet).unsigned(ADDRESS).byte(OP.i32WrapI64);
  w.byte(OP.localGet)
    .unsigned(ENTRY)
    .byte(OP.i32Const)
    .signed(regions - 1)
    .byte(OP.i32And)
    .byte(OP.i32Const)
    .signed(4)
    .bytes(OP.i32Shl, OP.localTee)
    .unsigned(ENTRY);
  memoryArgument(w, OP.i32Load, TABLE);
  w.bytes(OP.i32Sub, OP.localTee).unsigned(POSITION).byte(OP.i64ExtendI32U).byte(OP.i64Const).signed(bytes).byte(OP.i64Add);
  w.byte(OP.localGet).unsigned(ENTRY);
  memoryArgument(w, OP.i64Load32U, TABLE + (write ? 8 : 4));
  w.bytes(OP.i64GtU, OP.i32Or, OP.if, VOID);
  emitFault(w, write ? 'write' : 'read', index, bytes, ADDRESS);
  w.byte(OP.end).byte(OP.localGet).unsigned(POSITION).byte(OP.localGet).unsigned(ENTRY);
  memoryArgument(w, OP.i32Load, TABLE + 12);
  w.bytes(OP.i32Add, OP.localSet).unsigned(POSITION);
  return { local: POSITION, offset: 0 };
}

function widthOf(insn: Insn): Width {
  return WIDTH.get(insn.op & 0x18) as Width;
}

export function emitLoad(w: WasmWriter, regions: number, insn: Insn, index: number): void {
  const width = widthOf(insn);
  const place = emitPlace(w, regions, index, insn.src, insn.off, width.bytes, false);
  w.byte(OP.localGet).unsigned(place.local);
  memoryArgument(w, (insn.op & 0xe0) === MODE.MEMSX ? width.loadSigned : width.load, place.offset);
  setRegister(w, insn.dst);
}

export function emitStore(w: WasmWriter, regions: number, insn: Insn, index: number): void {
  const width = widthOf(insn);
  const place = emitPlace(w, regions, index, insn.dst, insn.off, width.bytes, true);
  w.byte(OP.localGet).unsigned(place.local);
  if ((insn.op & 7) === CLASS.ST) w.byte(OP.i64Const).signed(insn.imm);
  else getRegister(w, insn.src);
  memoryArgument(w, width.store, place.offset);
}

const COMBINE: ReadonlyMap<number, number> = new Map([
  [ATOMIC.ADD, OP.i64Add],
  [ATOMIC.OR, OP.i64Or],
  [ATOMIC.AND, OP.i64And],
  [ATOMIC.XOR, OP.i64Xor],
]);

/** Programs run alone, so each of these is a load and a store. */
export function emitAtomic(w: WasmWriter, regions: number, insn: Insn, index: number): void {
  if (insn.imm === ATOMIC.LOAD_ACQ) {
    emitLoad(w, regions, insn, index);
    return;
  }
  if (insn.imm === ATOMIC.STORE_REL) {
    emitStore(w, regions, insn, index);
    return;
  }
  const width = widthOf(insn);
  const place = emitPlace(w, regions, index, insn.dst, insn.off, width.bytes, true);
  w.byte(OP.localGet).unsigned(place.local);
  memoryArgument(w, width.load, place.offset);
  w.byte(OP.localSet).unsigned(OLD);
  if (insn.imm === ATOMIC.CMPXCHG) {
    getRegister(w, 0);
    if (width.bytes === 4) w.byte(OP.i64Const).signed64(0xffffffffn).byte(OP.i64And);
    w.byte(OP.localGet).unsigned(OLD).bytes(OP.i64Eq, OP.if, VOID).byte(OP.localGet).unsigned(place.local);
    getRegister(w, insn.src);
    memoryArgument(w, width.store, place.offset);
    w.byte(OP.end).byte(OP.localGet).unsigned(OLD);
    setRegister(w, 0);
    return;
  }
  w.byte(OP.localGet).unsigned(place.local);
  if (insn.imm === ATOMIC.XCHG) getRegister(w, insn.src);
  else {
    w.byte(OP.localGet).unsigned(OLD);
    getRegister(w, insn.src);
    w.byte(COMBINE.get(insn.imm & ~ATOMIC.FETCH) as number);
  }
  memoryArgument(w, width.store, place.offset);
  if ((insn.imm & ATOMIC.FETCH) === 0) return;
  w.byte(OP.localGet).unsigned(OLD);
  setRegister(w, insn.src);
}
