/**
 * Maps in maps: what an outer map holds, and new maps for it.
 *
 *   const one = createInner(outer);       like the inner map of the declaration, or larger
 *   outer.set(7, one);                    the kernel keeps it from now on, too
 *   openInner(outer, 7)?.get(key)         a slot tells the id of what it holds; that is opened
 *
 * Sizes of key and value and the type must be the declaration's. The number of entries may differ: of arrays since
 * Linux 5.10 with BPF_F_INNER_MAP, of hashes always. Minimum kernel: 4.12.
 */
import { UsageError } from '../kernel/errors.ts';
import { mapInfo } from '../kernel/obj-info.ts';
import type { Kernel } from '../kernel/port.ts';
import { createMap, fixUpMap } from '../link/load-maps.ts';
import type { MapSpec } from '../object/spec.ts';
import type { In } from './codec.ts';
import { type FdMap, mapById } from './fd-array.ts';
import type { MapOptions } from './map.ts';
import { type AnyMap, openMap } from './open.ts';

function templateOf(outer: { readonly name: string; readonly spec: MapSpec }): MapSpec {
  const { inner, type } = outer.spec;
  if (inner === undefined) throw new UsageError(`map '${outer.name}' of type ${type} has no inner map in its declaration`);
  return inner;
}

/** A new map of the kind that `outer` holds. The caller closes it; in the outer map it lives on. */
export function createInner(
  outer: { readonly name: string; readonly spec: MapSpec; readonly kernel: Kernel },
  options: MapOptions & { readonly maxEntries?: number } = {},
): AnyMap {
  const { kernel } = outer;
  const template = templateOf(outer);
  const spec = fixUpMap({ ...template, maxEntries: options.maxEntries ?? template.maxEntries }, kernel);
  const fd = createMap(spec, { kernel, btfFd: 0 });
  return openMap({ name: spec.name, fd, spec }, kernel, { ...options, owns: true });
}

/** The map in a slot; undefined for an empty one. The caller closes it. */
export function openInner<K>(outer: FdMap<K>, key: In<K>, options: MapOptions = {}): AnyMap | undefined {
  const { kernel } = outer;
  const template = templateOf(outer);
  const id = outer.get(key);
  if (id === undefined) return undefined;
  const fd = mapById(kernel, id);
  try {
    const spec: MapSpec = { ...template, maxEntries: mapInfo(kernel, fd).max_entries };
    return openMap({ name: spec.name, fd, spec }, kernel, { ...options, owns: true });
  } catch (error) {
    kernel.close(fd);
    throw error;
  }
}
