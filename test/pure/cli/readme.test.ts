/** What README says of the package holds: its tools, its recipe for TypeScript, the files that it leads to. */
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join, normalize } from 'node:path';
import { test } from 'node:test';
import { TOOL_LIST } from '../../../src/tools/index.ts';
import { root } from '../../run/paths.ts';

const readme = readFileSync(join(root, 'README.md'), 'utf8');

test("the list of BCC's tools is whole, and its number right", () => {
  const [, number, names] = /^(\S+) tools of BCC's with its names, flags and output: `([a-z0-9\s]+)`/m.exec(readme) ?? [];
  const ours = TOOL_LIST.map(({ name }) => name).filter((name) => name !== 'sockex1');
  assert.deepEqual(names?.split(/\s+/).sort(), ours.sort());
  assert.equal(number, { 40: 'Forty', 41: 'Forty-one', 42: 'Forty-two', 43: 'Forty-three' }[ours.length]);
});

test('what its pages link to is in the package', () => {
  const { files } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8')) as { files: string[] };
  for (const page of ['README.md', 'docs/cli.md', 'docs/hooks.md', 'docs/maps.md', 'docs/events.md', 'docs/rootless.md']) {
    const text = readFileSync(join(root, page), 'utf8');
    const linked = [...text.matchAll(/\]\((?!https?:|#)([^)#]+)/g)].map(([, path = '']) => normalize(join(dirname(page), path)));
    const named = [...text.matchAll(/`((?:docs|examples)\/[\w./-]+|[A-Z]+\.md)`/g)].map(([, path = '']) => normalize(path));
    for (const path of [...linked, ...named]) {
      assert.ok(existsSync(join(root, path)), `${page}: ${path}`);
      assert.ok(
        files.some((entry) => path === entry || path.startsWith(`${entry}/`)),
        `${page}: ${path} is not among the files of package.json`,
      );
    }
  }
});

test('the recipe for TypeScript compiles the first script, in a folder as npm init makes it', (t) => {
  const [, compile] = /^npx tsc (.*)$/m.exec(readme) ?? [];
  assert.ok(compile !== undefined && readme.includes('npm pkg set type=module'));
  const folder = mkdtempSync(join(tmpdir(), 'skep-recipe-'));
  t.after(() => rmSync(folder, { recursive: true }));
  mkdirSync(join(folder, 'node_modules'));
  symlinkSync(root, join(folder, 'node_modules', 'skep'));
  symlinkSync(join(root, 'node_modules', '@types'), join(folder, 'node_modules', '@types'));
  const first = readFileSync(join(root, 'examples', 'first.mjs'), 'utf8');
  // As README says it: `await using` in the place of try and finally.
  const typed = first
    .replace('const b =', 'await using b =')
    .replace(/^try \{$/m, '{')
    .replace(/^\} finally \{\n {2}b\.close\(\);\n\}/m, '}')
    .concat(
      "for (const [{ comm }, n] of b.map<{ comm: string; slot: bigint }, bigint>('dist').entries()) console.log(comm.length, n + 1n);\n",
    );
  assert.match(typed, /^await using b/m);
  assert.doesNotMatch(typed, /finally/);
  writeFileSync(join(folder, 'first.ts'), typed);
  const tsc = (type: string) => {
    writeFileSync(join(folder, 'package.json'), JSON.stringify({ name: 'try', version: '1.0.0', type }));
    const words = [join(root, 'node_modules', 'typescript', 'bin', 'tsc'), ...compile.split(' ')];
    return spawnSync(process.execPath, words, { cwd: folder, encoding: 'utf8' });
  };
  // What npm 11 writes by itself.
  assert.match(tsc('commonjs').stdout, /TS1309/);
  const made = tsc('module');
  assert.equal(made.status, 0, made.stdout);
  assert.match(readFileSync(join(folder, 'first.js'), 'utf8'), /BPF\.load/);
});
