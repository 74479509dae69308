import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { ProgramDecl } from '../../../src/compiler/c/ast.ts';
import { bccDialect } from '../../../src/compiler/dialect/bcc/dialect.ts';
import { createMachine } from '../../../src/vm/machine.ts';
import { front, testFacts } from './front.ts';
import { build, PT_REGS, ptRegs, tryBuild } from './run.ts';

const facts = testFacts({
  btf: undefined,
  kconfig: (name) => (name === 'CONFIG_ARCH_HAS_SYSCALL_WRAPPER' ? 'y' : undefined),
  tracepointFormat: () => '',
});
const programOf = (text: string): ProgramDecl | undefined => {
  const { unit, said } = front(PT_REGS + text, bccDialect, facts);
  assert.deepEqual(said, []);
  return unit?.functions.findLast((f) => f.body !== undefined)?.program;
};

test('prefixes and macros say what a function is', () => {
  const kind = (text: string): unknown[] => {
    const p = programOf(text);
    return p === undefined ? [] : [p.type, p.attachType, p.target, p.autoAttach, p.section];
  };
  assert.deepEqual(kind('int kprobe__vfs_read(struct pt_regs *ctx) { return 0; }'), [
    'kprobe',
    undefined,
    'vfs_read',
    true,
    'kprobe/vfs_read',
  ]);
  assert.deepEqual(kind('int kretprobe__vfs_read(struct pt_regs *ctx) { return 0; }'), [
    'kprobe',
    undefined,
    'vfs_read',
    true,
    'kretprobe/vfs_read',
  ]);
  assert.deepEqual(kind('TRACEPOINT_PROBE(block, block_rq_issue) { return 0; }'), [
    'tracepoint',
    undefined,
    'block:block_rq_issue',
    true,
    'tracepoint/block/block_rq_issue',
  ]);
  assert.deepEqual(kind('struct bpf_raw_tracepoint_args { u64 args[0]; }; RAW_TRACEPOINT_PROBE(sched_switch) { return 0; }'), [
    'raw_tracepoint',
    undefined,
    'sched_switch',
    true,
    'raw_tracepoint/sched_switch',
  ]);
  assert.deepEqual(kind('KFUNC_PROBE(vfs_read, void *f) { return 0; }'), ['tracing', 'trace_fentry', 'vfs_read', true, 'fentry/vfs_read']);
  assert.deepEqual(kind('KRETFUNC_PROBE(vfs_read, void *f, int ret) { return ret; }'), [
    'tracing',
    'trace_fexit',
    'vfs_read',
    true,
    'fexit/vfs_read',
  ]);
  assert.deepEqual(kind('MODULE_KFUNC_PROBE(nfs, nfs_open, void *f) { return 0; }'), [
    'tracing',
    'trace_fentry',
    'nfs:nfs_open',
    true,
    'fentry/nfs:nfs_open',
  ]);
  assert.deepEqual(kind('KMOD_RET(update_socket_protocol, int a, int ret) { return ret; }'), [
    'tracing',
    'modify_return',
    'update_socket_protocol',
    false,
    'fmod_ret/update_socket_protocol',
  ]);
  assert.deepEqual(kind('LSM_PROBE(bpf, int cmd) { return cmd; }'), ['lsm', 'lsm_mac', 'bpf', true, 'lsm/bpf']);
  assert.deepEqual(kind('struct bpf_iter__task { void *task; }; BPF_ITER(task) { return 0; }'), [
    'tracing',
    'trace_iter',
    'task',
    false,
    'iter/task',
  ]);
  assert.deepEqual(kind('struct xdp_md { u32 data; }; int drop(struct xdp_md *ctx) { return 1; }'), [
    'xdp',
    undefined,
    undefined,
    false,
    'xdp',
  ]);
  assert.deepEqual(kind('struct __sk_buff { u32 len; }; int filter(struct __sk_buff *skb) { return 1; }'), [
    'socket_filter',
    undefined,
    undefined,
    false,
    'socket',
  ]);
  assert.deepEqual(kind('struct bpf_perf_event_data { u64 p; }; int on_sample(struct bpf_perf_event_data *ctx) { return 0; }'), [
    'perf_event',
    undefined,
    undefined,
    false,
    'perf_event',
  ]);
  assert.deepEqual(kind('int count(void *ctx) { return 0; }'), ['kprobe', undefined, undefined, false, 'kprobe']);
  assert.deepEqual(kind('int syscall__execve(struct pt_regs *ctx) { return 0; }'), ['kprobe', undefined, undefined, false, 'kprobe']);
  assert.deepEqual(kind('static int helper(void *ctx) { return 0; }'), []);
  assert.deepEqual(kind('static inline int helper(void *ctx) { return 0; }'), []);
});

