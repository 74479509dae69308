/**
 * Counters that programs read: a perf event for each CPU in a `BPF_PERF_ARRAY` (perf_event_array), at the CPU's number.
 *
 *   BPF_PERF_ARRAY(cycles, 64);   …   u64 now = cycles.perf_read(CUR_CPU_IDENTIFIER);
 *
 * Nothing runs when they count: they are only there to be read (`bpf_perf_event_read`, `bpf_perf_event_read_value`).
 * Minimum kernel: 4.3, values with times 4.15. Needs CAP_PERFMON. Errors: a counter that this machine does not have; a
 * map that is too small for its CPUs.
 */
import { bpf } from '../kernel/bpf-attr.ts';
import { onlineCpus } from '../kernel/cpus.ts';
import { UsageError } from '../kernel/errors.ts';
import { PERF_IOC, perfEventOpen } from '../kernel/perf-attr.ts';
import { type Kernel, KernelError } from '../kernel/port.ts';
import type { LoadedMap } from '../link/load-maps.ts';
import { type Attachment, attachment, closeAll, explainAttach, type HookNeeds } from './attachment.ts';
import { numbersOf, type PerfEventTarget } from './perf-event.ts';

export interface CounterOptions {
  /** Count only this process; all without. */
  readonly pid?: number;
}

export function openCounters(kernel: Kernel, map: LoadedMap, event: PerfEventTarget['event'], options: CounterOptions = {}): Attachment {
  const { type, config, name } = numbersOf(event);
  const needs: HookNeeds = {
    doing: `counting ${name} in map '${map.name}'`,
    capabilities: ['CAP_PERFMON'],
    lockedBy: 'confidentiality',
    meanings: {
      ENOENT: `this machine has no counter for ${name}`,
      EOPNOTSUPP: `this machine has no counter for ${name}`,
      ESRCH: 'there is no such process',
      E2BIG: `the map has fewer entries than this machine has CPUs`,
      EINVAL: 'there is no such event',
    },
  };
  if (map.spec.type !== 'perf_event_array')
    throw new UsageError(`${needs.doing}: it is of type ${map.spec.type}, and counters need a BPF_PERF_ARRAY`);
  const fds: number[] = [];
  const cpus: number[] = [];
  try {
    for (const cpu of onlineCpus(kernel)) {
      let fd: number;
      try {
        fd = perfEventOpen(kernel, { type, config }, { pid: options.pid ?? -1, cpu });
      } catch (error) {
        // A CPU may have gone offline since the list was read.
        if (error instanceof KernelError && error.code === 'ENODEV') continue;
        throw error;
      }
      fds.push(fd);
      cpus.push(cpu);
      kernel.ioctl(fd, PERF_IOC.ENABLE, 0);
      const value = new Uint8Array(Uint32Array.of(fd).buffer);
      bpf(kernel, 'MAP_UPDATE_ELEM', { map_fd: map.fd, key: key(cpu), value });
    }
  } catch (error) {
    closeAll(kernel, fds);
    throw explainAttach(kernel, error, needs);
  }
  return attachment(kernel, {
    kind: 'perf_counter',
    target: name,
    program: { name: map.name, fd: map.fd },
    via: 'perf-event',
    fds,
    places: fds.length,
    undo: () => {
      for (const cpu of cpus) bpf(kernel, 'MAP_DELETE_ELEM', { map_fd: map.fd, key: key(cpu) });
    },
  });
}

function key(cpu: number): Uint8Array {
  return new Uint8Array(Uint32Array.of(cpu).buffer);
}
