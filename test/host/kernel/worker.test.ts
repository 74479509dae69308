/** Worker threads that end while they read events: the process lives on, and nothing stays open. */
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { kernelTest } from '../../run/needs.ts';

const SCRIPT = fileURLToPath(new URL('./reading-worker.js', import.meta.url));

kernelTest('worker threads may end in any way while they read events, and leave nothing', { btf: true, minKernel: '5.8' }, () => {
  const ends = ['exit', 'throw', 'done', 'late', 'look', 'terminate', 'terminate', 'terminate', 'main'];
  const run = spawnSync(process.execPath, [SCRIPT, ...ends], { encoding: 'utf8', timeout: 300_000 });
  assert.deepEqual([run.status, run.signal, run.stderr], [0, null, '']);
  // What is open when a thread is terminated stays open: nothing of ours runs then.
  const expected = 'exit: 3,thrown in a worker,throw: 1,done: 0,late: 0,left: 0,terminate: 1,terminate: 1,terminate: 1'.split(',');
  assert.deepEqual(run.stdout.trim().split('\n'), expected);
});
