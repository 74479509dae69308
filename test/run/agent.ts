/**
 * Runs test files one after the other on the kernel it finds itself on, and prints what happened as JSON lines.
 * The lab starts it inside a guest: one boot, many files.
 */

import { runKernelFile } from './kernel-file.ts';
import { MARK, type TestEvent } from './result.ts';

export interface AgentLine {
  readonly file: string;
  readonly event: TestEvent;
}

async function main(): Promise<void> {
  const args = process.argv.slice(2);
  const pattern = args[0] === '--pattern' ? args.splice(0, 2)[1] : undefined;
  for (const file of args) {
    const say = (event: TestEvent) => process.stdout.write(`${MARK}${JSON.stringify({ ...event, file })}\n`);
    await runKernelFile(file, {
      onEvent: say,
      onText: (line) => line && process.stdout.write(`${line}\n`),
      timeLimit: 900_000,
      ...(pattern === undefined ? {} : { pattern }),
    });
  }
}

await main();
