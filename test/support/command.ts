/** The `skep` command as the tests run it: a process of its own, its output, its end. */
import { type ChildProcess, spawn } from 'node:child_process';
import { join } from 'node:path';
import { guestSeries } from '../run/needs.ts';
import { root } from '../run/paths.ts';

/** Emulated processors are slow, and slower where the host is busy. */
const PATIENCE_MS = guestSeries === undefined ? 120_000 : 480_000;

/** What a failed test did not end, ends with the file. */
const running = new Set<ChildProcess>();
process.on('exit', () => {
  for (const child of running) child.kill('SIGKILL');
});

export interface Running {
  readonly child: ChildProcess;
  readonly pid: number;
  /** What it has printed so far. */
  readonly out: () => string;
  readonly err: () => string;
  /** Resolves when stdout holds the text; rejects when the process ends first or after `ms`. */
  readonly sees: (text: string, ms?: number) => Promise<void>;
  /** The same for stderr. */
  readonly says: (text: string, ms?: number) => Promise<void>;
  readonly ended: Promise<{ readonly status: number | null; readonly signal: NodeJS.Signals | null }>;
}

/** Starts the command as it is shipped (`dist/`). `prefix` goes before Node: `['ip', 'netns', 'exec', 'x']`. */
export function startSkep(words: readonly string[], prefix: readonly string[] = []): Running {
  return start([...prefix, process.execPath, join(root, 'dist', 'cli', 'skep.js'), ...words]);
}

export function start(command: readonly string[]): Running {
  const child = spawn(command[0] as string, command.slice(1), { stdio: ['ignore', 'pipe', 'pipe'] });
  running.add(child);
  let out = '';
  let err = '';
  const watchers = new Set<() => void>();
  const wake = () => {
    for (const watcher of watchers) watcher();
  };
  child.stdout?.on('data', (data: Buffer) => {
    out += data.toString();
    wake();
  });
  child.stderr?.on('data', (data: Buffer) => {
    err += data.toString();
    wake();
  });
  let over = false;
  const ended = new Promise<{ status: number | null; signal: NodeJS.Signals | null }>((resolve, reject) => {
    child.on('error', reject);
    child.on('close', (status, signal) => {
      over = true;
      running.delete(child);
      wake();
      resolve({ status, signal });
    });
  });
  const waiting = (output: () => string, text: string, ms: number) =>
    new Promise<void>((resolve, reject) => {
      const done = (action: () => void) => {
        clearTimeout(timer);
        watchers.delete(look);
        action();
      };
      const fail = (why: string) => done(() => reject(new Error(`${why} before '${text}'; stdout: ${out} stderr: ${err}`)));
      const look = () => {
        if (output().includes(text)) done(resolve);
        else if (over) fail('it ended');
      };
      // Whoever was busy for so long has not read yet what is there: reading comes before setImmediate.
      const timer = setTimeout(() => setImmediate(() => watchers.has(look) && fail(`${ms} ms went by`)), ms);
      watchers.add(look);
      look();
    });
  const sees = (text: string, ms = PATIENCE_MS) => waiting(() => out, text, ms);
  const says = (text: string, ms = PATIENCE_MS) => waiting(() => err, text, ms);
  return { child, pid: child.pid as number, out: () => out, err: () => err, sees, says, ended };
}
