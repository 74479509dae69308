/** How a tool's process ends: Ctrl-C, a reader that goes away, a file. Only this test's own processes are looked at. */
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { kernelTest } from '../../run/needs.ts';
import { root } from '../../run/paths.ts';
import { start, startSkep } from '../../support/command.ts';

const SKEP = `${process.execPath} ${join(root, 'dist', 'cli', 'skep.js')}`;

/** Opens a file a hundred times a second, until it is killed: as fast as it goes would take an emulated processor from the tool. */
function opener() {
  return spawn('perl', ['-e', 'for (;;) { open(F, "<", "/dev/null"); select(undef, undef, undef, 0.01) }'], { stdio: 'ignore' });
}

kernelTest('| head goes away: a quiet end with status 0; | jq and a file get whole lines', { commands: ['jq', 'perl'] }, async () => {
  const busy = opener();
  const folder = mkdtempSync(join(tmpdir(), 'skep-ends-'));
  try {
    const opens = `${SKEP} opensnoop -p ${busy.pid}`;
    const head = start(['/bin/bash', '-c', `${opens} | head -n 3; echo "status \${PIPESTATUS[0]}"`]);
    assert.deepEqual(await head.ended, { status: 0, signal: null }, head.err());
    assert.equal(head.err(), '');
    assert.match(head.out(), /^PID +COMM +FD ERR PATH\n(\d+ +perl +\d+ +0 \/dev\/null\n){2}status 0\n$/);
    const jq = start(['/bin/bash', '-c', `${opens} --json --duration 0.5 --output ${folder}/out; jq -r .path ${folder}/out | sort -u`]);
    assert.deepEqual(await jq.ended, { status: 0, signal: null }, jq.err());
    assert.equal(jq.out(), '/dev/null\n', jq.err());
    assert.match(readFileSync(`${folder}/out`, 'utf8'), /\}\n$/);
  } finally {
    busy.kill('SIGKILL');
    rmSync(folder, { recursive: true });
  }
});

kernelTest('Ctrl-C prints what was counted; a second one is not needed', { commands: ['perl'] }, async () => {
  const busy = opener();
  try {
    const tool = startSkep(['syscount', '-v', '-p', String(busy.pid)]);
    await tool.says('syscount: ready');
    await pause(500);
    process.kill(tool.pid, 'SIGINT');
    assert.deepEqual(await tool.ended, { status: 0, signal: null }, tool.err());
    assert.match(tool.out(), /^Tracing syscalls.* Ctrl\+C to quit\.\n[\s\S]*^openat +[1-9]\d*$/m, tool.out());
  } finally {
    busy.kill('SIGKILL');
  }
});

kernelTest('--output into a folder that is not there: one line, status 1', {}, async () => {
  const folder = mkdtempSync(join(tmpdir(), 'skep-ends-'));
  const path = join(folder, 'none', 'file');
  const tool = startSkep(['bitesize', '--output', path, '-p', String(process.pid)]);
  assert.deepEqual(await tool.ended, { status: 1, signal: null });
  assert.match(tool.err(), /^skep: cannot write .*\n$/);
  assert.ok(tool.err().includes(path), tool.err());
  rmSync(folder, { recursive: true });
});
