/**
 * A question whose answer is known on the way there is not asked again:
 *
 *      p: …            q: …               p: … ──▶ s      q: …
 *       \             /                               \   /
 *        b: x = phi [p: 1, q: y]        ═▶             b: x = y
 *           branch x, s, t                                branch x, s, t
 *
 * `cleanup-cfg` does this where nothing else uses x. Here x may be used anywhere: it becomes a variable in memory,
 * written on each edge into b and read at each use, and mem2reg then finds the phis that the new edges need.
 *
 * Nothing is copied and no path gains an instruction. Headers of loops are left alone: entering a loop past its header
 * would make two entries, and the verifier wants to see the loop's own test.
 */
import { buildCfg, buildDominators, type Cfg, mapSuccessors, successors } from '../cfg.ts';
import { evalCmp } from '../eval.ts';
import type { Alloca, Block, Cmp, Inst, IrFunction, Load, Phi, Store, Terminator, Value } from '../ir.ts';
import { collectUses, mapOperands, mapTermOperand } from '../uses.ts';
import { mem2reg } from './mem2reg.ts';

/** More would be a program made to be hard; each costs a walk over the function. */
const MAX_BLOCKS = 200;

export function threadJumps(fn: IrFunction): boolean {
  let changed = false;
  for (let round = 0; round < MAX_BLOCKS; round++) {
    const found = findQuestion(fn);
    if (!found) break;
    thread(fn, found);
    changed = true;
  }
  if (changed) mem2reg(fn);
  return changed;
}

interface Question {
  readonly block: Block;
  readonly phis: readonly Phi[];
  readonly cmp: Cmp | undefined;
  /** Where predecessors that know the answer go. */
  readonly known: readonly { readonly from: Block; readonly to: Block }[];
}

function findQuestion(fn: IrFunction): Question | undefined {
  let cfg: Cfg | undefined;
  let headers: Set<Block> | undefined;
  for (const block of fn.blocks) {
    const t = block.term;
    if (t.op !== 'branch' || block.insts[0]?.op !== 'phi' || block === fn.blocks[0] || t.then === t.else) continue;
    const question = asks(block, t);
    if (!question) continue;
    cfg ??= buildCfg(fn);
    headers ??= loopHeaders(cfg);
    if (headers.has(block) || (cfg.position[block.id] as number) < 0) continue;
    return question;
  }
  return undefined;
}

/** A block of phis and at most one comparison, whose branch some predecessor could answer. */
function asks(block: Block, t: Terminator & { op: 'branch' }): Question | undefined {
  const phis = block.insts.filter((i): i is Phi => i.op === 'phi');
  const rest = block.insts.length - phis.length;
  const last = block.insts[block.insts.length - 1] as Inst;
  const cmp = rest === 1 && last.op === 'cmp' && t.cond === last ? last : undefined;
  if (rest > 1 || (rest === 1 && !cmp)) return undefined;
  if (!cmp && !(t.cond.op === 'phi' && phis.includes(t.cond))) return undefined;
  const known: { from: Block; to: Block }[] = [];
  const seen = new Set<Block>();
  for (const { block: from } of (phis[0] as Phi).incoming) {
    if (seen.has(from)) continue;
    seen.add(from);
    const at = (v: Value): Value | undefined => (v.op === 'phi' && phis.includes(v) ? v.incoming.find((x) => x.block === from)?.value : v);
    let answer: boolean | undefined;
    if (cmp) {
      const [a, b] = [at(cmp.a), at(cmp.b)];
      if (a?.op === 'const' && b?.op === 'const') answer = evalCmp(cmp.pred, a.type, a.value, b.value);
    } else {
      const v = at(t.cond);
      if (v?.op === 'const') answer = v.value !== 0n;
    }
    // Both ways of one branch lead here: the edges cannot be told apart.
    if (answer === undefined || successors(from.term).filter((s) => s === block).length !== 1) continue;
    known.push({ from, to: answer ? t.then : t.else });
  }
  return known.length === 0 ? undefined : { block, phis, cmp, known };
}

function loopHeaders(cfg: Cfg): Set<Block> {
  const dom = buildDominators(cfg);
  const headers = new Set<Block>();
  cfg.order.forEach((block, at) => {
    for (const s of cfg.succs[at] as readonly Block[]) {
      const to = cfg.position[s.id] as number;
      // Irreducible entries count, too: any edge backwards in the order.
      if (dom.dominates(to, at) || to <= at) headers.add(s);
    }
    if (block.unroll !== undefined) headers.add(block);
  });
  return headers;
}

