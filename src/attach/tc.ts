/**
 * Traffic control: programs on packets that enter or leave an interface.
 *
 *   attachTcx      a link with an order among the programs of the hook; minimum kernel 6.6
 *   attachClsact   the classic way: a `clsact` queueing discipline with a `bpf` filter, by netlink; minimum kernel 4.5.
 *                  It outlives this process unless it detaches, so links are taken where the kernel has them
 *
 * Needs CAP_NET_ADMIN. Errors: no such interface; a place in the order that does not exist. BPF_PROG_TYPE_SCHED_CLS.
 */

import { bpf } from '../kernel/bpf-attr.ts';
import { ATTACH_TYPE } from '../kernel/bpf-enums.ts';
import { UsageError } from '../kernel/errors.ts';
import { type Kernel, KernelError } from '../kernel/port.ts';
import { type AttachableProgram, type Attachment, attachment, explainAttach, type HookNeeds, linkUnknown } from './attachment.ts';
import { MAKE, routeRequest, text, u32 } from './netlink.ts';
import { findInterface, inNamespace } from './netns.ts';

export type TcDirection = 'ingress' | 'egress';

/** Where among the programs of the hook: at an end, or beside another program or link. */
export type TcAnchor = 'first' | 'last' | { readonly before: AnchorTarget } | { readonly after: AnchorTarget };
export type AnchorTarget =
  | { readonly program: number }
  | { readonly programId: number }
  | { readonly link: number }
  | { readonly linkId: number };

const F = { BEFORE: 1 << 3, AFTER: 1 << 4, ID: 1 << 5, LINK: 1 << 13 } as const;

export interface TcOptions {
  readonly netns?: string;
  readonly order?: TcAnchor;
  /** Taken for the classic way; smaller runs first. */
  readonly priority?: number;
  /** Take the classic way also where tcx exists. */
  readonly legacy?: boolean;
}

export function attachTc(
  kernel: Kernel,
  program: AttachableProgram,
  nic: string | number,
  direction: TcDirection,
  options: TcOptions = {},
): Attachment {
  if (direction !== 'ingress' && direction !== 'egress')
    throw new UsageError(`attaching '${program.name}' to tc ${nic}: the direction is 'ingress' or 'egress', not '${String(direction)}'`);
  return inNamespace(kernel, options.netns, () => {
    const ifindex = findInterface(kernel, nic);
    const target = `${nic} ${direction}`;
    const needs: HookNeeds = {
      doing: `attaching '${program.name}' to tc ${target}`,
      capabilities: ['CAP_NET_ADMIN'],
      feature: 'traffic control programs',
      minKernel: '4.5',
      meanings: {
        ENODEV: 'there is no such interface',
        ESTALE: 'the programs of the hook changed meanwhile',
        ENOENT: 'the program to be placed beside is not there',
        EEXIST: 'the program is there already',
        ERANGE: 'there are too many programs on the hook',
      },
    };
    const link = options.legacy === true ? undefined : tryTcx(kernel, program, ifindex, direction, options.order, needs);
    if (link !== undefined) return attachment(kernel, { kind: 'tcx', target, program, via: 'link', fds: [link] });
    try {
      return attachClsact(kernel, program, ifindex, direction, target, options);
    } catch (error) {
      throw explainAttach(kernel, error, needs);
    }
  });
}

function tryTcx(
  kernel: Kernel,
  program: AttachableProgram,
  ifindex: number,
  direction: TcDirection,
  order: TcAnchor | undefined,
  needs: HookNeeds,
): number | undefined {
  const [flags, relative] = anchor(order);
  try {
    return bpf(kernel, 'LINK_CREATE_TCX', {
      prog_fd: program.fd,
      target_fd: ifindex,
      attach_type: direction === 'ingress' ? ATTACH_TYPE.tcx_ingress : ATTACH_TYPE.tcx_egress,
      flags,
      relative_fd: relative,
    });
  } catch (error) {
    // An order is something that only tcx has: then its error stands.
    if (error instanceof KernelError && linkUnknown(error) && order === undefined) return undefined;
    throw explainAttach(kernel, error, { ...needs, feature: 'tcx links', minKernel: '6.6' });
  }
}

