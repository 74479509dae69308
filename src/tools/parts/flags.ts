import { UsageError } from '../../kernel/errors.ts';
import { linuxKernel } from '../../kernel/linux.ts';
import { pageSize } from '../../kernel/page-size.ts';

/** Flags that many tools have, described once. A tool changes what is different: `{ ...PID_FLAG, help: '…' }`. */
export const PID_FLAG = { type: 'pid', short: 'p', help: 'only this process' } as const;
export const UID_FLAG = { type: 'uid', short: 'u', help: 'only this user' } as const;

/** The largest power of two that the size of a map can be, in bytes. */
const LARGEST_BUFFER = 2 ** 31;

/** `--buffer-pages`, pages of a ring buffer, or `UsageError`. */
export function bufferPages(pages: number): number {
  const most = LARGEST_BUFFER / pageSize(linuxKernel());
  if (!Number.isInteger(Math.log2(pages))) throw new UsageError(`--buffer-pages: ${pages} is not a power of two`);
  if (pages > most) throw new UsageError(`--buffer-pages: ${pages} pages are too large for a map, the most is ${most}`);
  return pages;
}
