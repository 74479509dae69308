/** Typed maps on the real kernel. */
import assert from 'node:assert/strict';
import { inspect } from 'node:util';
import { BtfBuilder } from '../../../src/btf/write.ts';
import { bpf } from '../../../src/kernel/bpf-attr.ts';
import { possibleCpus } from '../../../src/kernel/cpus.ts';
import { UsageError } from '../../../src/kernel/errors.ts';
import { type LoadedObject, loadObject } from '../../../src/link/load.ts';
import { ArrayMap } from '../../../src/maps/array.ts';
import { BloomMap } from '../../../src/maps/bloom.ts';
import type { Column, Columns } from '../../../src/maps/columns.ts';
import { MapFullError } from '../../../src/maps/elements.ts';
import { FdMap, mapById } from '../../../src/maps/fd-array.ts';
import { HashMap } from '../../../src/maps/hash.ts';
import { type AnyMap, openMap } from '../../../src/maps/open.ts';
import { PerCpuMap } from '../../../src/maps/per-cpu.ts';
import { QueueMap } from '../../../src/maps/queue.ts';
import { StorageMap } from '../../../src/maps/storage.ts';
import { walk } from '../../../src/maps/walk.ts';
import type { MapSpec, ObjectSpec } from '../../../src/object/spec.ts';
import { kernelTest } from '../../run/needs.ts';
import { facts, kernel, leavesNothing, mapSpec, returns, tinyObject } from '../kernel/support.ts';

const btf = new BtfBuilder();
const u32 = btf.add({ kind: 'int', name: 'unsigned int', size: 4, bits: 32, encoding: 'unsigned' });
const u64 = btf.add({ kind: 'int', name: 'unsigned long long', size: 8, bits: 64, encoding: 'unsigned' });
const s64 = btf.add({ kind: 'int', name: 'long long', size: 8, bits: 64, encoding: 'signed' });
const char = btf.add({ kind: 'int', name: 'char', size: 1, bits: 8, encoding: 'signed' });
const comm = btf.add({ kind: 'array', element: char, index: u32, length: 16 });
const keyStruct = btf.add({
  kind: 'struct',
  name: 'key_t',
  size: 24,
  members: [
    { name: 'pid', type: u32, bitOffset: 0, bitSize: 0 },
    { name: 'comm', type: comm, bitOffset: 32, bitSize: 0 },
    { name: 'cpu', type: u32, bitOffset: 160, bitSize: 0 },
  ],
});
const valueStruct = btf.add({
  kind: 'struct',
  name: 'val_t',
  size: 16,
  members: [
    { name: 'count', type: u64, bitOffset: 0, bitSize: 0 },
    { name: 'sum', type: s64, bitOffset: 64, bitSize: 0 },
  ],
});

/** One map of an object of its own, opened with its types. */
function withMap<M extends AnyMap>(spec: MapSpec, Class: new (...args: never[]) => M, use: (map: M, object: LoadedObject) => void): void {
  const object: ObjectSpec = {
    ...tinyObject({ program: { type: 'socket_filter', autoLoad: false }, main: returns(0), typed: false }),
    btf,
    maps: new Map([[spec.name, spec]]),
  };
  using loaded = loadObject(object, kernel, { facts });
  assert.deepEqual(loaded.warnings, []);
  const handle = loaded.maps.get(spec.name);
  assert.ok(handle);
  const map = openMap(handle, kernel, { btf });
  assert.ok(map instanceof Class, map.constructor.name);
  use(map as M, loaded);
}

