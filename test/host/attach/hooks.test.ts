/** The other hooks: each attached, seen to run, and gone again. Networks are the test's own. */
import assert from 'node:assert/strict';
import { execFileSync, spawn } from 'node:child_process';
import { mkdirSync, mkdtempSync, readFileSync, rmdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Attachment } from '../../../src/attach/attachment.ts';
import { attachCgroup } from '../../../src/attach/cgroup.ts';
import { attachIterator, readIterator } from '../../../src/attach/iterator.ts';
import { attachKprobe } from '../../../src/attach/kprobe.ts';
import { attachKprobeMulti } from '../../../src/attach/kprobe-multi.ts';
import { attachNetns } from '../../../src/attach/namespace.ts';
import { attachNetfilter } from '../../../src/attach/netfilter.ts';
import { attachPerfEvent } from '../../../src/attach/perf-event.ts';
import { attachTc } from '../../../src/attach/tc.ts';
import { testRun } from '../../../src/attach/test-run.ts';
import { attachKprobes, syscallFunction, traceableFunctions } from '../../../src/attach/traceable.ts';
import { attachTracing } from '../../../src/attach/tracing.ts';
import { attachUprobe, attachUprobeMulti } from '../../../src/attach/uprobe.ts';
import { attachXdp } from '../../../src/attach/xdp.ts';
import { ElfFile } from '../../../src/elf/index.ts';
import { callHelper, callLocal, exit, load, mov64, mov64Imm } from '../../../src/isa/build.ts';
import { FP, SIZE } from '../../../src/isa/insn.ts';
import { FeatureError, UsageError, UserError } from '../../../src/kernel/errors.ts';
import { type LoadedObject, type LoadedProgram, loadObject } from '../../../src/link/load.ts';
import { ArrayMap } from '../../../src/maps/array.ts';
import type { ProgramSpec } from '../../../src/object/spec.ts';
import { kernelTest, unmet } from '../../run/needs.ts';
import { facts, kernel, leavesNothing, returns, tinyObject } from '../kernel/support.ts';
import { countingObject } from './counting.ts';
import { makeNamespace, type Namespace } from './namespace.ts';

type Program = Partial<ProgramSpec> & Pick<ProgramSpec, 'type'>;

function counting(program: Program, options: { readonly pid?: number; readonly result?: number } = {}): LoadedObject {
  return loadObject(countingObject(program, options.pid, options.result), kernel, { facts });
}

function main(object: LoadedObject): LoadedProgram {
  const program = object.programs.get('main');
  assert.ok(program);
  return program;
}

function counted(object: LoadedObject): bigint {
  const map = object.maps.get('t_array');
  assert.ok(map);
  return new ArrayMap<bigint>(map, kernel, {}).get(0) ?? 0n;
}

function withNamespace(action: (ns: Namespace) => void): void {
  const ns = makeNamespace(kernel);
  try {
    action(ns);
  } finally {
    ns.close();
  }
}

/** Runs once attached, and no more afterwards. */
function runs(object: LoadedObject, attached: Attachment, act: () => void): void {
  const before = counted(object);
  act();
  assert.ok(counted(object) > before, 'it ran');
  attached.detach();
  const after = counted(object);
  act();
  assert.equal(counted(object), after, 'it runs no more');
}

const XDP_PASS = 2;
const TC_OK = 0;

for (const legacy of [false, true]) {
  kernelTest(`xdp by ${legacy ? 'netlink' : 'link'}`, {}, () =>
    leavesNothing(() =>
      withNamespace((ns) => {
        using object = counting({ type: 'xdp', attachType: 'xdp' }, { result: XDP_PASS });
        const attached = attachXdp(kernel, main(object), 'lo', { mode: 'generic', netns: ns.path, legacy });
        assert.equal(attached.via, legacy ? 'netlink' : 'link');
        assert.throws(() => attachXdp(kernel, main(object), 'lo', { mode: 'generic', netns: ns.path, legacy }), /another XDP program/);
        runs(object, attached, () => ns.send(3));
      }),
    ),
  );
}

