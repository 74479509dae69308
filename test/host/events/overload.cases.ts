/**
 * More events than can be read: what arrived and what was lost is what was sent, exactly, and memory stays as it is.
 *
 * A small ring and a program that fills it many times over; the reader is slow on purpose. Imported by events.test.ts:
 * in guests, a process of its own would take longer to start than all of this.
 */
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { readdirSync, readFileSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import { testRun } from '../../../src/attach/test-run.ts';
import { BPF } from '../../../src/bcc/bpf.ts';
import { onlineCpus } from '../../../src/kernel/cpus.ts';
import { linuxKernel } from '../../../src/kernel/linux.ts';
import { guestSeries, kernelTest } from '../../run/needs.ts';

const kernel = linuxKernel();

const TEXT = `
struct event { u64 number; char fill[40]; };
BPF_RINGBUF_OUTPUT(ring, 4);
BPF_RINGBUF_OUTPUT(reserved, 4);
BPF_PERF_OUTPUT(perf);
BPF_ARRAY(sent, u64, 1);

static inline u64 next(void) {
  int zero = 0;
  u64 *n = sent.lookup(&zero);
  return n ? __sync_fetch_and_add(n, 1) : 0;
}
int to_ring(struct __sk_buff *skb) {
  struct event e = { .number = next() };
  ring.ringbuf_output(&e, sizeof(e), 0);
  return 0;
}
int to_reserved(struct __sk_buff *skb) {
  u64 number = next();
  struct event *e = reserved.ringbuf_reserve(sizeof(*e));
  if (!e) return 1;
  e->number = number;
  reserved.ringbuf_submit(e, 0);
  return 0;
}
int to_perf(struct __sk_buff *skb) {
  struct event e = { .number = next() };
  perf.perf_submit(skb, &e, sizeof(e));
  return 0;
}
`;

/** This thread, from now on. */
function runOn(cpus: readonly number[]): void {
  const mask = new Uint8Array(1024);
  for (const cpu of cpus) mask[cpu >> 3] = (mask[cpu >> 3] ?? 0) | (1 << (cpu & 7));
  kernel.syscall('sched_setaffinity', 0, mask.length, mask);
}

const ROUNDS = 24;
const EACH = 1000;

for (const name of ['ring', 'reserved', 'perf'] as const) {
  // Before Linux 6.0 a perf event tells of what it lost only with the next sample that fits.
  kernelTest(
    `overload: received and lost are what was sent (${name})`,
    { btf: true, minKernel: name === 'perf' ? '6.0' : '5.8' },
    async () => {
      await using b = await BPF.load({ text: TEXT });
      const program = b.program(`to_${name}`, 'sched_cls');
      let told = 0;
      const stream = b.events<{ number: bigint }>(name, { pages: 4, batch: 64, onLost: (count) => void (told += count) });
      const stop = new AbortController();
      // A ring buffer is one ring, and says -1; of a perf buffer each CPU has its own, and nothing orders one beside another.
      const last = new Map<number, bigint>();
      let received = 0;
      const reading = stream.forEach(
        ({ number }, cpu) => {
          assert.ok(number > (last.get(cpu) ?? -1n), `events of CPU ${cpu} come in order`);
          last.set(cpu, number);
          received++;
        },
        { signal: stop.signal },
      );
      const data = new Uint8Array(64);
      const cpus = onlineCpus(kernel);
      for (let i = 0; i < ROUNDS; i++) {
        // Each round on another CPU than the one before: several rings wait at once.
        runOn([cpus[i % cpus.length] ?? 0]);
        testRun(kernel, program, { data, repeat: EACH });
        if (i % 4 === 0) await sleep(1);
      }
      runOn(cpus);
      stop.abort();
      await reading;
      const sent = b.map<number, bigint>('sent').get(0);
      assert.equal(sent, BigInt(ROUNDS * EACH));
      assert.equal(stream.received, received);
      assert.ok(stream.lost > 0, 'something was lost');
      assert.equal(BigInt(received + stream.lost), sent, `${received} received and ${stream.lost} lost`);
      stream.close();
      assert.equal(told, stream.lost, 'the reader was told of each');
      assert.equal(last.size, name === 'perf' ? Math.min(cpus.length, ROUNDS) : 1, 'every CPU sent some');
    },
  );
}

function memory(): number {
  return Number(/^RssAnon:\s+(\d+)/m.exec(readFileSync('/proc/self/status', 'utf8'))?.[1] ?? 0) / 1024;
}

kernelTest('overload: memory stays as it is', { btf: true, minKernel: '5.8' }, async () => {
  await using b = await BPF.load({ text: TEXT });
  const program = b.program('to_ring', 'sched_cls');
  const stream = b.events<{ number: bigint }>('ring');
  const data = new Uint8Array(64);
  let received = 0;
  const round = (): void => {
    testRun(kernel, program, { data, repeat: 300 });
    received += stream.consume(() => {});
  };
  for (let i = 0; i < 100; i++) round();
  global.gc?.();
  const before = memory();
  const rounds = guestSeries === undefined ? 3000 : 300;
  for (let i = 0; i < rounds; i++) round();
  global.gc?.();
  // 900,000 events of 50 bytes or more: were one in ten kept, it would be more than that.
  assert.ok(memory() - before < 32, `${memory() - before} MiB more`);
  assert.ok(received > 0);
  assert.equal(received + stream.lost, (100 + rounds) * 300);
});

kernelTest('overload: a flooded reader answers SIGINT', { btf: true, minKernel: '5.8', timeout: 60_000 }, async (t) => {
  await using b = await BPF.load({ text: TEXT });
  const program = b.program('to_ring', 'sched_cls');
  const stream = b.events<{ number: bigint }>('ring');
  const data = new Uint8Array(64);
  const stop = new AbortController();
  const onSignal = (): void => stop.abort();
  process.once('SIGINT', onSignal);
  const flood = setInterval(() => {
    try {
      testRun(kernel, program, { data, repeat: 5000 });
    } catch (error) {
      // The signal ends the runs that it comes into; how many those were, the program has counted.
      if (!/a signal ended it/.test(String(error))) throw error;
    }
  }, 0);
  let sentAt = 0;
  let signalled: ReturnType<typeof spawn> | undefined;
  try {
    for await (const batch of stream.batches({ signal: stop.signal })) {
      assert.ok(batch.length > 0);
      // Once the flood is on: from another process, as a terminal's is.
      if (signalled !== undefined || stream.lost === 0) continue;
      sentAt = performance.now();
      signalled = spawn('sh', ['-c', `kill -INT ${process.pid}`], { stdio: 'inherit' });
    }
  } finally {
    clearInterval(flood);
    process.off('SIGINT', onSignal);
  }
  // Milliseconds on a quiet machine. Nothing is asserted of the time: this one may be emulated; a reader that never ends fails.
  t.diagnostic(`ended ${Math.round(performance.now() - sentAt)} ms after SIGINT was asked for`);
  stream.consume(() => {});
  assert.equal(stream.received + stream.lost, Number(b.map<number, bigint>('sent').get(0)));
});

kernelTest(
  'opened and closed 10,000 times: descriptors and memory stay as they are',
  { btf: true, minKernel: '5.8', timeout: 600_000 },
  async () => {
    await using b = await BPF.load({ text: TEXT });
    const cycle = (i: number): void => {
      const stream = b.events(i % 4 === 0 ? 'perf' : 'ring', { pages: 1 });
      if (i % 16 === 0) stream.consume(() => {});
      stream.close();
    };
    const count = guestSeries === undefined ? 10_000 : 300;
    const descriptors = (): number => readdirSync('/proc/self/fd').length;
    const mappings = (): number => readFileSync('/proc/self/maps', 'utf8').split('\n').length;
    for (let i = 0; i < 200; i++) cycle(i);
    const before = { descriptors: descriptors(), memory: memory() };
    for (let i = 0; i < count; i++) {
      cycle(i);
      // Mappings are given back when the collector has seen that nobody looks at them any more.
      if (i % 500 === 0) await sleep(0);
    }
    assert.equal(descriptors(), before.descriptors);
    assert.ok(memory() - before.memory < 48, `${memory() - before.memory} MiB more`);
    assert.ok(mappings() < 20_000, `${mappings()} mappings`);
  },
);
