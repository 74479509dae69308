/** Reading maps on kernels without batches, with full buckets, and while they change. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { FakeKernel, fail } from '../../../src/kernel/fake.ts';
import { HashMap } from '../../../src/maps/hash.ts';
import { PerCpuMap } from '../../../src/maps/per-cpu.ts';
import { mapSpec } from '../../host/kernel/support.ts';

const view = (bytes: Uint8Array): DataView => new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);

/** A hash as an old kernel has it: no batches; the key after one that is gone is the first. */
class OldHash {
  readonly kernel = new FakeKernel();
  readonly entries = new Map<number, number>();
  steps = 0;
  /** Called before each GET_NEXT_KEY: what programs do meanwhile. */
  meanwhile: () => void = () => {};

  constructor() {
    const noBatch = (): ReturnType<typeof fail> => fail('ENOTSUPP');
    this.kernel.on('MAP_LOOKUP_BATCH', noBatch).on('MAP_LOOKUP_AND_DELETE_BATCH', noBatch);
    this.kernel.on('MAP_GET_NEXT_KEY', (call) => {
      assert.ok(this.steps++ < 100_000, 'the scan does not end');
      this.meanwhile();
      const keys = [...this.entries.keys()];
      const before = call.attr['key'] === 0n ? undefined : view(call.buffer('key')).getUint32(0, true);
      const at = before === undefined ? -1 : keys.indexOf(before);
      const next = keys[at + 1];
      if (next === undefined) return fail('ENOENT');
      view(call.buffer('next_key')).setUint32(0, next, true);
      return 0;
    });
    this.kernel.on('MAP_LOOKUP_ELEM', (call) => {
      const value = this.entries.get(view(call.buffer('key')).getUint32(0, true));
      if (value === undefined) return fail('ENOENT');
      view(call.buffer('value')).setUint32(0, value, true);
      return 0;
    });
    this.kernel.on('MAP_DELETE_ELEM', (call) => (this.entries.delete(view(call.buffer('key')).getUint32(0, true)) ? 0 : fail('ENOENT')));
  }

  open(maxEntries: number): HashMap<number, number> {
    return new HashMap({ name: 'h', fd: 5, spec: mapSpec({ name: 'h', type: 'hash', valueSize: 4, maxEntries }) }, this.kernel, {});
  }
}

test('without batches: all entries, and taking them out', () => {
  const old = new OldHash();
  for (let i = 0; i < 1000; i++) old.entries.set(i, i * 2);
  const map = old.open(2000);
  assert.deepEqual(
    [...map.entries()],
    Array.from({ length: 1000 }, (_, i) => [i, i * 2]),
  );
  assert.equal([...map.drain()].length, 1000);
  assert.equal(old.entries.size, 0);
  assert.deepEqual([...map.entries()], []);
});

test('without batches, a drain that is left early: only what was handed over is gone', () => {
  const old = new OldHash();
  for (let i = 0; i < 1000; i++) old.entries.set(i, i);
  let given = 0;
  for (const _ of old.open(2000).drain()) if (++given === 300) break;
  assert.equal(old.entries.size, 700);
});

test('what the caller does with the map between entries does not disturb the reading', () => {
  const old = new OldHash();
  for (let i = 0; i < 600; i++) old.entries.set(i, i);
  const map = old.open(1000);
  const seen: number[] = [];
  for (const [key] of map.entries()) {
    seen.push(key);
    map.get((key * 7) % 600);
    map.delete(key);
  }
  assert.deepEqual(
    seen.sort((a, b) => a - b),
    Array.from({ length: 600 }, (_, i) => i),
  );
});

test('keys that go while the map is read: it starts again, and no entry comes twice', () => {
  const old = new OldHash();
  for (let i = 0; i < 300; i++) old.entries.set(i, i);
  let calls = 0;
  // Every few steps the key that was read last is taken out: the kernel starts again from the first.
  old.meanwhile = () => {
    if (++calls % 10 === 0) old.entries.delete(calls / 10 + 100);
  };
  const seen = [...old.open(1000).keys()];
  assert.equal(new Set(seen).size, seen.length);
  for (let i = 0; i < 100; i++) assert.ok(seen.includes(i), `${i} stayed all the time`);
});

