/** Attaching on a kernel that only records: attrs, fall-backs to older ways, what is closed, what refusals mean. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { attachCgroup } from '../../../src/attach/cgroup.ts';
import { attachTo } from '../../../src/attach/generic.ts';
import { attachKprobe } from '../../../src/attach/kprobe.ts';
import { attachKprobeMulti } from '../../../src/attach/kprobe-multi.ts';
import { encodeAttributes, routeRequest, text, u32 } from '../../../src/attach/netlink.ts';
import { attachPerfEvent, perfEventNumbers } from '../../../src/attach/perf-event.ts';
import { attachPacketSocket } from '../../../src/attach/socket.ts';
import { attachTc } from '../../../src/attach/tc.ts';
import { attachKprobes, syscallFunction, traceableFunctions } from '../../../src/attach/traceable.ts';
import { attachTracepoint } from '../../../src/attach/tracepoint.ts';
import { attachTracing } from '../../../src/attach/tracing.ts';
import { attachUprobe, attachUprobeMulti } from '../../../src/attach/uprobe.ts';
import { attachXdp } from '../../../src/attach/xdp.ts';
import { FeatureError, LockdownError, PrivilegeError, UsageError, UserError } from '../../../src/kernel/errors.ts';
import { type FakeCall, FakeKernel, fail } from '../../../src/kernel/fake.ts';
import { decode, layoutOf, type Output } from '../../../src/kernel/layout.ts';
import { PERF_ATTR, PERF_IOC } from '../../../src/kernel/perf-attr.ts';
import type { ProgramSpec } from '../../../src/object/spec.ts';

const PROGRAM = { name: 'prog', fd: 7 };

function programOf(spec: Partial<ProgramSpec> & Pick<ProgramSpec, 'type'>): { name: string; fd: number; spec: ProgramSpec } {
  return { ...PROGRAM, spec: { name: 'prog', entry: 'prog', section: 'x', autoAttach: false, autoLoad: true, ...spec } };
}

function fakeKernel(release = '6.1.0'): FakeKernel {
  const kernel = new FakeKernel();
  kernel.files.set('/proc/sys/kernel/osrelease', `${release}\n`);
  kernel.files.set('/proc/self/status', 'CapEff:\t000001ffffffffff\n');
  kernel.files.set('/proc/self/uid_map', '0 0 4294967295\n');
  kernel.files.set('/sys/kernel/security/lsm', 'capability,bpf\n');
  kernel.files.set('/sys/devices/system/cpu/online', '0-2\n');
  kernel.files.set('/sys/kernel/tracing/events/sched/sched_switch/id', '316\n');
  kernel.files.set('/sys/bus/event_source/devices/kprobe/type', '6\n');
  kernel.files.set('/sys/bus/event_source/devices/kprobe/format/retprobe', 'config:0\n');
  kernel.files.set('/sys/bus/event_source/devices/uprobe/type', '7\n');
  kernel.files.set('/sys/bus/event_source/devices/uprobe/format/retprobe', 'config:0\n');
  kernel.files.set('/sys/bus/event_source/devices/uprobe/format/ref_ctr_offset', 'config:32-63\n');
  return kernel;
}

function perfAttr(call: FakeCall | undefined): Output<typeof PERF_ATTR> {
  assert.ok(call?.args[0] instanceof Uint8Array);
  return decode(layoutOf(PERF_ATTR), call.args[0]);
}

test('a tracepoint: the event, a link on it, nothing left', () => {
  const kernel = fakeKernel();
  const attached = attachTracepoint(kernel, PROGRAM, 'sched:sched_switch', { cookie: 99n });
  const [event] = kernel.named('perf_event_open');
  const attr = perfAttr(event);
  assert.deepEqual([attr.type, attr.config, attr.size], [2, 316n, 112]);
  assert.deepEqual(event?.args.slice(1), [-1, 0, -1, 8], 'every process, closed on exec');
  const [link] = kernel.named('LINK_CREATE');
  assert.deepEqual([link?.attr['prog_fd'], link?.attr['attach_type'], link?.attr['bpf_cookie']], [7, 41, 99n]);
  assert.equal(attached.via, 'link');
  assert.equal(kernel.open.size, 1, 'the link holds the event');
  attached.detach();
  attached.detach();
  assert.equal(kernel.open.size, 0);
});

test('before 5.15 the event itself holds the program; cookies then are an error', () => {
  const kernel = fakeKernel('5.10.0');
  kernel.on('LINK_CREATE', () => fail('EINVAL'));
  const attached = attachTracepoint(kernel, PROGRAM, 'sched/sched_switch');
  assert.equal(attached.via, 'perf-event');
  assert.deepEqual(
    kernel.named('ioctl').map((c) => c.args.slice(1)),
    [
      [PERF_IOC.SET_BPF, 7],
      [PERF_IOC.ENABLE, 0],
    ],
  );
  attached.detach();
  assert.throws(
    () => attachTracepoint(kernel, PROGRAM, 'sched:sched_switch', { cookie: 1n }),
    (error: unknown) => error instanceof FeatureError && error.minKernel === '5.15',
  );
  assert.equal(kernel.open.size, 0);
});

test('refusals of a tracepoint: reads too far, no capability, lockdown', () => {
  const kernel = fakeKernel();
  kernel.on('LINK_CREATE', () => fail('EACCES'));
  assert.throws(() => attachTracepoint(kernel, PROGRAM, 'sched:sched_switch'), /the program reads beyond what this event has/);
  kernel.on('perf_event_open', () => fail('EACCES'));
  kernel.files.set('/proc/self/status', 'CapEff:\t0000000000000000\n');
  assert.throws(
    () => attachTracepoint(kernel, PROGRAM, 'sched:sched_switch'),
    (error: unknown) => error instanceof PrivilegeError && error.missing.join() === 'CAP_PERFMON',
  );
  // CAP_BPF and CAP_PERFMON are not enough where the distribution's sysctl says so.
  kernel.files.set('/proc/self/status', 'CapEff:\t000000c000000000\n');
  kernel.files.set('/proc/sys/kernel/perf_event_paranoid', '3\n');
  assert.throws(
    () => attachTracepoint(kernel, PROGRAM, 'sched:sched_switch'),
    (error: unknown) =>
      error instanceof PrivilegeError && error.missing.join() === 'CAP_SYS_ADMIN' && /perf_event_paranoid is 3/.test(error.hint ?? ''),
  );
  kernel.files.set('/proc/self/status', 'CapEff:\t000001ffffffffff\n');
  kernel.files.set('/sys/kernel/security/lockdown', 'none integrity [confidentiality]\n');
  assert.throws(() => attachTracepoint(kernel, PROGRAM, 'sched:sched_switch'), LockdownError);
  assert.throws(() => attachTracepoint(kernel, PROGRAM, 'sched:nope'), UsageError);
  assert.equal(kernel.open.size, 0);
});

test('kprobes: name or address, offset, return bit', () => {
  const kernel = fakeKernel();
  attachKprobe(kernel, PROGRAM, 'vfs_read', { offset: 16 }).detach();
  attachKprobe(kernel, PROGRAM, 'vfs_read', { return: true }).detach();
  attachKprobe(kernel, PROGRAM, 0xffffffff81000000n).detach();
  const attrs = kernel.named('perf_event_open').map(perfAttr);
  assert.deepEqual(
    attrs.map((a) => [a.type, a.config, a.config2]),
    [
      [6, 0n, 16n],
      [6, 1n, 0n],
      [6, 0n, 0xffffffff81000000n],
    ],
  );
  assert.ok((attrs[0]?.config1 ?? 0n) !== 0n && attrs[2]?.config1 === 0n);
  assert.throws(() => attachKprobe(kernel, PROGRAM, 'vfs_read', { return: true, offset: 4 }), /has no offset/);
  kernel.on('perf_event_open', () => fail('ENOENT'));
  assert.throws(
    () => attachKprobe(kernel, PROGRAM, 'nope'),
    (error: unknown) => error instanceof UsageError && /inlined or marked notrace/.test(error.message),
  );
  kernel.on('perf_event_open', () => fail('EADDRNOTAVAIL'));
  assert.throws(() => attachKprobe(kernel, PROGRAM, 'dup'), /several functions have that name/);
  assert.equal(kernel.open.size, 0);
  assert.throws(
    () => attachKprobe(new FakeKernel(), PROGRAM, 'vfs_read'),
    (error: unknown) => error instanceof FeatureError && error.feature === 'kprobes',
  );
});

test('uprobes: file, offset, reference counter in the upper half of config', () => {
  const kernel = fakeKernel();
  attachUprobe(kernel, PROGRAM, { path: '/bin/x', offset: 0x1234n, refCounter: 0x56n }, { return: true, pid: 42 }).detach();
  const [event] = kernel.named('perf_event_open');
  const attr = perfAttr(event);
  assert.deepEqual([attr.type, attr.config, attr.config2], [7, (0x56n << 32n) | 1n, 0x1234n]);
  assert.deepEqual(event?.args.slice(1, 3), [42, -1]);
  const old = fakeKernel();
  old.files.delete('/sys/bus/event_source/devices/uprobe/format/ref_ctr_offset');
  assert.throws(
    () => attachUprobe(old, PROGRAM, { path: '/bin/x', offset: 1n, refCounter: 2n }),
    (error: unknown) => error instanceof FeatureError && error.minKernel === '4.20',
  );
});

test('kprobe.multi: a table of names', () => {
  const kernel = fakeKernel();
  attachKprobeMulti(kernel, PROGRAM, ['vfs_read', 'vfs_write'], { return: true, cookies: [1n, 2n] });
  const [link] = kernel.named('LINK_CREATE');
  assert.deepEqual([link?.attr['attach_type'], link?.attr['kprobe_flags'], link?.attr['cnt']], [42, 1, 2]);
  const pointers = new BigUint64Array(link?.bytes('syms').slice().buffer as ArrayBuffer);
  assert.equal((pointers[1] ?? 0n) - (pointers[0] ?? 0n), 9n, 'one after the other: "vfs_read\\0"');
  assert.deepEqual([...new BigUint64Array(link?.bytes('cookies').slice().buffer as ArrayBuffer)], [1n, 2n]);
  const old = fakeKernel('5.15.0');
  old.on('LINK_CREATE', () => fail('EOPNOTSUPP'));
  assert.throws(
    () => attachKprobeMulti(old, PROGRAM, ['a']),
    (error: unknown) => error instanceof FeatureError && error.minKernel === '5.18',
  );
  old.files.set('/proc/sys/kernel/osrelease', '6.1.0\n');
});

test('a perf event on every CPU; what was attached comes off when one fails', () => {
  const kernel = fakeKernel();
  const attached = attachPerfEvent(kernel, PROGRAM, { event: 'cpu_clock', frequency: 99 });
  const events = kernel.named('perf_event_open');
  assert.deepEqual(
    events.map((c) => c.args[2]),
    [0, 1, 2],
  );
  const attr = perfAttr(events[0]);
  assert.deepEqual([attr.type, attr.config, attr.sample_period, attr.flags], [1, 0n, 99n, 1n << 10n]);
  attached.detach();
  assert.equal(kernel.open.size, 0);
  kernel.on('perf_event_open', (call) => (call.args[2] === 2 ? fail('ENOENT') : undefined));
  assert.throws(() => attachPerfEvent(kernel, PROGRAM, { event: 'cpu_cycles', period: 1000 }), /no counter for cpu_cycles/);
  assert.equal(kernel.open.size, 0);
  kernel.on('perf_event_open', (call) => (call.args[2] === 1 ? fail('ENODEV') : undefined));
  const some = attachPerfEvent(kernel, PROGRAM, { event: 'cpu_clock', frequency: 99 });
  assert.equal(kernel.open.size, 2, 'a CPU that went offline is left out');
  some.detach();
  assert.throws(() => attachPerfEvent(kernel, PROGRAM, { event: 'toString' as 'cpu_clock', period: 1 }), UsageError);
});

/** Answers netlink requests with an errno, and the kernel's words. */
function netlink(kernel: FakeKernel, answers: (request: Uint8Array) => readonly [errno: number, words?: string]): Uint8Array[] {
  const requests: Uint8Array[] = [];
  kernel.on('sendto', (call) => {
    requests.push((call.args[1] as Uint8Array).slice());
    return 0;
  });
  kernel.on('recvfrom', (call) => {
    const buffer = call.args[1] as Uint8Array;
    const [errno, words] = answers(requests[requests.length - 1] ?? new Uint8Array(0));
    const view = new DataView(buffer.buffer, buffer.byteOffset);
    const attributes = words === undefined ? new Uint8Array(0) : encodeAttributes([[1, text(words)]]);
    const length = 36 + attributes.length;
    view.setUint32(0, length, true);
    view.setUint16(4, 2, true);
    view.setUint16(6, words === undefined ? 0 : 0x200, true);
    view.setInt32(16, -errno, true);
    buffer.set(attributes, 36);
    return length;
  });
  kernel.on('ioctl', () => 0);
  return requests;
}

