/**
 * The tree as guests get it: the test files of a group in one script with all they import, and one for each by itself.
 *
 *   build/test/host/link/load.test.js ┐   build-lab-PID/test/group.js (+ .map, read on this side only)
 *   build/test/run/…, build/src/…     ┴▶  build-lab-PID/test/host/link/load.test.js
 *
 * An emulated processor takes seconds to find and open the some four hundred modules of a test over 9p, and a tenth of
 * that to read one script. The folder lies where `build/` does, so paths lead from it to the same places; what tests
 * start as programs of their own lies in it under the same names. It is gone when the run ends.
 */
import { cpSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { SourceMap, type SourceMapPayload } from 'node:module';
import { dirname, join, relative, resolve } from 'node:path';
import { build, type Plugin } from 'esbuild';
import { needsOwnProcess } from './own-process.ts';
import { built, root, SHARED } from './paths.ts';

/** What tests and the runner start by name. */
const PROGRAMS = [
  'test/run/agent',
  'test/run/reporter',
  'test/fixtures/holder',
  'test/host/attach/tracefs-victim',
  'test/host/attach/victim',
  'test/host/bcc/killed-victim',
  'test/host/kernel/reading-worker',
  'test/host/link/load-as',
  'src/cli/skep',
  'src/index',
  'src/kernel/linux',
];
/** Started by tests as test files. */
const FIXTURES = ['fixtures/leaky', 'fixtures/halfway'];

const NAME = 'build-lab-';

/** Writes the tree for these test files ('host/link/load'); resolves with its folder. */
export async function bundleTree(files: readonly string[]): Promise<string> {
  removeStale();
  const folder = join(root, `${NAME}${process.pid}`);
  rmSync(folder, { recursive: true, force: true });
  // Whole, for what tests import by a computed path.
  for (const part of ['src', 'examples']) cpSync(join(built, part), join(folder, part), { recursive: true });
  writeFileSync(join(folder, 'package.json'), packageJson());
  const together = files.filter((name) => !needsOwnProcess(name));
  const group = together.map((name) => `${JSON.stringify(name)}: () => import('./${name}.test.js'),`).join('\n');
  const tests = [...files, ...FIXTURES].map((name) => ({ in: `test:${name}`, out: `test/${name}.test` }));
  await build({
    entryPoints: [...PROGRAMS.map((name) => ({ in: join(built, `${name}.js`), out: name })), ...tests, { in: 'group:', out: 'test/group' }],
    outdir: folder,
    allowOverwrite: true,
    bundle: true,
    platform: 'node',
    target: 'node20.19',
    format: 'esm',
    packages: 'external',
    sourcemap: 'linked',
    minifyWhitespace: true,
    logLevel: 'error',
    banner: { js: `const __tree = import.meta.url.replace(/(\\/${NAME}\\d+\\/).*$/, '$1');` },
    plugins: [watchedTests, groupOf(group), urlsOfModules],
  });
  return folder;
}

/** The package as it is shipped, of the tree's own scripts: `import 'skep'` in an example takes one file. */
function packageJson(): string {
  const shipped = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8')) as {
    readonly name: string;
    readonly version: string;
    readonly type: string;
    readonly exports: Readonly<Record<string, string | { readonly default: string }>>;
  };
  const { name, version, type } = shipped;
  const paths = Object.entries(shipped.exports).map(([as, to]) => [
    as,
    (typeof to === 'string' ? to : to.default).replace('./dist/', './src/'),
  ]);
  return JSON.stringify({ name, version, type, exports: Object.fromEntries(paths) });
}

export function removeTree(folder: string): void {
  rmSync(folder, { recursive: true, force: true });
}

/** Positions in a stack, back to the sources. */
export function sourcePositions(text: string): string {
  return text.replace(
    new RegExp(String.raw`((?:file://)?/[^\s():]*/${NAME}\d+/[^\s():]+\.js):(\d+):(\d+)`, 'g'),
    (whole, path, line, column) => {
      const file = String(path).replace('file://', '');
      const entry = mapOf(file)?.findEntry(Number(line) - 1, Number(column) - 1);
      if (entry === undefined || !('originalSource' in entry)) return whole;
      return `${relative(root, resolve(dirname(file), entry.originalSource))}:${entry.originalLine + 1}:${entry.originalColumn + 1}`;
    },
  );
}

const maps = new Map<string, SourceMap | undefined>();

function mapOf(file: string): SourceMap | undefined {
  if (!maps.has(file)) {
    let map: SourceMap | undefined;
    try {
      map = new SourceMap(JSON.parse(readFileSync(`${file}.map`, 'utf8')) as SourceMapPayload);
    } catch {
      // A file that was copied as it is.
    }
    maps.set(file, map);
  }
  return maps.get(file);
}

/** Test files come with the watch for descriptors, which must be the same instance as theirs. */
const watchedTests: Plugin = {
  name: 'watched tests',
  setup({ onResolve, onLoad }) {
    onResolve({ filter: /^test:/ }, ({ path }) => ({ path: path.slice('test:'.length), namespace: 'test' }));
    onLoad({ filter: /.*/, namespace: 'test' }, ({ path }) => ({
      contents: `import './run/watch-descriptors.js'; import './${path}.test.js';`,
      resolveDir: join(built, 'test'),
    }));
  },
};

/** A script that runs those of these files that it is given. */
function groupOf(files: string): Plugin {
  return {
    name: 'group',
    setup({ onResolve, onLoad }) {
      onResolve({ filter: /^group:$/ }, () => ({ path: 'group', namespace: 'group' }));
      onLoad({ filter: /.*/, namespace: 'group' }, () => ({
        contents: `import './run/watch-descriptors.js';
import { runKernelGroup } from './run/kernel-group.js';
import * as skep from '../src/index.js';
globalThis[${JSON.stringify(SHARED)}] = skep;
const files = {
${files}
};
await runKernelGroup((file) => files[file](), process.argv.slice(2));`,
        resolveDir: join(built, 'test'),
      }));
    },
  };
}

/** In one script all modules would have one address: each gets the one that it has in the tree. */
const urlsOfModules: Plugin = {
  name: 'urls of modules',
  setup({ onLoad }) {
    onLoad({ filter: /\.js$/ }, ({ path }) => {
      if (!path.startsWith(built)) return undefined;
      const text = readFileSync(path, 'utf8');
      if (!text.includes('import.meta.url')) return undefined;
      const url = `new URL(${JSON.stringify(relative(built, path))}, __tree).href`;
      return { contents: text.replaceAll('import.meta.url', url), loader: 'js' };
    });
  },
};

/** Trees of runs that were killed. */
function removeStale(): void {
  for (const name of readdirSync(root)) {
    const pid = name.startsWith(NAME) ? Number(name.slice(NAME.length)) : undefined;
    if (pid !== undefined && !alive(pid)) removeTree(join(root, name));
  }
}

function alive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch {
    return false;
  }
}
