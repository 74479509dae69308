/** Hooks with a life of their own, on a kernel that only records: tracefs events and their guard, trace buffers, struct_ops, counters. */
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { attachKprobe } from '../../../src/attach/kprobe.ts';
import { openCounters } from '../../../src/attach/perf-counter.ts';
import { attachStructOps, isFunctionMember } from '../../../src/attach/struct-ops.ts';
import { removeStaleProbes } from '../../../src/attach/tracefs-probe.ts';
import { BtfBuilder } from '../../../src/btf/builder.ts';
import { encodeBtf } from '../../../src/btf/write.ts';
import { defaultIdentity } from '../../../src/kernel/drop-privileges.ts';
import { FeatureError, NoSuchHookError, UsageError } from '../../../src/kernel/errors.ts';
import { FakeKernel, fail } from '../../../src/kernel/fake.ts';
import { startGuard } from '../../../src/kernel/guard.ts';
import { KernelError } from '../../../src/kernel/port.ts';
import { openTraceBuffer } from '../../../src/kernel/trace-instance.ts';

const PROGRAM = { name: 'prog', fd: 7 };
const TRACEFS = '/sys/kernel/tracing';

/** A kernel without the perf device, whose tracefs makes events. */
class TracefsKernel extends FakeKernel {
  busy = 0;

  constructor(release = '4.9.0') {
    super();
    this.files.set('/proc/sys/kernel/osrelease', `${release}\n`);
    this.files.set('/proc/self/status', 'CapEff:\t000001ffffffffff\n');
    this.files.set('/proc/self/stat', `4711 (a b) S ${Array(18).fill(0).join(' ')} 99 0\n`);
    this.files.set('/proc/kallsyms', 'ffffffff81000000 T vfs_read\n');
    this.files.set(`${TRACEFS}/events/x/y/id`, '1\n');
    this.files.set(`${TRACEFS}/kprobe_events`, '');
    this.on('LINK_CREATE', () => fail('EINVAL'));
  }

  override writeFile(path: string, data: string, append = false): void {
    super.writeFile(path, data, append);
    const [, name, place] = /^[pr]\d*:(\S+) (\S+)\n$/.exec(data) ?? [];
    if (name !== undefined) {
      if (!/^vfs_read(?:\+\d+)?$/.test(place ?? '')) throw new KernelError('write', 22, 'EINVAL', path);
      this.files.set(`${TRACEFS}/events/${name}/id`, '300\n');
    }
    const gone = /^-:(\S+)\n$/.exec(data)?.[1];
    if (gone === undefined) return;
    if (this.busy-- > 0) throw new KernelError('write', 16, 'EBUSY', path);
    this.files.delete(`${TRACEFS}/events/${gone}/id`);
  }

  /** Lines written to kprobe_events. */
  get lines(): string[] {
    return this.written.filter(({ path, append }) => path === `${TRACEFS}/kprobe_events` && append).map(({ data }) => data.trim());
  }
}

test('a kprobe by tracefs: named after its process, removed when it is detached, busy or not', () => {
  const kernel = new TracefsKernel();
  const one = attachKprobe(kernel, PROGRAM, 'vfs_read', { offset: 4 });
  const two = attachKprobe(kernel, PROGRAM, 'vfs_read', { return: true, maxactive: 16 });
  assert.equal(one.via, 'perf-event');
  assert.deepEqual(kernel.lines, ['p:skep_4711_99/p_0_vfs_read vfs_read+4', 'r16:skep_4711_99/r_1_vfs_read vfs_read']);
  assert.equal(kernel.named('guard').length, 1);
  assert.deepEqual(kernel.named('guard')[0]?.args.slice(1), ['skep_4711_99', TRACEFS]);
  kernel.busy = 2;
  one.detach();
  assert.equal(kernel.named('guard released').length, 0, 'another event is still there');
  two.detach();
  assert.deepEqual(kernel.lines.slice(2), [...Array(3).fill('-:skep_4711_99/p_0_vfs_read'), '-:skep_4711_99/r_1_vfs_read']);
  assert.equal(kernel.named('guard released').length, 1);
  assert.equal(kernel.open.size, 0);
});

test('a kprobe by tracefs that cannot be: no such function, no perf event; nothing stays', () => {
  const kernel = new TracefsKernel();
  assert.throws(() => attachKprobe(kernel, PROGRAM, 'vfs_reed'), NoSuchHookError);
  kernel.on('perf_event_open', () => fail('EMFILE'));
  assert.throws(() => attachKprobe(kernel, PROGRAM, 'vfs_read'), /EMFILE/);
  assert.match(kernel.lines.at(-1) ?? '', /^-:skep_4711_99\/p_\d+_vfs_read$/);
  assert.equal(kernel.named('guard released').length, 1);
  assert.equal(kernel.open.size, 0);
});

