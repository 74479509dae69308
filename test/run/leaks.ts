/**
 * What a kernel holds of BPF and probes, to compare before and after a test file.
 *
 * A guest is the test's alone: whatever is new there was left by the test. On a machine that others use, too, an object
 * is theirs if a living process outside the test holds it, itself or through an object it holds:
 *
 *   other process ─ fd ─▶ link ─▶ program ─▶ maps, types        new objects that nothing of this kind leads to are leaks
 */
import { readdirSync, readFileSync, statSync } from 'node:fs';
import { describeObject, type ObjectKind, objectsBelow, objectsHeldBy, takeInventory } from '../../src/kernel/inventory.ts';
import { linuxKernel } from '../../src/kernel/linux.ts';
import { guestSeries } from './needs.ts';
import { commandLine, markedProcesses, otherProcesses, ownMark } from './processes.ts';

/** Lines such as 'program 12', 'kprobe_events p:foo'. */
export type Snapshot = ReadonlySet<string>;

const KINDS: readonly ObjectKind[] = ['program', 'map', 'link', 'btf'];
/** Files that list probes, one a line: those of tracefs, and all kprobes there are, whoever made them; private trace buffers; pins. */
const LISTS: readonly (readonly [name: string, path: string])[] = [
  ['kprobe_events', '/sys/kernel/tracing/kprobe_events'],
  ['uprobe_events', '/sys/kernel/tracing/uprobe_events'],
  ['trace instance', '/sys/kernel/tracing/instances'],
  ...(guestSeries === undefined
    ? []
    : [['kprobe', '/sys/kernel/debug/kprobes/list'] as const, ['name in the bpf file system', '/sys/fs/bpf'] as const]),
];

export async function snapshot(): Promise<Snapshot> {
  const inventory = takeInventory(linuxKernel());
  return new Set([...KINDS.flatMap((kind) => [...inventory[kind]].map((id) => `${kind} ${id}`)), ...probes()]);
}

function probes(): string[] {
  return LISTS.flatMap(([name, path]) => listed(path).map((line) => `${name} ${line}`));
}

/** Lines of a file, or names in a folder; none where there is no tracefs, or the kernel lacks such probes. */
function listed(path: string): string[] {
  try {
    return statSync(path).isDirectory() ? readdirSync(path) : readFileSync(path, 'utf8').split('\n').filter(Boolean);
  } catch {
    return [];
  }
}

/** What was made since and is not another's, now. `mark` is that of the test's processes. */
export async function made(before: Snapshot, mark: string = ownMark): Promise<string[]> {
  return (await fresh(before, mark)).flatMap((line) => named(line) ?? []);
}

/**
 * What is still left of it. Objects are freed a moment after their last descriptor: it waits up to ten seconds, and
 * opens nothing before (see kernel/inventory.ts).
 */
export async function leftovers(before: Snapshot, mark: string = ownMark): Promise<string[]> {
  for (let tries = 0; tries < 100 && (await fresh(before, mark)).length > 0; tries++)
    await new Promise((resolve) => setTimeout(resolve, 100));
  return made(before, mark);
}

async function fresh(before: Snapshot, mark: string): Promise<string[]> {
  const lines = [...(await snapshot())].filter((line) => !before.has(line));
  if (lines.length === 0 || guestSeries !== undefined) return lines;
  const theirs = heldByOthers(mark);
  return lines.filter((line) => !theirs.has(line));
}

/** Processes of an ended test that live on. */
export async function survivors(mark: string): Promise<string[]> {
  for (let tries = 0; ; tries++) {
    const left = markedProcesses(mark);
    if (left.length === 0 || tries === 20) return left.map((pid) => `process ${pid} (${commandLine(pid)})`);
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
}

function heldByOthers(mark: string): Set<string> {
  const kernel = linuxKernel();
  const held = new Set<string>();
  const queue: { readonly kind: ObjectKind; readonly id: number }[] = otherProcesses(mark).flatMap((pid) => objectsHeldBy(kernel, pid));
  for (let object = queue.pop(); object !== undefined; object = queue.pop()) {
    const line = `${object.kind} ${object.id}`;
    if (held.has(line)) continue;
    held.add(line);
    queue.push(...objectsBelow(kernel, object));
  }
  return held;
}

/** The line with type and name of the object; undefined for one that is gone or no one's. */
function named(line: string): string | undefined {
  const [kind, id] = line.split(' ') as [ObjectKind, string];
  if (!KINDS.includes(kind)) return line;
  const object = describeObject(linuxKernel(), kind, Number(id));
  // A kernel module that a test loads brings types of its own: those are not a program's.
  if (object === undefined || (kind === 'btf' && object.type !== 'program')) return undefined;
  return `${line} (${[object.type, object.name].filter(Boolean).join(' ')})`;
}
