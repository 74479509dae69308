/** What README promises of the API: its script runs and ends as it says, and its refusal reads as the API tells it. */
import assert from 'node:assert/strict';
import { readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { BPF } from '../../../src/bcc/bpf.ts';
import { leftovers, snapshot } from '../../run/leaks.ts';
import { guestSeries, kernelTest } from '../../run/needs.ts';
import { built, root } from '../../run/paths.ts';
import { start } from '../../support/command.ts';

const readme = readFileSync(join(root, 'README.md'), 'utf8');
const script = readFileSync(join(root, 'examples', 'first.mjs'), 'utf8');

test('README quotes examples/first.mjs', () => {
  assert.ok(readme.includes(`\`\`\`js\n${script.trim()}\n\`\`\`\n`), 'npm run docs:examples');
});

/** Under emulation the four hundred files of the library, read one by one, take longer than all else here. */
const here = { not: guestSeries === undefined ? undefined : 'is run on this machine only' };

kernelTest('the first script waits for Ctrl-C, prints, and leaves nothing', here, async (t) => {
  const before = await snapshot();
  // Of this machine's other processes nothing is counted.
  const mine = script.replace('struct key k = {};', `if (bpf_get_current_pid_tgid() >> 32 != ${process.pid}) return 0;\n$&`);
  assert.notEqual(mine, script);
  const file = join(built, 'examples', `first-${process.pid}.mjs`);
  writeFileSync(file, mine);
  t.after(() => rmSync(file));
  const run = start([process.execPath, file]);
  await run.sees('Hit Ctrl-C to end.\n');
  // A script that nothing keeps alive would be gone by now: its end is a turn of the event loop away.
  await assert.rejects(run.sees('never', 300), /ms went by/);
  process.kill(run.pid, 'SIGINT');
  assert.deepEqual(await run.ended, { status: 0, signal: null }, run.err());
  assert.deepEqual(await leftovers(before), []);
});

kernelTest('a refused program reads as in README', {}, async () => {
  const text = `BPF_HASH(h, u32, u64);
TRACEPOINT_PROBE(sched, sched_process_exec) {
    u32 k = 1;
    u64 *v = h.lookup(&k);
    *v += 1;
    return 0;
}`;
  // Kernels write the state of a register in different words.
  const told = (words: string): string => words.replace(/^ {2}R0 is map_value_or_null\(id=1,.*\)$/m, '  R0 is …');
  await assert.rejects(BPF.load({ text, onWarning: () => {} }), (error: Error) => {
    assert.ok(told(readme).includes(`\n\`\`\`\n${told(error.message)}\n\`\`\`\n`), error.message);
    return true;
  });
});
