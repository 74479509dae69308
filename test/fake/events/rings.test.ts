/** Ring and perf buffers over memory that this test writes as the kernel does: busy, discarded, wrapped and damaged records. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { PerfRing } from '../../../src/events/perf.ts';
import { openPerfBuffer } from '../../../src/events/perf-open.ts';
import { Ring } from '../../../src/events/ring.ts';
import { type OnPayload, ringSource } from '../../../src/events/source.ts';
import { EventStream } from '../../../src/events/stream.ts';
import { UsageError, UserError } from '../../../src/kernel/errors.ts';
import { FakeKernel, fail } from '../../../src/kernel/fake.ts';
import type { MappedMemory } from '../../../src/kernel/port.ts';

const PAGE = 4096;
const BUSY = 0x8000_0000;
const DISCARD = 0x4000_0000;

/** A kernel whose mappings this test can write to. */
class MemoryKernel extends FakeKernel {
  readonly mapped: MappedMemory[] = [];
  waits = 0;

  override mmap(length: number, prot: number, flags: number, fd: number, offset: number): MappedMemory {
    const memory = super.mmap(length, prot, flags, fd, offset);
    this.mapped.push(memory);
    return memory;
  }

  override wait(): Promise<readonly number[]> {
    this.waits++;
    return new Promise((resolve) => setTimeout(resolve, 5, []));
  }
}

/** The kernel's side of a BPF ring buffer: the second half shows the first once more, as the double mapping does. */
class Producer {
  readonly kernel = new MemoryKernel();
  readonly ring: Ring;
  private readonly size: number;
  private produced = 0;

  constructor(size = PAGE) {
    this.size = size;
    this.ring = new Ring(this.kernel, 3, size, PAGE);
  }

  get consumed(): number {
    return Number(new BigUint64Array(this.kernel.mapped[0]?.buffer as ArrayBuffer, 0, 1)[0]);
  }

  /** Puts a record; returns where its header is. */
  put(payload: readonly number[], flags = 0): number {
    const at = this.produced % this.size;
    const length = payload.length;
    const total = (8 + length + 7) & ~7;
    this.setHeader(at, length, flags);
    payload.forEach((byte, i) => this.both(at + 8 + i, byte));
    this.produced += total;
    new BigUint64Array(this.kernel.mapped[1]?.buffer as ArrayBuffer, 0, 1)[0] = BigInt(this.produced);
    return at;
  }

  setHeader(at: number, length: number, flags: number): void {
    const header = new DataView(new ArrayBuffer(8));
    header.setUint32(0, (length | flags) >>> 0, true);
    for (let i = 0; i < 8; i++) this.both(at + i, header.getUint8(i));
  }

  private both(at: number, byte: number): void {
    const bytes = new Uint8Array(this.kernel.mapped[1]?.buffer as ArrayBuffer, PAGE, 2 * this.size);
    bytes[at % this.size] = byte;
    bytes[(at % this.size) + this.size] = byte;
  }
}

function read(ring: Ring, limit?: number): { payloads: number[][]; read: number; busy: boolean } {
  const payloads: number[][] = [];
  const { read, busy } = ring.drain((view, offset, length) => {
    payloads.push([...new Uint8Array(view.buffer, view.byteOffset + offset, length)]);
  }, limit);
  return { payloads, read, busy };
}

test('ring: records in order, discarded ones passed over, the place given back', () => {
  const p = new Producer();
  p.put([1, 2, 3]);
  p.put([9, 9], DISCARD);
  p.put([4]);
  assert.deepEqual(read(p.ring), { payloads: [[1, 2, 3], [4]], read: 2, busy: false });
  assert.equal(p.consumed, 16 + 16 + 16);
  assert.deepEqual(read(p.ring), { payloads: [], read: 0, busy: false });
});

test('ring: nothing behind a record that is not ready', () => {
  const p = new Producer();
  p.put([1]);
  const at = p.put([2], BUSY);
  p.put([3]);
  assert.deepEqual(read(p.ring), { payloads: [[1]], read: 1, busy: true });
  assert.equal(p.consumed, 16);
  assert.deepEqual(read(p.ring), { payloads: [], read: 0, busy: true });
  p.setHeader(at, 1, 0);
  assert.deepEqual(read(p.ring), { payloads: [[2], [3]], read: 2, busy: false });
});

