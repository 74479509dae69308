/**
 * Instruction selection: an IR function becomes machine IR.
 *
 * Blocks are visited in reverse postorder, instructions in order; each emits what it needs (table below). Three things
 * are not one to one: phis become copies at the end of their predecessors (`phis.ts`), `select` and truth values open
 * little diamonds of blocks, and what nobody wants (`demand.ts`) is not emitted.
 */
import { buildCfg } from '../../ir/cfg.ts';
import type { Alloca, Block, Inst, IrFunction, IrModule, Terminator } from '../../ir/ir.ts';
import type { MBlock, MFunction } from '../machine.ts';
import { EXIT, MOV32, MOV64_IMM, NONE, newBlock } from '../machine.ts';
import { changeBy, selectBin, selectBswap, selectExt, selectPtrAdd } from './arithmetic.ts';
import { selectMemCmp, selectMemCopy, selectMemSet, slotAlign } from './block-memory.ts';
import { selectAsm, selectAsmOut, selectCall } from './calls.ts';
import { branchOn, selectCmp } from './compare.ts';
import type { Conditionals, Group, Member } from './conditional.ts';
import { findConditionals } from './conditional.ts';
import { wantedValues } from './demand.ts';
import { gatherFacts } from './facts.ts';
import { findReadBack, selectAtomic, selectLdPacket, selectLoad, selectStore } from './memory.ts';
import { edges } from './phis.ts';
import type { SelectOptions } from './selection.ts';
import { Selection } from './selection.ts';
import { selectSwitch } from './switch.ts';

export function selectFunction(fn: IrFunction, module: IrModule, options: SelectOptions): MFunction {
  const cfg = buildCfg(fn);
  const facts = gatherFacts(fn, cfg, options.cpu >= 3);
  const groups = findConditionals(fn, cfg, facts);
  const wanted = wantedValues(fn, cfg, facts, groups);
  const s = new Selection(fn, module, facts, wanted, options);
  s.readBack = findReadBack(s, allInsts(cfg.order));
  const heads: MBlock[] = cfg.order.map((b, k) => (k === 0 ? s.block : newBlock(s.out, b.term.loc)));
  const edge = edges(s, cfg, heads);
  takeParameters(s);
  for (const i of cfg.order[0]?.insts ?? []) if (i.op === 'alloca') defineSlot(s, i);
  cfg.order.forEach((block, k) => {
    s.irBlock = block;
    s.continueIn(heads[k] as MBlock);
    for (const i of block.insts) selectWanted(s, i, wanted, groups);
    s.loc = block.term.loc;
    selectTerminator(s, block, edge);
  });
  return s.out;
}

function* allInsts(order: readonly Block[]): Generator<Inst> {
  for (const b of order) yield* b.insts;
}

function takeParameters(s: Selection): void {
  s.loc = s.ir.loc;
  s.ir.params.forEach((_, k) => {
    const reg = s.newReg();
    s.setParam(k, reg);
    if (k >= 5) return;
    if (s.facts.clearParams[k]) s.zeroExtend(reg, k + 1);
    else s.copy(reg, k + 1);
  });
  s.ir.params.forEach((p, k) => {
    if (k < 5 && s.facts.signedParams[k]) s.defineSigned(p);
  });
  if (s.ir.params.length > 5)
    s.error(
      'too-many-parameters',
      `${s.ir.name} has ${s.ir.params.length} parameters; a BPF function that is not inlined takes at most five`,
    );
}

function defineSlot(s: Selection, i: Alloca): void {
  s.slotOf[i.id] = s.out.slots.length;
  s.out.slots.push({
    size: i.size,
    align: slotAlign(i.size, i.align),
    name: i.var ?? i.name,
    loc: i.loc,
    spill: false,
    escapes: s.facts.escaped.has(i.id),
  });
}

function selectWanted(s: Selection, i: Inst, wanted: Uint8Array, groups: Conditionals): void {
  const group = groups[i.id];
  if (group === undefined) {
    if (!wanted[i.id]) return;
    s.loc = i.loc;
    selectInst(s, i);
    extendSigned(s, i);
  } else if (group.members[0]?.inst === i) {
    const members = group.members.filter((m) => wanted[m.inst.id]);
    s.loc = (members[0]?.inst ?? i).loc;
    if (members.length > 0) selectGroup(s, group, members);
    for (const m of members) extendSigned(s, m.inst);
  }
}

function extendSigned(s: Selection, i: Inst): void {
  if (s.facts.signed[i.id] && !(s.isZeroExtended(i) && s.bits(i) < 32)) s.defineSigned(i);
}

