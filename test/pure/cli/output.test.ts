/** Where output goes: readers that are slow, gone or asleep, full disks. */
import assert from 'node:assert/strict';
import { spawn, spawnSync } from 'node:child_process';
import { closeSync, constants, openSync, readSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { setTimeout as pause } from 'node:timers/promises';
import { fileSink } from '../../../src/cli/sink.ts';
import { root } from '../../run/paths.ts';
import { inFolder } from '../../support/skep.ts';

const SKEP = join(root, 'dist', 'cli', 'skep.js');
const TEXT = 'int f(struct __sk_buff *skb) { return 0; }\n';

/** Commands that print, each in its own way. */
const COMMANDS: readonly (readonly string[])[] = [
  ['--help'],
  ['--version'],
  ['bitesize', '--help'],
  ['bitesize', '--print-program'],
  ['tools', '--json'],
  ['explain'],
  ['completion', 'bash'],
  ['compile', '--emit', 'asm', 'p.c'],
];

test('a full disk behind stdout: one line, status 1', () => {
  inFolder({ 'p.c': TEXT }, ({ path }) => {
    for (const words of COMMANDS) {
      const full = openSync('/dev/full', 'w');
      const { status, stderr } = spawnSync(process.execPath, [SKEP, ...words], {
        cwd: path,
        encoding: 'utf8',
        stdio: ['ignore', full, 'pipe'],
      });
      closeSync(full);
      assert.deepEqual([status, stderr], [1, 'skep: cannot write to stdout: no space is left on the device\n'], words.join(' '));
    }
  });
});

test('a reader that has gone: a quiet end; a stderr that has gone is no reason to fail', async () => {
  await inFolder({ 'p.c': TEXT }, async ({ path }) => {
    for (const words of [...COMMANDS, ['nosuchtool']]) {
      const child = spawn(process.execPath, [SKEP, ...words], { cwd: path, stdio: ['ignore', 'pipe', 'pipe'] });
      const wrong = words[0] === 'nosuchtool';
      // Long before Node has started.
      (wrong ? child.stderr : child.stdout).destroy();
      let err = '';
      child.stderr.on('data', (data) => {
        err += data;
      });
      const status = await new Promise((resolve) => child.on('close', resolve));
      assert.deepEqual([status, err], [wrong ? 2 : 0, ''], words.join(' '));
    }
  });
});

function fifo(path: string): { readonly path: string; readonly fd: number } {
  const name = join(path, 'fifo');
  assert.equal(spawnSync('mkfifo', [name]).status, 0);
  return { path: name, fd: openSync(name, constants.O_RDWR | constants.O_NONBLOCK) };
}

test('a slow reader gets every byte in order, and the event loop turns meanwhile', async () => {
  await inFolder({}, async ({ path }) => {
    const pipe = fifo(path);
    const sink = fileSink(pipe.path, () => assert.fail('it has not gone'));
    let expected = '';
    for (let i = 0; i < 40; i++) {
      const line = `${i} ${'x'.repeat(10_000)}\n`;
      expected += line;
      assert.equal(sink.write(line), true);
    }
    assert.ok(sink.drained?.() !== undefined, 'a pipe holds 64 KiB');
    let drained = false;
    void sink.drained?.()?.then(() => {
      drained = true;
    });
    const bytes = Buffer.alloc(30_000);
    let got = '';
    while (got.length < expected.length) {
      await pause(1);
      try {
        got += bytes.toString('latin1', 0, readSync(pipe.fd, bytes));
      } catch (error) {
        assert.equal((error as NodeJS.ErrnoException).code, 'EAGAIN');
      }
    }
    assert.equal(got, expected);
    await pause(10);
    assert.equal(drained, true);
    assert.equal(sink.failure, undefined);
    closeSync(pipe.fd);
  });
});

test('a reader that never reads is given up when it is time to end, and that is said', async () => {
  await inFolder({}, async ({ path }) => {
    const pipe = fifo(path);
    let ended = 0;
    const sink = fileSink(pipe.path, () => ended++);
    sink.write('x'.repeat(200_000));
    const drained = sink.drained?.();
    sink.hurry(20);
    await drained;
    assert.equal(ended, 1);
    assert.match(sink.failure?.message ?? '', /was not read to its end/);
    assert.equal(sink.write('more'), false);
    closeSync(pipe.fd);
  });
});

test('a full disk behind --output is a failure that has a name', () => {
  let ended = 0;
  const sink = fileSink('/dev/full', () => ended++);
  assert.equal(sink.write('x'), false);
  assert.equal(ended, 1);
  assert.match(sink.failure?.message ?? '', /cannot write to the file of --output, \/dev\/full: no space is left on the device/);
});