kernelTest('hash: entries as objects', {}, () =>
  leavesNothing(() => {
    withMap(
      mapSpec({ name: 't_hash', type: 'hash', keySize: 24, valueSize: 16, maxEntries: 8, keyType: keyStruct, valueType: valueStruct }),
      HashMap,
      (map) => {
        const key = { pid: 7, comm: 'bash', cpu: 1 };
        assert.equal(map.get(key), undefined);
        assert.equal(map.set(key, { count: 2n ** 63n, sum: -5n }), true);
        assert.deepEqual(map.get(key), { count: 2n ** 63n, sum: -5n });
        assert.equal(map.has({ ...key, cpu: 2 }), false);
        assert.deepEqual([...map], [[key, { count: 2n ** 63n, sum: -5n }]]);
        assert.equal(map.set(key, { count: 1n, sum: 1n }, { if: 'absent' }), false);
        assert.equal(map.set({ ...key, pid: 8 }, { count: 1n, sum: 1n }, { if: 'present' }), false);
        assert.equal(map.size, 1);
        assert.deepEqual(map.take(key), { count: 2n ** 63n, sum: -5n });
        assert.equal(map.take(key), undefined);
        assert.equal(map.delete(key), false);
        assert.throws(() => map.set(5, { count: 0n, sum: 0n }), /value|record|object/i, 'a key of the wrong shape');
      },
    );
  }),
);

for (const type of ['hash', 'lru_hash'] as const) {
  kernelTest(`${type}: many entries are read, drained and cleared in batches`, {}, () =>
    leavesNothing(() => {
      withMap(mapSpec({ name: 't_hash', type, maxEntries: 70_000, keyType: u32, valueType: u64 }), HashMap<number, bigint>, (map) => {
        const count = 50_000;
        for (let i = 0; i < count; i++) map.set(i, BigInt(i) * 3n);
        const seen = new Map(map.entries());
        if (type === 'hash') assert.equal(seen.size, count);
        else assert.ok(seen.size > count / 2);
        for (const [key, value] of seen) assert.equal(value, BigInt(key) * 3n);
        assert.equal([...map.keys()].length, seen.size);
        assert.equal([...map.values()].length, seen.size);
        map.zero();
        assert.ok([...map.values()].every((v) => v === 0n));
        assert.equal([...map.drain()].length, seen.size);
        assert.equal(map.size, 0);
        for (let i = 0; i < 100; i++) map.set(i, 1n);
        map.clear();
        assert.equal(map.size, 0);
      });
    }),
  );
}

kernelTest('hash: full, closed, incremented', {}, () =>
  leavesNothing(() => {
    withMap(mapSpec({ name: 't_hash', type: 'hash', maxEntries: 2, keyType: u32, valueType: u64 }), HashMap<number, bigint>, (map) => {
      map.set(1, 1n);
      map.set(2, 2n);
      assert.throws(
        () => map.set(3, 3n),
        (error: unknown) => error instanceof MapFullError && /writing to map 't_hash': it is full/.test(error.message),
      );
      map.increment(1);
      map.increment(1, 10n);
      assert.equal(map.get(1), 12n);
      assert.throws(() => map.set(1, 2n ** 64n), /fit/);
    });
    const fd = bpf(kernel, 'MAP_CREATE', { map_type: 1, key_size: 4, value_size: 4, max_entries: 1, map_name: 't_hash' });
    const map = openMap({ name: 't_hash', fd, spec: mapSpec({ name: 't_hash', type: 'hash', valueSize: 4, maxEntries: 1 }) }, kernel, {
      owns: true,
    }) as HashMap;
    map.set(1, 1);
    map.close();
    map.close();
    assert.throws(
      () => map.get(1),
      (error: unknown) => error instanceof UsageError && /the map .* was closed/.test(error.message),
    );
  }),
);

kernelTest('a map that is written while it is read: the reading ends', {}, () =>
  leavesNothing(() => {
    withMap(mapSpec({ name: 't_hash', type: 'hash', maxEntries: 1000, keyType: u32, valueType: u64 }), HashMap<number, bigint>, (map) => {
      for (let i = 0; i < 500; i++) map.set(i, 1n);
      let read = 0;
      for (const [key] of map.entries()) {
        map.delete(key);
        map.set(key + 100_000 + read, 1n);
        assert.ok(++read < 10_000, 'endless');
      }
      assert.ok(read >= 500);
    });
  }),
);

