/** What stands above each screen of a "top": the time and the load. */
import { linuxKernel } from '../../kernel/linux.ts';
import { readTextIfThere } from '../../kernel/text.ts';
import { clockText } from '../../render/time.ts';
import type { Output } from '../output.ts';

/** Clears the screen of a terminal (elsewhere an empty line), prints time and load. Returns the time for JSON. */
export function topHeading(out: Output, { clear }: { readonly clear: boolean }): string {
  const now = new Date();
  out.screen(!clear);
  const load = readTextIfThere(linuxKernel(), '/proc/loadavg')?.trim() ?? '';
  // The file ends with a line end of its own, and BCC prints it.
  out.lines([`${clockText(now.getTime()).padEnd(8)} loadavg: ${load}`, '']);
  return now.toISOString();
}
