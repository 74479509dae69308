/**
 * The first whole path on a real kernel: C text to histogram, and what is left when it ends.
 */
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { getPriority, tmpdir } from 'node:os';
import { join } from 'node:path';
import { BPF } from '../../../src/bcc/bpf.ts';
import { compileText } from '../../../src/bcc/compile-text.ts';
import { readTargetFacts } from '../../../src/kernel/facts.ts';
import { linuxKernel } from '../../../src/kernel/linux.ts';
import { writeObject } from '../../../src/object/write.ts';
import { hasClang } from '../../pure/c/support.ts';
import { compileBpf } from '../../pure/object/clang.ts';
import { GUEST_OBJECTS } from '../../run/guest-objects.ts';
import { leftovers, made, snapshot } from '../../run/leaks.ts';
import { kernelTest } from '../../run/needs.ts';
import { root } from '../../run/paths.ts';
import { startSkep } from '../../support/command.ts';

const CLANG_HEAD = `#define SEC(name) __attribute__((section(name), used))
static unsigned long long (*bpf_get_current_pid_tgid)(void) = (void *)14;
`;

const ROW = (low: number, high: number, count: string) => new RegExp(`^ +${low} -> ${high} +: ${count} +\\|\\**`, 'm');

kernelTest('skep demo counts the requests that it made', {}, async (t) => {
  const before = await snapshot();
  const demo = startSkep(['demo']);
  assert.deepEqual(await demo.ended, { status: 0, signal: null }, demo.err());
  if (demo.out().includes('No folder on a block device')) return t.skip('no block device below a temporary folder');
  assert.match(demo.out(), /^Tracing block I\/O\.\.\.$/m);
  assert.match(demo.out(), /\n\nProcess Name = node\n {5}Kbytes {14}: count {5}distribution\n/);
  assert.match(demo.out(), ROW(16, 31, '32'));
  assert.match(demo.out(), ROW(64, 127, '16'));
  assert.match(demo.out(), ROW(256, 511, '8'));
  // The file system may add its own small writes to the 64.
  assert.ok(Number(/ 4 -> 7 +: (\d+)/.exec(demo.out())?.[1]) >= 64, demo.out());
  assert.deepEqual(await leftovers(before), []);
});

for (const signal of ['SIGINT', 'SIGTERM', 'SIGKILL'] as const) {
  kernelTest(`${signal} leaves nothing in the kernel`, {}, async () => {
    const before = await snapshot();
    // No process has this number: it is beyond the largest.
    const tool = startSkep(['bitesize', '--pid', '4194304']);
    await tool.sees('Tracing');
    assert.notDeepEqual(await made(before), []);
    process.kill(tool.pid, signal);
    const end = await tool.ended;
    assert.deepEqual(end, signal === 'SIGKILL' ? { status: null, signal } : { status: 0, signal: null }, tool.err());
    assert.match(tool.err(), /^bitesize: warning: there is no process 4194304 now/);
    assert.deepEqual(await leftovers(before), []);
  });
}

kernelTest('an exception in the middle leaves nothing, `using` closes', {}, async () => {
  const before = await snapshot();
  await assert.rejects(async () => {
    await using b = await BPF.load({ text: 'BPF_HASH(h); TRACEPOINT_PROBE(sched, sched_process_exec) { h.increment(1); return 0; }' });
    assert.equal(b.map('h').type, 'hash');
    throw new Error('in the middle');
  }, /in the middle/);
  assert.deepEqual(await leftovers(before), []);
});

