/**
 * Which memory accesses can meet. Known of a pointer: the object it is based on, a constant offset if there is one, and
 * for stack objects whether their address got away.
 *
 * An address that only goes to kernel helpers does not come back: the helper uses the object during the call. One that
 * is stored, merged by a phi, turned into a number or passed to a function may be what any unknown pointer is.
 */
import { helperFacts } from '../helpers.ts';
import type { Atomic, CallInst, Inst, IrFunction, Value } from '../ir.ts';
import { forEachOperand, termOperand } from '../uses.ts';
import { basedOn } from './pointers.ts';

/** 0: only accessed directly. 1: also given to helpers. 2: may be anywhere. By id of the alloca. */
export type Captures = Uint8Array;

export function findCaptures(fn: IrFunction): Captures {
  const captures = new Uint8Array(fn.nextId);
  const capture = (v: Value, level: number): void => {
    if (v.op !== 'alloca' && v.op !== 'ptradd' && v.op !== 'spacecast') return;
    const { base } = basedOn(v);
    if (base.op === 'alloca' && (captures[base.id] as number) < level) captures[base.id] = level;
  };
  const strong = (v: Value): void => capture(v, 2);
  for (const block of fn.blocks) {
    for (const i of block.insts) {
      switch (i.op) {
        case 'load':
        case 'memcpy':
        case 'memset':
        case 'memcmp':
        case 'ptradd':
        case 'spacecast':
        case 'cmp':
          break;
        case 'store':
          strong(i.value);
          break;
        case 'atomic':
          strong(i.value);
          if (i.expected) strong(i.expected);
          break;
        case 'call': {
          const level = i.callee.kind === 'helper' ? 1 : 2;
          for (const a of i.args) capture(a, level);
          break;
        }
        default:
          forEachOperand(i, strong);
      }
    }
    const t = termOperand(block.term);
    if (t) strong(t);
  }
  return captures;
}

/** A range of memory. Size undefined: to wherever. */
export interface Region {
  readonly base: Value;
  readonly offset: number | undefined;
  readonly size: number | undefined;
}

export function regionOf(pointer: Value, offset: number, size: number | undefined): Region {
  const b = basedOn(pointer);
  return { base: b.base, offset: b.offset === undefined ? undefined : b.offset + offset, size };
}

type Kind = 'stack' | 'global' | 'ctx' | 'map' | 'mem' | 'packet' | 'unknown';

function kindOf(v: Value): Kind {
  switch (v.op) {
    case 'alloca':
      return 'stack';
    case 'globaladdr':
      return 'global';
    case 'param':
      return v.space === 'ctx' ? 'ctx' : 'unknown';
    case 'call': {
      const space = helperFacts(v).returns;
      return space === 'map' || space === 'mem' ? space : 'unknown';
    }
    case 'inttoptr': {
      // A packet pointer: a number that was loaded from the context.
      const n = v.a;
      return n.op === 'load' && basedOn(n.ptr).base.op === 'param' && kindOf(basedOn(n.ptr).base) === 'ctx' ? 'packet' : 'unknown';
    }
    default:
      return 'unknown';
  }
}

export function mayAlias(a: Region, b: Region, captures: Captures): boolean {
  if (a.base === b.base || (a.base.op === 'globaladdr' && b.base.op === 'globaladdr' && a.base.global === b.base.global)) {
    if (a.offset === undefined || b.offset === undefined) return true;
    const x = a.offset + (a.base.op === 'globaladdr' ? a.base.offset : 0),
      y = b.offset + (b.base.op === 'globaladdr' ? b.base.offset : 0);
    return !((a.size !== undefined && x + a.size <= y) || (b.size !== undefined && y + b.size <= x));
  }
  const ka = kindOf(a.base),
    kb = kindOf(b.base);
  if (ka === 'stack' || kb === 'stack') {
    if (ka === kb) return false;
    const [object, other] = ka === 'stack' ? [a.base, kb] : [b.base, ka];
    return other === 'unknown' && captures[(object as Inst).id] === 2;
  }
  if (ka === 'unknown' || kb === 'unknown') return true;
  // Two map values may be the same element; objects of different kinds never are.
  return ka === kb && ka !== 'global';
}

/** What an instruction may write: regions, or everything that is not private to the function. */
export interface Effects {
  readonly regions: readonly Region[];
  /** All memory but stack objects that did not get away. */
  readonly everything: boolean;
}

const NOTHING: Effects = { regions: [], everything: false };

export function writesOf(i: Inst): Effects {
  switch (i.op) {
    case 'store':
      return { regions: [regionOf(i.ptr, i.offset, i.bits / 8)], everything: false };
    case 'atomic':
      return { regions: [regionOf((i as Atomic).ptr, i.offset, i.bits / 8)], everything: false };
    case 'memcpy':
    case 'memset':
      return { regions: [regionOf(i.dst, 0, i.size)], everything: false };
    case 'call':
      return callWrites(i);
    case 'asm':
      return i.clobbers.includes('memory') || i.inputs.some((x) => x.constraint.includes('m'))
        ? { regions: i.inputs.filter((x) => x.value.type === 'ptr').map((x) => regionOf(x.value, 0, undefined)), everything: true }
        : NOTHING;
    default:
      return NOTHING;
  }
}

function callWrites(i: CallInst): Effects {
  const facts = helperFacts(i);
  if (facts.writes) return { regions: facts.writes.map((w) => argumentRegion(i, w.arg, w.size)), everything: !facts.local };
  // Whatever its arguments reach, in either direction.
  return {
    regions: i.args.filter((a) => a.type === 'ptr').map((a) => ({ base: basedOn(a).base, offset: undefined, size: undefined })),
    everything: true,
  };
}

function argumentRegion(i: CallInst, arg: number, size: number | undefined): Region {
  const p = i.args[arg];
  if (!p) return { base: i, offset: undefined, size: undefined };
  const length = size === undefined ? undefined : i.args[size];
  return regionOf(p, 0, length?.op === 'const' && length.value < 0x1_0000_0000n ? Number(length.value) : undefined);
}

/** What an instruction may read, for dead stores: undefined stands for everything that is not private. */
export function readsOf(i: Inst): { readonly regions: readonly Region[]; readonly everything: boolean } {
  switch (i.op) {
    case 'load':
      return { regions: [regionOf(i.ptr, i.offset, i.bits / 8)], everything: false };
    case 'atomic':
      return { regions: [regionOf(i.ptr, i.offset, i.bits / 8)], everything: false };
    case 'memcpy':
      return { regions: [regionOf(i.src, 0, i.size)], everything: false };
    case 'memcmp':
      return { regions: [regionOf(i.a, 0, i.size), regionOf(i.b, 0, i.size)], everything: false };
    case 'call': {
      const facts = helperFacts(i);
      if (facts.reads) return { regions: facts.reads.map((r) => argumentRegion(i, r.arg, r.size)), everything: !facts.local };
      return {
        regions: i.args.filter((a) => a.type === 'ptr').map((a) => ({ base: basedOn(a).base, offset: undefined, size: undefined })),
        everything: true,
      };
    }
    case 'asm':
      return {
        regions: i.inputs
          .filter((x) => x.value.type === 'ptr')
          .map((x) => ({ base: basedOn(x.value).base, offset: undefined, size: undefined })),
        everything: true,
      };
    default:
      return NOTHING;
  }
}

/** Whether "everything that is not private" includes this region. */
export function reachableByOthers(r: Region, captures: Captures): boolean {
  return r.base.op !== 'alloca' || captures[r.base.id] === 2;
}
