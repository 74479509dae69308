/** The right side of `r1 = …` in assembly: everything that an instruction can put into a register. */

import type { AsmCursor, MemoryOperand, Register } from './asm-cursor.ts';
import * as build from './build.ts';
import type { Insn } from './insn.ts';
import { ALU, ATOMIC, CLASS, MODE, PSEUDO, SIZE, SRC } from './insn.ts';
import { ATOMIC_NAMES, EXTEND_BITS, SIGNED_TYPES, UNSIGNED_TYPES } from './syntax.ts';

export interface Value {
  readonly insn: Insn;
  /** Set where the constant is a symbol's address plus `addend`. */
  readonly symbol?: string;
  readonly addend: bigint;
  readonly at: number;
}

const LD_IMM64 = CLASS.LD | MODE.IMM | SIZE.DW;

/** `opcode` is what a dump put before the text, if anything. */
export function parseValue(cursor: AsmCursor, dst: Register, opcode: number | undefined): Value {
  const { at, kind, text } = cursor.token;
  const plain = (insn: Insn): Value => ({ insn, addend: 0n, at });
  const mov = (dst.wide ? CLASS.ALU64 : CLASS.ALU) | ALU.MOV;
  const src = cursor.tryRegister();
  if (src !== undefined) {
    cursor.sameWidth(dst, src);
    return plain(build.insn(mov | SRC.X, dst.number, src.number, 0, 0));
  }
  if (text === '*') return plain(loaded(cursor, dst));
  if (text === '-' && /^[rw]\d/.test(cursor.peek(1).text)) return plain(negated(cursor, dst));
  if (text === '(' && EXTEND_BITS.has(cursor.peek(1).text)) return plain(extended(cursor, dst));
  if (text === '&') return plain(perCpuAddress(cursor, dst));
  if (kind === 'word') {
    const swap = SWAPS.get(text);
    if (swap !== undefined) return plain(swapped(cursor, dst, swap));
    const parse = CALLS.get(text);
    if (parse !== undefined && (cursor.peek(1).text === '(' || cursor.peek(1).text === '[')) {
      cursor.advance();
      return plain(parse(cursor, dst));
    }
    return symbolAddress(cursor, dst);
  }
  const value = cursor.expression();
  if (cursor.tryWord('ll') !== undefined || opcode === LD_IMM64) return plain(wideConstant(cursor, dst, value, at));
  if (value < -0x8000_0000n || value > 0xffff_ffffn)
    throw cursor.error(`immediate ${value} does not fit 32 bits; 'll' after it makes it 64`, at);
  return plain(build.insn(mov | SRC.K, dst.number, 0, 0, Number(BigInt.asIntN(32, value))));
}

function wideConstant(cursor: AsmCursor, dst: Register, value: bigint, at: number): Insn {
  wide(cursor, dst);
  if (value < -(1n << 63n) || value >= 1n << 64n) throw cursor.error(`constant ${value} does not fit 64 bits`, at);
  return build.ldImm64(dst.number, value);
}

function wide(cursor: AsmCursor, dst: Register): void {
  if (!dst.wide) throw cursor.error('expected an r register', dst.at);
}

/** `name ll` or `name + 8 ll`. */
function symbolAddress(cursor: AsmCursor, dst: Register): Value {
  wide(cursor, dst);
  const name = cursor.advance();
  const addend = cursor.token.text === '+' || cursor.token.text === '-' ? cursor.expression() : 0n;
  if (cursor.tryWord('ll') === undefined) throw cursor.error(`expected 'll' after the name '${name.text}'`);
  return { insn: build.ldImm64(dst.number, BigInt.asUintN(64, addend)), symbol: name.text, addend, at: name.at };
}

/** `*(u32 *)(r2 + 8)` or `*(u32 *)skb[...]`. */
function loaded(cursor: AsmCursor, dst: Register): Insn {
  cursor.expect('*');
  const signed = SIGNED_TYPES.has(cursor.peek(1).text);
  const size = cursor.pointerType(signed ? SIGNED_TYPES : UNSIGNED_TYPES);
  if (cursor.tryWord('skb') !== undefined) return packetLoad(cursor, dst, size);
  const place = cursor.memoryOperand();
  if (!dst.wide && (signed || size === SIZE.DW)) throw cursor.error('this load needs an r register', dst.at);
  return build.insn(CLASS.LDX | (signed ? MODE.MEMSX : MODE.MEM) | size, dst.number, place.base, place.off, 0);
}

