/**
 * Runs test files one after the other on the kernel it finds itself on, and prints what happened as JSON lines.
 * The lab starts it inside a guest: one boot, many files.
 */

import { runKernelFile } from './kernel-file.ts';
import { type AgentMessage, MARK, TESTS_FAILED, type TestEvent } from './result.ts';

/** Ends a file that hangs, long before the lab takes the guest for dead. In long runs a file starts and kills 200 processes. */
const FILE_MINUTES = process.env['SKEP_LONG'] === '1' ? 60 : 12;

function say(message: AgentMessage): void {
  process.stdout.write(`${MARK}${JSON.stringify(message)}\n`);
}

async function main(): Promise<void> {
  const args = process.argv.slice(2);
  const pattern = args[0] === '--pattern' ? args.splice(0, 2)[1] : undefined;
  for (const file of args) {
    say({ file, mark: 'begin' });
    await runKernelFile(file, {
      onEvent: (event: TestEvent) => {
        if (event.status === 'fail') process.exitCode = TESTS_FAILED;
        say({ file, event });
      },
      onText: (line) => line && process.stdout.write(`${line}\n`),
      timeLimit: FILE_MINUTES * 60_000,
      ...(pattern === undefined ? {} : { pattern }),
    });
    say({ file, mark: 'end' });
  }
}

await main();
