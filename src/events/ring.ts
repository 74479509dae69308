/**
 * The kernel's BPF ring buffer, read without copies.
 *
 *   mapping 1 (rw)  ┌ consumer_pos ┐                    one page, written by us
 *   mapping 2 (ro)  ┌ producer_pos ┐ data ... data again one page, then the ring twice over,
 *                                                        so that a record that wraps is still one piece
 *
 *   record: u32 length | BUSY | DISCARD,  u32 page offset,  payload, padded to 8 bytes
 *
 * Positions only grow; their difference is what waits to be read. A record is reserved before it is filled: until
 * its BUSY bit falls, nothing behind it may be read. `drain` then stops and says so; whoever waits comes back later
 * and neither spins nor skips.
 *
 * Source: kernel/bpf/ringbuf.c, Documentation/bpf/ringbuf.rst. Linux 5.8.
 */
import type { Kernel, MappedMemory } from '../kernel/port.ts';
import type { Drained, OnPayload } from './source.ts';

const BUSY = 0x8000_0000;
const DISCARD = 0x4000_0000;
const LENGTH = 0x3fff_ffff;
const HEADER = 8;
const PROT_READ = 1;
const PROT_WRITE = 2;
const MAP_SHARED = 1;

export class Ring {
  /** Descriptor of the map, for waiting. */
  readonly fd: number;
  /** Size of the data area in bytes. */
  readonly size: number;
  /** The data area, twice. */
  readonly bytes: Uint8Array;
  readonly view: DataView;
  private readonly consumer: BigUint64Array;
  private readonly producer: BigUint64Array;
  private readonly headers: Int32Array;
  private readonly mappings: readonly MappedMemory[];
  private position: number;
  /** Bytes that were handed over and not yet given back. */
  private taken = 0;
  private records = 0;
  private open = true;

  /** Maps the ring of a ring buffer map. `size` is its max_entries. Throws `KernelError`. */
  constructor(kernel: Kernel, fd: number, size: number, pageSize: number) {
    this.fd = fd;
    this.size = size;
    const consumer = kernel.mmap(pageSize, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    let producer: MappedMemory;
    try {
      producer = kernel.mmap(pageSize + 2 * size, PROT_READ, MAP_SHARED, fd, pageSize);
    } catch (error) {
      consumer.unmap();
      throw error;
    }
    this.mappings = [consumer, producer];
    this.consumer = new BigUint64Array(consumer.buffer, 0, 1);
    this.producer = new BigUint64Array(producer.buffer, 0, 1);
    this.bytes = new Uint8Array(producer.buffer, pageSize, 2 * size);
    this.view = new DataView(producer.buffer, pageSize, 2 * size);
    this.headers = new Int32Array(producer.buffer, pageSize, (2 * size) >> 2);
    this.position = Number(Atomics.load(this.consumer, 0));
  }

  /** Bytes that were submitted or reserved, since the beginning. */
  get produced(): number {
    return this.open ? Number(Atomics.load(this.producer, 0)) : 0;
  }

  /** Records handed over since the ring was opened; one whose callback threw counts. */
  get handedOver(): number {
    return this.records;
  }

  /** Bytes that wait to be read, headers included. */
  get waiting(): number {
    return this.open ? this.produced - this.position - this.taken : 0;
  }

  /**
   * Hands over up to `limit` records, and none behind `until`. Space is given back to the producer every quarter of the ring and at the end,
   * so that a fast producer is not held up and an atomic store is not paid for each record.
   */
  drain(onPayload: OnPayload, limit: number = Number.POSITIVE_INFINITY, until: number = Number.POSITIVE_INFINITY): Drained {
    const { headers, size, view } = this;
    const mask = size - 1;
    const quarter = size >> 2;
    // Small integers in local variables: this loop is most of what an event costs.
    let at = this.position % size;
    let read = 0;
    let busy = false;
    try {
      while (this.open && !busy && read < limit) {
        let left = Math.min(this.produced, until) - this.position - this.taken;
        if (left <= 0) break;
        while (left > 0 && read < limit) {
          const header = Atomics.load(headers, at >> 2);
          if ((header & BUSY) !== 0) {
            busy = true;
            break;
          }
          const length = header & LENGTH;
          const step = (length + HEADER + 7) & ~7;
          const payload = at + HEADER;
          this.taken += step;
          left -= step;
          at = (at + step) & mask;
          if ((header & DISCARD) === 0) {
            read++;
            onPayload(view, payload, length, -1);
            if (!this.open) break;
          }
          if (this.taken > quarter) this.giveBack();
        }
      }
    } finally {
      this.records += read;
      if (this.open) this.giveBack();
    }
    return { read, busy };
  }

  private giveBack(): void {
    if (this.taken === 0) return;
    this.position += this.taken;
    this.taken = 0;
    Atomics.store(this.consumer, 0, BigInt(this.position));
  }

  /** From a callback too: what was handed over is not handed over again to who opens the ring next. */
  close(): void {
    if (!this.open) return;
    this.giveBack();
    this.open = false;
    for (const mapping of this.mappings) mapping.unmap();
  }
}
