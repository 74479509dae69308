/**
 * Where the command keeps what it compiled: a folder for each build of the command, a file for each text.
 *
 *   ~/.cache/skep/specs-<build>/<name>.json
 *
 * Some texts come once only (`trace` names its own process in its program): past `MOST` files the older half goes.
 * What builds of long ago left goes when a new one comes.
 */
import { mkdirSync, readdirSync, rmSync, statSync } from 'node:fs';
import { join } from 'node:path';
import type { SpecStore } from '../bcc/remember.ts';
import { dropOld, privateFolder, readTrusted, store, uid } from './private-files.ts';

/** Given by the launcher to the bundled command: another compiler has another one. */
declare const __bundleHash: string | undefined;

const PREFIX = 'specs-';
const MOST = 200;

/** Undefined for a command that is not bundled: its compiler may change from run to run. */
export function specStore(): SpecStore | undefined {
  const build = typeof __bundleHash === 'undefined' ? undefined : __bundleHash;
  const place = build === undefined ? undefined : privateFolder();
  if (place === undefined) return undefined;
  const folder = join(place, `${PREFIX}${build}`);
  return {
    read: (name) => readTrusted(join(folder, `${name}.json`), uid())?.toString('utf8'),
    write(name, text) {
      try {
        if (mkdirSync(folder, { recursive: true, mode: 0o700 }) !== undefined) dropOld(place);
        dropOldest(folder);
      } catch {
        // No room: compiled again next time.
      }
      store(join(folder, `${name}.json`), Buffer.from(text));
    },
  };
}

function dropOldest(folder: string): void {
  const names = readdirSync(folder).filter((name) => name.endsWith('.json'));
  if (names.length < MOST) return;
  dropOld(folder);
  const files = names.map((name) => ({ path: join(folder, name), time: statSync(join(folder, name)).mtimeMs }));
  for (const { path } of files.sort((a, b) => a.time - b.time).slice(0, MOST / 2)) rmSync(path, { force: true });
}
