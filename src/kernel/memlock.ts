/**
 * RLIMIT_MEMLOCK. Before Linux 5.11 the memory of maps and programs counts against it, and the usual 64 KiB are too
 * little; later kernels account it to the cgroup. It cannot be raised everywhere (CAP_SYS_RESOURCE): no error then.
 */
import { type Kernel, KernelError } from './port.ts';
import { atLeast, readKernelVersion } from './version.ts';

const RLIMIT_MEMLOCK = 8;
const tried = new WeakSet<Kernel>();

/** Raises the limit as far as it goes, once. True if there is a point in trying again what failed. */
export function raiseMemlock(kernel: Kernel): boolean {
  if (tried.has(kernel)) return false;
  tried.add(kernel);
  if (atLeast(readKernelVersion(kernel), '5.11')) return false;
  const limits = new BigUint64Array([2n ** 64n - 1n, 2n ** 64n - 1n]);
  const bytes = new Uint8Array(limits.buffer);
  try {
    kernel.syscall('prlimit64', 0, RLIMIT_MEMLOCK, bytes, null);
    return true;
  } catch (error) {
    if (!(error instanceof KernelError)) throw error;
  }
  try {
    kernel.syscall('prlimit64', 0, RLIMIT_MEMLOCK, null, bytes);
    const [soft = 0n, hard = 0n] = limits;
    if (soft === hard) return false;
    limits[0] = hard;
    kernel.syscall('prlimit64', 0, RLIMIT_MEMLOCK, bytes, null);
    return true;
  } catch (error) {
    if (error instanceof KernelError) return false;
    throw error;
  }
}
