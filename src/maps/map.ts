/**
 * Typed maps: what a program and its user share.
 *
 *   LoadedMap (descriptor, sizes, types) ──▶ openMap() ──▶ HashMap | ArrayMap | PerCpuMap | …
 *
 * A map knows its kernel, its descriptor and how keys and values look (`codec.ts`). Families add what they can: get and
 * set, entries, reducers, push and pop. Reading a map costs system calls; nothing is cached. A map opened here does not
 * own its descriptor unless told so.
 */

import type { SchemaOptions, TypeSchema } from '../btf/codec.ts';
import type { BtfSource } from '../btf/types.ts';
import { bpf } from '../kernel/bpf-attr.ts';
import { UsageError } from '../kernel/errors.ts';
import { type Kernel, KernelError } from '../kernel/port.ts';
import { closedError } from '../link/descriptor.ts';
import { pinMap } from '../link/load-maps.ts';
import type { MapSpec } from '../object/spec.ts';
import { type In, type MapCodec, type MapValue, mapCodec, type ValueCodec } from './codec.ts';
import { type ColumnBuilder, type Columns, columnBuilder } from './columns.ts';
import { Elements } from './elements.ts';
import { scan } from './scan.ts';
import { walk } from './walk.ts';

/** A descriptor with what is known about it. */
export interface MapHandle {
  readonly name: string;
  /** Asked before every system call; throws when the map was closed by whoever owns it. */
  readonly fd: number;
  readonly spec: MapSpec;
}

export interface MapOptions extends SchemaOptions {
  /** Types of the object that the map belongs to. */
  readonly btf?: BtfSource;
  /** Codecs of the caller's own, in place of those made from types. */
  readonly key?: MapCodec;
  readonly value?: MapCodec;
  /** Close the descriptor with the map. */
  readonly owns?: boolean;
}

/** How a whole map is read. */
export interface ReadAllOptions {
  /**
   * Of `hash` and `lru_hash`: have a program walk through the whole map at once, where the kernel can (5.14). More than
   * twice as quick for many entries; on kernels that cannot be preempted one processor does nothing else meanwhile
   * (about a tenth of a second for a million entries). Takes memory for as many entries as the map may have.
   */
  readonly atOnce?: boolean;
}

/** `K` and `V` are for callers who know the types; the codecs decide at run time. */
export abstract class BpfMap<K = MapValue, V = MapValue> {
  readonly kernel: Kernel;
  readonly name: string;
  readonly spec: MapSpec;
  /** Types that keys and values were read with. */
  readonly btf: BtfSource | undefined;
  protected readonly keyCodec: ValueCodec<K, In<K>>;
  protected readonly valueCodec: ValueCodec<V, In<V>>;
  protected readonly elements: Elements;
  readonly #handle: MapHandle;
  readonly #owns: boolean;
  #closed = false;

  /** `slotSize` is the size of a value as element calls see it, where it is not the codec's. */
  constructor(handle: MapHandle, kernel: Kernel, options: MapOptions, slotSize?: number) {
    const { spec } = handle;
    this.kernel = kernel;
    this.name = handle.name;
    this.spec = spec;
    this.#handle = handle;
    this.btf = options.btf;
    const key: unknown = options.key ?? mapCodec(options.btf, spec.keyType, spec.keySize, options);
    const value: unknown = options.value ?? mapCodec(options.btf, spec.valueType, spec.valueSize, options);
    this.keyCodec = key as ValueCodec<K, In<K>>;
    this.valueCodec = value as ValueCodec<V, In<V>>;
    this.elements = new Elements(kernel, this, spec.keySize, slotSize ?? spec.valueSize);
    this.#owns = options.owns === true;
  }

  /** Its descriptor. Throws `UsageError` when it is closed: the number may be another map's by then. */
  get fd(): number {
    if (this.#closed) throw closedError(`the map '${this.name}'`);
    return this.#handle.fd;
  }

  /** Whether something can be a key here. */
  takesKey(key: unknown): boolean {
    try {
      this.keyCodec.encode(new DataView(new ArrayBuffer(this.spec.keySize)), 0, key as In<K>);
      return true;
    } catch {
      return false;
    }
  }

  /** The key after this one, the first without; undefined at the end. After a key that is not there comes the first. */
  nextKey(key?: In<K>): K | undefined {
    if (key !== undefined) this.keyCodec.encode(this.elements.key, 0, key);
    return this.elements.nextKey(key === undefined) ? this.keyCodec.decode(this.elements.next, 0) : undefined;
  }

  /** From now on no system call may write to the map; programs still may. There is no way back. Linux 5.2. */
  freeze(): void {
    try {
      bpf(this.kernel, 'MAP_FREEZE', { map_fd: this.fd });
    } catch (error) {
      if (!(error instanceof KernelError)) throw error;
      if (error.code === 'EBUSY') throw new UsageError(`map '${this.name}' is mapped for writing, or frozen already`, [], undefined, error);
      throw this.elements.explain(error, 'freezing');
    }
  }

  /** Gives the map a name in a bpf file system, by which it outlives this process. `openPinnedMap` opens it. */
  pin(path: string): void {
    pinMap({ name: this.name, fd: this.fd, spec: this.spec, created: true }, path, this.kernel);
  }

  protected readColumns<C extends Columns>(options: ReadAllOptions = {}): C {
    const keys = this.builderOf(this.keyCodec);
    const values = this.builderOf(this.valueCodec);
    const { key, value } = this.elements;
    let length = 0;
    const walked = options.atOnce === true ? walk(this.kernel, this) : undefined;
    if (walked !== undefined) {
      length = walked.count;
      keys.add(walked.keys.view, 0, walked.keys.stride, length);
      values.add(walked.values.view, 0, walked.values.stride, length);
      walked.close();
    } else
      for (const batch of scan(this.elements, this.spec)) {
        keys.add(batch.keys, 0, key.byteLength, batch.count);
        values.add(batch.values, 0, value.byteLength, batch.count);
        length += batch.count;
      }
    const columns: Columns = { length, keys: keys.finish(), values: values.finish() };
    return columns as C;
  }

  private builderOf(codec: { readonly schema?: TypeSchema }): ColumnBuilder {
    if (codec.schema === undefined) throw new UsageError(`map '${this.name}': a codec of your own has no columns`);
    return columnBuilder(codec.schema);
  }

  /** Closes the descriptor if this map owns it. Harmless to call again. */
  close(): void {
    if (this.#closed || !this.#owns) return;
    const { fd } = this;
    this.#closed = true;
    this.kernel.close(fd);
  }

  [Symbol.dispose](): void {
    this.close();
  }
}
