/**
 * Graph colouring with iterated register coalescing (George and Appel): nodes of low degree are set aside, copies
 * whose two sides can be merged without making the graph harder are merged, the rest is frozen or guessed to spill;
 * then colours are given in reverse, and what gets none is spilled.
 *
 * Merging with a physical register (an argument, a result) uses George's test, merging two virtual ones either test.
 */
import type { Interference } from './interference.ts';
import { ALL_REGISTERS, NONE, REGISTERS } from './machine.ts';

export interface Coloring {
  /** Physical register by node. */
  readonly color: Int8Array;
  /** Nodes that got none. */
  readonly spilled: readonly number[];
  /** The node that each was merged into; those merged into a spilled one are spilled with it. */
  readonly group: Int32Array;
}

/** Which registers a node takes first. Those that survive calls are left to those who need them. */
const PREFERENCE: readonly number[] = [1, 2, 3, 4, 5, 0, 6, 7, 8, 9];

/** `spillCost` by node; Infinity for what must not be spilled. */
export function color(graph: Interference, spillCost: Float64Array): Coloring {
  return new Colorer(graph, spillCost).run();
}

type State = 0 | 1 | 2 | 3 | 4 | 5;
const SIMPLIFY: State = 1,
  FREEZE: State = 2,
  SPILL: State = 3,
  SELECTED: State = 4,
  MERGED: State = 5;

type MoveState = 0 | 1 | 2;
const WAITING: MoveState = 0,
  READY: MoveState = 1,
  DONE: MoveState = 2;

class Colorer {
  private readonly g: Interference;
  private readonly n: number;
  private readonly cost: Float64Array;
  private readonly degree: Int32Array;
  private readonly state: Uint8Array;
  private readonly alias: Int32Array;
  private readonly movesOf: number[][];
  private readonly moveState: Uint8Array;
  private readonly simplifyList: number[] = [];
  private readonly freezeList: number[] = [];
  private readonly spillList: number[] = [];
  private readonly readyMoves: number[] = [];
  private readonly stack: number[] = [];
  private readonly mark: Int32Array;
  private clock = 0;

  constructor(g: Interference, cost: Float64Array) {
    this.g = g;
    this.n = g.count;
    this.cost = cost;
    const n = this.n;
    this.degree = new Int32Array(n);
    this.state = new Uint8Array(n);
    this.alias = new Int32Array(n);
    this.mark = new Int32Array(n);
    this.movesOf = Array.from({ length: n }, () => []);
    this.moveState = new Uint8Array(g.moves.length);
    for (let v = 0; v < n; v++) {
      this.alias[v] = v;
      this.degree[v] = (g.adjacent[v] as number[]).length + popcount(g.forbidden[v] as number);
    }
    // Cheap moves first into the list, so that those of inner loops are taken first.
    const order = g.moves
      .map((_, m) => m)
      .sort((a, b) => (g.moves[a] as { weight: number }).weight - (g.moves[b] as { weight: number }).weight || b - a);
    for (const m of order) {
      const move = g.moves[m] as { a: number; b: number };
      if (move.a < n) (this.movesOf[move.a] as number[]).push(m);
      if (move.b < n) (this.movesOf[move.b] as number[]).push(m);
      this.moveState[m] = READY;
      this.readyMoves.push(m);
    }
  }

  run(): Coloring {
    for (let v = this.n - 1; v >= 0; v--) this.enlist(v);
    for (;;) {
      const v = this.take(this.simplifyList, SIMPLIFY);
      if (v !== NONE) {
        this.simplify(v);
        continue;
      }
      const m = this.readyMoves.pop();
      if (m !== undefined) {
        if (this.moveState[m] === READY) this.coalesce(m);
        continue;
      }
      const f = this.take(this.freezeList, FREEZE);
      if (f !== NONE) {
        this.state[f] = 0;
        this.freezeMoves(f);
        this.setState(f, SIMPLIFY);
        continue;
      }
      const s = this.cheapest();
      if (s === NONE) break;
      this.freezeMoves(s);
      this.setState(s, SIMPLIFY);
    }
    return this.assign();
  }

  /** Lists may hold nodes that have moved on; the state says what is true. */
  private take(list: number[], state: State): number {
    for (let v = list.pop(); v !== undefined; v = list.pop()) if (this.state[v] === state) return v;
    return NONE;
  }

