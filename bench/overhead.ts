/**
 * What a tool costs while it runs: the time that the kernel spends in its programs for each event, beside libbpf-tools'.
 * Both watch the whole machine, so this runs in a guest only:
 *
 *   SKEP_LAB_MINUTES=30 npm run lab -- 6.12 'node build/bench/overhead.js [rounds] [tool…]'
 *
 *   BPF_ENABLE_STATS ─▶ tool and peer are attached ─▶ run_time_ns, run_cnt ─▶ workload ─▶ the same again ─▶ difference
 *
 * Both see the same events at the same time, so what disturbs one disturbs the other; which of them was attached first, and so
 * runs first, changes with every round. Of the rounds the least counts: what disturbs only adds, and under emulation on a busy
 * machine a lot. The kernel's own measuring (two readings of the clock a run) is part of
 * both. The numbers are in /proc/PID/fdinfo: no program is opened.
 */
import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { linuxKernel } from '../src/kernel/linux.ts';
import { enableStats } from '../src/kernel/obj-info.ts';
import { printTable, withTracefs } from './measure.ts';

if (process.env['SKEP_GUEST'] === undefined) {
  process.stderr.write(
    "these tools watch every process of the machine: this bench runs in a guest only\n  npm run lab -- 6.12 'node build/bench/overhead.js'\n",
  );
  process.exit(2);
}

const root = join(dirname(fileURLToPath(import.meta.url)), '..', '..');
const rounds = Number(process.argv[2] ?? 5);
const wanted = process.argv.slice(3);

interface Bench {
  readonly tool: string;
  readonly words: readonly string[];
  readonly work: Workload;
  /** How often the thing happens in a round. */
  readonly events: number;
}

type Workload = (events: number) => void;

const perl = (script: string): void => void spawnSync('perl', ['-e', script], { stdio: 'ignore' });
const dd = (...words: string[]): void => void spawnSync('dd', words, { stdio: 'ignore' });

const opens: Workload = (n) => perl(`for (1..${n}) { open(F, "<", "/dev/null"); close F }`);
const execs: Workload = (n) => perl(`for (1..${n}) { unless (fork) { exec "/bin/true", "one", "two", "three" } wait }`);
/** Two processes that wake each other. */
const switches: Workload = (n) =>
  perl(`pipe($a,$b); pipe($c,$d);
    if (fork) { for (1..${n}) { syswrite($b,"x"); sysread($c,$x,1) } } else { for (1..${n}) { sysread($a,$x,1); syswrite($d,"x") } }`);
const requests: Workload = (n) => dd('if=/dev/nullb0', 'of=/dev/null', 'bs=4k', `count=${n}`, 'iflag=direct');
const calls: Workload = (n) => dd('if=/dev/zero', 'of=/dev/null', 'bs=1', `count=${n}`);

const BENCHES: readonly Bench[] = [
  { tool: 'opensnoop', words: [], work: opens, events: 5000 },
  { tool: 'execsnoop', words: [], work: execs, events: 100 },
  { tool: 'runqlat', words: [], work: switches, events: 4000 },
  { tool: 'runqlat -P', words: ['-P'], work: switches, events: 4000 },
  { tool: 'biolatency', words: [], work: requests, events: 2000 },
  { tool: 'biolatency -D', words: ['-D'], work: requests, events: 2000 },
  { tool: 'offcputime', words: [], work: switches, events: 4000 },
  { tool: 'syscount', words: [], work: calls, events: 20000 },
  { tool: 'syscount -L', words: ['-L'], work: calls, events: 20000 },
  { tool: 'syscount -P', words: ['-P'], work: calls, events: 20000 },
];

interface Cost {
  readonly ns: bigint;
  readonly runs: bigint;
}

/** What the programs that a process holds have cost so far, by id. */
function costs(pid: number): Map<string, Cost> {
  const found = new Map<string, Cost>();
  const folder = `/proc/${pid}/fdinfo`;
  for (const name of readdirSync(folder)) {
    let text: string;
    try {
      text = readFileSync(join(folder, name), 'utf8');
    } catch {
      continue;
    }
    const [, id] = /^prog_id:\s*(\d+)/m.exec(text) ?? [];
    const [, ns] = /^run_time_ns:\s*(\d+)/m.exec(text) ?? [];
    const [, runs] = /^run_cnt:\s*(\d+)/m.exec(text) ?? [];
    // A link's fdinfo has the id of its program, too, and no costs.
    if (id !== undefined && ns !== undefined && runs !== undefined) found.set(id, { ns: BigInt(ns), runs: BigInt(runs) });
  }
  return found;
}

