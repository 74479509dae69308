/** The same addresses named by BCC, where it is installed: its symbol cache asks nothing of the kernel. */
import assert from 'node:assert/strict';
import { execFileSync, spawnSync } from 'node:child_process';
import { after, test } from 'node:test';
import { linuxKernel } from '../../../src/kernel/linux.ts';
import { frameText } from '../../../src/symbols/frame.ts';
import { Symbols } from '../../../src/symbols/symbols.ts';
import { compileC, start, workFolder } from '../../support/symbol-victim.ts';

const PYTHON = '/usr/bin/python3';
const ready = spawnSync(PYTHON, ['-c', 'import bcc'], { stdio: 'ignore' }).status === 0;
const skip = !ready
  ? 'needs python3-bpfcc'
  : spawnSync('gcc', ['--version']).error
    ? 'needs gcc'
    : process.getuid?.() === 0
      ? false
      : 'needs root';
const folder = workFolder();
after(() => folder.remove());

const ASK = `
import sys
from bcc import BPF
pid = int(sys.argv[1])
for word in sys.argv[2:]:
    for module in (False, True):
        for offset in (False, True):
            print(BPF.sym(int(word), pid, show_module=module, show_offset=offset).decode())
`;

test('names, offsets, modules and the unknown as BCC writes them', { skip }, async () => {
  // A name of C++ without its compiler.
  const source = `
#include <stdio.h>
#include <unistd.h>
__attribute__((noinline)) int method(int x) __asm__("_ZN5outer5thing6methodEiPKc");
int method(int x) { return x + getpid(); }
int plain_function(int x) { return x * 2; }
int main(void) { printf("method %p\\nplain %p\\nmain %p\\ndone 0\\n", (void *)method, (void *)plain_function, (void *)main); fflush(stdout); char c; while (read(0, &c, 1) > 0) { } return method(1) == 0; }`;
  const path = compileC(folder.path, 'cpp', source);
  const running = await start(path);
  const symbols = new Symbols(linuxKernel());
  const symbol = [...running.addresses.values()].flatMap((address) => [address, address + 5n]);
  const kernel = ['vfs_read', 'schedule']
    .map((name) => symbols.kernelAddress(name) as bigint)
    .flatMap((address) => [address, address + 7n]);
  const written = (pid: number, addresses: readonly bigint[]) =>
    addresses.flatMap((address) =>
      [false, true].flatMap((showModule) =>
        [false, true].map((showOffset) =>
          frameText(pid < 0 ? symbols.kernelFrame(address) : symbols.userFrame(address, pid), { showModule, showOffset }),
        ),
      ),
    );
  const theirs = (pid: number, addresses: readonly bigint[]) =>
    execFileSync(PYTHON, ['-c', ASK, String(pid), ...addresses.map(String)])
      .toString()
      .trimEnd()
      .split('\n');
  try {
    // Addresses in none of its mappings, and in one of them without a function.
    const all = [...symbol, 16n, 0x7fff_ffff_0000n];
    assert.deepEqual(written(running.pid, all), theirs(running.pid, all));
    assert.deepEqual(written(-1, kernel), theirs(-1, kernel));
  } finally {
    symbols.close();
    await running.end();
  }
});
