/**
 * The state of selecting one function, and the few verbs that every part of selection uses: a fresh register, emit,
 * "the register of this value", "this value into that register".
 *
 * Values that cost an instruction to make and nothing to forget (constants, stack addresses, map addresses) have no
 * register of their own: they are made anew where they are used. That is what lets a call's arguments be set up in
 * place, and keeps the four registers that survive calls for what deserves them.
 */
import { ALU, CLASS, PSEUDO as LD_PSEUDO, SRC } from '../../../isa/insn.ts';
import type { CoreKind, Reference } from '../../../object/spec.ts';
import type { Diagnostics, Loc } from '../../diagnostics.ts';
import type { AsmInst, Block, Const, CoreValue, GlobalAddr, Inst, IrFunction, IrModule, Phi, Value } from '../../ir/ir.ts';
import { isInst } from '../../ir/uses.ts';
import { asImm64 } from '../bits.ts';
import type { GlobalPlace } from '../globals.ts';
import type { MBlock, MFunction } from '../machine.ts';
import { FIRST_VIRTUAL, FP, LD_IMM64, MInst, MOV32, MOV32_IMM, MOV64, MOV64_IMM, NONE, newBlock, PSEUDO } from '../machine.ts';
import { isZeroExtended, resolveAlias } from './aliases.ts';
import type { Facts } from './facts.ts';
import { bitsOf } from './facts.ts';

export interface Cpu {
  readonly level: 1 | 2 | 3 | 4;
  /** JLT and its like. */
  readonly less: boolean;
  /** 32-bit arithmetic and jumps, atomics that fetch. */
  readonly alu32: boolean;
  /** Signed division, sign-extending moves and loads, BSWAP, long jumps. */
  readonly v4: boolean;
}

export function cpuFeatures(level: 1 | 2 | 3 | 4): Cpu {
  return { level, less: level >= 2, alu32: level >= 3, v4: level >= 4 };
}

export interface SelectOptions {
  readonly cpu: 1 | 2 | 3 | 4;
  readonly diagnostics: Diagnostics;
  /** Where each global variable lives. */
  readonly places: ReadonlyMap<string, GlobalPlace>;
}

/** Base register and offset of a memory operand. */
export interface Address {
  readonly base: number;
  readonly off: number;
  readonly slot: number;
}

export class Selection {
  readonly out: MFunction;
  readonly ir: IrFunction;
  readonly module: IrModule;
  readonly facts: Facts;
  readonly cpu: Cpu;
  readonly diagnostics: Diagnostics;
  readonly places: ReadonlyMap<string, GlobalPlace>;
  block: MBlock;
  loc: Loc = 0;
  /** The IR block being selected. */
  irBlock: Block;
  /** Slot of each alloca by IR id. */
  readonly slotOf: Int32Array;
  private readonly regs: Int32Array;
  private readonly paramRegs: Int32Array;
  /** Section bases at hand in this block: register by map name. */
  private readonly bases = new Map<string, number>();
  private readonly constants = new Map<string, number>();
  private basesOf: MBlock | undefined;
  /** Allocas that this function's own loads read; see `memory.ts`. */
  readBack: ReadonlySet<number> = new Set();
  /** Number of each map that something was looked up in; see `memory.ts`. */
  private readonly lookedUp = new Map<string, number>();
  readonly asmResults = new Map<AsmInst, readonly number[]>();
  /** Where control hardly ever goes, by `__builtin_expect`. */
  readonly unlikely: MBlock[] = [];
  /** The sign-extended register of an i32, before v3: by value. */
  readonly signedRegs = new Map<Value, number>();
  private readonly wanted: Uint8Array;
  /** Where predecessors put a phi's value, when that must be cleared first. */
  private readonly raw = new Map<number, number>();
  /** Stack objects that the IR instruction being selected may touch. */
  touch: readonly number[] | undefined = undefined;

  constructor(ir: IrFunction, module: IrModule, facts: Facts, wanted: Uint8Array, options: SelectOptions) {
    this.ir = ir;
    this.wanted = wanted;
    this.module = module;
    this.facts = facts;
    this.cpu = cpuFeatures(options.cpu);
    this.diagnostics = options.diagnostics;
    this.places = options.places;
    this.out = { name: ir.name, blocks: [], slots: [], nextReg: FIRST_VIRTUAL, cpu: options.cpu };
    this.regs = new Int32Array(ir.nextId);
    this.paramRegs = new Int32Array(ir.params.length);
    this.slotOf = new Int32Array(ir.nextId).fill(NONE);
    this.irBlock = ir.blocks[0] as Block;
    this.block = newBlock(this.out, ir.loc);
  }