test("netlink: attributes are padded and nested; the kernel's words are in the error", () => {
  assert.deepEqual(
    [
      ...encodeAttributes([
        [1, text('abc')],
        [2, [[3, u32(7)]]],
      ]),
    ],
    [8, 0, 1, 0, 97, 98, 99, 0, 12, 0, 2, 0x80, 8, 0, 3, 0, 7, 0, 0, 0],
  );
  const kernel = fakeKernel();
  netlink(kernel, () => [22, 'XDP program is too old']);
  assert.throws(() => routeRequest(kernel, 'x', 19, 0, new Uint8Array(16), []), /x: EINVAL \(XDP program is too old\)/);
  netlink(kernel, () => [16]);
  assert.throws(() => routeRequest(kernel, 'x', 19, 0, new Uint8Array(16), []), /x: EBUSY$/);
  assert.equal(kernel.open.size, 0);
});

test('xdp: a link; by netlink where there is none, and off again by netlink', () => {
  const kernel = fakeKernel();
  netlink(kernel, () => [0]);
  const linked = attachXdp(kernel, PROGRAM, 3, { mode: 'native' });
  const [link] = kernel.named('LINK_CREATE');
  assert.deepEqual([link?.attr['target_fd'], link?.attr['attach_type'], link?.attr['flags']], [3, 37, 4]);
  linked.detach();
  const old = fakeKernel('5.4.0');
  old.on('LINK_CREATE', () => fail('EINVAL'));
  const requests = netlink(old, () => [0]);
  const attached = attachXdp(old, PROGRAM, 3);
  assert.equal(attached.via, 'netlink');
  attached.detach();
  const [on, off] = requests.map((r) => new DataView(r.buffer));
  assert.equal(on?.getUint16(4, true), 19, 'RTM_SETLINK');
  assert.equal(on?.getInt32(20, true), 3, 'the interface');
  // IFLA_XDP { IFLA_XDP_FD, IFLA_XDP_FLAGS }
  assert.deepEqual([on?.getUint16(34, true), on?.getInt32(40, true), on?.getUint32(48, true)], [43 | 0x8000, 7, 1]);
  assert.equal(off?.getInt32(40, true), -1);
  assert.equal(old.open.size, 0);
  const busy = fakeKernel();
  busy.on('LINK_CREATE', () => fail('EBUSY'));
  assert.throws(() => attachXdp(busy, PROGRAM, 3), /another XDP program on this interface/);
});

