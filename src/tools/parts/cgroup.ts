/** `--cgroup`: the folder that was given, put into the map that `FILTER` asks. */
import type { BPF } from '../../bcc/bpf.ts';
import { UsageError } from '../../kernel/errors.ts';
import { type Kernel, KernelError } from '../../kernel/port.ts';
import { CGROUP_MAP } from './filter.ts';

const AT_FDCWD = -100;
const O_DIRECTORY = 0o200000;

export function fillCgroup(kernel: Kernel, bpf: BPF, path: string | undefined): void {
  if (path === undefined || !bpf.maps.includes(CGROUP_MAP)) return;
  const fd = openCgroup(kernel, path);
  try {
    bpf.map<number, number>(CGROUP_MAP).set(0, fd);
  } catch (error) {
    const { cause } = error as { cause?: unknown };
    const failed = error instanceof KernelError ? error : cause instanceof KernelError ? cause : undefined;
    if (failed?.code !== 'EBADF') throw error;
    throw new UsageError(`--cgroup: ${path} is not a folder of a cgroup2 file system`, [], undefined, error);
  } finally {
    kernel.close(fd);
  }
}

/** Opens the folder of a cgroup. Throws `UsageError`. */
export function openCgroup(kernel: Kernel, path: string): number {
  try {
    return kernel.syscall('openat', AT_FDCWD, path, O_DIRECTORY, 0);
  } catch (error) {
    if (!(error instanceof KernelError)) throw error;
    throw new UsageError(`--cgroup: there is no cgroup at ${path} (${error.code})`, [], 'cgroups are folders below /sys/fs/cgroup', error);
  }
}
