/**
 * Reads of memory that the verifier does not let a program touch become calls of the helpers that read it:
 *
 *   %v = load i32 u32 %p+8          %t = alloca 4
 *                             ─▶    call probe_read_kernel(%t, 4, %p+8)
 *                                   %v = load i32 u32 %t
 *
 * A copy into memory of the program is one call, straight into its destination. What the helper cannot read becomes
 * zeros, as with BCC. Writing is an error at the source's line: there is no helper for it.
 */
import type { Diagnostics } from '../../diagnostics.ts';
import { Builder, constant } from '../builder.ts';
import type { Block, Inst, IrFunction, IrModule, Space, Value } from '../ir.ts';
import { inferSpaces, needsProbeRead, type Spaces } from '../spaces.ts';
import { isInst } from '../uses.ts';

const HELPER = {
  kernel: { id: 113, name: 'probe_read_kernel' },
  user: { id: 112, name: 'probe_read_user' },
  external: { id: 4, name: 'probe_read' },
} as const;

/** The whole module: spaces flow through calls. True if a function changed. */
export function insertProbeReads(module: IrModule, diagnostics: Diagnostics): Set<IrFunction> {
  const changed = new Set<IrFunction>();
  const relevant = [...module.functions.values()].filter((fn) => mayNeed(fn));
  if (relevant.length === 0) return changed;
  const spaces = inferSpaces(module);
  for (const fn of relevant) if (new Inserter(fn, spaces, diagnostics).run()) changed.add(fn);
  return changed;
}

/** Programs whose memory is all known have nothing to infer. */
function mayNeed(fn: IrFunction): boolean {
  return fn.blocks.some((b) =>
    b.insts.some(
      (i) => i.op === 'load' || i.op === 'store' || i.op === 'memcpy' || i.op === 'memcmp' || i.op === 'atomic' || i.op === 'memset',
    ),
  );
}

class Inserter {
  private readonly fn: IrFunction;
  private readonly spaces: Spaces;
  private readonly diagnostics: Diagnostics;
  private readonly b: Builder;
  private changed = false;

  constructor(fn: IrFunction, spaces: Spaces, diagnostics: Diagnostics) {
    this.fn = fn;
    this.spaces = spaces;
    this.diagnostics = diagnostics;
    this.b = new Builder(fn);
  }

  run(): boolean {
    for (const block of [...this.fn.blocks]) this.block(block);
    return this.changed;
  }

  private spaceOf(v: Value): Space {
    return this.spaces.of(this.fn, v);
  }

  private block(block: Block): void {
    const { b } = this;
    const insts = block.insts;
    if (!insts.some((i) => this.concerns(i))) return;
    this.changed = true;
    // Allocas go into the entry, which may be this block: they are put in front when all is done.
    block.insts = [];
    b.block = block;
    for (const i of insts) {
      b.loc = i.loc;
      if (i.op === 'load') {
        const s = this.spaceOf(i.ptr);
        if (needsProbeRead(s)) {
          const size = i.bits / 8;
          const buffer = b.alloca(size, size, i.name);
          this.read(s, buffer, size, this.at(i.ptr, i.offset));
          i.ptr = buffer;
          i.offset = 0;
          i.volatile = false;
        }
      } else if (i.op === 'memcpy') {
        const s = this.spaceOf(i.src);
        if (needsProbeRead(this.spaceOf(i.dst))) this.refuseWrite(i, this.spaceOf(i.dst));
        else if (needsProbeRead(s) || s === 'btf') {
          this.read(s === 'btf' ? 'kernel' : s, i.dst, i.size, i.src);
          continue;
        }
      } else if (i.op === 'memcmp') {
        i.a = this.readable(i.a, i.size);
        i.b = this.readable(i.b, i.size);
      } else if (i.op === 'store' || i.op === 'atomic') {
        const s = this.spaceOf(i.ptr);
        if (needsProbeRead(s)) this.refuseWrite(i, s);
      } else if (i.op === 'memset') {
        const s = this.spaceOf(i.dst);
        if (needsProbeRead(s)) this.refuseWrite(i, s);
      }
      block.insts.push(i);
    }
  }

  private concerns(i: Inst): boolean {
    switch (i.op) {
      case 'load':
      case 'store':
      case 'atomic':
        return needsProbeRead(this.spaceOf(i.ptr));
      case 'memcpy':
        return needsProbeRead(this.spaceOf(i.src)) || this.spaceOf(i.src) === 'btf' || needsProbeRead(this.spaceOf(i.dst));
      case 'memcmp':
        return this.unreadable(i.a) || this.unreadable(i.b);
      case 'memset':
        return needsProbeRead(this.spaceOf(i.dst));
      default:
        return false;
    }
  }

  private unreadable(v: Value): boolean {
    const s = this.spaceOf(v);
    return needsProbeRead(s) || s === 'btf';
  }

  private at(ptr: Value, offset: number): Value {
    return this.b.ptradd(ptr, constant('i64', offset));
  }

  private read(s: 'kernel' | 'user' | 'external', into: Value, size: number, from: Value): void {
    const helper = HELPER[s];
    this.b.call('i64', { kind: 'helper', ...helper }, [into, constant('i64', size), from]);
  }

  private readable(v: Value, size: number): Value {
    if (!this.unreadable(v)) return v;
    const s = this.spaceOf(v);
    const buffer = this.b.alloca(size, size >= 8 ? 8 : 1);
    this.read(needsProbeRead(s) ? s : 'kernel', buffer, size, v);
    return buffer;
  }

  private refuseWrite(i: Inst, s: Space): void {
    const name = isInst(i) && i.name !== undefined ? ` '${i.name}'` : '';
    if (s === 'user') {
      this.diagnostics.error(
        'write-to-user-memory',
        i.loc,
        `this writes through${name || ' a pointer'} to user memory: use bpf_probe_write_user`,
      );
    } else {
      this.diagnostics.error(
        'write-to-kernel-memory',
        i.loc,
        `this writes through${name || ' a pointer'} to kernel memory, which BPF programs may only read`,
      );
    }
  }
}
