/**
 * Runs IR directly, to compare a function before and after a pass. Slow and simple on purpose: it shares nothing with
 * the back end and only `eval.ts` with the passes.
 *
 * Memory is objects (globals, allocas, buffers of the test), each with an address of its own and 64 KiB of room, so
 * that an access outside is a fault and never another object. Uninitialised bytes read as 0xa5.
 */

import { evalBin, evalBswap, evalCmp, evalExt, wrap } from './eval.ts';
import type { AtomicOp, Block, Callee, Inst, IrFunction, IrModule, Value } from './ir.ts';

export class IrFault extends Error {
  override name = 'IrFault';
}

export class IrMemory {
  private readonly objects: { name: string; bytes: Uint8Array }[] = [];

  /** Address of a new object with these bytes. */
  add(name: string, bytes: Uint8Array): bigint {
    this.objects.push({ name, bytes });
    return BigInt(this.objects.length) << 32n;
  }

  bytes(address: bigint, size: number): Uint8Array {
    // Half of an object's 4 GiB is below it, so that p - 8 faults in the same object.
    const biased = address + 0x8000_0000n;
    const object = this.objects[Number(biased >> 32n) - 1];
    const offset = Number(biased & 0xffff_ffffn) - 0x8000_0000;
    if (!object) throw new IrFault(`access to ${address.toString(16)}, where nothing is`);
    if (offset < 0 || offset + size > object.bytes.length)
      throw new IrFault(`access to ${object.name}[${offset}] of ${object.bytes.length} bytes, size ${size}`);
    return object.bytes.subarray(offset, offset + size);
  }

  read(address: bigint, size: number): bigint {
    const b = this.bytes(address, size);
    let v = 0n;
    for (let i = size - 1; i >= 0; i--) v = (v << 8n) | BigInt(b[i] as number);
    return v;
  }

  write(address: bigint, size: number, value: bigint): void {
    const b = this.bytes(address, size);
    for (let i = 0, v = value; i < size; i++, v >>= 8n) b[i] = Number(v & 0xffn);
  }
}

export interface InterpretOptions {
  readonly memory?: IrMemory;
  /** Calls of helpers and kfuncs. */
  readonly call?: (callee: Callee, args: readonly bigint[], memory: IrMemory) => bigint;
  readonly packet?: Uint8Array;
  /** Instructions before it gives up; default a million. */
  readonly budget?: number;
  /** Values of `undef`, to show that nothing depends on it. */
  readonly undef?: bigint;
}

export interface Interpreted {
  readonly value: bigint | undefined;
  readonly steps: number;
  readonly globals: ReadonlyMap<string, Uint8Array>;
}

/** Thrown through the frames by LD_ABS past the packet's end: the program returns 0. */
class PacketEnd extends Error {}

export function interpret(module: IrModule, name: string, args: readonly bigint[], options: InterpretOptions = {}): Interpreted {
  return new Machine(module, options).start(name, args);
}

class Machine {
  private readonly module: IrModule;
  private readonly options: InterpretOptions;
  private readonly memory: IrMemory;
  private readonly addresses = new Map<string, bigint>();
  private readonly globals = new Map<string, Uint8Array>();
  private readonly functionsByAddress = new Map<bigint, string>();
  private steps = 0;
  private depth = 0;

  constructor(module: IrModule, options: InterpretOptions) {
    this.module = module;
    this.options = options;
    this.memory = options.memory ?? new IrMemory();
  }

  start(name: string, args: readonly bigint[]): Interpreted {
    let value: bigint | undefined;
    try {
      value = this.run(name, args);
    } catch (e) {
      if (!(e instanceof PacketEnd)) throw e;
      value = 0n;
    }
    return { value, steps: this.steps, globals: this.globals };
  }