test('tc: tcx with its order; clsact where there is no tcx, also if someone made it before', () => {
  const kernel = fakeKernel();
  netlink(kernel, () => [0]);
  attachTc(kernel, PROGRAM, 3, 'egress', { order: { before: { linkId: 12 } } }).detach();
  const [link] = kernel.named('LINK_CREATE');
  assert.deepEqual([link?.attr['attach_type'], link?.attr['flags'], link?.attr['relative_fd']], [47, (1 << 3) | (1 << 5) | (1 << 13), 12]);
  const old = fakeKernel();
  old.on('LINK_CREATE', () => fail('EINVAL'));
  const requests = netlink(old, (request) =>
    new DataView(request.buffer).getUint16(4, true) === 36 ? [17, 'Exclusivity flag on, cannot modify'] : [0],
  );
  const attached = attachTc(old, PROGRAM, 3, 'ingress', { priority: 5 });
  attached.detach();
  assert.deepEqual(
    requests.map((r) => new DataView(r.buffer).getUint16(4, true)),
    [36, 44, 45],
  );
  const [, add, remove] = requests.map((r) => new DataView(r.buffer));
  assert.equal(add?.getUint32(28, true), 0xfffffff2, 'ingress');
  assert.equal((add?.getUint32(32, true) ?? 0) >>> 16, 5, 'priority');
  assert.equal(add?.getUint32(24, true), remove?.getUint32(24, true), 'the same handle comes off');
  assert.throws(() => attachTc(old, PROGRAM, 3, 'ingress', { order: 'first' }), UserError, 'an order needs tcx');
  assert.equal(old.open.size, 0);
});

