/**
 * Keeps the control flow graph small. To a fixpoint:
 *
 *   - a branch whose way is known becomes a jump; blocks that nothing reaches go
 *   - a phi that can only be one value is that value
 *   - a block and its only successor, whose only predecessor it is, become one
 *   - a block that does nothing but jump is bypassed
 *   - a block that only asks about a phi is entered past the question where the answer is known (`a && b` as a condition)
 *
 * The entry never gets predecessors. No path gains or loses an instruction with effect, so the checks that the
 * verifier relies on stay on the paths where the source has them.
 */
import { buildCfg, mapSuccessors, successors } from '../cfg.ts';
import { evalCmp, signed } from '../eval.ts';
import type { Block, Cmp, Inst, IrFunction, Phi, Terminator, Value } from '../ir.ts';
import { countUses, isInst, replaceAll } from '../uses.ts';

export function cleanupCfg(fn: IrFunction): boolean {
  let changed = false;
  // Each round removes an edge, a block or a phi, so this ends; the bound is against a mistake here.
  for (let round = 0; round < 1000; round++) {
    const a = foldTerminators(fn);
    const b = removeUnreachable(fn);
    const c = simplifyPhis(fn);
    const d = mergeChains(fn);
    const e = bypassEmpty(fn);
    const f = threadKnownPhis(fn);
    if (!(a || b || c || d || e || f)) break;
    changed = true;
  }
  return changed;
}

function foldTerminators(fn: IrFunction): boolean {
  let changed = false;
  for (const block of fn.blocks) {
    const t = block.term;
    let to: Block | undefined;
    if (t.op === 'branch') {
      if (t.then === t.else) to = t.then;
      else if (t.cond.op === 'const') to = t.cond.value !== 0n ? t.then : t.else;
      else if (t.cond.op === 'undef') to = t.else;
    } else if (t.op === 'switch') {
      to = switchTarget(t);
    }
    if (to) {
      block.term = { op: 'jump', to, loc: t.loc };
      changed = true;
    }
  }
  return changed;
}

function switchTarget(t: Terminator & { op: 'switch' }): Block | undefined {
  if (t.value.op === 'undef') return t.otherwise;
  if (t.value.op === 'const') {
    const v = t.signed ? signed(t.value.type, t.value.value) : t.value.value;
    return t.cases.find((c) => c.low <= v && v <= c.high)?.to ?? t.otherwise;
  }
  return t.cases.every((c) => c.to === t.otherwise) ? t.otherwise : undefined;
}

/** Also drops what phis say about edges that are gone. */
export function removeUnreachable(fn: IrFunction): boolean {
  const cfg = buildCfg(fn);
  let changed = false;
  if (cfg.order.length !== fn.blocks.length) {
    fn.blocks = fn.blocks.filter((b) => (cfg.position[b.id] as number) >= 0);
    changed = true;
  }
  for (const block of fn.blocks) {
    if (block.insts[0]?.op !== 'phi') continue;
    const preds = cfg.preds[cfg.position[block.id] as number] as readonly Block[];
    for (const i of block.insts) {
      if (i.op !== 'phi') break;
      let kept = 0;
      for (const x of i.incoming) if (preds.includes(x.block)) i.incoming[kept++] = x;
      if (kept !== i.incoming.length) {
        i.incoming.length = kept;
        changed = true;
      }
    }
  }
  return changed;
}

export function sameValue(a: Value, b: Value): boolean {
  return a === b || (a.op === 'const' && b.op === 'const' && a.type === b.type && a.value === b.value);
}

/** The one value a phi can be, if there is only one. */
function onlyValue(phi: Phi): Value | undefined {
  let only: Value | undefined;
  for (const x of phi.incoming) {
    if (x.value === phi) continue;
    if (only === undefined) only = x.value;
    else if (!sameValue(only, x.value)) return undefined;
  }
  return only;
}

