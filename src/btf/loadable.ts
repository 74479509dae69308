/**
 * The object's BTF as BTF_LOAD takes it.
 *
 * The kernel knows no external variables and functions: `extern … __ksym` and `extern … __kconfig` become ordinary
 * global ones with named parameters, and every entry of a section gets a place of its own, ascending and not empty. Nothing refers to those
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
  const add = (type: BtfType): number => source.size + added.push(type) - 1;
  let intId: number | undefined;
  const int = (): number =>
    (intId ??= source.find('int', 'int') ?? add({ kind: 'int', name: 'int', size: 4, bits: 32, encoding: 'signed' }));
  let standIn: number | undefined;
  const places = (section: BtfDatasec): BtfDatasec =>
    withPlaces(source, section, () => (standIn ??= add({ kind: 'var', name: 'skep_ksym', type: int(), linkage: 'global' })));
  for (let id = 1; id < source.size; id++) {
    const type = source.type(id);
    if (type.kind === 'func' && type.linkage === 'extern') {
      replaced.set(id, { ...type, linkage: 'global' });
      nameParameters(source, type.type, replaced);
    } else if (type.kind === 'var' && type.linkage === 'extern') {
      replaced.set(id, { ...type, linkage: 'global', type: hasSize(source, type.type) ? type.type : int() });
    } else if (type.kind === 'datasec' && needsPlaces(source, type)) {
      replaced.set(id, places(type));
    }
  }
  return replaced.size === 0 ? source : new BtfOverlay(source, replaced, added);
}

/** Compilers leave out the names of parameters in declarations; the kernel wants them. */
function nameParameters(source: BtfSource, id: number, replaced: Map<number, BtfType>): void {
  const proto = source.type(id);
  if (proto.kind !== 'funcProto' || proto.params.every((p) => p.name !== '')) return;
  replaced.set(id, { ...proto, params: proto.params.map((p, i) => (p.name === '' ? { ...p, name: `arg${i + 1}` } : p)) });
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

/** `standIn` gives a variable to list in the place of a function. */
function withPlaces(source: BtfSource, section: BtfDatasec, standIn: () => number): BtfDatasec {
  const entries: BtfDatasecEntry[] = [];
  let end = 0;
  for (const entry of section.entries) {
    const isVariable = source.type(entry.type).kind === 'var';
    const size = isVariable && hasSize(source, entry.type) ? sizeOf(source, entry.type) : 4;
    const offset = Math.ceil(end / 8) * 8;
    entries.push({ type: isVariable ? entry.type : standIn(), offset, size });
    end = offset + size;
  }
  return { ...section, size: Math.max(end, 4), entries };
}

/** A kernel symbol without type is a variable of type void, of which the kernel takes none. */
function hasSize(source: BtfSource, id: number): boolean {
  try {
    return sizeOf(source, id) > 0;
  } catch (error) {
    if (error instanceof BtfError) return false;
    throw error;
  }
}
