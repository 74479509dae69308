/** A clang object with callbacks, subprograms, globals and helpers: the kernel's result against the machine's. */
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { linuxKernel } from '../../../src/kernel/linux.ts';
import { readObject } from '../../../src/object/read.ts';
import { createMachine } from '../../../src/vm/machine.ts';
import { GUEST_OBJECTS } from '../../run/guest-objects.ts';
import { kernelTest } from '../../run/needs.ts';
import { BPFFS, ownBpffs } from '../../support/bpffs.ts';
import { unavailable } from './kernel-run.ts';
import { compileVariant, VARIANTS } from './objects-source.ts';

const PACKET = Uint8Array.from({ length: 64 }, (_, i) => (i === 12 ? 8 : i === 13 ? 0 : (i * 7 + 1) & 255));
const commands = process.env[GUEST_OBJECTS] === undefined ? ['clang-19', 'bpftool'] : ['bpftool'];

for (const flags of VARIANTS) {
  const needs = { not: unavailable() || undefined, commands, ...(flags.includes('-mcpu=v4') ? { minKernel: '6.6' } : {}) };
  kernelTest(`callbacks, subprograms, globals, strings and rings: ${flags.join(' ')}`, needs, () => {
    const folder = mkdtempSync(join(tmpdir(), 'skep-vm-'));
    const pin = `${BPFFS}/skep_vm`;
    ownBpffs(linuxKernel());
    try {
      writeFileSync(join(folder, 'packet'), PACKET);
      writeFileSync(join(folder, 'a.o'), compileVariant(flags));
      execFileSync('bpftool', ['prog', 'load', 'a.o', pin], { cwd: folder, stdio: ['ignore', 'ignore', 'pipe'] });
      const printed = execFileSync('bpftool', ['prog', 'run', 'pinned', pin, 'data_in', 'packet', 'repeat', '1'], {
        cwd: folder,
        encoding: 'utf8',
      });
      const expected = Number(/Return value: (\d+)/.exec(printed)?.[1]);
      const spec = readObject(new Uint8Array(readFileSync(join(folder, 'a.o'))));
      for (const engine of ['wasm', 'interpreter'] as const) {
        const run = createMachine(spec, { engine }).run('first', { packet: PACKET, pulled: 14 });
        assert.equal(Number(BigInt.asUintN(32, run.r0)), expected, `${flags.join(' ')} in ${engine}`);
      }
    } finally {
      rmSync(pin, { force: true });
      rmSync(folder, { recursive: true });
    }
  });
}