function anchor(order: TcAnchor | undefined): [flags: number, relative: number] {
  if (order === undefined || order === 'last') return [0, 0];
  if (order === 'first') return [F.BEFORE, 0];
  const before = 'before' in order;
  const target = before ? order.before : order.after;
  const side = before ? F.BEFORE : F.AFTER;
  if ('program' in target) return [side, target.program];
  if ('programId' in target) return [side | F.ID, target.programId];
  if ('link' in target) return [side | F.LINK, target.link];
  return [side | F.LINK | F.ID, target.linkId];
}

const RTM_NEWQDISC = 36;
const RTM_NEWTFILTER = 44;
const RTM_DELTFILTER = 45;
const TCA_KIND = 1;
const TCA_OPTIONS = 2;
const TCA_BPF_FD = 6;
const TCA_BPF_NAME = 7;
const TCA_BPF_FLAGS = 8;
const TCA_BPF_FLAG_ACT_DIRECT = 1;
const CLSACT = 0xffff_fff1;
const CLSACT_HANDLE = 0xffff_0000;
const PARENT: Readonly<Record<TcDirection, number>> = { ingress: 0xffff_fff2, egress: 0xffff_fff3 };
/** ETH_P_ALL in network byte order. */
const ALL = 0x0300;

function attachClsact(
  kernel: Kernel,
  program: AttachableProgram,
  ifindex: number,
  direction: TcDirection,
  target: string,
  options: TcOptions,
): Attachment {
  try {
    routeRequest(kernel, 'rtnetlink(qdisc)', RTM_NEWQDISC, MAKE.CREATE | MAKE.EXCL, tcHeader(ifindex, CLSACT_HANDLE, CLSACT, 0), [
      [TCA_KIND, text('clsact')],
    ]);
  } catch (error) {
    // Someone else's clsact will do. It stays when the filter goes: others may use it by then.
    if (!(error instanceof KernelError) || error.code !== 'EEXIST') throw error;
  }
  const priority = options.priority ?? 1;
  // A handle of our own: what another tool puts there under the same priority is never replaced or taken away.
  const handle = ((process.pid << 8) | (program.fd & 0xff)) >>> 0;
  const info = ((priority << 16) | ALL) >>> 0;
  routeRequest(kernel, 'rtnetlink(filter)', RTM_NEWTFILTER, MAKE.CREATE | MAKE.EXCL, tcHeader(ifindex, handle, PARENT[direction], info), [
    [TCA_KIND, text('bpf')],
    [
      TCA_OPTIONS,
      [
        [TCA_BPF_FD, u32(program.fd)],
        [TCA_BPF_NAME, text(program.name)],
        [TCA_BPF_FLAGS, u32(TCA_BPF_FLAG_ACT_DIRECT)],
      ],
    ],
  ]);
  return attachment(kernel, {
    kind: 'tc',
    target,
    program,
    via: 'netlink',
    fds: [],
    undo: () =>
      inNamespace(kernel, options.netns, () => {
        routeRequest(kernel, 'rtnetlink(filter)', RTM_DELTFILTER, 0, tcHeader(ifindex, handle, PARENT[direction], info), [
          [TCA_KIND, text('bpf')],
        ]);
      }),
  });
}

/** struct tcmsg { u8 family, pad; u16 pad; s32 ifindex; u32 handle, parent, info } */
function tcHeader(ifindex: number, handle: number, parent: number, info: number): Uint8Array {
  const header = new Uint8Array(20);
  const view = new DataView(header.buffer);
  view.setInt32(4, ifindex, true);
  view.setUint32(8, handle, true);
  view.setUint32(12, parent, true);
  view.setUint32(16, info, true);
  return header;
}
