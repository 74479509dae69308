/**
 * Programs on the sockets of a sockmap or sockhash: `sk_msg` (what is sent) and `sk_skb` (what is received).
 *
 * Minimum kernel: 4.14 (sk_skb), 4.17 (sk_msg), sk_skb verdict alone 5.13; a link 6.10. Needs CAP_NET_ADMIN.
 * BPF_PROG_TYPE_SK_MSG, BPF_PROG_TYPE_SK_SKB.
 */
import { bpf } from '../kernel/bpf-attr.ts';
import { UsageError } from '../kernel/errors.ts';
import { type Kernel, KernelError } from '../kernel/port.ts';
import { attachType } from '../object/attach-types.ts';
import { type Attachment, attachment, explainAttach, type HookNeeds, linkUnknown } from './attachment.ts';
import type { CgroupProgram } from './cgroup.ts';

export function attachSockmap(kernel: Kernel, program: CgroupProgram, map: { readonly fd: number; readonly name: string }): Attachment {
  const type = attachType(program.spec.attachType ?? '');
  if (type === undefined) throw new UsageError(`program '${program.name}' does not say which sockmap hook it is for`);
  const needs: HookNeeds = {
    doing: `attaching '${program.name}' to map '${map.name}'`,
    capabilities: ['CAP_NET_ADMIN'],
    feature: 'sockmap programs',
    minKernel: '4.14',
    meanings: {
      EINVAL: 'the map is no sockmap, or the program is of another type',
      EBUSY: 'there is another program on it',
      EEXIST: 'there is another program on it',
    },
  };
  try {
    const link = tryLink(kernel, program.fd, map.fd, type.number);
    if (link !== undefined) return attachment(kernel, { kind: type.name, target: map.name, program, via: 'link', fds: [link] });
    bpf(kernel, 'PROG_ATTACH', { target_fd: map.fd, attach_bpf_fd: program.fd, attach_type: type.number });
  } catch (error) {
    throw explainAttach(kernel, error, needs);
  }
  return attachment(kernel, {
    kind: type.name,
    target: map.name,
    program,
    via: 'attach',
    fds: [],
    undo: () => void bpf(kernel, 'PROG_DETACH', { target_fd: map.fd, attach_bpf_fd: program.fd, attach_type: type.number }),
  });
}

function tryLink(kernel: Kernel, program: number, map: number, type: number): number | undefined {
  try {
    return bpf(kernel, 'LINK_CREATE', { prog_fd: program, target_fd: map, attach_type: type });
  } catch (error) {
    if (error instanceof KernelError && linkUnknown(error)) return undefined;
    throw error;
  }
}
