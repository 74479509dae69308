/**
 * Text to instructions: the language of clang's inline assembly for BPF, and of the kernel's own dumps.
 *
 *   text ─▶ tokens ─▶ statements ─▶ drafts ─▶ labels placed ─▶ Insn[] and the symbols that are not labels
 *
 * Both dialects are read at once, as they never contradict each other:
 *
 *   r1 = *(u32 *)(r2 + 8)       r1 = *(u32 *)(r2 +8)        if r1 > 5 goto +3      if r1 > 0x5 goto pc+3
 *   r0 = xchg_64(r1 + 0, r0)    r0 = atomic64_xchg((u64 *)(r1 +0), r0)
 *
 * A line may begin with the slot number and the opcode of a dump (`12: (b7) r0 = 1`); a given opcode must agree with
 * the text, and tells the kernel's two ways of saying `r1 = 0x5` apart. Labels are names or numbers (`1:`, `goto 1b`).
 *
 * Source: llvm/lib/Target/BPF/BPFInstrInfo.td (the strings), kernel/bpf/disasm.c.
 */

import type { Register } from './asm-cursor.ts';
import { AsmCursor } from './asm-cursor.ts';
import { lexAssembly } from './asm-lexer.ts';
import { parseValue } from './asm-values.ts';
import * as build from './build.ts';
import { decode } from './decode.ts';
import type { Insn } from './insn.ts';
import { ATOMIC, CLASS, JMP, MODE, SIZE, SRC } from './insn.ts';
import { checkInsn, isKernelInternal, NOSPEC } from './opcodes.ts';
import { ALU_SYMBOLS, JMP_SYMBOLS, SIGNED_ALU_SYMBOLS, UNSIGNED_TYPES } from './syntax.ts';

export { AssembleError } from './asm-lexer.ts';

export interface AssembleOptions {
  /** Number of a helper by name, for `call name`. */
  readonly helperId?: (name: string) => number | undefined;
  /** Leave names that are neither labels nor helpers to the caller, in `refs`; else they are errors. */
  readonly externals?: boolean;
}

export interface Assembled {
  readonly insns: readonly Insn[];
  /** Names left to the caller, ascending. */
  readonly refs: readonly AssembledRef[];
  /** Slot of each named label. */
  readonly labels: ReadonlyMap<string, number>;
  /** Offset in the text of each instruction's statement. */
  readonly positions: readonly number[];
}

export interface AssembledRef {
  /** Index into `insns`. */
  readonly insn: number;
  readonly kind: 'call' | 'constant' | 'jump';
  readonly symbol: string;
  /** What is added to the symbol's address. */
  readonly addend: bigint;
  /** Offset of the name in the text. */
  readonly at: number;
}

export function assemble(source: string, options: AssembleOptions = {}): Assembled {
  const cursor = new AsmCursor(source, lexAssembly(source));
  const unit = new Unit(cursor);
  while (cursor.token.kind !== 'end') {
    if (cursor.token.kind === 'separator') cursor.advance();
    else statement(unit);
  }
  return place(unit, options);
}

/** A name that stands for a number which is known only when all labels are. */
interface Fixup {
  readonly index: number;
  readonly kind: 'off' | 'imm' | 'call' | 'constant';
  readonly symbol: string;
  readonly addend: bigint;
  readonly at: number;
}

class Unit {
  readonly cursor: AsmCursor;
  readonly insns: Insn[] = [];
  readonly positions: number[] = [];
  readonly fixups: Fixup[] = [];
  readonly labels = new Map<string, number>();
  /** Numeric labels may be placed many times: slots, ascending. */
  readonly numeric = new Map<string, number[]>();
  slot = 0;

  constructor(cursor: AsmCursor) {
    this.cursor = cursor;
  }

  emit(insn: Insn, at: number): void {
    const problem = checkInsn(insn);
    if (problem !== undefined && !isKernelInternal(insn)) throw this.cursor.error(problem, at);
    this.insns.push(insn);
    this.positions.push(at);
    this.slot += insn.imm64 === undefined ? 1 : 2;
  }

  fixup(kind: Fixup['kind'], symbol: string, addend: bigint, at: number): void {
    this.fixups.push({ index: this.insns.length, kind, symbol, addend, at });
  }
}

function statement(unit: Unit): void {
  const { cursor } = unit;
  const label = cursor.token;
  if ((label.kind === 'word' || label.kind === 'number') && cursor.peek(1).text === ':') {
    cursor.advance();
    cursor.advance();
    // In a dump `12:` counts slots; it is no label where an opcode follows.
    const dumped = label.kind === 'number' && cursor.token.kind === 'opcode';
    if (!dumped) {
      defineLabel(unit, label.text, label.at);
      return;
    }
  }
  const at = cursor.token.at;
  const opcode = cursor.opcodePrefix();
  const insn = instruction(unit, opcode);
  if (opcode !== undefined && insn.op !== opcode) {
    throw cursor.error(`the opcode says 0x${opcode.toString(16)}, the text 0x${insn.op.toString(16)}`, at);
  }
  unit.emit(insn, at);
  if (cursor.token.kind !== 'separator' && cursor.token.kind !== 'end')
    throw cursor.error(`unexpected '${cursor.token.text}' after the instruction`);
}

