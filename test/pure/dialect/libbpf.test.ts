import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { MapDecl, ProgramDecl } from '../../../src/compiler/c/ast.ts';
import { sizeOf } from '../../../src/compiler/c/sema/types/size.ts';
import { libbpfDialect } from '../../../src/compiler/dialect/libbpf/dialect.ts';
import { createMachine } from '../../../src/vm/machine.ts';
import { front, testFacts } from './front.ts';
import { build, PT_REGS, ptRegs } from './run.ts';

const facts = testFacts({ btf: undefined });
const HEAD = `#include <vmlinux.h>
#include <bpf/bpf_helpers.h>
enum { BPF_MAP_TYPE_HASH = 1, BPF_MAP_TYPE_ARRAY = 2, BPF_MAP_TYPE_PROG_ARRAY = 3, BPF_MAP_TYPE_ARRAY_OF_MAPS = 12, BPF_MAP_TYPE_SK_STORAGE = 24, BPF_MAP_TYPE_RINGBUF = 27 };
struct value { __u32 a; __u64 b; };
`;
function mapsOf(text: string): { maps: Map<string, MapDecl>; said: readonly string[] } {
  const { unit, said } = front(HEAD + text, libbpfDialect, facts);
  return { maps: new Map((unit?.variables ?? []).filter((v) => v.map !== undefined).map((v) => [v.name, v.map as MapDecl])), said };
}
const mapOf = (text: string): MapDecl => {
  const { maps, said } = mapsOf(text);
  assert.deepEqual(said, []);
  return maps.get('m') as MapDecl;
};

test('a map described by types', () => {
  const m = mapOf(
    'struct { __uint(type, BPF_MAP_TYPE_HASH); __uint(max_entries, 1 << 20); __uint(map_flags, 1U << 2); __type(key, __u32); __type(value, struct value); __uint(pinning, LIBBPF_PIN_BY_NAME); __uint(numa_node, 1); } m SEC(".maps");',
  );
  assert.deepEqual([m.type, m.maxEntries, m.flags, m.numaNode, m.pin], ['hash', 1 << 20, 4, 1, '/sys/fs/bpf/m']);
  assert.deepEqual([sizeOf(m.key?.type ?? { kind: 'void' }), sizeOf(m.value?.type ?? { kind: 'void' })], [4, 16]);
});

test('sizes instead of types, large numbers', () => {
  const m = mapOf('struct { __uint(type, BPF_MAP_TYPE_RINGBUF); __uint(max_entries, 256 * 1024 * 1024); } m SEC(".maps");');
  assert.deepEqual([m.type, m.maxEntries, m.key, m.value], ['ringbuf', 268435456, undefined, undefined]);
  const n = mapOf(
    'struct { __uint(type, BPF_MAP_TYPE_ARRAY); __uint(key_size, sizeof(int)); __uint(value_size, 20); __uint(max_entries, 3); __ulong(map_extra, 1ull << 44); } m SEC(".maps");',
  );
  assert.deepEqual([n.type, n.keySize, n.valueSize, n.maxEntries, n.extra], ['array', 4, 20, 3, 1n << 44n]);
});

