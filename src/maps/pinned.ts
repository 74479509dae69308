/**
 * A map by its name in a bpf file system, or by its id: of another program, typed by the types that the map itself has.
 *
 *   pin ─▶ OBJ_GET ─▶ descriptor ─▶ sizes and type (OBJ_GET_INFO) + BTF of whoever made it ─▶ openMap
 *
 * Minimum kernel: 4.4 for pins, 4.13 for ids. Needs CAP_BPF (ids: CAP_SYS_ADMIN).
 */
import { dirname } from 'node:path';
import { BtfReader } from '../btf/read.ts';
import type { BtfSource } from '../btf/types.ts';
import { bpf, cString } from '../kernel/bpf-attr.ts';
import { mapTypeName } from '../kernel/bpf-enums.ts';
import { explainDenied } from '../kernel/capabilities.ts';
import { isDenied, UsageError, UserError } from '../kernel/errors.ts';
import { btfData, mapInfo } from '../kernel/obj-info.ts';
import { type Kernel, KernelError } from '../kernel/port.ts';
import { unpin as removePin } from '../link/load-maps.ts';
import type { MapSpec } from '../object/spec.ts';
import { mapById } from './fd-array.ts';
import type { MapOptions } from './map.ts';
import { type AnyMap, openMap } from './open.ts';

/** The map pinned at `path`. It is closed with `close()`; the pin stays. */
export function openPinnedMap(kernel: Kernel, path: string, options: MapOptions = {}): AnyMap {
  let fd: number;
  try {
    fd = bpf(kernel, 'OBJ_GET', { pathname: cString(path) });
  } catch (error) {
    if (!(error instanceof KernelError)) throw error;
    const doing = `opening the map pinned at ${path}`;
    if (error.code === 'ENOENT') throw new UsageError(`${doing}: there is nothing`, [], undefined, error);
    if ((isDenied(error) || error.code === 'EINVAL') && isNoPin(kernel, path))
      throw new UsageError(`${doing}: that is no pin, for it does not lie in a bpf file system`, [], undefined, error);
    if (isDenied(error)) throw explainDenied(kernel, error, doing, ['CAP_BPF']);
    throw new UserError(`${doing}: ${error.message}`, undefined, error);
  }
  return openFd(kernel, fd, options);
}

/** The map with an id, as `bpftool map` lists them. It is closed with `close()`. */
export function openMapById(kernel: Kernel, id: number, options: MapOptions = {}): AnyMap {
  return openFd(kernel, mapById(kernel, id), options);
}

/** BPF_FS_MAGIC of include/uapi/linux/magic.h. */
const BPF_FS = 0xcafe4a11;
/** Larger than `struct statfs` (120 bytes); its first member, a word, is the file system's magic number. */
const STATFS_ROOM = 256;

/**
 * Takes a map's name out of the bpf file system. The map lives on as long as somebody has it open. Throws `UsageError`
 * for a path that lies elsewhere: it would be somebody's file.
 */
export function unpin(kernel: Kernel, path: string): void {
  try {
    // The folder's: a pin itself may be a link that leads out, and unlinking takes the link.
    if (!isBpfFs(kernel, dirname(path)))
      throw new UsageError(
        `removing the pin ${path}: it is no pin, for it does not lie in a bpf file system`,
        [],
        'pins lie where such a file system is mounted, most often under /sys/fs/bpf; nothing was removed',
      );
    removePin(kernel, path);
  } catch (error) {
    if (error instanceof KernelError) throw new UsageError(`removing the pin ${path}: ${error.message}`, [], undefined, error);
    throw error;
  }
}

/** Throws `KernelError` where there is nothing. */
function isBpfFs(kernel: Kernel, path: string): boolean {
  const told = new Uint8Array(new ArrayBuffer(STATFS_ROOM));
  kernel.syscall('statfs', path, told);
  return new DataView(told.buffer).getUint32(0, true) === BPF_FS;
}

/** An ordinary file, which the kernel refuses as if a privilege were missing. */
function isNoPin(kernel: Kernel, path: string): boolean {
  try {
    return !isBpfFs(kernel, path);
  } catch (error) {
    if (error instanceof KernelError) return false;
    throw error;
  }
}

function openFd(kernel: Kernel, fd: number, options: MapOptions): AnyMap {
  try {
    const info = mapInfo(kernel, fd);
    const spec: MapSpec = {
      name: info.name,
      type: mapTypeName(info.type),
      keySize: info.key_size,
      valueSize: info.value_size,
      maxEntries: info.max_entries,
      flags: info.map_flags,
      keyType: info.btf_key_type_id,
      valueType: info.btf_value_type_id,
    };
    const btf = info.btf_id === 0 ? undefined : readBtf(kernel, info.btf_id);
    return openMap({ name: spec.name, fd, spec }, kernel, { ...(btf === undefined ? {} : { btf }), ...options, owns: true });
  } catch (error) {
    kernel.close(fd);
    throw error;
  }
}

function readBtf(kernel: Kernel, id: number): BtfSource | undefined {
  let fd: number;
  try {
    fd = bpf(kernel, 'BTF_GET_FD_BY_ID', { start_id: id });
  } catch (error) {
    // Without privilege, or gone meanwhile: then as for a map without types.
    if (error instanceof KernelError) return undefined;
    throw error;
  }
  try {
    return new BtfReader(btfData(kernel, fd));
  } finally {
    kernel.close(fd);
  }
}
