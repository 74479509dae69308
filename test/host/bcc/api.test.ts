/** BCC's methods of `BPF` on a real kernel: detaching by name, patterns, counts, what programs print, functions and tables as text. */
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { readdirSync } from 'node:fs';
import { getPriority } from 'node:os';
import { BPF } from '../../../src/bcc/bpf.ts';
import { parseTraceLine } from '../../../src/bcc/trace.ts';
import { linuxKernel } from '../../../src/kernel/linux.ts';
import { tracefsPath } from '../../../src/kernel/tracefs.ts';
import { leftovers, snapshot } from '../../run/leaks.ts';
import { kernelTest, unmet } from '../../run/needs.ts';

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
    assert.throws(() => b.detachTracepoint(TRACEPOINT), /is not attached to tracepoint syscalls:sys_enter_getpriority/);
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

kernelTest('functions and tables as bytes and text', {}, async () => {
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

/** Starts Node as an ordinary user with some capabilities and gives what it prints. */
function asUser(capabilities: string, script: string): Promise<string> {
  const caps = capabilities === '' ? '-all' : `-all,${capabilities}`;
  const prefix = ['setpriv', '--reuid', '65534', '--clear-groups', '--inh-caps', caps, '--ambient-caps', caps, '--bounding-set', caps];
  const child = spawn(prefix[0] as string, [...prefix.slice(1), process.execPath, '--input-type=module', '-e', script], {
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  let out = '';
  child.stdout.on('data', (data) => (out += String(data)));
  child.stderr.on('data', (data) => (out += String(data)));
  return new Promise((resolve) => child.on('close', () => resolve(out)));
}

const SCRIPT = (text: string, attach: string): string => `
import { BPF } from ${JSON.stringify(new URL('../../../src/bcc/bpf.js', import.meta.url).href)};
import { getPriority } from 'node:os';
try {
  const b = await BPF.load({ text: ${JSON.stringify(text)}.replace('PID', process.pid) });
  ${attach}
  getPriority();
  console.log('counted', b.map('counts').get(0));
  b.close();
} catch (error) {
  console.log(error.name, error.message, error.hint);
}`;
const USER_TEXT = (head: string): string =>
  `BPF_ARRAY(counts, u64, 1);\n${head} { if (bpf_get_current_pid_tgid() >> 32 != PID) return 0; u32 k = 0; counts.increment(k); return 0; }`;

kernelTest(
  'without root: CAP_BPF and CAP_PERFMON are enough for tracing; what is missing is named',
  { guest: true, btf: true, commands: ['setpriv'] },
  async () => {
    const raw = SCRIPT(USER_TEXT('RAW_TRACEPOINT_PROBE(sys_enter)'), '');
    const kprobe = SCRIPT(USER_TEXT(`int kprobe__${BPF.getSyscallFnname('getpriority')}(struct pt_regs *ctx)`), '');
    assert.match(await asUser('+bpf,+perfmon', raw), /^counted [1-9]/);
    if (unmet({ kprobes: true }) === undefined) assert.match(await asUser('+bpf,+perfmon', kprobe), /^counted 1n/);
    assert.match(await asUser('+bpf', raw), /^PrivilegeError .*CAP_PERFMON/);
    assert.match(await asUser('', raw), /^PrivilegeError .*CAP_BPF/);
    const xdp = SCRIPT(USER_TEXT('int f(struct xdp_md *ctx)'), "b.attachXdp('lo', 'f', { mode: 'generic' });");
    assert.match(await asUser('+bpf,+perfmon', xdp), /^PrivilegeError .*CAP_NET_ADMIN/);
  },
);

kernelTest('dropPrivileges: what is attached goes on, new programs are refused', { guest: true, commands: ['setpriv'] }, async () => {
  const script = SCRIPT(
    USER_TEXT('TRACEPOINT_PROBE(syscalls, sys_enter_getpriority)'),
    `
  console.log('now', JSON.stringify(BPF.dropPrivileges()));
  await BPF.load({ text: 'RAW_TRACEPOINT_PROBE(sys_enter) { return 0; }' }).then(() => console.log('loaded'), (error) => console.log(error.name));`,
  );
  const child = spawn(process.execPath, ['--input-type=module', '-e', script], {
    stdio: ['ignore', 'pipe', 'inherit'],
    env: { ...process.env, SUDO_UID: '', SUDO_GID: '' },
  });
  let out = '';
  child.stdout.on('data', (data) => (out += String(data)));
  await new Promise((resolve) => child.on('close', resolve));
  assert.equal(out, 'now {"uid":65534,"gid":65534}\nPrivilegeError\ncounted 1n\n');
});
