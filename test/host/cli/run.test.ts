/** `skep run` as a user sees it: only this process is looked at. */
import assert from 'node:assert/strict';
import { getPriority } from 'node:os';
import { setTimeout as pause } from 'node:timers/promises';
import { leftovers, snapshot } from '../../run/leaks.ts';
import { kernelTest } from '../../run/needs.ts';
import { startSkep } from '../../support/command.ts';
import { inFolder } from '../../support/skep.ts';

const TEXT = `struct key { u32 pid; char comm[16]; };
BPF_HASH(names, struct key, u64);
BPF_HISTOGRAM(dist);
BPF_HASH(few, u64, u64, 1);
TRACEPOINT_PROBE(syscalls, sys_enter_getpriority) {
  struct key k = { .pid = bpf_get_current_pid_tgid() >> 32 };
  if (k.pid != ${process.pid}) return 0;
  bpf_get_current_comm(&k.comm, sizeof(k.comm));
  names.increment(k);
  dist.increment(5);
  u64 now = bpf_ktime_get_ns();
  few.increment(now);
  bpf_trace_printk("seen by skep %d\\n", k.pid);
  return 0;
}
`;

/** Waits until the command says that everything is attached. */
async function ready(err: () => string): Promise<void> {
  for (let i = 0; i < 1200 && !err().includes('Running'); i++) await pause(50);
  assert.match(err(), /Running/);
}

// The trace buffer is the whole machine's: another reader would take the lines, and this one takes theirs.
kernelTest('what is printed comes as it happens, the maps on Ctrl-C; nothing is left', { wholeSystem: true }, async () => {
  const before = await snapshot();
  await inFolder({ 'p.c': TEXT }, async ({ path }) => {
    const tool = startSkep(['run', `${path}/p.c`]);
    await ready(tool.err);
    for (let i = 0; i < 3; i++) getPriority();
    await tool.sees(`seen by skep ${process.pid}`);
    getPriority();
    process.kill(tool.pid, 'SIGINT');
    assert.deepEqual(await tool.ended, { status: 0, signal: null }, tool.err());
    assert.equal(tool.out().match(new RegExp(`bpf_trace_printk: seen by skep ${process.pid}$`, 'gm'))?.length, 4);
    // The format's own newline does not make an empty line.
    assert.doesNotMatch(tool.out(), /seen by skep \d+\n\n/);
    assert.match(tool.out(), new RegExp(`^names \\(hash\\):\\n {2}\\{ pid: ${process.pid}, comm: "[^"]+" \\}: 4$`, 'm'));
    // Slot 5 of a power-of-two histogram holds 16 to 31.
    assert.match(tool.out(), /^ +16 -> 31 +: 4 +\|\*+\|$/m);
  });
  assert.deepEqual(await leftovers(before), []);
});

kernelTest('--json and --duration: lines of JSON, ends by itself', {}, async () => {
  await inFolder({ 'p.c': TEXT.replace(/^.*printk.*$/m, '') }, async ({ path }) => {
    const tool = startSkep(['run', '--json', '-v', '--duration', '2', `${path}/p.c`]);
    for (let i = 0; i < 1200 && !tool.err().includes('attached'); i++) await pause(50);
    for (let i = 0; i < 5; i++) getPriority();
    assert.deepEqual(await tool.ended, { status: 0, signal: null }, tool.err());
    const records = tool
      .out()
      .trim()
      .split('\n')
      .map((line) => JSON.parse(line) as { kind: string; name: string; entries: { key: { pid: number }; value: number }[] });
    const names = records.find(({ kind, name }) => kind === 'map' && name === 'names');
    assert.deepEqual(
      names?.entries.map(({ key, value }) => [key.pid, value]),
      [[process.pid, 5]],
    );
    assert.match(tool.err(), /^skep: warning: 4 updates of 'few' were lost: it was full \(1 entries\)$/m);
  });
});

kernelTest('errors: of the text, of the tracepoint, of a program without a place', {}, () => {
  inFolder(
    {
      'bad.c': 'int f(struct __sk_buff *skb) { return nothing; }',
      'no.c': 'int f(struct __sk_buff *skb) { return 0; }',
      'gone.bpf.c':
        '#include <bpf/bpf_helpers.h>\nSEC("tp/sched/sched_swich") int f(void *ctx) { return 0; }\nchar LICENSE[] SEC("license") = "GPL";',
    },
    ({ skep }) => {
      const bad = skep('run', 'bad.c');
      assert.equal(bad.status, 1);
      assert.match(bad.err, /^bad\.c:1:39: error/);
      const no = skep('run', 'no.c');
      assert.equal(no.status, 1);
      assert.match(no.err, /nothing in no\.c says where.*\n {2}hint: give a place: --attach f=PLACE/);
      const gone = skep('run', 'gone.bpf.c');
      assert.equal(gone.status, 1);
      assert.match(gone.err, /no tracepoint 'sched:sched_swich'[\s\S]*sched:sched_switch/);
      const nowhere = skep('run', '--attach', 'f=nolink0', 'no.c');
      assert.equal(nowhere.status, 1);
      assert.match(nowhere.err, /there is no interface 'nolink0'/);
    },
  );
});
