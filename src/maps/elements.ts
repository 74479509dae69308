/**
 * One map's element calls on raw bytes: the layer that all families share.
 *
 *   #attr ─▶ struct { map_fd, key ─▶ keyBytes, value ─▶ valueBytes, flags }      made once, patched per call
 *
 * The kernel reads and writes the same two buffers every time, so a call costs one system call and no allocation.
 * The descriptor is the owner's, who is asked each time: see `link/descriptor.ts`.
 * "Not there" is an answer (`false`), not an error; what else the kernel says becomes an error for the user.
 */
import { attrOffset, BPF_CMD, encodeAttr } from '../kernel/bpf-attr.ts';
import { explainDenied } from '../kernel/capabilities.ts';
import { isDenied, UsageError, UserError } from '../kernel/errors.ts';
import { type Kernel, KernelError } from '../kernel/port.ts';
import type { MapSpec } from '../object/spec.ts';
import { badDescriptor, indexOutOfRange, LRU_OF } from './misuse.ts';

/** The map has no room for another entry. */
export class MapFullError extends UserError {
  override name = 'MapFullError';
}

type Kind = Pick<MapSpec, 'type' | 'maxEntries'>;

const VALUE_AT = attrOffset('MAP_LOOKUP_ELEM', 'value');
const FLAGS_AT = attrOffset('MAP_LOOKUP_ELEM', 'flags');
const FD_AT = attrOffset('MAP_LOOKUP_ELEM', 'map_fd');
const KEY_AT = attrOffset('MAP_LOOKUP_ELEM', 'key');

export class Elements {
  readonly kernel: Kernel;
  readonly name: string;
  readonly spec: Kind;
  readonly key: DataView;
  readonly value: DataView;
  /** For GET_NEXT_KEY: where the kernel puts the key that follows. */
  readonly next: DataView;
  readonly #map: { readonly fd: number };
  readonly #attr: Uint8Array;
  readonly #attrView: DataView;
  readonly #keyAddress: bigint;
  readonly #valueAddress: bigint;
  readonly #nextAddress: bigint;

  constructor(
    kernel: Kernel,
    map: { readonly fd: number; readonly name: string; readonly spec: Kind },
    keySize: number,
    valueSize: number,
  ) {
    this.kernel = kernel;
    this.#map = map;
    this.name = map.name;
    this.spec = map.spec;
    // Explicit ArrayBuffers lie outside the JavaScript heap, so their addresses never change.
    const keyBytes = new Uint8Array(new ArrayBuffer(Math.max(keySize, 1)));
    const valueBytes = new Uint8Array(new ArrayBuffer(Math.max(valueSize, 1)));
    const nextBytes = new Uint8Array(new ArrayBuffer(Math.max(keySize, 1)));
    this.key = new DataView(keyBytes.buffer);
    this.value = new DataView(valueBytes.buffer);
    this.next = new DataView(nextBytes.buffer);
    this.#keyAddress = keySize === 0 ? 0n : kernel.addressOf(keyBytes);
    this.#valueAddress = kernel.addressOf(valueBytes);
    this.#nextAddress = kernel.addressOf(nextBytes);
    this.#attr = encodeAttr(kernel, 'MAP_LOOKUP_ELEM', { map_fd: map.fd });
    this.#attrView = new DataView(this.#attr.buffer);
  }

  /** Asked before every call: the map's owner throws once it is closed, and no buffer meets another map's sizes. */
  get fd(): number {
    return this.#map.fd;
  }

  /** Reads the value of `key` into `value`. False if there is none. */
  lookup(flags = 0): boolean {
    return this.#call('MAP_LOOKUP_ELEM', this.#keyAddress, this.#valueAddress, flags);
  }

  /** Writes `value` at `key`. False if `flags` forbade it (NOEXIST and it exists, EXIST and it does not). */
  update(flags = 0): boolean {
    return this.#call('MAP_UPDATE_ELEM', this.#keyAddress, this.#valueAddress, flags);
  }

