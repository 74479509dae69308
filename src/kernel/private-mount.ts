/**
 * A kernel file system that nobody mounted, seen by this process alone.
 *
 * fsopen + fsconfig + fsmount (Linux 5.2) make a mount that is attached nowhere: reached through its descriptor, not
 * visible in any namespace, gone with the process. Where the file system is mounted in the usual place, that is used.
 */
import { type Kernel, KernelError } from './port.ts';
import { readTextIfThere } from './text.ts';

const FSCONFIG_CMD_CREATE = 6;
const MOUNT_ATTR = { NOSUID: 2, NODEV: 4, NOEXEC: 8 } as const;

const mounts = new WeakMap<Kernel, string>();

const TRACEFS = ['/sys/kernel/tracing', '/sys/kernel/debug/tracing'];
const SECURITYFS = ['/sys/kernel/security'];

/** Folder of tracefs, for as long as the process runs. Throws `KernelError` where it cannot be reached (no root, not in this kernel). */
export function tracefsFolder(kernel: Kernel): string {
  let path = mounts.get(kernel);
  if (path === undefined) {
    path = TRACEFS.find((folder) => kernel.exists(`${folder}/events`)) ?? `/proc/self/fd/${mountDetached(kernel, 'tracefs')}`;
    mounts.set(kernel, path);
  }
  return path;
}

/** Whether tracefs is mounted in the usual place, which does not say that this process may look into it. */
export function tracefsMounted(kernel: Kernel): boolean {
  const mounts = readTextIfThere(kernel, '/proc/self/mounts') ?? '';
  return TRACEFS.some((folder) => mounts.includes(` ${folder} tracefs `));
}

/** Reads something of securityfs; a private mount is gone afterwards. Throws `KernelError`. */
export function inSecurityfs<T>(kernel: Kernel, read: (folder: string) => T): T {
  const mounted = SECURITYFS.find((folder) => kernel.exists(`${folder}/lsm`));
  if (mounted !== undefined) return read(mounted);
  const mount = mountDetached(kernel, 'securityfs');
  try {
    return read(`/proc/self/fd/${mount}`);
  } finally {
    kernel.close(mount);
  }
}

function mountDetached(kernel: Kernel, type: string): number {
  const context = kernel.syscall('fsopen', type, 0);
  try {
    kernel.syscall('fsconfig', context, FSCONFIG_CMD_CREATE, null, null, 0);
    return kernel.syscall('fsmount', context, 0, MOUNT_ATTR.NOSUID | MOUNT_ATTR.NODEV | MOUNT_ATTR.NOEXEC);
  } catch (error) {
    if (error instanceof KernelError) throw new KernelError(error.call, error.errno, error.code, `mounting ${type}`);
    throw error;
  } finally {
    kernel.close(context);
  }
}
