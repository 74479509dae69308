/**
 * kprobes and kretprobes: programs on any function of the kernel, at its start, at an offset, or at its return.
 *
 * Minimum kernel: 4.17 (the perf device), cookies and links 5.15. Needs CAP_PERFMON and, because a probe changes kernel
 * text, a kernel that is not locked down for confidentiality. Errors: a function that is not there or cannot be probed
 * (inlined, `notrace`, on the kernel's list of exceptions); an offset inside an instruction; a name that several
 * functions have. BPF_PROG_TYPE_KPROBE.
 */
import { cString } from '../kernel/bpf-attr.ts';
import { NoSuchHookError, UsageError } from '../kernel/errors.ts';
import { perfEventOpen } from '../kernel/perf-attr.ts';
import { type Kernel, KernelError } from '../kernel/port.ts';
import { type AttachableProgram, type Attachment, attachment, explainAttach, type HookNeeds } from './attachment.ts';
import { attachToEvent } from './perf.ts';
import { probeDevice } from './probe-pmu.ts';

export interface KprobeOptions {
  /** At the return of the function; the context then has its result. */
  readonly return?: boolean;
  /** Bytes from the start of the function. */
  readonly offset?: number;
  readonly cookie?: bigint;
}

/** `target`: the name of a function, or an address. */
export function attachKprobe(kernel: Kernel, program: AttachableProgram, target: string | bigint, options: KprobeOptions = {}): Attachment {
  const kind = options.return === true ? 'kretprobe' : 'kprobe';
  const name = typeof target === 'string' ? target : `0x${target.toString(16)}`;
  const where = options.offset === undefined || options.offset === 0 ? name : `${name}+${options.offset}`;
  const needs: HookNeeds = {
    doing: `attaching '${program.name}' to ${kind} ${where}`,
    capabilities: ['CAP_PERFMON'],
    lockedBy: 'confidentiality',
  };
  if (options.return === true && (options.offset ?? 0) !== 0) throw new UsageError(`${needs.doing}: a return probe has no offset`);
  const device = probeDevice(kernel, 'kprobe');
  let event: number;
  try {
    event = perfEventOpen(
      kernel,
      {
        type: device.type,
        config: options.return === true ? device.returnBit : 0n,
        // Given an address there is no name, and the other way round.
        config1: typeof target === 'string' ? cString(target) : 0n,
        config2: typeof target === 'string' ? BigInt(options.offset ?? 0) : target + BigInt(options.offset ?? 0),
      },
      { cpu: 0 },
    );
  } catch (error) {
    if (error instanceof KernelError && error.code === 'ENOENT')
      throw new NoSuchHookError(notTraceable(needs.doing, name), [], undefined, error);
    throw explainAttach(kernel, error, { ...needs, meanings: KPROBE_MEANINGS });
  }
  const attached = attachToEvent(kernel, program, event, needs, options.cookie);
  return attachment(kernel, { kind, target: where, program, via: attached.via, fds: [attached.fd] });
}

export function notTraceable(doing: string, name: string): string {
  return `${doing}: '${name}' cannot be probed: there is no such function, or it was inlined or marked notrace`;
}

const KPROBE_MEANINGS: Readonly<Record<string, string>> = {
  EILSEQ: 'the offset is in the middle of an instruction',
  EINVAL: "the function cannot be probed there (it is on the kernel's list of exceptions, or the offset is not in it)",
  EADDRNOTAVAIL: 'several functions have that name',
  EBUSY: 'the function cannot be probed at the moment',
};
