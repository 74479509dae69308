/**
 * Tracepoints: fixed places in the kernel with a stable record each (`/sys/kernel/tracing/events`).
 *
 * A program of type `tracepoint` runs whenever any CPU passes the place; its context is the record.
 * Minimum kernel: 4.7; a link, and cookies, since 5.15. Needs CAP_PERFMON.
 *
 *   using a = attachTracepoint(kernel, program, 'sched:sched_switch');
 *
 * Errors: no such tracepoint (`UsageError` with names that resemble it); the program reads beyond the record; no
 * privilege; no tracefs in this kernel. BPF_PROG_TYPE_TRACEPOINT.
 */
import { explainDenied } from '../kernel/capabilities.ts';
import { FeatureError, isDenied, NoSuchHookError, UsageError } from '../kernel/errors.ts';
import { PERF_SAMPLE, PERF_TYPE, perfEventOpen } from '../kernel/perf-attr.ts';
import { type Kernel, KernelError } from '../kernel/port.ts';
import { similarTracepoints, tracefsNeeds, tracepointId } from '../kernel/tracefs.ts';
import { type AttachableProgram, type Attachment, attachment, explainAttach, type HookNeeds } from './attachment.ts';
import { attachToEvent } from './perf.ts';

export interface TracepointOptions {
  /** What bpf_get_attach_cookie() gives the program. Since Linux 5.15. */
  readonly cookie?: bigint;
}

/** `target`: 'category:event' (or with '/'). */
export function attachTracepoint(kernel: Kernel, program: AttachableProgram, target: string, options: TracepointOptions = {}): Attachment {
  const [category, event] = splitTracepoint(target);
  const needs: HookNeeds = {
    doing: `attaching '${program.name}' to tracepoint ${target}`,
    capabilities: ['CAP_PERFMON'],
    lockedBy: 'confidentiality',
  };
  const id = idOf(kernel, category, event, needs.doing);
  if (id === undefined)
    throw new NoSuchHookError(`there is no tracepoint '${category}:${event}'`, similarTracepoints(kernel, category, event));
  let fd: number;
  try {
    // The CPU does not matter: programs on a tracepoint run on all of them.
    fd = perfEventOpen(
      kernel,
      { type: PERF_TYPE.TRACEPOINT, config: id, sample_period: 1, sample_type: PERF_SAMPLE.RAW, wakeup_events: 1 },
      { cpu: 0 },
    );
  } catch (error) {
    throw explainAttach(kernel, error, { ...needs, feature: 'perf events', minKernel: '4.7' });
  }
  const attached = attachToEvent(kernel, program, fd, needs, options.cookie);
  return attachment(kernel, { kind: 'tracepoint', target: `${category}:${event}`, program, via: attached.via, fds: [attached.fd] });
}

export function splitTracepoint(target: string): [category: string, event: string] {
  const match = /^([^:/]+)[:/]([^:/]+)$/.exec(target);
  if (match === null) throw new UsageError(`'${target}' is no tracepoint: expected category:event`);
  return [match[1] ?? '', match[2] ?? ''];
}

function idOf(kernel: Kernel, category: string, event: string, doing: string): number | undefined {
  try {
    return tracepointId(kernel, category, event);
  } catch (error) {
    if (!(error instanceof KernelError)) throw error;
    if (isDenied(error)) throw explainDenied(kernel, error, doing, ['CAP_PERFMON', ...tracefsNeeds(kernel)], 'confidentiality');
    throw new FeatureError('tracefs', { why: error.message, cause: error });
  }
}
