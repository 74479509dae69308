/** Writing objects: what is read back is the same, and the writer's output is fixed by its input. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { BtfBuilder } from '../../../src/btf/builder.ts';
import { BtfReader } from '../../../src/btf/read.ts';
import { encodeBtf } from '../../../src/btf/write.ts';
import { callHelper, exit, insn, ldImm64, mov64Imm } from '../../../src/isa/build.ts';
import { ObjectError } from '../../../src/object/error.ts';
import { readObject } from '../../../src/object/read.ts';
import type { FunctionSpec, MapSpec, ObjectSpec, ProgramSpec } from '../../../src/object/spec.ts';
import { writeObject } from '../../../src/object/write.ts';
import { btfOf } from '../btf/support.ts';
import { CLANG, onFile, run, toolTest } from './clang.ts';
import { EXTERNS, fixture, MAPS, SECTIONS } from './fixtures.ts';

/** A spec as plain data, types included. */
function plain(spec: ObjectSpec): unknown {
  return {
    ...spec,
    functions: [...spec.functions.values()],
    maps: [...spec.maps.values()],
    variables: [...spec.variables].sort(([a], [b]) => (a < b ? -1 : 1)),
    sources: [...spec.sources],
    btf: spec.btf && Array.from({ length: spec.btf.size }, (_, id) => spec.btf?.type(id)),
  };
}

for (const [name, source] of Object.entries({ MAPS, EXTERNS, SECTIONS })) {
  toolTest(`${name}: read, written and read again it is the same`, { commands: [CLANG] }, () => {
    const spec = readObject(fixture(source));
    const bytes = writeObject(spec);
    const again = readObject(bytes);
    assert.deepEqual(plain(again), plain(spec));
    assert.deepEqual(writeObject(again), bytes);
  });

  toolTest(
    `${name}: bpftool reads its BTF, readelf its sections, objdump its code`,
    { commands: [CLANG, 'bpftool', 'llvm-readelf-19', 'llvm-objdump-19'] },
    () => {
      const original = fixture(source);
      const written = writeObject(readObject(original));
      const names = (bytes: Uint8Array) => {
        const dump = onFile(bytes, (path) => run('bpftool', ['-j', 'btf', 'dump', 'file', path]));
        return (JSON.parse(dump) as { types: { kind: string; name: string }[] }).types.map((t) => `${t.kind} ${t.name}`);
      };
      assert.deepEqual(names(written), names(original));
      onFile(written, (path) => {
        assert.doesNotMatch(run('llvm-readelf-19', ['-a', path]), /warning:|error:|<corrupt/i);
        const code = (file: string) => run('llvm-objdump-19', ['-d', '--no-show-raw-insn', file]);
        assert.ok(code(path).includes('<'));
        return '';
      });
    },
  );
}

// ---- by hand

function spec(parts: Partial<ObjectSpec>): ObjectSpec {
  return {
    name: 'test',
    license: 'GPL',
    programs: [],
    functions: new Map(),
    maps: new Map(),
    variables: new Map(),
    btf: undefined,
    sources: new Map(),
    ...parts,
  };
}

const PROGRAM: ProgramSpec = { name: 'prog', entry: 'prog', type: 'socket_filter', section: 'socket', autoAttach: false, autoLoad: true };

function fn(name: string, parts: Partial<FunctionSpec> = {}): FunctionSpec {
  return { name, linkage: 'global', insns: [mov64Imm(0, 0), exit()], refs: [], lines: [], core: [], ...parts };
}

function map(name: string, parts: Partial<MapSpec> = {}): MapSpec {
  return { name, type: 'hash', keySize: 4, valueSize: 8, maxEntries: 10, flags: 0, keyType: 0, valueType: 0, ...parts };
}

const functions = (...list: FunctionSpec[]) => new Map(list.map((f) => [f.name, f]));
const maps = (...list: MapSpec[]) => new Map(list.map((m) => [m.name, m]));

