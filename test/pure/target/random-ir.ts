/**
 * Random IR functions that always end: nested conditions, counted loops, switches, many live values, calls, stack
 * objects, globals, block memory operations. One seed, one function.
 *
 *   u64/u32/int f(ptr buffer, i64 a, i32 b, i64 c)     buffer has 256 bytes
 */
import { Builder, constant, newFunction, undef } from '../../../src/compiler/ir/builder.ts';
import type { BinOp, Block, IrFunction, IrGlobal, IrModule, IrType, MemBits, Phi, Pred, Value } from '../../../src/compiler/ir/ir.ts';

export interface RandomOptions {
  /** Statements at the top level. */
  readonly size?: number;
  /** Variables of each integer type that live throughout. */
  readonly variables?: number;
  readonly calls?: boolean;
  readonly atomics?: boolean;
  readonly packet?: boolean;
  /** A socket filter that a kernel can run: `int f(ptr ctx)`, the buffer is element 0 of the map `values` (four of 256 bytes). */
  readonly kernel?: boolean;
}

export const BUFFER = 256;

const BINS: readonly BinOp[] = ['add', 'sub', 'mul', 'udiv', 'sdiv', 'umod', 'smod', 'and', 'or', 'xor', 'shl', 'lshr', 'ashr'];
const PREDS: readonly Pred[] = ['eq', 'ne', 'ult', 'ule', 'ugt', 'uge', 'slt', 'sle', 'sgt', 'sge', 'set'];
const EDGES: readonly bigint[] = [
  0n,
  1n,
  2n,
  3n,
  7n,
  8n,
  16n,
  31n,
  32n,
  63n,
  255n,
  256n,
  0x7fffn,
  0xffffn,
  0x7fff_ffffn,
  0x8000_0000n,
  0xffff_ffffn,
  0xffff_fffen,
  0x1_0000_0000n,
  0x7fff_ffff_ffff_ffffn,
  0x8000_0000_0000_0000n,
  0xffff_ffff_ffff_ffffn,
  0xffff_ffff_8000_0000n,
  0xff_ffff_ffffn,
];

export function randomModule(random: (bound: number) => number, options: RandomOptions = {}): { module: IrModule; fn: IrFunction } {
  const g = new Generator(random, options);
  return g.run();
}

class Generator {
  private readonly random: (bound: number) => number;
  private readonly options: RandomOptions;
  private readonly b: Builder;
  private readonly fn: IrFunction;
  private readonly globals = new Map<string, IrGlobal>();
  /** Variables by type: their current values. */
  private vars: Value[] = [];
  private readonly objects: { ptr: Value; size: number }[] = [];
  private buffer: Value;
  private key: Value = constant('i64', 0);
  private depth = 0;
  private temporaries: Value[] = [];

  constructor(random: (bound: number) => number, options: RandomOptions) {
    this.random = random;
    this.options = options;
    const returns: IrType = options.kernel || random(2) === 0 ? 'i32' : 'i64';
    this.fn = newFunction({
      name: 'f',
      linkage: 'static',
      inline: 'never',
      returns,
      loc: 1,
      end: 2,
      ...(options.kernel ? { program: { type: 'socket_filter' } } : {}),
      params: options.kernel
        ? [{ type: 'ptr', name: 'ctx', space: 'ctx', loc: 1 }]
        : [
            { type: 'ptr', name: 'buf', loc: 1 },
            { type: 'i64', name: 'a', loc: 1 },
            { type: 'i32', name: 'b', loc: 1 },
            { type: 'i64', name: 'c', loc: 1 },
          ],
    });
    this.b = new Builder(this.fn);
    this.buffer = this.fn.params[0] as Value;
  }