const ran = (pid: number): bigint => [...costs(pid).values()].reduce((sum, { runs }) => sum + runs, 0n);

interface Tracer {
  readonly child: ChildProcess;
  readonly pid: number;
  readonly ended: Promise<unknown>;
}

const SETTLED_LOOKS = 5;
const LOOK_MS = 100;

/**
 * Starts a tracer; resolves when its programs run and it opens nothing more: not all peers say when they are ready.
 * Undefined if it ends before.
 */
async function trace(command: readonly string[], poke: () => void): Promise<Tracer | undefined> {
  const child = spawn(command[0] as string, command.slice(1), { stdio: 'ignore' });
  const ended = new Promise((resolve) => child.on('close', resolve));
  const pid = child.pid as number;
  for (let [looks, open] = [0, 0]; child.exitCode === null && child.signalCode === null; await sleep(LOOK_MS)) {
    const runs = ran(pid) > 0n;
    if (!runs) poke();
    const now = readdirSync(`/proc/${pid}/fdinfo`).length;
    looks = runs && now === open ? looks + 1 : 0;
    open = now;
    if (looks === SETTLED_LOOKS) return { child, pid, ended };
  }
  return undefined;
}

async function end(tracer: Tracer | undefined): Promise<void> {
  tracer?.child.kill('SIGINT');
  await tracer?.ended;
}

/** Nanoseconds in the programs for each event since `before`. */
function perEvent(tracer: Tracer, before: ReadonlyMap<string, Cost>): number {
  let ns = 0n;
  let events = 0n;
  for (const [id, cost] of costs(tracer.pid)) {
    const { ns: ns0 = 0n, runs: runs0 = 0n } = before.get(id) ?? {};
    ns += cost.ns - ns0;
    // What happens most often is what the tool counts: a switch, a completion, a call.
    if (cost.runs - runs0 > events) events = cost.runs - runs0;
  }
  return Number(ns) / Number(events);
}

/** Of one round: nanoseconds an event in skep's programs and in the peer's. */
async function measure(bench: Bench, name: string, peerFirst: boolean): Promise<{ mine: number; theirs: number }> {
  const skep = [process.execPath, join(root, 'dist', 'cli', 'skep.js'), name, ...bench.words];
  const peer = withTracefs([`/usr/sbin/${name}`, ...bench.words]);
  const poke = (): void => bench.work(1);
  const tracers: (Tracer | undefined)[] = [];
  try {
    for (const command of peerFirst ? [peer, skep] : [skep, peer]) tracers.push(await trace(command, poke));
    const [mine, theirs] = peerFirst ? tracers.toReversed() : tracers;
    if (mine === undefined || theirs === undefined) throw new Error(`${mine ? 'the peer' : 'skep'} did not run: ${bench.tool}`);
    const before = { mine: costs(mine.pid), theirs: costs(theirs.pid) };
    bench.work(bench.events);
    return { mine: perEvent(mine, before.mine), theirs: perEvent(theirs, before.theirs) };
  } finally {
    for (const tracer of tracers) await end(tracer);
  }
}

const kernel = linuxKernel();
const stats = enableStats(kernel);
spawnSync('modprobe', ['null_blk']);
const table: string[][] = [['', 'skep (ns an event)', 'libbpf-tools', 'ratio']];
let worst = 0;
for (const bench of BENCHES) {
  const name = bench.tool.split(' ')[0] ?? '';
  if ((wanted.length > 0 && !wanted.includes(name)) || !existsSync(`/usr/sbin/${name}`)) continue;
  const mine: number[] = [];
  const theirs: number[] = [];
  for (let round = 0; round < rounds; round++) {
    const one = await measure(bench, name, round % 2 === 1);
    mine.push(one.mine);
    theirs.push(one.theirs);
  }
  const [own, other] = [Math.min(...mine), Math.min(...theirs)];
  const ratio = own / other;
  worst = Math.max(worst, ratio);
  // Each as it comes: under emulation a round takes half a minute.
  process.stderr.write(`${bench.tool}: ${mine.map((ns, i) => `${ns.toFixed(0)}/${(theirs[i] ?? 0).toFixed(0)}`).join(' ')}\n`);
  table.push([bench.tool, own.toFixed(0), other.toFixed(0), ratio.toFixed(2)]);
}
kernel.close(stats);
printTable(table);
process.stdout.write(`highest ratio ${worst.toFixed(2)} (not above 1.1)\n`);
