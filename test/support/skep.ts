/** The `skep` command run to its end, in a folder of its own that is gone afterwards. */
import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { root } from '../run/paths.ts';

export interface Ended {
  readonly status: number | null;
  readonly out: string;
  readonly err: string;
}

export interface Folder {
  readonly path: string;
  readonly skep: (...words: readonly string[]) => Ended;
  readonly file: (name: string, text: string | Uint8Array) => string;
}

export function inFolder<T>(files: Readonly<Record<string, string>>, fn: (folder: Folder) => T): T {
  const path = mkdtempSync(join(tmpdir(), 'skep-cli-'));
  const file = (name: string, text: string | Uint8Array): string => {
    writeFileSync(join(path, name), text);
    return join(path, name);
  };
  const skep = (...words: readonly string[]): Ended => {
    const run = spawnSync(process.execPath, [join(root, 'dist', 'cli', 'skep.js'), ...words], { encoding: 'utf8', cwd: path });
    return { status: run.status, out: run.stdout, err: run.stderr };
  };
  const clean = () => rmSync(path, { recursive: true, force: true });
  for (const [name, text] of Object.entries(files)) file(name, text);
  let result: T;
  try {
    result = fn({ path, skep, file });
  } catch (error) {
    clean();
    throw error;
  }
  if (result instanceof Promise) return result.finally(clean) as T;
  clean();
  return result;
}
