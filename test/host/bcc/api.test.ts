/**
 * The methods of `BPF` on a real kernel. One process for all of it, with the examples at the end: a compiler that has to
 * warm up under emulation takes most of a minute, once.
 *
 * Here: detaching by name, patterns, counts, what programs print, functions and tables as text, privileges.
 */
import './attach.cases.ts';
import './handles.cases.ts';
import './load-first.cases.ts';
import './namespaces.cases.ts';
import './stacks.cases.ts';
import './uprobes.cases.ts';
import '../attach/cgroup.cases.ts';
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { getPriority } from 'node:os';
import { BPF } from '../../../src/bcc/bpf.ts';
import { filterByContainers } from '../../../src/bcc/containers.ts';
import { parseTraceLine } from '../../../src/bcc/trace.ts';
import { linuxKernel } from '../../../src/kernel/linux.ts';
import { tracefsPath } from '../../../src/kernel/tracefs.ts';
import { leftovers, snapshot } from '../../run/leaks.ts';
import { kernelTest } from '../../run/needs.ts';

const MINE = `if (bpf_get_current_pid_tgid() >> 32 != ${process.pid}) return 0;`;
const COUNT = `{ ${MINE} u32 k = 0; counts.increment(k); return 0; }`;
const counting = (head: string): string => `BPF_ARRAY(counts, u64, 1);\n${head} ${COUNT}`;
const TRACEPOINT = 'syscalls:sys_enter_getpriority';
const calls = (times = 1): void => {
  for (let i = 0; i < times; i++) getPriority();
};
const counted = (b: BPF): bigint => b.map<number, bigint>('counts').get(0) ?? 0n;

kernelTest('tracepoints: by pattern, counted, and off again by name', {}, async () => {
  const before = await snapshot();
  {
    using b = await BPF.load({ text: counting('int f(void *ctx)') });
    b.attachTracepoint(TRACEPOINT, 'f');
    calls(3);
    assert.equal(counted(b), 3n);
    assert.equal(b.numOpenTracepoints(), 1);
    b.detachTracepoint('syscalls/sys_enter_getpriority');
    calls();
    assert.equal(counted(b), 3n);
    assert.deepEqual(b.attached, []);
    assert.throws(() => b.detachTracepoint(TRACEPOINT), /nothing is attached to tracepoint syscalls:sys_enter_getpriority/);
    b.attachTracepoint(/syscalls:sys_(?:enter|exit)_getpriority/, 'f');
    assert.equal(b.numOpenTracepoints(), 2);
    calls();
    assert.equal(counted(b), 5n);
    assert.throws(() => b.attachTracepoint(/no_such_.*/, 'f'), /no tracepoint matches/);
  }
  assert.deepEqual(await leftovers(before), []);
});

kernelTest('kprobes: by pattern as one link, by name; off again by name', { kprobes: true }, async () => {
  const before = await snapshot();
  {
    using b = await BPF.load({ text: counting('int f(struct pt_regs *ctx)') });
    const fn = BPF.getSyscallFnname('getpriority');
    const many = b.attachKprobe(new RegExp(`${fn}|vfs_statfs|vfs_getattr`), 'f');
    assert.equal(many.places, 3);
    assert.equal(many.via, 'link');
    assert.equal(b.numOpenKprobes(), 3);
    calls(4);
    assert.equal(counted(b), 4n);
    many.detach();
    b.attachKretprobe([fn], 'f');
    b.attachKprobe(fn, 'f');
    calls();
    assert.equal(counted(b), 6n);
    b.detachKprobe(fn);
    calls();
    assert.equal(counted(b), 7n);
    assert.throws(() => b.attachKprobe(/there_is_no_such_.*/, 'f'), /no function that can be probed matches/);
  }
  assert.deepEqual(await leftovers(before), []);
});