  private setState(v: number, state: State): void {
    if (this.state[v] === state) return;
    this.state[v] = state;
    if (state === SIMPLIFY) this.simplifyList.push(v);
    else if (state === FREEZE) this.freezeList.push(v);
    else if (state === SPILL) this.spillList.push(v);
  }

  private enlist(v: number): void {
    this.setState(v, (this.degree[v] as number) >= REGISTERS ? SPILL : this.moveRelated(v) ? FREEZE : SIMPLIFY);
  }

  private moveRelated(v: number): boolean {
    for (const m of this.movesOf[v] as number[]) if (this.moveState[m] !== DONE) return true;
    return false;
  }

  private gone(v: number): boolean {
    return this.state[v] === SELECTED || this.state[v] === MERGED;
  }

  private simplify(v: number): void {
    this.state[v] = SELECTED;
    this.stack.push(v);
    for (const w of this.g.adjacent[v] as number[]) if (!this.gone(w)) this.lowerDegree(w);
  }

  private lowerDegree(v: number): void {
    const d = (this.degree[v] as number)--;
    if (d !== REGISTERS) return;
    // It has become easy: its moves and its neighbours' may be possible now.
    this.enableMoves(v);
    for (const w of this.g.adjacent[v] as number[]) if (!this.gone(w)) this.enableMoves(w);
    if (this.state[v] === SPILL) this.setState(v, this.moveRelated(v) ? FREEZE : SIMPLIFY);
  }

  private enableMoves(v: number): void {
    for (const m of this.movesOf[v] as number[]) {
      if (this.moveState[m] === WAITING) {
        this.moveState[m] = READY;
        this.readyMoves.push(m);
      }
    }
  }

  private find(v: number): number {
    let x = v;
    while (x < this.n && this.alias[x] !== x) x = this.alias[x] as number;
    return x;
  }

  private coalesce(m: number): void {
    const { n } = this;
    const move = this.g.moves[m] as { a: number; b: number };
    let u = this.find(move.a),
      v = this.find(move.b);
    // A physical register on the left.
    if (v >= n) [u, v] = [v, u];
    if (u === v) {
      this.moveState[m] = DONE;
      this.maybeSimplify(u);
      return;
    }
    const impossible = v >= n || (u >= n ? (((this.g.forbidden[v] as number) >>> (u - n)) & 1) !== 0 : this.g.has(u, v));
    if (impossible) {
      this.moveState[m] = DONE;
      this.maybeSimplify(u);
      this.maybeSimplify(v);
    } else if (u >= n ? this.georgePhysical(u - n, v) : this.georgeOrBriggs(u, v)) {
      this.moveState[m] = DONE;
      if (u >= n) this.mergePhysical(u - n, v);
      else this.merge(u, v);
      this.maybeSimplify(u);
    } else this.moveState[m] = WAITING;
  }

  private maybeSimplify(v: number): void {
    if (v >= this.n || this.state[v] !== FREEZE) return;
    if (!this.moveRelated(v) && (this.degree[v] as number) < REGISTERS) this.setState(v, SIMPLIFY);
  }

  private georgePhysical(r: number, v: number): boolean {
    for (const t of this.g.adjacent[v] as number[]) {
      if (this.gone(t) || (this.degree[t] as number) < REGISTERS || (((this.g.forbidden[t] as number) >>> r) & 1) !== 0) continue;
      return false;
    }
    return true;
  }

  private georgeOrBriggs(u: number, v: number): boolean {
    const { g } = this;
    // Briggs: fewer than ten hard neighbours together.
    this.clock++;
    let hard = popcount((g.forbidden[u] as number) | (g.forbidden[v] as number));
    for (const t of g.adjacent[u] as number[]) {
      if (this.gone(t)) continue;
      this.mark[t] = this.clock;
      // A neighbour of both loses one when they become one.
      if ((this.degree[t] as number) - (g.has(t, v) ? 1 : 0) >= REGISTERS) hard++;
    }
    for (const t of g.adjacent[v] as number[])
      if (!this.gone(t) && this.mark[t] !== this.clock && (this.degree[t] as number) >= REGISTERS) hard++;
    if (hard < REGISTERS) return true;
    return this.george(u, v) || this.george(v, u);
  }

  /** Every hard neighbour of v is one of u, and u is forbidden what v is. */
  private george(u: number, v: number): boolean {
    const { g } = this;
    if (((g.forbidden[v] as number) & ~(g.forbidden[u] as number)) !== 0) return false;
    for (const t of g.adjacent[v] as number[]) if (!this.gone(t) && (this.degree[t] as number) >= REGISTERS && !g.has(t, u)) return false;
    return true;
  }

