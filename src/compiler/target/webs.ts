/**
 * Gives separate names to the parts of a variable's life that have nothing to do with each other: writes that no common
 * read can see. After spilling, each reload begins such a part.
 */
import { computeLiveness, forEachLive } from './liveness.ts';
import type { MBlock, MFunction, MInst } from './machine.ts';
import { asmOf, DEFS_DST, DEFS_SRC, FIRST_VIRTUAL, flagsOf, USES_DST, USES_SRC, virtualDefs, virtualUses } from './machine.ts';

export function renameWebs(fn: MFunction): void {
  const live = computeLiveness(fn);
  const parent: number[] = [];
  const fresh = (): number => {
    parent.push(parent.length);
    return parent.length - 1;
  };
  const find = (x: number): number => {
    let r = x;
    while (parent[r] !== r) r = parent[r] = parent[parent[r] as number] as number;
    return r;
  };
  const union = (a: number, b: number): void => {
    const x = find(a),
      y = find(b);
    if (x !== y) parent[y] = x;
  };
  // A web for each register live at each block's start.
  const entry: Int32Array[] = fn.blocks.map(() => new Int32Array(0));
  for (const b of fn.blocks) {
    const regs: number[] = [];
    forEachLive(live, live.liveIn, b.index, (r) => regs.push(r));
    const webs = new Int32Array(regs.length * 2);
    regs.forEach((r, k) => {
      webs[k * 2] = r;
      webs[k * 2 + 1] = fresh();
    });
    entry[b.index] = webs;
  }
  const now = new Int32Array(fn.nextReg).fill(-1);
  // Webs of each operand, in the order in which `rewrite` will come by.
  const reads: number[] = [],
    writes: number[] = [];
  const operands: number[] = [];
  for (const b of fn.blocks) {
    enter(now, entry[b.index] as Int32Array);
    for (const i of b.insts) {
      const nu = virtualUses(i, operands);
      for (let n = 0; n < nu; n++) {
        const r = operands[n] as number;
        if (now[r] === -1) now[r] = fresh();
        reads.push(now[r] as number);
      }
      const used = operands.slice(0, nu);
      const nd = virtualDefs(i, operands);
      for (let n = 0; n < nd; n++) {
        const r = operands[n] as number;
        // What is read and written in one operand keeps its name.
        if (!used.includes(r)) now[r] = fresh();
        writes.push(now[r] as number);
      }
    }
    for (const s of [b.taken, b.next]) {
      if (s === undefined) continue;
      const webs = entry[s.index] as Int32Array;
      for (let k = 0; k < webs.length; k += 2) {
        const r = webs[k] as number;
        if (now[r] === -1) now[r] = fresh();
        union(now[r] as number, webs[k + 1] as number);
      }
    }
    leave(now, b, entry[b.index] as Int32Array);
  }
  // The first web of a register keeps its name.
  const names = new Map<number, number>();
  const owner = new Set<number>();
  const nameOf = (web: number, r: number): number => {
    const w = find(web);
    let name = names.get(w);
    if (name === undefined) {
      name = owner.has(r) ? fn.nextReg++ : r;
      owner.add(r);
      names.set(w, name);
    }
    return name;
  };
  let atRead = 0,
    atWrite = 0;
  for (const b of fn.blocks) {
    for (const i of b.insts) {
      const nu = virtualUses(i, operands);
      const table = new Map<number, number>();
      for (let n = 0; n < nu; n++) table.set(operands[n] as number, nameOf(reads[atRead++] as number, operands[n] as number));
      const nd = virtualDefs(i, operands);
      const written = new Map<number, number>();
      for (let n = 0; n < nd; n++) written.set(operands[n] as number, nameOf(writes[atWrite++] as number, operands[n] as number));
      rewrite(i, table, written);
    }
  }
}

function enter(now: Int32Array, webs: Int32Array): void {
  for (let k = 0; k < webs.length; k += 2) now[webs[k] as number] = webs[k + 1] as number;
}

/** Forgets the block's registers, so that the next one begins with its own. */
function leave(now: Int32Array, b: MBlock, webs: Int32Array): void {
  for (let k = 0; k < webs.length; k += 2) now[webs[k] as number] = -1;
  const operands: number[] = [];
  for (const i of b.insts) for (let n = virtualDefs(i, operands) - 1; n >= 0; n--) now[operands[n] as number] = -1;
}

function rewrite(i: MInst, read: ReadonlyMap<number, number>, written: ReadonlyMap<number, number>): void {
  const flags = flagsOf(i);
  const name = (r: number, uses: boolean, defs: boolean): number => {
    if (r < FIRST_VIRTUAL) return r;
    return (uses ? read.get(r) : undefined) ?? (defs ? written.get(r) : undefined) ?? r;
  };
  if ((flags & (USES_DST | DEFS_DST)) !== 0) i.dst = name(i.dst, (flags & USES_DST) !== 0, (flags & DEFS_DST) !== 0);
  if ((flags & (USES_SRC | DEFS_SRC)) !== 0) i.src = name(i.src, (flags & USES_SRC) !== 0, (flags & DEFS_SRC) !== 0);
  const asm = asmOf(i);
  if (asm) {
    asm.uses = asm.uses.map((r) => name(r, true, false));
    asm.defs = asm.defs.map((r) => name(r, false, true));
  }
}
