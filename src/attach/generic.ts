/**
 * The plain way: a program onto whatever a descriptor refers to (BPF_PROG_ATTACH). For hooks that have no file of their
 * own here; the caller knows what the descriptor must be. Minimum kernel: 4.10.
 */
import { bpf } from '../kernel/bpf-attr.ts';
import { UsageError } from '../kernel/errors.ts';
import type { Kernel } from '../kernel/port.ts';
import { attachType } from '../object/attach-types.ts';
import { type AttachableProgram, type Attachment, attachment, explainAttach } from './attachment.ts';

/** `type`: 'flow_dissector', 'lirc_mode2', … or its number. */
export function attachTo(kernel: Kernel, program: AttachableProgram, target: number, type: string | number, flags = 0): Attachment {
  const number = typeof type === 'number' ? type : attachType(type)?.number;
  if (number === undefined) throw new UsageError(`there is no attach type '${type}'`);
  try {
    bpf(kernel, 'PROG_ATTACH', { target_fd: target, attach_bpf_fd: program.fd, attach_type: number, attach_flags: flags });
  } catch (error) {
    throw explainAttach(kernel, error, { doing: `attaching '${program.name}' (${type})`, capabilities: ['CAP_BPF', 'CAP_NET_ADMIN'] });
  }
  return attachment(kernel, {
    kind: String(type),
    target: `descriptor ${target}`,
    program,
    via: 'attach',
    fds: [],
    undo: () => void bpf(kernel, 'PROG_DETACH', { target_fd: target, attach_bpf_fd: program.fd, attach_type: number }),
  });
}
