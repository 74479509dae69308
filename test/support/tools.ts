/**
 * Tools under test, and their peers: started, known to be ready, stopped, and what they said.
 *
 *   const [text, json] = await startTools(['opensnoop'], ['opensnoop', '--json']);
 *   const peer = await startPeer('opensnoop', [], 'COMM');
 *   …make the thing happen…
 *   const said = await stop(text);
 *
 * Ready is when the programs are attached: the tool says so with -v. Tools run in the test's own process: in a guest
 * under emulation each process would take half a minute to start, and so many tools see one workload at the cost of one.
 * What is about the process itself (signals, pipes, files) is tested with processes, in `ends.test.ts`.
 */
import assert from 'node:assert/strict';
import { existsSync } from 'node:fs';
import { afterEach } from 'node:test';
import { runTool } from '../../src/cli/run-tool.ts';
import { TOOL_LIST } from '../../src/tools/index.ts';
import type { FieldDoc, Place, Tool } from '../../src/tools/tool.ts';
import { type Running, start } from './command.ts';
import { compiledPrograms } from './tool-programs.ts';

export interface Said {
  readonly tool: Tool;
  /** Lines of stdout. */
  readonly lines: readonly string[];
  readonly out: string;
  readonly err: string;
}

/** Anything whose output can be looked at while it runs. */
export interface Watched {
  readonly out: () => string;
  readonly err: () => string;
}

export interface ToolRun extends Watched {
  readonly tool: Tool;
  readonly stop: AbortController;
  readonly ended: Promise<number>;
}

/** What a test that failed has left running: ended after it, so that its file can end. */
const running = new Set<ToolRun>();
const peers = new Set<Running>();

afterEach(async () => {
  for (const run of running) run.stop.abort();
  await Promise.allSettled([...running].map(({ ended }) => ended));
  running.clear();
  for (const peer of peers) peer.child.kill('SIGKILL');
  peers.clear();
});

/** Text and JSON of one tool are the same program. */
const store = compiledPrograms();

/** Starts a tool and waits until it sees things. */
export async function startTool(words: readonly string[]): Promise<ToolRun> {
  return run(await toolNamed(words[0] ?? ''), words, false);
}

/** A tool that only lists something: it never sees things, and has ended. */
export async function startListing(words: readonly string[]): Promise<ToolRun> {
  return run(await toolNamed(words[0] ?? ''), words, true);
}

/** A tool with one kind of probe alone: what it does on kernels that lack the better ones. */
export async function startToolBy(kind: Place['kind'], words: readonly string[]): Promise<ToolRun> {
  const tool = await toolNamed(words[0] ?? '');
  const started = await run({ ...tool, probes: tool.probes.filter((choice) => choice.kind === kind) }, words, false);
  assert.ok(`\n${started.err()}`.includes(`\nprobes: ${kind}:`), started.err());
  return started;
}

async function toolNamed(name: string): Promise<Tool> {
  const entry = TOOL_LIST.find((tool) => tool.name === name);
  assert.ok(entry, `there is no tool ${name}`);
  return await entry.load();
}

async function run(tool: Tool, words: readonly string[], lists: boolean): Promise<ToolRun> {
  const [name = '', ...rest] = words;
  let [out, err] = ['', ''];
  const stop = new AbortController();
  let ready = (): void => {};
  const isReady = new Promise<void>((resolve) => {
    ready = resolve;
  });
  const ended = runTool(tool, ['--verbose', ...rest], {
    stop: stop.signal,
    store,
    sink: {
      write: (text) => {
        out += text;
        return true;
      },
    },
    say: (text) => {
      err += `${text}\n`;
      if (text === `${name}: ready`) ready();
    },
  });
  const failed = ended.then(
    (status) => assert.equal(lists || err.includes(`${name}: ready`), true, `${name} ended with ${status} before it was ready\n${err}`),
    (error: Error) => {
      error.message += `\n(${words.join(' ')}; stderr: ${err})`;
      throw error;
    },
  );
  failed.catch(() => {});
  await Promise.race([isReady, failed]);
  const started: ToolRun = { tool, stop, ended, out: () => out, err: () => err };
  running.add(started);
  return started;
}

