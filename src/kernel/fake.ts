/**
 * A Kernel that runs nothing: it records every call with its arguments decoded, and answers from a script.
 *
 *   const kernel = new FakeKernel();
 *   kernel.on('PROG_LOAD', (call) => (call.attempt < 3 ? fail('EAGAIN') : 7));
 *   …
 *   kernel.calls[0]?.attr   ─▶ { prog_type: 1, insn_cnt: 2, … }
 *
 * What is not scripted succeeds: calls that make a descriptor return a fresh one, others 0; GET_NEXT_ID ends at once
 * (ENOENT). Descriptors are counted, so that a test can say "nothing stayed open". Buffers behind pointers can be
 * read and written by the script through `call.buffer('key')`, as the kernel would; `call.bytes` copies them.
 */
import { ATTR, BPF_CMD, type BpfCommand, type BpfUse, commandName, RETURNS_FD } from './bpf-attr.ts';
import { ERRNO, errnoName, errnoNumber } from './errno.ts';
import type { Guard } from './guard.ts';
import { decode, type Fields, layoutOf } from './layout.ts';
import { type Kernel, KernelError, type MappedMemory, type SyscallArg, type SyscallName } from './port.ts';

export interface FakeCall {
  /** 'MAP_CREATE' for bpf(2), else the name of the call: 'ioctl', 'perf_event_open', 'mmap', 'close', 'socket'. */
  readonly name: string;
  /** The attr by member name; empty for other calls. */
  readonly attr: Readonly<Record<string, number | bigint | string | Uint8Array>>;
  /** The raw attr, as it was before the call. */
  readonly attrBytes: Uint8Array;
  /** Arguments of calls other than bpf(2). */
  readonly args: readonly SyscallArg[];
  /** 1 for the first call of this name, 2 for the second. */
  readonly attempt: number;
  /** The live buffer that a pointer member of the attr points to; writes are seen by the caller. */
  buffer(member: string): Uint8Array;
  /** A copy of that buffer as it was at the time of the call. */
  bytes(member: string): Uint8Array;
  /** Writes a member of the caller's attr, as the kernel does with its answers. */
  answer(member: string, value: number | bigint): void;
}

export type FakeAnswer = number | { readonly errno: number };

/** For scripts: `return fail('EPERM')`. */
export function fail(name: string): FakeAnswer {
  const errno = errnoNumber(name);
  if (errno === undefined) throw new RangeError(`no errno ${name}`);
  return { errno };
}

type Script = (call: FakeCall) => FakeAnswer | undefined;

const DESCRIPTOR_CALLS: ReadonlySet<string> = new Set([
  'perf_event_open',
  'socket',
  'openat',
  'fsopen',
  'fsmount',
  'epoll_create1',
  'eventfd2',
  'pidfd_open',
  'memfd_create',
]);

/** F_DUPFD, F_DUPFD_CLOEXEC of fcntl(2). */
const DUPLICATES: ReadonlySet<SyscallArg | undefined> = new Set([0, 1030]);

/** Calls that look for something: an empty kernel has nothing to find. */
const NOTHING_THERE = /GET_NEXT_ID$|^MAP_GET_NEXT_KEY$|^MAP_LOOKUP|^PROG_QUERY$/;

export class FakeKernel implements Kernel {
  readonly calls: FakeCall[] = [];
  /** Descriptors that are open now, with the call that made each. */
  readonly open = new Map<number, string>();
  /** Files by path, for `readFile`, `readdir` and `exists`. */
  readonly files = new Map<string, string | Uint8Array>();
  /** What was written, in order. */
  readonly written: { readonly path: string; readonly data: string; readonly append: boolean }[] = [];
  readonly #scripts = new Map<string, Script>();
  readonly #buffers = new Map<bigint, Uint8Array>();
  readonly #counts = new Map<string, number>();
  #nextFd = 10;
  #nextAddress = 0x10_0000n;

