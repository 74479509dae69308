/**
 * From the words of a command line to a tool's typed options. `node:util.parseArgs` splits; this gives types and
 * the messages: what was given, what was expected, what is near it.
 */
import { type ParseArgsConfig, parseArgs } from 'node:util';
import { similar } from '../compiler/did-you-mean.ts';
import type { Flag, Flags, Positional, Tool } from '../tools/tool.ts';
import { CommandLineError } from './errors.ts';
import { HELP_FLAG } from './flags.ts';

/** Flags that every tool has. */
export const COMMON_FLAGS = {
  json: { type: 'boolean', help: 'one JSON object a line instead of text' },
  duration: { type: 'number', value: 'SECONDS', help: 'stop after this long' },
  cgroup: { type: 'string', value: 'PATH', help: 'only tasks in this cgroup (a folder of cgroup2) and below' },
  output: { type: 'string', value: 'FILE', help: 'write the output to a file' },
  verbose: { type: 'boolean', help: 'say on stderr what is done, and which probe was chosen' },
  'print-program': { type: 'boolean', help: "print the tool's C program and exit" },
  ...HELP_FLAG,
} as const satisfies Flags;

/** BCC's tools take it and do not show it, either: the same as `--print-program`. */
const HIDDEN_FLAGS = { ebpf: { type: 'boolean', help: '' } } as const satisfies Flags;

export interface Parsed {
  readonly options: Readonly<Record<string, unknown>>;
  readonly common: {
    readonly json: boolean;
    readonly duration: number | undefined;
    readonly output: string | undefined;
    readonly verbose: boolean;
    readonly printProgram: boolean;
    readonly help: boolean;
  };
  readonly args: Readonly<Record<string, string | number | readonly string[] | undefined>>;
}

/** All flags of a tool; its own win over the common ones. `-v` is verbose unless the tool uses it. */
export function allFlags(tool: Tool): Flags {
  const shorts = new Set(Object.values(tool.flags).map((flag) => flag.short));
  const verbose: Flag = shorts.has('v') ? COMMON_FLAGS.verbose : { ...COMMON_FLAGS.verbose, short: 'v' };
  const { cgroup, ...rest } = COMMON_FLAGS;
  const common: Flags = { ...(tool.noCgroup === undefined ? { cgroup } : {}), ...rest, verbose };
  return { ...tool.flags, ...Object.fromEntries(Object.entries(common).filter(([name]) => !(name in tool.flags))) };
}

export function parseTool(tool: Tool, words: readonly string[]): Parsed {
  const { options: given, positionals } = parseFlags(tool.name, { ...allFlags(tool), ...HIDDEN_FLAGS }, words);
  const { ebpf, ...options } = given;
  return {
    options,
    common: {
      json: options['json'] === true,
      duration: options['duration'] as number | undefined,
      output: options['output'] as string | undefined,
      verbose: options['verbose'] === true,
      printProgram: options['print-program'] === true || ebpf === true,
      help: options['help'] === true,
    },
    args: options['help'] === true ? {} : positionalValues(tool, positionals),
  };
}

/** The words of anything that has flags. */
export function parseFlags(
  name: string,
  flags: Flags,
  words: readonly string[],
): { readonly options: Readonly<Record<string, unknown>>; readonly positionals: readonly string[] } {
  const { values, positionals } = split(flags, words, name);
  const options: Record<string, unknown> = {};
  for (const [flag, description] of Object.entries(flags)) options[flag] = flagValue(flag, description, values[flag]);
  return { options, positionals };
}

type RawValues = Readonly<Record<string, string | boolean | (string | boolean)[] | undefined>>;

function split(flags: Flags, words: readonly string[], name: string): { values: RawValues; positionals: readonly string[] } {
  const options: NonNullable<ParseArgsConfig['options']> = {};
  for (const [long, flag] of Object.entries(flags)) {
    options[long] = {
      type: flag.type === 'boolean' ? 'boolean' : 'string',
      multiple: flag.type === 'strings',
      ...(flag.short === undefined ? {} : { short: flag.short }),
    };
  }
  try {
    const { values, positionals } = parseArgs({ args: [...words], options, allowPositionals: true, strict: true });
    return { values: values as RawValues, positionals };
  } catch (error) {
    throw new CommandLineError(splitMessage(error as Error, flags, name, words));
  }
}

