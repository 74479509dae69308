/**
 * Operands and uses. Operands are object references, so replacing a value means visiting the instructions that
 * mention it; a pass that replaces many collects them and rewrites the function once (`replaceAll`).
 */
import type { Block, Inst, IrFunction, Terminator, Value } from './ir.ts';

/** Calls `f` with each operand. Blocks of phis are not operands. */
export function forEachOperand(inst: Inst, f: (v: Value) => void): void {
  switch (inst.op) {
    case 'bin':
    case 'cmp':
    case 'memcmp':
      f(inst.a);
      f(inst.b);
      return;
    case 'ptradd':
      f(inst.base);
      f(inst.offset);
      return;
    case 'ext':
    case 'trunc':
    case 'ptrtoint':
    case 'inttoptr':
    case 'spacecast':
    case 'bswap':
      f(inst.a);
      return;
    case 'select':
      f(inst.cond);
      f(inst.a);
      f(inst.b);
      return;
    case 'phi':
      for (const x of inst.incoming) f(x.value);
      return;
    case 'load':
      f(inst.ptr);
      return;
    case 'store':
      f(inst.ptr);
      f(inst.value);
      return;
    case 'memcpy':
      f(inst.dst);
      f(inst.src);
      return;
    case 'memset':
      f(inst.dst);
      f(inst.byte);
      return;
    case 'call':
      for (const x of inst.args) f(x);
      return;
    case 'atomic':
      f(inst.ptr);
      f(inst.value);
      if (inst.expected) f(inst.expected);
      return;
    case 'ldpacket':
      f(inst.ctx);
      if (inst.index) f(inst.index);
      return;
    case 'asm':
      for (const x of inst.inputs) f(x.value);
      return;
    case 'asmout':
      f(inst.asm);
      return;
    case 'alloca':
    case 'mapaddr':
    case 'globaladdr':
    case 'funcaddr':
    case 'ksymaddr':
    case 'core':
      return;
    default:
      return never(inst);
  }
}

/** Replaces each operand by what `f` says. */
export function mapOperands(inst: Inst, f: (v: Value) => Value): void {
  switch (inst.op) {
    case 'bin':
    case 'cmp':
    case 'memcmp':
      inst.a = f(inst.a);
      inst.b = f(inst.b);
      return;
    case 'ptradd':
      inst.base = f(inst.base);
      inst.offset = f(inst.offset);
      return;
    case 'ext':
    case 'trunc':
    case 'ptrtoint':
    case 'inttoptr':
    case 'spacecast':
    case 'bswap':
      inst.a = f(inst.a);
      return;
    case 'select':
      inst.cond = f(inst.cond);
      inst.a = f(inst.a);
      inst.b = f(inst.b);
      return;
    case 'phi':
      for (const x of inst.incoming) x.value = f(x.value);
      return;
    case 'load':
      inst.ptr = f(inst.ptr);
      return;
    case 'store':
      inst.ptr = f(inst.ptr);
      inst.value = f(inst.value);
      return;
    case 'memcpy':
      inst.dst = f(inst.dst);
      inst.src = f(inst.src);
      return;
    case 'memset':
      inst.dst = f(inst.dst);
      inst.byte = f(inst.byte);
      return;
    case 'call':
      for (let i = 0; i < inst.args.length; i++) inst.args[i] = f(inst.args[i] as Value);
      return;
    case 'atomic':
      inst.ptr = f(inst.ptr);
      inst.value = f(inst.value);
      if (inst.expected) inst.expected = f(inst.expected);
      return;
    case 'ldpacket':
      inst.ctx = f(inst.ctx);
      if (inst.index) inst.index = f(inst.index);
      return;
    case 'asm':
      for (const x of inst.inputs) x.value = f(x.value);
      return;
    case 'asmout': {
      const asm = f(inst.asm);
      if (asm.op === 'asm') inst.asm = asm;
      return;
    }
    case 'alloca':
    case 'mapaddr':
    case 'globaladdr':
    case 'funcaddr':
    case 'ksymaddr':
    case 'core':
      return;
    default:
      never(inst);
  }
}

