/** llcstat's counters, on a fake kernel: which are opened, on every CPU, and what is said where there are none. */
import assert from 'node:assert/strict';
import test from 'node:test';
import { attachPerfEvent, type PerfEventTarget } from '../../../src/attach/perf-event.ts';
import type { BPF } from '../../../src/bcc/bpf.ts';
import { FeatureError, PrivilegeError } from '../../../src/kernel/errors.ts';
import { type FakeCall, FakeKernel } from '../../../src/kernel/fake.ts';
import { decode, layoutOf } from '../../../src/kernel/layout.ts';
import { PERF_ATTR } from '../../../src/kernel/perf-attr.ts';
import { tool } from '../../../src/tools/llcstat.ts';

const PERF_TYPE_HARDWARE = 0;
const PERF_COUNT_HW_CACHE_REFERENCES = 2n;
const PERF_COUNT_HW_CACHE_MISSES = 3n;

function fakeKernel(): FakeKernel {
  const kernel = new FakeKernel();
  kernel.files.set('/proc/sys/kernel/osrelease', '6.12.0\n');
  kernel.files.set('/sys/devices/system/cpu/online', '0-1\n');
  return kernel;
}

/** As much of a loaded program as attaching takes. */
function attach(kernel: FakeKernel, period: number): void {
  const bpf = { attachPerfEvent: (target: PerfEventTarget, fn: string) => attachPerfEvent(kernel, { name: fn, fd: 7 }, target) };
  tool.attach?.(bpf as unknown as BPF, { sample_period: period, tid: false, pid: undefined }, { kind: 'perf_event', targets: [] }, {});
}

function opened({ args }: FakeCall) {
  const { type, config, sample_period } = decode(layoutOf(PERF_ATTR), args[0] as Uint8Array);
  return { type, config, period: sample_period, pid: args[1], cpu: args[2] };
}

test('llcstat opens both counters on every CPU, for all processes, with its period', () => {
  const kernel = fakeKernel();
  attach(kernel, 5000);
  const both = [PERF_COUNT_HW_CACHE_REFERENCES, PERF_COUNT_HW_CACHE_MISSES];
  assert.deepEqual(
    kernel.named('perf_event_open').map(opened),
    both.flatMap((config) => [0, 1].map((cpu) => ({ type: PERF_TYPE_HARDWARE, config, period: 5000n, pid: -1, cpu }))),
  );
});

test('llcstat without counters, and without privilege', () => {
  for (const code of ['ENOENT', 'EOPNOTSUPP', 'ENODEV'] as const) {
    const kernel = fakeKernel();
    kernel.on('perf_event_open', () => ({ errno: { ENOENT: 2, EOPNOTSUPP: 95, ENODEV: 19 }[code] }));
    assert.throws(
      () => attach(kernel, 100),
      (error) =>
        error instanceof FeatureError &&
        /no hardware counters of cache references/.test(error.message) &&
        /virtual machines/.test(error.hint ?? ''),
      code,
    );
    assert.equal(kernel.open.size, 0);
  }
  const kernel = fakeKernel();
  kernel.on('perf_event_open', () => ({ errno: 13 }));
  assert.throws(() => attach(kernel, 100), PrivilegeError);
});
