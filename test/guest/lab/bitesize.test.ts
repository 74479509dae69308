/** bitesize on a device that nobody else uses: exact counts, beside what dd says it did. */
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { kernelTest } from '../../run/needs.ts';
import { startSkep } from '../../support/command.ts';

/** Without a scheduler a request is issued by the process that made it, and not by a kernel thread later. */
function noScheduler(): void {
  writeFileSync('/sys/block/nullb0/queue/scheduler', 'none');
}

kernelTest('1024 blocks of 4 KiB by dd are 1024 in the row 4 -> 7', { guest: true, modules: ['null_blk'], commands: ['dd'] }, async () => {
  noScheduler();
  const tool = startSkep(['bitesize']);
  await tool.sees('Tracing');
  execFileSync('dd', ['if=/dev/zero', 'of=/dev/nullb0', 'bs=4k', 'count=1024', 'oflag=direct'], { stdio: 'ignore' });
  process.kill(tool.pid, 'SIGINT');
  assert.deepEqual(await tool.ended, { status: 0, signal: null }, tool.err());
  const section = /Process Name = dd\n(.*\n)*?(?=\n|$)/.exec(tool.out())?.[0] ?? '';
  assert.match(section, /^ +4 -> 7 +: 1024 +\|\*{40}\|$/m, tool.out());
});

kernelTest('the same as JSON', { guest: true, modules: ['null_blk'], commands: ['dd'] }, async () => {
  noScheduler();
  const tool = startSkep(['bitesize', '--json', '-v']);
  // Nothing is printed in JSON mode before the end: -v says on stderr when it is attached.
  for (let tries = 0; !tool.err().includes('attached') && tries < 600; tries++) await new Promise((resolve) => setTimeout(resolve, 100));
  execFileSync('dd', ['if=/dev/zero', 'of=/dev/nullb0', 'bs=64k', 'count=100', 'oflag=direct'], { stdio: 'ignore' });
  process.kill(tool.pid, 'SIGINT');
  await tool.ended;
  const records = tool
    .out()
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line) as { comm: string; buckets: { low: number; high: number; count: number }[] });
  const buckets = records.find(({ comm }) => comm === 'dd')?.buckets ?? [];
  assert.deepEqual(
    buckets.filter(({ count }) => count > 0),
    [{ low: 64, high: 127, count: 100 }],
  );
});
