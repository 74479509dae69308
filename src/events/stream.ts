/**
 * Events as an async iterator, in batches, or by callback: one reader over ring and perf buffers.
 *
 *   source (ring | perf rings) ── wait in epoll, off the main thread ──▶ drain a bounded batch ──▶ decode ──▶ consumer
 *
 * Back-pressure is the kernel's ring itself: while the consumer works nothing is drained, the ring fills, and what
 * does not fit is counted as lost by the kernel (perf) or by the program (ring buffer). Nothing queues up here.
 * A batch is bounded, and between batches the event loop gets its turn, so timers and signals are never starved.
 */
import type { Kernel } from '../kernel/port.ts';
import type { PerfRing } from './perf.ts';
import type { Ring } from './ring.ts';

/** One payload: valid only during the call. */
export type OnPayload = (view: DataView, offset: number, length: number, cpu: number) => void;

export interface Source {
  readonly fds: readonly number[];
  /** Hands over at most `limit` payloads. `busy`: the next record is not ready though its place is taken. */
  drain(onPayload: OnPayload, limit: number): { readonly read: number; readonly lost: number; readonly busy: boolean };
  close(): void;
}

export function ringSource(ring: Ring): Source {
  return {
    fds: [ring.fd],
    drain(onPayload, limit) {
      let read = 0;
      const end = ring.drain((offset, length) => {
        read++;
        onPayload(ring.view, offset, length, -1);
      }, limit);
      return { read, lost: 0, busy: end === 'busy' };
    },
    close: () => ring.close(),
  };
}

export function perfSource(rings: readonly PerfRing[], closeEvents: () => void): Source {
  let first = 0;
  return {
    fds: rings.map((ring) => ring.fd),
    drain(onPayload, limit) {
      let read = 0;
      let lost = 0;
      // Another ring comes first each time, so that a busy CPU cannot starve the others.
      first = (first + 1) % Math.max(1, rings.length);
      for (let i = 0; i < rings.length && read < limit; i++) {
        const ring = rings[(first + i) % rings.length] as PerfRing;
        const got = ring.drain((bytes, offset, length) => {
          onPayload(new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength), offset, length, ring.cpu);
        }, limit - read);
        read += got.read;
        lost += got.lost;
      }
      return { read, lost, busy: false };
    },
    close() {
      for (const ring of rings) ring.close();
      closeEvents();
    },
  };
}

export interface StreamOptions {
  /** Most events handed over before the event loop gets its turn. */
  readonly batch?: number;
  /** Ends the stream; what is in the ring by then is still delivered. */
  readonly signal?: AbortSignal;
}

const BATCH = 1024;
/** How long to wait for a record that is reserved and not yet submitted: its CPU is at work on it. */
const BUSY_MS = 1;
/** The kernel may coalesce wake-ups; look at least this often. */
const LOOK_MS = 1000;

export class EventStream<T> implements AsyncIterable<T> {
  /** Events that the kernel could not deliver, as far as it said so yet. */
  lost = 0;
  /** Events delivered. */
  received = 0;
  private readonly kernel: Kernel;
  private readonly source: Source;
  private readonly decode: (view: DataView, offset: number, length: number, cpu: number) => T;
  private readonly stopper = new AbortController();
  private closed = false;
  private running = false;

  constructor(kernel: Kernel, source: Source, decode: (view: DataView, offset: number, length: number, cpu: number) => T) {
    this.kernel = kernel;
    this.source = source;
    this.decode = decode;
  }

  /** Every event, one at a time. */
  async *[Symbol.asyncIterator](): AsyncGenerator<T, void, undefined> {
    for await (const batch of this.batches()) yield* batch;
  }

  /** Events as they were found waiting, never empty. */
  async *batches(options: StreamOptions = {}): AsyncGenerator<T[], void, undefined> {
    let batch: T[] = [];
    const take: OnPayload = (view, offset, length, cpu) => void batch.push(this.decode(view, offset, length, cpu));
    for await (const read of this.rounds(take, options)) {
      if (read === 0) continue;
      const full = batch;
      batch = [];
      yield full;
    }
  }

  /** Calls `onEvent` with every event until the stream is closed or the signal aborted. */
  async forEach(onEvent: (event: T) => void, options: StreamOptions = {}): Promise<void> {
    const { decode } = this;
    await this.raw((view, offset, length, cpu) => onEvent(decode(view, offset, length, cpu)), options);
  }

  /** The same without decoding: the payload lies in `view` at `offset`, and only during the call. */
  async raw(onPayload: OnPayload, options: StreamOptions = {}): Promise<void> {
    const rounds = this.rounds(onPayload, options);
    while (!(await rounds.next()).done);
  }

  /** Hands over what is there now, without waiting. Returns how many events that were. */
  consume(onEvent: (event: T) => void): number {
    const { decode } = this;
    let total = 0;
    for (;;) {
      const { read, lost, busy } = this.source.drain((view, offset, length, cpu) => onEvent(decode(view, offset, length, cpu)), BATCH);
      this.count(read, lost);
      total += read;
      if (read < BATCH || busy) return total;
    }
  }

  private count(read: number, lost: number): void {
    this.received += read;
    this.lost += lost;
  }

  private async *rounds(onPayload: OnPayload, options: StreamOptions): AsyncGenerator<number, void, undefined> {
    if (this.running) throw new Error('this event stream is being read already: one reader at a time');
    if (this.closed) return;
    this.running = true;
    const signal = options.signal ? AbortSignal.any([options.signal, this.stopper.signal]) : this.stopper.signal;
    const limit = options.batch ?? BATCH;
    try {
      for (;;) {
        const stopping = signal.aborted;
        const { read, lost, busy } = this.source.drain(onPayload, limit);
        this.count(read, lost);
        yield read;
        if (this.closed) return;
        if (read >= limit) await turn();
        else if (stopping) return;
        else if (busy) await pause(BUSY_MS);
        else if (!signal.aborted) await this.kernel.wait(this.source.fds, LOOK_MS, signal);
      }
    } finally {
      this.running = false;
    }
  }

  /** Ends the reader and unmaps the rings. Safe to call twice. */
  close(): void {
    if (this.closed) return;
    this.closed = true;
    this.stopper.abort();
    this.source.close();
  }

  [Symbol.dispose](): void {
    this.close();
  }
}

function turn(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve));
}

function pause(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms));
}
