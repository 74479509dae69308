/**
 * Reads the text that `print.ts` writes. For tests: a pass or the back end is given IR that no front end had to make.
 * Names are free (`%sum`), parameters and instructions may be used before they are defined, ids are given anew unless
 * the name is a number. `#` and `;` begin a comment. Text that is not IR throws `IrParseError` with its line.
 */

import { CORE_KINDS } from '../../object/spec.ts';
import { wrap } from './eval.ts';
import type {
  AtomicOp,
  BinOp,
  Block,
  Callee,
  CoreRef,
  Inst,
  IrFunction,
  IrGlobal,
  IrModule,
  IrType,
  MemBits,
  Param,
  Pred,
  Space,
  Terminator,
  Value,
} from './ir.ts';

export class IrParseError extends Error {
  override name = 'IrParseError';
}

export function parseModule(text: string): IrModule {
  const functions = new Map<string, IrFunction>();
  const globals = new Map<string, IrGlobal>();
  const lines = text.split('\n');
  for (let i = 0; i < lines.length; i++) {
    const line = new Line(lines[i] as string, i + 1);
    if (line.done()) continue;
    if (line.eat('global')) {
      const g = parseGlobal(line);
      globals.set(g.name, g);
    } else if (line.eat('function')) {
      const { fn, next } = parseBody(line, lines, i + 1);
      functions.set(fn.name, fn);
      i = next;
    } else line.fail('expected global or function');
  }
  return { functions, globals };
}

/** The first function of the text. */
export function parseFunction(text: string): IrFunction {
  const fn = parseModule(text).functions.values().next().value;
  if (!fn) throw new IrParseError('no function');
  return fn;
}

const TOKEN = /\s*(?:(%[\w.]+|"(?:[^"\\]|\\.)*"|-?\d+|[A-Za-z_.][\w.:]*|\S))/y;

/** The tokens of one line. */
class Line {
  private readonly tokens: string[] = [];
  private at = 0;
  private readonly number: number;
  loc = 0;

  constructor(text: string, number: number) {
    this.number = number;
    TOKEN.lastIndex = 0;
    for (;;) {
      const m = TOKEN.exec(text);
      const t = m?.[1];
      if (t === undefined || t === '#' || t === ';') break;
      this.tokens.push(t);
    }
    const n = this.tokens.length;
    if (n >= 2 && this.tokens[n - 2] === '!') {
      this.loc = Number(this.tokens[n - 1]);
      this.tokens.length = n - 2;
    }
  }

  done(): boolean {
    return this.at >= this.tokens.length;
  }
  peek(ahead = 0): string {
    return this.tokens[this.at + ahead] ?? '';
  }
  next(): string {
    return this.done() ? this.fail('unexpected end of line') : (this.tokens[this.at++] as string);
  }
  eat(token: string): boolean {
    if (this.peek() !== token) return false;
    this.at++;
    return true;
  }
  expect(token: string): void {
    if (!this.eat(token)) this.fail(`expected ${token}`);
  }
  int(): number {
    const t = this.next();
    return /^-?\d+$/.test(t) ? Number(t) : this.fail(`expected a number, not ${t}`);
  }
  string(): string {
    const t = this.next();
    return t.startsWith('"') ? (JSON.parse(t) as string) : t;
  }
  type(): IrType {
    const t = this.next();
    return t === 'i32' || t === 'i64' || t === 'ptr' ? t : this.fail(`expected a type, not ${t}`);
  }
  /** `key=value` */
  option(key: string): string | undefined {
    if (this.peek() !== key || this.peek(1) !== '=') return undefined;
    this.at += 2;
    return this.next();
  }
  fail(message: string): never {
    throw new IrParseError(`IR line ${this.number}: ${message} near '${this.peek()}' in: ${this.tokens.join(' ')}`);
  }
}

