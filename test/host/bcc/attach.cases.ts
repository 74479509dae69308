/** The attach methods of `BPF`: each program counts what this test makes happen, in its own process. */
import assert from 'node:assert/strict';
import { existsSync } from 'node:fs';
import { getPriority } from 'node:os';
import { BPF } from '../../../src/bcc/bpf.ts';
import { leftovers, snapshot } from '../../run/leaks.ts';
import { kernelTest } from '../../run/needs.ts';

const SYSCALL = process.arch === 'x64' ? '__x64_sys_getpriority' : '__arm64_sys_getpriority';
const ROUNDS = 7;
const BODY = `{ if (bpf_get_current_pid_tgid() >> 32 == ${process.pid}) { u32 k = 0; counts.increment(k); } return 0; }`;
const head = (program: string): string => `BPF_ARRAY(counts, u64, 1);\n${program}`;

function counted(b: BPF): bigint | undefined {
  for (let i = 0; i < ROUNDS; i++) getPriority();
  return b.map<number, bigint>('counts').get(0);
}

kernelTest('kfuncs: by themselves by name, by hand with a target', { fentry: true, guest: true }, async () => {
  const before = await snapshot();
  {
    using b = await BPF.load({ text: head(`KFUNC_PROBE(${SYSCALL}) ${BODY}`) });
    assert.deepEqual(
      b.attached.map(({ kind, target }) => [kind, target]),
      [['fentry', SYSCALL]],
    );
    assert.equal(counted(b), BigInt(ROUNDS));
  }
  for (const method of ['attachKfunc', 'attachKretfunc'] as const) {
    using b = await BPF.load({ text: head(`KFUNC_PROBE(do_nanosleep) ${BODY}`), autoAttach: false });
    b[method]('kfunc__vmlinux__do_nanosleep', SYSCALL);
    assert.equal(counted(b), BigInt(ROUNDS), method);
  }
  assert.deepEqual(await leftovers(before), []);
});

/** The tracepoints of 9p are in a module, and a guest's files come by 9p: a name that nobody asked for before is a walk. */
kernelTest('BTF tracepoints of a module: by name alone, and with the module', { btf: true, guest: true, modules: ['9pnet'] }, async () => {
  const before = await snapshot();
  const event = '9p_client_req';
  const TWALK = 110;
  const walks = (b: BPF): bigint => {
    for (let i = 0; i < ROUNDS; i++) existsSync(`/usr/skep-${performance.now()}-${i}`);
    return b.map<number, bigint>('counts').get(0) ?? 0n;
  };
  const body = BODY.replace('{ if (', `{ if (type == ${TWALK} && `);
  const text = head(`BTF_TRACEPOINT_PROBE(${event}, struct p9_client *client, s8 type, int tag) ${body}`);
  {
    using b = await BPF.load({ text });
    assert.deepEqual(
      b.attached.map(({ kind, target }) => [kind, target]),
      [['tp_btf', event]],
    );
    assert.ok(walks(b) >= ROUNDS);
    assert.ok(walks(b) >= 2 * ROUNDS);
  }
  {
    using b = await BPF.load({ text, autoAttach: false });
    const attached = b.attachTpBtf(`btf_tracepoint__${event}`, `9pnet:${event}`);
    assert.equal(attached.target, `9pnet:${event}`);
    assert.ok(walks(b) >= ROUNDS);
    assert.throws(() => b.attachTpBtf(`btf_tracepoint__${event}`, `overlay:${event}`), /no tracepoint '9p_client_req'/);
  }
  assert.equal(BPF.chooseProbes([{ probes: [`tp_btf:9pnet:${event}`] }])?.probes[0], `tp_btf:9pnet:${event}`);
  assert.deepEqual(await leftovers(before), []);
});

