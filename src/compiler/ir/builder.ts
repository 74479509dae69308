/**
 * Makes IR: appends instructions at the end of a block, folding what is constant at once so that nothing later has to
 * look at it. After a terminator the builder stands in a fresh block that nothing leads to (code after `return`);
 * `cleanup-cfg` removes it.
 */
import type { Loc } from '../diagnostics.ts';
import { evalBin, evalBswap, evalCmp, evalExt, wrap } from './eval.ts';
import type {
  Alloca, AsmInst, AtomicOp, BinOp, Block, Callee, Const, CoreRef, Inst, IrFunction, IrType, MemBits, Param, Phi, Pointee, Pred,
  Space, Terminator, Undef, Value,
} from './ir.ts';

const SMALL = 257;
const small = { i32: [] as Const[], i64: [] as Const[], ptr: [] as Const[] };

export function constant(type: IrType, value: bigint | number): Const {
  if (typeof value === 'number' && value >= 0 && value < SMALL) {
    const cache = small[type];
    return (cache[value] ??= { op: 'const', type, value: BigInt(value) });
  }
  return { op: 'const', type, value: wrap(type, BigInt(value)) };
}

export const NULL: Const = constant('ptr', 0);
const UNDEF: Readonly<Record<IrType, Undef>> = { i32: { op: 'undef', type: 'i32' }, i64: { op: 'undef', type: 'i64' }, ptr: { op: 'undef', type: 'ptr' } };

export function undef(type: IrType): Undef {
  return UNDEF[type];
}

export function isConst(v: Value, value?: bigint | number): v is Const {
  return v.op === 'const' && (value === undefined || v.value === wrap(v.type, BigInt(value)));
}

export interface FunctionShape {
  readonly name: string;
  readonly linkage: IrFunction['linkage'];
  readonly params: readonly { readonly type: IrType; readonly name: string; readonly space?: Space; readonly loc: Loc }[];
  readonly returns: IrType | undefined;
  readonly inline: IrFunction['inline'];
  readonly loc: Loc;
  readonly end: Loc;
  readonly program?: IrFunction['program'];
}

export function newFunction(shape: FunctionShape): IrFunction {
  const params: Param[] = shape.params.map((p, index) => ({ op: 'param', index, ...p }));
  const entry: Block = { id: 0, insts: [], term: { op: 'unreachable', loc: shape.end } };
  return {
    name: shape.name, linkage: shape.linkage, params, returns: shape.returns, blocks: [entry], nextId: 1, loc: shape.loc,
    end: shape.end, inline: shape.inline, ...(shape.program ? { program: shape.program } : {}),
  };
}

export interface LoadOptions {
  readonly volatile?: boolean;
  readonly space?: Space | undefined;
  readonly resultSpace?: Space | undefined;
  readonly core?: CoreRef | undefined;
  readonly pointee?: Pointee | undefined;
  /** Of the address, in bytes. */
  readonly align?: number | undefined;
}

export class Builder {
  readonly fn: IrFunction;
  block: Block;
  /** Position of what is built next. */
  loc: Loc;
  private ended = false;
  /** Where the next alloca goes: after the earlier ones, so that they stand in order of declaration. */
  private allocas = 0;
  /** Allocas that wait to be placed together. One by one, each would move all instructions that are there. */
  private waiting: Alloca[] | undefined;

  constructor(fn: IrFunction) {
    this.fn = fn;
    this.block = fn.blocks[0] as Block;
    this.loc = fn.loc;
  }

  /* ---------- blocks ---------- */

  /** A block that is not yet in the function; `place` puts it there. */
  newBlock(): Block {
    return { id: this.fn.nextId++, insts: [], term: { op: 'unreachable', loc: this.loc } };
  }

  /** Continues in this block; falls into it from the current one. */
  place(block: Block): void {
    if (!this.ended) this.jump(block);
    this.fn.blocks.push(block);
    this.block = block;
    this.ended = false;
  }

  /** False after a terminator, when what is built next cannot be reached. */
  get reachable(): boolean {
    return !this.ended;
  }

  private end(term: Terminator): void {
    if (this.ended) return;
    this.block.term = term;
    this.ended = true;
  }

  jump(to: Block): void {
    this.end({ op: 'jump', to, loc: this.loc });
  }

  branch(cond: Value, then: Block, otherwise: Block, likely?: boolean): void {
    if (cond.op === 'const') return this.jump(cond.value !== 0n ? then : otherwise);
    this.end({ op: 'branch', cond, then, else: otherwise, loc: this.loc, ...(likely === undefined ? {} : { likely }) });
  }

  switch(value: Value, cases: { low: bigint; high: bigint; to: Block }[], otherwise: Block, signed: boolean): void {
    this.end({ op: 'switch', value, cases, otherwise, signed, loc: this.loc });
  }

  return(value: Value | undefined): void {
    this.end({ op: 'return', value, loc: this.loc });
  }

