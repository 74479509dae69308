/**
 * Inline assembly is carried through: the text as it stands, operands by number. `%[name]` becomes `%n`; operands count
 * outputs first, then inputs, as in gcc. `+r` is an output tied to an input of its own after all others.
 */
import type { Asm, AsmOperand } from '../../c/ast.ts';
import type { AsmInst, Value } from '../ir.ts';
import { readPlace, writePlace } from './access.ts';
import { address, place } from './place.ts';
import { scalar } from './scalar.ts';
import type { FunctionState, Place } from './state.ts';
import { scalarType } from './types.ts';

export function lowerAsm(f: FunctionState, s: Asm): void {
  const { b } = f;
  if (s.labels.length > 0) return f.m.error('asm-goto', s.loc, "'asm goto' is not supported");
  const inputs: AsmInst['inputs'] = [];
  const outputs: AsmInst['outputs'] = [];
  const written: { operand: AsmOperand; place: Place }[] = [];
  const tied: { output: number; value: Value; constraint: string }[] = [];
  const memory: Value[] = [];
  for (const o of s.outputs) {
    const p = place(f, o.expr);
    if (isMemory(o.constraint)) {
      // The operand is the address; what the text does to it is memory.
      memory.push(address(f, p));
      continue;
    }
    const type = scalarType(o.expr.type.type);
    if (!type) return f.m.error('asm-operand', o.expr.loc, 'an operand of inline assembly must be a number or a pointer');
    if (o.constraint.startsWith('+'))
      tied.push({ output: outputs.length, value: readPlace(f, p, o.expr.type, o.expr.loc), constraint: 'r' });
    outputs.push({ constraint: registerOf(o.constraint), type });
    written.push({ operand: o, place: p });
  }
  for (const value of memory) inputs.push({ constraint: 'r', value });
  for (const i of s.inputs) {
    if (isMemory(i.constraint))
      inputs.push({
        constraint: 'r',
        value: address(f, place(f, i.expr.kind === 'cast' && i.expr.cast === 'load' ? i.expr.operand : i.expr)),
      });
    else {
      const same = /^\d+$/.exec(i.constraint);
      const value = scalar(f, i.expr);
      if (same) {
        const output = outputs[Number(same[0])];
        if (output) output.tied = inputs.length;
      }
      inputs.push({ constraint: registerOf(i.constraint), value });
    }
  }
  for (const t of tied) {
    (outputs[t.output] as AsmInst['outputs'][number]).tied = inputs.length;
    inputs.push({ constraint: t.constraint, value: t.value });
  }
  b.loc = s.loc;
  const touchesMemory = memory.length > 0 || s.inputs.some((i) => isMemory(i.constraint));
  const clobbers = touchesMemory && !s.clobbers.includes('memory') ? [...s.clobbers, 'memory'] : [...s.clobbers];
  const asm = b.asm(numberOperands(s), inputs, outputs, clobbers);
  // All results are read before any is stored: a store would stand between them and the text.
  const results = written.map((_w, i) => b.asmout((outputs[i] as AsmInst['outputs'][number]).type, asm, i));
  written.forEach((w, i) => writePlace(f, w.place, w.operand.expr.type, results[i] as Value, s.loc));
}

/** Only in memory: the operand is the address, in a register, and the text may read and write there. */
function isMemory(constraint: string): boolean {
  return /[mo]/.test(constraint) && !/[rg]/.test(constraint);
}

/** A choice that includes a register is a register. */
function registerOf(constraint: string): string {
  if (!/[gr]/.test(constraint)) return constraint;
  return `${constraint.startsWith('+') ? '+' : constraint.startsWith('=') ? '=' : ''}${constraint.includes('&') ? '&' : ''}r`;
}

function numberOperands(s: Asm): string {
  const names = [...s.outputs, ...s.inputs].map((o) => o.name);
  return s.text.replace(/%\[(\w+)\]/g, (all, name: string) => {
    const n = names.indexOf(name);
    return n < 0 ? all : `%${n}`;
  });
}