kernelTest('kprobes and kretprobes: by themselves and by hand, also several on one program', { kprobes: true }, async () => {
  {
    using b = await BPF.load({
      text: head(`int kprobe__${SYSCALL}(struct pt_regs *ctx) ${BODY}\nint kretprobe__${SYSCALL}(struct pt_regs *ctx) ${BODY}`),
    });
    assert.equal(counted(b), BigInt(2 * ROUNDS));
  }
  using b = await BPF.load({ text: head(`int f(struct pt_regs *ctx) ${BODY}`) });
  assert.equal(b.attached.length, 0);
  b.attachKprobe(SYSCALL, 'f');
  b.attachKretprobe(SYSCALL, 'f');
  assert.equal(counted(b), BigInt(2 * ROUNDS));
  assert.throws(() => b.attachKprobe('there_is_no_such_function', 'f'), /cannot be probed/);
});

kernelTest('SEC("ksyscall/…") finds the function of the architecture', { kprobes: true, btf: true }, async () => {
  const text = `#include <linux/bpf.h>
#include <bpf/bpf_helpers.h>
struct { __uint(type, BPF_MAP_TYPE_ARRAY); __uint(max_entries, 1); __type(key, __u32); __type(value, __u64); } counts SEC(".maps");
SEC("ksyscall/getpriority") int f(void *ctx) { __u32 k = 0; __u64 *v; if (bpf_get_current_pid_tgid() >> 32 != ${process.pid}) return 0; v = bpf_map_lookup_elem(&counts, &k); if (v) (*v)++; return 0; }
char LICENSE[] SEC("license") = "GPL";`;
  using b = await BPF.load({ text });
  assert.equal(counted(b), BigInt(ROUNDS));
});

kernelTest('perf events on this process', {}, async () => {
  using b = await BPF.load({ text: head(`int f(struct bpf_perf_event_data *ctx) { u32 k = 0; counts.increment(k); return 0; }`) });
  b.attachPerfEvent({ event: 'cpu_clock', frequency: 1000, pid: process.pid }, 'f');
  for (const end = Date.now() + 200; Date.now() < end; );
  assert.ok((b.map<number, bigint>('counts').get(0) ?? 0n) > 0n);
});

kernelTest('places in words', {}, async () => {
  using b = await BPF.load({
    text: head(
      `int t(struct tracepoint__syscalls__sys_enter_getpriority *args) ${BODY}\nint p(struct bpf_perf_event_data *ctx) { return 0; }`,
    ),
  });
  b.attachTo('t', 'syscalls:sys_enter_getpriority');
  assert.equal(counted(b), BigInt(ROUNDS));
  assert.throws(() => b.attachTo('p', 'no_such_event@99'), /expected event@times-a-second/);
  assert.throws(() => b.attachTo('p', 'cpu_clock'), /expected event@times-a-second/);
  assert.throws(() => b.attachTo('q', 'x'), /there is no program 'q'/);
});

/** Whole keys and values, as bytes: what reading it gives is what was put in. */
const ELEMENTS = `#include "vmlinux.h"
#include <bpf/bpf_helpers.h>
struct { __uint(type, BPF_MAP_TYPE_HASH); __uint(max_entries, 4); __type(key, u32); __type(value, u64); } numbers SEC(".maps");
SEC("iter/bpf_map_elem") int walk(struct bpf_iter__bpf_map_elem *ctx)
{
	struct seq_file *seq = ctx->meta->seq;
	u32 *key = ctx->key;
	u64 *value = ctx->value;
	if (key && value)
		BPF_SEQ_PRINTF(seq, "%u=%llu\\n", *key, *value);
	return 0;
}
char LICENSE[] SEC("license") = "GPL";`;

kernelTest('an iterator over a map waits to be told which', { btf: true, readKernel: true, minKernel: '5.10' }, async () => {
  using b = await BPF.load({ text: ELEMENTS.replace('bpf_helpers.h>', 'bpf_helpers.h>\n#include <bpf/bpf_tracing.h>') });
  assert.deepEqual(b.attached, []);
  assert.throws(() => b.attachIterator('walk'), /this iterator needs a map/);
  const numbers = b.map<number, bigint>('numbers');
  numbers.set(7, 49n);
  numbers.set(8, 64n);
  const text = Buffer.concat([...b.readIterator(b.attachIterator('walk', { map: numbers.fd }))]).toString();
  assert.deepEqual(text.trim().split('\n').sort(), ['7=49', '8=64']);
});
