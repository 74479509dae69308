/**
 * What a tool is: a descriptor, and one function.
 *
 *   flags, positionals ─▶ cli/ parses ─▶ options (typed) ─▶ run(context) ─▶ records ─▶ text columns | JSON lines
 *
 * The descriptor is the single source for parsing, `--help`, `skep tools --json`, shell completion and the pages in
 * `docs/tools/`. A tool never writes to stdout itself: it gives records and lines to its `Output`.
 */
import type { BPF, LoadAlternative, LoadOptions } from '../bcc/bpf.ts';
import type { Kernel } from '../kernel/port.ts';
import type { Output } from './output.ts';

export const TOPICS = [
  'disk',
  'files',
  'network',
  'scheduler',
  'memory',
  'processes',
  'security',
  'functions',
  'languages',
  'samples',
] as const;
export type Topic = (typeof TOPICS)[number];

/** How the text of a flag becomes a value; `count` is from 1, `seconds` is above 0, `cpu` is one that is there. */
export type FlagType =
  | 'boolean'
  | 'string'
  | 'count'
  | 'mask'
  | 'cpu'
  | 'integer'
  | 'pid'
  | 'uid'
  | 'port'
  | 'number'
  | 'seconds'
  | 'strings';

export interface Flag {
  readonly type: FlagType;
  readonly short?: string;
  /** One line for `--help`, without a full stop. */
  readonly help: string;
  /** What the value is called in the usage, 'PID'. */
  readonly value?: string;
  readonly default?: string | number | boolean;
  /** The only values allowed. */
  readonly choices?: readonly string[];
}

export type Flags = Readonly<Record<string, Flag>>;

export interface Positional {
  readonly name: string;
  readonly type: 'string' | 'count' | 'number' | 'seconds';
  readonly help: string;
  readonly required?: boolean;
  readonly default?: string | number;
  readonly many?: boolean;
}

type Value<T extends FlagType> = T extends 'boolean'
  ? boolean
  : T extends 'string'
    ? string
    : T extends 'strings'
      ? readonly string[]
      : number;

/** The parsed values: flags without default may be undefined, booleans are false unless given. */
export type OptionsOf<F extends Flags> = {
  readonly [K in keyof F]: F[K]['type'] extends 'boolean'
    ? boolean
    : Value<F[K]['type']> | (F[K] extends { readonly default: string | number } ? never : undefined);
};

/** A field of the records that `--json` prints. */
export interface FieldDoc {
  readonly name: string;
  readonly type: 'string' | 'number' | 'integer' | 'boolean' | 'array' | 'object';
  readonly help: string;
}

export interface Example {
  /** After `skep`: 'bitesize 5'. */
  readonly command: string;
  readonly help: string;
}

/** Places of one kind where programs hang. */
export interface Place {
  readonly kind:
    | 'tracepoint'
    | 'raw_tracepoint'
    | 'tp_btf'
    | 'fentry'
    | 'kprobe'
    | 'uprobe'
    | 'usdt'
    | 'perf_event'
    | 'socket_filter'
    | 'cgroup'
    | 'iter'
    | 'none';
  /** 'block:block_rq_issue', 'vfs_read', 'ext4:ext4_file_open' (a function that may be a module's). */
  readonly targets: readonly string[];
}

/** One way to see what the tool shows; a tool lists them in order of preference. */
export interface ProbeChoice extends Place {
  /** Further places that this way needs. */
  readonly also?: readonly Place[];
  readonly minKernel?: string;
  /** How the tool's `program` knows it. */
  readonly id?: string;
}

