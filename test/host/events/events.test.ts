/** Events from programs run by the kernel: what they submit is what arrives, through both kinds of buffers. */
import assert from 'node:assert/strict';
import { testRun } from '../../../src/attach/test-run.ts';
import { BPF } from '../../../src/bcc/bpf.ts';
import { Table } from '../../../src/bcc/table.ts';
import type { EventOptions } from '../../../src/events/open.ts';
import { UsageError } from '../../../src/kernel/errors.ts';
import { linuxKernel } from '../../../src/kernel/linux.ts';
import { mapInfo } from '../../../src/kernel/obj-info.ts';
import { kernelTest } from '../../run/needs.ts';
import './overload.cases.ts';

const kernel = linuxKernel();

/** Runs the function on packets that begin with these numbers. */
function run(b: BPF, fn: string, numbers: readonly number[]): void {
  const program = b.program(fn, 'sched_cls');
  for (const number of numbers) {
    const data = new Uint8Array(64);
    new DataView(data.buffer).setUint32(14, number, false);
    testRun(kernel, program, { data });
  }
}

const RECORD = `
struct inner { u8 tag; s16 level; };
enum colour { RED, GREEN = 7 };
struct data_t {
  u32 number;
  u64 wide;
  s64 minus;
  char text[8];
  struct inner inner;
  u16 list[3];
  u32 low : 3, high : 9;
  enum colour colour;
  union { u32 whole; u8 bytes[4]; } either;
};
static inline void fill(struct data_t *d, u32 number) {
  __builtin_memset(d, 0, sizeof(*d));
  d->number = number;
  d->wide = 0xffffffffffffffffULL - number;
  d->minus = -5;
  d->text[0] = 'h'; d->text[1] = 'i';
  d->inner.tag = 200; d->inner.level = -3;
  d->list[0] = 1; d->list[2] = 65535;
  d->low = 5; d->high = 257;
  d->colour = GREEN;
  d->either.whole = 0x04030201;
}
`;

const BCC = `
BPF_RINGBUF_OUTPUT(ring, 4);
BPF_RINGBUF_OUTPUT(reserved, 4);
BPF_PERF_OUTPUT(perf);
${RECORD}
int to_ring(struct __sk_buff *skb) {
  struct data_t d; fill(&d, load_word(skb, 14));
  ring.ringbuf_output(&d, sizeof(d), 0);
  return 0;
}
int to_reserved(struct __sk_buff *skb) {
  u32 number = load_word(skb, 14);
  struct data_t *d = reserved.ringbuf_reserve(sizeof(*d));
  if (!d) return 1;
  fill(d, number);
  if (number & 1) reserved.ringbuf_discard(d, 0);
  else reserved.ringbuf_submit(d, 0);
  return 0;
}
int to_perf(struct __sk_buff *skb) {
  struct data_t d; fill(&d, load_word(skb, 14));
  perf.perf_submit(skb, &d, sizeof(d));
  return 0;
}
`;

const LIBBPF = `
#include <vmlinux.h>
#include <bpf/bpf_helpers.h>
#include <bpf/bpf_endian.h>
struct { __uint(type, BPF_MAP_TYPE_RINGBUF); __uint(max_entries, 16384); } ring SEC(".maps"), reserved SEC(".maps");
struct { __uint(type, BPF_MAP_TYPE_PERF_EVENT_ARRAY); __uint(key_size, 4); __uint(value_size, 4); } perf SEC(".maps");
${RECORD}
static __always_inline u32 number_of(struct __sk_buff *skb) { u32 n = 0; bpf_skb_load_bytes(skb, 14, &n, 4); return bpf_ntohl(n); }
SEC("?tc") int to_ring(struct __sk_buff *skb) {
  struct data_t d; fill(&d, number_of(skb));
  bpf_ringbuf_output(&ring, &d, sizeof(d), 0);
  return 0;
}
SEC("?tc") int to_reserved(struct __sk_buff *skb) {
  u32 number = number_of(skb);
  struct data_t *d;
  d = bpf_ringbuf_reserve(&reserved, sizeof(*d), 0);
  if (!d) return 1;
  fill(d, number);
  if (number & 1) bpf_ringbuf_discard(d, 0);
  else bpf_ringbuf_submit(d, 0);
  return 0;
}
SEC("?tc") int to_perf(struct __sk_buff *skb) {
  struct data_t d; fill(&d, number_of(skb));
  bpf_perf_event_output(skb, &perf, BPF_F_CURRENT_CPU, &d, sizeof(d));
  return 0;
}
char LICENSE[] SEC("license") = "GPL";
`;