function parseGlobal(line: Line): IrGlobal {
  const name = line.next();
  const section = line.next();
  let size = 0,
    align = 1,
    btfType = 0;
  let linkage: IrGlobal['linkage'] = 'global';
  let readOnly = false,
    isVolatile = false;
  let data: Uint8Array | undefined;
  while (!line.done()) {
    const value = line.option('size') ?? '';
    if (value) {
      size = Number(value);
      continue;
    }
    const a = line.option('align');
    if (a) {
      align = Number(a);
      continue;
    }
    const b = line.option('btf');
    if (b) {
      btfType = Number(b);
      continue;
    }
    if (line.eat('data')) {
      line.expect('=');
      // Hex may begin with a digit or a letter, so it can be several tokens.
      let hex = '';
      while (!line.done()) hex += line.next();
      data = Uint8Array.from(hex.match(/../g) ?? [], (x) => parseInt(x, 16));
      continue;
    }
    const word = line.next();
    if (word === 'readonly') readOnly = true;
    else if (word === 'volatile') isVolatile = true;
    else if (word === 'static' || word === 'global' || word === 'extern') linkage = word;
    else line.fail(`unknown word ${word}`);
  }
  return { name, section, size, align, data, readOnly, volatile: isVolatile, linkage, btfType, loc: 0 };
}

function parseBody(head: Line, lines: readonly string[], start: number): { fn: IrFunction; next: number } {
  const name = head.next();
  const params: Param[] = [];
  const values = new Map<string, Value>();
  head.expect('(');
  while (!head.eat(')')) {
    const type = head.type();
    const text = head.next();
    const space = head.option('space') as Space | undefined;
    const param: Param = { op: 'param', type, index: params.length, name: text.slice(1), loc: 0, ...(space ? { space } : {}) };
    params.push(param);
    values.set(text, param);
    head.eat(',');
  }
  head.expect(':');
  const returns = head.eat('void') ? undefined : head.type();
  let linkage: IrFunction['linkage'] = 'static';
  let inline: IrFunction['inline'] = 'auto';
  let program: IrFunction['program'];
  while (!head.eat('{')) {
    const p = head.option('program');
    if (p) {
      const [type = '', attachType] = p.split(':');
      program = attachType ? { type, attachType } : { type };
      continue;
    }
    const word = head.next();
    if (word === 'static' || word === 'global' || word === 'weak') linkage = word;
    else if (word === 'always' || word === 'never' || word === 'auto') inline = word;
    else head.fail(`unknown word ${word}`);
  }
  const reader = new BodyReader(values);
  let i = start;
  for (; ; i++) {
    if (i >= lines.length) head.fail('function without }');
    const line = new Line(lines[i] as string, i + 1);
    if (line.done()) continue;
    if (line.eat('}')) break;
    reader.line(line);
  }
  const fn: IrFunction = {
    name,
    linkage,
    params,
    returns,
    inline,
    loc: 0,
    end: 0,
    ...reader.finish(head),
    ...(program ? { program } : {}),
  };
  return { fn, next: i };
}

const BINS = new Set<string>(['add', 'sub', 'mul', 'udiv', 'sdiv', 'umod', 'smod', 'and', 'or', 'xor', 'shl', 'lshr', 'ashr']);
const PREDS = new Set<string>(['eq', 'ne', 'ult', 'ule', 'ugt', 'uge', 'slt', 'sle', 'sgt', 'sge', 'set']);
const ATOMICS = new Set<string>(['add', 'and', 'or', 'xor', 'xchg', 'cmpxchg']);
const PLACEHOLDER: Value = { op: 'undef', type: 'i64' };

class BodyReader {
  private readonly values: Map<string, Value>;
  private readonly blocks: Block[] = [];
  private readonly byName = new Map<string, Block>();
  private readonly fixes: (() => void)[] = [];
  private readonly pendingIds: Inst[] = [];
  private block: Block | undefined;
  private ended = true;
  private maxId = -1;

  constructor(values: Map<string, Value>) {
    this.values = values;
  }

  finish(head: Line): { blocks: Block[]; nextId: number } {
    for (const f of this.fixes) f();
    for (const b of this.byName.values()) if (!this.blocks.includes(b)) head.fail(`undefined block b${b.id}`);
    for (const i of this.pendingIds) i.id = ++this.maxId;
    return { blocks: this.blocks, nextId: this.maxId + 1 };
  }

