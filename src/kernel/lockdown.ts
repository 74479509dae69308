/**
 * Kernel lockdown: what the machine's owner has forbidden even to root.
 *
 * integrity: no change of the running kernel (kprobes that write, bpf_probe_write_user); confidentiality: also no
 * reading of its memory (bpf_probe_read_kernel, tracefs, perf). skep says so and does not work around it.
 */
import { type Kernel, KernelError } from './port.ts';
import { inSecurityfs } from './private-mount.ts';
import { readText } from './text.ts';

export type LockdownMode = 'none' | 'integrity' | 'confidentiality' | 'unknown';

export function lockdownMode(kernel: Kernel): LockdownMode {
  try {
    return parseLockdown(inSecurityfs(kernel, (folder) => readText(kernel, `${folder}/lockdown`)));
  } catch (error) {
    if (error instanceof KernelError) return 'unknown';
    throw error;
  }
}

/** From 'none [integrity] confidentiality'. */
export function parseLockdown(text: string): LockdownMode {
  const mode = /\[(\w+)\]/.exec(text)?.[1];
  return mode === 'none' || mode === 'integrity' || mode === 'confidentiality' ? mode : 'unknown';
}

/** The active security modules, in order; undefined where the kernel does not tell. */
export function activeSecurityModules(kernel: Kernel): readonly string[] | undefined {
  try {
    return inSecurityfs(kernel, (folder) => readText(kernel, `${folder}/lsm`))
      .trim()
      .split(',');
  } catch (error) {
    if (error instanceof KernelError) return undefined;
    throw error;
  }
}
