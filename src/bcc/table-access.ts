/**
 * A map as a dictionary: what all families of maps share, and by name what only some have.
 *
 * Everything goes to the typed map below (`maps/`); what its family cannot do is an error that names both.
 */
import { BtfError } from '../btf/error.ts';
import { UsageError } from '../kernel/errors.ts';
import type { MapInput, MapValue } from '../maps/codec.ts';
import type { Columns } from '../maps/columns.ts';
import { FdMap, type HasFd } from '../maps/fd-array.ts';
import { createInner, openInner } from '../maps/inner.ts';
import type { MapOptions, ReadAllOptions } from '../maps/map.ts';
import type { MappedArray } from '../maps/mapped.ts';
import type { AnyMap } from '../maps/open.ts';
import type { Combine } from '../maps/per-cpu.ts';
import { StackTraceMap } from '../maps/stack-trace.ts';

/**
 * What a caller may give as a key or value for a `T`: for integers `number` or `bigint`, for texts and bytes also plain
 * bytes, for structs some of the members (the others are zero); anything where nothing is known.
 */
export type Given<T> = [MapValue] extends [T] ? MapInput : GivenKnown<T>;

type Bytes = Uint8Array | readonly (number | bigint)[];
type GivenKnown<T> = T extends number | bigint
  ? number | bigint
  : T extends boolean
    ? boolean | number | bigint
    : T extends string
      ? string | Bytes
      : T extends Uint8Array
        ? Bytes
        : T extends readonly (infer E)[]
          ? readonly Given<E>[] | ([E] extends [number | bigint] ? Uint8Array : never)
          : T extends object
            ? { readonly [M in keyof T]?: Given<T[M]> }
            : T;

/**
 * What a value is set to. Of a per-CPU map: an array with a value for each possible CPU, or `{ all: value }`, whether `V`
 * is the value or the array that reading gives.
 */
export type GivenValue<V> = Given<V> | HasFd | readonly Given<V>[] | { readonly all: Given<V extends readonly (infer E)[] ? E | V : V> };

/** What reducing a per-CPU map gives: a value, whether `V` is that, or the array for all CPUs that reading gives. */
export type OneCpu<V> = V extends readonly (infer E)[] ? E : V;

/** Methods whose first argument is no key. */
const WITHOUT_KEY: ReadonlySet<string> = new Set(['push', 'add', 'setAll', 'deleteAll', 'getByPid']);

export class TableAccess<K = MapValue, V = MapValue> {
  /** The typed map below, with all that its family can do. */
  readonly map: AnyMap;

  constructor(map: AnyMap) {
    this.map = map;
  }

  get name(): string {
    return this.map.name;
  }

  get fd(): number {
    return this.map.fd;
  }

  get type(): string {
    return this.map.spec.type;
  }

  get maxEntries(): number {
    return this.map.spec.maxEntries;
  }

  /**
   * Undefined where there is no such key. For per-CPU maps an array with a value for each possible CPU:
   * `b.map<number, bigint[]>('counts')`, of which `sum()` and its like make a `bigint`.
   */
  get(key: Given<K>): V | undefined {
    return this.can('get')(key) as V | undefined;
  }

  /** Maps of descriptors (programs, maps, cgroups, sockets) take anything with an `fd`; those of cgroups also paths. */
  set(key: Given<K>, value: GivenValue<V>): void {
    this.can('set')(key, value);
  }

  has(key: Given<K>): boolean {
    return 'has' in this.map ? Boolean(this.can('has')(key)) : this.get(key) !== undefined;
  }

  /** False where there was no such key. In arrays the value becomes zero, as in BCC. */
  delete(key: Given<K>): boolean {
    return this.can('delete')(key) !== false;
  }

  /** Ends also on a map that programs are writing to; what changes meanwhile may or may not be seen. */
  entries(options: ReadAllOptions = {}): Generator<[K, V], void, undefined> {
    return this.can('entries')(options) as Generator<[K, V], void, undefined>;
  }

  *keys(): Generator<K, void, undefined> {
    for (const [key] of this.entries()) yield key;
  }

  *values(): Generator<V, void, undefined> {
    for (const [, value] of this.entries()) yield value;
  }

  [Symbol.iterator](): Generator<[K, V], void, undefined> {
    return this.entries();
  }

  /**
   * All entries at once as typed arrays: `{ length, keys, values }`, with an array for each member of a struct. Several
   * times faster than `entries()` and without an object for each. `atOnce`: faster still, at a price.
   */
  columns<C extends Columns = Columns>(options: ReadAllOptions = {}): C {
    return this.can('columns')(options) as C;
  }

  /**
   * Reads and removes, in batches where the kernel has them: what is counted between is not lost. A loop that is left
   * early (break, throw) leaves in the map what it was not given; of a key that a program counted anew meanwhile, the
   * new value.
   */
  drain(): Generator<[K, V], void, undefined> {
    return this.can('drain')() as Generator<[K, V], void, undefined>;
  }

  get size(): number {
    const { map } = this;
    if ('size' in map) return map.size;
    throw this.cannot('size');
  }

  /** Removes every entry (zeroes those of an array). */
  clear(): void {
    this.can('clear')();
  }

  /** Sets every value to zero and keeps the keys. */
  zero(): void {
    this.can('zero')();
  }

  /**
   * The addresses of a stack trace, innermost first. A negative id, as bpf_get_stackid() gives where there was no stack,
   * and one that is not there any more have none.
   */
  walk(stackId: number): bigint[];
  walk<T>(stackId: number, resolve: (address: bigint) => T): T[];
  walk(stackId: number, resolve?: (address: bigint) => unknown): unknown[] {
    if (!(this.map instanceof StackTraceMap)) throw this.cannot('walk');
    const addresses = this.map.get(stackId) ?? [];
    return resolve ? addresses.map((address) => resolve(address)) : addresses;
  }