kernelTest('xdp: what is wrong is said', {}, () =>
  leavesNothing(() =>
    withNamespace((ns) => {
      using object = counting({ type: 'xdp', attachType: 'xdp' }, { result: XDP_PASS });
      assert.throws(
        () => attachXdp(kernel, main(object), 'nope0'),
        (error: unknown) => error instanceof UsageError && /no interface 'nope0'/.test(error.message),
      );
      assert.throws(
        () => attachXdp(kernel, main(object), 'lo', { mode: 'native', netns: ns.path }),
        (error: unknown) => error instanceof UserError && /attaching 'main' to XDP on lo: /.test(error.message),
      );
    }),
  ),
);

for (const direction of ['ingress', 'egress'] as const) {
  kernelTest(`tc ${direction}: the classic way`, {}, () =>
    leavesNothing(() =>
      withNamespace((ns) => {
        using object = counting({ type: 'sched_cls' }, { result: TC_OK });
        const first = attachTc(kernel, main(object), 'lo', direction, { netns: ns.path, legacy: true });
        assert.equal(first.via, 'netlink');
        runs(object, first, () => ns.send(3));
      }),
    ),
  );
  kernelTest(`tc ${direction}: a link with a place in the order`, { minKernel: '6.6' }, () =>
    leavesNothing(() =>
      withNamespace((ns) => {
        using a = counting({ type: 'sched_cls' }, { result: -1 });
        using b = counting({ type: 'sched_cls' }, { result: TC_OK });
        using c = counting({ type: 'sched_cls' }, { result: -1 });
        using onB = attachTc(kernel, main(b), 'lo', direction, { netns: ns.path });
        assert.equal(onB.via, 'link');
        // First runs a (go on), then b (accept); c, behind b, never.
        using onA = attachTc(kernel, main(a), 'lo', direction, { netns: ns.path, order: 'first' });
        using onC = attachTc(kernel, main(c), 'lo', direction, { netns: ns.path, order: { after: { link: onB.fd } } });
        ns.send(3);
        assert.ok(counted(a) > 0n && counted(b) > 0n);
        assert.equal(counted(c), 0n);
        assert.ok(onA.fd > 2 && onC.fd > 2);
        assert.throws(
          () => attachTc(kernel, main(b), 'lo', direction, { netns: ns.path, order: { before: { programId: 0x7fffffff } } }),
          UserError,
        );
        runs(b, onB, () => ns.send(3));
      }),
    ),
  );
}

/** A cgroup stays for a moment after its last process. */
async function removeCgroup(path: string): Promise<void> {
  for (let tries = 0; ; tries++) {
    try {
      rmdirSync(path);
      return;
    } catch (error) {
      if (tries > 20) throw error;
      await new Promise((resolve) => setTimeout(resolve, 50));
    }
  }
}

kernelTest('cgroup: packets of the processes in it', {}, async () => {
  const base = ['/sys/fs/cgroup/unified', '/sys/fs/cgroup'].find((path) => kernel.exists(`${path}/cgroup.controllers`));
  assert.ok(base, 'there is a cgroup2 file system');
  const path = join(base, `skep-test-${process.pid}`);
  mkdirSync(path);
  try {
    await leavesNothing(() => {
      using object = counting({ type: 'cgroup_skb', attachType: 'cgroup_inet_egress' }, { result: 1 });
      const attached = attachCgroup(kernel, main(object), path);
      assert.equal(attached.via, 'link');
      const send = (): void =>
        void execFileSync(process.execPath, [
          '-e',
          `
        require('fs').writeFileSync(${JSON.stringify(join(path, 'cgroup.procs'))}, String(process.pid));
        const s = require('dgram').createSocket('udp4'); s.send('x', 9, '127.0.0.1', () => s.close());`,
        ]);
      runs(object, attached, send);
      assert.throws(
        () => attachCgroup(kernel, main(object), '/sys/fs/cgroup/nope'),
        (error: unknown) => error instanceof UsageError && /no cgroup at/.test(error.message),
      );
      assert.throws(() => attachCgroup(kernel, main(object), '/tmp'), /not a folder of a cgroup2 file system/);
    });
  } finally {
    await removeCgroup(path);
  }
});