  run(): { module: IrModule; fn: IrFunction } {
    const { b, fn } = this;
    for (const [name, section, size] of [
      ['g1', '.bss', 8],
      ['g2', '.data', 16],
      ['g3', '.bss', 32],
    ] as const) {
      this.globals.set(name, {
        name,
        section,
        size,
        align: 8,
        data: undefined,
        readOnly: false,
        volatile: false,
        linkage: 'global',
        btfType: 0,
        loc: 0,
      });
    }
    let inputs: readonly Value[] = fn.params.slice(1);
    if (this.options.kernel) {
      this.key = b.alloca(4, 4, 'key');
      b.store(32, constant('i32', 0), this.key, 0);
      this.buffer = b.call('ptr', { kind: 'helper', id: 1, name: 'bpf_map_lookup_elem' }, [b.mapaddr('values'), this.key]);
      const none = b.newBlock(),
        some = b.newBlock();
      b.branch(b.cmp('eq', this.buffer, constant('ptr', 0)), none, some);
      b.place(none);
      b.return(constant('i32', 0));
      b.place(some);
      inputs = [
        b.load('i64', 64, false, this.buffer, 0),
        b.load('i32', 32, false, this.buffer, 8),
        b.load('i64', 64, false, this.buffer, 16),
      ];
    }
    const variables = this.options.variables ?? 3;
    for (let k = 0; k < variables; k++) {
      this.vars.push(
        k % 3 === 0
          ? (inputs[0] as Value)
          : k % 3 === 1
            ? constant('i64', this.edge())
            : b.load('i64', 64, false, this.buffer, 8 * (k % 30)),
      );
      this.vars.push(
        k % 3 === 0
          ? (inputs[1] as Value)
          : k % 3 === 1
            ? b.trunc(inputs[2] as Value)
            : b.load('i32', 32, false, this.buffer, 4 * (k % 60)),
      );
    }
    const count = 1 + this.random(3);
    for (let k = 0; k < count; k++) {
      const size = [1, 2, 4, 8, 12, 16, 24, 40][this.random(8)] as number;
      const ptr = b.alloca(size, [1, 4, 8][this.random(3)] as number, `obj${k}`);
      b.memset(ptr, constant('i32', this.random(256)), size, 1);
      this.objects.push({ ptr, size });
    }
    this.statements(this.options.size ?? 8);
    // Everything that is alive counts.
    let sum: Value = constant('i64', 0);
    for (const v of this.vars) sum = b.bin('xor', b.bin('mul', sum, constant('i64', 31)), this.wide(v));
    for (const o of this.objects) sum = b.bin('add', sum, b.ext('i64', false, 8, b.load('i32', 8, false, o.ptr, o.size - 1)));
    b.return(fn.returns === 'i32' ? b.trunc(sum) : sum);
    return { module: { functions: new Map([['f', fn]]), globals: this.globals }, fn };
  }

  private edge(): bigint {
    return EDGES[this.random(EDGES.length)] as bigint;
  }

  private pick<T>(list: readonly T[]): T {
    return list[this.random(list.length)] as T;
  }

  private wide(v: Value): Value {
    return v.type === 'i32' ? this.b.ext('i64', this.random(2) === 0, 32, v) : v;
  }

  private value(type: 'i32' | 'i64'): Value {
    const k = this.random(12);
    if (k === 0) return constant(type, this.edge());
    if (k === 1) return constant(type, this.random(40));
    if (k === 2 && this.temporaries.length > 0) {
      const t = this.pick(this.temporaries);
      if (t.type === type) return t;
    }
    if (k === 3) {
      const other = this.variable(type === 'i32' ? 'i64' : 'i32');
      return type === 'i32' ? this.b.trunc(other) : this.b.ext('i64', this.random(2) === 0, 32, other);
    }
    return this.variable(type);
  }

  private variable(type: 'i32' | 'i64'): Value {
    const list = this.vars.filter((v) => v.type === type);
    return list.length > 0 ? this.pick(list) : constant(type, 5);
  }

  private expression(type: 'i32' | 'i64', depth = 0): Value {
    const { b } = this;
    const operand = (t: 'i32' | 'i64'): Value => (depth < 2 && this.random(3) === 0 ? this.expression(t, depth + 1) : this.value(t));
    switch (this.random(16)) {
      case 0:
      case 1:
      case 2:
      case 3:
      case 4:
        return b.bin(this.pick(BINS), operand(type), operand(type));
      case 5:
        return b.bin(this.pick(BINS), operand(type), constant(type, this.edge()));
      case 6: {
        const t = this.pick(['i32', 'i64'] as const);
        const c = b.cmp(this.pick(PREDS), operand(t), operand(t));
        return type === 'i32' ? c : b.ext('i64', false, 32, c);
      }
      case 7: {
        const bits = this.pick([8, 16, 32] as const);
        return type === 'i32'
          ? b.ext('i32', this.random(2) === 0, bits === 32 ? 8 : bits, operand('i32'))
          : b.ext('i64', this.random(2) === 0, bits, operand('i32'));
      }
      case 8:
        return type === 'i32' ? b.trunc(operand('i64')) : b.bswap(this.pick([16, 32, 64] as const), operand('i64'));
      case 9: {
        const t = this.pick(['i32', 'i64'] as const);
        return b.select(b.cmp(this.pick(PREDS), operand(t), operand(t)), operand(type), operand(type));
      }
      case 10:
      case 11:
        return this.load(type);
      case 12:
        return b.select(
          b.bin(
            this.pick(['and', 'or', 'xor'] as const),
            b.cmp(this.pick(PREDS), operand('i32'), operand('i32')),
            b.cmp(this.pick(PREDS), operand('i64'), operand('i64')),
          ),
          operand(type),
          operand(type),
        );
      case 13:
      case 14: {
        // Shifts and sums by what a comparison decides.
        const t = this.pick(['i32', 'i64'] as const);
        const c = b.cmp(this.pick(PREDS), operand(t), this.random(2) ? constant(t, this.edge()) : operand(t));
        const flag = type === 'i32' ? c : b.ext('i64', false, 32, c);
        const by = this.random(3) ? b.bin('shl', flag, constant(type, this.random(6))) : flag;
        const changed = b.bin(this.pick(['add', 'sub', 'or', 'xor', 'shl', 'lshr', 'ashr'] as const), operand(type), by);
        return this.random(2) ? changed : b.bin('or', b.bin('add', changed, operand(type)), by);
      }
      default:
        return type === 'i32' ? b.bswap(this.pick([16, 32] as const), operand('i32')) : b.ext('i64', true, 32, operand('i32'));
    }
  }

