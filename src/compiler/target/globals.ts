/**
 * Where global variables live: each section is one map with one value, variables lie in it in order of declaration,
 * aligned. The code generator and whoever writes the sections' bytes and BTF must agree, so both ask here.
 */
import type { IrGlobal, IrModule } from '../ir/ir.ts';

export interface GlobalPlace {
  /** The data map: '.data', '.rodata', '.bss', … */
  readonly map: string;
  readonly offset: number;
}

export interface GlobalLayout {
  readonly places: ReadonlyMap<string, GlobalPlace>;
  /** Bytes by section. */
  readonly sizes: ReadonlyMap<string, number>;
}

export function layoutGlobals(module: IrModule): GlobalLayout {
  const places = new Map<string, GlobalPlace>();
  const sizes = new Map<string, number>();
  for (const g of module.globals.values()) {
    const offset = alignUp(sizes.get(g.section) ?? 0, g.align);
    places.set(g.name, { map: g.section, offset });
    sizes.set(g.section, offset + sizeInSection(g));
  }
  return { places, sizes };
}

function sizeInSection(g: IrGlobal): number {
  return Math.max(g.size, 1);
}

function alignUp(n: number, align: number): number {
  const a = Math.max(1, align);
  return Math.ceil(n / a) * a;
}
