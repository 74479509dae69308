/** Probes in user space: counts of what a program of this test does, which are known beforehand. */
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { BPF } from '../../../src/bcc/bpf.ts';
import { USDT } from '../../../src/bcc/usdt.ts';
import { kernelTest } from '../../run/needs.ts';
import { sharedVictim } from './victim.ts';

const ROUNDS = 5;
const needs = { uprobes: true, commands: ['gcc'] };
const ready = existsSync('/usr/include/sys/sdt.h') || existsSync('/usr/include/x86_64-linux-gnu/sys/sdt.h');

const COUNT = `BPF_ARRAY(counts, u64, 8);
int hit(struct pt_regs *ctx) { u32 k = 0; counts.increment(k); return 0; }
int result(struct pt_regs *ctx) { u32 k = 1; counts.increment(k, PT_REGS_RC(ctx)); return 0; }
int argument(struct pt_regs *ctx, int x) { u32 k = 2; counts.increment(k, x); return 0; }`;
const counted = (b: BPF, index = 0) => Number(b.map<number, bigint>('counts').get(index));

kernelTest('a function by name: entry, argument, result', needs, async () => {
  const victim = sharedVictim();
  using b = await BPF.load({ text: COUNT });
  const attached = b.attachUprobe({ name: victim.path, sym: 'alpha_one' }, 'hit');
  b.attachUprobe({ name: victim.path, sym: 'alpha_one' }, 'argument');
  b.attachUretprobe({ name: victim.path, sym: 'alpha_two' }, 'result');
  victim.run(ROUNDS);
  assert.equal(counted(b), ROUNDS);
  assert.equal(counted(b, 2), 0 + 1 + 2 + 3 + 4);
  assert.equal(counted(b, 1), 5 * (0 + 1 + 2 + 3 + 4 + 5 + 6 + 7 + 8 + 9));
  assert.equal(attached.target, `${victim.path}:alpha_one`);
  attached.detach();
  victim.run(ROUNDS);
  assert.equal(counted(b), ROUNDS);
});

kernelTest('by pattern, by address, behind the start, in one process', needs, async () => {
  const victim = sharedVictim();
  using b = await BPF.load({ text: COUNT });
  using pattern = b.attachUprobe({ name: victim.path, symRe: /alpha_.*/ }, 'hit');
  victim.run(ROUNDS);
  assert.equal(counted(b), 3 * ROUNDS);
  pattern.detach();
  b.map('counts').clear();

  // nm is asked for addresses, so that not our own reading is compared with itself.
  const symbols = execFileSync('nm', [victim.path]).toString();
  const address = BigInt(`0x${/^([0-9a-f]+) t hidden$/m.exec(symbols)?.[1]}`);
  using at = b.attachUprobe({ name: victim.path, addr: address }, 'hit');
  victim.run(ROUNDS);
  assert.equal(counted(b), ROUNDS);
  at.detach();
  b.map('counts').clear();

  // From here to alpha_two by its distance.
  const [one, two] = ['alpha_one', 'alpha_two'].map((f) => BigInt(`0x${new RegExp(`^([0-9a-f]+) T ${f}$`, 'm').exec(symbols)?.[1]}`));
  using off = b.attachUprobe({ name: victim.path, sym: 'alpha_one', symOff: Number((two as bigint) - (one as bigint)) }, 'hit');
  victim.run(ROUNDS);
  assert.equal(counted(b), 2 * ROUNDS);
  off.detach();
  b.map('counts').clear();

  using other = b.attachUprobe({ name: victim.path, sym: 'alpha_one', pid: process.pid }, 'hit');
  victim.run(ROUNDS);
  assert.equal(counted(b), 0);
  other.detach();
});

kernelTest('a library by its bare name, for this process: its calls are counted', needs, async () => {
  using b = await BPF.load({ text: COUNT });
  for (const name of ['c', 'libc', 'libc.so.6']) {
    using attached = b.attachUprobe({ name, sym: 'getpriority', pid: process.pid }, 'hit');
    assert.match(attached.target, /libc.*:getpriority$/);
  }
  // Without a pid the loader's own table says which file is meant, also for other architectures' neighbours.
  using attached = b.attachUprobe({ name: 'c', sym: 'getpriority', pid: process.pid }, 'hit');
  const { getPriority } = await import('node:os');
  for (let i = 0; i < ROUNDS; i++) getPriority();
  assert.equal(counted(b), ROUNDS);
  attached.detach();
});

