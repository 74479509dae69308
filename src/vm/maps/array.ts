/** Arrays, per CPU or not: all values exist from the start, next to each other. */

import type { Region } from '../memory.ts';
import type { MapHost, MapShape, MapStore } from './store.ts';
import { ERRNO, isPerCpu, round8, UPDATE } from './store.ts';

export function createArray(shape: MapShape, host: MapHost): MapStore & { readonly values: number } {
  const { memory } = host;
  const stride = round8(shape.valueSize);
  const cpus = isPerCpu(shape.type) ? host.cpus : 1;
  const values = memory.allocate(Math.max(8, stride * shape.maxEntries * cpus));
  const region: Region = { kind: 'value', label: `a value of map '${shape.name}'` };
  /** Opened when a program first asks; 0 until then. */
  const addresses = new Float64Array(shape.maxEntries * cpus);
  const keyScratch = memory.allocate(8);
  const indexOf = (key: number): number => memory.view.getUint32(key, true);
  const place = (index: number, cpu: number): number => values + (cpu * shape.maxEntries + index) * stride;
  const current = (): number => (cpus === 1 ? 0 : host.cpu());

  return {
    values,
    lookup(key) {
      const index = indexOf(key);
      if (index >= shape.maxEntries) return 0;
      const cpu = current();
      const slot = cpu * shape.maxEntries + index;
      const known = addresses[slot] as number;
      if (known !== 0) return known;
      return (addresses[slot] = memory.open(region, place(index, cpu), shape.valueSize, !shape.readOnly));
    },
    update(key, value, flags) {
      if ((flags & ~UPDATE.LOCK) > UPDATE.EXIST) return -ERRNO.EINVAL;
      const index = indexOf(key);
      if (index >= shape.maxEntries) return -ERRNO.E2BIG;
      if ((flags & UPDATE.NOEXIST) !== 0) return -ERRNO.EEXIST;
      memory.bytes.copyWithin(place(index, current()), value, value + shape.valueSize);
      return 0;
    },
    remove: () => -ERRNO.EINVAL,
    forget() {
      // The only value of a data section is in constants of programs.
      if (shape.maxEntries === 1) return;
      for (const address of addresses) if (address !== 0) memory.close(address);
      addresses.fill(0);
    },
    *keys() {
      for (let index = 0; index < shape.maxEntries; index++) {
        memory.view.setUint32(keyScratch, index, true);
        yield keyScratch;
      }
    },
    valueOn(key, cpu) {
      const index = indexOf(key);
      return index < shape.maxEntries ? place(index, cpus === 1 ? 0 : cpu) : -1;
    },
  };
}

/**
 * Arrays of descriptors (programs, inner maps, devices): a slot is empty until it is set. Values are the machine's
 * numbers of programs and maps, where the kernel has descriptors.
 */
export function createSlots(shape: MapShape, host: MapHost): MapStore {
  const { memory } = host;
  const array = createArray(shape, host);
  const present = new Uint8Array(shape.maxEntries);
  const indexOf = (key: number): number => memory.view.getUint32(key, true);
  return {
    ...array,
    lookup: (key) => (present[indexOf(key)] === 1 ? array.lookup(key) : 0),
    update(key, value, flags) {
      const result = array.update(key, value, flags);
      if (result === 0) present[indexOf(key)] = 1;
      return result;
    },
    remove(key) {
      const index = indexOf(key);
      if (index >= shape.maxEntries) return -ERRNO.E2BIG;
      const was = present[index];
      present[index] = 0;
      return was === 1 ? 0 : -ERRNO.ENOENT;
    },
    *keys() {
      for (const key of array.keys()) if (present[indexOf(key)] === 1) yield key;
    },
    valueOn: (key, cpu) => (present[indexOf(key)] === 1 ? array.valueOn(key, cpu) : -1),
  };
}