export interface ToolContext<F extends Flags = Flags> {
  readonly options: OptionsOf<F> & CommonOptions;
  /** Positional arguments by name. */
  readonly args: Readonly<Record<string, string | number | readonly string[] | undefined>>;
  readonly out: Output;
  readonly kernel: Kernel;
  /** Aborted by Ctrl-C, SIGTERM and `--duration`. */
  readonly stop: AbortSignal;
  /**
   * Compiles and loads; the program is closed when the tool ends, however it ends. Without options, the tool's own
   * program by the first of its probe choices that this kernel has.
   */
  load(options?: LoadOptions): Promise<BPF>;
  /** The choice that `load()` took; before, the likeliest. */
  readonly choice: ProbeChoice;
  /** The first of several ways that this kernel can do; `-v` says which and why not the others. Closed as with `load`. */
  loadFirst<A extends LoadAlternative>(
    alternatives: readonly A[],
    options?: LoadOptions,
  ): Promise<{ readonly bpf: BPF; readonly chosen: A }>;
  /** Resolves after so many seconds, at once when `stop` is aborted. */
  sleep(seconds: number): Promise<void>;
  /**
   * The rounds of a tool that prints every so often: after `interval` seconds each, at most `count`; Ctrl-C, and the end
   * of `--duration`, cut the last one short, and it is still given. Without an interval there is one round.
   */
  rounds(interval?: number, count?: number): AsyncIterable<Round>;
  /** Hands over every event of a ring or perf buffer until the tool is stopped, and then what is left in it. Arrays of u8 are bytes. */
  events<T>(bpf: BPF, map: string, onEvent: (event: T) => void): Promise<void>;
  /** Starts a command (words split at white space) and holds it before its first instruction. */
  startStopped(command: string): Promise<StoppedCommand>;
  /** Ends the tool as `--duration` would. */
  end(): void;
  /** Resolves when what was printed is out, or the tool is to end; undefined if it is out. For readers of events. */
  keptUp(): Promise<void> | undefined;
  /** A workload of the caller's own, run in place of waiting (`skep demo`). */
  readonly during?: (() => void | Promise<void>) | undefined;
  /** A line on stderr, only with `-v`. */
  verbose(text: string): void;
  /** A warning on stderr. */
  warn(text: string): void;
}

export interface StoppedCommand {
  readonly pid: number;
  /** Lets it run. */
  go(): void;
  /** How: 'status 0', 'signal SIGTERM'. */
  readonly ended: Promise<string>;
  /** The end of what the tool has to do with it: it runs on, or never runs if it was not let. */
  letGo(): void;
}

export interface Round {
  /** From 1. */
  readonly number: number;
  /** Seconds since the round before. */
  readonly seconds: number;
  readonly last: boolean;
}

/** What `--cgroup` and the like hand a program, besides the tool's own options. */
export interface CommonOptions {
  /** A folder of a cgroup2 file system; the frame puts it into the map `only_cgroup` (`parts/filter.ts`). */
  readonly cgroup?: string | undefined;
}

export interface Tool<F extends Flags = Flags> {
  readonly name: string;
  readonly topic: Topic;
  /** One line, no full stop: 'Summarize block device I/O size as a histogram'. */
  readonly summary: string;
  /** A paragraph or two for `--help` and the docs. */
  readonly about: string;
  readonly flags: F;
  readonly positionals: readonly Positional[];
  readonly examples: readonly Example[];
  readonly fields: readonly FieldDoc[];
  readonly probes: readonly ProbeChoice[];
  /** Why the tool has no `--cgroup`: what it sees belongs to no task. */
  readonly noCgroup?: string;
  /** The C that the tool loads for these options: `--print-program`. */
  program(options: OptionsOf<F> & CommonOptions, args: ToolContext<F>['args'], choice: ProbeChoice): string;
  /** Options made from those given and the machine: a user's number from its name, a disk's from /proc. Before all else. */
  prepare?(given: { readonly options: OptionsOf<F> & CommonOptions; readonly kernel: Kernel }): Partial<OptionsOf<F>>;
  /** Attaches what does not attach by itself, before the tool counts as ready. */
  attach?(bpf: BPF, options: OptionsOf<F> & CommonOptions, choice: ProbeChoice, args: ToolContext<F>['args']): void | Promise<void>;
  run(context: ToolContext<F>): Promise<void>;
}

/** Keeps the types of the flags: `export const tool = defineTool({ … })`. */
export function defineTool<const F extends Flags>(tool: Tool<F>): Tool<F> {
  return tool;
}
