/**
 * Files of other processes, opened with care: only regular files (a pipe would hang whoever opens it), never through a
 * terminal, closed on exec. `ElfFile` reads ranges of them.
 */
import { closeSync, constants, fstatSync, openSync, readSync } from 'node:fs';
import type { ByteSource } from '../elf/index.ts';

export class FileSource implements ByteSource {
  readonly path: string;
  readonly size: number;
  readonly inode: number;
  readonly device: number;
  readonly owner: number;
  /** Changes when the content does. */
  readonly changed: number;
  private readonly fd: number;
  private open = true;

  private constructor(path: string, fd: number) {
    const stat = fstatSync(fd);
    this.path = path;
    this.fd = fd;
    this.size = stat.size;
    this.inode = stat.ino;
    this.device = stat.dev;
    this.owner = stat.uid;
    this.changed = stat.mtimeMs;
    if (!stat.isFile()) {
      this.close();
      throw new Error(`${path} is not a regular file`);
    }
  }

  /** Undefined when it cannot be opened, for whatever reason, or is no regular file. */
  static tryOpen(path: string, options: { readonly followLinks?: boolean } = {}): FileSource | undefined {
    const noFollow = options.followLinks === false ? constants.O_NOFOLLOW : 0;
    try {
      return new FileSource(path, openSync(path, constants.O_RDONLY | constants.O_NONBLOCK | constants.O_NOCTTY | noFollow));
    } catch {
      return undefined;
    }
  }

  read(offset: number, length: number): Uint8Array {
    const bytes = new Uint8Array(length);
    let done = 0;
    while (done < length) {
      const count = readSync(this.fd, bytes, done, length - done, offset + done);
      if (count === 0) break;
      done += count;
    }
    return done === length ? bytes : bytes.subarray(0, done);
  }

  /** Its size at the moment. */
  get length(): number {
    return fstatSync(this.fd).size;
  }

  close(): void {
    if (!this.open) return;
    this.open = false;
    closeSync(this.fd);
  }
}
