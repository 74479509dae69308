/**
 * Rewrite rows: a pattern, a replacement, a condition; read once, matched by walking.
 *
 *   { from: '(add (add x C) D)', to: '(add x E)', let: { E: ({ C, D }) => C + D } }
 *
 * Patterns are lists of an operation and operands. `x y z p` match any value (the same letter the same value), capital
 * letters match constants, numbers match themselves in the operand's type (-1 is all ones). `x:i32` also asks for
 * the type. Operations: the names of `BinOp`; `cmp.<pred>`; `zext8 … sext32`; `trunc select ptradd ptrtoint inttoptr
 * bswap16 …`. A replacement is a pattern whose values are bound; `let` computes new constants, wrapped to their place's type;
 * `zext8:i64` names the result's type where it is not the root's.
 *
 * Rows are data so that found ones (superoptimisers) can join; `rewrite-rules.test.ts` runs both sides of each over random
 * and edge inputs.
 */
import { constant } from '../builder.ts';
import { wrap } from '../eval.ts';
import type { BinOp, Inst, IrType, Pred, Value } from '../ir.ts';
import { isInst } from '../uses.ts';
import { sameValue } from './cleanup-cfg.ts';

/** Constants bound by name. */
export type Consts = Readonly<Record<string, bigint>>;
export interface RuleContext {
  /** Of the root's type (of the operands for comparisons). */
  readonly width: 32 | 64;
  readonly values: Readonly<Record<string, Value>>;
  /** Whether a value has this use only. A hint: conditions of soundness must not depend on it. */
  once(v: Value): boolean;
  /** What is rewritten. */
  readonly root: Inst;
  /** Whether it is compared for less or more anywhere: then the verifier knows its bounds, and not those of what it is made of. A hint, too. */
  bounded(v: Value): boolean;
}
export interface Row {
  readonly from: string;
  readonly to: string;
  readonly let?: Readonly<Record<string, (c: Consts, context: RuleContext) => bigint>>;
  readonly when?: (c: Consts, context: RuleContext) => boolean;
}

type Pattern =
  | { readonly kind: 'value'; readonly slot: number; readonly type: IrType | undefined }
  | { readonly kind: 'const'; readonly slot: number; readonly type: IrType | undefined }
  | { readonly kind: 'number'; readonly value: bigint; readonly in32: bigint; readonly type: IrType | undefined }
  | {
      readonly kind: 'op';
      readonly op: string;
      readonly key: string;
      readonly args: readonly Pattern[];
      readonly type: IrType | undefined;
    };

export interface CompiledRow {
  readonly row: Row;
  readonly from: Pattern & { readonly kind: 'op' };
  readonly to: Pattern;
  /** Names by slot. */
  readonly names: readonly string[];
}

const COMMUTATIVE = new Set(['add', 'mul', 'and', 'or', 'xor', 'cmp.eq', 'cmp.ne', 'cmp.set']);
const BIN = new Set(['add', 'sub', 'mul', 'udiv', 'sdiv', 'umod', 'smod', 'and', 'or', 'xor', 'shl', 'lshr', 'ashr']);

/**
 * Rows by the operation at their root, each commutative shape in both orders. Patterns are read when an instruction of
 * their kind is first met: a small program never meets most.
 */
export class RowTable {
  private readonly rows = new Map<string, Row[]>();
  private readonly compiled = new Map<string, readonly CompiledRow[]>();

