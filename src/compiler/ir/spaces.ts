/**
 * Which memory each pointer leads to, inferred from where it came, over the whole module, after inlining and mem2reg.
 *
 *   alloca ─▶ stack          map_lookup_elem() ─▶ map        ctx parameter ─▶ ctx       __user in the type ─▶ user
 *   loaded through a pointer: what such pointers are in this kind of program, see `LOADED`
 *   ptradd, spacecast, phi, select, calls of functions: from their operands
 *
 * Three kinds of program:
 *   - tracing without types (kprobe, uprobe, tracepoint, raw_tracepoint, perf_event): whatever comes out of the context,
 *     of maps or of kernel memory is an address that the verifier knows nothing of: `external` (kernel or user, told
 *     apart when it is read), so only probe reads will do
 *   - with types (fentry, fexit, tp_btf, lsm, iter, struct_ops): a pointer to a record that comes out of the context or
 *     of another kernel object is `btf` and is read directly; other pointers are numbers to the verifier: `kernel`
 *   - all others (networking): memory is what the verifier says; nothing is ever rewritten
 *
 * Where paths join, kernel memory wins over memory of the program: probe reads can read both.
 */
import { helperFacts } from './helpers.ts';
import type { CallInst, Inst, IrFunction, IrModule, Load, Space, Value } from './ir.ts';
import { SpilledPointers } from './spilled.ts';
import { isInst } from './uses.ts';

export type ProgramKind = 'untyped' | 'typed' | 'network';

const UNTYPED = new Set([
  'kprobe',
  'uprobe',
  'kprobe_multi',
  'uprobe_multi',
  'tracepoint',
  'raw_tracepoint',
  'raw_tracepoint_writable',
  'perf_event',
]);
const TYPED = new Set(['tracing', 'lsm', 'struct_ops', 'ext', 'syscall']);

export function kindOfProgram(type: string): ProgramKind {
  return UNTYPED.has(type) ? 'untyped' : TYPED.has(type) ? 'typed' : 'network';
}

/** Spaces by instruction id, for one function. */
export type SpaceTable = readonly (Space | undefined)[];

export interface Spaces {
  of(fn: IrFunction, v: Value): Space;
  kind(fn: IrFunction): ProgramKind;
}

/** Rounds over the module; spaces only climb the lattice, a few steps each. */
const MAX_ROUNDS = 20;

export function inferSpaces(module: IrModule): Spaces {
  return new Inference(module).run();
}

class Inference implements Spaces {
  private readonly module: IrModule;
  private readonly tables = new Map<IrFunction, (Space | undefined)[]>();
  private readonly params = new Map<IrFunction, (Space | undefined)[]>();
  private readonly returns = new Map<IrFunction, Space | undefined>();
  private readonly kinds = new Map<IrFunction, ProgramKind>();
  private changed = false;
  private spilled: SpilledPointers | undefined;

  constructor(module: IrModule) {
    this.module = module;
  }

  run(): this {
    this.findKinds();
    const callbacks = new Set<string>();
    for (const fn of this.module.functions.values())
      for (const b of fn.blocks) for (const i of b.insts) if (i.op === 'funcaddr') callbacks.add(i.fn);
    for (const fn of this.module.functions.values()) {
      this.tables.set(fn, new Array<Space | undefined>(fn.nextId));
      this.params.set(
        fn,
        fn.params.map(
          (p) =>
            p.space ??
            (fn.program && p.index === 0 ? 'ctx' : (fn.linkage !== 'static' && !fn.program) || callbacks.has(fn.name) ? 'mem' : undefined),
        ),
      );
    }
    for (let round = 0; round < MAX_ROUNDS; round++) {
      this.changed = false;
      for (const fn of this.module.functions.values()) this.pass(fn);
      if (!this.changed) break;
    }
    return this;
  }

