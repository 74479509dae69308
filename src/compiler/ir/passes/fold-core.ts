/** A relocated offset goes into the access itself: `r1 = *(u64 *)(r2 + off)` with the relocation on it, as clang does. */
import type { IrFunction } from '../ir.ts';

export function foldCoreOffsets(fn: IrFunction): boolean {
  let changed = false;
  for (const block of fn.blocks) {
    for (const i of block.insts) {
      if ((i.op !== 'load' && i.op !== 'store') || i.core || i.offset !== 0 || i.ptr.op !== 'ptradd') continue;
      const by = i.ptr.offset;
      if (by.op !== 'core' || by.core.kind !== 'fieldByteOffset' || by.core.local > 0x7fffn) continue;
      i.core = by.core;
      i.ptr = i.ptr.base;
      changed = true;
    }
  }
  return changed;
}
