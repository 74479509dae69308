/**
 * perf_event_open(2): `struct perf_event_attr` and the numbers around it.
 *
 * A perf event is how a tracepoint, kprobe, uprobe or sampling timer becomes a descriptor that a BPF program can hang on.
 * Source: include/uapi/linux/perf_event.h. The struct is written at PERF_ATTR_SIZE_VER5 (112 bytes, Linux 4.9): what
 * came later is not needed here, and old kernels refuse what they do not know.
 */

import { encode, type Fields, type Input, layoutOf } from './layout.ts';
import type { Kernel } from './port.ts';

// biome-ignore format: a table
export const PERF_ATTR = {
  type: 'u32', size: 'u32', config: 'u64', sample_period: 'u64', sample_type: 'u64', read_format: 'u64', flags: 'u64',
  wakeup_events: 'u32', bp_type: 'u32', config1: 'ptr', config2: 'u64', branch_sample_type: 'u64', sample_regs_user: 'u64',
  sample_stack_user: 'u32', clockid: 's32', sample_regs_intr: 'u64', aux_watermark: 'u32', sample_max_stack: 'u16', reserved_2: 'u16',
} as const satisfies Fields;

/** Bits of `flags` (bit-fields in C). */
// biome-ignore format: a table
export const PERF_BIT = {
  DISABLED: 1n << 0n, INHERIT: 1n << 1n, PINNED: 1n << 2n, EXCLUDE_USER: 1n << 4n, EXCLUDE_KERNEL: 1n << 5n,
  EXCLUDE_HV: 1n << 6n, EXCLUDE_IDLE: 1n << 7n, FREQ: 1n << 10n, WATERMARK: 1n << 14n, SAMPLE_ID_ALL: 1n << 18n,
} as const;

export const PERF_TYPE = { HARDWARE: 0, SOFTWARE: 1, TRACEPOINT: 2, HW_CACHE: 3, RAW: 4, BREAKPOINT: 5 } as const;

// biome-ignore format: a table
export const PERF_HARDWARE = {
  cpu_cycles: 0, instructions: 1, cache_references: 2, cache_misses: 3, branch_instructions: 4, branch_misses: 5, bus_cycles: 6,
  stalled_cycles_frontend: 7, stalled_cycles_backend: 8, ref_cpu_cycles: 9,
} as const;

// biome-ignore format: a table
export const PERF_SOFTWARE = {
  cpu_clock: 0, task_clock: 1, page_faults: 2, context_switches: 3, cpu_migrations: 4, page_faults_min: 5, page_faults_maj: 6,
  alignment_faults: 7, emulation_faults: 8, dummy: 9, bpf_output: 10,
} as const;

/** Cache events: which cache, what is done, and whether it is there: `cache | operation << 8 | result << 16`. */
// biome-ignore format: a table
export const PERF_CACHE = { l1d: 0, l1i: 1, ll: 2, dtlb: 3, itlb: 4, bpu: 5, node: 6 } as const;
export const PERF_CACHE_OPERATION = { read: 0, write: 1, prefetch: 2 } as const;
export const PERF_CACHE_RESULT = { access: 0, miss: 1 } as const;

export const PERF_SAMPLE = { RAW: 1 << 10 } as const;
export const PERF_FLAG_FD_CLOEXEC = 8;

/** ioctl(2) requests on perf event descriptors. */
export const PERF_IOC = { ENABLE: 0x2400, DISABLE: 0x2401, SET_BPF: 0x40042408, PAUSE_OUTPUT: 0x40042409, ID: 0x80082407 } as const;

export function encodePerfAttr(kernel: Pick<Kernel, 'addressOf'>, values: Input<typeof PERF_ATTR>): Uint8Array {
  const layout = layoutOf(PERF_ATTR);
  return encode(layout, { ...values, size: layout.size }, kernel);
}

/** Opens an event; the descriptor closes on exec. Throws `KernelError`. */
export function perfEventOpen(
  kernel: Kernel,
  values: Input<typeof PERF_ATTR>,
  on: { readonly pid?: number; readonly cpu?: number; readonly groupFd?: number },
): number {
  return kernel.perfEventOpen(encodePerfAttr(kernel, values), on.pid ?? -1, on.cpu ?? -1, on.groupFd ?? -1, PERF_FLAG_FD_CLOEXEC);
}
