/** The runner sees what a test file leaves behind, and does not take what others do for it. */
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import { join } from 'node:path';
import { test } from 'node:test';
import { runFile } from '../../run/files.ts';
import { runKernelFile } from '../../run/kernel-file.ts';
import { leftovers, made, snapshot } from '../../run/leaks.ts';
import { guestSeries, kernelTest } from '../../run/needs.ts';
import { built } from '../../run/paths.ts';
import { withMark } from '../../run/processes.ts';
import type { TestEvent } from '../../run/result.ts';

kernelTest('descriptors and mappings with the stack that opened them, processes, objects of the kernel', {}, async () => {
  const events: TestEvent[] = [];
  await runKernelFile('fixtures/leaky', {
    onEvent: (event) => events.push(event),
    onText: () => {},
    timeLimit: 600_000,
    sourceMaps: true,
  });
  const holder = /process (\d+) \(.*holder\.js\)/.exec(errorOf('processes left running'));
  process.kill(Number(holder?.[1]));
  assert.deepEqual(
    events.filter(({ status }) => status === 'pass').map(({ name }) => name.replace(/ .*/, '')),
    ['leaves', 'closes', 'leaves'],
  );
  const descriptors = errorOf('descriptors left open');
  for (const [what, by] of [
    ['bpf MAP_CREATE', 'leaveMap'],
    ['file /dev/null', 'leaveFile'],
    ['perf_event_open', 'leavePerfEvent'],
    ['mapping of 8192 bytes', 'leavePerfEvent'],
  ])
    assert.match(descriptors, new RegExp(`${what}\\b[^\\n]*\\n(?: +at .*\\n)*? +at ${by} .*leaky\\.test\\.ts:\\d+`));
  assert.equal(descriptors.match(/, opened$/gm)?.length, 4, descriptors);
  assert.match(errorOf('leaks'), /^left: map \d+ \(hash skep_held\)$/);

  function errorOf(name: string): string {
    return events.find((event) => event.name === name)?.error ?? `(nothing named '${name}': ${JSON.stringify(events)})`;
  }
});

kernelTest('what another process holds is not a leak, what a child of the test holds is', { commands: ['setsid'] }, async (t) => {
  const before = await snapshot();
  const holder = join(built, 'test', 'fixtures', 'holder.js');
  // An orphan with another mark: nothing leads from this test to it.
  const stranger = await started('sh', ['-c', `setsid ${process.execPath} ${holder} &`], withMark(randomUUID()));
  t.after(() => process.kill(stranger));
  if (guestSeries === undefined) assert.deepEqual(await made(before), []);
  // In a guest there are no others.
  else assert.match((await made(before)).join(), /^map \d+ \(hash skep_held\)$/);
  const between = await snapshot();
  const child = await started(process.execPath, [holder], process.env);
  assert.match((await made(between)).join(), /^map \d+ \(hash skep_held\)$/);
  process.kill(child);
  assert.deepEqual(await leftovers(between), []);
});

test('a process that ends before its tests do, with status 0, is a failure', async () => {
  const events: TestEvent[] = [];
  await runFile('fixtures/halfway', { onEvent: (event) => events.push(event), onText: () => {}, timeLimit: 60_000 });
  // Whether the words on the tests before still came out is a matter of time.
  assert.match(events.at(-1)?.error ?? '', /^the process ended before its tests did \(exit status 0\)$/);
});

/** Starts the holder and waits until it holds; its pid. */
function started(command: string, words: readonly string[], env: NodeJS.ProcessEnv): Promise<number> {
  const child = spawn(command, words, { stdio: ['ignore', 'pipe', 'inherit'], env });
  return new Promise((resolve, reject) => {
    child.on('error', reject);
    child.stdout.on('data', (data: Buffer) => resolve(Number(data.toString())));
  });
}
