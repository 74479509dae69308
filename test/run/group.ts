/**
 * Test files one after the other in this process: an emulated processor takes most of a minute until what is compiled is
 * compiled fast, and every file of its own process paid for that.
 *
 *   file ─▶ begin ─▶ its tests ─▶ what is left: descriptors, mappings, objects of the kernel ─▶ end ─▶ the next file
 *
 * What a process of its own would end with it, ends here with the last file only: a file that needs more than this says
 * so in `own-process.ts`.
 */
import { test } from 'node:test';
import { leftovers, snapshot, survivors } from './leaks.ts';
import { ownMark } from './processes.ts';
import { FILE_ITSELF, LEAKS, LEFT_OPEN, markName, SURVIVORS } from './result.ts';
import { leftOpen } from './watch-descriptors.ts';

/** `load` imports the file, which registers its tests. */
export async function runGroup(load: Readonly<Record<string, () => Promise<unknown>>>, files: readonly string[]): Promise<void> {
  for (const file of files) {
    await test(markName({ file, mark: 'begin' }), () => {});
    const before = await snapshot();
    try {
      if (load[file] === undefined) throw new Error(`${file} is not in this group`);
      await load[file]();
    } catch (error) {
      await failed(FILE_ITSELF, error);
    }
    // Tests run in the order in which they were registered: behind this one, those of the file have.
    await test(markName({ file, mark: 'tested' }), () => {});
    await none(LEFT_OPEN, leftOpen(), '\n');
    await none(SURVIVORS, await survivors(ownMark));
    await none(LEAKS, await leftovers(before));
    await test(markName({ file, mark: 'end' }), () => {});
  }
}

async function none(name: string, left: readonly string[], between = ', '): Promise<void> {
  if (left.length > 0) await failed(name, `left: ${left.join(between)}`);
}

async function failed(name: string, what: unknown): Promise<void> {
  await test(name, () => {
    throw what instanceof Error ? what : new Error(String(what));
  });
}
