/**
 * stdout and stderr of the command, by descriptor: Node's streams report a reader that has gone, or a full disk, as an
 * event after the fact, which ends the process with a stack if nobody listens, and they cost start-up time.
 *
 *   print     stdout, whole, in order. A reader that has gone ends the command quietly (`ReaderGone`), any other failure
 *             in one line with status 1.
 *   complain  stderr. That nobody can read it is no reason to end.
 */
import { writeSync } from 'node:fs';
import { UserError } from '../kernel/errors.ts';

/** Between two tries to write into a full pipe. */
export const PAUSE_MS = 2;

/** Whoever read stdout has closed it (`| head`): nothing is wrong, and nothing is left to do. */
export class ReaderGone extends Error {
  override name = 'ReaderGone';
}

export function print(what: string | Uint8Array): void {
  try {
    writeWhole(1, Buffer.from(what as string));
  } catch (error) {
    throw isGone(error) ? new ReaderGone('the reader of stdout has gone') : writeFailure('stdout', error);
  }
}

export function complain(text: string): void {
  try {
    writeWhole(2, Buffer.from(text));
  } catch {
    // Closed, full: there is no other place to say so.
  }
}

export function isGone(error: unknown): boolean {
  return (error as NodeJS.ErrnoException).code === 'EPIPE';
}

/** `what` is a file's name, made safe by whoever shows it, or 'stdout'. */
export function writeFailure(what: string, error: unknown): UserError {
  const { code, message } = error as NodeJS.ErrnoException;
  const why = code === 'ENOSPC' ? 'no space is left on the device' : message;
  return new UserError(`cannot write to ${what}: ${why}`, undefined, error);
}

function writeWhole(fd: number, bytes: Uint8Array): void {
  for (let at = 0; at < bytes.length; ) {
    try {
      at += writeSync(fd, bytes, at);
    } catch (error) {
      // Whoever shares the pipe has made it one that does not wait.
      if ((error as NodeJS.ErrnoException).code !== 'EAGAIN') throw error;
      waitShortly();
    }
  }
}

const pause = new Int32Array(new SharedArrayBuffer(4));

/** Until a full pipe is tried again. Nothing else runs meanwhile. */
export function waitShortly(): void {
  Atomics.wait(pause, 0, 0, PAUSE_MS);
}
