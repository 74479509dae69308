/**
 * Perf events: a program that runs at a rate, or each time a counter has counted so far: CPU clock, page faults, cycles,
 * cache misses. What profilers are made of.
 *
 * One event for each CPU that is online (or for one CPU, or one process). Minimum kernel: 4.9; links and cookies 5.15.
 * Needs CAP_PERFMON. Errors: a counter that this machine does not have (virtual machines often have none); a rate
 * above kernel.perf_event_max_sample_rate. BPF_PROG_TYPE_PERF_EVENT.
 */
import { onlineCpus } from '../kernel/cpus.ts';
import { UsageError } from '../kernel/errors.ts';
import {
  PERF_BIT,
  PERF_CACHE,
  PERF_CACHE_OPERATION,
  PERF_CACHE_RESULT,
  PERF_HARDWARE,
  PERF_SOFTWARE,
  PERF_TYPE,
  perfEventOpen,
} from '../kernel/perf-attr.ts';
import { type Kernel, KernelError } from '../kernel/port.ts';
import { type AttachableProgram, type Attachment, attachment, explainAttach, type HookNeeds, together } from './attachment.ts';
import { attachToEvent } from './perf.ts';

/** 'l1d_read_miss', 'll_write_access'. */
export type CacheEventName = `${keyof typeof PERF_CACHE}_${keyof typeof PERF_CACHE_OPERATION}_${keyof typeof PERF_CACHE_RESULT}`;
export type PerfEventName = keyof typeof PERF_SOFTWARE | keyof typeof PERF_HARDWARE | CacheEventName;

export interface PerfEventTarget {
  /** 'cpu_clock', 'page_faults', 'cpu_cycles', …, or numbers as perf_event_open(2) takes them. */
  readonly event: PerfEventName | { readonly type: number; readonly config: bigint };
  /** Run once for so many events. */
  readonly period?: number;
  /** Run so many times a second. */
  readonly frequency?: number;
  /** Only this process; all without, or with -1. */
  readonly pid?: number;
  /** Only this CPU; all that are online without, or with -1. */
  readonly cpu?: number;
  /** Count what children of the process do, too. */
  readonly inherit?: boolean;
  readonly cookie?: bigint;
}

export function attachPerfEvent(kernel: Kernel, program: AttachableProgram, target: PerfEventTarget): Attachment {
  const { type, config, name } = numbersOf(target.event);
  if ((target.period === undefined) === (target.frequency === undefined))
    throw new UsageError(`perf event ${name}: give either a period or a frequency`);
  const needs: HookNeeds = {
    doing: `attaching '${program.name}' to perf event ${name}`,
    capabilities: ['CAP_PERFMON'],
    lockedBy: 'confidentiality',
  };
  const { cpu: only, pid } = checked(target, needs.doing);
  const flags = (target.frequency === undefined ? 0n : PERF_BIT.FREQ) | (target.inherit === true ? PERF_BIT.INHERIT : 0n);
  const cpus = only !== undefined ? [only] : pid !== undefined ? [-1] : onlineCpus(kernel);
  const parts: Attachment[] = [];
  try {
    for (const cpu of cpus) {
      const event = openEvent(
        kernel,
        needs,
        name,
        { type, config, flags, sample_period: BigInt(target.frequency ?? target.period ?? 1) },
        { pid: pid ?? -1, cpu },
        only !== undefined,
      );
      // A CPU may go offline between the list and the call.
      if (event === undefined) continue;
      const attached = attachToEvent(kernel, program, event, needs, target.cookie);
      parts.push(attachment(kernel, { kind: 'perf_event', target: name, program, via: attached.via, fds: [attached.fd] }));
    }
  } catch (error) {
    for (const part of parts) part.detach();
    throw error;
  }
  return together('perf_event', name, program, parts);
}