kernelTest('perf events: at a rate on every CPU, and of one process', {}, () =>
  leavesNothing(() => {
    using object = counting({ type: 'perf_event' });
    const busy = (): void => {
      const end = performance.now() + 60;
      while (performance.now() < end);
    };
    using everywhere = attachPerfEvent(kernel, main(object), { event: 'cpu_clock', frequency: 500 });
    assert.equal(everywhere.via, 'link');
    runs(object, everywhere, busy);
    const own = attachPerfEvent(kernel, main(object), { event: 'task_clock', period: 1_000_000, pid: process.pid });
    runs(object, own, busy);
    assert.throws(() => attachPerfEvent(kernel, main(object), { event: 'cpu_clock' }), /either a period or a frequency/);
    assert.throws(() => attachPerfEvent(kernel, main(object), { event: 'cpu_clock', frequency: 2 ** 30 }), /max_sample_rate/);
    assert.throws(() => attachPerfEvent(kernel, main(object), { event: 'cpu_clock', frequency: 10, cpu: 8191 }), /CPU 8191 is not online/);
    assert.throws(() => attachPerfEvent(kernel, main(object), { event: 'cpu_clock', frequency: 10, pid: 0x3fffff }), /no such process/);
  }),
);

/** A small program with a function to be probed, and where that lies in the file. */
function victimBinary(folder: string): { readonly path: string; readonly offset: bigint } {
  writeFileSync(
    join(folder, 'v.c'),
    '__attribute__((noinline)) int probed(int x) { __asm__ volatile(""); return x + 1; }\nint main(void) { int s = 0; for (int i = 0; i < 10; i++) s += probed(i); return s == 55 ? 0 : 1; }\n',
  );
  execFileSync('gcc', ['-O1', '-o', 'v', 'v.c'], { cwd: folder });
  const path = join(folder, 'v');
  const elf = new ElfFile(new Uint8Array(readFileSync(path)));
  const table = elf.section('.symtab');
  assert.ok(table);
  const symbol = [...elf.symbols(table)].find((s) => s.name === 'probed');
  assert.ok(symbol);
  const segment = elf.segments.find(
    (s) => s.type === 1 && BigInt(symbol.value) >= BigInt(s.address) && BigInt(symbol.value) < BigInt(s.address) + BigInt(s.memorySize),
  );
  assert.ok(segment);
  return { path, offset: BigInt(symbol.value) - BigInt(segment.address) + BigInt(segment.offset) };
}

kernelTest('uprobes and uretprobes', { uprobes: true, commands: ['gcc'] }, () =>
  leavesNothing(() => {
    const folder = mkdtempSync(join(tmpdir(), 'skep-uprobe-'));
    try {
      const target = victimBinary(folder);
      for (const isReturn of [false, true]) {
        using object = counting({ type: 'kprobe' });
        using attached = attachUprobe(kernel, main(object), target, { return: isReturn });
        assert.equal(attached.kind, isReturn ? 'uretprobe' : 'uprobe');
        execFileSync(target.path);
        assert.equal(counted(object), 10n);
        runs(object, attached, () => execFileSync(target.path));
      }
      using object = counting({ type: 'kprobe' });
      assert.throws(
        () => attachUprobe(kernel, main(object), { path: join(folder, 'nope'), offset: 0n }),
        (error: unknown) => error instanceof UsageError && /there is no file/.test(error.message),
      );
      assert.throws(() => attachUprobe(kernel, main(object), { path: folder, offset: 0n }), UserError);
      assert.throws(() => attachUprobe(kernel, main(object), target, { pid: 0x3fffff }), /no process/);
    } finally {
      rmSync(folder, { recursive: true });
    }
  }),
);

