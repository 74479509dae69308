/**
 * Dead code: an instruction without effect whose value nobody needs goes, and so does what only it needed. Marks from
 * the instructions that have effects, so cycles of phis that only feed each other go too. Allocas that are only
 * written go with the writes.
 */
import { helperFacts } from '../helpers.ts';
import type { Alloca, Inst, IrFunction, Value } from '../ir.ts';
import { forEachOperand, hasEffect, isInst, termOperand } from '../uses.ts';

export function removeDeadCode(fn: IrFunction): boolean {
  const live = new Uint8Array(fn.nextId);
  const work: Inst[] = [];
  const mark = (v: Value): void => {
    if (isInst(v) && !live[v.id]) {
      live[v.id] = 1;
      work.push(v);
    }
  };
  const unread = findUnreadAllocas(fn);
  for (const block of fn.blocks) {
    for (const inst of block.insts) {
      if (!hasEffect(inst)) continue;
      if (inst.op === 'call' && helperFacts(inst).pure) continue;
      const target = writtenObject(inst);
      if (target && unread[target.id]) continue;
      mark(inst);
    }
    const t = termOperand(block.term);
    if (t) mark(t);
  }
  for (let i = work.pop(); i; i = work.pop()) forEachOperand(i, mark);

  let changed = false;
  for (const block of fn.blocks) {
    let kept = 0;
    const insts = block.insts;
    for (let i = 0; i < insts.length; i++) {
      const inst = insts[i] as Inst;
      if (live[inst.id]) insts[kept++] = inst;
    }
    if (kept !== insts.length) {
      insts.length = kept;
      changed = true;
    }
  }
  return changed;
}

/** The alloca that an instruction only writes, if it writes straight into one. */
function writtenObject(inst: Inst): Alloca | undefined {
  switch (inst.op) {
    case 'store':
      return inst.volatile ? undefined : baseAlloca(inst.ptr);
    case 'memcpy':
    case 'memset':
      return baseAlloca(inst.dst);
    default:
      return undefined;
  }
}

function baseAlloca(v: Value): Alloca | undefined {
  let p = v;
  while (p.op === 'ptradd' || p.op === 'spacecast') p = p.op === 'ptradd' ? p.base : p.a;
  return p.op === 'alloca' ? p : undefined;
}

/** By id: allocas of which no address leaves into anything but the destination of a write. */
function findUnreadAllocas(fn: IrFunction): Uint8Array {
  const entry = fn.blocks[0];
  const unread = new Uint8Array(fn.nextId);
  let any = false;
  for (const i of entry?.insts ?? []) {
    if (i.op === 'alloca') {
      unread[i.id] = 1;
      any = true;
    }
  }
  if (!any) return unread;
  const used = (v: Value): void => {
    const a = baseAlloca(v);
    if (a) unread[a.id] = 0;
  };
  for (const block of fn.blocks) {
    for (const inst of block.insts) {
      switch (inst.op) {
        case 'ptradd':
          used(inst.offset);
          break;
        case 'spacecast':
          break;
        case 'store':
          used(inst.value);
          if (inst.volatile) used(inst.ptr);
          break;
        case 'memcpy':
          used(inst.src);
          break;
        case 'memset':
          break;
        default:
          forEachOperand(inst, used);
      }
    }
    const t = termOperand(block.term);
    if (t) used(t);
  }
  return unread;
}
