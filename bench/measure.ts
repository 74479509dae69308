/** What the benches share: whole processes timed to their ready line, medians, tables. */
import { spawn, spawnSync } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';

export interface Run {
  /** Milliseconds from exec to the ready line. */
  readonly ms: number;
  /** Peak resident memory in MiB at that moment. */
  readonly mib: number;
}

/** Emulated processors are slow. */
const PATIENCE_MS = process.env['SKEP_GUEST'] === undefined ? 20_000 : 300_000;

/** What says why it cannot run ends soon after. */
const SETTLE_MS = process.env['SKEP_GUEST'] === undefined ? 500 : 3000;

/**
 * Starts a command, waits for a line that contains `ready`, ends it with SIGINT. Undefined when the line never came.
 * A peer's first line, whatever it says: only stdout is looked at (stderr may hold a compiler's warnings), and one that
 * ends by itself after it has failed.
 */
export function timeToLine(command: readonly string[], ready: string, peer = false): Promise<Run | undefined> {
  return new Promise((resolve) => {
    const started = performance.now();
    const child = spawn(command[0] as string, command.slice(1), { stdio: ['ignore', 'pipe', 'pipe'] });
    let result: Run | undefined;
    let text = '';
    const timer = setTimeout(() => child.kill('SIGKILL'), PATIENCE_MS);
    const look = (data: Buffer) => {
      text += data.toString('latin1');
      if (result || !text.includes(ready)) return;
      result = { ms: performance.now() - started, mib: peakMib(child.pid as number) };
      if (peer) setTimeout(() => child.kill('SIGINT'), SETTLE_MS);
      else child.kill('SIGINT');
    };
    child.stdout.on('data', look);
    child.stderr.on('data', peer ? () => {} : look);
    child.on('error', () => resolve(undefined));
    child.on('close', () => {
      clearTimeout(timer);
      resolve(peer && !child.killed ? undefined : result);
    });
  });
}

/** Milliseconds from exec to the end of a command that ends by itself; undefined if it fails. */
export function timeToEnd(command: readonly string[]): Promise<number | undefined> {
  return new Promise((resolve) => {
    const started = performance.now();
    const child = spawn(command[0] as string, command.slice(1), { stdio: 'ignore', timeout: PATIENCE_MS });
    child.on('error', () => resolve(undefined));
    child.on('close', (status) => resolve(status === 0 ? performance.now() - started : undefined));
  });
}

function peakMib(pid: number): number {
  try {
    return Number(/^VmHWM:\s+(\d+)/m.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1] ?? 0) / 1024;
  } catch {
    return 0;
  }
}

export function median(values: readonly number[]): number {
  const sorted = values.toSorted((a, b) => a - b);
  return sorted[sorted.length >> 1] ?? Number.NaN;
}

export function geometricMean(values: readonly number[]): number {
  return Math.exp(values.reduce((sum, value) => sum + Math.log(value), 0) / values.length);
}

/** Is this command on the PATH? */
export function installed(command: string): boolean {
  return spawnSync('/bin/sh', ['-c', `command -v ${command}`], { stdio: 'ignore' }).status === 0;
}

/** Columns, the first to the left, the others to the right. */
export function printTable(rows: readonly (readonly string[])[]): void {
  const widths = (rows[0] ?? []).map((_, i) => Math.max(...rows.map((row) => (row[i] ?? '').length)));
  for (const row of rows)
    process.stdout.write(`${row.map((cell, i) => (i === 0 ? cell.padEnd(widths[i] ?? 0) : cell.padStart(widths[i] ?? 0))).join('  ')}\n`);
}

/** Peers want tracefs mounted; skep brings its own. The mounts are seen by the peer alone. */
export function withTracefs(command: readonly string[]): readonly string[] {
  if (existsSync('/sys/kernel/tracing/events')) return command;
  const mounts = 'mount -t debugfs none /sys/kernel/debug; mount -t tracefs none /sys/kernel/tracing; exec "$@"';
  return ['unshare', '-m', '/bin/sh', '-c', mounts, 'sh', ...command];
}
