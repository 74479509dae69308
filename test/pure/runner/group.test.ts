/** Several test files in one process: what happens in one is told of that one, and nothing keeps the next from running. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { runGroupOfFiles } from '../../run/files.ts';

test('failures, files that cannot be loaded, files that end the process: each is told of its file, the next ones run', async () => {
  const told: string[] = [];
  const errors: string[] = [];
  await runGroupOfFiles(['fixtures/broken', 'fixtures/halfway', 'fixtures/failing'], {
    onEvent: (file, { name, status, error }) => {
      told.push(`${file}: ${name}: ${status}`);
      if (error !== undefined) errors.push(error);
    },
    onMark: () => {},
    onText: () => {},
    timeLimit: 60_000,
  });
  // Whether the words on the tests before an end of the process still came out is a matter of time.
  assert.deepEqual(
    told.filter((line) => line !== 'fixtures/halfway: a: pass'),
    [
      'fixtures/broken: before: pass',
      'fixtures/broken: (the file itself): fail',
      'fixtures/halfway: (the file itself): fail',
      'fixtures/failing: fails: fail',
      'fixtures/failing: passes: pass',
    ],
  );
  assert.match(errors.join('\n'), /broken from the start.*the process ended before its tests did \(exit status 0\).*1 !== 2/s);
});

test('a process that hangs is ended, and the files behind it run', async () => {
  const told: string[] = [];
  await runGroupOfFiles(['fixtures/hanging', 'fixtures/failing'], {
    onEvent: (file, { name, status }) => told.push(`${file}: ${name}: ${status}`),
    onMark: () => {},
    onText: () => {},
    timeLimit: 5000,
  });
  assert.deepEqual(told, ['fixtures/hanging: (the file itself): fail', 'fixtures/failing: fails: fail', 'fixtures/failing: passes: pass']);
});

test('an error that comes after the last test of all is a failure', async () => {
  const told: string[] = [];
  await runGroupOfFiles(['fixtures/stray'], {
    onEvent: (file, { name, status }) => told.push(`${file}: ${name}: ${status}`),
    onMark: () => {},
    onText: () => {},
    timeLimit: 60_000,
  });
  assert.deepEqual(told, ['fixtures/stray: ends before its error: pass', 'fixtures/stray: (the file itself): fail']);
});
