/**
 * Scalar replacement of aggregates: a stack object whose address stays in the function falls apart into the pieces it
 * is accessed by, and `mem2reg` takes the pieces.
 *
 *   struct { u32 a; u16 b; u8 c[2]; } s      bytes   0 1 2 3 | 4 5 | 6 | 7
 *   s.a = 1; s.b = 2; s.c[0] = …             glue      * * *     *
 *
 * Bytes that one load or store touches together are glued; a maximal run of glued bytes is a slice. `memcpy` and
 * `memset` do not glue (they can be done piece by piece), but a copy between two candidates makes both have the same
 * borders, which is propagated to a fixpoint. Bytes that are only copied are cut into chunks as the copy's alignment
 * allows. A slice of up to eight bytes is one integer: accesses to a part of it shift and mask. A longer slice (parts
 * overlap in odd ways) remains memory of its own.
 *
 * Copies from or to memory that may turn out to be the kernel's keep the object whole: one probe read of all of it
 * beats many of its parts.
 */
import { constant } from '../builder.ts';
import type { Alloca, Block, Inst, IrFunction, IrType, MemBits, MemCopy, MemSet, Value } from '../ir.ts';
import { forEachOperand, replaceAll, termOperand } from '../uses.ts';
import { basedOn, isPlainMemory } from './pointers.ts';

const MAX_SIZE = 512;
const MAX_SLICES = 64;
/** More chunks than this that are only copied stay one block of memory. */
const MAX_CHUNKS = 16;

interface Candidate {
  readonly alloca: Alloca;
  /** glue[i]: bytes i-1 and i belong together. */
  readonly glue: Uint8Array;
  readonly covered: Uint8Array;
  chunk: number;
  rejected: boolean;
  slices: Slice[];
  /** Slice by byte. */
  sliceAt: (Slice | undefined)[];
}

interface Slice {
  readonly start: number;
  readonly size: number;
  /** Width of the integer that holds it, or 0: remains memory. */
  readonly bits: MemBits | 0;
  alloca: Alloca | undefined;
}

interface Place {
  readonly candidate: Candidate;
  readonly offset: number;
}
interface Copy {
  readonly inst: MemCopy;
  readonly dst: Place | undefined;
  readonly src: Place | undefined;
}

export function sroa(fn: IrFunction): boolean {
  const candidates = findCandidates(fn);
  if (candidates.length === 0) return false;
  const byId: (Candidate | undefined)[] = new Array<Candidate | undefined>(fn.nextId);
  for (const c of candidates) byId[c.alloca.id] = c;
  const placeOf = (v: Value): Place | undefined => {
    const { base, offset } = basedOn(v);
    const candidate = base.op === 'alloca' ? byId[base.id] : undefined;
    return candidate && offset !== undefined && !candidate.rejected ? { candidate, offset } : undefined;
  };
  for (;;) {
    const copies = glueAccesses(fn, placeOf, candidates);
    propagate(copies);
    for (const c of candidates) {
      if (c.rejected) continue;
      cutChunks(c, copies);
      propagate(copies);
    }
    let again = false;
    for (const c of candidates) {
      if (!c.rejected && !cutSlices(c)) again = c.rejected = true;
    }
    if (!again) break;
  }
  const live = candidates.filter((c) => !c.rejected && worthwhile(c));
  if (live.length === 0) return false;
  const kept = new Set(live);
  for (const c of candidates) if (!kept.has(c)) c.rejected = true;
  new Rewriter(fn, placeOf).run(live);
  return true;
}