  /** Scripts the answers of one call. The answer `undefined` means the default. */
  on(name: BpfCommand | SyscallName | 'ioctl' | 'perf_event_open' | 'mmap', script: Script): this {
    this.#scripts.set(name, script);
    return this;
  }

  /** The calls of one name. */
  named(name: string): FakeCall[] {
    return this.calls.filter((call) => call.name === name);
  }

  addressOf(buffer: Uint8Array): bigint {
    const address = this.#nextAddress;
    // Far enough apart that one buffer's end is never another's start.
    this.#nextAddress += BigInt((buffer.length + 0x1fff) & ~0xfff);
    this.#buffers.set(address, buffer);
    return address;
  }

  bpf(cmd: number, attr: Uint8Array): number {
    const name = commandName(cmd);
    if (name === undefined) throw new KernelError(`bpf(${cmd})`, ERRNO.EINVAL, 'EINVAL');
    const result = this.#record(name, attr, [], () => {
      if (RETURNS_FD.has(cmd)) return this.#descriptor(name);
      return NOTHING_THERE.test(name) ? { errno: ERRNO.ENOENT } : 0;
    });
    if (typeof result !== 'number') throw new KernelError(`bpf(${name})`, result.errno, errnoName(result.errno));
    return result;
  }

  perfEventOpen(attr: Uint8Array, pid: number, cpu: number, groupFd: number, flags: number): number {
    return this.#plain('perf_event_open', [attr.slice(), pid, cpu, groupFd, flags]);
  }

  ioctl(fd: number, request: number, arg: number | bigint | Uint8Array): number {
    return this.#plain('ioctl', [fd, request, arg instanceof Uint8Array ? arg.slice() : arg]);
  }

  mmap(length: number, prot: number, flags: number, fd: number, offset: number): MappedMemory {
    const result = this.#plain('mmap', [length, prot, flags, fd, offset]);
    return { buffer: new ArrayBuffer(length), address: BigInt(result), length, unmap: () => void this.#plain('munmap', [result, length]) };
  }

  close(fd: number): void {
    this.calls.push(this.#call('close', new Uint8Array(0), [fd]));
    if (!this.open.delete(fd)) throw new KernelError('close', ERRNO.EBADF, 'EBADF', `descriptor ${fd}`);
  }

  syscall(name: SyscallName, ...args: readonly SyscallArg[]): number {
    return this.#plain(name, args);
  }

  readFile(path: string): Uint8Array {
    const content = this.files.get(path);
    if (content === undefined) throw new KernelError('read', ERRNO.ENOENT, 'ENOENT', path);
    return typeof content === 'string' ? new TextEncoder().encode(content) : content;
  }

  writeFile(path: string, data: string, append = false): void {
    this.written.push({ path, data, append });
  }

  readdir(path: string): string[] {
    const prefix = path.endsWith('/') ? path : `${path}/`;
    const names = new Set<string>();
    for (const file of this.files.keys()) if (file.startsWith(prefix)) names.add(file.slice(prefix.length).split('/')[0] ?? '');
    if (names.size === 0) throw new KernelError('readdir', ERRNO.ENOENT, 'ENOENT', path);
    return [...names].sort();
  }

  exists(path: string): boolean {
    for (const file of this.files.keys()) if (file === path || file.startsWith(`${path}/`)) return true;
    return false;
  }

  inode(path: string): bigint {
    if (!this.exists(path)) throw new KernelError('stat', ERRNO.ENOENT, 'ENOENT', path);
    return 1n;
  }

  guard(script: string, args: readonly string[]): Guard {
    this.calls.push(this.#call('guard', new Uint8Array(0), [script, ...args]));
    return { release: () => void this.calls.push(this.#call('guard released', new Uint8Array(0), args)) };
  }

  wait(): Promise<readonly number[]> {
    return Promise.resolve([]);
  }

  #plain(name: string, args: readonly SyscallArg[]): number {
    const makes = DESCRIPTOR_CALLS.has(name) || (name === 'fcntl' && DUPLICATES.has(args[1]));
    const result = this.#record(name, new Uint8Array(0), args, () => (makes ? this.#descriptor(name) : 0));
    if (typeof result !== 'number') throw new KernelError(name, result.errno, errnoName(result.errno));
    return result;
  }

  #record(name: string, attr: Uint8Array, args: readonly SyscallArg[], standard: () => FakeAnswer): FakeAnswer {
    const call = this.#call(name, attr, args);
    this.calls.push(call);
    const scripted = this.#scripts.get(name)?.(call);
    if (scripted === undefined) return standard();
    if (typeof scripted === 'number' && (DESCRIPTOR_CALLS.has(name) || RETURNS_FD.has(BPF_CMD[name as BpfCommand])))
      this.open.set(scripted, name);
    return scripted;
  }

  #descriptor(from: string): number {
    const fd = this.#nextFd++;
    this.open.set(fd, from);
    return fd;
  }

  #call(name: string, attr: Uint8Array, args: readonly SyscallArg[]): FakeCall {
    const attempt = (this.#counts.get(name) ?? 0) + 1;
    this.#counts.set(name, attempt);
    const layout = layoutOf<Fields>(ATTR[useOf(name, attr)] ?? {});
    const fields = attr.length === 0 ? {} : decode(layout, attr);
    const copies = new Map<string, Uint8Array>();
    const live = (member: string): Uint8Array => {
      const address = fields[member];
      const buffer = typeof address === 'bigint' ? this.#buffers.get(address) : undefined;
      if (buffer === undefined) throw new RangeError(`${name}.${member} does not point to a buffer`);
      return buffer;
    };
    for (const member of layout.members) {
      const address = fields[member.name];
      if (member.type !== 'ptr' || typeof address !== 'bigint') continue;
      const buffer = this.#buffers.get(address);
      if (buffer !== undefined) copies.set(member.name, buffer.slice());
    }
    return {
      name,
      attr: fields,
      attrBytes: attr.slice(),
      args,
      attempt,
      buffer: live,
      bytes: (member) => copies.get(member) ?? live(member).slice(),
      answer: (member, value) => {
        const at = layout.members.find((m) => m.name === member);
        if (at === undefined) throw new RangeError(`${name} has no member ${member}`);
        const view = new DataView(attr.buffer, attr.byteOffset, attr.byteLength);
        if (at.size === 8) view.setBigUint64(at.offset, BigInt(value), true);
        else view.setUint32(at.offset, Number(value), true);
      },
    };
  }
}

/** LINK_CREATE has several shapes: told apart by attach type, else by length. */
function useOf(name: string, attr: Uint8Array): BpfUse {
  if (name !== 'LINK_CREATE') return name as BpfUse;
  const type = new DataView(attr.buffer, attr.byteOffset, attr.byteLength).getUint32(8, true);
  return LINK_USES[type] ?? (attr.length >= layoutOf(ATTR.LINK_CREATE_TRACING).size ? 'LINK_CREATE_TRACING' : 'LINK_CREATE');
}

// biome-ignore format: a table
const LINK_USES: Readonly<Record<number, BpfUse>> = {
  28: 'LINK_CREATE_ITER', 41: 'LINK_CREATE_PERF_EVENT', 42: 'LINK_CREATE_KPROBE_MULTI', 45: 'LINK_CREATE_NETFILTER',
  46: 'LINK_CREATE_TCX', 47: 'LINK_CREATE_TCX', 48: 'LINK_CREATE_UPROBE_MULTI', 54: 'LINK_CREATE_NETKIT', 55: 'LINK_CREATE_NETKIT',
  56: 'LINK_CREATE_KPROBE_MULTI', 57: 'LINK_CREATE_UPROBE_MULTI',
};