test('cgroup: a link; attached and detached where there is none', () => {
  const program = programOf({ type: 'cgroup_skb', attachType: 'cgroup_inet_egress' });
  const kernel = fakeKernel();
  const linked = attachCgroup(kernel, program, '/sys/fs/cgroup/x');
  assert.equal(kernel.open.size, 1, 'the folder is closed');
  linked.detach();
  const old = fakeKernel('5.4.0');
  old.on('LINK_CREATE', () => fail('EINVAL'));
  const attached = attachCgroup(old, program, '/sys/fs/cgroup/x');
  assert.equal(attached.via, 'attach');
  attached.detach();
  assert.deepEqual(
    old.calls.map((c) => c.name).filter((n) => n.startsWith('PROG_')),
    ['PROG_ATTACH', 'PROG_DETACH'],
  );
  assert.deepEqual([old.named('PROG_ATTACH')[0]?.attr['attach_type'], old.named('PROG_ATTACH')[0]?.attr['attach_flags']], [1, 2]);
  assert.equal(old.open.size, 0);
  assert.throws(() => attachCgroup(kernel, programOf({ type: 'cgroup_skb' }), '/x'), /which cgroup hook/);
});

test('traceable functions: from ftrace, else from kallsyms; never those that must not be', () => {
  const kernel = fakeKernel();
  kernel.files.set(
    '/proc/kallsyms',
    'ffffffff81000000 T vfs_read\nffffffff81000010 t vfs_read.cold\nffffffff81000020 D jiffies\nffffffff81000030 T __x64_sys_bpf\n',
  );
  assert.deepEqual(
    traceableFunctions(kernel, () => true),
    ['vfs_read', '__x64_sys_bpf'],
  );
  kernel.files.set(
    '/sys/kernel/tracing/available_filter_functions',
    'vfs_read\nvfs_write\nvfs_read\nxfs_read [xfs]\nperf_event_task\n_kbl_addr_x\nnmi_enter\n',
  );
  kernel.files.set('/sys/kernel/debug/kprobes/blacklist', '0xffffffff81000000-0xffffffff81000040\tnmi_enter\n');
  assert.deepEqual(
    traceableFunctions(kernel, () => true),
    ['vfs_read', 'vfs_write', 'xfs_read'],
  );
  assert.deepEqual(
    traceableFunctions(kernel, (n) => n.startsWith('xfs')),
    ['xfs_read'],
  );
  assert.equal(syscallFunction(kernel, 'openat'), '__x64_sys_openat');
  assert.equal(syscallFunction(kernel, '__arm64_sys_openat'), '__x64_sys_openat');
  assert.equal(syscallFunction(kernel, 'openat', { hasFunction: (n) => n === 'sys_bpf' }), 'sys_openat');
});

