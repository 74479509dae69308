/**
 * Instructions to text, in the words of the kernel's verifier log and of `bpftool prog dump xlated`.
 *
 *   (61) r1 = *(u32 *)(r2 +8)        (85) call bpf_map_lookup_elem#1        (15) if r0 == 0x0 goto pc+5
 *
 * With the opcode in front (the default) the text is the kernel's to the letter wherever the kernel's says everything.
 * Where it does not, a few marks are added so that `assemble` gives back the same instruction: the source of a
 * `ld_imm64` (`map[id:5]`), the BTF object of a module's kfunc, ` ll` where no opcode tells `ld_imm64` from a move.
 *
 * Source: kernel/bpf/disasm.c, tools/bpf/bpftool/xlated_dumper.c.
 */

import type { Insn } from './insn.ts';
import { ALU, ATOMIC, CALL, CLASS, JMP, MODE, PSEUDO, SIZE, SRC, slots } from './insn.ts';
import { NOSPEC } from './opcodes.ts';
import { ALU_SYMBOLS, ATOMIC_NAMES, inverted, JMP_SYMBOLS, SIGNED_ALU_SYMBOLS, SIGNED_TYPES, UNSIGNED_TYPES } from './syntax.ts';

export interface DisassembleOptions {
  /** Put the opcode before the text: `(b7) r0 = 0`. True unless said. */
  readonly opcode?: boolean;
  /** Name of a helper by number, without `#`. */
  readonly helperName?: (id: number) => string | undefined;
  /** Name of a kfunc by its instruction. */
  readonly kfuncName?: (insn: Insn) => string | undefined;
  /** Text for the operand of a `ld_imm64`: a map's or a function's name. */
  readonly constant?: (insn: Insn) => string | undefined;
}

/** Numbered lines, by slot, as bpftool prints them. */
export function disassemble(insns: readonly Insn[], options: DisassembleOptions = {}): string {
  let text = '';
  let slot = 0;
  for (const insn of insns) {
    text += `${String(slot).padStart(4)}: ${disassembleInsn(insn, options)}\n`;
    slot += slots(insn);
  }
  return text;
}

export function disassembleInsn(insn: Insn, options: DisassembleOptions = {}): string {
  const text = PRINTERS[insn.op & 7]?.(insn, options) ?? `unknown ${hex(insn.op)}`;
  return options.opcode === false ? text : `(${insn.op.toString(16).padStart(2, '0')}) ${text}`;
}

type Printer = (insn: Insn, options: DisassembleOptions) => string | undefined;

/** By instruction class. */
const PRINTERS: readonly Printer[] = (() => {
  const table: Printer[] = [];
  table[CLASS.LD] = printLd;
  table[CLASS.LDX] = printLdx;
  table[CLASS.ST] = printSt;
  table[CLASS.STX] = printStx;
  table[CLASS.ALU] = printAlu;
  table[CLASS.ALU64] = printAlu;
  table[CLASS.JMP] = printJump;
  table[CLASS.JMP32] = printJump;
  return table;
})();

const ALU_TEXT = inverted(ALU_SYMBOLS);
const SIGNED_ALU_TEXT = inverted(SIGNED_ALU_SYMBOLS);
const JMP_TEXT = inverted(JMP_SYMBOLS);
const TYPE = inverted(UNSIGNED_TYPES);
const SIGNED_TYPE = inverted(SIGNED_TYPES);
const ATOMIC_TEXT = inverted(ATOMIC_NAMES);

const opOf = (insn: Insn): number => insn.op & 0xf0;
const sizeOf = (insn: Insn): number => insn.op & 0x18;
const modeOf = (insn: Insn): number => insn.op & 0xe0;
const usesRegister = (insn: Insn): boolean => (insn.op & SRC.X) !== 0;
const signed = (n: number): string => (n < 0 ? String(n) : `+${n}`);
const hex = (n: number): string => `0x${(n >>> 0).toString(16)}`;

function printAlu(insn: Insn): string | undefined {
  const wide = (insn.op & 7) === CLASS.ALU64;
  const { dst, src, off, imm } = insn;
  const r = wide ? 'r' : 'w';
  const op = opOf(insn);
  if (op === ALU.END) {
    const name = wide ? 'bswap' : usesRegister(insn) ? 'be' : 'le';
    return `r${dst} = ${name}${imm} r${dst}`;
  }
  if (op === ALU.NEG) return `${r}${dst} = -${r}${dst}`;
  if (op === ALU.MOV && usesRegister(insn) && wide) {
    if (off === 1) return `r${dst} = addr_space_cast(r${src}, ${imm >>> 16}, ${imm & 0xffff})`;
    if (off === -1) return `r${dst} = &(void __percpu *)(r${src})`;
  }
  const symbol = (off === 1 ? SIGNED_ALU_TEXT.get(op) : undefined) ?? ALU_TEXT.get(op);
  if (symbol === undefined) return undefined;
  if (!usesRegister(insn)) return `${r}${dst} ${symbol} ${imm}`;
  const extend = op === ALU.MOV && (off === 8 || off === 16 || off === 32) ? `(s${off})` : '';
  return `${r}${dst} ${symbol} ${extend}${r}${src}`;
}

function printLdx(insn: Insn): string | undefined {
  const mode = modeOf(insn);
  const type = mode === MODE.MEM ? TYPE.get(sizeOf(insn)) : mode === MODE.MEMSX ? SIGNED_TYPE.get(sizeOf(insn)) : undefined;
  return type === undefined ? undefined : `r${insn.dst} = *(${type} *)(r${insn.src} ${signed(insn.off)})`;
}