function simplifyPhis(fn: IrFunction): boolean {
  let replacement: (Value | undefined)[] | undefined;
  for (const block of fn.blocks) {
    if (block.insts[0]?.op !== 'phi') continue;
    let kept = 0;
    const insts = block.insts;
    for (let k = 0; k < insts.length; k++) {
      const i = insts[k] as Inst;
      const only = i.op === 'phi' ? onlyValue(i) : undefined;
      if (only) (replacement ??= [])[i.id] = only;
      else insts[kept++] = i;
    }
    insts.length = kept;
  }
  if (!replacement) return false;
  replaceAll(fn, replacement);
  return true;
}

function predCounts(fn: IrFunction): Int32Array {
  const counts = new Int32Array(fn.nextId);
  for (const block of fn.blocks) for (const s of successors(block.term)) counts[s.id] = (counts[s.id] as number) + 1;
  return counts;
}

/** What phis called `from`, they call `to`. */
function renamePred(block: Block, from: Block, to: Block): void {
  for (const i of block.insts) {
    if (i.op !== 'phi') break;
    for (const x of i.incoming) if (x.block === from) x.block = to;
  }
}

function mergeChains(fn: IrFunction): boolean {
  const preds = predCounts(fn);
  const gone = new Uint8Array(fn.nextId);
  const entry = fn.blocks[0];
  let changed = false;
  for (const block of fn.blocks) {
    if (gone[block.id]) continue;
    for (;;) {
      const t = block.term;
      if (t.op !== 'jump' || t.to === block || t.to === entry || preds[t.to.id] !== 1 || t.to.insts[0]?.op === 'phi') break;
      const next = t.to;
      for (const i of next.insts) block.insts.push(i);
      block.term = next.term;
      for (const s of successors(next.term)) renamePred(s, next, block);
      gone[next.id] = 1;
      changed = true;
    }
  }
  if (changed) fn.blocks = fn.blocks.filter((b) => !gone[b.id]);
  return changed;
}

function bypassEmpty(fn: IrFunction): boolean {
  let changed = false;
  const cfg = buildCfg(fn);
  const entry = fn.blocks[0];
  // Edges change while this walks, so predecessor lists are kept up by hand.
  const preds = cfg.preds.map((p) => [...new Set(p)]);
  const predsOf = (b: Block): Block[] => preds[cfg.position[b.id] as number] as Block[];
  for (const block of cfg.order) {
    const t = block.term;
    if (block === entry || block.insts.length > 0 || t.op !== 'jump' || t.to === block || t.to === entry) continue;
    const target = t.to;
    const targetPreds = predsOf(target);
    const mine = predsOf(block);
    // A request to unroll belongs to this block as a loop header.
    if (block.unroll !== undefined) continue;
    if (target.insts[0]?.op === 'phi' && !mine.every((p) => !targetPreds.includes(p) || phisAgree(target, p, block))) continue;
    for (const i of target.insts) {
      if (i.op !== 'phi') break;
      const at = i.incoming.findIndex((x) => x.block === block);
      if (at < 0) continue;
      const value = (i.incoming[at] as Phi['incoming'][number]).value;
      i.incoming.splice(at, 1);
      for (const p of mine) if (!targetPreds.includes(p)) i.incoming.push({ block: p, value });
    }
    for (const p of mine) {
      mapSuccessors(p.term, (s) => (s === block ? target : s));
      if (!targetPreds.includes(p)) targetPreds.push(p);
    }
    targetPreds.splice(targetPreds.indexOf(block), 1);
    preds[cfg.position[block.id] as number] = [];
    block.term = { op: 'unreachable', loc: t.loc };
    changed = true;
  }
  return changed;
}

/** Whether the phis say the same for both predecessors. */
function phisAgree(block: Block, a: Block, b: Block): boolean {
  for (const i of block.insts) {
    if (i.op !== 'phi') return true;
    const va = i.incoming.find((x) => x.block === a)?.value;
    const vb = i.incoming.find((x) => x.block === b)?.value;
    if (!va || !vb || !sameValue(va, vb)) return false;
  }
  return true;
}

