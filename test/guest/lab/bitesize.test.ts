/**
 * bitesize on a device that nobody else uses: exact counts, beside what dd says it did.
 *
 * Who issues a request is the kernel's choice. A read is issued by dd itself where the device has no scheduler. A
 * direct write waits in dd's plug until dd sleeps in Linux 6.1 (blkdev_write_iter opens a plug, and a plug that is
 * flushed from the scheduler is run by kblockd: blk_mq_dispatch_plug_list); 6.12 has no plug there. So reads are
 * counted for dd, writes whoever issued them.
 */
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { kernelTest } from '../../run/needs.ts';
import { startSkep } from '../../support/command.ts';

/** With one, requests are sorted first and issued by a kernel thread. */
function noScheduler(): void {
  writeFileSync('/sys/block/nullb0/queue/scheduler', 'none');
}

kernelTest('1024 blocks of 4 KiB by dd are 1024 in the row 4 -> 7', { guest: true, modules: ['null_blk'], commands: ['dd'] }, async () => {
  noScheduler();
  const tool = startSkep(['bitesize']);
  await tool.sees('Tracing');
  execFileSync('dd', ['if=/dev/nullb0', 'of=/dev/null', 'bs=4k', 'count=1024', 'iflag=direct'], { stdio: 'ignore' });
  process.kill(tool.pid, 'SIGINT');
  assert.deepEqual(await tool.ended, { status: 0, signal: null }, tool.err());
  const section = /Process Name = dd\n(.*\n)*?(?=\n|$)/.exec(tool.out())?.[0] ?? '';
  assert.match(section, /^ +4 -> 7 +: 1024 +\|\*{40}\|$/m, tool.out());
});

kernelTest('written blocks are counted once each, in JSON', { guest: true, modules: ['null_blk'], commands: ['dd'] }, async () => {
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
  const writers = records.filter(({ comm }) => comm === 'dd' || comm.startsWith('kworker/'));
  const counts = new Map<string, number>();
  for (const { low, high, count } of writers.flatMap(({ buckets }) => buckets))
    if (count > 0) counts.set(`${low} -> ${high}`, (counts.get(`${low} -> ${high}`) ?? 0) + count);
  assert.deepEqual([...counts], [['64 -> 127', 100]], tool.out());
});