test('ring: thousands of times round, with records over the end', () => {
  const p = new Producer();
  let next = 0;
  for (let round = 0; round < 3000; round++) {
    const sent: number[][] = [];
    for (let i = 0; i < 1 + (round % 5); i++) {
      const payload = Array.from({ length: 1 + ((next * 7) % 300) }, (_, k) => (next + k) & 255);
      next++;
      p.put(payload);
      sent.push(payload);
    }
    assert.deepEqual(read(p.ring).payloads, sent);
  }
});

test('ring: a limit, a callback that throws, and one that closes', () => {
  const p = new Producer();
  for (let i = 0; i < 5; i++) p.put([i]);
  assert.deepEqual(read(p.ring, 2).payloads, [[0], [1]]);
  assert.throws(() =>
    p.ring.drain(() => {
      throw new RangeError('mine');
    }),
  );
  // What was handed over is gone, what was not is still there.
  assert.deepEqual(read(p.ring, 1).payloads, [[3]]);
  let calls = 0;
  p.ring.drain(() => {
    calls++;
    p.ring.close();
  });
  assert.equal(calls, 1);
  assert.equal(p.kernel.named('munmap').length, 2);
  assert.deepEqual(read(p.ring).payloads, []);
});

test('stream: a busy record is waited for by time, not spun on', async () => {
  const p = new Producer();
  const at = p.put([7], BUSY);
  const source = ringSource(p.ring);
  let drains = 0;
  const counted = {
    ...source,
    drain: (...args: Parameters<typeof source.drain>) => {
      drains++;
      return source.drain(...args);
    },
  };
  const stream = new EventStream(p.kernel, counted, (view, offset) => view.getUint8(offset));
  setTimeout(() => p.setHeader(at, 1, 0), 60);
  for await (const event of stream) {
    assert.equal(event, 7);
    break;
  }
  assert.ok(drains <= 80, `${drains} looks in 60 ms`);
  assert.equal(p.kernel.waits, 0, 'the descriptor is readable all the time: waiting for it would be spinning');
});

test('stream: what is there is delivered after the signal; one reader at a time; nothing is read ahead', async () => {
  const p = new Producer();
  const stream = new EventStream(p.kernel, ringSource(p.ring), (view, offset) => view.getUint8(offset), { batch: 2 });
  for (let i = 0; i < 5; i++) p.put([i]);
  const stop = new AbortController();
  const got: number[] = [];
  for await (const batch of stream.batches({ signal: stop.signal })) {
    got.push(...batch);
    assert.ok(batch.length <= 2);
    // The ring is the only queue: what was not asked for has not been taken.
    assert.equal(p.consumed, got.length * 16);
    await assert.rejects(stream.batches().next(), UsageError);
    stop.abort();
  }
  assert.deepEqual(got, [0, 1, 2, 3, 4]);
  assert.equal(stream.received, 5);
});

test('stream: who leaves a loop early leaves the rest for the next reader', async () => {
  const p = new Producer();
  const told: number[] = [];
  const source = ringSource(p.ring, () => 3);
  const stream = new EventStream(p.kernel, source, (view, offset) => view.getUint8(offset), { onLost: (n) => told.push(n) });
  for (let i = 0; i < 6; i++) p.put([i]);
  const got: number[] = [];
  for await (const event of stream) {
    got.push(event);
    if (got.length === 2) break;
  }
  assert.deepEqual([got, stream.received, p.consumed], [[0, 1], 2, 32]);
  for await (const event of stream) {
    got.push(event);
    break;
  }
  for await (const batch of stream.batches({ batch: 2 })) {
    got.push(...batch);
    break;
  }
  assert.equal(
    stream.consume((event) => void got.push(event)),
    1,
  );
  assert.deepEqual([got, stream.received, told], [[0, 1, 2, 3, 4, 5], 6, [3]]);
});