  private mergePhysical(r: number, v: number): void {
    const { g } = this;
    this.state[v] = MERGED;
    this.alias[v] = this.n + r;
    for (const t of g.adjacent[v] as number[]) {
      if (this.gone(t)) continue;
      // One neighbour fewer, one forbidden register more, unless it was forbidden before.
      if ((((g.forbidden[t] as number) >>> r) & 1) !== 0) this.lowerDegree(t);
      else g.forbidden[t]! |= 1 << r;
    }
    // Its other moves now ask for this register.
    this.enableMoves(v);
  }

  private merge(u: number, v: number): void {
    const { g } = this;
    this.state[v] = MERGED;
    this.alias[v] = u;
    for (const m of this.movesOf[v] as number[]) (this.movesOf[u] as number[]).push(m);
    this.enableMoves(v);
    const forbidden = (g.forbidden[u] as number) | (g.forbidden[v] as number);
    this.degree[u]! += popcount(forbidden) - popcount(g.forbidden[u] as number);
    g.forbidden[u] = forbidden;
    // A long life that was merged with a spill's short one can still be spilled.
    const cu = this.cost[u] as number,
      cv = this.cost[v] as number;
    this.cost[u] = cu === Infinity ? cv : cv === Infinity ? cu : cu + cv;
    const neighbours = g.adjacent[v] as number[];
    for (let k = 0; k < neighbours.length; k++) {
      const t = neighbours[k] as number;
      // One already on the stack sees u through v when its turn comes.
      if (this.gone(t)) continue;
      if (g.connect(t, u)) {
        this.degree[u]!++;
        this.degree[t]!++;
      }
      this.lowerDegree(t);
    }
    if ((this.degree[u] as number) >= REGISTERS && this.state[u] === FREEZE) this.setState(u, SPILL);
  }

  private freezeMoves(v: number): void {
    for (const m of this.movesOf[v] as number[]) {
      if (this.moveState[m] === DONE) continue;
      this.moveState[m] = DONE;
      const move = this.g.moves[m] as { a: number; b: number };
      const a = this.find(move.a),
        b = this.find(move.b);
      const other = a === this.find(v) ? b : a;
      this.maybeSimplify(other);
    }
  }

  private cheapest(): number {
    let best = NONE,
      least = Infinity;
    let kept = 0;
    for (const v of this.spillList) {
      if (this.state[v] !== SPILL) continue;
      this.spillList[kept++] = v;
      const c = (this.cost[v] as number) / (this.degree[v] as number);
      if (best === NONE || c < least) {
        best = v;
        least = c;
      }
    }
    this.spillList.length = kept;
    return best;
  }

  private assign(): Coloring {
    const { g, n } = this;
    const colors = new Int8Array(n).fill(-1);
    const spilled: number[] = [];
    const colorOf = (v: number): number => {
      const r = this.find(v);
      return r >= n ? r - n : (colors[r] as number);
    };
    for (let v = this.stack.pop(); v !== undefined; v = this.stack.pop()) {
      let free = ALL_REGISTERS & ~(g.forbidden[v] as number);
      for (const w of g.adjacent[v] as number[]) {
        const c = colorOf(w);
        if (c >= 0) free &= ~(1 << c);
      }
      if (free === 0) spilled.push(v);
      else colors[v] = this.choose(v, free, colorOf);
    }
    const group = new Int32Array(n);
    for (let v = 0; v < n; v++) {
      group[v] = this.find(v);
      if (this.state[v] === MERGED) colors[v] = colorOf(v);
    }
    return { color: colors, spilled, group };
  }

  /** The register of a copy's other side, if it may have it. */
  private choose(v: number, free: number, colorOf: (v: number) => number): number {
    let best = NONE,
      weight = -1;
    for (const m of this.movesOf[v] as number[]) {
      const move = this.g.moves[m] as { a: number; b: number; weight: number };
      const other = this.find(move.a) === v ? move.b : move.a;
      const c = other >= this.n ? other - this.n : colorOf(other);
      if (c >= 0 && ((free >>> c) & 1) !== 0 && move.weight > weight) {
        best = c;
        weight = move.weight;
      }
    }
    if (best !== NONE) return best;
    for (const r of PREFERENCE) if (((free >>> r) & 1) !== 0) return r;
    return NONE;
  }
}

function popcount(x: number): number {
  let n = 0;
  for (let w = x; w !== 0; w &= w - 1) n++;
  return n;
}