interface Data {
  number: number;
  wide: bigint;
}

const expected = (number: number) => ({
  number,
  wide: 0xffff_ffff_ffff_ffffn - BigInt(number),
  minus: -5n,
  text: 'hi',
  inner: { tag: 200, level: -3 },
  list: [1, 0, 65535],
  low: 5,
  high: 257,
  colour: 7,
  either: { whole: 0x04030201, bytes: [1, 2, 3, 4] },
});

for (const [dialect, text] of Object.entries({ bcc: BCC, libbpf: LIBBPF })) {
  kernelTest(`records arrive as they were submitted (${dialect})`, { btf: true, minKernel: '5.8' }, async () => {
    await using b = await BPF.load({ text });
    for (const [name, sent, arrives] of [
      ['ring', [1, 2, 3], [1, 2, 3]],
      ['reserved', [1, 2, 3, 4], [2, 4]],
      ['perf', [4, 5], [4, 5]],
    ] as const) {
      const stream = b.events<Data>(name);
      run(b, `to_${name}`, sent);
      const got: Data[] = [];
      for await (const event of stream) {
        got.push(event);
        if (got.length === arrives.length) break;
      }
      assert.deepEqual(
        got,
        arrives.map((number) => expected(number)),
        name,
      );
      // The same stream goes on; a second one on the map may not be opened.
      assert.throws(() => b.events(name), UsageError);
      run(b, `to_${name}`, [6]);
      for await (const [event] of stream.batches()) {
        assert.equal(event?.number, 6);
        break;
      }
      assert.equal(stream.received, arrives.length + 1);
      assert.equal(stream.lost, 0);
      stream.close();
      b.events(name).close();
    }
  });
}

kernelTest("BCC's way: callbacks and polls", { btf: true, minKernel: '5.8' }, async () => {
  await using b = await BPF.load({ text: BCC });
  const got: number[] = [];
  const options: EventOptions<Data> = { pages: 8 };
  b.map('perf').openPerfBuffer<Data>((event, cpu) => got.push(event.number + (cpu >= 0 ? 0 : 1000)), options);
  b.map('ring').openRingBuffer<Data>((event) => got.push(event.number));
  assert.equal(await b.perfBufferPoll(1), 0);
  run(b, 'to_perf', [1]);
  run(b, 'to_ring', [2, 3]);
  assert.equal(await b.perfBufferPoll(), 1);
  assert.deepEqual(got, [1]);
  assert.equal(await b.ringBufferPoll(), 2);
  assert.deepEqual(got, [1, 2, 3]);
  run(b, 'to_ring', [9]);
  assert.equal(b.ringBufferConsume(), 1);
  assert.equal(b.perfBufferConsume(), 0);
  assert.throws(() => b.map('ring').openPerfBuffer(() => {}), UsageError);
});

kernelTest('what comes while a wait for a perf buffer begins ends it', { btf: true, minKernel: '5.8' }, async () => {
  await using b = await BPF.load({ text: BCC });
  const got: number[] = [];
  b.map('perf').openPerfBuffer<Data>((event) => got.push(event.number), { pages: 2 });
  for (let i = 0; i < 5; i++) {
    // Without a time limit: what is missed here is waited for for ever.
    const polled = b.perfBufferPoll();
    run(b, 'to_perf', [i]);
    assert.equal(await polled, 1);
  }
  assert.deepEqual(got, [0, 1, 2, 3, 4]);
});

kernelTest('lost records by the name of the map; options that are none', { btf: true, minKernel: '6.0' }, async () => {
  await using b = await BPF.load({ text: BCC });
  for (const options of [{ batch: 0 }, { int64: 'nmber' as 'number' }, { wakeup: 0 }, { pages: 3 }])
    assert.throws(() => b.events('perf', options), UsageError, JSON.stringify(options));
  let lost = 0;
  for (const times of [200, 300]) {
    using stream = b.events<Data>('perf', { pages: 1 });
    run(b, 'to_perf', new Array<number>(times).fill(7));
    stream.consume(() => {});
    assert.ok(stream.lost > 0);
    assert.equal(stream.received + stream.lost, times);
    lost += stream.lost;
    assert.equal(b.lost('perf'), BigInt(lost));
  }
  assert.equal(b.lost('perf'), BigInt(lost));
  assert.equal(b.lost('ring'), 0n);
  assert.throws(
    () => b.lost('pref'),
    (error: unknown) => error instanceof UsageError && error.suggestions.includes('perf'),
  );
});

