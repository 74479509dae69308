/**
 * Where the bytes of a tool's output go: stdout, or the file of `--output`.
 *
 *   write ─▶ write(2) ─ the pipe is full ─▶ a short wait ─ still full ─▶ kept, written from the event loop
 *
 * What was printed is out, also when the process is killed next. A slow reader holds the tool up (`drained`), and the
 * kernel's buffer then counts what it loses; but it is the event loop that waits, so that signals and `--duration`
 * are heard while nobody reads. For that a pipe or terminal is opened once more, without waiting: the description that
 * was inherited is shared with other processes, which would be surprised. Where that cannot be (a socket), writes wait.
 */
import { closeSync, constants, fstatSync, openSync, writeSync } from 'node:fs';
import { isatty } from 'node:tty';
import { UserError } from '../kernel/errors.ts';
import { fileReason } from '../kernel/file-reason.ts';
import type { Sink } from '../tools/output.ts';
import { isGone, PAUSE_MS, waitShortly, writeFailure } from './standard.ts';

export interface FileSink extends Sink {
  /** Why the output is not whole; undefined also where the reader has gone: it does not miss anything. */
  readonly failure: UserError | undefined;
  /** From here a reader that takes nothing for so long is given up. */
  hurry(ms?: number): void;
}

/** How often a full pipe is tried before the event loop gets its turn. */
const TRIES = 5;
const PATIENCE_MS = 5000;

/** `ended` is called when nothing more can be written: the reader has gone, or the disk is full. Throws `UserError`. */
export function fileSink(path: string | undefined, ended: () => void): FileSink {
  return new DescriptorSink(
    path === undefined ? 1 : openFile(path),
    path === undefined ? 'stdout' : `the file of --output, ${path}`,
    ended,
  );
}

/** The same for stderr: what cannot be written is dropped. */
export function messageSink(): FileSink {
  return new DescriptorSink(2, 'stderr', () => {});
}

function openFile(path: string): number {
  try {
    return openSync(path, 'w');
  } catch (error) {
    throw new UserError(`cannot write the file of --output, ${path}: ${fileReason(error)}`, undefined, error);
  }
}

class DescriptorSink implements FileSink {
  readonly terminal: boolean;
  failure: UserError | undefined;
  private readonly fd: number;
  private readonly what: string;
  private readonly ended: () => void;
  private open = true;
  private patience = Number.POSITIVE_INFINITY;
  /** What the pipe had no room for, in order. */
  private readonly left: Uint8Array[] = [];
  private waiters: (() => void)[] = [];
  private taken = 0;

  constructor(fd: number, what: string, ended: () => void) {
    this.terminal = isatty(fd);
    this.fd = withoutWaiting(fd, this.terminal);
    this.what = what;
    this.ended = ended;
  }

  write(text: string): boolean {
    if (!this.open) return false;
    const bytes = Buffer.from(text);
    if (this.left.length > 0) {
      this.left.push(bytes);
      return true;
    }
    const rest = this.put(bytes, TRIES);
    if (rest === undefined) return this.open;
    this.left.push(rest);
    this.taken = performance.now();
    setTimeout(() => this.pump(), PAUSE_MS);
    return true;
  }

  drained(): Promise<void> | undefined {
    if (this.left.length === 0) return undefined;
    return new Promise((resolve) => void this.waiters.push(resolve));
  }

  hurry(ms = PATIENCE_MS): void {
    this.patience = ms;
  }

  private pump(): void {
    while (this.left.length > 0) {
      const first = this.left[0] as Uint8Array;
      const rest = this.put(first, 1);
      if (rest === undefined) {
        this.left.shift();
        continue;
      }
      const now = performance.now();
      if (rest.length < first.length) this.taken = now;
      else if (now - this.taken > this.patience) {
        this.end(new UserError(`${this.what} was not read to its end: the rest of the output is lost`));
        break;
      }
      this.left[0] = rest;
      setTimeout(() => this.pump(), PAUSE_MS);
      return;
    }
    const { waiters } = this;
    this.waiters = [];
    for (const resolve of waiters) resolve();
  }

  /** Writes what there is room for; the rest, or undefined when nothing is left to be written. */
  private put(bytes: Uint8Array, tries: number): Uint8Array | undefined {
    let at = 0;
    for (let tried = 0; at < bytes.length; ) {
      try {
        at += writeSync(this.fd, bytes, at);
        tried = 0;
      } catch (error) {
        if ((error as NodeJS.ErrnoException).code !== 'EAGAIN') {
          this.end(isGone(error) ? undefined : writeFailure(this.what, error));
          return undefined;
        }
        if (++tried >= tries) return bytes.subarray(at);
        waitShortly();
      }
    }
    return undefined;
  }

  private end(failure: UserError | undefined): void {
    this.open = false;
    this.left.length = 0;
    this.failure = failure;
    this.ended();
  }
}

/** Another description of the same pipe or terminal, whose writes do not wait; else the descriptor itself. */
function withoutWaiting(fd: number, terminal: boolean): number {
  let own: number | undefined;
  try {
    const { ino, dev } = fstatSync(fd);
    if (!terminal && !fstatSync(fd).isFIFO()) return fd;
    own = openSync(`/proc/self/fd/${fd}`, constants.O_WRONLY | constants.O_NONBLOCK | constants.O_NOCTTY);
    const stat = fstatSync(own);
    if (stat.ino === ino && stat.dev === dev) return own;
    closeSync(own);
  } catch {
    // Another user's, or nobody reads it any more: the descriptor itself says so at the first write.
  }
  return fd;
}