test('events of dead processes are removed, of living and of others not', () => {
  const kernel = new TracefsKernel();
  kernel.files.set('/proc/10/stat', `10 (x) S ${Array(18).fill(0).join(' ')} 500 0\n`);
  kernel.files.set('/proc/11/stat', `11 (x) S ${Array(18).fill(0).join(' ')} 600 0\n`);
  kernel.files.set(
    `${TRACEFS}/kprobe_events`,
    ['p:skep_10_500/p_0_a a', 'r8:skep_11_599/r_0_b b', 'p:skep_12_1/p_0_c c', 'p:kprobes/d d', 'p:skep_x/e e', ''].join('\n'),
  );
  // 11 is another process by now, 12 is gone.
  assert.deepEqual(removeStaleProbes(kernel), ['skep_11_599/r_0_b', 'skep_12_1/p_0_c']);
});

test('the guard removes all events of its group once its input ends', async () => {
  const kernel = new TracefsKernel();
  attachKprobe(kernel, PROGRAM, 'vfs_read');
  const [script = ''] = kernel.named('guard')[0]?.args ?? [];
  const folder = mkdtempSync(join(tmpdir(), 'skep-guard-'));
  try {
    const file = join(folder, 'kprobe_events');
    const events = 'p:skep_1_2/p_0_a a\np:skep_1_22/p_0_x x\nr4:skep_1_2/r_1_b b+1\np:kprobes/c c\n';
    writeFileSync(file, events);
    const ran = spawnSync('/bin/sh', ['-c', String(script), 'guard', 'skep_1_2', folder], { encoding: 'utf8' });
    assert.equal(ran.stderr, '');
    assert.equal(readFileSync(file, 'utf8'), `${events}-:skep_1_2/p_0_a\n-:skep_1_2/r_1_b\n`);
    // And it waits for the end of its input.
    const out = join(folder, 'out');
    const guard = startGuard('echo "$1" > "$2"', ['done', out]);
    assert.ok(guard);
    await new Promise((resolve) => setTimeout(resolve, 100));
    assert.throws(() => readFileSync(out));
    guard.release();
    for (let tries = 0; ; tries++) {
      try {
        if (readFileSync(out, 'utf8') === 'done\n') break;
      } catch {}
      assert.ok(tries < 200);
      await new Promise((resolve) => setTimeout(resolve, 50));
    }
  } finally {
    rmSync(folder, { recursive: true });
  }
});

test('a private trace buffer: its event on, removed at the end; the shared one where there is none', () => {
  const kernel = new TracefsKernel();
  assert.equal(openTraceBuffer(kernel, { private: true }).private, false);
  kernel.files.set(`${TRACEFS}/events/bpf_trace/bpf_trace_printk/enable`, '1\n');
  kernel.files.set(`${TRACEFS}/instances/other/trace`, '');
  kernel.written.length = 0;
  const buffer = openTraceBuffer(kernel, { private: true });
  assert.equal(buffer.private, true);
  const [made] = kernel.named('mkdirat');
  const folder = String(made?.args[1]);
  assert.match(folder, new RegExp(`^${TRACEFS}/instances/skep_${process.pid}_\\d+$`));
  assert.deepEqual(
    kernel.written.map(({ path, data }) => [path.slice(folder.length + 1), data]),
    [
      ['buffer_size_kb', '512'],
      ['events/bpf_trace/bpf_trace_printk/enable', '1'],
    ],
  );
  buffer.close();
  assert.deepEqual(kernel.named('unlinkat')[0]?.args.slice(1), [folder, 0x200]);
  assert.equal(kernel.named('guard released').length, 1);
});

