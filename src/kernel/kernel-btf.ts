/**
 * The running kernel's own types: /sys/kernel/btf/vmlinux and those of its modules.
 *
 * Since Linux 6.16 the file can be mapped: 5.5 MB are there in 0.1 ms and only the pages that are looked at are read;
 * before, it is read, which takes about 6 ms (sysfs hands out a page at a time).
 */
import { BtfReader } from '../btf/read.ts';
import type { BtfSource } from '../btf/types.ts';
import { FeatureError } from './errors.ts';
import { KnownTypeIds, RememberedBtf, type TypeIdStore } from './known-types.ts';
import { type Kernel, KernelError } from './port.ts';

const FOLDER = '/sys/kernel/btf';
const AT_FDCWD = -100;
const PROT_READ = 1;
const MAP_PRIVATE = 2;
const BTF_MAGIC = 0xeb9f;

const loaded = new WeakMap<Kernel, Map<string, BtfReader | undefined>>();
const remembered = new WeakMap<Kernel, { readonly ids: KnownTypeIds; btf?: BtfSource }>();

/**
 * Types of 'vmlinux' or of a module; undefined where the kernel has none to show. Throws `FeatureError` for a file that
 * is no BTF.
 */
export function kernelBtf(kernel: Kernel, module = 'vmlinux'): BtfSource | undefined {
  const memory = module === 'vmlinux' ? remembered.get(kernel) : undefined;
  if (memory === undefined) return readOnce(kernel, module);
  if (memory.btf !== undefined) return memory.btf;
  // Where nothing is known, they are read now: what is wrong with them is said to who asks for them.
  const found = memory.ids.empty ? readOnce(kernel, module) !== undefined : kernel.exists(`${FOLDER}/${module}`);
  if (!found) return undefined;
  memory.btf = new RememberedBtf(memory.ids, () => {
    const btf = readOnce(kernel, module);
    if (btf === undefined) throw new FeatureError('type information (BTF)', { why: `${FOLDER}/${module} is gone` });
    return btf;
  });
  return memory.btf;
}

/** Takes ids of the kernel's own types from a store. What it returns keeps those that were asked for since. */
export function rememberTypeIds(kernel: Kernel, store: TypeIdStore): KnownTypeIds {
  const ids = new KnownTypeIds(kernel, store);
  remembered.set(kernel, { ids });
  return ids;
}

function readOnce(kernel: Kernel, module: string): BtfReader | undefined {
  let byName = loaded.get(kernel);
  if (byName === undefined) loaded.set(kernel, (byName = new Map()));
  if (byName.has(module)) return byName.get(module);
  const btf = readBtf(kernel, module);
  byName.set(module, btf);
  return btf;
}

/** Names of all modules that have types. */
export function modulesWithBtf(kernel: Kernel): string[] {
  try {
    return kernel
      .readdir(FOLDER)
      .filter((name) => name !== 'vmlinux')
      .sort();
  } catch (error) {
    if (error instanceof KernelError) return [];
    throw error;
  }
}

function readBtf(kernel: Kernel, module: string): BtfReader | undefined {
  const path = `${FOLDER}/${module}`;
  if (!kernel.exists(path)) return undefined;
  try {
    return readTypes(kernel, path, module);
  } catch (error) {
    if (error instanceof KernelError) throw error;
    throw new FeatureError('usable type information (BTF)', { why: `${path} is damaged: ${(error as Error).message}`, cause: error });
  }
}

function readTypes(kernel: Kernel, path: string, module: string): BtfReader | undefined {
  if (module === 'vmlinux') return new BtfReader(mapFile(kernel, path) ?? kernel.readFile(path));
  const base = readOnce(kernel, 'vmlinux');
  return base === undefined ? undefined : new BtfReader(kernel.readFile(path), { base });
}

/** The file as memory; undefined where the kernel cannot map it. */
function mapFile(kernel: Kernel, path: string): Uint8Array | undefined {
  let fd: number;
  try {
    fd = kernel.syscall('openat', AT_FDCWD, path, 0, 0);
  } catch (error) {
    if (error instanceof KernelError) return undefined;
    throw error;
  }
  try {
    const length = btfLength(kernel, fd);
    if (length === undefined) return undefined;
    // Stays mapped as long as the process lives: types are decoded out of it at need.
    return new Uint8Array(kernel.mmap(length, PROT_READ, MAP_PRIVATE, fd, 0).buffer);
  } catch (error) {
    if (error instanceof KernelError) return undefined;
    throw error;
  } finally {
    kernel.close(fd);
  }
}

/** The header says where the last section ends. */
function btfLength(kernel: Kernel, fd: number): number | undefined {
  const header = new Uint8Array(32);
  if (kernel.syscall('read', fd, header, header.length) < 24) return undefined;
  const view = new DataView(header.buffer);
  if (view.getUint16(0, true) !== BTF_MAGIC) return undefined;
  const headerLength = view.getUint32(4, true);
  let end = 0;
  for (let at = 8; at + 8 <= Math.min(headerLength, 32); at += 8) {
    end = Math.max(end, view.getUint32(at, true) + view.getUint32(at + 4, true));
  }
  return headerLength + end;
}