/** Tools one after the other: compiling is work, not waiting. */
export async function startTools(...all: readonly (readonly string[])[]): Promise<ToolRun[]> {
  const runs: ToolRun[] = [];
  for (const words of all) runs.push(await startTool(words));
  return runs;
}

/** As Ctrl-C does, and the end: status 0. */
export async function stop(tool: ToolRun): Promise<Said> {
  tool.stop.abort();
  return await end(tool);
}

/** Waits for a tool that ends by itself. */
export async function end(tool: ToolRun): Promise<Said> {
  const status = await tool.ended;
  running.delete(tool);
  assert.equal(status, 0, tool.err());
  const out = tool.out();
  return { tool: tool.tool, out, err: tool.err(), lines: out.split('\n').slice(0, -1) };
}

/** The records of a tool that was started with --json: they have the fields, of the types, that the tool's help says. */
export function records<T>(said: Said): T[] {
  const documented = new Map(said.tool.fields.map(({ name, type }) => [name, type]));
  return said.lines.map((line) => {
    const record = JSON.parse(line) as Record<string, unknown>;
    for (const [name, value] of Object.entries(record)) {
      const type = documented.get(name);
      assert.ok(type !== undefined, `${said.tool.name}: the field '${name}' is not documented: ${line}`);
      if (value !== null) assert.ok(isOf(type, value), `${said.tool.name}: the field '${name}' is documented as ${type}: ${line}`);
    }
    return record as T;
  });
}

function isOf(type: FieldDoc['type'], value: unknown): boolean {
  switch (type) {
    case 'array':
      return Array.isArray(value);
    case 'integer':
      // Beyond 2^53 the digits, as text.
      return Number.isInteger(value) || (typeof value === 'string' && /^-?\d{16,20}$/.test(value));
    case 'string':
    case 'number':
    case 'boolean':
    case 'object':
      return typeof value === type;
    default:
      return type satisfies never;
  }
}

/** Debian's libbpf-tools stand in /usr/sbin, BCC's Python tools beside them with -bpfcc behind the name. */
export function peerPath(name: string): string | undefined {
  const path = `/usr/sbin/${name}`;
  return existsSync(path) ? path : undefined;
}

/** Peers are C: one that says nothing for so long is waited for in vain, also under emulation. */
const PEER_PATIENCE_MS = 120_000;

/**
 * A peer, ready when its first line (the header) is there; undefined where it is not installed, or refuses this kernel
 * (the test then says so and compares with the known truth alone). C's stdio would keep what goes to a pipe: stdbuf.
 */
export async function startPeer(name: string, words: readonly string[], ready: string): Promise<Running | undefined> {
  const path = peerPath(name);
  if (path === undefined) return undefined;
  const peer = start(['stdbuf', '-oL', '-eL', path, ...words]);
  peers.add(peer);
  try {
    await peer.sees(ready, PEER_PATIENCE_MS);
    return peer;
  } catch (error) {
    process.stderr.write(`no comparison with ${path}: ${(error as Error).message}\n`);
    peer.child.kill('SIGKILL');
    return undefined;
  }
}

/** Ctrl-C for a peer, whatever its status: not all end with 0. */
export async function stopPeer(peer: Running): Promise<string[]> {
  peer.child.kill('SIGINT');
  await peer.ended;
  peers.delete(peer);
  return peer.out().split('\n').slice(0, -1);
}

/** The condition, looked at again and again: outputs of other processes come when they come. */
export async function until(what: () => string, condition: () => boolean, ms = 120_000): Promise<void> {
  const limit = performance.now() + ms;
  while (!condition()) {
    if (performance.now() > limit) assert.fail(`after ${ms / 1000} s there was still not: ${what()}`);
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
}

/** Waits until an output has a pattern so many times: then no test waits for a time. */
export async function untilSeen(tool: Watched, pattern: RegExp, count = 1): Promise<void> {
  const all = new RegExp(pattern, `${pattern.flags.replace('g', '')}g`);
  const seen = (): number => [...tool.out().matchAll(all)].length;
  await until(
    () => `${pattern} ${count} times (${seen()} are there) in\n${tool.out()}\n${tool.err()}`,
    () => seen() >= count,
  );
}
