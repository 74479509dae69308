/**
 * Copies, fills and comparisons of memory as loads and stores: BPF has no function to call for them. As wide as both
 * sides allow; a long one becomes a loop.
 *
 * Stack accesses must be aligned for the verifier. Maps, ring buffer records, packets and globals may be accessed
 * unaligned on the machines skep compiles for, so only the size of what is left counts there. The context is accessed
 * as its declared alignment says, since the kernel checks its fields by width.
 */
import { Builder, constant } from '../builder.ts';
import { successors } from '../cfg.ts';
import type { Block, IrFunction, MemBits, MemCmp, MemCopy, MemSet, Value } from '../ir.ts';
import { forEachOperand, replaceAll } from '../uses.ts';
import { basedOn } from './pointers.ts';

/** Accesses in one go; more become a loop over 64 bytes each. */
const MAX_ACCESSES = 64;

export function expandMemory(fn: IrFunction): boolean {
  let changed = false;
  const replacement: (Value | undefined)[] = [];
  for (let at = 0; at < fn.blocks.length; at++) {
    const block = fn.blocks[at] as Block;
    const k = block.insts.findIndex((i) => i.op === 'memcpy' || i.op === 'memset' || i.op === 'memcmp');
    if (k < 0) continue;
    changed = true;
    const i = block.insts[k] as MemCopy | MemSet | MemCmp;
    // Asked while the function is whole: what follows in the block uses the result, too.
    const equality = i.op === 'memcmp' && onlyEquality(fn, i);
    const rest = block.insts.slice(k + 1);
    block.insts.length = k;
    const tail: Block = { id: fn.nextId++, insts: rest, term: block.term };
    const e = new Expander(fn, block, i.loc);
    if (i.op === 'memcpy') e.copy(i);
    else if (i.op === 'memset') e.fill(i);
    else replacement[i.id] = e.compare(i, equality);
    if (e.b.block === block) {
      // No control flow: the block goes on.
      for (const x of rest) block.insts.push(x);
      block.term = tail.term;
      at--;
    } else {
      for (const s of successors(tail.term)) {
        for (const p of s.insts) {
          if (p.op !== 'phi') break;
          for (const x of p.incoming) if (x.block === block) x.block = tail;
        }
      }
      const made = e.finish(tail);
      fn.blocks.splice(at + 1, 0, ...made);
    }
  }
  if (replacement.length > 0) replaceAll(fn, replacement);
  return changed;
}

/** Their context is a buffer without fields: any width at its own multiple (tp_prog_is_valid_access, kprobe_prog_is_valid_access). */
const PLAIN_CONTEXTS: ReadonlySet<string> = new Set(['tracepoint', 'kprobe']);

/** The widest access that an address allows. */
function widest(fn: IrFunction, pointer: Value, declared: number): { align: number; strict: boolean } {
  const { base, offset } = basedOn(pointer);
  const alignedTo = (align: number): number => (offset === undefined ? 1 : offset === 0 ? align : Math.min(align, offset & -offset));
  if (base.op === 'alloca') return { align: alignedTo(base.align), strict: true };
  if (base.op === 'param' && base.space === 'ctx') {
    const plain = fn.program !== undefined && PLAIN_CONTEXTS.has(fn.program.type);
    return { align: plain ? Math.max(declared, alignedTo(8)) : declared, strict: true };
  }
  return { align: 8, strict: false };
}

class Expander {
  readonly b: Builder;
  private readonly before: number;
  private readonly fn: IrFunction;

  constructor(fn: IrFunction, block: Block, loc: number) {
    this.fn = fn;
    this.b = new Builder(fn);
    this.b.loc = loc;
    this.b.block = block;
    this.before = fn.blocks.length;
  }

  /** Ends in `tail`; gives the blocks made meanwhile, taken off the end of the function. */
  finish(tail: Block): Block[] {
    this.b.place(tail);
    return this.fn.blocks.splice(this.before);
  }

  /** Offset and width of each access. */
  private steps(size: number, aligns: readonly { align: number; strict: boolean }[]): { at: number; bits: MemBits }[] {
    const out: { at: number; bits: MemBits }[] = [];
    for (let at = 0; at < size; ) {
      let width = 8;
      while (width > 1 && (at + width > size || aligns.some((a) => a.strict && (a.align < width || at % width !== 0)))) width /= 2;
      out.push({ at, bits: (width * 8) as MemBits });
      at += width;
    }
    return out;
  }