kernelTest('what is not there is named, with what is near', needs, async () => {
  const victim = sharedVictim();
  using b = await BPF.load({ text: COUNT });
  assert.throws(() => b.attachUprobe({ name: victim.path, sym: 'alpha_oen' }, 'hit'), /no function 'alpha_oen'/);
  assert.throws(() => b.attachUprobe({ name: `${victim.path}.not`, sym: 'x' }, 'hit'), /there is no file/);
  assert.throws(() => b.attachUprobe({ name: 'skep_no_such_library', sym: 'x' }, 'hit'), /no library or command/);
  assert.throws(() => b.attachUprobe({ name: victim.path, symRe: /nothing_like_it/ }, 'hit'), /no function .* matches/);
  assert.throws(() => b.attachUprobe({ name: victim.path, addr: 0x10n }, 'hit'), /no code at address 0x10/);
  assert.throws(() => b.attachUprobe({ name: victim.path }, 'hit'), /needs one of/);
  assert.throws(() => b.attachUprobe({ name: `${victim.folder}/main.c`, sym: 'x' }, 'hit'), /not an ELF file/);
});

kernelTest('USDT: every place of a probe, its arguments, semaphores', { ...needs, minKernel: '5.15' }, async (t) => {
  const victim = sharedVictim();
  if (!ready) return t.skip('needs sys/sdt.h (systemtap-sdt-dev)');
  const usdt = new USDT({ path: victim.path });
  assert.deepEqual(usdt.probes.map((p) => `${p.provider}:${p.name} ${p.locations.length}`).sort(), [
    'skep:guarded 1',
    'skep:mark 2',
    'skep:typed 1',
  ]);
  usdt.enableProbe('mark', 'on_mark').enableProbe('skep:typed', 'on_typed').enableProbe('guarded', 'on_guarded');
  using b = await BPF.load({
    text: `BPF_ARRAY(counts, u64, 8);
BPF_ARRAY(args, s64, 8);
BPF_HASH(texts, u64, u64);
int on_mark(struct pt_regs *ctx) {
  long v = 0; u64 text = 0; char buf[8] = {};
  bpf_usdt_readarg(1, ctx, &v);
  bpf_usdt_readarg_p(2, ctx, &buf, 7);
  u32 k = 0; counts.increment(k);
  k = 1; counts.increment(k, v);
  u64 key = 0; __builtin_memcpy(&key, buf, 8);
  texts.increment(key);
  return 0;
}
int on_typed(struct pt_regs *ctx) {
  signed char c = 0; unsigned short s = 0; int i = 0; long p = 0; int m = 0; long l = 0; int g = 0;
  bpf_usdt_readarg(1, ctx, &c); bpf_usdt_readarg(2, ctx, &s); bpf_usdt_readarg(3, ctx, &i); bpf_usdt_readarg(4, ctx, &p);
  bpf_usdt_readarg(5, ctx, &m); bpf_usdt_readarg(6, ctx, &l); bpf_usdt_readarg(7, ctx, &g);
  s64 all[7] = { c, s, i, p, m, l, g };
  for (u32 k = 0; k < 7; k++) { u32 key = k; args.update(&key, &all[k]); }
  return 0;
}
int on_guarded(struct pt_regs *ctx) { u32 k = 2; counts.increment(k); return 0; }`,
    usdt: [usdt],
  });
  assert.deepEqual(
    b.attached.map((a) => [a.kind, a.target]),
    [
      ['usdt', 'skep:mark'],
      ['usdt', 'skep:typed'],
      ['usdt', 'skep:guarded'],
    ],
  );
  victim.run(ROUNDS);
  assert.equal(counted(b, 0), 3 * ROUNDS);
  // 0..4, and 101..110 from the other place.
  assert.equal(counted(b, 1), 10 + 1055);
  assert.deepEqual(
    [...b.map<number, bigint>('args').values()].slice(0, 7).map(Number),
    [-3, 65000, -70000, 1234567, -5, 0x123456789ab, 4711],
  );
  const text = (key: bigint) => Buffer.from(BigUint64Array.of(key).buffer).toString().replace(/\0.*$/s, '');
  assert.deepEqual(Object.fromEntries([...b.map<bigint, bigint>('texts').entries()].map(([k, n]) => [text(k), Number(n)])), {
    first: ROUNDS,
    second: 2 * ROUNDS,
  });
  // The program passes that probe only while somebody listens.
  assert.equal(counted(b, 2), ROUNDS);
});

kernelTest('SEC("uprobe/…") of an object, and a place in words', needs, async () => {
  const { path, run } = sharedVictim();
  const text = `#include <linux/bpf.h>
#include <bpf/bpf_helpers.h>
struct { __uint(type, BPF_MAP_TYPE_ARRAY); __uint(max_entries, 8); __type(key, __u32); __type(value, __u64); } counts SEC(".maps");
SEC("uprobe/${path}:alpha_one") int hit(void *ctx) { __u32 k = 0; __u64 *v = bpf_map_lookup_elem(&counts, &k); if (v) (*v)++; return 0; }
char LICENSE[] SEC("license") = "GPL";`;
  {
    using b = await BPF.load({ text });
    run(ROUNDS);
    assert.equal(counted(b), ROUNDS);
  }
  using b = await BPF.load({ text: COUNT });
  b.attachTo('hit', `${path}:alpha_two`);
  run(ROUNDS);
  assert.equal(counted(b), 2 * ROUNDS);
  b.attachTo('hit', 'c:getpriority');
  assert.equal(b.attached.length, 2);
});
