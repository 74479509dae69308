/** Facts read from a file system that a test makes up. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { gzipSync } from 'node:zlib';
import { explainDenied, readCapabilities } from '../../../src/kernel/capabilities.ts';
import { onlineCpus, parseCpuList, possibleCpus } from '../../../src/kernel/cpus.ts';
import { LockdownError, PrivilegeError } from '../../../src/kernel/errors.ts';
import { readTargetFacts } from '../../../src/kernel/facts.ts';
import { FakeKernel, fail } from '../../../src/kernel/fake.ts';
import { parseKconfig } from '../../../src/kernel/kconfig.ts';
import { parseLockdown } from '../../../src/kernel/lockdown.ts';
import { raiseMemlock } from '../../../src/kernel/memlock.ts';
import { pageSize } from '../../../src/kernel/page-size.ts';
import { KernelError } from '../../../src/kernel/port.ts';
import { likeness, similarTracepoints, tracepointFormat, tracepointId } from '../../../src/kernel/tracefs.ts';
import { atLeast, parseVersion } from '../../../src/kernel/version.ts';

test('LINUX_VERSION_CODE: plain, Debian and Ubuntu', () => {
  assert.equal(parseVersion('6.18.44-fc-v669', '#1 SMP', undefined).code, 0x06122c);
  assert.deepEqual(parseVersion('6.1.0-21-amd64', '#1 SMP PREEMPT_DYNAMIC Debian 6.1.90-1 (2024-05-03)', undefined), {
    major: 6,
    minor: 1,
    patch: 90,
    code: 0x06015a,
  });
  assert.equal(parseVersion('5.15.0-105-generic', '#115-Ubuntu SMP', 'Ubuntu 5.15.0-105.115-generic 5.15.148\n').code, 0x050f94);
  // KERNEL_VERSION() has one byte for the patch level.
  assert.equal(parseVersion('4.19.310', '', undefined).code, 0x0413ff);
  assert.equal(parseVersion('7.0-rc3', '', undefined).code, 0x070000);
  assert.equal(parseVersion('nonsense', '', undefined).code, 0);
  assert.ok(atLeast({ code: 0x060100 }, '6.1') && !atLeast({ code: 0x060100 }, '6.1.1') && atLeast({ code: 0x070000 }, '6.18'));
});

test('lists of CPUs', () => {
  assert.deepEqual(parseCpuList('0-3,8\n'), [0, 1, 2, 3, 8]);
  assert.deepEqual(parseCpuList('0'), [0]);
  for (const bad of ['', '3-1', 'x', '0-', '0-99999999', '1,,2']) assert.equal(parseCpuList(bad), undefined, bad);
  const kernel = new FakeKernel();
  kernel.files.set('/sys/devices/system/cpu/possible', '0-127\n');
  assert.equal(possibleCpus(kernel).length, 128);
  // The kernel writes a value for each: buffers are never made for a guess.
  for (const text of [undefined, '', 'all of them\n']) {
    const blind = new FakeKernel();
    if (text !== undefined) blind.files.set('/sys/devices/system/cpu/possible', text);
    blind.files.set('/sys/devices/system/cpu/online', '0-3\n');
    assert.throws(() => possibleCpus(blind), /\/sys\/devices\/system\/cpu\/possible is not there, or is no list/);
    assert.equal(onlineCpus(blind).length, 4);
  }
  assert.deepEqual(onlineCpus(new FakeKernel()), [0]);
});

test('the configuration: /proc/config.gz before /boot, values without quotes', () => {
  const text = '# comment\nCONFIG_HZ=250\nCONFIG_BPF=y\n# CONFIG_X is not set\nCONFIG_LSM="a,\\"b\\""\nCONFIG_EMPTY=""\nCONFIG_M=m\n';
  const values = parseKconfig(text);
  assert.deepEqual(
    [...values],
    [
      ['CONFIG_HZ', '250'],
      ['CONFIG_BPF', 'y'],
      ['CONFIG_LSM', 'a,"b"'],
      ['CONFIG_EMPTY', ''],
      ['CONFIG_M', 'm'],
    ],
  );
  const kernel = new FakeKernel();
  kernel.files.set('/proc/sys/kernel/osrelease', '6.1.0\n');
  kernel.files.set('/boot/config-6.1.0', 'CONFIG_HZ=100\n');
  assert.equal(readTargetFacts(kernel).kconfig('HZ'), '100');
  kernel.files.set('/proc/config.gz', gzipSync(text));
  assert.equal(readTargetFacts(kernel).kconfig('CONFIG_HZ'), '250');
  assert.equal(readTargetFacts(kernel).kconfig('CONFIG_X'), undefined);
});

function withTracefs(): FakeKernel {
  const kernel = new FakeKernel();
  const events = '/sys/kernel/tracing/events';
  for (const name of [
    'block/block_rq_issue',
    'block/block_rq_insert',
    'block/block_bio_queue',
    'sched/sched_switch',
    'sched/sched_wakeup',
  ]) {
    kernel.files.set(`${events}/${name}/format`, `name: ${name}`);
    kernel.files.set(`${events}/${name}/id`, '42\n');
  }
  kernel.files.set(`${events}/enable`, '0');
  return kernel;
}

test('tracepoints: format, number, what the user may have meant', () => {
  const kernel = withTracefs();
  assert.equal(tracepointFormat(kernel, 'sched', 'sched_switch'), 'name: sched/sched_switch');
  assert.equal(tracepointId(kernel, 'sched', 'sched_switch'), 42);
  assert.equal(tracepointId(kernel, 'sched', 'nope'), undefined);
  // Names are a user's: none leads out of the folder.
  for (const name of ['../../../etc', '..', 'a/b', '']) assert.equal(tracepointFormat(kernel, 'sched', name), undefined, name);
  assert.equal(similarTracepoints(kernel, 'block', 'block_rq_isue')[0], 'block:block_rq_issue');
  assert.equal(similarTracepoints(kernel, 'blokc', 'block_rq_issue')[0], 'block:block_rq_issue');
  assert.deepEqual(similarTracepoints(kernel, 'nowhere', 'sched_switch'), ['sched:sched_switch']);
  assert.deepEqual(similarTracepoints(kernel, 'zzzzzzz', 'qqqqqqqq'), []);
  assert.equal(likeness('same', 'same'), 0);
});

test('tracefs that nobody mounted is reached through a private mount, once', () => {
  const kernel = new FakeKernel();
  kernel.on('fsmount', () => 77);
  kernel.files.set('/proc/self/fd/77/events/sched/sched_switch/id', '9\n');
  assert.equal(tracepointId(kernel, 'sched', 'sched_switch'), 9);
  assert.equal(tracepointId(kernel, 'sched', 'sched_switch'), 9);
  assert.equal(kernel.named('fsopen').length, 1);
  assert.equal(kernel.named('fsopen')[0]?.args[0], 'tracefs');
  // The context is closed, the mount stays for as long as the process.
  assert.deepEqual([...kernel.open.keys()], [77]);
});

test('without privilege the formats of tracepoints are an error, not unknown tracepoints', () => {
  const kernel = new FakeKernel();
  kernel.on('fsopen', () => fail('EPERM'));
  kernel.files.set('/proc/self/status', 'CapEff:\t0000000000000000\n');
  kernel.files.set('/proc/sys/kernel/osrelease', '6.1.0\n');
  assert.throws(
    () => readTargetFacts(kernel).tracepointFormat('sched', 'sched_switch'),
    (error: unknown) => error instanceof PrivilegeError && /CAP_SYS_ADMIN/.test(error.message),
  );
});

test('to read tracefs: who mounts it needs one capability, who is not root another, and both are named at once', () => {
  const lacks = (bits: bigint, uid: number, mounts: string): string => {
    const kernel = new FakeKernel();
    kernel.on('fsopen', () => (((bits >> 21n) & 1n) === 1n ? undefined : fail('EPERM')));
    kernel.on('fsmount', () => 77);
    // What the mount shows is root's: nothing of it can be read here.
    kernel.readFile = (path) => {
      if (/tracing|\/fd\/77/.test(path)) throw new KernelError('read', 13, 'EACCES');
      return FakeKernel.prototype.readFile.call(kernel, path);
    };
    kernel.files.set('/proc/self/status', `Uid:\t${uid}\t${uid}\t${uid}\t${uid}\nCapEff:\t${bits.toString(16)}\n`);
    kernel.files.set('/proc/self/mounts', mounts);
    kernel.files.set('/proc/sys/kernel/osrelease', '6.1.0\n');
    let found: unknown;
    assert.throws(
      () => readTargetFacts(kernel).tracepointFormat('sched', 'sched_switch'),
      (error: unknown) => {
        found = error;
        return error instanceof PrivilegeError;
      },
    );
    return (found as PrivilegeError).missing.join();
  };
  const SYS_ADMIN = 1n << 21n;
  const MOUNTED = 'sysfs /sys sysfs rw 0 0\ntracefs /sys/kernel/tracing tracefs rw,nosuid 0 0\n';
  assert.equal(lacks(0n, 1000, ''), 'CAP_SYS_ADMIN,CAP_DAC_READ_SEARCH');
  assert.equal(lacks(SYS_ADMIN, 1000, ''), 'CAP_DAC_READ_SEARCH');
  assert.equal(lacks(1n << 2n, 1000, ''), 'CAP_SYS_ADMIN');
  assert.equal(lacks(1n << 1n, 1000, ''), 'CAP_SYS_ADMIN');
  assert.equal(lacks(0n, 1000, MOUNTED), 'CAP_DAC_READ_SEARCH');
  assert.equal(lacks(0n, 0, ''), 'CAP_SYS_ADMIN');
});

test('which capability is missing, and what else it may be', () => {
  const kernel = new FakeKernel();
  kernel.files.set('/proc/sys/kernel/osrelease', '6.1.0\n');
  const denied = new KernelError('bpf', 1, 'EPERM');
  const effective = (bits: bigint): void =>
    void kernel.files.set('/proc/self/status', `Name:\tx\nCapEff:\t${bits.toString(16).padStart(16, '0')}\n`);
  effective(1n << 39n);
  const error = explainDenied(kernel, denied, 'loading it', ['CAP_BPF', 'CAP_PERFMON', 'CAP_NET_ADMIN']);
  assert.ok(error instanceof PrivilegeError);
  assert.deepEqual(error.missing, ['CAP_PERFMON', 'CAP_NET_ADMIN']);
  assert.equal(error.message, 'loading it: this process lacks CAP_PERFMON and CAP_NET_ADMIN');
  effective(1n << 21n);
  assert.deepEqual(readCapabilities(kernel).missing(['CAP_BPF', 'CAP_PERFMON']), [], 'CAP_SYS_ADMIN implies both');
  // Before 5.8 there is only CAP_SYS_ADMIN.
  effective(0n);
  kernel.files.set('/proc/sys/kernel/osrelease', '5.4.0\n');
  assert.deepEqual(readCapabilities(kernel).missing(['CAP_BPF', 'CAP_PERFMON']), ['CAP_SYS_ADMIN']);
  // All capabilities, but inside a user namespace.
  effective((1n << 41n) - 1n);
  kernel.files.set('/proc/self/uid_map', '         0       1000          1\n');
  assert.match((explainDenied(kernel, denied, 'x', ['CAP_BPF']) as PrivilegeError).hint ?? '', /user namespace/);
  kernel.files.set('/proc/self/uid_map', '         0          0 4294967295\n');
  kernel.files.set('/sys/kernel/security/lsm', 'lockdown,bpf');
  kernel.files.set('/sys/kernel/security/lockdown', 'none integrity [confidentiality]\n');
  assert.ok(explainDenied(kernel, denied, 'x', ['CAP_BPF'], 'confidentiality') instanceof LockdownError);
  assert.ok(explainDenied(kernel, denied, 'x', ['CAP_BPF']) instanceof PrivilegeError);
});

test('lockdown', () => {
  assert.equal(parseLockdown('none [integrity] confidentiality\n'), 'integrity');
  assert.equal(parseLockdown('[none] integrity confidentiality\n'), 'none');
  assert.equal(parseLockdown('garbage'), 'unknown');
});

test('RLIMIT_MEMLOCK is raised once, on kernels that count it, and a refusal is no error', () => {
  const newer = new FakeKernel();
  newer.files.set('/proc/sys/kernel/osrelease', '5.15.0\n');
  assert.equal(raiseMemlock(newer), false);
  assert.equal(newer.named('prlimit64').length, 0);
  const old = new FakeKernel();
  old.files.set('/proc/sys/kernel/osrelease', '5.4.0\n');
  assert.equal(raiseMemlock(old), true);
  assert.equal(raiseMemlock(old), false);
  const refused = new FakeKernel();
  refused.files.set('/proc/sys/kernel/osrelease', '5.4.0\n');
  refused.on('prlimit64', () => fail('EPERM'));
  assert.equal(raiseMemlock(refused), false);
});

test('page size from the auxiliary vector', () => {
  const kernel = new FakeKernel();
  kernel.files.set('/proc/self/auxv', new Uint8Array(new BigUint64Array([33n, 1n, 6n, 65536n, 0n, 0n]).buffer));
  assert.equal(pageSize(kernel), 65536);
  assert.equal(pageSize(new FakeKernel()), 4096);
});
