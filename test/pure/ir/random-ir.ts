/**
 * Random IR with memory, loops and calls, always terminating and never reading what it did not write: for comparing a
 * function before and after passes.
 */
import { Builder, constant, newFunction } from '../../../src/compiler/ir/builder.ts';
import type { Alloca, BinOp, IrFunction, IrModule, IrType, MemBits, Pred, Value } from '../../../src/compiler/ir/ir.ts';

export class Random {
  private state: number;
  constructor(seed: number) {
    this.state = (seed * 2654435761) >>> 0 || 1;
  }
  next(n: number): number {
    this.state ^= this.state << 13;
    this.state ^= this.state >>> 17;
    this.state ^= this.state << 5;
    return (this.state >>> 0) % n;
  }
  pick<T>(list: readonly T[]): T {
    return list[this.next(list.length)] as T;
  }
}

const BINS: readonly BinOp[] = [
  'add',
  'sub',
  'mul',
  'udiv',
  'umod',
  'and',
  'or',
  'xor',
  'shl',
  'lshr',
  'ashr',
  'add',
  'and',
  'or',
  'sdiv',
  'smod',
];
const PREDS: readonly Pred[] = ['eq', 'ne', 'ult', 'ule', 'ugt', 'uge', 'slt', 'sle', 'sgt', 'sge'];
const CONSTS = [0n, 1n, 2n, 3n, 4n, 8n, 16n, 31n, 32n, 63n, 255n, 256n, 0xffffn, -1n, -2n, 0x7fff_ffffn, 0xffff_ffffn, 1n << 40n];

interface Object {
  readonly alloca: Alloca;
  readonly size: number;
  readonly whole: boolean;
}

class Maker {
  private readonly b: Builder;
  private readonly r: Random;
  private readonly objects: Object[] = [];
  /** Values that dominate where the builder stands. */
  private values: Value[] = [];
  private readonly callees: readonly IrFunction[];
  private budget: number;

  constructor(fn: IrFunction, r: Random, callees: readonly IrFunction[], size: number) {
    this.b = new Builder(fn);
    this.r = r;
    this.callees = callees;
    this.budget = size;
    for (const p of fn.params) if (p.type !== 'ptr') this.values.push(p);
  }

  run(): void {
    const { b, r } = this;
    const count = 3 + r.next(6);
    for (let i = 0; i < count; i++) {
      const size = r.pick([1, 2, 4, 8, 8, 4, 12, 16, 24, 40]);
      const alloca = b.alloca(size, Math.min(8, size & -size), `v${i}`);
      this.objects.push({ alloca, size, whole: r.next(3) > 0 });
    }
    for (const o of this.objects) {
      if (r.next(3) === 0) for (let at = 0; at < o.size; at++) b.store(8, constant('i32', r.next(256)), o.alloca, at);
      else b.memset(o.alloca, constant('i32', r.next(4) ? 0 : r.next(256)), o.size, 1);
    }
    // Parameters that are pointers lead to 64 bytes.
    for (const p of b.fn.params) if (p.type === 'ptr') this.objects.push({ alloca: p as unknown as Alloca, size: 64, whole: false });
    this.block(3);
    let sum: Value = constant('i64', 0);
    for (const o of this.objects) {
      for (let at = 0; at < o.size; at++) {
        sum = b.bin('mul', sum, constant('i64', 31));
        sum = b.bin('add', sum, b.load('i64', 8, false, o.alloca, at));
      }
    }
    for (const v of this.values.slice(0, 6)) sum = b.bin('xor', sum, this.as(v, 'i64'));
    b.return(sum);
  }

