/** What the command keeps for itself: V8's code cache, and what it compiled. */
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { cpSync, mkdirSync, readdirSync, readFileSync, rmSync, utimesSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { dropOld, privateFolder } from '../../../src/cli/private-files.ts';
import { unsealed } from '../../../src/kernel/sealed.ts';
import { root } from '../../run/paths.ts';
import { inFolder } from '../../support/skep.ts';

test('a code cache with blocks of zeroes, cut short or of noise is as good as none', () => {
  inFolder({}, ({ path }) => {
    cpSync(join(root, 'dist', 'cli'), path, { recursive: true });
    const name = readdirSync(path).find((file) => file.endsWith('.cache'));
    assert.ok(name !== undefined, 'the build writes one');
    const good = readFileSync(join(path, name));
    const zeroed = (from: number) => Buffer.concat([good.subarray(0, from), Buffer.alloc(4096), good.subarray(from + 4096)]);
    const noise = Buffer.from(good.map((byte, i) => (i < 1000 ? byte : (byte * 31 + i) & 255)));
    const half = good.length >> 1;
    for (const [how, bytes] of Object.entries({
      'zeroes at the beginning': zeroed(64),
      'zeroes in the middle': zeroed(half),
      'zeroes to the end': Buffer.concat([good.subarray(0, half), Buffer.alloc(half)]),
      'cut short': good.subarray(0, half),
      empty: Buffer.alloc(0),
      noise,
    })) {
      writeFileSync(join(path, name), bytes);
      const { status, stdout, stderr, signal } = spawnSync(process.execPath, [join(path, 'skep.js'), '--help'], { encoding: 'utf8' });
      assert.deepEqual([status, signal, stderr], [0, null, ''], how);
      assert.match(stdout, /^usage: skep/);
    }
  });
});

test('what is old goes, what another build uses stays', () => {
  inFolder({}, ({ path }) => {
    const days = (name: string, age: number, folder = false) => {
      if (folder) mkdirSync(join(path, name));
      else writeFileSync(join(path, name), '');
      const time = Date.now() / 1000 - age * 86_400;
      utimesSync(join(path, name), time, time);
    };
    days('specs-old', 100, true);
    days('specs-other', 10, true);
    days('specs-mine', 0, true);
    days('0123-v20.1.0-x64.cache', 100);
    days('4567-v20.1.0-x64.cache', 10);
    days('.77.draft', 2);
    days('.78.draft', 0);
    days('something of others', 1000);
    dropOld(path);
    assert.deepEqual(readdirSync(path).sort(), ['.78.draft', '4567-v20.1.0-x64.cache', 'something of others', 'specs-mine', 'specs-other']);
  });
});

test('the build keeps the programs of tools for the kernel that it runs on', () => {
  inFolder({}, ({ path }) => {
    cpSync(join(root, 'dist', 'cli'), path, { recursive: true });
    rmSync(join(path, 'specs'), { recursive: true, force: true });
    const run = (...words: string[]) => spawnSync(process.execPath, [join(path, 'skep.js'), ...words], { encoding: 'utf8' });
    const { status, stdout, stderr } = run('--precompile');
    assert.deepEqual([status, stdout, stderr], [0, '', '']);
    const names = readdirSync(join(path, 'specs'));
    const kept = names
      .filter((name) => name !== 'types.json')
      .map((name) => unsealed(readFileSync(join(path, 'specs', name), 'utf8')) ?? '');
    const texts = kept.map((content) => JSON.parse((JSON.parse(content) as { key: string }).key)[0] as string);
    // It sees neither tracefs nor more types than there are.
    const plain = run('syscount', '--print-program').stdout;
    assert.ok(
      texts.some((text) => text.trim() === plain.trim()),
      'as the tool starts without flags',
    );
  });
});

test('SKEP_NO_CACHE=1: there is no folder', () => {
  const before = process.env['SKEP_NO_CACHE'];
  try {
    process.env['SKEP_NO_CACHE'] = '1';
    assert.equal(privateFolder(), undefined);
  } finally {
    if (before === undefined) delete process.env['SKEP_NO_CACHE'];
    else process.env['SKEP_NO_CACHE'] = before;
  }
});
