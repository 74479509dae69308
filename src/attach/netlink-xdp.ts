/** XDP by netlink: RTM_SETLINK with IFLA_XDP. Source: include/uapi/linux/if_link.h. */
import type { Kernel } from '../kernel/port.ts';
import { routeRequest, u32 } from './netlink.ts';

const RTM_SETLINK = 19;
const IFLA_XDP = 43;
const IFLA_XDP_FD = 1;
const IFLA_XDP_FLAGS = 3;

/** Puts a program on an interface; -1 takes it off. Throws `KernelError`. */
export function setXdp(kernel: Kernel, ifindex: number, fd: number, flags: number): void {
  // struct ifinfomsg { u8 family, pad; u16 type; s32 index; u32 flags, change }
  const header = new Uint8Array(16);
  new DataView(header.buffer).setInt32(4, ifindex, true);
  routeRequest(kernel, 'rtnetlink(XDP)', RTM_SETLINK, 0, header, [
    [
      IFLA_XDP,
      [
        [IFLA_XDP_FD, u32(fd >>> 0)],
        [IFLA_XDP_FLAGS, u32(flags)],
      ],
    ],
  ]);
}
