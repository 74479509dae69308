/**
 * `skep completion bash|zsh|fish`: a completion script, made from the descriptors of tools and commands.
 *
 *   source <(skep completion bash)      skep completion fish | source
 *
 * The lists are in the script: completing starts no process.
 */
import { TOOL_LIST } from '../tools/index.ts';
import type { Flag, Flags } from '../tools/tool.ts';
import { COMMANDS, type CommandHelp } from './commands.ts';
import { CommandLineError } from './errors.ts';
import { HELP_FLAG } from './flags.ts';
import { allFlags, parseFlags } from './parse.ts';
import { showHelp } from './show-help.ts';
import { print } from './standard.ts';

interface Completed {
  readonly name: string;
  readonly summary: string;
  readonly flags: Flags;
  /** Words that may follow, besides flags; undefined: files. */
  readonly words?: readonly string[];
}

const SHELLS: Readonly<Record<string, (all: readonly Completed[]) => string>> = { bash, zsh, fish };

export const help: CommandHelp = {
  usage: Object.keys(SHELLS).join('|'),
  words: Object.keys(SHELLS),
  about:
    'Prints a completion script for a shell: tools, commands, flags and choices. The lists are in the script; completing starts no process.',
  flags: HELP_FLAG,
  examples: [
    ['source <(skep completion bash)', 'bash, for this shell'],
    ['skep completion zsh > "${fpath[1]}/_skep"', 'zsh, for good'],
    ['skep completion fish | source', 'fish, for this shell'],
  ],
};

export async function run(words: readonly string[]): Promise<number> {
  const { options, positionals } = parseFlags('completion', HELP_FLAG, words);
  if (options['help'] === true) return await showHelp('completion', help);
  const [shell = ''] = positionals;
  const make = SHELLS[shell];
  if (!make || positionals.length !== 1)
    throw new CommandLineError(
      `'skep completion' takes one of ${Object.keys(SHELLS).join(', ')}${shell === '' ? '' : `, not '${positionals.join(' ')}'`}`,
    );
  print(make(await everything()));
  return 0;
}

async function everything(): Promise<Completed[]> {
  const all: Completed[] = [];
  for (const entry of TOOL_LIST) all.push({ name: entry.name, summary: entry.summary, flags: allFlags(await entry.load()), words: [] });
  for (const command of COMMANDS) {
    const { help } = await command.load();
    all.push({
      name: command.name,
      summary: command.summary,
      flags: help.flags,
      ...(help.words === undefined ? {} : { words: help.words }),
    });
  }
  return all;
}

const spelt = (name: string): string => (name.length === 1 ? `-${name}` : `--${name}`);

function spellings([name, flag]: readonly [string, Flag]): string[] {
  return flag.short === undefined ? [spelt(name)] : [spelt(name), `-${flag.short}`];
}

function bash(all: readonly Completed[]): string {
  const cases = all.map(({ name, flags, words }) => {
    const list = Object.entries(flags).flatMap((entry) => spellings(entry));
    const choices = Object.entries(flags).filter(([, flag]) => flag.choices !== undefined);
    const values = choices.map(
      (entry) => `      ${spellings(entry).join('|')}) COMPREPLY=($(compgen -W '${entry[1].choices?.join(' ')}' -- "$cur")); return ;;`,
    );
    return [
      `    ${name})`,
      ...(values.length === 0 ? [] : ['      case "$prev" in', ...values.map((line) => `  ${line}`), '      esac']),
      `      if [[ $cur == -* ]]; then COMPREPLY=($(compgen -W '${list.join(' ')}' -- "$cur"))`,
      words === undefined
        ? '      else COMPREPLY=($(compgen -f -- "$cur")); fi ;;'
        : `      else COMPREPLY=($(compgen -W '${words.join(' ')}' -- "$cur")); fi ;;`,
    ].join('\n');
  });
  return `# bash completion for skep
_skep() {
  local cur=\${COMP_WORDS[COMP_CWORD]} prev=\${COMP_WORDS[COMP_CWORD-1]}
  COMPREPLY=()
  if [[ $COMP_CWORD -eq 1 ]]; then
    COMPREPLY=($(compgen -W '${[...all.map(({ name }) => name), '--help', '--version'].join(' ')}' -- "$cur"))
    return
  fi
  case "\${COMP_WORDS[1]}" in
${cases.join('\n')}
  esac
}
complete -o filenames -F _skep skep
`;
}

const quote = (text: string): string => `'${text.replaceAll("'", "'\\''")}'`;

function zsh(all: readonly Completed[]): string {
  const bracket = (text: string): string => text.replace(/[[\]:\\]/g, '\\$&');
  const specs = ({ flags, words }: Completed): string[] => {
    const list = Object.entries(flags).flatMap(([name, flag]) => {
      const value =
        flag.type === 'boolean'
          ? ''
          : `:${bracket(flag.value ?? name)}:${flag.choices === undefined ? '_files' : `(${flag.choices.join(' ')})`}`;
      return spellings([name, flag]).map((spelling) =>
        quote(`${flag.type === 'strings' ? '*' : ''}${spelling}[${bracket(flag.help)}]${value}`),
      );
    });
    const rest = words === undefined ? "'*:file:_files'" : words.length > 0 ? quote(`1:word:(${words.join(' ')})`) : '';
    return rest === '' ? list : [...list, rest];
  };
  const cases = all.map((one) => {
    const list = specs(one);
    return list.length === 0 ? `    ${one.name}) ;;` : `    ${one.name}) _arguments ${list.join(' ')} ;;`;
  });
  return `#compdef skep
_skep() {
  local -a names
  names=(${all.map(({ name, summary }) => quote(`${name}:${summary}`)).join(' ')})
  if (( CURRENT == 2 )); then
    _describe 'tool or command' names
    return
  fi
  local name=\${words[2]}
  shift words
  (( CURRENT-- ))
  case "$name" in
${cases.join('\n')}
  esac
}
compdef _skep skep
`;
}

function fish(all: readonly Completed[]): string {
  const escape = (text: string): string => `'${text.replace(/[\\']/g, '\\$&')}'`;
  const lines = ['# fish completion for skep', 'complete -c skep -f'];
  for (const { name, summary, flags, words } of all) {
    lines.push(`complete -c skep -n __fish_use_subcommand -a ${name} -d ${escape(summary)}`);
    const when = `-n ${escape(`__fish_seen_subcommand_from ${name}`)}`;
    for (const [flag, { short, type, help, choices }] of Object.entries(flags)) {
      const head = flag.length === 1 ? `-s ${flag}` : `-l ${flag}${short === undefined ? '' : ` -s ${short}`}`;
      lines.push(
        `complete -c skep ${when} ${head}${type === 'boolean' ? '' : choices === undefined ? ' -r -F' : ` -x -a ${escape(choices.join(' '))}`} -d ${escape(help)}`,
      );
    }
    if (words === undefined) lines.push(`complete -c skep ${when} -F`);
    else if (words.length > 0) lines.push(`complete -c skep ${when} -a ${escape(words.join(' '))}`);
  }
  return `${lines.join('\n')}\n`;
}