  private address(kind: string, name: string): bigint {
    const key = `${kind} ${name}`;
    let a = this.addresses.get(key);
    if (a === undefined) {
      const g = kind === 'global' ? this.module.globals.get(name) : undefined;
      if (kind === 'global' && !g) throw new IrFault(`no global ${name}`);
      const bytes = new Uint8Array(g?.size ?? 0);
      if (g?.data) bytes.set(g.data);
      a = this.memory.add(key, bytes);
      if (g) {
        this.globals.set(name, bytes);
        for (const r of g.relocs ?? []) this.memory.write(a + BigInt(r.offset), 8, this.address(r.kind, r.name) + BigInt(r.addend));
      }
      if (kind === 'function') this.functionsByAddress.set(a, name);
      this.addresses.set(key, a);
    }
    return a;
  }

  private run(name: string, args: readonly bigint[]): bigint | undefined {
    const fn = this.module.functions.get(name);
    if (!fn) throw new IrFault(`no function ${name}`);
    if (++this.depth > 200) throw new IrFault('too many frames');
    const value = this.frame(fn, args);
    this.depth--;
    return value;
  }

  private frame(fn: IrFunction, args: readonly bigint[]): bigint | undefined {
    const regs: bigint[] = new Array<bigint>(fn.nextId);
    const asmOutputs = new Map<Inst, bigint[]>();
    const get = (v: Value): bigint => {
      switch (v.op) {
        case 'const':
          return v.value;
        case 'undef':
          return wrap(v.type, this.options.undef ?? 0x5a5a_5a5a_5a5a_5a5an);
        case 'param':
          return wrap(v.type, args[v.index] ?? 0n);
        default: {
          const r = regs[v.id];
          if (r === undefined) throw new IrFault(`%${v.id} used before it was computed`);
          return r;
        }
      }
    };
    const budget = this.options.budget ?? 1_000_000;
    let block: Block = fn.blocks[0] as Block;
    let from: Block | undefined;
    for (;;) {
      // Phis read their operands together, before any of them changes.
      const phis: [number, bigint][] = [];
      for (const i of block.insts) {
        if (i.op !== 'phi') break;
        const x = i.incoming.find((p) => p.block === from);
        if (!x) throw new IrFault(`phi %${i.id} has nothing for b${from?.id}`);
        phis.push([i.id, get(x.value)]);
      }
      for (const [id, v] of phis) regs[id] = v;
      for (const i of block.insts) {
        if (++this.steps > budget) throw new IrFault('budget');
        if (i.op === 'phi') continue;
        const v = this.inst(i, get, asmOutputs);
        if (v !== undefined) regs[i.id] = v;
      }
      if (++this.steps > budget) throw new IrFault('budget');
      const t = block.term;
      from = block;
      switch (t.op) {
        case 'jump':
          block = t.to;
          break;
        case 'branch':
          block = get(t.cond) !== 0n ? t.then : t.else;
          break;
        case 'switch': {
          const raw = get(t.value);
          const v = t.signed ? BigInt.asIntN(t.value.type === 'i32' ? 32 : 64, raw) : raw;
          block = t.cases.find((c) => c.low <= v && v <= c.high)?.to ?? t.otherwise;
          break;
        }
        case 'return':
          return t.value ? get(t.value) : undefined;
        case 'unreachable':
          throw new IrFault('reached unreachable');
        default:
          return never(t);
      }
    }
  }

