/** A clang object with callbacks, subprograms, globals and helpers: the kernel's result against the machine's. */
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import test from 'node:test';
import { readObject } from '../../../src/object/read.ts';
import { createMachine } from '../../../src/vm/machine.ts';
import { unavailable } from './kernel-run.ts';
import { compileVariant, VARIANTS } from './objects-source.ts';

const PACKET = Uint8Array.from({ length: 64 }, (_, i) => (i === 12 ? 8 : i === 13 ? 0 : (i * 7 + 1) & 255));
const missing = unavailable() || (['/usr/bin/clang-19', '/usr/sbin/bpftool'].find((path) => !existsSync(path)) ?? false);

test('callbacks, subprograms, globals, strings and rings', { skip: missing }, () => {
  const folder = mkdtempSync(join(tmpdir(), 'skep-vm-'));
  const pin = `/sys/fs/bpf/skep_vm_${process.pid}`;
  try {
    writeFileSync(join(folder, 'packet'), PACKET);
    for (const flags of VARIANTS) {
      writeFileSync(join(folder, 'a.o'), compileVariant(flags));
      let printed: string;
      try {
        execFileSync('bpftool', ['prog', 'load', 'a.o', pin], { cwd: folder, stdio: ['ignore', 'ignore', 'pipe'] });
        printed = execFileSync('bpftool', ['prog', 'run', 'pinned', pin, 'data_in', 'packet', 'repeat', '1'], {
          cwd: folder,
          encoding: 'utf8',
        });
      } finally {
        rmSync(pin, { force: true });
      }
      const expected = Number(/Return value: (\d+)/.exec(printed)?.[1]);
      const spec = readObject(new Uint8Array(readFileSync(join(folder, 'a.o'))));
      for (const engine of ['wasm', 'interpreter'] as const) {
        const run = createMachine(spec, { engine }).run('first', { packet: PACKET, pulled: 14 });
        assert.equal(Number(BigInt.asUintN(32, run.r0)), expected, `${flags.join(' ')} in ${engine}`);
      }
    }
  } finally {
    rmSync(folder, { recursive: true });
  }
});
