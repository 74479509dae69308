/**
 * `.bpf.o` to ObjectSpec.
 *
 *   ELF ─▶ sections, symbols, BTF (read-elf) ─▶ maps and variables (read-maps) ─▶ functions (read-code) ─▶ programs
 *
 * Given the bytes of an object as clang makes it (or `bpftool gen object`, or skep itself). Promised: a spec that
 * depends on nothing but those bytes, or an `ObjectError`. Programs are the global functions of sections other than
 * `.text`; a section whose name says nothing gives a program of type 'unspec', for whoever loads it to decide.
 *
 * Not read: struct_ops, arena globals, jump tables (a clear error). Source lines come from `.BTF.ext`, which has the
 * lines that became instructions; the others of a file are empty.
 */
import { BtfError } from '../btf/error.ts';
import { ElfError } from '../elf/error.ts';
import { DecodeError } from '../isa/decode.ts';
import { ObjectError } from './error.ts';
import { type CodeFunction, isProgram, readCode } from './read-code.ts';
import { type ObjectFile, openObject } from './read-elf.ts';
import { readMaps } from './read-maps.ts';
import { matchSection } from './sections.ts';
import type { FunctionSpec, ObjectSpec, ProgramSpec } from './spec.ts';

export interface ReadOptions {
  /** Name of the object: of its file without path and '.o', say. */
  readonly name?: string;
}

export function readObject(bytes: Uint8Array, options: ReadOptions = {}): ObjectSpec {
  try {
    return read(bytes, options);
  } catch (error) {
    if (error instanceof ElfError || error instanceof BtfError || error instanceof DecodeError) {
      throw new ObjectError('format', error.message, error);
    }
    throw error;
  }
}

function read(bytes: Uint8Array, options: ReadOptions): ObjectSpec {
  const file = openObject(bytes);
  for (const section of file.elf.sections) {
    if (section.size > 0 && (section.name.startsWith('.struct_ops') || section.name.startsWith('?.struct_ops'))) {
      throw new ObjectError('unsupported', `section '${section.name}': struct_ops are not supported yet`);
    }
  }
  const maps = readMaps(file);
  const code = readCode(file, maps);
  const functions = new Map<string, FunctionSpec>();
  for (const fn of code) functions.set(fn.name, fn.spec);
  return {
    name: options.name ?? 'object',
    license: textOf(file, 'license'),
    programs: code.filter((fn) => isProgram(fn.section, fn.symbol)).map(programOf),
    functions,
    maps: maps.maps,
    variables: maps.variables,
    btf: file.btf,
    sources: sourcesOf(file),
  };
}

function programOf(fn: CodeFunction): ProgramSpec {
  const section = fn.section.name;
  const match = matchSection(section);
  if (match?.type === 'struct_ops') throw new ObjectError('unsupported', `program '${fn.name}': struct_ops are not supported yet`);
  return {
    name: fn.name,
    entry: fn.name,
    type: match?.type ?? 'unspec',
    ...(match?.attachType === undefined ? {} : { attachType: match.attachType }),
    ...(match?.target === undefined ? {} : { target: match.target }),
    section,
    autoAttach: match?.attach !== undefined && match.target !== undefined,
    autoLoad: match?.autoLoad ?? !section.startsWith('?'),
    ...(match?.sleepable ? { sleepable: true } : {}),
    ...(match?.xdpFrags ? { xdpFrags: true } : {}),
  };
}

function textOf(file: ObjectFile, name: string): string {
  const section = file.elf.section(name);
  if (section === undefined) return '';
  const bytes = file.elf.data(section);
  const end = bytes.indexOf(0);
  return new TextDecoder().decode(end < 0 ? bytes : bytes.subarray(0, end));
}

/** Lines of all files together: a damaged file may claim line four million for each. */
const MAX_LINES = 2_000_000;

function sourcesOf(file: ObjectFile): Map<string, string> {
  const lines = new Map<string, string[]>();
  let total = 0;
  for (const { records } of file.ext.lines) {
    for (const { file: name, line, text } of records) {
      let known = lines.get(name);
      if (known === undefined) lines.set(name, (known = []));
      if (line === 0 || text === '') continue;
      total += Math.max(0, line - known.length);
      if (total > MAX_LINES) throw new ObjectError('limit', 'line numbers beyond what source files have');
      while (known.length < line) known.push('');
      known[line - 1] = text;
    }
  }
  return new Map([...lines].map(([name, text]) => [name, text.join('\n')]));
}
