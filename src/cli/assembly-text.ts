/** Functions of an object as text: instructions by slot, what they refer to by name, the line they come from. */
import { helperByNumber } from '../compiler/dialect/helpers.ts';
import { disassembleInsn } from '../isa/disassemble.ts';
import { slots } from '../isa/insn.ts';
import type { FunctionSpec, ObjectSpec, Reference } from '../object/spec.ts';

export function assemblyText(spec: ObjectSpec): string {
  const sources = new Map([...spec.sources].map(([file, text]) => [file, text.split('\n')]));
  const sections = new Map(spec.programs.map(({ entry, section }) => [entry, section]));
  return [...spec.functions.values()].map((fn) => functionText(fn, sections.get(fn.name), sources)).join('\n');
}

function functionText(fn: FunctionSpec, section: string | undefined, sources: ReadonlyMap<string, readonly string[]>): string {
  const head = section === undefined ? `${fn.linkage} function` : `program ${section}`;
  let text = `${fn.name}: ; ${head}\n`;
  const refs = new Map(fn.refs.map(({ insn, to }) => [insn, to]));
  const lines = new Map(fn.lines.map((line) => [line.insn, line]));
  let slot = 0;
  let shown = '';
  fn.insns.forEach((insn, index) => {
    const line = lines.get(index);
    const place = line === undefined ? shown : `${line.file}:${line.line}`;
    if (line !== undefined && place !== shown) {
      shown = place;
      text += `; ${place}: ${(sources.get(line.file)?.[line.line - 1] ?? '').trim()}\n`;
    }
    const to = refs.get(index);
    text += `${String(slot).padStart(6)}: ${disassembleInsn(insn, { helperName, constant: () => (to === undefined ? undefined : referenceText(to)) })}${to?.kind === 'call' || to?.kind === 'kfunc' ? `  ; ${referenceText(to)}` : ''}\n`;
    slot += slots(insn);
  });
  return text;
}

const helperName = (number: number): string | undefined => helperByNumber(number)?.name;

function referenceText(to: Reference): string {
  switch (to.kind) {
    case 'map':
      return `map[${to.map}]`;
    case 'mapValue':
      return `map[${to.map}][0]+${to.offset}`;
    case 'call':
      return `calls ${to.function}`;
    case 'functionAddress':
      return `function ${to.function}`;
    case 'kfunc':
      return `kernel function ${to.name}`;
    case 'ksym':
      return `kernel symbol ${to.name}`;
    case 'kconfig':
      return `kconfig ${to.name}`;
    default:
      return to satisfies never;
  }
}
