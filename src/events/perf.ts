/**
 * One CPU's perf ring, as `bpf_perf_event_output` fills it.
 *
 *   page 0: struct perf_event_mmap_page, data_head at 1024 (kernel), data_tail at 1032 (ours)
 *   then 2^n pages of records: u32 type, u16 misc, u16 size, body
 *     PERF_RECORD_SAMPLE (9): u32 length, payload (with PERF_SAMPLE_RAW alone)
 *     PERF_RECORD_LOST (2):   u64 id, u64 lost
 *
 * A record may wrap round the end; only then it is copied. Source: include/uapi/linux/perf_event.h.
 */
import type { Kernel, MappedMemory } from '../kernel/port.ts';

const RECORD_LOST = 2;
const RECORD_SAMPLE = 9;
const DATA_HEAD = 1024 / 8;
const DATA_TAIL = 1032 / 8;
const PROT_READ_WRITE = 3;
const MAP_SHARED = 1;

/** The payload lies in `bytes` from `offset`, `length` bytes. Valid only during the call. */
export type OnSample = (bytes: Uint8Array, offset: number, length: number) => void;

export class PerfRing {
  /** The perf event, for waiting. */
  readonly fd: number;
  readonly cpu: number;
  private readonly mapping: MappedMemory;
  private readonly control: BigUint64Array;
  private readonly data: Uint8Array;
  private readonly words: DataView;
  private readonly size: number;
  private scratch = new Uint8Array(0);
  private open = true;

  /** `pages` is a power of two. Throws `KernelError`. */
  constructor(kernel: Kernel, fd: number, cpu: number, pages: number, pageSize: number) {
    this.fd = fd;
    this.cpu = cpu;
    this.size = pages * pageSize;
    this.mapping = kernel.mmap(pageSize + this.size, PROT_READ_WRITE, MAP_SHARED, fd, 0);
    this.control = new BigUint64Array(this.mapping.buffer, 0, pageSize / 8);
    this.data = new Uint8Array(this.mapping.buffer, pageSize, this.size);
    this.words = new DataView(this.mapping.buffer, pageSize, this.size);
  }

  /** Hands over all samples that are there; returns how many the kernel says were lost. */
  drain(onSample: OnSample, limit: number = Number.POSITIVE_INFINITY): { lost: number; read: number } {
    let lost = 0;
    let read = 0;
    if (!this.open) return { lost, read };
    const head = Number(Atomics.load(this.control, DATA_HEAD));
    let tail = Number(Atomics.load(this.control, DATA_TAIL));
    try {
      while (tail < head && read < limit) {
        const at = tail % this.size;
        const type = this.words.getUint32(at, true);
        const size = this.words.getUint16(at + 6, true);
        if (size < 8 || size > head - tail) throw new RangeError(`a perf record of ${size} bytes at ${at}: the ring is damaged`);
        tail += size;
        const whole = at + size <= this.size;
        const bytes = whole ? this.data : this.joined(at, size);
        const body = whole ? at + 8 : 8;
        if (type === RECORD_SAMPLE) {
          read++;
          const length = new DataView(bytes.buffer, bytes.byteOffset).getUint32(body, true);
          onSample(bytes, body + 4, Math.min(length, size - 12));
          if (!this.open) break;
        } else if (type === RECORD_LOST) {
          lost += Number(new DataView(bytes.buffer, bytes.byteOffset).getBigUint64(body + 8, true));
        }
      }
    } finally {
      if (this.open) Atomics.store(this.control, DATA_TAIL, BigInt(tail));
    }
    return { lost, read };
  }

  private joined(at: number, size: number): Uint8Array {
    if (this.scratch.length < size) this.scratch = new Uint8Array(Math.max(size, 4096));
    const first = this.size - at;
    this.scratch.set(this.data.subarray(at), 0);
    this.scratch.set(this.data.subarray(0, size - first), first);
    return this.scratch;
  }

  close(): void {
    if (!this.open) return;
    this.open = false;
    this.mapping.unmap();
  }
}
