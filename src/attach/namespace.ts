/**
 * Programs of a network namespace: `sk_lookup` (which socket gets a new connection) and `flow_dissector`.
 *
 * Minimum kernel: 5.8, sk_lookup 5.9. Needs CAP_NET_ADMIN. BPF_PROG_TYPE_SK_LOOKUP, BPF_PROG_TYPE_FLOW_DISSECTOR.
 */
import { UsageError } from '../kernel/errors.ts';
import { type Kernel, KernelError } from '../kernel/port.ts';
import { attachType } from '../object/attach-types.ts';
import { type Attachment, attachment, createLink } from './attachment.ts';
import type { CgroupProgram } from './cgroup.ts';

const AT_FDCWD = -100;

/** `path`: '/proc/PID/ns/net', '/run/netns/x'; this process's namespace without. */
export function attachNetns(kernel: Kernel, program: CgroupProgram, path = '/proc/thread-self/ns/net'): Attachment {
  const type = attachType(program.spec.attachType ?? program.spec.type);
  if (type === undefined) throw new UsageError(`program '${program.name}' is not for network namespaces`);
  let netns: number;
  try {
    netns = kernel.syscall('openat', AT_FDCWD, path, 0, 0);
  } catch (error) {
    if (error instanceof KernelError && error.code === 'ENOENT')
      throw new UsageError(`there is no network namespace at ${path}`, [], undefined, error);
    throw error;
  }
  try {
    const link = createLink(
      kernel,
      'LINK_CREATE',
      { prog_fd: program.fd, target_fd: netns, attach_type: type.number },
      {
        doing: `attaching '${program.name}' to ${type.name} of ${path}`,
        capabilities: ['CAP_NET_ADMIN'],
        feature: `${type.name} links`,
        minKernel: type.name === 'sk_lookup' ? '5.9' : '5.8',
        meanings: { EINVAL: 'it is not a network namespace, or the program is of another type', EEXIST: 'there is another program' },
      },
    );
    return attachment(kernel, { kind: type.name, target: path, program, via: 'link', fds: [link] });
  } finally {
    kernel.close(netns);
  }
}