  private as(v: Value, type: IrType): Value {
    if (v.type === type) return v;
    return type === 'i64' ? this.b.ext('i64', this.r.next(2) === 0, 32, v) : this.b.trunc(v);
  }
  private value(type: 'i32' | 'i64'): Value {
    const r = this.r;
    if (r.next(4) === 0 || this.values.length === 0) return constant(type, r.pick(CONSTS));
    // Recent values more often, so that expressions grow deep.
    const n = this.values.length;
    const v = this.values[r.next(2) ? n - 1 - r.next(Math.min(n, 4)) : r.next(n)] as Value;
    return this.as(v, type);
  }
  private place(bits: number): { o: Object; ptr: Value; at: number } {
    const r = this.r;
    let o = r.pick(this.objects);
    for (let i = 0; i < 8 && o.size * 8 < bits; i++) o = r.pick(this.objects);
    if (o.size * 8 < bits) return this.place(8);
    const room = o.size - bits / 8;
    let at = o.whole ? 0 : r.next(room + 1);
    if (r.next(3)) at -= at % (bits / 8);
    if (r.next(4) === 0 && at > 0) {
      const half = r.next(at + 1);
      return { o, ptr: this.b.ptradd(o.alloca, half), at: at - half };
    }
    if (r.next(12) === 0 && room > 0) {
      // An index that is bounded by a mask.
      const mask = (1 << Math.floor(Math.log2(room + 1))) - 1;
      const i = this.b.bin('and', this.value('i64'), constant('i64', mask));
      return { o, ptr: this.b.ptradd(o.alloca, i), at: 0 };
    }
    return { o, ptr: o.alloca, at };
  }

  private block(depth: number): void {
    const n = 1 + this.r.next(6);
    const mark = this.values.length;
    for (let i = 0; i < n && this.budget > 0; i++) this.statement(depth);
    if (depth < 3) this.values.length = Math.min(this.values.length, mark);
  }

  private statement(depth: number): void {
    const { b, r } = this;
    this.budget--;
    const kind = r.next(20);
    const type = r.pick(['i32', 'i64'] as const);
    if (kind < 4) {
      this.values.push(b.bin(r.pick(BINS), this.value(type), this.value(type)));
    } else if (kind < 7) {
      const bits = r.pick([8, 16, 32, 64] as MemBits[]);
      const { ptr, at } = this.place(bits);
      const real = ptr;
      this.values.push(b.load(bits === 64 ? 'i64' : type, this.fits(bits, ptr), r.next(2) === 0, real, at));
    } else if (kind < 11) {
      const bits = r.pick([8, 16, 32, 64] as MemBits[]);
      const { ptr, at } = this.place(bits);
      b.store(this.fits(bits, ptr), this.value(bits === 64 ? 'i64' : r.next(2) ? 'i64' : 'i32'), ptr, at);
    } else if (kind === 11) {
      this.values.push(b.cmp(r.pick(PREDS), this.value(type), this.value(type)));
    } else if (kind === 12) {
      const v = this.value(type);
      this.values.push(
        r.next(3) === 0
          ? b.bswap(type === 'i32' ? r.pick([16, 32] as const) : r.pick([16, 32, 64] as const), v)
          : type === 'i32'
            ? b.ext('i32', r.next(2) === 0, r.pick([8, 16] as const), v)
            : b.ext('i64', r.next(2) === 0, r.pick([8, 16, 32] as const), v),
      );
    } else if (kind === 13) {
      this.values.push(b.select(b.cmp(r.pick(PREDS), this.value(type), this.value(type)), this.value(type), this.value(type)));
    } else if (kind === 14) {
      const a = r.pick(this.objects),
        c = r.pick(this.objects);
      if (a === c) return;
      const size = 1 + r.next(Math.min(a.size, c.size));
      const from = r.next(c.size - size + 1),
        to = r.next(a.size - size + 1);
      const whole = r.next(2) === 0;
      const n = whole ? Math.min(a.size, c.size) : size;
      const d = b.ptradd(a.alloca, whole ? 0 : to),
        s = b.ptradd(c.alloca, whole ? 0 : from);
      if (r.next(3)) b.memcpy(d, s, n, whole ? Math.min(8, n & -n) : 1);
      else this.values.push(b.cmp('eq', b.memcmp(d, s, n, 1), constant('i32', 0)));
    } else if (kind === 15 && this.callees.length > 0) {
      const callee = r.pick(this.callees);
      const args = callee.params.map((p) => (p.type === 'ptr' ? this.pointer() : this.value(p.type as 'i32' | 'i64')));
      if (args.some((a) => a === undefined)) return;
      const v = b.call('i64', { kind: 'function', name: callee.name }, args as Value[]);
      this.values.push(v);
    } else if (depth === 0) {
      this.values.push(b.bin('add', this.value(type), constant(type, r.pick(CONSTS))));
    } else if (kind < 18) {
      this.conditional(depth);
    } else if (kind === 18) {
      this.loop(depth);
    } else this.switched(depth);
  }

  private fits(bits: MemBits, ptr: Value): MemBits {
    // `place` fell back to a byte where nothing was large enough.
    return (ptr as { op: string }).op === 'alloca' && (ptr as Alloca).size * 8 < bits ? 8 : bits;
  }

