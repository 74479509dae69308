/** What JavaScript has no compiler for: wrong arguments of `BPF`'s methods are told as such, on a kernel that does nothing. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { SIGNATURES } from '../../../src/bcc/arguments.ts';
import { BPF } from '../../../src/bcc/bpf.ts';
import { UsageError, UserError } from '../../../src/kernel/errors.ts';
import { FakeKernel, fail } from '../../../src/kernel/fake.ts';

const TEXT = `struct pair { u32 a; u32 b; };
BPF_HASH(h, u32, u64);
BPF_HASH(structs, u32, struct pair);
BPF_HASH(named, struct pair, struct pair);
BPF_ARRAY(list, u64, 4);
u32 limit = 7;
int f(void *ctx) { u32 k = 0; struct pair p = {}; h.increment(k); list.increment(k + limit); structs.update(&k, &p); named.update(&p, &p); return 0; }`;

async function loaded(globals: Readonly<Record<string, number>> = {}): Promise<{ readonly b: BPF; readonly kernel: FakeKernel }> {
  const kernel = new FakeKernel();
  kernel.files.set('/proc/sys/kernel/osrelease', '6.12.0\n');
  kernel.files.set('/sys/devices/system/cpu/online', '0-1\n');
  kernel.files.set('/sys/devices/system/cpu/possible', '0-1\n');
  kernel.files.set('/sys/kernel/tracing/events/sched/sched_switch/id', '316\n');
  return { b: await BPF.load({ text: TEXT, kernel, globals, name: 'prog', onWarning: () => {} }), kernel };
}

type Methods = Readonly<Record<string, (...given: readonly unknown[]) => unknown>>;
const says =
  (message: RegExp, hint = /./) =>
  (error: unknown) => {
    assert.ok(error instanceof UsageError, String((error as Error).stack));
    assert.match(error.message, message);
    assert.match(error.hint ?? '-', hint);
    return true;
  };

test("BCC's keywords as one object, and what else is no argument: the error says how the method is called", async () => {
  const { b } = await loaded();
  using _ = b;
  const any = b as unknown as Methods;
  assert.throws(
    () => any['attachTracepoint']?.({ tp: 'sched:sched_switch', fnName: 'f' }),
    says(/^attachTracepoint: the 1st argument is an object, where a text or a RegExp is expected$/, /attachTracepoint\('sched:/),
  );
  assert.throws(
    () => any['attachUprobe']?.({ name: 'c', sym: 'getpid', fnName: 'f' }),
    says(/^attachUprobe: the 2nd argument is missing, where a text is expected$/, /\{ name: 'c', sym: 'malloc' \}, 'function'/),
  );
  assert.throws(() => any['attachUprobe']?.({ sym: 'getpid' }, 'f'), says(/needs a place: 'name'/));
  assert.throws(() => any['attachPerfEvent']?.({ frequency: 99 }, 'f'), says(/given by 'event'/));
  assert.throws(() => any['attachKprobe']?.('vfs_read'), says(/2nd argument is missing/));
  assert.throws(() => any['map']?.(undefined), says(/name of a map is a text; it has h/));
  assert.throws(() => any['events']?.({ name: 'h' }), says(/name of a map is a text/));
  // A right one passes.
  b.attachTracepoint('sched:sched_switch', 'f');
});

test('every attach method has a signature, and no wrong argument becomes an error of JavaScript', async () => {
  const { b } = await loaded();
  using _ = b;
  const names: string[] = [];
  for (let at = Object.getPrototypeOf(b) as object; at !== Object.prototype; at = Object.getPrototypeOf(at) as object)
    names.push(
      ...Object.getOwnPropertyNames(at).filter((name) => /^(?:attach|detach|remove)[A-Z]|^run$|Iterator$|^openPerfEvent$/.test(name)),
    );
  // Private ones, and who lacks a signature.
  const inner = ['attachMany', 'attachTyped', 'attachUser', 'detachUser', 'detachWhere'];
  const methods = names.filter((name) => !inner.includes(name));
  assert.deepEqual(methods.sort(), Object.keys(SIGNATURES).sort());
  const places = [{ symRe: 'x' }, { addr: 'x' }, { addr: 0.5 }, { sym: 3 }, { sym: 'getpid', symOff: 'x' }].map((place) => ({
    name: 'c',
    ...place,
  }));
  const WRONG: readonly unknown[] = [undefined, null, 7, 7n, true, 'x', {}, [], ['x'], () => {}, { path: 3 }, { offsets: 1 }, ...places];
  for (const name of methods)
    for (const first of WRONG)
      for (const second of [undefined, null, 7, {}, ['x'], 'x', 'f'])
        for (const third of [undefined, 'f', 'ingress'])
          try {
            (b as unknown as Methods)[name]?.(first, second, third);
          } catch (error) {
            assert.ok(error instanceof UserError, `${name}(${String(first)}, ${String(second)}): ${String((error as Error).stack)}`);
          }
});

test('keys, values and histograms that do not fit a map', async () => {
  const { b, kernel } = await loaded();
  using _ = b;
  const h = b.map('h');
  assert.throws(() => h.set('x', 1n), says(/^set\(\) of map 'h': 'x' does not fit the key: /));
  assert.throws(() => h.get('x'), says(/^get\(\) of map 'h': 'x' does not fit the key: /));
  assert.throws(() => h.set(1, 'x'), says(/^set\(\) of map 'h': 'x' does not fit the value: /));
  assert.throws(() => b.map('list').set(0, -1n), says(/^set\(\) of map 'list': -1 does not fit the value: /));
  // The type of records is asked for after what the map is.
  assert.throws(() => b.events('h'), says(/map 'h' carries no events: it is of type hash/));
  assert.throws(() => h.events(), says(/carries no events/));
  // One entry with all bytes zero.
  kernel.on('MAP_LOOKUP_BATCH', (call) => {
    call.answer('count', 1);
    return fail('ENOENT');
  });
  for (const name of ['structs', 'named'])
    assert.throws(() => b.map(name).printLog2Hist(), says(/values of its map are numbers, not structs/, /BPF_HISTOGRAM/), name);
});

test('a file that is not there is told in words', async () => {
  const kernel = new FakeKernel();
  kernel.files.set('/proc/sys/kernel/osrelease', '6.12.0\n');
  await assert.rejects(BPF.load({ file: 'nope.c', kernel }), says(/^cannot read nope\.c: there is no such file or folder$/));
});

test('a file includes what stands beside it', async () => {
  for (const folder of ['/abs/d/', 'd/', '']) {
    const kernel = new FakeKernel();
    kernel.files.set('/proc/sys/kernel/osrelease', '6.12.0\n');
    kernel.files.set('/sys/devices/system/cpu/online', '0-1\n');
    kernel.files.set('/sys/devices/system/cpu/possible', '0-1\n');
    kernel.files.set(`${folder}prog.h`, 'struct pair { u32 a; u32 b; };\n');
    kernel.files.set(`${folder}prog.c`, '#include "prog.h"\nBPF_HASH(h, u32, struct pair);\n');
    using b = await BPF.load({ file: `${folder}prog.c`, kernel });
    assert.equal(b.map('h').name, 'h');
  }
});

test('values that do not fit: the name of what they were given for', async () => {
  const { b } = await loaded();
  using _ = b;
  assert.throws(() => void (b.global<number>('limit').value = -1), says(/^global variable 'limit': -1 does not fit/));
  assert.throws(() => b.global('limit').add(Number.NaN), says(/^global variable 'limit': a whole number can be added, not NaN/));
  assert.throws(() => b.map('h').increment(1, Number.NaN), says(/^map 'h': a number can be added, not NaN/));
  assert.throws(() => b.map('list').increment(1, 0.5), says(/^map 'list': a number can be added, not 0.5/));
  assert.throws(() => b.run('f', { data: 'abc' as unknown as Uint8Array }), says(/^test run of 'f': data is bytes/));
  await assert.rejects(loaded({ limit: -1 }), says(/^global variable 'limit': -1 does not fit/));
});

test('functions given by name: once each, with a cookie for each; what is not attached is told as such', async () => {
  const { b } = await loaded();
  using _ = b;
  assert.throws(() => b.attachKprobe(['vfs_read', 'vfs_open', 'vfs_read'], 'f'), says(/'vfs_read' is in the list twice/));
  assert.throws(() => b.attachKprobe([], 'f'), says(/the list of functions is empty/));
  assert.throws(() => b.attachKprobe(['vfs_read', 'vfs_open'], 'f', { cookies: [1n] }), says(/1 cookies for 2 functions/));
  assert.throws(() => b.attachKretprobe(/vfs_.*/, 'f', { cookies: [1n] }), says(/cookies are for functions given by name/));
  assert.throws(() => b.detachKprobe('vfs_write'), says(/^nothing is attached to kprobe vfs_write$/));
  assert.throws(() => b.detachKprobe('vfs_write', 'f'), says(/^'f' is not attached to kprobe vfs_write$/));
});

test('an object that has nothing of the struct is no key of zeros; members may be accessors', async () => {
  const { b, kernel } = await loaded();
  using _ = b;
  class Pair {
    readonly #a = 5;
    get a(): number {
      return this.#a;
    }
    get b(): number {
      return 6;
    }
  }
  const keys: number[][] = [];
  kernel.on('MAP_LOOKUP_ELEM', (call) => {
    keys.push([...new Uint32Array(call.bytes('key').slice().buffer)]);
    return fail('ENOENT');
  });
  const named = b.map('named');
  for (const wrong of [new Date(), new Map([['a', 1]]), new Set([1]), new (class Other {})(), Promise.resolve()])
    assert.throws(() => named.get(wrong as unknown as { a: number }), says(/of map 'named': the key: .*has none of the members a, b$/));
  assert.equal(keys.length, 0);
  named.get(new Pair() as unknown as { a: number });
  named.get({});
  named.get({ b: 7 });
  assert.deepEqual(keys, [
    [5, 6],
    [0, 0],
    [0, 7],
  ]);
});
