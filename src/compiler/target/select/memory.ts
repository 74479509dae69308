/**
 * Loads, stores, atomic operations and packet loads.
 */
import { ATOMIC, CLASS, MODE, SIZE } from '../../../isa/insn.ts';
import type { Atomic, AtomicOp, CoreRef, Inst, LdPacket, Load, MemBits, Store, Value } from '../../ir/ir.ts';
import { isInst } from '../../ir/uses.ts';
import { asImm64, fitsOffset } from '../bits.ts';
import type { MInst } from '../machine.ts';
import { NONE } from '../machine.ts';
import type { Address, Selection } from './selection.ts';

export const SIZES: Readonly<Record<MemBits, number>> = { 8: SIZE.B, 16: SIZE.H, 32: SIZE.W, 64: SIZE.DW };

export function selectLoad(s: Selection, i: Load): void {
  const at = place(s, i.ptr, i.offset, i.core);
  const dst = s.facts.clear[i.id] ? s.newReg() : s.target(i);
  const extend = i.signed && i.bits < (i.type === 'i32' ? 32 : 64);
  const sx = extend && s.cpu.v4;
  const inst = loadFrom(s, sx ? MODE.MEMSX : MODE.MEM, i.bits, dst, at);
  inst.keep = i.volatile;
  if (i.core) inst.extra = { kind: 'core', core: i.core };
  inst.touch = s.touch;
  inst.origin = originOf(s, i.ptr);
  if (extend && !sx) s.signExtend(dst, dst, i.bits as 8 | 16 | 32, i.type !== 'i32');
  if (s.facts.clear[i.id]) s.finish(i, dst);
}

export function loadFrom(s: Selection, mode: number, bits: MemBits, dst: number, at: Address): MInst {
  const inst = s.emit(CLASS.LDX | mode | SIZES[bits], dst, at.base, at.off, 0);
  inst.slot = at.slot;
  return inst;
}

/** A relocated access must have exactly the relocation's value as its offset. */
function place(s: Selection, ptr: Value, offset: number, core: CoreRef | undefined): Address {
  if (core === undefined) return s.address(ptr, offset);
  const base = s.fresh(ptr);
  s.addConst(base, BigInt.asUintN(64, BigInt(offset)));
  const local = Number(core.local);
  if (!fitsOffset(local)) s.error('core-offset-too-large', `the field's offset ${local} does not fit in an instruction`);
  return { base, off: local, slot: NONE };
}

export function selectStore(s: Selection, i: Store): void {
  const v = s.resolve(i.value);
  const imm = immediateFor(s, i, v);
  // The address first: what is stored is more often the same on two paths, whose ends can then be merged.
  const at = place(s, i.ptr, i.offset, i.core);
  const inst = imm === undefined ? storeTo(s, i.bits, at, s.reg(v)) : storeImm(s, i.bits, at, imm);
  if (i.core) inst.extra = { kind: 'core', core: i.core };
  inst.touch = s.touch;
  inst.origin = originOf(s, i.ptr);
}

export function storeTo(s: Selection, bits: MemBits, at: Address, value: number): MInst {
  const inst = s.emit(CLASS.STX | MODE.MEM | SIZES[bits], at.base, value, at.off, 0);
  inst.slot = at.slot;
  return inst;
}

export function storeImm(s: Selection, bits: MemBits, at: Address, imm: number): MInst {
  const inst = s.emit(CLASS.ST | MODE.MEM | SIZES[bits], at.base, NONE, at.off, imm);
  inst.slot = at.slot;
  return inst;
}

function immediateFor(s: Selection, i: Store, v: Value): number | undefined {
  if (v.op === 'undef') return 0;
  if (v.op !== 'const' || !storesImmediates(s, i.ptr)) return undefined;
  switch (i.bits) {
    case 8:
      return Number(BigInt.asIntN(8, v.value));
    case 16:
      return Number(BigInt.asIntN(16, v.value));
    case 32:
      return Number(BigInt.asIntN(32, v.value));
    case 64:
      return asImm64(v.value);
    default:
      return never(i.bits);
  }
}

/**
 * ST forgets the value in the eyes of verifiers before 6.3 where a register would be remembered, and they refuse it
 * on the context. So before v4 it is used where nobody in this function reads the bytes back.
 */
export function storesImmediates(s: Selection, ptr: Value): boolean {
  if (s.cpu.v4) return true;
  const root = rootOf(s, ptr);
  // What a caller passed may be the context.
  if (root.op === 'param') return false;
  return !isInst(root) || !s.facts.roots[root.id]?.some((r) => s.readBack.has(r));
}

