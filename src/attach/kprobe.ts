/**
 * kprobes and kretprobes: programs on any function of the kernel, at its start, at an offset, or at its return.
 *
 * Minimum kernel: 4.17 (the perf device; older ones by tracefs, `tracefs-probe.ts`), cookies and links 5.15. Needs CAP_PERFMON and, because a probe changes kernel
 * text, a kernel that is not locked down for confidentiality. Errors: a function that is not there or cannot be probed
 * (inlined, `notrace`, on the kernel's list of exceptions); an offset inside an instruction; a name that several
 * functions have. BPF_PROG_TYPE_KPROBE.
 */
import { cString } from '../kernel/bpf-attr.ts';
import { NoSuchHookError, UsageError } from '../kernel/errors.ts';
import { perfEventOpen } from '../kernel/perf-attr.ts';
import { type Kernel, KernelError } from '../kernel/port.ts';
import { type AttachableProgram, type Attachment, attachment, explainAttach, type HookNeeds } from './attachment.ts';
import { similarFunctions } from './functions.ts';
import { KPROBE_MEANINGS, notTraceable } from './kprobe-errors.ts';
import { attachToEvent } from './perf.ts';
import { hasProbeDevice, probeDevice } from './probe-pmu.ts';
import { hasTracefsProbes, makeTracefsProbe } from './tracefs-probe.ts';

export interface KprobeOptions {
  /** At the return of the function; the context then has its result. */
  readonly return?: boolean;
  /** Bytes from the start of the function. */
  readonly offset?: number;
  readonly cookie?: bigint;
  /** Return probes: how many calls may be under way at once; others go uncounted. By tracefs, which alone can say it. */
  readonly maxactive?: number;
  /** Take the tracefs way also where the perf device is there. */
  readonly legacy?: boolean;
}

/** KRETPROBE_MAXACTIVE_MAX of kernel/trace/trace_kprobe.c. */
const MOST_ACTIVE = 4096;

/** `target`: the name of a function, or an address. A name that does not exist comes with names that resemble it. */
export function attachKprobe(kernel: Kernel, program: AttachableProgram, target: string | bigint, options: KprobeOptions = {}): Attachment {
  try {
    return attachOneKprobe(kernel, program, target, options);
  } catch (error) {
    if (!(error instanceof NoSuchHookError) || typeof target !== 'string') throw error;
    throw new NoSuchHookError(error.message, similarFunctions(kernel, target.slice(target.indexOf(':') + 1)), undefined, error.cause);
  }
}

/** As `attachKprobe`, without looking for names that resemble the one given: for one of many. */
export function attachOneKprobe(
  kernel: Kernel,
  program: AttachableProgram,
  target: string | bigint,
  options: KprobeOptions = {},
): Attachment {
  const kind = options.return === true ? 'kretprobe' : 'kprobe';
  const name = typeof target === 'string' ? target : `0x${target.toString(16)}`;
  const where = options.offset === undefined || options.offset === 0 ? name : `${name}+${options.offset}`;
  const needs: HookNeeds = {
    doing: `attaching '${program.name}' to ${kind} ${where}`,
    capabilities: ['CAP_PERFMON'],
    lockedBy: 'confidentiality',
  };
  const { offset = 0, maxactive = 0 } = options;
  if (!Number.isSafeInteger(offset) || offset < 0)
    throw new UsageError(`attaching '${program.name}' to ${kind} ${name}: offset is a whole number of bytes from 0 on, not ${offset}`);
  if (!Number.isSafeInteger(maxactive) || maxactive < 0 || maxactive > MOST_ACTIVE)
    throw new UsageError(`${needs.doing}: maxactive is 0 (the kernel's own choice) to ${MOST_ACTIVE}, not ${maxactive}`);
  if (options.return === true && (options.offset ?? 0) !== 0) throw new UsageError(`${needs.doing}: a return probe has no offset`);
  const way = options.maxactive !== undefined || options.legacy === true || !hasProbeDevice(kernel, 'kprobe') ? byTracefs : byDevice;
  return way(kernel, program, target, options, { ...needs, meanings: KPROBE_MEANINGS }, { kind, target: where });
}

type Place = Pick<Attachment, 'kind' | 'target'>;

function byDevice(
  kernel: Kernel,
  program: AttachableProgram,
  target: string | bigint,
  options: KprobeOptions,
  needs: HookNeeds,
  place: Place,
): Attachment {
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
      throw new NoSuchHookError(notTraceable(needs.doing, String(target)), [], undefined, error);
    throw explainAttach(kernel, error, needs);
  }
  const attached = attachToEvent(kernel, program, event, { ...needs, meanings: {} }, options.cookie);
  return attachment(kernel, { ...place, program, via: attached.via, fds: [attached.fd] });
}

function byTracefs(
  kernel: Kernel,
  program: AttachableProgram,
  target: string | bigint,
  options: KprobeOptions,
  needs: HookNeeds,
  place: Place,
): Attachment {
  // The older way is the last one: without it the kernel has no kprobes, and the device's error says so best.
  if (!hasTracefsProbes(kernel)) return byDevice(kernel, program, target, options, needs, place);
  const name = typeof target === 'string' ? target : `0x${target.toString(16)}`;
  const probe = makeTracefsProbe(kernel, name, options, needs);
  try {
    const attached = attachToEvent(kernel, program, probe.fd, { ...needs, meanings: {} }, options.cookie);
    return attachment(kernel, { ...place, program, via: attached.via, fds: [attached.fd], after: probe.remove });
  } catch (error) {
    probe.remove();
    throw error;
  }
}