test('stream: ends though events come faster than they are taken; what was there at the signal is delivered', async () => {
  const p = new Producer();
  const stream = new EventStream(p.kernel, ringSource(p.ring), (view, offset) => view.getUint8(offset), { batch: 2 });
  for (let i = 0; i < 5; i++) p.put([i]);
  const stop = new AbortController();
  const got: number[] = [];
  await stream.forEach(
    (event) => {
      got.push(event);
      // For each that is taken another one comes.
      p.put([100 + event]);
      if (event === 1) stop.abort();
      assert.ok(got.length < 50, 'it goes on for ever');
    },
    { signal: stop.signal },
  );
  // 0 and 1 put two more before the round that saw the signal.
  assert.deepEqual(got, [0, 1, 2, 3, 4, 100, 101]);
});

test('stream: nothing is taken before the last ones are dealt with', async () => {
  const p = new Producer();
  const stream = new EventStream(p.kernel, ringSource(p.ring), (view, offset) => view.getUint8(offset), { batch: 2 });
  for (let i = 0; i < 4; i++) p.put([i]);
  const stop = new AbortController();
  const seen: number[] = [];
  await stream.forEach(() => {}, {
    signal: stop.signal,
    before: async () => {
      await new Promise((resolve) => setImmediate(resolve));
      seen.push(stream.received);
      if (stream.received === 4) stop.abort();
    },
  });
  assert.deepEqual(seen.slice(0, 3), [0, 2, 4]);
});

const firstByte = (view: DataView, offset: number): number => view.getUint8(offset);

test('stream: received and lost are all that was sent, whatever the callback does', async () => {
  const p = new Producer();
  const stream = new EventStream(p.kernel, ringSource(p.ring), firstByte, { batch: 4 });
  for (let i = 0; i < 10; i++) p.put([i]);
  const got: number[] = [];
  const throwing = (event: number): void => {
    got.push(event);
    if (event % 3 === 2) throw new RangeError('mine');
  };
  assert.throws(() => stream.consume(throwing), RangeError);
  assert.deepEqual([stream.received, p.consumed], [3, 48]);
  await assert.rejects(stream.forEach(throwing), RangeError);
  assert.deepEqual([stream.received, p.consumed], [6, 96]);
  await assert.rejects(
    stream.raw((view, offset) => throwing(firstByte(view, offset))),
    RangeError,
  );
  assert.equal(stream.consume(throwing), 1);
  assert.deepEqual([got, stream.received, p.consumed], [[0, 1, 2, 3, 4, 5, 6, 7, 8, 9], 10, 160]);
});

test('stream: closed from its callback, what was handed over is not handed over again', async () => {
  const p = new Producer();
  const stream = new EventStream(p.kernel, ringSource(p.ring), firstByte);
  for (let i = 0; i < 5; i++) p.put([i]);
  const seen: number[] = [];
  await stream.forEach((event) => {
    if (event !== 1) return;
    stream.close();
    // Whoever opens the ring now begins here.
    seen.push(p.consumed);
  });
  assert.deepEqual([seen, stream.received, p.consumed], [[32], 2, 32]);
});

test('stream: not read from its own callback', async () => {
  const p = new Producer();
  const stream = new EventStream(p.kernel, ringSource(p.ring), firstByte);
  for (let i = 0; i < 4; i++) p.put([i]);
  const got: number[] = [];
  const refused: unknown[] = [];
  const nested = (event: number): void => {
    got.push(event);
    assert.throws(
      () => stream.consume((again) => void got.push(again)),
      (error) => refused.push(error) > 0 && error instanceof UsageError,
    );
  };
  assert.equal(stream.consume(nested), 4);
  p.put([4]);
  const stop = new AbortController();
  stop.abort();
  await stream.forEach(nested, { signal: stop.signal });
  assert.deepEqual([got, refused.length, stream.received, p.consumed], [[0, 1, 2, 3, 4], 5, 5, 80]);
});