  line(l: Line): void {
    if (/^b\d+$|^b\d+:$/.test(l.peek()) && (l.peek().endsWith(':') || l.peek(1) === ':')) {
      const block = this.blockRef(l, l.next().replace(':', ''));
      l.eat(':');
      const unroll = l.option('unroll');
      if (unroll) block.unroll = unroll === 'full' || unroll === 'none' ? unroll : Number(unroll);
      this.blocks.push(block);
      this.block = block;
      this.ended = false;
      return;
    }
    if (!this.block || this.ended) l.fail('instruction outside a block');
    const block = this.block as Block;
    const result = l.peek().startsWith('%') ? l.next() : undefined;
    if (result) l.expect('=');
    const word = l.next();
    const term = result ? undefined : this.terminator(l, word);
    if (term) {
      term.loc = l.loc;
      block.term = term;
      this.ended = true;
    } else {
      const inst = this.inst(l, word);
      inst.loc = l.loc;
      block.insts.push(inst);
      if (result && /^%\d+$/.test(result)) this.setId(inst, Number(result.slice(1)));
      else this.pendingIds.push(inst);
      if (result) {
        if (this.values.has(result)) l.fail(`${result} defined twice`);
        this.values.set(result, inst);
      }
    }
    if (!l.done()) l.fail('text after the instruction');
  }

  private setId(inst: Inst, id: number): void {
    inst.id = id;
    if (id > this.maxId) this.maxId = id;
  }

  private blockRef(l: Line, name: string): Block {
    let b = this.byName.get(name);
    if (!b) {
      if (!/^b\d+$/.test(name)) l.fail(`expected a block, not ${name}`);
      b = { id: Number(name.slice(1)), insts: [], term: { op: 'unreachable', loc: 0 } };
      if (b.id > this.maxId) this.maxId = b.id;
      this.byName.set(name, b);
    }
    return b;
  }
  private target(l: Line): Block {
    return this.blockRef(l, l.next());
  }

  /** An operand; `set` is called when it is known. */
  private operand(l: Line, expected: IrType, set: (v: Value) => void): void {
    const t = l.next();
    if (t.startsWith('%')) {
      this.fixes.push(() => set(this.values.get(t) ?? l.fail(`undefined ${t}`)));
      return;
    }
    if (t === 'null') return set({ op: 'const', type: 'ptr', value: 0n });
    const colon = t.indexOf(':');
    let type = expected;
    if (colon >= 0) type = t.slice(colon + 1) as IrType;
    else if (l.eat(':')) type = l.type();
    const word = colon >= 0 ? t.slice(0, colon) : t;
    if (word === 'undef') return set({ op: 'undef', type });
    if (!/^-?\d+$/.test(word)) l.fail(`expected an operand, not ${t}`);
    set({ op: 'const', type, value: wrap(type, BigInt(word)) });
  }

  private offset(l: Line): number {
    if (l.eat('+')) return l.int();
    return /^-\d+$/.test(l.peek()) ? l.int() : 0;
  }
  private bits(l: Line): MemBits {
    return l.int() as MemBits;
  }
  private space(l: Line, key: string): Space | undefined {
    return l.option(key) as Space | undefined;
  }

  private pointee(l: Line, i: Inst & { op: 'load' | 'inttoptr' }): void {
    const p = l.option('pointee');
    if (p === 'record' || p === 'other') i.pointee = p;
  }

  private core(l: Line): CoreRef {
    const kind = CORE_KINDS.find((k) => k === l.peek()) ?? l.fail('expected a CO-RE kind');
    l.next();
    l.expect(',');
    const type = l.int();
    l.expect(',');
    let access = '';
    while (!l.eat(',')) access += l.next();
    return { kind, type, access, local: BigInt(l.next()) };
  }
  private coreOption(l: Line): { core?: CoreRef } {
    if (l.peek() !== 'core') return {};
    l.next();
    l.expect('=');
    return { core: this.core(l) };
  }