/** What Node's parser found wrong, in our words: it names the flag first, as it was typed or as '-p, --pid <value>'. */
function splitMessage(error: Error & { code?: string }, flags: Flags, name: string, words: readonly string[]): string {
  const see = `; see 'skep ${name} --help'`;
  const given = /'(-{1,2}[^' ,]+)/.exec(error.message)?.[1] ?? '';
  const bare = given.replace(/^-+/, '');
  if (error.code === 'ERR_PARSE_ARGS_UNKNOWN_OPTION') {
    const near = similar(bare, Object.keys(flags))[0];
    return `${name} has no flag ${given}${near === undefined ? '' : `, did you mean --${near}?`}${see}`;
  }
  const [long, flag] = Object.entries(flags).find(([known, { short }]) => (given.startsWith('--') ? known : short) === bare) ?? [];
  if (long === undefined || flag === undefined) return `${name}: ${error.message.split('\n')[0]}${see}`;
  if (flag.type === 'boolean') return `--${long} takes no value${see}`;
  const last = given.startsWith('--') ? (word: string) => word === given : (word: string) => /^-\w+$/.test(word) && word.endsWith(bare);
  const next = words.find((word, i) => /^-./.test(word) && last(words[i - 1] ?? ''));
  const expected = flag.choices ? `one of ${flag.choices.join(', ')}` : (RANGES[flag.type]?.[2] ?? flag.value ?? 'a value');
  if (!error.message.includes('ambiguous') || next === undefined) return `--${long} takes ${expected}, and none is given${see}`;
  // A text may well begin with a dash, a number only where it may be negative.
  const dash =
    RANGES[flag.type] === undefined || flag.type === 'integer' ? `; one that begins with a dash is given as --${long}=${next}` : '';
  return `--${long} takes ${expected}, not '${next}'${dash}${see}`;
}

function flagValue(name: string, flag: Flag, given: RawValues[string]): unknown {
  if (given === undefined) return flag.type === 'boolean' ? false : flag.default;
  if (flag.type === 'boolean' || flag.type === 'strings') return given;
  const text = String(given);
  if (flag.choices && !flag.choices.includes(text))
    throw new CommandLineError(`--${name} is one of ${flag.choices.join(', ')}, not '${text}'`);
  return flag.type === 'string' ? text : numberValue(`--${name}`, flag.type, text);
}

const RANGES: Readonly<Record<string, readonly [number, number, string]>> = {
  count: [1, 0xffff_ffff, 'a whole number from 1 to 4294967295'],
  mask: [0, 0xffff_ffff, 'a mask of bits (0 to 4294967295)'],
  cpu: [0, 0x7fff_ffff, 'the number of a CPU'],
  pid: [1, 4_194_304, 'a process id'],
  uid: [0, 0xffff_ffff, 'a user id'],
  port: [0, 65535, 'a port (0 to 65535)'],
  integer: [-0x8000_0000, 0x7fff_ffff, 'a whole number'],
  number: [0, Number.MAX_SAFE_INTEGER, 'a number of at least 0'],
  seconds: [Number.MIN_VALUE, Number.MAX_SAFE_INTEGER, 'a number of seconds above 0'],
};

function numberValue(what: string, type: string, text: string): number {
  const [low, high, words] = RANGES[type] ?? [0, Number.MAX_SAFE_INTEGER, 'a number'];
  const value = text.trim() === '' ? Number.NaN : Number(text);
  if (!(value >= low && value <= high) || (type !== 'number' && type !== 'seconds' && !Number.isInteger(value)))
    throw new CommandLineError(`${what} takes ${words}, not '${text}'`);
  return value;
}

function positionalValues(tool: Tool, given: readonly string[]): Parsed['args'] {
  const values: Record<string, string | number | readonly string[] | undefined> = {};
  let next = 0;
  for (const positional of tool.positionals) {
    if (positional.many) {
      values[positional.name] = given.slice(next);
      if (positional.required && next >= given.length) throw missing(tool, positional);
      next = given.length;
      continue;
    }
    const text = given[next];
    if (text === undefined) {
      if (positional.required) throw missing(tool, positional);
      values[positional.name] = positional.default;
      continue;
    }
    values[positional.name] = positional.type === 'string' ? text : numberValue(positional.name, positional.type, text);
    next++;
  }
  if (next < given.length) throw new CommandLineError(`${tool.name} does not take '${given[next]}'; see 'skep ${tool.name} --help'`);
  return values;
}

function missing(tool: Tool, positional: Positional): CommandLineError {
  return new CommandLineError(`${tool.name} needs ${positional.name}: ${positional.help}; see 'skep ${tool.name} --help'`);
}
