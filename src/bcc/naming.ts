/**
 * The naming methods of `BPF`: addresses to names and back, stacks with names.
 *
 *   b.ksym(ip, { showOffset: true })                 one address of the kernel, as BCC writes it
 *   b.sym(ip, pid, { showModule: true })             one of a process
 *   b.userStack('stacks', e.stack_id, e.tgid)        a stack: frames, or texts
 *   b.symbols.see(pid), await b.symbols.prepare(pid) names that outlast the process; reading that holds nobody up
 */
import { Binary } from '../symbols/binary.ts';
import { findBinary, findExecutable, findLibrary } from '../symbols/find-binary.ts';
import { frameText, type SymbolFormat } from '../symbols/frame.ts';
import { Symbols } from '../symbols/symbols.ts';
import { Hooks } from './hooks.ts';
import { matchesWhole } from './kernel-queries.ts';
import { type FrameNames, readStack, type Stack } from './stacks.ts';
import type { Table } from './table.ts';
import { userFunctions } from './uprobes.ts';

export abstract class Naming extends Hooks {
  private resolver: Symbols | undefined;

  abstract map(name: string): Table;

  /**
   * Names for addresses. `see(pid)` with the first event of a process keeps its names beyond its end; `await prepare(pid)`
   * reads what there is to read without holding up events.
   */
  get symbols(): Symbols {
    return (this.resolver ??= new Symbols(this.kernel));
  }

  /** An address of the kernel: 'vfs_read', with `showOffset` 'vfs_read+0x10', with `showModule` 'vfs_read [kernel]'; '[unknown]'. */
  ksym(address: bigint | number, format: SymbolFormat = {}): string {
    return frameText(this.symbols.kernelFrame(BigInt(address)), format);
  }

  /** Address of a function of the kernel; undefined where there is none of that name. */
  ksymName(name: string): bigint | undefined {
    return this.symbols.kernelAddress(name);
  }

  /** An address of a process, as `ksym` writes it. A pid below zero stands for the kernel. */
  sym(address: bigint | number, pid: number, format: SymbolFormat = {}): string {
    if (pid < 0) return this.ksym(address, format);
    return frameText(this.symbols.userFrame(BigInt(address), pid, format), format);
  }

  /** The kernel stack of an id that `get_stackid()` gave; `stacks` is the map or its name. */
  kernelStack(stacks: string | Table, id: number | bigint): Stack {
    const names: FrameNames = {
      frame: (address, caller) => this.symbols.kernelFrame(address, { caller }),
      place: (buildId, offset, caller) => this.symbols.buildIdFrame(buildId, offset, { caller }),
    };
    return readStack(this.table(stacks), id, names, '[Missed Kernel Stack]');
  }

  /** The same for a user stack of a process (its tgid). */
  userStack(stacks: string | Table, id: number | bigint, pid: number, options: Pick<SymbolFormat, 'demangle'> = {}): Stack {
    const names: FrameNames = {
      frame: (address, caller) => this.symbols.userFrame(address, pid, { ...options, caller }),
      place: (buildId, offset, caller) => this.symbols.buildIdFrame(buildId, offset, { ...options, caller }),
    };
    return readStack(this.table(stacks), id, names, '[Missed User Stack]');
  }

  /** Makes a file known by its build id, for the stacks of BPF_STACK_TRACE_BUILDID. */
  addModule(path: string): void {
    this.symbols.addModule(path);
  }

  /** Path of a library by 'c', 'libc' or 'libc.so.6', for a process as it sees files. */
  static findLibrary(name: string, pid?: number): string | undefined {
    return findLibrary(name, pid)?.path;
  }

  /** Path of a command. */
  static findExe(name: string): string | undefined {
    return findExecutable(name)?.path;
  }

  /** Names of the functions of a binary that the pattern matches as a whole. Throws `UsageError` when it cannot be read. */
  static getUserFunctions(name: string, pattern: RegExp, pid?: number): string[] {
    using binary = new Binary(findBinary(name, pid));
    return [...new Set(Array.from(binary.functions(), (f) => f.name))].filter((f) => matchesWhole(pattern, f));
  }

  /** The same with addresses, one name for each address. */
  static getUserFunctionsAndAddresses(name: string, pattern: RegExp, pid?: number): { name: string; address: bigint }[] {
    using binary = new Binary(findBinary(name, pid));
    return Array.from(userFunctions(binary, pattern), (f) => ({ name: f.name, address: f.address }));
  }

  /** Virtual addresses in the file. */
  static getUserAddresses(name: string, pattern: RegExp, pid?: number): bigint[] {
    return Naming.getUserFunctionsAndAddresses(name, pattern, pid).map((f) => f.address);
  }

  /** Closes the files of processes that are kept open for their names. */
  protected closeSymbols(): void {
    this.resolver?.close();
  }

  private table(table: string | Table): Table {
    return typeof table === 'string' ? this.map(table) : table;
  }
}