test('maps made without BTF come back', () => {
  const btf = new BtfBuilder();
  const long = btf.add({ kind: 'int', name: 'long', size: 8, bits: 64, encoding: 'signed' });
  const list = [
    map('plain'),
    map('typed', { valueType: long }),
    map('flags', { flags: 1, numaNode: 0, extra: 3n, type: 'bloom_filter', keySize: 0 }),
    map('wide', { extra: 1n << 40n }),
    map('pin', { pin: '/sys/fs/bpf/pin' }),
    map('ring', { type: 'ringbuf', keySize: 0, valueSize: 0, maxEntries: 4096 }),
    map('events', { type: 'perf_event_array', valueSize: 4, maxEntries: 0 }),
    map('inner1', { type: 'array' }),
    map('maps', {
      type: 'array_of_maps',
      valueSize: 4,
      inner: map('maps.inner', { type: 'array' }),
      values: [{ index: 3, name: 'inner1' }],
    }),
    map('jumps', { type: 'prog_array', valueSize: 4, values: [{ index: 1, name: 'prog' }] }),
  ];
  const before = spec({ programs: [PROGRAM], functions: functions(fn('prog')), maps: maps(...list), btf });
  const after = readObject(writeObject(before));
  assert.deepEqual([...after.maps.values()], list);
  // Types of the spec keep their ids, and the original builder is not touched.
  assert.deepEqual(after.btf?.type(long), btf.type(long));
  assert.equal(btf.size, 2);
  assert.deepEqual(writeObject(after), writeObject(before));
});

test('a definition in BTF that no longer says the same is replaced', () => {
  const first = writeObject(spec({ maps: maps(map('m')) }));
  const read = readObject(first);
  const changed = { ...read, maps: maps(map('m', { maxEntries: 77 })) };
  const second = readObject(writeObject(changed));
  assert.equal(second.maps.get('m')?.maxEntries, 77);
  assert.deepEqual([...second.maps.keys()], ['m']);
});

test('a program that is also called, callbacks, and data without variables', () => {
  const call = { ...callHelper(0), src: 1, imm: -1 };
  const main = fn('main', {
    insns: [call, ldImm64(2, 0n), ldImm64(1, 0n), exit()],
    refs: [
      { insn: 0, to: { kind: 'call', function: 'other' } },
      { insn: 1, to: { kind: 'functionAddress', function: 'cb' } },
      { insn: 2, to: { kind: 'mapValue', map: '.rodata.str', offset: 4 } },
    ],
  });
  const before = spec({
    programs: [
      { ...PROGRAM, name: 'main', entry: 'main' },
      { ...PROGRAM, name: 'other', entry: 'other', section: 'xdp', type: 'xdp', attachType: 'xdp' },
    ],
    functions: functions(main, fn('other'), fn('cb', { linkage: 'static' })),
    maps: maps(
      map('.rodata.str', {
        type: 'array',
        valueSize: 6,
        maxEntries: 1,
        flags: 128,
        data: new TextEncoder().encode('hello\0'),
        frozen: true,
      }),
    ),
  });
  const after = readObject(writeObject(before));
  assert.deepEqual(
    after.programs.map((p) => [p.name, p.section]),
    [
      ['main', 'socket'],
      ['other', 'xdp'],
    ],
  );
  const refs = after.functions.get('main')?.refs.map((r) => r.to);
  const called = refs?.[0];
  assert.ok(called?.kind === 'call');
  // The body in .text is another function than the program.
  assert.notEqual(after.programs.find((p) => p.name === 'other')?.entry, called.function);
  assert.deepEqual(after.functions.get(called.function)?.insns, before.functions.get('other')?.insns);
  assert.deepEqual(refs?.slice(1), [
    { kind: 'functionAddress', function: 'cb' },
    { kind: 'mapValue', map: '.rodata.str', offset: 4 },
  ]);
  assert.deepEqual(after.maps.get('.rodata.str'), { ...before.maps.get('.rodata.str') });
});

test('externals are written from the references alone', () => {
  const btf = new BtfBuilder();
  const int = btf.add({ kind: 'int', name: 'int', size: 4, bits: 32, encoding: 'signed' });
  const proto = btf.add({ kind: 'funcProto', returns: int, params: [], variadic: false });
  btf.append({ kind: 'func', name: 'kfunc', type: proto, linkage: 'extern' });
  const main = fn('prog', {
    insns: [{ ...callHelper(0), src: 1, imm: -1 }, ldImm64(1, 0n), ldImm64(2, 0n), exit()],
    refs: [
      { insn: 0, to: { kind: 'kfunc', name: 'kfunc', weak: true } },
      { insn: 1, to: { kind: 'ksym', name: 'jiffies', typed: false, weak: false } },
      { insn: 2, to: { kind: 'kconfig', name: 'CONFIG_HZ', weak: false } },
    ],
  });
  const before = spec({
    programs: [PROGRAM],
    functions: functions(main),
    btf,
    maps: maps(map('.kconfig', { type: 'array', valueSize: 4, maxEntries: 1, flags: 128, data: new Uint8Array(4), frozen: true })),
    variables: new Map([['CONFIG_HZ', { name: 'CONFIG_HZ', map: '.kconfig', offset: 0, size: 4, type: int, linkage: 'extern' as const }]]),
  });
  const after = readObject(writeObject(before));
  assert.deepEqual(after.functions.get('prog')?.refs, main.refs);
  assert.deepEqual(after.variables, before.variables);
  assert.deepEqual(after.maps.get('.kconfig'), before.maps.get('.kconfig'));
});

