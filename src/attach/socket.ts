/**
 * Socket filters: a program of type `socket_filter` that sees (and cuts) the packets a socket receives.
 *
 *   attachPacketSocket   a raw socket of its own on an interface, in this or another network namespace: nothing passes
 *                        to it before the program is in place
 *   attachToSocket       a socket that the caller has
 *
 * The program's result is the number of bytes to keep; 0 drops the packet for this socket only. Minimum kernel: 3.19.
 * A packet socket needs CAP_NET_RAW (CAP_SYS_ADMIN to enter another namespace). Errors: no such interface or namespace;
 * no privilege. BPF_PROG_TYPE_SOCKET_FILTER.
 */
import { UsageError } from '../kernel/errors.ts';
import { type Kernel, KernelError } from '../kernel/port.ts';
import { type AttachableProgram, type Attachment, attachment, explainAttach } from './attachment.ts';
import { inNamespace, interfaceIndex } from './netns.ts';

const AF_PACKET = 17;
const SOCK_RAW = 3;
const SOCK_NONBLOCK = 0o4000;
const SOL_SOCKET = 1;
const SO_DETACH_FILTER = 27;
const SO_ATTACH_BPF = 50;
const SO_ATTACH_REUSEPORT_EBPF = 52;
/** ETH_P_ALL, in network byte order. */
const ALL_PROTOCOLS = 0x0300;

export interface PacketSocketOptions {
  /** Name or index of the interface; all interfaces without. */
  readonly interface?: string | number;
  /** Path of a network namespace (/run/netns/x, /proc/PID/ns/net); this process's without. */
  readonly netns?: string;
}

export interface PacketSocket extends Attachment {
  /** The socket: packets that the program kept can be read from it. */
  readonly socket: number;
}

export function attachPacketSocket(kernel: Kernel, program: AttachableProgram, options: PacketSocketOptions = {}): PacketSocket {
  const target = options.interface === undefined ? 'all interfaces' : String(options.interface);
  const needs = { doing: `attaching '${program.name}' to ${target}`, capabilities: ['CAP_NET_RAW'] as const };
  return inNamespace(kernel, options.netns, () => {
    let socket: number;
    try {
      // Protocol 0 receives nothing; packets come from the bind on, when the program is in place.
      socket = kernel.syscall('socket', AF_PACKET, SOCK_RAW | SOCK_NONBLOCK, 0);
    } catch (error) {
      throw explainAttach(kernel, error, { ...needs, feature: 'packet sockets' });
    }
    try {
      const index = options.interface === undefined ? 0 : interfaceIndex(kernel, socket, options.interface);
      setFilter(kernel, program, socket);
      kernel.syscall('bind', socket, packetAddress(index), 20);
      return Object.assign(attachment(kernel, { kind: 'socket_filter', target, program, via: 'socket', fds: [socket] }), { socket });
    } catch (error) {
      kernel.close(socket);
      if (error instanceof KernelError && error.code === 'ENODEV')
        throw new UsageError(`there is no interface '${target}'`, [], undefined, error);
      throw explainAttach(kernel, error, needs);
    }
  });
}

/** Puts the program onto a socket. `reuseport`: it chooses among the sockets of a group. */
export function attachToSocket(
  kernel: Kernel,
  program: AttachableProgram,
  socket: number,
  options: { readonly reuseport?: boolean } = {},
): Attachment {
  const kind = options.reuseport === true ? 'sk_reuseport' : 'socket_filter';
  try {
    setFilter(kernel, program, socket, options.reuseport === true ? SO_ATTACH_REUSEPORT_EBPF : SO_ATTACH_BPF);
  } catch (error) {
    throw explainAttach(kernel, error, { doing: `attaching '${program.name}' to socket ${socket}`, capabilities: [] });
  }
  return attachment(kernel, {
    kind,
    target: `socket ${socket}`,
    program,
    via: 'socket',
    fds: [],
    undo: () => {
      if (options.reuseport !== true) kernel.syscall('setsockopt', socket, SOL_SOCKET, SO_DETACH_FILTER, new Uint8Array(4), 4);
    },
  });
}

function setFilter(kernel: Kernel, program: AttachableProgram, socket: number, option = SO_ATTACH_BPF): void {
  kernel.syscall('setsockopt', socket, SOL_SOCKET, option, new Uint8Array(Int32Array.of(program.fd).buffer), 4);
}

/** struct sockaddr_ll */
function packetAddress(index: number): Uint8Array {
  const bytes = new Uint8Array(20);
  const view = new DataView(bytes.buffer);
  view.setUint16(0, AF_PACKET, true);
  view.setUint16(2, ALL_PROTOCOLS, true);
  view.setInt32(4, index, true);
  return bytes;
}
