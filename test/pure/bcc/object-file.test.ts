/** Objects given where C text could be: told by their bytes, and those that cannot be loaded say why. */
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { test } from 'node:test';
import { objectName, onlyForText, readObjectFile } from '../../../src/bcc/object-file.ts';
import { openProgram, specOfFile } from '../../../src/cli/program-file.ts';
import { isElf } from '../../../src/elf/magic.ts';
import { linuxKernel } from '../../../src/kernel/linux.ts';

test('an ELF file of another machine is refused as that, text is no object', () => {
  assert.equal(isElf(new TextEncoder().encode('int f(void) { return 0; }')), false);
  assert.equal(isElf(new Uint8Array([0x7f, 0x45])), false);
  const sh = readFileSync('/bin/sh');
  assert.equal(isElf(sh), true);
  assert.throws(() => readObjectFile(sh, '/bin/sh'), {
    name: 'UsageError',
    message: /^\/bin\/sh is no object .* not for BPF$/,
    hint: /clang -target bpf/,
  });
  assert.throws(() => readObjectFile(sh.subarray(0, 20), 'cut.o'), { name: 'UsageError', message: /^cut\.o is no object/ });
  assert.throws(() => specOfFile(openProgram(linuxKernel(), '/bin/sh', {})), { name: 'UsageError' });
});

test('what only a compiler can follow is refused', () => {
  assert.doesNotThrow(() => onlyForText({ define: [], dialect: undefined }, 'a.o'));
  assert.throws(() => onlyForText({ define: ['A'] }, 'a.o'), /a\.o is compiled already: 'define' is for C text/);
  assert.deepEqual(['/x/a.bpf.o', 'b.o', 'c'].map(objectName), ['a', 'b', 'c']);
});