/** As BCC has it, -1 stands for all processes, or all CPUs. */
function checked(target: PerfEventTarget, doing: string): { readonly cpu: number | undefined; readonly pid: number | undefined } {
  for (const name of ['period', 'frequency'] as const) {
    const given = target[name];
    if (given !== undefined && (!Number.isSafeInteger(given) || given < 1))
      throw new UsageError(`${doing}: ${name} is a whole number from 1 on, not ${given}`);
  }
  for (const name of ['pid', 'cpu'] as const) {
    const given = target[name];
    if (given !== undefined && (!Number.isSafeInteger(given) || given < -1))
      throw new UsageError(`${doing}: ${name} is a whole number from 0 on, not ${given}`);
  }
  return { cpu: target.cpu === -1 ? undefined : target.cpu, pid: target.pid === -1 ? undefined : target.pid };
}

function openEvent(
  kernel: Kernel,
  needs: HookNeeds,
  name: string,
  values: { type: number; config: bigint; flags: bigint; sample_period: bigint },
  on: { pid: number; cpu: number },
  /** That CPU and no other was asked for. */
  exactly: boolean,
): number | undefined {
  try {
    return perfEventOpen(kernel, values, on);
  } catch (error) {
    if (exactly && error instanceof KernelError && (error.code === 'EINVAL' || error.code === 'ENODEV')) {
      const online = onlineCpus(kernel);
      if (!online.includes(on.cpu))
        throw new UsageError(`${needs.doing}: CPU ${on.cpu} is not online`, [], `online are ${online.join(', ')}`, error);
    }
    if (error instanceof KernelError && error.code === 'ENODEV' && on.cpu >= 0 && values.type === PERF_TYPE.SOFTWARE) return undefined;
    throw explainAttach(kernel, error, {
      ...needs,
      meanings: {
        ENOENT: `this machine has no counter for ${name}`,
        ENODEV: `this machine has no counter for ${name}`,
        EOPNOTSUPP: `this machine cannot sample ${name}`,
        EINVAL: 'the rate is above kernel.perf_event_max_sample_rate, or the event does not exist',
        ESRCH: 'there is no such process',
      },
    });
  }
}

/** `type` and `config` of perf_event_open(2); undefined for a name that is no event. */
export function perfEventNumbers(name: string): { readonly type: number; readonly config: bigint } | undefined {
  const of = (table: Readonly<Record<string, number>>, key = ''): number | undefined =>
    Object.hasOwn(table, key) ? table[key] : undefined;
  const software = of(PERF_SOFTWARE, name);
  if (software !== undefined) return { type: PERF_TYPE.SOFTWARE, config: BigInt(software) };
  const hardware = of(PERF_HARDWARE, name);
  if (hardware !== undefined) return { type: PERF_TYPE.HARDWARE, config: BigInt(hardware) };
  const [cacheName, operationName, resultName, more] = name.split('_');
  const cache = of(PERF_CACHE, cacheName);
  const operation = of(PERF_CACHE_OPERATION, operationName);
  const result = of(PERF_CACHE_RESULT, resultName);
  if (cache === undefined || operation === undefined || result === undefined || more !== undefined) return undefined;
  return { type: PERF_TYPE.HW_CACHE, config: BigInt(cache | (operation << 8) | (result << 16)) };
}

export function numbersOf(event: PerfEventTarget['event']): { type: number; config: bigint; name: string } {
  if (typeof event !== 'string' && (typeof event?.type !== 'number' || !/^(?:number|bigint)$/.test(typeof event.config)))
    throw new UsageError("a perf event is given by 'event': its name ('cpu_clock'), or { type, config } as perf_event_open(2) takes them");
  if (typeof event !== 'string') return { ...event, name: `${event.type}:${event.config}` };
  const numbers = perfEventNumbers(event);
  if (numbers === undefined)
    throw new UsageError(
      `there is no perf event '${event}'`,
      [],
      `events are ${[...Object.keys(PERF_SOFTWARE), ...Object.keys(PERF_HARDWARE)].join(', ')}, and cache events such as l1d_read_miss`,
    );
  return { ...numbers, name: event };
}
