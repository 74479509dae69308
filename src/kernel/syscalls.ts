/**
 * System call numbers by architecture, and which argument carries the close-on-exec flag.
 *
 * Source: arch/x86/entry/syscalls/syscall_64.tbl and include/uapi/asm-generic/unistd.h (arm64).
 */
import type { SyscallName } from './port.ts';

/** Calls that only the Linux implementation itself makes. */
type OwnCall = 'bpf' | 'perf_event_open' | 'ioctl' | 'close' | 'mmap' | 'munmap';

type Row = readonly [x86_64: number, arm64: number];

const NUMBERS: Readonly<Record<SyscallName | OwnCall, Row>> = {
  read: [0, 63],
  write: [1, 64],
  pread64: [17, 67],
  pwrite64: [18, 68],
  openat: [257, 56],
  close: [3, 57],
  ioctl: [16, 29],
  mmap: [9, 222],
  munmap: [11, 215],
  socket: [41, 198],
  setsockopt: [54, 208],
  getsockopt: [55, 209],
  getsockname: [51, 204],
  bind: [49, 200],
  connect: [42, 203],
  sendto: [44, 206],
  recvfrom: [45, 207],
  setns: [308, 268],
  unshare: [272, 97],
  fsopen: [430, 430],
  fsconfig: [431, 431],
  fsmount: [432, 432],
  capget: [125, 90],
  capset: [126, 91],
  prctl: [157, 167],
  setrlimit: [160, 164],
  prlimit64: [302, 261],
  getpid: [39, 172],
  gettid: [186, 178],
  sched_setaffinity: [203, 122],
  rt_sigprocmask: [14, 135],
  epoll_create1: [291, 20],
  epoll_ctl: [233, 21],
  epoll_pwait: [281, 22],
  eventfd2: [290, 19],
  fcntl: [72, 25],
  pidfd_open: [434, 434],
  setuid: [105, 146],
  setgid: [106, 144],
  setgroups: [116, 159],
  setresuid: [117, 147],
  setresgid: [119, 149],
  memfd_create: [319, 279],
  mount: [165, 40],
  umount2: [166, 39],
  unlinkat: [263, 35],
  mkdirat: [258, 34],
  ftruncate: [77, 46],
  statx: [332, 291],
  statfs: [137, 43],
  ppoll: [271, 73],
  bpf: [321, 280],
  perf_event_open: [298, 241],
};

export type SyscallTable = Readonly<Record<SyscallName | OwnCall, number>>;

/** Numbers for a Node `process.arch`; undefined for an architecture that skep does not know. */
export function syscallTable(arch: string): SyscallTable | undefined {
  const column = arch === 'x64' ? 0 : arch === 'arm64' ? 1 : undefined;
  if (column === undefined) return undefined;
  const table: Record<string, number> = {};
  for (const [name, row] of Object.entries(NUMBERS)) table[name] = row[column];
  return table as SyscallTable;
}

const O_CLOEXEC = 0o2000000;

/**
 * Calls that make a descriptor: index of the flags argument and the bit that keeps the descriptor from programs this
 * process starts. The Linux implementation always sets it. (bpf(2) and pidfd_open(2) descriptors have it by nature.)
 */
export const CLOEXEC_ARGUMENT: Readonly<Partial<Record<SyscallName, readonly [index: number, flag: number]>>> = {
  openat: [2, O_CLOEXEC],
  socket: [1, O_CLOEXEC],
  epoll_create1: [0, O_CLOEXEC],
  eventfd2: [1, O_CLOEXEC],
  fsopen: [1, 1],
  fsmount: [1, 1],
  memfd_create: [1, 1],
};
