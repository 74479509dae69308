/**
 * How soon tools are ready, beside BCC's and libbpf's on the kernel that this runs on: from exec, alternating, medians.
 *
 *   sudo node build/bench/tools.js [rounds] [tool…]
 *
 * Ready is when a peer prints its first line, and when skep says so (-v), which is just before its first line. BCC needs
 * the headers of the kernel: BCC_KERNEL_SOURCE names them where they are not installed. What is not there is left out.
 */
import { existsSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { TOOL_LIST } from '../src/tools/index.ts';
import { geometricMean, median, printTable, timeToLine, withTracefs } from './measure.ts';

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

const [rounds = '3', ...only] = process.argv.slice(2);
await ready(
  Number(rounds),
  TOOL_LIST.map(({ name }) => name).filter((name) => only.length === 0 || only.includes(name)),
);
