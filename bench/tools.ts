/**
 * Tools beside BCC's and libbpf's, on the kernel that this runs on.
 *
 *   sudo node build/bench/tools.js ready [rounds] [tool…]      from exec to ready, alternating, medians
 *   sudo node build/bench/tools.js overhead [rounds] [tool…]   time in the kernel for each event, by the kernel's own count
 *
 * Ready is when a peer prints its first line, and when skep says so (-v), which is just before its first line. BCC needs
 * the headers of the kernel: BCC_KERNEL_SOURCE names them where they are not installed. What is not there is left out.
 *
 * Overhead is BPF_ENABLE_STATS: the kernel adds up the time that it spends in each program. A workload of a known number
 * of events runs beside each tool; the sum over the tool's programs, by event, is compared.
 */
import { spawn, spawnSync } from 'node:child_process';
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { linuxKernel } from '../src/kernel/linux.ts';
import { TOOL_LIST } from '../src/tools/index.ts';
import { geometricMean, median, printTable, timeToLine } from './measure.ts';

const root = join(dirname(fileURLToPath(import.meta.url)), '..', '..');
const SKEP = [process.execPath, join(root, 'dist', 'cli', 'skep.js')];
const NODE = [process.execPath, '-e', 'console.log("ready");setInterval(()=>{},1000)'];

/** Words that a tool cannot do without. */
const WORDS: Readonly<Record<string, readonly string[]>> = {
  argdist: ['-H', 'r::__x64_sys_read():int:$retval'],
  funccount: ['vfs_*'],
  funclatency: ['vfs_read'],
  memleak: ['-p', '1'],
  stackcount: ['vfs_read'],
  trace: ['do_sys_openat2'],
};

/** BCC and old tools want tracefs and debugfs mounted; skep brings its own. The mounts are seen by the peer alone. */
function withTracefs(command: readonly string[]): readonly string[] {
  if (existsSync('/sys/kernel/tracing/events')) return command;
  const mounts = 'mount -t debugfs none /sys/kernel/debug; mount -t tracefs none /sys/kernel/tracing; exec "$@"';
  return ['unshare', '-m', '/bin/sh', '-c', mounts, 'sh', ...command];
}

interface Peer {
  readonly command: readonly string[];
  readonly ready: string;
}

function peersOf(name: string): Readonly<Record<'skep' | 'bcc' | 'libbpf', Peer | undefined>> {
  const words = WORDS[name] ?? [];
  const [bcc, libbpf] = [`/usr/sbin/${name}-bpfcc`, `/usr/sbin/${name}`];
  return {
    skep: { command: [...SKEP, name, '-v', ...words], ready: `${name}: ready` },
    bcc: existsSync(bcc) ? { command: withTracefs(['/usr/bin/python3', '-u', bcc, ...words]), ready: '\n' } : undefined,
    libbpf: existsSync(libbpf) ? { command: withTracefs(['stdbuf', '-oL', libbpf, ...words]), ready: '\n' } : undefined,
  };
}

async function ready(rounds: number, names: readonly string[]): Promise<void> {
  const rows: string[][] = [['', 'skep (ms)', 'of empty Node', 'libbpf (ms)', 'BCC (ms)', 'skep / BCC']];
  const ratios: number[] = [];
  for (const name of names) {
    const peers = peersOf(name);
    const times: Record<string, number[]> = { node: [], skep: [], bcc: [], libbpf: [] };
    for (let round = 0; round <= rounds; round++) {
      for (const [who, peer] of Object.entries({ node: { command: NODE, ready: 'ready' }, ...peers })) {
        // A peer that does not start here is not waited for again.
        if (peer === undefined || (round > 0 && times[who]?.length === 0)) continue;
        const run = await timeToLine(peer.command, peer.ready);
        if (run) times[who]?.push(run.ms);
      }
    }
    // The first round warms the file cache.
    const of = (who: string): number => median((times[who] ?? []).slice(1));
    const ms = (value: number): string => (Number.isFinite(value) ? value.toFixed(0) : '-');
    const ratio = of('skep') / of('bcc');
    if (Number.isFinite(ratio)) ratios.push(ratio);
    rows.push([
      name,
      Number.isFinite(of('skep')) ? ms(of('skep')) : 'not on this kernel',
      Number.isFinite(of('skep')) ? (of('skep') / of('node')).toFixed(2) : '-',
      ms(of('libbpf')),
      ms(of('bcc')),
      Number.isFinite(ratio) ? ratio.toFixed(3) : '-',
    ]);
  }
  printTable(rows);
  if (ratios.length > 0)
    process.stdout.write(`skep / BCC: at most ${Math.max(...ratios).toFixed(3)}, mean ${geometricMean(ratios).toFixed(3)}\n`);
}

interface Load {
  readonly events: number;
  readonly command: readonly string[];
}

const EVENTS = 20_000;

