/** Stacks with names: of a program of this test's, of a JavaScript runtime, of the kernel. */
import assert from 'node:assert/strict';
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { rmSync } from 'node:fs';
import { getPriority } from 'node:os';
import { BPF } from '../../../src/bcc/bpf.ts';
import { USDT } from '../../../src/bcc/usdt.ts';
import { foldedStack, stackLines } from '../../../src/render/stacks.ts';
import { kernelTest } from '../../run/needs.ts';
import { workFolder } from '../../support/symbol-victim.ts';
import { sharedVictim } from './victim.ts';

/** Starts the victim, which waits for a line before it does anything and for another before it ends. */
async function waiting(rounds: number): Promise<ChildProcess> {
  const child = spawn(sharedVictim().path, [String(rounds), 'wait', 'wait'], { stdio: ['pipe', 'pipe', 'inherit'] });
  await once(child.stdout, 'data');
  return child;
}

async function go(child: ChildProcess): Promise<void> {
  const printed = once(child.stdout as NodeJS.ReadableStream, 'data');
  child.stdin?.write('\n');
  await printed;
}

async function end(child: ChildProcess): Promise<void> {
  const exited = once(child, 'exit');
  child.stdin?.end('\n');
  await exited;
}

const STACKS = `BPF_STACK_TRACE(stacks, 16384);
struct key { int kernel; int user; u32 pid; };
BPF_HASH(counts, struct key, u64);
`;
interface Key {
  readonly kernel: number;
  readonly user: number;
  readonly pid: number;
}
const BODY = `struct key k = {};
  k.kernel = stacks.get_stackid(ctx, 0);
  k.user = stacks.get_stackid(ctx, BPF_F_USER_STACK);
  k.pid = bpf_get_current_pid_tgid() >> 32;
  counts.increment(k);
  return 0;`;

kernelTest(
  'a user stack at a USDT probe of one process; its names after its end, if it was seen',
  { uprobes: true, commands: ['gcc'] },
  async (t) => {
    const seen = await waiting(3);
    const unseen = await waiting(2);
    const other = await waiting(1);
    const usdts = [seen, unseen].map((child) => new USDT({ pid: child.pid as number }).enableProbe('skep:mark', 'on_mark'));
    {
      using b = await BPF.load({ text: `${STACKS}int on_mark(struct pt_regs *ctx) { ${BODY} }`, usdt: usdts });
      assert.equal(b.symbols.see(seen.pid as number), true);
      for (const child of [seen, unseen, other]) await go(child);
      for (const child of [seen, unseen, other]) await end(child);
      const entries = [...b.map<Key, bigint>('counts').entries()];
      const total = (pid?: number) => entries.filter(([key]) => key.pid === pid).reduce((sum, [, count]) => sum + Number(count), 0);
      // The probe stands at two places, passed N and 2N times; the third process was not asked for.
      assert.deepEqual([total(seen.pid), total(unseen.pid), total(other.pid)], [9, 6, 0]);
      const stacks = entries.filter(([key]) => key.pid === seen.pid).map(([key]) => b.userStack('stacks', key.user, key.pid));
      const names = stacks.map((stack) => stack.names()).toSorted((x, y) => (x[0] as string).localeCompare(y[0] as string));
      assert.deepEqual(
        names.map((all) => all.slice(0, 2)),
        [
          ['first', 'main'],
          ['second', 'main'],
        ],
      );
      const [frame] = stacks[0]?.frames ?? [];
      assert.equal(frame?.module, sharedVictim().path);
      assert.match(
        b.sym(frame?.address ?? 0n, seen.pid as number, { showModule: true, showOffset: true }),
        /^(first|second)\+0x[0-9a-f]+ \[victim\]$/,
      );
      assert.match(foldedStack('victim', { user: names[0] as string[] }, 3), /^victim;.*;main;first 3$/);
      assert.deepEqual(stackLines({ user: names[1] as string[] }).slice(0, 2), ['    second', '    main']);
      for (const [key] of entries.filter(([key]) => key.pid === unseen.pid)) {
        assert.deepEqual(new Set(b.userStack('stacks', key.user, key.pid).names()), new Set(['[unknown]']));
      }
      // What get_stackid() says where there is no stack, and where there was one.
      const { frames, missed } = b.userStack('stacks', -14, 1);
      assert.deepEqual([frames, missed], [[], false]);
      assert.deepEqual(b.kernelStack('stacks', -17).names(), ['[Missed Kernel Stack]']);
      assert.equal(b.userStack('stacks', -17, 1).collision, true);
      assert.deepEqual(b.userStack('stacks', 12345, 1).names(), ['[Missed User Stack]']);
      t.diagnostic(`${b.attached.map((one) => `${one.kind} ${one.via}`)}`);
    }
  },
);

