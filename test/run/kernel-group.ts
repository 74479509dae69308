/** A group of files that touch the kernel (`group.ts`): between them it is as it was before, and nothing of the file stays. */
import { runGroup } from './group.ts';
import { leftovers, snapshot, survivors } from './leaks.ts';
import { ownMark } from './processes.ts';
import { LEAKS, LEFT_OPEN, SURVIVORS } from './result.ts';
import { leftOpen } from './watch-descriptors.ts';

export async function runKernelGroup(load: (file: string) => Promise<unknown>, files: readonly string[]): Promise<void> {
  await runGroup(load, files, async () => {
    const before = await snapshot();
    return async () => [
      [LEFT_OPEN, leftOpen()],
      [SURVIVORS, await survivors(ownMark)],
      [LEAKS, await leftovers(before)],
    ];
  });
}