kernelTest('lpm_trie: read without batches or with, the same', {}, () =>
  leavesNothing(() => {
    withMap(mapSpec({ name: 't_hash', type: 'lpm_trie', keySize: 8, valueSize: 8, maxEntries: 2000 }), HashMap<bigint, bigint>, (map) => {
      // Prefix length in the low half, address above, as the kernel's struct bpf_lpm_trie_key has it.
      const key = (bits: number, address: number): bigint => BigInt(bits) | (BigInt(address) << 32n);
      for (let i = 0; i < 1000; i++) map.set(key(32, i), BigInt(i));
      assert.equal(map.size, 1000);
      assert.equal(new Set([...map.keys()]).size, 1000);
      assert.equal(map.get(key(32, 5)), 5n);
      map.clear();
      assert.equal(map.size, 0);
    });
  }),
);

kernelTest('array: indexes, bounds, zero', {}, () =>
  leavesNothing(() => {
    withMap(mapSpec({ name: 't_array', type: 'array', maxEntries: 100, keyType: u32, valueType: u64 }), ArrayMap<bigint>, (map) => {
      assert.equal(map.length, 100);
      map.set(99, 7n);
      map.increment(99);
      assert.equal(map.get(99), 8n);
      assert.deepEqual(
        [...map.entries()].filter(([, v]) => v !== 0n),
        [[99, 8n]],
      );
      for (const index of [100, -1, 1.5, Number.NaN])
        assert.throws(
          () => map.get(index),
          (error: unknown) => error instanceof UsageError && /has entries 0 to 99/.test(error.message),
        );
      map.delete(99);
      assert.equal(map.get(99), 0n);
      map.set(3, 3n);
      map.clear();
      assert.ok([...map.values()].every((v) => v === 0n));
    });
  }),
);

for (const type of ['percpu_hash', 'lru_percpu_hash', 'percpu_array'] as const) {
  kernelTest(`${type}: a value for every possible CPU, and what they come to`, {}, () =>
    leavesNothing(() => {
      const cpus = possibleCpus(kernel).length;
      withMap(
        mapSpec({ name: 't_hash', type, valueSize: 16, maxEntries: 50, keyType: u32, valueType: valueStruct }),
        PerCpuMap<number, { count: bigint; sum: bigint }>,
        (map) => {
          const values = Array.from({ length: cpus }, (_, cpu) => ({ count: BigInt(cpu + 1), sum: BigInt(-cpu) }));
          map.set(3, values);
          assert.deepEqual(map.get(3), values);
          const total = BigInt((cpus * (cpus + 1)) / 2);
          assert.deepEqual(map.sum(3), { count: total, sum: BigInt(cpus) - total });
          assert.deepEqual(map.max(3), { count: BigInt(cpus), sum: 0n });
          assert.deepEqual(map.min(3), { count: 1n, sum: BigInt(1 - cpus) });
          map.set(4, { all: { count: 2n, sum: 0n } });
          assert.equal(map.sum(4)?.count, 2n * BigInt(cpus));
          const reduced = new Map(map.reduced());
          assert.equal(reduced.get(3)?.count, total);
          assert.throws(() => map.set(3, [...values, values[0] ?? { count: 0n, sum: 0n }]), /has values for/);
          if (type === 'percpu_array') {
            assert.equal(map.size, 50);
            assert.equal(reduced.size, 50);
          } else {
            assert.equal(map.size, 2);
            assert.equal(map.get(77), undefined);
            assert.equal(map.sum(77), undefined);
            assert.equal(map.delete(3), true);
            assert.equal(map.delete(3), false);
          }
          assert.ok([...map.drain()].length >= 1);
          assert.ok([...map.reduced()].every(([, v]) => v.count === 0n));
        },
      );
    }),
  );
}

kernelTest('percpu values that are not a multiple of eight bytes, and averages', {}, () =>
  leavesNothing(() => {
    const cpus = possibleCpus(kernel).length;
    withMap(
      mapSpec({ name: 't_hash', type: 'percpu_hash', valueSize: 4, keyType: u32, valueType: u32 }),
      PerCpuMap<number, number>,
      (map) => {
        map.set(
          1,
          Array.from({ length: cpus }, (_, cpu) => cpu * 10),
        );
        assert.deepEqual(
          map.get(1),
          Array.from({ length: cpus }, (_, cpu) => cpu * 10),
        );
        assert.equal(map.average(1), (cpus - 1) * 5);
        assert.equal(map.average(2), undefined);
        assert.equal(
          map.reduce(1, (a, b) => (a < b ? b : a)),
          (cpus - 1) * 10,
        );
      },
    );
  }),
);