kernelTest('a table that was opened by itself gives its records as a stream', { btf: true, minKernel: '5.8' }, async () => {
  await using b = await BPF.load({ text: BCC });
  using alone = Table.openById(mapInfo(kernel, b.map('ring').fd).id);
  assert.throws(() => alone.openRingBuffer(() => {}), /'ring' was opened by itself, .*ringBufferPoll/);
  using stream = alone.events<Uint8Array>({ type: 'bytes' });
  run(b, 'to_ring', [3, 4]);
  const numbers: number[] = [];
  stream.consume((bytes) => numbers.push(new DataView(bytes.buffer, bytes.byteOffset).getUint32(0, true)));
  assert.deepEqual(numbers, [3, 4]);
});

const TAILS = `
BPF_RINGBUF_OUTPUT(ring, 4);
BPF_PERF_OUTPUT(perf);
struct one { u32 number; char name[16]; u64 last; };
struct two { u32 number; };
struct flex { u32 count; u16 items[]; };
struct flex_text { u32 count; char text[]; };
int f(struct __sk_buff *skb) {
  u32 n = load_word(skb, 14);
  struct one d = {};
  d.number = 0x01020304; d.name[0] = 'a'; d.name[1] = 'b'; d.name[2] = 'c'; d.last = 7;
  if (n == 1) { ring.ringbuf_output(&d, 6, 0); return 0; }
  if (n == 2) { struct two t = { n }; ring.ringbuf_output(&t, sizeof(t), 0); return 0; }
  ring.ringbuf_output(&d, sizeof(d), 0);
  perf.perf_submit_skb(skb, 20, &n, sizeof(n));
  return 0;
}
`;

kernelTest('records shorter and longer than their type', { btf: true, minKernel: '5.8' }, async () => {
  await using b = await BPF.load({ text: TAILS });
  assert.throws(
    () => b.events('ring'),
    (error: unknown) => error instanceof UsageError && /struct one, struct two/.test(error.message),
  );
  const read = (options: EventOptions, numbers: readonly number[]): unknown => {
    using stream = b.events<unknown>('ring', options);
    run(b, 'f', numbers);
    const got: unknown[] = [];
    stream.consume((event) => got.push(event));
    return got;
  };
  assert.deepEqual(read({ type: 'struct one' }, [1, 3]), [
    { number: 0x01020304, name: 'ab', last: 0n },
    { number: 0x01020304, name: 'abc', last: 7n },
  ]);
  assert.deepEqual(read({ type: 'two', tail: 'rest' }, [1, 2]), [
    { number: 0x01020304, rest: Uint8Array.of(0x61, 0x62) },
    { number: 2, rest: new Uint8Array(0) },
  ]);
  assert.deepEqual(read({ type: 'struct flex' }, [1]), [{ count: 0x01020304, items: [0x6261] }]);
  assert.deepEqual(read({ type: 'struct flex_text' }, [1, 3]), [
    { count: 0x01020304, text: 'ab' },
    { count: 0x01020304, text: 'abc' },
  ]);
  assert.deepEqual(read({ type: 'bytes' }, [1]), [Uint8Array.of(4, 3, 2, 1, 0x61, 0x62)]);
  assert.throws(
    () => b.events('ring', { type: 'struct onr' }),
    (error: unknown) => error instanceof UsageError && error.suggestions.includes('one'),
  );
  assert.throws(() => b.events('ring', { type: 'struct one; x' }), UsageError);

  using perf = b.events<{ rest: Uint8Array }>('perf', {
    decode: (view, offset, length) => ({ rest: new Uint8Array(view.buffer, view.byteOffset + offset, length).slice() }),
  });
  run(b, 'f', [5]);
  const got: Uint8Array[] = [];
  perf.consume(({ rest }) => got.push(rest));
  // Four bytes of the program's own, then twenty of the packet, whose 14th and on are the number.
  assert.deepEqual([...(got[0] as Uint8Array).subarray(0, 24)], [5, 0, 0, 0, ...new Array(14).fill(0), 0, 0, 0, 5, 0, 0]);
});
