/** A network namespace of a test's own, with loopback up, and packets in it. */
import { inNamespace } from '../../../src/attach/netns.ts';
import type { Kernel } from '../../../src/kernel/port.ts';

const AT_FDCWD = -100;
const CLONE_NEWNET = 0x40000000;
const AF_INET = 2;
const SOCK_DGRAM = 2;
const SIOCSIFFLAGS = 0x8914;
const IFF_UP = 1;

export interface Namespace {
  readonly path: string;
  /** Sends UDP datagrams to a port of loopback that nobody listens on. */
  send(count: number, bytes?: number): void;
  close(): void;
}

export function makeNamespace(kernel: Kernel): Namespace {
  const home = kernel.syscall('openat', AT_FDCWD, '/proc/thread-self/ns/net', 0, 0);
  let made: number;
  try {
    kernel.syscall('unshare', CLONE_NEWNET);
    made = kernel.syscall('openat', AT_FDCWD, '/proc/thread-self/ns/net', 0, 0);
    const socket = kernel.syscall('socket', AF_INET, SOCK_DGRAM, 0);
    const request = new Uint8Array(40);
    request.set(new TextEncoder().encode('lo'));
    new DataView(request.buffer).setUint16(16, IFF_UP, true);
    kernel.ioctl(socket, SIOCSIFFLAGS, request);
    kernel.close(socket);
  } finally {
    kernel.syscall('setns', home, CLONE_NEWNET);
    kernel.close(home);
  }
  const path = `/proc/self/fd/${made}`;
  return {
    path,
    send: (count, bytes = 16) =>
      inNamespace(kernel, path, () => {
        const socket = kernel.syscall('socket', AF_INET, SOCK_DGRAM, 0);
        const address = new Uint8Array([2, 0, 0x27, 0x0f, 127, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0, 0]);
        for (let i = 0; i < count; i++) {
          try {
            kernel.syscall('sendto', socket, new Uint8Array(bytes).fill(i), bytes, 0, address, address.length);
          } catch {
            // ECONNREFUSED of the datagram before: it was sent all the same.
            kernel.syscall('sendto', socket, new Uint8Array(bytes).fill(i), bytes, 0, address, address.length);
          }
        }
        kernel.close(socket);
      }),
    close: () => kernel.close(made),
  };
}

/** Runs `action` with this thread in a namespace until it has ended, so nothing else should go on in this process. */
export async function within<T>(kernel: Kernel, path: string, action: () => Promise<T>): Promise<T> {
  const home = kernel.syscall('openat', AT_FDCWD, '/proc/thread-self/ns/net', 0, 0);
  const there = kernel.syscall('openat', AT_FDCWD, path, 0, 0);
  try {
    kernel.syscall('setns', there, CLONE_NEWNET);
    return await action();
  } finally {
    kernel.syscall('setns', home, CLONE_NEWNET);
    kernel.close(there);
    kernel.close(home);
  }
}
