/** The machine that this process runs on, for those who compile by themselves ('skep/compiler') or open an event for each CPU. */
import type { TargetFacts } from '../compiler/target-facts.ts';
import * as cpus from '../kernel/cpus.ts';
import { readTargetFacts } from '../kernel/facts.ts';
import { linuxKernel } from '../kernel/linux.ts';
import type { Kernel } from '../kernel/port.ts';

/**
 * What `compile` of 'skep/compiler' must know about the running kernel. Read when asked for; needs no privilege but for
 * the formats of tracepoints (`TRACEPOINT_PROBE`), which only root may read.
 */
export function thisKernel(kernel: Kernel = linuxKernel()): TargetFacts {
  return readTargetFacts(kernel);
}

/** Numbers of the CPUs that run now. */
export function onlineCpus(kernel: Kernel = linuxKernel()): readonly number[] {
  return cpus.onlineCpus(kernel);
}

/** Numbers of all CPUs that this kernel could ever run on; per-CPU values have one slot for each. */
export function possibleCpus(kernel: Kernel = linuxKernel()): readonly number[] {
  return cpus.possibleCpus(kernel);
}
