/**
 * Inline assembly: operand numbers in the text become registers, then `isa/assemble.ts` reads it.
 *
 *   %0  %w0 (32-bit name)  %% (a percent sign)  %= (a number of its own, for labels)
 */
import { AssembleError, assemble } from '../../isa/assemble.ts';
import type { Insn } from '../../isa/insn.ts';
import type { Diagnostics, Loc } from '../diagnostics.ts';
import type { AsmBody } from './machine.ts';

export function assembleBody(body: AsmBody, loc: Loc, diagnostics: Diagnostics): readonly Insn[] {
  const text = substitute(body, loc, diagnostics);
  if (text === undefined || text.trim() === '') return [];
  try {
    return assemble(text).insns;
  } catch (e) {
    if (!(e instanceof AssembleError)) throw e;
    diagnostics.error('asm-syntax', loc, `in this assembly: ${e.message}`);
    return [];
  }
}

function substitute(body: AsmBody, loc: Loc, diagnostics: Diagnostics): string | undefined {
  let out = '';
  const { text } = body;
  for (let k = 0; k < text.length; k++) {
    const c = text[k] as string;
    if (c !== '%') {
      out += c;
      continue;
    }
    let n = text[++k] ?? '';
    if (n === '%') {
      out += '%';
      continue;
    }
    if (n === '=') {
      out += String(loc);
      continue;
    }
    let half = false;
    if (n === 'w') {
      half = true;
      n = text[++k] ?? '';
    }
    let digits = '';
    while (n >= '0' && n <= '9') {
      digits += n;
      n = text[++k] ?? '';
    }
    k--;
    const operand = digits === '' ? undefined : body.operands[Number(digits)];
    if (operand === undefined) {
      diagnostics.error('asm-operand', loc, `the assembly mentions operand %${digits}, which it does not have`);
      return undefined;
    }
    if (operand.kind === 'constant') out += String(operand.value);
    else {
      const list = operand.kind === 'use' ? body.uses : body.defs;
      out += `${half || operand.half ? 'w' : 'r'}${list[operand.index]}`;
    }
  }
  return out;
}