test('maps of maps, and static slots', () => {
  const { maps, said } = mapsOf(`
    struct inner_map { __uint(type, BPF_MAP_TYPE_ARRAY); __uint(max_entries, 1); __type(key, int); __type(value, int); } one SEC(".maps"), two SEC(".maps");
    struct { __uint(type, BPF_MAP_TYPE_ARRAY_OF_MAPS); __uint(max_entries, 4); __type(key, __u32); __array(values, struct inner_map); } outer SEC(".maps") = { .values = { (void *)&one, 0, [3] = &two } };
    int SEC("xdp") prog(void *ctx) { return 0; }
    struct { __uint(type, BPF_MAP_TYPE_PROG_ARRAY); __uint(max_entries, 2); __uint(key_size, 4); __array(values, int (void *)); } progs SEC(".maps") = { .values = { [1] = (void *)&prog } };
    struct { __uint(type, BPF_MAP_TYPE_ARRAY_OF_MAPS); __uint(max_entries, 4); __type(key, __u32); __array(values, struct { __uint(type, BPF_MAP_TYPE_HASH); __uint(max_entries, 9); __type(key, int); __type(value, long); }); } anonymous SEC(".maps");`);
  assert.deepEqual(said, []);
  const { inner, values } = maps.get('outer') as MapDecl;
  assert.ok(typeof inner === 'object' && inner.type === 'array');
  assert.deepEqual(values, [
    { index: 0, name: 'one' },
    { index: 3, name: 'two' },
  ]);
  assert.deepEqual(maps.get('progs')?.values, [{ index: 1, name: 'prog' }]);
  const hidden = maps.get('anonymous')?.inner;
  assert.ok(typeof hidden === 'object' && hidden.type === 'hash' && hidden.maxEntries === 9);
});

test("maps described by numbers: before BTF, half way, and iproute2's", () => {
  const old = mapOf(
    'struct bpf_map_def SEC("maps") m = { .type = BPF_MAP_TYPE_HASH, .key_size = sizeof(__u32), .value_size = 8, .max_entries = 100, .map_flags = 1 };',
  );
  assert.deepEqual([old.type, old.keySize, old.valueSize, old.maxEntries, old.flags], ['hash', 4, 8, 100, 1]);
  const half = mapOf(
    'struct { __u32 type; __u32 map_flags; int *key; __u64 *value; } m SEC(".maps") = { .type = BPF_MAP_TYPE_SK_STORAGE, .map_flags = 1 };',
  );
  assert.deepEqual([half.type, half.flags, sizeOf(half.value?.type ?? { kind: 'void' })], ['sk_storage', 1, 8]);
  const elf = mapOf(
    'struct bpf_elf_map { __u32 type, size_key, size_value, max_elem, flags, id, pinning; }; struct bpf_elf_map SEC("maps") m = { .type = BPF_MAP_TYPE_ARRAY, .size_key = 4, .size_value = 12, .max_elem = 1, .pinning = 2 };',
  );
  assert.deepEqual([elf.type, elf.keySize, elf.valueSize, elf.maxEntries, elf.pin], ['array', 4, 12, 1, '/sys/fs/bpf/tc/globals/m']);
});

test('mistakes in maps', () => {
  const said = (text: string): string[] => mapsOf(text).said.map((s) => s.replace(/^\S+ /, ''));
  assert.deepEqual(said('struct { __uint(max_entries, 1); } m SEC(".maps");'), ["bad-map map 'm' has no type"]);
  assert.deepEqual(said('struct { __uint(type, 99); } m SEC(".maps");'), ["bad-map map 'm' has type 99, which no kernel knows"]);
  assert.deepEqual(said('struct { __uint(type, 1); __uint(max_entry, 1); } m SEC(".maps");'), [
    "bad-map map 'm': 'max_entry' is no property of a map",
  ]);
  assert.deepEqual(said('int m SEC(".maps");'), ["bad-map map 'm' must be a struct that describes it"]);
  assert.deepEqual(said('struct { __uint(type, 1); int key; } m SEC(".maps");'), [
    "bad-map map 'm': member 'key' must be written with __type()",
  ]);
  const range = 'it must be between 0 and 4294967295';
  assert.deepEqual(said('struct { __uint(type, 1); __uint(max_entries, 0x100000005ULL); } m SEC(".maps");'), [
    `bad-map-number map 'm': 4294967301 as its max_entries; ${range}`,
  ]);
  assert.match(said('struct { __uint(type, 1); __uint(max_entries, -3); } m SEC(".maps");').join(), /negative/);
  assert.equal(mapOf('struct { __uint(type, 1); __uint(max_entries, 0xffffffff); } m SEC(".maps");').maxEntries, 0xffffffff);
});