test('kprobes by pattern: one may fail, not all; a limit; one link where the program is for it', () => {
  const kernel = fakeKernel();
  kernel.on('perf_event_open', (call) => (call.attempt === 2 ? fail('ENOENT') : undefined));
  const attached = attachKprobes(kernel, programOf({ type: 'kprobe' }), ['a', 'b', 'c']);
  assert.equal(attached.target, '2 functions');
  attached.detach();
  assert.equal(kernel.open.size, 0);
  kernel.on('perf_event_open', () => fail('ENOENT'));
  assert.throws(() => attachKprobes(kernel, programOf({ type: 'kprobe' }), ['a', 'b']), /'a' cannot be probed/);
  assert.throws(() => attachKprobes(kernel, programOf({ type: 'kprobe' }), []), /no function that can be probed matches/);
  assert.throws(() => attachKprobes(kernel, programOf({ type: 'kprobe' }), ['a', 'b'], { limit: 1 }), /2 functions match, 1 is the limit/);
  const multi = fakeKernel();
  attachKprobes(multi, programOf({ type: 'kprobe', attachType: 'trace_kprobe_multi' }), ['a', 'b']).detach();
  assert.deepEqual([multi.named('LINK_CREATE').length, multi.named('perf_event_open').length], [1, 0]);
});

