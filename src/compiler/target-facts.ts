/**
 * What the compiler must know about the kernel it compiles for. The compiler is pure: whoever calls it
 * (`bcc/`, `cli/`, a test, a browser) brings these facts.
 */
import type { BtfSource } from '../btf/types.ts';

export type Arch = 'x86_64' | 'arm64';

/**
 * Given to `compile`. `targetFacts()` makes plain ones for a version; those of the running machine come from
 * `thisKernel()` of 'skep'.
 */
export interface TargetFacts {
  readonly arch: Arch;
  /** KERNEL_VERSION(a, b, c) of the target: (a << 16) + (b << 8) + min(c, 255). */
  readonly kernelVersion: number;
  /** The kernel's types; undefined where there are none (then only what the text declares exists). */
  readonly btf: BtfSource | undefined;
  /** Highest instruction set the target takes: 1 to 4. Default 3; 4 from Linux 6.6. */
  readonly cpu: 1 | 2 | 3 | 4;
  /** CONFIG_X: 'y', 'm', a number or string as text; undefined when not set or not known. */
  kconfig(name: string): string | undefined;
  /** Text of tracefs `events/<category>/<event>/format`, undefined if there is no such event. */
  tracepointFormat(category: string, event: string): string | undefined;
  /** Names of tracepoints like that one, best first, for "did you mean". */
  similarTracepoints(category: string, event: string): readonly string[];
  /** Online CPUs, for `bpf_num_cpus()`. */
  readonly cpus: number;
  /** Possible CPUs, for perf arrays sized by it. */
  readonly possibleCpus: number;
}
