/**
 * Netfilter hooks: a program beside iptables and nftables, in an order by priority.
 *
 * Minimum kernel: 6.4. Needs CAP_NET_ADMIN. The program returns 0 (drop) or 1 (accept). BPF_PROG_TYPE_NETFILTER.
 */
import { ATTACH_TYPE } from '../kernel/bpf-enums.ts';
import type { Kernel } from '../kernel/port.ts';
import { type AttachableProgram, type Attachment, attachment, createLink } from './attachment.ts';
import { inNamespace } from './netns.ts';

const FAMILY = { ipv4: 2, ipv6: 10 } as const;
const HOOK = { prerouting: 0, input: 1, forward: 2, output: 3, postrouting: 4 } as const;
const BPF_F_NETFILTER_IP_DEFRAG = 1;

export interface NetfilterTarget {
  readonly family: keyof typeof FAMILY;
  readonly hook: keyof typeof HOOK;
  /** Lower runs first; no two programs may have the same. */
  readonly priority: number;
  /** Put fragments together first (Linux 6.6). */
  readonly defragment?: boolean;
  readonly netns?: string;
}

export function attachNetfilter(kernel: Kernel, program: AttachableProgram, at: NetfilterTarget): Attachment {
  const target = `${at.family} ${at.hook}, priority ${at.priority}`;
  return inNamespace(kernel, at.netns, () => {
    const fd = createLink(
      kernel,
      'LINK_CREATE_NETFILTER',
      {
        prog_fd: program.fd,
        attach_type: ATTACH_TYPE.netfilter,
        pf: FAMILY[at.family],
        hooknum: HOOK[at.hook],
        priority: at.priority,
        netfilter_flags: at.defragment === true ? BPF_F_NETFILTER_IP_DEFRAG : 0,
      },
      {
        doing: `attaching '${program.name}' to netfilter ${target}`,
        capabilities: ['CAP_NET_ADMIN'],
        feature: 'netfilter links',
        minKernel: '6.4',
        config: 'CONFIG_NETFILTER_BPF_LINK',
        meanings: { EBUSY: 'there is another with this priority', ERANGE: 'the priority is taken by the kernel' },
      },
    );
    return attachment(kernel, { kind: 'netfilter', target, program, via: 'link', fds: [fd] });
  });
}
