/**
 * Facts about a kernel that is not here: for compiling on another machine, in a browser, for the user-space machine.
 *
 *   compile(text, { facts: targetFacts({ kernel: '6.1' }), dialect: guessDialect(text) })
 *
 * What only a running kernel knows is not known: formats of tracepoints, its configuration, and its types unless given.
 */
import type { BtfSource } from '../btf/types.ts';
import type { Arch, TargetFacts } from './target-facts.ts';

export interface PlainFacts {
  /** Version of the kernel, '6.1' or '6.1.90': `LINUX_VERSION_CODE`, and what helpers there are. '6.1' unless said. */
  readonly kernel?: string;
  /** 'x86_64' unless said. */
  readonly arch?: Arch;
  /**
   * Types of the kernel, for texts that name its structs: `new BtfReader(bytes)` of 'skep/btf', from
   * /sys/kernel/btf/vmlinux of some machine. Without, only what the text itself declares exists.
   */
  readonly btf?: BtfSource;
  /** Instruction set, 1 to 4; the newest that the version takes (4 from Linux 6.6, else 3) unless said. */
  readonly cpu?: 1 | 2 | 3 | 4;
  /** CPUs, for `bpf_num_cpus()`; 1 unless said. */
  readonly cpus?: number;
  /** Of the kernel's configuration: `{ CONFIG_HZ: '250' }`. */
  readonly kconfig?: Readonly<Record<string, string>>;
}

/** Throws `RangeError` for a version that is none. */
export function targetFacts(options: PlainFacts = {}): TargetFacts {
  const { kernel = '6.1', arch = 'x86_64', btf, cpus = 1, kconfig = {} } = options;
  const [, a, b, c = '0'] = /^(\d+)\.(\d+)(?:\.(\d+))?(?![\d.])/.exec(kernel) ?? [];
  if (a === undefined || b === undefined) throw new RangeError(`'${kernel}' is no version of Linux: it is like '6.1' or '6.1.90'`);
  // The patch level has eight bits; long-lived kernels stay at 255.
  const kernelVersion = Number(a) * 65536 + Number(b) * 256 + Math.min(Number(c), 255);
  return {
    arch,
    kernelVersion,
    btf,
    cpu: options.cpu ?? (kernelVersion >= 0x06_06_00 ? 4 : 3),
    kconfig: (name) => (Object.hasOwn(kconfig, name) ? kconfig[name] : undefined),
    tracepointFormat: () => undefined,
    similarTracepoints: () => [],
    cpus,
    possibleCpus: cpus,
  };
}
