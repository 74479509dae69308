/**
 * The plain engine: one instruction after another, registers as 64-bit integers.
 *
 * It is the reference that the WebAssembly engine is compared with, and the one that can be watched (`trace`). So it
 * says each operation once, in the words of the standard, and leaves speed to the other.
 *
 * Source: RFC 9669; kernel/bpf/core.c for what the standard leaves open.
 */

import type { Insn } from '../isa/insn.ts';
import { ALU, ATOMIC, CALL, CLASS, FP, JMP, MODE, SIZE, SRC } from '../isa/insn.ts';
import type { Code } from './code.ts';
import { isCall, isExit } from './code.ts';
import { BUDGET, FRAME_REGION, FRAME_SIZE, MAILBOX, MAX_FRAMES, REGION_STEP, RESULT } from './memory.ts';
import type { Executable, Runtime } from './runtime.ts';

/** Called before each instruction. `registers` is live: copy what is to be kept. */
export type Trace = (event: TraceEvent) => void;

export interface TraceEvent {
  readonly code: Code;
  readonly index: number;
  readonly depth: number;
  readonly registers: BigUint64Array;
}

/** How often the kernel lets a function pass its `may_goto`s. */
export const MAY_GOTO_LIMIT = 8388608;

export function createInterpreter(code: Code, runtime: Runtime, trace?: Trace): Executable {
  return { code, call: (fn, depth) => run(code, fn, depth, runtime, trace) };
}

function run(code: Code, fn: number, depth: number, runtime: Runtime, trace: Trace | undefined): void {
  const { insns, target } = code;
  const { memory } = runtime;
  const body = code.functions[fn];
  if (body === undefined) throw new Error(`function ${fn} does not exist`);
  if (depth >= MAX_FRAMES) runtime.fault('depth', code, body.start, 0n, 0);
  const r = new BigUint64Array(11);
  for (let i = 0; i < 5; i++) r[i + 1] = memory.view.getBigUint64(MAILBOX + i * 8, true);
  r[FP] = BigInt((FRAME_REGION + depth) * REGION_STEP + FRAME_SIZE);
  let left = budget(memory.view);
  if (left < 0) runtime.fault('budget', code, body.start, 0n, 0);
  let mayGoto = MAY_GOTO_LIMIT;
  const state: State = { code, runtime, r, index: body.start };

  const finish = (result: bigint): void => {
    memory.view.setBigUint64(RESULT, result, true);
    memory.view.setBigInt64(BUDGET, BigInt(left), true);
  };

  for (;;) {
    const index = state.index;
    const insn = insns[index] as Insn;
    trace?.({ code, index, depth, registers: r });
    left--;
    state.index = index + 1;
    const cls = insn.op & 7;
    if (cls === CLASS.ALU64) r[insn.dst] = alu64(insn, r[insn.dst] as bigint, operand(insn, r));
    else if (cls === CLASS.ALU) r[insn.dst] = alu32(insn, r[insn.dst] as bigint, operand(insn, r));
    else if (cls === CLASS.LDX) r[insn.dst] = load(state, insn, (r[insn.src] as bigint) + BigInt(insn.off));
    else if (cls === CLASS.ST) store(state, insn, BigInt(insn.imm));
    else if (cls === CLASS.STX) {
      if ((insn.op & 0xe0) === MODE.ATOMIC) atomic(state, insn);
      else store(state, insn, r[insn.src] as bigint);
    } else if (cls === CLASS.LD) {
      if (insn.imm64 !== undefined) r[insn.dst] = code.constants[index] as bigint;
      else {
        const base = (insn.op & 0xe0) === MODE.IND ? Number(BigInt.asIntN(32, r[insn.src] as bigint)) : 0;
        if (runtime.packetLoad(code, index, (base + insn.imm) | 0)) {
          finish(0n);
          return;
        }
        r[0] = memory.view.getBigUint64(RESULT, true);
      }
    } else if (isExit(insn)) {
      finish(r[0] as bigint);
      return;
    } else if (isCall(insn)) {
      for (let i = 0; i < 5; i++) memory.view.setBigUint64(MAILBOX + i * 8, r[i + 1] as bigint, true);
      memory.view.setBigInt64(BUDGET, BigInt(left), true);
      if (insn.src === CALL.LOCAL) run(code, target[index] as number, depth + 1, runtime, trace);
      else if (runtime.call(code, index, depth)) return;
      left = budget(memory.view);
      r[0] = memory.view.getBigUint64(RESULT, true);
    } else {
      const to = target[index] as number;
      const limited = insn.op === (CLASS.JMP | JMP.JCOND);
      if (limited && mayGoto > 0) {
        mayGoto--;
        continue;
      }
      if (!limited && !jumps(insn, r)) continue;
      if (to <= index && left < 0) runtime.fault('budget', code, index, 0n, 0);
      state.index = to;
    }
  }
}

