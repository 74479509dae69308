/**
 * A kernel file system that nobody mounted, seen by this process alone.
 *
 * fsopen + fsconfig + fsmount (Linux 5.2) make a mount that is attached nowhere: reached through its descriptor, not
 * visible in any namespace, gone with the process. Where the file system is mounted in the usual place, that is used.
 */
import { KernelError, type Kernel } from './port.ts';

const FSCONFIG_CMD_CREATE = 6;
const MOUNT_ATTR = { NOSUID: 2, NODEV: 4, NOEXEC: 8 } as const;

const mounts = new WeakMap<Kernel, Map<string, string>>();

/** Path under which the file system can be read. Throws `KernelError` where it cannot (no root, not in this kernel). */
export function reachFileSystem(kernel: Kernel, type: 'tracefs' | 'securityfs', usual: readonly string[], marker: string): string {
  let byType = mounts.get(kernel);
  if (byType === undefined) mounts.set(kernel, (byType = new Map()));
  let path = byType.get(type);
  if (path === undefined) {
    path = usual.find((folder) => kernel.exists(`${folder}/${marker}`)) ?? mountDetached(kernel, type);
    byType.set(type, path);
  }
  return path;
}

function mountDetached(kernel: Kernel, type: string): string {
  const context = kernel.syscall('fsopen', type, 0);
  try {
    kernel.syscall('fsconfig', context, FSCONFIG_CMD_CREATE, null, null, 0);
    const mount = kernel.syscall('fsmount', context, 0, MOUNT_ATTR.NOSUID | MOUNT_ATTR.NODEV | MOUNT_ATTR.NOEXEC);
    return `/proc/self/fd/${mount}`;
  } catch (error) {
    if (error instanceof KernelError) throw new KernelError(error.call, error.errno, error.code, `mounting ${type}`);
    throw error;
  } finally {
    kernel.close(context);
  }
}
