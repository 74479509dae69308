/**
 * An array map as memory that the programs share: reading and writing is a load or a store, no system call.
 *
 *   BPF_F_MMAPABLE array ── mmap ──▶ | value 0, padded to 8 | value 1, padded to 8 | …
 *
 * A program sees a write at once, and half of one too: only numbers of up to eight bytes are written in one piece.
 * `add` counts as `__sync_fetch_and_add` does. Minimum kernel: 5.5. A frozen map, and one that is read-only for user
 * space, can only be read.
 */
import { MAP_FLAG } from '../kernel/bpf-enums.ts';
import { FeatureError, UsageError } from '../kernel/errors.ts';
import { pageSize } from '../kernel/page-size.ts';
import { type Kernel, KernelError, type MappedMemory } from '../kernel/port.ts';
import type { MapSpec } from '../object/spec.ts';
import type { In, ValueCodec } from './codec.ts';

const PROT_READ = 1;
const PROT_WRITE = 2;
const MAP_SHARED = 1;

/** The whole of a mappable array. `write` is false for maps that may only be read. */
export function mapArray(
  kernel: Kernel,
  map: { readonly fd: number; readonly name: string; readonly spec: MapSpec },
): MappedMemory & { readonly write: boolean } {
  const { spec } = map;
  if (spec.type !== 'array' || (spec.flags & MAP_FLAG.MMAPABLE) === 0)
    throw new UsageError(`map '${map.name}' cannot be mapped: that takes an array with the flag BPF_F_MMAPABLE`);
  const page = pageSize(kernel);
  const length = Math.ceil((strideOf(spec) * spec.maxEntries) / page) * page;
  // The kernel maps what programs may only read for reading: it is meant to be frozen.
  const write = spec.frozen !== true && (spec.flags & (MAP_FLAG.RDONLY | MAP_FLAG.RDONLY_PROG)) === 0;
  try {
    return { ...kernel.mmap(length, PROT_READ | (write ? PROT_WRITE : 0), MAP_SHARED, map.fd, 0), write };
  } catch (error) {
    if (error instanceof KernelError && error.code === 'ENOTSUPP')
      throw new FeatureError('mapped arrays', { minKernel: '5.5', cause: error });
    if (error instanceof KernelError && error.code === 'EPERM')
      throw new UsageError(`map '${map.name}' cannot be mapped: it is frozen`, [], undefined, error);
    throw error;
  }
}

export function strideOf(spec: MapSpec): number {
  return Math.ceil(spec.valueSize / 8) * 8;
}

export class MappedArray<V> {
  readonly name: string;
  readonly length: number;
  /** All values, `stride` bytes apart. */
  readonly view: DataView;
  readonly stride: number;
  private readonly memory: MappedMemory & { readonly write: boolean };
  private readonly codec: ValueCodec<V, In<V>>;

  constructor(
    map: { readonly kernel: Kernel; readonly fd: number; readonly name: string; readonly spec: MapSpec },
    codec: ValueCodec<V, In<V>>,
  ) {
    this.memory = mapArray(map.kernel, map);
    this.name = map.name;
    this.length = map.spec.maxEntries;
    this.stride = strideOf(map.spec);
    this.view = new DataView(this.memory.buffer);
    this.codec = codec;
  }

  get(index: number): V {
    return this.codec.decode(this.view, this.at(index));
  }

  set(index: number, value: In<V>): void {
    this.codec.encode(this.writable(), this.at(index), value);
  }

  /** Adds to a number of four or eight bytes, atomically; gives what was there before. */
  add(index: number, by: bigint | number): bigint {
    this.writable();
    const at = this.at(index);
    if (this.codec.size === 8) return Atomics.add(new BigInt64Array(this.view.buffer, at, 1), 0, BigInt(by));
    if (this.codec.size === 4) return BigInt(Atomics.add(new Int32Array(this.view.buffer, at, 1), 0, Number(by)));
    throw new UsageError(`map '${this.name}': only numbers of four or eight bytes can be added to`);
  }

  private at(index: number): number {
    if (!Number.isInteger(index) || index < 0 || index >= this.length)
      throw new UsageError(`map '${this.name}' has entries 0 to ${this.length - 1}, not ${index}`);
    return index * this.stride;
  }

  private writable(): DataView {
    if (!this.memory.write) throw new UsageError(`map '${this.name}' can only be read`);
    return this.view;
  }

  /** Ends the mapping; what is read afterwards is zero. */
  close(): void {
    this.memory.unmap();
  }

  [Symbol.dispose](): void {
    this.close();
  }
}
