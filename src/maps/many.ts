/** Many entries of a caller's, encoded and written (or deleted) a portion at a time. */
import { deleteMany, updateMany } from './batch.ts';
import type { ValueCodec } from './codec.ts';
import type { Elements } from './elements.ts';

const PORTION = 4096;

export function writeAll<K, V>(
  map: Elements,
  keyCodec: ValueCodec<unknown, K>,
  valueCodec: ValueCodec<unknown, V>,
  entries: Iterable<readonly [K, V]>,
): void {
  const keySize = map.key.byteLength;
  const valueSize = map.value.byteLength;
  const keys = new DataView(new ArrayBuffer(PORTION * keySize));
  const values = new DataView(new ArrayBuffer(PORTION * valueSize));
  let count = 0;
  const flush = (): void => {
    updateMany(map, new Uint8Array(keys.buffer), new Uint8Array(values.buffer), count);
    count = 0;
  };
  for (const [key, value] of entries) {
    keyCodec.encode(keys, count * keySize, key);
    valueCodec.encode(values, count * valueSize, value);
    if (++count === PORTION) flush();
  }
  flush();
}

export function deleteKeys<K>(map: Elements, keyCodec: ValueCodec<unknown, K>, wanted: Iterable<K>): number {
  const keySize = map.key.byteLength;
  const keys = new DataView(new ArrayBuffer(PORTION * keySize));
  let count = 0;
  let removed = 0;
  const flush = (): void => {
    removed += deleteMany(map, new Uint8Array(keys.buffer), count);
    count = 0;
  };
  for (const key of wanted) {
    keyCodec.encode(keys, count * keySize, key);
    if (++count === PORTION) flush();
  }
  flush();
  return removed;
}
