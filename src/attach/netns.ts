/** Network namespaces and interfaces, by name. */
import { isDenied, PrivilegeError, UsageError } from '../kernel/errors.ts';
import { type Kernel, KernelError } from '../kernel/port.ts';

const AT_FDCWD = -100;
const CLONE_NEWNET = 0x40000000;
const SIOCGIFINDEX = 0x8933;
const IFNAMSIZ = 16;
const AF_INET = 2;
const SOCK_DGRAM = 2;

/**
 * Runs `action` in another network namespace. Only the calling thread changes over, and only during the call, so
 * `action` must not wait: descriptors it opens stay in that namespace.
 */
export function inNamespace<T>(kernel: Kernel, path: string | undefined, action: () => T): T {
  if (path === undefined) return action();
  const home = kernel.syscall('openat', AT_FDCWD, '/proc/thread-self/ns/net', 0, 0);
  let entered = false;
  try {
    const other = open(kernel, path);
    try {
      kernel.syscall('setns', other, CLONE_NEWNET);
      entered = true;
    } catch (error) {
      if (error instanceof KernelError && isDenied(error))
        throw new PrivilegeError(`entering network namespace ${path}`, ['CAP_SYS_ADMIN'], undefined, error);
      if (error instanceof KernelError && error.code === 'EINVAL')
        throw new UsageError(`${path} is no network namespace`, [], undefined, error);
      throw error;
    } finally {
      kernel.close(other);
    }
    return action();
  } finally {
    if (entered) kernel.syscall('setns', home, CLONE_NEWNET);
    kernel.close(home);
  }
}

function open(kernel: Kernel, path: string): number {
  try {
    return kernel.syscall('openat', AT_FDCWD, path, 0, 0);
  } catch (error) {
    if (error instanceof KernelError && error.code === 'ENOENT')
      throw new UsageError(`there is no network namespace at ${path}`, [], undefined, error);
    throw error;
  }
}

/** Index of an interface in the namespace of `socket`. */
export function interfaceIndex(kernel: Kernel, socket: number, nameOrIndex: string | number): number {
  if (typeof nameOrIndex === 'number') return nameOrIndex;
  const name = new TextEncoder().encode(nameOrIndex);
  const unknown = (cause?: unknown): UsageError => new UsageError(`there is no interface '${nameOrIndex}'`, [], undefined, cause);
  if (name.length === 0 || name.length >= IFNAMSIZ) throw unknown();
  const request = new Uint8Array(40);
  request.set(name);
  try {
    kernel.ioctl(socket, SIOCGIFINDEX, request);
  } catch (error) {
    if (error instanceof KernelError && error.code === 'ENODEV') throw unknown(error);
    throw error;
  }
  return new DataView(request.buffer).getInt32(IFNAMSIZ, true);
}

/** Index of an interface, with a socket of its own to ask with. */
export function findInterface(kernel: Kernel, nameOrIndex: string | number): number {
  if (typeof nameOrIndex === 'number') return nameOrIndex;
  const socket = kernel.syscall('socket', AF_INET, SOCK_DGRAM, 0);
  try {
    return interfaceIndex(kernel, socket, nameOrIndex);
  } finally {
    kernel.close(socket);
  }
}