test('struct_ops: descriptors in the place of functions, as a link and before there were links', () => {
  const btf = new BtfBuilder();
  const int = btf.add({ kind: 'int', name: 'int', size: 4, bits: 32, encoding: 'signed' });
  const char = btf.add({ kind: 'int', name: 'char', size: 1, bits: 8, encoding: 'char' });
  const proto = btf.add({ kind: 'funcProto', returns: int, params: [], variadic: false });
  const pointer = btf.add({ kind: 'ptr', type: proto });
  const name = btf.add({ kind: 'array', element: char, index: int, length: 8 });
  const member = (name: string, type: number, bytes: number) => ({ name, type, bitOffset: bytes * 8, bitSize: 0 });
  const ops = btf.append({
    kind: 'struct',
    name: 'my_ops',
    size: 32,
    members: [member('init', pointer, 0), member('flags', int, 8), member('name', name, 16), member('exit', pointer, 24)],
  });
  btf.append({ kind: 'struct', name: 'bpf_struct_ops_my_ops', size: 96, members: [member('refcnt', int, 0), member('data', ops, 64)] });
  for (const [release, via] of [
    ['6.12.0', 'link'],
    ['6.1.0', 'attach'],
  ] as const) {
    const kernel = new FakeKernel();
    kernel.files.set('/proc/sys/kernel/osrelease', `${release}\n`);
    kernel.files.set('/sys/kernel/btf/vmlinux', encodeBtf(btf));
    assert.equal(isFunctionMember(kernel, 'my_ops', 'init'), true);
    assert.equal(isFunctionMember(kernel, 'my_ops', 'flags'), false);
    const attached = attachStructOps(kernel, 'my_ops', { init: PROGRAM, name: 'mine', flags: 5 });
    assert.equal(attached.via, via);
    const [map] = kernel.named('MAP_CREATE');
    assert.deepEqual([map?.attr['map_type'], map?.attr['value_size'], map?.attr['map_flags']], [26, 96, via === 'link' ? 1 << 13 : 0]);
    assert.ok(Number(map?.attr['btf_fd']) > 0, 'the kernel insists on types of the program beside its own');
    const value = kernel.named('MAP_UPDATE_ELEM')[0]?.bytes('value') ?? new Uint8Array();
    const view = new DataView(value.buffer, value.byteOffset);
    assert.deepEqual([view.getBigUint64(64, true), view.getInt32(72, true), view.getBigUint64(88, true)], [7n, 5, 0n]);
    assert.equal(Buffer.from(value.subarray(80, 85)).toString(), 'mine\0');
    attached.detach();
    assert.equal(kernel.named('MAP_DELETE_ELEM').length, via === 'link' ? 0 : 1);
    assert.equal(kernel.open.size, 0);
    assert.throws(
      () => attachStructOps(kernel, 'my_ops', { init: PROGRAM, flag: 5 }),
      (error: unknown) => error instanceof UsageError && /init, exit/.test(error.hint ?? ''),
    );
    assert.throws(() => attachStructOps(kernel, 'my_ops', { init: 3 }), UsageError);
    assert.throws(() => attachStructOps(kernel, 'no_ops', { init: PROGRAM }), NoSuchHookError);
    kernel.on('MAP_UPDATE_ELEM', () => fail('EINVAL'));
    assert.throws(() => attachStructOps(kernel, 'my_ops', { init: PROGRAM }), /a function that it must have is missing/);
    assert.equal(kernel.open.size, 0);
  }
  assert.throws(() => attachStructOps(new FakeKernel(), 'my_ops', { init: PROGRAM }), FeatureError);
});

test('counters: one for each CPU, put into the map and taken out', () => {
  const kernel = new FakeKernel();
  kernel.files.set('/sys/devices/system/cpu/online', '0-2\n');
  const spec = { name: 'm', type: 'perf_event_array', keySize: 4, valueSize: 4, maxEntries: 8, flags: 0, keyType: 0, valueType: 0 };
  const map = { name: 'm', fd: 5, created: true, spec };
  const counters = openCounters(kernel, map, 'l1d_read_miss');
  assert.equal(counters.places, 3);
  const puts = kernel.named('MAP_UPDATE_ELEM').map((call) => [call.bytes('key')[0], call.bytes('value')[0]]);
  assert.deepEqual(
    puts.map(([cpu]) => cpu),
    [0, 1, 2],
  );
  counters.detach();
  assert.equal(kernel.named('MAP_DELETE_ELEM').length, 3);
  assert.equal(kernel.open.size, 0);
  kernel.on('perf_event_open', (call) => (call.attempt > 4 ? fail('ENOENT') : undefined));
  assert.throws(() => openCounters(kernel, map, 'cpu_cycles'), /no counter for cpu_cycles/);
  assert.equal(kernel.open.size, 0);
  assert.throws(() => openCounters(kernel, { ...map, spec: { ...spec, type: 'array' } }, 'cpu_cycles'), UsageError);
});

test('whom to become: the caller of sudo, else nobody', () => {
  assert.deepEqual(defaultIdentity({ SUDO_UID: '1000', SUDO_GID: '100' }), { uid: 1000, gid: 100 });
  assert.deepEqual(defaultIdentity({ SUDO_UID: '0', SUDO_GID: '0' }), { uid: 65534, gid: 65534 });
  assert.deepEqual(defaultIdentity({ SUDO_UID: '-1' }), { uid: 65534, gid: 65534 });
});
