/**
 * Kernel symbols that a program refers to: addresses by /proc/kallsyms, typed variables and functions by BTF.
 *
 * The list of 120,000 symbols is read only if a program asks for an address. Modules' types are looked through only if
 * the kernel's own do not have the name.
 */

import type { BtfSource } from '../btf/types.ts';
import { bpf } from '../kernel/bpf-attr.ts';
import { objectIds } from '../kernel/inventory.ts';
import { kernelBtf, modulesWithBtf } from '../kernel/kernel-btf.ts';
import { btfInfo } from '../kernel/obj-info.ts';
import { type Kernel, KernelError } from '../kernel/port.ts';
import { readText } from '../kernel/text.ts';

export interface BtfSymbol {
  readonly id: number;
  /** undefined for the kernel itself, else the module that has it. */
  readonly module: string | undefined;
}

export class KernelSymbols {
  readonly #kernel: Kernel;
  readonly #vmlinux: () => BtfSource | undefined;
  readonly #moduleFds = new Map<string, number>();

  /** `vmlinux` says which types to look in; usually the running kernel's. */
  constructor(kernel: Kernel, vmlinux: () => BtfSource | undefined) {
    this.#kernel = kernel;
    this.#vmlinux = vmlinux;
  }

  /** Addresses of the symbols; a name that is not there has no entry. All zero without CAP_SYSLOG (kptr_restrict). */
  addresses(names: ReadonlySet<string>): Map<string, bigint> {
    const found = new Map<string, bigint>();
    if (names.size === 0) return found;
    const text = readText(this.#kernel, '/proc/kallsyms');
    for (const name of names) {
      // Lines are "address type name[\tmodule]"; a search for the name is quicker than splitting 7 MB.
      for (let at = text.indexOf(` ${name}`); at >= 0; at = text.indexOf(` ${name}`, at + 1)) {
        const end = text.charCodeAt(at + name.length + 1);
        if (end !== 10 && end !== 9 && !Number.isNaN(end)) continue;
        const lineStart = text.lastIndexOf('\n', at) + 1;
        const address = /^([0-9a-f]+) [A-Za-z]$/.exec(text.slice(lineStart, at))?.[1];
        if (address === undefined) continue;
        found.set(name, BigInt(`0x${address}`));
        break;
      }
    }
    return found;
  }

  /** A function or variable by its type, or the type of a tracepoint. `only`: look in this module alone. */
  typed(name: string, kind: 'func' | 'var' | 'typedef', only?: string): BtfSymbol | undefined {
    const id = this.#vmlinux()?.find(name, kind);
    if (id !== undefined) return { id, module: undefined };
    for (const module of only === undefined ? modulesWithBtf(this.#kernel) : [only]) {
      const inModule = kernelBtf(this.#kernel, module)?.find(name, kind);
      if (inModule !== undefined) return { id: inModule, module };
    }
    return undefined;
  }

  /** A descriptor for a module's types. Kept until `close`. */
  moduleFd(module: string): number {
    const known = this.#moduleFds.get(module);
    if (known !== undefined) return known;
    for (const id of objectIds(this.#kernel, 'btf')) {
      let fd: number;
      try {
        fd = bpf(this.#kernel, 'BTF_GET_FD_BY_ID', { start_id: id });
      } catch (error) {
        if (error instanceof KernelError && error.code === 'ENOENT') continue;
        throw error;
      }
      const info = btfInfo(this.#kernel, fd);
      if (info.kernel_btf !== 0 && info.nameText === module) {
        this.#moduleFds.set(module, fd);
        return fd;
      }
      this.#kernel.close(fd);
    }
    throw new KernelError('bpf(BTF_GET_NEXT_ID)', 2, 'ENOENT', `types of module ${module}`);
  }

  close(): void {
    for (const fd of this.#moduleFds.values()) this.#kernel.close(fd);
    this.#moduleFds.clear();
  }
}