interface State {
  readonly code: Code;
  readonly runtime: Runtime;
  readonly r: BigUint64Array;
  /** The next instruction. */
  index: number;
}

function budget(view: DataView): number {
  return Number(view.getBigInt64(BUDGET, true));
}

/** The second operand, as 64 bits without sign. */
function operand(insn: Insn, r: BigUint64Array): bigint {
  return (insn.op & SRC.X) !== 0 ? (r[insn.src] as bigint) : BigInt.asUintN(64, BigInt(insn.imm));
}

const u64 = (value: bigint): bigint => BigInt.asUintN(64, value);
const s64 = (value: bigint): bigint => BigInt.asIntN(64, value);
const u32 = (value: bigint): bigint => BigInt.asUintN(32, value);
const s32 = (value: bigint): bigint => BigInt.asIntN(32, value);

function alu64(insn: Insn, a: bigint, b: bigint): bigint {
  const signed = insn.off === 1;
  switch (insn.op & 0xf0) {
    case ALU.ADD:
      return u64(a + b);
    case ALU.SUB:
      return u64(a - b);
    case ALU.MUL:
      return u64(a * b);
    case ALU.DIV:
      return b === 0n ? 0n : signed ? u64(s64(a) / s64(b)) : a / b;
    case ALU.MOD:
      return b === 0n ? a : signed ? u64(s64(a) % s64(b)) : a % b;
    case ALU.OR:
      return a | b;
    case ALU.AND:
      return a & b;
    case ALU.XOR:
      return a ^ b;
    case ALU.LSH:
      return u64(a << (b & 63n));
    case ALU.RSH:
      return a >> (b & 63n);
    case ALU.ARSH:
      return u64(s64(a) >> (b & 63n));
    case ALU.NEG:
      return u64(-a);
    case ALU.MOV:
      return insn.off === 0 ? b : u64(BigInt.asIntN(insn.off, b));
    case ALU.END:
      return swap(a, insn.imm);
    default:
      throw new Error(`no such operation: ${insn.op}`);
  }
}

function alu32(insn: Insn, wideA: bigint, wideB: bigint): bigint {
  const a = u32(wideA);
  const b = u32(wideB);
  const signed = insn.off === 1;
  switch (insn.op & 0xf0) {
    case ALU.ADD:
      return u32(a + b);
    case ALU.SUB:
      return u32(a - b);
    case ALU.MUL:
      return u32(a * b);
    case ALU.DIV:
      return b === 0n ? 0n : signed ? u32(s32(a) / s32(b)) : a / b;
    case ALU.MOD:
      return b === 0n ? a : signed ? u32(s32(a) % s32(b)) : a % b;
    case ALU.OR:
      return a | b;
    case ALU.AND:
      return a & b;
    case ALU.XOR:
      return a ^ b;
    case ALU.LSH:
      return u32(a << (b & 31n));
    case ALU.RSH:
      return a >> (b & 31n);
    case ALU.ARSH:
      return u32(s32(a) >> (b & 31n));
    case ALU.NEG:
      return u32(-a);
    case ALU.MOV:
      return insn.off === 0 ? b : u32(BigInt.asIntN(insn.off, b));
    // The machine is little endian: `le` only cuts off, `be` (source X) swaps.
    case ALU.END:
      return (insn.op & SRC.X) !== 0 ? swap(wideA, insn.imm) : BigInt.asUintN(insn.imm, wideA);
    default:
      throw new Error(`no such operation: ${insn.op}`);
  }
}

function swap(value: bigint, bits: number): bigint {
  let result = 0n;
  for (let i = 0; i < bits; i += 8) result = (result << 8n) | ((value >> BigInt(i)) & 0xffn);
  return result;
}