test('sections say what functions are', () => {
  const { unit, said } = front(
    `${HEAD}struct __sk_buff { __u32 len; };
    SEC("tracepoint/block/block_rq_issue") int a(void *ctx) { return 0; }
    SEC("fentry.s/vfs_read") int b(void *ctx) { return 0; }
    SEC("?kprobe/vfs_read") int c(void *ctx) { return 0; }
    SEC("xdp.frags") int d(void *ctx) { return 0; }
    SEC("socket1") int e(struct __sk_buff *skb) { return 0; }
    SEC("my_filter") int f(struct __sk_buff *skb) { return 0; }
    static int g(void *ctx) { return 0; }
    int h(void *ctx) { return g(ctx); }
    char _license[] SEC("license") = "Dual BSD/GPL";`,
    libbpfDialect,
    facts,
  );
  assert.deepEqual(said, []);
  const of = (name: string): Partial<ProgramDecl> | undefined => unit?.functions.find((x) => x.name === name)?.program;
  assert.deepEqual(of('a'), {
    type: 'tracepoint',
    section: 'tracepoint/block/block_rq_issue',
    target: 'block:block_rq_issue',
    autoAttach: true,
    autoLoad: true,
  });
  assert.deepEqual(of('b'), {
    type: 'tracing',
    attachType: 'trace_fentry',
    section: 'fentry.s/vfs_read',
    target: 'vfs_read',
    autoAttach: true,
    autoLoad: true,
    sleepable: true,
  });
  assert.equal(of('c')?.autoLoad, false);
  assert.equal(of('d')?.xdpFrags, true);
  assert.equal(of('e')?.type, 'socket_filter');
  assert.equal(of('f')?.type, 'sched_cls');
  assert.equal(of('g'), undefined);
  assert.equal(of('h'), undefined);
  assert.equal(unit?.license, 'Dual BSD/GPL');
  const bad = front(`${HEAD}SEC("what") int f(void *ctx) { return 0; }`, libbpfDialect, facts);
  assert.deepEqual(
    bad.said.map((s) => s.replace(/^\S+ /, '')),
    ['unknown-section section "what" of \'f\' does not say what kind of program it is, and neither does its context'],
  );
});

const TRACING = `${PT_REGS}#include <bpf/bpf_helpers.h>\n#include <bpf/bpf_tracing.h>\n`;

test('BPF_KPROBE and its kin name the arguments', () => {
  const machine = createMachine(
    build(
      `${TRACING}
    SEC("kprobe/x") int BPF_KPROBE(a, int n, void *p) { return n + (long)p + (ctx != 0); }
    SEC("kretprobe/x") int BPF_KRETPROBE(b, int ret) { return -ret; }
    SEC("kretprobe/x") int BPF_KRETPROBE(c) { return 7; }
    SEC("fentry/x") int BPF_PROG(d, int n, unsigned char m) { return n * 10 + m; }
    struct two { __u64 x, y; };
    SEC("fentry/x") int BPF_PROG2(e, int, n, struct two, t, int, m) { return n + t.x * 10 + t.y * 100 + m * 1000; }
    SEC("uprobe/x") int BPF_UPROBE(f, long n) { return n == PT_REGS_PARM1(ctx); }
    SEC("ksyscall/x") int BPF_KSYSCALL(g, int fd, void *at) { return fd + (long)at; }
    char license[] SEC("license") = "GPL";`,
      libbpfDialect,
    ),
  );
  const run = (name: string, ctx: Uint8Array): bigint => BigInt.asIntN(32, machine.run(name, { ctx }).r0);
  const words = (...values: bigint[]): Uint8Array => new Uint8Array(new BigUint64Array(values).buffer);
  assert.equal(run('a', ptRegs({ di: 3n, si: 40n })), 44n);
  assert.equal(run('b', ptRegs({ ax: 5n })), -5n);
  assert.equal(run('c', ptRegs({})), 7n);
  assert.equal(run('d', words(4n, 0x105n)), 45n);
  assert.equal(run('e', words(1n, 2n, 3n, 4n)), 4321n);
  assert.equal(run('f', ptRegs({ di: 9n })), 1n);
  assert.equal(run('g', ptRegs({ di: machine.region(ptRegs({ di: 2n, si: 30n })) })), 32n);
});

