/**
 * How soon tools are ready, beside BCC's and libbpf's on the kernel that this runs on: from exec, medians.
 *
 *   npm run lab -- 6.12 'node build/bench/tools.js 1'     in a guest: all tools, over the whole machine
 *   sudo node build/bench/tools.js [rounds] [tool…]       here: tools that can be told to look at one process, this one
 *   sudo node build/bench/tools.js --all [rounds] [tool…] here: all tools, over the whole machine
 *
 * Ready is when a peer prints its first line, and when skep says so (-v), which is just before its first line. `first` is
 * skep's run that compiles; later ones find what it compiled (in a guest what was kept is thrown away before). BCC needs
 * the headers of the kernel: BCC_KERNEL_SOURCE names them where they are not installed; those that the lab has unpacked
 * are found. What is not there, or does not work on this kernel, is left out.
 */
import { existsSync, readdirSync, rmSync } from 'node:fs';
import { homedir, release } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { allFlags } from '../src/cli/parse.ts';
import { TOOL_LIST } from '../src/tools/index.ts';
import { cache, root } from '../test/run/paths.ts';
import { geometricMean, median, printTable, timeToEnd, timeToLine, withTracefs } from './measure.ts';

const SKEP = [process.execPath, join(root, 'dist', 'cli', 'skep.js')];
const NODE = [process.execPath, '-e', 'console.log("ready");setInterval(()=>{},1000)'];
const GUEST = process.env['SKEP_GUEST'] !== undefined;

/** Words that a tool cannot do without. */
const WORDS: Readonly<Record<string, readonly string[]>> = {
  argdist: ['-H', 'r::__x64_sys_read():int:$retval'],
  funccount: ['vfs_*'],
  funclatency: ['vfs_read'],
  memleak: ['-p', String(process.pid)],
  profile: ['1'],
  stackcount: ['vfs_read'],
  trace: ['do_sys_openat2'],
};

/**
 * Their BCC prints its first line before it compiles: a run of a second is timed to its end, and the second taken off.
 * (BCC's memleak prints when it has compiled and before it attaches; skep's time is that of the whole.)
 */
const TO_THE_END: ReadonlySet<string> = new Set(['profile']);

const { values: flags, positionals } = parseArgs({ options: { all: { type: 'boolean', default: GUEST } }, allowPositionals: true });
const rounds = Number(positionals[0] ?? '3');
const only = positionals.slice(1);

function warmHeaders(): void {
  const headers = join(cache, 'headers', release());
  if (existsSync(headers)) process.env['BCC_KERNEL_SOURCE'] ??= headers;
}

/** So that the first run of a tool compiles. Not on a machine that people work on. */
function forgetCompiled(): void {
  const folder = join(homedir(), '.cache', 'skep');
  if (!GUEST || !existsSync(folder)) return;
  for (const name of readdirSync(folder)) if (name.startsWith('specs-')) rmSync(join(folder, name), { recursive: true });
}

async function times(command: readonly string[] | undefined, ready: string, count: number, peer = false): Promise<number[]> {
  return several(count, async () => (command === undefined ? undefined : (await timeToLine(command, ready, peer))?.ms));
}

async function beyondASecond(command: readonly string[] | undefined): Promise<number | undefined> {
  const ms = command === undefined ? undefined : await timeToEnd(command);
  return ms === undefined ? undefined : ms - 1000;
}

async function several(count: number, one: () => Promise<number | undefined>): Promise<number[]> {
  const all: number[] = [];
  for (let round = 0; round < count; round++) {
    const ms = await one();
    // What does not start here is not waited for again.
    if (ms === undefined) break;
    all.push(ms);
  }
  return all;
}

/** The words for one tool; undefined for a tool that would look at the whole machine and shall not. */
async function wordsOf(entry: (typeof TOOL_LIST)[number]): Promise<readonly string[] | undefined> {
  const words = WORDS[entry.name] ?? [];
  if (flags.all || words.includes('-p')) return words;
  return allFlags(await entry.load())['pid']?.short === 'p' ? ['-p', String(process.pid), ...words] : undefined;
}

const ms = (value: number): string => (Number.isFinite(value) ? value.toFixed(0) : '-');
const ratio = (a: number, b: number): string => (Number.isFinite(a / b) ? (a / b).toFixed(3) : '-');

async function main(): Promise<void> {
  warmHeaders();
  forgetCompiled();
  // The file cache is warm for all that is measured.
  await times(NODE, 'ready', 1);
  await times([...SKEP, 'bitesize', '--print-program'], '\n', 1);
  const node = median(await times(NODE, 'ready', rounds));
  let bccIsWarm = false;
  const rows: string[][] = [['', 'skep first', 'skep', 'libbpf', 'BCC (ms)', 'first / BCC', 'skep / BCC']];
  const firsts: number[] = [];
  const laters: number[] = [];
  for (const entry of TOOL_LIST) {
    const { name } = entry;
    const words = only.length === 0 || only.includes(name) ? await wordsOf(entry) : undefined;
    if (words === undefined) continue;
    const toEnd = TO_THE_END.has(name);
    /** Of one that prints its first line when it is ready, or of a run of a second. */
    const timed = (command: readonly string[] | undefined, line: string, count: number, peer = false) =>
      toEnd ? several(count, async () => beyondASecond(command)) : times(command, line, count, peer);
    const [first = Number.NaN, ...more] = await timed([...SKEP, name, '-v', ...words], `${name}: ready`, rounds + 1);
    const [bccPath, libbpfPath] = [`/usr/sbin/${name}-bpfcc`, `/usr/sbin/${name}`];
    const bccCommand = existsSync(bccPath) ? withTracefs(['/usr/bin/python3', '-u', bccPath, ...words]) : undefined;
    if (bccCommand && !bccIsWarm) bccIsWarm = (await times(bccCommand, '\n', 1, true)).length > 0;
    const bcc = median(await timed(bccCommand, '\n', rounds, true));
    const libbpf = existsSync(libbpfPath) ? withTracefs(['stdbuf', '-oL', libbpfPath, ...words]) : undefined;
    const row = [name, ms(first), ms(median(more)), ms(median((await timed(libbpf, '\n', rounds + 1, true)).slice(1))), ms(bcc)];
    rows.push([...row, ratio(first, bcc), ratio(median(more), bcc)]);
    if (Number.isFinite(first / bcc)) firsts.push(first / bcc);
    if (Number.isFinite(median(more) / bcc)) laters.push(median(more) / bcc);
    // A guest may be ended before the table is there.
    process.stderr.write(`${rows.at(-1)?.join('  ')}\n`);
  }
  printTable(rows);
  process.stdout.write(`an empty Node process: ${ms(node)} ms\n`);
  for (const [what, ratios] of [['first', firsts] as const, ['later', laters] as const])
    if (ratios.length > 0)
      process.stdout.write(`skep ${what} / BCC: at most ${Math.max(...ratios).toFixed(3)}, mean ${geometricMean(ratios).toFixed(3)}\n`);
}

await main();
