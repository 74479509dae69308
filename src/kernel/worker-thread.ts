/**
 * What is different in a worker thread.
 *
 *   main thread: descriptors end with the process            worker: the process goes on, and so do its descriptors
 *   main thread: libuv calls back (linux-wait.ts)            worker: a call back into a thread that is being ended by
 *                                                            terminate() would end the process
 *
 * So waiting looks every few milliseconds, by timers, and what is open when the thread ends by itself (its work is done,
 * process.exit(), an error) is closed. Nothing of ours runs at `worker.terminate()`: what is open then stays open until
 * the process ends.
 */
import type { Kernel } from './port.ts';

/**
 * `isMainThread` of node:worker_threads, without loading that in every command: Node marks what concerns the whole process
 * as switched off in its other threads.
 */
export const inWorkerThread: boolean = (process.chdir as { readonly disabled?: boolean }).disabled === true;

const POLLIN = 1;
/** `struct pollfd { int fd; short events, revents; }` */
const POLLFD = 8;
const SHORTEST_MS = 1;
const LONGEST_MS = 16;

/** The kernel's `wait` for worker threads: a lone event is up to 16 ms late. */
export async function waitByLooking(
  kernel: Kernel,
  fds: readonly number[],
  timeoutMs: number,
  signal?: AbortSignal,
): Promise<readonly number[]> {
  const polled = new Uint8Array(POLLFD * fds.length);
  const view = new DataView(polled.buffer);
  fds.forEach((fd, index) => {
    view.setInt32(index * POLLFD, fd, true);
    view.setUint16(index * POLLFD + 4, POLLIN, true);
  });
  const atOnce = new Uint8Array(16);
  const limit = timeoutMs >= 0 ? performance.now() + timeoutMs : Number.POSITIVE_INFINITY;
  for (let delay = SHORTEST_MS; signal?.aborted !== true; delay = Math.min(2 * delay, LONGEST_MS)) {
    if (kernel.syscall('ppoll', polled, fds.length, atOnce, null, 8) > 0)
      return fds.filter((_, index) => view.getUint16(index * POLLFD + 6, true) !== 0);
    const left = limit - performance.now();
    if (left <= 0) break;
    await pause(Math.min(delay, left), signal);
  }
  return [];
}

function pause(ms: number, signal: AbortSignal | undefined): Promise<void> {
  return new Promise((resolve) => {
    const over = (): void => {
      clearTimeout(timer);
      signal?.removeEventListener('abort', over);
      resolve();
    };
    const timer = setTimeout(over, ms);
    signal?.addEventListener('abort', over);
  });
}

/** Calls `last` when this thread ends by itself, after all others who want to know. */
export function atThreadEnd(last: () => void): void {
  process.on('exit', last);
  // Who asks later is told earlier: what they close then must still be theirs.
  process.on('newListener', (event, listener) => {
    if (event !== 'exit' || listener === last) return;
    queueMicrotask(() => void process.off('exit', last).on('exit', last));
  });
}
