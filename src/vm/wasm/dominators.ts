/**
 * Immediate dominators by Lengauer and Tarjan's algorithm with path compression: n log n for every graph, because
 * programs are hostile and the simpler methods take quadratic time for some of them.
 *
 * Blocks are numbered from 0, the entry; edges are at most two per block, -1 for none. Unreachable blocks get -1.
 */
export function dominators(first: Int32Array, second: Int32Array): Int32Array {
  const n = first.length;
  /** By preorder number: the block; by block: its number, its parent in the depth-first tree. */
  const vertex = new Int32Array(n);
  const number = new Int32Array(n).fill(-1);
  const parent = new Int32Array(n).fill(-1);
  const reached = depthFirst(first, second, vertex, number, parent);
  const { heads, nexts, sources } = reverseEdges(first, second, number);

  const semi = number.slice();
  const ancestor = new Int32Array(n).fill(-1);
  const label = Int32Array.from({ length: n }, (_, i) => i);
  const result = new Int32Array(n).fill(-1);
  /** Lists of blocks by semidominator. */
  const bucket = new Int32Array(n).fill(-1);
  const inBucket = new Int32Array(n).fill(-1);
  const path: number[] = [];

  /** The block of least semidominator on the way up from `v` in the forest so far. */
  const evaluate = (v: number): number => {
    if (ancestor[v] === -1) return v;
    let at = v;
    while (ancestor[ancestor[at] as number] !== -1) {
      path.push(at);
      at = ancestor[at] as number;
    }
    for (let next = path.pop(); next !== undefined; next = path.pop()) {
      const above = ancestor[next] as number;
      if ((semi[label[above] as number] as number) < (semi[label[next] as number] as number)) label[next] = label[above] as number;
      ancestor[next] = ancestor[above] as number;
    }
    return label[v] as number;
  };

  for (let i = reached - 1; i > 0; i--) {
    const w = vertex[i] as number;
    for (let edge = heads[w] as number; edge !== -1; edge = nexts[edge] as number) {
      const u = evaluate(sources[edge] as number);
      if ((semi[u] as number) < (semi[w] as number)) semi[w] = semi[u] as number;
    }
    const s = vertex[semi[w] as number] as number;
    inBucket[w] = bucket[s] as number;
    bucket[s] = w;
    const p = parent[w] as number;
    ancestor[w] = p;
    for (let v = bucket[p] as number; v !== -1; v = inBucket[v] as number) {
      const u = evaluate(v);
      result[v] = (semi[u] as number) < (semi[v] as number) ? u : p;
    }
    bucket[p] = -1;
  }
  for (let i = 1; i < reached; i++) {
    const w = vertex[i] as number;
    if (result[w] !== vertex[semi[w] as number]) result[w] = result[result[w] as number] as number;
  }
  result[0] = 0;
  return result;
}

function depthFirst(first: Int32Array, second: Int32Array, vertex: Int32Array, number: Int32Array, parent: Int32Array): number {
  let count = 0;
  const stack = [0];
  for (let block = stack.pop(); block !== undefined; block = stack.pop()) {
    if (number[block] !== -1) continue;
    number[block] = count;
    vertex[count++] = block;
    for (const to of [second[block] as number, first[block] as number]) {
      if (to === -1 || number[to] !== -1) continue;
      // The last to push is the one that will be visited from.
      parent[to] = block;
      stack.push(to);
    }
  }
  return count;
}

/** Edges into each reachable block, as lists. */
function reverseEdges(
  first: Int32Array,
  second: Int32Array,
  number: Int32Array,
): { heads: Int32Array; nexts: Int32Array; sources: Int32Array } {
  const n = first.length;
  const heads = new Int32Array(n).fill(-1);
  const nexts = new Int32Array(2 * n);
  const sources = new Int32Array(2 * n);
  let count = 0;
  for (let from = 0; from < n; from++) {
    if (number[from] === -1) continue;
    for (const to of [first[from] as number, second[from] as number]) {
      if (to === -1) continue;
      sources[count] = from;
      nexts[count] = heads[to] as number;
      heads[to] = count++;
    }
  }
  return { heads, nexts, sources };
}
