/**
 * Reads of constant data at compile time: a load from a `const` global that nobody can change is its initial value.
 * `volatile` ones (libbpf's knobs: `const volatile int targ_pid`) and those without bytes here are never folded.
 */
import { constant } from '../builder.ts';
import { evalExt } from '../eval.ts';
import type { FuncAddr, GlobalAddr, IrGlobal, IrModule, Load, Value } from '../ir.ts';

export function isConstant(g: IrGlobal | undefined): g is IrGlobal {
  return g?.readOnly === true && !g.volatile && g.linkage !== 'extern' && g.section !== '.kconfig';
}

/** The value, or an address still to be placed (id 0), or undefined where it is not known. */
export function readConstant(module: IrModule, name: string, offset: number, load: Load): Value | undefined {
  const g = module.globals.get(name);
  if (!isConstant(g)) return undefined;
  const size = load.bits / 8;
  // Past its end there is nothing that the program may rely on: `memcpy(array, "text", sizeof(array))` reads on, and gets zeros.
  if (offset < 0) return undefined;
  for (const r of g.relocs ?? []) {
    if (offset < r.offset + 8 && offset + size > r.offset) {
      if (offset !== r.offset || load.bits !== 64 || load.type !== 'ptr') return undefined;
      if (r.kind === 'function') return { op: 'funcaddr', type: 'ptr', id: 0, loc: 0, fn: r.name } satisfies FuncAddr;
      return { op: 'globaladdr', type: 'ptr', id: 0, loc: 0, global: r.name, offset: r.addend } satisfies GlobalAddr;
    }
  }
  let v = 0n;
  for (let i = size - 1; i >= 0; i--) v = (v << 8n) | BigInt(g.data?.[offset + i] ?? 0);
  return constant(load.type, load.bits === 64 || load.type === 'ptr' ? v : evalExt(load.type, load.signed, load.bits, v));
}