function jumps(insn: Insn, r: BigUint64Array): boolean {
  const narrow = (insn.op & 7) === CLASS.JMP32;
  let a = r[insn.dst] as bigint;
  let b = operand(insn, r);
  if (narrow) {
    a = u32(a);
    b = u32(b);
  }
  const signed = narrow ? s32 : s64;
  switch (insn.op & 0xf0) {
    case JMP.JA:
      return true;
    case JMP.JEQ:
      return a === b;
    case JMP.JNE:
      return a !== b;
    case JMP.JGT:
      return a > b;
    case JMP.JGE:
      return a >= b;
    case JMP.JLT:
      return a < b;
    case JMP.JLE:
      return a <= b;
    case JMP.JSET:
      return (a & b) !== 0n;
    case JMP.JSGT:
      return signed(a) > signed(b);
    case JMP.JSGE:
      return signed(a) >= signed(b);
    case JMP.JSLT:
      return signed(a) < signed(b);
    case JMP.JSLE:
      return signed(a) <= signed(b);
    default:
      throw new Error(`no such jump: ${insn.op}`);
  }
}

const BYTES: ReadonlyMap<number, 1 | 2 | 4 | 8> = new Map([
  [SIZE.B, 1],
  [SIZE.H, 2],
  [SIZE.W, 4],
  [SIZE.DW, 8],
]);

/** Position of the accessed bytes, or a fault. */
function access(state: State, insn: Insn, address: bigint, write: boolean): number {
  const size = BYTES.get(insn.op & 0x18) as number;
  const wrapped = u64(address);
  const position = wrapped < 0x20_0000_0000_0000n ? state.runtime.memory.find(Number(wrapped), size, write) : -1;
  if (position === -1) state.runtime.fault(write ? 'write' : 'read', state.code, state.index - 1, wrapped, size);
  return position;
}

function load(state: State, insn: Insn, address: bigint): bigint {
  const value = get(state, insn, access(state, insn, address, false));
  return (insn.op & 0xe0) === MODE.MEMSX ? u64(BigInt.asIntN((BYTES.get(insn.op & 0x18) as number) * 8, value)) : value;
}

function get(state: State, insn: Insn, position: number): bigint {
  const { view } = state.runtime.memory;
  switch (insn.op & 0x18) {
    case SIZE.B:
      return BigInt(view.getUint8(position));
    case SIZE.H:
      return BigInt(view.getUint16(position, true));
    case SIZE.W:
      return BigInt(view.getUint32(position, true));
    default:
      return view.getBigUint64(position, true);
  }
}

function put(state: State, insn: Insn, position: number, value: bigint): void {
  const { view } = state.runtime.memory;
  switch (insn.op & 0x18) {
    case SIZE.B:
      view.setUint8(position, Number(value & 0xffn));
      break;
    case SIZE.H:
      view.setUint16(position, Number(value & 0xffffn), true);
      break;
    case SIZE.W:
      view.setUint32(position, Number(u32(value)), true);
      break;
    default:
      view.setBigUint64(position, u64(value), true);
  }
}

function store(state: State, insn: Insn, value: bigint): void {
  put(state, insn, access(state, insn, (state.r[insn.dst] as bigint) + BigInt(insn.off), true), value);
}

/** Programs run alone, so each of these is one step by itself. */
function atomic(state: State, insn: Insn): void {
  const { r } = state;
  if (insn.imm === ATOMIC.LOAD_ACQ) {
    r[insn.dst] = get(state, insn, access(state, insn, (r[insn.src] as bigint) + BigInt(insn.off), false));
    return;
  }
  if (insn.imm === ATOMIC.STORE_REL) {
    store(state, insn, r[insn.src] as bigint);
    return;
  }
  const position = access(state, insn, (r[insn.dst] as bigint) + BigInt(insn.off), true);
  const old = get(state, insn, position);
  const src = r[insn.src] as bigint;
  const cut = (insn.op & 0x18) === SIZE.DW ? u64 : u32;
  if (insn.imm === ATOMIC.CMPXCHG) {
    if (cut(r[0] as bigint) === old) put(state, insn, position, src);
    r[0] = old;
    return;
  }
  put(state, insn, position, insn.imm === ATOMIC.XCHG ? src : combine(insn.imm & ~ATOMIC.FETCH, old, src));
  if ((insn.imm & ATOMIC.FETCH) !== 0) r[insn.src] = old;
}

function combine(op: number, old: bigint, src: bigint): bigint {
  switch (op) {
    case ATOMIC.ADD:
      return old + src;
    case ATOMIC.OR:
      return old | src;
    case ATOMIC.AND:
      return old & src;
    case ATOMIC.XOR:
      return old ^ src;
    default:
      throw new Error(`no such atomic operation: ${op}`);
  }
}
