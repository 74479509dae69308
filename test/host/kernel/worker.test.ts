/** Worker threads that end while they read events: the process lives on, and nothing stays open. */
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { guestSeries, kernelTest } from '../../run/needs.ts';

const SCRIPT = fileURLToPath(new URL('./reading-worker.js', import.meta.url));

kernelTest('worker threads may end in any way while they read events, and leave nothing', { btf: true, minKernel: '5.8' }, () => {
  // Each thread compiles anew, which takes an emulated processor ten seconds.
  const ends =
    guestSeries === undefined
      ? ['exit', 'throw', 'done', 'late', 'look', 'terminate', 'terminate', 'terminate', 'main']
      : ['exit', 'look', 'terminate'];
  const run = spawnSync(process.execPath, [SCRIPT, ...ends], { encoding: 'utf8', timeout: 300_000 });
  assert.deepEqual([run.status, run.signal, run.stderr], [0, null, '']);
  // What is open when a thread is terminated stays open: nothing of ours runs then.
  const said: Readonly<Record<string, readonly string[]>> = {
    exit: ['exit: 3'],
    throw: ['thrown in a worker', 'throw: 1'],
    done: ['done: 0'],
    late: ['late: 0'],
    look: ['left: 0'],
    terminate: ['terminate: 1'],
    main: [],
  };
  assert.deepEqual(
    run.stdout.trim().split('\n'),
    ends.flatMap((end) => said[end] ?? []),
  );
});