  /** Below zero, where no instruction's number is. */
  originOfMap(map: string): number {
    let origin = this.lookedUp.get(map);
    if (origin === undefined) this.lookedUp.set(map, (origin = -1 - this.lookedUp.size));
    return origin;
  }

  newReg(): number {
    return this.out.nextReg++;
  }

  newBlock(): MBlock {
    return newBlock(this.out, this.loc);
  }

  emit(op: number, dst: number, src: number, off: number, imm: number): MInst {
    const inst = new MInst(op, dst, src, off, imm, this.loc);
    this.block.insts.push(inst);
    return inst;
  }

  /** Ends the block; what follows goes into `block`. */
  continueIn(block: MBlock): void {
    this.block = block;
  }

  alu(op: number, wide: boolean, dst: number, src: number): MInst {
    return this.emit((wide ? CLASS.ALU64 : CLASS.ALU) | op | SRC.X, dst, src, 0, 0);
  }

  aluImm(op: number, wide: boolean, dst: number, imm: number): MInst {
    return this.emit((wide ? CLASS.ALU64 : CLASS.ALU) | op | SRC.K, dst, NONE, 0, imm);
  }

  copy(dst: number, src: number): void {
    if (dst !== src) this.emit(MOV64, dst, src, 0, 0);
  }

  /** A copy of the value that may be changed. */
  fresh(v: Value): number {
    const dst = this.newReg();
    this.into(dst, v);
    return dst;
  }

  /* ---------- values ---------- */

  /** The register that this instruction's value is to be put into. */
  target(i: Inst): number {
    const r = this.regs[i.id] as number;
    return r !== 0 ? r : (this.regs[i.id] = this.newReg());
  }

  isWanted(i: Inst): boolean {
    return this.wanted[i.id] === 1;
  }

  /** Whether anything uses the result, not just the effect. */
  isUsed(i: Inst): boolean {
    return this.facts.uses[i.id] !== 0;
  }

  /** The register that predecessors write. */
  incomingReg(phi: Phi): number {
    if (!this.facts.clear[phi.id]) return this.target(phi);
    let r = this.raw.get(phi.id);
    if (r === undefined) this.raw.set(phi.id, (r = this.newReg()));
    return r;
  }

  /** Whether the (resolved) value stands in a register, rather than being made where it is used. */
  hasRegister(v: Value): boolean {
    switch (v.op) {
      case 'const':
      case 'undef':
      case 'alloca':
      case 'mapaddr':
      case 'globaladdr':
      case 'funcaddr':
      case 'ksymaddr':
        return false;
      default:
        return !this.isRebuilt(v);
    }
  }

  setParam(index: number, reg: number): void {
    this.paramRegs[index] = reg;
  }

  /** Whether the register of this i32 has a zero upper half. */
  isZeroExtended(v: Value): boolean {
    return isZeroExtended(this.facts, v);
  }

  bits(v: Value): number {
    return bitsOf(this.facts.bits, v);
  }

  /** The value that this one is, register for register. */
  resolve(v: Value): Value {
    return resolveAlias(this.facts, v);
  }

  /** A register that holds the value. It must not be written. */
  reg(value: Value): number {
    const v = this.resolve(value);
    if (v.op === 'const') return this.constantReg(v);
    if (!this.hasRegister(v)) return this.fresh(v);
    return v.op === 'param' ? (this.paramRegs[v.index] as number) : this.target(v as Inst);
  }

  /** A constant that must be in a register is made once per block and call. */
  private constantReg(v: Const): number {
    this.enterBlock();
    const key = `${v.type === 'i32' && v.value >= 0x8000_0000n && !this.cpu.alu32 ? 's' : ''}${v.value}`;
    let r = this.constants.get(key);
    if (r === undefined) this.constants.set(key, (r = this.fresh(v)));
    return r;
  }

  /** Registers that are shared within a block do not outlast it. */
  private enterBlock(): void {
    if (this.basesOf === this.block) return;
    this.forgetBases();
    this.basesOf = this.block;
  }

  /** base + constant, better computed where it is used than kept. */
  isRebuilt(v: Value): boolean {
    if (v.op !== 'ptradd' || v.offset.op !== 'const') return false;
    return this.facts.uses[v.id] === 1 || this.resolve(this.rootOf(v)).op === 'alloca';
  }

  private rootOf(v: Value): Value {
    let x = this.resolve(v);
    while (x.op === 'ptradd' && x.offset.op === 'const') x = this.resolve(x.base);
    return x;
  }