test('bpf_printk, BPF_SNPRINTF', () => {
  const machine = createMachine(
    build(
      `${TRACING}
    SEC("kprobe/x") int f(void *ctx) { bpf_printk("none"); bpf_printk("%d %d", 1, 2); bpf_printk("%d %d %d %d %llx", 1, 2, 3, 4, 255ull); char out[16] = {}; BPF_SNPRINTF(out, sizeof(out), "%d-%s", 42, "x"); return out[1] * 256 + out[3]; }
    char license[] SEC("license") = "GPL";`,
      libbpfDialect,
    ),
  );
  const result = machine.run('f', { ctx: new Uint8Array(8) });
  assert.deepEqual(result.printk, ['none', '1 2', '1 2 3 4 ff']);
  assert.equal(result.r0, BigInt('2'.charCodeAt(0) * 256 + 'x'.charCodeAt(0)));
});

test('BPF_CORE_READ follows pointers, reads strings and bit-fields', () => {
  const machine = createMachine(
    build(
      `${TRACING}#include <bpf/bpf_core_read.h>
    struct c { int id; char name[8]; }; struct b { long pad; struct c *c; unsigned x : 3, y : 7; int z : 5; }; struct a { int n; struct b *b; const struct c in; };
    SEC("kprobe/x") int f(struct pt_regs *ctx) {
      struct a *a = (void *)PT_REGS_PARM1(ctx); struct b *b = BPF_CORE_READ(a, b); char name[8] = {}; int id; const struct c in = BPF_CORE_READ(a, in);
      BPF_CORE_READ_STR_INTO(&name, a, b, c, name); BPF_CORE_READ_INTO(&id, a, b, c, id);
      return BPF_CORE_READ(a, b, c, id) == 77 && id == 77 && name[0] == 'h' && name[1] == 'i' && name[2] == 0 && in.id == 5
        && BPF_CORE_READ_BITFIELD_PROBED(b, y) == 100 && BPF_CORE_READ_BITFIELD_PROBED(b, z) == -3 && bpf_core_field_exists(a->b) && bpf_core_type_size(struct c) == 12;
    }
    char license[] SEC("license") = "GPL";`,
      libbpfDialect,
    ),
  );
  const c = new Uint8Array(12);
  new DataView(c.buffer).setInt32(0, 77, true);
  c.set(new TextEncoder().encode('hi'), 4);
  const b = new Uint8Array(24);
  const bView = new DataView(b.buffer);
  bView.setBigUint64(8, machine.region(c), true);
  bView.setUint32(16, 5 | (100 << 3) | ((-3 & 31) << 10), true);
  const a = new Uint8Array(32);
  new DataView(a.buffer).setBigUint64(8, machine.region(b), true);
  new DataView(a.buffer).setInt32(16, 5, true);
  assert.equal(machine.run('f', { ctx: ptRegs({ di: machine.region(a) }) }).r0, 1n);
});

test('configuration that the loader fills in may have the names of constants; printing without values', () => {
  const { said, unit } = front(
    `#include <bpf/bpf_helpers.h>
extern int CONFIG_HZ __kconfig;
extern _Bool CONFIG_BPF_SYSCALL __kconfig __weak;
struct seq_file;
int f(struct seq_file *seq) { char b[8]; BPF_SNPRINTF(b, sizeof(b), "x"); BPF_SEQ_PRINTF(seq, "text"); return CONFIG_HZ + CONFIG_BPF_SYSCALL; }`,
    libbpfDialect,
    testFacts({ btf: undefined, kconfig: () => '250' }),
  );
  assert.deepEqual(said, []);
  assert.ok(unit?.variables.some((v) => v.name === 'CONFIG_HZ' && v.storage === 'extern'));
});
