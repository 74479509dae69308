/**
 * Objects for any kernel, as `skep compile --portable` writes them, taken by libbpf: bpftool opens, relocates and loads
 * them in a mount namespace with a bpf file system of its own. And their types are those that clang makes of the text.
 */
import assert from 'node:assert/strict';
import { existsSync, writeFileSync } from 'node:fs';
import { release } from 'node:os';
import { join } from 'node:path';
import { compile } from '../../../src/compiler/compile.ts';
import { libbpfDialect } from '../../../src/compiler/dialect/libbpf/dialect.ts';
import { readTargetFacts } from '../../../src/kernel/facts.ts';
import { linuxKernel } from '../../../src/kernel/linux.ts';
import { writeObject } from '../../../src/object/write.ts';
import { inTempDir, run } from '../../pure/object/clang.ts';
import { kernelTest } from '../../run/needs.ts';
import { CORE, FEATURES, TAGS, USDT } from './libbpf-programs.ts';

interface Portable {
  readonly text: string;
  readonly programs: number;
  readonly minKernel: readonly [major: number, minor: number];
}

const OBJECTS: Readonly<Record<string, Portable>> = {
  core: { text: CORE, programs: 1, minKernel: [5, 8] },
  features: { text: FEATURES, programs: 4, minKernel: [6, 4] },
  usdt: { text: USDT, programs: 1, minKernel: [5, 8] },
  // Nullable and context arguments of global functions.
  tags: { text: TAGS, programs: 1, minKernel: [6, 8] },
};

function portable(name: string, text: string): Uint8Array {
  const facts = { ...readTargetFacts(linuxKernel()), cpu: 3 as const };
  const { spec, diagnostics } = compile(text, { facts, dialect: libbpfDialect, file: `${name}.bpf.c`, portable: true });
  assert.deepEqual(
    diagnostics.map((d) => `${name}: ${d.code} ${d.message}`),
    [],
  );
  assert.ok(spec);
  return writeObject(spec);
}

function running(): readonly [number, number] {
  const [major = 0, minor = 0] = release().split('.').map(Number);
  return [major, minor];
}

kernelTest('libbpf loads portable objects', { btf: true, readKernel: true, commands: ['bpftool', 'unshare'] }, () => {
  const [major, minor] = running();
  const wanted = Object.entries(OBJECTS).filter(([, o]) => major > o.minKernel[0] || (major === o.minKernel[0] && minor >= o.minKernel[1]));
  inTempDir((dir) => {
    let script = 'mount -t bpf none /sys/fs/bpf\n';
    for (const [name, { text }] of wanted) {
      writeFileSync(join(dir, `${name}.o`), portable(name, text));
      script += `mkdir /sys/fs/bpf/${name}\nbpftool prog loadall ${dir}/${name}.o /sys/fs/bpf/${name} 2>${dir}/${name}.log || true\necho ${name} $(ls /sys/fs/bpf/${name} | wc -l)\n`;
    }
    writeFileSync(join(dir, 'script'), `${script}cat ${dir}/*.log >&2\n`);
    const said = run('unshare', ['-m', '--propagation', 'private', 'sh', '-e', join(dir, 'script')]);
    assert.deepEqual(
      said.trim().split('\n'),
      wanted.map(([name, { programs }]) => `${name} ${programs}`),
    );
    assert.ok(wanted.length >= 2 && existsSync(join(dir, 'core.o')));
  });
});
