/**
 * Waiting for descriptors: one epoll descriptor per set of descriptors, itself watched by Node's event loop.
 *
 *   ring buffers, perf events ──▶ epoll set ──▶ libuv's epoll (already waiting there) ──▶ callback ──▶ which are ready?
 *
 * No thread is parked and nothing spins: the process sleeps in the one epoll_wait that Node makes anyway. Sets are kept
 * between waits, because events/ waits for the same descriptors again and again, and dropped when one of them closes.
 */
import type { Ffi, PollHandle } from './linux-ffi.ts';
import type { Kernel } from './port.ts';

const EPOLL_CTL_ADD = 1;
const EPOLLIN = 1;
/** `struct epoll_event` is packed on x86_64 (12 bytes) and not on other architectures (16). */
const EVENT = process.arch === 'x64' ? { size: 12, data: 4 } : { size: 16, data: 8 };

interface EpollSet {
  readonly key: string;
  readonly epfd: number;
  readonly fds: readonly number[];
  readonly events: Uint8Array;
  handle: PollHandle | undefined;
  busy: boolean;
  /** Ends the wait in progress. */
  cancel: (() => void) | undefined;
}

export class EpollWaiter {
  readonly #kernel: Kernel;
  readonly #ffi: Ffi;
  readonly #sets = new Set<EpollSet>();

  constructor(kernel: Kernel, ffi: Ffi) {
    this.#kernel = kernel;
    this.#ffi = ffi;
  }

  /** Drops the sets that hold a descriptor which is being closed, and ends waits for them. */
  forget(fd: number): void {
    for (const set of this.#sets) {
      if (!set.fds.includes(fd)) continue;
      this.#sets.delete(set);
      if (set.busy) set.cancel?.();
      else this.#drop(set);
    }
  }

  wait(fds: readonly number[], timeoutMs: number, signal?: AbortSignal, unseen?: () => boolean): Promise<readonly number[]> {
    if (signal?.aborted === true) return Promise.resolve([]);
    const waiting = this.#idle(fds) ?? this.#make(fds);
    this.#sets.add(waiting);
    waiting.busy = true;
    return new Promise((resolve, reject) => {
      let timer: NodeJS.Timeout | undefined;
      let over = false;
      const finish = (ready: boolean): void => {
        if (over) return;
        over = true;
        waiting.handle?.stop();
        if (timer !== undefined) clearTimeout(timer);
        signal?.removeEventListener('abort', cancel);
        waiting.busy = false;
        waiting.cancel = undefined;
        try {
          const result = ready ? this.#ready(waiting) : [];
          if (!this.#sets.has(waiting)) this.#drop(waiting);
          resolve(result);
        } catch (error) {
          reject(error);
        }
      };
      const cancel = (): void => finish(false);
      waiting.cancel = cancel;
      // libuv calls back outside Node's own callback scope, where promises would not be run; an immediate has one,
      // still in this turn of the loop.
      const onReadable = (): void => {
        waiting.handle?.stop();
        setImmediate(finish, true);
      };
      try {
        if (waiting.handle === undefined) waiting.handle = this.#ffi.poll(waiting.epfd, onReadable);
        else waiting.handle.start({ readable: true }, onReadable);
      } catch (error) {
        waiting.busy = false;
        reject(error);
        return;
      }
      if (unseen !== undefined)
        afterNextPoll(() => {
          if (!over && unseen()) finish(true);
        });
      if (timeoutMs >= 0 && Number.isFinite(timeoutMs)) timer = setTimeout(finish, timeoutMs, false);
      signal?.addEventListener('abort', cancel);
    });
  }

  #idle(fds: readonly number[]): EpollSet | undefined {
    const key = fds.join();
    for (const set of this.#sets) if (!set.busy && set.key === key) return set;
    return undefined;
  }

  #make(fds: readonly number[]): EpollSet {
    const epfd = this.#kernel.syscall('epoll_create1', 0);
    try {
      const event = new Uint8Array(EVENT.size);
      const view = new DataView(event.buffer);
      view.setUint32(0, EPOLLIN, true);
      for (const [index, fd] of fds.entries()) {
        view.setUint32(EVENT.data, index, true);
        this.#kernel.syscall('epoll_ctl', epfd, EPOLL_CTL_ADD, fd, event);
      }
    } catch (error) {
      this.#kernel.close(epfd);
      throw error;
    }
    return {
      key: fds.join(),
      epfd,
      fds: [...fds],
      events: new Uint8Array(EVENT.size * Math.max(fds.length, 1)),
      handle: undefined,
      busy: false,
      cancel: undefined,
    };
  }

  /** Asks the set, without waiting, which of its descriptors are ready; in the order they were given. */
  #ready(set: EpollSet): number[] {
    const count = this.#kernel.syscall('epoll_pwait', set.epfd, set.events, set.fds.length, 0, null, 8);
    const view = new DataView(set.events.buffer);
    const indexes = new Set<number>();
    for (let i = 0; i < count; i++) indexes.add(view.getUint32(i * EVENT.size + EVENT.data, true));
    return set.fds.filter((_, index) => indexes.has(index));
  }

  #drop(set: EpollSet): void {
    set.handle?.close();
    set.handle = undefined;
    this.#kernel.close(set.epfd);
  }
}

/**
 * Calls back when the event loop has asked for events once more: only then is a descriptor watched that was handed to it
 * now. The next immediate may come before that, the one after it cannot.
 */
function afterNextPoll(callback: () => void): void {
  setImmediate(() => void setImmediate(callback));
}