  private inst(i: Inst, get: (v: Value) => bigint, asmOutputs: Map<Inst, bigint[]>): bigint | undefined {
    const m = this.memory;
    const place = (v: Value, offset: number): bigint => BigInt.asUintN(64, get(v) + BigInt(offset));
    switch (i.op) {
      case 'bin':
        return evalBin(i.bin, i.type, get(i.a), get(i.b));
      case 'ptradd':
        return wrap('i64', get(i.base) + get(i.offset));
      case 'cmp':
        return evalCmp(i.pred, i.a.type === 'i32' ? 'i32' : 'i64', get(i.a), get(i.b)) ? 1n : 0n;
      case 'ext':
        return evalExt(i.type, i.signed, i.bits, get(i.a));
      case 'trunc':
        return wrap('i32', get(i.a));
      case 'ptrtoint':
      case 'inttoptr':
      case 'spacecast':
        return get(i.a);
      case 'bswap':
        return evalBswap(i.bits, get(i.a));
      case 'select':
        return get(i.cond) !== 0n ? get(i.a) : get(i.b);
      case 'phi':
        return undefined;
      case 'alloca':
        return m.add(i.var ?? 'alloca', new Uint8Array(i.size).fill(0xa5));
      case 'load': {
        const v = m.read(place(i.ptr, i.offset), i.bits / 8);
        return i.signed ? wrap(i.type, BigInt.asIntN(i.bits, v)) : v;
      }
      case 'store':
        m.write(place(i.ptr, i.offset), i.bits / 8, get(i.value));
        return undefined;
      case 'memcpy': {
        if (i.size > 0) m.bytes(get(i.dst), i.size).set(m.bytes(get(i.src), i.size).slice());
        return undefined;
      }
      case 'memset':
        if (i.size > 0) m.bytes(get(i.dst), i.size).fill(Number(get(i.byte) & 0xffn));
        return undefined;
      case 'memcmp': {
        const a = m.bytes(get(i.a), i.size),
          b = m.bytes(get(i.b), i.size);
        for (let k = 0; k < i.size; k++) if (a[k] !== b[k]) return wrap('i32', BigInt((a[k] as number) - (b[k] as number)));
        return 0n;
      }
      case 'mapaddr':
        return this.address('map', i.map);
      case 'globaladdr':
        return this.address('global', i.global) + BigInt(i.offset);
      case 'funcaddr':
        return this.address('function', i.fn);
      case 'ksymaddr':
        return this.address('ksym', i.symbol);
      case 'call': {
        let args = i.args.map(get);
        let callee = i.callee;
        if (callee.kind === 'indirect') {
          const target = this.functionsByAddress.get(args[0] as bigint);
          if (target === undefined) throw new IrFault('call of no function');
          args = args.slice(1);
          callee = { kind: 'function', name: target };
        }
        const v = callee.kind === 'function' ? this.run(callee.name, args) : this.options.call?.(callee, args, m);
        if (v === undefined && i.type !== 'void') {
          if (callee.kind === 'function') throw new IrFault(`${callee.name} returned nothing`);
          throw new IrFault(`no ${callee.kind} ${callee.name} here`);
        }
        return i.type === 'void' ? undefined : wrap(i.type, v as bigint);
      }
      case 'atomic': {
        const at = place(i.ptr, i.offset);
        const size = i.bits / 8;
        const old = m.read(at, size);
        const next = atomicResult(i.atomic, old, get(i.value), i.expected ? get(i.expected) : 0n);
        m.write(at, size, next);
        return i.fetch ? old : undefined;
      }
      case 'ldpacket': {
        const p = this.options.packet ?? new Uint8Array(0);
        const at = i.offset + (i.index ? Number(BigInt.asIntN(32, get(i.index))) : 0);
        if (at < 0 || at + i.bits / 8 > p.length) throw new PacketEnd();
        let v = 0n;
        for (let k = 0; k < i.bits / 8; k++) v = (v << 8n) | BigInt(p[at + k] as number);
        return v;
      }
      case 'core':
        return wrap('i64', i.core.local);
      case 'asm': {
        // An empty text is the optimisation barrier; tied inputs pass through.
        if (i.text.trim() !== '') throw new IrFault('inline assembly cannot be interpreted');
        asmOutputs.set(
          i,
          i.outputs.map((o) => (o.tied === undefined ? 0n : get((i.inputs[o.tied] as { value: Value }).value))),
        );
        return undefined;
      }
      case 'asmout':
        return wrap(i.type, asmOutputs.get(i.asm)?.[i.index] ?? 0n);
      default:
        return never(i);
    }
  }
}

function atomicResult(op: AtomicOp, old: bigint, value: bigint, expected: bigint): bigint {
  switch (op) {
    case 'add':
      return old + value;
    case 'and':
      return old & value;
    case 'or':
      return old | value;
    case 'xor':
      return old ^ value;
    case 'xchg':
      return value;
    case 'cmpxchg':
      return old === expected ? value : old;
    default:
      return never(op);
  }
}

function never(x: never): never {
  throw new Error(`unhandled ${String(x)}`);
}
