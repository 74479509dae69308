/** Handles that are kept too long, between objects whose descriptors get the same numbers. */
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { BPF } from '../../../src/bcc/bpf.ts';
import { leftovers, snapshot } from '../../run/leaks.ts';
import { kernelTest } from '../../run/needs.ts';

const FILTER = 'int f(struct __sk_buff *skb) { return 1; }';
const PACKET = { data: new Uint8Array(64) };
const programId = (fd: number): string | undefined => /prog_id:\s*(\d+)/.exec(readFileSync(`/proc/self/fdinfo/${fd}`, 'utf8'))?.[1];

kernelTest('a map is not read by a number that became another map', {}, async () => {
  const before = await snapshot();
  const arrays = (size: number) => BPF.load({ text: `struct v { u8 x[${size}]; }; BPF_ARRAY(a, struct v, 4); ${FILTER}` });
  const first = await arrays(8);
  const table = first.map('a');
  const { fd } = table;
  first.close();
  {
    using second = await arrays(16000);
    second.map('a').set(0, { x: Array(16000).fill(0x42) });
    assert.equal(second.map('a').fd, fd, 'the number is used again: what this test is about');
    assert.throws(() => table.get(0), { name: 'UsageError', message: "the map 'a' was closed" });
    assert.throws(() => [...table.entries()], /was closed/);
    assert.throws(() => first.map('b'), /was closed/);
    assert.throws(() => first.program('f', 'socket_filter'), /which program 'f' belongs to, was closed/);
  }
  assert.deepEqual(await leftovers(before), []);
});

kernelTest('an extern table outlives the object that made it; so does a map that was given', {}, async () => {
  const before = await snapshot();
  const g = 'int g(struct __sk_buff *skb) { u32 k = 2; u64 two = 2; seen.update(&k, &two); return 0; }';
  const owner = await BPF.load({ text: `BPF_TABLE_PUBLIC("hash", u32, u64, seen, 100); ${FILTER}` });
  using user = await BPF.load({ text: `BPF_TABLE("extern", u32, u64, seen, 100); ${g}` });
  using given = await BPF.load({ text: `BPF_TABLE("hash", u32, u64, seen, 100); ${g}`, maps: { seen: owner.map('seen') } });
  owner.map('seen').set(1, 1n);
  user.run('g', PACKET);
  owner.close();
  using third = await BPF.load({ text: `BPF_HASH(other, u32, u64, 100); ${FILTER}` });
  third.map('other').set(7, 7n);
  for (const b of [user, given])
    assert.deepEqual(
      [...b.map<number, bigint>('seen').entries()].sort(([a], [b]) => a - b),
      [
        [1, 1n],
        [2, 2n],
      ],
    );
  user.map('seen').set(9, 9n);
  assert.deepEqual([...third.map('other').entries()], [[7, 7n]]);
  for (const b of [user, given, third]) b.close();
  assert.deepEqual(await leftovers(before), []);
});

kernelTest('a program handle means that program, whatever the function is loaded as later', {}, async () => {
  const before = await snapshot();
  {
    const count = (slot: number) => `{ u32 k = ${slot}; hits.increment(k); return 0; }`;
    using b = await BPF.load({
      text: `BPF_PROG_ARRAY(steps, 4); BPF_ARRAY(hits, u64, 4);
int one(struct __sk_buff *skb) ${count(1)}
int two(struct __sk_buff *skb) ${count(2)}
int root(struct __sk_buff *skb) { steps.call(skb, 1); return 0; }`,
    });
    const one = b.program('one', 'socket_filter');
    const id = programId(one.fd);
    b.program('one', 'sched_cls');
    b.program('two', 'socket_filter');
    assert.equal(programId(one.fd), id);
    b.program('root', 'socket_filter');
    b.map('steps').set(1, one);
    b.run('root', PACKET);
    assert.deepEqual([...b.map<number, bigint>('hits').values()], [0n, 1n, 0n, 0n]);
  }
  assert.deepEqual(await leftovers(before), []);
});

kernelTest('maps and dialects that are none are refused', {}, async () => {
  const text = `BPF_HASH(h, u32, u64); ${FILTER}`;
  for (const fd of [undefined, -1, 1.5, Number.NaN, 2 ** 32, '5'])
    await assert.rejects(BPF.load({ text, maps: { h: { fd: fd as number } } }), {
      name: 'UsageError',
      message: /maps: 'h' has no descriptor/,
    });
  await assert.rejects(BPF.load({ text, dialect: 'nope' as 'bcc' }), { name: 'UsageError', message: /there is no dialect 'nope'/ });
});

kernelTest('a test run that a signal ends is not made again: it says so', {}, async () => {
  using b = await BPF.load({ text: 'BPF_ARRAY(n, u64, 1); int f(struct __sk_buff *skb) { u32 k = 0; n.increment(k); return 1; }' });
  const repeat = 2 ** 31 - 1;
  const nothing = (): void => {};
  process.on('SIGUSR2', nothing);
  const sender = spawn('sh', ['-c', `while kill -USR2 ${process.pid}; do sleep 0.2; done`], { stdio: 'ignore' });
  try {
    await once(sender, 'spawn');
    assert.throws(() => b.run('f', { ...PACKET, repeat }), {
      name: 'UserError',
      message: /a signal ended it after some of the 2147483647 runs/,
    });
  } finally {
    sender.kill();
    await once(sender, 'exit');
    process.off('SIGUSR2', nothing);
  }
  const runs = b.map<number, bigint>('n').get(0) ?? 0n;
  assert.ok(runs > 0n && runs < BigInt(repeat), `${runs} runs`);
  for (const wrong of [0, -1, 1.5, 2 ** 31, Number.NaN])
    assert.throws(() => b.run('f', { ...PACKET, repeat: wrong }), { name: 'UsageError', message: /repeat is 1 to 2147483647/ });
});

kernelTest('a program array with programs in it: whoever may jump there is loaded with them', { btf: true }, async () => {
  await using b = await BPF.load({
    text: `
#include "vmlinux.h"
#include <bpf/bpf_helpers.h>
int second(struct __sk_buff *skb);
int third(struct __sk_buff *skb);
struct {
	__uint(type, BPF_MAP_TYPE_PROG_ARRAY);
	__uint(max_entries, 4);
	__type(key, __u32);
	__array(values, int (void *));
} jumps SEC(".maps") = { .values = { [1] = (void *)&second, [3] = (void *)&third } };
SEC("tc") int third(struct __sk_buff *skb) { return 42; }
SEC("tc") int second(struct __sk_buff *skb) { bpf_tail_call(skb, &jumps, 3); return 2; }
SEC("tc") int first(struct __sk_buff *skb) { bpf_tail_call(skb, &jumps, 1); return 1; }
char LICENSE[] SEC("license") = "GPL";`,
  });
  assert.equal(b.run('first', PACKET).result, 42);
});

kernelTest('global variables that no program reads are there for user space', { btf: true }, async () => {
  await using b = await BPF.load({
    text: `
#include "vmlinux.h"
#include <bpf/bpf_helpers.h>
const volatile int target_pid = 0;
int hits = 3;
SEC("socket") int f(struct __sk_buff *skb) { return 1; }
char LICENSE[] SEC("license") = "GPL";`,
    globals: { target_pid: 5 },
  });
  b.loadFunc('f', 'socket_filter');
  assert.deepEqual([b.global('target_pid').value, b.global('hits').value], [5, 3]);
});