test('stream: options that are none are told, and the stream can be read', async () => {
  const p = new Producer();
  const source = ringSource(p.ring);
  const stream = new EventStream(p.kernel, source, firstByte);
  for (const batch of [0, -1, Number.NaN, 1.5, '3' as unknown as number]) {
    assert.throws(() => new EventStream(p.kernel, source, firstByte, { batch }), UsageError);
    await assert.rejects(
      stream.forEach(() => {}, { batch }),
      UsageError,
    );
    await assert.rejects(stream.batches({ batch }).next(), UsageError);
  }
  const signal = 5 as unknown as AbortSignal;
  await assert.rejects(
    stream.forEach(() => {}, { signal }),
    UsageError,
  );
  const before = 5 as unknown as () => undefined;
  await assert.rejects(
    stream.forEach(() => {}, { before }),
    UsageError,
  );
  assert.throws(() => new EventStream(p.kernel, source, firstByte, { onLost: before }), UsageError);
  p.put([1]);
  p.put([2]);
  const none = undefined as unknown as () => void;
  assert.throws(() => stream.consume(none), UsageError);
  assert.throws(() => stream.consumeRaw(none), UsageError);
  await assert.rejects(stream.forEach(none), UsageError);
  await assert.rejects(stream.raw(none), UsageError);
  for await (const batch of stream.batches({ batch: Number.POSITIVE_INFINITY })) {
    assert.deepEqual(batch, [1, 2]);
    break;
  }
});

test('stream: lost events are told of once', async () => {
  const p = new Producer();
  let lost = 0;
  const told: number[] = [];
  const stream = new EventStream(
    p.kernel,
    ringSource(p.ring, () => lost),
    () => 0,
    { onLost: (count) => told.push(count) },
  );
  stream.consume(() => {});
  lost = 3;
  stream.consume(() => {});
  stream.consume(() => {});
  lost = 5;
  stream.close();
  stream.close();
  assert.deepEqual(told, [3, 2]);
  assert.equal(stream.lost, 5);
  assert.equal(
    stream.consume(() => {}),
    0,
  );
});

/* ---------- perf ---------- */

class PerfProducer {
  readonly kernel = new MemoryKernel();
  readonly ring: PerfRing;
  private head = 0;

  constructor(countsLost = false) {
    this.ring = new PerfRing(this.kernel, 4, { cpu: 1, pages: 1, pageSize: PAGE, countsLost });
  }

  put(type: number, body: Uint8Array): void {
    const size = (8 + body.length + 7) & ~7;
    const record = new Uint8Array(size);
    const view = new DataView(record.buffer);
    view.setUint32(0, type, true);
    view.setUint16(6, size, true);
    record.set(body, 8);
    const data = new Uint8Array(this.kernel.mapped[0]?.buffer as ArrayBuffer, PAGE, PAGE);
    for (let i = 0; i < size; i++) data[(this.head + i) % PAGE] = record[i] as number;
    this.head += size;
    new BigUint64Array(this.kernel.mapped[0]?.buffer as ArrayBuffer, 1024, 1)[0] = BigInt(this.head);
  }

  sample(payload: readonly number[]): void {
    // The kernel rounds up so that the length and the payload together are a multiple of eight.
    const length = ((payload.length + 4 + 7) & ~7) - 4;
    const body = new Uint8Array(4 + length);
    new DataView(body.buffer).setUint32(0, length, true);
    body.set(payload, 4);
    this.put(9, body);
  }

  read(): number[][] {
    const out: number[][] = [];
    this.ring.drain((view, offset, length, cpu) => {
      assert.equal(cpu, 1);
      out.push([...new Uint8Array(view.buffer, view.byteOffset + offset, length)]);
    });
    return out;
  }
}

test('perf: samples, also over the end of the ring, and records of what was lost', () => {
  const p = new PerfProducer();
  for (let round = 0; round < 2000; round++) {
    const payload = Array.from({ length: 1 + ((round * 13) % 700) }, (_, i) => (round + i) & 255);
    p.sample(payload);
    if (round === 1000) p.put(2, new Uint8Array(new BigUint64Array([77n, 42n]).buffer));
    p.sample([5]);
    const [first, second] = p.read();
    assert.deepEqual(first?.slice(0, payload.length), payload);
    assert.equal(second?.[0], 5);
  }
  assert.equal(p.ring.lost, 42);
  p.sample([1]);
  const mark = p.ring.produced;
  p.sample([2]);
  const before: number[] = [];
  const take: OnPayload = (view, offset) => void before.push(view.getUint8(offset));
  assert.equal(p.ring.drain(take, 10, mark), 1);
  assert.equal(p.ring.drain(take, 10, mark), 0);
  assert.deepEqual(before, [1]);
});

