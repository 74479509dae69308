/** Files of other processes may be anything: an error or no name, never a crash and never a hang. */
import assert from 'node:assert/strict';
import { execFileSync, spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { ElfError, ElfFile } from '../../../src/elf/index.ts';
import { UsageError } from '../../../src/kernel/errors.ts';
import { Binary } from '../../../src/symbols/binary.ts';
import { demangle } from '../../../src/symbols/demangle.ts';
import { FileSource } from '../../../src/symbols/file-source.ts';
import { Image } from '../../../src/symbols/image.ts';
import { Kallsyms } from '../../../src/symbols/kallsyms.ts';
import { parseLdSoCache } from '../../../src/symbols/ld-so-cache.ts';
import { PerfMap } from '../../../src/symbols/perf-map.ts';
import { cut } from '../../../src/symbols/pieces.ts';
import { parseMaps } from '../../../src/symbols/proc-maps.ts';
import { atOnce } from '../../../src/symbols/sliced.ts';

/** Numbers that look random and are the same each time. */
function randoms(seed: number): (below: number) => number {
  let state = seed;
  return (below) => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    return Math.floor((state / 2 ** 32) * below);
  };
}

const EDGES = [0, 1, 0x7f, 0x80, 0xff];

test('ELF files with bytes changed: symbols, debug files, functions, USDT notes', {
  skip: process.platform !== 'linux' && 'needs Linux',
}, () => {
  const folder = mkdtempSync(join(tmpdir(), 'skep-hostile-'));
  const good = readFileSync(
    ['/lib/x86_64-linux-gnu/libdl.so.2', '/lib/aarch64-linux-gnu/libdl.so.2', '/bin/true'].find(
      (p) => spawnSync('test', ['-f', p]).status === 0,
    ) ?? '/bin/ls',
  );
  const random = randoms(1);
  let refused = 0;
  try {
    for (let round = 0; round < 400; round++) {
      const bytes = Uint8Array.from(good);
      for (let i = 0; i < 1 + random(8); i++) {
        // Mostly in the headers, where it hurts.
        const at = round % 2 === 0 ? random(Math.min(4096, bytes.length)) : random(bytes.length);
        bytes[at] = random(2) === 0 ? (EDGES[random(EDGES.length)] as number) : random(256);
      }
      const cutOff = round % 5 === 0 ? bytes.subarray(0, random(bytes.length)) : bytes;
      try {
        const image = atOnce(Image.load(new ElfFile(cutOff), '/x', [folder]));
        for (let i = 0; i < 20; i++) image.find(random(0x20000));
      } catch (error) {
        assert.ok(error instanceof ElfError, String(error));
        refused++;
      }
      const path = join(folder, 'file');
      writeFileSync(path, cutOff);
      try {
        using binary = new Binary({ path, name: path });
        let names = 0;
        for (const found of binary.functions()) names += found.name.length;
        assert.ok(names >= 0);
        binary.usdtProbes();
        binary.function('dlopen');
      } catch (error) {
        assert.ok(error instanceof ElfError || error instanceof UsageError, String(error));
      }
    }
  } finally {
    rmSync(folder, { recursive: true });
  }
  assert.ok(refused > 20);
});

test('perf maps of garbage, of giant numbers and of ranges in ranges', () => {
  const random = randoms(2);
  const words = [
    '0',
    'ffffffffffffffff',
    '-1',
    '1e9',
    'NaN',
    '0x10',
    '7fffffffffff',
    ' ',
    '\0',
    'JS:x',
    '\u001b[31m',
    '\n',
    '1 1 a',
    'ffffffffffff 1 top',
  ];
  for (let round = 0; round < 300; round++) {
    const text = Array.from({ length: random(60) }, () => words[random(words.length)]).join(random(2) === 0 ? ' ' : '\n');
    const map = new PerfMap();
    atOnce(map.append(Buffer.from(text)));
    for (const key of [0, 1, 16, 2 ** 47, -1, Number.NaN]) map.find(key);
  }
  // Each range inside the one before: what a sweep that looks at all open ones would take hours for.
  const depth = 300_000;
  const starts = Float64Array.from({ length: depth }, (_, i) => i);
  const ends = Float64Array.from({ length: depth }, (_, i) => 2 * depth - i);
  const pieces = atOnce(cut(starts, ends));
  assert.equal(pieces.find(depth - 1), depth - 1);
  assert.equal(pieces.find(2 * depth - 2), 1);
  // The first lines win nothing when a later one covers all.
  ends.fill(4 * depth);
  assert.equal(atOnce(cut(starts, ends)).find(3 * depth), depth - 1);
});

test('kallsyms, maps and ld.so.cache of garbage', () => {
  const random = randoms(3);
  for (let round = 0; round < 300; round++) {
    const bytes = Uint8Array.from({ length: random(400) }, () => random(256));
    new Kallsyms(bytes).find(1n);
    parseMaps(Buffer.from(bytes).toString());
    parseLdSoCache(bytes);
  }
  const cache = Buffer.alloc(4096, 0xff);
  for (const magic of ['glibc-ld.so.cache1.1', 'ld.so-1.7.0']) {
    cache.write(magic);
    assert.deepEqual(parseLdSoCache(cache, 'x64'), []);
  }
});

test('pipes, devices, folders and links are not read', { skip: process.platform !== 'linux' && 'needs Linux' }, () => {
  const folder = mkdtempSync(join(tmpdir(), 'skep-files-'));
  try {
    execFileSync('mkfifo', [join(folder, 'fifo')]);
    symlinkSync('/etc/hostname', join(folder, 'link'));
    for (const path of [join(folder, 'fifo'), '/dev/zero', folder, join(folder, 'none')]) assert.equal(FileSource.tryOpen(path), undefined);
    assert.equal(FileSource.tryOpen(join(folder, 'link'), { followLinks: false }), undefined);
  } finally {
    rmSync(folder, { recursive: true });
  }
});

test('mangled names of garbage, deep nesting and great length end', () => {
  const random = randoms(4);
  const letters = '_ZNKSt3foo4barIEiRKPcTLDpsr0123456789CD';
  for (let round = 0; round < 2000; round++) {
    const name = (round % 2 === 0 ? '_Z' : '_R') + Array.from({ length: random(80) }, () => letters[random(letters.length)]).join('');
    assert.equal(typeof demangle(name), 'string');
  }
  for (const name of [
    `_Z1f${'P'.repeat(4000)}i`,
    `_Z${'N'.repeat(3000)}`,
    `_ZN${'1aI'.repeat(1300)}`,
    `_R${'NvC'.repeat(1000)}`,
    `_Z${'x'.repeat(100_000)}`,
  ])
    assert.equal(typeof demangle(name), 'string');
  // What came before has not broken it.
  assert.equal(demangle('_ZN3foo3barEi'), 'foo::bar(int)');
});
