/** Machine IR as text, for tests and for looking at. `v16` is a virtual register. */
import { disassembleInsn } from '../../isa/disassemble.ts';
import type { MFunction, MInst } from './machine.ts';
import { asmOf, FIRST_VIRTUAL, MOV64, NONE, PSEUDO } from './machine.ts';

export function printMachine(fn: MFunction): string {
  const lines: string[] = [`${fn.name}:`];
  for (const b of fn.blocks) {
    lines.push(` b${b.index}:${b.depth > 0 ? ` depth ${b.depth}` : ''}`);
    for (const i of b.insts) lines.push(`   ${printMInst(i)}`);
    const to = [b.taken ? `taken b${b.taken.index}` : '', b.next ? `next b${b.next.index}` : ''].filter(Boolean).join(', ');
    if (to) lines.push(`   -> ${to}`);
  }
  return lines.join('\n');
}

export function register(r: number): string {
  return r >= FIRST_VIRTUAL ? `v${r}` : r === NONE ? '_' : `r${r}`;
}

export function printMInst(i: MInst): string {
  const slot = i.slot === NONE ? '' : ` slot${i.slot}`;
  if (i.op === PSEUDO.LEA) return `${register(i.dst)} = &slot${i.slot}${i.off ? ` + ${i.off}` : ''}`;
  const asm = asmOf(i);
  if (asm) return `asm "${asm.text}" (${asm.defs.map(register).join(' ')}) (${asm.uses.map(register).join(' ')})`;
  if (i.op === MOV64) return `${register(i.dst)} = ${register(i.src)}`;
  // Registers are put in afterwards: the disassembler knows none beyond r10.
  const text = disassembleInsn({ op: i.op, dst: 1, src: 2, off: i.off, imm: i.imm, ...(i.op === 0x18 ? { imm64: 0n } : {}) });
  const named = text
    .replace(/\b[rw]1\b/g, (m) => (m.startsWith('w') ? `w:${register(i.dst)}` : register(i.dst)))
    .replace(/\b[rw]2\b/g, (m) => (m.startsWith('w') ? `w:${register(i.src)}` : register(i.src)));
  return named + slot + (i.extra ? ` ; ${JSON.stringify(i.extra, (_, v: unknown) => (typeof v === 'bigint' ? String(v) : v))}` : '');
}
