/**
 * Unrolls loops whose number of rounds is known, completely, where it is asked for (`#pragma unroll`) or where it is
 * needed or pays:
 *
 *   - an index into the context or into a kernel object must be a constant for the verifier
 *   - an index into a small stack array that becomes constant lets the array become values
 *
 * All other loops stay: the kernel walks bounded loops (since 5.3), and a loop is smaller than its copies.
 *
 * The rounds are counted by running the loop's own arithmetic on constants, whatever it is. Values that are used after
 * the loop go through memory first, so copies need no phis of their own; `mem2reg` cleans up.
 */
import type { Diagnostics } from '../../diagnostics.ts';
import { buildCfg, buildDominators, type Cfg, findLoops, type Loop, mapSuccessors, successors } from '../cfg.ts';
import { evalBin, evalCmp, evalExt } from '../eval.ts';
import type { Alloca, Block, Inst, IrFunction, IrType, Phi, Value } from '../ir.ts';
import { kindOfProgram } from '../spaces.ts';
import { forEachOperand, isInst, mapOperands, mapTermOperand, termOperand } from '../uses.ts';
import { removeUnreachable } from './cleanup-cfg.ts';
import { copyInst, copyTerm } from './inline.ts';
import { mem2reg } from './mem2reg.ts';
import { basedOn } from './pointers.ts';

const MAX_ROUNDS = 4096;
/** Instructions after unrolling: where the source asks, where the verifier needs it, where it just pays. */
const LIMIT = { asked: 40_000, needed: 8_000, pays: 200 } as const;

export function unrollLoops(fn: IrFunction, diagnostics: Diagnostics): boolean {
  // What nothing reaches must not lead into a loop that goes.
  let changed = removeUnreachable(fn);
  const refused = new Set<number>();
  // One at a time: each changes the graph.
  for (let n = 0; n < 200; n++) {
    const cfg = buildCfg(fn);
    const loops = findLoops(cfg, buildDominators(cfg));
    const next = loops.find((l) => !refused.has((cfg.order[l.header] as Block).id) && consider(fn, cfg, l, diagnostics, refused));
    if (!next) break;
    changed = true;
  }
  return changed;
}

/** Unrolls the loop if it should be and can be. */
function consider(fn: IrFunction, cfg: Cfg, loop: Loop, diagnostics: Diagnostics, refused: Set<number>): boolean {
  const header = cfg.order[loop.header] as Block;
  const reason = reasonFor(fn, cfg, loop, header);
  const rounds = reason ? countRounds(cfg, loop, header) : undefined;
  let size = 0;
  for (const at of loop.blocks) size += (cfg.order[at] as Block).insts.length + 1;
  if (reason && rounds !== undefined && (rounds + 1) * size <= LIMIT[reason]) {
    unroll(fn, cfg, loop, header, rounds);
    return true;
  }
  refused.add(header.id);
  if (reason === 'asked') {
    diagnostics.warn(
      'unroll-failed',
      header.term.loc,
      rounds === undefined
        ? 'this loop cannot be unrolled: how often it runs is not known here'
        : `this loop is not unrolled: ${rounds === Infinity ? `more than ${MAX_ROUNDS}` : rounds} rounds of ${size} instructions are too many`,
    );
  }
  return false;
}

function reasonFor(fn: IrFunction, cfg: Cfg, loop: Loop, header: Block): keyof typeof LIMIT | undefined {
  if (header.unroll === 'none') return undefined;
  if (header.unroll !== undefined && header.unroll !== 1) return 'asked';
  let pays = false;
  for (const at of loop.blocks) {
    for (const i of (cfg.order[at] as Block).insts) {
      if (i.op !== 'ptradd' || i.offset.op === 'const') continue;
      const { base } = basedOn(i);
      if (base.op === 'param' && (base.space === 'ctx' || (fn.program && base.index === 0))) return 'needed';
      if (base.op === 'load' && fn.program && kindOfProgram(fn.program.type) === 'typed') return 'needed';
      if (base.op === 'alloca') pays = true;
    }
  }
  return pays ? 'pays' : undefined;
}