  /** A pointer, an offset from it, and the bytes that may be accessed there. */
  private place(): { ptr: Value; offset: number; room: number; aligned: boolean } {
    const { b } = this;
    switch (this.random(5)) {
      case 0: {
        const o = this.pick(this.objects);
        return { ptr: o.ptr, offset: 0, room: o.size, aligned: true };
      }
      case 1: {
        const g = this.pick([...this.globals.values()]);
        return { ptr: b.globaladdr(g.name), offset: 0, room: g.size, aligned: false };
      }
      case 2: {
        // Bounded index.
        const index = b.bin('and', this.value('i64'), constant('i64', 63));
        return { ptr: b.ptradd(this.buffer, index), offset: 8 * this.random(8), room: 64, aligned: false };
      }
      case 3: {
        const at = this.random(20) * 8;
        return { ptr: b.ptradd(this.buffer, at), offset: this.random(3) * 8, room: 40, aligned: false };
      }
      default:
        return { ptr: this.buffer, offset: this.random(24) * 8, room: 64, aligned: false };
    }
  }

  private load(type: 'i32' | 'i64'): Value {
    const p = this.place();
    const sizes = ([8, 16, 32, 64] as const).filter((s) => s / 8 <= p.room && (type === 'i64' || s < 64));
    return this.b.load(type, this.pick(sizes), this.random(2) === 0, p.ptr, p.offset, { volatile: this.random(10) === 0 });
  }

  private statements(n: number): void {
    for (let k = 0; k < n; k++) this.statement();
  }

  private statement(): void {
    const { b, fn } = this;
    b.loc++;
    const kind = this.random(this.depth < (this.options.kernel ? 2 : 3) ? 20 : 12);
    switch (kind) {
      case 0:
      case 1:
      case 2:
      case 3:
      case 4: {
        const k = this.random(this.vars.length);
        this.vars[k] = this.expression(this.vars[k]?.type as 'i32' | 'i64');
        return;
      }
      case 5:
      case 6: {
        const p = this.place();
        const bits = this.pick(([8, 16, 32, 64] as const).filter((s) => s / 8 <= p.room)) as MemBits;
        b.store(bits, bits === 64 ? this.value('i64') : this.value(this.pick(['i32', 'i64'] as const)), p.ptr, p.offset);
        return;
      }
      case 7:
        this.temporaries.push(this.expression(this.pick(['i32', 'i64'] as const)));
        return;
      case 8:
        return this.call();
      case 9:
        return this.memory();
      case 10:
        if (this.options.atomics) return this.atomic();
        return this.call();
      case 11:
        if (this.options.packet && this.random(3) === 0) {
          const index = this.random(2) ? undefined : b.bin('and', this.value('i64'), constant('i64', 15));
          this.vars[1] = b.ldpacket(this.pick([8, 16, 32] as const), fn.params[0] as Value, this.random(20), index);
          return;
        }
        return this.memory();
      case 12:
      case 13:
      case 14:
      case 15:
        return this.branch();
      case 16:
      case 17:
        return this.loop();
      case 18:
        return this.multiway();
      default:
        return this.branch();
    }
  }

