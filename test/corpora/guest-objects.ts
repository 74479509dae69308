/**
 * The folder in which a guest finds the corpora compiled for its kernel. Made once for each state of the compiler:
 * its name holds the hash of the compiled tree, and those that nobody used for a day are removed.
 */
import { execFile } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, readdirSync, readFileSync, renameSync, rmSync, statSync, utimesSync } from 'node:fs';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { guestKernel, type Series } from '../lab/kernels.ts';
import { fetchTracepoints } from '../lab/tracepoints.ts';
import { built, cache } from '../run/paths.ts';

const DAY = 24 * 3600_000;

export async function guestObjects(series: Series): Promise<string> {
  const kernel = guestKernel(series);
  await fetchTracepoints(kernel);
  const all = join(cache, 'objects');
  mkdirSync(all, { recursive: true });
  for (const name of readdirSync(all)) {
    const path = join(all, name);
    if (Date.now() - (statSync(path, { throwIfNoEntry: false })?.mtimeMs ?? Date.now()) > DAY)
      rmSync(path, { recursive: true, force: true });
  }
  const folder = join(all, `${kernel.release}-${hashOfTree()}`);
  const now = new Date();
  if (existsSync(folder)) {
    utimesSync(folder, now, now);
    return folder;
  }
  const part = `${folder}.part-${process.pid}`;
  await promisify(execFile)(process.execPath, ['--enable-source-maps', join(built, 'test', 'corpora', 'for-guest.js'), series, part]);
  try {
    renameSync(part, folder);
  } catch (error) {
    // Another run was faster.
    rmSync(part, { recursive: true, force: true });
    if (!existsSync(folder)) throw error;
  }
  return folder;
}

/** What the objects depend on: the compiler and the sources, as compiled JavaScript. */
function hashOfTree(): string {
  const hash = createHash('sha256');
  for (const top of [
    'src',
    'test/corpora',
    'test/lab',
    'test/pure/object',
    'test/host/compiler',
    'test/host/isa',
    'test/host/vm',
    'test/support',
    'test/host/tools',
    'test/guest/tools',
  ].map((name) => join(built, name))) {
    const files = readdirSync(top, { recursive: true, encoding: 'utf8' }).filter((name) => name.endsWith('.js'));
    for (const name of files.sort()) hash.update(`${name}\n`).update(readFileSync(join(top, name)));
  }
  return hash.digest('hex').slice(0, 16);
}