  constructor(rows: readonly Row[]) {
    for (const row of rows) {
      const key = /^\(([\w.]+)/.exec(row.from)?.[1];
      if (key === undefined) throw new Error(`rule without an operation: ${row.from}`);
      const list = this.rows.get(key);
      if (list) list.push(row);
      else this.rows.set(key, [row]);
    }
  }

  keys(): Iterable<string> {
    return this.rows.keys();
  }

  get(key: string): readonly CompiledRow[] {
    let list = this.compiled.get(key);
    if (!list) this.compiled.set(key, (list = (this.rows.get(key) ?? []).flatMap(compileRow)));
    return list;
  }

  /** By the root's key, then by what its first two operands are. */
  private readonly byOperands = new Map<string, Map<string, Map<string, readonly CompiledRow[]>>>();

  /** The rows that can match by the kinds of the instruction's operands: mostly none. */
  candidates(i: Inst): readonly CompiledRow[] {
    const key = keyOf(i);
    if (!this.rows.has(key)) return NONE;
    const [first, second] = firstTwo(i);
    const a = first === undefined ? '' : operandKey(first);
    const b = second === undefined ? '' : operandKey(second);
    let byFirst = this.byOperands.get(key);
    if (!byFirst) this.byOperands.set(key, (byFirst = new Map()));
    let bySecond = byFirst.get(a);
    if (!bySecond) byFirst.set(a, (bySecond = new Map()));
    let list = bySecond.get(b);
    if (!list) {
      list = this.get(key).filter(({ from }) => mayBe(from.args[0], a) && mayBe(from.args[1], b));
      bySecond.set(b, list);
    }
    return list;
  }
}

const NONE: readonly CompiledRow[] = [];

function operandKey(v: Value): string {
  return isInst(v) ? keyOf(v) : v.op;
}

function mayBe(p: Pattern | undefined, key: string): boolean {
  if (p === undefined || p.kind === 'value') return true;
  return p.kind === 'op' ? p.op === key : key === 'const';
}

/** Of an instruction that rows are about, the operands in the order of the patterns. */
function firstTwo(i: Inst): readonly [Value | undefined, Value | undefined] {
  switch (i.op) {
    case 'bin':
    case 'cmp':
      return [i.a, i.b];
    case 'ptradd':
      return [i.base, i.offset];
    case 'select':
      return [i.cond, i.a];
    case 'ext':
    case 'trunc':
    case 'ptrtoint':
    case 'inttoptr':
    case 'bswap':
      return [i.a, undefined];
    default:
      throw new Error(`rows about ${i.op}`);
  }
}

function compileRow(row: Row): CompiledRow[] {
  const names: string[] = [];
  const from = parsePattern(row.from, names);
  const to = parsePattern(row.to, names);
  return bothOrders(from).map((shape) => ({ row, from: shape, to, names }));
}

/** Constants stand on the right by then, so only shapes without a constant there have two orders. */
function bothOrders(p: Pattern): (Pattern & { kind: 'op' })[] {
  if (p.kind !== 'op') throw new Error('not an operation');
  const variants = (q: Pattern): Pattern[] => (q.kind === 'op' ? bothOrders(q) : [q]);
  let out: (Pattern & { kind: 'op' })[] = [{ ...p, args: [] }];
  for (const a of p.args) out = out.flatMap((o) => variants(a).map((v) => ({ ...o, args: [...o.args, v] })));
  if (!COMMUTATIVE.has(p.op)) return out;
  return out.flatMap((o) => {
    const [a, b] = o.args as [Pattern, Pattern];
    if (b.kind === 'const' || b.kind === 'number' || (a.kind === 'value' && b.kind === 'value')) return [o];
    return [o, { ...o, args: [b, a] }];
  });
}

export function parsePattern(text: string, names: string[]): Pattern {
  const tokens = text.match(/[()]|[^\s()]+/g) ?? [];
  let at = 0;
  const read = (): Pattern => {
    const t = tokens[at++] ?? '';
    if (t === '(') {
      const [op = '', type] = (tokens[at++] ?? '').split(':');
      const args: Pattern[] = [];
      while (tokens[at] !== ')') {
        if (at >= tokens.length) throw new Error(`unbalanced: ${text}`);
        args.push(read());
      }
      at++;
      return { kind: 'op', op, key: op, args, type: type as IrType | undefined };
    }
    const [name = '', type] = t.split(':');
    if (/^-?\d/.test(name)) {
      const value = BigInt(name);
      return { kind: 'number', value: wrap('i64', value), in32: wrap('i32', value), type: type as IrType | undefined };
    }
    let slot = names.indexOf(name);
    if (slot < 0) slot = names.push(name) - 1;
    return { kind: /^[A-Z]/.test(name) ? 'const' : 'value', slot, type: type as IrType | undefined };
  };
  const p = read();
  if (at !== tokens.length) throw new Error(`text after the pattern: ${text}`);
  return p;
}

/** The name under which rows for this instruction are filed. */
export function keyOf(i: Inst): string {
  switch (i.op) {
    case 'bin':
      return i.bin;
    case 'cmp':
      return CMP_KEY[i.pred];
    case 'ext':
      return EXT_KEY[i.signed ? 1 : 0][i.bits];
    case 'bswap':
      return BSWAP_KEY[i.bits];
    default:
      return i.op;
  }
}
const CMP_KEY: Readonly<Record<Pred, string>> = {
  eq: 'cmp.eq',
  ne: 'cmp.ne',
  ult: 'cmp.ult',
  ule: 'cmp.ule',
  ugt: 'cmp.ugt',
  uge: 'cmp.uge',
  slt: 'cmp.slt',
  sle: 'cmp.sle',
  sgt: 'cmp.sgt',
  sge: 'cmp.sge',
  set: 'cmp.set',
};
const EXT_KEY = [
  { 8: 'zext8', 16: 'zext16', 32: 'zext32' },
  { 8: 'sext8', 16: 'sext16', 32: 'sext32' },
] as const;
const BSWAP_KEY = { 16: 'bswap16', 32: 'bswap32', 64: 'bswap64' } as const;

/** Binds the pattern's names in `slots`; false where it does not match. */
function match(p: Pattern, v: Value, slots: (Value | undefined)[]): boolean {
  if (p.type !== undefined && v.type !== p.type) return false;
  switch (p.kind) {
    case 'value': {
      const bound = slots[p.slot];
      if (bound) return sameValue(bound, v);
      slots[p.slot] = v;
      return true;
    }
    case 'const': {
      if (v.op !== 'const') return false;
      const bound = slots[p.slot];
      if (bound) return sameValue(bound, v);
      slots[p.slot] = v;
      return true;
    }
    case 'number':
      return v.op === 'const' && v.value === (v.type === 'i32' ? p.in32 : p.value);
    case 'op': {
      switch (v.op) {
        case 'bin':
          return v.bin === p.op && match(p.args[0] as Pattern, v.a, slots) && match(p.args[1] as Pattern, v.b, slots);
        case 'cmp':
          return CMP_KEY[v.pred] === p.op && match(p.args[0] as Pattern, v.a, slots) && match(p.args[1] as Pattern, v.b, slots);
        case 'ext':
          return EXT_KEY[v.signed ? 1 : 0][v.bits] === p.op && match(p.args[0] as Pattern, v.a, slots);
        case 'trunc':
        case 'ptrtoint':
          return v.op === p.op && match(p.args[0] as Pattern, v.a, slots);
        // A declared space must not get lost.
        case 'inttoptr':
          return p.op === 'inttoptr' && v.space === undefined && match(p.args[0] as Pattern, v.a, slots);
        case 'bswap':
          return BSWAP_KEY[v.bits] === p.op && match(p.args[0] as Pattern, v.a, slots);
        case 'select':
          return (
            p.op === 'select' &&
            match(p.args[0] as Pattern, v.cond, slots) &&
            match(p.args[1] as Pattern, v.a, slots) &&
            match(p.args[2] as Pattern, v.b, slots)
          );
        case 'ptradd':
          return p.op === 'ptradd' && match(p.args[0] as Pattern, v.base, slots) && match(p.args[1] as Pattern, v.offset, slots);
        default:
          return false;
      }
    }
    default:
      return never(p);
  }
}

/** What instructions of a replacement are made with. */
export interface Emitter {
  /** Gives the instruction its id and place. */
  emit(i: Inst): Value;
}

/** Tries one row at `i`; returns the value that replaces it. */
export function applyRow(
  compiled: CompiledRow,
  i: Inst,
  hints: Pick<RuleContext, 'once' | 'bounded'>,
  emitter: Emitter,
): Value | undefined {
  const slots: (Value | undefined)[] = [];
  if (!match(compiled.from, i, slots)) return undefined;
  const { row, names } = compiled;
  const rootType = i.type as IrType;
  const operandType = i.op === 'cmp' ? (i.a.type as IrType) : rootType;
  const consts: Record<string, bigint> = {};
  if (row.when || row.let) {
    const values: Record<string, Value> = {};
    for (let s = 0; s < slots.length; s++) {
      const v = slots[s];
      if (!v) continue;
      values[names[s] as string] = v;
      if (v.op === 'const') consts[names[s] as string] = v.value;
    }
    const context: RuleContext = { width: operandType === 'i32' ? 32 : 64, values, root: i, ...hints };
    if (row.when && !row.when(consts, context)) return undefined;
    for (const [name, f] of Object.entries(row.let ?? {})) consts[name] = f(consts, context);
  }
  return build(compiled.to, rootType, operandType, slots, names, consts, emitter);
}

function build(
  p: Pattern,
  type: IrType,
  operandType: IrType,
  slots: readonly (Value | undefined)[],
  names: readonly string[],
  consts: Consts,
  emitter: Emitter,
): Value {
  switch (p.kind) {
    case 'number':
      return constant(p.type ?? type, p.value);
    case 'const': {
      const name = names[p.slot] as string;
      const value = consts[name] ?? (slots[p.slot]?.op === 'const' ? (slots[p.slot] as { value: bigint }).value : undefined);
      if (value === undefined) throw new Error(`unbound ${name}`);
      return constant(p.type ?? type, value);
    }
    case 'value': {
      const v = slots[p.slot];
      if (!v) throw new Error(`unbound ${names[p.slot]}`);
      return v;
    }
    case 'op': {
      const t = p.type ?? type;
      const sub = (k: number, want: IrType): Value => build(p.args[k] as Pattern, want, operandType, slots, names, consts, emitter);
      const base = { id: 0, loc: 0 };
      const dot = p.op.indexOf('.');
      if (dot > 0) {
        // Type of the operands: said by the pattern, or by a value in it.
        const [a, b] = p.args as [Pattern, Pattern];
        const want = patternType(a, slots) ?? patternType(b, slots) ?? operandType;
        return emitter.emit({ ...base, op: 'cmp', type: 'i32', pred: p.op.slice(4) as Pred, a: sub(0, want), b: sub(1, want) });
      }
      if (BIN.has(p.op))
        return emitter.emit({ ...base, op: 'bin', type: t as 'i32' | 'i64', bin: p.op as BinOp, a: sub(0, t), b: sub(1, t) });
      switch (p.op) {
        case 'trunc':
          return emitter.emit({ ...base, op: 'trunc', type: 'i32', a: sub(0, 'i64') });
        case 'ptrtoint':
          return emitter.emit({ ...base, op: 'ptrtoint', type: 'i64', a: sub(0, 'ptr') });
        case 'inttoptr':
          return emitter.emit({ ...base, op: 'inttoptr', type: 'ptr', a: sub(0, 'i64') });
        case 'ptradd':
          return emitter.emit({ ...base, op: 'ptradd', type: 'ptr', base: sub(0, 'ptr'), offset: sub(1, 'i64') });
        case 'select':
          return emitter.emit({ ...base, op: 'select', type: t, cond: sub(0, 'i32'), a: sub(1, t), b: sub(2, t) });
        default:
          break;
      }
      const ext = /^([zs])ext(8|16|32)$/.exec(p.op);
      if (ext)
        return emitter.emit({
          ...base,
          op: 'ext',
          type: t as 'i32' | 'i64',
          signed: ext[1] === 's',
          bits: Number(ext[2]) as 8 | 16 | 32,
          a: sub(0, 'i32'),
        });
      const swap = /^bswap(16|32|64)$/.exec(p.op);
      if (swap)
        return emitter.emit({ ...base, op: 'bswap', type: t as 'i32' | 'i64', bits: Number(swap[1]) as 16 | 32 | 64, a: sub(0, t) });
      throw new Error(`unknown operation ${p.op}`);
    }
    default:
      return never(p);
  }
}

function patternType(p: Pattern, slots: readonly (Value | undefined)[]): IrType | undefined {
  if (p.type) return p.type;
  switch (p.kind) {
    case 'value':
      return slots[p.slot]?.type as IrType | undefined;
    case 'number':
    case 'const':
      return undefined;
    case 'op':
      if (p.op === 'trunc' || p.op.startsWith('cmp.')) return 'i32';
      if (p.op === 'ptrtoint') return 'i64';
      if (p.op === 'inttoptr' || p.op === 'ptradd') return 'ptr';
      return BIN.has(p.op) ? (patternType(p.args[0] as Pattern, slots) ?? patternType(p.args[1] as Pattern, slots)) : undefined;
    default:
      return never(p);
  }
}

function never(x: never): never {
  throw new Error(`unhandled ${JSON.stringify(x)}`);
}
