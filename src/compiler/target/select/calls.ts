/**
 * Calls and inline assembly: the places where values must stand in particular registers.
 */
import { CALL as CALL_KIND } from '../../../isa/insn.ts';
import type { AsmInst, AsmOut, CallInst, Value } from '../../ir/ir.ts';
import type { AsmBody, AsmOperand } from '../machine.ts';
import { CALL, MOV32, NONE, PSEUDO } from '../machine.ts';
import type { Selection } from './selection.ts';

const MOST_ARGUMENTS = 5;

export function selectCall(s: Selection, i: CallInst): void {
  if (i.callee.kind === 'indirect') {
    s.error('indirect-call', 'BPF cannot call through a pointer; the called function must be known here');
    return;
  }
  if (i.args.length > MOST_ARGUMENTS) {
    s.error(
      'too-many-arguments',
      `${i.callee.name} is called with ${i.args.length} arguments; a BPF call passes at most ${MOST_ARGUMENTS}`,
    );
    return;
  }
  passArguments(s, i.args);
  const inst = s.emit(CALL, NONE, CALL_KIND.HELPER, i.args.length, 0);
  inst.touch = s.slotsOf(...i.args);
  switch (i.callee.kind) {
    case 'helper':
      inst.imm = i.callee.id;
      break;
    case 'function':
      inst.src = CALL_KIND.LOCAL;
      inst.extra = { kind: 'ref', ref: { kind: 'call', function: i.callee.name } };
      break;
    case 'kfunc':
      inst.src = CALL_KIND.KFUNC;
      inst.extra = { kind: 'ref', ref: { kind: 'kfunc', name: i.callee.name, weak: i.callee.weak } };
      break;
    default:
      never(i.callee);
  }
  s.forgetBases();
  if (i.type !== 'void' && s.isUsed(i)) s.finish(i, 0);
}

/** Registers first, then what is made on the spot: each move may end a register's life, and none begins one early. */
function passArguments(s: Selection, args: readonly Value[]): void {
  const made: number[] = [];
  args.forEach((arg, k) => {
    const v = s.resolve(arg);
    if (!s.hasRegister(v)) {
      made.push(k);
      return;
    }
    const r = s.reg(v);
    // A 32-bit argument's upper half is read by kernel functions as it stands.
    if (arg.type === 'i32' && !s.isZeroExtended(arg)) {
      if (s.cpu.alu32) s.emit(MOV32, k + 1, r, 0, 0);
      else s.zeroExtend(k + 1, r);
    } else s.copy(k + 1, r);
  });
  for (const k of made) {
    const v = s.resolve(args[k] as Value);
    if (v.op === 'const') s.wide(k + 1, v.value);
    else s.into(k + 1, v);
  }
}

/* ---------- inline assembly ---------- */

export function selectAsm(s: Selection, i: AsmInst): void {
  const uses: number[] = [],
    defs: number[] = [],
    early: number[] = [];
  const operands: AsmOperand[] = [];
  const tiedTo = new Map<number, number>();
  i.outputs.forEach((o, k) => {
    const letter = constraintLetter(o.constraint);
    if (letter !== 'r' && letter !== 'w')
      return s.error('asm-constraint', `output constraint "${o.constraint}" is not supported; use "=r"`);
    const reg = s.newReg();
    defs.push(reg);
    if (o.constraint.includes('&')) early.push(k);
    if (o.tied !== undefined) tiedTo.set(o.tied, k);
    operands.push({ kind: 'def', index: k, half: letter === 'w' });
  });
  i.inputs.forEach((input, k) => {
    const tied = tiedTo.get(k) ?? matchingOutput(input.constraint);
    if (tied !== undefined && tied < defs.length) {
      const reg = defs[tied] as number;
      s.into(reg, input.value);
      uses.push(reg);
      operands.push({ kind: 'def', index: tied, half: false });
      return;
    }
    const letter = constraintLetter(input.constraint);
    const v = s.resolve(input.value);
    if (letter === 'i' || letter === 'n') {
      if (v.op !== 'const') return s.error('asm-constraint', `constraint "${input.constraint}" needs a constant`);
      operands.push({ kind: 'constant', value: v.type === 'i32' ? BigInt.asIntN(32, v.value) : BigInt.asIntN(64, v.value) });
    } else if (letter === 'r' || letter === 'w') {
      operands.push({ kind: 'use', index: uses.length, half: letter === 'w' });
      uses.push(s.reg(v));
    } else s.error('asm-constraint', `input constraint "${input.constraint}" is not supported; use "r" or "i"`);
  });
  const body: AsmBody = { kind: 'asm', text: i.text, operands, uses, defs, clobbers: clobberMask(s, i), early };
  const inst = s.emit(PSEUDO.ASM, NONE, NONE, 0, 0);
  inst.extra = body;
  inst.touch = s.slotsOf(...i.inputs.map((x) => x.value));
  s.asmResults.set(i, defs);
  s.forgetBases();
}

export function selectAsmOut(s: Selection, i: AsmOut): void {
  const reg = s.asmResults.get(i.asm)?.[i.index];
  if (reg !== undefined) s.finish(i, reg);
}

function constraintLetter(constraint: string): string {
  for (const c of constraint) {
    if (c === '=' || c === '+' || c === '&' || c === '%') continue;
    // Of several the first that assembly for BPF can have.
    if (c === 'r' || c === 'w' || c === 'i' || c === 'n') return c;
  }
  return '';
}

function matchingOutput(constraint: string): number | undefined {
  const n = Number.parseInt(constraint, 10);
  return Number.isNaN(n) ? undefined : n;
}

function clobberMask(s: Selection, i: AsmInst): number {
  let mask = 0;
  for (const c of i.clobbers) {
    if (c === 'memory' || c === 'cc') continue;
    const n = c.startsWith('r') || c.startsWith('w') ? Number(c.slice(1)) : Number.NaN;
    if (Number.isInteger(n) && n >= 0 && n <= 9) mask |= 1 << n;
    else s.error('asm-clobber', `"${c}" is not a register that assembly may destroy`);
  }
  return mask;
}

function never(x: never): never {
  throw new Error(`unhandled ${String(x)}`);
}