/** Workloads of so many events. */
const LOADS: Readonly<Record<string, Load>> = {
  opensnoop: { events: EVENTS, command: ['perl', '-e', `for (1..${EVENTS}) { open(F, "<", "/dev/null"); close F }`] },
  statsnoop: { events: EVENTS, command: ['perl', '-e', `stat("/dev/null") for 1..${EVENTS}`] },
  execsnoop: { events: 500, command: ['perl', '-e', 'for (1..500) { unless (fork) { exec "/bin/true", "one", "two", "three" } wait }'] },
  syscount: { events: EVENTS, command: ['perl', '-e', `getppid for 1..${EVENTS}`] },
  killsnoop: { events: EVENTS, command: ['perl', '-e', `kill(0, $$) for 1..${EVENTS}`] },
};

const BPF_ENABLE_STATS = 32;

/** Nanoseconds in a process's programs, and how often they ran. */
function programTimes(pid: number): { readonly ns: number; readonly runs: number } {
  let [ns, runs] = [0, 0];
  for (const child of [pid, ...childrenOf(pid)]) {
    const seen = new Set<string>();
    for (const fd of readdirSync(`/proc/${child}/fdinfo`)) {
      let text: string;
      try {
        text = readFileSync(`/proc/${child}/fdinfo/${fd}`, 'utf8');
      } catch {
        continue;
      }
      const id = /^prog_id:\s*(\d+)/m.exec(text)?.[1];
      const time = /^run_time_ns:\s*(\d+)/m.exec(text)?.[1];
      if (id === undefined || time === undefined || seen.has(id)) continue;
      seen.add(id);
      ns += Number(time);
      runs += Number(/^run_cnt:\s*(\d+)/m.exec(text)?.[1] ?? 0);
    }
  }
  return { ns, runs };
}

function childrenOf(pid: number): number[] {
  try {
    return readFileSync(`/proc/${pid}/task/${pid}/children`, 'utf8').trim().split(/\s+/).filter(Boolean).map(Number);
  } catch {
    return [];
  }
}

/** Nanoseconds in the kernel for each event; undefined if the peer does not start here. */
async function perEvent(peer: Peer, load: Load): Promise<number | undefined> {
  const child = spawn(peer.command[0] as string, peer.command.slice(1), { stdio: ['ignore', 'pipe', 'pipe'] });
  const pid = child.pid as number;
  const isReady = new Promise<boolean>((resolve) => {
    let text = '';
    const look = (data: Buffer): void => {
      text += data.toString('latin1').slice(0, 1000);
      if (text.includes(peer.ready)) resolve(true);
    };
    child.stdout.on('data', look);
    child.stderr.on('data', look);
    child.on('close', () => resolve(false));
  });
  try {
    if (!(await isReady)) return undefined;
    const before = programTimes(pid);
    spawnSync(load.command[0] as string, load.command.slice(1), { stdio: 'ignore' });
    const after = programTimes(pid);
    return after.runs === before.runs ? undefined : (after.ns - before.ns) / load.events;
  } finally {
    child.kill('SIGINT');
    await new Promise((resolve) => child.on('close', resolve));
  }
}

async function overhead(rounds: number, names: readonly string[]): Promise<void> {
  const kernel = linuxKernel();
  // Counting is on as long as the descriptor is open.
  const stats = kernel.bpf(BPF_ENABLE_STATS, new Uint8Array(4));
  const rows: string[][] = [['', 'skep (ns an event)', 'libbpf', 'skep / libbpf', 'BCC', 'skep / BCC']];
  try {
    for (const name of names) {
      const load = LOADS[name];
      if (load === undefined) continue;
      const peers = peersOf(name);
      const times: Record<string, number[]> = { skep: [], libbpf: [], bcc: [] };
      for (let round = 0; round < rounds; round++) {
        for (const [who, peer] of Object.entries(peers)) {
          if (peer === undefined || (round > 0 && times[who]?.length === 0)) continue;
          const ns = await perEvent(peer, load);
          if (ns !== undefined) times[who]?.push(ns);
        }
      }
      const of = (who: string): number => Math.min(...(times[who]?.length ? (times[who] ?? []) : [Number.NaN]));
      const text = (value: number, digits: number): string => (Number.isFinite(value) ? value.toFixed(digits) : '-');
      rows.push([
        name,
        text(of('skep'), 0),
        text(of('libbpf'), 0),
        text(of('skep') / of('libbpf'), 2),
        text(of('bcc'), 0),
        text(of('skep') / of('bcc'), 2),
      ]);
    }
  } finally {
    kernel.close(stats);
  }
  printTable(rows);
}

const [what = 'ready', rounds = '3', ...only] = process.argv.slice(2);
const names = TOOL_LIST.map(({ name }) => name).filter((name) => (only.length === 0 ? true : only.includes(name)));
if (what === 'overhead') await overhead(Number(rounds), names);
else await ready(Number(rounds), names);
