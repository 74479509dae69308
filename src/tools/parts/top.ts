/** What stands above each screen of a "top": the time and the load. */
import { linuxKernel } from '../../kernel/linux.ts';
import { readTextIfThere } from '../../kernel/text.ts';
import { clockText } from '../../render/time.ts';
import type { Output } from '../output.ts';

/** Cursor to the upper left, and everything below it cleared. */
const CLEAR = '\x1b[H\x1b[2J\x1b[3J';

/** Clears the screen of a terminal (elsewhere an empty line), prints time and load. Returns the time for JSON. */
export function topHeading(out: Output, { clear }: { readonly clear: boolean }): string {
  const now = new Date();
  if (clear && process.stdout.isTTY) out.line(CLEAR);
  else out.line();
  const load = readTextIfThere(linuxKernel(), '/proc/loadavg')?.trim() ?? '';
  out.lines([`${clockText(now.getTime()).padEnd(8)} loadavg: ${load}`, '']);
  return now.toISOString();
}
