/**
 * Events as an async iterator, in batches, or by callback: one reader over ring and perf buffers.
 *
 *   source (ring | perf rings) ── wait in epoll, off the main thread ──▶ drain a bounded batch ──▶ decode ──▶ consumer
 *
 * Back-pressure is the kernel's ring itself: while the consumer works nothing is drained, the ring fills, and what
 * does not fit is counted as lost by the kernel (perf) or by the program (ring buffer). Nothing queues up here.
 * A batch is bounded, and between batches the event loop gets its turn, so timers and signals are never starved.
 */
import { UsageError } from '../kernel/errors.ts';
import type { Kernel } from '../kernel/port.ts';
import type { RecordDecoder } from './decoder.ts';
import type { Drained, Mark, OnPayload, Source } from './source.ts';

export interface StreamOptions {
  /** Most events handed over before the event loop gets its turn. 1024 without. */
  readonly batch?: number;
  /** Told how many events were lost since the last time, when it becomes known. */
  readonly onLost?: (count: number) => void;
}

export interface ReadOptions {
  /** Most events in a batch, for this reader. */
  readonly batch?: number;
  /** Ends the stream; what is in the ring by then is still delivered, and what comes later is not. */
  readonly signal?: AbortSignal;
  /** Awaited before events are taken: whoever prints them may not be done with the last ones. */
  readonly before?: () => Promise<void> | undefined;
}

const BATCH = 1024;
/**
 * How long to wait for a record that is reserved and not yet submitted (its CPU is at work on it), and after events
 * were read: where one was there are more to come, and a thousand wake-ups a second with fifty events each cost a
 * tenth of fifty thousand with one. An event that comes alone is not delayed.
 */
const PAUSE_MS = 1;
/** The kernel may coalesce wake-ups; look at least this often. */
const LOOK_MS = 1000;

export class EventStream<T> implements AsyncIterable<T> {
  private readonly kernel: Kernel;
  private readonly source: Source;
  private readonly decode: RecordDecoder<T>;
  private readonly options: StreamOptions;
  private readonly stopper = new AbortController();
  private readonly closing: (() => void)[] = [];
  private draining = false;
  private lostTold = 0;
  private lostAtEnd: number | undefined;
  private running = false;

  constructor(kernel: Kernel, source: Source, decode: RecordDecoder<T>, options: StreamOptions = {}) {
    checkOptions(options);
    this.kernel = kernel;
    this.source = source;
    this.decode = decode;
    this.options = options;
  }

  /** Events delivered; one whose callback threw was. */
  get received(): number {
    return this.source.handedOver();
  }

  /**
   * Events that did not fit. Of a perf buffer the kernel is asked (before Linux 6.0 it tells with the next event that
   * fits); of a ring buffer the program counts.
   */
  get lost(): number {
    return this.lostAtEnd ?? this.source.lost();
  }

  /** Descriptors that become readable when there are events. */
  get fds(): readonly number[] {
    return this.source.fds;
  }

  get closed(): boolean {
    return this.lostAtEnd !== undefined;
  }

  /** Every event, one at a time. Whoever leaves early leaves the rest in the ring, for the next reader. */
  async *[Symbol.asyncIterator](): AsyncGenerator<T, void, undefined> {
    const { decode } = this;
    const next: T[] = [];
    const take: OnPayload = (view, offset, length, cpu) => void next.push(decode(view, offset, length, cpu));
    for await (const read of this.rounds(take, {}, 1)) if (read > 0) yield next.pop() as T;
  }

  /** Events as they were found waiting, never empty. */
  async *batches(options: ReadOptions = {}): AsyncGenerator<T[], void, undefined> {
    const { decode } = this;
    let batch: T[] = [];
    const take: OnPayload = (view, offset, length, cpu) => void batch.push(decode(view, offset, length, cpu));
    for await (const read of this.rounds(take, options)) {
      if (read === 0) continue;
      const full = batch;
      batch = [];
      yield full;
    }
  }

  /** Calls `onEvent` with every event until the stream is closed or the signal aborted. */
  async forEach(onEvent: (event: T, cpu: number) => void, options: ReadOptions = {}): Promise<void> {
    checkCallback(onEvent);
    const { decode } = this;
    await this.raw((view, offset, length, cpu) => onEvent(decode(view, offset, length, cpu), cpu), options);
  }

  /** The same without decoding: the payload lies in `view` at `offset`, and only during the call. */
  async raw(onPayload: OnPayload, options: ReadOptions = {}): Promise<void> {
    checkCallback(onPayload);
    const rounds = this.rounds(onPayload, options);
    while (!(await rounds.next()).done);
  }

