/**
 * The ring buffer in the other direction: user space writes, a program reads (`bpf_user_ringbuf_drain`).
 *
 *   mapping 1 (ro)  ┌ consumer_pos ┐                       one page, written by the kernel
 *   mapping 2 (rw)  ┌ producer_pos ┐ data … data again     one page, then the ring twice over
 *
 *   record: u32 length | BUSY | DISCARD,  u32 zero,  payload, padded to 8 bytes
 *
 * A record is written behind the producer's position, then the position moves past it: the program sees all of it or
 * nothing. One writer at a time; a ring that is full says so, and whoever waits looks again a little later, without
 * spinning. Source: kernel/bpf/ringbuf.c. Minimum kernel: 6.1. BPF_MAP_TYPE_USER_RINGBUF.
 */
import { type BtfInput, makeCodec } from '../btf/codec.ts';
import type { BtfSource } from '../btf/types.ts';
import { UsageError, UserError } from '../kernel/errors.ts';
import { pageSize } from '../kernel/page-size.ts';
import { type Kernel, KernelError, type MappedMemory } from '../kernel/port.ts';
import type { MapHandle } from '../maps/map.ts';
import { recordTypeOf } from './record-type.ts';

const HEADER = 8;
const PROT_READ = 1;
const PROT_READ_WRITE = 3;
const MAP_SHARED = 1;
const PAUSE_MS = 1;

export interface UserRingOptions {
  /** Type of the records: 'struct command'. Without, only `sendBytes` can be used. */
  readonly type?: string;
}

export class UserRing<T = BtfInput> {
  readonly name: string;
  /** Bytes that it holds, headers included. */
  readonly size: number;
  private readonly consumer: BigUint64Array;
  private readonly producer: BigUint64Array;
  private readonly view: DataView;
  private readonly mappings: readonly MappedMemory[];
  private readonly encode: ((view: DataView, offset: number, value: BtfInput) => void) | undefined;
  private readonly recordSize: number;
  private open = true;

  /** Throws `UsageError` for a map of another type. */
  constructor(kernel: Kernel, map: MapHandle, btf: BtfSource | undefined, options: UserRingOptions = {}) {
    if (map.spec.type !== 'user_ringbuf')
      throw new UsageError(`map '${map.name}' is of type ${map.spec.type}; writing to it takes a user_ringbuf`);
    const codec = options.type === undefined || btf === undefined ? undefined : makeCodec(btf, recordTypeOf(btf, map.spec, options.type));
    const page = pageSize(kernel);
    this.name = map.name;
    this.size = map.spec.maxEntries;
    this.encode = codec?.encode;
    this.recordSize = codec?.size ?? 0;
    const mappings: MappedMemory[] = [];
    try {
      mappings.push(kernel.mmap(page, PROT_READ, MAP_SHARED, map.fd, 0));
      mappings.push(kernel.mmap(page + 2 * this.size, PROT_READ_WRITE, MAP_SHARED, map.fd, page));
    } catch (error) {
      for (const mapping of mappings) mapping.unmap();
      if (error instanceof KernelError) throw new UserError(`opening ring buffer '${map.name}': ${error.message}`, undefined, error);
      throw error;
    }
    const [consumer, producer] = mappings as [MappedMemory, MappedMemory];
    this.mappings = mappings;
    this.consumer = new BigUint64Array(consumer.buffer, 0, 1);
    this.producer = new BigUint64Array(producer.buffer, 0, 1);
    this.view = new DataView(producer.buffer, page, 2 * this.size);
  }

  /** Writes a record. False if the ring is full. */
  trySend(record: T): boolean {
    const { encode } = this;
    if (encode === undefined) throw new UsageError(`ring buffer '${this.name}': the type of its records is not known`, [], `give 'type'`);
    return this.put(this.recordSize, (view, offset) => encode(view, offset, record as BtfInput));
  }

  /** The same for bytes. */
  trySendBytes(bytes: Uint8Array): boolean {
    return this.put(bytes.length, (view, offset) => new Uint8Array(view.buffer, view.byteOffset + offset, bytes.length).set(bytes));
  }

  /** Writes a record, as soon as there is room. */
  async send(record: T): Promise<void> {
    while (!this.trySend(record)) await new Promise((resolve) => setTimeout(resolve, PAUSE_MS));
  }

  private put(length: number, write: (view: DataView, offset: number) => void): boolean {
    if (!this.open) throw new UsageError(`ring buffer '${this.name}' is closed`);
    const total = (length + HEADER + 7) & ~7;
    if (total > this.size) throw new UsageError(`a record of ${length} bytes never fits ring buffer '${this.name}' of ${this.size}`);
    const consumed = Number(Atomics.load(this.consumer, 0));
    const produced = Number(Atomics.load(this.producer, 0));
    if (this.size - (produced - consumed) < total) return false;
    const at = produced % this.size;
    write(this.view, at + HEADER);
    this.view.setUint32(at, length, true);
    this.view.setUint32(at + 4, 0, true);
    Atomics.store(this.producer, 0, BigInt(produced + total));
    return true;
  }

  close(): void {
    if (!this.open) return;
    this.open = false;
    for (const mapping of this.mappings) mapping.unmap();
  }

  [Symbol.dispose](): void {
    this.close();
  }
}
