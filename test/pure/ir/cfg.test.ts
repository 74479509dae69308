import assert from 'node:assert/strict';
import { test } from 'node:test';
import { buildCfg, buildDominators, dominanceFrontiers, findLoops } from '../../../src/compiler/ir/cfg.ts';
import type { IrFunction } from '../../../src/compiler/ir/ir.ts';
import { parseFunction } from '../../../src/compiler/ir/parse.ts';

/** Edges as text: '0>1,2 1>3'. */
function graph(edges: string): IrFunction {
  const blocks = edges.split(' ').map((e) => {
    const [from, to = ''] = e.split('>') as [string, string];
    const t = to.split(',').filter(Boolean);
    const term = t.length === 0 ? 'return' : t.length === 1 ? `jump b${t[0]}` : `branch %c, b${t[0]}, b${t[1]}`;
    return `b${from}:\n  ${term}`;
  });
  return parseFunction(`function f(i32 %c): void static auto {\n${blocks.join('\n')}\n}`);
}

/** Dominators by definition: a dominates b when b cannot be reached without a. */
function slowDominates(fn: IrFunction, a: number, b: number): boolean {
  const cfg = buildCfg(fn);
  if (a === b) return true;
  const seen = new Set<number>();
  const work = [0].filter((x) => x !== a);
  while (work.length > 0) {
    const at = work.pop() as number;
    if (seen.has(at)) continue;
    seen.add(at);
    for (const s of cfg.succs[at] ?? []) {
      const to = cfg.position[s.id] as number;
      if (to !== a) work.push(to);
    }
  }
  return !seen.has(b);
}

test('dominators and frontiers agree with their definitions on random graphs', () => {
  let seed = 7;
  const random = (n: number): number => {
    seed = (seed * 1103515245 + 12345) & 0x7fffffff;
    return (seed >> 8) % n;
  };
  for (let round = 0; round < 60; round++) {
    const n = 3 + random(9);
    const edges = Array.from({ length: n }, (_, i) => {
      const to = () => 1 + random(n - 1);
      return i === n - 1 || random(6) === 0 ? `${i}>` : random(2) ? `${i}>${to()}` : `${i}>${to()},${to()}`;
    }).join(' ');
    const fn = graph(edges);
    const cfg = buildCfg(fn);
    const dom = buildDominators(cfg);
    const frontiers = dominanceFrontiers(cfg, dom);
    const count = cfg.order.length;
    for (let a = 0; a < count; a++) {
      for (let b = 0; b < count; b++) {
        assert.equal(dom.dominates(a, b), slowDominates(fn, a, b), `${edges}: ${a} dom ${b}`);
        const preds = (cfg.preds[b] ?? []).map((p) => cfg.position[p.id] as number);
        const inFrontier = preds.some((p) => dom.dominates(a, p)) && !(dom.dominates(a, b) && a !== b);
        assert.equal((frontiers[a] as number[]).includes(b), inFrontier, `${edges}: ${b} in DF(${a})`);
      }
    }
  }
});

test('nested loops, inner first, with depth', () => {
  const cfg = buildCfg(graph('0>1 1>2,5 2>3 3>3,4 4>1 5>'));
  const loops = findLoops(cfg, buildDominators(cfg));
  const names = loops.map((l) => ({
    header: cfg.order[l.header]?.id,
    blocks: l.blocks.map((b) => cfg.order[b]?.id).sort(),
    depth: l.depth,
  }));
  assert.deepEqual(names, [
    { header: 3, blocks: [3], depth: 2 },
    { header: 1, blocks: [1, 2, 3, 4], depth: 1 },
  ]);
});

test('a cycle with two entries is no natural loop', () => {
  const cfg = buildCfg(graph('0>1,2 1>2 2>1,3 3>'));
  assert.deepEqual(findLoops(cfg, buildDominators(cfg)), []);
});
