/**
 * Register allocation, from variables to r0 … r9.
 *
 *   coalesce ─▶ spill where pressure is too high, cutting lives ─▶ colour ─▶ (spill what got no colour, colour again)
 *
 * Never fails: see `spill-everywhere.ts`.
 */
import { orderBlocks } from './cfg.ts';
import { coalesce } from './coalesce.ts';
import { color } from './color.ts';
import { buildInterference } from './interference.ts';
import type { MFunction, MInst } from './machine.ts';
import { FIRST_VIRTUAL, MOV64, mapRegisters } from './machine.ts';
import { findRepeatable, repeatCost } from './rematerialize.ts';
import { spillPressure } from './spill.ts';
import { newSpillSlot, spillEverywhere } from './spill-everywhere.ts';

/** Each round puts more registers on the stack, so it ends long before. */
const MOST_ROUNDS = 60;

export interface AllocationReport {
  /** Registers that ended on the stack after colouring failed. */
  spilled: number;
  rounds: number;
}

export function allocate(fn: MFunction): AllocationReport {
  const report: AllocationReport = { spilled: 0, rounds: 0 };
  orderBlocks(fn);
  coalesce(fn);
  if (spillPressure(fn)) orderBlocks(fn);
  const short = new Set<number>();
  for (;;) {
    if (++report.rounds > MOST_ROUNDS) throw new Error(`${fn.name}: allocation does not end`);
    const graph = buildInterference(fn);
    const makers = findRepeatable(fn);
    const cost = new Float64Array(graph.count);
    for (let v = 0; v < graph.count; v++) {
      const r = graph.regs[v] as number;
      const maker = makers[r];
      cost[v] = short.has(r) ? Infinity : (graph.cost[v] as number) * (maker ? repeatCost(maker) * 0.5 : 1);
    }
    const result = color(graph, cost);
    if (result.spilled.length === 0) {
      assign(fn, graph.nodeOf, result.color);
      return report;
    }
    const homes = new Map<number, number | MInst>();
    const slotOfGroup = new Map<number, number>();
    const spilled = new Set(result.spilled);
    const members = new Map<number, number>();
    for (let v = 0; v < graph.count; v++) {
      const g = result.group[v] as number;
      if (spilled.has(g)) members.set(g, (members.get(g) ?? 0) + 1);
    }
    for (let v = 0; v < graph.count; v++) {
      const g = result.group[v] as number;
      if (!spilled.has(g)) continue;
      const r = graph.regs[v] as number;
      const maker = makers[r];
      if (maker && members.get(g) === 1) homes.set(r, maker);
      else {
        let slot = slotOfGroup.get(g);
        if (slot === undefined) slotOfGroup.set(g, (slot = newSpillSlot(fn)));
        homes.set(r, slot);
      }
    }
    report.spilled += homes.size;
    spillEverywhere(fn, homes, short);
  }
}

function assign(fn: MFunction, nodeOf: Int32Array, colors: Int8Array): void {
  const physical = (r: number): number => (r < FIRST_VIRTUAL ? r : (colors[nodeOf[r] as number] as number));
  for (const block of fn.blocks) {
    let kept = 0;
    for (const i of block.insts) {
      mapRegisters(i, physical);
      if (!(i.op === MOV64 && i.off === 0 && i.dst === i.src)) block.insts[kept++] = i;
    }
    block.insts.length = kept;
  }
}
