/** The kernel's names when modules come and go. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Kernel } from '../../../src/kernel/port.ts';
import { frameText } from '../../../src/symbols/frame.ts';
import { Symbols } from '../../../src/symbols/symbols.ts';

test('a function of a module that was loaded later is found; the file is not read for every address', (t) => {
  let text = 'ffffffff81000000 T _stext\nffffffff81000100 t last\n';
  let reads = 0;
  const kernel = {
    readFile: () => {
      reads++;
      return new TextEncoder().encode(text);
    },
  } as unknown as Kernel;
  let now = 1000;
  t.mock.method(performance, 'now', () => now);
  const symbols = new Symbols(kernel);
  const name = (address: bigint) => frameText(symbols.kernelFrame(address), { showModule: true, showOffset: true });
  assert.equal(name(0xffffffff81000110n), 'last+0x10 [kernel]');
  text += 'ffffffffc0a1c010 t nf_nat_init\t[nf_nat]\n';
  now += 60_000;
  // Near a function nothing is asked again.
  assert.equal(name(0xffffffff81000110n), 'last+0x10 [kernel]');
  assert.equal(reads, 1);
  assert.equal(name(0xffffffffc0a1c020n), 'nf_nat_init+0x10 [nf_nat]');
  assert.equal(reads, 2);
  for (let i = 0; i < 100; i++) name(0xffffffffc1a1c020n);
  assert.equal(reads, 2);
});

test('addresses of user space and null are no functions of the kernel', () => {
  const text = 'ffff800080000000 T _stext\nffffffff81000000 T last\n';
  const kernel = { readFile: () => new TextEncoder().encode(text) } as unknown as Kernel;
  const symbols = new Symbols(kernel);
  for (const address of [0n, 1n, 0x400000n, 0x7fff_ffff_ffff_ffffn]) {
    const frame = symbols.kernelFrame(address);
    assert.equal(symbols.kernelFrame(address, { caller: true }).name, undefined);
    assert.doesNotMatch(frameText(frame, { showModule: true, showOffset: true }), /last|_stext|\[kernel\]/, address.toString(16));
  }
  assert.equal(frameText(symbols.kernelFrame(0xffff_8000_8000_0010n), { showOffset: true }), '_stext+0x10');
  assert.equal(frameText(symbols.kernelFrame(0xffff_ffff_ffff_fff0n)), 'last');
});
