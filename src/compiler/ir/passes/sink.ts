/**
 * A load whose value only one side of a branch wants is made there:
 *
 *      %v = load packet+30                 branch %c, b1, b2
 *      branch %c, b1, b2          ═▶     b1:
 *    b1:                                   %v = load packet+30
 *      … %v …                              … %v …
 *
 * The other side is shorter, and a read above the check that guards it comes below it, where the verifier accepts it.
 * A load moves past nothing that has an effect, into no loop, and is never made twice.
 */
import { buildCfg, buildDominators, type Cfg, type Dominators } from '../cfg.ts';
import type { Block, Inst, IrFunction, Value } from '../ir.ts';
import { forEachOperand, hasEffect, isInst, termOperand } from '../uses.ts';

export function sinkLoads(fn: IrFunction): boolean {
  const cfg = buildCfg(fn);
  let users: Map<number, Set<number>> | undefined;
  let dom: Dominators | undefined;
  let changed = false;
  // Blocks before their successors: a load can go down several in turn.
  for (const block of cfg.order) {
    if (block.term.op !== 'branch' && block.term.op !== 'switch') continue;
    for (let k = block.insts.length - 1; k >= 0; k--) {
      const i = block.insts[k] as Inst;
      if (hasEffect(i) || i.op === 'phi') break;
      if (i.op !== 'load' || i.volatile) continue;
      users ??= usersByBlock(fn, cfg);
      dom ??= buildDominators(cfg);
      const to = onlySide(cfg, dom, block, users.get(i.id));
      if (to === undefined) continue;
      block.insts.splice(k, 1);
      to.insts.unshift(i);
      // What it is computed from is used there now, and here perhaps no more.
      const own = cfg.position[block.id] as number;
      forEachOperand(i, (v) => {
        const places = isInst(v) ? users?.get(v.id) : undefined;
        places?.add(cfg.position[to.id] as number);
        if (places !== undefined && !usedIn(block, v, cfg)) places.delete(own);
      });
      changed = true;
    }
  }
  return changed;
}

/** At the end of the block counts: for its branch, and for phis of what follows. */
function usedIn(block: Block, v: Value, cfg: Cfg): boolean {
  let used = termOperand(block.term) === v;
  for (const i of block.insts) {
    if (i.op !== 'phi')
      forEachOperand(i, (x) => {
        if (x === v) used = true;
      });
  }
  for (const s of cfg.succs[cfg.position[block.id] as number] as readonly Block[])
    for (const i of s.insts) if (i.op === 'phi' && i.incoming.some((x) => x.block === block && x.value === v)) used = true;
  return used;
}

/** The successor that dominates every use and has no other way in. */
function onlySide(cfg: Cfg, dom: Dominators, block: Block, uses: ReadonlySet<number> | undefined): Block | undefined {
  if (uses === undefined) return undefined;
  const own = cfg.position[block.id] as number;
  if (uses.has(own)) return undefined;
  for (const s of cfg.succs[own] as readonly Block[]) {
    const at = cfg.position[s.id] as number;
    if ((cfg.preds[at] as readonly Block[]).length !== 1 || s.insts[0]?.op === 'phi') continue;
    if ([...uses].every((use) => dom.dominates(at, use))) return s;
  }
  return undefined;
}

/** Positions of the blocks where each value is used; a phi uses its value at the end of the block it comes from. */
function usersByBlock(fn: IrFunction, cfg: Cfg): Map<number, Set<number>> {
  const users = new Map<number, Set<number>>();
  const note = (id: number, block: Block): void => {
    const at = cfg.position[block.id] as number;
    const set = users.get(id);
    if (set) set.add(at);
    else users.set(id, new Set([at]));
  };
  for (const block of fn.blocks) {
    for (const i of block.insts) {
      if (i.op === 'phi') {
        for (const x of i.incoming) if (isInst(x.value)) note(x.value.id, x.block);
      } else
        forEachOperand(i, (v) => {
          if (isInst(v)) note(v.id, block);
        });
    }
    const t = termOperand(block.term);
    if (t && isInst(t)) note(t.id, block);
  }
  return users;
}
