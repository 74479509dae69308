/** Where the bytes of a tool's output go: stdout, or the file of `--output`. */
import { openSync, writeSync } from 'node:fs';
import { isatty } from 'node:tty';
import type { Sink } from '../tools/output.ts';
import { CommandLineError } from './errors.ts';

/**
 * Synchronous writes to a descriptor: what was printed is out, also when the process is killed next. A slow reader holds
 * the tool up, and the kernel's buffer then counts what it loses. `gone` is called when the reader has gone.
 */
export function fileSink(path: string | undefined, gone: () => void): Sink {
  let fd = 1;
  if (path !== undefined) {
    try {
      fd = openSync(path, 'w');
    } catch (error) {
      throw new CommandLineError(`--output: ${(error as Error).message}`);
    }
  }
  let open = true;
  return {
    terminal: isatty(fd),
    write(text) {
      if (!open) return false;
      const bytes = Buffer.from(text);
      for (let at = 0; at < bytes.length; ) {
        try {
          at += writeSync(fd, bytes, at);
        } catch (error) {
          const { code } = error as NodeJS.ErrnoException;
          if (code === 'EAGAIN') Atomics.wait(pause, 0, 0, 2);
          else if (code === 'EPIPE') {
            open = false;
            gone();
            return false;
          } else throw error;
        }
      }
      return true;
    },
  };
}

const pause = new Int32Array(new SharedArrayBuffer(4));
