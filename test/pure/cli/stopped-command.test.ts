/** A command that is held: it runs when it is let, and never otherwise, whatever becomes of the tool. */
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { setTimeout as pause } from 'node:timers/promises';
import { pathToFileURL } from 'node:url';
import { startStopped } from '../../../src/cli/stopped-command.ts';
import { root } from '../../run/paths.ts';
import { inFolder } from '../../support/skep.ts';

/** Ended, whether or not somebody has asked how. */
function over(pid: number): boolean {
  try {
    return /\) Z /.test(readFileSync(`/proc/${pid}/stat`, 'latin1'));
  } catch {
    return true;
  }
}

async function gone(pid: number): Promise<void> {
  for (let i = 0; i < 6000 && !over(pid); i++) await pause(10);
  assert.ok(over(pid));
}

test('it waits, runs when it is let, and says how it ended', async () => {
  await inFolder({}, async ({ path }) => {
    const command = await startStopped(`touch ${path}/a`);
    assert.ok(existsSync(`/proc/${command.pid}`));
    assert.equal(existsSync(`${path}/a`), false);
    command.go();
    assert.equal(await command.ended, 'status 0');
    assert.equal(existsSync(`${path}/a`), true);
    const none = await startStopped(`${path}/none`);
    none.go();
    assert.equal(await none.ended, 'status 127');
  });
});

test('a tool that fails to start, or is killed: it ends without having run', async () => {
  await inFolder({}, async ({ path }) => {
    const command = await startStopped(`touch ${path}/a`);
    command.letGo();
    await gone(command.pid);
    const module = pathToFileURL(join(root, 'build', 'src', 'cli', 'stopped-command.js')).href;
    const script = `const { startStopped } = await import('${module}'); console.log((await startStopped('touch ${path}/a')).pid); setInterval(() => {}, 1000);`;
    const tool = spawn(process.execPath, ['--input-type=module', '-e', script], { stdio: ['ignore', 'pipe', 'inherit'] });
    const pid = await new Promise<number>((resolve) => tool.stdout.once('data', (data) => resolve(Number(data))));
    assert.ok(existsSync(`/proc/${pid}`));
    tool.kill('SIGKILL');
    await gone(pid);
    assert.equal(existsSync(`${path}/a`), false);
  });
});