  private inst(l: Line, word: string): Inst {
    const id = 0,
      loc = 0;
    const comma = (): void => l.expect(',');
    if (BINS.has(word)) {
      const i: Inst = { op: 'bin', id, loc, type: l.type() as 'i32' | 'i64', bin: word as BinOp, a: PLACEHOLDER, b: PLACEHOLDER };
      this.operand(l, i.type, (v) => {
        i.a = v;
      });
      comma();
      this.operand(l, i.type, (v) => {
        i.b = v;
      });
      return i;
    }
    switch (word) {
      case 'ptradd': {
        const i: Inst = { op: 'ptradd', type: 'ptr', id, loc, base: PLACEHOLDER, offset: PLACEHOLDER };
        this.operand(l, 'ptr', (v) => {
          i.base = v;
        });
        comma();
        this.operand(l, 'i64', (v) => {
          i.offset = v;
        });
        return i;
      }
      case 'cmp': {
        const pred = l.next();
        if (!PREDS.has(pred)) l.fail(`unknown predicate ${pred}`);
        const type = l.type();
        const i: Inst = { op: 'cmp', type: 'i32', id, loc, pred: pred as Pred, a: PLACEHOLDER, b: PLACEHOLDER };
        this.operand(l, type, (v) => {
          i.a = v;
        });
        comma();
        this.operand(l, type, (v) => {
          i.b = v;
        });
        return i;
      }
      case 'ext': {
        const type = l.type() as 'i32' | 'i64';
        const how = l.next();
        const i: Inst = {
          op: 'ext',
          type,
          id,
          loc,
          signed: how.startsWith('s'),
          bits: Number(how.slice(1)) as 8 | 16 | 32,
          a: PLACEHOLDER,
        };
        this.operand(l, 'i32', (v) => {
          i.a = v;
        });
        return i;
      }
      case 'trunc': {
        const i: Inst = { op: 'trunc', type: 'i32', id, loc, a: PLACEHOLDER };
        this.operand(l, 'i64', (v) => {
          i.a = v;
        });
        return i;
      }
      case 'ptrtoint': {
        const i: Inst = { op: 'ptrtoint', type: 'i64', id, loc, a: PLACEHOLDER };
        this.operand(l, 'ptr', (v) => {
          i.a = v;
        });
        return i;
      }
      case 'inttoptr': {
        const i: Inst = { op: 'inttoptr', type: 'ptr', id, loc, a: PLACEHOLDER };
        this.operand(l, 'i64', (v) => {
          i.a = v;
        });
        const space = this.space(l, 'space');
        if (space) i.space = space;
        this.pointee(l, i);
        return i;
      }
      case 'spacecast': {
        const i: Inst = { op: 'spacecast', type: 'ptr', id, loc, space: l.next() as Space, a: PLACEHOLDER };
        this.operand(l, 'ptr', (v) => {
          i.a = v;
        });
        return i;
      }
      case 'bswap': {
        const i: Inst = { op: 'bswap', type: l.type() as 'i32' | 'i64', bits: l.int() as 16 | 32 | 64, id, loc, a: PLACEHOLDER };
        this.operand(l, i.type, (v) => {
          i.a = v;
        });
        return i;
      }
      case 'select': {
        const i: Inst = { op: 'select', type: l.type(), id, loc, cond: PLACEHOLDER, a: PLACEHOLDER, b: PLACEHOLDER };
        this.operand(l, 'i32', (v) => {
          i.cond = v;
        });
        comma();
        this.operand(l, i.type, (v) => {
          i.a = v;
        });
        comma();
        this.operand(l, i.type, (v) => {
          i.b = v;
        });
        return i;
      }
      case 'phi': {
        const i: Inst = { op: 'phi', type: l.type(), id, loc, incoming: [] };
        l.expect('[');
        while (!l.eat(']')) {
          // `b1:` reads as one token.
          const block = this.blockRef(l, l.next().replace(':', ''));
          l.eat(':');
          const entry = { block, value: PLACEHOLDER };
          i.incoming.push(entry);
          this.operand(l, i.type, (v) => {
            entry.value = v;
          });
          l.eat(',');
        }
        return i;
      }
      case 'alloca': {
        const size = l.int();
        l.expect('align');
        const i: Inst = { op: 'alloca', type: 'ptr', id, loc, size, align: l.int() };
        if (!l.done()) i.var = l.string();
        return i;
      }
      case 'load': {
        const type = l.type();
        const how = l.next();
        const i: Inst = {
          op: 'load',
          type,
          id,
          loc,
          ptr: PLACEHOLDER,
          offset: 0,
          bits: Number(how.slice(1)) as MemBits,
          signed: how.startsWith('s'),
          volatile: false,
        };
        this.operand(l, 'ptr', (v) => {
          i.ptr = v;
        });
        i.offset = this.offset(l);
        i.volatile = l.eat('volatile');
        const space = this.space(l, 'space');
        if (space) i.space = space;
        const result = this.space(l, 'result');
        if (result) i.resultSpace = result;
        this.pointee(l, i);
        const align = l.option('align');
        if (align) i.align = Number(align);
        return Object.assign(i, this.coreOption(l));
      }
      case 'store': {
        const i: Inst = {
          op: 'store',
          type: 'void',
          id,
          loc,
          bits: this.bits(l),
          value: PLACEHOLDER,
          ptr: PLACEHOLDER,
          offset: 0,
          volatile: false,
        };
        this.operand(l, i.bits === 64 ? 'i64' : 'i32', (v) => {
          i.value = v;
        });
        comma();
        this.operand(l, 'ptr', (v) => {
          i.ptr = v;
        });
        i.offset = this.offset(l);
        i.volatile = l.eat('volatile');
        const align = l.option('align');
        if (align) i.align = Number(align);
        return Object.assign(i, this.coreOption(l));
      }
      case 'memcpy': {
        const i: Inst = { op: 'memcpy', type: 'void', id, loc, dst: PLACEHOLDER, src: PLACEHOLDER, size: 0, align: 1, move: false };
        this.operand(l, 'ptr', (v) => {
          i.dst = v;
        });
        comma();
        this.operand(l, 'ptr', (v) => {
          i.src = v;
        });
        comma();
        i.size = l.int();
        l.expect('align');
        i.align = l.int();
        i.move = l.eat('move');
        return i;
      }
      case 'memset': {
        const i: Inst = { op: 'memset', type: 'void', id, loc, dst: PLACEHOLDER, byte: PLACEHOLDER, size: 0, align: 1 };
        this.operand(l, 'ptr', (v) => {
          i.dst = v;
        });
        comma();
        this.operand(l, 'i32', (v) => {
          i.byte = v;
        });
        comma();
        i.size = l.int();
        l.expect('align');
        i.align = l.int();
        return i;
      }
      case 'memcmp': {
        const i: Inst = { op: 'memcmp', type: 'i32', id, loc, a: PLACEHOLDER, b: PLACEHOLDER, size: 0, align: 1 };
        this.operand(l, 'ptr', (v) => {
          i.a = v;
        });
        comma();
        this.operand(l, 'ptr', (v) => {
          i.b = v;
        });
        comma();
        i.size = l.int();
        l.expect('align');
        i.align = l.int();
        return i;
      }
      case 'mapaddr':
        return { op: 'mapaddr', type: 'ptr', id, loc, map: l.string() };
      case 'globaladdr': {
        const global = l.string();
        return { op: 'globaladdr', type: 'ptr', id, loc, global, offset: this.offset(l) };
      }
      case 'funcaddr':
        return { op: 'funcaddr', type: 'ptr', id, loc, fn: l.string() };
      case 'ksymaddr': {
        const symbol = l.string();
        const typed = l.eat('typed');
        return { op: 'ksymaddr', type: 'ptr', id, loc, symbol, typed, weak: l.eat('weak') };
      }
      case 'call': {
        const type = l.eat('void') ? 'void' : l.type();
        const kind = l.next();
        let callee: Callee;
        if (kind === 'helper') callee = { kind, id: l.int(), name: l.next() };
        else if (kind === 'indirect') callee = { kind };
        else if (kind === 'function') callee = { kind, name: l.next() };
        else if (kind === 'kfunc') {
          const name = l.next();
          callee = { kind, name, weak: l.eat('weak') };
        } else l.fail(`unknown callee ${kind}`);
        const i: Inst = { op: 'call', type, id, loc, callee, args: [] };
        l.expect('(');
        while (!l.eat(')')) {
          const n = i.args.push(PLACEHOLDER) - 1;
          this.operand(l, 'i64', (v) => {
            i.args[n] = v;
          });
          l.eat(',');
        }
        const result = this.space(l, 'result');
        if (result) i.resultSpace = result;
        return i;
      }
      case 'atomic': {
        const op = l.next();
        if (!ATOMICS.has(op)) l.fail(`unknown atomic ${op}`);
        const fetch = l.eat('fetch');
        const bits = l.int() as 32 | 64;
        const type = bits === 64 ? 'i64' : 'i32';
        const i: Inst = {
          op: 'atomic',
          type: fetch ? type : 'void',
          id,
          loc,
          atomic: op as AtomicOp,
          bits,
          fetch,
          ptr: PLACEHOLDER,
          offset: 0,
          value: PLACEHOLDER,
        };
        this.operand(l, type, (v) => {
          i.value = v;
        });
        comma();
        this.operand(l, 'ptr', (v) => {
          i.ptr = v;
        });
        i.offset = this.offset(l);
        if (l.eat(',')) {
          i.expected = PLACEHOLDER;
          this.operand(l, type, (v) => {
            i.expected = v;
          });
        }
        return i;
      }
      case 'ldpacket': {
        const i: Inst = {
          op: 'ldpacket',
          type: 'i32',
          id,
          loc,
          bits: l.int() as 8 | 16 | 32,
          ctx: PLACEHOLDER,
          offset: 0,
          index: undefined,
        };
        this.operand(l, 'ptr', (v) => {
          i.ctx = v;
        });
        i.offset = this.offset(l);
        if (l.eat(','))
          this.operand(l, 'i64', (v) => {
            i.index = v;
          });
        return i;
      }
      case 'core':
        return { op: 'core', type: 'i64', id, loc, core: this.core(l) };
      case 'asm': {
        const i: Inst = { op: 'asm', type: 'void', id, loc, text: l.string(), inputs: [], outputs: [], clobbers: [] };
        l.expect('(');
        while (!l.eat(')')) {
          const constraint = l.string();
          const type = l.type();
          i.outputs.push(l.eat('tied') ? { constraint, type, tied: l.int() } : { constraint, type });
          l.eat(',');
        }
        l.expect('(');
        while (!l.eat(')')) {
          const entry = { constraint: l.string(), value: PLACEHOLDER };
          i.inputs.push(entry);
          this.operand(l, 'i64', (v) => {
            entry.value = v;
          });
          l.eat(',');
        }
        l.expect('(');
        while (!l.eat(')')) {
          i.clobbers.push(l.string());
          l.eat(',');
        }
        return i;
      }
      case 'asmout': {
        const type = l.type();
        const name = l.next();
        const i = { op: 'asmout' as const, type, id, loc, index: l.int(), asm: undefined as unknown as Inst & { op: 'asm' } };
        this.fixes.push(() => {
          const asm = this.values.get(name);
          if (asm?.op !== 'asm') l.fail(`${name} is not an asm`);
          i.asm = asm;
        });
        return i;
      }
      default:
        return l.fail(`unknown instruction ${word}`);
    }
  }

