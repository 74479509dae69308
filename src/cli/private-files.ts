/**
 * Files that the command keeps for itself, in the home of the user that the process runs as (not of `HOME`, which sudo
 * may keep), in a folder that is theirs alone. What is kept is code: a file is read only if nobody could have written
 * it but root, this user or the owner of the program, who could as well have changed the program.
 */
import {
  closeSync,
  constants,
  fstatSync,
  fsyncSync,
  lstatSync,
  mkdirSync,
  openSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  unlinkSync,
  writeSync,
} from 'node:fs';
import { userInfo } from 'node:os';
import { dirname, join } from 'node:path';

export function uid(): number {
  return process.geteuid?.() ?? -1;
}

/** The file's content, if only `owner`, root or this user can have written it. */
export function readTrusted(path: string, owner: number): Buffer | undefined {
  let fd: number | undefined;
  try {
    fd = openSync(path, constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK);
    const stat = fstatSync(fd);
    const known = stat.uid === owner || stat.uid === 0 || stat.uid === uid();
    return stat.isFile() && known && (stat.mode & 0o022) === 0 ? readFileSync(fd) : undefined;
  } catch {
    return undefined;
  } finally {
    if (fd !== undefined) closeSync(fd);
  }
}

/** Asked for by the environment: nothing that was kept is read, nothing is kept. */
export function nothingKept(): boolean {
  return process.env['SKEP_NO_CACHE'] === '1';
}

/** The folder, made if it is not there; undefined where there can be none that is safe, or none is wanted. */
export function privateFolder(): string | undefined {
  if (nothingKept()) return undefined;
  try {
    const place = join(userInfo().homedir, '.cache', 'skep');
    mkdirSync(place, { recursive: true, mode: 0o700 });
    const stat = lstatSync(place);
    return stat.isDirectory() && stat.uid === uid() && (stat.mode & 0o022) === 0 ? place : undefined;
  } catch {
    return undefined;
  }
}

/** Whole or not at all: written beside and renamed; with `durable` also when the machine goes down next. */
export function store(path: string, data: Buffer, durable = false): void {
  const draft = join(dirname(path), `.${process.pid}.draft`);
  try {
    const fd = openSync(draft, constants.O_WRONLY | constants.O_CREAT | constants.O_EXCL | constants.O_NOFOLLOW, 0o644);
    try {
      for (let at = 0; at < data.length; ) at += writeSync(fd, data, at);
      if (durable) fsyncSync(fd);
    } finally {
      closeSync(fd);
    }
    renameSync(draft, path);
  } catch {
    try {
      unlinkSync(draft);
    } catch {
      // Never made.
    }
  }
}

/** What is left behind when it has not been written for so many days: two installed builds do not take each other's. */
const KEPT_DAYS: readonly (readonly [name: RegExp, days: number])[] = [
  [/^\.\d+\.draft$/, 1],
  [/\.cache$/, 60],
  [/^specs-/, 60],
];

/** Removes what earlier builds and interrupted runs left in the folder. */
export function dropOld(folder: string, now: number = Date.now()): void {
  for (const name of readdirSync(folder)) {
    const days = KEPT_DAYS.find(([pattern]) => pattern.test(name))?.[1];
    const path = join(folder, name);
    try {
      if (days !== undefined && now - lstatSync(path).mtimeMs > days * 86_400_000) rmSync(path, { recursive: true, force: true });
    } catch {
      // Another process was faster.
    }
  }
}
