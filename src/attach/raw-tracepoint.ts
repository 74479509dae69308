/**
 * Raw tracepoints: the same places as tracepoints, but the program gets the arguments of the kernel's own call, before
 * any record is made. Faster, and less stable.
 *
 * Minimum kernel: 4.17; cookies since 6.10. Needs CAP_PERFMON. Errors: no such tracepoint; the program reads more
 * arguments than there are. BPF_PROG_TYPE_RAW_TRACEPOINT.
 */
import { bpf, cString } from '../kernel/bpf-attr.ts';
import { NoSuchHookError } from '../kernel/errors.ts';
import { kernelBtf } from '../kernel/kernel-btf.ts';
import { type Kernel, KernelError } from '../kernel/port.ts';
import { type AttachableProgram, type Attachment, attachment, explainAttach } from './attachment.ts';

export interface RawTracepointOptions {
  readonly cookie?: bigint;
}

/** `target`: the event's name, 'sched_switch' ('sched:sched_switch' is taken, too). */
export function attachRawTracepoint(
  kernel: Kernel,
  program: AttachableProgram,
  target: string,
  options: RawTracepointOptions = {},
): Attachment {
  const name = target.slice(target.indexOf(':') + 1);
  try {
    const fd = bpf(kernel, 'RAW_TRACEPOINT_OPEN', { name: cString(name), prog_fd: program.fd, cookie: options.cookie ?? 0n });
    return attachment(kernel, { kind: 'raw_tracepoint', target: name, program, via: 'link', fds: [fd] });
  } catch (error) {
    if (error instanceof KernelError && error.code === 'ENOENT')
      throw new NoSuchHookError(`there is no raw tracepoint '${name}'`, similarRaw(kernel, name), undefined, error);
    throw explainAttach(kernel, error, {
      doing: `attaching '${program.name}' to raw tracepoint ${name}`,
      capabilities: ['CAP_PERFMON'],
      feature: 'raw tracepoints',
      minKernel: '4.17',
      lockedBy: 'confidentiality',
      meanings: {
        E2BIG: 'this kernel has no attach cookies for raw tracepoints (Linux 6.10 has them)',
        EINVAL: 'the program reads more arguments than this tracepoint has, or is of another type',
      },
    });
  }
}

function similarRaw(kernel: Kernel, name: string): string[] {
  const prefix = 'btf_trace_';
  const found = kernelBtf(kernel)?.similar(prefix + name, 'typedef') ?? [];
  return found.filter((s) => s.startsWith(prefix)).map((s) => s.slice(prefix.length));
}
