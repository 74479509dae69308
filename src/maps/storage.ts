/**
 * Local storage: values that hang on a kernel object and go away with it: `task_storage` (key: a pidfd), `sk_storage`
 * (a socket), `inode_storage` (an open file), `cgrp_storage` (an open cgroup folder). The key is a descriptor.
 *
 * Storage cannot be listed: whoever wants a value must have the object. Minimum kernel: sk_storage 5.2,
 * inode_storage 5.10, task_storage 5.11, cgrp_storage 6.2.
 * BPF_MAP_TYPE_TASK_STORAGE, BPF_MAP_TYPE_SK_STORAGE, BPF_MAP_TYPE_INODE_STORAGE, BPF_MAP_TYPE_CGRP_STORAGE.
 */
import { KernelError } from '../kernel/port.ts';
import type { In, MapValue } from './codec.ts';
import type { HasFd } from './fd-array.ts';
import { type SetOptions, updateFlags } from './hash.ts';
import { BpfMap } from './map.ts';

export class StorageMap<V = MapValue> extends BpfMap<number, V> {
  get(owner: HasFd): V | undefined {
    this.#seek(owner);
    return this.elements.lookup() ? this.valueCodec.decode(this.elements.value, 0) : undefined;
  }

  set(owner: HasFd, value: In<V>, options?: SetOptions): boolean {
    this.#seek(owner);
    this.valueCodec.encode(this.elements.value, 0, value);
    return this.elements.update(updateFlags(options));
  }

  delete(owner: HasFd): boolean {
    this.#seek(owner);
    return this.elements.delete();
  }

  /** The value of a process of this id, if it still runs. */
  getByPid(pid: number): V | undefined {
    let pidfd: number;
    try {
      pidfd = this.kernel.syscall('pidfd_open', pid, 0);
    } catch (error) {
      if (error instanceof KernelError && error.code === 'ESRCH') return undefined;
      throw error;
    }
    try {
      return this.get(pidfd);
    } finally {
      this.kernel.close(pidfd);
    }
  }

  #seek(owner: HasFd): void {
    this.elements.key.setInt32(0, typeof owner === 'number' ? owner : owner.fd, true);
  }
}