  unreachable(): void {
    this.end({ op: 'unreachable', loc: this.loc });
  }

  private insert<T extends Inst>(inst: T): T {
    if (this.ended) {
      const dead = this.newBlock();
      this.fn.blocks.push(dead);
      this.block = dead;
      this.ended = false;
    }
    this.block.insts.push(inst);
    return inst;
  }

  /* ---------- arithmetic ---------- */

  bin(bin: BinOp, a: Value, b: Value): Value {
    const type = a.type as 'i32' | 'i64';
    if (b.op === 'const') {
      if (a.op === 'const') return constant(type, evalBin(bin, type, a.value, b.value));
      if (b.value === 0n) {
        switch (bin) {
          case 'add': case 'sub': case 'or': case 'xor': case 'shl': case 'lshr': case 'ashr': return a;
          case 'mul': case 'and': return b;
          default: break;
        }
      } else if (b.value === 1n && (bin === 'mul' || bin === 'udiv' || bin === 'sdiv')) return a;
    }
    return this.insert({ op: 'bin', id: this.fn.nextId++, loc: this.loc, type, bin, a, b });
  }

  ptradd(base: Value, offset: Value | number): Value {
    const by = typeof offset === 'number' ? constant('i64', offset) : offset;
    if (by.op === 'const') {
      if (by.value === 0n) return base;
      if (base.op === 'const') return constant('ptr', base.value + by.value);
      if (base.op === 'ptradd' && base.offset.op === 'const') return this.ptradd(base.base, constant('i64', base.offset.value + by.value));
    }
    return this.insert({ op: 'ptradd', type: 'ptr', id: this.fn.nextId++, loc: this.loc, base, offset: by });
  }

  cmp(pred: Pred, a: Value, b: Value): Value {
    if (a.op === 'const' && b.op === 'const') return constant('i32', evalCmp(pred, a.type, a.value, b.value) ? 1 : 0);
    return this.insert({ op: 'cmp', type: 'i32', id: this.fn.nextId++, loc: this.loc, pred, a, b });
  }

  ext(type: 'i32' | 'i64', signed: boolean, bits: 8 | 16 | 32, a: Value): Value {
    if (a.op === 'const') return constant(type, evalExt(type, signed, bits, a.value));
    return this.insert({ op: 'ext', type, id: this.fn.nextId++, loc: this.loc, signed, bits, a });
  }

  trunc(a: Value): Value {
    if (a.op === 'const') return constant('i32', a.value);
    if (a.op === 'ext' && a.bits === 32 && a.a.type === 'i32') return a.a;
    return this.insert({ op: 'trunc', type: 'i32', id: this.fn.nextId++, loc: this.loc, a });
  }

  ptrtoint(a: Value): Value {
    if (a.op === 'const') return constant('i64', a.value);
    if (a.op === 'inttoptr') return a.a;
    return this.insert({ op: 'ptrtoint', type: 'i64', id: this.fn.nextId++, loc: this.loc, a });
  }

  inttoptr(a: Value, space?: Space, pointee?: Pointee): Value {
    if (a.op === 'const') return constant('ptr', a.value);
    // The pointer itself keeps its provenance.
    if (a.op === 'ptrtoint' && space === undefined) return a.a;
    return this.insert({ op: 'inttoptr', type: 'ptr', id: this.fn.nextId++, loc: this.loc, a, ...(space ? { space } : {}), ...(pointee ? { pointee } : {}) });
  }

  spacecast(a: Value, space: Space): Value {
    if (a.op === 'const') return a;
    return this.insert({ op: 'spacecast', type: 'ptr', id: this.fn.nextId++, loc: this.loc, a, space });
  }

  bswap(bits: 16 | 32 | 64, a: Value): Value {
    const type = a.type as 'i32' | 'i64';
    if (a.op === 'const') return constant(type, evalBswap(bits, a.value));
    return this.insert({ op: 'bswap', type, id: this.fn.nextId++, loc: this.loc, bits, a });
  }

  select(cond: Value, a: Value, b: Value): Value {
    if (cond.op === 'const') return cond.value !== 0n ? a : b;
    return this.insert({ op: 'select', type: a.type as IrType, id: this.fn.nextId++, loc: this.loc, cond, a, b });
  }

  phi(type: IrType, incoming: Phi['incoming']): Phi {
    const phi: Phi = { op: 'phi', type, id: this.fn.nextId++, loc: this.loc, incoming };
    const at = this.block.insts.findIndex((i) => i.op !== 'phi');
    this.block.insts.splice(at < 0 ? this.block.insts.length : at, 0, phi);
    return phi;
  }

  /* ---------- memory ---------- */

