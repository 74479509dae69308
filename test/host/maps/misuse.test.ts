/** What the kernel says to wrong uses of maps, and what a drain that is left early leaves. */
import assert from 'node:assert/strict';
import { BtfBuilder } from '../../../src/btf/write.ts';
import { UsageError } from '../../../src/kernel/errors.ts';
import { loadObject } from '../../../src/link/load.ts';
import { ArrayMap } from '../../../src/maps/array.ts';
import { FdMap } from '../../../src/maps/fd-array.ts';
import { HashMap } from '../../../src/maps/hash.ts';
import { type AnyMap, openMap } from '../../../src/maps/open.ts';
import { PerCpuMap } from '../../../src/maps/per-cpu.ts';
import { openPinnedMap, unpin } from '../../../src/maps/pinned.ts';
import type { MapSpec } from '../../../src/object/spec.ts';
import { kernelTest } from '../../run/needs.ts';
import { facts, kernel, leavesNothing, mapSpec, returns, tinyObject } from '../kernel/support.ts';

const btf = new BtfBuilder();
const u32 = btf.add({ kind: 'int', name: 'unsigned int', size: 4, bits: 32, encoding: 'unsigned' });
const u64 = btf.add({ kind: 'int', name: 'unsigned long long', size: 8, bits: 64, encoding: 'unsigned' });

function withMaps(specs: readonly MapSpec[], use: (...maps: AnyMap[]) => void): void {
  const object = tinyObject({ program: { type: 'socket_filter', autoLoad: false }, main: returns(0), typed: false });
  using loaded = loadObject({ ...object, btf, maps: new Map(specs.map((spec) => [spec.name, spec])) }, kernel, { facts });
  use(...specs.map(({ name }) => openMap(loaded.maps.get(name) ?? assert.fail(name), kernel, { btf })));
}

const counts = (type: string): MapSpec =>
  mapSpec({ name: 't_drain', type, maxEntries: type.endsWith('array') ? 64 : 4096, keyType: u32, valueType: u64 });
const usage = (message: RegExp) => (error: unknown) => error instanceof UsageError && message.test(error.message);

kernelTest('a drain that is left early takes out what it gave, and no more', { minKernel: '5.6' }, () =>
  leavesNothing(() => {
    for (const type of ['hash', 'percpu_hash', 'percpu_array'])
      withMaps([counts(type)], (map) => {
        const isHash = map instanceof HashMap;
        assert.ok(isHash || map instanceof PerCpuMap);
        const count = type === 'percpu_array' ? 64 : 3000;
        if (isHash) map.setAll(Array.from({ length: count }, (_, i) => [i, i + 1]));
        else for (let i = 0; i < count; i++) map.set(i, { all: i + 1 });
        const given = new Set<unknown>();
        for (const [key] of map.drain()) {
          given.add(key);
          if (given.size === 10) break;
        }
        assert.equal(given.size, 10, type);
        if (type !== 'percpu_array') assert.equal(map.size, count - 10, type);
        for (const [key, value] of map.entries()) {
          const [first] = Array.isArray(value) ? value : [value];
          assert.equal(first, given.has(key) ? 0n : BigInt(Number(key) + 1), `${type}: ${String(key)}`);
        }
      });
  }),
);

kernelTest('indexes out of range and descriptors that are none are told as such', { minKernel: '5.11' }, () =>
  leavesNothing(() => {
    const inner = mapSpec({ name: 't_inner', type: 'array', maxEntries: 1 });
    withMaps(
      [
        mapSpec({ name: 't_progs', type: 'prog_array', valueSize: 4, maxEntries: 4 }),
        mapSpec({ name: 't_outer', type: 'array_of_maps', valueSize: 4, maxEntries: 1, inner }),
        mapSpec({ name: 't_list', type: 'array', maxEntries: 4 }),
        mapSpec({ name: 't_each', type: 'percpu_array', maxEntries: 4 }),
      ],
      (programs, outer, list, each) => {
        assert.ok(programs instanceof FdMap && outer instanceof FdMap && list instanceof ArrayMap && each instanceof PerCpuMap);
        assert.throws(() => outer.set(8, list), usage(/map 't_outer': index 8 is out of range: the map has 1 entry$/));
        assert.throws(() => each.set(4, { all: 1 }), usage(/map 't_each': index 4 is out of range: the map has 4 entries$/));
        assert.throws(() => list.setAll([[7, 1]]), usage(/map 't_list' has entries 0 to 3, not 7$/));
        assert.throws(() => outer.set(0, 9999), usage(/map 't_outer': descriptor 9999 is not open, or is not of a map$/));
        assert.throws(() => programs.set(0, 9999), usage(/map 't_progs': descriptor 9999 is not open, or is not of a program$/));
      },
    );
  }),
);

kernelTest('files that are no pins are neither opened nor removed', {}, () => {
  assert.throws(() => openPinnedMap(kernel, '/etc/passwd'), usage(/\/etc\/passwd: that is no pin/));
  assert.throws(() => unpin(kernel, '/etc/passwd'), usage(/\/etc\/passwd: it is no pin/));
  assert.ok(kernel.exists('/etc/passwd'));
});
