/**
 * What a tool costs while it runs: the time that the kernel spends in its programs, beside libbpf-tools' for the same
 * workload in the same run.
 *
 *   sudo node build/bench/overhead.js [rounds] [tool…]
 *
 *   BPF_ENABLE_STATS ─▶ tool ready ─▶ run_time_ns, run_cnt of its programs ─▶ workload ─▶ the same again ─▶ difference
 *
 * Programs are those that the process holds (/proc/PID/fdinfo), so what others load meanwhile is not counted. Both tools
 * are measured alternately; medians. The kernel's own measuring (two readings of the clock a run) is part of both.
 */
import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { bpf } from '../src/kernel/bpf-attr.ts';
import { linuxKernel } from '../src/kernel/linux.ts';
import { enableStats, progInfo } from '../src/kernel/obj-info.ts';
import { median, printTable, withTracefs } from './measure.ts';

const root = join(dirname(fileURLToPath(import.meta.url)), '..', '..');
const kernel = linuxKernel();
const rounds = Number(process.argv[2] ?? 5);
const wanted = process.argv.slice(3);

interface Bench {
  readonly tool: string;
  /** What stands in its first line; 'Tracing' without. */
  readonly ready?: string;
  /** The peer says nothing when it is ready: it is given two seconds. */
  readonly silentPeer?: boolean;
  readonly words: readonly string[];
  readonly peerWords: readonly string[];
  readonly work: (folder: string) => void;
}

const shell = (script: string): void => void spawnSync('/bin/sh', ['-c', script], { stdio: 'ignore' });

/** Two processes that wake each other. */
const PING_PONG =
  'pipe($a,$b); pipe($c,$d); if (fork) { for (1..20000) { syswrite($b,"x"); sysread($c,$x,1) } } else { for (1..20000) { sysread($a,$x,1); syswrite($d,"x") } }';

const BENCHES: readonly Bench[] = [
  {
    tool: 'opensnoop',
    ready: 'COMM',
    words: [],
    peerWords: [],
    work: () => void spawnSync('perl', ['-e', 'for (1..30000) { open(F, "<", "/dev/null"); close F }']),
  },
  {
    tool: 'execsnoop',
    ready: 'COMM',
    words: [],
    peerWords: [],
    work: () => void spawnSync('perl', ['-e', 'for (1..500) { unless (fork) { exec "/bin/true", "one", "two", "three" } wait }']),
  },
  {
    tool: 'runqlat',
    words: [],
    peerWords: [],
    work: () => void spawnSync('perl', ['-e', PING_PONG]),
  },
  {
    tool: 'runqlat -P',
    words: ['-P'],
    peerWords: ['-P'],
    work: () => void spawnSync('perl', ['-e', PING_PONG]),
  },
  {
    tool: 'biolatency',
    words: [],
    peerWords: [],
    work: (folder) =>
      shell(
        existsSync('/dev/nullb0')
          ? 'dd if=/dev/nullb0 of=/dev/null bs=4k count=5000 iflag=direct'
          : `dd if=/dev/zero of=${folder}/file bs=4k count=3000 oflag=direct`,
      ),
  },
  {
    tool: 'biolatency -D',
    words: ['-D'],
    peerWords: ['-D'],
    work: (folder) =>
      shell(
        existsSync('/dev/nullb0')
          ? 'dd if=/dev/nullb0 of=/dev/null bs=4k count=5000 iflag=direct'
          : `dd if=/dev/zero of=${folder}/file bs=4k count=3000 oflag=direct`,
      ),
  },
  {
    tool: 'offcputime',
    silentPeer: true,
    words: [],
    peerWords: [],
    work: () => void spawnSync('perl', ['-e', PING_PONG]),
  },
  {
    tool: 'syscount',
    words: [],
    peerWords: [],
    work: () => shell('dd if=/dev/zero of=/dev/null bs=1 count=100000'),
  },
  {
    tool: 'syscount -L',
    words: ['-L'],
    peerWords: ['-L'],
    work: () => shell('dd if=/dev/zero of=/dev/null bs=1 count=100000'),
  },
  {
    tool: 'syscount -P',
    words: ['-P'],
    peerWords: ['-P'],
    work: () => shell('dd if=/dev/zero of=/dev/null bs=1 count=100000'),
  },
];

