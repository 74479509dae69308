/**
 * Runs test files one after the other on the kernel it finds itself on, and prints what happened as JSON lines.
 * The lab starts it inside a guest: one boot, many files, most of them in one process (`group.ts`).
 */
import { runKernelFile, runKernelGroup } from './kernel-file.ts';
import { needsOwnProcess } from './own-process.ts';
import { type AgentMessage, MARK, TESTS_FAILED, type TestEvent } from './result.ts';

/** Ends a file that hangs, long before the lab takes the guest for dead. In long runs a file starts and kills 200 processes. */
const FILE_MINUTES = process.env['SKEP_LONG'] === '1' ? 60 : 12;

function say(message: AgentMessage): void {
  process.stdout.write(`${MARK}${JSON.stringify(message)}\n`);
}

async function main(): Promise<void> {
  const args = process.argv.slice(2);
  const pattern = args[0] === '--pattern' ? args.splice(0, 2)[1] : undefined;
  const onEvent = (file: string, event: TestEvent) => {
    if (event.status === 'fail') process.exitCode = TESTS_FAILED;
    say({ file, event });
  };
  const onText = (line: string) => line && process.stdout.write(`${line}\n`);
  const timeLimit = FILE_MINUTES * 60_000;
  // A pattern is for a test or two, and would pass over the marks of files.
  const alone = args.filter((file) => pattern !== undefined || needsOwnProcess(file));
  const together = args.filter((file) => !alone.includes(file));
  if (together.length > 0) await runKernelGroup(together, { onEvent, onMark: say, onText, timeLimit });
  for (const file of alone) {
    say({ file, mark: 'begin' });
    await runKernelFile(file, {
      onEvent: (event) => onEvent(file, event),
      onText,
      timeLimit,
      ...(pattern === undefined ? {} : { pattern }),
    });
    say({ file, mark: 'end' });
  }
}

await main();