/** How often the loop goes back to its header, `Infinity` for more than is counted; undefined where constants do not tell. */
function countRounds(cfg: Cfg, loop: Loop, header: Block): number | undefined {
  const inside = new Set(loop.blocks.map((at) => cfg.order[at] as Block));
  const phis = header.insts.filter((i): i is Phi => i.op === 'phi');
  let values = new Map<Inst, bigint>();
  for (const p of phis) {
    let start: bigint | undefined;
    let known = true;
    for (const x of p.incoming) {
      if (inside.has(x.block)) continue;
      if (x.value.op !== 'const' || (start !== undefined && start !== x.value.value)) known = false;
      else start = x.value.value;
    }
    if (known && start !== undefined) values.set(p, start);
  }
  if (values.size === 0) return undefined;
  if (loop.latches.length !== 1) return undefined;
  const latch = cfg.order[loop.latches[0] as number] as Block;
  // Blocks every round passes through, that can leave: header and latch.
  const exits = (header === latch ? [header] : [header, latch]).filter(
    (b) => b.term.op === 'branch' && successors(b.term).some((s) => !inside.has(s)),
  );
  if (exits.length === 0) return undefined;
  for (let round = 0; round <= MAX_ROUNDS; round++) {
    for (const b of exits) {
      const t = b.term;
      if (t.op !== 'branch') continue;
      const c = run(t.cond, values, 0);
      if (c === undefined) continue;
      if (!inside.has(c !== 0n ? t.then : t.else)) return round;
    }
    if (exits.every((b) => b.term.op !== 'branch' || run(b.term.cond, values, 0) === undefined)) return undefined;
    const next = new Map<Inst, bigint>();
    for (const p of values.keys()) {
      const back = (p as Phi).incoming.find((x) => x.block === latch)?.value;
      const v = back && run(back, values, 0);
      if (v !== undefined) next.set(p, v);
    }
    values = next;
    if (values.size === 0) return undefined;
  }
  return Infinity;
}

function run(v: Value, values: ReadonlyMap<Inst, bigint>, depth: number): bigint | undefined {
  if (v.op === 'const') return v.value;
  if (!isInst(v) || depth > 16) return undefined;
  const known = values.get(v);
  if (known !== undefined) return known;
  const sub = (x: Value): bigint | undefined => run(x, values, depth + 1);
  switch (v.op) {
    case 'bin': {
      const a = sub(v.a),
        b = a === undefined ? undefined : sub(v.b);
      return a === undefined || b === undefined ? undefined : evalBin(v.bin, v.type, a, b);
    }
    case 'cmp': {
      const a = sub(v.a),
        b = a === undefined ? undefined : sub(v.b);
      return a === undefined || b === undefined ? undefined : evalCmp(v.pred, v.a.type as IrType, a, b) ? 1n : 0n;
    }
    case 'ext': {
      const a = sub(v.a);
      return a === undefined ? undefined : evalExt(v.type, v.signed, v.bits, a);
    }
    case 'trunc': {
      const a = sub(v.a);
      return a === undefined ? undefined : a & 0xffff_ffffn;
    }
    default:
      return undefined;
  }
}

function unroll(fn: IrFunction, cfg: Cfg, loop: Loop, header: Block, rounds: number): void {
  const blocks = loop.blocks.map((at) => cfg.order[at] as Block);
  const inside = new Set(blocks);
  spillResults(fn, cfg, inside);
  const latch = cfg.order[loop.latches[0] as number] as Block;
  delete header.unroll;
  const copies: Block[] = [];
  let before: { map: (v: Value) => Value; latch: Block } | undefined;
  let entry: Block | undefined;
  for (let round = 0; round <= rounds; round++) {
    const insts: (Inst | undefined)[] = [];
    const copied = new Map<Block, Block>();
    for (const b of blocks)
      copied.set(b, { id: fn.nextId++, insts: [], term: b.term, ...(b.unroll === undefined || b === header ? {} : { unroll: b.unroll }) });
    const replaced = new Map<Value, Value>();
    const map = (v: Value): Value => {
      if (!isInst(v)) return v;
      return replaced.get(v) ?? insts[v.id] ?? v;
    };
    for (const b of blocks) {
      const to = copied.get(b) as Block;
      for (const i of b.insts) {
        if (b === header && i.op === 'phi') {
          // One way leads here: from outside, or from the round before.
          const from = i.incoming.find((x) => (before ? x.block === latch : !inside.has(x.block)));
          const outside = before ? undefined : i.incoming.filter((x) => !inside.has(x.block));
          if (before && from) {
            replaced.set(i, before.map(from.value));
            continue;
          }
          if (outside && outside.length === 1) {
            replaced.set(i, (outside[0] as Phi['incoming'][number]).value);
            continue;
          }
          const phi: Phi = { ...i, id: fn.nextId++, incoming: (outside ?? []).map((x) => ({ ...x })) };
          insts[i.id] = phi;
          to.insts.push(phi);
          continue;
        }
        const c = copyInst(i);
        c.id = fn.nextId++;
        insts[i.id] = c;
        to.insts.push(c);
      }
    }
    for (const b of blocks) {
      const to = copied.get(b) as Block;
      for (const i of to.insts) {
        if (i.op === 'phi') {
          if (b === header) continue;
          for (const x of i.incoming) {
            x.value = map(x.value);
            x.block = copied.get(x.block) ?? x.block;
          }
        } else mapOperands(i, map);
      }
      to.term = copyTerm(b.term);
      mapTermOperand(to.term, map);
      // The way back is filled in by the next round.
      mapSuccessors(to.term, (s) => (s === header ? s : (copied.get(s) ?? s)));
      for (const s of new Set(successors(to.term))) {
        if (inside.has(s) || copied.get(b) === undefined || [...copied.values()].includes(s)) continue;
        for (const p of s.insts) {
          if (p.op !== 'phi') break;
          const x = p.incoming.find((y) => y.block === b);
          if (x) p.incoming.push({ block: to, value: map(x.value) });
        }
      }
    }
    const first = copied.get(header) as Block;
    if (before) {
      const { latch: last } = before;
      mapSuccessors(last.term, (s) => (s === header ? first : s));
    } else entry = first;
    before = { map, latch: copied.get(latch) as Block };
    copies.push(...copied.values());
  }
  // Counting says that the last round leaves before it comes here.
  const never: Block = { id: fn.nextId++, insts: [], term: { op: 'unreachable', loc: header.term.loc } };
  if (before) mapSuccessors(before.latch.term, (s) => (s === header ? never : s));
  for (const b of fn.blocks) if (!inside.has(b)) mapSuccessors(b.term, (s) => (s === header ? (entry as Block) : s));
  for (const b of fn.blocks) {
    if (inside.has(b)) continue;
    for (const p of b.insts) {
      if (p.op !== 'phi') break;
      p.incoming = p.incoming.filter((x) => !inside.has(x.block));
    }
  }
  fn.blocks = [...fn.blocks.filter((b) => !inside.has(b)), ...copies, never];
  mem2reg(fn);
}

