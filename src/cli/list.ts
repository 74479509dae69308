/** `skep tools [--json]`: what there is, from the descriptors. */
import { jsonLine } from '../render/json.ts';
import { TOOL_LIST } from '../tools/index.ts';
import { CommandLineError } from './errors.ts';
import { allFlags } from './parse.ts';
import { print } from './standard.ts';

export async function run(words: readonly string[]): Promise<number> {
  const unknown = words.find((word) => word !== '--json');
  if (unknown !== undefined) throw new CommandLineError(`'skep tools' takes --json, not '${unknown}'`);
  if (words.length === 0) {
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
