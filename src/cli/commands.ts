/** The commands that are not tools. Each is loaded when it is called. */
import type { Flags } from '../tools/tool.ts';

export interface CommandModule {
  /** Returns the exit status. */
  readonly run: (words: readonly string[]) => Promise<number>;
  /** For `--help` and completion. */
  readonly help: CommandHelp;
}

export interface CommandHelp {
  /** What stands behind the flags: 'PROG.c'; '' where nothing does. */
  readonly usage: string;
  /** Words that may stand there, for completion; without, files. */
  readonly words?: readonly string[];
  readonly about: string;
  readonly flags: Flags;
  readonly examples: readonly (readonly [command: string, help: string])[];
}

export interface Command {
  readonly name: string;
  readonly summary: string;
  readonly load: () => Promise<CommandModule>;
}

export const COMMANDS: readonly Command[] = [
  { name: 'demo', summary: 'Compile, load and run bitesize on I/O that it makes itself', load: () => import('./demo.ts') },
  { name: 'compile', summary: 'Compile a C file to a BPF object, without root', load: () => import('./compile.ts') },
  { name: 'check', summary: 'Compile a C file and ask the verifier about each program', load: () => import('./check.ts') },
  { name: 'run', summary: 'Compile, load and attach a C file; print its trace and its maps', load: () => import('./run.ts') },
  { name: 'explain', summary: 'Say what the code of a message means', load: () => import('./explain.ts') },
  { name: 'tools', summary: 'List the tools; --json with flags, fields and probes', load: () => import('./list.ts') },
  { name: 'completion', summary: 'Print completion for bash, zsh or fish', load: () => import('./completion.ts') },
];