  private pointer(): Value | undefined {
    const params = this.objects.filter((o) => o.size >= 64);
    return params.length > 0 ? this.r.pick(params).alloca : undefined;
  }

  private conditional(depth: number): void {
    const { b, r } = this;
    const then = b.newBlock(),
      otherwise = b.newBlock(),
      join = b.newBlock();
    const withElse = r.next(2) === 0;
    const type = r.pick(['i32', 'i64'] as const);
    b.branch(b.cmp(r.pick(PREDS), this.value(type), this.value(type)), then, withElse ? otherwise : join);
    const entered = b.block;
    const outer = this.values.length;
    b.place(then);
    this.block(depth - 1);
    const a = this.value(type);
    const fromThen = b.block;
    this.values.length = outer;
    let c: Value = constant(type, r.pick(CONSTS));
    let fromElse = entered;
    if (withElse) {
      b.jump(join);
      b.place(otherwise);
      this.block(depth - 1);
      c = this.value(type);
      fromElse = b.block;
      this.values.length = outer;
    }
    b.place(join);
    if (fromElse !== fromThen && a !== c) {
      // An entry block that folded its branch has only one way here.
      const arrives = (x: typeof join): boolean =>
        x.term.op === 'jump' ? x.term.to === join : x.term.op === 'branch' ? x.term.then === join || x.term.else === join : false;
      const incoming = [
        { block: fromThen, value: a },
        { block: fromElse, value: c },
      ].filter((x) => arrives(x.block));
      this.values.push(b.phi(type, incoming));
    }
  }

  private loop(depth: number): void {
    const { b, r } = this;
    const header = b.newBlock(),
      body = b.newBlock(),
      exit = b.newBlock();
    const trips = 1 + r.next(5);
    const before = b.block;
    if (r.next(3) === 0) header.unroll = 'full';
    b.place(header);
    const i = b.phi('i64', [{ block: before, value: constant('i64', 0) }]);
    const outer = this.values.length;
    this.values.push(i);
    b.branch(b.cmp('ult', i, constant('i64', trips)), body, exit);
    b.place(body);
    this.block(depth - 1);
    if (r.next(4) === 0) {
      const next = b.newBlock();
      b.branch(b.cmp('eq', this.value('i64'), this.value('i64')), exit, next);
      b.place(next);
    }
    const next = b.bin('add', i, constant('i64', 1));
    i.incoming.push({ block: b.block, value: next });
    b.jump(header);
    this.values.length = outer;
    b.place(exit);
  }

  private switched(depth: number): void {
    const { b, r } = this;
    const exit = b.newBlock(),
      otherwise = b.newBlock();
    const cases = Array.from({ length: 1 + r.next(3) }, (_, k) => ({
      low: BigInt(k * 4),
      high: BigInt(k * 4 + r.next(3)),
      to: b.newBlock(),
    }));
    const v = b.bin('and', this.value('i32'), constant('i32', 15));
    if (v.op === 'const') return;
    b.switch(v, cases, otherwise, r.next(2) === 0);
    const outer = this.values.length;
    for (const c of cases) {
      b.place(c.to);
      this.block(depth - 1);
      this.values.length = outer;
      if (r.next(3)) b.jump(exit);
    }
    b.place(otherwise);
    this.values.length = outer;
    b.place(exit);
  }
}

/** A module with `main(i64, i32, ptr to 64 bytes)` and up to two functions it calls. */
export function randomModule(seed: number, size = 40): IrModule {
  const r = new Random(seed);
  const functions = new Map<string, IrFunction>();
  const made: IrFunction[] = [];
  const count = r.next(3);
  for (let k = 0; k <= count; k++) {
    const last = k === count;
    const fn = newFunction({
      name: last ? 'main' : `callee${k}`,
      linkage: last ? 'global' : 'static',
      returns: 'i64',
      inline: r.pick(['always', 'auto', 'never'] as const),
      loc: 0,
      end: 0,
      params: [
        { type: 'i64', name: 'a', loc: 0 },
        { type: 'i32', name: 'b', loc: 0 },
        { type: 'ptr', name: 'p', loc: 0, space: 'map' },
      ],
    });
    new Maker(fn, r, [...made], last ? size : Math.floor(size / 3)).run();
    made.push(fn);
    functions.set(fn.name, fn);
  }
  return { functions, globals: new Map() };
}
