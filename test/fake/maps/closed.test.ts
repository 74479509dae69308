/** Handles that outlive what they belong to: the number may be another map's by then, so no call is made with it. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { readTargetFacts } from '../../../src/kernel/facts.ts';
import { FakeKernel } from '../../../src/kernel/fake.ts';
import { loadObject } from '../../../src/link/load.ts';
import { ArrayMap } from '../../../src/maps/array.ts';
import { FdMap } from '../../../src/maps/fd-array.ts';
import { HashMap } from '../../../src/maps/hash.ts';
import { PerCpuMap } from '../../../src/maps/per-cpu.ts';
import { DataSections, Variable, variableCodec } from '../../../src/maps/variables.ts';
import type { MapSpec } from '../../../src/object/spec.ts';
import { mapSpec, returns, tinyObject } from '../../host/kernel/support.ts';

function loaded(...maps: readonly MapSpec[]) {
  const kernel = new FakeKernel();
  kernel.files.set('/sys/devices/system/cpu/possible', '0-1\n');
  kernel.files.set('/proc/sys/kernel/osrelease', '6.1.0\n');
  const spec = tinyObject({ program: { type: 'socket_filter' }, main: returns(0) });
  const object = loadObject({ ...spec, maps: new Map(maps.map((map) => [map.name, map])) }, kernel, { facts: readTargetFacts(kernel) });
  const handle = (name: string) => object.maps.get(name) ?? assert.fail(name);
  return { kernel, object, handle };
}

test('a map of an object that was closed: every call says so, none is made', () => {
  const { kernel, object, handle } = loaded(
    mapSpec({ name: 'a', type: 'array', maxEntries: 4 }),
    mapSpec({ name: 'h', type: 'hash' }),
    mapSpec({ name: 'p', type: 'percpu_hash' }),
    mapSpec({ name: 't', type: 'prog_array', valueSize: 4 }),
  );
  const a = new ArrayMap<bigint>(handle('a'), kernel, {});
  const h = new HashMap<number, bigint>(handle('h'), kernel, {});
  const p = new PerCpuMap<number, bigint>(handle('p'), kernel, {});
  const t = new FdMap(handle('t'), kernel, {});
  const main = object.programs.get('main') ?? assert.fail();
  a.set(0, 1n);
  t.set(0, main);
  const underWay = h.entries();
  object.close();
  const calls = kernel.calls.length;
  const uses: Readonly<Record<string, (() => unknown)[]>> = {
    a: [
      () => a.get(0),
      () => a.set(0, 1n),
      () => [...a.entries()],
      () => a.clear(),
      () => a.columns(),
      () => a.setAll([[0, 1n]]),
      () => a.fd,
    ],
    h: [() => h.get(1), () => h.delete(1), () => [...h.drain()], () => h.nextKey(), () => h.deleteAll([1]), () => underWay.next()],
    p: [() => p.get(0), () => p.set(0, { all: 1n }), () => [...p.entries()]],
    t: [() => t.get(0), () => t.set(0, 1), () => t.freeze(), () => t.pin('/sys/fs/bpf/t')],
  };
  for (const [name, actions] of Object.entries(uses))
    for (const action of actions) assert.throws(action, { name: 'UsageError', message: `the map '${name}' was closed` }, String(action));
  assert.equal(kernel.calls.length, calls);
});

test('what goes into a slot is open, too', () => {
  const first = loaded(mapSpec({ name: 't', type: 'prog_array', valueSize: 4 }));
  const second = loaded();
  const t = new FdMap(first.handle('t'), first.kernel, {});
  const main = second.object.programs.get('main') ?? assert.fail();
  second.object.close();
  assert.throws(() => t.set(0, main), { name: 'UsageError', message: "the program 'main' was closed" });
});

test('a map that owns its descriptor closes it once and is not used afterwards', () => {
  const kernel = new FakeKernel();
  kernel.open.set(5, 'MAP_CREATE');
  const map = new HashMap({ name: 'own', fd: 5, spec: mapSpec({ name: 'own', type: 'hash' }) }, kernel, { owns: true });
  map.close();
  map.close();
  assert.equal(kernel.named('close').length, 1);
  assert.throws(() => map.get(1), /the map 'own' was closed/);
  assert.equal(kernel.named('MAP_LOOKUP_ELEM').length, 0);
});

test('variables of sections that are closed are not zeros', () => {
  const { kernel, object, handle } = loaded(mapSpec({ name: '.bss', type: 'array', valueSize: 8, maxEntries: 1, flags: 1024 }));
  const sections = new DataSections(kernel);
  const about = { name: 'n', map: '.bss', offset: 0, size: 8, type: 0, linkage: 'global' } as const;
  const n = new Variable<bigint>(about, sections.of(handle('.bss')), variableCodec(undefined, about) as never);
  n.value = 7n;
  assert.equal(n.value, 7n);
  sections.close();
  object.close();
  const closed = /the section '.bss' was closed/;
  assert.throws(() => n.value, closed);
  assert.throws(() => (n.value = 1n), closed);
  assert.throws(() => n.add(1), closed);
});