kernelTest('a program that the verifier refuses leaves nothing and is told at its line', {}, async () => {
  const before = await snapshot();
  const text = `BPF_HASH(h, u32, u64);
TRACEPOINT_PROBE(sched, sched_process_exec) {
    u32 k = 1;
    u64 *v = h.lookup(&k);
    *v += 1;
    return 0;
}`;
  await assert.rejects(
    BPF.load({ text, name: 'refused' }),
    (error: Error & { source?: { line: number; text: string }; log?: string; hint?: string; registers?: { name: string }[] }) => {
      assert.equal(error.name, 'VerifierError');
      assert.match(error.message, /^refused\.c:5:\d+: the verifier refuses program .*may be null/);
      assert.match(error.source?.text ?? '', /\*v \+= 1;/);
      assert.match(error.log ?? '', /map_value_or_null/);
      assert.match(error.hint ?? '', /if \(!p\)/);
      assert.equal(error.registers?.[0]?.name, 'R0');
      return true;
    },
  );
  assert.deepEqual(await leftovers(before), []);
});

kernelTest('unknown names are told with what there is', {}, async () => {
  await assert.rejects(BPF.load({ text: 'TRACEPOINT_PROBE(sched, sched_process_exek) { return 0; }' }), /sched_process_exec/);
  using b = await BPF.load({ text: 'BPF_HASH(counts); int f(struct __sk_buff *skb) { counts.increment(1); return 0; }' });
  assert.throws(
    () => b.map('count'),
    (error: Error & { hint?: string }) => /there is no map 'count'/.test(error.message) && /did you mean 'counts'/.test(error.hint ?? ''),
  );
  assert.throws(() => b.attachTracepoint('sched:nope', 'f'), /sched:nope/);
  assert.throws(() => b.attachRawSocket('f', 'nolink0'), /there is no interface 'nolink0'/);
  assert.throws(() => b.attachRawSocket('g', 'lo'), /there is no program 'g'/);
});

kernelTest('without privilege: the missing capability is named, no stack, status 1', { commands: ['setpriv'] }, () => {
  const run = spawnSync(
    'setpriv',
    ['--bounding-set', '-all', '--inh-caps', '-all', process.execPath, join(root, 'dist', 'cli', 'skep.js'), 'bitesize'],
    { encoding: 'utf8' },
  );
  assert.equal(run.status, 1, run.stderr);
  assert.match(run.stderr, /lacks CAP_/);
  assert.match(run.stderr, /hint: run it as root/);
  assert.doesNotMatch(run.stderr, /\n\s+at /);
});

const OBJECT = `#include <linux/bpf.h>
#include <bpf/bpf_helpers.h>
char LICENSE[] SEC("license") = "GPL";
int only = 0;
long seen = 0;
SEC("tp/syscalls/sys_enter_getpriority")
int on_getpriority(void *ctx)
{
	if (bpf_get_current_pid_tgid() >> 32 == only) __sync_fetch_and_add(&seen, 1);
	return 0;
}`;

kernelTest('objects are loaded as they are: those of skep compile, and of clang', {}, async () => {
  const before = await snapshot();
  const folder = mkdtempSync(join(tmpdir(), 'skep-object-'));
  try {
    const kernel = linuxKernel();
    const facts = readTargetFacts(kernel);
    const text = { text: OBJECT, file: 'o.bpf.c', name: 'o', defines: [], includes: [], onWarning: () => {} };
    const ours = join(folder, 'ours.bpf.o');
    const files = [ours];
    writeFileSync(ours, writeObject(compileText(text, facts, kernel)));
    // In a guest clang takes half a minute. The kernel's headers are not what this is about.
    if (process.env[GUEST_OBJECTS] === undefined && hasClang) {
      files.push(join(folder, 'clangs.o'));
      writeFileSync(files.at(-1) as string, compileBpf(OBJECT.replace(/^#include.*\n#include.*\n/, CLANG_HEAD)));
    }
    for (const file of files) {
      await using b = await BPF.load({ file, globals: { only: process.pid } });
      for (let i = 0; i < 3; i++) getPriority();
      assert.equal(b.global<bigint>('seen').value, 3n, file);
    }
    await assert.rejects(BPF.load({ file: ours, cflags: ['-DA=1'] }), /is compiled already: 'cflags' is for C text/);
  } finally {
    rmSync(folder, { recursive: true });
  }
  assert.deepEqual(await leftovers(before), []);
});