test('the plain way: attach and detach by type', () => {
  const kernel = fakeKernel();
  attachTo(kernel, PROGRAM, 9, 'flow_dissector').detach();
  assert.deepEqual(
    ['PROG_ATTACH', 'PROG_DETACH'].map((n) => [kernel.named(n)[0]?.attr['target_fd'], kernel.named(n)[0]?.attr['attach_type']]),
    [
      [9, 17],
      [9, 17],
    ],
  );
  assert.throws(() => attachTo(kernel, PROGRAM, 9, 'nope'), UsageError);
});

test('lsm without the BPF LSM is an error: the program would never run', () => {
  const kernel = fakeKernel();
  const program = programOf({ type: 'lsm', attachType: 'lsm_mac', target: 'file_open' });
  attachTracing(kernel, program).detach();
  kernel.files.set('/sys/kernel/security/lsm', 'capability,yama\n');
  assert.throws(
    () => attachTracing(kernel, program),
    (error: unknown) => error instanceof FeatureError && /capability, yama/.test(error.message),
  );
  assert.equal(kernel.open.size, 0);
});

test('a packet socket gets packets only when the program is in place', () => {
  const kernel = fakeKernel();
  const attached = attachPacketSocket(kernel, PROGRAM, { interface: 3 });
  const order = kernel.calls.map((c) => c.name).filter((n) => ['socket', 'setsockopt', 'bind'].includes(n));
  assert.deepEqual(order, ['socket', 'setsockopt', 'bind']);
  assert.equal(kernel.named('socket')[0]?.args[2], 0, 'no protocol yet');
  const address = kernel.named('bind')[0]?.args[1] as Uint8Array;
  assert.deepEqual([...address.subarray(0, 8)], [17, 0, 0, 3, 3, 0, 0, 0]);
  attached.detach();
  kernel.on('bind', () => fail('ENODEV'));
  assert.throws(() => attachPacketSocket(kernel, PROGRAM, { interface: 3 }), UsageError);
  assert.equal(kernel.open.size, 0);
});

test('perf events by name: software, hardware, caches', () => {
  // The numbers of include/uapi/linux/perf_event.h.
  assert.deepEqual(perfEventNumbers('page_faults'), { type: 1, config: 2n });
  assert.deepEqual(perfEventNumbers('cache_misses'), { type: 0, config: 3n });
  assert.deepEqual(perfEventNumbers('l1d_read_access'), { type: 3, config: 0n });
  assert.deepEqual(perfEventNumbers('ll_write_miss'), { type: 3, config: 0x1_01_02n });
  for (const name of ['l1d', 'l1d_read', 'l4_read_miss', 'l1d_read_miss_x', 'constructor', '__proto___read_miss'])
    assert.equal(perfEventNumbers(name), undefined, name);
  assert.throws(() => attachPerfEvent(fakeKernel(), PROGRAM, { event: 'nope' as 'cpu_clock', period: 1 }), /there is no perf event 'nope'/);
});

test('many functions at once: those that the kernel refuses are left out, the others hang on few links', () => {
  const names = Array.from({ length: 1000 }, (_, i) => `fn_${i}`);
  const namesOf = (call: FakeCall): number => Number(call.attr['cnt']);
  const refuse = (bad: ReadonlySet<string>): FakeKernel => {
    const kernel = fakeKernel('6.12.0');
    const next = fakeNames(kernel);
    kernel.on('LINK_CREATE', (call) => (next(call).some((name) => bad.has(name)) ? fail('ESRCH') : undefined));
    return kernel;
  };
  const program = programOf({ type: 'kprobe', attachType: 'trace_kprobe_multi' });
  const clean = refuse(new Set());
  assert.deepEqual([attachKprobes(clean, program, names).places, clean.named('LINK_CREATE').length], [1000, 1]);
  const kernel = refuse(new Set(['fn_3', 'fn_700']));
  const attached = attachKprobes(kernel, program, names);
  assert.equal(attached.places, 998);
  assert.ok(kernel.named('LINK_CREATE').length < 60, String(kernel.named('LINK_CREATE').map(namesOf).length));
  attached.detach();
  assert.equal(kernel.open.size, 0);
  const none = refuse(new Set(['fn_1', 'fn_2']));
  assert.throws(() => attachKprobes(none, program, ['fn_1', 'fn_2']), /does not exist or cannot be traced/);
  const other = fakeKernel('6.12.0').on('LINK_CREATE', () => fail('EPERM'));
  assert.throws(() => attachKprobes(other, program, names), UserError);
  assert.equal(other.named('LINK_CREATE').length, 1);
  const all = refuse(new Set(names));
  assert.throws(() => attachKprobes(all, program, names));
  assert.ok(all.named('LINK_CREATE').length < 300);
  assert.equal(all.open.size, 0);
});