function packetLoad(cursor: AsmCursor, dst: Register, size: number): Insn {
  if (!dst.wide || dst.number !== 0) throw cursor.error('packet loads go to r0', dst.at);
  cursor.expect('[');
  const src = cursor.tryRegister();
  const imm = src === undefined || cursor.token.text !== ']' ? cursor.imm32() : 0;
  cursor.expect(']');
  return build.insn(CLASS.LD | (src === undefined ? MODE.ABS : MODE.IND) | size, 0, src?.number ?? 0, 0, imm);
}

function negated(cursor: AsmCursor, dst: Register): Insn {
  cursor.expect('-');
  sameRegister(cursor, dst);
  return dst.wide ? build.neg64(dst.number) : build.neg32(dst.number);
}

function sameRegister(cursor: AsmCursor, dst: Register): void {
  const src = cursor.register();
  if (src.number !== dst.number || src.wide !== dst.wide)
    throw cursor.error('this operation works on one register: both sides must be the same', src.at);
}

function extended(cursor: AsmCursor, dst: Register): Insn {
  cursor.expect('(');
  const type = cursor.advance();
  cursor.expect(')');
  const src = cursor.register();
  cursor.sameWidth(dst, src);
  if (!dst.wide && type.text === 's32') throw cursor.error('s32 of a w register is the register itself', type.at);
  return build.insn(
    (dst.wide ? CLASS.ALU64 : CLASS.ALU) | ALU.MOV | SRC.X,
    dst.number,
    src.number,
    EXTEND_BITS.get(type.text) as number,
    0,
  );
}

/** `&(void __percpu *)(r2)`, which only the kernel writes. */
function perCpuAddress(cursor: AsmCursor, dst: Register): Insn {
  wide(cursor, dst);
  for (const text of ['&', '(', 'void', '__percpu', '*', ')', '(']) cursor.expect(text);
  const src = cursor.register('r');
  cursor.expect(')');
  return build.insn(CLASS.ALU64 | ALU.MOV | SRC.X, dst.number, src, -1, 0);
}

const SWAPS: ReadonlyMap<string, (dst: number) => Insn> = new Map(
  ([16, 32, 64] as const).flatMap((bits): [string, (dst: number) => Insn][] => [
    [`be${bits}`, (dst) => build.toBig(dst, bits)],
    [`le${bits}`, (dst) => build.toLittle(dst, bits)],
    [`bswap${bits}`, (dst) => build.bswap(dst, bits)],
  ]),
);

function swapped(cursor: AsmCursor, dst: Register, make: (dst: number) => Insn): Insn {
  wide(cursor, dst);
  cursor.advance();
  sameRegister(cursor, dst);
  return make(dst.number);
}

type ValueParser = (cursor: AsmCursor, dst: Register) => Insn;

/** What looks like a call or an array: the word is read, the bracket is next. */
const CALLS: ReadonlyMap<string, ValueParser> = new Map<string, ValueParser>([
  ...[...ATOMIC_NAMES].flatMap(([name, op]): [string, ValueParser][] => [
    [`atomic_fetch_${name}`, fetching(op | ATOMIC.FETCH)],
    [`atomic64_fetch_${name}`, fetching(op | ATOMIC.FETCH)],
  ]),
  ['atomic_xchg', fetching(ATOMIC.XCHG)],
  ['atomic64_xchg', fetching(ATOMIC.XCHG)],
  ['xchg_64', bareFetching(ATOMIC.XCHG, SIZE.DW)],
  ['xchg32_32', bareFetching(ATOMIC.XCHG, SIZE.W)],
  ['atomic_cmpxchg', fetching(ATOMIC.CMPXCHG)],
  ['atomic64_cmpxchg', fetching(ATOMIC.CMPXCHG)],
  ['cmpxchg_64', bareFetching(ATOMIC.CMPXCHG, SIZE.DW)],
  ['cmpxchg32_32', bareFetching(ATOMIC.CMPXCHG, SIZE.W)],
  ['load_acquire', loadAcquire],
  ['addr_space_cast', addrSpaceCast],
  ['map', mapConstant],
  ['btf', btfConstant],
  ['subprog', subprogramAddress],
]);

/** `atomic_fetch_add((u64 *)(r1 + 8), r0)`. */
function fetching(op: number): ValueParser {
  return (cursor, dst) => {
    cursor.expect('(');
    const size = cursor.pointerType(UNSIGNED_TYPES);
    return fetchOperands(cursor, dst, op, size, cursor.memoryOperand());
  };
}