/** Allocas of which no address goes anywhere but into loads, stores, copies and fills at known offsets. */
function findCandidates(fn: IrFunction): Candidate[] {
  const entry = fn.blocks[0] as Block;
  const ok = new Uint8Array(fn.nextId);
  const allocas: Alloca[] = [];
  for (const i of entry.insts) {
    if (i.op === 'alloca' && i.size > 0 && i.size <= MAX_SIZE) {
      ok[i.id] = 1;
      allocas.push(i);
    }
  }
  if (allocas.length === 0) return [];
  const escape = (v: Value): void => {
    const { base } = basedOn(v);
    if (base.op === 'alloca') ok[base.id] = 0;
  };
  const access = (ptr: Value, at: number, size: number): void => {
    const { base, offset } = basedOn(ptr);
    if (base.op === 'alloca' && (offset === undefined || offset + at < 0 || offset + at + size > base.size)) ok[base.id] = 0;
  };
  for (const block of fn.blocks) {
    for (const i of block.insts) {
      switch (i.op) {
        case 'load':
          if (i.volatile || i.core) escape(i.ptr);
          else access(i.ptr, i.offset, i.bits / 8);
          break;
        case 'store':
          escape(i.value);
          if (i.volatile || i.core) escape(i.ptr);
          else access(i.ptr, i.offset, i.bits / 8);
          break;
        case 'memcpy': {
          access(i.dst, 0, i.size);
          access(i.src, 0, i.size);
          const src = basedOn(i.src),
            dst = basedOn(i.dst);
          if (!isPlainMemory(src.base) || !isPlainMemory(dst.base) || src.base === dst.base) {
            escape(i.dst);
            escape(i.src);
          }
          break;
        }
        case 'memset':
          access(i.dst, 0, i.size);
          break;
        case 'ptradd':
          escape(i.offset);
          break;
        case 'spacecast':
          if (i.space !== 'stack') escape(i.a);
          break;
        default:
          forEachOperand(i, escape);
      }
    }
    const t = termOperand(block.term);
    if (t) escape(t);
  }
  return allocas
    .filter((a) => ok[a.id])
    .map((alloca) => ({
      alloca,
      glue: new Uint8Array(alloca.size + 1),
      covered: new Uint8Array(alloca.size),
      chunk: 8,
      rejected: false,
      slices: [],
      sliceAt: [],
    }));
}

function glueAccesses(fn: IrFunction, placeOf: (v: Value) => Place | undefined, candidates: readonly Candidate[]): Copy[] {
  for (const c of candidates) {
    c.glue.fill(0);
    c.covered.fill(0);
    c.chunk = 8;
  }
  const copies: Copy[] = [];
  for (const block of fn.blocks) {
    for (const i of block.insts) {
      if (i.op === 'load' || i.op === 'store') {
        const p = placeOf(i.ptr);
        if (!p) continue;
        const start = p.offset + i.offset,
          end = start + i.bits / 8;
        p.candidate.covered.fill(1, start, end);
        p.candidate.glue.fill(1, start + 1, end);
      } else if (i.op === 'memcpy') {
        const dst = placeOf(i.dst),
          src = placeOf(i.src);
        if (!dst && !src) continue;
        for (const p of [dst, src]) if (p) p.candidate.chunk = Math.min(p.candidate.chunk, i.align);
        copies.push({ inst: i, dst, src });
      }
    }
  }
  return copies;
}

/** Makes both sides of each copy between candidates have the same borders. */
function propagate(copies: readonly Copy[]): void {
  for (let changed = true; changed; ) {
    changed = false;
    for (const { inst, dst, src } of copies) {
      if (!dst || !src) continue;
      const a = dst.candidate,
        b = src.candidate;
      if (a.chunk !== b.chunk) {
        a.chunk = b.chunk = Math.min(a.chunk, b.chunk);
        changed = true;
      }
      for (let k = 0; k < inst.size; k++) {
        const x = dst.offset + k,
          y = src.offset + k;
        if (a.covered[x] !== b.covered[y]) {
          a.covered[x] = b.covered[y] = 1;
          changed = true;
        }
        if (k > 0 && a.glue[x] !== b.glue[y]) {
          a.glue[x] = b.glue[y] = 1;
          changed = true;
        }
      }
    }
  }
}