  /** False if there was none. */
  delete(): boolean {
    return this.#call('MAP_DELETE_ELEM', this.#keyAddress, 0n, 0);
  }

  lookupAndDelete(flags = 0): boolean {
    return this.#call('MAP_LOOKUP_AND_DELETE_ELEM', this.#keyAddress, this.#valueAddress, flags);
  }

  /** Reads the key after `key` (the first one for `fromStart`) into `next`. False at the end. */
  nextKey(fromStart: boolean): boolean {
    return this.#call('MAP_GET_NEXT_KEY', fromStart ? 0n : this.#keyAddress, this.#nextAddress, 0);
  }

  #call(
    command: 'MAP_LOOKUP_ELEM' | 'MAP_UPDATE_ELEM' | 'MAP_DELETE_ELEM' | 'MAP_LOOKUP_AND_DELETE_ELEM' | 'MAP_GET_NEXT_KEY',
    key: bigint,
    value: bigint,
    flags: number,
  ): boolean {
    this.#attrView.setUint32(FD_AT, this.fd, true);
    this.#attrView.setBigUint64(KEY_AT, key, true);
    this.#attrView.setBigUint64(VALUE_AT, value, true);
    this.#attrView.setBigUint64(FLAGS_AT, BigInt(flags), true);
    try {
      this.kernel.bpf(BPF_CMD[command], this.#attr);
      // Looks at the buffers (never empty) after the call, so that they are still referenced during it.
      return this.key.byteLength > 0 && this.value.byteLength > 0 && this.next.byteLength > 0;
    } catch (error) {
      if (!(error instanceof KernelError)) throw error;
      if (error.code === 'ENOENT' || (error.code === 'EEXIST' && command === 'MAP_UPDATE_ELEM' && flags !== 0)) return false;
      throw this.#explainElement(error, command);
    }
  }

  /** As `explain`, with what is in the buffers of the failed call. */
  #explainElement(error: KernelError, command: keyof typeof DOING): Error {
    const isUpdate = command === 'MAP_UPDATE_ELEM';
    const wrong =
      error.code === 'EBADF'
        ? badDescriptor(this.spec, this.key, isUpdate ? this.value : undefined)
        : isUpdate && error.code === 'E2BIG'
          ? indexOutOfRange(this.spec, this.key)
          : undefined;
    if (wrong === undefined) return this.explain(error, DOING[command]);
    return new UsageError(`${DOING[command]} map '${this.name}': ${wrong}`, [], undefined, error);
  }

  /** The error that a user sees for a failed call on this map. */
  explain(error: KernelError, doing: string): Error {
    const what = `${doing} map '${this.name}'`;
    if (error.code === 'E2BIG' || error.code === 'ENOSPC')
      return new MapFullError(`${what}: it is full`, `make it larger where it is declared${LRU_OF[this.spec.type] ?? ''}`, error);
    if (error.code === 'EBADF') return new UsageError(`${what}: it is closed`, [], undefined, error);
    if (error.code === 'EEXIST') return new UsageError(`${what}: there is no such index, or an array cannot do that`, [], undefined, error);
    if (error.code === 'EPERM' && doing.startsWith('writing'))
      return new UsageError(`${what}: it is read-only (frozen, or made so)`, [], undefined, error);
    if (isDenied(error)) return explainDenied(this.kernel, error, what, ['CAP_BPF']);
    if (error.code === 'EOPNOTSUPP' || error.code === 'ENOTSUPP')
      return new UsageError(`${what}: this type of map does not do that`, [], undefined, error);
    return new UserError(`${what}: ${error.message}`, undefined, error);
  }
}

const DOING = {
  MAP_LOOKUP_ELEM: 'reading',
  MAP_UPDATE_ELEM: 'writing to',
  MAP_DELETE_ELEM: 'deleting from',
  MAP_LOOKUP_AND_DELETE_ELEM: 'taking from',
  MAP_GET_NEXT_KEY: 'listing',
} as const;
