/** What the kernel refuses, or would do in earnest, when a map is used wrongly: the error says what was wrong. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { UsageError } from '../../../src/kernel/errors.ts';
import { FakeKernel } from '../../../src/kernel/fake.ts';
import { unpin } from '../../../src/maps/pinned.ts';

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
