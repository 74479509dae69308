/**
 * Hash maps: `hash`, `lru_hash`, and `lpm_trie`, which looks the same from outside (a look-up finds the longest prefix).
 * Also those that look like one: `devmap`, `devmap_hash` and `cpumap`, where XDP sends packets (indexes that are not set
 * are not there), and `cgroup_storage`, whose keys come and go with cgroups.
 *
 * Minimum kernel: hash 3.19, lru_hash 4.10, lpm_trie 4.11; `drain` in one step 5.6, in two before.
 * BPF_MAP_TYPE_HASH, BPF_MAP_TYPE_LRU_HASH, BPF_MAP_TYPE_LPM_TRIE, BPF_MAP_TYPE_DEVMAP (4.14), BPF_MAP_TYPE_CPUMAP (4.15),
 * BPF_MAP_TYPE_DEVMAP_HASH (5.4), BPF_MAP_TYPE_CGROUP_STORAGE (4.19).
 */
import { ELEM_FLAG } from '../kernel/bpf-enums.ts';
import { UsageError } from '../kernel/errors.ts';
import type { In, MapValue } from './codec.ts';
import type { Columns } from './columns.ts';
import { deleteKeys, writeAll } from './many.ts';
import { BpfMap, type ReadAllOptions } from './map.ts';
import { scan } from './scan.ts';
import { takeOut } from './take-out.ts';
import { walk } from './walk.ts';

/** `if`: 'absent' writes only new keys, 'present' only existing ones. */
export interface SetOptions {
  readonly if?: 'absent' | 'present';
}

export function updateFlags(options: SetOptions | undefined): number {
  return options?.if === 'absent' ? ELEM_FLAG.NOEXIST : options?.if === 'present' ? ELEM_FLAG.EXIST : ELEM_FLAG.ANY;
}

export class HashMap<K = MapValue, V = MapValue> extends BpfMap<K, V> {
  /** The value; undefined if the key is not there. */
  get(key: In<K>): V | undefined {
    this.keyCodec.encode(this.elements.key, 0, key);
    return this.elements.lookup() ? this.valueCodec.decode(this.elements.value, 0) : undefined;
  }

  has(key: In<K>): boolean {
    this.keyCodec.encode(this.elements.key, 0, key);
    return this.elements.lookup();
  }

  /** Writes an entry. False if `options.if` forbade it. Throws `MapFullError`. */
  set(key: In<K>, value: In<V>, options?: SetOptions): boolean {
    this.keyCodec.encode(this.elements.key, 0, key);
    this.valueCodec.encode(this.elements.value, 0, value);
    return this.elements.update(updateFlags(options));
  }

  /** True if the key was there. */
  delete(key: In<K>): boolean {
    this.keyCodec.encode(this.elements.key, 0, key);
    return this.elements.delete();
  }

  /** Reads an entry and takes it out, in one step where the kernel can (5.14). */
  take(key: In<K>): V | undefined {
    this.keyCodec.encode(this.elements.key, 0, key);
    try {
      return this.elements.lookupAndDelete() ? this.valueCodec.decode(this.elements.value, 0) : undefined;
    } catch (error) {
      if (!(error instanceof UsageError)) throw error;
    }
    const value = this.get(key);
    if (value !== undefined) this.delete(key);
    return value;
  }

  /** Adds to a number. Not atomic: a program that counts at the same time may lose a step. */
  increment(key: In<K>, by: number | bigint = 1): void {
    const sum: unknown = addNumbers(this.get(key), by, this.name);
    this.set(key, sum as In<V>);
  }

  entries(options: ReadAllOptions = {}): Generator<[K, V], void, undefined> {
    return options.atOnce === true ? this.#atOnce() : this.#scan();
  }

  /** All entries as typed arrays: one for the keys and one for the values, of structs one for each member. */
  columns<C extends Columns = Columns>(options: ReadAllOptions = {}): C {
    return this.readColumns(options);
  }