/**
 * `b: x = phi [p: 1, q: y]; branch x, s, t` with x used nowhere else: p goes straight to s. A comparison of x with a
 * constant between them is looked through. Values that the block defines may be used only here or in the phis of its
 * successors, so no other phi has to be made.
 */
function threadKnownPhis(fn: IrFunction): boolean {
  let changed = false;
  let uses: Int32Array | undefined;
  for (const block of fn.blocks) {
    const t = block.term;
    if (t.op !== 'branch' || block.insts[0]?.op !== 'phi') continue;
    const subject = questionAbout(t.cond, block);
    if (!subject) continue;
    const { phi, cmp } = subject;
    if (!phi.incoming.some((x) => x.value.op === 'const' && x.block !== block)) continue;
    if (t.then === block || t.else === block) continue;
    uses ??= countUses(fn);
    if (!onlyLocalUses(block, cmp, t, uses)) continue;
    for (const x of [...phi.incoming]) {
      if (x.value.op !== 'const' || x.block === block) continue;
      const answer = cmp
        ? evalCmp(
            cmp.pred,
            x.value.type,
            cmp.a === phi ? x.value.value : (cmp.a as { value: bigint }).value,
            cmp.b === phi ? x.value.value : (cmp.b as { value: bigint }).value,
          )
        : x.value.value !== 0n;
      const target = answer ? t.then : t.else;
      if (!redirect(x.block, block, target)) continue;
      changed = true;
      uses = undefined;
    }
    if (changed) uses = countUses(fn);
  }
  return changed;
}

function questionAbout(cond: Value, block: Block): { phi: Phi; cmp: Cmp | undefined } | undefined {
  if (cond.op === 'phi') return block.insts.includes(cond) ? { phi: cond, cmp: undefined } : undefined;
  if (cond.op !== 'cmp' || !block.insts.includes(cond)) return undefined;
  if (cond.a.op === 'phi' && cond.b.op === 'const' && block.insts.includes(cond.a)) return { phi: cond.a, cmp: cond };
  if (cond.b.op === 'phi' && cond.a.op === 'const' && block.insts.includes(cond.b)) return { phi: cond.b, cmp: cond };
  return undefined;
}

function onlyLocalUses(block: Block, cmp: Cmp | undefined, t: Terminator & { op: 'branch' }, uses: Int32Array): boolean {
  for (const i of block.insts) {
    if (i !== cmp && i.op !== 'phi') return false;
    let here = i === t.cond ? 1 : 0;
    if (cmp && i !== cmp) here += (cmp.a === i ? 1 : 0) + (cmp.b === i ? 1 : 0);
    for (const s of [t.then, t.else]) {
      for (const p of s.insts) {
        if (p.op !== 'phi') break;
        for (const x of p.incoming) if (x.block === block && x.value === i) here++;
      }
    }
    if (here !== uses[i.id]) return false;
  }
  return true;
}

/** Moves the edge from → via to from → target. False where the phis of the target cannot tell the two edges apart. */
function redirect(from: Block, via: Block, target: Block): boolean {
  const already = successors(from.term).includes(target);
  const values: [Phi, Value][] = [];
  for (const i of target.insts) {
    if (i.op !== 'phi') break;
    let v = i.incoming.find((x) => x.block === via)?.value;
    if (!v) return false;
    if (isInst(v) && v.op === 'phi' && via.insts.includes(v)) {
      v = v.incoming.find((x) => x.block === from)?.value;
      if (!v) return false;
    } else if (isInst(v) && via.insts.includes(v)) return false;
    if (already) {
      const old = i.incoming.find((x) => x.block === from)?.value;
      if (!old || !sameValue(old, v)) return false;
    } else values.push([i, v]);
  }
  for (const [phi, value] of values) phi.incoming.push({ block: from, value });
  mapSuccessors(from.term, (s) => (s === via ? target : s));
  for (const i of via.insts) {
    if (i.op !== 'phi') break;
    const at = i.incoming.findIndex((x) => x.block === from);
    if (at >= 0) i.incoming.splice(at, 1);
  }
  return true;
}
