/** The perf map of a process, here of this one: followed as it grows, by thread too, and not read where it is not to be trusted. */
import assert from 'node:assert/strict';
import { appendFileSync, chownSync, mkdtempSync, readdirSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, test } from 'node:test';
import { linuxKernel } from '../../../src/kernel/linux.ts';
import { frameText } from '../../../src/symbols/frame.ts';
import { Symbols } from '../../../src/symbols/symbols.ts';

const skip = process.platform !== 'linux' && 'needs Linux';
const { pid } = process;
const path = `/tmp/perf-${pid}.map`;
const name = (symbols: Symbols, address: bigint, of = pid) =>
  frameText(symbols.userFrame(address, of), { showModule: true, showOffset: true });
/** What was read is taken to be fresh for a while, the longer the slower it was to read. */
async function becomes(symbols: Symbols, address: bigint, expected: string): Promise<void> {
  for (let tries = 0; tries < 200 && name(symbols, address) !== expected; tries++) await new Promise((resolve) => setTimeout(resolve, 50));
  assert.equal(name(symbols, address), expected);
}

afterEach(() => rmSync(path, { force: true }));

test('found, grown, moved, written anew', { skip }, async () => {
  const symbols = new Symbols(linuxKernel());
  assert.equal(name(symbols, 0x7010n), '[unknown]');
  writeFileSync(path, '7000 100 JS:~f a.js:1\n');
  await becomes(symbols, 0x7010n, `JS:~f a.js:1+0x10 [perf-${pid}.map]`);
  // Optimised, elsewhere; and its old place is used by another. The last line is being written.
  appendFileSync(path, '8000 80 JS:*f a.js:1\n7000 20 JS:~g b.js:9\n8000 80 JS:*h');
  await becomes(symbols, 0x8001n, `JS:*f a.js:1+0x1 [perf-${pid}.map]`);
  assert.equal(name(symbols, 0x7010n), `JS:~g b.js:9+0x10 [perf-${pid}.map]`);
  assert.equal(name(symbols, 0x7030n), `JS:~f a.js:1+0x30 [perf-${pid}.map]`);
  appendFileSync(path, ' c.js:3\n');
  await symbols.prepare(pid);
  await becomes(symbols, 0x8001n, `JS:*h c.js:3+0x1 [perf-${pid}.map]`);
  writeFileSync(path, '7000 10 k\n');
  await becomes(symbols, 0x7001n, `k+0x1 [perf-${pid}.map]`);
  assert.equal(name(symbols, 0x8001n), '[unknown]');
  symbols.close();
});

test('a thread has the names of its process', { skip }, () => {
  writeFileSync(path, '7000 100 f\n');
  const symbols = new Symbols(linuxKernel());
  const thread = readdirSync('/proc/self/task')
    .map(Number)
    .find((tid) => tid !== pid) as number;
  assert.equal(name(symbols, 0x7002n, thread), `f+0x2 [perf-${pid}.map]`);
  symbols.close();
});

test("a link, and another user's file, are not read", { skip }, () => {
  const folder = mkdtempSync(join(tmpdir(), 'skep-perf-'));
  const target = join(folder, 'map');
  writeFileSync(target, '7000 100 f\n');
  symlinkSync(target, path);
  let symbols = new Symbols(linuxKernel());
  assert.equal(name(symbols, 0x7002n), '[unknown]');
  symbols.close();
  rmSync(folder, { recursive: true });
  if (process.getuid?.() !== 0) return;
  rmSync(path);
  writeFileSync(path, '7000 100 f\n');
  chownSync(path, 12345, 12345);
  symbols = new Symbols(linuxKernel());
  assert.equal(name(symbols, 0x7002n), '[unknown]');
  symbols.close();
});

test('terminal sequences in a name are made harmless', { skip }, () => {
  writeFileSync(path, '7000 100 evil\u001b[2J\n');
  const symbols = new Symbols(linuxKernel());
  assert.equal(symbols.userFrame(0x7000n, pid).name, 'evil\u001b[2J');
  assert.equal(name(symbols, 0x7000n), `evil\\x1b[2J+0x0 [perf-${pid}.map]`);
  symbols.close();
});