function defineLabel(unit: Unit, name: string, at: number): void {
  if (name >= '0' && name <= '9~') {
    const places = unit.numeric.get(name);
    if (places === undefined) unit.numeric.set(name, [unit.slot]);
    else places.push(unit.slot);
    return;
  }
  if (unit.labels.has(name)) throw unit.cursor.error(`label '${name}' is defined twice`, at);
  unit.labels.set(name, unit.slot);
}

function instruction(unit: Unit, opcode: number | undefined): Insn {
  const { cursor } = unit;
  const register = cursor.tryRegister();
  if (register !== undefined) return assignment(unit, register, opcode);
  if (cursor.token.text === '*') return store(cursor);
  const parse = cursor.token.kind === 'word' ? STATEMENTS.get(cursor.token.text) : undefined;
  if (parse === undefined)
    throw cursor.error(cursor.token.kind === 'word' ? `unknown instruction '${cursor.token.text}'` : 'expected an instruction');
  cursor.advance();
  return parse(unit);
}

const STATEMENTS: ReadonlyMap<string, (unit: Unit) => Insn> = new Map<string, (unit: Unit) => Insn>([
  ['exit', () => build.exit()],
  ['goto', (unit) => build.jump(target(unit, 'off'))],
  ['gotol', (unit) => build.jumpLong(target(unit, 'imm'))],
  ['may_goto', (unit) => build.mayGoto(target(unit, 'off'))],
  ['if', conditional],
  ['call', call],
  ['callx', (unit) => build.insn(CLASS.JMP | JMP.CALL | SRC.X, unit.cursor.register('r'), 0, 0, 0)],
  ['lock', lock],
  ['store_release', storeRelease],
  ['ld_pseudo', ldPseudo],
  ['nospec', () => build.insn(NOSPEC, 0, 0, 0, 0)],
  ['.8byte', raw],
  ['.quad', raw],
]);

/** After the destination register: `= value` or `op= operand`. */
function assignment(unit: Unit, dst: Register, opcode: number | undefined): Insn {
  const { cursor } = unit;
  const token = cursor.advance();
  if (token.text === '=') {
    const value = parseValue(cursor, dst, opcode);
    if (value.symbol !== undefined) unit.fixup('constant', value.symbol, value.addend, value.at);
    return value.insn;
  }
  const plain = ALU_SYMBOLS.get(token.text);
  const op = plain ?? SIGNED_ALU_SYMBOLS.get(token.text);
  if (token.kind !== 'punct' || op === undefined) throw cursor.error(`expected an assignment, not '${token.text}'`, token.at);
  const cls = dst.wide ? CLASS.ALU64 : CLASS.ALU;
  const off = plain === undefined ? 1 : 0;
  const src = cursor.tryRegister();
  if (src === undefined) return build.insn(cls | op | SRC.K, dst.number, 0, off, cursor.imm32());
  cursor.sameWidth(dst, src);
  return build.insn(cls | op | SRC.X, dst.number, src.number, off, 0);
}

/** `*(u8 *)(r1 + 0) = r2`. */
function store(cursor: AsmCursor): Insn {
  cursor.expect('*');
  const size = cursor.pointerType(UNSIGNED_TYPES);
  const place = cursor.memoryOperand();
  cursor.expect('=');
  const src = cursor.tryRegister();
  if (src === undefined) return build.insn(CLASS.ST | MODE.MEM | size, place.base, 0, place.off, cursor.imm32());
  if (!src.wide && size === SIZE.DW) throw cursor.error('an eight-byte store needs an r register', src.at);
  return build.insn(CLASS.STX | MODE.MEM | size, place.base, src.number, place.off, 0);
}

/** `lock *(u64 *)(r1 + 0) += r2`. */
function lock(unit: Unit): Insn {
  const { cursor } = unit;
  cursor.expect('*');
  const size = cursor.pointerType(UNSIGNED_TYPES);
  const place = cursor.memoryOperand();
  const token = cursor.advance();
  const op = LOCKED.get(token.text);
  if (op === undefined) throw cursor.error(`no locked form of '${token.text}'`, token.at);
  return build.insn(CLASS.STX | MODE.ATOMIC | size, place.base, cursor.register().number, place.off, op);
}

const LOCKED: ReadonlyMap<string, number> = new Map([
  ['+=', ATOMIC.ADD],
  ['|=', ATOMIC.OR],
  ['&=', ATOMIC.AND],
  ['^=', ATOMIC.XOR],
]);

function storeRelease(unit: Unit): Insn {
  const { cursor } = unit;
  cursor.expect('(');
  const size = cursor.pointerType(UNSIGNED_TYPES);
  const place = cursor.memoryOperand();
  cursor.expect(',');
  const src = cursor.register();
  cursor.expect(')');
  return build.insn(CLASS.STX | MODE.ATOMIC | size, place.base, src.number, place.off, ATOMIC.STORE_REL);
}

