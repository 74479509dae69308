/** `skep tools [--json]`: what there is, from the descriptors. */
import { jsonLine } from '../render/json.ts';
import { TOOL_LIST } from '../tools/index.ts';
import type { Flags } from '../tools/tool.ts';
import type { CommandHelp } from './commands.ts';
import { CommandLineError } from './errors.ts';
import { HELP_FLAG } from './flags.ts';
import { allFlags, parseFlags } from './parse.ts';
import { showHelp } from './show-help.ts';
import { print } from './standard.ts';

const FLAGS = {
  json: { type: 'boolean', help: 'a line for each tool: purpose, flags, arguments, fields of its --json, probes, examples' },
  ...HELP_FLAG,
} as const satisfies Flags;

export const help: CommandHelp = {
  usage: '',
  words: [],
  about: 'Lists the tools with their topics, a line each; what each is for in full with --json.',
  flags: FLAGS,
  examples: [
    ['skep tools', 'names, topics, summaries'],
    ['skep tools --json | jq -r .name', 'names only'],
  ],
};

export async function run(words: readonly string[]): Promise<number> {
  const { options, positionals } = parseFlags('tools', FLAGS, words);
  if (options['help'] === true) return await showHelp('tools', help);
  if (positionals.length > 0) throw new CommandLineError(`'skep tools' takes --json, not '${positionals[0]}'`);
  if (options['json'] !== true) {
    for (const { name, topic, summary } of TOOL_LIST) print(`${name.padEnd(15)} ${topic.padEnd(10)} ${summary}\n`);
    return 0;
  }
  for (const entry of TOOL_LIST) {
    const tool = await entry.load();
    const flags = Object.entries(allFlags(tool)).map(([name, flag]) => ({ name, ...flag }));
    const { name, topic, summary, about, positionals, fields, examples } = tool;
    const probes = tool.probes.map(({ kind, targets, also, minKernel }) => ({
      places: [{ kind, targets }, ...(also ?? [])],
      // Without a version: wherever these places are.
      minKernel: minKernel ?? null,
    }));
    print(`${jsonLine({ name, topic, purpose: summary, about, flags, positionals, probes, fields, examples })}\n`);
  }
  return 0;
}