  /** Puts the value into a register that may also be physical. */
  into(dst: number, value: Value): void {
    const v = this.resolve(value);
    switch (v.op) {
      case 'const':
        return this.constant(dst, v);
      case 'undef':
        this.emit(MOV64_IMM, dst, NONE, 0, 0);
        return;
      case 'alloca':
        this.lea(dst, this.slotOf[v.id] as number, 0);
        return;
      case 'mapaddr':
        this.symbol(dst, { kind: 'map', map: v.map }, LD_PSEUDO.MAP_FD);
        return;
      case 'funcaddr':
        this.symbol(dst, { kind: 'functionAddress', function: v.fn }, LD_PSEUDO.FUNC);
        return;
      case 'ksymaddr':
        this.symbol(dst, { kind: 'ksym', name: v.symbol, typed: v.typed, weak: v.weak }, v.typed ? LD_PSEUDO.BTF_ID : 0);
        return;
      case 'globaladdr':
        this.global(dst, v, 0);
        return;
      case 'ptradd':
        if (!this.isRebuilt(v)) break;
        this.pointer(dst, v);
        return;
      default:
        break;
    }
    this.copy(dst, this.reg(v));
  }

  constant(dst: number, v: Const): void {
    if (v.type === 'i32') {
      const small = v.value < 0x8000_0000n;
      this.emit(small || !this.cpu.alu32 ? MOV64_IMM : MOV32_IMM, dst, NONE, 0, Number(v.value) | 0);
      return;
    }
    this.wide(dst, v.value);
  }

  /** Any 64-bit constant, in as few slots as there is a way. */
  wide(dst: number, value: bigint): void {
    const imm = asImm64(value);
    if (imm !== undefined) this.emit(MOV64_IMM, dst, NONE, 0, imm);
    else if (value < 0x1_0000_0000n && this.cpu.alu32) this.emit(MOV32_IMM, dst, NONE, 0, Number(value) | 0);
    else this.emit(LD_IMM64, dst, NONE, 0, 0).extra = { kind: 'wide', value };
  }

  lea(dst: number, slot: number, off: number): void {
    this.emit(PSEUDO.LEA, dst, NONE, off, 0).slot = slot;
  }

  symbol(dst: number, ref: Reference, pseudo: number): void {
    this.emit(LD_IMM64, dst, pseudo, 0, 0).extra = { kind: 'ref', ref };
  }

  private global(dst: number, v: GlobalAddr, add: number): void {
    const global = this.module.globals.get(v.global);
    const place = this.places.get(v.global);
    if (global === undefined || place === undefined) throw new Error(`global ${v.global} is not in the module`);
    const offset = v.offset + add;
    if (global.section === '.kconfig' && global.linkage === 'extern') {
      this.symbol(dst, { kind: 'kconfig', name: v.global, weak: false }, LD_PSEUDO.MAP_VALUE);
      if (offset !== 0) this.aluImm(ALU.ADD, true, dst, offset);
    } else this.symbol(dst, { kind: 'mapValue', map: place.map, offset: place.offset + offset }, LD_PSEUDO.MAP_VALUE);
  }

  /** base + constant offsets, from the register below all of them. */
  private pointer(dst: number, value: Value): void {
    let v = this.resolve(value);
    let off = 0n;
    while (v.op === 'ptradd' && v.offset.op === 'const' && (v === value || this.isRebuilt(v) || this.rootOf(v).op === 'alloca')) {
      off = BigInt.asIntN(64, off + v.offset.value);
      v = this.resolve(v.base);
    }
    if (v.op === 'alloca') return this.lea(dst, this.slotOf[v.id] as number, Number(off));
    if (v.op === 'globaladdr' && off >= 0n && off < 0x1000_0000n) return this.global(dst, v, Number(off));
    this.into(dst, v);
    this.addConst(dst, BigInt.asUintN(64, off));
  }

  /** dst += constant. */
  addConst(dst: number, value: bigint): void {
    if (value === 0n) return;
    const imm = asImm64(value);
    if (imm !== undefined) {
      this.aluImm(ALU.ADD, true, dst, imm);
      return;
    }
    const t = this.newReg();
    this.wide(t, value);
    this.alu(ALU.ADD, true, dst, t);
  }

  /** base + constant as a value of its own, used more than once. */
  defineOffset(i: Inst & { op: 'ptradd' }): void {
    this.pointer(this.target(i), i);
  }

  /* ---------- addresses ---------- */

