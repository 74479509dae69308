/**
 * Tools under test, and their peers: started, known to be ready, stopped, and what they said.
 *
 *   const [text, json, peer] = await Promise.all([startTool(['opensnoop']), startTool(['opensnoop', '--json']), startPeer(…)]);
 *   …make the thing happen…
 *   const said = await stop(text);
 *
 * Ready is when the programs are attached: the tool says so on stderr with -v. Several tools run at once, so that one
 * workload is seen by all of them: processes are slow to start in a guest.
 */
import assert from 'node:assert/strict';
import { existsSync } from 'node:fs';
import { type Running, start, startSkep } from './command.ts';

export interface Said {
  /** Lines of stdout. */
  readonly lines: readonly string[];
  readonly out: string;
  readonly err: string;
}

/** Starts a tool and waits until it sees things. */
export async function startTool(words: readonly string[]): Promise<Running> {
  const [name = '', ...rest] = words;
  const tool = startSkep([name, '-v', ...rest]);
  await tool.says(`${name}: ready`);
  return tool;
}

/** Ctrl-C, and the end: status 0. */
export async function stop(tool: Running, signal: NodeJS.Signals = 'SIGINT'): Promise<Said> {
  tool.child.kill(signal);
  return await end(tool);
}

/** Waits for a tool that ends by itself. */
export async function end(tool: Running): Promise<Said> {
  assert.deepEqual(await tool.ended, { status: 0, signal: null }, tool.err());
  const out = tool.out();
  return { out, err: tool.err(), lines: out.split('\n').slice(0, -1) };
}

/** The records of a tool that was started with --json. */
export function records<T>(said: Said): T[] {
  return said.lines.map((line) => JSON.parse(line) as T);
}

/** Debian's libbpf-tools stand in /usr/sbin, BCC's Python tools beside them with -bpfcc behind the name. */
export function peerPath(name: string): string | undefined {
  const path = `/usr/sbin/${name}`;
  return existsSync(path) ? path : undefined;
}

/**
 * A peer, ready when its first line (the header) is there; undefined where it is not installed, or refuses this kernel
 * (the test then says so and compares with the known truth alone). C's stdio would keep what goes to a pipe: stdbuf.
 */
export async function startPeer(name: string, words: readonly string[], ready: string): Promise<Running | undefined> {
  const path = peerPath(name);
  if (path === undefined) return undefined;
  const peer = start(['stdbuf', '-oL', '-eL', path, ...words]);
  try {
    await peer.sees(ready);
    return peer;
  } catch {
    peer.child.kill('SIGKILL');
    return undefined;
  }
}

/** Ctrl-C for a peer, whatever its status: not all end with 0. */
export async function stopPeer(peer: Running): Promise<string[]> {
  peer.child.kill('SIGINT');
  await peer.ended;
  return peer.out().split('\n').slice(0, -1);
}

/** The condition, looked at again and again: outputs of other processes come when they come. */
export async function until(what: string, condition: () => boolean, ms = 120_000): Promise<void> {
  const limit = performance.now() + ms;
  while (!condition()) {
    if (performance.now() > limit) assert.fail(`after ${ms / 1000} s there was still not: ${what}`);
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
}

/** Words of a row; the last column takes the rest. */
export function cells(line: string, columns: number): string[] {
  const words = line.trim().split(/\s+/);
  return words.length <= columns ? words : [...words.slice(0, columns - 1), words.slice(columns - 1).join(' ')];
}

/** What was seen while a tool was running, until everything expected is there: then no test waits for a time. */
export async function untilSeen(tool: Running, pattern: RegExp): Promise<void> {
  await until(`${pattern} in\n${tool.out()}\n${tool.err()}`, () => pattern.test(tool.out()));
}
