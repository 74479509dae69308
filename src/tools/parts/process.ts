/** What /proc says of a process. */
import { linuxKernel } from '../../kernel/linux.ts';
import { KernelError } from '../../kernel/port.ts';
import { readTextIfThere } from '../../kernel/text.ts';

/** Name of a process, as other people's text: not yet safe for a terminal. Undefined when it has gone. */
export function commOf(pid: number): string | undefined {
  try {
    return readTextIfThere(linuxKernel(), `/proc/${pid}/comm`)?.replace(/\n$/, '');
  } catch (error) {
    // Between opening and reading it may go, too.
    if (error instanceof KernelError) return undefined;
    throw error;
  }
}
