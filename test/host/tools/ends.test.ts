/** How a tool's process ends: Ctrl-C, a reader that goes away, a file, kill -9 at any moment. Only this test's own processes are looked at. */
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { allFlags } from '../../../src/cli/parse.ts';
import { TOOL_LIST } from '../../../src/tools/index.ts';
import { leftovers, snapshot } from '../../run/leaks.ts';
import { guestSeries, kernelTest } from '../../run/needs.ts';
import { root } from '../../run/paths.ts';
import { start, startSkep } from '../../support/command.ts';

const SKEP = `${process.execPath} ${join(root, 'dist', 'cli', 'skep.js')}`;

/** Opens a file a few thousand times a second, until it is killed. */
function opener() {
  return spawn('/bin/sh', ['-c', 'while :; do : < /dev/null; done'], { stdio: 'ignore' });
}

kernelTest('| head goes away: a quiet end with status 0; | jq and a file get whole lines', { commands: ['jq'] }, async () => {
  const busy = opener();
  const folder = mkdtempSync(join(tmpdir(), 'skep-ends-'));
  try {
    const opens = `${SKEP} opensnoop -p ${busy.pid}`;
    const head = start(['/bin/bash', '-c', `${opens} | head -n 3; echo "status \${PIPESTATUS[0]}"`]);
    assert.deepEqual(await head.ended, { status: 0, signal: null }, head.err());
    assert.equal(head.err(), '');
    assert.match(head.out(), /^PID +COMM +FD ERR PATH\n(\d+ +sh +\d+ +0 \/dev\/null\n){2}status 0\n$/);
    const jq = start(['/bin/bash', '-c', `${opens} --json --duration 0.5 --output ${folder}/out; jq -r .path ${folder}/out | sort -u`]);
    assert.deepEqual(await jq.ended, { status: 0, signal: null }, jq.err());
    assert.equal(jq.out(), '/dev/null\n', jq.err());
    assert.match(readFileSync(`${folder}/out`, 'utf8'), /\}\n$/);
  } finally {
    busy.kill('SIGKILL');
    rmSync(folder, { recursive: true });
  }
});

kernelTest('Ctrl-C prints what was counted; a second one is not needed', {}, async () => {
  const tool = startSkep(['bitesize', '-v', '-p', String(process.pid)]);
  await tool.says('bitesize: ready');
  process.kill(tool.pid, 'SIGINT');
  assert.deepEqual(await tool.ended, { status: 0, signal: null }, tool.err());
  assert.equal(tool.out(), 'Tracing block I/O... Hit Ctrl-C to end.\n');
});

kernelTest('--output into a folder that is not there: one line, status 2', {}, async () => {
  const tool = startSkep(['bitesize', '--output', '/nonexistent/file']);
  assert.deepEqual(await tool.ended, { status: 2, signal: null });
  assert.match(tool.err(), /^skep: --output: .*\/nonexistent\/file.*\n$/);
});

/** 200 rounds of the acceptance with SKEP_LONG=1. */
const ROUNDS = process.env['SKEP_LONG'] === '1' ? 200 : 4;

kernelTest(
  `kill -9 at a random moment, ${ROUNDS} times over the tools: nothing stays in the kernel`,
  { timeout: 120_000 + ROUNDS * 5000 },
  async () => {
    const before = await snapshot();
    const names: string[] = [];
    for (const entry of TOOL_LIST) {
      const tool = await entry.load();
      // On a machine that is shared, only tools that can be told to look at one process; without words that must be given.
      if ((guestSeries !== undefined || allFlags(tool)['pid']?.type === 'pid') && !tool.positionals.some(({ required }) => required))
        names.push(entry.name);
    }
    for (let round = 0; round < ROUNDS; round++) {
      const name = names[Math.floor(Math.random() * names.length)] as string;
      const own = guestSeries === undefined ? ['-p', String(process.pid)] : [];
      const tool = startSkep([name, '-v', ...own]);
      const delay = Math.random() * (guestSeries === undefined ? 800 : 20_000);
      await Promise.race([tool.ended, new Promise((resolve) => setTimeout(resolve, delay))]);
      tool.child.kill('SIGKILL');
      await tool.ended;
      assert.doesNotMatch(tool.err(), /bug in skep/, `${name}\n${tool.err()}`);
    }
    assert.deepEqual(await leftovers(before), []);
  },
);
