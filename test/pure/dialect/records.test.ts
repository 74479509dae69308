/** Which types of records a text submits, in both dialects and in all the ways people write it. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { formatType } from '../../../src/btf/declarator.ts';
import { sizeOf } from '../../../src/btf/walk.ts';
import { bccDialect } from '../../../src/compiler/dialect/bcc/dialect.ts';
import { libbpfDialect } from '../../../src/compiler/dialect/libbpf/dialect.ts';
import { recordTypeOf } from '../../../src/events/record-type.ts';
import { UsageError } from '../../../src/kernel/errors.ts';
import type { ObjectSpec } from '../../../src/object/spec.ts';
import { build } from './run.ts';

function types(spec: ObjectSpec, map = 'events'): string[] {
  const { btf } = spec;
  assert.ok(btf);
  return (spec.maps.get(map)?.recordTypes ?? []).map((id) => `${formatType(btf, id)} ${sizeOf(btf, id)}`);
}

const STRUCTS =
  'struct data_t { unsigned pid; char comm[16]; }; struct other_t { unsigned long long ns; }; typedef struct { int a; } short_t;';

const bcc = (body: string, more = ''): ObjectSpec =>
  build(
    `${STRUCTS} BPF_PERF_OUTPUT(events); BPF_RINGBUF_OUTPUT(ring, 2); ${more} int f(struct __sk_buff *ctx) { ${body} return 0; }`,
    bccDialect,
  );

// Numbers of the kernel's enums: here is no kernel whose types would have them.
const LIBBPF = `
#include <bpf/bpf_helpers.h>
#define BPF_MAP_TYPE_PERF_EVENT_ARRAY 4
#define BPF_MAP_TYPE_PERCPU_ARRAY 6
#define BPF_MAP_TYPE_RINGBUF 27
#define BPF_F_CURRENT_CPU 0xffffffffULL
${STRUCTS}
struct { __uint(type, BPF_MAP_TYPE_RINGBUF); __uint(max_entries, 4096); } events SEC(".maps");
struct { __uint(type, BPF_MAP_TYPE_PERF_EVENT_ARRAY); __uint(key_size, 4); __uint(value_size, 4); } perf SEC(".maps");
struct { __uint(type, BPF_MAP_TYPE_PERCPU_ARRAY); __uint(max_entries, 1); __type(key, int); __type(value, struct data_t); } heap SEC(".maps");
`;
const libbpf = (body: string, more = ''): ObjectSpec =>
  build(`${LIBBPF} ${more} SEC("tc") int f(void *ctx) { ${body} return 0; } char LICENSE[] SEC("license") = "GPL";`, libbpfDialect);

test("BCC's methods", () => {
  assert.deepEqual(types(bcc('struct data_t d = {}; events.perf_submit(ctx, &d, sizeof(d));')), ['struct data_t 20']);
  assert.deepEqual(types(bcc('short_t d = {}; events.perf_submit(ctx, &d, sizeof(d));')), ['short_t 4']);
  assert.deepEqual(types(bcc('struct data_t d = {}; events.perf_submit_skb(ctx, 20, &d, sizeof(d));')), ['struct data_t 20']);
  assert.deepEqual(
    types(bcc('u64 ns = 1; events.perf_submit(ctx, &ns, sizeof(ns));')).map((t) => t.split(' ').at(-1)),
    ['8'],
  );
  assert.deepEqual(types(bcc('char text[12] = {}; events.perf_submit(ctx, text, sizeof(text));')), ['char [12] 12']);
  assert.deepEqual(types(bcc('struct other_t d = {}; ring.ringbuf_output(&d, sizeof(d), 0);'), 'ring'), ['struct other_t 8']);
  assert.deepEqual(
    types(bcc('struct other_t *d = ring.ringbuf_reserve(sizeof(*d)); if (d) { d->ns = 1; ring.ringbuf_submit(d, 0); }'), 'ring'),
    ['struct other_t 8'],
  );
});

test('through functions, casts and macros', () => {
  assert.deepEqual(
    types(
      bcc('struct data_t d = {}; send(ctx, &d);', 'static void send(void *c, struct data_t *d) { events.perf_submit(c, d, sizeof(*d)); }'),
    ),
    ['struct data_t 20'],
  );
  assert.deepEqual(types(bcc('struct data_t d = {}; events.perf_submit(ctx, (void *)&d, sizeof(d));')), ['struct data_t 20']);
  assert.deepEqual(types(bcc('struct data_t d = {}; SEND(d);', '\n#define SEND(x) events.perf_submit(ctx, &x, sizeof(x))\n')), [
    'struct data_t 20',
  ]);
});

test("libbpf's helpers", () => {
  assert.deepEqual(types(libbpf('struct data_t d = {}; bpf_ringbuf_output(&events, &d, sizeof(d), 0);')), ['struct data_t 20']);
  assert.deepEqual(
    types(
      libbpf('struct data_t *d; d = bpf_ringbuf_reserve(&events, sizeof(*d), 0); if (!d) return 0; d->pid = 1; bpf_ringbuf_submit(d, 0);'),
    ),
    ['struct data_t 20'],
  );
  assert.deepEqual(types(libbpf('struct data_t d = {}; bpf_perf_event_output(ctx, &perf, BPF_F_CURRENT_CPU, &d, sizeof(d));'), 'perf'), [
    'struct data_t 20',
  ]);
  assert.deepEqual(
    types(
      libbpf('int z = 0; struct data_t *d = bpf_map_lookup_elem(&heap, &z); if (d) bpf_perf_event_output(ctx, &perf, 0, d, sizeof(*d));'),
      'perf',
    ),
    ['struct data_t 20'],
  );
});

test('several types, none, and by name', () => {
  const two = bcc(
    'struct data_t d = {}; struct other_t o = {}; events.perf_submit(ctx, &d, sizeof(d)); events.perf_submit(ctx, &o, sizeof(o)); events.perf_submit(ctx, &d, 4);',
  );
  assert.deepEqual(types(two), ['struct data_t 20', 'struct other_t 8']);
  const spec = two.maps.get('events');
  assert.ok(spec);
  assert.throws(
    () => recordTypeOf(two.btf, spec, undefined),
    (e: unknown) => e instanceof UsageError && /struct data_t, struct other_t/.test(e.message),
  );
  const named = (type: string): string => formatType(two.btf as NonNullable<typeof two.btf>, recordTypeOf(two.btf, spec, type));
  assert.equal(named('struct other_t'), 'struct other_t');
  assert.equal(named('other_t'), 'struct other_t');
  assert.equal(named('short_t'), 'short_t', 'every record of the text has a name that can be given');
  assert.throws(() => named('struct nothing_t'), UsageError);
  // Bytes behind a void pointer tell nothing, and neither does a plain char.
  const none = bcc('char c = 1; void *p = &c; events.perf_submit(ctx, p, 1); events.perf_submit(ctx, &c, 1);');
  assert.deepEqual(types(none), []);
  assert.throws(() => recordTypeOf(none.btf, none.maps.get('events') as NonNullable<typeof spec>, undefined), UsageError);
});
