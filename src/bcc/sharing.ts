/**
 * What an object is given before it is loaded: maps of other objects, and first values of variables.
 *
 *   BPF_TABLE_PUBLIC("hash", u32, u64, seen, 100);   one object makes it ─▶ known in this process while that is open
 *   BPF_TABLE("extern", u32, u64, seen, 100);        another uses it
 *
 * Sizes and types must be the same; the loader looks. Each object has a descriptor of its own: the table lives as long
 * as any of them. Outside of BCC's dialect `maps` says which to use.
 */
import { encodeBytes, makeCodec } from '../btf/codec.ts';
import { similar } from '../compiler/did-you-mean.ts';
import { UsageError } from '../kernel/errors.ts';
import type { LoadedMap, LoadedObject } from '../link/load.ts';
import type { MapInput } from '../maps/codec.ts';
import { naming, variableCodec } from '../maps/variables.ts';
import type { ObjectSpec } from '../object/spec.ts';

/** Maps that an open object shows to the others of this process. */
const published = new Map<string, { readonly map: LoadedMap; readonly owner: LoadedObject }>();

export function publish(object: LoadedObject): void {
  for (const map of object.maps.values())
    if (map.spec.sharing === 'public' || map.spec.sharing === 'shared') published.set(map.name, { map, owner: object });
}

export function withdraw(object: LoadedObject): void {
  for (const [name, { owner }] of published) if (owner === object) published.delete(name);
}

/** An 'extern' table says neither type nor size: those of the one that is found. */
export function withExterns(spec: ObjectSpec): ObjectSpec {
  const maps = new Map(spec.maps);
  for (const map of spec.maps.values()) {
    const found = map.sharing === 'extern' ? published.get(map.name)?.map : undefined;
    if (found === undefined) continue;
    const { type, maxEntries, flags, keySize, valueSize } = found.spec;
    if (keySize !== map.keySize || valueSize !== map.valueSize)
      throw new UsageError(
        `table '${map.name}' has keys of ${keySize} and values of ${valueSize} bytes, not ${map.keySize} and ${map.valueSize}`,
      );
    maps.set(map.name, { ...map, type, maxEntries, flags });
  }
  return { ...spec, maps };
}

export function mapsToUse(spec: ObjectSpec, given: Readonly<Record<string, { readonly fd: number }>>): ReadonlyMap<string, number> {
  const maps = new Map<string, number>();
  for (const [name, { fd }] of Object.entries(given)) {
    if (!spec.maps.has(name)) throw new UsageError(`there is no map '${name}' in ${spec.name}`, similar(name, [...spec.maps.keys()]));
    if (!Number.isInteger(fd) || fd < 0 || fd >= 2 ** 31)
      throw new UsageError(`maps: '${name}' has no descriptor: fd is ${String(fd)}`, [], 'give a map of another object, or { fd } of one');
    maps.set(name, fd);
  }
  for (const { name, sharing } of spec.maps.values()) {
    const shown = sharing === 'extern' ? published.get(name)?.map : undefined;
    if (shown !== undefined && !maps.has(name)) maps.set(name, shown.fd);
  }
  return maps;
}

export function encodeVariables(spec: ObjectSpec, values: Readonly<Record<string, MapInput>>): ReadonlyMap<string, Uint8Array> {
  const bytes = new Map<string, Uint8Array>();
  for (const [name, value] of Object.entries(values)) {
    const variable = spec.variables.get(name);
    if (variable === undefined)
      throw new UsageError(`there is no global variable '${name}' in ${spec.name}`, similar(name, [...spec.variables.keys()]));
    if (spec.btf !== undefined && variable.type !== 0) {
      const codec = makeCodec(spec.btf, variable.type);
      bytes.set(
        name,
        naming(name, () => encodeBytes(codec, value)),
      );
    } else {
      const out = new Uint8Array(variable.size);
      naming(name, () => variableCodec(spec.btf, variable).encode(new DataView(out.buffer), 0, value));
      bytes.set(name, out);
    }
  }
  return bytes;
}
