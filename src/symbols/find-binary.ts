/**
 * From a name to a file, as whoever sets a probe writes it.
 *
 *   '/usr/bin/bash', './a.out'        a path; of a process in another mount namespace: as that process sees it
 *   'c', 'libc', 'libc.so.6'          a library: among those that the process has mapped, then as its loader finds it
 *   'bash'                            else a command on the PATH
 */
import { readFileSync, statSync } from 'node:fs';
import { resolve } from 'node:path';
import { NoSuchHookError, UsageError } from '../kernel/errors.ts';
import { parseLdSoCache } from './ld-so-cache.ts';
import { type Mapping, parseMaps, rangeName } from './proc-maps.ts';

export interface FoundBinary {
  /** For open(2) and for the kernel, from here. */
  readonly path: string;
  /** As its process sees it, for messages. */
  readonly name: string;
}

/** Where loaders look without a cache (musl has none). */
const LIBRARY_FOLDERS: Readonly<Partial<Record<NodeJS.Architecture, readonly string[]>>> = {
  x64: ['/lib/x86_64-linux-gnu', '/usr/lib/x86_64-linux-gnu', '/lib64', '/usr/lib64', '/lib', '/usr/lib', '/usr/local/lib'],
  arm64: ['/lib/aarch64-linux-gnu', '/usr/lib/aarch64-linux-gnu', '/lib64', '/usr/lib64', '/lib', '/usr/lib', '/usr/local/lib'],
};
const PATH = '/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin';

/** Throws `UsageError` when there is no such file. */
export function findBinary(name: string, pid?: number): FoundBinary {
  if (name === '') throw new UsageError('a probe in user space needs a file: give a path, or the name of a library or command');
  const found = name.includes('/') ? byPath(name, pid) : (findLibrary(name, pid) ?? findExecutable(name, pid));
  if (found) return found;
  const where = pid === undefined ? '' : ` for process ${pid}`;
  if (pid !== undefined && !exists(`/proc/${pid}`)) throw new UsageError(`there is no process ${pid}`);
  throw new NoSuchHookError(
    name.includes('/') ? `there is no file ${name}${where}` : `there is no library or command '${name}'${where}`,
    [],
    name.includes('/') ? undefined : 'give a path',
  );
}

/** A library by 'c', 'libc' or 'libc.so.6'. */
export function findLibrary(name: string, pid?: number): FoundBinary | undefined {
  const fits = libraryMatcher(name);
  if (pid !== undefined) {
    const mapped = mappingsOf(pid).find((mapping) => fits(basename(mapping.path)));
    if (mapped) return ofMapping(mapped, pid);
  }
  const root = rootOf(pid);
  for (const library of cached(root)) {
    if ((fits(library.name) || fits(basename(library.path))) && isFile(root + library.path))
      return { path: root + library.path, name: library.path };
  }
  for (const folder of LIBRARY_FOLDERS[process.arch] ?? []) {
    for (const file of [name, `lib${name}.so`, `${name}.so`]) {
      const path = `${folder}/${file}`;
      if (fits(file) && isFile(root + path)) return { path: root + path, name: path };
    }
  }
  return undefined;
}

/** A command on the PATH. */
export function findExecutable(name: string, pid?: number): FoundBinary | undefined {
  const root = rootOf(pid);
  for (const folder of (root === '' ? (process.env['PATH'] ?? PATH) : PATH).split(':')) {
    const path = resolve(folder === '' ? '.' : folder, name);
    if (isFile(root + path, 0o111)) return { path: root + path, name: path };
  }
  return undefined;
}

/** A file that a process has mapped: by path, or, if that is another file now or none, as the kernel knows it. */
export function ofMapping(mapping: Mapping, pid: number): FoundBinary {
  const path = rootOf(pid) + mapping.path;
  try {
    if (!mapping.deleted && statSync(path).ino === mapping.inode) return { path, name: mapping.path };
  } catch {
    // Not there any more.
  }
  return { path: `/proc/${pid}/map_files/${rangeName(mapping)}`, name: mapping.path };
}

/** The executable mappings of files; none when the process is gone. */
export function mappingsOf(pid: number): Mapping[] {
  try {
    return parseMaps(readFileSync(`/proc/${pid}/maps`).toString()).filter((mapping) => mapping.inode !== 0);
  } catch {
    return [];
  }
}

function byPath(name: string, pid: number | undefined): FoundBinary | undefined {
  const absolute = resolve(name);
  const root = rootOf(pid);
  // From our own root too: '/proc/PID/root/…' and the like are given as they are seen here.
  for (const path of root === '' ? [absolute] : [root + absolute, absolute]) if (isFile(path)) return { path, name: absolute };
  return undefined;
}

/** '/proc/PID/root' for a process that sees other files than we do, '' for all others. */
export function rootOf(pid: number | undefined): string {
  if (pid === undefined) return '';
  try {
    const root = statSync(`/proc/${pid}/root/`);
    const own = statSync('/');
    const same = root.ino === own.ino && root.dev === own.dev && namespaceOf(pid) === namespaceOf('self');
    return same ? '' : `/proc/${pid}/root`;
  } catch {
    return '';
  }
}

function namespaceOf(pid: number | 'self'): number {
  return statSync(`/proc/${pid}/ns/mnt`).ino;
}

function libraryMatcher(name: string): (file: string) => boolean {
  const quoted = name.replace(/[.*+?^${}()|[\]\\]/g, '\\$&');
  // 'libc.so.6' and 'libc.so' by their beginnings; 'c' and 'libc' as libc.so.6 and, as old ones are called, libc-2.31.so.
  const pattern = name.includes('.so') ? `^${quoted}(?:\\.|$)` : `^(?:lib)?${quoted}(?:-[\\d.]+)?\\.so(?:\\.|$)`;
  const regExp = new RegExp(pattern);
  return (file) => regExp.test(file);
}

function cached(root: string): ReturnType<typeof parseLdSoCache> {
  try {
    return parseLdSoCache(readFileSync(`${root}/etc/ld.so.cache`));
  } catch {
    return [];
  }
}

function isFile(path: string, mode = 0): boolean {
  try {
    const stat = statSync(path);
    return stat.isFile() && (mode === 0 || (stat.mode & mode) !== 0);
  } catch {
    return false;
  }
}

function exists(path: string): boolean {
  try {
    statSync(path);
    return true;
  } catch {
    return false;
  }
}

function basename(path: string): string {
  return path.slice(path.lastIndexOf('/') + 1);
}
