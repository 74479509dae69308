/**
 * Addresses to names and back: of the kernel, and of processes.
 *
 *   kernel   /proc/kallsyms
 *   process  mappings ─▶ ELF symbols (cached by file) │ perf map
 *
 * Given: addresses that programs took from stacks and registers. Promised: a frame for each, always; what is not known
 * is undefined in it. Symbol tables and maps are other people's files: broken or hostile ones have no names, and that is all.
 *
 *   symbols.see(pid)            with the first event of a process: its stacks can be named after it has ended
 *   await symbols.prepare(pid)  reads what is to be read, a few milliseconds at a time
 *   symbols.userFrame(…)        a binary search; what was not prepared is read now
 *
 * Needs root, or CAP_SYSLOG for the kernel's addresses and CAP_SYS_PTRACE for processes of others.
 */
import { UsageError, UserError } from '../kernel/errors.ts';
import type { Kernel } from '../kernel/port.ts';
import { Binary } from './binary.ts';
import { demangle } from './demangle.ts';
import { type FoundBinary, findBinary } from './find-binary.ts';
import type { Frame } from './frame.ts';
import { ImageCache } from './image-cache.ts';
import { type Kallsyms, readKallsyms } from './kallsyms.ts';
import { ProcessSymbols } from './process.ts';
import { inSlices } from './sliced.ts';

export interface FrameOptions {
  /** The address is one that a function returns to: the call stands before it. True for all but the innermost frame of a stack. */
  readonly caller?: boolean;
  /** False leaves the names of C++ and Rust as the linker has them. */
  readonly demangle?: boolean;
}

/** So many processes are remembered; then the one that was seen first is forgotten. */
const MAX_PROCESSES = 4096;

/** No function of the kernel is longer, in bytes. */
const LARGEST_FUNCTION = 1 << 16;
/** The kernel's symbols are not read again before so many milliseconds. */
const KALLSYMS_FRESH = 5000;

export class Symbols {
  private readonly kernel: Kernel;
  private readonly images = new ImageCache();
  private readonly processes = new Map<number, ProcessSymbols>();
  private readonly modules = new Map<string, FoundBinary>();
  private kallsyms: Kallsyms | undefined;
  private kallsymsRead = 0;

  constructor(kernel: Kernel) {
    this.kernel = kernel;
  }

  /** The kernel's symbols, read once. Throws `KernelError` where there is no /proc/kallsyms. */
  get kernelSymbols(): Kallsyms {
    if (!this.kallsyms) {
      this.kallsyms = readKallsyms(this.kernel);
      this.kallsymsRead = performance.now();
    }
    return this.kallsyms;
  }

  kernelFrame(address: bigint, options: FrameOptions = {}): Frame {
    const unknown = { address, name: undefined, offset: 0, module: undefined };
    // Null as a return address: the byte before it would be the last one of the kernel's half.
    if (BigInt.asUintN(64, address) === 0n) return unknown;
    const back = options.caller === true ? 1n : 0n;
    let found = this.kernelSymbols.find(address - back);
    if (found && found.offset > LARGEST_FUNCTION && this.refreshKernel()) found = this.kernelSymbols.find(address - back);
    if (!found) return unknown;
    return { address, name: found.name, offset: found.offset + Number(back), module: found.module || 'kernel' };
  }

  /** Modules and BPF programs come and go: what lies far behind its symbol may be in one that is new. True when read again. */
  private refreshKernel(): boolean {
    const now = performance.now();
    if (now - this.kallsymsRead < KALLSYMS_FRESH) return false;
    this.kallsymsRead = now;
    this.kallsyms = readKallsyms(this.kernel);
    return true;
  }

  /** Address of a function of the kernel or its modules. */
  kernelAddress(name: string): bigint | undefined {
    const symbols = this.kernelSymbols;
    const address = symbols.address(name);
    if (symbols.hidden)
      throw new UserError('the kernel hides its addresses from this process', 'run it as root, with kernel.kptr_restrict below 2');
    return address;
  }

  userFrame(address: bigint, pid: number, options: FrameOptions = {}): Frame {
    const frame = this.process(pid).find(address, options.caller === true);
    return frame.name === undefined || options.demangle === false ? frame : { ...frame, name: demangle(frame.name) };
  }

  /** Makes a file known by its build id, for stacks that have ids in place of addresses. Throws `UsageError` when it has none. */
  addModule(name: string): void {
    const found = findBinary(name);
    using binary = new Binary(found);
    const id = binary.elf.buildId();
    if (id === undefined) throw new UsageError(`${found.name} has no build id`);
    this.modules.set(id, found);
  }

  /** A place in a file that `addModule` made known; `offset` counts in the file. */
  buildIdFrame(buildId: string, offset: bigint, options: FrameOptions = {}): Frame {
    const found = this.modules.get(buildId);
    const back = options.caller === true ? 1 : 0;
    const symbol = found && this.images.ofFile(found, buildId)?.find(Number(offset) - back);
    if (!symbol) return { address: offset, name: undefined, offset: 0, module: found?.name };
    const name = options.demangle === false ? symbol.name : demangle(symbol.name);
    return { address: offset, name, offset: symbol.offset + back, module: found.name };
  }

  /** Remembers what a process has mapped, so that its addresses can be named later, also after its end. False: it is gone already. */
  see(pid: number): boolean {
    return this.process(pid).known;
  }

  /** Reads the symbols of processes, a few milliseconds at a time. */
  async prepare(...pids: readonly number[]): Promise<void> {
    for (const pid of new Set(pids)) await inSlices(this.process(pid).load());
  }

  /** Forgets a process; files that only it used stay cached. */
  forget(pid: number): void {
    this.processes.get(pid)?.close();
    this.processes.delete(pid);
  }

  /** Closes what is open. */
  close(): void {
    for (const process of this.processes.values()) process.close();
    this.processes.clear();
    this.images.close();
  }

  private process(pid: number): ProcessSymbols {
    let process = this.processes.get(pid);
    if (process) return process;
    if (this.processes.size >= MAX_PROCESSES) this.forget(this.processes.keys().next().value as number);
    this.processes.set(pid, (process = new ProcessSymbols(pid, this.images)));
    return process;
  }
}