  /**
   * Reads all entries and takes them out. Entries that programs add meanwhile may stay for the next time. A loop that is
   * left early leaves the others in the map; see `take-out.ts`.
   */
  drain(): Generator<[K, V], void, undefined> {
    const { keyCodec, valueCodec } = this;
    return takeOut(this.elements, this.spec.maxEntries, ({ keys, values }, i) => [
      keyCodec.decode(keys, i * keyCodec.size),
      valueCodec.decode(values, i * valueCodec.size),
    ]);
  }

  *keys(): Generator<K, void, undefined> {
    const { keyCodec } = this;
    for (const batch of scan(this.elements, this.spec))
      for (let i = 0; i < batch.count; i++) yield keyCodec.decode(batch.keys, i * keyCodec.size);
  }

  *values(): Generator<V, void, undefined> {
    const { valueCodec } = this;
    for (const batch of scan(this.elements, this.spec))
      for (let i = 0; i < batch.count; i++) yield valueCodec.decode(batch.values, i * valueCodec.size);
  }

  [Symbol.iterator](): Generator<[K, V], void, undefined> {
    return this.entries();
  }

  /** Number of entries. The kernel does not tell: all are read. */
  get size(): number {
    let count = 0;
    for (const batch of scan(this.elements, this.spec)) count += batch.count;
    return count;
  }

  /** Writes many entries, in batches where the kernel has them. Throws `MapFullError`; those before are written then. */
  setAll(entries: Iterable<readonly [In<K>, In<V>]>): void {
    writeAll(this.elements, this.keyCodec, this.valueCodec, entries);
  }

  /** Takes out many entries; returns how many of them were there. */
  deleteAll(keys: Iterable<In<K>>): number {
    return deleteKeys(this.elements, this.keyCodec, keys);
  }

  /** Takes out all entries. */
  clear(): void {
    for (const _ of scan(this.elements, { maxEntries: this.spec.maxEntries, remove: true })) {
      /* the scan removes */
    }
  }

  /** Sets all values to zero and keeps the keys. */
  zero(): void {
    const { elements, keyCodec } = this;
    for (const batch of scan(elements, this.spec)) {
      for (let i = 0; i < batch.count; i++) {
        copyBytes(batch.keys, i * keyCodec.size, elements.key, keyCodec.size);
        fillZero(elements.value);
        elements.update(ELEM_FLAG.EXIST);
      }
    }
  }

  *#atOnce(): Generator<[K, V], void, undefined> {
    const walked = walk(this.kernel, this);
    if (walked === undefined) {
      yield* this.#scan();
      return;
    }
    const { keyCodec, valueCodec } = this;
    const { count, keys, values } = walked;
    try {
      for (let i = 0; i < count; i++)
        yield [keyCodec.decode(keys.view, i * keys.stride), valueCodec.decode(values.view, i * values.stride)];
    } finally {
      walked.close();
    }
  }

  *#scan(): Generator<[K, V], void, undefined> {
    const { keyCodec, valueCodec } = this;
    for (const batch of scan(this.elements, this.spec)) {
      for (let i = 0; i < batch.count; i++) {
        yield [keyCodec.decode(batch.keys, i * keyCodec.size), valueCodec.decode(batch.values, i * valueCodec.size)];
      }
    }
  }
}

export function copyBytes(from: DataView, at: number, to: DataView, size: number): void {
  new Uint8Array(to.buffer, to.byteOffset, size).set(new Uint8Array(from.buffer, from.byteOffset + at, size));
}

export function fillZero(view: DataView): void {
  new Uint8Array(view.buffer, view.byteOffset, view.byteLength).fill(0);
}

export function addNumbers(before: unknown, by: number | bigint, map: string): number | bigint {
  const isWhole = typeof by === 'bigint' || Number.isSafeInteger(by);
  if (!isWhole && (typeof before !== 'number' || !Number.isFinite(by)))
    throw new UsageError(`map '${map}': a number can be added, not ${typeof by === 'number' ? by : `a ${typeof by}`}`);
  if (before === undefined) return by;
  if (typeof before === 'number' && typeof by === 'number') return before + by;
  if (typeof before === 'number' || typeof before === 'bigint') return BigInt(before) + BigInt(by);
  throw new UsageError(`map '${map}': only numbers can be incremented`);
}