/** A number for what the pointer was made from; see `MInst.origin`. */
function originOf(s: Selection, ptr: Value): number {
  const root = rootOf(s, ptr);
  if (root.op === 'param') return root.index + 1;
  if (root.op === 'globaladdr') return MAP_VALUE;
  if (root.op === 'call' && root.callee.kind === 'helper' && root.callee.id === MAP_LOOKUP) {
    // One map has one kind of values: memory, sockets, maps.
    const map = s.resolve(root.args[0] as Value);
    if (map.op === 'mapaddr') return s.originOfMap(map.map);
  }
  return isInst(root) ? root.id + FIRST_ORIGIN : 0;
}

const MAP_VALUE = 6;
const MAP_LOOKUP = 1;
const FIRST_ORIGIN = 7;

/** The value a pointer was made from. */
export function rootOf(s: Selection, ptr: Value): Value {
  let v = s.resolve(ptr);
  while (v.op === 'ptradd') v = s.resolve(v.base);
  return v;
}

const ATOMICS: Readonly<Record<AtomicOp, number>> = {
  add: ATOMIC.ADD,
  and: ATOMIC.AND,
  or: ATOMIC.OR,
  xor: ATOMIC.XOR,
  xchg: ATOMIC.XCHG,
  cmpxchg: ATOMIC.CMPXCHG,
};

export function selectAtomic(s: Selection, i: Atomic): void {
  const exchange = i.atomic === 'xchg' || i.atomic === 'cmpxchg';
  // Without a use of the old value the plain form does the same.
  const fetch = exchange || (i.fetch && s.isUsed(i));
  if (!s.cpu.alu32 && (fetch || i.atomic !== 'add')) {
    s.error('atomic-needs-v3', `this atomic operation needs instruction set v3, the target has v${s.cpu.level}`);
    return;
  }
  const op = exchange ? ATOMICS[i.atomic] : ATOMICS[i.atomic] | (fetch ? ATOMIC.FETCH : 0);
  const emit = (value: number, at: Address): void => {
    const inst = s.emit(CLASS.STX | MODE.ATOMIC | SIZES[i.bits], at.base, value, at.off, op);
    inst.slot = at.slot;
    inst.touch = s.touch;
    inst.origin = originOf(s, i.ptr);
  };
  if (i.atomic === 'cmpxchg') {
    const value = s.reg(i.value);
    const at = s.address(i.ptr, i.offset);
    s.into(0, i.expected ?? i.value);
    emit(value, at);
    if (i.fetch) s.copy(s.target(i), 0);
  } else if (fetch) {
    const value = i.fetch ? s.target(i) : s.newReg();
    s.into(value, i.value);
    emit(value, s.address(i.ptr, i.offset));
  } else {
    const at = s.address(i.ptr, i.offset);
    emit(s.reg(i.value), at);
  }
}

/** LD_ABS and LD_IND: the context in r6, the result in r0, like a call otherwise. */
export function selectLdPacket(s: Selection, i: LdPacket): void {
  const fixed = i.index === undefined ? 0 : i.index.op === 'const' ? Number(BigInt.asIntN(32, i.index.value)) : undefined;
  const direct = fixed !== undefined && fixed + i.offset >= 0 && fixed + i.offset < 0x8000_0000;
  const index = i.index === undefined || direct ? undefined : s.reg(i.index);
  s.into(6, i.ctx);
  s.emit(
    CLASS.LD | (index === undefined ? MODE.ABS : MODE.IND) | SIZES[i.bits],
    NONE,
    index ?? NONE,
    0,
    direct ? fixed + i.offset : i.offset,
  );
  s.forgetBases();
  s.copy(s.target(i), 0);
}

/** Ids of allocas that instructions of this function load from directly. */
export function findReadBack(
  s: { resolve(v: Value): Value; facts: { roots: readonly (readonly number[] | undefined)[] } },
  insts: Iterable<Inst>,
): Set<number> {
  const out = new Set<number>();
  const note = (p: Value): void => {
    const v = s.resolve(p);
    if (isInst(v)) for (const r of s.facts.roots[v.id] ?? []) out.add(r);
  };
  for (const i of insts) {
    if (i.op === 'load') note(i.ptr);
    else if (i.op === 'call' && i.callee.kind === 'function') i.args.forEach(note);
  }
  return out;
}

function never(x: never): never {
  throw new Error(`unhandled ${String(x)}`);
}
