/** Maps without keys: queue, stack and bloom filter, worked by push, pop and peek. */

import type { MapHost, MapShape, MapStore } from './store.ts';
import { ERRNO, UPDATE } from './store.ts';

const KEYLESS = { lookup: () => 0, remove: () => -ERRNO.EINVAL, keys: () => [], valueOn: () => -1 };

/** First in, first out, or last in, first out. */
export function createQueue(shape: MapShape, host: MapHost): MapStore & { readonly push: NonNullable<MapStore['push']> } {
  const { memory } = host;
  const stack = shape.type === 'stack';
  const items: Uint8Array[] = [];
  const push = (value: number, flags: number): number => {
    if (flags === UPDATE.NOEXIST || flags > UPDATE.EXIST) return -ERRNO.EINVAL;
    if (items.length >= shape.maxEntries) {
      if (flags !== UPDATE.EXIST) return -ERRNO.E2BIG;
      // The oldest makes room, in a stack too.
      items.shift();
    }
    items.push(memory.bytes.slice(value, value + shape.valueSize));
    return 0;
  };
  return {
    ...KEYLESS,
    push,
    update: (_key, value, flags) => push(value, flags),
    peek(value, remove) {
      const item = stack ? items.at(-1) : items[0];
      if (item === undefined) {
        memory.bytes.fill(0, value, value + shape.valueSize);
        return -ERRNO.ENOENT;
      }
      memory.bytes.set(item, value);
      if (remove) {
        if (stack) items.pop();
        else items.shift();
      }
      return 0;
    },
  };
}

/** A set that never says yes wrongly; the kernel's may. */
export function createBloom(shape: MapShape, host: MapHost): MapStore {
  const { memory } = host;
  const items = new Set<string>();
  const text = (value: number): string => String.fromCharCode(...memory.bytes.subarray(value, value + shape.valueSize));
  const push = (value: number, flags: number): number => {
    if (flags !== UPDATE.ANY) return -ERRNO.EINVAL;
    items.add(text(value));
    return 0;
  };
  return {
    ...KEYLESS,
    push,
    update: (_key, value, flags) => push(value, flags),
    peek: (value, remove) => (remove ? -ERRNO.EOPNOTSUPP : items.has(text(value)) ? 0 : -ERRNO.ENOENT),
  };
}
