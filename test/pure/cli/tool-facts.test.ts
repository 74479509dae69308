/** Numbers and names that tools know, beside what this system says they are. */
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { existsSync, mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { linuxKernel } from '../../../src/kernel/linux.ts';
import { capabilityName } from '../../../src/tools/parts/capabilities.ts';
import { Disks } from '../../../src/tools/parts/disks.ts';
import { fileNumber } from '../../../src/tools/parts/file-number.ts';
import { OPEN_FLAGS, openFlagMask } from '../../../src/tools/parts/open-flags.ts';
import { joinPath } from '../../../src/tools/parts/path.ts';
import { pattern } from '../../../src/tools/parts/patterns.ts';
import { signalName } from '../../../src/tools/parts/signals.ts';
import { userId } from '../../../src/tools/parts/users.ts';

const perl = existsSync('/usr/bin/perl');

test("flags of open(2) have perl's numbers, which are the C library's", { skip: perl ? false : 'perl is not installed' }, () => {
  for (const name of Object.keys(OPEN_FLAGS)) {
    let theirs: string;
    try {
      theirs = execFileSync('perl', ['-MFcntl', '-e', `print Fcntl::${name}()`], { encoding: 'utf8', stdio: ['ignore', 'pipe', 'ignore'] });
    } catch {
      // perl does not know O_PATH and the like.
      continue;
    }
    // To the C library O_LARGEFILE is nothing on 64 bits: it is always meant.
    if (name !== 'O_LARGEFILE') assert.equal(OPEN_FLAGS[name as keyof typeof OPEN_FLAGS], Number(theirs), name);
  }
  assert.equal(openFlagMask(['O_WRONLY', 'O_CREAT']), 0o101);
  assert.throws(
    () => openFlagMask(['O_WRNLY']),
    (error: Error & { hint?: string }) => /no flag 'O_WRNLY'/.test(error.message) && /O_WRONLY/.test(error.hint ?? ''),
  );
  assert.throws(() => openFlagMask(['O_RDONLY']), /no bit/);
});

test("signals have bash's names", () => {
  for (let number = 1; number < 32; number++) {
    const name = execFileSync('bash', ['-c', `kill -l ${number}`], { encoding: 'utf8' }).trim();
    const mine = signalName(number).slice(3);
    // Two names for one signal.
    assert.ok(
      mine === name || `${mine} ${name}`.match(/^(POLL IO|IO POLL|IOT ABRT|ABRT IOT|UNUSED SYS|SYS UNUSED|CLD CHLD|STKFLT \d+)$/),
      `${number}: ${mine}, ${name}`,
    );
  }
  assert.equal(signalName(34), 'SIGRTMIN+2');
  assert.equal(signalName(99), 'unknown');
});

const header = '/usr/include/linux/capability.h';

test("capabilities have the kernel's numbers", { skip: existsSync(header) ? false : 'the headers of the kernel are not installed' }, () => {
  let count = 0;
  for (const [, name = '', number] of readFileSync(header, 'utf8').matchAll(/^#define\s+(CAP_[A-Z_]+)\s+(\d+)$/gm)) {
    count++;
    assert.equal(capabilityName(Number(number)), name);
  }
  assert.ok(count >= 40);
  assert.equal(capabilityName(63), '?');
});

test('users by name and number', () => {
  const kernel = linuxKernel();
  assert.equal(userId(kernel, 'root'), 0);
  assert.equal(userId(kernel, '1234'), 1234);
  const nobody = Number(execFileSync('id', ['-u', 'nobody'], { encoding: 'utf8' }));
  assert.equal(userId(kernel, 'nobody'), nobody);
  assert.throws(() => userId(kernel, 'no-such-user'), /there is no user 'no-such-user'/);
});

test('inode and device of a file, as stat has them', () => {
  const folder = mkdtempSync(join(tmpdir(), 'skep-number-'));
  writeFileSync(join(folder, 'f'), '');
  const { ino, dev } = statSync(join(folder, 'f'));
  // The C library packs a device number in another way than the kernel.
  const major = ((dev >>> 8) & 0xfff) >>> 0;
  const minor = (dev & 0xff) | ((dev >>> 12) & 0xfff00);
  assert.deepEqual(fileNumber(linuxKernel(), join(folder, 'f')), { inode: ino, dev: major * 2 ** 20 + minor });
  assert.throws(() => fileNumber(linuxKernel(), join(folder, 'g')), /ENOENT/);
  rmSync(folder, { recursive: true });
});

test('disks by number and name, as sysfs has them', () => {
  const disks = new Disks(linuxKernel());
  const lines = readFileSync('/proc/diskstats', 'utf8').trim().split('\n').filter(Boolean);
  for (const line of lines) {
    const [, , name = ''] = line.trim().split(/\s+/);
    const [major, minor] = readFileSync(`/sys/class/block/${name}/dev`, 'utf8').trim().split(':').map(Number) as [number, number];
    assert.equal(disks.name(major * 2 ** 20 + minor), name);
    assert.equal(disks.number(`/dev/${name}`), major * 2 ** 20 + minor);
  }
  assert.equal(disks.name(4095 * 2 ** 20), '?');
  assert.throws(() => disks.number('nodisk9'), /there is no disk 'nodisk9'/);
});

test('paths from the root', () => {
  const names = (text: string) => new TextEncoder().encode(text);
  assert.equal(joinPath(names('src\0skep\0home\0\0'), 'a/b'), '/home/skep/src/a/b');
  assert.equal(joinPath(names('\0'), 'a'), '/a');
  assert.equal(joinPath(names('src\0\0'), ''), '');
  assert.equal(joinPath(names(''), 'a'), 'a');
});

test('a regular expression that is none is told by its flag', () => {
  assert.throws(() => pattern('name', '('), /--name: .*regular expression/i);
  assert.equal(pattern('name', undefined), undefined);
});
