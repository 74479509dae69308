/** A tool whose program does not compile on a kernel that shows no types: it is these that are missing. */
import { FeatureError } from '../kernel/errors.ts';
import { kernelBtf } from '../kernel/kernel-btf.ts';
import type { Kernel } from '../kernel/port.ts';

/** The error to show: the compiler's own where the kernel has types, and the user's text may be at fault. */
export function withoutTypes(kernel: Kernel, tool: string, error: Error): Error {
  if (kernelBtf(kernel) !== undefined) return error;
  const first = error.message.split('\n')[0] ?? '';
  return new FeatureError('type information (BTF)', {
    why: `there is no /sys/kernel/btf/vmlinux, and ${tool} reads structures of the kernel (${first})`,
    hint: 'a kernel built with CONFIG_DEBUG_INFO_BTF=y has it',
    cause: error,
  });
}