  /** What goes into a memory operand for `ptr + offset`. `last` is the access's last byte beyond `offset`. */
  address(ptr: Value, offset: number, last = 0): Address {
    let v = this.resolve(ptr);
    let off = offset;
    while (v.op === 'ptradd' && v.offset.op === 'const') {
      const k = asImm64(v.offset.value);
      if (k === undefined || off + k < -0x8000 || off + k + last > 0x7fff) break;
      off += k;
      v = this.resolve(v.base);
    }
    if (v.op === 'alloca') return { base: FP, off, slot: this.slotOf[v.id] as number };
    if (v.op === 'globaladdr') {
      const shared = this.sectionBase(v);
      if (shared !== undefined) return { base: shared.base, off: off + shared.off, slot: NONE };
    }
    if (off < -0x8000 || off + last > 0x7fff) {
      const t = this.fresh(v);
      this.addConst(t, BigInt.asUintN(64, BigInt(off)));
      return { base: t, off: 0, slot: NONE };
    }
    return { base: this.reg(v), off, slot: NONE };
  }

  /** One address of a data section serves all its variables in a block, until the next call. */
  private sectionBase(v: GlobalAddr): { base: number; off: number } | undefined {
    const place = this.places.get(v.global);
    const global = this.module.globals.get(v.global);
    if (place === undefined || (global?.section === '.kconfig' && global.linkage === 'extern')) return undefined;
    const off = place.offset + v.offset;
    if (off > 0x7000) return undefined;
    this.enterBlock();
    let base = this.bases.get(place.map);
    if (base === undefined) {
      base = this.newReg();
      this.symbol(base, { kind: 'mapValue', map: place.map, offset: 0 }, LD_PSEUDO.MAP_VALUE);
      this.bases.set(place.map, base);
    }
    return { base, off };
  }

  /** After a call: what it destroys is cheaper to make again than to save. */
  forgetBases(): void {
    this.bases.clear();
    this.constants.clear();
  }

  /** A number that a loader may change: it stays an instruction of its own. */
  coreValue(i: CoreValue): void {
    const imm = asImm64(BigInt.asUintN(64, i.core.local));
    const wide = imm === undefined || WIDE_CORE.has(i.core.kind);
    const inst = wide ? this.emit(LD_IMM64, this.target(i), 0, 0, 0) : this.emit(MOV64_IMM, this.target(i), NONE, 0, imm);
    inst.extra = { kind: 'core', core: i.core };
    inst.keep = true;
  }

  /** Clears the upper half where some use relies on it; `raw` is where the value was computed. */
  finish(i: Inst, raw: number): void {
    const dst = this.target(i);
    if (this.facts.clear[i.id]) this.zeroExtend(dst, raw);
    else this.copy(dst, raw);
  }

  /** Makes the sign-extended register of a value that is there now. */
  defineSigned(v: Value): void {
    const r = this.newReg();
    this.signExtend(r, this.reg(v), 32, true);
    this.signedRegs.set(v, r);
  }

  zeroExtend(dst: number, src: number): void {
    if (this.cpu.alu32) {
      this.emit(MOV32, dst, src, 0, 0);
      return;
    }
    this.copy(dst, src);
    this.aluImm(ALU.LSH, true, dst, 32);
    this.aluImm(ALU.RSH, true, dst, 32);
  }

  signExtend(dst: number, src: number, bits: 8 | 16 | 32, wide: boolean): void {
    if (this.cpu.v4) {
      this.emit((wide || bits === 32 ? CLASS.ALU64 : CLASS.ALU) | ALU.MOV | SRC.X, dst, src, bits, 0);
      return;
    }
    const full = wide || !this.cpu.alu32;
    const by = (full ? 64 : 32) - bits;
    this.copy(dst, src);
    this.aluImm(ALU.LSH, full, dst, by);
    this.aluImm(ALU.ARSH, full, dst, by);
  }

  /** Slots that this pointer may point into, for accesses that do not name one. */
  slotsOf(...pointers: readonly Value[]): readonly number[] | undefined {
    let out: number[] | undefined;
    for (const p of pointers) {
      if (!isInst(p)) continue;
      const roots = this.facts.roots[p.id];
      if (roots === undefined) continue;
      out ??= [];
      for (const r of roots) out.push(this.slotOf[r] as number);
    }
    return out;
  }

  error(code: string, message: string): void {
    this.diagnostics.error(code, this.loc, message);
  }
}

/** Kinds whose values may need 64 bits. */
const WIDE_CORE: ReadonlySet<CoreKind> = new Set<CoreKind>(['typeIdLocal', 'typeIdTarget', 'enumvalValue']);
