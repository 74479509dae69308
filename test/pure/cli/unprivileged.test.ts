/** The command of a user who is not root: what is said, and with which status. Nothing can be loaded here, whatever is wrong. */
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { join } from 'node:path';
import { test } from 'node:test';
import { onDevice } from '../../../src/cli/mounts.ts';
import { root } from '../../run/paths.ts';

const NOBODY = 65534;
const SUDO = / {2}hint: run it as root \(sudo\)/;

interface Case {
  readonly words: readonly string[];
  readonly status: number;
  readonly says: RegExp;
}

const CASES: readonly Case[] = [
  // A privilege is not a lack of the kernel.
  { words: ['opensnoop'], status: 1, says: SUDO },
  { words: ['funccount', 't:syscalls:x'], status: 1, says: SUDO },
  // What was typed cannot be: wrong usage.
  { words: ['execsnoop', '-n', '*('], status: 2, says: /--name: Invalid regular expression/ },
  { words: ['tcplife', '-L', '70000'], status: 2, says: /'70000' is no port/ },
  { words: ['syscount', '-e', 'NOPE'], status: 2, says: /not 'NOPE'/ },
  { words: ['syscount', '--syscall', 'nope'], status: 2, says: /no system call 'nope'/ },
  { words: ['memleak', '-c', ''], status: 2, says: /the command is empty/ },
  { words: ['compile', '-'], status: 2, says: /-o FILE/ },
  { words: ['profile', '-F', '99999999999'], status: 2, says: /from 1 to 4294967295/ },
  // What was asked for could not be done.
  {
    words: ['opensnoop', '--output', '/proc/nowhere/x'],
    status: 1,
    says: /file of --output, \/proc\/nowhere\/x: there is no such file or folder\n/,
  },
  { words: ['opensnoop', '--output', '/tmp'], status: 1, says: /cannot write the file of --output, \/tmp: it is a folder\n/ },
  // What is quoted does nothing to a terminal.
  { words: ['\x1b[31mx'], status: 2, says: /'\\x1b\[31mx'/ },
  { words: ['trace', 'u:/\x1b[31mx:y'], status: 1, says: /\\x1b\[31mx/ },
  { words: ['run', '\x1b[31m.c'], status: 1, says: /\\x1b\[31m\.c/ },
];

test('without root: what is missing is named, wrong words end with 2, other failures with 1', () => {
  const as = process.geteuid?.() === 0 ? { uid: NOBODY, gid: NOBODY } : {};
  for (const { words, status, says } of CASES) {
    const run = spawnSync(process.execPath, [join(root, 'dist', 'cli', 'skep.js'), ...words], {
      ...as,
      cwd: '/',
      encoding: 'utf8',
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    assert.match(run.stderr, says, words.join(' '));
    assert.equal(run.status, status, words.join(' '));
    assert.doesNotMatch(run.stderr, /bug in skep|\x1b/, words.join(' '));
  }
});

test('a folder lies on a block device if what is mounted there last does', () => {
  const mounts = `22 1 8:1 / / rw,relatime - ext4 /dev/sda1 rw
23 22 0:21 / /tmp rw - tmpfs tmpfs rw,size=1g
24 22 0:30 / /home rw - btrfs /dev/sdb rw
25 24 0:31 / /home/a\\040b rw shared:1 - tmpfs tmpfs rw
26 22 0:40 / /var rw - ext4 /dev/sdc rw
27 22 0:41 / /var rw - tmpfs none rw
28 22 0:50 / /merged rw - overlay overlay rw,lowerdir=/a,upperdir=/up\\040per,workdir=/w
`;
  const below = (folder: string) => folder === '/up per';
  const where = (folder: string) => onDevice(mounts, folder, below);
  assert.deepEqual(['/root', '/tmp', '/tmp/x', '/tmpfile', '/home/u', '/home/a b', '/home/a b/c', '/var/tmp', '/merged/x'].map(where), [
    true,
    false,
    false,
    true,
    true,
    false,
    false,
    false,
    true,
  ]);
  assert.equal(
    onDevice(mounts, '/merged', () => false),
    false,
  );
});
