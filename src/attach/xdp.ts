/**
 * XDP: a program that sees each packet before the network stack does, and passes, drops, answers or redirects it.
 *
 * Minimum kernel: 5.9 for links; before that, netlink (`netlink.ts`), where the program stays until it is taken off.
 * Modes: 'native' in the driver, 'generic' in the stack (any interface, slower), 'offload' on the card; without a mode
 * the kernel takes native where it can. Needs CAP_NET_ADMIN. Errors: no such interface; the driver has no native XDP;
 * another program is there already; the MTU is too large for it. BPF_PROG_TYPE_XDP.
 */
import { bpf } from '../kernel/bpf-attr.ts';
import { ATTACH_TYPE } from '../kernel/bpf-enums.ts';
import { type Kernel, KernelError } from '../kernel/port.ts';
import { type AttachableProgram, type Attachment, attachment, explainAttach, type HookNeeds, linkUnknown } from './attachment.ts';
import { setXdp } from './netlink-xdp.ts';
import { findInterface, inNamespace } from './netns.ts';

export interface XdpOptions {
  readonly mode?: 'native' | 'generic' | 'offload';
  readonly netns?: string;
  /** Take the netlink way also where links exist. The program then outlives this process unless it detaches. */
  readonly legacy?: boolean;
}

const FLAGS = { UPDATE_IF_NOEXIST: 1, generic: 2, native: 4, offload: 8, REPLACE: 16 } as const;

export function attachXdp(kernel: Kernel, program: AttachableProgram, nic: string | number, options: XdpOptions = {}): Attachment {
  return inNamespace(kernel, options.netns, () => {
    const ifindex = findInterface(kernel, nic);
    const target = String(nic);
    const mode = options.mode === undefined ? 0 : FLAGS[options.mode];
    const needs: HookNeeds = {
      doing: `attaching '${program.name}' to XDP on ${target}`,
      capabilities: ['CAP_NET_ADMIN'],
      feature: 'XDP',
      minKernel: '4.8',
      meanings: XDP_MEANINGS,
    };
    const link = options.legacy === true ? undefined : tryLink(kernel, program, ifindex, mode, needs);
    if (link !== undefined) return attachment(kernel, { kind: 'xdp', target, program, via: 'link', fds: [link] });
    try {
      setXdp(kernel, ifindex, program.fd, mode | FLAGS.UPDATE_IF_NOEXIST);
    } catch (error) {
      throw explainAttach(kernel, error, needs);
    }
    return attachment(kernel, {
      kind: 'xdp',
      target,
      program,
      via: 'netlink',
      fds: [],
      undo: () => inNamespace(kernel, options.netns, () => setXdp(kernel, ifindex, -1, mode)),
    });
  });
}

function tryLink(kernel: Kernel, program: AttachableProgram, ifindex: number, flags: number, needs: HookNeeds): number | undefined {
  try {
    return bpf(kernel, 'LINK_CREATE', { prog_fd: program.fd, target_fd: ifindex, attach_type: ATTACH_TYPE.xdp, flags });
  } catch (error) {
    // EINVAL: no XDP links before 5.9. Also a wrong mode, which netlink then refuses with a better error.
    if (error instanceof KernelError && error.code === 'EINVAL' && linkUnknown(error)) return undefined;
    throw explainAttach(kernel, error, needs);
  }
}

const XDP_MEANINGS: Readonly<Record<string, string>> = {
  EBUSY: 'there is another XDP program on this interface',
  EEXIST: 'there is another XDP program on this interface',
  ENODEV: 'there is no such interface',
  EOPNOTSUPP: 'the driver of this interface does not have this mode of XDP (generic mode works everywhere)',
  ERANGE: 'the MTU of this interface is too large for XDP',
  EINVAL: 'the driver refuses the program or the mode (its MTU may be too large, or features such as LRO be on)',
};
