/**
 * Per-CPU maps: `percpu_hash`, `lru_percpu_hash`, `percpu_array`. A value has one slot for each possible CPU.
 *
 *   value of a key:  | CPU 0, padded to 8 | CPU 1, padded to 8 | …     all that the kernel could run, online or not
 *
 * `get` gives all slots; `sum`, `max`, `average` reduce them, of integers as they are, of structs member by member.
 * Minimum kernel: 4.6 (lru_percpu_hash 4.10); drain 5.6.
 * BPF_MAP_TYPE_PERCPU_HASH, BPF_MAP_TYPE_LRU_PERCPU_HASH, BPF_MAP_TYPE_PERCPU_ARRAY.
 */
import { possibleCpus } from '../kernel/cpus.ts';
import { UsageError } from '../kernel/errors.ts';
import type { Kernel } from '../kernel/port.ts';
import type { In, MapValue } from './codec.ts';
import { copyBytes, fillZero, type SetOptions, updateFlags } from './hash.ts';
import { BpfMap, type MapHandle, type MapOptions } from './map.ts';
import { type Batch, scan } from './scan.ts';
import { takeOut } from './take-out.ts';

/** How values of two CPUs become one. */
export type Combine = (a: number | bigint, b: number | bigint) => number | bigint;

export class PerCpuMap<K = MapValue, V = MapValue> extends BpfMap<K, V> {
  /** Number of slots of each value. */
  readonly cpus: number;
  readonly #stride: number;

  constructor(handle: MapHandle, kernel: Kernel, options: MapOptions) {
    const cpus = possibleCpus(kernel).length;
    const stride = Math.ceil(handle.spec.valueSize / 8) * 8;
    super(handle, kernel, options, stride * cpus);
    this.cpus = cpus;
    this.#stride = stride;
  }

