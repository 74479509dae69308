/**
 * Maps whose values are descriptors: programs, other maps, perf events, cgroups, sockets.
 *
 *   prog_array          set(index, program)     tail calls; minimum kernel 4.2
 *   array_of_maps       set(index, map)         inner maps of one shape; 4.12, hash_of_maps too
 *   perf_event_array    set(cpu, event)         4.3
 *   cgroup_array        set(index, cgroup)      4.8; also by the path of its folder
 *   sockmap, sockhash   set(key, socket)        4.14, 4.18
 *
 * The kernel keeps what the descriptor refers to; the descriptor itself may be closed afterwards. Reading gives the id
 * of a program or map, which `mapById` opens; other types cannot be read.
 */
import { bpf } from '../kernel/bpf-attr.ts';
import { UsageError } from '../kernel/errors.ts';
import { type Kernel, KernelError } from '../kernel/port.ts';
import type { In, MapValue } from './codec.ts';
import { BpfMap } from './map.ts';

const AT_FDCWD = -100;
const O_DIRECTORY = 0o200000;

/** Anything with a descriptor, or the descriptor. */
export type HasFd = number | { readonly fd: number };

export class FdMap<K = MapValue> extends BpfMap<K, number> {
  set(key: In<K>, target: HasFd | string): void {
    if (typeof target === 'string') {
      this.#setPath(key, target);
      return;
    }
    this.keyCodec.encode(this.elements.key, 0, key);
    const { value } = this.elements;
    const fd = typeof target === 'number' ? target : target.fd;
    // Sockets may have values of eight bytes (their cookie is read back).
    if (value.byteLength === 8) value.setBigUint64(0, BigInt(fd), true);
    else value.setUint32(0, fd, true);
    this.elements.update();
  }

  #setPath(key: In<K>, path: string): void {
    if (this.spec.type !== 'cgroup_array')
      throw new UsageError(`map '${this.name}' of type ${this.spec.type} takes descriptors, not paths`);
    let folder: number;
    try {
      folder = this.kernel.syscall('openat', AT_FDCWD, path, O_DIRECTORY, 0);
    } catch (error) {
      if (error instanceof KernelError)
        throw new UsageError(`map '${this.name}': ${error.message}`, [], 'give the folder of a cgroup', error);
      throw error;
    }
    try {
      this.set(key, folder);
    } finally {
      this.kernel.close(folder);
    }
  }

  /** Id of the program or map in that slot; undefined for an empty slot. */
  get(key: In<K>): number | undefined {
    this.keyCodec.encode(this.elements.key, 0, key);
    return this.elements.lookup() ? this.elements.value.getUint32(0, true) : undefined;
  }

  /** True if there was something. */
  delete(key: In<K>): boolean {
    this.keyCodec.encode(this.elements.key, 0, key);
    return this.elements.delete();
  }

  /** Empties all slots. */
  clear(): void {
    if (this.spec.type === 'hash_of_maps' || this.spec.type === 'sockhash') {
      for (let more = this.elements.nextKey(true); more; more = this.elements.nextKey(true)) {
        new Uint8Array(this.elements.key.buffer).set(new Uint8Array(this.elements.next.buffer));
        if (!this.elements.delete()) return;
      }
      return;
    }
    for (let i = 0; i < this.spec.maxEntries; i++) {
      this.elements.key.setUint32(0, i, true);
      this.elements.delete();
    }
  }
}

/** A descriptor for the map with an id, as outer maps give it. The caller closes it. */
export function mapById(kernel: Kernel, id: number): number {
  try {
    return bpf(kernel, 'MAP_GET_FD_BY_ID', { start_id: id });
  } catch (error) {
    if (error instanceof KernelError && error.code === 'ENOENT')
      throw new UsageError(`there is no map with id ${id}`, [], undefined, error);
    throw error;
  }
}