kernelTest('a uprobe of one process leaves others alone', { uprobes: true, commands: ['gcc'] }, () =>
  leavesNothing(() => {
    const folder = mkdtempSync(join(tmpdir(), 'skep-uprobe-'));
    try {
      const target = victimBinary(folder);
      using object = counting({ type: 'kprobe' });
      using attached = attachUprobe(kernel, main(object), target, { pid: process.pid });
      execFileSync(target.path);
      assert.equal(counted(object), 0n);
      assert.ok(attached.fd > 2);
    } finally {
      rmSync(folder, { recursive: true });
    }
  }),
);

kernelTest('uprobe.multi', { uprobes: true, minKernel: '6.6', commands: ['gcc'] }, () =>
  leavesNothing(() => {
    const folder = mkdtempSync(join(tmpdir(), 'skep-uprobe-'));
    try {
      const { path, offset } = victimBinary(folder);
      using object = counting({ type: 'kprobe', attachType: 'trace_uprobe_multi' });
      using attached = attachUprobeMulti(kernel, main(object), path, [{ offset }]);
      execFileSync(path);
      assert.equal(counted(object), 10n);
      attached.detach();
      assert.throws(() => attachUprobeMulti(kernel, main(object), join(folder, 'nope'), [{ offset }]), /there is no file/);
    } finally {
      rmSync(folder, { recursive: true });
    }
  }),
);

kernelTest('iterators: a line for each task, and none of another', { btf: true, minKernel: '5.8' }, () =>
  leavesNothing(() => {
    // bpf_seq_write(ctx->meta->seq, stack, 4) for every task.
    const SEQ_WRITE = 127;
    using object = loadObject(
      tinyObject({
        program: { type: 'tracing', attachType: 'trace_iter', target: 'task' },
        main: {
          insns: [
            load(SIZE.DW, 1, 1, 0),
            load(SIZE.DW, 1, 1, 0),
            mov64Imm(2, 0x0a58),
            { op: 0x63, dst: FP, src: 2, off: -4, imm: 0 },
            mov64(2, FP),
            { op: 0x07, dst: 2, src: 0, off: 0, imm: -4 },
            mov64Imm(3, 2),
            callHelper(SEQ_WRITE),
            mov64Imm(0, 0),
            exit(),
          ],
        },
      }),
      kernel,
      { facts },
    );
    using attached = attachIterator(kernel, main(object));
    const text = Buffer.concat([...readIterator(kernel, attached)]).toString();
    assert.match(text, /^(X\n)+$/);
    assert.ok(text.length / 2 > 5);
    const again = Buffer.concat([...readIterator(kernel, attached)]).toString();
    assert.ok(again.length > 0, 'it can be read again');
  }),
);

kernelTest('sk_lookup on a namespace of its own', { minKernel: '5.9' }, () =>
  leavesNothing(() =>
    withNamespace((ns) => {
      using object = counting({ type: 'sk_lookup', attachType: 'sk_lookup' }, { result: 1 });
      const attached = attachNetns(kernel, main(object), ns.path);
      runs(object, attached, () => ns.send(3));
      assert.throws(() => attachNetns(kernel, main(object), '/nope'), /no network namespace/);
    }),
  ),
);

kernelTest('netfilter', { minKernel: '6.4' }, (t) =>
  leavesNothing(() =>
    withNamespace((ns) => {
      if (facts.kconfig('NETFILTER_BPF_LINK') !== 'y') {
        t.skip('needs CONFIG_NETFILTER_BPF_LINK');
        return;
      }
      using object = counting({ type: 'netfilter', attachType: 'netfilter' }, { result: 1 });
      const at = { family: 'ipv4', hook: 'output', priority: -5, netns: ns.path } as const;
      const attached = attachNetfilter(kernel, main(object), at);
      assert.throws(() => attachNetfilter(kernel, main(object), at), /another with this priority/);
      runs(object, attached, () => ns.send(3));
    }),
  ),
);

