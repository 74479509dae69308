/** How tools end when nobody reads them, and when events come faster than they are shown: only this test's own process is traced. */
import assert from 'node:assert/strict';
import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { closeSync, constants, openSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { kernelTest } from '../../run/needs.ts';
import { root } from '../../run/paths.ts';
import { start } from '../../support/command.ts';
import { inFolder } from '../../support/skep.ts';

/** A process that makes thousands of system calls a second until it is ended, and leaves an emulated processor to others. */
function busy(): ChildProcess {
  const calls = 'for (;;) { for (let i = 0; i < 30; i++) getPriority(); Atomics.wait(word, 0, 0, 5); }';
  const script = `const { getPriority } = require("os"); const word = new Int32Array(new SharedArrayBuffer(4)); ${calls}`;
  return spawn(process.execPath, ['-e', script], { stdio: 'ignore' });
}

const traced = (pid: number | undefined) => ['-v', '-p', `${pid}`, 't:syscalls:sys_enter_getpriority "%d", args->who'];
const skep = join(root, 'dist', 'cli', 'skep.js');

kernelTest('a second Ctrl-C ends a tool that nobody reads; so does Ctrl-C where events never cease; full disks', {}, async () => {
  await inFolder({}, async ({ path }) => {
    const child = busy();
    const fifo = join(path, 'fifo');
    assert.equal(spawnSync('mkfifo', [fifo]).status, 0);
    // Open for reading, and never read.
    const fd = openSync(fifo, constants.O_RDWR | constants.O_NONBLOCK);
    try {
      const unread = spawn(process.execPath, [skep, 'trace', ...traced(child.pid)], { stdio: ['ignore', fd, 'pipe'] });
      const ended = new Promise((resolve) => unread.on('close', resolve));
      let err = '';
      await new Promise<void>((resolve) =>
        unread.stderr?.on('data', (data) => {
          err += data;
          if (err.includes('ready')) resolve();
        }),
      );
      // Events come all the time: the pipe is full soon, and the ring after it.
      await pause(1500);
      unread.kill('SIGINT');
      await pause(200);
      assert.equal(unread.exitCode, null, `it gave up at the first signal: ${err}`);
      unread.kill('SIGINT');
      assert.equal(await ended, 130, err);

      const read = start([process.execPath, skep, 'trace', ...traced(child.pid)]);
      await read.sees('getpriority');
      // To Node: let somebody in.
      process.kill(read.pid, 'SIGUSR1');
      process.kill(read.pid, 'SIGINT');
      assert.deepEqual(await read.ended, { status: 0, signal: null }, read.err());
      assert.match(read.out(), /\n$/);
      assert.doesNotMatch(read.err(), /Debugger/);

      const odd = start([process.execPath, skep, 'funccount', 't:sched[:x']);
      assert.deepEqual(await odd.ended, { status: 1, signal: null });
      assert.match(odd.err(), /^skep: no functions matched by pattern t:sched\[:x$/m);

      const full = start(['sh', '-c', 'exec "$@" >/dev/full', 'sh', process.execPath, skep, 'trace', ...traced(child.pid)]);
      assert.deepEqual(await full.ended, { status: 1, signal: null });
      assert.match(full.err(), /^skep: cannot write to stdout: no space is left on the device$/m);
    } finally {
      closeSync(fd);
      child.kill('SIGKILL');
    }
  });
});
