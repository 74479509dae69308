/** Objects from clang: what is read out of them, against readelf, llvm-objdump and what the source says. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { BtfError } from '../../../src/btf/error.ts';
import { formatType, sizeOf } from '../../../src/btf/walk.ts';
import { ElfFile } from '../../../src/elf/read.ts';
import { encode } from '../../../src/isa/encode.ts';
import { ObjectError } from '../../../src/object/error.ts';
import { readObject } from '../../../src/object/read.ts';
import type { ObjectSpec } from '../../../src/object/spec.ts';
import { numbers } from '../btf/support.ts';
import { CLANG, compileBpf, onFile, run, toolTest } from './clang.ts';
import { EXTERNS, fixture, LEGACY, MAPS, SECTIONS } from './fixtures.ts';

const TOOLS = { commands: [CLANG] };

function refsOf(spec: ObjectSpec, name: string): unknown[] {
  return (spec.functions.get(name)?.refs ?? []).map((r) => r.to);
}

toolTest('maps are what the source defines', TOOLS, () => {
  const spec = readObject(fixture(MAPS), { name: 'maps' });
  assert.equal(spec.name, 'maps');
  assert.equal(spec.license, 'GPL');
  const maps = Object.fromEntries([...spec.maps].map(([name, { name: _, data, keyType, valueType, ...rest }]) => [name, rest]));
  const inner = { type: 'array', keySize: 4, valueSize: 8, maxEntries: 1, flags: 0 };
  const outer = maps['outer'];
  assert.deepEqual(
    { ...outer, inner: undefined },
    {
      type: 'hash_of_maps',
      keySize: 4,
      valueSize: 4,
      maxEntries: 8,
      flags: 0,
      inner: undefined,
      values: [
        { index: 0, name: 'in1' },
        { index: 5, name: 'in2' },
      ],
    },
  );
  assert.deepEqual({ ...outer.inner, keyType: 0, valueType: 0 }, { ...inner, name: 'outer.inner', keyType: 0, valueType: 0 });
  assert.deepEqual(maps['in1'], inner);
  assert.deepEqual(maps['jumps'], {
    type: 'prog_array',
    keySize: 4,
    valueSize: 4,
    maxEntries: 4,
    flags: 0,
    values: [{ index: 2, name: 'tail' }],
  });
  assert.deepEqual(maps['lru'], { type: 'lru_hash', keySize: 8, valueSize: 8, maxEntries: 64, flags: 2 });
  assert.deepEqual(maps['pinned'], { type: 'hash', keySize: 8, valueSize: 12, maxEntries: 64, flags: 0, pin: '/sys/fs/bpf/pinned' });
  assert.deepEqual(maps['ring'], { type: 'ringbuf', keySize: 0, valueSize: 0, maxEntries: 4096, flags: 0 });
  // Read-only for programs; to be mapped where there is a variable that others may see.
  assert.deepEqual(maps['.rodata'], {
    type: 'array',
    keySize: 4,
    valueSize: spec.maps.get('.rodata')?.data?.length,
    maxEntries: 1,
    flags: 128 | 1024,
    frozen: true,
  });
  assert.deepEqual(maps['.data.mine'], { type: 'array', keySize: 4, valueSize: 4, maxEntries: 1, flags: 1024 });
  assert.equal(spec.maps.get('.rodata.mine')?.frozen, true);
  const lru = spec.maps.get('lru');
  assert.ok(spec.btf && lru);
  assert.equal(formatType(spec.btf, lru.keyType), 'struct key');
  assert.equal(formatType(spec.btf, lru.valueType), 'long');
});

toolTest('variables have their places, types and initial bytes', TOOLS, () => {
  const spec = readObject(fixture(MAPS));
  const read = (name: string): number => {
    const v = spec.variables.get(name);
    const data = v && spec.maps.get(v.map)?.data;
    assert.ok(v && data, name);
    return new DataView(data.buffer, data.byteOffset).getInt32(v.offset, true);
  };
  assert.deepEqual(['hidden', 'g1', 'g2', 'ro', 'mine', 'romine', 'zero'].map(read), [4, 5, -6, 6, 9, 8, 0]);
  const linkage = (name: string) => spec.variables.get(name)?.linkage;
  assert.deepEqual(['hidden', 'g1', 'zero', 'zeros'].map(linkage), ['static', 'global', 'static', 'global']);
  const btf = spec.btf;
  assert.ok(btf);
  assert.equal(formatType(btf, spec.variables.get('ro')?.type ?? 0), 'const volatile int');
  assert.equal(formatType(btf, spec.variables.get('zeros')?.type ?? 0), 'long [4]');
  // BTF's sections have the sizes and places that the linker would give them.
  for (const section of ['.data', '.bss', '.rodata']) {
    const type = btf.type(btf.find(section, 'datasec') ?? 0);
    assert.ok(type.kind === 'datasec');
    assert.equal(type.size, spec.maps.get(section)?.valueSize);
    for (const entry of type.entries) {
      const variable = btf.type(entry.type);
      assert.ok(variable.kind === 'var');
      const v = spec.variables.get(variable.name);
      assert.deepEqual([entry.offset, entry.size], [v?.offset, v?.size], variable.name);
      assert.equal(sizeOf(btf, variable.type), v?.size);
    }
  }
});

toolTest('references are by name', TOOLS, () => {
  const spec = readObject(fixture(MAPS));
  assert.deepEqual(refsOf(spec, 'tail'), [{ kind: 'call', function: 'global_sub' }]);
  const main = refsOf(spec, 'main_prog');
  assert.deepEqual(main[0], { kind: 'map', map: 'in1' });
  for (const want of [
    { kind: 'functionAddress', function: 'callback' },
    { kind: 'call', function: 'hidden_sub' },
    { kind: 'call', function: 'weak_sub' },
    { kind: 'map', map: 'jumps' },
    { kind: 'map', map: 'outer' },
    { kind: 'map', map: 'lru' },
  ])
    assert.ok(
      main.some((r) => JSON.stringify(r) === JSON.stringify(want)),
      JSON.stringify(want),
    );
  const message = spec.variables.get('msg');
  assert.ok(main.some((r) => JSON.stringify(r) === JSON.stringify({ kind: 'mapValue', map: '.rodata', offset: message?.offset })));
  // Called within its section: no relocation, only a distance.
  assert.ok(refsOf(spec, 'global_sub').some((r) => JSON.stringify(r) === JSON.stringify({ kind: 'call', function: 'sub' })));
  const linkages = Object.fromEntries([...spec.functions].map(([name, fn]) => [name, fn.linkage]));
  assert.deepEqual(
    [linkages['sub'], linkages['global_sub'], linkages['weak_sub'], linkages['hidden_sub'], linkages['callback'], linkages['tail']],
    ['static', 'global', 'weak', 'static', 'static', 'global'],
  );
  // What is hidden is static for the verifier, too.
  const hidden = spec.btf?.type(spec.btf.find('hidden_sub', 'func') ?? 0);
  assert.ok(hidden?.kind === 'func' && hidden.linkage === 'static');
  for (const [name, fn] of spec.functions) {
    const type = spec.btf?.type(fn.btfFunc ?? 0);
    assert.ok(type?.kind === 'func' && type.name === name);
  }
});

toolTest('instructions are those of the file', { commands: [CLANG, 'llvm-objdump-19'] }, () => {
  const object = fixture(SECTIONS);
  const spec = readObject(object);
  const elf = new ElfFile(object);
  const sections = new Map<string, number[]>();
  for (const program of spec.programs) {
    const bytes = encode(spec.functions.get(program.entry)?.insns ?? []);
    sections.set(program.section, [...(sections.get(program.section) ?? []), ...bytes]);
  }
  for (const [name, bytes] of sections) {
    const section = elf.section(name);
    assert.ok(section);
    assert.deepEqual(Uint8Array.from(bytes), elf.data(section).slice(), name);
  }
});

toolTest('lines are those that llvm-objdump prints', { commands: [CLANG, 'llvm-objdump-19', 'llvm-strip-19'] }, () => {
  const object = fixture(MAPS);
  const spec = readObject(object);
  // Without DWARF objdump takes lines from .BTF.ext.
  const text = onFile(object, (path) => {
    run('llvm-strip-19', ['-g', path]);
    return run('llvm-objdump-19', ['-d', '-l', '--no-show-raw-insn', path]);
  });
  const want = new Map<string, string[]>();
  let current: string[] = [];
  for (const line of text.split('\n')) {
    const fn = /^[0-9a-f]+ <(\w+)>:$/.exec(line);
    const place = /^; (.*\.c):(\d+)$/.exec(line);
    if (fn) want.set(fn[1], (current = []));
    else if (place) current.push(place[2]);
  }
  assert.ok(want.size >= 7);
  for (const [name, lines] of want) {
    const fn = spec.functions.get(name);
    assert.ok(fn, name);
    // Objdump prints a line when it changes.
    const got = fn.lines.map((l) => String(l.line)).filter((l, i, all) => l !== all[i - 1]);
    assert.deepEqual(
      got,
      lines.filter((l, i) => l !== lines[i - 1]),
      name,
    );
  }
  const [source] = spec.sources.values();
  const at = spec.functions.get('sub')?.lines[0];
  assert.ok(at);
  assert.match(source.split('\n')[at.line - 1], /static __noinline int sub/);
});

toolTest('CO-RE relocations are those that llvm-objdump prints', { commands: [CLANG, 'llvm-objdump-19'] }, () => {
  const object = fixture(EXTERNS);
  const spec = readObject(object);
  const text = onFile(object, (path) => run('llvm-objdump-19', ['-dr', '--no-show-raw-insn', path]));
  const want = [...text.matchAll(/^\s*([0-9a-f]+):\s+CO-RE <(\w+)> \[(\d+)\].*\(([0-9:]+)\)/gm)].map((m) => [
    Number.parseInt(m[1], 16),
    m[2],
    Number(m[3]),
    m[4],
  ]);
  const names: Readonly<Record<string, string>> = {
    fieldByteOffset: 'byte_off',
    fieldByteSize: 'byte_sz',
    fieldExists: 'field_exists',
    fieldSigned: 'signed',
    fieldLshift: 'lshift_u64',
    fieldRshift: 'rshift_u64',
    typeIdLocal: 'local_type_id',
    typeIdTarget: 'target_type_id',
    typeExists: 'type_exists',
    typeSize: 'type_size',
    enumvalExists: 'enumval_exists',
    enumvalValue: 'enumval_value',
    typeMatches: 'type_matches',
  };
  const fn = spec.functions.get('on_switch');
  assert.ok(fn);
  let slot = 0;
  const slots = fn.insns.map((i) => {
    const at = slot;
    slot += i.imm64 === undefined ? 1 : 2;
    return at * 8;
  });
  // Printed by name for enumerators and types; the access string is behind the name in brackets for fields only.
  const got = fn.core.filter((c) => c.kind.startsWith('field')).map((c) => [slots[c.insn], names[c.kind], c.type, c.access]);
  assert.ok(got.length >= 6);
  assert.deepEqual(
    got,
    want.filter(([, kind]) => got.some((g) => g[1] === kind)),
  );
  assert.deepEqual(new Set(fn.core.map((c) => c.kind)).has('enumvalValue'), true);
});

toolTest('externals: kernel symbols, kfuncs and configuration', TOOLS, () => {
  const spec = readObject(fixture(EXTERNS));
  const refs = refsOf(spec, 'on_switch');
  for (const want of [
    { kind: 'ksym', name: 'bpf_task_from_pid', typed: true, weak: true },
    { kind: 'kfunc', name: 'bpf_task_from_pid', weak: true },
    { kind: 'kfunc', name: 'bpf_task_release', weak: false },
    { kind: 'ksym', name: 'no_such_variable', typed: true, weak: true },
    { kind: 'kconfig', name: 'CONFIG_BPF', weak: true },
    { kind: 'kconfig', name: 'LINUX_KERNEL_VERSION', weak: false },
  ])
    assert.ok(
      refs.some((r) => JSON.stringify(r) === JSON.stringify(want)),
      JSON.stringify(want),
    );
  const config = spec.maps.get('.kconfig');
  assert.ok(config);
  const places = [...spec.variables.values()].filter((v) => v.map === '.kconfig').sort((a, b) => a.offset - b.offset);
  assert.deepEqual(
    places.map((v) => v.size).sort((a, b) => a - b),
    [1, 4, 100],
  );
  for (const [i, v] of places.entries()) {
    assert.ok(v.offset + v.size <= (places[i + 1]?.offset ?? config.valueSize));
    if (v.size === 4) assert.equal(v.offset % 4, 0);
  }
});

toolTest('programs: types, targets and what attaches by itself', TOOLS, () => {
  const spec = readObject(fixture(SECTIONS));
  const rows = spec.programs.map((p) => [p.name, p.type, p.attachType, p.target, p.autoAttach, p.autoLoad, p.sleepable === true]);
  assert.deepEqual(rows, [
    ['tp1', 'tracepoint', undefined, 'block:block_rq_issue', true, true, false],
    ['tp2', 'tracepoint', undefined, 'sched:sched_switch', true, true, false],
    ['kp1', 'kprobe', undefined, 'vfs_read', true, true, false],
    ['kp2', 'kprobe', undefined, 'vfs_read', true, true, false],
    ['krp', 'kprobe', undefined, 'vfs_read+0x10', true, true, false],
    ['fe', 'tracing', 'trace_fentry', 'vfs_read', true, true, true],
    ['lsm', 'lsm', 'lsm_mac', 'bpf', true, false, false],
    ['usdt', 'kprobe', undefined, '/usr/lib/libc.so.6:libc:setjmp', true, true, false],
    ['egress', 'cgroup_skb', 'cgroup_inet_egress', undefined, false, true, false],
    ['old_socket', 'socket_filter', undefined, undefined, false, true, false],
    ['old_xdp', 'xdp', undefined, undefined, false, true, false],
    ['unknown', 'unspec', undefined, undefined, false, true, false],
    ['iter', 'tracing', 'trace_iter', 'task', true, true, false],
  ]);
});

toolTest('maps from before BTF', TOOLS, () => {
  const spec = readObject(fixture(LEGACY));
  const btf = spec.btf;
  assert.ok(btf);
  const counts = spec.maps.get('counts');
  assert.deepEqual(
    { ...counts, keyType: 0, valueType: 0 },
    { name: 'counts', type: 'hash', keySize: 4, valueSize: 8, maxEntries: 100, flags: 1, keyType: 0, valueType: 0 },
  );
  assert.equal(formatType(btf, counts?.valueType ?? 0), 'long');
  assert.deepEqual(spec.maps.get('tunnel'), {
    name: 'tunnel',
    type: 'array',
    keySize: 4,
    valueSize: 16,
    maxEntries: 1,
    flags: 0,
    keyType: 0,
    valueType: 0,
    pin: '/sys/fs/bpf/tc/globals/tunnel',
  });
  assert.deepEqual(refsOf(spec, 'prog'), [
    { kind: 'map', map: 'counts' },
    { kind: 'map', map: 'tunnel' },
  ]);
});

toolTest('an object without types', TOOLS, () => {
  const spec = readObject(compileBpf('int zero; __attribute__((section("socket"), used)) int f(void *c) { return zero; }', '-g0'));
  assert.equal(spec.btf, undefined);
  assert.equal(spec.license, '');
  assert.deepEqual(refsOf(spec, 'f'), [{ kind: 'mapValue', map: '.bss', offset: 0 }]);
  assert.deepEqual(spec.functions.get('f')?.lines, []);
});

toolTest('what is not supported, or makes no sense, is said', TOOLS, () => {
  const head = '#define SEC(x) __attribute__((section(x), used))\n';
  const wrong: readonly (readonly [string, RegExp, string])[] = [
    ['struct { int x; } ops SEC(".struct_ops.link") = { 1 };', /struct_ops are not supported/, 'unsupported'],
    ['struct { int (*type)[1]; int (*speed)[3]; } m SEC(".maps");', /map 'm': unknown field 'speed'/, 'map'],
    ['struct { int (*type)[999]; } m SEC(".maps");', /unknown map type 999/, 'map'],
    ['struct { int (*max_entries)[9]; } m SEC(".maps");', /has no type/, 'map'],
    ['struct { int (*type)[1]; int (*key_size)[3]; int *key; } m SEC(".maps");', /key_size is 3, but the key has 4 bytes/, 'map'],
    ['extern int elsewhere; SEC("socket") int f(void *c) { return elsewhere; }', /'elsewhere' is external/, 'reference'],
    ['int far(int) SEC("xdp"); int far(int x) { return x; } SEC("socket") int f(void *c) { return far(3); }', /./, ''],
  ];
  for (const [source, message, code] of wrong) {
    const object = compileBpf(head + source);
    if (code === '') assert.doesNotThrow(() => readObject(object));
    else
      assert.throws(
        () => readObject(object),
        (e: unknown) => e instanceof ObjectError && e.code === code && message.test(e.message),
        source,
      );
  }
});

test('what is no BPF object is refused', () => {
  for (const bytes of [
    new Uint8Array(0),
    new TextEncoder().encode('hello world, this is no object at all, but it is long enough to hold a header'),
  ]) {
    assert.throws(
      () => readObject(bytes),
      (e: unknown) => e instanceof ObjectError && e.code === 'format',
    );
  }
});

toolTest('an object of another machine is refused', TOOLS, () => {
  const native = onFile(new TextEncoder().encode('int x;'), (path) => {
    run(CLANG, ['-x', 'c', '-target', 'x86_64', '-c', path, '-o', `${path}.out`]);
    return run('base64', ['-w0', `${path}.out`]);
  });
  assert.throws(() => readObject(Buffer.from(native, 'base64')), /for machine 62, not for BPF/);
});

toolTest('damaged objects give errors, never crash or hang', TOOLS, () => {
  const originals = [MAPS, EXTERNS, LEGACY].map((source) => fixture(source, '-fdebug-compilation-dir=.', '-gno-column-info'));
  const next = numbers(4242);
  const rounds = Number(process.env['SKEP_FUZZ_ROUNDS'] ?? 1500);
  const started = performance.now();
  let good = 0;
  for (let round = 0; round < rounds; round++) {
    const original = originals[round % originals.length];
    const bytes = original.slice(0, next(20) === 0 ? next(original.length) : original.length);
    const view = new DataView(bytes.buffer);
    for (let i = next(5); i >= 0; i--) {
      const at = next(Math.max(bytes.length - 4, 1));
      if (at + 4 <= bytes.length)
        view.setUint32(at, [next(64), next(2 ** 32), 0xffffffff, view.getUint32(at, true) ^ (1 << next(32))][next(4)] >>> 0, true);
    }
    try {
      readObject(bytes);
      good++;
    } catch (error) {
      if (!(error instanceof ObjectError)) throw error;
      assert.ok(
        !(error.cause instanceof Error) ||
          error.cause instanceof BtfError ||
          error.cause.name === 'ElfError' ||
          error.cause.name === 'DecodeError',
      );
    }
  }
  assert.ok(good > 0);
  assert.ok((performance.now() - started) / rounds < 40, 'ms for each round');
});