/** Bytes that are only copied: glue them into aligned chunks. */
function cutChunks(c: Candidate, copies: readonly Copy[]): void {
  if (!copies.some((x) => x.dst?.candidate === c || x.src?.candidate === c)) return;
  for (let start = 0; start < c.alloca.size; start += c.chunk) {
    const end = Math.min(start + c.chunk, c.alloca.size);
    for (let i = start; i < end; i++) {
      if (c.covered[i]) continue;
      let stop = i;
      while (stop < end && !c.covered[stop]) c.covered[stop++] = 1;
      c.glue.fill(1, i + 1, stop);
      i = stop;
    }
  }
}

/** False where there would be too many. */
function cutSlices(c: Candidate): boolean {
  c.slices = [];
  c.sliceAt = new Array<Slice | undefined>(c.alloca.size);
  for (let start = 0; start < c.alloca.size; ) {
    let end = start + 1;
    while (end < c.alloca.size && c.glue[end]) end++;
    if (c.covered[start]) {
      const size = end - start;
      const slice: Slice = { start, size, bits: size > 8 ? 0 : size > 4 ? 64 : size > 2 ? 32 : size === 2 ? 16 : 8, alloca: undefined };
      for (let i = start; i < end; i++) c.sliceAt[i] = slice;
      c.slices.push(slice);
    }
    start = end;
  }
  return (
    c.slices.length <= MAX_SLICES &&
    !(c.slices.length > MAX_CHUNKS && c.slices.every((s) => s.size === c.chunk) && c.alloca.size > MAX_CHUNKS * c.chunk)
  );
}

/** Whether cutting changes anything: one slice that is the whole object and too long for a register does not. */
function worthwhile(c: Candidate): boolean {
  const only = c.slices[0];
  return !(c.slices.length === 1 && only && only.bits === 0 && only.size === c.alloca.size);
}

class Rewriter {
  private readonly fn: IrFunction;
  private readonly placeOf: (v: Value) => Place | undefined;
  private readonly replacement: (Value | undefined)[] = [];
  private out: Inst[] = [];
  private loc = 0;

  constructor(fn: IrFunction, placeOf: (v: Value) => Place | undefined) {
    this.fn = fn;
    this.placeOf = placeOf;
  }

  run(live: readonly Candidate[]): void {
    const entry = this.fn.blocks[0] as Block;
    const made: Alloca[] = [];
    for (const c of live) {
      for (const s of c.slices) {
        const size = s.bits === 0 ? s.size : s.bits / 8;
        const align = s.bits === 0 ? lowBit(c.alloca.align, s.start) : size;
        const a: Alloca = { op: 'alloca', type: 'ptr', id: this.fn.nextId++, loc: c.alloca.loc, size, align };
        if (c.alloca.var !== undefined) a.var = c.alloca.var;
        s.alloca = a;
        made.push(a);
      }
    }
    const gone = new Set<Inst>(live.map((c) => c.alloca));
    for (const block of this.fn.blocks) {
      this.out = [];
      for (const i of block.insts) {
        if (gone.has(i)) continue;
        this.loc = i.loc;
        if (i.op === 'load' && this.load(i)) continue;
        if (i.op === 'store' && this.store(i)) continue;
        if (i.op === 'memcpy' && this.copy(i)) continue;
        if (i.op === 'memset' && this.fill(i)) continue;
        // Pointers into the object have no other users left.
        if ((i.op === 'ptradd' || i.op === 'spacecast') && this.placeOf(i)) continue;
        this.out.push(i);
      }
      block.insts = this.out;
    }
    entry.insts.unshift(...made);
    replaceAll(this.fn, this.replacement);
  }

  private emit<T extends Inst>(i: T): T {
    i.id = this.fn.nextId++;
    i.loc = this.loc;
    this.out.push(i);
    return i;
  }

  private load(i: Inst & { op: 'load' }): boolean {
    const p = this.placeOf(i.ptr);
    if (!p) return false;
    const at = p.offset + i.offset;
    const s = p.candidate.sliceAt[at] as Slice;
    if (s.bits === 0 || (s.bits === i.bits && s.start === at)) {
      // In place, with what only loads have (hints).
      i.ptr = s.alloca as Alloca;
      i.offset = at - s.start;
      this.out.push(i);
      return true;
    }
    this.replacement[i.id] = this.convert(this.readPart(s, at, i.bits), i.type, i.bits, i.signed);
    return true;
  }