  /** A subprogram is what the programs are that reach it. Where they differ, it is read as the most careful one. */
  private findKinds(): void {
    const rank: Readonly<Record<ProgramKind, number>> = { network: 0, typed: 1, untyped: 2 };
    const visit = (fn: IrFunction, kind: ProgramKind): void => {
      const known = this.kinds.get(fn);
      if (known !== undefined && rank[known] >= rank[kind]) return;
      this.kinds.set(fn, kind);
      for (const b of fn.blocks) {
        for (const i of b.insts) {
          const name = i.op === 'call' && i.callee.kind === 'function' ? i.callee.name : i.op === 'funcaddr' ? i.fn : undefined;
          const callee = name === undefined ? undefined : this.module.functions.get(name);
          if (callee) visit(callee, kind);
        }
      }
    };
    for (const fn of this.module.functions.values()) if (fn.program) visit(fn, kindOfProgram(fn.program.type));
  }

  kind(fn: IrFunction): ProgramKind {
    return this.kinds.get(fn) ?? 'network';
  }

  of(fn: IrFunction, v: Value): Space {
    return this.space(fn, v) ?? 'unknown';
  }

  private space(fn: IrFunction, v: Value): Space | undefined {
    switch (v.op) {
      case 'const':
        return v.value === 0n ? 'null' : this.kind(fn) === 'network' ? 'unknown' : 'kernel';
      case 'undef':
        return 'null';
      case 'param':
        return this.params.get(fn)?.[v.index];
      default:
        return isInst(v) ? this.tables.get(fn)?.[v.id] : undefined;
    }
  }

  private pass(fn: IrFunction): void {
    const table = this.tables.get(fn) as (Space | undefined)[];
    for (const block of fn.blocks) {
      for (const i of block.insts) {
        if (i.op === 'call' && i.callee.kind === 'function') this.passArguments(fn, i);
        if (i.type !== 'ptr') continue;
        const next = join(table[i.id], this.transfer(fn, i));
        if (next !== table[i.id]) {
          table[i.id] = next;
          this.changed = true;
        }
      }
      const t = block.term;
      if (t.op === 'return' && t.value?.type === 'ptr') {
        const next = join(this.returns.get(fn), this.space(fn, t.value));
        if (next !== this.returns.get(fn)) {
          this.returns.set(fn, next);
          this.changed = true;
        }
      }
    }
  }

  private passArguments(fn: IrFunction, call: CallInst): void {
    const callee = call.callee.kind === 'function' ? this.module.functions.get(call.callee.name) : undefined;
    if (callee?.linkage !== 'static') return;
    const params = this.params.get(callee) as (Space | undefined)[];
    for (const p of callee.params) {
      const a = call.args[p.index];
      if (!a || p.type !== 'ptr' || p.space) continue;
      const next = join(params[p.index], this.space(fn, a));
      if (next !== params[p.index]) {
        params[p.index] = next;
        this.changed = true;
      }
    }
  }

  private transfer(fn: IrFunction, i: Inst): Space | undefined {
    switch (i.op) {
      case 'alloca':
        return 'stack';
      case 'globaladdr':
        return 'map';
      case 'mapaddr':
        return 'mapHandle';
      case 'funcaddr':
        return 'unknown';
      case 'ksymaddr':
        return i.typed ? 'btf' : 'kernel';
      case 'ptradd': {
        const base = this.space(fn, i.base);
        // An offset from null is a plain number: an address that somebody computed.
        return base === 'null' ? this.numbers(fn) : base;
      }
      case 'spacecast':
        return i.space;
      case 'phi': {
        let s: Space | undefined;
        for (const x of i.incoming) s = join(s, this.space(fn, x.value));
        return s;
      }
      case 'select':
        return join(this.space(fn, i.a), this.space(fn, i.b));
      case 'load':
        return i.resultSpace ?? this.loaded(fn, i, i.pointee);
      case 'call':
        return this.called(i);
      case 'inttoptr':
        return i.space ?? this.fromNumber(fn, i.a, 0, i.pointee) ?? this.numbers(fn);
      case 'asmout':
        return this.numbers(fn);
      default:
        return 'unknown';
    }
  }

  private called(i: CallInst): Space | undefined {
    if (i.resultSpace) return i.resultSpace;
    switch (i.callee.kind) {
      case 'helper':
        return helperFacts(i).returns ?? 'unknown';
      case 'kfunc':
        return 'btf';
      case 'function': {
        const callee = this.module.functions.get(i.callee.name);
        return callee ? this.returns.get(callee) : 'unknown';
      }
      case 'indirect':
        return 'unknown';
      default:
        return never(i.callee);
    }
  }

