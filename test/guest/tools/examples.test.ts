/**
 * Every example of every `--help`, as it is printed: it loads, attaches, says what it should, and ends with status 0
 * when it is stopped. What `--json` prints are the fields that the help names.
 *
 * A process under emulation takes seconds to start, so the words are run in this process, as `skep` would run them, and
 * Ctrl-C comes a moment after they are ready. The two guests share the work: each runs every second example, both run
 * all with SKEP_LONG=1.
 */
import assert from 'node:assert/strict';
import { FeatureError } from '../../../src/kernel/errors.ts';
import { TOOL_LIST } from '../../../src/tools/index.ts';
import type { Tool } from '../../../src/tools/tool.ts';
import { SERIES } from '../../lab/kernels.ts';
import { guestSeries, kernelTest } from '../../run/needs.ts';
import { interfaceNamed, processesWith } from '../../support/numbered.ts';
import { shellWords } from '../../support/shell-words.ts';
import { records, type Said, startListing, startTool, stop } from '../../support/tools.ts';

const LONG = process.env['SKEP_LONG'] === '1';
/** How long an example may look around before it is stopped, once it is ready. */
const LOOK_MS = 100;

/** What an emulated machine lacks: the tool must then say so. */
const LACKING: Readonly<Record<string, RegExp>> = {
  // Counters of the processor.
  llcstat: /./,
};
/** Examples that only list something: they are never ready, and end by themselves. */
const LISTS = ['syscount -l'];

const PID = /(?:-p|--pid|-P|--ppid|-t|--tid|-T)[ =](\d{2,6})\b/g;

async function runExample(command: string): Promise<Said | undefined> {
  const [name = '', ...words] = shellWords(command);
  try {
    const run = await (LISTS.includes(command) ? startListing : startTool)([name, ...words]);
    await new Promise((resolve) => setTimeout(resolve, LOOK_MS));
    return await stop(run);
  } catch (error) {
    if (error instanceof FeatureError && LACKING[name]?.test(error.message)) return undefined;
    (error as Error).message = `skep ${command}: ${(error as Error).message}`;
    throw error;
  }
}

/** Stacks for a flame graph. */
const FOLDED = /^(?:offcputime|profile|stackcount) .*-\w*f\b/;

function check(command: string, said: Said): void {
  assert.doesNotMatch(said.err, /bug in skep/, command);
  if (shellWords(command).includes('--json')) records(said);
  // Every tool says at once what it does, or what its columns are; folded stacks are only what was seen, maybe nothing.
  else if (!FOLDED.test(command)) assert.notEqual(said.out.trim(), '', `${command} says nothing`);
}

/** The examples that this guest runs: of all, in the order of the list, every second. */
async function mine(): Promise<{ tool: Tool; commands: string[] }[]> {
  let place = (SERIES as readonly (string | undefined)[]).indexOf(guestSeries);
  const all = [];
  for (const entry of TOOL_LIST) {
    const tool = await entry.load();
    all.push({ tool, commands: tool.examples.map(({ command }) => command).filter(() => LONG || place++ % 2 === 0) });
  }
  return all;
}

for (const { tool, commands } of await mine()) {
  const modules = tool.name.startsWith('ext4') ? ['ext4'] : tool.name === 'sockex1' ? ['dummy'] : [];
  kernelTest(`the examples of ${tool.name}`, { guest: true, modules }, async (t) => {
    const started = processesWith(commands.flatMap((command) => [...command.matchAll(PID)].map(([, pid]) => Number(pid))));
    if (commands.some((command) => command.includes('eth0'))) interfaceNamed('eth0');
    try {
      for (const command of commands) {
        const said = await runExample(command);
        if (said === undefined) t.diagnostic(`skep ${command}: this machine cannot`);
        else check(command, said);
      }
    } finally {
      for (const child of started) child.kill('SIGKILL');
    }
  });
}