function thread(fn: IrFunction, { block, phis, cmp, known }: Question): void {
  const values = new Map<Phi, Map<Block, Value>>(phis.map((phi) => [phi, new Map(phi.incoming.map((x) => [x.block, x.value]))]));
  const edges = splitEdges(fn, block, values);
  const variables = new Map<Phi, Alloca>(phis.map((phi) => [phi, variableFor(fn, phi)]));
  for (const [from, edge] of edges) {
    for (const phi of phis) {
      const value = values.get(phi)?.get(from);
      if (value) edge.insts.push(store(fn, variables.get(phi) as Alloca, value, phi));
    }
  }
  // What the targets' phis take from here, edge by edge, before the phis are gone.
  for (const { from, to } of known) {
    const edge = edges.get(from) as Block;
    for (const i of to.insts) {
      if (i.op !== 'phi') break;
      const v = i.incoming.find((x) => x.block === block)?.value;
      const own = v?.op === 'phi' ? values.get(v)?.get(from) : undefined;
      if (v === cmp && cmp)
        i.incoming.push({ block: edge, value: { op: 'const', type: 'i32', value: to === answerTarget(block) ? 1n : 0n } });
      else if (v) i.incoming.push({ block: edge, value: own ?? v });
    }
  }
  replaceByLoads(fn, block, phis, cmp, variables);
  for (const { from, to } of known) mapSuccessors((edges.get(from) as Block).term, (s) => (s === block ? to : s));
}

function answerTarget(block: Block): Block | undefined {
  return block.term.op === 'branch' ? block.term.then : undefined;
}

/** A block of its own on each edge into `block`; by predecessor. */
function splitEdges(fn: IrFunction, block: Block, values: ReadonlyMap<Phi, ReadonlyMap<Block, Value>>): Map<Block, Block> {
  const edges = new Map<Block, Block>();
  const froms = new Set([...values.values()].flatMap((map) => [...map.keys()]));
  for (const from of froms) {
    const edge: Block = { id: fn.nextId++, insts: [], term: { op: 'jump', to: block, loc: from.term.loc } };
    mapSuccessors(from.term, (s) => (s === block ? edge : s));
    fn.blocks.splice(fn.blocks.indexOf(from) + 1, 0, edge);
    edges.set(from, edge);
  }
  return edges;
}

function variableFor(fn: IrFunction, phi: Phi): Alloca {
  const size = phi.type === 'i32' ? 4 : 8;
  const alloca: Alloca = { op: 'alloca', type: 'ptr', id: fn.nextId++, loc: phi.loc, size, align: size };
  if (phi.name !== undefined) alloca.var = phi.name;
  (fn.blocks[0] as Block).insts.unshift(alloca);
  return alloca;
}

function store(fn: IrFunction, ptr: Alloca, value: Value, phi: Phi): Store {
  const bits = phi.type === 'i32' ? 32 : 64;
  return { op: 'store', type: 'void', id: fn.nextId++, loc: phi.loc, ptr, offset: 0, bits, value, volatile: false };
}

function load(fn: IrFunction, ptr: Alloca, phi: Phi): Load {
  const bits = phi.type === 'i32' ? 32 : 64;
  return { op: 'load', type: phi.type, id: fn.nextId++, loc: phi.loc, ptr, offset: 0, bits, signed: false, volatile: false };
}

/** The phis go; each user reads the variable just before. The comparison is asked again where it is used elsewhere. */
function replaceByLoads(
  fn: IrFunction,
  block: Block,
  phis: readonly Phi[],
  cmp: Cmp | undefined,
  variables: ReadonlyMap<Phi, Alloca>,
): void {
  block.insts = block.insts.filter((i) => i.op !== 'phi');
  const uses = collectUses(fn);
  const users = new Set(phis.flatMap((phi) => uses[phi.id] ?? []));
  const elsewhere = cmp !== undefined && (uses[cmp.id] ?? []).some((u) => u !== block);
  for (const at of fn.blocks) {
    const out: Inst[] = [];
    const reader = (into: Inst[]): ((v: Value) => Value) => {
      const made = new Map<Value, Value>();
      const read = (v: Value): Value => {
        const known = made.get(v);
        if (known) return known;
        let fresh: Inst | undefined;
        if (v.op === 'phi') {
          const variable = variables.get(v);
          if (variable) fresh = load(fn, variable, v);
        } else if (v === cmp && elsewhere && at !== block) fresh = { ...cmp, id: fn.nextId++, a: read(cmp.a), b: read(cmp.b) };
        if (!fresh) return v;
        into.push(fresh);
        made.set(v, fresh);
        return fresh;
      };
      return read;
    };
    for (const i of at.insts) {
      if (i.op === 'phi') {
        out.push(i);
        continue;
      }
      if (users.has(i) || (elsewhere && at !== block)) mapOperands(i, reader(out));
      out.push(i);
    }
    at.insts = out;
    if (users.has(at) || elsewhere) mapTermOperand(at.term, reader(out));
    // Phis read at the end of the block that they come from.
    for (const s of new Set(successors(at.term))) {
      for (const i of s.insts) {
        if (i.op !== 'phi') break;
        for (const x of i.incoming) if (x.block === at) x.value = reader(out)(x.value);
      }
    }
  }
}
