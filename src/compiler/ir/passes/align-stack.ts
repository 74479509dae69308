/**
 * The verifier takes only aligned accesses of the stack. Packed records on the stack (and unions read in odd ways) have
 * others: they become accesses of the parts. Elsewhere unaligned accesses are fine on the machines skep compiles for.
 */
import { Builder, constant } from '../builder.ts';
import type { IrFunction, Load, MemBits, Store, Value } from '../ir.ts';
import { replaceAll } from '../uses.ts';
import { basedOn } from './pointers.ts';

export function alignStackAccesses(fn: IrFunction): boolean {
  const replacement: (Value | undefined)[] = [];
  let changed = false;
  for (const block of fn.blocks) {
    if (!block.insts.some((i) => (i.op === 'load' || i.op === 'store') && alignmentOf(i) * 8 < i.bits)) continue;
    changed = true;
    const insts = block.insts;
    block.insts = [];
    const b = new Builder(fn);
    b.block = block;
    for (const i of insts) {
      const align = i.op === 'load' || i.op === 'store' ? alignmentOf(i) : 0;
      if (i.op === 'load' && align * 8 < i.bits) {
        b.loc = i.loc;
        replacement[i.id] = splitLoad(b, i, align);
      } else if (i.op === 'store' && align * 8 < i.bits) {
        b.loc = i.loc;
        splitStore(b, i, align);
      } else block.insts.push(i);
    }
  }
  if (replacement.length > 0) replaceAll(fn, replacement);
  return changed;
}

/** What the access is aligned to; its own width where it is not known to be the stack. */
function alignmentOf(i: Load | Store): number {
  const { base, offset } = basedOn(i.ptr);
  const natural = i.bits / 8;
  if (base.op !== 'alloca') return natural;
  // An object of eight bytes gets an aligned slot whatever it asks for.
  const slot = Math.max(base.align, base.size >= 8 ? 8 : base.size >= 4 ? 4 : base.size >= 2 ? 2 : 1);
  if (offset === undefined) return Math.min(natural, i.align ?? natural);
  const at = offset + i.offset;
  return Math.min(natural, slot, at === 0 ? natural : at & -at);
}

function splitLoad(b: Builder, i: Load, align: number): Value {
  const bits = (align * 8) as MemBits;
  const type = i.bits === 64 ? 'i64' : 'i32';
  let v: Value = constant(type, 0);
  for (let at = 0; at < i.bits / 8; at += align) {
    const part = b.load(type, bits, false, i.ptr, i.offset + at, { volatile: i.volatile });
    v = b.bin('or', v, b.bin('shl', part, constant(type, at * 8)));
  }
  if (i.type === 'ptr') return b.inttoptr(v, i.resultSpace, i.pointee);
  if (i.bits === 64 || (i.bits === 32 && i.type === 'i32')) return v;
  return b.ext(i.type, i.signed, i.bits, v);
}

function splitStore(b: Builder, i: Store, align: number): void {
  const bits = (align * 8) as MemBits;
  let v = i.value;
  if (v.type === 'ptr') v = b.ptrtoint(v);
  const type = v.type as 'i32' | 'i64';
  for (let at = 0; at < i.bits / 8; at += align) {
    b.store(bits, b.bin('lshr', v, constant(type, at * 8)), i.ptr, i.offset + at, { volatile: i.volatile });
  }
}
