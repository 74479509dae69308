/** Names of the kernel's functions that probes can hang on: ftrace's list, or without it the text of kallsyms. */
import { closest } from '../btf/similar.ts';
import { type Kernel, KernelError } from '../kernel/port.ts';
import { readText, readTextIfThere } from '../kernel/text.ts';
import { tracefsPath } from '../kernel/tracefs.ts';

/** Hands over every name, in the kernel's order; some come more than once. */
export function candidates(kernel: Kernel, take: (name: string) => void): void {
  const listed = filterFunctions(kernel);
  if (listed === undefined) {
    const symbols = readText(kernel, '/proc/kallsyms');
    for (const match of symbols.matchAll(/^[0-9a-f]+ [tT] (\S+)/gm)) take(match[1] ?? '');
    return;
  }
  // 'vfs_read' or 'xfs_read [xfs]': tens of thousands of lines, so nothing is made for each but its name.
  for (let at = 0; at < listed.length; ) {
    const newline = listed.indexOf('\n', at);
    const end = newline < 0 ? listed.length : newline;
    let nameEnd = at;
    while (nameEnd < end && listed.charCodeAt(nameEnd) !== SPACE) nameEnd++;
    if (nameEnd > at) take(listed.slice(at, nameEnd));
    at = end + 1;
  }
}

const SPACE = 0x20;

function filterFunctions(kernel: Kernel): string | undefined {
  try {
    return readTextIfThere(kernel, `${tracefsPath(kernel)}/available_filter_functions`);
  } catch (error) {
    if (error instanceof KernelError) return undefined;
    throw error;
  }
}

/** Names close to a misspelt one; none where the kernel does not show any. */
export function similarFunctions(kernel: Kernel, name: string): string[] {
  const names: Uint8Array[] = [];
  const encoder = new TextEncoder();
  try {
    candidates(kernel, (known) => {
      // A suggestion differs in a third at most; of the others nothing need be made.
      if (Math.abs(known.length - name.length) <= Math.max(1, name.length / 3)) names.push(encoder.encode(known));
    });
  } catch (error) {
    if (error instanceof KernelError) return [];
    throw error;
  }
  return closest(name, names);
}