test('functions given by name: each has its own cookie, and one that is not there is named', () => {
  const names = ['vfs_open', 'vfs_raed', 'vfs_read', 'vfs_write'];
  const cookies = [10n, 11n, 22n, 33n];
  for (const multi of [true, false]) {
    const program = programOf({ type: 'kprobe', ...(multi ? { attachType: 'trace_kprobe_multi' } : {}) });
    const fake = (): { kernel: FakeKernel; had: [string, bigint][] } => {
      const kernel = fakeKernel('6.12.0');
      kernel.files.set('/sys/kernel/tracing/available_filter_functions', 'vfs_open\nvfs_read\nvfs_write\next4_read [ext4]\n');
      const namesOf = fakeNames(kernel);
      const had: [string, bigint][] = [];
      kernel.on('LINK_CREATE', (call) => {
        if (!multi) {
          had[had.length - 1]?.splice(1, 1, call.attr['bpf_cookie'] as bigint);
          return undefined;
        }
        const functions = namesOf(call);
        if (functions.includes('vfs_raed')) return fail('ESRCH');
        const given = new BigUint64Array(call.bytes('cookies').slice().buffer as ArrayBuffer);
        assert.equal(given.length, functions.length);
        had.push(...functions.map((name, i): [string, bigint] => [name, given[i] ?? -1n]));
        return undefined;
      });
      kernel.on('perf_event_open', (call) => {
        const address = perfAttr(call).config1;
        const name = textAt(address);
        if (name === 'vfs_raed') return fail('ENOENT');
        had.push([name, -1n]);
        return undefined;
      });
      const made = kernel.addressOf.bind(kernel);
      const texts = new Map<bigint, Uint8Array>();
      kernel.addressOf = (bytes) => {
        const at = made(bytes);
        texts.set(at, bytes);
        return at;
      };
      const textAt = (at: bigint): string =>
        Buffer.from(texts.get(at) ?? [])
          .toString()
          .replace(/\0.*/s, '');
      return { kernel, had };
    };
    const right: [string, bigint][] = [
      ['vfs_open', 10n],
      ['vfs_read', 22n],
      ['vfs_write', 33n],
    ];
    const tolerant = fake();
    attachKprobes(tolerant.kernel, program, names, { cookies });
    assert.deepEqual(tolerant.had, right, `cookies stay with their functions (multi: ${multi})`);
    const strict = fake();
    assert.throws(
      () => attachKprobes(strict.kernel, program, names, { cookies, all: true }),
      (error) => error instanceof UsageError && /'vfs_raed' cannot be probed/.test(error.message) && error.suggestions[0] === 'vfs_read',
    );
    assert.equal(strict.kernel.open.size, 0, 'nothing stays attached');
    assert.throws(() => attachKprobes(fake().kernel, program, names, { cookies: [1n] }), /1 cookies for 4 functions/);
    const denied = fake();
    denied.kernel.on('perf_event_open', () => fail('EPERM')).on('LINK_CREATE', () => fail('EPERM'));
    assert.throws(
      () => attachKprobes(denied.kernel, program, names, { all: true }),
      (error) => error instanceof UserError && !(error instanceof UsageError),
    );
  }
});