const HOT = `function skepHotFunction(n) { let s = 0; for (let i = 0; i < n; i++) s = (s * 31 + i) % 1000003; return s; }
let until = Date.now() + 120000; console.log('ready');
process.stdin.on('end', () => process.exit(0)).resume();
(function turn() { for (let i = 0; i < 20; i++) globalThis.out = skepHotFunction(100000); if (Date.now() < until) setImmediate(turn); })();`;

kernelTest('samples of a Node process: its JavaScript functions by its perf map', { uprobes: true }, async () => {
  // V8 leaves a log where it is started.
  const folder = workFolder();
  const child = spawn(process.execPath, ['--perf-basic-prof', '--interpreted-frames-native-stack', '-e', HOT], {
    cwd: folder.path,
    stdio: ['pipe', 'pipe', 'inherit'],
  });
  const pid = child.pid as number;
  await once(child.stdout, 'data');
  try {
    using b = await BPF.load({ text: `${STACKS}int sample(struct bpf_perf_event_data *ctx) { ${BODY} }` });
    b.attachPerfEvent({ event: 'cpu_clock', frequency: 99, pid }, 'sample');
    const counts = b.map<Key, bigint>('counts');
    const deadline = Date.now() + 100_000;
    let folded: string[] = [];
    while (!folded.some((line) => line.includes('skepHotFunction'))) {
      assert.ok(Date.now() < deadline, `no sample has the function: ${folded.slice(0, 5).join('\n')}`);
      await new Promise((resolve) => setTimeout(resolve, 200));
      await b.symbols.prepare(pid);
      folded = [...counts.entries()].map(([key, count]) =>
        foldedStack(
          'node',
          { kernel: b.kernelStack('stacks', key.kernel).names(), user: b.userStack('stacks', key.user, key.pid).names(), delimited: true },
          count,
        ),
      );
    }
    const line = folded.find((one) => one.includes('skepHotFunction')) as string;
    // Called from turn(), which the program's own main loop calls.
    assert.match(line, /turn/);
    assert.match(line, /node::/);
  } finally {
    await end(child);
    folder.remove();
    rmSync(`/tmp/perf-${pid}.map`, { force: true });
  }
});

kernelTest('a kernel stack: what leads to a switch of tasks', { btf: true }, async () => {
  using b = await BPF.load({
    text: `${STACKS}TRACEPOINT_PROBE(sched, sched_switch) { if (bpf_get_current_pid_tgid() >> 32 != ${process.pid}) return 0; void *ctx = args; ${BODY} }`,
  });
  const deadline = Date.now() + 60_000;
  let names: string[][] = [];
  while (names.length === 0) {
    assert.ok(Date.now() < deadline);
    await new Promise((resolve) => setTimeout(resolve, 20));
    getPriority();
    names = [...b.map<Key, bigint>('counts').keys()]
      .map((key) => b.kernelStack('stacks', key.kernel).names())
      .filter((all) => all.length > 0);
  }
  assert.ok(
    names.every((all) => all.some((name) => /schedule/.test(name))),
    names.map((all) => all.join(';')).join('\n'),
  );
  const address = b.ksymName('schedule') as bigint;
  assert.equal(b.ksym(address, { showModule: true, showOffset: true }), 'schedule+0x0 [kernel]');
  assert.equal(b.ksym(address + 5n, { showOffset: true }), 'schedule+0x5');
  assert.equal(b.sym(address, -1), 'schedule');
  assert.equal(b.ksymName('there_is_no_such_function'), undefined);
});

kernelTest(
  'a stack of build ids: named by the files that were made known, after the process is gone',
  { uprobes: true, commands: ['gcc'] },
  async () => {
    const { path } = sharedVictim();
    using b = await BPF.load({
      text: `BPF_STACK_TRACE_BUILDID(stacks, 256);
BPF_HASH(ids, int, u64);
int on_call(struct pt_regs *ctx) { int id = stacks.get_stackid(ctx, BPF_F_USER_STACK); ids.increment(id); return 0; }`,
    });
    b.attachUprobe({ name: path, sym: 'alpha_one' }, 'on_call');
    sharedVictim().run(4);
    const ids = [...b.map<number, bigint>('ids').entries()];
    assert.equal(
      ids.reduce((sum, [, count]) => sum + Number(count), 0),
      4,
    );
    const innermost = () => b.userStack('stacks', ids[0]?.[0] as number, 1).names({ showModule: true, showOffset: true })[0];
    assert.equal(innermost(), '[unknown]');
    b.addModule(path);
    assert.equal(innermost(), 'alpha_one+0x0 [victim]');
  },
);