kernelTest('queue and stack', {}, () =>
  leavesNothing(() => {
    withMap(mapSpec({ name: 't_map', type: 'queue', keySize: 0, maxEntries: 3 }), QueueMap<bigint>, (map) => {
      for (const v of [1n, 2n, 3n]) map.push(v);
      assert.throws(() => map.push(4n), MapFullError);
      map.push(4n, { replace: true });
      assert.equal(map.peek(), 2n);
      assert.equal(map.pop(), 2n);
      assert.deepEqual([...map.drain()], [3n, 4n]);
      assert.equal(map.pop(), undefined);
      assert.equal(map.peek(), undefined);
    });
    withMap(mapSpec({ name: 't_map', type: 'stack', keySize: 0, maxEntries: 3 }), QueueMap<bigint>, (map) => {
      for (const v of [1n, 2n, 3n]) map.push(v);
      assert.deepEqual([...map.drain()], [3n, 2n, 1n]);
    });
  }),
);

kernelTest('bloom filter', { minKernel: '5.16' }, () =>
  leavesNothing(() => {
    withMap(mapSpec({ name: 't_map', type: 'bloom_filter', keySize: 0, valueSize: 4, maxEntries: 1000 }), BloomMap<number>, (map) => {
      for (let i = 0; i < 500; i++) map.add(i);
      for (let i = 0; i < 500; i++) assert.ok(map.has(i));
      const wrong = Array.from({ length: 1000 }, (_, i) => i + 1000).filter((i) => map.has(i)).length;
      assert.ok(wrong < 500, `${wrong} of 1000 false positives`);
    });
  }),
);

kernelTest('maps in maps, and programs in an array', {}, () =>
  leavesNothing(() => {
    const inner = mapSpec({ name: 't_inner', type: 'array', maxEntries: 1 });
    withMap(mapSpec({ name: 't_outer', type: 'hash_of_maps', valueSize: 4, inner }), FdMap<number>, (map) => {
      using object = loadObject(
        { ...tinyObject({ program: { type: 'socket_filter' }, main: returns(0) }), maps: new Map([['t_inner', inner]]) },
        kernel,
        { facts },
      );
      const handle = object.maps.get('t_inner');
      assert.ok(handle);
      const values = new ArrayMap<bigint>(handle, kernel, {});
      values.set(0, 42n);
      map.set(9, values);
      const id = map.get(9);
      assert.ok(id !== undefined && id > 0);
      const fd = mapById(kernel, id);
      assert.equal(new ArrayMap<bigint>({ name: 't_inner', fd, spec: inner }, kernel, { owns: true }).get(0), 42n);
      kernel.close(fd);
      assert.equal(map.get(1), undefined);
      map.clear();
      assert.equal(map.get(9), undefined);
      assert.throws(() => mapById(kernel, 0x7fffffff), /no map with id/);
    });
    withMap(mapSpec({ name: 't_progs', type: 'prog_array', valueSize: 4, maxEntries: 4 }), FdMap<number>, (map) => {
      using object = loadObject(tinyObject({ program: { type: 'socket_filter' }, main: returns(0) }), kernel, { facts });
      const program = object.programs.get('main');
      assert.ok(program);
      map.set(2, program);
      assert.ok((map.get(2) ?? 0) > 0);
      assert.equal(map.delete(2), true);
      assert.equal(map.get(2), undefined);
      map.clear();
    });
  }),
);

kernelTest('task storage', { minKernel: '5.11', btf: true }, () =>
  leavesNothing(() => {
    withMap(
      mapSpec({
        name: 't_map',
        type: 'task_storage',
        keyType: btf.add({ kind: 'int', name: 'int', size: 4, bits: 32, encoding: 'signed' }),
        valueType: u64,
        maxEntries: 0,
      }),
      StorageMap<bigint>,
      (map) => {
        assert.equal(map.getByPid(process.pid), undefined);
        const pidfd = kernel.syscall('pidfd_open', process.pid, 0);
        assert.equal(map.set(pidfd, 5n), true);
        assert.equal(map.getByPid(process.pid), 5n);
        assert.equal(map.delete(pidfd), true);
        assert.equal(map.get(pidfd), undefined);
        assert.equal(map.getByPid(0x3fffff), undefined, 'no such process');
        kernel.close(pidfd);
      },
    );
  }),
);

