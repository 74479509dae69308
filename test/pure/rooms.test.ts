/**
 * The rule of the rooms: imports go down the list only, and effects stay at the edge.
 */
import assert from 'node:assert/strict';
import { readdirSync, readFileSync } from 'node:fs';
import { join, posix, relative } from 'node:path';
import { test } from 'node:test';
import { root } from '../run/paths.ts';

/** Highest first. Rooms on one line may not import each other. */
const FLOORS: readonly (readonly string[])[] = [
  ['index.ts', 'cli'],
  ['tools'],
  ['bcc'],
  ['symbols', 'attach', 'events'],
  ['maps'],
  ['render', 'vm'],
  ['link'],
  ['kernel'],
  ['compiler/index.ts'],
  ['compiler/compile-error.ts'],
  ['compiler/compile.ts'],
  ['compiler/object-maps.ts'],
  ['compiler/code-advice.ts'],
  ['compiler/type-ids.ts', 'compiler/codes.ts'],
  ['compiler/dialect', 'compiler/target', 'compiler/ir/lower'],
  ['compiler/ir', 'compiler/c'],
  ['compiler'],
  ['object'],
  ['elf', 'btf', 'isa'],
];

/** A type may be named from a higher room where it is the seam itself. */
const SEAMS = new Set(['compiler/target-facts.ts', 'compiler/dialect/dialect.ts']);

/** The packages that skep depends on, and the room that may import each. */
const PACKAGES: Readonly<Record<string, string>> = { koffi: 'kernel/', 'gecko-profiler-demangle': 'symbols/', 'xz-decompress': 'symbols/' };

/** Name of the package that an import is of; undefined for files of our own (already made relative to src/) and of Node. */
function packageOf(to: string): string | undefined {
  const [name = ''] = to.split('/');
  return to.startsWith('node:') || OWN.has(name) ? undefined : name;
}

const src = join(root, 'src');
const OWN = new Set(readdirSync(src));

function* files(dir: string): Generator<string> {
  for (const entry of readdirSync(dir, { withFileTypes: true })) {
    const path = join(dir, entry.name);
    if (entry.isDirectory()) yield* files(path);
    else if (entry.name.endsWith('.ts')) yield relative(src, path).replaceAll('\\', '/');
  }
}

function floorOf(file: string): { floor: number; room: string } {
  let best = { floor: -1, room: '' };
  FLOORS.forEach((rooms, floor) => {
    for (const room of rooms) {
      if ((file === room || file.startsWith(`${room}/`)) && room.length > best.room.length) best = { floor, room };
    }
  });
  return best;
}

interface Import {
  readonly from: string;
  readonly to: string;
  readonly typeOnly: boolean;
}

function* imports(file: string): Generator<Import> {
  const text = readFileSync(join(src, file), 'utf8');
  for (const match of text.matchAll(
    /^\s*(?:import|export)\s+(type\s+)?[^'"]*?from\s+'([^']+)'|import\('([^']+)'\)|^import\s+'([^']+)'/gms,
  )) {
    const to = match[2] ?? match[3] ?? match[4] ?? '';
    yield { from: file, to: to.startsWith('.') ? posix.join(posix.dirname(file), to) : to, typeOnly: match[1] !== undefined };
  }
}

test('every file is in a room', () => {
  const strays = [...files(src)].filter((file) => floorOf(file).floor < 0);
  assert.deepEqual(strays, []);
});

test('imports go down only', () => {
  const wrong: string[] = [];
  for (const file of files(src)) {
    const here = floorOf(file);
    for (const { to } of imports(file)) {
      if (to.startsWith('node:') || packageOf(to) !== undefined || SEAMS.has(to)) continue;
      const there = floorOf(to);
      if (there.room === here.room) continue;
      if (there.floor <= here.floor) wrong.push(`${file} imports ${to}`);
    }
  }
  assert.deepEqual(wrong, []);
});

test('each package is imported in one room only, the file system in kernel/, symbols/ and cli/', () => {
  const wrong: string[] = [];
  for (const file of files(src)) {
    for (const { to, typeOnly } of imports(file)) {
      if (typeOnly) continue;
      const name = packageOf(to);
      if (name !== undefined && !file.startsWith(PACKAGES[name] ?? '-')) wrong.push(`${file} imports the package ${name}`);
      if (/^node:(fs|child_process|net|worker_threads)/.test(to) && !/^(kernel|symbols|cli)\//.test(file))
        wrong.push(`${file} imports ${to}`);
    }
  }
  assert.deepEqual(wrong, []);
});

test('no default exports, no any', () => {
  const wrong: string[] = [];
  for (const file of files(src)) {
    const text = readFileSync(join(src, file), 'utf8');
    if (/^export default/m.test(text)) wrong.push(`${file}: export default`);
    if (/[:<(,]\s*any\b(?!\s*['"`])/.test(text.replace(/\/\*[\s\S]*?\*\/|\/\/.*|'[^']*'|`[^`]*`/g, ''))) wrong.push(`${file}: any`);
  }
  assert.deepEqual(wrong, []);
});
