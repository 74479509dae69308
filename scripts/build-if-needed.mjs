/**
 * Builds where nothing is built yet or a source is newer: what `npm ci` has built, `sudo npm run demo` takes as it is.
 *
 *   node scripts/build-if-needed.mjs
 */
import { spawnSync } from 'node:child_process';
import { readdirSync, statSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

const root = join(dirname(fileURLToPath(import.meta.url)), '..');
const SOURCES = ['src', 'scripts/bundle.mjs', 'package.json', 'tsconfig.json', 'tsconfig.build.json'];

const changed = (path) => statSync(path, { throwIfNoEntry: false })?.mtimeMs;

function newest(path) {
  const stat = statSync(path, { throwIfNoEntry: false });
  if (stat === undefined) return 0;
  const below = stat.isDirectory() ? readdirSync(path).map((name) => newest(join(path, name))) : [];
  return Math.max(stat.mtimeMs, ...below);
}

const built = changed(join(root, 'dist/cli/skep.js'));
if (built === undefined || SOURCES.some((path) => newest(join(root, path)) > built))
  process.exitCode = spawnSync('npm', ['run', 'build'], { cwd: root, stdio: 'inherit' }).status ?? 1;
