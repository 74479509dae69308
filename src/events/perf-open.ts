/**
 * A perf buffer: one perf event and one ring for each CPU that runs.
 *
 *   bpf_perf_event_output(ctx, &map, BPF_F_CURRENT_CPU, …) ─▶ map[cpu] ─▶ perf event (software, bpf-output) ─▶ its ring
 *
 * A CPU that comes later has no ring; what programs submit there is refused (-ENOENT) as long as the buffer is open.
 * Minimum kernel: 4.4. Needs CAP_PERFMON. The rings count as locked memory where the process lacks CAP_IPC_LOCK.
 */
import { bpf } from '../kernel/bpf-attr.ts';
import { explainDenied } from '../kernel/capabilities.ts';
import { onlineCpus } from '../kernel/cpus.ts';
import { isDenied, UsageError, UserError } from '../kernel/errors.ts';
import { pageSize } from '../kernel/page-size.ts';
import { PERF_IOC, PERF_SAMPLE, PERF_SOFTWARE, PERF_TYPE, perfEventOpen } from '../kernel/perf-attr.ts';
import { type Kernel, KernelError } from '../kernel/port.ts';
import { PerfRing } from './perf.ts';
import { perfSource, type Source } from './source.ts';

const PERF_FORMAT_LOST = 1n << 4n;

export interface PerfBufferOptions {
  /** Size of each CPU's ring in pages: a power of two. 64 without. */
  readonly pages?: number;
  /** Wake the reader after so many records; 1 without. More is cheaper and later. */
  readonly wakeup?: number;
}

export function openPerfBuffer(
  kernel: Kernel,
  map: { readonly fd: number; readonly name: string },
  { pages = 64, wakeup = 1 }: PerfBufferOptions,
): Source {
  if (!Number.isInteger(pages) || pages < 1 || (pages & (pages - 1)) !== 0)
    throw new UsageError(`perf buffer '${map.name}': ${pages} pages; it must be a power of two`);
  if (!Number.isInteger(wakeup) || wakeup < 1 || wakeup > 0xffff_ffff)
    throw new UsageError(`perf buffer '${map.name}': 'wakeup' is a number of records, 1 or more: ${String(wakeup)} is not`);
  const rings: PerfRing[] = [];
  const events: { readonly cpu: number; readonly fd: number }[] = [];
  const close = (): void => {
    for (const ring of rings) ring.close();
    for (const { cpu, fd } of events) {
      leave(kernel, map, cpu);
      kernel.close(fd);
    }
    events.length = 0;
  };
  try {
    for (const cpu of onlineCpus(kernel)) {
      const event = openEvent(kernel, cpu, wakeup);
      // It may have gone offline since the list was read.
      if (event === undefined) continue;
      events.push({ cpu, fd: event.fd });
      rings.push(new PerfRing(kernel, event.fd, { cpu, pages, pageSize: pageSize(kernel), countsLost: event.countsLost }));
      bpf(kernel, 'MAP_UPDATE_ELEM', { map_fd: map.fd, key: u32(cpu), value: u32(event.fd), flags: 0n });
      kernel.ioctl(event.fd, PERF_IOC.ENABLE, 0);
    }
  } catch (error) {
    close();
    throw error instanceof KernelError ? explain(kernel, error, map.name, pages) : error;
  }
  return perfSource(rings, close);
}

function openEvent(kernel: Kernel, cpu: number, wakeup: number): { readonly fd: number; readonly countsLost: boolean } | undefined {
  const attr = {
    type: PERF_TYPE.SOFTWARE,
    config: BigInt(PERF_SOFTWARE.bpf_output),
    sample_period: 1n,
    sample_type: BigInt(PERF_SAMPLE.RAW),
    wakeup_events: wakeup,
  };
  for (const countsLost of [true, false]) {
    try {
      return { fd: perfEventOpen(kernel, { ...attr, read_format: countsLost ? PERF_FORMAT_LOST : 0n }, { cpu }), countsLost };
    } catch (error) {
      if (error instanceof KernelError && error.code === 'ENODEV') return undefined;
      if (!(error instanceof KernelError && error.code === 'EINVAL' && countsLost)) throw error;
    }
  }
  return undefined;
}

function leave(kernel: Kernel, map: { readonly fd: number }, cpu: number): void {
  try {
    bpf(kernel, 'MAP_DELETE_ELEM', { map_fd: map.fd, key: u32(cpu) });
  } catch (error) {
    // It may not have got there, or the map is closed already.
    if (!(error instanceof KernelError || error instanceof UsageError)) throw error;
  }
}

function explain(kernel: Kernel, error: KernelError, name: string, pages: number): Error {
  const doing = `opening perf buffer '${name}'`;
  if (error.call === 'mmap' && (error.code === 'EPERM' || error.code === 'ENOMEM'))
    return new UserError(`${doing}: the kernel gives no ${pages} pages for each CPU`, 'take fewer pages, or run it as root', error);
  if (isDenied(error)) return explainDenied(kernel, error, doing, ['CAP_PERFMON']);
  return new UserError(`${doing}: ${error.message}`, undefined, error);
}

function u32(value: number): Uint8Array {
  return new Uint8Array(new Uint32Array([value]).buffer);
}
