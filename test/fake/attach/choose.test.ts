/** Choosing among probes on kernels that have some of them: what is asked, what is ruled out and why. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { chooseProbes, kernelCannot, whyNot } from '../../../src/attach/choose.ts';
import { BtfBuilder, encodeBtf } from '../../../src/btf/write.ts';
import { FeatureError, NoSuchHookError, UsageError } from '../../../src/kernel/errors.ts';
import { FakeKernel } from '../../../src/kernel/fake.ts';
import { Features } from '../../../src/kernel/features.ts';

/** A kernel with two functions that have types, one that has not, a tracepoint and a struct. */
function fakeKernel(options: { readonly release?: string; readonly btf?: boolean; readonly config?: string } = {}): FakeKernel {
  const kernel = new FakeKernel();
  kernel.files.set('/proc/sys/kernel/osrelease', `${options.release ?? '6.1.0'}\n`);
  kernel.files.set('/sys/kernel/tracing/events/block/block_rq_issue/id', '100\n');
  kernel.files.set('/sys/bus/event_source/devices/kprobe/type', '6\n');
  kernel.files.set(
    '/proc/kallsyms',
    'ffffffff81000000 T vfs_read\nffffffff81000100 t finish_task_switch.isra.0\nffffffffc0000000 t in_module\t[mod]\n',
  );
  if (options.config !== undefined) kernel.files.set(`/boot/config-${options.release ?? '6.1.0'}`, options.config);
  if (options.btf !== false) {
    const btf = new BtfBuilder();
    const int = btf.add({ kind: 'int', name: 'int', size: 4, bits: 32, encoding: 'signed' });
    const proto = btf.add({ kind: 'funcProto', returns: int, params: [], variadic: false });
    btf.append({ kind: 'func', name: 'vfs_read', type: proto, linkage: 'static' });
    btf.add({ kind: 'typedef', name: 'btf_trace_sched_switch', type: proto });
    const inner = btf.append({ kind: 'struct', name: '', size: 4, members: [{ name: 'inside', type: int, bitOffset: 0, bitSize: 0 }] });
    btf.append({
      kind: 'struct',
      name: 'thing',
      size: 8,
      members: [
        { name: 'state', type: int, bitOffset: 0, bitSize: 0 },
        { name: '', type: inner, bitOffset: 32, bitSize: 0 },
      ],
    });
    kernel.files.set('/sys/kernel/btf/vmlinux', encodeBtf(btf));
  }
  return kernel;
}

const CONFIG = 'CONFIG_DYNAMIC_FTRACE_WITH_DIRECT_CALLS=y\nCONFIG_FPROBE=y\n';
const WAYS = [
  { probes: ['tp_btf:sched_switch'] },
  { probes: ['fentry:vfs_read', 'fexit:vfs_read'] },
  { probes: ['tracepoint:block:block_rq_issue'] },
  { probes: ['kprobe:finish_task_switch.isra.0'] },
] as const;

function possible(features: Features): string[] {
  return WAYS.filter((way) => whyNot(features, way) === undefined).map((way) => way.probes[0]);
}

test('what a kernel has is taken in order; what it lacks is passed over', () => {
  const all = WAYS.map((way) => way.probes[0] as string);
  assert.deepEqual(possible(new Features(fakeKernel({ config: CONFIG }), 'x64')), all);
  // No direct calls; an old kernel; arm64 before it had them; no types at all.
  const noTrampolines = all.filter((name) => !name.startsWith('fentry'));
  assert.deepEqual(possible(new Features(fakeKernel({ config: 'CONFIG_BPF=y\n' }), 'x64')), noTrampolines);
  assert.deepEqual(possible(new Features(fakeKernel({ release: '5.4.0', config: CONFIG }), 'x64')), noTrampolines);
  assert.deepEqual(possible(new Features(fakeKernel({ release: '6.1.0', config: CONFIG }), 'arm64')), noTrampolines);
  assert.deepEqual(possible(new Features(fakeKernel({ btf: false, config: CONFIG }), 'x64')), all.slice(2));
  const bare = fakeKernel({ btf: false });
  bare.files.delete('/sys/bus/event_source/devices/kprobe/type');
  bare.files.delete('/sys/kernel/tracing/events/block/block_rq_issue/id');
  assert.deepEqual(possible(new Features(bare, 'x64')), []);
});

test('without a configuration the symbols say whether there are trampolines', () => {
  const kernel = fakeKernel();
  assert.equal(new Features(kernel, 'x64').trampolines, false);
  kernel.files.set('/proc/kallsyms', 'ffffffff81000000 T register_ftrace_direct\nffffffff81000000 T register_fprobe_ips\n');
  assert.equal(new Features(kernel, 'x64').trampolines, true);
  assert.equal(new Features(kernel, 'x64').kprobeMulti, true);
});

test('the first possible one; none: an error with every reason; a condition of the caller', () => {
  const features = new Features(fakeKernel({ config: '#\n' }), 'x64');
  assert.equal(chooseProbes(features, WAYS.slice(1)), WAYS[2]);
  assert.throws(
    () =>
      chooseProbes(features, [
        { probes: ['fentry:vfs_read'] },
        { probes: ['kprobe:vfs_reed'] },
        { probes: [], label: 'moonlight', when: () => 'no moon' },
      ]),
    (error: unknown) =>
      error instanceof FeatureError &&
      error.message ===
        "this kernel has no way to see this: fentry:vfs_read: no BPF trampolines; kprobe:vfs_reed: no function 'vfs_reed'; moonlight: no moon",
  );
  assert.equal(whyNot(features, { probes: ['kprobe:in_module'], when: (f) => f.structHasField('thing', 'state') ?? false }), undefined);
  assert.throws(() => whyNot(features, { probes: ['kprob:vfs_read'] }), UsageError);
});

test('structs, enums and their members; undefined where the kernel does not know the type', () => {
  const features = new Features(fakeKernel(), 'x64');
  assert.equal(features.structHasField('thing', 'state'), true);
  assert.equal(features.structHasField('thing', 'inside'), true, 'in an anonymous member');
  assert.equal(features.structHasField('thing', '__state'), false);
  assert.equal(features.structHasField('no_thing', 'state'), undefined);
  assert.equal(new Features(fakeKernel({ btf: false }), 'x64').structHasField('thing', 'state'), undefined);
  assert.equal(features.enumHasValue('none', 'X'), undefined);
});

test('a pattern or dot in a name means itself', () => {
  const features = new Features(fakeKernel(), 'x64');
  assert.equal(features.hasFunction('finish_task_switch.isra.0'), true);
  assert.equal(features.hasFunction('finish_task_switch.isra..'), false);
  assert.equal(features.hasFunction('finish_task_switch'), false);
});

test('only what the kernel lacks leads on to the next way', () => {
  assert.equal(kernelCannot(new NoSuchHookError('x')), true);
  assert.equal(kernelCannot(new FeatureError('x')), true);
  assert.equal(kernelCannot(new UsageError('x')), false);
  assert.equal(kernelCannot(new Error('x')), false);
});