  get #isArray(): boolean {
    return this.spec.type === 'percpu_array';
  }

  /** One value for each possible CPU; undefined if the key is not there. */
  get(key: In<K>): V[] | undefined {
    this.keyCodec.encode(this.elements.key, 0, key);
    return this.elements.lookup() ? this.#slots(this.elements.value, 0) : undefined;
  }

  /** Writes the slots of all CPUs: one value for each, or the same for all. False if `options.if` forbade it. */
  set(key: In<K>, values: readonly In<V>[] | { readonly all: In<V> }, options?: SetOptions): boolean {
    this.keyCodec.encode(this.elements.key, 0, key);
    const { value } = this.elements;
    fillZero(value);
    const isList = Array.isArray(values);
    const list = isList ? (values as readonly In<V>[]) : [];
    if (isList && list.length !== this.cpus)
      throw new UsageError(`map '${this.name}' has values for ${this.cpus} CPUs, not ${list.length}`);
    for (let cpu = 0; cpu < this.cpus; cpu++) {
      const one = isList ? list[cpu] : (values as { readonly all: In<V> }).all;
      this.valueCodec.encode(value, cpu * this.#stride, one as In<V>);
    }
    return this.elements.update(updateFlags(options));
  }

  /** True if the key was there. In an array, sets the entry to zero. */
  delete(key: In<K>): boolean {
    this.keyCodec.encode(this.elements.key, 0, key);
    if (!this.#isArray) return this.elements.delete();
    fillZero(this.elements.value);
    return this.elements.update();
  }

  /** Sum over all CPUs; undefined if the key is not there. */
  sum(key: In<K>): V | undefined {
    return this.reduce(key, add);
  }

  /** Largest value of any CPU. */
  max(key: In<K>): V | undefined {
    return this.reduce(key, larger);
  }

  /** Smallest value of any CPU. */
  min(key: In<K>): V | undefined {
    return this.reduce(key, smaller);
  }

  /** Mean over all possible CPUs, as a number; only for integer values. */
  average(key: In<K>): number | undefined {
    const sum: unknown = this.sum(key);
    if (sum === undefined) return undefined;
    if (typeof sum !== 'number' && typeof sum !== 'bigint') throw new UsageError(`map '${this.name}': only numbers have an average`);
    return Number(sum) / this.cpus;
  }

  reduce(key: In<K>, combine: Combine): V | undefined {
    const slots = this.get(key);
    return slots === undefined ? undefined : reduceSlots(slots, combine);
  }

  *entries(): Generator<[K, V[]], void, undefined> {
    for (const batch of this.#scan(false)) for (let i = 0; i < batch.count; i++) yield [this.#keyAt(batch, i), this.#valuesAt(batch, i)];
  }

  /** Entries with the values of all CPUs combined: their sum if nothing else is said. */
  *reduced(combine: Combine = add): Generator<[K, V], void, undefined> {
    for (const [key, slots] of this.entries()) yield [key, reduceSlots(slots, combine)];
  }

  /** Reads all entries and takes them out (an array: sets them to zero). A loop that is left early leaves the others in the map. */
  *drain(): Generator<[K, V[]], void, undefined> {
    if (!this.#isArray) {
      yield* takeOut(this.elements, this.spec.maxEntries, (batch, i): [K, V[]] => [this.#keyAt(batch, i), this.#valuesAt(batch, i)]);
      return;
    }
    // One by one, each just before it is handed over: then little is counted in between, and nothing is lost to a break.
    for (let i = 0; i < this.spec.maxEntries; i++) {
      const { key, value } = this.elements;
      key.setUint32(0, i, true);
      if (!this.elements.lookup()) continue;
      const entry: [K, V[]] = [this.keyCodec.decode(key, 0), this.#slots(value, 0)];
      fillZero(value);
      this.elements.update();
      yield entry;
    }
  }

  *keys(): Generator<K, void, undefined> {
    for (const batch of this.#scan(false)) for (let i = 0; i < batch.count; i++) yield this.#keyAt(batch, i);
  }

  *values(): Generator<V[], void, undefined> {
    for (const [, values] of this.entries()) yield values;
  }

  [Symbol.iterator](): Generator<[K, V[]], void, undefined> {
    return this.entries();
  }

  /** Number of entries. Of a hash all are read to know. */
  get size(): number {
    if (this.#isArray) return this.spec.maxEntries;
    let count = 0;
    for (const batch of this.#scan(false)) count += batch.count;
    return count;
  }

  /** Takes out all entries (an array: sets them to zero). */
  clear(): void {
    if (this.#isArray) this.zero();
    else
      for (const _ of this.#scan(true)) {
        /* the scan removes */
      }
  }

  /** Sets the values of all CPUs to zero and keeps the keys. */
  zero(): void {
    const { elements, keyCodec } = this;
    for (const batch of this.#scan(false)) {
      for (let i = 0; i < batch.count; i++) {
        copyBytes(batch.keys, i * keyCodec.size, elements.key, keyCodec.size);
        fillZero(elements.value);
        elements.update(this.#isArray ? 0 : updateFlags({ if: 'present' }));
      }
    }
  }

  #scan(remove: boolean): Generator<Batch, void, undefined> {
    return scan(this.elements, { maxEntries: this.spec.maxEntries, remove });
  }

  #keyAt(batch: Batch, i: number): K {
    return this.keyCodec.decode(batch.keys, i * this.keyCodec.size);
  }

  #valuesAt(batch: Batch, i: number): V[] {
    return this.#slots(batch.values, i * this.elements.value.byteLength);
  }

  #slots(view: DataView, offset: number): V[] {
    const slots: V[] = [];
    for (let cpu = 0; cpu < this.cpus; cpu++) slots.push(this.valueCodec.decode(view, offset + cpu * this.#stride));
    return slots;
  }
}

const add: Combine = (a, b) => (typeof a === 'number' && typeof b === 'number' ? a + b : BigInt(a) + BigInt(b));
const larger: Combine = (a, b) => (a < b ? b : a);
const smaller: Combine = (a, b) => (b < a ? b : a);

/** Slots to one value: numbers combined, records and arrays member by member, anything else (text) from the first CPU. */
export function reduceSlots<V>(slots: readonly V[], combine: Combine): V {
  const [first, ...rest] = slots;
  let result: unknown = first;
  for (const slot of rest) result = merge(result, slot, combine);
  return result as V;
}

function merge(a: unknown, b: unknown, combine: Combine): unknown {
  if ((typeof a === 'number' || typeof a === 'bigint') && (typeof b === 'number' || typeof b === 'bigint')) return combine(a, b);
  if (Array.isArray(a) && Array.isArray(b)) return a.map((x, i) => merge(x, b[i], combine));
  if (isRecord(a) && isRecord(b)) return Object.fromEntries(Object.entries(a).map(([name, x]) => [name, merge(x, b[name], combine)]));
  return a;
}

function isRecord(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !ArrayBuffer.isView(value) && !Array.isArray(value);
}
