/**
 * Phis become copies at the end of each predecessor, all of an edge's copies at once: `a, b = b, a` is one parallel
 * copy. An edge that is not its predecessor's only way out gets a block of its own for its copies; where they turn out
 * to be empty, layout removes it.
 */
import type { Cfg } from '../../ir/cfg.ts';
import type { Block, Phi, Value } from '../../ir/ir.ts';
import type { MBlock } from '../machine.ts';
import { newBlock } from '../machine.ts';
import type { Selection } from './selection.ts';

/** Gives the block that leads from one IR block to another, making copies on the way. */
export function edges(s: Selection, cfg: Cfg, heads: readonly MBlock[]): (from: Block, to: Block) => MBlock {
  const made = new Map<Block, MBlock>();
  let madeFor: Block | undefined;
  return (from, to) => {
    const at = cfg.position[to.id] as number;
    const head = heads[at] as MBlock;
    const phis: Phi[] = [];
    for (const i of to.insts) {
      if (i.op !== 'phi') break;
      if (s.isWanted(i)) phis.push(i);
    }
    if (phis.length === 0) return head;
    const succs = cfg.succs[cfg.position[from.id] as number] as readonly Block[];
    if (succs.every((b) => b === to)) {
      copyPhis(s, from, phis);
      return head;
    }
    if (madeFor !== from) {
      made.clear();
      madeFor = from;
    }
    let block = made.get(to);
    if (block === undefined) {
      block = newBlock(s.out, s.loc);
      const back = s.block;
      s.continueIn(block);
      copyPhis(s, from, phis);
      s.block.next = head;
      s.continueIn(back);
      made.set(to, block);
    }
    return block;
  };
}

function copyPhis(s: Selection, from: Block, phis: readonly Phi[]): void {
  const moves: { dst: number; src: number }[] = [];
  const late: { dst: number; value: Value }[] = [];
  for (const phi of phis) {
    const incoming = phi.incoming.find((x) => x.block === from);
    if (incoming === undefined) continue;
    const dst = s.incomingReg(phi);
    const v = s.resolve(incoming.value);
    if (s.hasRegister(v)) moves.push({ dst, src: s.reg(v) });
    else late.push({ dst, value: v });
  }
  // What is made on the spot may read a register that is about to be overwritten.
  const after: { dst: number; value: Value }[] = [];
  for (const l of late) {
    if (l.value.op === 'ptradd') {
      const t = s.fresh(l.value);
      moves.push({ dst: l.dst, src: t });
    } else after.push(l);
  }
  parallelCopy(
    moves,
    (dst, src) => s.copy(dst, src),
    () => s.newReg(),
  );
  for (const a of after) s.into(a.dst, a.value);
}

/** Emits copies in an order in which none reads what another has overwritten; cycles go through a temporary. */
export function parallelCopy(
  moves: readonly { dst: number; src: number }[],
  copy: (dst: number, src: number) => void,
  temporary: () => number,
): void {
  const sourceOf = new Map<number, number>();
  const readers = new Map<number, number>();
  for (const m of moves) {
    if (m.dst === m.src) continue;
    sourceOf.set(m.dst, m.src);
    readers.set(m.src, (readers.get(m.src) ?? 0) + 1);
  }
  const ready: number[] = [];
  for (const dst of sourceOf.keys()) if (!readers.get(dst)) ready.push(dst);
  const emit = (dst: number): void => {
    const src = sourceOf.get(dst) as number;
    copy(dst, src);
    sourceOf.delete(dst);
    const left = (readers.get(src) as number) - 1;
    readers.set(src, left);
    if (left === 0 && sourceOf.has(src)) ready.push(src);
  };
  for (;;) {
    for (let dst = ready.pop(); dst !== undefined; dst = ready.pop()) emit(dst);
    const first = sourceOf.keys().next();
    if (first.done) return;
    // Only cycles are left: keep one register's old value aside, then it may be overwritten.
    const dst = first.value;
    const t = temporary();
    copy(t, dst);
    for (const [d, src] of sourceOf) if (src === dst) sourceOf.set(d, t);
    readers.set(t, readers.get(dst) as number);
    readers.set(dst, 0);
    ready.push(dst);
  }
}