/** The value a terminator looks at. */
export function termOperand(term: Terminator): Value | undefined {
  switch (term.op) {
    case 'branch':
      return term.cond;
    case 'switch':
    case 'return':
      return term.value;
    case 'jump':
    case 'unreachable':
      return undefined;
    default:
      return never(term);
  }
}

export function mapTermOperand(term: Terminator, f: (v: Value) => Value): void {
  switch (term.op) {
    case 'branch':
      term.cond = f(term.cond);
      return;
    case 'switch':
      term.value = f(term.value);
      return;
    case 'return':
      if (term.value) term.value = f(term.value);
      return;
    case 'jump':
    case 'unreachable':
      return;
    default:
      never(term);
  }
}

/** Instructions have ids, constants and parameters have none. */
export function isInst(v: Value): v is Inst {
  return v.op !== 'const' && v.op !== 'param' && v.op !== 'undef';
}

/** Number of uses by instruction id (phis and terminators count). */
export function countUses(fn: IrFunction): Int32Array {
  const counts = new Int32Array(fn.nextId);
  const note = (v: Value): void => {
    if (isInst(v)) counts[v.id] = (counts[v.id] as number) + 1;
  };
  for (const block of fn.blocks) {
    for (const inst of block.insts) forEachOperand(inst, note);
    const t = termOperand(block.term);
    if (t) note(t);
  }
  return counts;
}

export type User = Inst | Block;

/** Users by instruction id; a `Block` stands for its terminator. Parameters: by `paramUses`. */
export function collectUses(fn: IrFunction): User[][] {
  const users: User[][] = new Array<User[]>(fn.nextId);
  let user: User;
  const note = (v: Value): void => {
    if (!isInst(v)) return;
    const list = users[v.id];
    if (list) list.push(user);
    else users[v.id] = [user];
  };
  for (const block of fn.blocks) {
    for (const inst of block.insts) {
      user = inst;
      forEachOperand(inst, note);
    }
    const t = termOperand(block.term);
    user = block;
    if (t) note(t);
  }
  return users;
}

/** Rewrites every operand by a table from instruction id to replacement; chains are followed. */
export function replaceAll(fn: IrFunction, replacement: readonly (Value | undefined)[]): void {
  const find = (v: Value): Value => {
    let x = v;
    while (isInst(x)) {
      const next: Value | undefined = replacement[x.id];
      if (next === undefined || next === x) return x;
      x = next;
    }
    return x;
  };
  for (const block of fn.blocks) {
    for (const inst of block.insts) mapOperands(inst, find);
    mapTermOperand(block.term, find);
  }
}

/** Whether an instruction must stay although nobody uses its value. */
export function hasEffect(inst: Inst): boolean {
  switch (inst.op) {
    case 'store':
    case 'memcpy':
    case 'memset':
    case 'call':
    case 'atomic':
    case 'asm':
      return true;
    case 'load':
      return inst.volatile;
    // A packet load ends the program when the packet is too short.
    case 'ldpacket':
      return true;
    case 'bin':
    case 'ptradd':
    case 'cmp':
    case 'ext':
    case 'trunc':
    case 'ptrtoint':
    case 'inttoptr':
    case 'spacecast':
    case 'bswap':
    case 'select':
    case 'phi':
    case 'alloca':
    case 'memcmp':
    case 'mapaddr':
    case 'globaladdr':
    case 'funcaddr':
    case 'ksymaddr':
    case 'core':
    case 'asmout':
      return false;
    default:
      return never(inst);
  }
}

/** Its value depends on its operands alone and computing it again, or not at all, changes nothing. */
export function isPure(inst: Inst): boolean {
  switch (inst.op) {
    case 'bin':
    case 'ptradd':
    case 'cmp':
    case 'ext':
    case 'trunc':
    case 'ptrtoint':
    case 'inttoptr':
    case 'spacecast':
    case 'bswap':
    case 'select':
    case 'mapaddr':
    case 'globaladdr':
    case 'funcaddr':
    case 'ksymaddr':
    case 'core':
      return true;
    default:
      return false;
  }
}

function never(x: never): never {
  throw new Error(`unhandled ${JSON.stringify(x)}`);
}
