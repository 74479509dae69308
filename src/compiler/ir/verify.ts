/**
 * Checks that a function is well-formed IR. Run between passes in tests (`pipeline.ts` takes `verify: true`), so that a
 * broken pass is caught where it broke and not three passes later. Returns complaints; empty means well-formed.
 */
import { buildCfg, buildDominators, successors } from './cfg.ts';
import type { Block, Inst, IrFunction, IrType, Value } from './ir.ts';
import { printInst, printTerm, printValue } from './print.ts';
import { forEachOperand, isInst, termOperand } from './uses.ts';

export function verifyFunction(fn: IrFunction): string[] {
  const complaints: string[] = [];
  const entry = fn.blocks[0];
  if (!entry) return [`${fn.name}: no blocks`];
  const say = (block: Block, what: string, message: string): void => {
    complaints.push(`${fn.name} b${block.id}: ${what}: ${message}`);
  };

  const inFunction = new Set<Block>(fn.blocks);
  const definedIn = new Map<Inst, Block>();
  const ids = new Set<number>();
  const takeId = (block: Block, id: number): void => {
    if (ids.has(id)) say(block, `id ${id}`, 'used twice');
    if (id >= fn.nextId) say(block, `id ${id}`, `not below nextId ${fn.nextId}`);
    ids.add(id);
  };
  for (const block of fn.blocks) {
    takeId(block, block.id);
    for (const inst of block.insts) {
      takeId(block, inst.id);
      if (definedIn.has(inst)) say(block, printInst(inst), 'stands in two places');
      definedIn.set(inst, block);
    }
    for (const s of successors(block.term))
      if (!inFunction.has(s)) say(block, printTerm(block.term), `leads to b${s.id}, which is not in the function`);
  }
  if (complaints.length > 0) return complaints;

  const cfg = buildCfg(fn);
  const dom = buildDominators(cfg);
  if ((cfg.preds[0] as readonly Block[]).length > 0) say(entry, 'entry', 'has predecessors');

  for (const block of cfg.order) {
    const at = cfg.position[block.id] as number;
    const seen = new Set<Inst>();
    const checkUse = (v: Value, what: string, useAt: number, inSame: boolean): void => {
      if (v.op === 'param') {
        if (fn.params[v.index] !== v) say(block, what, `mentions parameter ${v.name} of another function`);
        return;
      }
      if (!isInst(v)) return;
      const home = definedIn.get(v);
      if (!home) return say(block, what, `mentions %${v.id}, which is not in the function`);
      const homeAt = cfg.position[home.id] as number;
      if (homeAt === -1) return say(block, what, `mentions %${v.id} of an unreachable block`);
      if (v.type === 'void' && v.op !== 'asm') say(block, what, `%${v.id} has no value`);
      if (homeAt === useAt && inSame ? !seen.has(v) : !dom.dominates(homeAt, useAt))
        say(block, what, `%${v.id} does not dominate this use`);
    };
    let pastPhis = false;
    for (const inst of block.insts) {
      const what = printInst(inst);
      if (inst.op === 'phi') {
        if (pastPhis) say(block, what, 'phi after other instructions');
        const preds = cfg.preds[at] as readonly Block[];
        const want = new Set(preds);
        const have = new Set(inst.incoming.map((x) => x.block));
        if (have.size !== inst.incoming.length) say(block, what, 'a predecessor twice');
        for (const p of want) if (!have.has(p)) say(block, what, `nothing for predecessor b${p.id}`);
        for (const x of inst.incoming) {
          if (!want.has(x.block)) {
            // An edge from code that nothing reaches is still an edge until `cleanup-cfg` has been.
            if (inFunction.has(x.block) && cfg.position[x.block.id] === -1 && successors(x.block.term).includes(block)) continue;
            say(block, what, `b${x.block.id} is not a predecessor`);
          } else checkUse(x.value, what, cfg.position[x.block.id] as number, false);
        }
      } else {
        pastPhis = true;
        forEachOperand(inst, (v) => checkUse(v, what, at, true));
        if (inst.op === 'alloca' && block !== entry) say(block, what, 'alloca outside the entry');
        if (inst.op === 'asmout' && !seen.has(inst.asm)) say(block, what, 'asmout in another block than its asm');
      }
      checkTypes(inst, (message) => say(block, what, message));
      seen.add(inst);
    }
    const what = printTerm(block.term);
    const t = termOperand(block.term);
    if (t) checkUse(t, what, at, true);
    if (block.term.op === 'branch' && t && t.type !== 'i32' && t.type !== 'i64') say(block, what, 'condition is not an integer');
    if (block.term.op === 'switch' && t && t.type !== 'i32' && t.type !== 'i64')
      say(block, what, 'switch on something that is not an integer');
    if (block.term.op === 'return' && (t?.type ?? undefined) !== fn.returns)
      say(block, what, `function returns ${fn.returns ?? 'nothing'}`);
  }
  return complaints;
}

