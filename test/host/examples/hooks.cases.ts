/**
 * Every example of `examples/hooks/`, one after the other in one process: each says what it saw, and leaves nothing.
 *
 * They share a network namespace of this test's own. Those that look at the whole machine run in guests only.
 */
import { existsSync } from 'node:fs';
import { test } from 'node:test';
import { linuxKernel } from '../../../src/kernel/linux.ts';
import { kernelTest } from '../../run/needs.ts';
import { checkQuoted, type Expected, runExample } from '../../support/examples.ts';
import { makeNamespace, within } from '../attach/namespace.ts';

const GUEST = { guest: true } as const;
const SDT = {
  not: ['', '/x86_64-linux-gnu'].some((folder) => existsSync(`/usr/include${folder}/sys/sdt.h`))
    ? undefined
    : 'needs sys/sdt.h (systemtap-sdt-dev)',
};

const EXAMPLES: Readonly<Record<string, Expected>> = {
  kprobe: { needs: { kprobes: true, ...GUEST }, lines: [/^this process read [1-9]\d* times$/] },
  kretprobe: { needs: { kprobes: true, ...GUEST }, lines: [/^this process read [1-9]\d\d+ bytes$/] },
  'kprobe-pattern': {
    needs: { kprobes: true, minKernel: '5.18', ...GUEST },
    lines: [/^attached to [4-6] functions with one link$/, /^[1-6] of them were called$/],
  },
  uprobe: { needs: { uprobes: true }, lines: [/^libc's getpriority was called 5 times$/] },
  uretprobe: { needs: { uprobes: true }, lines: [/^all bytes of the file came through read\(\)$/] },
  usdt: { needs: { uprobes: true, commands: ['gcc'], ...SDT }, lines: [/^apples for 20$/] },
  stacks: { needs: { uprobes: true }, lines: [/^5 times from getpriority\+0x0 \[libc[.-].*\]$/, /^node;.*getpriority 5$/] },
  tracepoint: { needs: GUEST, lines: [/^the priority of this process was asked for 1 times$/] },
  'raw-tracepoint': { needs: {}, lines: [/^[2-9]\d* different system calls$/] },
  'tp-btf': { needs: { btf: true, ...GUEST }, lines: [/^this process got a CPU [1-9]\d* times$/] },
  fentry: { needs: { fentry: true, ...GUEST }, lines: [/^this process read [1-9]\d* different files$/] },
  'fmod-ret': { needs: { fentry: true, ...GUEST }, lines: [/^no new folders for this process: EPERM$/] },
  lsm: { needs: { lsm: true, ...GUEST }, lines: [/^inode_mkdir: EACCES$/] },
  'perf-event': { needs: GUEST, lines: [/^this process was on a CPU in [1-9]\d* of about 50 samples$/] },
  'socket-filter': { needs: {}, lines: [/^[1-9]\d+ bytes went out$/] },
  xdp: { needs: {}, lines: [/^[1-9]\d* packets came in$/] },
  tc: { needs: {}, lines: [/^tcx?: [1-9]\d+ bytes went out$/] },
  cgroup: { needs: GUEST, lines: [/^port 8080: ECONNREFUSED$/, /^port 8081: EPERM$/] },
  sockops: { needs: GUEST, lines: [/^1 connections were made$/] },
  'sk-msg': { needs: {}, lines: [/^5 bytes were sent$/] },
  'sk-lookup': { needs: { minKernel: '5.9' }, lines: [/^answered on port 7001$/, /^answered on port 7999$/] },
  'flow-dissector': { needs: { btf: true, minKernel: '5.8' }, lines: [/^protocol 17 of \d+ bytes of keys$/, /^attached to .* by link$/] },
  'struct-ops': { needs: { btf: true, minKernel: '5.6', ...GUEST }, lines: [/^bpf_fixed is there: true$/, /^bpf_fixed is there: false$/] },
  netfilter: { needs: { btf: true, minKernel: '6.4' }, lines: [/^[1-9]\d* packets went out$/] },
  iterator: { needs: { btf: true, minKernel: '5.8', ...GUEST }, lines: [new RegExp(`^${process.pid} \\S`)] },
  'test-run': { needs: {}, lines: [/^returns 42, in less than a millisecond$/] },
  choose: { needs: GUEST, lines: [/^by (?:fentry|kprobe|tracepoint:syscalls):\S+: [1-9]\d* reads$/] },
};

async function inOwnNetwork(fn: () => Promise<void>): Promise<void> {
  const kernel = linuxKernel();
  const own = makeNamespace(kernel);
  try {
    await within(kernel, own.path, fn);
  } finally {
    own.close();
  }
}

test('each example is in the table, and the docs quote each', () => {
  checkQuoted('hooks', 'hooks.md', EXAMPLES);
});

for (const [name, { needs, lines }] of Object.entries(EXAMPLES)) {
  kernelTest(`example ${name}`, needs, () => inOwnNetwork(() => runExample('hooks', name, lines)));
}