test('arguments come from registers, in the order of the System V ABI', () => {
  const machine = createMachine(
    build(
      `${PT_REGS}
    int kprobe__x(struct pt_regs *ctx, char a, unsigned short b, int c, long d, void *e, u32 f) {
      return a == -1 && b == 0xffff && c == -2 && d == -3 && e == (void *)5 && f == 6;
    }`,
      bccDialect,
    ),
  );
  const ctx = ptRegs({ di: 0x1ffn, si: 0x1ffffn, dx: 0xf_ffff_fffen, cx: -3n, r8: 5n, r9: 6n });
  assert.equal(machine.run('kprobe__x', { ctx }).r0, 1n);
});

test('a return probe has the returned value', () => {
  const machine = createMachine(
    build(
      `${PT_REGS}int kretprobe__x(struct pt_regs *ctx) { return PT_REGS_RC(ctx) == 9; }\nint kretprobe__y(struct pt_regs *ctx, int ret) { return ret == -9; }`,
      bccDialect,
    ),
  );
  assert.equal(machine.run('kretprobe__x', { ctx: ptRegs({ ax: 9n }) }).r0, 1n);
  assert.equal(machine.run('kretprobe__y', { ctx: ptRegs({ ax: -9n }) }).r0, 1n);
});

test('PT_REGS_* name their registers', () => {
  const machine = createMachine(
    build(
      `${PT_REGS}int f(struct pt_regs *ctx) {
    return PT_REGS_PARM1(ctx) == 1 && PT_REGS_PARM2(ctx) == 2 && PT_REGS_PARM3(ctx) == 3 && PT_REGS_PARM4(ctx) == 4 && PT_REGS_PARM5(ctx) == 5
      && PT_REGS_PARM6(ctx) == 6 && PT_REGS_RC(ctx) == 7 && PT_REGS_IP(ctx) == 8 && PT_REGS_SP(ctx) == 9 && PT_REGS_FP(ctx) == 10 && PT_REGS_PARM4_SYSCALL(ctx) == 11; }`,
      bccDialect,
    ),
  );
  assert.equal(
    machine.run('f', { ctx: ptRegs({ di: 1n, si: 2n, dx: 3n, cx: 4n, r8: 5n, r9: 6n, ax: 7n, ip: 8n, sp: 9n, bp: 10n, r10: 11n }) }).r0,
    1n,
  );
});

test('registers of arm64', () => {
  const text = `struct pt_regs { unsigned long regs[31], sp, pc, pstate, orig_x0; };
    int kprobe__x(struct pt_regs *ctx, long a, long b, long c, long d, long e, long f, long g, long h) { return a + h * 10 + PT_REGS_RC(ctx) * 100 + PT_REGS_IP(ctx) * 1000; }`;
  const machine = createMachine(build(text, bccDialect, { arch: 'arm64' }));
  const ctx = new Uint8Array(
    new BigUint64Array(Array.from({ length: 35 }, (_, i) => BigInt(i === 0 ? 1 : i === 7 ? 8 : i === 32 ? 4 : 0))).buffer,
  );
  assert.equal(machine.run('kprobe__x', { ctx }).r0, 1n + 80n + 100n + 4000n);
});

test('arguments of a system call are behind the wrapper', () => {
  const read = (text: string, wrapper: 'y' | undefined): readonly bigint[] => {
    const spec = build(PT_REGS + text, bccDialect, {
      kconfig: (n) => (n === 'CONFIG_ARCH_HAS_SYSCALL_WRAPPER' ? wrapper : undefined),
      kernelVersion: wrapper === 'y' ? 0x060c00 : 0x040900,
    });
    const machine = createMachine(spec);
    const inner = machine.region(ptRegs({ di: 11n, si: 22n, dx: 33n, r10: 44n }));
    return [machine.run('syscall__x', { ctx: ptRegs({ di: wrapper === 'y' ? inner : 1n, si: 2n, dx: 3n, cx: 4n, r10: 5n }) }).r0];
  };
  const text = 'int syscall__x(struct pt_regs *ctx, int a, int b, int c, int d) { return a + b + c + d; }';
  assert.deepEqual(read(text, 'y'), [110n]);
  assert.deepEqual(read(text, undefined), [10n]);
});

test('arguments of trampolines are an array of 64-bit values', () => {
  const machine = createMachine(
    build('KFUNC_PROBE(x, int a, void *b, unsigned char c) { return a + (long)b + c; }\nLSM_PROBE(y, int a) { return -a; }', bccDialect),
  );
  const ctx = new Uint8Array(new BigUint64Array([0x1_0000_0001n, 20n, 0x303n]).buffer);
  assert.equal(machine.run('kfunc__vmlinux__x', { ctx }).r0, 24n);
  assert.equal(BigInt.asIntN(32, machine.run('lsm__y', { ctx }).r0), -1n);
});

