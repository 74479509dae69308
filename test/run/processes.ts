/**
 * Which processes belong to a test: this one, its children, and those that carry its mark in their environment, also
 * when their parent is gone. What other people run on the same machine is none of the test's business.
 */
import { randomUUID } from 'node:crypto';
import { readdirSync, readFileSync } from 'node:fs';

const NAME = 'SKEP_TEST_MARK';

/** Children get it by inheritance: it must be in the environment before the first one starts. */
export const ownMark: string = (process.env[NAME] ??= randomUUID());

/** The environment for a process whose own children are to be told apart from this one's. */
export function withMark(mark: string): NodeJS.ProcessEnv {
  return { ...process.env, [NAME]: mark };
}

interface ProcessFacts {
  readonly pid: number;
  readonly parent: number;
  readonly marked: boolean;
}

/** Pids of living processes outside the test with this mark; this process and what it started is the test's. */
export function otherProcesses(mark: string): number[] {
  const all = living(mark);
  const own = withChildren(all, ({ pid, marked }) => marked || pid === process.pid);
  return all.map(({ pid }) => pid).filter((pid) => !own.has(pid));
}

/** Pids of living processes that carry the mark, and of their children. What else this process started is not meant. */
export function markedProcesses(mark: string): number[] {
  return [...withChildren(living(mark), ({ pid, marked }) => marked && pid !== process.pid)];
}

function living(mark: string): ProcessFacts[] {
  return readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name))
    .flatMap((name) => facts(Number(name), mark) ?? []);
}

/** A child that threw its environment away is still a child. */
function withChildren(all: readonly ProcessFacts[], chosen: (one: ProcessFacts) => boolean): ReadonlySet<number> {
  const pids = new Set(all.filter(chosen).map(({ pid }) => pid));
  for (let before = -1; before !== pids.size; ) {
    before = pids.size;
    for (const { pid, parent } of all) if (pids.has(parent)) pids.add(pid);
  }
  return pids;
}

function facts(pid: number, mark: string): ProcessFacts | undefined {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, 'latin1');
    const [state, parent] = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
    if (state === 'Z' || state === 'X') return undefined;
    const marked = readFileSync(`/proc/${pid}/environ`, 'latin1').split('\0').includes(`${NAME}=${mark}`);
    return { pid, parent: Number(parent), marked };
  } catch {
    return undefined;
  }
}

/** For messages: the words it was started with. */
export function commandLine(pid: number): string {
  try {
    return readFileSync(`/proc/${pid}/cmdline`, 'utf8').replaceAll('\0', ' ').trim();
  } catch {
    return '';
  }
}