  private call(): void {
    const { b } = this;
    if (this.options.calls === false) return;
    if (this.options.kernel) return this.lookup();
    const args: Value[] = [];
    const n = this.random(6);
    // Helper 100 + n mixes its n arguments.
    if (n >= 2 && this.random(2) === 0) {
      // Helper 200 + n: (object, size, ...) reads its bytes.
      const o = this.pick(this.objects);
      args.push(o.ptr, constant('i32', o.size));
      while (args.length < n) args.push(this.value(this.pick(['i32', 'i64'] as const)));
      this.setVariable(b.call('i64', { kind: 'helper', id: 200 + n, name: 'read' }, args));
      return;
    }
    for (let k = 0; k < n; k++) args.push(this.value(this.pick(['i32', 'i64'] as const)));
    const type = this.pick(['i32', 'i64', 'void'] as const);
    const r = b.call(type, { kind: 'helper', id: 100 + n, name: 'mix' }, args);
    if (type !== 'void') this.setVariable(r);
  }

  /** Reads from another element of the map, when there is one. */
  private lookup(): void {
    const { b } = this;
    b.store(32, b.bin('and', this.value('i32'), constant('i32', 7)), this.key, 0);
    const p = b.call('ptr', { kind: 'helper', id: 1, name: 'bpf_map_lookup_elem' }, [b.mapaddr('values'), this.key]);
    const some = b.newBlock(),
      after = b.newBlock();
    const from = b.block;
    const was = this.value('i64');
    b.branch(b.cmp('ne', p, constant('ptr', 0)), some, after);
    b.place(some);
    const read = b.load('i64', 64, false, p, 8 * this.random(30));
    b.store(32, this.value('i32'), p, 4 * this.random(60));
    const end = b.block;
    b.jump(after);
    b.place(after);
    this.setVariable(
      b.phi('i64', [
        { block: from, value: was },
        { block: end, value: read },
      ]),
    );
  }

  private setVariable(v: Value): void {
    const places = this.vars.map((_, k) => k).filter((k) => this.vars[k]?.type === v.type);
    if (places.length > 0) this.vars[this.pick(places)] = v;
  }

  private memory(): void {
    const { b } = this;
    const x = this.pick(this.objects),
      y = this.pick(this.objects);
    const size = 1 + this.random(Math.min(x.size, y.size));
    switch (this.random(6)) {
      case 0:
        b.memset(x.ptr, constant('i32', this.random(2) ? 0 : this.random(256)), size, 1);
        return;
      case 1:
        b.memset(b.ptradd(this.buffer, 8 * this.random(10)), this.value('i32'), 1 + this.random(40), this.pick([1, 2, 4, 8]));
        return;
      case 2:
        b.memcpy(b.ptradd(this.buffer, 128 + 8 * this.random(4)), x.ptr, x.size, 1);
        return;
      case 3:
        b.memcpy(x.ptr, b.ptradd(this.buffer, 8 * this.random(8)), x.size, this.pick([1, 4]));
        return;
      case 4:
        b.memcpy(b.ptradd(this.buffer, this.random(60)), b.ptradd(this.buffer, this.random(60)), this.pick([3, 8, 30, 70, 90]), 1, true);
        return;
      default: {
        const c = b.memcmp(x.ptr, y.ptr, size, 1);
        const test = b.cmp(this.pick(['eq', 'ne', 'slt', 'sgt'] as const), c, constant('i32', 0));
        this.setVariable(b.select(test, this.value('i32'), this.value('i32')));
      }
    }
  }

  private atomic(): void {
    const { b } = this;
    const bits = this.pick([32, 64] as const);
    const type = bits === 64 ? 'i64' : 'i32';
    const op = this.pick(['add', 'and', 'or', 'xor', 'xchg', 'cmpxchg'] as const);
    const fetch = this.random(2) === 0;
    const offset = 8 * this.random(20);
    const r = b.atomic(
      op,
      bits,
      this.buffer,
      offset,
      this.value(type),
      fetch,
      op === 'cmpxchg' ? (this.random(2) ? b.load(type, bits, false, this.buffer, offset) : this.value(type)) : undefined,
    );
    if (fetch) this.setVariable(r);
  }

  private condition(): Value {
    const { b } = this;
    const t = this.pick(['i32', 'i64'] as const);
    const c = (): Value => b.cmp(this.pick(PREDS), this.value(t), this.random(2) ? constant(t, this.edge()) : this.value(t));
    switch (this.random(7)) {
      case 0:
        return this.value('i32');
      case 1:
        return b.cmp(this.pick(['eq', 'ne'] as const), c(), constant('i32', 0));
      case 2:
        return b.bin(this.pick(['and', 'or', 'xor'] as const), c(), c());
      case 3:
        return b.cmp(
          this.pick(['eq', 'ne'] as const),
          b.bin('and', this.value(t), constant(t, 1n << BigInt(this.random(t === 'i32' ? 32 : 64)))),
          constant(t, 0),
        );
      default:
        return c();
    }
  }