  alloca(size: number, align: number, name?: string, loc: Loc = this.loc): Alloca {
    const inst: Alloca = { op: 'alloca', type: 'ptr', id: this.fn.nextId++, loc, size, align, ...(name === undefined ? {} : { var: name }) };
    if (this.waiting !== undefined) this.waiting.push(inst);
    else (this.fn.blocks[0] as Block).insts.splice(this.allocas++, 0, inst);
    return inst;
  }

  /** Does something that makes many allocas; they are in the function afterwards. */
  withAllocas(work: () => void): void {
    this.waiting = [];
    work();
    const entry = this.fn.blocks[0] as Block;
    entry.insts = [...entry.insts.slice(0, this.allocas), ...this.waiting, ...entry.insts.slice(this.allocas)];
    this.allocas += this.waiting.length;
    this.waiting = undefined;
  }

  load(type: IrType, bits: MemBits, signed: boolean, ptr: Value, offset: number, options: LoadOptions = {}): Value {
    return this.insert({
      op: 'load', type, id: this.fn.nextId++, loc: this.loc, ptr, offset, bits, signed, volatile: options.volatile ?? false,
      ...(options.space ? { space: options.space } : {}),
      ...(options.resultSpace ? { resultSpace: options.resultSpace } : {}),
      ...(options.core ? { core: options.core } : {}),
      ...(options.pointee ? { pointee: options.pointee } : {}),
      ...(options.align !== undefined && options.align * 8 < bits ? { align: options.align } : {}),
    });
  }

  store(bits: MemBits, value: Value, ptr: Value, offset: number, options: LoadOptions = {}): void {
    this.insert({
      op: 'store', type: 'void', id: this.fn.nextId++, loc: this.loc, ptr, offset, bits, value,
      volatile: options.volatile ?? false, ...(options.core ? { core: options.core } : {}),
      ...(options.align !== undefined && options.align * 8 < bits ? { align: options.align } : {}),
    });
  }

  memcpy(dst: Value, src: Value, size: number, align: number, move = false): void {
    if (size > 0) this.insert({ op: 'memcpy', type: 'void', id: this.fn.nextId++, loc: this.loc, dst, src, size, move, align });
  }

  memset(dst: Value, byte: Value, size: number, align: number): void {
    if (size > 0) this.insert({ op: 'memset', type: 'void', id: this.fn.nextId++, loc: this.loc, dst, byte, size, align });
  }

  memcmp(a: Value, b: Value, size: number, align: number): Value {
    if (size === 0) return constant('i32', 0);
    return this.insert({ op: 'memcmp', type: 'i32', id: this.fn.nextId++, loc: this.loc, a, b, size, align });
  }

  mapaddr(map: string): Value {
    return this.insert({ op: 'mapaddr', type: 'ptr', id: this.fn.nextId++, loc: this.loc, map });
  }
  globaladdr(global: string, offset = 0): Value {
    return this.insert({ op: 'globaladdr', type: 'ptr', id: this.fn.nextId++, loc: this.loc, global, offset });
  }
  funcaddr(fn: string): Value {
    return this.insert({ op: 'funcaddr', type: 'ptr', id: this.fn.nextId++, loc: this.loc, fn });
  }
  ksymaddr(symbol: string, typed: boolean, weak: boolean): Value {
    return this.insert({ op: 'ksymaddr', type: 'ptr', id: this.fn.nextId++, loc: this.loc, symbol, typed, weak });
  }

  /* ---------- the rest ---------- */

  call(type: IrType | 'void', callee: Callee, args: Value[], resultSpace?: Space): Inst {
    return this.insert({ op: 'call', type, id: this.fn.nextId++, loc: this.loc, callee, args, ...(resultSpace ? { resultSpace } : {}) });
  }

  atomic(atomic: AtomicOp, bits: 32 | 64, ptr: Value, offset: number, value: Value, fetch: boolean, expected?: Value): Inst {
    const type = !fetch ? 'void' : bits === 64 ? 'i64' : 'i32';
    return this.insert({ op: 'atomic', type, id: this.fn.nextId++, loc: this.loc, atomic, ptr, offset, bits, value, fetch, ...(expected ? { expected } : {}) });
  }

  ldpacket(bits: 8 | 16 | 32, ctx: Value, offset: number, index: Value | undefined): Value {
    return this.insert({ op: 'ldpacket', type: 'i32', id: this.fn.nextId++, loc: this.loc, ctx, bits, offset, index });
  }

  core(core: CoreRef): Value {
    return this.insert({ op: 'core', type: 'i64', id: this.fn.nextId++, loc: this.loc, core });
  }

  asm(text: string, inputs: AsmInst['inputs'], outputs: AsmInst['outputs'], clobbers: string[]): AsmInst {
    return this.insert({ op: 'asm', type: 'void', id: this.fn.nextId++, loc: this.loc, text, inputs, outputs, clobbers });
  }

  asmout(type: IrType, asm: AsmInst, index: number): Value {
    return this.insert({ op: 'asmout', type, id: this.fn.nextId++, loc: this.loc, asm, index });
  }
}
