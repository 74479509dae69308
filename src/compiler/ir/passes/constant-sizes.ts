/**
 * `memcpy(p, q, n)` in an inline function gets its size from the caller. Lowering leaves such calls as calls of names
 * that C cannot spell; when the size has become a constant they become what they mean. One whose size stays unknown is
 * an error where the module is complete.
 */
import type { Diagnostics } from '../../diagnostics.ts';
import { Builder } from '../builder.ts';
import type { CallInst, Inst, IrFunction, IrModule, Value } from '../ir.ts';
import { replaceAll } from '../uses.ts';

/** Arguments: destination (or left side), source (byte, right side), size, alignment. */
export const VARIABLE = { memcpy: '.memcpy', memmove: '.memmove', memset: '.memset', memcmp: '.memcmp' } as const;

const NAMES = new Set<string>(Object.values(VARIABLE));

function isVariable(i: Inst): i is CallInst {
  return i.op === 'call' && i.callee.kind === 'function' && NAMES.has(i.callee.name);
}

export function foldSizes(fn: IrFunction): boolean {
  const replacement: (Value | undefined)[] = [];
  let changed = false;
  for (const block of fn.blocks) {
    if (!block.insts.some((i) => isVariable(i) && i.args[2]?.op === 'const')) continue;
    changed = true;
    const insts = block.insts;
    block.insts = [];
    const b = new Builder(fn);
    b.block = block;
    for (const i of insts) {
      const size = isVariable(i) ? i.args[2] : undefined;
      if (!isVariable(i) || size?.op !== 'const' || i.callee.kind !== 'function') {
        block.insts.push(i);
        continue;
      }
      b.loc = i.loc;
      const [x, y, , align] = i.args as [Value, Value, Value, Value];
      const by = align.op === 'const' ? Number(align.value) : 1;
      const n = Number(size.value);
      switch (i.callee.name) {
        case VARIABLE.memset:
          b.memset(x, y, n, by);
          break;
        case VARIABLE.memcmp:
          replacement[i.id] = b.memcmp(x, y, n, by);
          break;
        default:
          b.memcpy(x, y, n, by, i.callee.name === VARIABLE.memmove);
      }
    }
  }
  if (replacement.length > 0) replaceAll(fn, replacement);
  return changed;
}

/** Says which sizes are still unknown. */
export function reportVariableSizes(module: IrModule, diagnostics: Diagnostics): void {
  const seen = new Set<number>();
  for (const fn of module.functions.values()) {
    for (const block of fn.blocks) {
      for (const i of block.insts) {
        if (!isVariable(i) || i.callee.kind !== 'function' || seen.has(i.loc)) continue;
        seen.add(i.loc);
        diagnostics.error(
          'variable-size',
          i.loc,
          `the size of '${i.callee.name.slice(1)}' must be a constant: BPF has no such function to call`,
        );
      }
    }
  }
}

export function isVariableName(name: string): boolean {
  return NAMES.has(name);
}
