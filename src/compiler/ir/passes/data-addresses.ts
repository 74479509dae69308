/**
 * Addresses in initialisers, for machines that load no relocations into data: the entry points store them before they
 * do anything else. The kernel's verifier would not let them be used after; the VM does.
 */
import { Builder } from '../builder.ts';
import type { Block, IrFunction, IrModule } from '../ir.ts';

export function storeDataAddresses(module: IrModule, entries: readonly IrFunction[]): void {
  const holders = [...module.globals.values()].filter((g) => (g.relocs?.length ?? 0) > 0);
  if (holders.length === 0) return;
  for (const g of holders) {
    // The program writes them, so they are no constants any more.
    const section = g.section.startsWith('.rodata') ? '.data' : g.section;
    module.globals.set(g.name, { ...g, readOnly: false, relocs: [], section: section === '.bss' ? '.data' : section });
  }
  for (const fn of entries) {
    const entry = fn.blocks[0] as Block;
    const rest = entry.insts;
    entry.insts = [];
    const b = new Builder(fn);
    for (const g of holders) {
      for (const r of g.relocs ?? []) {
        const address = b.ptradd(r.kind === 'function' ? b.funcaddr(r.name) : b.globaladdr(r.name), r.addend);
        b.store(64, address, b.globaladdr(g.name), r.offset);
      }
    }
    entry.insts = [...rest.filter((i) => i.op === 'alloca'), ...entry.insts, ...rest.filter((i) => i.op !== 'alloca')];
  }
}
