/**
 * Typed maps: what a program and its user share.
 *
 *   LoadedMap (descriptor, sizes, types) ──▶ openMap() ──▶ HashMap | ArrayMap | PerCpuMap | …
 *
 * A map knows its kernel, its descriptor and how keys and values look (`codec.ts`). Families add what they can: get and
 * set, entries, reducers, push and pop. Reading a map costs system calls; nothing is cached. A map opened here does not
 * own its descriptor unless told so.
 */

import type { SchemaOptions } from '../btf/codec.ts';
import type { BtfSource } from '../btf/types.ts';
import type { Kernel } from '../kernel/port.ts';
import type { MapSpec } from '../object/spec.ts';
import { type In, type MapCodec, type MapValue, mapCodec, type ValueCodec } from './codec.ts';
import { Elements } from './elements.ts';

/** A descriptor with what is known about it. */
export interface MapHandle {
  readonly name: string;
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

/** `K` and `V` are for callers who know the types; the codecs decide at run time. */
export abstract class BpfMap<K = MapValue, V = MapValue> {
  readonly kernel: Kernel;
  readonly name: string;
  readonly fd: number;
  readonly spec: MapSpec;
  protected readonly keyCodec: ValueCodec<K, In<K>>;
  protected readonly valueCodec: ValueCodec<V, In<V>>;
  protected readonly elements: Elements;
  readonly #owns: boolean;
  #closed = false;

  /** `slotSize` is the size of a value as element calls see it, where it is not the codec's. */
  constructor(handle: MapHandle, kernel: Kernel, options: MapOptions, slotSize?: number) {
    const { spec } = handle;
    this.kernel = kernel;
    this.name = handle.name;
    this.fd = handle.fd;
    this.spec = spec;
    const key: unknown = options.key ?? mapCodec(options.btf, spec.keyType, spec.keySize, options);
    const value: unknown = options.value ?? mapCodec(options.btf, spec.valueType, spec.valueSize, options);
    this.keyCodec = key as ValueCodec<K, In<K>>;
    this.valueCodec = value as ValueCodec<V, In<V>>;
    this.elements = new Elements(kernel, handle, spec.keySize, slotSize ?? spec.valueSize);
    this.#owns = options.owns === true;
  }

  /** Closes the descriptor if this map owns it. Harmless to call again. */
  close(): void {
    if (this.#closed || !this.#owns) return;
    this.#closed = true;
    this.kernel.close(this.fd);
  }

  [Symbol.dispose](): void {
    this.close();
  }
}
