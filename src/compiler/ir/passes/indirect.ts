/** Calls through pointers whose target has become known are calls of that function. */
import type { IrFunction } from '../ir.ts';

export function resolveIndirectCalls(fn: IrFunction): boolean {
  let changed = false;
  for (const block of fn.blocks) {
    for (const i of block.insts) {
      if (i.op !== 'call' || i.callee.kind !== 'indirect') continue;
      const target = i.args[0];
      if (target?.op !== 'funcaddr') continue;
      i.callee = { kind: 'function', name: target.fn };
      i.args.shift();
      changed = true;
    }
  }
  return changed;
}
