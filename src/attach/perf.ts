/**
 * A program onto a perf event: the common end of tracepoints, kprobes, uprobes and sampling.
 *
 *   perf_event_open ─▶ descriptor ─▶ LINK_CREATE perf_event (5.15)   the link holds the event; cookies possible
 *                                 └▶ ioctl SET_BPF + ENABLE          the event's descriptor holds the program
 */

import { bpf } from '../kernel/bpf-attr.ts';
import { ATTACH_TYPE } from '../kernel/bpf-enums.ts';
import { FeatureError } from '../kernel/errors.ts';
import { PERF_IOC } from '../kernel/perf-attr.ts';
import { type Kernel, KernelError } from '../kernel/port.ts';
import { type AttachableProgram, explainAttach, type HookNeeds, linkUnknown } from './attachment.ts';

export interface PerfAttached {
  readonly fd: number;
  readonly via: 'link' | 'perf-event';
}

/** Takes over `event`: it is closed, or it is what is given back. */
export function attachToEvent(kernel: Kernel, program: AttachableProgram, event: number, needs: HookNeeds, cookie = 0n): PerfAttached {
  let keep = false;
  try {
    const link = tryLink(kernel, program, event, cookie);
    if (link !== undefined) {
      kernel.ioctl(event, PERF_IOC.ENABLE, 0);
      return { fd: link, via: 'link' };
    }
    if (cookie !== 0n) throw new FeatureError('attach cookies', { minKernel: '5.15' });
    kernel.ioctl(event, PERF_IOC.SET_BPF, program.fd);
    kernel.ioctl(event, PERF_IOC.ENABLE, 0);
    keep = true;
    return { fd: event, via: 'perf-event' };
  } catch (error) {
    throw explainAttach(kernel, error, { ...needs, meanings: { ...PERF_MEANINGS, ...needs.meanings } });
  } finally {
    if (!keep) kernel.close(event);
  }
}

function tryLink(kernel: Kernel, program: AttachableProgram, event: number, cookie: bigint): number | undefined {
  try {
    return bpf(kernel, 'LINK_CREATE_PERF_EVENT', {
      prog_fd: program.fd,
      target_fd: event,
      attach_type: ATTACH_TYPE.perf_event,
      bpf_cookie: cookie,
    });
  } catch (error) {
    if (error instanceof KernelError && linkUnknown(error)) return undefined;
    throw error;
  }
}

/** perf_event_set_bpf_prog(): what its errors say. */
const PERF_MEANINGS: Readonly<Record<string, string>> = {
  EACCES: 'the program reads beyond what this event has',
  E2BIG: 'there are 64 programs on it already',
  EEXIST: 'this program is on it already',
};