/** Values of the loop that are used outside of it go through a stack object. */
function spillResults(fn: IrFunction, cfg: Cfg, inside: ReadonlySet<Block>): void {
  const homes = new Map<Inst, Alloca>();
  const entry = fn.blocks[0] as Block;
  const defined = new Set<Inst>();
  for (const b of inside) for (const i of b.insts) if (i.type !== 'void') defined.add(i);
  const homeOf = (i: Inst): Alloca => {
    let a = homes.get(i);
    if (!a) {
      const size = i.type === 'i32' ? 4 : 8;
      a = { op: 'alloca', type: 'ptr', id: fn.nextId++, loc: i.loc, size, align: size };
      homes.set(i, a);
    }
    return a;
  };
  const load = (i: Inst): Inst => ({
    op: 'load',
    type: i.type as IrType,
    id: fn.nextId++,
    loc: i.loc,
    ptr: homeOf(i),
    offset: 0,
    bits: i.type === 'i32' ? 32 : 64,
    signed: false,
    volatile: false,
  });
  for (const block of cfg.order) {
    if (inside.has(block)) continue;
    const out: Inst[] = [];
    for (const i of block.insts) {
      if (i.op === 'phi') {
        // Values on edges out of the loop are taken along by the copies themselves.
        for (const x of i.incoming) {
          if (inside.has(x.block) || !isInst(x.value) || !defined.has(x.value)) continue;
          const l = load(x.value);
          x.block.insts.push(l);
          x.value = l;
        }
        out.push(i);
        continue;
      }
      let mentions = false;
      forEachOperand(i, (v) => {
        if (isInst(v) && defined.has(v)) mentions = true;
      });
      if (mentions) {
        mapOperands(i, (v) => {
          if (!isInst(v) || !defined.has(v)) return v;
          const l = load(v);
          out.push(l);
          return l;
        });
      }
      out.push(i);
    }
    block.insts = out;
    const t = termOperand(block.term);
    if (t && isInst(t) && defined.has(t)) {
      const l = load(t);
      block.insts.push(l);
      mapTermOperand(block.term, () => l);
    }
  }
  if (homes.size === 0) return;
  for (const b of inside) {
    const out: Inst[] = [];
    const late: Inst[] = [];
    for (const i of b.insts) {
      out.push(i);
      const home = homes.get(i);
      if (!home) continue;
      const store: Inst = {
        op: 'store',
        type: 'void',
        id: fn.nextId++,
        loc: i.loc,
        ptr: home,
        offset: 0,
        bits: home.size === 4 ? 32 : 64,
        value: i,
        volatile: false,
      };
      if (i.op === 'phi') late.push(store);
      else out.push(store);
    }
    const at = out.findIndex((i) => i.op !== 'phi');
    out.splice(at < 0 ? out.length : at, 0, ...late);
    b.insts = out;
  }
  entry.insts.unshift(...homes.values());
}