  /** Puts phis where the variables of several ways meet. */
  private join(ways: readonly { from: Block; vars: readonly Value[] }[]): void {
    this.vars = this.vars.map((_, k) => {
      const values = ways.map((w) => w.vars[k] as Value);
      const first = values[0] as Value;
      if (values.every((v) => v === first)) return first;
      return this.b.phi(
        first.type as IrType,
        ways.map((w, n) => ({ block: w.from, value: this.random(60) === 0 ? undef(first.type as IrType) : (values[n] as Value) })),
      );
    });
  }

  private branch(): void {
    const { b } = this;
    const cond = this.condition();
    if (cond.op === 'const') return;
    const then = b.newBlock(),
      other = b.newBlock(),
      after = b.newBlock();
    const hasElse = this.random(2) === 0;
    const from = b.block;
    const before = this.vars.slice();
    const temporaries = this.temporaries.slice();
    b.branch(cond, then, hasElse ? other : after, this.random(4) === 0 ? this.random(2) === 0 : undefined);
    this.depth++;
    b.place(then);
    this.statements(1 + this.random(3));
    const ways = [{ from: b.block, vars: this.vars }];
    const returns = this.random(8) === 0;
    if (returns) {
      ways.pop();
      b.return(this.fn.returns === 'i32' ? this.value('i32') : this.value('i64'));
    } else b.jump(after);
    this.vars = before.slice();
    this.temporaries = temporaries.slice();
    if (hasElse) {
      b.place(other);
      this.statements(1 + this.random(3));
      ways.push({ from: b.block, vars: this.vars });
      b.jump(after);
      this.temporaries = temporaries.slice();
    } else ways.push({ from, vars: before });
    this.depth--;
    b.place(after);
    this.vars = before.slice();
    this.join(ways);
  }

  private loop(): void {
    const { b } = this;
    const header = b.newBlock(),
      body = b.newBlock(),
      after = b.newBlock();
    const from = b.block;
    const before = this.vars.slice();
    b.jump(header);
    b.place(header);
    const counter = b.phi('i32', [{ block: from, value: constant('i32', 0) }]);
    const phis = before.map((v) => b.phi(v.type as IrType, [{ block: from, value: v }]));
    this.vars = phis.slice();
    const temporaries = this.temporaries.slice();
    b.branch(b.cmp('ult', counter, constant('i32', 1 + this.random(this.options.kernel ? 2 : 5))), body, after);
    b.place(body);
    this.depth++;
    this.statements(1 + this.random(4));
    this.depth--;
    const next = b.bin('add', counter, constant('i32', 1));
    counter.incoming.push({ block: b.block, value: next });
    phis.forEach((p: Phi, k) => p.incoming.push({ block: b.block, value: this.vars[k] as Value }));
    b.jump(header);
    b.place(after);
    this.vars = phis.slice();
    this.temporaries = temporaries;
  }

  private multiway(): void {
    const { b } = this;
    const type = this.pick(['i32', 'i64'] as const);
    const signed = this.random(2) === 0;
    const value = b.bin('sub', b.bin('and', this.value(type), constant(type, 31)), constant(type, signed ? 8 : 0));
    const after = b.newBlock();
    const before = this.vars.slice();
    const temporaries = this.temporaries.slice();
    const ways: { from: Block; vars: readonly Value[] }[] = [];
    const targets = Array.from({ length: 1 + this.random(4) }, () => b.newBlock());
    const cases: { low: bigint; high: bigint; to: Block }[] = [];
    let at = BigInt(signed ? -8 : 0);
    const n = 1 + this.random(9);
    for (let k = 0; k < n; k++) {
      at += BigInt(this.random(4));
      const high = at + BigInt(this.random(4) === 0 ? this.random(4) : 0);
      cases.push({ low: at, high, to: this.pick(targets) });
      at = high + 1n;
    }
    const direct = this.random(2) === 0;
    const otherwise = direct ? after : b.newBlock();
    if (direct) ways.push({ from: b.block, vars: before });
    const used = targets.filter((t) => cases.some((c) => c.to === t));
    b.switch(value, cases, otherwise, signed);
    this.depth++;
    for (const t of direct ? used : [...used, otherwise]) {
      b.place(t);
      this.vars = before.slice();
      this.statements(1 + this.random(2));
      ways.push({ from: b.block, vars: this.vars });
      b.jump(after);
      this.temporaries = temporaries.slice();
    }
    this.depth--;
    b.place(after);
    this.vars = before.slice();
    this.join(ways);
  }
}
