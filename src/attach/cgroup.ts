/**
 * cgroup hooks: programs on what the processes of a control group do: packets, sockets, connect and bind, socket options,
 * devices, sysctls.
 *
 * Minimum kernel: 5.7 for links; before, an attachment that stays with the cgroup until it is taken off (4.10, several
 * programs 4.15). The cgroup is given by its folder in a cgroup2 file system. Needs CAP_NET_ADMIN (devices:
 * CAP_SYS_ADMIN). Errors: no such folder, or not a cgroup2 folder. BPF_PROG_TYPE_CGROUP_SKB and its like.
 */
import { bpf } from '../kernel/bpf-attr.ts';
import { UsageError } from '../kernel/errors.ts';
import { type Kernel, KernelError } from '../kernel/port.ts';
import { type AttachType, attachType } from '../object/attach-types.ts';
import type { ProgramSpec } from '../object/spec.ts';
import { type AttachableProgram, type Attachment, attachment, explainAttach, type HookNeeds, linkUnknown } from './attachment.ts';

const AT_FDCWD = -100;
const O_DIRECTORY = 0o200000;
const BPF_F_ALLOW_MULTI = 2;

export interface CgroupProgram extends AttachableProgram {
  readonly spec: ProgramSpec;
}

/** `path`: '/sys/fs/cgroup/my.slice'. The hook is the program's attach type. */
export function attachCgroup(kernel: Kernel, program: CgroupProgram, path: string): Attachment {
  const type = attachType(program.spec.attachType ?? '');
  if (type === undefined) throw new UsageError(`program '${program.name}' does not say which cgroup hook it is for`);
  const kind = type.name;
  const needs: HookNeeds = {
    doing: `attaching '${program.name}' to ${kind} of ${path}`,
    capabilities: ['CAP_NET_ADMIN'],
    feature: 'cgroup programs',
    minKernel: '4.10',
    meanings: { EBADF: 'it is not a folder of a cgroup2 file system', EPERM: 'a program further up does not allow others' },
  };
  const cgroup = openFolder(kernel, path);
  try {
    const link = tryLink(kernel, program, cgroup, type.number, needs);
    if (link !== undefined) {
      kernel.close(cgroup);
      return attachment(kernel, { kind, target: path, program, via: 'link', fds: [link] });
    }
    bpf(kernel, 'PROG_ATTACH', { target_fd: cgroup, attach_bpf_fd: program.fd, attach_type: type.number, attach_flags: BPF_F_ALLOW_MULTI });
  } catch (error) {
    kernel.close(cgroup);
    throw explainAttach(kernel, error, needs);
  }
  return attachment(kernel, {
    kind,
    target: path,
    program,
    via: 'attach',
    fds: [cgroup],
    undo: () => void bpf(kernel, 'PROG_DETACH', { target_fd: cgroup, attach_bpf_fd: program.fd, attach_type: type.number }),
  });
}

/** The row of a hook, 'cgroup_inet4_connect' (or 'inet4_connect'). */
export function cgroupHook(name: string): AttachType {
  const type = attachType(name) ?? attachType(`cgroup_${name}`);
  if (type === undefined || !type.name.startsWith('cgroup_')) throw new UsageError(`there is no cgroup hook '${name}'`);
  return type;
}

function tryLink(kernel: Kernel, program: AttachableProgram, cgroup: number, type: number, needs: HookNeeds): number | undefined {
  try {
    return bpf(kernel, 'LINK_CREATE_CGROUP', { prog_fd: program.fd, target_fd: cgroup, attach_type: type });
  } catch (error) {
    if (error instanceof KernelError && linkUnknown(error)) return undefined;
    throw explainAttach(kernel, error, needs);
  }
}

function openFolder(kernel: Kernel, path: string): number {
  try {
    return kernel.syscall('openat', AT_FDCWD, path, O_DIRECTORY, 0);
  } catch (error) {
    if (error instanceof KernelError && (error.code === 'ENOENT' || error.code === 'ENOTDIR'))
      throw new UsageError(`there is no cgroup at ${path}`, [], undefined, error);
    throw error;
  }
}
