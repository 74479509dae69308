/**
 * A descriptor with an owner: after its end nobody uses the number any more.
 *
 * The kernel gives numbers again: what was map 5 may be another map, with larger values, a moment later, and a call with
 * the old number would write beyond the buffers made for the old sizes. So whoever borrows a descriptor keeps the thing
 * that has it and reads `fd` before each system call, never a copy of the number.
 */
import { UsageError } from '../kernel/errors.ts';
import type { Kernel } from '../kernel/port.ts';

export class Descriptor {
  /** For the message: "the map 'seen'". */
  readonly what: string;
  readonly #fd: number;
  #closed = false;

  constructor(fd: number, what: string) {
    this.#fd = fd;
    this.what = what;
  }

  /** The number, while it is open. Throws `UsageError` afterwards. */
  get fd(): number {
    if (this.#closed) throw closedError(this.what);
    return this.#fd;
  }

  /** Harmless to call again. */
  close(kernel: Kernel): void {
    if (this.#closed) return;
    this.#closed = true;
    kernel.close(this.#fd);
  }
}

export function closedError(what: string): UsageError {
  return new UsageError(`${what} was closed`, [], 'keep what it belongs to open for as long as it is used');
}

const F_DUPFD_CLOEXEC = 1030;

/** Another descriptor for the same thing, which stays when the first is closed. Throws `KernelError`. */
export function duplicate(kernel: Kernel, fd: number): number {
  return kernel.syscall('fcntl', fd, F_DUPFD_CLOEXEC, 3);
}
