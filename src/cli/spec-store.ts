/**
 * Where the command keeps what it compiled: a folder for each build of the command, a file for each text.
 *
 *   ~/.cache/skep/specs-<build>/<name>.json     what this user's runs compiled
 *   dist/cli/specs/<name>.json                  what the build compiled for the kernel that it ran on (`precompile.ts`)
 *   …/types.json                                ids of the kernel's types (`kernel/known-types.ts`)
 *
 * Some texts come once only (`trace` names its own process in its program): past `MOST` files the older half goes.
 * What builds of long ago left goes when a new one comes.
 */
import { lstatSync, mkdirSync, readdirSync, rmSync, statSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { SpecStore } from '../bcc/remember.ts';
import type { TypeIdStore } from '../kernel/known-types.ts';
import { dropOld, nothingKept, privateFolder, readTrusted, store, uid } from './private-files.ts';

/** Given by the launcher to the bundled command: another compiler has another one. */
declare const __bundleHash: string | undefined;

const PREFIX = 'specs-';
const MOST = 200;
const TYPES = 'types';

/** Undefined for a command that is not bundled: its compiler may change from run to run. */
export function specStore(): SpecStore | undefined {
  const built = builtSpecs();
  if (built === undefined || typeof __bundleHash === 'undefined' || nothingKept()) return undefined;
  const place = privateFolder();
  const folder = place === undefined ? undefined : join(place, `${PREFIX}${__bundleHash}`);
  return {
    *read(name) {
      const own = folder === undefined ? undefined : readTrusted(join(folder, `${name}.json`), uid());
      if (own !== undefined) yield own.toString('utf8');
      yield* built.read(name);
    },
    write(name, text) {
      if (place === undefined || folder === undefined) return;
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

/** The same places for ids of the kernel's types, in a file of their own. */
export function typeIdStore(specs: SpecStore): TypeIdStore {
  return { read: () => specs.read(TYPES), write: (text) => specs.write(TYPES, text) };
}

/** Beside the command, for the build to write; undefined for one that is not bundled. */
export function builtSpecs(): SpecStore | undefined {
  if (typeof __bundleHash === 'undefined') return undefined;
  const bundle = fileURLToPath(import.meta.url);
  const folder = join(dirname(bundle), 'specs');
  return {
    *read(name) {
      try {
        const known = readTrusted(join(folder, `${name}.json`), lstatSync(bundle).uid);
        if (known !== undefined) yield known.toString('utf8');
      } catch {
        // The command is being replaced.
      }
    },
    write(name, text) {
      mkdirSync(folder, { recursive: true });
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
