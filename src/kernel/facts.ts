/**
 * What the compiler and the linker must know about the kernel that this process runs on.
 *
 * Given a `Kernel`, promises a `TargetFacts` that costs nothing until asked: every fact is read from proc, sys or
 * tracefs when first used and kept. What the kernel does not tell is undefined, never guessed; what it refuses to tell
 * (formats of tracepoints, without root) is an error that says so.
 */

import type { BtfSource } from '../btf/types.ts';
import type { Arch, TargetFacts } from '../compiler/target-facts.ts';
import { onlineCpus, possibleCpus } from './cpus.ts';
import { ERRNO } from './errno.ts';
import { readKconfig } from './kconfig.ts';
import { kernelBtf } from './kernel-btf.ts';
import { type Kernel, KernelError } from './port.ts';
import { reachable, similarTracepoints, tracepointFormat } from './tracefs.ts';
import { atLeast, type KernelVersion, readKernelVersion } from './version.ts';

export interface KernelFacts extends TargetFacts {
  readonly version: KernelVersion;
}

export interface FactsOptions {
  /** Other types than the running kernel's. */
  readonly btf?: BtfSource;
  /** Node's name of the architecture; the running one without. */
  readonly arch?: string;
  /** Another instruction set than the newest that this kernel takes. */
  readonly cpu?: 1 | 2 | 3 | 4;
}

export function readTargetFacts(kernel: Kernel, options: FactsOptions = {}): KernelFacts {
  const arch = archOf(options.arch ?? process.arch);
  let version: KernelVersion | undefined;
  const kconfig = readKconfig(kernel, () => facts.version.release);
  const facts: KernelFacts = {
    arch,
    get version() {
      return (version ??= readKernelVersion(kernel));
    },
    get kernelVersion() {
      return facts.version.code;
    },
    get btf() {
      return options.btf ?? kernelBtf(kernel);
    },
    get cpu() {
      return options.cpu ?? (atLeast(facts.version, '6.6') ? 4 : 3);
    },
    kconfig: (name) => kconfig.get(name),
    tracepointFormat: (category, event) =>
      // A format that cannot be read is not a tracepoint that does not exist.
      reachable(kernel, 'reading the formats of tracepoints', () => tracepointFormat(kernel, category, event)),
    similarTracepoints: (category, event) => similarTracepoints(kernel, category, event),
    get cpus() {
      return onlineCpus(kernel).length;
    },
    get possibleCpus() {
      return possibleCpus(kernel).length;
    },
  };
  return facts;
}

function archOf(nodeArch: string): Arch {
  switch (nodeArch) {
    case 'x64':
      return 'x86_64';
    case 'arm64':
      return 'arm64';
    default:
      throw new KernelError('facts', ERRNO.ENOSYS, 'ENOSYS', `skep does not know the architecture ${nodeArch}`);
  }
}
