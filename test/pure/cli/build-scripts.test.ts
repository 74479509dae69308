/** `npm run demo` as root takes what the user has built, and what root builds is the user's. */
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { chownSync, cpSync, mkdirSync, mkdtempSync, readFileSync, rmSync, statSync, utimesSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { root } from '../../run/paths.ts';

const NOBODY = 65534;

/** A tree with these scripts whose build writes one file, and a line for each time that it is built. */
function tree(t: TestContext): { readonly path: string; readonly run: (script: string) => void } {
  const path = mkdtempSync(join(tmpdir(), 'skep-tree-'));
  t.after(() => rmSync(path, { recursive: true }));
  for (const script of ['build-if-needed.mjs', 'give-back.mjs']) cpSync(join(root, 'scripts', script), join(path, 'scripts', script));
  for (const folder of ['src/cli', 'dist', 'build']) mkdirSync(join(path, folder), { recursive: true });
  writeFileSync(join(path, 'src/cli/skep.ts'), '');
  writeFileSync(join(path, 'package.json'), '{ "scripts": { "build": "mkdir -p dist/cli && touch dist/cli/skep.js && echo built >> log" } }');
  const run = (script: string) => {
    const ended = spawnSync(process.execPath, [join(path, 'scripts', script)], { cwd: path, encoding: 'utf8' });
    assert.equal(ended.status, 0, ended.stderr);
  };
  return { path, run };
}

test('it is built once, and again after a source has changed', (t) => {
  const { path, run } = tree(t);
  const builds = () => readFileSync(join(path, 'log'), 'utf8').split('\n').length - 1;
  run('build-if-needed.mjs');
  assert.equal(builds(), 1);
  run('build-if-needed.mjs');
  assert.equal(builds(), 1);
  const later = Date.now() / 1000 + 60;
  utimesSync(join(path, 'src/cli/skep.ts'), later, later);
  run('build-if-needed.mjs');
  assert.equal(builds(), 2);
});

test("what root builds in a user's tree is the user's", { skip: process.getuid?.() !== 0 && 'needs root' }, (t) => {
  const { path, run } = tree(t);
  mkdirSync(join(path, 'dist/cli'));
  const file = join(path, 'dist/cli/skep.js');
  writeFileSync(file, '');
  run('give-back.mjs');
  assert.equal(statSync(file).uid, 0);
  chownSync(join(path, 'package.json'), NOBODY, NOBODY);
  run('give-back.mjs');
  for (const made of [file, join(path, 'dist/cli'), join(path, 'dist'), join(path, 'build')]) assert.equal(statSync(made).uid, NOBODY, made);
});