/** `xchg_64(r1 + 0, r0)`. */
function bareFetching(op: number, size: number): ValueParser {
  return (cursor, dst) => {
    cursor.expect('(');
    return fetchOperands(cursor, dst, op, size, cursor.baseAndOffset());
  };
}

function fetchOperands(cursor: AsmCursor, dst: Register, op: number, size: number, place: MemoryOperand): Insn {
  cursor.expect(',');
  if (!dst.wide && size === SIZE.DW) throw cursor.error('an eight-byte operation needs an r register', dst.at);
  if (op === ATOMIC.CMPXCHG) {
    const expected = cursor.register();
    if (dst.number !== 0 || expected.number !== 0)
      throw cursor.error('compare and exchange works on r0', dst.number === 0 ? expected.at : dst.at);
    cursor.expect(',');
  }
  const src = cursor.register();
  if (op !== ATOMIC.CMPXCHG && src.number !== dst.number)
    throw cursor.error('the old value comes back in the operand register: both must be the same', src.at);
  cursor.expect(')');
  return build.insn(CLASS.STX | MODE.ATOMIC | size, place.base, src.number, place.off, op);
}

function loadAcquire(cursor: AsmCursor, dst: Register): Insn {
  cursor.expect('(');
  const size = cursor.pointerType(UNSIGNED_TYPES);
  const place = cursor.memoryOperand();
  cursor.expect(')');
  return build.insn(CLASS.STX | MODE.ATOMIC | size, dst.number, place.base, place.off, ATOMIC.LOAD_ACQ);
}

/** `addr_space_cast(r2, 0, 1)`: source, space of the result, space of the source. */
function addrSpaceCast(cursor: AsmCursor, dst: Register): Insn {
  wide(cursor, dst);
  cursor.expect('(');
  const src = cursor.register('r');
  cursor.expect(',');
  const to = space(cursor);
  cursor.expect(',');
  const from = space(cursor);
  cursor.expect(')');
  return build.addrSpaceCast(dst.number, src, to, from);
}

function space(cursor: AsmCursor): number {
  const at = cursor.token.at;
  const value = cursor.imm32();
  if (value < 0 || value > 0xffff) throw cursor.error(`address space ${value} does not fit 16 bits`, at);
  return value;
}

/** `map[id:5]`, `map[id:5][0]+8`, `map[idx:2]`, `map[idx:2]+8`. */
function mapConstant(cursor: AsmCursor, dst: Register): Insn {
  cursor.expect('[');
  const kind = cursor.advance();
  if (kind.text !== 'id' && kind.text !== 'fd' && kind.text !== 'idx') throw cursor.error("expected 'id', 'fd' or 'idx'", kind.at);
  const index = kind.text === 'idx';
  const [low, high] = halves(cursor);
  if (!index && cursor.tryPunct('[') !== undefined) {
    cursor.expect('0');
    cursor.expect(']');
    return pseudo(cursor, dst, PSEUDO.MAP_VALUE, low, cursor.imm32());
  }
  if (index && cursor.token.text === '+') return pseudo(cursor, dst, PSEUDO.MAP_IDX_VALUE, low, cursor.imm32());
  return pseudo(cursor, dst, index ? PSEUDO.MAP_IDX : PSEUDO.MAP_FD, low, high);
}

function btfConstant(cursor: AsmCursor, dst: Register): Insn {
  cursor.expect('[');
  cursor.expect('id');
  const [low, high] = halves(cursor);
  return pseudo(cursor, dst, PSEUDO.BTF_ID, low, high);
}

/** `:5]` or `:5|1]`: the two halves of the constant. */
function halves(cursor: AsmCursor): [number, number] {
  cursor.expect(':');
  return closedHalves(cursor);
}

function closedHalves(cursor: AsmCursor): [number, number] {
  const low = cursor.signedNumber();
  const high = cursor.tryPunct('|') === undefined ? 0 : cursor.signedNumber();
  cursor.expect(']');
  return [low, high];
}

/** `subprog[+5]`. */
function subprogramAddress(cursor: AsmCursor, dst: Register): Insn {
  cursor.expect('[');
  const [low, high] = closedHalves(cursor);
  return pseudo(cursor, dst, PSEUDO.FUNC, low, high);
}

function pseudo(cursor: AsmCursor, dst: Register, kind: number, low: number, high: number): Insn {
  wide(cursor, dst);
  return build.ldImm64(dst.number, (BigInt(high >>> 0) << 32n) | BigInt(low >>> 0), kind);
}
