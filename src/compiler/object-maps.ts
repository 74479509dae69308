/** Maps of the object: what the text declares, and one for each section of global variables. */
import type { BtfBuilder } from '../btf/builder.ts';
import type { MapSpec, VariableSpec } from '../object/spec.ts';
import type { MapDecl } from './c/ast.ts';
import { sizeOf } from './c/sema/types/size.ts';
import type { IrGlobal, IrModule } from './ir/ir.ts';
import type { GlobalLayout } from './target/globals.ts';
import type { CTypeIds } from './type-ids.ts';

/** BPF_F_RDONLY_PROG */
const READ_ONLY = 1 << 7;
/** BPF_F_MMAPABLE */
const MMAPABLE = 1 << 10;

/** The map, and those its values name that are declared only there. */
export function mapSpecs(d: MapDecl, types: CTypeIds): MapSpec[] {
  return [mapSpec(d, types)];
}

function mapSpec(d: MapDecl, types: CTypeIds): MapSpec {
  return {
    name: d.name,
    type: d.type,
    keySize: d.keySize ?? (d.key ? (sizeOf(d.key.type) ?? 0) : 0),
    valueSize: d.valueSize ?? (d.value ? (sizeOf(d.value.type) ?? 0) : 0),
    maxEntries: d.maxEntries,
    flags: d.flags,
    keyType: d.key ? types.typeId(d.key) : 0,
    valueType: d.value ? types.typeId(d.value) : 0,
    ...(d.extra === undefined ? {} : { extra: d.extra }),
    ...(d.numaNode === undefined ? {} : { numaNode: d.numaNode }),
    ...(d.pin === undefined ? {} : { pin: d.pin }),
    ...(d.values === undefined ? {} : { values: d.values }),
    ...(d.role === undefined ? {} : { role: d.role }),
    ...(d.sharing === undefined ? {} : { sharing: d.sharing }),
    ...(d.recordTypes === undefined ? {} : { recordTypes: d.recordTypes.map((type) => types.typeId(type)) }),
    ...(d.inner === undefined || typeof d.inner === 'string' ? {} : { inner: mapSpec(d.inner, types) }),
  };
}

/** One array map of one value per section; fills `variables`. */
export function dataSections(module: IrModule, layout: GlobalLayout, btf: BtfBuilder, variables: Map<string, VariableSpec>): MapSpec[] {
  const sections = new Map<string, IrGlobal[]>();
  for (const g of module.globals.values()) {
    const list = sections.get(g.section);
    if (list) list.push(g);
    else sections.set(g.section, [g]);
  }
  const out: MapSpec[] = [];
  for (const [name, globals] of sections) {
    const size = layout.sizes.get(name) ?? 0;
    const data = new Uint8Array(size);
    const entries: { type: number; offset: number; size: number }[] = [];
    for (const g of globals) {
      const place = layout.places.get(g.name);
      if (!place) continue;
      if (g.data) data.set(g.data, place.offset);
      if (g.btfType === 0) continue;
      const type = btf.append({ kind: 'var', name: g.name, type: g.btfType, linkage: g.linkage });
      for (const tag of g.tags ?? []) btf.append({ kind: 'declTag', name: tag, type, component: -1 });
      entries.push({ type, offset: place.offset, size: g.size });
      variables.set(g.name, { name: g.name, map: name, offset: place.offset, size: g.size, type: g.btfType, linkage: g.linkage });
    }
    const valueType = entries.length > 0 ? btf.append({ kind: 'datasec', name, size, entries }) : 0;
    const readOnly = globals.every((g) => g.readOnly);
    out.push({
      name,
      type: 'array',
      keySize: 4,
      valueSize: size,
      maxEntries: 1,
      flags: MMAPABLE | (readOnly ? READ_ONLY : 0),
      keyType: 0,
      valueType,
      data,
      ...(readOnly ? { frozen: true } : {}),
    });
  }
  return out;
}