test('lines: one at the start of each function, texts from the sources', () => {
  const before = spec({
    programs: [PROGRAM],
    functions: functions(
      fn('prog', {
        lines: [
          { insn: 1, file: 'a.c', line: 2, column: 3 },
          { insn: 1, file: 'a.c', line: 3, column: 1 },
        ],
      }),
      fn('sub'),
    ),
    btf: new BtfReader(encodeBtf(withInt())),
    sources: new Map([['a.c', 'first\nsecond\nthird']]),
  });
  const after = readObject(writeObject(before));
  assert.deepEqual(after.functions.get('prog')?.lines, [
    { insn: 0, file: 'a.c', line: 3, column: 1 },
    { insn: 1, file: 'a.c', line: 3, column: 1 },
  ]);
  assert.deepEqual(after.functions.get('sub')?.lines, [{ insn: 0, file: '', line: 0, column: 0 }]);
  assert.equal(after.sources.get('a.c'), '\n\nthird');
});

function withInt(): BtfBuilder {
  const b = new BtfBuilder();
  b.add({ kind: 'int', name: 'int', size: 4, bits: 32, encoding: 'signed' });
  return b;
}

test('what an object cannot say is refused', () => {
  const prog = (parts: Partial<FunctionSpec>) => spec({ programs: [PROGRAM], functions: functions(fn('prog', parts)) });
  const wrong: readonly (readonly [ObjectSpec, RegExp])[] = [
    [spec({ maps: maps(map('m', { pin: '/sys/fs/bpf/elsewhere' })) }), /pinned at/],
    [spec({ maps: maps(map('m', { type: 'nonsense' })) }), /no map type 'nonsense'/],
    [spec({ programs: [PROGRAM] }), /has no function 'prog'/],
    [prog({ insns: [] }), /no instructions/],
    [prog({ refs: [{ insn: 0, to: { kind: 'map', map: 'm' } }] }), /cannot hold a reference of kind map/],
    [prog({ insns: [ldImm64(1, 0n), exit()], refs: [{ insn: 0, to: { kind: 'map', map: 'gone' } }] }), /no map 'gone'/],
    [
      prog({ insns: [ldImm64(1, 0n), exit()], refs: [{ insn: 0, to: { kind: 'ksym', name: 'typed', typed: true, weak: false } }] }),
      /'typed' has no type/,
    ],
    [prog({ refs: [{ insn: 9, to: { kind: 'call', function: 'prog' } }] }), /does not exist/],
    [spec({ maps: maps(map('.bss', { type: 'array', valueSize: 1, data: new Uint8Array([1]) })) }), /zeros only/],
  ];
  for (const [bad, message] of wrong)
    assert.throws(
      () => writeObject(bad),
      (e: unknown) => e instanceof ObjectError && message.test(e.message),
      String(message),
    );
  assert.doesNotThrow(() => writeObject(prog({ insns: [insn(0x95, 0, 0, 0, 0)] })));
});

toolTest('BTF of a written object lists what libbpf looks for', { commands: [CLANG] }, () => {
  const written = btfOf(writeObject(readObject(fixture(EXTERNS))));
  for (const section of ['.ksyms', '.kconfig', 'license']) assert.ok(written.find(section, 'datasec') !== undefined, section);
  for (const name of ['bpf_task_release', 'no_such_variable', 'bpf_prog_fops']) {
    const id = written.find(name, 'func', 'var');
    const type = written.type(id ?? 0);
    assert.ok((type.kind === 'func' || type.kind === 'var') && type.linkage === 'extern', name);
  }
});
