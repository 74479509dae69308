/**
 * `skep explain CODE`: what the code of a message means; of the compiler's messages (`[unused-variable]`) and of the
 * verifier's refusals (`null-pointer`). Without a code: all of them.
 */
import { adviceOf } from '../compiler/code-advice.ts';
import { allCodes, CODE_GROUPS, meaningOf } from '../compiler/codes.ts';
import { suggest } from '../compiler/did-you-mean.ts';
import { UserError } from '../kernel/errors.ts';
import { VERIFIER_TABLE } from '../link/verifier-table.ts';
import type { CommandHelp } from './commands.ts';
import { HELP_FLAG } from './flags.ts';
import { parseFlags } from './parse.ts';
import { showHelp } from './show-help.ts';
import { print } from './standard.ts';

export const help: CommandHelp = {
  usage: '[CODE...]',
  words: [],
  about:
    "Says what the code at the end of a compiler's message means, or the class of a verifier's refusal, and what to change where that is not plain.",
  flags: HELP_FLAG,
  examples: [
    ['skep explain unchecked-lookup', 'one code'],
    ['skep explain', 'all codes'],
  ],
};

export async function run(words: readonly string[]): Promise<number> {
  const { options, positionals } = parseFlags('explain', HELP_FLAG, words);
  if (options['help'] === true) return await showHelp('explain', help);
  const texts = positionals.length === 0 ? [...everything()] : positionals.map(explain);
  print(`${texts.join(positionals.length === 0 ? '\n' : '\n\n')}\n`);
  return 0;
}

function explain(word: string): string {
  const code = word.replace(/^\[|\]$/g, '');
  const meaning = meaningOf(code);
  const refusals = VERIFIER_TABLE.filter((row) => row.class === code);
  if (meaning === undefined && refusals.length === 0) {
    const near = suggest(code, [...allCodes(), ...VERIFIER_TABLE.map((row) => row.class)]);
    throw new UserError(
      `there is no code '${code}'${near === undefined ? '' : `; did you mean '${near}'?`}`,
      "'skep explain' alone lists all of them",
    );
  }
  const lines = meaning === undefined ? [] : [`${code}: ${meaning}`];
  const advice = adviceOf(code);
  if (advice !== undefined) lines.push(`  what to do: ${advice}`);
  if (refusals.length > 0) lines.push(`${code}: a program that the kernel's verifier refuses.`);
  for (const { explanation, hint } of refusals)
    lines.push(`  ${explanation.replace(/\$\d/g, '…')}`, `    what to do: ${hint.replace(/\$\d/g, '…')}`);
  return lines.join('\n');
}

function* everything(): Generator<string> {
  for (const [title, group] of Object.entries(CODE_GROUPS)) {
    yield `${title}:`;
    for (const [code, meaning] of Object.entries(group)) yield `  ${code.padEnd(34)} ${meaning}`;
  }
  yield "Refusals of the kernel's verifier:";
  for (const name of new Set(VERIFIER_TABLE.map((row) => row.class))) yield `  ${name}`;
}