// Older kernels do not let socket filters ask who is running.
kernelTest('functions and tables as bytes and text', { minKernel: '6.12' }, async () => {
  using b = await BPF.load({ text: counting('int f(struct __sk_buff *skb)') });
  const fn = b.loadFunc('f', 'socket_filter');
  assert.ok(fn.fd > 2);
  assert.equal(b.dumpFunc('f').length % 8, 0);
  assert.match(b.disassembleFunc('f'), /call bpf_get_current_pid_tgid#14/);
  assert.match(b.disassembleFunc('f'), /counts/);
  assert.match(b.decodeTable('counts'), /^Layout of BPF map counts \(type array, FD \d+, ID \d+\):\n/);
  assert.throws(() => b.decodeTable('count'), /there is no map 'count'/);
  assert.equal(b.run('f', { data: new Uint8Array(64), repeat: 3 }).result, 0);
  assert.equal(counted(b), 3n);
});

kernelTest('counters that programs read', {}, async () => {
  const before = await snapshot();
  {
    using b = await BPF.load({
      text: `BPF_PERF_ARRAY(clock, 64);
BPF_ARRAY(read, u64, 2);
TRACEPOINT_PROBE(syscalls, sys_enter_getpriority) {
  ${MINE}
  struct bpf_perf_event_value v = {};
  u32 k = 0;
  u64 failed = clock.perf_counter_value(CUR_CPU_IDENTIFIER, &v, sizeof(v)) != 0;
  read.update(&k, &v.counter);
  k = 1;
  read.update(&k, &failed);
  return 0;
}`,
    });
    const read = (index: number): bigint | undefined => b.map<number, bigint>('read').get(index);
    const counters = b.openPerfEvent('clock', 'cpu_clock');
    assert.ok(counters.places >= 1);
    for (const end = Date.now() + 30; Date.now() < end; );
    calls();
    assert.equal(read(1), 0n);
    // Nanoseconds of a CPU since it was opened.
    assert.ok((read(0) ?? 0n) > 1_000_000n, String(read(0)));
    counters.detach();
    calls();
    assert.equal(read(1), 1n, 'the counters are out of the map');
    assert.throws(() => b.openPerfEvent('read', 'cpu_clock'), /counters need a BPF_PERF_ARRAY/);
  }
  assert.deepEqual(await leftovers(before), []);
});

kernelTest('what programs print: a line, its fields, all', { guest: true }, async () => {
  const before = await snapshot();
  const instances = (): string[] => readdirSync(`${tracefsPath(linuxKernel())}/instances`);
  const text = `TRACEPOINT_PROBE(syscalls, sys_enter_getpriority) { ${MINE} bpf_trace_printk("hello %d\\n", 42); return 0; }`;
  for (const isPrivate of [false, true]) {
    {
      using b = await BPF.load({ text });
      const reader = b.traceOpen({ private: isPrivate });
      // The event that private buffers listen to is there since 5.9.
      assert.equal(reader.private, isPrivate);
      assert.equal(await b.traceReadline({ wait: false }), undefined);
      calls();
      assert.match((await b.traceReadline()) ?? '', /bpf_trace_printk: hello 42$/);
      calls();
      const fields = await b.traceFields();
      assert.ok(fields);
      assert.deepEqual([fields.pid, fields.msg], [process.pid, 'hello 42']);
      const end = new AbortController();
      const lines: string[] = [];
      const printing = b.tracePrint({ format: ({ pid, msg }) => `${pid}: ${msg}`, print: (line) => lines.push(line), signal: end.signal });
      calls(2);
      while (lines.length < 2) await new Promise((resolve) => setTimeout(resolve, 20));
      end.abort();
      await printing;
      assert.deepEqual(lines, Array(2).fill(`${process.pid}: hello 42`));
    }
    for (let tries = 0; instances().some((name) => name.startsWith('skep_')); tries++) {
      assert.ok(tries < 100, 'the private buffer is gone');
      await new Promise((resolve) => setTimeout(resolve, 50));
    }
  }
  assert.deepEqual(await leftovers(before), []);
});

kernelTest('a line of the trace buffer', {}, () => {
  assert.deepEqual(parseTraceLine('          a b-c]-4711    [003] d..31 12345.678901: bpf_trace_printk: x: y'), {
    task: 'a b-c]',
    pid: 4711,
    cpu: 3,
    flags: 'd..31',
    ts: 12345.678901,
    msg: 'x: y',
  });
  assert.equal(parseTraceLine('CPU:1 [LOST 22 EVENTS]'), undefined);
});

kernelTest('containers: only tasks whose cgroup or mount namespace is in a pinned set', { guest: true, btf: true }, async () => {
  const folder = `/sys/fs/bpf/skep-${process.pid}`;
  const before = await snapshot();
  const own =
    readFileSync('/proc/self/cgroup', 'utf8')
      .split('\n')
      .find((line) => line.startsWith('0::'))
      ?.slice(3) ?? '/';
  const sets = [
    { options: { cgroupmap: `${folder}-c` }, map: 'cgroupset', id: BPF.cgroupId(`/sys/fs/cgroup${own}`) },
    { options: { mntnsmap: `${folder}-m` }, map: 'mount_ns_set', id: statSync('/proc/self/ns/mnt', { bigint: true }).ino },
  ];
  for (const { options, map, id } of sets) {
    try {
      const text = `${filterByContainers(options)} BPF_ARRAY(counts, u64, 1);
TRACEPOINT_PROBE(syscalls, sys_enter_getpriority) { ${MINE} if (container_should_be_filtered()) return 0; u32 k = 0; counts.increment(k); return 0; }`;
      using b = await BPF.load({ text });
      calls();
      assert.equal(counted(b), 0n, map);
      b.map<bigint, number | bigint>(map).set(id, 1);
      calls();
      assert.equal(counted(b), 1n, map);
    } finally {
      for (const path of Object.values(options)) rmSync(path, { force: true });
    }
  }
  assert.deepEqual(await leftovers(before), []);
});

/** Starts Node with a script; as an ordinary user with some capabilities, if any are named. Gives what it prints. */
function run(script: string, capabilities?: string): Promise<string> {
  const caps = `-all,${capabilities}`;
  const asUser = ['setpriv', '--reuid', '65534', '--clear-groups', '--inh-caps', caps, '--ambient-caps', caps, '--bounding-set', caps];
  const words = [...(capabilities === undefined ? [] : asUser), process.execPath, '--input-type=module', '-e', script];
  const env = { ...process.env, SUDO_UID: '', SUDO_GID: '' };
  const child = spawn(words[0] as string, words.slice(1), { stdio: ['ignore', 'pipe', 'inherit'], env });
  let out = '';
  child.stdout.on('data', (data) => (out += String(data)));
  return new Promise((resolve) => child.on('close', () => resolve(out)));
}

const SOURCE = (file: string): string => JSON.stringify(new URL(`../../../src/${file}.js`, import.meta.url).href);
/** `counts(head, attach)` loads a program, has it run and says how often it did, or what went wrong. */
const SCRIPT = `
import { writeFileSync } from 'node:fs';
import { getPriority } from 'node:os';
import { BPF } from ${SOURCE('index')};
import { linuxKernel } from ${SOURCE('kernel/linux')};
async function counts(head, attach = () => {}) {
  try {
    const text = 'BPF_ARRAY(counts, u64, 1); ' + head + ' { u32 k = 0; if (bpf_get_current_pid_tgid() >> 32 == ' + process.pid + ') counts.increment(k); return 0; }';
    const b = await BPF.load({ text });
    try {
      await attach(b);
      getPriority();
      console.log(String(b.map('counts').get(0)));
    } finally {
      b.close();
    }
  } catch (error) {
    console.log(error.name, error.message, '|', error.hint);
  }
}
/** From now on only these capabilities, as a mask of bits. */
function keep(mask) {
  const words = Uint32Array.of(Number(mask & 0xffffffffn), Number(mask & 0xffffffffn), 0, Number(mask >> 32n), Number(mask >> 32n), 0);
  linuxKernel().syscall('capset', new Uint8Array(Uint32Array.of(0x20080522, 0).buffer), new Uint8Array(words.buffer));
}
`;

kernelTest(
  'without root: CAP_BPF and CAP_PERFMON are enough for tracing; what is missing is named',
  { guest: true, btf: true, kprobes: true, commands: ['setpriv'] },
  async () => {
    const fn = BPF.getSyscallFnname('getpriority');
    const paranoid = '/proc/sys/kernel/perf_event_paranoid';
    const was = readFileSync(paranoid, 'utf8');
    try {
      writeFileSync(paranoid, '2');
      const out = await run(
        `${SCRIPT}
const kprobe = 'int kprobe__${fn}(void *ctx)';
await counts('RAW_TRACEPOINT_PROBE(sys_enter)');
await counts(kprobe);
await counts('int f(void *ctx)', (b) => b.attachKprobe(['${fn}'], 'f'));
await counts('int f(struct xdp_md *ctx)', (b) => b.attachXdp('lo', 'f', { mode: 'generic' }));
keep(1n << 39n);
await counts('RAW_TRACEPOINT_PROBE(sys_enter)');
keep(0n);
await counts('RAW_TRACEPOINT_PROBE(sys_enter)');`,
        '+bpf,+perfmon',
      );
      const [raw, kprobe, multi, xdp, noPerfmon, nothing] = out.split('\n');
      assert.match(raw ?? '', /^[1-9]\d*$/);
      assert.equal(kprobe, '1');
      if (BPF.supportKprobeMulti()) assert.equal(multi, '1');
      assert.match(xdp ?? '', /^PrivilegeError .*lacks CAP_NET_ADMIN/);
      assert.match(noPerfmon ?? '', /^PrivilegeError .*lacks CAP_PERFMON/);
      assert.match(nothing ?? '', /^PrivilegeError .*lacks CAP_BPF/);
    } finally {
      writeFileSync(paranoid, was);
    }
  },
);

kernelTest('dropPrivileges: what is attached goes on, new programs are refused', { guest: true }, async () => {
  const out = await run(`${SCRIPT}
await counts('TRACEPOINT_PROBE(syscalls, sys_enter_getpriority)', async () => {
  console.log(JSON.stringify(BPF.dropPrivileges()));
  await counts('RAW_TRACEPOINT_PROBE(sys_enter)');
});`);
  const [identity, refused, counted] = out.split('\n');
  assert.equal(identity, '{"uid":65534,"gid":65534}');
  assert.match(refused ?? '', /^PrivilegeError/);
  assert.equal(counted, '1');
});

// The last: they move this thread into a network of its own.
await import('../examples/hooks.cases.ts');