  /** An address that is just a number to the verifier. */
  private numbers(fn: IrFunction): Space {
    switch (this.kind(fn)) {
      case 'untyped':
        return 'external';
      case 'typed':
        return 'kernel';
      case 'network':
        return 'unknown';
      default:
        return never(this.kind(fn) as never);
    }
  }

  /** What a pointer is that was loaded from this place. */
  private loaded(fn: IrFunction, i: Load, pointee: Load['pointee']): Space | undefined {
    const from = this.space(fn, i.ptr);
    if (from === undefined) return undefined;
    const kind = this.kind(fn);
    if (kind === 'network') return from === 'ctx' ? (i.bits === 32 ? 'packet' : 'mem') : 'unknown';
    if (from === 'user') return 'user';
    if (from === 'stack' || from === 'mem') {
      const stored = (this.spilled ??= new SpilledPointers(this.module)).at(i);
      if (stored !== undefined) {
        let s: Space | undefined;
        for (const { fn: storer, value } of stored) s = join(s, this.space(storer, value));
        return s;
      }
    }
    if (kind === 'typed' && (from === 'ctx' || from === 'btf') && pointee !== 'other') return 'btf';
    // Keys and values of maps that an iterator walks (`void *`): the verifier gives their buffers to the program.
    if (kind === 'typed') return from === 'ctx' && fn.program?.attachType === 'trace_iter' ? 'mem' : 'kernel';
    return 'external';
  }

  /** Follows a number back to the pointer or place it came from. */
  private fromNumber(fn: IrFunction, v: Value, depth: number, pointee: Load['pointee']): Space | undefined {
    if (depth > 8) return undefined;
    switch (v.op) {
      case 'ptrtoint':
        return this.space(fn, v.a);
      case 'load':
        return this.loaded(fn, v, pointee);
      case 'call':
        return v.callee.kind === 'helper' ? helperFacts(v).returns : undefined;
      case 'ext':
      case 'trunc':
        return this.fromNumber(fn, v.a, depth + 1, pointee);
      case 'bin': {
        if (v.b.op === 'const') return this.fromNumber(fn, v.a, depth + 1, pointee);
        const a = this.fromNumber(fn, v.a, depth + 1, pointee),
          b = this.fromNumber(fn, v.b, depth + 1, pointee);
        // One of the two is the address, the other an offset that was loaded from somewhere.
        return isProgramMemory(a) ? a : isProgramMemory(b) ? b : undefined;
      }
      case 'select':
        return join(this.fromNumber(fn, v.a, depth + 1, pointee), this.fromNumber(fn, v.b, depth + 1, pointee));
      case 'phi': {
        let s: Space | undefined;
        for (const x of v.incoming) if (x.value !== v) s = join(s, this.fromNumber(fn, x.value, depth + 3, pointee));
        return s;
      }
      default:
        return undefined;
    }
  }
}

function isProgramMemory(s: Space | undefined): boolean {
  return s === 'stack' || s === 'map' || s === 'mem' || s === 'packet' || s === 'ctx';
}

const NEEDS_READING = new Set<Space>(['kernel', 'user', 'external']);

export function needsProbeRead(s: Space): s is 'kernel' | 'user' | 'external' {
  return NEEDS_READING.has(s);
}

/** Least upper bound. */
export function join(a: Space | undefined, b: Space | undefined): Space | undefined {
  if (a === undefined || a === b || a === 'null') return b ?? a;
  if (b === undefined || b === 'null') return a;
  if (a === 'unknown' || b === 'unknown') return 'unknown';
  if (needsProbeRead(a) || needsProbeRead(b))
    return a === 'user' || b === 'user' || a === 'external' || b === 'external' ? 'external' : 'kernel';
  // A kernel object or memory of the program: the kernel reads both.
  if (a === 'btf' || b === 'btf') return 'kernel';
  return isProgramMemory(a) && isProgramMemory(b) ? 'mem' : 'unknown';
}

function never(x: never): never {
  throw new Error(`unhandled ${String(x)}`);
}
