/**
 * Ends of blocks that are the same code and go on to the same place are kept once. Most of all this joins the many
 * `r0 = 0; exit` of a program.
 *
 * What the verifier sees must not change its mind: it keeps notes per instruction (which map a call is given, which kind
 * of pointer a load goes through) and refuses some instructions that see two kinds. So a memory access is only merged
 * with one through the same pointer, and a call only together with all that sets up its arguments.
 */
import { CLASS, SRC } from '../../isa/insn.ts';
import { cleanBlocks } from './layout.ts';
import type { MBlock, MFunction, MInst } from './machine.ts';
import { CALL, FP, implicitUses, LD_IMM64, NONE, newBlock, PSEUDO, physicalDefs } from './machine.ts';

/**
 * After allocation. True if something was merged. `placed`: stack objects have their offsets, so that different ones at
 * the same place are alike.
 */
export function mergeTails(fn: MFunction, placed = false): boolean {
  let merged = false;
  for (let again = true; again; ) {
    again = false;
    for (const group of groupsOf(fn)) {
      if (group.length > 1 && mergeGroup(fn, group, placed)) again = true;
    }
    if (again) {
      merged = true;
      // Blocks that are empty now would hide that others go on to the same place.
      cleanBlocks(fn);
    }
  }
  return merged;
}

/** Blocks that go on to the same places. */
function groupsOf(fn: MFunction): MBlock[][] {
  const groups = new Map<string, MBlock[]>();
  for (const b of fn.blocks) {
    if (b.next === undefined && b.insts.length === 0) continue;
    const key = `${b.next?.index} ${b.taken?.index}`;
    const group = groups.get(key);
    if (group) group.push(b);
    else groups.set(key, [b]);
  }
  return [...groups.values()];
}

interface Node {
  readonly children: Map<string, Node>;
  readonly members: MBlock[];
}

/** A trie of the blocks' instructions read backward; the deepest node with two members is the longest common end. */
function mergeGroup(fn: MFunction, group: readonly MBlock[], placed: boolean): boolean {
  const { next, taken: branches } = group[0] as MBlock;
  const exits = next === undefined;
  const root: Node = { children: new Map(), members: [] };
  for (const b of group) {
    let node = root;
    for (let k = b.insts.length - 1; k >= 0; k--) {
      const key = keyOf(b.insts[k] as MInst, placed);
      if (key === undefined) break;
      let child = node.children.get(key);
      if (child === undefined) node.children.set(key, (child = { children: new Map(), members: [] }));
      child.members.push(b);
      node = child;
    }
  }
  let changed = false;
  // One block may be in one merge only; the next round sees the result.
  const taken = new Set<MBlock>();
  const visit = (node: Node, depth: number): void => {
    for (const child of node.children.values()) if (child.members.length > 1) visit(child, depth + 1);
    const members = node.members.filter((b) => !taken.has(b));
    if (members.length < 2) return;
    const length = selfContained((members[0] as MBlock).insts, depth);
    // A conditional jump alone would only give way to the jump to another. An `exit` costs no more than the jump to another; it is worth sharing where it is a block of its own.
    const worth =
      length >= (exits || branches !== undefined ? 2 : 1) || (exits && length === 1 && members.some((b) => b.insts.length === 1));
    if (!worth) return;
    for (const b of members) taken.add(b);
    merge(fn, members, length);
    changed = true;
  };
  visit(root, 0);
  return changed;
}

function merge(fn: MFunction, members: readonly MBlock[], length: number): void {
  const first = members[0] as MBlock;
  // A block that is nothing but the common end serves as the place for all.
  let home = members.find((b) => b.insts.length === length && b !== fn.blocks[0]);
  if (home === undefined) {
    home = newBlock(fn, first.loc);
    home.insts = first.insts.slice(-length);
    home.next = first.next;
    home.taken = first.taken;
    home.depth = first.depth;
    home.cold = members.every((b) => b.cold);
    home.loc = first.loc;
  }
  for (const b of members) {
    if (b === home) continue;
    for (let k = 1; k <= length; k++) {
      const kept = home.insts[home.insts.length - k] as MInst;
      const dropped = b.insts[b.insts.length - k] as MInst;
      if (kept.loc !== dropped.loc || dropped.shared) kept.shared = true;
    }
    b.insts.length -= length;
    b.taken = undefined;
    b.next = home;
    b.cold &&= home.cold;
  }
}

/** The longest part of the last `depth` instructions that sets up all arguments of its calls. */
function selfContained(insts: readonly MInst[], depth: number): number {
  let best = depth;
  let needed = 0;
  let at = 0;
  for (let n = 1; n <= depth; n++) {
    const i = insts[insts.length - n] as MInst;
    if (i.op === CALL) {
      if (needed === 0) at = n - 1;
      needed |= implicitUses(i);
    } else needed &= ~physicalDefs(i);
  }
  if (needed !== 0) best = at;
  return best;
}

/** What must agree for two instructions to be one; undefined for those that are never merged. */
function keyOf(i: MInst, placed: boolean): string | undefined {
  const cls = i.op & 7;
  if (i.op === PSEUDO.ASM || i.keep) return undefined;
  let pointer = 0;
  if (i.op < 0x100 && (cls === CLASS.LDX || cls === CLASS.ST || cls === CLASS.STX)) {
    const base = cls === CLASS.LDX ? i.src : i.dst;
    if (base !== FP) {
      if (i.origin === 0) return undefined;
      pointer = i.origin;
    }
  } else if (cls === CLASS.LD && i.op !== LD_IMM64 && i.op !== PSEUDO.LEA) return undefined;
  if (i.extra?.kind === 'core') return undefined;
  const extra =
    i.extra === undefined ? '' : i.extra.kind === 'wide' ? `w${i.extra.value}` : i.extra.kind === 'ref' ? JSON.stringify(i.extra.ref) : '';
  const src = (i.op & SRC.X) === 0 && cls !== CLASS.LDX && cls !== CLASS.STX && i.op !== LD_IMM64 && i.op !== CALL ? NONE : i.src;
  return `${i.op}|${i.dst}|${src}|${i.off}|${i.imm}|${placed ? NONE : i.slot}|${pointer}|${extra}`;
}