test('perf: one whose callback threw was handed over; what is left is known', () => {
  const p = new PerfProducer();
  for (const byte of [1, 2, 3]) p.sample([byte]);
  assert.throws(() => p.ring.drain((view, offset) => assert.equal(view.getUint8(offset), 1)));
  assert.deepEqual([p.ring.handedOver, p.ring.waiting], [2, true]);
  assert.deepEqual(
    p.read().map(([byte]) => byte),
    [3],
  );
  assert.deepEqual([p.ring.handedOver, p.ring.waiting], [3, false]);
});

test('perf: a damaged ring is an error, not an endless loop', () => {
  const p = new PerfProducer();
  p.put(9, new Uint8Array(16));
  new DataView(p.kernel.mapped[0]?.buffer as ArrayBuffer, PAGE).setUint16(6, 0, true);
  assert.throws(() => p.read(), RangeError);
});

test('perf: the kernel is asked for what was lost, where it counts', () => {
  const p = new PerfProducer(true);
  p.kernel.on('read', (call) => {
    const [, buffer] = call.args as [number, Uint8Array];
    new DataView(buffer.buffer).setBigUint64(8, 12n, true);
    return 16;
  });
  assert.equal(p.ring.lost, 12);
});

function cpus(kernel: FakeKernel, online: string): void {
  kernel.files.set('/sys/devices/system/cpu/online', `${online}\n`);
}

test('perf buffer: an event for each CPU, in the map, enabled; all closed again', () => {
  const kernel = new MemoryKernel();
  cpus(kernel, '0,2');
  const source = openPerfBuffer(kernel, { fd: 9, name: 'events' }, { pages: 2, wakeup: 5 });
  const opened = kernel.named('perf_event_open').map(({ args: [attr, pid, cpu] }) => {
    const view = new DataView((attr as Uint8Array).buffer);
    return [view.getUint32(0, true), view.getBigUint64(8, true), view.getBigUint64(32, true), view.getUint32(48, true), pid, cpu];
  });
  // type software, config bpf-output, PERF_FORMAT_LOST, wakeup_events
  assert.deepEqual(
    opened,
    [0, 2].map((cpu) => [1, 10n, 16n, 5, -1, cpu]),
  );
  assert.deepEqual(
    kernel.named('MAP_UPDATE_ELEM').map((call) => new Uint32Array(call.bytes('key').buffer)[0]),
    [0, 2],
  );
  assert.deepEqual(
    kernel.named('ioctl').map(({ args }) => args[1]),
    [0x2400, 0x2400],
  );
  assert.deepEqual(
    kernel.named('mmap').map(({ args }) => args[0]),
    [3 * PAGE, 3 * PAGE],
  );
  source.close();
  assert.equal(kernel.open.size, 0);
  assert.equal(kernel.named('munmap').length, 2);
  assert.equal(kernel.named('MAP_DELETE_ELEM').length, 2);
});

test('perf buffer: older kernels, CPUs that went away, and refusals', () => {
  const old = new MemoryKernel();
  cpus(old, '0-1');
  old.on('perf_event_open', ({ args: [attr, , cpu], attempt }) => {
    if (cpu === 1) return fail('ENODEV');
    return new DataView((attr as Uint8Array).buffer).getBigUint64(32, true) !== 0n && attempt === 1 ? fail('EINVAL') : undefined;
  });
  const source = openPerfBuffer(old, { fd: 9, name: 'events' }, {});
  assert.equal(source.fds.length, 1);
  source.close();

  const full = new MemoryKernel();
  cpus(full, '0-3');
  full.on('mmap', ({ attempt }) => (attempt === 3 ? fail('EPERM') : undefined));
  assert.throws(
    () => openPerfBuffer(full, { fd: 9, name: 'events' }, {}),
    (error: unknown) => error instanceof UserError && /64 pages/.test(error.message),
  );
  assert.equal(full.open.size, 0, 'nothing stays open');
  assert.throws(() => openPerfBuffer(full, { fd: 9, name: 'events' }, { pages: 3 }), UsageError);
});