/** `ld_pseudo r1, 1, 0x5`: register, kind, constant. */
function ldPseudo(unit: Unit): Insn {
  const { cursor } = unit;
  const dst = cursor.register('r');
  cursor.expect(',');
  const kind = Number(cursor.expression());
  cursor.expect(',');
  return build.ldImm64(dst, cursor.expression(), kind);
}

/** `.8byte 0x...`: one instruction as a number, as the kernel's selftests write what an assembler lacks. */
function raw(unit: Unit): Insn {
  const { cursor } = unit;
  const at = cursor.token.at;
  const bytes = new Uint8Array(8);
  new DataView(bytes.buffer).setBigUint64(0, BigInt.asUintN(64, cursor.expression()), true);
  try {
    return decode(bytes)[0] as Insn;
  } catch (error) {
    throw cursor.error(error instanceof Error ? error.message : String(error), at);
  }
}

function conditional(unit: Unit): Insn {
  const { cursor } = unit;
  const dst = cursor.register();
  const token = cursor.advance();
  const op = JMP_SYMBOLS.get(token.text);
  if (op === undefined) throw cursor.error(`expected a comparison, not '${token.text}'`, token.at);
  const cls = dst.wide ? CLASS.JMP : CLASS.JMP32;
  const src = cursor.tryRegister();
  if (src !== undefined) cursor.sameWidth(dst, src);
  const imm = src === undefined ? cursor.imm32() : 0;
  cursor.expect('goto');
  return build.insn(cls | op | (src === undefined ? SRC.K : SRC.X), dst.number, src?.number ?? 0, target(unit, 'off'), imm);
}

/** `+5`, `pc+5`, `label` or `1b`; a name gives 0 now and a fix-up later. */
function target(unit: Unit, kind: 'off' | 'imm'): number {
  const { cursor } = unit;
  if (cursor.token.kind === 'word' && cursor.token.text !== 'pc') {
    const name = cursor.advance();
    unit.fixup(kind, name.text, 0n, name.at);
    return 0;
  }
  return kind === 'off' ? cursor.distance16() : cursor.distance32();
}

/** `call 5`, `call name#5`, `call pc+5`, `call label`, `call kernel-function#7|1`. */
function call(unit: Unit): Insn {
  const { cursor } = unit;
  if (cursor.token.text === 'pc') return build.callLocal(cursor.distance32());
  if (cursor.token.kind !== 'word') return build.callHelper(cursor.imm32());
  const name = cursor.advance();
  const kfunc = name.text === 'kernel' && cursor.tryPunct('-') !== undefined;
  if (kfunc) cursor.expect('function');
  if (cursor.tryPunct('#') !== undefined) {
    const id = cursor.signedNumber();
    if (!kfunc) return build.callHelper(id);
    return build.callKfunc(id, cursor.tryPunct('|') === undefined ? 0 : cursor.signedNumber());
  }
  unit.fixup('call', name.text, 0n, name.at);
  return build.callHelper(-1);
}

/** Every fix-up gets its number; the rest are the caller's. */
function place(unit: Unit, options: AssembleOptions): Assembled {
  const { insns, cursor } = unit;
  const slotOf = new Int32Array(insns.length);
  for (let index = 0, slot = 0; index < insns.length; index++) {
    slotOf[index] = slot;
    slot += (insns[index] as Insn).imm64 === undefined ? 1 : 2;
  }
  const refs: AssembledRef[] = [];
  for (const fixup of unit.fixups) {
    const { index, symbol, addend, at, kind } = fixup;
    const insn = insns[index] as Insn;
    const slot = kind === 'constant' ? undefined : labelSlot(unit, symbol, slotOf[index] as number);
    const distance = slot === undefined ? 0 : slot - (slotOf[index] as number) - 1;
    if (slot !== undefined) {
      if (kind === 'off' && (distance << 16) >> 16 !== distance)
        throw cursor.error(`'${symbol}' is ${distance} slots away, too far for this jump`, at);
      insns[index] = kind === 'off' ? { ...insn, off: distance } : kind === 'imm' ? { ...insn, imm: distance } : build.callLocal(distance);
      continue;
    }
    const helper = kind === 'call' ? options.helperId?.(symbol) : undefined;
    if (helper !== undefined) insns[index] = build.callHelper(helper);
    else if (options.externals === true)
      refs.push({ insn: index, kind: kind === 'off' || kind === 'imm' ? 'jump' : kind, symbol, addend, at });
    else throw cursor.error(`'${symbol}' is not defined`, at);
  }
  return { insns, refs, labels: unit.labels, positions: unit.positions };
}

/** `1b` is the nearest `1:` at or before the instruction, `1f` the nearest after it. */
function labelSlot(unit: Unit, symbol: string, from: number): number | undefined {
  const c = symbol.charCodeAt(0);
  if (c < 0x30 || c > 0x39) return unit.labels.get(symbol);
  const places = unit.numeric.get(symbol.slice(0, -1));
  return symbol.endsWith('f') ? places?.find((slot) => slot > from) : places?.findLast((slot) => slot <= from);
}
