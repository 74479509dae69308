/**
 * From exec to the "Tracing…" line: skep, BCC and bpftrace beside an empty Node process, alternating, medians.
 *
 *   sudo node build/bench/startup.js [rounds]
 *
 * `compiling` is a start that finds nothing compiled, neither by the build nor by an earlier start.
 * Peers that are not installed are left out. BCC needs the headers of a kernel: BCC_KERNEL_SOURCE names them where
 * this kernel's are not installed (Debian: linux-headers-*-common and -amd64 copied into one folder). The kernel traces block requests of the whole machine meanwhile; nothing
 * of them is kept.
 */
import { existsSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { installed, median, printTable, type Run, timeToLine, withTracefs } from './measure.ts';

const root = join(dirname(fileURLToPath(import.meta.url)), '..', '..');
const given = process.argv[2] ?? '7';
const rounds = Number(given);
if (!Number.isInteger(rounds) || rounds < 1) {
  const help = given === '--help' || given === '-h';
  (help ? process.stdout : process.stderr).write('usage: sudo node build/bench/startup.js [rounds]\n');
  process.exit(help ? 0 : 2);
}

interface Peer {
  readonly name: string;
  readonly command: readonly string[];
  readonly ready: string;
}

const SKEP = [process.execPath, join(root, 'dist', 'cli', 'skep.js'), 'bitesize'];
const PROBE = 'tracepoint:block:block_rq_issue { @[comm] = hist(args->bytes / 1024); } BEGIN { printf("ready\\n"); }';

const peers: readonly Peer[] = [
  { name: 'empty Node process', command: [process.execPath, '-e', 'console.log("ready");setInterval(()=>{},1000)'], ready: 'ready' },
  { name: 'skep bitesize', command: SKEP, ready: 'Tracing' },
  { name: 'skep bitesize, compiling', command: ['env', 'SKEP_NO_CACHE=1', ...SKEP], ready: 'Tracing' },
  ...(existsSync('/usr/sbin/bitesize-bpfcc')
    ? [{ name: 'BCC bitesize', command: withTracefs(['/usr/bin/python3', '-u', '/usr/sbin/bitesize-bpfcc']), ready: 'Tracing' }]
    : []),
  ...(installed('bpftrace') ? [{ name: 'bpftrace, the same', command: withTracefs(['bpftrace', '-e', PROBE]), ready: 'ready' }] : []),
];

const runs = new Map<string, Run[]>(peers.map((peer) => [peer.name, []]));
for (let round = 0; round <= rounds; round++) {
  for (const peer of peers) {
    const run = await timeToLine(peer.command, peer.ready);
    // The first round warms the file cache.
    if (run && round > 0) runs.get(peer.name)?.push(run);
  }
}

const empty = median((runs.get('empty Node process') ?? []).map((run) => run.ms));
printTable([
  ['', 'ready (ms)', 'peak (MiB)', 'of empty Node'],
  ...peers.map(({ name }) => {
    const list = runs.get(name) ?? [];
    if (list.length === 0) return [name, 'did not start', '', ''];
    const ms = median(list.map((run) => run.ms));
    return [name, ms.toFixed(0), median(list.map((run) => run.mib)).toFixed(0), (ms / empty).toFixed(2)];
  }),
]);
const skep = median((runs.get('skep bitesize') ?? []).map((run) => run.ms));
const bcc = median((runs.get('BCC bitesize') ?? []).map((run) => run.ms));
if (Number.isFinite(bcc)) process.stdout.write(`skep / BCC: ${(skep / bcc).toFixed(3)}\n`);
