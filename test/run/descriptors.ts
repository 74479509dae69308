/**
 * What a process opened and did not close, each with the stack that opened it.
 *
 *   system calls through FFI ─┐
 *   node:fs openSync/closeSync ┴▶ Descriptors ─▶ left(): descriptors and mappings that are still there
 *
 * An `Error` is made for each descriptor, its stack text only for those that stay: so recording is cheap.
 */
import { BPF_CMD, RETURNS_FD } from '../../src/kernel/bpf-attr.ts';
import type { SyscallObserver } from '../../src/kernel/linux-ffi.ts';
import { syscallTable } from '../../src/kernel/syscalls.ts';

/** What a descriptor is, by the call that made it. `bpf` and `fcntl` depend on their command. */
const OPENING = [
  'perf_event_open',
  'openat',
  'socket',
  'epoll_create1',
  'eventfd2',
  'pidfd_open',
  'memfd_create',
  'fsopen',
  'fsmount',
] as const;
const F_DUPFD = 0;
const F_DUPFD_CLOEXEC = 1030;
const MAP_FIXED = 0x10;

/** Held on purpose until the process ends: who opens them is named by a function of the stack. */
const FOR_LIFE: readonly RegExp[] = [/\btracefsFolder\b/, /\bkernelBtf\b/];

interface Opened {
  readonly what: string;
  readonly where: Error;
}

export class Descriptors {
  readonly #open = new Map<number, Opened>();
  readonly #mapped = new Map<number, Opened>();

  opened(fd: number, what: string): void {
    this.#open.set(fd, { what, where: new Error() });
  }

  closed(fd: number): void {
    this.#open.delete(fd);
  }

  knows(fd: number): boolean {
    return this.#open.has(fd);
  }

  /** From here on only what is opened next counts. */
  forget(): void {
    this.#open.clear();
    this.#mapped.clear();
  }

  /** For `observeSyscalls`. Undefined for an architecture whose calls are not known. */
  observer(arch: string): SyscallObserver | undefined {
    const table = syscallTable(arch);
    if (table === undefined) return undefined;
    const opening = new Map<number, string>(OPENING.map((name) => [table[name], name]));
    const commands = Object.keys(BPF_CMD);
    return (nr, args, result) => {
      const first = Number(args[0]);
      const name = opening.get(nr);
      if (name !== undefined) this.opened(result, name);
      else if (nr === table.bpf) {
        if (RETURNS_FD.has(first)) this.opened(result, `bpf ${commands[first]}`);
      } else if (nr === table.fcntl) {
        const command = Number(args[1]);
        if (command === F_DUPFD || command === F_DUPFD_CLOEXEC) this.opened(result, `copy of ${this.#open.get(first)?.what ?? first}`);
      } else if (nr === table.close) this.closed(first);
      else if (nr === table.munmap) this.#mapped.delete(first);
      else if (nr === table.mmap) {
        // Memory of a descriptor counts; empty pages over it are how the kernel room ends a mapping.
        if (Number(args[4]) >= 0) this.#mapped.set(result, { what: `mapping of ${args[1]} bytes`, where: new Error() });
        else if ((Number(args[3]) & MAP_FIXED) !== 0) this.#mapped.delete(result);
      }
    };
  }

  /** One text for each that is still there: what it is, then the stack. `alive` tells of a descriptor whether it is. */
  left(alive: (fd: number) => boolean): string[] {
    const lines: string[] = [];
    for (const [fd, { what, where }] of this.#open) if (alive(fd)) lines.push(describe(`descriptor ${fd} (${what})`, where));
    for (const [address, { what, where }] of this.#mapped) lines.push(describe(`${what} at 0x${address.toString(16)}`, where));
    return lines.filter((line) => !FOR_LIFE.some((known) => known.test(line)));
  }
}

function describe(what: string, where: Error): string {
  const frames = (where.stack ?? '').split('\n').slice(1);
  const own = frames.filter((frame) => !/node:internal|test\/run\/(descriptors|watch-descriptors)|linux-ffi/.test(frame));
  return `${what}, opened\n${own.join('\n')}`;
}
