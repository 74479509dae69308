/** Error numbers and system call numbers against the machine's headers and Node's own table. */
import assert from 'node:assert/strict';
import { existsSync, readFileSync } from 'node:fs';
import { constants } from 'node:os';
import { test } from 'node:test';
import { ERRNO, errnoName, errnoNumber } from '../../../src/kernel/errno.ts';
import { syscallTable } from '../../../src/kernel/syscalls.ts';

test('error names and numbers agree with Node', () => {
  let compared = 0;
  for (const [name, number] of Object.entries(constants.errno)) {
    // Second names of EAGAIN and EOPNOTSUPP.
    if (name === 'EWOULDBLOCK' || name === 'ENOTSUP') continue;
    assert.equal(errnoNumber(name), number, name);
    assert.equal(errnoName(number), name);
    compared++;
  }
  assert.ok(compared > 70);
  assert.equal(errnoName(524), 'ENOTSUPP');
  assert.equal(errnoNumber('ENOTSUPP'), 524);
  assert.equal(errnoName(41), 'E41');
  assert.equal(errnoNumber('E41'), undefined);
  assert.equal(errnoNumber('-'), undefined);
  for (const [name, number] of Object.entries(ERRNO)) assert.equal(errnoNumber(name), number);
});

const TABLES = [
  ['x64', '/usr/include/x86_64-linux-gnu/asm/unistd_64.h', /^#define __NR_(\w+) (\d+)/gm],
  ['arm64', '/usr/include/asm-generic/unistd.h', /^#define __NR(?:3264)?_(\w+) (\d+)/gm],
] as const;

for (const [arch, header, pattern] of TABLES) {
  const missing = existsSync(header) ? false : `${header} is not there`;
  if (missing !== false && process.env['CI'] === 'true') throw new Error(`cannot run: ${missing}`);
  test(`system call numbers of ${arch} are those of the header`, { skip: missing }, () => {
    const theirs = new Map([...readFileSync(header, 'utf8').matchAll(pattern)].map((m) => [m[1] ?? '', Number(m[2])] as const));
    const ours = syscallTable(arch);
    assert.ok(ours);
    for (const [name, number] of Object.entries(ours)) assert.equal(number, theirs.get(name), name);
  });
}

test('an architecture without a table is undefined', () => {
  assert.equal(syscallTable('mips'), undefined);
});
