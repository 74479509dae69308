import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { MapDecl } from '../../../src/compiler/c/ast.ts';
import { sizeOf } from '../../../src/compiler/c/sema/types/size.ts';
import { bccDialect } from '../../../src/compiler/dialect/bcc/dialect.ts';
import { mapProblems } from '../../../src/object/map-types.ts';
import { front, testFacts } from './front.ts';

const facts = testFacts({ btf: undefined, possibleCpus: 4 });
const PREFIX = 'struct key_t { u32 a; char b[12]; };\n';

function mapsOf(text: string): { maps: Map<string, MapDecl>; said: readonly string[] } {
  const { unit, said } = front(PREFIX + text, bccDialect, facts);
  return { maps: new Map((unit?.variables ?? []).filter((v) => v.map !== undefined).map((v) => [v.name, v.map as MapDecl])), said };
}

/** type, key bytes, value bytes, entries, flags */
type Shape = readonly [string, number, number, number, number];
const shape = (m: MapDecl): Shape => [
  m.type,
  m.keySize ?? (m.key ? (sizeOf(m.key.type) ?? -1) : -1),
  m.valueSize ?? (m.value ? (sizeOf(m.value.type) ?? -1) : -1),
  m.maxEntries,
  m.flags,
];

/** From BCC's reference guide. */
const TABLE: Readonly<Record<string, Shape>> = {
  'BPF_TABLE("hash", u32, u64, m, 16);': ['hash', 4, 8, 16, 0],
  'BPF_F_TABLE("hash", u32, u64, m, 16, BPF_F_X);': ['hash', 4, 8, 16, 1],
  'BPF_HASH(m);': ['hash', 8, 8, 10240, 0],
  'BPF_HASH(m, u32);': ['hash', 4, 8, 10240, 0],
  'BPF_HASH(m, struct key_t);': ['hash', 16, 8, 10240, 0],
  'BPF_HASH(m, struct key_t, u16);': ['hash', 16, 2, 10240, 0],
  'BPF_HASH(m, u32, struct key_t, 1 << 4);': ['hash', 4, 16, 16, 0],
  'BPF_HASH(m, u32, char[20], 3);': ['hash', 4, 20, 3, 0],
  'BPF_ARRAY(m);': ['array', 4, 8, 10240, 0],
  'BPF_ARRAY(m, u32);': ['array', 4, 4, 10240, 0],
  'BPF_ARRAY(m, struct key_t, 3);': ['array', 4, 16, 3, 0],
  'BPF_PERCPU_HASH(m, u32, u64, 5);': ['percpu_hash', 4, 8, 5, 0],
  'BPF_PERCPU_ARRAY(m, u64, 5);': ['percpu_array', 4, 8, 5, 0],
  'BPF_HISTOGRAM(m);': ['array', 4, 8, 64, 0],
  'BPF_HISTOGRAM(m, int, 10);': ['array', 4, 8, 10, 0],
  'BPF_HISTOGRAM(m, u32);': ['hash', 4, 8, 10240, 0],
  'BPF_HISTOGRAM(m, struct key_t);': ['hash', 16, 8, 10240, 0],
  'BPF_HISTOGRAM(m, struct key_t, 64);': ['hash', 16, 8, 64, 0],
  'BPF_STACK_TRACE(m, 1024);': ['stack_trace', 4, 127 * 8, 1024, 0],
  'BPF_STACK_TRACE(m, 1000);': ['stack_trace', 4, 127 * 8, 1024, 0],
  'BPF_STACK_TRACE_BUILDID(m, 8);': ['stack_trace', 4, 127 * 32, 8, 32],
  'BPF_LPM_TRIE(m, struct key_t, u32, 7);': ['lpm_trie', 16, 4, 7, 1],
  'BPF_PERF_OUTPUT(m);': ['perf_event_array', 4, 4, 4, 0],
  'BPF_RINGBUF_OUTPUT(m, 8);': ['ringbuf', 0, 0, 8 * 4096, 0],
  'BPF_PERF_ARRAY(m, 4);': ['perf_event_array', 4, 4, 4, 0],
  'BPF_CGROUP_ARRAY(m, 2);': ['cgroup_array', 4, 4, 2, 0],
  'BPF_PROG_ARRAY(m, 9);': ['prog_array', 4, 4, 9, 0],
  'BPF_DEVMAP(m, 3);': ['devmap', 4, 4, 3, 0],
  'BPF_CPUMAP(m, 3);': ['cpumap', 4, 4, 3, 0],
  'BPF_XSKMAP(m, 3);': ['xskmap', 4, 4, 3, 0],
  'BPF_XSKMAP(m, 3, "/sys/fs/bpf/x");': ['xskmap', 4, 4, 3, 0],
  'BPF_QUEUE(m, struct key_t, 5);': ['queue', 0, 16, 5, 0],
  'BPF_STACK(m, u32, 5, 0);': ['stack', 0, 4, 5, 0],
  'BPF_SK_STORAGE(m, struct key_t);': ['sk_storage', 4, 16, 0, 1],
  'BPF_INODE_STORAGE(m, u64);': ['inode_storage', 4, 8, 0, 1],
  'BPF_TASK_STORAGE(m, u64);': ['task_storage', 4, 8, 0, 1],
  'BPF_SOCKMAP(m, 5);': ['sockmap', 4, 4, 5, 0],
  'BPF_SOCKHASH(m);': ['sockhash', 4, 4, 10240, 0],
  'BPF_SOCKHASH(m, struct key_t, 5);': ['sockhash', 16, 4, 5, 0],
  'BPF_CGROUP_STORAGE(m, u64);': ['cgroup_storage', 16, 8, 0, 0],
  'BPF_PERCPU_CGROUP_STORAGE(m, u64);': ['percpu_cgroup_storage', 16, 8, 0, 0],
  'BPF_TABLE_PINNED("hash", u64, u64, m, 1024, "/sys/fs/bpf/m");': ['hash', 8, 8, 1024, 0],
  'BPF_TABLE_PINNED("hash", u64, u64, m, 1024, "/sys/fs/bpf/m", 1);': ['hash', 8, 8, 1024, 1],
  'BPF_TABLE_PUBLIC("array", int, u64, m, 4);': ['array', 4, 8, 4, 0],
  'BPF_TABLE_SHARED("array", int, u64, m, 4);': ['array', 4, 8, 4, 0],
  'BPF_TABLE("lru_hash", u32, u64, m, 16);': ['lru_hash', 4, 8, 16, 0],
  'BPF_TABLE("lru_percpu_hash", u32, u64, m, 16);': ['lru_percpu_hash', 4, 8, 16, 0],
  'BPF_TABLE("extern", u32, u64, m, 16);': ['hash', 4, 8, 16, 0],
};

