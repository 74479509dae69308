/** Longest prefix match. The key is a length in bits, then data; one table of exact keys per length, longest first. */

import type { Region } from '../memory.ts';
import type { MapHost, MapShape, MapStore } from './store.ts';
import { ERRNO, round8, UPDATE } from './store.ts';

interface Entry {
  readonly position: number;
  readonly key: number;
  address: number;
}

export function createLpm(shape: MapShape, host: MapHost): MapStore {
  const { memory } = host;
  const dataBytes = shape.keySize - 4;
  const maxBits = dataBytes * 8;
  const tables = new Map<number, Map<string, Entry>>();
  const region: Region = { kind: 'value', label: `a value of map '${shape.name}'` };
  let dead: Entry[] = [];
  let count = 0;

  /** The first `bits` of the data as text. */
  const prefix = (key: number, bits: number): string => {
    let text = '';
    for (let i = 0; i * 8 < bits; i++) {
      const keep = Math.min(8, bits - i * 8);
      text += String.fromCharCode((memory.bytes[key + 4 + i] as number) & (0xff00 >> keep));
    }
    return text;
  };
  const bitsOf = (key: number): number => memory.view.getUint32(key, true);
  const longest = (key: number): Entry | undefined => {
    const limit = Math.min(bitsOf(key), maxBits);
    for (const bits of [...tables.keys()].sort((a, b) => b - a)) {
      const entry = bits <= limit ? tables.get(bits)?.get(prefix(key, bits)) : undefined;
      if (entry !== undefined) return entry;
    }
    return undefined;
  };
  const exact = (key: number): Entry | undefined => tables.get(bitsOf(key))?.get(prefix(key, bitsOf(key)));

  return {
    lookup(key) {
      const entry = longest(key);
      if (entry === undefined) return 0;
      if (entry.address === 0) entry.address = memory.open(region, entry.position, shape.valueSize, !shape.readOnly);
      return entry.address;
    },
    update(key, value, flags) {
      if (flags > UPDATE.EXIST) return -ERRNO.EINVAL;
      const bits = bitsOf(key);
      if (bits > maxBits) return -ERRNO.EINVAL;
      let entry = exact(key);
      if (entry !== undefined && flags === UPDATE.NOEXIST) return -ERRNO.EEXIST;
      if (entry === undefined) {
        if (flags === UPDATE.EXIST) return -ERRNO.ENOENT;
        if (count >= shape.maxEntries) return -ERRNO.ENOSPC;
        const own = memory.allocate(round8(shape.keySize));
        memory.bytes.copyWithin(own, key, key + shape.keySize);
        entry = { position: memory.allocate(round8(shape.valueSize)), key: own, address: 0 };
        const table = tables.get(bits) ?? new Map<string, Entry>();
        tables.set(bits, table);
        table.set(prefix(key, bits), entry);
        count++;
      }
      memory.bytes.copyWithin(entry.position, value, value + shape.valueSize);
      return 0;
    },
    remove(key) {
      const bits = bitsOf(key);
      if (bits > maxBits) return -ERRNO.EINVAL;
      const entry = exact(key);
      if (entry === undefined) return -ERRNO.ENOENT;
      tables.get(bits)?.delete(prefix(key, bits));
      dead.push(entry);
      count--;
      return 0;
    },
    *keys() {
      for (const table of tables.values()) for (const entry of [...table.values()]) yield entry.key;
    },
    valueOn: (key) => exact(key)?.position ?? -1,
    sweep() {
      for (const entry of dead) {
        if (entry.address !== 0) memory.close(entry.address);
        memory.release(entry.position, round8(shape.valueSize));
        memory.release(entry.key, round8(shape.keySize));
      }
      dead = [];
    },
  };
}
