/**
 * BCC's way of reading: buffers are opened with a callback, and one call waits for all of them.
 *
 *   table.openRingBuffer((event) => …);
 *   for (;;) await b.ringBufferPoll();
 *
 * Nothing is read between two calls: what a program submits meanwhile waits in the kernel's rings, or is lost.
 */
import type { Kernel } from '../kernel/port.ts';
import type { EventStream } from './stream.ts';

const BUSY_MS = 1;

export class EventPoller {
  private readonly kernel: Kernel;
  private readonly readers = new Map<EventStream<never>, () => number>();

  constructor(kernel: Kernel) {
    this.kernel = kernel;
  }

  add<T>(stream: EventStream<T>, onEvent: (event: T, cpu: number) => void): void {
    const key = stream as EventStream<never>;
    this.readers.set(key, () => stream.consume(onEvent));
    stream.onClose(() => void this.readers.delete(key));
  }

  /** Hands over all that is there; returns how many records that were. */
  consume(): number {
    let total = 0;
    for (const read of [...this.readers.values()]) total += read();
    return total;
  }

  /** Waits until there is something, or `timeout` ms have passed (-1: without end), and hands it over. */
  async poll(timeout: number): Promise<number> {
    const before = this.consume();
    if (before > 0 || this.readers.size === 0) return before;
    const streams = [...this.readers.keys()];
    const fds = streams.flatMap((stream) => stream.fds);
    await this.kernel.wait(fds, timeout, undefined, () => streams.some((stream) => stream.unseen?.() === true));
    const read = this.consume();
    if (read > 0) return read;
    // Woken for a record that is reserved and not yet submitted: its CPU is at work on it. Not to be spun on.
    await new Promise((resolve) => setTimeout(resolve, BUSY_MS));
    return this.consume();
  }
}
