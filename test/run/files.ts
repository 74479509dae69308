/** Which test files there are, by tier, and how one is run in a process of its own. */
import { spawn } from 'node:child_process';
import { readdirSync } from 'node:fs';
import { join, relative } from 'node:path';
import { built, bundled } from './paths.ts';
import { type FileEnd, ResultReader, type TestEvent } from './result.ts';

export type Tier = 'pure' | 'fake' | 'host' | 'guest';
export const TIERS: readonly Tier[] = ['pure', 'fake', 'host', 'guest'];

/** Names of test files below a tier's folder, without ending ('pure/isa/encode'), sorted. */
export function testFiles(tier: Tier): string[] {
  const folder = join(built, 'test', tier);
  let names: string[];
  try {
    names = readdirSync(folder, { recursive: true, encoding: 'utf8' });
  } catch {
    return [];
  }
  return names
    .filter((name) => name.endsWith('.test.js'))
    .map((name) => relative(join(built, 'test'), join(folder, name)).replace(/\.test\.js$/, ''))
    .sort();
}

export interface FileRun {
  readonly onEvent: (event: TestEvent) => void;
  readonly onText: (line: string) => void;
  /** Regular expression for test names. */
  readonly pattern?: string;
  /** Milliseconds. */
  readonly timeLimit: number;
  /** Watch descriptors (`watch-descriptors.ts`). */
  readonly watch?: boolean;
  readonly env?: NodeJS.ProcessEnv;
  /** Stacks name the sources. Otherwise those of a bundled file name places in it, which `sourcePositions()` knows. */
  readonly sourceMaps?: boolean;
}

/** Runs one test file; reports its end as a failed test of its own when the process fails without saying why. */
export function runFile(name: string, options: FileRun): Promise<void> {
  const args = ['--test-reporter', join(built, 'test', 'run', 'reporter.js'), '--test-reporter-destination', 'stdout'];
  if (!bundled || options.sourceMaps) args.push('--enable-source-maps');
  if (options.pattern !== undefined) args.push('--test-name-pattern', options.pattern);
  // A bundled file has it in it.
  if (options.watch && !bundled) args.push('--import', join(built, 'test', 'run', 'watch-descriptors.js'));
  args.push(join(built, 'test', `${name}.test.js`));
  return new Promise((resolve) => {
    let failed = false;
    let tests = 0;
    let complete = false;
    const take = (event: TestEvent | FileEnd) => {
      if ('end' in event) {
        complete = true;
        return;
      }
      tests++;
      failed ||= event.status === 'fail';
      options.onEvent(event);
    };
    // Each stream by itself: words on one may stand in the middle of a line of the other.
    const readers = [
      new ResultReader<TestEvent | FileEnd>(take, options.onText),
      new ResultReader<TestEvent | FileEnd>(take, options.onText),
    ];
    const child = spawn(process.execPath, args, {
      stdio: ['ignore', 'pipe', 'pipe'],
      env: options.env ?? process.env,
    });
    let timedOut = false;
    const timer = setTimeout(() => {
      timedOut = true;
      child.kill('SIGKILL');
    }, options.timeLimit);
    [child.stdout, child.stderr].forEach((stream, i) => {
      stream.setEncoding('utf8');
      stream.on('data', (text: string) => readers[i]?.push(text));
    });
    child.on('close', (status, signal) => {
      clearTimeout(timer);
      for (const reader of readers) reader.push('\n');
      const end = timedOut
        ? `ended after ${options.timeLimit / 1000} s`
        : signal !== null
          ? `killed by ${signal}`
          : `exit status ${status}`;
      if (!failed && (timedOut || signal !== null || status !== 0))
        options.onEvent({ name: '(the file itself)', status: 'fail', ms: 0, error: end });
      else if (!complete && !failed)
        options.onEvent({ name: '(the file itself)', status: 'fail', ms: 0, error: `the process ended before its tests did (${end})` });
      else if (tests === 0 && options.pattern === undefined)
        options.onEvent({ name: '(the file itself)', status: 'fail', ms: 0, error: 'holds no test' });
      resolve();
    });
  });
}