  private store(i: Inst & { op: 'store' }): boolean {
    const p = this.placeOf(i.ptr);
    if (!p) return false;
    this.writePart(p.candidate.sliceAt[p.offset + i.offset] as Slice, p.offset + i.offset, i.bits, i.value);
    return true;
  }

  /** The bits of a slice from byte `at`, higher bits being anything. */
  private readPart(s: Slice, at: number, bits: MemBits): Value {
    const a = s.alloca as Alloca;
    if (s.bits === 0)
      return this.emit({
        op: 'load',
        id: 0,
        loc: 0,
        type: bits === 64 ? 'i64' : 'i32',
        ptr: a,
        offset: at - s.start,
        bits,
        signed: false,
        volatile: false,
      });
    const type = s.bits === 64 ? 'i64' : 'i32';
    const whole = this.emit({ op: 'load', id: 0, loc: 0, type, ptr: a, offset: 0, bits: s.bits, signed: false, volatile: false });
    if (at === s.start) return whole;
    return this.emit({ op: 'bin', id: 0, loc: 0, type, bin: 'lshr', a: whole, b: constant(type, (at - s.start) * 8) });
  }

  private writePart(s: Slice, at: number, bits: MemBits, value: Value): void {
    const ptr = s.alloca as Alloca;
    if (s.bits === 0 || (s.bits === bits && s.start === at)) {
      this.emit({ op: 'store', type: 'void', id: 0, loc: 0, ptr, offset: s.bits === 0 ? at - s.start : 0, bits, value, volatile: false });
      return;
    }
    const type = s.bits === 64 ? 'i64' : 'i32';
    const shift = (at - s.start) * 8;
    const mask = ((1n << BigInt(bits)) - 1n) << BigInt(shift);
    const whole = this.emit({ op: 'load', id: 0, loc: 0, type, ptr, offset: 0, bits: s.bits, signed: false, volatile: false });
    const kept = this.emit({ op: 'bin', id: 0, loc: 0, type, bin: 'and', a: whole, b: constant(type, ~mask) });
    let part = this.convert(value, type, bits, false);
    if (shift > 0) part = this.emit({ op: 'bin', id: 0, loc: 0, type, bin: 'shl', a: part, b: constant(type, shift) });
    const next = this.emit({ op: 'bin', id: 0, loc: 0, type, bin: 'or', a: kept, b: part });
    this.emit({ op: 'store', type: 'void', id: 0, loc: 0, ptr, offset: 0, bits: s.bits, value: next, volatile: false });
  }

  /** The low `bits` of an integer or pointer, extended to `type`. */
  private convert(value: Value, type: IrType, bits: MemBits, signed: boolean): Value {
    const v = value.type === 'ptr' && type !== 'ptr' ? this.emit({ op: 'ptrtoint', type: 'i64', id: 0, loc: 0, a: value }) : value;
    if (type === 'ptr') return v.type === 'ptr' ? v : this.emit({ op: 'inttoptr', type: 'ptr', id: 0, loc: 0, a: v });
    if (bits === 64) return v;
    if (bits === 32 && type === 'i32') return v.type === 'i32' ? v : this.emit({ op: 'trunc', type: 'i32', id: 0, loc: 0, a: v });
    return this.emit({ op: 'ext', type, id: 0, loc: 0, signed, bits, a: v });
  }

  private fill(i: MemSet): boolean {
    const p = this.placeOf(i.dst);
    if (!p) return false;
    for (const { at, size, slice } of this.parts(p, i.size, 8)) {
      if (slice.bits === 0) {
        const dst = this.address(slice.alloca as Alloca, at - slice.start);
        this.emit({ op: 'memset', type: 'void', id: 0, loc: 0, dst, byte: i.byte, size, align: lowBit(i.align, at - slice.start) });
        continue;
      }
      const bits = (size * 8) as MemBits;
      this.writePart(slice, at, bits, this.splat(i.byte, bits));
    }
    return true;
  }

