/**
 * A test file that touches the kernel: afterwards the kernel must be as it was before, no process of the test may live
 * on, and the test's own process may have left no descriptor open. What is left is a failed test of the file.
 */
import { randomUUID } from 'node:crypto';
import { type FileRun, runFile } from './files.ts';
import { leftovers, snapshot, survivors } from './leaks.ts';
import { withMark } from './processes.ts';

export async function runKernelFile(name: string, options: Omit<FileRun, 'env' | 'watch'>): Promise<void> {
  const mark = randomUUID();
  const before = await snapshot();
  await runFile(name, { ...options, watch: true, env: withMark(mark) });
  const fail = (test: string, what: readonly string[]) => {
    if (what.length > 0) options.onEvent({ name: test, status: 'fail', ms: 0, error: `left: ${what.join(', ')}` });
  };
  fail('processes left running', await survivors(mark));
  fail('leaks', await leftovers(before, mark));
}
