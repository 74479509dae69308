/** `BPF.loadFirst` on a real kernel: what was taken is what runs, and what was not taken leaves nothing. */
import assert from 'node:assert/strict';
import { getPriority } from 'node:os';
import { BPF, type LoadAlternative } from '../../../src/bcc/bpf.ts';
import { CompileError } from '../../../src/compiler/compile-error.ts';
import { FeatureError } from '../../../src/kernel/errors.ts';
import { leftovers, snapshot } from '../../run/leaks.ts';
import { kernelTest } from '../../run/needs.ts';

const BODY = `{ if (bpf_get_current_pid_tgid() >> 32 == ${process.pid}) { u32 k = 0; counts.increment(k); } return 0; }`;
const text = (program: string): { text: string } => ({ text: `BPF_ARRAY(counts, u64, 1);\n${program}` });

const MISSING: LoadAlternative = { probes: ['kprobe:there_is_no_such_function'], load: text(`int kprobe__x(void *ctx) ${BODY}`) };
/** The tests say yes, the attempt says no: the function is there, but the text asks for another. */
const FAILS: LoadAlternative = {
  probes: ['tracepoint:syscalls:sys_enter_getpriority'],
  load: text(`int f(struct tracepoint__syscalls__sys_enter_getpriority *args) ${BODY}`),
  attach: (bpf) => void bpf.attachTracepoint('syscalls:sys_enter_no_such_call', 'f'),
};
const WORKS: LoadAlternative = {
  probes: ['tracepoint:syscalls:sys_enter_getpriority'],
  load: text(`TRACEPOINT_PROBE(syscalls, sys_enter_getpriority) ${BODY}`),
};

kernelTest('the first way that works is taken, and it is said which and why', {}, async () => {
  const before = await snapshot();
  const said: string[] = [];
  {
    const { bpf, chosen } = await BPF.loadFirst([MISSING, FAILS, WORKS], { log: (line) => said.push(line) });
    using b = bpf;
    assert.equal(chosen, WORKS);
    for (let i = 0; i < 5; i++) getPriority();
    assert.equal(b.map<number, bigint>('counts').get(0), 5n);
  }
  assert.deepEqual(await leftovers(before), []);
  assert.match(said[0] ?? '', /^not by kprobe:there_is_no_such_function: no /);
  assert.match(said.find((line) => /sys_enter_no_such_call/.test(line)) ?? '', /^not by tracepoint:.*: there is no tracepoint/);
  assert.equal(said.at(-1), 'probes: tracepoint:syscalls:sys_enter_getpriority');
});

kernelTest('none works: an error that says why of each; a text that does not compile is an error at once', {}, async () => {
  const before = await snapshot();
  await assert.rejects(
    BPF.loadFirst([MISSING, FAILS]),
    (error: unknown) => error instanceof FeatureError && /kprobe.*; tracepoint/.test(error.message),
  );
  await assert.rejects(BPF.loadFirst([{ probes: [], load: text('int f( {') }, WORKS]), CompileError);
  assert.deepEqual(await leftovers(before), []);
});

kernelTest('questions about the kernel', { btf: true }, () => {
  assert.equal(BPF.tracepointExists('sched', 'sched_switch'), true);
  assert.equal(BPF.tracepointExists('sched', 'sched_swish'), false);
  assert.equal(BPF.kernelStructHasField('task_struct', 'pid'), true);
  assert.equal(BPF.kernelStructHasField('task_struct', 'no_such_member'), false);
  assert.equal(BPF.kernelStructHasField('no_such_struct', 'x'), undefined);
  assert.equal(BPF.kernelEnumHasVal('bpf_prog_type', 'BPF_PROG_TYPE_KPROBE'), true);
  assert.equal(BPF.functionExists('vfs_read'), true);
  assert.equal(BPF.functionExists('there_is_no_such_function'), false);
  assert.equal(BPF.getSyscallFnname('openat'), process.arch === 'x64' ? '__x64_sys_openat' : '__arm64_sys_openat');
  assert.equal(BPF.fixSyscallFnname('vfs_read'), 'vfs_read');
  assert.deepEqual(BPF.getTracepoints(/sched:sched_swit.*/), ['sched:sched_switch']);
  assert.deepEqual(BPF.getTracepoints(/sched_switch/), [], 'a pattern matches as a whole');
});