  private splat(byte: Value, bits: MemBits): Value {
    const type = bits === 64 ? 'i64' : 'i32';
    const ones = 0x0101_0101_0101_0101n & ((1n << BigInt(bits)) - 1n);
    if (byte.op === 'const') return constant(type, (byte.value & 0xffn) * ones);
    const low = this.emit({ op: 'ext', type, id: 0, loc: 0, signed: false, bits: 8, a: byte });
    return bits === 8 ? low : this.emit({ op: 'bin', type, id: 0, loc: 0, bin: 'mul', a: low, b: constant(type, ones) });
  }

  private copy(i: MemCopy): boolean {
    const dst = this.placeOf(i.dst),
      src = this.placeOf(i.src);
    if (!dst && !src) return false;
    const anchor = (dst ?? src) as Place;
    for (const { at, size } of this.parts(anchor, i.size, i.align, dst && src)) {
      const by = at - anchor.offset;
      const from = src?.candidate.sliceAt[src.offset + by],
        to = dst?.candidate.sliceAt[dst.offset + by];
      // A side that nobody looks at has no slice there.
      if ((dst && !to) || (src && !from)) continue;
      if (size > 8 || ((anchor.candidate.sliceAt[at] as Slice).bits === 0 && !(dst && src))) {
        const d = to && dst ? this.address(to.alloca as Alloca, dst.offset + by - to.start) : this.address(i.dst, by);
        const s = from && src ? this.address(from.alloca as Alloca, src.offset + by - from.start) : this.address(i.src, by);
        this.emit({ op: 'memcpy', type: 'void', id: 0, loc: 0, dst: d, src: s, size, align: lowBit(i.align, by), move: false });
        continue;
      }
      const bits = (size * 8) as MemBits;
      const type = bits === 64 ? 'i64' : 'i32';
      const value =
        from && src
          ? this.readPart(from, src.offset + by, bits)
          : this.emit({ op: 'load', id: 0, loc: 0, type, ptr: i.src, offset: by, bits, signed: false, volatile: false });
      if (to && dst) this.writePart(to, dst.offset + by, bits, value);
      else this.emit({ op: 'store', type: 'void', id: 0, loc: 0, ptr: i.dst, offset: by, bits, value, volatile: false });
    }
    return true;
  }

  private address(base: Value, offset: number): Value {
    return offset === 0 ? base : this.emit({ op: 'ptradd', type: 'ptr', id: 0, loc: 0, base, offset: constant('i64', offset) });
  }

  /** Cuts a range of an object at slice borders and into powers of two; what remains memory stays in one piece. */
  private *parts(p: Place, length: number, align: number, both?: Place | undefined): Generator<{ at: number; size: number; slice: Slice }> {
    const end = p.offset + length;
    for (let at = p.offset; at < end; ) {
      const slice = p.candidate.sliceAt[at];
      if (!slice) {
        at++;
        continue;
      }
      const stop = Math.min(slice.start + slice.size, end);
      if (slice.bits === 0 && (stop - at > 8 || !both)) {
        yield { at, size: stop - at, slice };
        at = stop;
        continue;
      }
      // Between two slices of the same shape the alignment in memory says nothing.
      const limit = both ? 8 : align;
      if (at === slice.start && stop - at === slice.size && slice.bits === slice.size * 8 && slice.size <= limit) {
        yield { at, size: slice.size, slice };
        at = stop;
        continue;
      }
      let size = 1;
      while (size * 2 <= limit && at + size * 2 <= stop && (at - slice.start) % (size * 2) === 0) size *= 2;
      yield { at, size, slice };
      at += size;
    }
  }
}

/** The alignment that remains after an offset. */
function lowBit(align: number, offset: number): number {
  return offset === 0 ? align : Math.min(align, offset & -offset);
}