kernelTest('test runs', {}, () =>
  leavesNothing(() => {
    using object = counting({ type: 'socket_filter' }, { result: 7 });
    const run = testRun(kernel, main(object), { data: new Uint8Array(64).fill(9), repeat: 100 });
    assert.equal(run.result, 7);
    assert.ok(run.data.length > 0 && run.data.length <= 64);
    assert.equal(counted(object), 100n);
    assert.throws(() => testRun(kernel, main(object), { data: new Uint8Array(4) }), /at least 14 bytes/);
    using raw = loadObject(tinyObject({ program: { type: 'raw_tracepoint' }, main: { insns: [load(SIZE.DW, 0, 1, 8), exit()] } }), kernel, {
      facts,
    });
    const ctx = new Uint8Array(new BigUint64Array([1n, 42n]).buffer);
    assert.equal(testRun(kernel, main(raw), { ctx }).result, 42);
    using kprobe = loadObject(tinyObject({ program: { type: 'kprobe' }, main: returns(0) }), kernel, { facts });
    assert.throws(() => testRun(kernel, main(kprobe)), /no test runs/);
  }),
);

kernelTest('a kernel without kprobes says so', {}, (t) =>
  leavesNothing(() => {
    if (unmet({ kprobes: true }) === undefined) {
      t.skip('this kernel has kprobes');
      return;
    }
    using object = loadObject(tinyObject({ program: { type: 'kprobe' }, main: returns(0) }), kernel, { facts });
    assert.throws(
      () => attachKprobe(kernel, main(object), 'vfs_read'),
      (error: unknown) => error instanceof FeatureError && error.feature === 'kprobes' && /CONFIG_KPROBE_EVENTS/.test(error.hint ?? ''),
    );
  }),
);

kernelTest('kprobes and kretprobes', { kprobes: true }, () =>
  leavesNothing(() => {
    const act = (): void => void readFileSync('/proc/self/stat');
    for (const isReturn of [false, true]) {
      using object = counting({ type: 'kprobe' }, { pid: process.pid });
      const attached = attachKprobe(kernel, main(object), 'vfs_read', { return: isReturn });
      runs(object, attached, act);
    }
    using object = counting({ type: 'kprobe' });
    assert.throws(
      () => attachKprobe(kernel, main(object), 'no_such_function'),
      (error: unknown) => error instanceof UsageError && /'no_such_function' cannot be probed/.test(error.message),
    );
    assert.throws(
      () => attachKprobe(kernel, main(object), 'vfs_read', { offset: 1 }),
      /in the middle of an instruction|cannot be probed there/,
    );
  }),
);

kernelTest('kprobes by pattern, and the functions of system calls', { kprobes: true }, () =>
  leavesNothing(() => {
    const names = traceableFunctions(kernel, (name) => /^vfs_(?:read|write|open)$/.test(name));
    assert.deepEqual([...names].sort(), ['vfs_open', 'vfs_read', 'vfs_write']);
    using object = counting({ type: 'kprobe' }, { pid: process.pid });
    const attached = attachKprobes(kernel, main(object), [...names, 'no_such_function']);
    assert.equal(attached.target, '3 functions');
    runs(object, attached, () => void readFileSync('/proc/self/stat'));
    using openat = counting({ type: 'kprobe' }, { pid: process.pid });
    const onSyscall = attachKprobe(kernel, main(openat), syscallFunction(kernel, 'openat'));
    runs(openat, onSyscall, () => void readFileSync('/proc/self/stat'));
  }),
);

