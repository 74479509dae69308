/**
 * An ObjectSpec as JSON and back: everything of it, types as BTF bytes.
 *
 * JSON has no maps, big integers and bytes: these are objects with one member whose name starts with `$`.
 */
import { BtfReader } from '../btf/read.ts';
import type { BtfSource } from '../btf/types.ts';
import { encodeBtf } from '../btf/write.ts';
import type { ObjectSpec } from './spec.ts';

export function specToJson(spec: ObjectSpec): string {
  const btf = spec.btf === undefined ? undefined : encodeBtf(spec.btf);
  return JSON.stringify({ ...spec, btf }, (_, value: unknown) => {
    if (typeof value === 'bigint') return { $big: value.toString() };
    if (value instanceof Map) return { $map: [...value] };
    if (value instanceof Uint8Array) return { $bytes: Buffer.from(value).toString('base64') };
    return value;
  });
}

/** Throws `SyntaxError` for what is no JSON. What is JSON must come from `specToJson`: it is not checked. */
export function specFromJson(text: string): ObjectSpec {
  const { btf, ...rest } = JSON.parse(text, (_, value: unknown) => {
    if (typeof value !== 'object' || value === null) return value;
    if ('$big' in value) return BigInt(value.$big as string);
    if ('$map' in value) return new Map(value.$map as [unknown, unknown][]);
    if ('$bytes' in value) return new Uint8Array(Buffer.from(value.$bytes as string, 'base64'));
    return value;
  }) as Omit<ObjectSpec, 'btf'> & { readonly btf?: Uint8Array };
  const types: BtfSource | undefined = btf === undefined ? undefined : new BtfReader(btf);
  return { ...rest, btf: types };
}