for (const [text, expected] of Object.entries(TABLE)) {
  test(text, () => {
    const { maps, said } = mapsOf(`enum { BPF_F_X = 1 }; ${text}`);
    assert.deepEqual(said, []);
    const map = maps.get('m') as MapDecl;
    assert.deepEqual(shape(map), expected);
    const [type, keySize, valueSize, maxEntries, flags] = shape(map);
    assert.deepEqual(mapProblems({ type, keySize, valueSize, maxEntries, flags }), [], 'the kernel would take it');
  });
}

test('what the kernel does not know stands beside it', () => {
  const { maps, said } = mapsOf(`BPF_HISTOGRAM(h); BPF_PERF_OUTPUT(e); BPF_PERF_ARRAY(p, 4);
    BPF_TABLE_PINNED("hash", u64, u64, pinned, 1024, "/sys/fs/bpf/m"); BPF_TABLE_PUBLIC("array", int, u64, shown, 4);
    BPF_TABLE("extern", u32, u64, other, 16); BPF_HASH(inner, u32, u64, 8); BPF_ARRAY_OF_MAPS(outer, "inner", 10);
    BPF_HASH_OF_MAPS(outer2, struct key_t, "inner", 10); BPF_HASH_OF_MAPS(outer3, "inner");`);
  assert.deepEqual(said, []);
  const get = (name: string): MapDecl => maps.get(name) as MapDecl;
  assert.deepEqual([get('h').role, get('e').role, get('p').role], ['histogram', 'perf_output', 'perf_array']);
  assert.equal(get('pinned').pin, '/sys/fs/bpf/m');
  assert.equal(get('shown').sharing, 'public');
  assert.equal(get('other').sharing, 'extern');
  assert.deepEqual(shape(get('outer')), ['array_of_maps', 4, 4, 10, 0]);
  assert.deepEqual(shape(get('outer2')), ['hash_of_maps', 16, 4, 10, 0]);
  assert.deepEqual(shape(get('outer3')), ['hash_of_maps', 4, 4, 10240, 0]);
  assert.equal(get('outer').inner, get('inner'));
});

test('mistakes', () => {
  assert.deepEqual(
    mapsOf('BPF_TABLE("hahs", u32, u64, m, 16);').said.map((s) => s.replace(/^\S+ /, '')),
    ["unknown-map-kind map 'm': there is no kind of table 'hahs'"],
  );
  assert.deepEqual(
    mapsOf('BPF_ARRAY_OF_MAPS(m, "none", 1);').said.map((s) => s.replace(/^\S+ /, '')),
    ["undefined-table map 'm' is to hold maps like 'none', and no such table is declared before it"],
  );
  assert.deepEqual(
    mapsOf('int n; BPF_HASH(m, u32, u64, n);').said.map((s) => s.replace(/^\S+ /, '')),
    ["not-constant argument of attribute 'skep_map' must be an integer constant"],
  );
  const number = (text: string): string[] => mapsOf(text).said.map((s) => s.replace(/^\S+ /, ''));
  const range = 'it must be between 0 and 4294967295';
  assert.deepEqual(number('BPF_ARRAY(m, u64, 0x100000005ULL);'), [`bad-map-number map 'm': 4294967301 as its entries; ${range}`]);
  assert.deepEqual(number('BPF_HASH(m, u32, u64, -5);'), [`bad-map-number map 'm': -5 as its entries; ${range}`]);
  assert.deepEqual(number('BPF_F_TABLE("hash", u32, u64, m, 16, 1ULL << 32);'), [
    `bad-map-number map 'm': 4294967296 as its flags; ${range}`,
  ]);
  assert.deepEqual(number('BPF_RINGBUF_OUTPUT(m, 1 << 20);'), [`bad-map-number map 'm': 4294967296 as its bytes; ${range}`]);
  assert.deepEqual(number('BPF_STACK_TRACE(m, 0x80000001);'), [`bad-map-number map 'm': 4294967296 as its entries; ${range}`]);
  assert.equal(mapsOf('BPF_HASH(m, u32, u64, 0xffffffff);').maps.get('m')?.maxEntries, 0xffffffff);
});