function selectInst(s: Selection, i: Inst): void {
  switch (i.op) {
    case 'bin':
      return selectBin(s, i);
    case 'ptradd':
      return selectPtrAdd(s, i);
    case 'cmp':
      return selectCmp(s, i);
    case 'ext':
      return selectExt(s, i);
    case 'trunc':
      if (s.facts.clear[i.id]) s.zeroExtend(s.target(i), s.reg(i.a));
      return;
    case 'bswap':
      return selectBswap(s, i);
    case 'phi':
      if (s.facts.clear[i.id]) s.zeroExtend(s.target(i), s.incomingReg(i));
      return;
    case 'load':
      s.touch = s.slotsOf(i.ptr);
      return selectLoad(s, i);
    case 'store':
      s.touch = s.slotsOf(i.ptr);
      return selectStore(s, i);
    case 'memcpy':
      return selectMemCopy(s, i);
    case 'memset':
      return selectMemSet(s, i);
    case 'memcmp':
      return selectMemCmp(s, i, s.facts.equality[i.id] === 1);
    case 'call':
      return selectCall(s, i);
    case 'atomic':
      s.touch = s.slotsOf(i.ptr);
      return selectAtomic(s, i);
    case 'ldpacket':
      return selectLdPacket(s, i);
    case 'core':
      return s.coreValue(i);
    case 'asm':
      return selectAsm(s, i);
    case 'asmout':
      return selectAsmOut(s, i);
    case 'select':
      throw new Error('a select outside its group');
    // Made where they are used.
    case 'alloca':
    case 'mapaddr':
    case 'globaladdr':
    case 'funcaddr':
    case 'ksymaddr':
    case 'ptrtoint':
    case 'inttoptr':
    case 'spacecast':
      return;
    default:
      return never(i);
  }
}

/** `dst = one; if (cond) goto on; dst = other; on:` for all members at once. */
function selectGroup(s: Selection, group: Group, members: readonly Member[]): void {
  const raw = members.map((m) => (s.facts.clear[m.inst.id] ? s.newReg() : s.target(m.inst)));
  const changes = members.some((m) => !('value' in m.then));
  // What changes in place must be there before; else a register that may end here goes first, where its copy can be merged away.
  const otherwiseFirst = changes || members.every((m) => 'value' in m.then && m.then.value.op === 'const' && m.otherwise.op !== 'const');
  const arm = (then: boolean): void =>
    members.forEach((m, k) => {
      const dst = raw[k] as number;
      // 32-bit arithmetic leaves a zero upper half; what is not computed on this way must have one too.
      if (!then && m.inst.op === 'bin' && m.inst.type === 'i32' && !s.isZeroExtended(m.otherwise)) s.zeroExtend(dst, s.reg(m.otherwise));
      else if (!then) s.into(dst, m.otherwise);
      else if ('value' in m.then) s.into(dst, m.then.value);
      else changeBy(s, m.inst.type === 'i32', dst, m.then.op, m.then.by);
    });
  arm(!otherwiseFirst);
  const on = s.newBlock(),
    second = s.newBlock();
  if (otherwiseFirst !== group.negated) branchOn(s, group.cond, second, on);
  else branchOn(s, group.cond, on, second);
  s.continueIn(second);
  arm(otherwiseFirst);
  s.block.next = on;
  s.continueIn(on);
  members.forEach((m, k) => {
    if (s.facts.clear[m.inst.id]) s.finish(m.inst, raw[k] as number);
  });
}

function selectTerminator(s: Selection, block: Block, edge: (from: Block, to: Block) => MBlock): void {
  const t: Terminator = block.term;
  switch (t.op) {
    case 'jump':
      s.block.next = edge(block, t.to);
      break;
    case 'branch':
      if (t.then === t.else) s.block.next = edge(block, t.then);
      else {
        branchOn(s, t.cond, edge(block, t.then), edge(block, t.else));
        if (t.likely !== undefined) s.unlikely.push(t.likely ? edge(block, t.else) : edge(block, t.then));
      }
      break;
    case 'switch':
      if (t.cases.every((c) => c.to === t.otherwise)) s.block.next = edge(block, t.otherwise);
      else selectSwitch(s, t, (to) => edge(block, to));
      break;
    case 'return': {
      const needsResult = s.ir.program !== undefined || s.ir.linkage !== 'static';
      if (t.value) {
        // The kernel reads an int; sign-extended, a negative constant is right at either width.
        if (t.value.type === 'i32' && t.value.op === 'const') s.emit(MOV64_IMM, 0, NONE, 0, Number(t.value.value) | 0);
        else if (t.value.type === 'i32' && !s.isZeroExtended(t.value)) {
          if (s.cpu.alu32) s.emit(MOV32, 0, s.reg(t.value), 0, 0);
          else s.zeroExtend(0, s.reg(t.value));
        } else s.into(0, t.value);
      } else if (needsResult) s.emit(MOV64_IMM, 0, NONE, 0, 0);
      s.emit(EXIT, NONE, NONE, t.value !== undefined || needsResult ? 1 : 0, 0);
      break;
    }
    case 'unreachable':
      // Never reached, but the verifier does not know.
      s.emit(MOV64_IMM, 0, NONE, 0, 0);
      s.emit(EXIT, NONE, NONE, 1, 0);
      s.block.cold = true;
      break;
    default:
      never(t);
  }
  s.block.loc = t.loc;
}

function never(x: never): never {
  throw new Error(`unhandled ${String(x)}`);
}
