/** What the kernel refuses, or would do in earnest, when a map is used wrongly: the error says what was wrong. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { UsageError, UserError } from '../../../src/kernel/errors.ts';
import { FakeKernel, fail } from '../../../src/kernel/fake.ts';
import { HashMap } from '../../../src/maps/hash.ts';
import { unpin } from '../../../src/maps/pinned.ts';
import { StorageMap } from '../../../src/maps/storage.ts';
import { mapSpec } from '../../host/kernel/support.ts';

const view = (bytes: Uint8Array): DataView => new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);

const EXT4 = 0xef53;
const BPF_FS = 0xcafe4a11;

/** A kernel whose folders lie in these file systems. */
function mounted(folders: Readonly<Record<string, number>>): FakeKernel {
  return new FakeKernel().on('statfs', ({ args: [folder, told] }) => {
    assert.ok(told instanceof Uint8Array && told.length >= 120, 'room for a struct statfs');
    new DataView(told.buffer).setBigUint64(0, BigInt(folders[String(folder)] ?? 0), true);
    return 0;
  });
}

test('unpin: only what lies in a bpf file system is removed', () => {
  const kernel = mounted({ '/sys/fs/bpf': BPF_FS, '/home/me': EXT4, '/': EXT4, '.': EXT4 });
  for (const path of ['/home/me/thesis.tex', '/vmlinuz', 'thesis.tex'])
    assert.throws(
      () => unpin(kernel, path),
      (error) => error instanceof UsageError && error.message.includes(path) && /bpf file system/.test(error.message),
    );
  assert.deepEqual(kernel.named('unlinkat'), []);
  unpin(kernel, '/sys/fs/bpf/mine');
  assert.deepEqual(
    kernel.named('unlinkat').map(({ args }) => args[1]),
    ['/sys/fs/bpf/mine'],
  );
});

/** A hash of a kernel with batches of up to `most` entries. */
class BatchHash {
  readonly kernel = new FakeKernel();
  readonly entries = new Map<number, number>();
  room = Number.POSITIVE_INFINITY;

  constructor(most: number) {
    const { entries } = this;
    this.kernel.on('MAP_LOOKUP_AND_DELETE_BATCH', (call) => {
      const taken = [...entries].slice(0, most);
      for (const [i, [key, value]] of taken.entries()) {
        view(call.buffer('keys')).setUint32(i * 4, key, true);
        view(call.buffer('values')).setUint32(i * 4, value, true);
        entries.delete(key);
      }
      call.answer('count', taken.length);
      return entries.size === 0 ? fail('ENOENT') : 0;
    });
    this.kernel.on('MAP_UPDATE_ELEM', (call) => {
      const key = view(call.buffer('key')).getUint32(0, true);
      assert.equal(call.attr['flags'], 1n, 'BPF_NOEXIST');
      if (entries.has(key)) return fail('EEXIST');
      if (entries.size >= this.room) return fail('E2BIG');
      entries.set(key, view(call.buffer('value')).getUint32(0, true));
      return 0;
    });
  }

  open(): HashMap<number, number> {
    const spec = mapSpec({ name: 'h', type: 'hash', valueSize: 4, maxEntries: 4096 });
    return new HashMap({ name: 'h', fd: 5, spec }, this.kernel, {});
  }
}

test('a drain that is left early: what was not handed over goes back, but not over what is new', () => {
  for (const leave of ['break', 'throw'] as const) {
    const hash = new BatchHash(1000);
    for (let i = 0; i < 3000; i++) hash.entries.set(i, i);
    const given = new Map<number, number>();
    const read = (): void => {
      for (const [key, value] of hash.open().drain()) {
        given.set(key, value);
        // A program counts one of those that are out.
        if (given.size === 1500) hash.entries.set(1999, 7);
        if (given.size < 1500) continue;
        if (leave === 'break') break;
        throw new RangeError('mine');
      }
    };
    if (leave === 'break') read();
    else assert.throws(read, /mine/);
    assert.equal(given.size, 1500);
    assert.equal(hash.entries.size, 1500);
    assert.equal(hash.entries.get(1999), 7);
    for (const [key, value] of hash.entries) assert.ok(!given.has(key) && (value === key || key === 1999));
  }
});

test('a drain that is left early when there is no room any more says what is lost', () => {
  const hash = new BatchHash(1000);
  for (let i = 0; i < 10; i++) hash.entries.set(i, i);
  hash.room = 4;
  assert.throws(() => {
    for (const _ of hash.open().drain()) break;
  }, /^MapFullError: draining map 'h' was left early, and 5 entries could not be put back/);
  assert.equal(hash.entries.size, 4);
});

test('a descriptor that is none, as the key of storage, is not told as a map that is closed', () => {
  const kernel = new FakeKernel().on('MAP_LOOKUP_ELEM', () => fail('EBADF'));
  const map = new StorageMap({ name: 's', fd: 5, spec: mapSpec({ name: 's', type: 'task_storage' }) }, kernel, {});
  assert.throws(
    () => map.get(77),
    (error) => error instanceof UsageError && /map 's': descriptor 77 is not open, or is not of a process \(a pidfd\)/.test(error.message),
  );
});

test('a pin that cannot be made: the hint is about what is in the way', () => {
  const hints: Readonly<Record<string, RegExp>> = {
    EEXIST: /has that name already/,
    ENOENT: /folder .* is not there/,
    EPERM: /bpf file system/,
  };
  for (const [code, hint] of Object.entries(hints)) {
    const kernel = new FakeKernel().on('OBJ_PIN', () => fail(code));
    const map = new HashMap({ name: 'h', fd: 5, spec: mapSpec({ name: 'h', type: 'hash' }) }, kernel, {});
    assert.throws(
      () => map.pin('/sys/fs/bpf/h'),
      (error) => error instanceof UserError && hint.test(error.hint ?? ''),
    );
  }
});