  /** Hands over what is there now, without waiting. Returns how many events that were. */
  consume(onEvent: (event: T, cpu: number) => void): number {
    checkCallback(onEvent);
    const { decode } = this;
    return this.consumeRaw((view, offset, length, cpu) => onEvent(decode(view, offset, length, cpu), cpu));
  }

  /** The same without decoding. */
  consumeRaw(onPayload: OnPayload): number {
    checkCallback(onPayload);
    const limit = this.options.batch ?? BATCH;
    let total = 0;
    for (;;) {
      const { read, busy } = this.drain(onPayload, limit);
      this.lookForLost();
      total += read;
      if (read < limit || busy || this.closed) return total;
    }
  }

  private drain(onPayload: OnPayload, limit: number, until?: Mark): Drained {
    if (this.closed) return { read: 0, busy: false };
    // Read from within, they would be handed over twice, and the place given back that is still being read.
    if (this.draining)
      throw new UsageError(
        'these events are being handed over: they cannot be read from the callback that is given one',
        [],
        'return from the callback first: what is in the buffer is kept for the next call',
      );
    this.draining = true;
    try {
      return this.source.drain(onPayload, limit, until);
    } finally {
      this.draining = false;
    }
  }

  private lookForLost(): void {
    if (this.options.onLost !== undefined) this.tellLost(this.closed ? this.lost : this.source.lostSoFar());
  }

  private tellLost(lost: number): void {
    if (lost <= this.lostTold) return;
    const more = lost - this.lostTold;
    this.lostTold = lost;
    this.options.onLost?.(more);
  }

  /** `portion`: how many are taken out of the ring before whoever reads has them; a whole batch without. */
  private async *rounds(onPayload: OnPayload, options: ReadOptions, portion?: number): AsyncGenerator<number, void, undefined> {
    if (this.running) throw new UsageError('this event stream is being read already: one reader at a time');
    checkOptions(options);
    if (this.closed) return;
    this.running = true;
    const signal = options.signal ? AbortSignal.any([options.signal, this.stopper.signal]) : this.stopper.signal;
    const limit = options.batch ?? this.options.batch ?? BATCH;
    let until: Mark | undefined;
    try {
      for (;;) {
        const ready = options.before?.();
        if (ready !== undefined) await ready;
        if (this.closed) return;
        // Where events come faster than they are shown, the ring is never empty: this is what ends it.
        if (signal.aborted) until ??= this.source.mark();
        const stopping = until !== undefined;
        let read = 0;
        let drained: Drained;
        do {
          drained = this.drain(onPayload, portion ?? limit, until);
          read += drained.read;
          // Once a batch: asking a ring buffer's program costs more than an event.
          if (read >= limit || drained.read !== portion) this.lookForLost();
          yield drained.read;
          if (this.closed) return;
        } while (read < limit && drained.read === portion);
        const { busy } = drained;
        if (read >= limit) await turn();
        else if (stopping) return;
        else if (busy || read > 0) await pause(PAUSE_MS);
        else if (!signal.aborted) await this.kernel.wait(this.source.fds, LOOK_MS, signal, this.source.unseen);
      }
    } finally {
      this.running = false;
    }
  }

  /** See `Source.unseen`. */
  get unseen(): (() => boolean) | undefined {
    return this.source.unseen;
  }

  /** Called when the stream closes. */
  onClose(listener: () => void): void {
    this.closing.push(listener);
  }

  /** Ends the reader and unmaps the rings. Safe to call twice. */
  close(): void {
    if (this.closed) return;
    this.lostAtEnd = this.source.lost();
    this.tellLost(this.lostAtEnd);
    this.stopper.abort();
    this.source.close();
    for (const listener of this.closing) listener();
  }

  [Symbol.dispose](): void {
    this.close();
  }
}

/** Before anything is read: what is handed to no function would be gone. Throws `UsageError`. */
function checkCallback(callback: unknown): void {
  if (typeof callback !== 'function') throw new UsageError(`events are handed to a function: ${String(callback)} is none`);
}

/** Throws `UsageError` for options that are none. */
export function checkOptions({ batch, onLost, signal, before }: StreamOptions & ReadOptions): void {
  if (batch !== undefined && batch !== Number.POSITIVE_INFINITY && !(Number.isSafeInteger(batch) && batch >= 1))
    throw new UsageError(`'batch' is how many events are handed over at once, 1 or more: ${String(batch)} is not`);
  if (signal !== undefined && !(signal instanceof AbortSignal))
    throw new UsageError(`'signal' is not an AbortSignal`, [], 'give it the `signal` of an AbortController');
  for (const [name, listener] of Object.entries({ onLost, before }))
    if (listener !== undefined && typeof listener !== 'function') throw new UsageError(`'${name}' is not a function`);
}

function turn(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve));
}

function pause(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms));
}