interface Cost {
  readonly ns: bigint;
  readonly runs: bigint;
}

/** What the programs that a process holds have cost so far, by id. */
function costs(pid: number): Map<number, Cost> {
  const found = new Map<number, Cost>();
  const folder = `/proc/${pid}/fdinfo`;
  for (const name of readdirSync(folder)) {
    let text: string;
    try {
      text = readFileSync(join(folder, name), 'utf8');
    } catch {
      continue;
    }
    const id = Number(/^prog_id:\s*(\d+)/m.exec(text)?.[1] ?? 0);
    if (id === 0 || found.has(id)) continue;
    const fd = bpf(kernel, 'PROG_GET_FD_BY_ID', { start_id: id });
    const info = progInfo(kernel, fd);
    kernel.close(fd);
    found.set(id, { ns: info.run_time_ns, runs: info.run_cnt });
  }
  return found;
}

/** Resolves when a line says that it is tracing. */
function ready(child: ChildProcess, line: string): Promise<boolean> {
  return new Promise((resolve) => {
    let text = '';
    const timer = setTimeout(() => resolve(false), 120_000);
    const look = (data: Buffer): void => {
      text += data.toString();
      if (!text.includes(line)) return;
      clearTimeout(timer);
      resolve(true);
    };
    child.stdout?.on('data', look);
    child.stderr?.on('data', look);
    child.on('close', () => {
      clearTimeout(timer);
      resolve(false);
    });
  });
}

/** Nanoseconds in the programs for each event; undefined if the tool did not start. */
async function measure(command: readonly string[], bench: Bench, folder: string, silent = false): Promise<number | undefined> {
  const child = spawn(command[0] as string, command.slice(1), { stdio: ['ignore', 'pipe', 'pipe'] });
  const ended = new Promise((resolve) => child.on('close', resolve));
  try {
    child.stdout?.resume();
    child.stderr?.resume();
    if (silent) await new Promise((resolve) => setTimeout(resolve, 2000));
    else if (!(await ready(child, bench.ready ?? 'Tracing'))) return undefined;
    const before = costs(child.pid as number);
    bench.work(folder);
    let ns = 0n;
    let events = 0n;
    for (const [id, cost] of costs(child.pid as number)) {
      const { ns: ns0 = 0n, runs: runs0 = 0n } = before.get(id) ?? {};
      ns += cost.ns - ns0;
      // What happens most often is what the tool counts: a switch, a completion, a call.
      if (cost.runs - runs0 > events) events = cost.runs - runs0;
    }
    return events === 0n ? undefined : Number(ns) / Number(events);
  } finally {
    child.kill('SIGINT');
    await ended;
  }
}

const stats = enableStats(kernel);
const folder = mkdtempSync(join(tmpdir(), 'skep-overhead-'));
const table: string[][] = [['', 'skep (ns an event)', 'libbpf-tools', 'ratio']];
let worst = 0;
for (const bench of BENCHES) {
  const name = bench.tool.split(' ')[0] ?? '';
  if (wanted.length > 0 && !wanted.includes(name)) continue;
  const peer = `/usr/sbin/${name}`;
  const mine: number[] = [];
  const theirs: number[] = [];
  for (let round = 0; round < rounds; round++) {
    const own = await measure([process.execPath, join(root, 'dist', 'cli', 'skep.js'), name, ...bench.words], bench, folder);
    const other = existsSync(peer)
      ? await measure(withTracefs(['stdbuf', '-oL', peer, ...bench.peerWords]), bench, folder, bench.silentPeer)
      : undefined;
    if (own !== undefined) mine.push(own);
    if (other !== undefined) theirs.push(other);
  }
  const [a, b] = [median(mine), median(theirs)];
  const ratio = a / b;
  if (ratio > worst) worst = ratio;
  const text = (value: number): string => (Number.isNaN(value) ? '' : value.toFixed(0));
  table.push([bench.tool, text(a), text(b), Number.isNaN(ratio) ? '' : ratio.toFixed(2)]);
}
kernel.close(stats);
rmSync(folder, { recursive: true });
printTable(table);
process.stdout.write(`highest ratio ${worst.toFixed(2)} (not above 1.1)\n`);