  /** Writes many entries, thousands a call where the kernel has batches (Linux 5.6). */
  setAll(entries: Iterable<readonly [Given<K>, GivenValue<V>]>): void {
    this.can('setAll')(entries);
  }

  /** Takes out many entries; returns how many were there. */
  deleteAll(keys: Iterable<Given<K>>): number {
    return this.can('deleteAll')(keys) as number;
  }

  /** Reads an entry and takes it out, in one step where the kernel can (5.14). */
  take(key: Given<K>): V | undefined {
    return this.can('take')(key) as V | undefined;
  }

  /** The key after this one, the first without; undefined at the end. */
  nextKey(key?: Given<K>): K | undefined {
    return this.can('nextKey')(key) as K | undefined;
  }

  /** Adds to a number. Not atomic: a program that counts at the same time may lose a step. */
  increment(key: Given<K>, by: number | bigint = 1): void {
    this.can('increment')(key, by);
  }

  /** Of a per-CPU map: the values of all CPUs added up, of structs member by member. */
  sum(key: Given<K>): OneCpu<V> | undefined {
    return this.can('sum')(key) as OneCpu<V> | undefined;
  }

  /** Of a per-CPU map: the largest value of any CPU. */
  max(key: Given<K>): OneCpu<V> | undefined {
    return this.can('max')(key) as OneCpu<V> | undefined;
  }

  /** Of a per-CPU map: the mean over all possible CPUs. */
  average(key: Given<K>): number | undefined {
    return this.can('average')(key) as number | undefined;
  }

  /** Of a per-CPU map: the values of all CPUs made one. */
  reduce(key: Given<K>, combine: Combine): OneCpu<V> | undefined {
    return this.can('reduce')(key, combine) as OneCpu<V> | undefined;
  }

  /** Of a per-CPU map: all entries with the values of all CPUs made one (their sum without `combine`). */
  reduced(combine?: Combine): Generator<[K, OneCpu<V>], void, undefined> {
    return this.can('reduced')(...(combine === undefined ? [] : [combine])) as Generator<[K, OneCpu<V>], void, undefined>;
  }

  /** Queue, stack: adds a value. Full: throws `MapFullError`, or drops the oldest with `{ replace: true }`. */
  push(value: Given<V>, options: { readonly replace?: boolean } = {}): void {
    this.can('push')(value, options);
  }

  /** Queue, stack: takes the next value; undefined when empty. */
  pop(): V | undefined {
    return this.can('pop')() as V | undefined;
  }

  /** Queue, stack: the next value, which stays. */
  peek(): V | undefined {
    return this.can('peek')() as V | undefined;
  }

  /** Bloom filter: adds a value, for which `has` then says true. */
  add(value: Given<V>): void {
    this.can('add')(value);
  }

  /** Maps in maps: a new one for a slot, like the inner map of the declaration or with more entries. Close it when done. */
  createInner<IK = MapValue, IV = MapValue>(options: { readonly maxEntries?: number } = {}): TableAccess<IK, IV> {
    if (!(this.map instanceof FdMap)) throw this.cannot('createInner');
    return new TableAccess<IK, IV>(createInner(this.map, { ...this.innerTypes(), ...options }));
  }

  /** Maps in maps: what is in a slot; undefined for an empty one. Close it when done. */
  inner<IK = MapValue, IV = MapValue>(key: Given<K>): TableAccess<IK, IV> | undefined {
    if (!(this.map instanceof FdMap)) throw this.cannot('inner');
    const found = openInner(this.map, key as MapInput, this.innerTypes());
    return found && new TableAccess<IK, IV>(found);
  }

  /** Types of the maps that this one holds: the object's. */
  private innerTypes(): MapOptions {
    return this.map.btf === undefined ? {} : { btf: this.map.btf };
  }

  /** Task storage: the value of a process, by its id. */
  getByPid(pid: number): V | undefined {
    return this.can('getByPid')(pid) as V | undefined;
  }

  /** An array with the flag BPF_F_MMAPABLE as memory: read and written without system calls (Linux 5.5). */
  mapped(): MappedArray<V> {
    return this.can('mapped')() as MappedArray<V>;
  }

  /** Closes a map that was opened by itself: an inner or pinned one. Those of a `BPF` close with it. */
  close(): void {
    this.map.close();
  }

  [Symbol.dispose](): void {
    this.close();
  }

  /** From now on only programs may write to it. There is no way back (Linux 5.2). */
  freeze(): void {
    this.map.freeze();
  }

  /** Gives it a name in a bpf file system, by which it outlives this process. */
  pin(path: string): void {
    this.map.pin(path);
  }

  protected can(method: string): (...args: readonly unknown[]) => unknown {
    const found = (this.map as unknown as Record<string, unknown>)[method];
    if (typeof found !== 'function') throw this.cannot(method);
    return (...args) => {
      try {
        return (found as (...args: readonly unknown[]) => unknown).apply(this.map, [...args]);
      } catch (error) {
        throw error instanceof BtfError && error.code === 'value' ? this.unfit(method, args, error) : error;
      }
    };
  }

  /** What was given does not fit the types of the map: which of the two it was, and what would. */
  private unfit(method: string, args: readonly unknown[], error: BtfError): UsageError {
    const key = !WITHOUT_KEY.has(method) && !this.map.takesKey(args[0]);
    return new UsageError(
      `${method}() of map '${this.name}': ${key ? error.message.replace('the value:', 'the key:') : error.message}`,
      [],
      undefined,
      error,
    );
  }

  protected cannot(what: string): UsageError {
    return new UsageError(`a map of type ${this.type} ('${this.name}') has no ${what}()`);
  }
}
