/**
 * kill -9 at random moments, over all tools: nothing stays in the kernel, and no helper process either.
 *
 * Several run at once. The first ones are left alone until all are ready: so long a start takes here and now, and the
 * moments that follow are spread over one and a half times that. SKEP_LONG=1: 200 rounds.
 */
import assert from 'node:assert/strict';
import { readdirSync } from 'node:fs';
import { allFlags } from '../../../src/cli/parse.ts';
import { TOOL_LIST } from '../../../src/tools/index.ts';
import { leftovers, snapshot } from '../../run/leaks.ts';
import { guestSeries, kernelTest } from '../../run/needs.ts';
import { commandLine } from '../../run/processes.ts';
import { type Running, startSkep } from '../../support/command.ts';
import { shellWords } from '../../support/shell-words.ts';

const AT_ONCE = 4;
const ROUNDS = process.env['SKEP_LONG'] === '1' ? 200 : AT_ONCE;

/** In a guest the first example of each tool; on a machine that is shared, those tools that can be told to look at one process. */
async function commands(): Promise<string[][]> {
  const all: string[][] = [];
  for (const entry of TOOL_LIST) {
    const tool = await entry.load();
    if (guestSeries !== undefined) all.push(shellWords(tool.examples[0]?.command ?? entry.name));
    else if (allFlags(tool)['pid']?.type === 'pid' && !tool.positionals.some(({ required }) => required))
      all.push([entry.name, '-p', String(process.pid)]);
  }
  return all;
}

function shuffled<T>(items: readonly T[]): T[] {
  return items
    .map((item) => ({ item, at: Math.random() }))
    .sort((a, b) => a.at - b.at)
    .map(({ item }) => item);
}

/** Shells that wait for the end of a tool to clean up behind it. */
function guards(): string[] {
  return readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name))
    .map((pid) => commandLine(Number(pid)))
    .filter((line) => line.includes(' skep-guard'));
}

function begin([name = '', ...words]: readonly string[]): Running {
  return startSkep([name, '--verbose', ...words]);
}

async function kill(tool: Running): Promise<void> {
  tool.child.kill('SIGKILL');
  await tool.ended;
  assert.doesNotMatch(tool.err(), /bug in skep/, tool.err());
}

kernelTest(
  `kill -9 at a random moment, ${ROUNDS} times over the tools: nothing stays in the kernel`,
  { timeout: 120_000 + ROUNDS * 5000 },
  async (t) => {
    const before = await snapshot();
    const tools = shuffled(await commands());
    assert.ok(tools.length > 20, `${tools.length} tools`);
    const started = performance.now();
    const first = tools.slice(0, AT_ONCE).map(begin);
    // A tool that cannot run on this kernel ends by itself.
    await Promise.all(first.map((tool) => Promise.race([tool.says(': ready').catch(() => {}), tool.ended])));
    const usual = performance.now() - started;
    await Promise.all(first.map(kill));
    const how = { before: 0, ready: 0, ended: 0 };
    let round = 0;
    const worker = async (): Promise<void> => {
      while (round < ROUNDS) {
        const tool = begin(tools[(AT_ONCE + round++) % tools.length] as string[]);
        const moment = new Promise((resolve) => setTimeout(resolve, Math.random() * 1.5 * usual));
        await Promise.race([tool.ended, moment]);
        if (tool.child.exitCode !== null) how.ended++;
        else how[tool.err().includes(': ready\n') ? 'ready' : 'before']++;
        await kill(tool);
      }
    };
    await Promise.all(Array.from({ length: AT_ONCE }, worker));
    t.diagnostic(`${ROUNDS} rounds over ${tools.length} tools, ready after about ${usual.toFixed(0)} ms: ${JSON.stringify(how)}`);
    // Tools that cannot run on this kernel end by themselves; many must have been alive, and some of them ready, or nothing was tried.
    if (ROUNDS >= 100) assert.ok(how.ended < (ROUNDS * 3) / 4 && how.before > 0 && how.ready > 0, JSON.stringify(how));
    assert.deepEqual(await leftovers(before), []);
    if (guestSeries !== undefined) assert.deepEqual(guards(), []);
  },
);
