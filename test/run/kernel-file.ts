/**
 * A test file that touches the kernel: afterwards the kernel must be as it was before, no process of the test may live
 * on, and the test's own process may have left no descriptor open. What is left is a failed test of the file.
 */
import { randomUUID } from 'node:crypto';
import { type FileRun, type GroupRun, runFile, runGroupOfFiles } from './files.ts';
import { leftovers, snapshot, survivors } from './leaks.ts';
import { withMark } from './processes.ts';
import { LEAKS, SURVIVORS, type TestEvent } from './result.ts';

export async function runKernelFile(name: string, options: Omit<FileRun, 'env' | 'watch'>): Promise<void> {
  await watched(options.onEvent, (env) => runFile(name, { ...options, watch: true, env }));
}

/** Several in one process, which looks at the kernel between them; what the process itself left is the last file's. */
export async function runKernelGroup(files: readonly string[], options: Omit<GroupRun, 'env' | 'watch'>): Promise<void> {
  let last = files.at(-1) ?? '';
  const onMark: GroupRun['onMark'] = (mark) => {
    last = mark.file;
    options.onMark(mark);
  };
  await watched(
    (event) => options.onEvent(last, event),
    (env) => runGroupOfFiles(files, { ...options, onMark, watch: true, env }),
  );
}

async function watched(onEvent: (event: TestEvent) => void, run: (env: NodeJS.ProcessEnv) => Promise<void>): Promise<void> {
  const mark = randomUUID();
  const before = await snapshot();
  await run(withMark(mark));
  const fail = (test: string, what: readonly string[]) => {
    if (what.length > 0) onEvent({ name: test, status: 'fail', ms: 0, error: `left: ${what.join(', ')}` });
  };
  fail(SURVIVORS, await survivors(mark));
  fail(LEAKS, await leftovers(before, mark));
}