function printSt(insn: Insn): string | undefined {
  if (insn.op === NOSPEC) return 'nospec';
  return modeOf(insn) === MODE.MEM ? `${place(insn)} = ${insn.imm}` : undefined;
}

function place(insn: Insn): string {
  return `*${address(insn)}`;
}

/** The memory operand of stores and atomics, where `dst` holds the address. */
function address(insn: Insn): string {
  return `(${TYPE.get(sizeOf(insn))} *)(r${insn.dst} ${signed(insn.off)})`;
}

function printStx(insn: Insn): string | undefined {
  if (modeOf(insn) === MODE.MEM) return `${place(insn)} = r${insn.src}`;
  return modeOf(insn) === MODE.ATOMIC ? printAtomic(insn) : undefined;
}

function printAtomic(insn: Insn): string | undefined {
  const { dst, src, off, imm } = insn;
  const wide = sizeOf(insn) === SIZE.DW ? '64' : '';
  switch (imm) {
    case ATOMIC.XCHG:
      return `r${src} = atomic${wide}_xchg(${address(insn)}, r${src})`;
    case ATOMIC.CMPXCHG:
      return `r0 = atomic${wide}_cmpxchg(${address(insn)}, r0, r${src})`;
    case ATOMIC.LOAD_ACQ:
      return `r${dst} = load_acquire((${TYPE.get(sizeOf(insn))} *)(r${src} ${signed(off)}))`;
    case ATOMIC.STORE_REL:
      return `store_release(${address(insn)}, r${src})`;
    default: {
      const fetch = (imm & ATOMIC.FETCH) !== 0;
      const name = ATOMIC_TEXT.get(imm & ~ATOMIC.FETCH);
      if (name === undefined) return undefined;
      if (fetch) return `r${src} = atomic${wide}_fetch_${name}(${address(insn)}, r${src})`;
      return `lock ${place(insn)} ${ALU_TEXT.get(imm)} r${src}`;
    }
  }
}

function printLd(insn: Insn, options: DisassembleOptions): string | undefined {
  const type = TYPE.get(sizeOf(insn));
  switch (modeOf(insn)) {
    case MODE.ABS:
      return `r0 = *(${type} *)skb[${insn.imm}]`;
    case MODE.IND:
      return `r0 = *(${type} *)skb[r${insn.src} + ${insn.imm}]`;
    case MODE.IMM: {
      if (insn.imm64 === undefined) return undefined;
      const named = options.constant?.(insn);
      if (named !== undefined) return `r${insn.dst} = ${named}`;
      const suffix = insn.src === 0 && options.opcode === false ? ' ll' : '';
      return `r${insn.dst} = ${constantText(insn, insn.imm64)}${suffix}`;
    }
    default:
      return undefined;
  }
}

function constantText(insn: Insn, value: bigint): string {
  const high = Number(value >> 32n);
  switch (insn.src) {
    case PSEUDO.MAP_FD:
      return high === 0 ? `map[id:${insn.imm}]` : `map[id:${insn.imm}|${high}]`;
    case PSEUDO.MAP_VALUE:
      return `map[id:${insn.imm}][0]+${high}`;
    case PSEUDO.MAP_IDX:
      return high === 0 ? `map[idx:${insn.imm}]` : `map[idx:${insn.imm}|${high}]`;
    case PSEUDO.MAP_IDX_VALUE:
      return `map[idx:${insn.imm}]+${high}`;
    case PSEUDO.BTF_ID:
      return high === 0 ? `btf[id:${insn.imm}]` : `btf[id:${insn.imm}|${high}]`;
    case PSEUDO.FUNC:
      return high === 0 ? `subprog[${signed(insn.imm)}]` : `subprog[${signed(insn.imm)}|${high}]`;
    default:
      return `0x${value.toString(16)}`;
  }
}

function printJump(insn: Insn, options: DisassembleOptions): string | undefined {
  const { op, dst, src, off, imm } = insn;
  switch (op) {
    case CLASS.JMP | JMP.CALL:
      return printCall(insn, options);
    case CLASS.JMP | JMP.CALL | SRC.X:
      return `callx r${dst}`;
    case CLASS.JMP | JMP.JA:
      return `goto pc${signed(off)}`;
    case CLASS.JMP32 | JMP.JA:
      return `gotol pc${signed(imm)}`;
    case CLASS.JMP | JMP.EXIT:
      return 'exit';
    case CLASS.JMP | JMP.JCOND:
      return src === 0 ? `may_goto pc${signed(off)}` : undefined;
    default: {
      const symbol = JMP_TEXT.get(opOf(insn));
      if (symbol === undefined) return undefined;
      const r = (op & 7) === CLASS.JMP32 ? 'w' : 'r';
      const right = usesRegister(insn) ? `${r}${src}` : hex(imm);
      return `if ${r}${dst} ${symbol} ${right} goto pc${signed(off)}`;
    }
  }
}

function printCall(insn: Insn, options: DisassembleOptions): string | undefined {
  switch (insn.src) {
    case CALL.HELPER:
      return `call ${options.helperName?.(insn.imm) ?? 'unknown'}#${insn.imm}`;
    case CALL.LOCAL:
      return `call pc${signed(insn.imm)}`;
    case CALL.KFUNC: {
      const name = options.kfuncName?.(insn);
      if (name !== undefined) return `call ${name}#${insn.imm}`;
      return `call kernel-function#${insn.imm}${insn.off === 0 ? '' : `|${insn.off}`}`;
    }
    default:
      return undefined;
  }
}
