/**
 * Writes the command as one script: dist/cli/skep.js (the launcher), dist/cli/skep.bundle.cjs, and V8's code cache
 * for the Node that builds. The rest of dist/ is the library, as tsc wrote it.
 *
 *   node scripts/bundle.mjs [output folder]
 */
import { spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { chmodSync, mkdirSync, rmSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { build } from 'esbuild';

const root = join(dirname(fileURLToPath(import.meta.url)), '..');
const folder = join(root, process.argv[2] ?? 'dist/cli');

const common = {
  bundle: true,
  write: false,
  platform: 'node',
  target: 'node20.19',
  format: 'cjs',
  // Names stay: a report of a bug carries a stack.
  minifyWhitespace: true,
  minifySyntax: true,
  logLevel: 'warning',
};

const bundled = await build({
  ...common,
  entryPoints: [join(root, 'src/cli/skep.ts')],
  external: ['koffi'],
  define: { 'import.meta.url': '__bundle' },
});
const body = bundled.outputFiles[0].text.replace(/^#!.*\n/, '').replace(/^"use strict";/, '');
// A function for the launcher to call. `module` and `exports` are esbuild's, for an entry that exports nothing.
const text = `(function(require,__filename,__bundleHash){"use strict";const __bundle=require("node:url").pathToFileURL(__filename).href,module={exports:{}};${body}\n})`;

const launcher = await build({
  ...common,
  entryPoints: [join(root, 'src/cli/launch.ts')],
  define: { BUNDLE_HASH: JSON.stringify(createHash('sha256').update(text).digest('hex').slice(0, 16)) },
});

rmSync(folder, { recursive: true, force: true });
mkdirSync(folder, { recursive: true });
// The package's .js files are modules; the launcher is not.
writeFileSync(join(folder, 'package.json'), '{ "type": "commonjs" }\n');
writeFileSync(join(folder, 'skep.bundle.cjs'), text, 'latin1');
const command = join(folder, 'skep.js');
writeFileSync(command, `#!/usr/bin/env node\n${launcher.outputFiles[0].text.replace(/^#!.*\n/, '')}`);
chmodSync(command, 0o755);

const warm = spawnSync(process.execPath, [command, '--warm-up'], { stdio: ['ignore', 'ignore', 'inherit'] });
// A machine that cannot run the command (macOS) can still build it.
if (warm.status !== 0) process.stderr.write('skep: built without code cache, the first run will write one\n');
// In a process of its own: the code cache is to hold what a start needs, no more.
spawnSync(process.execPath, [command, '--precompile'], { stdio: ['ignore', 'ignore', 'inherit'] });