test('a map that never comes to rest does not hold the reader', () => {
  const old = new OldHash();
  for (let i = 0; i < 50; i++) old.entries.set(i, i);
  let fresh = 1000;
  old.meanwhile = () => {
    // The last key is always new: there is always a next one.
    const [first] = old.entries.keys();
    if (first !== undefined) old.entries.delete(first);
    old.entries.set(fresh++, 1);
  };
  const seen = [...old.open(100).keys()];
  assert.ok(seen.length >= 50 && seen.length < 100_000, `${seen.length}`);
});

test('a bucket that does not fit: the buffers grow', () => {
  const kernel = new FakeKernel();
  kernel.on('MAP_LOOKUP_BATCH', (call) => {
    const count = Number(call.attr['count']);
    if (count < 100) {
      call.answer('count', 0);
      return fail('ENOSPC');
    }
    call.answer('count', 100);
    for (let i = 0; i < 100; i++) {
      view(call.buffer('keys')).setUint32(i * 4, i, true);
      view(call.buffer('values')).setUint32(i * 4, i + 1, true);
    }
    return fail('ENOENT');
  });
  const map = new HashMap<number, number>(
    { name: 'h', fd: 5, spec: mapSpec({ name: 'h', type: 'hash', valueSize: 4, maxEntries: 40 }) },
    kernel,
    {},
  );
  assert.deepEqual(
    [...map.entries()],
    Array.from({ length: 100 }, (_, i) => [i, i + 1]),
  );
  assert.deepEqual(
    kernel.named('MAP_LOOKUP_BATCH').map((c) => c.attr['count']),
    [40, 80, 160],
  );
});

test('batches go on where the kernel says, and end with what came last', () => {
  const kernel = new FakeKernel();
  kernel.on('MAP_LOOKUP_BATCH', (call) => {
    const from = call.attr['in_batch'] === 0n ? 0 : view(call.buffer('in_batch')).getUint32(0, true);
    const count = from === 20 ? 3 : 10;
    for (let i = 0; i < count; i++) view(call.buffer('keys')).setUint32(i * 4, from + i, true);
    view(call.buffer('out_batch')).setUint32(0, from + 10, true);
    call.answer('count', count);
    return from === 20 ? fail('ENOENT') : 0;
  });
  const map = new HashMap<number, number>(
    { name: 'h', fd: 5, spec: mapSpec({ name: 'h', type: 'hash', valueSize: 4, maxEntries: 100 }) },
    kernel,
    {},
  );
  assert.deepEqual(
    [...map.keys()],
    Array.from({ length: 23 }, (_, i) => i),
  );
  assert.equal(kernel.named('MAP_GET_NEXT_KEY').length, 0);
});

test('an error in the middle is told, not taken for the end', () => {
  const kernel = new FakeKernel();
  kernel.on('MAP_LOOKUP_BATCH', (call) => {
    call.answer('count', 1);
    return call.attempt === 1 ? 0 : fail('EFAULT');
  });
  const map = new HashMap<number, number>(
    { name: 'h', fd: 5, spec: mapSpec({ name: 'h', type: 'hash', valueSize: 4, maxEntries: 100 }) },
    kernel,
    {},
  );
  assert.throws(() => [...map.keys()], /reading map 'h': .*EFAULT/);
});

test('slots of per-CPU values are eight bytes apart', () => {
  const kernel = new FakeKernel();
  kernel.files.set('/sys/devices/system/cpu/possible', '0-2');
  kernel.on('MAP_LOOKUP_ELEM', (call) => {
    const value = call.buffer('value');
    assert.equal(value.length, 24);
    for (let cpu = 0; cpu < 3; cpu++) view(value).setUint32(cpu * 8, cpu + 1, true);
    return 0;
  });
  const map = new PerCpuMap<number, number>(
    { name: 'p', fd: 5, spec: mapSpec({ name: 'p', type: 'percpu_array', valueSize: 4 }) },
    kernel,
    {},
  );
  assert.deepEqual(map.get(0), [1, 2, 3]);
  map.set(0, [4, 5, 6]);
  const written = kernel.named('MAP_UPDATE_ELEM')[0]?.bytes('value') ?? new Uint8Array(0);
  assert.deepEqual([view(written).getUint32(0, true), view(written).getUint32(8, true), view(written).getUint32(16, true)], [4, 5, 6]);
});
