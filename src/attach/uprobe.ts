/**
 * uprobes and uretprobes: programs on functions of user-space binaries and libraries.
 *
 * A probe hangs on a file and an offset in it; every process that maps the file runs into it, or one process if a pid is
 * given. Which offset a symbol has is for `symbols/` to say. `refCounter` is the offset of the counter that USDT probes
 * use to know whether someone listens. Minimum kernel: 4.17; reference counters 4.20; links and cookies 5.15; many at once
 * (`attachUprobeMulti`, program loaded with attach type trace_uprobe_multi) 6.6. Needs CAP_PERFMON.
 * Errors: no such file; an offset that holds no instruction; a process that does not exist. BPF_PROG_TYPE_KPROBE.
 */

import { cString } from '../kernel/bpf-attr.ts';
import { ATTACH_TYPE } from '../kernel/bpf-enums.ts';
import { FeatureError, UsageError } from '../kernel/errors.ts';
import { perfEventOpen } from '../kernel/perf-attr.ts';
import { type Kernel, KernelError } from '../kernel/port.ts';
import { type AttachableProgram, type Attachment, attachment, createLink, explainAttach, type HookNeeds } from './attachment.ts';
import { attachToEvent } from './perf.ts';
import { probeDevice } from './probe-pmu.ts';

export interface UprobeTarget {
  readonly path: string;
  /** In the file, not in memory. */
  readonly offset: bigint;
  readonly refCounter?: bigint;
}

export interface UprobeOptions {
  readonly return?: boolean;
  /** Only this process; all without, or with -1. */
  readonly pid?: number;
  readonly cookie?: bigint;
  /** What the place is called in messages: 'libc.so.6:malloc'. */
  readonly label?: string;
}

export function attachUprobe(kernel: Kernel, program: AttachableProgram, target: UprobeTarget, options: UprobeOptions = {}): Attachment {
  const kind = options.return === true ? 'uretprobe' : 'uprobe';
  const where = options.label ?? `${target.path}+0x${target.offset.toString(16)}`;
  const needs: HookNeeds = { doing: `attaching '${program.name}' to ${kind} ${where}`, capabilities: ['CAP_PERFMON'] };
  const device = probeDevice(kernel, 'uprobe');
  const counter = target.refCounter ?? 0n;
  if (counter !== 0n && device.counterShift === undefined) throw new FeatureError('reference counters of uprobes', { minKernel: '4.20' });
  let event: number;
  try {
    event = perfEventOpen(
      kernel,
      {
        type: device.type,
        config: (options.return === true ? device.returnBit : 0n) | (counter << (device.counterShift ?? 32n)),
        config1: cString(target.path),
        config2: target.offset,
      },
      { pid: options.pid ?? -1, cpu: (options.pid ?? -1) === -1 ? 0 : -1 },
    );
  } catch (error) {
    throw explainUprobe(kernel, error, needs, target.path, options.pid);
  }
  const attached = attachToEvent(kernel, program, event, needs, options.cookie);
  return attachment(kernel, { kind, target: where, program, via: attached.via, fds: [attached.fd] });
}

function explainUprobe(kernel: Kernel, error: unknown, needs: HookNeeds, path: string, pid: number | undefined): unknown {
  if (error instanceof KernelError) {
    if (error.code === 'ENOENT') return new UsageError(`${needs.doing}: there is no file ${path}`, [], undefined, error);
    if (error.code === 'ESRCH') return new UsageError(`${needs.doing}: there is no process ${pid ?? ''}`, [], undefined, error);
  }
  return explainAttach(kernel, error, {
    ...needs,
    meanings: {
      EINVAL: 'the file cannot be probed there: not a regular file, or the offset is beyond its end',
      EIO: 'the file cannot be mapped',
      ENOTSUPP: 'the instruction there cannot be probed',
      EOPNOTSUPP: 'the instruction there cannot be probed',
    },
  });
}

const BPF_F_UPROBE_MULTI_RETURN = 1;

export interface UprobeMultiOptions extends Omit<UprobeOptions, 'cookie'> {
  /** At entry and at return, with something to remember between them. */
  readonly session?: boolean;
  /** One for each place. */
  readonly cookies?: readonly bigint[];
}

/** Many places of one file at once. */
export function attachUprobeMulti(
  kernel: Kernel,
  program: AttachableProgram,
  path: string,
  places: readonly Omit<UprobeTarget, 'path'>[],
  options: UprobeMultiOptions = {},
): Attachment {
  const kind = options.session === true ? 'uprobe.session' : options.return === true ? 'uretprobe.multi' : 'uprobe.multi';
  const words = (values: readonly bigint[]): Uint8Array => new Uint8Array(BigUint64Array.from(values).buffer);
  const target = options.label ?? `${path} (${places.length} places)`;
  const fd = createLink(
    kernel,
    'LINK_CREATE_UPROBE_MULTI',
    {
      prog_fd: program.fd,
      attach_type: options.session === true ? ATTACH_TYPE.trace_uprobe_session : ATTACH_TYPE.trace_uprobe_multi,
      path: cString(path),
      offsets: words(places.map((p) => p.offset)),
      ...(places.some((p) => p.refCounter !== undefined) ? { ref_ctr_offsets: words(places.map((p) => p.refCounter ?? 0n)) } : {}),
      ...(options.cookies === undefined ? {} : { cookies: words(options.cookies) }),
      cnt: places.length,
      uprobe_flags: options.return === true ? BPF_F_UPROBE_MULTI_RETURN : 0,
      pid: options.pid === undefined || options.pid === -1 ? 0 : options.pid,
    },
    {
      doing: `attaching '${program.name}' to ${kind} ${target}`,
      capabilities: ['CAP_PERFMON'],
      feature: 'uprobe.multi links',
      minKernel: options.session === true ? '6.13' : '6.6',
      meanings: {
        ENOENT: `there is no file ${path}`,
        ESRCH: `there is no process ${options.pid ?? ''}`,
        EBADF: 'it is not a regular file',
        EINVAL: 'the program was not loaded for uprobe.multi, a place cannot be probed, or this kernel cannot do it (Linux 6.6 can)',
      },
    },
  );
  return attachment(kernel, { kind, target, program, via: 'link', fds: [fd], places: places.length });
}
