/**
 * Arrays: `array`. All entries exist from the start; an index counts from 0.
 *
 * Minimum kernel: 3.19. BPF_MAP_TYPE_ARRAY.
 */
import { ELEM_FLAG } from '../kernel/bpf-enums.ts';
import { UsageError } from '../kernel/errors.ts';
import type { In, MapValue } from './codec.ts';
import type { Columns } from './columns.ts';
import { addNumbers, fillZero } from './hash.ts';
import { writeAll } from './many.ts';
import { BpfMap } from './map.ts';
import { MappedArray } from './mapped.ts';
import { scan } from './scan.ts';

export class ArrayMap<V = MapValue> extends BpfMap<number, V> {
  /** Number of entries. */
  get length(): number {
    return this.spec.maxEntries;
  }

  get size(): number {
    return this.spec.maxEntries;
  }

  get(index: number): V | undefined {
    this.#seek(index);
    return this.elements.lookup() ? this.valueCodec.decode(this.elements.value, 0) : undefined;
  }

  set(index: number, value: In<V>): void {
    this.#seek(index);
    this.valueCodec.encode(this.elements.value, 0, value);
    this.elements.update(ELEM_FLAG.ANY);
  }

  /** An entry of an array cannot go away: sets it to zero. */
  delete(index: number): void {
    this.#seek(index);
    fillZero(this.elements.value);
    this.elements.update(ELEM_FLAG.ANY);
  }

  /** Adds to a number. Not atomic: a program that counts at the same time may lose a step. */
  increment(index: number, by: number | bigint = 1): void {
    const sum: unknown = addNumbers(this.get(index), by, this.name);
    this.set(index, sum as In<V>);
  }

  *entries(): Generator<[number, V], void, undefined> {
    const { valueCodec } = this;
    for (const batch of scan(this.elements, this.spec)) {
      for (let i = 0; i < batch.count; i++)
        yield [batch.keys.getUint32(i * 4, true), valueCodec.decode(batch.values, i * this.elements.value.byteLength)];
    }
  }

  /** All entries as typed arrays: the indexes, and the values, of structs one for each member. */
  columns<C extends Columns = Columns>(): C {
    return this.readColumns();
  }

  *keys(): Generator<number, void, undefined> {
    for (let i = 0; i < this.length; i++) yield i;
  }

  *values(): Generator<V, void, undefined> {
    for (const [, value] of this.entries()) yield value;
  }

  [Symbol.iterator](): Generator<[number, V], void, undefined> {
    return this.entries();
  }

  /** Writes many entries, in batches where the kernel has them (Linux 5.6). */
  setAll(entries: Iterable<readonly [number, In<V>]>): void {
    writeAll(this.elements, this.keyCodec, this.valueCodec, this.#within(entries));
  }

  /** The values as memory shared with the programs: read and written without system calls. See `MappedArray`. */
  mapped(): MappedArray<V> {
    return new MappedArray(this, this.valueCodec);
  }

  /** Sets all entries to zero. */
  clear(): void {
    fillZero(this.elements.value);
    for (let i = 0; i < this.length; i++) {
      this.elements.key.setUint32(0, i, true);
      this.elements.update(ELEM_FLAG.ANY);
    }
  }

  zero(): void {
    this.clear();
  }

  *#within(entries: Iterable<readonly [number, In<V>]>): Generator<readonly [number, In<V>], void, undefined> {
    for (const entry of entries) {
      this.#check(entry[0]);
      yield entry;
    }
  }

  #check(index: number): void {
    if (!Number.isInteger(index) || index < 0 || index >= this.length)
      throw new UsageError(`map '${this.name}' has entries 0 to ${this.length - 1}, not ${index}`);
  }

  #seek(index: number): void {
    this.#check(index);
    this.elements.key.setUint32(0, index, true);
  }
}
