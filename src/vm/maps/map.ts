/** A map of the machine: its store by type, and the host's way to its contents. */

import type { MapSpec } from '../../object/spec.ts';
import { VmLoadError } from '../fault.ts';
import { createArray, createSlots } from './array.ts';
import { createHash } from './hash.ts';
import { createLpm } from './lpm.ts';
import { createBloom, createQueue } from './queue.ts';
import type { PerfStore, RecordStore, RingStore } from './records.ts';
import { createPerf, createRing } from './records.ts';
import type { MapHost, MapShape, MapStore } from './store.ts';
import { ERRNO, isPerCpu, READ_ONLY_FOR_PROGRAMS } from './store.ts';

export type MapFamily = 'table' | 'slots' | 'queue' | 'ring' | 'perf' | 'storage' | 'stacks';

interface TypeRow {
  readonly family: MapFamily;
  readonly create: (shape: MapShape, host: MapHost) => MapStore;
}

const table = (create: TypeRow['create']): TypeRow => ({ family: 'table', create });
const slots = (create: TypeRow['create']): TypeRow => ({ family: 'slots', create });
/** Keyed by the object's address, so as many as there are objects. */
const storage: TypeRow = {
  family: 'storage',
  create: (shape, host) => createHash({ ...shape, keySize: 8, maxEntries: Number.MAX_SAFE_INTEGER }, host),
};

const TYPES: ReadonlyMap<string, TypeRow> = new Map([
  ['array', table(createArray)],
  ['percpu_array', table(createArray)],
  ['hash', table(createHash)],
  ['percpu_hash', table(createHash)],
  ['lru_hash', table(createHash)],
  ['lru_percpu_hash', table(createHash)],
  ['lpm_trie', table(createLpm)],
  ['prog_array', slots(createSlots)],
  ['array_of_maps', slots(createSlots)],
  ['hash_of_maps', slots(createHash)],
  ['cgroup_array', slots(createSlots)],
  ['devmap', slots(createSlots)],
  ['devmap_hash', slots(createHash)],
  ['cpumap', slots(createSlots)],
  ['xskmap', slots(createSlots)],
  ['sockmap', slots(createSlots)],
  ['sockhash', slots(createHash)],
  ['reuseport_sockarray', slots(createSlots)],
  ['queue', { family: 'queue', create: createQueue }],
  ['stack', { family: 'queue', create: createQueue }],
  ['bloom_filter', { family: 'queue', create: createBloom }],
  ['ringbuf', { family: 'ring', create: createRing }],
  ['perf_event_array', { family: 'perf', create: createPerf }],
  ['stack_trace', { family: 'stacks', create: createHash }],
  ['sk_storage', storage],
  ['task_storage', storage],
  ['inode_storage', storage],
  ['cgrp_storage', storage],
  ['cgroup_storage', storage],
  ['percpu_cgroup_storage', storage],
]);

export class MapError extends Error {
  override name = 'MapError';
  readonly errno: number;

  constructor(map: string, operation: string, errno: number) {
    super(`${operation} in map '${map}' failed with errno ${errno}`);
    this.errno = errno;
  }
}

export class VmMap {
  readonly shape: MapShape;
  readonly spec: MapSpec;
  readonly family: MapFamily;
  readonly store: MapStore;
  /** What stands for it in the values of other maps, where the kernel has a descriptor. */
  readonly number: number;
  /** The map itself as programs pass it to helpers; nothing can be read there. */
  readonly address: number;
  /** Its values are numbers of maps. */
  readonly holdsMaps: boolean;
  private readonly host: MapHost;
  private readonly keyAt: number;
  private readonly valueAt: number;

  constructor(spec: MapSpec, number: number, host: MapHost) {
    const row = TYPES.get(spec.type);
    if (row === undefined) throw new VmLoadError(`map '${spec.name}': type '${spec.type}' is not one the machine has`);
    if (spec.valueSize < 0 || spec.keySize < 0 || spec.keySize > 65536 || spec.valueSize > 1 << 28)
      throw new VmLoadError(`map '${spec.name}': impossible sizes`);
    const keySize = row.family === 'storage' ? 8 : spec.keySize;
    const indexed = row.create === createArray || row.create === createSlots;
    if (indexed && keySize !== 4) throw new VmLoadError(`map '${spec.name}': keys of ${spec.type} have 4 bytes, not ${keySize}`);
    if (row.create === createLpm && keySize < 5) throw new VmLoadError(`map '${spec.name}': keys of lpm_trie have at least 5 bytes`);
    const maxEntries = indexed && spec.maxEntries === 0 ? host.cpus : spec.maxEntries;
    this.spec = spec;
    this.shape = {
      name: spec.name,
      type: spec.type,
      keySize,
      valueSize: spec.valueSize,
      maxEntries,
      flags: spec.flags,
      readOnly: spec.frozen === true || (spec.flags & READ_ONLY_FOR_PROGRAMS) !== 0,
    };
    this.family = row.family;
    this.holdsMaps = spec.type === 'array_of_maps' || spec.type === 'hash_of_maps';
    this.number = number;
    this.host = host;
    this.keyAt = host.memory.allocate(Math.max(8, keySize));
    this.valueAt = host.memory.allocate(Math.max(8, spec.valueSize));
    this.store = row.create(this.shape, host);
    this.address = host.memory.open({ kind: 'map', label: `map '${spec.name}'`, owner: this }, 0, 0, false);
    if (spec.data !== undefined) this.initialise(spec.data);
  }

