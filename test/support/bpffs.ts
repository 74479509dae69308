/** A bpf file system that only this test file and the processes it starts can see: pins are gone with them. */
import type { Kernel } from '../../src/kernel/port.ts';

const CLONE_NEWNS = 0x20000;
const MS_REC_PRIVATE = 0x4000 | 0x40000;
export const BPFFS = '/sys/fs/bpf';

/** Mounts an empty one at /sys/fs/bpf, in a mount namespace of this process's own. Needs root. */
export function ownBpffs(kernel: Kernel): void {
  kernel.syscall('unshare', CLONE_NEWNS);
  kernel.syscall('mount', 'none', '/', null, MS_REC_PRIVATE, null);
  kernel.syscall('mount', 'none', BPFFS, 'bpf', 0, null);
}
