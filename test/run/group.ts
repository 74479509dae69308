/**
 * Test files one after the other in this process: what is compiled must run for a while until it is compiled fast, most of
 * a minute on an emulated processor, and each file in a process of its own pays for that.
 *
 *   file ─▶ begin ─▶ its tests ─▶ is something left? ─▶ end ─▶ the next file
 *
 * What a process would end when it ends, goes on here until the last file: a file that needs more than this stands in
 * `own-process.ts`.
 */
import { test } from 'node:test';
import { FILE_ITSELF, markName } from './result.ts';

/** Names of checks, and what each found left. */
export type Left = readonly (readonly [check: string, left: readonly string[]])[];

/** `load` imports the file, which registers its tests. `watch` begins to watch, and what it returns says what is left. */
export async function runGroup(
  load: (file: string) => Promise<unknown>,
  files: readonly string[],
  watch: () => Promise<() => Promise<Left>> = async () => async () => [],
): Promise<void> {
  for (const file of files) {
    await test(markName({ file, mark: 'begin' }), () => {});
    const left = await watch();
    try {
      await load(file);
    } catch (error) {
      await test(FILE_ITSELF, () => {
        throw error;
      });
    }
    // Tests run in the order in which they were registered: behind this one, those of the file have.
    await test(markName({ file, mark: 'tested' }), () => {});
    for (const [check, found] of await left())
      if (found.length > 0)
        await test(check, () => {
          throw new Error(`left: ${found.join(', ')}`);
        });
    await test(markName({ file, mark: 'end' }), () => {});
  }
}
