/** Help texts, made from the descriptors. */
import { TOOL_LIST } from '../tools/index.ts';
import { type Flag, TOPICS, type Tool, type Topic } from '../tools/tool.ts';
import { COMMANDS, type CommandHelp } from './commands.ts';
import { allFlags } from './parse.ts';

const TOPIC_TITLES: Readonly<Record<Topic, string>> = {
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
    lines.push(`${TOPIC_TITLES[topic]}:`, ...tools.map((tool) => `  ${tool.name.padEnd(15)} ${tool.summary}`), '');
  }
  lines.push('Commands:', ...COMMANDS.map((command) => `  ${command.name.padEnd(15)} ${command.summary}`), '');
  lines.push('Every tool takes --json, --duration SECONDS, --output FILE, -v and --print-program.');
  return `${lines.join('\n')}\n`;
}

/** `skep <tool> --help`. */
export function toolHelp(tool: Tool): string {
  const words = tool.positionals.map(({ name, required, many }) => {
    const word = many ? `${name}...` : name;
    return required ? word : `[${word}]`;
  });
  const lines = [`usage: skep ${[tool.name, '[flags]', ...words].join(' ')}`, '', `${tool.summary}.`, '', ...wrap(tool.about, 80), ''];
  if (tool.positionals.length > 0) {
    lines.push('Arguments:', ...tool.positionals.map(({ name, help }) => `  ${name.padEnd(22)} ${help}`), '');
  }
  lines.push('Flags:', ...Object.entries(allFlags(tool)).map(([name, flag]) => flagLine(name, flag)), '');
  if (tool.examples.length > 0) {
    lines.push('Examples:', ...tool.examples.map(({ command, help }) => `  skep ${command.padEnd(30)} ${help}`), '');
  }
  lines.push('Fields of --json:', ...tool.fields.map(({ name, type, help }) => `  ${name.padEnd(12)} ${type.padEnd(8)} ${help}`));
  return `${lines.join('\n')}\n`;
}

/** `skep <command> --help`. */
export function commandHelp(name: string, help: CommandHelp): string {
  const lines = [`usage: skep ${name} [flags] ${help.usage}`, '', ...wrap(help.about, 80), '', 'Flags:'];
  for (const [flag, description] of Object.entries(help.flags)) lines.push(flagLine(flag, description));
  lines.push('', 'Examples:', ...help.examples.map(([command, words]) => `  ${command.padEnd(44)} ${words}`));
  return `${lines.join('\n')}\n`;
}

function flagLine(name: string, flag: Flag): string {
  const value =
    flag.type === 'boolean'
      ? ''
      : ` ${flag.value ?? (flag.type === 'string' || flag.type === 'strings' ? 'TEXT' : flag.type.toUpperCase())}`;
  const head = name.length === 1 ? `-${name}${value}` : `${flag.short === undefined ? '    ' : `-${flag.short}, `}--${name}${value}`;
  const rest = flag.default === undefined || flag.default === false ? flag.help : `${flag.help} (default ${flag.default})`;
  return `  ${head.padEnd(26)} ${rest}`;
}

function wrap(text: string, width: number): string[] {
  const lines: string[] = [];
  let line = '';
  for (const word of text.split(/\s+/)) {
    if (line.length + word.length + 1 > width) {
      lines.push(line);
      line = word;
    } else line = line === '' ? word : `${line} ${word}`;
  }
  return line === '' ? lines : [...lines, line];
}
