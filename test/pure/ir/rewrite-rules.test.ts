import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Builder, constant, newFunction } from '../../../src/compiler/ir/builder.ts';
import { wrap } from '../../../src/compiler/ir/eval.ts';
import { interpret } from '../../../src/compiler/ir/interpret.ts';
import type { BinOp, Inst, IrFunction, IrType, Pred, Value } from '../../../src/compiler/ir/ir.ts';
import { applyRow, type parsePattern, RowTable } from '../../../src/compiler/ir/passes/rewrite.ts';
import { RULES } from '../../../src/compiler/ir/passes/rules.ts';
import { printFunction } from '../../../src/compiler/ir/print.ts';
import { verifyFunction } from '../../../src/compiler/ir/verify.ts';

/** xorshift: the same cases every run. */
let state = 0x2545f491;
function random(): number {
  state ^= state << 13;
  state ^= state >>> 17;
  state ^= state << 5;
  return state >>> 0;
}
const EDGES = [
  0n,
  1n,
  2n,
  3n,
  7n,
  8n,
  16n,
  24n,
  31n,
  32n,
  48n,
  56n,
  63n,
  64n,
  100n,
  127n,
  128n,
  255n,
  256n,
  0x7fffn,
  0x8000n,
  0xffffn,
  0x10000n,
  0x7fff_ffffn,
  0x8000_0000n,
  0xffff_fffen,
  0xffff_ffffn,
  0x1_0000_0000n,
  0x7fff_ffff_ffff_ffffn,
  0x8000_0000_0000_0000n,
  0xffff_ffff_0000_0000n,
  -1n,
  -2n,
  -4n,
  -255n,
];
function number(): bigint {
  const k = random() % 4;
  if (k < 2) return EDGES[random() % EDGES.length] as bigint;
  if (k === 2) return 1n << BigInt(random() % 64);
  return (BigInt(random()) << 32n) | BigInt(random());
}

type Pattern = ReturnType<typeof parsePattern>;
const FLAVOURS = 5;

/** Builds the pattern itself as code, its values being parameters in several disguises that conditions can see through. */
class Maker {
  readonly b: Builder;
  readonly fn: IrFunction;
  private readonly names: readonly string[];
  private readonly bound: (Value | undefined)[] = [];

  constructor(fn: IrFunction, names: readonly string[]) {
    this.fn = fn;
    this.b = new Builder(fn);
    this.names = names;
  }

  private leaf(slot: number, type: IrType): Value {
    const old = this.bound[slot];
    if (old) return old.type === type ? old : this.fail('types');
    const p = this.fn.params.find((x) => x.name === `${this.names[slot]}_${type}`);
    if (!p) return this.fail('no parameter');
    let v: Value = p;
    if (type !== 'ptr') {
      switch (random() % FLAVOURS) {
        case 0:
          v = this.raw({
            op: 'bin',
            type,
            bin: 'and',
            a: p,
            b: constant(type, [1n, 255n, 0xffffn, 0x7fff_ffffn, 0xff00n, -8n][random() % 6] as bigint),
            id: 0,
            loc: 0,
          });
          break;
        case 1:
          v = this.raw({ op: 'ext', type, signed: random() % 2 === 0, bits: random() % 2 ? 8 : 16, a: p, id: 0, loc: 0 });
          break;
        case 2:
          v =
            type === 'i32'
              ? this.raw({ op: 'cmp', type: 'i32', pred: 'ult', a: p, b: constant(type, 100), id: 0, loc: 0 })
              : this.raw({ op: 'ext', type, signed: random() % 2 === 0, bits: 32, a: p, id: 0, loc: 0 });
          break;
        default:
          break;
      }
    }
    this.bound[slot] = v;
    return v;
  }
  fail(why: string): never {
    throw new Mismatch(why);
  }
  raw(i: Inst): Inst {
    i.id = this.fn.nextId++;
    this.b.block.insts.push(i);
    return i;
  }

