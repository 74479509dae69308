/** Users by name, for flags that take either: /etc/passwd. */
import { UsageError } from '../../kernel/errors.ts';
import type { Kernel } from '../../kernel/port.ts';
import { readTextIfThere } from '../../kernel/text.ts';

/** Number of a user, given as a number or a name. Throws `UsageError`. */
export function userId(kernel: Kernel, user: string): number {
  if (/^\d+$/.test(user) && Number(user) <= 0xffff_ffff) return Number(user);
  for (const line of (readTextIfThere(kernel, '/etc/passwd') ?? '').split('\n')) {
    const [name, , uid] = line.split(':');
    if (name === user && uid !== undefined) return Number(uid);
  }
  throw new UsageError(`there is no user '${user}'`);
}
