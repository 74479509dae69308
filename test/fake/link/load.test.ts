/** The loader on a kernel that only records: what goes into each call, retries, fall-backs, what is closed on failure. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { callHelper, exit, ldMapFd, mov64Imm } from '../../../src/isa/build.ts';
import { MAP_TYPE, PROG_TYPE } from '../../../src/kernel/bpf-enums.ts';
import { FeatureError, PrivilegeError } from '../../../src/kernel/errors.ts';
import { readTargetFacts } from '../../../src/kernel/facts.ts';
import { FakeKernel, fail } from '../../../src/kernel/fake.ts';
import { LinkError } from '../../../src/link/error.ts';
import { type LoadedObject, type LoadOptions, loadObject } from '../../../src/link/load.ts';
import { VerifierError } from '../../../src/link/verifier-error.ts';
import type { MapSpec, ObjectSpec } from '../../../src/object/spec.ts';
import { mapSpec, returns, tinyObject } from '../../host/kernel/support.ts';

function fakeKernel(release = '6.1.0'): FakeKernel {
  const kernel = new FakeKernel();
  kernel.files.set('/proc/sys/kernel/osrelease', `${release}\n`);
  kernel.files.set('/sys/devices/system/cpu/possible', '0-5\n');
  kernel.files.set('/proc/self/status', 'CapEff:\t000001ffffffffff\n');
  return kernel;
}

function load(spec: ObjectSpec, kernel: FakeKernel, options: Partial<LoadOptions> = {}): LoadedObject {
  return loadObject(spec, kernel, { facts: readTargetFacts(kernel), ...options });
}

const simple = tinyObject({ program: { type: 'socket_filter' }, main: returns(0) });

test('PROG_LOAD has type, instructions, licence and name; no log at first', () => {
  const kernel = fakeKernel();
  load(tinyObject({ program: { type: 'socket_filter', name: 'a-name/that is long' }, main: returns(7), typed: false }), kernel);
  const [call] = kernel.named('PROG_LOAD');
  assert.ok(call);
  assert.equal(call.attr['prog_type'], PROG_TYPE.socket_filter);
  assert.equal(call.attr['insn_cnt'], 2);
  assert.deepEqual([...call.bytes('insns')], [0xb7, 0, 0, 0, 7, 0, 0, 0, 0x95, 0, 0, 0, 0, 0, 0, 0]);
  assert.deepEqual([...call.bytes('license')], [...Buffer.from('GPL\0')]);
  assert.equal(call.attr['prog_name'], 'a_name_that_is_');
  assert.deepEqual([call.attr['log_level'], call.attr['log_size'], call.attr['log_buf']], [0, 0, 0n]);
  assert.equal(call.attr['kern_version'], 0);
});

test("a program is called by what it hangs on, not by BCC's words for the kind", () => {
  for (const [name, shown] of [
    ['btf_tracepoint__sched_switch', 'sched_switch'],
    ['tracepoint__sched__sched_wakeup_new', 'sched_wakeup_ne'],
    ['raw_tracepoint__sys_enter', 'sys_enter'],
    ['kprobe____x64_sys_clone', '__x64_sys_clone'],
    ['kretprobe__vfs_read', 'vfs_read'],
    ['kfunc__vmlinux__vfs_read', 'vfs_read'],
    ['kfunc__do_unlinkat', 'do_unlinkat'],
    ['kretfunc__vmlinux____do_page_cache', '__do_page_cache'],
    ['kprobe__', 'kprobe__'],
    ['lsm__file_open', 'file_open'],
    ['on_read', 'on_read'],
  ] as const) {
    const kernel = fakeKernel();
    load(tinyObject({ program: { type: 'socket_filter', name }, main: returns(7), typed: false }), kernel);
    assert.equal(kernel.named('PROG_LOAD')[0]?.attr['prog_name'], shown, name);
  }
});

test('kprobes say their kernel version, sleepable and frags programs their flags', () => {
  const kernel = fakeKernel('4.19.55');
  load(tinyObject({ program: { type: 'kprobe' }, main: returns(0) }), kernel);
  assert.equal(kernel.named('PROG_LOAD')[0]?.attr['kern_version'], 0x041337);
  load(tinyObject({ program: { type: 'xdp', attachType: 'xdp', xdpFrags: true, sleepable: true }, main: returns(0) }), kernel);
  const second = kernel.named('PROG_LOAD')[1];
  assert.equal(second?.attr['prog_flags'], 32 | 16);
  assert.equal(second?.attr['expected_attach_type'], 37);
});

test('EAGAIN is asked again, with signals held back if they keep coming, not for ever', () => {
  const patient = fakeKernel();
  patient.on('PROG_LOAD', (call) => (call.attempt < 3 ? fail('EAGAIN') : undefined));
  load(simple, patient);
  assert.equal(patient.named('PROG_LOAD').length, 3);
  assert.equal(patient.named('rt_sigprocmask').length, 0);

  const disturbed = fakeKernel();
  let held = false;
  disturbed.on('rt_sigprocmask', ({ args: [how, set, old] }) => {
    held = how === 0;
    if (how === 0) (old as Uint8Array)[0] = 2;
    assert.deepEqual([...(set as Uint8Array)], how === 0 ? Array(8).fill(255) : [2, 0, 0, 0, 0, 0, 0, 0], 'as it was before');
    return undefined;
  });
  disturbed.on('PROG_LOAD', () => (held ? undefined : fail('EAGAIN')));
  load(simple, disturbed);
  assert.equal(held, false);

  const hopeless = fakeKernel();
  hopeless.on('PROG_LOAD', () => fail('EAGAIN'));
  assert.throws(
    () => load(simple, hopeless),
    (error: unknown) => error instanceof LinkError && /interrupted 16 times and came to no verdict/.test(error.message),
  );
  assert.equal(hopeless.named('PROG_LOAD').length, 16);
  assert.equal(hopeless.open.size, 0);

  const forbidden = fakeKernel();
  forbidden.on('rt_sigprocmask', () => fail('EPERM'));
  forbidden.on('PROG_LOAD', (call) => (call.attempt < 10 ? fail('EAGAIN') : undefined));
  load(simple, forbidden);
});

function refuse(kernel: FakeKernel, log: string, options: { readonly trueSize?: boolean } = {}): void {
  kernel.on('PROG_LOAD', (call) => {
    if (call.attr['log_level'] === 0) return fail('EACCES');
    const buffer = call.buffer('log_buf');
    const text = Buffer.from(`${log}\0`);
    buffer.set(text.subarray(0, buffer.length));
    if (options.trueSize === true) call.answer('log_true_size', text.length);
    return text.length > buffer.length ? fail('ENOSPC') : fail('EACCES');
  });
}

test('a refused program is loaded again with a log, a larger one if it does not fit', () => {
  const log = `${'x\n'.repeat(1_000_000)}0: (95) exit\nR0 !read_ok\nprocessed 1 insns (limit 1000000)\n`;
  for (const [trueSize, sizes] of [
    [false, [0, 2 ** 20, 2 ** 24]],
    [true, [0, 2 ** 20, log.length + 1]],
  ] as const) {
    const kernel = fakeKernel();
    refuse(kernel, log, { trueSize });
    assert.throws(
      () => load(simple, kernel),
      (error: unknown) => error instanceof VerifierError && error.class === 'uninitialised' && error.log === log,
    );
    assert.deepEqual(
      kernel.named('PROG_LOAD').map((c) => c.attr['log_size']),
      sizes,
    );
    assert.deepEqual(
      kernel.named('PROG_LOAD').map((c) => c.attr['log_level']),
      sizes.map((s) => (s === 0 ? 0 : 1)),
    );
    assert.equal(kernel.open.size, 0, 'nothing stays open');
  }
});

test('of a log of many megabytes the end will do, where the kernel keeps the end', () => {
  const kernel = fakeKernel();
  kernel.on('PROG_LOAD', (call) => {
    if (call.attr['log_level'] === 0) return fail('E2BIG');
    call.buffer('log_buf').set(Buffer.from('7: (95) exit\nBPF program is too large. Processed 1000001 insn\n\0'));
    call.answer('log_true_size', 90_000_000);
    return fail('ENOSPC');
  });
  assert.throws(
    () => load(simple, kernel),
    (error: unknown) => error instanceof VerifierError && error.class === 'too-complex',
  );
  assert.equal(kernel.named('PROG_LOAD').length, 2);
});

test('the log of an accepted program on request', () => {
  const kernel = fakeKernel();
  kernel.on('PROG_LOAD', (call) => {
    call.buffer('log_buf').set(Buffer.from('processed 2 insns\n\0'));
    return undefined;
  });
  const object = load(simple, kernel, { logLevel: 4 });
  assert.equal(object.programs.get('main')?.log, 'processed 2 insns\n');
  assert.equal(kernel.named('PROG_LOAD')[0]?.attr['log_level'], 4);
});

test('refused without a log: a missing capability, or a type that the kernel does not have', () => {
  const kernel = fakeKernel();
  kernel.on('PROG_LOAD', () => fail('EPERM'));
  kernel.files.set('/proc/self/status', 'CapEff:\t0000000000000000\n');
  assert.throws(
    () => load(tinyObject({ program: { type: 'tracepoint' }, main: returns(0) }), kernel),
    (error: unknown) => error instanceof PrivilegeError && error.missing.join() === 'CAP_BPF,CAP_PERFMON',
  );
  kernel.on('PROG_LOAD', () => fail('EINVAL'));
  assert.throws(() => load(simple, kernel), FeatureError);
  assert.equal(kernel.open.size, 0);
});

test('descriptors, instructions and references of subprograms and maps', () => {
  const kernel = fakeKernel();
  const object = load(
    tinyObject({
      program: { type: 'socket_filter' },
      main: {
        insns: [ldMapFd(1, 0), { op: 0x85, dst: 0, src: 1, off: 0, imm: 0 }, exit()],
        refs: [
          { insn: 0, to: { kind: 'map', map: 't_map' } },
          { insn: 1, to: { kind: 'call', function: 'other' } },
        ],
      },
      functions: { other: { insns: [mov64Imm(0, 0), exit()] } },
      maps: [mapSpec({ name: 't_map', type: 'hash' })],
    }),
    kernel,
  );
  const fd = object.mapFd('t_map');
  const [call] = kernel.named('PROG_LOAD');
  const insns = new DataView(call?.bytes('insns').slice().buffer as ArrayBuffer);
  // ld_imm64 r1 with the descriptor and BPF_PSEUDO_MAP_FD, then a call one slot beyond exit.
  assert.deepEqual([insns.getUint8(0), insns.getUint8(1), insns.getInt32(4, true)], [0x18, 0x11, fd]);
  assert.deepEqual([insns.getUint8(16), insns.getUint8(17), insns.getInt32(20, true)], [0x85, 0x10, 1]);
  const info = new Uint32Array(call?.bytes('func_info').slice().buffer as ArrayBuffer);
  assert.deepEqual([info[0], info[2]], [0, 4], 'function info at the slots where the functions start');
  object.close();
  object.close();
  assert.equal(kernel.open.size, 0);
});

test('line info: ascending, one per slot, the first instruction of every function included', () => {
  const kernel = fakeKernel();
  load(
    tinyObject({
      program: { type: 'socket_filter' },
      main: {
        insns: [ldMapFd(1, 0), mov64Imm(0, 1), { op: 0x85, dst: 0, src: 1, off: 0, imm: 0 }, exit()],
        refs: [
          { insn: 0, to: { kind: 'map', map: 't_map' } },
          { insn: 2, to: { kind: 'call', function: 'other' } },
        ],
        lines: [
          { insn: 1, file: 'a.c', line: 2, column: 3 },
          { insn: 1, file: 'a.c', line: 3, column: 5000 },
        ],
      },
      functions: { other: { insns: [mov64Imm(0, 0), exit()] } },
      maps: [mapSpec({ name: 't_map', type: 'hash' })],
      sources: { 'a.c': 'one\n\ttwo\nthree' },
    }),
    kernel,
  );
  const [call] = kernel.named('PROG_LOAD');
  assert.equal(call?.attr['line_info_cnt'], 3);
  const words = new Uint32Array(call?.bytes('line_info').slice().buffer as ArrayBuffer);
  assert.deepEqual([words[0], words[4], words[8]], [0, 2, 5]);
  assert.equal((words[7] ?? 0) >>> 10, 3, 'of two lines at one slot the last counts');
  assert.equal((words[7] ?? 0) & 1023, 1023, 'the column has ten bits');
  const btf = Buffer.from(kernel.named('BTF_LOAD')[0]?.bytes('btf') ?? []).toString('latin1');
  assert.ok(btf.includes('\0three\0') && btf.includes('\0a.c\0'));
});

function mapCall(spec: MapSpec, kernel = fakeKernel()): Readonly<Record<string, unknown>> {
  load({ ...simple, maps: new Map([[spec.name, spec]]) }, kernel);
  const calls = kernel.named('MAP_CREATE');
  return calls[calls.length - 1]?.attr ?? {};
}

test('sizes that only the machine knows', () => {
  assert.equal(mapCall(mapSpec({ name: 'r', type: 'ringbuf', keySize: 0, valueSize: 0, maxEntries: 5000 }))['max_entries'], 8192);
  assert.equal(mapCall(mapSpec({ name: 'r', type: 'ringbuf', keySize: 0, valueSize: 0, maxEntries: 4096 }))['max_entries'], 4096);
  const perf = mapCall(mapSpec({ name: 'p', type: 'perf_event_array', maxEntries: 0, keySize: 0, valueSize: 0 }));
  assert.deepEqual([perf['max_entries'], perf['key_size'], perf['value_size']], [6, 4, 4]);
  assert.equal(mapCall(mapSpec({ name: 'l', type: 'lpm_trie', keySize: 8 }))['map_flags'], 1);
  const storage = mapCall(mapSpec({ name: 's', type: 'task_storage', maxEntries: 5 }));
  assert.deepEqual([storage['map_flags'], storage['max_entries']], [1, 0]);
  const numa = mapCall(mapSpec({ name: 'n', type: 'hash', numaNode: 1 }));
  assert.deepEqual([numa['map_flags'], numa['numa_node']], [4, 1]);
  const big = fakeKernel();
  big.files.set('/proc/self/auxv', new Uint8Array(new BigUint64Array([6n, 65536n, 0n, 0n]).buffer));
  assert.equal(mapCall(mapSpec({ name: 'r', type: 'ringbuf', keySize: 0, valueSize: 0, maxEntries: 5000 }), big)['max_entries'], 65536);
});

test('types of keys and values: given, left out where the map type takes none, and without when refused', () => {
  const typed = mapCall(mapSpec({ name: 'h', type: 'hash', keyType: 1, valueType: 1 }));
  assert.deepEqual([typed['btf_key_type_id'], typed['btf_value_type_id'], typed['map_type']], [1, 1, MAP_TYPE.hash]);
  assert.notEqual(typed['btf_fd'], 0);
  const stack = mapCall(mapSpec({ name: 's', type: 'stack_trace', keyType: 1, valueType: 1 }));
  assert.deepEqual([stack['btf_fd'], stack['btf_key_type_id'], stack['btf_value_type_id']], [0, 0, 0]);
  const kernel = fakeKernel();
  kernel.on('MAP_CREATE', (call) => (call.attr['btf_fd'] === 0 ? undefined : fail('ENOTSUPP')));
  assert.equal(mapCall(mapSpec({ name: 'h', type: 'hash', keyType: 1, valueType: 1 }), kernel)['btf_fd'], 0);
  assert.equal(kernel.named('MAP_CREATE').length, 2);
});

test('before Linux 5.11 a map that is refused is made again with a higher memory limit', () => {
  const old = fakeKernel('5.4.0');
  old.on('MAP_CREATE', (call) => (call.attempt === 1 ? fail('EPERM') : undefined));
  mapCall(mapSpec({ name: 'h', type: 'hash' }), old);
  assert.equal(old.named('prlimit64').length, 1);
  const newer = fakeKernel();
  newer.on('MAP_CREATE', () => fail('EPERM'));
  assert.throws(() => mapCall(mapSpec({ name: 'h', type: 'hash' }), newer), PrivilegeError);
  assert.equal(newer.named('prlimit64').length, 0);
  assert.equal(newer.open.size, 0);
});

test('an outer map is made from a template that is closed again; slots are filled', () => {
  const kernel = fakeKernel();
  const inner = mapSpec({ name: 't_inner', type: 'array', maxEntries: 1 });
  const outer = mapSpec({ name: 't_outer', type: 'array_of_maps', valueSize: 4, inner, values: [{ index: 3, name: 't_inner' }] });
  const object = load(
    {
      ...simple,
      maps: new Map([
        [outer.name, outer],
        [inner.name, inner],
      ]),
    },
    kernel,
  );
  const [template, created] = kernel.named('MAP_CREATE');
  assert.equal(template?.attr['map_type'], MAP_TYPE.array);
  assert.equal(created?.attr['map_type'], MAP_TYPE.array_of_maps);
  assert.equal(kernel.open.has(Number(created?.attr['inner_map_fd'])), false, 'the template is closed');
  const update = kernel.named('MAP_UPDATE_ELEM').find((c) => c.attr['map_fd'] === object.mapFd('t_outer'));
  assert.deepEqual([...(update?.bytes('key') ?? [])], [3, 0, 0, 0]);
  assert.equal(update?.bytes('value')[0], object.mapFd('t_inner'));
  assert.throws(
    () => load({ ...simple, maps: new Map([[outer.name, { ...outer, values: [{ index: 0, name: 'nope' }] }]]) }, kernel),
    /'nope', which this object does not have/,
  );
});

test("data sections: filled, with the caller's variables in them, then frozen", () => {
  const kernel = fakeKernel();
  const rodata = mapSpec({
    name: '.rodata',
    type: 'array',
    valueSize: 8,
    maxEntries: 1,
    data: Uint8Array.of(1, 2, 3, 4, 5, 6, 7, 8),
    frozen: true,
  });
  const spec: ObjectSpec = {
    ...simple,
    maps: new Map([['.rodata', rodata]]),
    variables: new Map([['pid', { name: 'pid', map: '.rodata', offset: 4, size: 4, type: 0, linkage: 'global' }]]),
  };
  const object = load(spec, kernel, { variables: new Map([['pid', Uint8Array.of(9, 9, 9, 9)]]) });
  const [update] = kernel.named('MAP_UPDATE_ELEM');
  assert.deepEqual([...(update?.bytes('value') ?? [])], [1, 2, 3, 4, 9, 9, 9, 9]);
  assert.deepEqual(
    kernel.calls.map((c) => c.name).filter((n) => n.startsWith('MAP_')),
    ['MAP_CREATE', 'MAP_UPDATE_ELEM', 'MAP_FREEZE'],
  );
  assert.deepEqual([...(rodata.data ?? [])], [1, 2, 3, 4, 5, 6, 7, 8], 'the spec is unchanged');
  object.close();
  assert.throws(() => load(spec, kernel, { variables: new Map([['pidd', Uint8Array.of(1)]]) }), /no global variable 'pidd'/);
  assert.throws(() => load(spec, kernel, { variables: new Map([['pid', Uint8Array.of(1)]]) }), /has 4 bytes, not 1/);
  assert.equal(kernel.open.size, 0);
});

test('maps that are given or pinned are used if they are of the same kind', () => {
  const info =
    (type: number, key: number, value: number, entries: number) =>
    (kernel: FakeKernel): void =>
      void kernel.on('OBJ_GET_INFO_BY_FD', (call) => {
        call.buffer('info').set(new Uint8Array(Uint32Array.of(type, 1, key, value, entries, 0).buffer));
        return 0;
      });
  const spec: ObjectSpec = { ...simple, maps: new Map([['t_map', mapSpec({ name: 't_map', type: 'hash' })]]) };
  const kernel = fakeKernel();
  info(MAP_TYPE.hash, 4, 8, 16)(kernel);
  const object = load(spec, kernel, { maps: new Map([['t_map', 555]]) });
  assert.notEqual(object.mapFd('t_map'), 555, 'a descriptor of its own: the caller may close theirs');
  assert.deepEqual(
    kernel.named('fcntl').map((c) => c.args),
    [[555, 1030, 3]],
  );
  assert.equal(kernel.named('MAP_CREATE').length, 0);
  object.close();
  assert.equal(kernel.open.size, 0);
  assert.equal(
    kernel.named('close').some((c) => c.args[0] === 555),
    false,
    "it stays the caller's",
  );
  info(MAP_TYPE.array, 4, 8, 17)(kernel);
  assert.throws(() => load(spec, kernel, { maps: new Map([['t_map', 555]]) }), /type 2 instead of 1, entries 17 instead of 16/);
  // A pin that is not there yet is made; one that is there is opened.
  const pinned: ObjectSpec = { ...simple, maps: new Map([['t_map', mapSpec({ name: 't_map', type: 'hash', pin: '/sys/fs/bpf/x/' })]]) };
  const fresh = fakeKernel();
  fresh.on('OBJ_GET', () => fail('ENOENT'));
  load(pinned, fresh);
  assert.equal(Buffer.from(fresh.named('OBJ_PIN')[0]?.bytes('pathname') ?? []).toString(), '/sys/fs/bpf/x/t_map\0');
  const again = fakeKernel();
  info(MAP_TYPE.hash, 4, 8, 16)(again);
  const second = load(pinned, again);
  assert.deepEqual([again.named('MAP_CREATE').length, again.named('OBJ_PIN').length], [0, 0]);
  second.close();
  assert.equal(again.open.size, 0);
});

test('a pin goes with the load that made it and failed; one that was there stays', () => {
  const maps = new Map(['a', 'b'].map((name) => [name, mapSpec({ name, type: 'hash', pin: '/sys/fs/bpf/' })] as const));
  const kernel = fakeKernel();
  kernel.on('OBJ_GET', (call) => (Buffer.from(call.bytes('pathname')).toString() === '/sys/fs/bpf/a\0' ? undefined : fail('ENOENT')));
  kernel.on('OBJ_GET_INFO_BY_FD', (call) => {
    call.buffer('info').set(new Uint8Array(Uint32Array.of(MAP_TYPE.hash, 1, 4, 8, 16, 0).buffer));
    return 0;
  });
  kernel.on('PROG_LOAD', () => fail('EACCES'));
  assert.throws(() => load({ ...simple, maps }, kernel), PrivilegeError);
  assert.deepEqual(
    kernel.named('unlinkat').map((c) => c.args[1]),
    ['/sys/fs/bpf/b'],
  );
  assert.equal(kernel.open.size, 0);
  kernel.on('PROG_LOAD', () => undefined);
  load({ ...simple, maps }, kernel).close();
  assert.equal(kernel.named('unlinkat').length, 1, 'a load that held keeps them');
});

test('types that the kernel refuses are a warning; programs are loaded without', () => {
  const kernel = fakeKernel();
  kernel.on('BTF_LOAD', (call) => {
    if (call.attr['btf_log_level'] === 1) call.buffer('btf_log_buf').set(Buffer.from('magic: 0xeb9f\n[1] INT int bad\n\0'));
    return fail('EINVAL');
  });
  const object = load(simple, kernel);
  assert.equal(object.warnings.length, 1);
  assert.match(object.warnings[0] ?? '', /\[1\] INT int bad/);
  assert.deepEqual([kernel.named('PROG_LOAD')[0]?.attr['prog_btf_fd'], kernel.named('PROG_LOAD')[0]?.attr['func_info_cnt']], [0, 0]);
});

test('kconfig values by type; a value that is missing is an error unless weak', () => {
  const kernel = fakeKernel();
  kernel.files.set('/boot/config-6.1.0', 'CONFIG_HZ=250\nCONFIG_BPF=y\nCONFIG_LSM="bpf"\nCONFIG_M=m\n');
  const kconfig = mapSpec({ name: '.kconfig', type: 'array', valueSize: 16, maxEntries: 1, frozen: true });
  const variable = (name: string, offset: number, size: number) =>
    [name, { name, map: '.kconfig', offset, size, type: 0, linkage: 'extern' as const }] as const;
  const main = (names: readonly [string, boolean][]) =>
    tinyObject({
      program: { type: 'socket_filter' },
      main: {
        insns: [...names.map(() => ldMapFd(1, 0)), mov64Imm(0, 0), exit()],
        refs: names.map(([name, weak], insn) => ({ insn, to: { kind: 'kconfig' as const, name, weak } })),
      },
    });
  const spec: ObjectSpec = {
    ...main([
      ['CONFIG_HZ', false],
      ['LINUX_KERNEL_VERSION', false],
      ['CONFIG_NOPE', true],
    ]),
    maps: new Map([['.kconfig', kconfig]]),
    variables: new Map([
      variable('CONFIG_HZ', 0, 4),
      variable('LINUX_KERNEL_VERSION', 4, 4),
      variable('CONFIG_BPF', 8, 1),
      variable('CONFIG_M', 9, 1),
      variable('CONFIG_NOPE', 12, 4),
    ]),
  };
  load(spec, kernel);
  const bytes = kernel.named('MAP_UPDATE_ELEM')[0]?.bytes('value') ?? new Uint8Array(0);
  assert.deepEqual([...bytes], [250, 0, 0, 0, 0, 1, 6, 0, 1, 2, 0, 0, 0, 0, 0, 0]);
  const strict: ObjectSpec = { ...spec, functions: main([['CONFIG_NOPE', false]]).functions };
  assert.throws(() => load(strict, kernel), /does not say 'CONFIG_NOPE'/);
});

test('untyped symbols come from kallsyms; a weak one that is missing is zero', () => {
  const kernel = fakeKernel();
  kernel.files.set(
    '/proc/kallsyms',
    'ffffffff81000000 T _text\nffffffff82345678 D jiffies_x\nffffffff82345680 D jiffies\nffffffffc0000000 t helper\t[mod]\n',
  );
  const object = tinyObject({
    program: { type: 'socket_filter' },
    main: {
      insns: [ldMapFd(1, 0), ldMapFd(2, 0), ldMapFd(3, 0), mov64Imm(0, 0), exit()],
      refs: [
        { insn: 0, to: { kind: 'ksym', name: 'jiffies', typed: false, weak: false } },
        { insn: 1, to: { kind: 'ksym', name: 'gone', typed: false, weak: true } },
        { insn: 2, to: { kind: 'ksym', name: 'helper', typed: false, weak: false } },
      ],
    },
  });
  load(object, kernel);
  const view = new DataView(kernel.named('PROG_LOAD')[0]?.bytes('insns').slice().buffer as ArrayBuffer);
  assert.deepEqual([view.getUint32(4, true), view.getUint32(12, true)], [0x82345680, 0xffffffff]);
  assert.deepEqual([view.getUint32(20, true), view.getUint32(28, true)], [0, 0]);
  assert.equal(view.getUint32(36, true), 0xc0000000);
  const missing = tinyObject({
    program: { type: 'socket_filter' },
    main: {
      insns: [ldMapFd(1, 0), mov64Imm(0, 0), exit()],
      refs: [{ insn: 0, to: { kind: 'ksym', name: 'gone', typed: false, weak: false } }],
    },
  });
  assert.throws(() => load(missing, kernel), /main: this kernel has no symbol 'gone'/);
});

test('program arrays are filled after the programs are loaded', () => {
  const kernel = fakeKernel();
  const spec: ObjectSpec = {
    ...simple,
    maps: new Map([['t_progs', mapSpec({ name: 't_progs', type: 'prog_array', valueSize: 4, values: [{ index: 2, name: 'main' }] })]]),
  };
  const object = load(spec, kernel);
  const order = kernel.calls.map((c) => c.name);
  assert.ok(order.indexOf('PROG_LOAD') < order.indexOf('MAP_UPDATE_ELEM'));
  assert.equal(kernel.named('MAP_UPDATE_ELEM')[0]?.bytes('value')[0], object.programs.get('main')?.fd);
});

test('the same function as another type of program, later', () => {
  const kernel = fakeKernel();
  const object = load({ ...simple, programs: simple.programs.map((p) => ({ ...p, autoLoad: false })) }, kernel);
  assert.equal(object.programs.size, 0);
  const [program] = simple.programs;
  assert.ok(program);
  const first = object.load({ ...program, type: 'tracepoint' });
  assert.equal(object.load({ ...program, type: 'tracepoint' }), first, 'once');
  const second = object.load({ ...program, type: 'kprobe' });
  assert.equal(object.programs.get('main'), second, 'the latest has the name');
  assert.notEqual(first.fd, second.fd);
  assert.ok(kernel.open.has(first.fd), 'who has the first one still has that program');
  assert.equal(object.load({ ...program, type: 'tracepoint' }), first);
  assert.deepEqual(object.loads, [first, second]);
  assert.deepEqual(
    kernel.named('PROG_LOAD').map((c) => c.attr['prog_type']),
    [PROG_TYPE.tracepoint, PROG_TYPE.kprobe],
  );
  assert.ok(
    kernel.named('PROG_LOAD').every((c) => c.attr['func_info_cnt'] === 1),
    'with function info',
  );
  object.close();
  assert.equal(kernel.open.size, 0);
  const closed = { name: 'UsageError', message: "the program 'main' was closed" };
  assert.throws(() => first.fd, closed);
  assert.throws(() => second.fd, closed);
  assert.throws(() => object.load(program), /was closed/);
});

test('a spec that names what is not there is refused before anything stays open', () => {
  const broken: readonly [ObjectSpec, RegExp][] = [
    [tinyObject({ program: { type: 'nonsense' }, main: returns(0) }), /no program type 'nonsense'/],
    [tinyObject({ program: { type: 'xdp', attachType: 'nope' }, main: returns(0) }), /no attach type 'nope'/],
    [tinyObject({ program: { type: 'xdp', entry: 'gone' }, main: returns(0) }), /'gone' is called by the program/],
    [{ ...simple, maps: new Map([['m', mapSpec({ name: 'm', type: 'wat' })]]) }, /no map type 'wat'/],
    [{ ...simple, maps: new Map([['m', mapSpec({ name: 'm', type: 'hash', sharing: 'extern' })]]) }, /'m' is defined elsewhere/],
    [
      tinyObject({
        program: { type: 'xdp' },
        main: { insns: [ldMapFd(1, 0), exit()], refs: [{ insn: 0, to: { kind: 'map', map: 'nope' } }] },
      }),
      /main: there is no map 'nope'/,
    ],
    [
      tinyObject({
        program: { type: 'xdp' },
        main: { insns: [callHelper(1), exit()], refs: [{ insn: 0, to: { kind: 'map', map: 'nope' } }] },
      }),
      /holds no address/,
    ],
    [tinyObject({ program: { type: 'tracing', attachType: 'trace_fentry' }, main: returns(0) }), /does not say which function/],
    [tinyObject({ program: { type: 'tracing', attachType: 'trace_fentry', target: 'vfs_read' }, main: returns(0) }), /no type information/],
    [tinyObject({ program: { type: 'tracing' }, main: returns(0) }), /does not say how it attaches/],
  ];
  for (const [spec, message] of broken) {
    const kernel = fakeKernel();
    assert.throws(() => load(spec, kernel), message);
    assert.equal(kernel.open.size, 0, String(message));
  }
});
