/**
 * The Kernel port on Linux: system calls through libc's syscall(2) over FFI, files through node:fs.
 *
 * Given: nothing; no other file makes a system call. Promises: every descriptor it opens closes on exec; none that it
 * returns is 0, 1 or 2 (in a bpf attr, 0 often means "none"); calls cut short by a signal are made again; a buffer whose
 * address was asked for lives at least until the next call has ended. It retries nothing else and interprets nothing.
 *
 *   bpf() perfEventOpen() mmap() syscall() ──▶ linux-ffi.ts ──▶ libc        readFile() readdir() ──▶ node:fs
 *   wait() ──▶ linux-wait.ts ──▶ an epoll descriptor in Node's own event loop: no thread waits, nothing spins
 *   in a worker thread: worker-thread.ts
 */
import { appendFileSync, existsSync, readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { BPF_CMD, commandName, RETURNS_FD } from './bpf-attr.ts';
import { ERRNO, errnoName } from './errno.ts';
import { type Guard, startGuard } from './guard.ts';
import { type Ffi, loadFfi, type Word } from './linux-ffi.ts';
import { EpollWaiter } from './linux-wait.ts';
import { PERF_FLAG_FD_CLOEXEC } from './perf-attr.ts';
import { type Kernel, KernelError, type MappedMemory, type SyscallArg, type SyscallName } from './port.ts';
import { CLOEXEC_ARGUMENT, type SyscallTable, syscallTable } from './syscalls.ts';
import { atThreadEnd, inWorkerThread, waitByLooking } from './worker-thread.ts';

const F_DUPFD_CLOEXEC = 1030;
const PROT_READ_WRITE = 3;
const MAP_PRIVATE_FIXED_ANONYMOUS_NORESERVE = 0x02 | 0x10 | 0x20 | 0x4000;

let shared: Kernel | undefined;

/** The kernel this process runs on. Cheap: the FFI library is loaded by the first call that needs it. */
export function linuxKernel(): Kernel {
  shared ??= new LinuxKernel();
  return shared;
}

class LinuxKernel implements Kernel {
  #loaded: Ffi | undefined;
  #numbers: SyscallTable | undefined;
  #waiter: EpollWaiter | undefined;
  /** Buffers whose addresses were handed out since the last call ended. */
  #pinned: Uint8Array[] = [];
  #retired: FinalizationRegistry<readonly [address: number, length: number]> | undefined;

  /** What a worker thread must give back when it ends; not kept in the main thread, which ends with the process. */
  readonly #held: { readonly fds: Set<number>; readonly mappings: Set<MappedMemory> } | undefined;
  #over = false;

  constructor() {
    if (!inWorkerThread) return;
    const held = { fds: new Set<number>(), mappings: new Set<MappedMemory>() };
    this.#held = held;
    atThreadEnd(() => {
      for (const mapping of held.mappings) mapping.unmap();
      for (const fd of held.fds) this.close(fd);
      // From here on the numbers may be another thread's.
      this.#over = true;
    });
  }

  /** A new descriptor: never one of the standard ones. */
  #opened(result: number): number {
    const fd = this.#above2(result);
    this.#held?.fds.add(fd);
    return fd;
  }

  get #ffi(): Ffi {
    return (this.#loaded ??= loadFfi());
  }

  get #nr(): SyscallTable {
    if (this.#numbers === undefined) {
      const table = process.platform === 'linux' ? syscallTable(process.arch) : undefined;
      if (table === undefined)
        throw new KernelError(
          'syscall',
          ERRNO.ENOSYS,
          'ENOSYS',
          `skep has no system call table for ${process.platform} on ${process.arch}`,
        );
      this.#numbers = table;
    }
    return this.#numbers;
  }

  addressOf(buffer: Uint8Array): bigint {
    this.#pinned.push(buffer);
    return this.#ffi.address(buffer);
  }

  #call(nr: number, a: Word, b: Word, c: Word, d: Word, e: Word, f: Word, again = true): number {
    const ffi = this.#ffi;
    for (;;) {
      const result = ffi.syscall(nr, a, b, c, d, e, f);
      if (result !== -1) {
        if (this.#pinned.length > 0) this.#pinned = [];
        return result;
      }
      const errno = ffi.errno();
      if (errno === ERRNO.EINTR && again) continue;
      if (this.#pinned.length > 0) this.#pinned = [];
      return -errno;
    }
  }

  bpf(cmd: number, attr: Uint8Array): number {
    // A test run ends at a signal with part of its runs done: made again, they would all be done once more.
    const again = cmd !== BPF_CMD.PROG_TEST_RUN;
    const result = this.#call(this.#nr.bpf, cmd, this.addressOf(attr), attr.length, 0, 0, 0, again);
    if (result < 0) throw failure(`bpf(${commandName(cmd) ?? cmd})`, -result);
    return RETURNS_FD.has(cmd) ? this.#opened(result) : result;
  }

  perfEventOpen(attr: Uint8Array, pid: number, cpu: number, groupFd: number, flags: number): number {
    const result = this.#call(this.#nr.perf_event_open, this.addressOf(attr), pid, cpu, groupFd, flags | PERF_FLAG_FD_CLOEXEC, 0);
    if (result < 0) throw failure('perf_event_open', -result);
    return this.#opened(result);
  }

  ioctl(fd: number, request: number, arg: number | bigint | Uint8Array): number {
    const word = arg instanceof Uint8Array ? this.addressOf(arg) : arg;
    const result = this.#call(this.#nr.ioctl, fd, request, word, 0, 0, 0);
    if (result < 0) throw failure('ioctl', -result);
    return result;
  }

  mmap(length: number, prot: number, flags: number, fd: number, offset: number): MappedMemory {
    const address = this.#call(this.#nr.mmap, 0, length, prot, flags, fd, offset);
    if (address < 0) throw failure('mmap', -address);
    const buffer = this.#ffi.view(address, length);
    let mapped = true;
    const memory: MappedMemory = {
      buffer,
      address: BigInt(address),
      length,
      unmap: () => {
        if (!mapped) return;
        mapped = false;
        this.#held?.mappings.delete(memory);
        this.#retire(address, length, buffer);
      },
    };
    this.#held?.mappings.add(memory);
    return memory;
  }

  /**
   * Ends a mapping. V8 cannot detach an ArrayBuffer over foreign memory, so a typed array that outlives the mapping
   * would crash the process: empty pages take the mapping's place (they cost nothing until touched) and go away with
   * the ArrayBuffer.
   */
  #retire(address: number, length: number, buffer: ArrayBuffer): void {
    const result = this.#call(this.#nr.mmap, address, length, PROT_READ_WRITE, MAP_PRIVATE_FIXED_ANONYMOUS_NORESERVE, -1, 0);
    if (result < 0) throw failure('munmap', -result);
    this.#retired ??= new FinalizationRegistry(([from, size]) => void this.#call(this.#nr.munmap, from, size, 0, 0, 0, 0));
    this.#retired.register(buffer, [address, length]);
  }

  close(fd: number): void {
    if (this.#over) return;
    this.#held?.fds.delete(fd);
    this.#waiter?.forget(fd);
    // On Linux the descriptor is gone even if close(2) says EINTR: made again, it could close someone else's.
    const result = this.#ffi.syscall(this.#nr.close, fd, 0, 0, 0, 0, 0);
    if (result === -1) {
      const errno = this.#ffi.errno();
      if (errno !== ERRNO.EINTR) throw failure('close', errno, `descriptor ${fd}`);
    }
  }

  syscall(name: SyscallName, ...args: readonly SyscallArg[]): number {
    const words: Word[] = [0, 0, 0, 0, 0, 0];
    for (let i = 0; i < args.length; i++) words[i] = this.#word(args[i] ?? 0);
    const cloexec = CLOEXEC_ARGUMENT[name];
    if (cloexec !== undefined) words[cloexec[0]] = Number(words[cloexec[0]]) | cloexec[1];
    const [a, b, c, d, e, f] = words as [Word, Word, Word, Word, Word, Word];
    const result = this.#call(this.#nr[name], a, b, c, d, e, f);
    if (result < 0) throw failure(name, -result, typeof args[1] === 'string' ? args[1] : typeof args[0] === 'string' ? args[0] : undefined);
    return cloexec !== undefined ? this.#opened(result) : result;
  }

  #word(arg: SyscallArg): Word {
    if (typeof arg === 'number' || typeof arg === 'bigint') return arg;
    if (arg === null) return 0;
    if (typeof arg === 'string') return this.addressOf(Buffer.from(`${arg}\0`));
    return arg.length === 0 ? 0 : this.addressOf(arg);
  }

  /** Moves a new descriptor out of the range of standard input and output. */
  #above2(fd: number): number {
    if (fd > 2) return fd;
    const moved = this.#call(this.#nr.fcntl, fd, F_DUPFD_CLOEXEC, 3, 0, 0, 0);
    this.close(fd);
    if (moved < 0) throw failure('fcntl', -moved);
    return moved;
  }

  readFile(path: string): Uint8Array {
    return file('read', path, () => readFileSync(path));
  }

  writeFile(path: string, data: string, append = false): void {
    file('write', path, () => (append ? appendFileSync(path, data) : writeFileSync(path, data)));
  }

  readdir(path: string): string[] {
    return file('readdir', path, () => readdirSync(path));
  }

  exists(path: string): boolean {
    return existsSync(path);
  }

  inode(path: string): bigint {
    return file('stat', path, () => statSync(path, { bigint: true }).ino);
  }

  guard(script: string, args: readonly string[], fd?: number): Guard | undefined {
    return startGuard(script, args, fd);
  }

  async wait(fds: readonly number[], timeoutMs: number, signal?: AbortSignal, unseen?: () => boolean): Promise<readonly number[]> {
    if (inWorkerThread) return waitByLooking(this, fds, timeoutMs, signal);
    this.#waiter ??= new EpollWaiter(this, this.#ffi);
    return this.#waiter.wait(fds, timeoutMs, signal, unseen);
  }
}

function failure(call: string, errno: number, detail?: string): KernelError {
  return new KernelError(call, errno, errnoName(errno), detail);
}

/** Gives the errors of node:fs the port's form. */
function file<T>(call: string, path: string, action: () => T): T {
  try {
    return action();
  } catch (error) {
    if (error instanceof Error && 'errno' in error && typeof error.errno === 'number') {
      const errno = Math.abs(error.errno);
      throw new KernelError(call, errno, errnoName(errno), path);
    }
    throw error;
  }
}
