/**
 * Every example of every `--help`, as it is printed: it loads, attaches, and ends with status 0 when it is stopped.
 *
 * A process under emulation takes half a minute to start, so the words are run in this process, as `skep` would run them.
 * Processes that examples name by number are started with that number beforehand. Ordinarily the first example of each
 * tool is run, with SKEP_LONG=1 all.
 */
import assert from 'node:assert/strict';
import { type ChildProcess, spawn } from 'node:child_process';
import { existsSync, writeFileSync } from 'node:fs';
import { runTool } from '../../../src/cli/run-tool.ts';
import { FeatureError } from '../../../src/kernel/errors.ts';
import { TOOL_LIST } from '../../../src/tools/index.ts';
import type { Tool } from '../../../src/tools/tool.ts';
import { kernelTest } from '../../run/needs.ts';

/** What an emulated machine lacks: the tool must then say so. */
const LACKING: Readonly<Record<string, RegExp>> = {
  // Counters of the processor.
  llcstat: /./,
};

/** How long an example may look around before it is stopped, once it is ready. */
const LOOK_MS = 200;
/** Examples whose own end is so many seconds away at most are left to it. */
const PATIENCE_MS = 20_000;

/** As a shell splits them: quotes keep words together. */
function shellWords(line: string): string[] {
  const words: string[] = [];
  for (const match of line.matchAll(/(?:'[^']*'|"(?:\\.|[^"\\])*"|\\.|[^\s'"\\])+/g))
    words.push(
      match[0].replace(
        /'([^']*)'|"((?:\\.|[^"\\])*)"|\\(.)/g,
        (_all, single?: string, double?: string, escaped?: string) => single ?? double?.replace(/\\(["\\$`])/g, '$1') ?? escaped ?? '',
      ),
    );
  return words;
}

/** A process with a number that an example asks for. */
function processWith(pid: number, started: ChildProcess[]): void {
  for (let tries = 0; tries < 20 && !existsSync(`/proc/${pid}`); tries++) {
    writeFileSync('/proc/sys/kernel/ns_last_pid', String(pid - 1));
    started.push(spawn('sleep', ['1000'], { stdio: 'ignore' }));
  }
}

async function runExample(tool: Tool, command: string): Promise<string> {
  const [, ...words] = shellWords(command);
  const stop = new AbortController();
  let [out, err] = ['', ''];
  let timer: NodeJS.Timeout | undefined;
  const status = await runTool(tool, ['--verbose', ...words], {
    stop: stop.signal,
    sink: {
      write: (text) => {
        out += text;
        return true;
      },
    },
    say: (text) => {
      err += `${text}\n`;
      if (text === `${tool.name}: ready`) timer = setTimeout(() => stop.abort(), LOOK_MS);
    },
  }).finally(() => clearTimeout(timer));
  assert.equal(status, 0, `${command}\n${err}`);
  // `syscount -l` only lists.
  if (!words.includes('-l') || tool.name !== 'syscount') assert.match(err, new RegExp(`^${tool.name}: ready$`, 'm'), command);
  assert.doesNotMatch(err, /warning: .*lost/, command);
  return out;
}

for (const entry of TOOL_LIST) {
  const modules = entry.name.startsWith('ext4') ? ['ext4'] : [];
  kernelTest(`the examples of ${entry.name}`, { guest: true, modules, timeout: PATIENCE_MS * 10 }, async (t) => {
    const tool = await entry.load();
    const started: ChildProcess[] = [];
    try {
      for (const { command } of process.env['SKEP_LONG'] === '1' ? tool.examples : tool.examples.slice(0, 1)) {
        for (const [, pid] of command.matchAll(/(?:-p|--pid|-P|--ppid|-t|--tid|-T)[ =](\d{2,6})\b/g)) processWith(Number(pid), started);
        try {
          await runExample(tool, command);
        } catch (error) {
          const lacking = LACKING[tool.name];
          if (!(error instanceof FeatureError) || lacking?.test(error.message) !== true) {
            (error as Error).message = `skep ${command}: ${(error as Error).message}`;
            throw error;
          }
          t.diagnostic(`skep ${command}: ${error.message}`);
        }
      }
    } finally {
      for (const child of started) child.kill('SIGKILL');
    }
  });
}
