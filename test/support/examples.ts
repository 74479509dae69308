/** Examples as tests: each is imported, says what it saw, and leaves nothing; the docs quote it word by word. */
import assert from 'node:assert/strict';
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { leftovers, snapshot } from '../run/leaks.ts';
import type { Needs } from '../run/needs.ts';
import { built, root, SHARED } from '../run/paths.ts';

export interface Expected {
  readonly needs: Needs;
  /** What it prints, line by line. */
  readonly lines: readonly RegExp[];
}

/** All files of the folder are in the table, and the page quotes each. */
export function checkQuoted(folder: string, page: string, table: Readonly<Record<string, unknown>>): void {
  const files = readdirSync(join(root, 'examples', folder)).map((name) => name.replace(/\.ts$/, ''));
  assert.deepEqual([...files].sort(), Object.keys(table).sort());
  const docs = readFileSync(join(root, 'docs', page), 'utf8');
  for (const name of files) {
    const text = readFileSync(join(root, 'examples', folder, `${name}.ts`), 'utf8').trim();
    assert.ok(docs.includes(`\`\`\`ts\n${text}\n\`\`\``), `docs/${page} quotes examples/${folder}/${name}.ts (npm run docs:examples)`);
  }
}

/** What the example prints. `words`: as if they stood behind its name on a command line; none, as this process has it. */
export async function printed(
  folder: string,
  name: string,
  words: readonly string[] = [],
  onLine: (line: string) => void = () => {},
): Promise<string[]> {
  const said: string[] = [];
  const { log } = console;
  const { argv } = process;
  console.log = (...line: unknown[]) => {
    said.push(line.join(' '));
    onLine(line.join(' '));
  };
  if (words.length > 0) process.argv = [...argv.slice(0, 2), ...words];
  try {
    await import(moduleOf(folder, name, words));
  } finally {
    console.log = log;
    process.argv = argv;
  }
  return said;
}

export async function runExample(folder: string, name: string, lines: readonly RegExp[]): Promise<void> {
  const before = await snapshot();
  const said = await printed(folder, name);
  assert.equal(said.length, lines.length, said.join('\n'));
  for (const [i, line] of lines.entries()) assert.match(said[i] ?? '', line);
  assert.deepEqual(await leftovers(before), []);
}

/**
 * Here 'skep' is the package as it is shipped. In guests it is what the group of files has loaded and warm already
 * (`run/bundle.ts`): there, loading the same modules once more takes longer than all examples together.
 */
function moduleOf(folder: string, name: string, words: readonly string[]): string {
  const path = join(built, 'examples', folder, `${name}.js`);
  if (!(SHARED in globalThis)) return pathToFileURL(path).href;
  const text = readFileSync(path, 'utf8')
    .replace(/^import (\{[^}]*\}) from 'skep';$/m, `const $1 = globalThis[${JSON.stringify(SHARED)}];`)
    // The name of a source map means nothing from there, and Node would not take it.
    .replace(/^\/\/# sourceMappingURL=.*$/m, '');
  // A module is run once: with other words it is another.
  return `data:text/javascript,${encodeURIComponent(`${text}\n// ${words.join(' ')}`)}`;
}
