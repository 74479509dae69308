/**
 * The object's BTF as BTF_LOAD takes it.
 *
 * The kernel knows no external variables and functions: `extern … __ksym` and `extern … __kconfig` become ordinary
 * global ones, and every entry of a section gets a place of its own, ascending and not empty. Nothing refers to those
 * places; what the program needs of externals is resolved in its instructions.
 *
 * Source: kernel/bpf/btf.c, `btf_datasec_check_meta`, `btf_var_check_meta`, `btf_func_check_meta`.
 */
import { BtfError } from './error.ts';
import { BtfOverlay } from './overlay.ts';
import type { BtfDatasec, BtfDatasecEntry, BtfSource, BtfType } from './types.ts';
import { sizeOf } from './walk.ts';

export function loadableBtf(source: BtfSource): BtfSource {
  const replaced = new Map<number, BtfType>();
  const added: BtfType[] = [];
  let standIn: number | undefined;
  /** A variable that stands where a section lists a function. */
  const standInFor = (id: number): number => {
    if (standIn === undefined) {
      const int = source.find('int', 'int') ?? source.size + added.push({ kind: 'int', name: 'int', size: 4, bits: 32, encoding: 'signed' }) - 1;
      standIn = source.size + added.push({ kind: 'var', name: 'skep_ksym', type: int, linkage: 'global' }) - 1;
    }
    return standIn ?? id;
  };
  for (let id = 1; id < source.size; id++) {
    const type = source.type(id);
    if ((type.kind === 'func' || type.kind === 'var') && type.linkage === 'extern') replaced.set(id, { ...type, linkage: 'global' });
    else if (type.kind === 'datasec' && needsPlaces(source, type)) replaced.set(id, withPlaces(source, type, standInFor));
  }
  return replaced.size === 0 ? source : new BtfOverlay(source, replaced, added);
}

function needsPlaces(source: BtfSource, section: BtfDatasec): boolean {
  let end = 0;
  for (const entry of section.entries) {
    const type = source.type(entry.type);
    if (type.kind !== 'var' || type.linkage === 'extern' || entry.size === 0 || entry.offset < end) return true;
    end = entry.offset + entry.size;
  }
  return section.size === 0 || end > section.size;
}

function withPlaces(source: BtfSource, section: BtfDatasec, standInFor: (id: number) => number): BtfDatasec {
  const entries: BtfDatasecEntry[] = [];
  let offset = 0;
  for (const entry of section.entries) {
    const type = source.type(entry.type);
    const isVariable = type.kind === 'var';
    const size = isVariable ? variableSize(source, entry.type) : 4;
    offset = Math.ceil(offset / 8) * 8;
    entries.push({ type: isVariable ? entry.type : standInFor(entry.type), offset, size });
    offset += size;
  }
  return { ...section, size: Math.max(offset, 4), entries };
}

function variableSize(source: BtfSource, id: number): number {
  try {
    return sizeOf(source, id) || 4;
  } catch (error) {
    // A typeless ksym is of type void.
    if (error instanceof BtfError) return 4;
    throw error;
  }
}
