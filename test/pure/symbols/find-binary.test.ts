/** Names of libraries and commands to files, beside ldconfig and the shell. */
import assert from 'node:assert/strict';
import { execFileSync, spawnSync } from 'node:child_process';
import { existsSync, readFileSync, realpathSync } from 'node:fs';
import { test } from 'node:test';
import { UsageError } from '../../../src/kernel/errors.ts';
import { Binary } from '../../../src/symbols/binary.ts';
import { findBinary, findLibrary } from '../../../src/symbols/find-binary.ts';
import { parseLdSoCache } from '../../../src/symbols/ld-so-cache.ts';

const CACHE = '/etc/ld.so.cache';
const ldconfig = ['/sbin/ldconfig', '/usr/sbin/ldconfig'].find((path) => existsSync(path));
const skip = !existsSync(CACHE) || ldconfig === undefined ? 'needs ld.so.cache and ldconfig' : false;

test('ld.so.cache: the libraries that ldconfig prints', { skip }, () => {
  const arch = process.arch === 'arm64' ? 'AArch64' : 'x86-64';
  const printed = [
    ...execFileSync(ldconfig as string, ['-p'])
      .toString()
      .matchAll(/^\t(\S+) \(libc6,([^)]*)\) => (\S+)$/gm),
  ]
    .filter(([, , what = '']) => what.split(', ').includes(arch) && !what.includes('hwcap'))
    .map(([, name, , path]) => `${name} ${path}`);
  const ours = parseLdSoCache(readFileSync(CACHE)).map(({ name, path }) => `${name} ${path}`);
  assert.ok(printed.length > 10);
  assert.deepEqual(ours.toSorted(), printed.toSorted());
});

test("a library as people call it; 'm' is not 'magic', 'c' is not 'crypt'", { skip }, () => {
  const libc = realpathSync(findBinary('libc.so.6').path);
  for (const name of ['c', 'libc', 'libc.so']) assert.equal(realpathSync(findBinary(name).path), libc);
  for (const name of ['c', 'libc']) assert.equal(realpathSync(findBinary(name, process.pid).path), libc);
  assert.match(findBinary('m').path, /libm[.-]/);
  assert.equal(findLibrary('skep-has-no-such-library'), undefined);
});

test('a command on the PATH, a path, and what is neither', () => {
  assert.equal(findBinary('sh').path, spawnSync('/bin/sh', ['-c', 'command -v sh']).stdout.toString().trim());
  assert.equal(findBinary('/bin/sh').path, '/bin/sh');
  assert.throws(() => findBinary('/no/such/file'), /there is no file \/no\/such\/file/);
  assert.throws(() => findBinary('no-such-thing'), UsageError);
  assert.throws(() => findBinary(''), UsageError);
  assert.throws(() => findBinary('no-such-thing', 0x3fffff), /no process 4194303/);
  assert.throws(() => findBinary('/tmp'), UsageError);
});

test('functions by name: the default version, the exported before the hidden, none for what the loader chooses', { skip }, () => {
  using libc = new Binary(findBinary('c'));
  const nm = execFileSync('nm', ['-D', '--defined-only', libc.path]).toString();
  const of = (name: string) => BigInt(`0x${new RegExp(`^([0-9a-f]+) [TWi] ${name}@@`, 'm').exec(nm)?.[1]}`);
  for (const name of ['getpid', 'qsort', 'pthread_create', 'fopen', 'posix_spawn'])
    assert.equal(libc.function(name).address, of(name), name);
  // Names with an old and a new version at different places.
  const two = [...nm.matchAll(/^([0-9a-f]+) T (\w+)@@/gm)].filter(([, address, name]) =>
    new RegExp(`^(?!${address})[0-9a-f]+ T ${name}@[^@]`, 'm').test(nm),
  );
  assert.ok(two.length > 0);
  for (const [, address, name] of two) assert.equal(libc.function(name as string).address, BigInt(`0x${address}`), name);
  const chosen = /^[0-9a-f]+ i (\w+)@@/m.exec(nm)?.[1];
  if (chosen !== undefined) assert.throws(() => libc.function(chosen), /chosen when the library is loaded/);
  assert.throws(
    () => libc.function('getpidd'),
    (error: unknown) => error instanceof UsageError && error.suggestions.includes('getpid'),
  );
});