function checkTypes(i: Inst, say: (message: string) => void): void {
  const want = (v: Value, type: IrType): void => {
    if (v.type !== type) say(`${printValue(v)} is ${v.type}, not ${type}`);
  };
  const integer = (v: Value): void => {
    if (v.type !== 'i32' && v.type !== 'i64') say(`${printValue(v)} is ${v.type}, not an integer`);
  };
  const check = (v: Value): void => {
    if (v.op === 'const' && (v.value < 0n || v.value >> (v.type === 'i32' ? 32n : 64n) !== 0n)) say(`constant ${v.value} out of range`);
  };
  forEachOperand(i, check);
  switch (i.op) {
    case 'bin':
      want(i.a, i.type);
      want(i.b, i.type);
      return;
    case 'ptradd':
      want(i.base, 'ptr');
      want(i.offset, 'i64');
      return;
    case 'cmp':
      if (i.a.type !== i.b.type || i.a.type === 'void') say(`compares ${i.a.type} with ${i.b.type}`);
      return;
    case 'ext':
      integer(i.a);
      if (i.type === 'i32' && i.bits === 32) say('ext from 32 bits to i32');
      return;
    case 'trunc':
      if (i.a.type !== 'i64' && i.a.type !== 'ptr') say(`truncates ${i.a.type}`);
      return;
    case 'ptrtoint':
    case 'spacecast':
      want(i.a, 'ptr');
      return;
    case 'inttoptr':
      want(i.a, 'i64');
      return;
    case 'bswap':
      want(i.a, i.type);
      return;
    case 'select':
      want(i.cond, 'i32');
      want(i.a, i.type);
      want(i.b, i.type);
      return;
    case 'phi':
      for (const x of i.incoming) want(x.value, i.type);
      return;
    case 'load':
      want(i.ptr, 'ptr');
      if (i.type === 'i32' && i.bits === 64) say('loads 64 bits into i32');
      if (i.type === 'ptr' && i.bits !== 64) say('loads a pointer of less than 64 bits');
      return;
    case 'store':
      want(i.ptr, 'ptr');
      if (i.bits === 64 ? i.value.type === 'i32' : i.value.type === 'ptr') say(`stores ${i.value.type} as ${i.bits} bits`);
      if (i.value.type === 'void') say('stores nothing');
      return;
    case 'memcpy':
      want(i.dst, 'ptr');
      want(i.src, 'ptr');
      return;
    case 'memset':
      want(i.dst, 'ptr');
      want(i.byte, 'i32');
      return;
    case 'memcmp':
      want(i.a, 'ptr');
      want(i.b, 'ptr');
      return;
    case 'call':
      for (const a of i.args) if (a.type === 'void') say('passes nothing');
      return;
    case 'atomic': {
      want(i.ptr, 'ptr');
      const t = i.bits === 64 ? 'i64' : 'i32';
      want(i.value, t);
      if ((i.atomic === 'cmpxchg') !== (i.expected !== undefined)) say('expected value where there should be none, or none');
      if (i.expected) want(i.expected, t);
      if (i.type !== (i.fetch ? t : 'void')) say(`result is ${i.type}`);
      return;
    }
    case 'ldpacket':
      want(i.ctx, 'ptr');
      if (i.index) want(i.index, 'i64');
      return;
    case 'asmout':
      if (!i.asm.outputs[i.index]) say('no such output');
      return;
    case 'alloca':
    case 'mapaddr':
    case 'globaladdr':
    case 'funcaddr':
    case 'ksymaddr':
    case 'core':
    case 'asm':
      return;
    default:
      never(i);
  }
}

function never(x: never): never {
  throw new Error(`unhandled ${JSON.stringify(x)}`);
}
