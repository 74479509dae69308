/** Functions into sections: where each stands, its instructions with relocations, and what BTF says about them. */
import type { CoreRecord, ExtInfo, ExtSection, FuncInfo, LineRecord } from '../btf/ext.ts';
import { encode, slotOfIndex } from '../isa/encode.ts';
import { CALL, type Insn } from '../isa/insn.ts';
import { ObjectError } from './error.ts';
import { CORE_KINDS, type FunctionSpec, type LineInfo, type ObjectSpec, type Reference } from './spec.ts';

export interface PlacedFunction {
  /** Name of its symbol. */
  readonly name: string;
  readonly linkage: FunctionSpec['linkage'];
  readonly spec: FunctionSpec;
  /** Bytes from the start of its section. */
  readonly offset: number;
  readonly size: number;
}

export interface CodeSection {
  readonly name: string;
  readonly functions: readonly PlacedFunction[];
  readonly size: number;
}

const TEXT = '.text';

/**
 * `.text` with all subprograms, then a section for each program section name. Other loaders find subprograms in
 * `.text` only; so a program that is also called has a second body there.
 */
export function placeFunctions(spec: ObjectSpec): CodeSection[] {
  const entries = new Set(spec.programs.map((p) => p.entry));
  const called = new Set<string>();
  for (const fn of spec.functions.values()) {
    for (const { to } of fn.refs) if (to.kind === 'call' || to.kind === 'functionAddress') called.add(to.function);
  }
  const sections = new Map<string, { name: string; spec: FunctionSpec; linkage: FunctionSpec['linkage'] }[]>();
  const subprograms = [...spec.functions].filter(([name]) => !entries.has(name) || called.has(name));
  if (subprograms.length > 0) {
    sections.set(
      TEXT,
      subprograms.map(([name, fn]) => ({ name, spec: fn, linkage: entries.has(name) ? 'static' : fn.linkage })),
    );
  }
  for (const program of spec.programs) {
    const fn = spec.functions.get(program.entry);
    if (fn === undefined) throw new ObjectError('reference', `program '${program.name}' has no function '${program.entry}'`);
    if (program.section === TEXT) throw new ObjectError('unsupported', `program '${program.name}' cannot stand in section .text`);
    const list = sections.get(program.section) ?? [];
    list.push({ name: program.name, spec: fn, linkage: 'global' });
    sections.set(program.section, list);
  }
  return [...sections].map(([name, list]) => {
    let offset = 0;
    const functions = list.map((fn): PlacedFunction => {
      const size = (slotOfIndex(fn.spec.insns).at(-1) ?? 0) * 8;
      if (size === 0) throw new ObjectError('format', `function '${fn.name}' has no instructions`);
      const placed = { ...fn, offset, size };
      offset += size;
      return placed;
    });
    return { name, functions, size: offset };
  });
}

export interface CodeRelocation {
  readonly offset: number;
  readonly to: Reference;
}

/** The bytes of a section; relocations say what belongs to where. */
export function encodeSection(
  section: CodeSection,
  offsetOf: (reference: Reference) => number,
): { readonly bytes: Uint8Array; readonly relocations: readonly CodeRelocation[] } {
  const bytes = new Uint8Array(section.size);
  const relocations: CodeRelocation[] = [];
  for (const { spec, offset, name } of section.functions) {
    const insns: Insn[] = [...spec.insns];
    const slots = slotOfIndex(insns);
    for (const { insn, to } of spec.refs) {
      const at = insns[insn];
      if (at === undefined)
        throw new ObjectError('reference', `function '${name}': a reference from instruction ${insn}, which does not exist`);
      const isCall = to.kind === 'call' || to.kind === 'kfunc';
      if (isCall === (at.imm64 !== undefined)) {
        throw new ObjectError('reference', `function '${name}': instruction ${insn} cannot hold a reference of kind ${to.kind}`);
      }
      // A call's distance counts from the next instruction, so -1 is the symbol itself.
      const value = isCall ? -1 : offsetOf(to);
      insns[insn] = isCall ? { ...at, src: CALL.LOCAL, imm: -1, off: 0 } : { ...at, src: 0, imm: value, imm64: BigInt(value) };
      relocations.push({ offset: offset + slots[insn] * 8, to });
    }
    bytes.set(encode(insns), offset);
  }
  return { bytes, relocations };
}

/** What `.BTF.ext` says about these sections. */
export function extInfo(sections: readonly CodeSection[], sources: ReadonlyMap<string, string>): ExtInfo {
  const texts = new Map<string, readonly string[]>();
  const textAt = (file: string, line: number): string => {
    let lines = texts.get(file);
    if (lines === undefined) texts.set(file, (lines = (sources.get(file) ?? '').split('\n')));
    return lines[line - 1] ?? '';
  };
  const anyLines = sections.some((s) => s.functions.some((f) => f.spec.lines.length > 0));
  const functions: ExtSection<FuncInfo>[] = [];
  const lines: ExtSection<LineRecord>[] = [];
  const core: ExtSection<CoreRecord>[] = [];
  for (const { name, functions: placed } of sections) {
    const funcRecords: FuncInfo[] = [];
    const lineRecords: LineRecord[] = [];
    const coreRecords: CoreRecord[] = [];
    for (const { spec, offset } of placed) {
      const slots = slotOfIndex(spec.insns);
      if (spec.btfFunc !== undefined) funcRecords.push({ offset, type: spec.btfFunc });
      if (anyLines) {
        for (const line of completeLines(spec.lines)) {
          const { file, line: number, column } = line;
          lineRecords.push({ offset: offset + slots[line.insn] * 8, file, line: number, column, text: textAt(file, number) });
        }
      }
      for (const relocation of spec.core) {
        const { insn, type, access, kind } = relocation;
        coreRecords.push({ offset: offset + slots[insn] * 8, type, access, kind: CORE_KINDS.indexOf(kind) });
      }
    }
    functions.push({ section: name, records: funcRecords });
    lines.push({ section: name, records: lineRecords });
    core.push({ section: name, records: coreRecords });
  }
  return { functions, lines, core };
}

/** The kernel wants one line for an instruction at most, and one at the start of every function. */
function completeLines(lines: readonly LineInfo[]): LineInfo[] {
  const byInsn = new Map(lines.map((line) => [line.insn, line]));
  const sorted = [...byInsn.values()].sort((a, b) => a.insn - b.insn);
  if (sorted[0]?.insn === 0) return sorted;
  const { file, line, column } = sorted[0] ?? { file: '', line: 0, column: 0 };
  return [{ insn: 0, file, line, column }, ...sorted];
}
