/** The commands that are not tools. Each is loaded when it is called. */

export interface Command {
  readonly name: string;
  readonly summary: string;
  /** Returns the exit status. */
  readonly load: () => Promise<{ readonly run: (words: readonly string[]) => Promise<number> }>;
}

export const COMMANDS: readonly Command[] = [
  { name: 'demo', summary: 'Compile, load and run bitesize on I/O that it makes itself', load: () => import('./demo.ts') },
  { name: 'tools', summary: 'List the tools; --json with flags, fields and probes', load: () => import('./list.ts') },
];
