/**
 * Test files in one guest kernel: one boot for all of them. A guest that dies or hangs takes one file with it: that is
 * a failed test with the guest's console, and the files after it run in a new boot.
 */
import { join } from 'node:path';
import { runGuest } from '../lab/guest.ts';
import { guestKernel, type Series } from '../lab/kernels.ts';
import { sourcePositions } from './bundle.ts';
import { type AgentMessage, type Result, ResultReader, TESTS_FAILED } from './result.ts';

export interface GuestTierOptions {
  readonly record: (result: Result) => void;
  readonly print: (line: string) => void;
  /** Regular expression for test names. */
  readonly pattern?: string | undefined;
  /** A shell after a failure. */
  readonly keep: boolean;
  /** For the test files. */
  readonly env: Readonly<Record<string, string>>;
}

const LONG = process.env['SKEP_LONG'] === '1';
const GUEST_MINUTES = LONG ? 180 : 45;
const SILENT_MINUTES = LONG ? 60 : 15;
const KEPT_MINUTES = 24 * 60;
const BOOTS = 3;
/** The end of the console says what happened; kernels say a lot before. */
const CONSOLE_LINES = 60;

/** Resolves with what went wrong beside failed tests. */
export async function runGuestTier(series: Series, files: readonly string[], tree: string, options: GuestTierOptions): Promise<string[]> {
  let left = files;
  for (let boot = 1; left.length > 0; boot++) {
    const { up, done, current, how, console } = await runBoot(series, left, tree, options);
    if (how === undefined) {
      const silent = left.filter((file) => !done.has(file));
      return silent.length === 0 ? [] : [`the guest ${series} ended well, and said nothing of ${silent.join(', ')}`];
    }
    // A kernel that patches its code while emulated processors run it stumbles now and then, mostly as it starts (an oops
    // at an int3 that is there no more): no test has begun, and none has failed.
    if (!up && boot < BOOTS) {
      options.print(`the guest ${series} did not come up (${how}); it is started again`);
      continue;
    }
    const culprit = current ?? left.find((file) => !done.has(file)) ?? left[0] ?? '';
    const error = `${how}; its console ends with\n${console.trimEnd().split('\n').slice(-CONSOLE_LINES).join('\n')}`;
    options.record({ file: culprit, name: '(the guest)', where: series, status: 'fail', ms: 0, error });
    left = left.filter((file) => !done.has(file) && file !== culprit);
    if (boot === BOOTS && left.length > 0) return [`the guest ${series} ended ${BOOTS} times; not run: ${left.join(', ')}`];
  }
  return [];
}

interface Boot {
  /** The command was started. */
  readonly up: boolean;
  readonly done: ReadonlySet<string>;
  /** The file that was running at the end. */
  readonly current: string | undefined;
  /** How the guest went away; undefined when all went well. */
  readonly how: string | undefined;
  readonly console: string;
}

async function runBoot(series: Series, files: readonly string[], tree: string, options: GuestTierOptions): Promise<Boot> {
  const done = new Set<string>();
  let current: string | undefined;
  const reader = new ResultReader<AgentMessage>((message) => {
    if ('event' in message) {
      const { error, ...event } = message.event;
      options.record({ ...event, ...(error === undefined ? {} : { error: sourcePositions(error) }), file: message.file, where: series });
    } else if (message.mark === 'begin') current = message.file;
    else if (message.mark === 'end') {
      done.add(message.file);
      current = undefined;
    }
  }, options.print);
  const agent = [process.execPath, join(tree, 'test', 'run', 'agent.js')];
  const pattern = options.pattern === undefined ? [] : ['--pattern', `'${options.pattern.replaceAll("'", "'\\''")}'`];
  const { end, console, bootTime } = await runGuest({
    kernel: guestKernel(series),
    command: [...agent, ...pattern, ...files].join(' '),
    env: {
      ...Object.fromEntries(
        ['CI', 'SKEP_LONG', 'SKEP_CACHE'].flatMap((name) => (process.env[name] === undefined ? [] : [[name, process.env[name]]])),
      ),
      ...options.env,
    },
    keep: options.keep,
    // A shell lives as long as somebody wants it.
    timeLimit: (options.keep ? KEPT_MINUTES : GUEST_MINUTES) * 60_000,
    ...(options.keep ? {} : { silenceLimit: SILENT_MINUTES * 60_000 }),
    onOutput: (output) => reader.push(output),
  });
  reader.push('\n');
  const up = bootTime !== undefined;
  switch (end.kind) {
    case 'exit':
      return {
        up,
        done,
        current,
        how: end.status === 0 || end.status === TESTS_FAILED ? undefined : `the agent ended with status ${end.status}`,
        console,
      };
    case 'died':
      return { up, done, current, how: 'the guest died', console };
    case 'timeout':
      return { up, done, current, how: 'the guest hung and was ended', console };
  }
}
