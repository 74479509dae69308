/**
 * One CPU's perf ring, as `bpf_perf_event_output` fills it.
 *
 *   page 0: struct perf_event_mmap_page, data_head at 1024 (kernel), data_tail at 1032 (ours)
 *   then 2^n pages of records: u32 type, u16 misc, u16 size, body
 *     PERF_RECORD_SAMPLE (9): u32 length, payload (with PERF_SAMPLE_RAW alone)
 *     PERF_RECORD_LOST (2):   u64 id, u64 lost
 *
 * A record may wrap round the end; only then it is copied.
 *
 * Lost samples: the kernel says so in a record of its own, but only in front of the next sample that fits. Since Linux
 * 6.0 the event itself knows (PERF_FORMAT_LOST), and that is what counts in the end. Source: include/uapi/linux/perf_event.h.
 */
import type { Kernel, MappedMemory } from '../kernel/port.ts';
import type { OnPayload } from './source.ts';

const RECORD_LOST = 2;
const RECORD_SAMPLE = 9;
const DATA_HEAD = 1024 / 8;
const DATA_TAIL = 1032 / 8;
const PROT_READ_WRITE = 3;
const MAP_SHARED = 1;

export interface PerfRingOptions {
  readonly cpu: number;
  /** A power of two. */
  readonly pages: number;
  readonly pageSize: number;
  /** The event was opened with PERF_FORMAT_LOST. */
  readonly countsLost: boolean;
}

export class PerfRing {
  /** The perf event, for waiting. */
  readonly fd: number;
  readonly cpu: number;
  private readonly kernel: Kernel;
  private readonly countsLost: boolean;
  private readonly mapping: MappedMemory;
  private readonly control: BigUint64Array;
  private readonly data: Uint8Array;
  private readonly view: DataView;
  private readonly size: number;
  private scratch = new Uint8Array(0);
  private scratchView = new DataView(this.scratch.buffer);
  private lostRecorded = 0;
  private samples = 0;
  private open = true;

  /** Throws `KernelError`. */
  constructor(kernel: Kernel, fd: number, { cpu, pages, pageSize, countsLost }: PerfRingOptions) {
    this.kernel = kernel;
    this.fd = fd;
    this.cpu = cpu;
    this.countsLost = countsLost;
    this.size = pages * pageSize;
    this.mapping = kernel.mmap(pageSize + this.size, PROT_READ_WRITE, MAP_SHARED, fd, 0);
    this.control = new BigUint64Array(this.mapping.buffer, 0, pageSize / 8);
    this.data = new Uint8Array(this.mapping.buffer, pageSize, this.size);
    this.view = new DataView(this.mapping.buffer, pageSize, this.size);
  }

  /** Bytes that the kernel has written, since the beginning. */
  get produced(): number {
    return this.open ? Number(Atomics.load(this.control, DATA_HEAD)) : 0;
  }

  /** Samples handed over since the ring was opened; one whose callback threw counts. */
  get handedOver(): number {
    return this.samples;
  }

  /** Whether there is something that was not read. */
  get waiting(): boolean {
    return this.open && this.produced > Number(Atomics.load(this.control, DATA_TAIL));
  }

  /** Hands over samples that are there, up to `limit` and none behind `until`; returns how many. */
  drain(onPayload: OnPayload, limit: number = Number.POSITIVE_INFINITY, until: number = Number.POSITIVE_INFINITY): number {
    let read = 0;
    if (!this.open) return read;
    const { cpu, view: ring, size: total } = this;
    const head = Math.min(this.produced, until);
    let tail = Number(Atomics.load(this.control, DATA_TAIL));
    try {
      while (tail < head && read < limit) {
        const at = tail % total;
        const type = ring.getUint32(at, true);
        const size = ring.getUint16(at + 6, true);
        if (size < 8 || size > head - tail) throw new RangeError(`a perf record of ${size} bytes at ${at}: the ring is damaged`);
        tail += size;
        const whole = at + size <= total;
        const view = whole ? ring : this.joined(at, size);
        const body = whole ? at + 8 : 8;
        if (type === RECORD_SAMPLE) {
          read++;
          onPayload(view, body + 4, Math.min(view.getUint32(body, true), size - 12), cpu);
          if (!this.open) break;
        } else if (type === RECORD_LOST) {
          this.lostRecorded += Number(view.getBigUint64(body + 8, true));
        }
      }
    } finally {
      this.samples += read;
      if (this.open) Atomics.store(this.control, DATA_TAIL, BigInt(tail));
    }
    return read;
  }

  /** Samples that did not fit, as far as records said so. */
  get lostSoFar(): number {
    return this.lostRecorded;
  }

  /** The same as the kernel knows it now (Linux 6.0; before, what records said). */
  get lost(): number {
    if (!this.open || !this.countsLost) return this.lostRecorded;
    // struct read_format { u64 value; u64 lost; }
    const answer = new Uint8Array(16);
    this.kernel.syscall('read', this.fd, answer, answer.length);
    return Number(new DataView(answer.buffer).getBigUint64(8, true));
  }

  private joined(at: number, size: number): DataView {
    if (this.scratch.length < size) {
      this.scratch = new Uint8Array(new ArrayBuffer(Math.max(size, 4096)));
      this.scratchView = new DataView(this.scratch.buffer);
    }
    const first = this.size - at;
    this.scratch.set(this.data.subarray(at), 0);
    this.scratch.set(this.data.subarray(0, size - first), first);
    return this.scratchView;
  }

  close(): void {
    if (!this.open) return;
    this.open = false;
    this.mapping.unmap();
  }
}