test('values that no hook has are told before the kernel is asked', () => {
  const kernel = fakeKernel();
  const wrong: readonly [() => unknown, RegExp][] = [
    [() => attachPerfEvent(kernel, PROGRAM, { event: 'cpu_clock', frequency: 0 }), /frequency is a whole number from 1 on, not 0/],
    [() => attachPerfEvent(kernel, PROGRAM, { event: 'cpu_clock', period: 1.5 }), /period is a whole number from 1 on, not 1.5/],
    [() => attachPerfEvent(kernel, PROGRAM, { event: 'cpu_clock', period: 1, cpu: -2 }), /cpu is a whole number from 0 on, not -2/],
    [() => attachTc(kernel, PROGRAM, 1, 'sideways' as 'ingress'), /the direction is 'ingress' or 'egress', not 'sideways'/],
    [() => attachKprobe(kernel, PROGRAM, 'f', { return: true, maxactive: -1 }), /maxactive is 0 .* to 4096, not -1/],
    [() => attachKprobe(kernel, PROGRAM, 'f', { offset: -1 }), /offset is a whole number of bytes from 0 on, not -1/],
  ];
  for (const [use, message] of wrong) assert.throws(use, (error) => error instanceof UsageError && message.test(error.message));
  assert.deepEqual(kernel.calls, []);
});

test('a CPU that is not online is told as such, with those that are', () => {
  for (const code of ['EINVAL', 'ENODEV']) {
    const kernel = fakeKernel().on('perf_event_open', () => fail(code));
    assert.throws(
      () => attachPerfEvent(kernel, PROGRAM, { event: 'cpu_clock', frequency: 99, cpu: 77 }),
      (error) => error instanceof UsageError && /CPU 77 is not online/.test(error.message) && /0, 1, 2/.test(error.hint ?? ''),
    );
  }
  const rate = fakeKernel().on('perf_event_open', () => fail('EINVAL'));
  assert.throws(() => attachPerfEvent(rate, PROGRAM, { event: 'cpu_clock', frequency: 1e9, cpu: 1 }), /perf_event_max_sample_rate/);
});

test("BCC's -1 for a process means all of them", () => {
  const kernel = fakeKernel();
  attachUprobe(kernel, PROGRAM, { path: '/bin/x', offset: 1n }, { pid: -1 });
  attachPerfEvent(kernel, PROGRAM, { event: 'cpu_clock', frequency: 99, pid: -1 });
  assert.deepEqual(
    kernel.named('perf_event_open').map(({ args }) => [args[1], args[2]]),
    [
      [-1, 0],
      [-1, 0],
      [-1, 1],
      [-1, 2],
    ],
  );
  attachUprobeMulti(kernel, PROGRAM, '/bin/x', [{ offset: 1n }], { pid: -1 });
  assert.equal(kernel.named('LINK_CREATE').at(-1)?.attr['pid'], 0, 'what uprobe.multi has for all');
});

test('a kprobe on a misspelt function: names that resemble it', () => {
  const kernel = fakeKernel().on('perf_event_open', () => fail('ENOENT'));
  kernel.files.set('/sys/kernel/tracing/available_filter_functions', 'vfs_open\nvfs_read\nvfs_write\n');
  assert.throws(
    () => attachKprobe(kernel, PROGRAM, 'vfs_raed'),
    (error) => error instanceof UsageError && /did you mean 'vfs_read'/.test(error.hint ?? ''),
  );
});

/** What `syms` of a kprobe.multi link names: a table of addresses into one buffer of texts, which the kernel saw just before. */
function fakeNames(kernel: FakeKernel): (call: FakeCall) => string[] {
  const made = kernel.addressOf.bind(kernel);
  const buffers: { readonly at: bigint; readonly bytes: Uint8Array }[] = [];
  kernel.addressOf = (bytes) => {
    const at = made(bytes);
    buffers.push({ at, bytes });
    return at;
  };
  return (call) => {
    const table = call.bytes('syms');
    const pointers = new BigUint64Array(table.buffer, table.byteOffset, table.length / 8);
    return Array.from(pointers, (pointer) => {
      const held = buffers.find(({ at, bytes }) => pointer >= at && pointer < at + BigInt(bytes.length));
      const text = Buffer.from(held?.bytes ?? []).toString();
      const from = Number(pointer - (held?.at ?? 0n));
      return text.slice(from, text.indexOf('\0', from));
    });
  };
}
