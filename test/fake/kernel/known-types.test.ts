/** Ids of the kernel's types that are kept from run to run: taken for the same image only, and then nothing is read. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { BtfBuilder } from '../../../src/btf/builder.ts';
import { encodeBtf } from '../../../src/btf/write.ts';
import { FakeKernel } from '../../../src/kernel/fake.ts';
import { kernelBtf, rememberTypeIds } from '../../../src/kernel/kernel-btf.ts';
import type { TypeIdStore } from '../../../src/kernel/known-types.ts';

const VMLINUX = '/sys/kernel/btf/vmlinux';

function types(...names: readonly string[]): Uint8Array {
  const btf = new BtfBuilder();
  for (const name of names) btf.add({ kind: 'int', name, size: 4, bits: 32, encoding: 'signed' });
  return encodeBtf(btf);
}

/** A machine that is started anew: what it kept stays. */
function machine() {
  let kept: string[] = [];
  const store: TypeIdStore = { read: () => kept, write: (text) => void (kept = [text]) };
  return {
    boot(notes: string, btf: Uint8Array) {
      const kernel = new FakeKernel();
      kernel.files.set('/sys/kernel/notes', notes);
      kernel.files.set(VMLINUX, btf);
      const ids = rememberTypeIds(kernel, store);
      return { find: (name: string) => kernelBtf(kernel)?.find(name, 'int'), ids };
    },
    damage: () => void (kept = kept.map((text) => text.replace('"int b":2', '"int b":1'))),
  };
}

const GARBAGE = new Uint8Array(64).fill(7);

test('what was asked before is known without the types, on the same image', () => {
  const { boot } = machine();
  const first = boot('image 1', types('a', 'b'));
  assert.deepEqual([first.find('b'), first.find('c')], [2, undefined]);
  first.ids.save();
  const second = boot('image 1', GARBAGE);
  assert.deepEqual([second.find('b'), second.find('c')], [2, undefined]);
  assert.throws(() => second.find('a'), { name: 'FeatureError', message: /vmlinux is damaged/ });
});

test('another image has other ids, and takes the place of the first', () => {
  const { boot } = machine();
  const first = boot('image 1', types('a', 'b'));
  first.find('b');
  first.ids.save();
  const other = boot('image 2', types('x', 'a', 'b'));
  assert.equal(other.find('b'), 3);
  other.ids.save();
  assert.equal(boot('image 2', GARBAGE).find('b'), 3);
});

test('an entry that was damaged is not there', () => {
  const { boot, damage } = machine();
  const first = boot('image 1', types('a', 'b'));
  first.find('b');
  first.ids.save();
  damage();
  assert.equal(boot('image 1', types('a', 'b')).find('b'), 2);
});

test('without anything kept, damaged types are told at once, and no types are none', () => {
  const { boot } = machine();
  assert.throws(() => boot('image 1', GARBAGE).find('a'), { name: 'FeatureError' });
  const kernel = new FakeKernel();
  rememberTypeIds(kernel, { read: () => [], write: () => {} });
  assert.equal(kernelBtf(kernel), undefined);
});
