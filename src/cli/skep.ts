#!/usr/bin/env node
/**
 * The `skep` command. It finds out what is wanted and loads only that: a tool starts in a blink because nothing
 * else is read.
 *
 *   skep bitesize 5 ─▶ tools/index (names only) ─▶ tools/bitesize ─▶ run-tool
 */
import { existsSync, readFileSync } from 'node:fs';
import { CommandLineError, errorText, exitStatus } from './errors.ts';
import { complain, print } from './standard.ts';

async function main(words: readonly string[]): Promise<number> {
  const [first, ...others] = words;
  // `skep help bitesize` is `skep bitesize --help`.
  const [name, ...rest] = first === 'help' && others[0] !== undefined ? [others[0], '--help'] : words;
  if (name === undefined || name === '--help' || name === '-h' || name === 'help') {
    const { overview } = await import('./help.ts');
    (name === undefined ? complain : print)(overview());
    return name === undefined ? 2 : 0;
  }
  if (name === '--version' || name === '-V') {
    print(`skep ${version()}\n`);
    return 0;
  }
  if (name === '--warm-up') {
    const { warmUp } = await import('./warm-up.ts');
    await warmUp();
    return 0;
  }
  if (name === '--precompile') {
    const { precompile } = await import('./precompile.ts');
    await precompile();
    return 0;
  }
  const { TOOL_LIST } = await import('../tools/index.ts');
  const entry = TOOL_LIST.find((tool) => tool.name === name);
  if (entry) {
    const { runTool } = await import('./run-tool.ts');
    return await runTool(await entry.load(), rest);
  }
  const { COMMANDS } = await import('./commands.ts');
  const command = COMMANDS.find((candidate) => candidate.name === name);
  if (command) return await (await command.load()).run(rest);
  const { similar } = await import('../compiler/did-you-mean.ts');
  const flag = name.startsWith('-');
  const near = similar(name, flag ? ['--help', '--version'] : [...TOOL_LIST, ...COMMANDS].map((known) => known.name))[0];
  throw new CommandLineError(
    `there is no ${flag ? 'flag' : 'tool or command'} '${name}'${near === undefined ? '' : `, did you mean '${near}'?`}; 'skep --help' lists ${flag ? 'what there is' : 'them'}`,
  );
}

/** From the package's own description, wherever the code was built to. */
function version(): string {
  for (let folder = new URL('.', import.meta.url); folder.pathname !== '/'; folder = new URL('..', folder)) {
    const file = new URL('package.json', folder);
    // Beside the bundled command lies one that only says how its scripts are written.
    const known = existsSync(file) ? (JSON.parse(readFileSync(file, 'utf8')) as { version?: string }).version : undefined;
    if (known !== undefined) return known;
  }
  return 'of unknown version';
}

// To Node it means: open the inspector. Nobody is to get into a process of root's that way.
process.on('SIGUSR1', () => {});

// Not awaited at the top level: the command is also bundled as one CommonJS script.
main(process.argv.slice(2)).then(
  (status) => {
    process.exitCode = status;
  },
  (error: unknown) => {
    complain(errorText(error));
    process.exitCode = exitStatus(error);
  },
);