kernelTest('a frozen map is read-only from here', {}, () =>
  leavesNothing(() => {
    withMap(
      mapSpec({
        name: 't_array',
        type: 'array',
        maxEntries: 1,
        data: new Uint8Array(8).fill(1),
        frozen: true,
        keyType: u32,
        valueType: u64,
      }),
      ArrayMap<bigint>,
      (map) => {
        assert.equal(map.get(0), 0x0101010101010101n);
        assert.throws(
          () => map.set(0, 1n),
          (error: unknown) => error instanceof UsageError && /read-only/.test(error.message),
        );
      },
    );
  }),
);

kernelTest('maps that the kernel refuses say why', {}, () =>
  leavesNothing(() => {
    const refuse = (spec: MapSpec, pattern: RegExp): void => assert.throws(() => withMap(spec, HashMap, () => {}), pattern);
    refuse(mapSpec({ name: 't_hash', type: 'hash', maxEntries: 0 }), /map 't_hash'/);
    refuse(mapSpec({ name: 't_hash', type: 'array', keySize: 8 }), /must be 4 bytes, not 8/);
    refuse(mapSpec({ name: 't_hash', type: 'hash', valueSize: 2 ** 30, maxEntries: 2 ** 30 }), /too large|refuses/);
    refuse(mapSpec({ name: 't_hash', type: 'task_storage', keyType: 0, valueType: 0 }), /needs types/);
  }),
);

const shown = (value: unknown): string => inspect(value, { depth: null });

/** Rows of what `columns` gives, in an order of their own: both ways go by bucket, but nothing promises it. */
function rowsOf({ length, keys, values }: Columns): string[] {
  const at = (column: Column, i: number): unknown =>
    'length' in column ? column[i as never] : Object.values(column).map((member) => at(member, i));
  return Array.from({ length }, (_, i) => String([at(keys, i), at(values, i)])).sort();
}

kernelTest('columns at once are those of the batches', { minKernel: '5.14' }, () =>
  leavesNothing(() => {
    const u8 = btf.find('char') ?? 0;
    for (const [type, keyType, keySize, valueType, valueSize] of [
      ['hash', u64, 8, u64, 8],
      ['lru_hash', u32, 4, valueStruct, 16],
      ['hash', keyStruct, 24, u32, 4],
      ['hash', comm, 16, u8, 1],
    ] as const) {
      const spec = mapSpec({ name: 'skep', type, keyType, keySize, valueType, valueSize, maxEntries: 1000 });
      withMap(spec, HashMap, (map) => {
        assert.equal(map.columns({ atOnce: true }).length, 0);
        const one = (size: number, i: number): Uint8Array =>
          Uint8Array.from({ length: size }, (_, byte) => (byte < 4 ? (i * 2654435761) >>> (8 * byte) : i * 7 + byte));
        for (let i = 0; i < 300; i++)
          bpf(kernel, 'MAP_UPDATE_ELEM', { map_fd: map.fd, key: one(keySize, i), value: one(valueSize, i + 5), flags: 0n });
        const walked = walk(kernel, map);
        assert.equal(walked?.count, 300, `${type}: this kernel can`);
        walked?.close();
        assert.deepEqual([...map.entries({ atOnce: true })].map(shown).sort(), [...map.entries()].map(shown).sort());
        assert.deepEqual(rowsOf(map.columns({ atOnce: true })), rowsOf(map.columns()), `${type} of ${keySize} and ${valueSize} bytes`);
      });
    }
    // What the walk does not do is read in batches.
    withMap(mapSpec({ name: 'large', type: 'hash', keyType: u32, keySize: 4, valueSize: 400 }), HashMap, (map) => {
      assert.equal(walk(kernel, map), undefined);
    });
  }),
);