kernelTest('kprobe.multi', { kprobes: true, minKernel: '5.18' }, () =>
  leavesNothing(() => {
    using object = counting({ type: 'kprobe', attachType: 'trace_kprobe_multi' }, { pid: process.pid });
    if (facts.kconfig('FPROBE') !== 'y') {
      assert.throws(
        () => attachKprobeMulti(kernel, main(object), ['vfs_read']),
        (error: unknown) => error instanceof FeatureError && /CONFIG_FPROBE/.test(error.hint ?? ''),
      );
      return;
    }
    const attached = attachKprobeMulti(kernel, main(object), ['vfs_read', 'vfs_write', 'vfs_open']);
    runs(object, attached, () => void readFileSync('/proc/self/stat'));
    assert.throws(() => attachKprobeMulti(kernel, main(object), ['vfs_read', 'no_such_function']), /does not exist or cannot be traced/);
  }),
);

for (const attachType of ['trace_fentry', 'trace_fexit'] as const) {
  kernelTest(attachType, { fentry: true, guest: true }, () =>
    leavesNothing(() => {
      using object = counting({ type: 'tracing', attachType, target: 'vfs_read' }, { pid: process.pid });
      runs(object, attachTracing(kernel, main(object)), () => void readFileSync('/proc/self/stat'));
      assert.throws(
        () => counting({ type: 'tracing', attachType, target: 'vfs_reed' }),
        (error: unknown) => error instanceof UsageError && error.suggestions.includes('vfs_read'),
      );
    }),
  );
}

kernelTest('freplace: a function of another program', { fentry: true, guest: true }, () =>
  leavesNothing(() => {
    const one = (value: number, program: Program): LoadedObject['spec'] =>
      tinyObject({
        program,
        main: { insns: [callLocal(0), exit()], refs: [{ insn: 0, to: { kind: 'call', function: 'answer' } }] },
        functions: { answer: { insns: [mov64Imm(0, value), exit()], linkage: 'global' } },
      });
    using target = loadObject(one(1, { type: 'socket_filter' }), kernel, { facts });
    const packet = { data: new Uint8Array(64) };
    assert.equal(testRun(kernel, main(target), packet).result, 1);
    const replacement = tinyObject({ program: { type: 'ext', target: 'answer' }, main: returns(5), contextless: true });
    using object = loadObject(replacement, kernel, { facts, targetProgramFd: main(target).fd });
    using attached = attachTracing(kernel, main(object));
    assert.equal(testRun(kernel, main(target), packet).result, 5);
    attached.detach();
    assert.equal(testRun(kernel, main(target), packet).result, 1);
    const wrong = tinyObject({ program: { type: 'ext', target: 'anser' }, main: returns(5) });
    assert.throws(
      () => loadObject(wrong, kernel, { facts, targetProgramFd: main(target).fd }),
      (error: unknown) => error instanceof UsageError && error.suggestions.includes('answer'),
    );
  }),
);

kernelTest('lsm', { lsm: true, guest: true }, () =>
  leavesNothing(() => {
    using object = counting({ type: 'lsm', attachType: 'lsm_mac', target: 'file_open' }, { pid: process.pid });
    runs(object, attachTracing(kernel, main(object)), () => void readFileSync('/proc/self/stat'));
  }),
);

kernelTest('a child that is killed while probes are on its binary', { uprobes: true, commands: ['gcc'] }, async () => {
  const folder = mkdtempSync(join(tmpdir(), 'skep-uprobe-'));
  try {
    await leavesNothing(async () => {
      const target = victimBinary(folder);
      using object = counting({ type: 'kprobe' });
      using attached = attachUprobe(kernel, main(object), target);
      const child = spawn('sleep', ['10']);
      child.kill('SIGKILL');
      await new Promise((resolve) => child.once('exit', resolve));
      assert.ok(attached.fd > 2);
    });
  } finally {
    rmSync(folder, { recursive: true });
  }
});