  private initialise(data: Uint8Array): void {
    this.host.memory.view.setUint32(this.keyAt, 0, true);
    const at = this.store.valueOn(this.keyAt, 0);
    if (at === -1 || data.length > this.shape.valueSize) throw new VmLoadError(`map '${this.shape.name}': initial data does not fit`);
    this.host.memory.bytes.set(data, at);
  }

  /** CPUs that a per-CPU map has values for. */
  get cpus(): number {
    return this.host.cpus;
  }

  get perCpu(): boolean {
    return isPerCpu(this.shape.type);
  }

  /** A copy of the value; of a per-CPU map the values of all CPUs, each rounded up to 8 bytes, as the kernel gives them. */
  get(key: Uint8Array): Uint8Array | undefined {
    this.putKey(key);
    const { memory, cpus } = this.host;
    if (!this.perCpu) {
      const at = this.store.valueOn(this.keyAt, 0);
      return at === -1 ? undefined : memory.bytes.slice(at, at + this.shape.valueSize);
    }
    const stride = (this.shape.valueSize + 7) & ~7;
    const result = new Uint8Array(stride * cpus);
    for (let cpu = 0; cpu < cpus; cpu++) {
      const at = this.store.valueOn(this.keyAt, cpu);
      if (at === -1) return undefined;
      result.set(memory.bytes.subarray(at, at + this.shape.valueSize), cpu * stride);
    }
    return result;
  }

  /** Throws `MapError` where the kernel would return an errno. A per-CPU map takes all values, or one for every CPU alike. */
  set(key: Uint8Array, value: Uint8Array, flags: number = 0): void {
    const { memory, cpus } = this.host;
    this.putKey(key);
    this.putValue(value);
    this.check('update', this.store.update(this.keyAt, this.valueAt, flags));
    if (!this.perCpu) return;
    const stride = (this.shape.valueSize + 7) & ~7;
    for (let cpu = 0; cpu < cpus; cpu++) {
      const from = value.length === stride * cpus ? cpu * stride : 0;
      memory.bytes.set(value.subarray(from, from + this.shape.valueSize), this.store.valueOn(this.keyAt, cpu));
    }
  }

  delete(key: Uint8Array): boolean {
    this.putKey(key);
    const result = this.store.remove(this.keyAt);
    if (result !== -ERRNO.ENOENT) this.check('delete', result);
    return result === 0;
  }

  keys(): Uint8Array[] {
    const { memory } = this.host;
    return Array.from(this.store.keys(), (at) => memory.bytes.slice(at, at + this.shape.keySize));
  }

  /** Queue and stack. */
  push(value: Uint8Array, flags: number = 0): void {
    const at = this.putValue(value);
    this.check('push', this.store.push?.(at, flags) ?? -ERRNO.EOPNOTSUPP);
  }

  /** Queue and stack. */
  pop(): Uint8Array | undefined {
    const result = this.store.peek?.(this.valueAt, true) ?? -ERRNO.EOPNOTSUPP;
    if (result === -ERRNO.ENOENT) return undefined;
    this.check('pop', result);
    return this.host.memory.bytes.slice(this.valueAt, this.valueAt + this.shape.valueSize);
  }

  /** Ring buffer and perf event array: takes what programs submitted. */
  drain(): { readonly cpu: number; readonly data: Uint8Array }[] {
    return this.records().drain();
  }

  /** Records that found no room. */
  get lost(): number {
    return this.records().lost;
  }

  private records(): RecordStore {
    if (this.family !== 'ring' && this.family !== 'perf')
      throw new VmLoadError(`map '${this.shape.name}' of type '${this.shape.type}' carries no records`);
    return this.store as RingStore | PerfStore;
  }

  private putKey(key: Uint8Array): void {
    if (key.length !== this.shape.keySize)
      throw new VmLoadError(`map '${this.shape.name}': a key has ${this.shape.keySize} bytes, not ${key.length}`);
    this.host.memory.bytes.set(key, this.keyAt);
  }

  private putValue(value: Uint8Array): number {
    const stride = (this.shape.valueSize + 7) & ~7;
    if (value.length !== this.shape.valueSize && !(this.perCpu && value.length === stride * this.host.cpus)) {
      throw new VmLoadError(`map '${this.shape.name}': a value has ${this.shape.valueSize} bytes, not ${value.length}`);
    }
    this.host.memory.bytes.set(value.subarray(0, this.shape.valueSize), this.valueAt);
    return this.valueAt;
  }

  private check(operation: string, result: number): void {
    if (result < 0) throw new MapError(this.shape.name, operation, -result);
  }
}
