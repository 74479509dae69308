/** Which test files there are, by tier, and how one is run in a process of its own. */
import { spawn } from 'node:child_process';
import { readdirSync } from 'node:fs';
import { join, relative } from 'node:path';
import { built, bundled } from './paths.ts';
import { FILE_ITSELF, type FileEnd, type FileMark, ResultReader, type TestEvent } from './result.ts';

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
export async function runFile(name: string, options: FileRun): Promise<void> {
  let failed = false;
  let tests = 0;
  let complete = false;
  const { how, wrong } = await runProcess([join(built, 'test', `${name}.test.js`)], {
    ...options,
    onMessage(message) {
      if ('end' in message) complete = true;
      else if ('status' in message) {
        tests++;
        failed ||= message.status === 'fail';
        options.onEvent(message);
      }
    },
  });
  const itself = (error: string) => options.onEvent({ name: FILE_ITSELF, status: 'fail', ms: 0, error });
  if (!failed && wrong) itself(how);
  else if (!complete && !failed) itself(`the process ended before its tests did (${how})`);
  else if (tests === 0 && options.pattern === undefined) itself('holds no test');
}

export type TestMessage = TestEvent | FileEnd | FileMark;

export interface ProcessRun extends Omit<FileRun, 'onEvent'> {
  readonly onMessage: (message: TestMessage) => void;
}

export interface ProcessEnd {
  /** 'exit status 1' */
  readonly how: string;
  readonly wrong: boolean;
}

/** Runs a process with tests in it: a script and its words. The time limit begins anew with each file of several. */
export function runProcess(script: readonly string[], options: ProcessRun): Promise<ProcessEnd> {
  const args = ['--test-reporter', join(built, 'test', 'run', 'reporter.js'), '--test-reporter-destination', 'stdout'];
  if (!bundled || options.sourceMaps) args.push('--enable-source-maps');
  if (options.pattern !== undefined) args.push('--test-name-pattern', options.pattern);
  // A bundled file has it in it.
  if (options.watch && !bundled) args.push('--import', join(built, 'test', 'run', 'watch-descriptors.js'));
  return new Promise((resolve) => {
    const child = spawn(process.execPath, [...args, ...script], {
      stdio: ['ignore', 'pipe', 'pipe'],
      env: options.env ?? process.env,
    });
    let timedOut = false;
    const limit = () =>
      setTimeout(() => {
        timedOut = true;
        child.kill('SIGKILL');
      }, options.timeLimit);
    let timer = limit();
    const take = (message: TestMessage) => {
      if ('mark' in message && message.mark === 'begin') {
        clearTimeout(timer);
        timer = limit();
      }
      options.onMessage(message);
    };
    // Each stream by itself: words on one may stand in the middle of a line of the other.
    const readers = [new ResultReader<TestMessage>(take, options.onText), new ResultReader<TestMessage>(take, options.onText)];
    [child.stdout, child.stderr].forEach((stream, i) => {
      stream.setEncoding('utf8');
      stream.on('data', (text: string) => readers[i]?.push(text));
    });
    child.on('close', (status, signal) => {
      clearTimeout(timer);
      for (const reader of readers) reader.push('\n');
      const how = timedOut
        ? `ended after ${options.timeLimit / 1000} s`
        : signal !== null
          ? `killed by ${signal}`
          : `exit status ${status}`;
      resolve({ how, wrong: timedOut || signal !== null || status !== 0 });
    });
  });
}

export interface GroupRun extends Omit<ProcessRun, 'onMessage' | 'pattern'> {
  readonly onEvent: (file: string, event: TestEvent) => void;
  readonly onMark: (mark: FileMark) => void;
}

/**
 * Runs files of a group (`group.ts`) in one process. A file that takes the process with it is a failed test of its own,
 * and those after it run in a new one.
 */
export async function runGroupOfFiles(files: readonly string[], options: GroupRun): Promise<void> {
  const script = bundled
    ? [join(built, 'test', 'group.js')]
    : [join(built, 'test', 'run', 'group-here.js'), ...(options.watch ? ['--kernel'] : [])];
  for (let left = files; left.length > 0; ) {
    let current: string | undefined;
    let tests = 0;
    let failed = false;
    let complete = false;
    const done = new Set<string>();
    const { how, wrong } = await runProcess([...script, ...left], {
      ...options,
      onMessage(message) {
        if ('end' in message) complete = true;
        else if ('mark' in message) {
          if (message.mark === 'begin') {
            current = message.file;
            tests = 0;
          } else if (message.mark === 'end') {
            if (tests === 0) options.onEvent(message.file, { name: FILE_ITSELF, status: 'fail', ms: 0, error: 'holds no test' });
            done.add(message.file);
            current = undefined;
          }
          options.onMark(message);
        } else {
          tests++;
          failed ||= message.status === 'fail';
          options.onEvent(current ?? left.find((file) => !done.has(file)) ?? '', message);
        }
      },
    });
    const culprit = current ?? left.find((file) => !done.has(file));
    if (culprit === undefined) {
      // As of a file by itself: an error that no test had, or an end before the last word.
      if (!failed && (wrong || !complete))
        options.onEvent(left.at(-1) ?? '', {
          name: FILE_ITSELF,
          status: 'fail',
          ms: 0,
          error: `${how}, behind the last of ${left.length} files`,
        });
      return;
    }
    options.onEvent(culprit, { name: FILE_ITSELF, status: 'fail', ms: 0, error: `the process ended before its tests did (${how})` });
    options.onMark({ file: culprit, mark: 'end' });
    left = left.filter((file) => !done.has(file) && file !== culprit);
  }
}