  private terminator(l: Line, word: string): Terminator | undefined {
    const loc = 0;
    switch (word) {
      case 'jump':
        return { op: 'jump', to: this.target(l), loc };
      case 'branch': {
        const t: Terminator & { op: 'branch' } = {
          op: 'branch',
          cond: PLACEHOLDER,
          then: undefined as unknown as Block,
          else: undefined as unknown as Block,
          loc,
        };
        this.operand(l, 'i32', (v) => {
          t.cond = v;
        });
        l.expect(',');
        t.then = this.target(l);
        l.expect(',');
        t.else = this.target(l);
        if (l.eat('likely')) t.likely = true;
        else if (l.eat('unlikely')) t.likely = false;
        return t;
      }
      case 'switch': {
        const type = l.type();
        const isSigned = l.next() === 'signed';
        const t: Terminator & { op: 'switch' } = {
          op: 'switch',
          value: PLACEHOLDER,
          cases: [],
          otherwise: undefined as unknown as Block,
          signed: isSigned,
          loc,
        };
        this.operand(l, type, (v) => {
          t.value = v;
        });
        l.expect('{');
        while (!l.eat('}')) {
          const low = BigInt(l.next());
          let high = low;
          if (l.eat('to')) high = BigInt(l.next());
          l.expect(':');
          t.cases.push({ low, high, to: this.target(l) });
          l.eat(',');
        }
        l.expect('else');
        t.otherwise = this.target(l);
        return t;
      }
      case 'return': {
        const t: Terminator & { op: 'return' } = { op: 'return', value: undefined, loc };
        if (!l.done())
          this.operand(l, 'i64', (v) => {
            t.value = v;
          });
        return t;
      }
      case 'unreachable':
        return { op: 'unreachable', loc };
      default:
        return undefined;
    }
  }
}
