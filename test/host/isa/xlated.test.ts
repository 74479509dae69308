/** Our reading of translated programs against bpftool's, over what this kernel makes of a clang object. */
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import test from 'node:test';
import { assemble } from '../../../src/isa/assemble.ts';
import { decode } from '../../../src/isa/decode.ts';
import { disassemble } from '../../../src/isa/disassemble.ts';
import { linuxKernel } from '../../../src/kernel/linux.ts';
import { BPFFS, ownBpffs } from '../../support/bpffs.ts';
import { compileXlated } from './xlated-source.ts';

const missing = process.getuid?.() !== 0 ? 'not root' : ['/usr/bin/clang-19', '/usr/sbin/bpftool'].find((path) => !existsSync(path));
if (missing !== undefined && process.env['CI'] === 'true') throw new Error(`cannot run: ${missing}`);

test('the dump of a loaded program reads as bpftool reads it', { skip: missing ?? false }, () => {
  const folder = mkdtempSync(join(tmpdir(), 'skep-xlated-'));
  const pin = `${BPFFS}/skep_xlated`;
  ownBpffs(linuxKernel());
  try {
    writeFileSync(join(folder, 'a.o'), compileXlated());
    execFileSync('bpftool', ['prog', 'load', 'a.o', pin, 'type', 'socket'], { cwd: folder });
    const names = new Map<number, string>();
    const text = execFileSync('bpftool', ['prog', 'dump', 'xlated', 'pinned', pin], { encoding: 'utf8' });
    execFileSync('bpftool', ['prog', 'dump', 'xlated', 'pinned', pin, 'file', join(folder, 'raw')]);
    const insns = decode(new Uint8Array(readFileSync(join(folder, 'raw'))), { translated: true });
    // Names of helpers and subprograms come from kallsyms there: take them from the text, so that only they are given.
    for (const match of text.matchAll(/call (\w+)#(-?\d+)/g)) names.set(Number(match[2]), match[1] as string);
    const theirs = text
      .split('\n')
      .filter((line) => /^\s*\d+: \(/.test(line))
      .map((line) => line.replace(/(call pc[+-]\d+)#.*/, '$1'));
    const ours = disassemble(insns, { helperName: (id) => names.get(id), kfuncName: (insn) => names.get(insn.imm) })
      .trimEnd()
      .split('\n');
    assert.ok(ours.length > 100, `${ours.length} lines`);
    assert.deepEqual(ours, theirs);
    assert.deepEqual(assemble(ours.join('\n')).insns, insns);
  } finally {
    rmSync(folder, { recursive: true });
  }
});
