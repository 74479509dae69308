/**
 * Route netlink: messages to the network stack, as far as attaching programs needs them.
 *
 *   nlmsghdr { len, type, flags, seq, pid } · family's header · attributes { len, type, value padded to 4 }
 *
 * One request, one acknowledgement: an errno, with the kernel's own words where it has some (extended acks).
 * Source: include/uapi/linux/netlink.h, rtnetlink.h.
 */
import { ERRNO, errnoName } from '../kernel/errno.ts';
import { type Kernel, KernelError } from '../kernel/port.ts';

const AF_NETLINK = 16;
const SOCK_RAW = 3;
const NETLINK_ROUTE = 0;
const SOL_NETLINK = 270;
const NETLINK_EXT_ACK = 11;
const NETLINK_CAP_ACK = 10;
const NLMSG_ERROR = 2;
const NLM_F_REQUEST = 1;
const NLM_F_ACK = 4;
const NLM_F_ACK_TLVS = 0x200;
const NLMSGERR_ATTR_MSG = 1;
const NLA_F_NESTED = 0x8000;
const HEADER = 16;

/** NLM_F_* flags of requests that make things. */
export const MAKE = { REPLACE: 0x100, EXCL: 0x200, CREATE: 0x400 } as const;

/** An attribute: bytes, or other attributes inside. */
export type Attribute = readonly [type: number, value: Uint8Array | readonly Attribute[]];

export function u32(value: number): Uint8Array {
  return new Uint8Array(Uint32Array.of(value).buffer);
}

export function text(value: string): Uint8Array {
  return new Uint8Array(Buffer.from(`${value}\0`));
}

export function encodeAttributes(attributes: readonly Attribute[]): Uint8Array {
  const parts = attributes.map(([type, value]) => {
    const nested = !(value instanceof Uint8Array);
    const body = nested ? encodeAttributes(value) : value;
    const bytes = new Uint8Array(4 + Math.ceil(body.length / 4) * 4);
    const view = new DataView(bytes.buffer);
    view.setUint16(0, 4 + body.length, true);
    view.setUint16(2, nested ? type | NLA_F_NESTED : type, true);
    bytes.set(body, 4);
    return bytes;
  });
  return concat(parts);
}

function concat(parts: readonly Uint8Array[]): Uint8Array {
  const out = new Uint8Array(parts.reduce((n, p) => n + p.length, 0));
  let at = 0;
  for (const part of parts) {
    out.set(part, at);
    at += part.length;
  }
  return out;
}

/** Sends a request and waits for its acknowledgement. Throws `KernelError` with the kernel's words. */
export function routeRequest(
  kernel: Kernel,
  call: string,
  type: number,
  flags: number,
  header: Uint8Array,
  attributes: readonly Attribute[],
): void {
  const socket = kernel.syscall('socket', AF_NETLINK, SOCK_RAW, NETLINK_ROUTE);
  try {
    for (const option of [NETLINK_EXT_ACK, NETLINK_CAP_ACK]) {
      try {
        kernel.syscall('setsockopt', socket, SOL_NETLINK, option, u32(1), 4);
      } catch (error) {
        // Before Linux 4.12 there are no words, only numbers.
        if (!(error instanceof KernelError)) throw error;
      }
    }
    const body = concat([header, encodeAttributes(attributes)]);
    const message = new Uint8Array(HEADER + body.length);
    const view = new DataView(message.buffer);
    view.setUint32(0, message.length, true);
    view.setUint16(4, type, true);
    view.setUint16(6, flags | NLM_F_REQUEST | NLM_F_ACK, true);
    view.setUint32(8, 1, true);
    message.set(body, HEADER);
    kernel.syscall('sendto', socket, message, message.length, 0, null, 0);
    const answer = new Uint8Array(8192);
    const length = kernel.syscall('recvfrom', socket, answer, answer.length, 0, null, null);
    readAck(call, answer.subarray(0, length));
  } finally {
    kernel.close(socket);
  }
}

function readAck(call: string, answer: Uint8Array): void {
  const view = new DataView(answer.buffer, answer.byteOffset, answer.byteLength);
  if (answer.length < HEADER + 4 || view.getUint16(4, true) !== NLMSG_ERROR)
    throw new KernelError(call, ERRNO.EINVAL, 'EINVAL', 'an answer that is no acknowledgement');
  const errno = -view.getInt32(HEADER, true);
  if (errno === 0) return;
  throw new KernelError(call, errno, errnoName(errno), (view.getUint16(6, true) & NLM_F_ACK_TLVS) === 0 ? undefined : wordsOf(view));
}

/** The message among the attributes behind an acknowledgement: error, the header of the request, then attributes. */
function wordsOf(view: DataView): string | undefined {
  let at = HEADER + 4 + HEADER;
  while (at + 4 <= view.byteLength) {
    const length = view.getUint16(at, true);
    if (length < 4 || at + length > view.byteLength) return undefined;
    if ((view.getUint16(at + 2, true) & 0x3fff) === NLMSGERR_ATTR_MSG) {
      return new TextDecoder().decode(new Uint8Array(view.buffer, view.byteOffset + at + 4, length - 5));
    }
    at += Math.ceil(length / 4) * 4;
  }
  return undefined;
}