  copy(i: MemCopy): void {
    const { b } = this;
    const steps = this.steps(i.size, [widest(this.fn, i.dst, i.align), widest(this.fn, i.src, i.align)]);
    if (steps.length > MAX_ACCESSES && !i.move) {
      const width = (steps[0] as { bits: MemBits }).bits / 8;
      const count = Math.floor(i.size / width);
      this.loop(count, width, (offset) => {
        const v = b.load(width === 8 ? 'i64' : 'i32', (width * 8) as MemBits, false, b.ptradd(i.src, offset), 0);
        b.store((width * 8) as MemBits, v, b.ptradd(i.dst, offset), 0);
      });
      for (const s of this.steps(i.size - count * width, [{ align: 1, strict: width === 1 }]))
        this.copyOne(i, count * width + s.at, s.bits);
      return;
    }
    if (i.move) {
      // The regions may overlap: all is read before anything is written.
      const values = steps.map((s) => b.load(s.bits === 64 ? 'i64' : 'i32', s.bits, false, i.src, s.at));
      steps.forEach((s, k) => b.store(s.bits, values[k] as Value, i.dst, s.at));
    } else for (const s of steps) this.copyOne(i, s.at, s.bits);
  }

  private copyOne(i: MemCopy, at: number, bits: MemBits): void {
    this.b.store(bits, this.b.load(bits === 64 ? 'i64' : 'i32', bits, false, i.src, at), i.dst, at);
  }

  fill(i: MemSet): void {
    const { b } = this;
    const steps = this.steps(i.size, [widest(this.fn, i.dst, i.align)]);
    const splat = new Map<MemBits, Value>();
    const value = (bits: MemBits): Value => {
      let v = splat.get(bits);
      if (!v) {
        const type = bits === 64 ? 'i64' : 'i32';
        const ones = 0x0101_0101_0101_0101n & ((1n << BigInt(bits)) - 1n);
        v = b.bin('mul', b.ext(type, false, 8, i.byte), constant(type, ones));
        splat.set(bits, v);
      }
      return v;
    };
    if (steps.length > MAX_ACCESSES) {
      const { bits } = steps[0] as { bits: MemBits };
      const width = bits / 8;
      const v = value(bits);
      const count = Math.floor(i.size / width);
      this.loop(count, width, (offset) => b.store(bits, v, b.ptradd(i.dst, offset), 0));
      splat.clear();
      for (const s of this.steps(i.size - count * width, [{ align: 1, strict: width === 1 }]))
        b.store(s.bits, value(s.bits), i.dst, count * width + s.at);
      return;
    }
    for (const s of steps) b.store(s.bits, value(s.bits), i.dst, s.at);
  }

  /** Zero where all bytes are equal; otherwise the difference of the first two that are not. */
  compare(i: MemCmp, equality: boolean): Value {
    const { b } = this;
    const aligns = [widest(this.fn, i.a, i.align), widest(this.fn, i.b, i.align)];
    const steps = this.steps(i.size, aligns);
    if (equality) {
      const differ = b.newBlock(),
        join = b.newBlock();
      const incoming: { block: Block; value: Value }[] = [];
      steps.forEach((s, k) => {
        const type = s.bits === 64 ? 'i64' : 'i32';
        const c = b.cmp('ne', b.load(type, s.bits, false, i.a, s.at), b.load(type, s.bits, false, i.b, s.at));
        const next = k === steps.length - 1 ? join : b.newBlock();
        if (next === join) incoming.push({ block: b.block, value: constant('i32', 0) });
        b.branch(c, differ, next);
        if (next !== join) b.place(next);
      });
      b.place(differ);
      incoming.push({ block: b.block, value: constant('i32', 1) });
      b.place(join);
      return b.phi('i32', incoming);
    }
    const join = b.newBlock();
    const incoming: { block: Block; value: Value }[] = [];
    for (let at = 0; at < i.size; at++) {
      const d = b.bin('sub', b.load('i32', 8, false, i.a, at), b.load('i32', 8, false, i.b, at));
      incoming.push({ block: b.block, value: d });
      if (at === i.size - 1) b.jump(join);
      else {
        const next = b.newBlock();
        b.branch(b.cmp('ne', d, constant('i32', 0)), join, next);
        b.place(next);
      }
    }
    b.place(join);
    return b.phi('i32', incoming);
  }

  private loop(count: number, width: number, body: (offset: Value) => void): void {
    const { b } = this;
    const before = b.block;
    const header = b.newBlock(),
      exit = b.newBlock();
    header.unroll = 'none';
    b.place(header);
    const offset = b.phi('i64', [{ block: before, value: constant('i64', 0) }]);
    body(offset);
    const next = b.bin('add', offset, constant('i64', width));
    offset.incoming.push({ block: header, value: next });
    b.branch(b.cmp('ult', next, constant('i64', count * width)), header, exit);
    b.place(exit);
  }
}

/** Whether all that is asked of the result is if it is zero. */
function onlyEquality(fn: IrFunction, i: MemCmp): boolean {
  for (const block of fn.blocks) {
    for (const x of block.insts) {
      if (x === i) continue;
      let uses = false;
      forEachOperand(x, (v) => {
        if (v === i) uses = true;
      });
      if (uses && !(x.op === 'cmp' && (x.pred === 'eq' || x.pred === 'ne') && x.a === i && x.b.op === 'const' && x.b.value === 0n))
        return false;
    }
    const t = block.term;
    if ((t.op === 'return' || t.op === 'switch') && t.value === i) return false;
  }
  return true;
}
