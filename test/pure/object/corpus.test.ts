/** Objects that others made: those inside Debian's libbpf-tools, and what bpftool's linker puts together. */
import assert from 'node:assert/strict';
import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { EM } from '../../../src/elf/constants.ts';
import { readObject } from '../../../src/object/read.ts';
import type { ObjectSpec } from '../../../src/object/spec.ts';
import { writeObject } from '../../../src/object/write.ts';
import { CLANG, inTempDir, run, toolTest } from './clang.ts';
import { fixture } from './fixtures.ts';

/** Skeletons carry their object within the executable. */
function objectsIn(executable: Uint8Array): Uint8Array[] {
  const found: Uint8Array[] = [];
  const bytes = Buffer.from(executable.buffer, executable.byteOffset, executable.length);
  const magic = Buffer.from([0x7f, 0x45, 0x4c, 0x46, 2, 1, 1]);
  for (let at = bytes.indexOf(magic, 1); at > 0 && at + 64 < bytes.length; at = bytes.indexOf(magic, at + 1)) {
    if (bytes.readUInt16LE(at + 18) !== EM.BPF) continue;
    const size = Number(bytes.readBigUInt64LE(at + 40)) + bytes.readUInt16LE(at + 60) * 64;
    found.push(Uint8Array.from(bytes.subarray(at, at + size)));
  }
  return found;
}

/** Everything but type ids, which writing may add to. */
function plain(spec: ObjectSpec): unknown {
  const withoutSectionType = (m: { readonly name: string; readonly valueType: number }) =>
    m.name.startsWith('.') ? { ...m, valueType: 0 } : m;
  return {
    programs: spec.programs,
    license: spec.license,
    functions: [...spec.functions.values()],
    maps: [...spec.maps.values()].map(withoutSectionType),
    variables: [...spec.variables].sort(([a], [b]) => (a < b ? -1 : 1)),
    sources: [...spec.sources],
  };
}

function declarations(dir: string, object: Uint8Array): string {
  writeFileSync(join(dir, 'o.o'), object);
  const skeleton = run('bpftool', ['gen', 'skeleton', join(dir, 'o.o'), 'name', 'test']);
  return skeleton.slice(0, skeleton.indexOf('test__elf_bytes')).replace(/data_sz = \d+|"\\[^;]*";/gs, '');
}

toolTest(
  'the objects of libbpf-tools, read, written and read again; bpftool sees the same in both',
  { commands: ['biolatency', 'bpftool'] },
  () => {
    const folder = dirname(run('sh', ['-c', 'command -v biolatency']).trim());
    let objects = 0;
    inTempDir((dir) => {
      for (const name of readdirSync(folder)) {
        const bytes = readFileSync(join(folder, name));
        if (bytes.length > 4_000_000 || !bytes.includes('.BTF.ext')) continue;
        for (const object of objectsIn(bytes)) {
          const spec = readObject(object, { name });
          assert.ok(spec.programs.length > 0 && spec.btf, name);
          const written = writeObject(spec);
          assert.deepEqual(plain(readObject(written, { name })), plain(spec), name);
          assert.equal(declarations(dir, written), declarations(dir, object), name);
          objects++;
        }
      }
    });
    assert.ok(objects >= 40, `${objects} objects`);
  },
);

toolTest('what bpftool links: static functions and variables of one name', { commands: [CLANG, 'bpftool'] }, () => {
  const source = (file: number): string => `
    #include <linux/bpf.h>
    #include <bpf/bpf_helpers.h>
    static int counter = ${file};
    static __noinline int helper(int x) { counter += x * ${file}; return counter; }
    ${file === 1 ? 'extern int shared; int other(int); char LICENSE[] SEC("license") = "GPL";' : 'int shared = 7; __noinline int other(int x) { return helper(x) * 2; }'}
    SEC("socket") int prog${file}(void *c) { return helper(1) + shared ${file === 1 ? '+ other(2)' : ''}; }`;
  const linked = inTempDir((dir) => {
    for (const file of [1, 2]) writeFileSync(join(dir, `${file}.o`), fixture(source(file)));
    run('bpftool', ['gen', 'object', join(dir, 'linked.o'), join(dir, '1.o'), join(dir, '2.o')]);
    return new Uint8Array(readFileSync(join(dir, 'linked.o')));
  });
  const spec = readObject(linked);
  const callees = (name: string) => spec.functions.get(name)?.refs.flatMap(({ to }) => (to.kind === 'call' ? [to.function] : []));
  const [first] = callees('prog1') ?? [];
  const [second] = callees('prog2') ?? [];
  assert.notEqual(first, second);
  assert.deepEqual(callees('prog1'), [first, 'other']);
  assert.deepEqual(callees('other'), [second]);
  // Each helper counts in its own variable.
  const counterOf = (name: string) => {
    const ref = spec.functions.get(name)?.refs[0]?.to;
    assert.ok(ref?.kind === 'mapValue');
    const data = spec.maps.get(ref.map)?.data;
    assert.ok(data);
    return new DataView(data.buffer, data.byteOffset).getInt32(ref.offset, true);
  };
  assert.deepEqual([counterOf(first), counterOf(second)], [1, 2]);
  assert.equal([...spec.variables.values()].filter((v) => v.name === 'counter').length, 2);
  assert.deepEqual(plain(readObject(writeObject(spec))), plain(spec));
});