  make(p: Pattern, type: IrType): Value {
    if (p.type !== undefined && p.type !== type) this.fail('type');
    switch (p.kind) {
      case 'number':
        return constant(type, p.value);
      case 'const': {
        const old = this.bound[p.slot];
        if (old) return old;
        return (this.bound[p.slot] = constant(type, number()));
      }
      case 'value':
        return this.leaf(p.slot, type);
      default:
        break;
    }
    const [x, y, z] = p.args as [Pattern, Pattern, Pattern];
    const base = { id: 0, loc: 0 };
    if (p.op.startsWith('cmp.')) {
      if (type !== 'i32') this.fail('cmp');
      const t = this.operandType(p.args);
      return this.raw({ ...base, op: 'cmp', type: 'i32', pred: p.op.slice(4) as Pred, a: this.make(x, t), b: this.make(y, t) });
    }
    const ext = /^([zs])ext(\d+)$/.exec(p.op);
    if (ext) {
      if (type === 'ptr') this.fail('ext');
      const from = this.operandType(p.args, ['i32', 'i64']);
      if (Number(ext[2]) === 32 && type !== 'i64') this.fail('ext32');
      return this.raw({ ...base, op: 'ext', type, signed: ext[1] === 's', bits: Number(ext[2]) as 8, a: this.make(x, from) });
    }
    switch (p.op) {
      case 'trunc':
        if (type !== 'i32') this.fail('trunc');
        return this.raw({ ...base, op: 'trunc', type: 'i32', a: this.make(x, 'i64') });
      case 'ptrtoint':
        if (type !== 'i64') this.fail('ptrtoint');
        return this.raw({ ...base, op: 'ptrtoint', type: 'i64', a: this.make(x, 'ptr') });
      case 'inttoptr':
        if (type !== 'ptr') this.fail('inttoptr');
        return this.raw({ ...base, op: 'inttoptr', type: 'ptr', a: this.make(x, 'i64') });
      case 'ptradd':
        if (type !== 'ptr') this.fail('ptradd');
        return this.raw({ ...base, op: 'ptradd', type: 'ptr', base: this.make(x, 'ptr'), offset: this.make(y, 'i64') });
      case 'select':
        return this.raw({ ...base, op: 'select', type, cond: this.make(x, 'i32'), a: this.make(y, type), b: this.make(z, type) });
      default:
        break;
    }
    if (type === 'ptr') return this.fail('bin');
    if (p.op.startsWith('bswap')) return this.raw({ ...base, op: 'bswap', type, bits: Number(p.op.slice(5)) as 16, a: this.make(x, type) });
    return this.raw({ ...base, op: 'bin', type, bin: p.op as BinOp, a: this.make(x, type), b: this.make(y, type) });
  }

  private operandType(args: readonly Pattern[], all: IrType[] = ['i32', 'i64', 'ptr']): IrType {
    for (const a of args) {
      if (a.type) return a.type;
      if (a.kind === 'op') {
        if (a.op === 'ptradd' || a.op === 'inttoptr') return 'ptr';
        if (a.op === 'ptrtoint') return 'i64';
        if (a.op === 'trunc' || a.op.startsWith('cmp.')) return 'i32';
        if (a.op.endsWith('ext32')) return 'i64';
        return random() % 2 ? 'i32' : 'i64';
      }
    }
    return all[random() % all.length] as IrType;
  }
}
class Mismatch extends Error {}

test('each rule computes what its pattern computes', () => {
  const table = new RowTable(RULES);
  const tried = new Map<string, number>();
  for (const key of table.keys()) {
    for (const compiled of table.get(key)) {
      let applied = 0;
      for (let attempt = 0; attempt < 3000 && applied < 60; attempt++) {
        const type = (['i32', 'i64', 'ptr'] as const)[random() % 3] as IrType;
        const names = compiled.names;
        const params = names.flatMap((n) => (['i32', 'i64', 'ptr'] as const).map((t) => ({ type: t, name: `${n}_${t}`, loc: 0 })));
        const shape = { name: 'f', linkage: 'static' as const, params, returns: type, inline: 'auto' as const, loc: 0, end: 0 };
        const left = newFunction(shape);
        const maker = new Maker(left, names);
        let root: Value;
        try {
          root = maker.make(compiled.from, type);
        } catch (e) {
          if (e instanceof Mismatch) continue;
          throw e;
        }
        if (root.op === 'const' || root.op === 'param' || root.op === 'undef') continue;
        left.blocks[0]!.term = { op: 'return', value: root, loc: 0 };
        const added: Inst[] = [];
        const better = applyRow(
          compiled,
          root,
          { once: () => true, bounded: () => false },
          {
            emit: (i) => {
              i.id = left.nextId++;
              added.push(i);
              return i;
            },
          },
        );
        if (!better) continue;
        applied++;
        const right: IrFunction = {
          ...left,
          name: 'g',
          blocks: [{ id: left.blocks[0]!.id, insts: [...left.blocks[0]!.insts, ...added], term: { op: 'return', value: better, loc: 0 } }],
        };
        const text = `${compiled.row.from} => ${compiled.row.to}\n${printFunction(right)}`;
        assert.deepEqual(verifyFunction(left), []);
        assert.deepEqual(verifyFunction(right), [], text);
        const module = {
          functions: new Map([
            ['f', left],
            ['g', right],
          ]),
          globals: new Map(),
        };
        for (let k = 0; k < 6; k++) {
          const args = params.map((p) => wrap(p.type, number()));
          const a = interpret(module, 'f', args).value,
            b = interpret(module, 'g', args).value;
          assert.equal(b, a, `${text}\nargs ${args.map((x, n) => `${params[n]!.name}=${x}`).join(' ')}`);
        }
      }
      tried.set(compiled.row.from, (tried.get(compiled.row.from) ?? 0) + applied);
    }
  }
  const never = [...tried].filter(([, n]) => n === 0).map(([r]) => r);
  assert.deepEqual(never, [], 'rules that no case reached');
});
