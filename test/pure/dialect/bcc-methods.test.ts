/** Methods of tables, by what they do: programs run in the user-space machine. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { bccDialect } from '../../../src/compiler/dialect/bcc/dialect.ts';
import { CALL, CLASS, JMP } from '../../../src/isa/insn.ts';
import type { Machine } from '../../../src/vm/machine.ts';
import { createMachine } from '../../../src/vm/machine.ts';
import { build, PT_REGS, tryBuild } from './run.ts';

const machineOf = (text: string): Machine => createMachine(build(PT_REGS + text, bccDialect));
const u32 = (n: number): Uint8Array => new Uint8Array(new Uint32Array([n]).buffer);
const u64 = (n: bigint): Uint8Array => new Uint8Array(new BigUint64Array([n]).buffer);
const value = (m: Machine, map: string, key: Uint8Array): bigint | undefined => {
  const found = m.map(map).get(key);
  return found === undefined ? undefined : new DataView(found.buffer, found.byteOffset).getBigUint64(0, true);
};
const run = (m: Machine, name = 'f'): bigint => BigInt.asIntN(32, m.run(name, { ctx: new Uint8Array(168) }).r0);

test('update, lookup, insert, delete', () => {
  const m = machineOf(`BPF_HASH(t, u32, u64);
    int put(struct pt_regs *ctx) { u32 k = 1; u64 v = 7; return t.update(&k, &v); }
    int add(struct pt_regs *ctx) { u32 k = 1; u64 v = 9; return t.insert(&k, &v); }
    int get(struct pt_regs *ctx) { u32 k = 1; u64 *p = t.lookup(&k); return p ? *p : -1; }
    int drop(struct pt_regs *ctx) { u32 k = 1; t.delete(&k); return 0; }`);
  assert.equal(run(m, 'get'), -1n);
  assert.equal(run(m, 'add'), 0n);
  assert.equal(run(m, 'get'), 9n);
  // BPF_NOEXIST
  assert.equal(run(m, 'add'), -17n);
  assert.equal(run(m, 'put'), 0n);
  assert.equal(run(m, 'get'), 7n);
  run(m, 'drop');
  assert.equal(run(m, 'get'), -1n);
});

test("lookup gives a pointer to the value's type", () => {
  const m = machineOf(
    'struct v { u32 a; u32 b; }; BPF_ARRAY(t, struct v, 2); int f(struct pt_regs *ctx) { int k = 1; struct v x = { 3, 4 }; t.update(&k, &x); struct v *p = t.lookup(&k); return p ? p->b : 0; }',
  );
  assert.equal(run(m), 4n);
  const direct = machineOf(
    'BPF_ARRAY(t, u32, 2); int f(struct pt_regs *ctx) { int k = 1; u32 x = 5; t.update(&k, &x); u32 *p; return (p = t.lookup(&k)) ? *(u32 *)p : 0; }',
  );
  assert.equal(run(direct), 5n);
});

test('lookup_or_try_init makes what is missing', () => {
  const m = machineOf(
    'BPF_HASH(t, u32, u64); int f(struct pt_regs *ctx) { u32 k = 1; u64 zero = 40, *p = t.lookup_or_try_init(&k, &zero); if (p) (*p)++; return p ? *p : -1; }',
  );
  assert.equal(run(m), 41n);
  assert.equal(run(m), 42n);
  const full = machineOf(
    'BPF_HASH(t, u32, u64, 1); int f(struct pt_regs *ctx) { u64 zero = 0; u32 k = 1; t.update(&k, &zero); k = 2; return t.lookup_or_try_init(&k, &zero) == 0; }',
  );
  assert.equal(run(full), 1n);
});

test('lookup_or_init returns from the function when there is no room', () => {
  const m = machineOf(
    'BPF_HASH(t, u32, u64, 1); int f(struct pt_regs *ctx) { u64 zero = 0; u32 k = 1; *t.lookup_or_init(&k, &zero) += 5; k = 2; *t.lookup_or_init(&k, &zero) += 5; return 1; }',
  );
  assert.equal(run(m), 0n);
  assert.equal(value(m, 't', u32(1)), 5n);
});

test('increment inserts into a hash, and only there', () => {
  const m = machineOf(`BPF_HASH(h, u32); BPF_ARRAY(a, u64, 4); BPF_TABLE("lru_hash", u32, u64, l, 4);
    int f(struct pt_regs *ctx) { h.increment(3); h.increment(3, 10); a.increment(2); a.increment(9); l.increment(1); h.atomic_increment(4); h.atomic_increment(4, 5); return 0; }`);
  assert.equal(run(m), 0n);
  assert.equal(value(m, 'h', u32(3)), 11n);
  assert.equal(value(m, 'h', u32(4)), 6n);
  assert.equal(value(m, 'a', u32(2)), 1n);
  assert.equal(value(m, 'l', u32(1)), undefined);
});

test('increment with a struct for a key, by value', () => {
  const m = machineOf(
    'struct k { u32 pid; u32 slot; }; BPF_HISTOGRAM(d, struct k); int f(struct pt_regs *ctx) { struct k k = { .pid = 7, .slot = bpf_log2l(4096) }; d.increment(k); d.increment(k); return 0; }',
  );
  run(m);
  assert.equal(value(m, 'd', u64(7n | (13n << 32n))), 2n);
});

test('the arguments of a method are evaluated once', () => {
  const m = machineOf('BPF_HASH(h, u32); int f(struct pt_regs *ctx) { u32 i = 1; h.increment(i++, i++); return i; }');
  assert.equal(run(m), 3n);
  assert.equal(value(m, 'h', u32(1)), 2n);
});

test('methods work inside macros', () => {
  const m = machineOf(
    'BPF_HASH(h, u32);\n#define COUNT(table, key) table.increment(key)\nint f(struct pt_regs *ctx) { COUNT(h, 5); return 0; }',
  );
  run(m);
  assert.equal(value(m, 'h', u32(5)), 1n);
});

test('queues', () => {
  const m = machineOf(
    'BPF_QUEUE(q, u64, 4); int f(struct pt_regs *ctx) { u64 v = 3, w = 0; q.push(&v, 0); v = 4; q.push(&v, 0); q.peek(&w); u64 x = w; q.pop(&w); q.pop(&w); return x * 10 + w; }',
  );
  assert.equal(run(m), 34n);
});

test('records that programs submit are noted', () => {
  const spec = build(
    `${PT_REGS}struct data_t { u32 pid; char comm[16]; }; BPF_PERF_OUTPUT(e); BPF_RINGBUF_OUTPUT(r, 2); BPF_RINGBUF_OUTPUT(s, 2);
    int f(struct pt_regs *ctx) { struct data_t d = {}; e.perf_submit(ctx, &d, sizeof(d)); r.ringbuf_output(&d, sizeof(d), 0);
      struct data_t *p = s.ringbuf_reserve(sizeof(struct data_t)); if (!p) return 0; p->pid = 1; s.ringbuf_submit(p, 0); return 0; }`,
    bccDialect,
  );
  for (const name of ['e', 'r', 's']) {
    const types = spec.maps.get(name)?.recordTypes ?? [];
    assert.equal(types.length, 1, name);
    const type = spec.btf?.type(types[0] as number);
    assert.ok(type?.kind === 'struct' && type.name === 'data_t', name);
  }
});

/** The helper that each of the remaining methods calls, with the map as the argument where the kernel wants it. */
const CALLS: Readonly<Record<string, readonly [string, string, number]>> = {
  perf_submit: ['BPF_PERF_OUTPUT(m);', 'm.perf_submit(ctx, &x, 8)', 25],
  perf_submit_skb: ['BPF_PERF_OUTPUT(m);', 'm.perf_submit_skb(ctx, 64, &x, 8)', 25],
  perf_read: ['BPF_PERF_ARRAY(m, 2);', 'm.perf_read(0)', 22],
  perf_counter_value: ['BPF_PERF_ARRAY(m, 2);', 'm.perf_counter_value(0, (void *)&x, 8)', 55],
  get_stackid: ['BPF_STACK_TRACE(m, 8);', 'm.get_stackid(ctx, 0)', 27],
  call: ['BPF_PROG_ARRAY(m, 8);', 'm.call(ctx, 1)', 12],
  check_current_task: ['BPF_CGROUP_ARRAY(m, 1);', 'm.check_current_task(0)', 37],
  redirect_map: ['BPF_DEVMAP(m, 1);', 'm.redirect_map(0, 0)', 51],
  ringbuf_output: ['BPF_RINGBUF_OUTPUT(m, 1);', 'm.ringbuf_output(&x, 8, 0)', 130],
  ringbuf_query: ['BPF_RINGBUF_OUTPUT(m, 1);', 'm.ringbuf_query(0)', 134],
  sock_map_update: ['BPF_SOCKMAP(m, 2);', 'm.sock_map_update(ctx, (void *)&x, 0)', 53],
  sock_hash_update: ['BPF_SOCKHASH(m);', 'm.sock_hash_update(ctx, (void *)&x, 0)', 70],
  msg_redirect_hash: ['BPF_SOCKHASH(m);', 'm.msg_redirect_hash(ctx, (void *)&x, 0)', 71],
  sk_redirect_hash: ['BPF_SOCKHASH(m);', 'm.sk_redirect_hash(ctx, (void *)&x, 0)', 72],
  sk_storage_get: ['BPF_SK_STORAGE(m, u64);', 'm.sk_storage_get(ctx, 0, 1) != 0', 107],
  sk_storage_delete: ['BPF_SK_STORAGE(m, u64);', 'm.sk_storage_delete(ctx)', 108],
  inode_storage_get: ['BPF_INODE_STORAGE(m, u64);', 'm.inode_storage_get(ctx, 0, 1) != 0', 145],
  inode_storage_delete: ['BPF_INODE_STORAGE(m, u64);', 'm.inode_storage_delete((void *)ctx)', 146],
  task_storage_get: ['BPF_TASK_STORAGE(m, u64);', 'm.task_storage_get(ctx, 0, 1) != 0', 156],
  task_storage_delete: ['BPF_TASK_STORAGE(m, u64);', 'm.task_storage_delete(ctx)', 157],
  get_local_storage: ['BPF_CGROUP_STORAGE(m, u64);', 'm.get_local_storage(0) != 0', 81],
};
for (const [name, [declaration, call, helper]] of Object.entries(CALLS)) {
  test(`${name} calls helper ${helper}`, () => {
    const { spec, said } = tryBuild(`${declaration} int f(void *ctx) { u64 x = 1; return ${call}; }`, bccDialect);
    assert.deepEqual(
      said.filter((s) => !s.includes('bpf_perf_event_value')),
      [],
    );
    const fn = spec?.functions.get('f');
    const calls = fn?.insns.flatMap((i) => (i.op === (CLASS.JMP | JMP.CALL) && i.src === CALL.HELPER ? [i.imm] : [])) ?? [];
    assert.ok(calls.includes(helper), `${calls.join()}`);
    assert.ok(fn?.refs.some((r) => r.to.kind === 'map' && r.to.map === 'm'));
  });
}

test('mistakes', () => {
  const said = (text: string): readonly string[] => tryBuild(text, bccDialect).said;
  assert.deepEqual(said('BPF_HASH(h); int f(void *ctx) { h.lokup(0); return 0; }'), [
    "1:35 unknown-method tables have no method 'lokup'; did you mean 'lookup'?",
  ]);
  assert.deepEqual(said('BPF_HASH(h); int f(void *ctx) { return h.get_stackid(ctx, 0); }'), [
    "1:42 wrong-map-kind 'get_stackid' does not work on 'h', a map of type hash; it is for stack_trace",
  ]);
  assert.deepEqual(said('BPF_HASH(h); int f(void *ctx) { h.update(0); return 0; }'), [
    "1:35 bad-argument-count 'update' takes 2 arguments; found 1",
  ]);
  assert.deepEqual(said('BPF_ARRAY(h); int f(void *ctx) { int k = 0; u64 v = 0; h.insert(&k, &v); return 0; }'), [
    "1:58 useless-insert insert() never does anything on 'h': all keys of an array are there",
  ]);
  assert.deepEqual(said('struct s { int a; } x; int f(void *ctx) { x.lookup(1); return 0; }').length, 1);
});
