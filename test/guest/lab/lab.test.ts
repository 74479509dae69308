/** The lab itself: what a guest must offer to the tests. */
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { release } from 'node:os';
import { guestSeries, kernelTest } from '../../run/needs.ts';

kernelTest('the guest is the kernel that was asked for', { guest: true }, () => {
  assert.ok(release().startsWith(`${guestSeries}.`), release());
});

kernelTest('file systems of the kernel are mounted, the host is read-only below an overlay', { guest: true }, () => {
  const mounts = readFileSync('/proc/mounts', 'utf8');
  for (const type of ['tracefs', 'debugfs', 'bpf', 'cgroup2', 'overlay']) assert.match(mounts, new RegExp(` ${type} `));
  assert.ok(existsSync('/sys/kernel/tracing/events/block/block_rq_issue/format'));
  writeFileSync('/etc/skep-lab-was-here', 'only in the overlay');
});

kernelTest('null_blk, veth, loop, tun and network namespaces work', { guest: true, modules: ['null_blk', 'veth', 'loop', 'tun'] }, () => {
  assert.ok(existsSync('/dev/nullb0'));
  execFileSync('ip', ['netns', 'add', 'skep-lab']);
  execFileSync('ip', ['link', 'add', 'va', 'type', 'veth', 'peer', 'name', 'vb', 'netns', 'skep-lab']);
  execFileSync('ip', ['link', 'del', 'va']);
  execFileSync('ip', ['netns', 'del', 'skep-lab']);
});

kernelTest('the loopback device is up', { guest: true, commands: ['ping'] }, () => {
  execFileSync('ping', ['-c', '1', '-W', '5', '127.0.0.1']);
});
