/**
 * The Kernel port: everything skep asks of an operating system, in one interface.
 *
 *   maps/ attach/ events/ link/ ──▶ Kernel ◀── linux.ts (koffi) | fake.ts (records) | vm/ (user space)
 *
 * Calls that can fail return a non-negative number or throw `KernelError` with the errno; nothing here retries or
 * interprets. Memory is passed as `Uint8Array`; it is used only during the call, unless the method says otherwise.
 * File names are host paths. All numbers are host byte order.
 */
import type { Guard } from './guard.ts';

export interface Kernel {
  /** bpf(2). `attr` is the encoded `union bpf_attr`, read and written by the kernel. */
  bpf(cmd: number, attr: Uint8Array): number;
  /**
   * Address of a buffer, to be put into an attr. The caller keeps the buffer alive until the kernel is done
   * (see `pinned` helpers); the buffer must not be resized.
   */
  addressOf(buffer: Uint8Array): bigint;
  perfEventOpen(attr: Uint8Array, pid: number, cpu: number, groupFd: number, flags: number): number;
  ioctl(fd: number, request: number, arg: number | bigint | Uint8Array): number;
  /** Maps `length` bytes. The view is the mapping itself: no copy; it must not be used after `munmap`. */
  mmap(length: number, prot: number, flags: number, fd: number, offset: number): MappedMemory;
  close(fd: number): void;
  /** Any other system call, by name, for rooms that need few (`socket`, `setsockopt`, `bind`, `recvfrom`, …). */
  syscall(name: SyscallName, ...args: readonly SyscallArg[]): number;
  /** Reads a whole file of proc, sys or tracefs. */
  readFile(path: string): Uint8Array;
  writeFile(path: string, data: string, append?: boolean): void;
  readdir(path: string): string[];
  exists(path: string): boolean;
  inode(path: string): bigint;
  /**
   * Has sh run a script once this process is gone, in whatever way. `args` are $1, $2, …; `fd` is passed on as descriptor 3.
   * Undefined where there is no shell.
   */
  guard(script: string, args: readonly string[], fd?: number): Guard | undefined;
  /**
   * Waits in epoll off the main thread. Resolves with the ready descriptors, or empty at the time limit (ms). Perf events
   * say once that they are ready, to whoever asks first, and that may have been before the wait began: `unseen` is called
   * once it has, and ends it if there is something.
   */
  wait(fds: readonly number[], timeoutMs: number, signal?: AbortSignal, unseen?: () => boolean): Promise<readonly number[]>;
}

export type SyscallArg = number | bigint | Uint8Array | string | null;

export type SyscallName =
  | 'socket'
  | 'setsockopt'
  | 'getsockopt'
  | 'bind'
  | 'sendto'
  | 'recvfrom'
  | 'setns'
  | 'unshare'
  | 'read'
  | 'write'
  | 'pread64'
  | 'pwrite64'
  | 'openat'
  | 'fsopen'
  | 'fsconfig'
  | 'fsmount'
  | 'capget'
  | 'capset'
  | 'prctl'
  | 'setrlimit'
  | 'getpid'
  | 'epoll_create1'
  | 'epoll_ctl'
  | 'epoll_pwait'
  | 'ppoll'
  | 'eventfd2'
  | 'fcntl'
  | 'pidfd_open'
  | 'setuid'
  | 'setgid'
  | 'setgroups'
  | 'memfd_create'
  | 'mount'
  | 'umount2'
  | 'prlimit64'
  | 'getsockname'
  | 'connect'
  | 'setresuid'
  | 'setresgid'
  | 'unlinkat'
  | 'mkdirat'
  | 'ftruncate'
  | 'statx'
  | 'statfs'
  | 'gettid'
  | 'sched_setaffinity'
  | 'rt_sigprocmask';

export interface MappedMemory {
  /** The mapping. Atomics work on typed arrays over it. */
  readonly buffer: ArrayBuffer;
  readonly address: bigint;
  readonly length: number;
  unmap(): void;
}

/** A failed system call. `errno` is positive; `code` its name ('EPERM'). */
export class KernelError extends Error {
  override name = 'KernelError';
  readonly call: string;
  readonly errno: number;
  readonly code: string;

  constructor(call: string, errno: number, code: string, detail?: string) {
    super(`${call}: ${code}${detail ? ` (${detail})` : ''}`);
    this.call = call;
    this.errno = errno;
    this.code = code;
  }
}
