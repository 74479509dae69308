/** Help texts, made from the descriptors. */
import { TOOL_LIST } from '../tools/index.ts';
import { type Flag, TOPICS, type Tool, type Topic } from '../tools/tool.ts';
import { COMMANDS, type CommandHelp } from './commands.ts';
import { allFlags } from './parse.ts';

export const TOPIC_TITLES: Readonly<Record<Topic, string>> = {
  disk: 'Block devices',
  files: 'Files and file systems',
  network: 'Network',
  scheduler: 'Processor and scheduler',
  memory: 'Memory and caches',
  processes: 'Processes and signals',
  security: 'Security',
  functions: 'Any function',
  languages: 'Languages and libraries',
  samples: "The kernel's samples",
};

/** `skep --help`. */
export function overview(): string {
  const lines = [
    'usage: skep <tool> [flags]      sudo skep bitesize 5',
    '       skep <tool> --help       what it shows, its flags, examples',
    '',
  ];
  for (const topic of TOPICS) {
    const tools = TOOL_LIST.filter((tool) => tool.topic === topic);
    if (tools.length === 0) continue;
    lines.push(`${TOPIC_TITLES[topic]}:`, ...tools.flatMap(({ name, summary }) => entry(name, summary)), '');
  }
  lines.push('Commands:', ...COMMANDS.flatMap(({ name, summary }) => entry(name, summary)), '');
  lines.push('Every tool takes --json, --duration SECONDS, --output FILE, -v, --print-program');
  lines.push('and --help; where what is seen belongs to a task, also --cgroup PATH.');
  lines.push('Completion for a shell: skep completion bash.');
  return `${lines.join('\n')}\n`;
}

function entry(name: string, summary: string): string[] {
  const [first = '', ...rest] = wrap(summary, WIDTH - 18);
  return [`  ${name.padEnd(15)} ${first}`, ...rest.map((line) => `${' '.repeat(18)}${line}`)];
}

/** 'usage: skep biolatency [flags] [interval] [count]' */
export function usageLine(tool: Tool): string {
  const words = tool.positionals.map(({ name, required, many }) => {
    const word = many ? `${name}...` : name;
    return required ? word : `[${word}]`;
  });
  return `usage: skep ${[tool.name, '[flags]', ...words].join(' ')}`;
}

/** `skep <tool> --help`. */
export function toolHelp(tool: Tool): string {
  const about = tool.about.split('\n').flatMap((paragraph) => wrap(paragraph, WIDTH));
  const lines = [usageLine(tool), '', `${tool.summary}.`, '', ...about, ''];
  if (tool.positionals.length > 0) lines.push('Arguments:', ...pairs(tool.positionals.map(({ name, help }) => [name, help])), '');
  lines.push('Flags:', ...Object.entries(allFlags(tool)).flatMap(([name, flag]) => flagLines(name, flag)), '');
  // Each example as it is typed: a line of its own, so that it can be copied.
  lines.push(
    'Examples:',
    ...tool.examples.flatMap(({ command, help }) => [`  skep ${command}`, ...wrap(help, WIDTH - 6).map((line) => `      ${line}`)]),
    '',
  );
  lines.push('Fields of --json:', ...pairs(tool.fields.map(({ name, type, help }) => [`${name} (${type})`, help])));
  return `${lines.join('\n')}\n`;
}

/** `skep <command> --help`. */
export function commandHelp(name: string, help: CommandHelp): string {
  const lines = [`usage: skep ${name} [flags] ${help.usage}`.trimEnd(), '', ...wrap(help.about, WIDTH), '', 'Flags:'];
  for (const [flag, description] of Object.entries(help.flags)) lines.push(...flagLines(flag, description));
  lines.push('', 'Examples:', ...help.examples.map(([command, words]) => `  ${command.padEnd(44)} ${words}`));
  return `${lines.join('\n')}\n`;
}

const WIDTH = 80;
/** Where the words of a flag begin. */
const INDENT = 28;

/** '-p, --pid PID' */
export function flagHead(name: string, flag: Flag): string {
  const value = flag.type === 'boolean' ? '' : ` ${flag.value ?? VALUE_NAMES[flag.type] ?? flag.type.toUpperCase()}`;
  if (name.length === 1) return `-${name}${value}`;
  return `${flag.short === undefined ? '' : `-${flag.short}, `}--${name}${value}`;
}

const VALUE_NAMES: Readonly<Record<string, string>> = { string: 'TEXT', strings: 'TEXT', number: 'NUMBER', count: 'COUNT' };

export function flagText(flag: Flag): string {
  return flag.default === undefined || flag.default === false ? flag.help : `${flag.help} (default ${flag.default})`;
}

function flagLines(name: string, flag: Flag): string[] {
  const head = flagHead(name, flag);
  return pairs([[head.startsWith('--') ? `    ${head}` : head, flagText(flag)]]);
}

/** Two columns, the second wrapped. */
function pairs(list: readonly (readonly [string, string])[]): string[] {
  return list.flatMap(([head, text]) => {
    const lines = wrap(text, WIDTH - INDENT);
    const first = `  ${head}`;
    const fits = first.length < INDENT;
    const rest = (fits ? lines.slice(1) : lines).map((line) => `${' '.repeat(INDENT)}${line}`);
    return [fits ? `${first.padEnd(INDENT)}${lines[0] ?? ''}` : first, ...rest];
  });
}

function wrap(text: string, width: number): string[] {
  const lines: string[] = [];
  let line = '';
  for (const word of text.split(/\s+/)) {
    if (line !== '' && line.length + word.length + 1 > width) {
      lines.push(line);
      line = word;
    } else line = line === '' ? word : `${line} ${word}`;
  }
  return line === '' ? lines : [...lines, line];
}