test('what cannot be an argument', () => {
  const said = (text: string): readonly string[] => tryBuild(text, bccDialect).said.map((s) => s.replace(/^\S+ /, ''));
  const regs = PT_REGS.replaceAll('\n', ' ');
  assert.deepEqual(said(`${regs}int kprobe__x(struct pt_regs *ctx, int a, int b, int c, int d, int e, int f, int g) { return g; }`), [
    "too-many-arguments argument 'g' cannot be read: x86_64 passes 6 in registers",
  ]);
  assert.deepEqual(said(`${regs}int kretprobe__x(struct pt_regs *ctx, int a, int b) { return b; }`), [
    "too-many-arguments argument 'b' cannot be read: a return probe has one: the returned value",
  ]);
  assert.deepEqual(said(`${regs}int kprobe__x(struct pt_regs *ctx, int) { return 0; }`), [
    "unnamed-argument parameter 2 of 'kprobe__x' needs a name: it becomes a variable",
  ]);
  assert.deepEqual(said(`${regs}struct s { int a; }; int kprobe__x(struct pt_regs *ctx, struct s s) { return s.a; }`), [
    "bad-argument-type argument 's' is a struct passed by value; only integers and pointers can be read from registers",
  ]);
});

test('the licence is GPL unless the text says otherwise', () => {
  const license = (text: string): string => build(text, bccDialect).license;
  assert.equal(license('int f(void *ctx) { return 0; }'), 'GPL');
  assert.equal(license('#define BPF_LICENSE Dual BSD/GPL\nint f(void *ctx) { return 0; }'), 'Dual BSD/GPL');
});

test('bpf_trace_printk', () => {
  const machine = createMachine(
    build(
      'int f(void *ctx) { bpf_trace_printk("Hello, World!\\n"); bpf_trace_printk("%d %s %llx%%\\n", 5, "abc", 255ULL); return 0; }',
      bccDialect,
    ),
  );
  assert.deepEqual(machine.run('f', { ctx: new Uint8Array(8) }).printk, ['Hello, World!\n', '5 abc ff%\n']);
  const said = (call: string): readonly string[] =>
    tryBuild(`int f(void *ctx) { ${call}; return 0; }`, bccDialect).said.map((s) => s.replace(/^\S+ /, ''));
  assert.deepEqual(said('bpf_trace_printk("%f\\n", 1)'), [
    'bad-format bpf_trace_printk does not know %f; it has %c %s %d %i %u %x with l and ll, and %p',
  ]);
  assert.deepEqual(said('bpf_trace_printk("%d\\n")'), ['bad-format the format has 1 conversion and there are 0 values']);
  assert.deepEqual(said('char *s = 0; bpf_trace_printk(s)'), ['bad-format bpf_trace_printk needs a string literal as its first argument']);
});

test('more than three values are printed where the kernel can', () => {
  const text = 'int f(void *ctx) { char a[4] = "abc"; bpf_trace_printk("%d %s %u %lx %d\\n", 1, a, 3, 4ul, -5); return 0; }';
  const machine = createMachine(build(text, bccDialect, { kernelVersion: 0x051000 }));
  assert.deepEqual(machine.run('f', { ctx: new Uint8Array(8) }).printk, ['1 abc 3 4 -5\n']);
  assert.deepEqual(tryBuild(text, bccDialect, { kernelVersion: 0x050f00 }).said, [
    '1:56 too-many-printk-values bpf_trace_printk prints at most 3 values before Linux 5.16; found 5: split it',
  ]);
});

test('other calls that BCC implements itself', () => {
  const machine = createMachine(build('int f(void *ctx) { return bpf_num_cpus(); }', bccDialect, { cpus: 6 }));
  assert.equal(machine.run('f', { ctx: new Uint8Array(8) }).r0, 6n);
  const { said } = tryBuild('int f(void *ctx) { u64 v; bpf_usdt_readarg(1, ctx, &v); return v; }', bccDialect);
  assert.match(said[0] ?? '', /usdt-unknown-probe 'f' reads arguments of a USDT probe/);
});

test("the kernel's version and configuration", () => {
  const text = `
#if LINUX_VERSION_CODE >= KERNEL_VERSION(6, 1, 0) && defined(CONFIG_A) && !defined(CONFIG_B) && IS_ENABLED(CONFIG_M) && !IS_BUILTIN(CONFIG_M) && !IS_ENABLED(CONFIG_B) && CONFIG_HZ == 250
int f(void *ctx) { return sizeof(CONFIG_S); }
#else
int f(void *ctx) { return 0; }
#endif`;
  const kconfig = (name: string): string | undefined => ({ CONFIG_A: 'y', CONFIG_M: 'm', CONFIG_HZ: '250', CONFIG_S: 'abc' })[name];
  const machine = createMachine(build(text, bccDialect, { kconfig, kernelVersion: 0x060100 }));
  assert.equal(machine.run('f', { ctx: new Uint8Array(8) }).r0, 4n);
});
