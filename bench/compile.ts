/**
 * Text to ObjectSpec in a warm process: every C program of the BCC tools beside BCC itself, and one program beside clang.
 *
 *   sudo node build/bench/compile.js [sample]      how many of the programs BCC compiles, too; 8 if not said
 *
 * Processor time of the process, not time on the wall: other work on the machine counts less, and BCC's clang is not
 * made to look slow by waiting. BCC compiles for the headers of the same kernel whose types skep reads, in a process
 * that has compiled before; its sample is spread evenly over the corpus and compiled in this run. clang has no warm
 * form: a whole process on a libbpf program of the size of bitesize. Prints; never fails on time.
 */
import { spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { compile } from '../src/compiler/compile.ts';
import { readTargetFacts } from '../src/kernel/facts.ts';
import { linuxKernel } from '../src/kernel/linux.ts';
import { type BccBytecode, runBcc } from '../test/corpora/bcc-bytecode.ts';
import { bccFolder } from '../test/corpora/corpora.ts';
import { type Subject, subjects } from './codegen-peers.ts';
import { installed, median, printTable } from './measure.ts';

const SERIES = '6.1';
const ROUNDS = 3;
const CLANG = 'clang-19';
const CLANG_TEXT = `
static void *(*lookup)(void *, const void *) = (void *)1;
static long (*update)(void *, const void *, const void *, unsigned long long) = (void *)2;
struct key { char comm[16]; unsigned long long slot; };
struct { int (*type)[1]; struct key *key; unsigned long long *value; int (*max_entries)[1024]; } dist __attribute__((section(".maps"), used));
struct args { unsigned long long pad; unsigned dev, flags; unsigned long long sector; unsigned sectors, bytes; char rwbs[8]; char comm[16]; };
__attribute__((section("tracepoint/block/block_rq_issue"), used)) int on_issue(struct args *a)
{
  struct key k = {};
  unsigned long long one = 1, *p;
  __builtin_memcpy(k.comm, a->comm, 16);
  k.slot = 32 - __builtin_clz(a->bytes / 1024 | 1);
  p = lookup(&dist, &k);
  if (p) __sync_fetch_and_add(p, 1);
  else update(&dist, &k, &one, 1);
  return 0;
}
`;

setFlagsFromString('--expose-gc');
const collect = runInNewContext('gc') as () => void;

function timed(action: () => unknown): number {
  const before = process.cpuUsage();
  action();
  const { user, system } = process.cpuUsage(before);
  return (user + system) / 1000;
}
const mean = (list: readonly number[]): number => list.reduce((sum, n) => sum + n, 0) / list.length;
const ms = (n: number | undefined): string => (n === undefined || Number.isNaN(n) ? '-' : n.toFixed(1));

const all = subjects('bcc', readTargetFacts(linuxKernel()));
const build = ({ text, options }: Subject): unknown => compile(text, options).spec;
const bitesize = all.find(({ name }) => name === 'bitesize.0') as Subject;
const first = timed(() => build(bitesize));

const times = new Map<string, number[]>(all.map(({ name }) => [name, []]));
const heaps: number[] = [];
// The first round is the warming up.
for (let round = 0; round <= ROUNDS; round++) {
  for (const subject of all) {
    const time = timed(() => build(subject));
    if (round > 0) times.get(subject.name)?.push(time);
  }
  collect();
  heaps.push(process.memoryUsage().heapUsed / 2 ** 20);
}
const warm = new Map([...times].map(([name, list]) => [name, median(list)]));
const slowest = [...warm].sort((a, b) => b[1] - a[1]).slice(0, 8);

/** One program again and again until the optimiser has nothing more to do for it: then the middle of as many readings. */
const WARM_UP = 200;
const READINGS = 50;
function warmTime(subject: Subject, warmUp: number): number {
  for (let i = 0; i < warmUp; i++) build(subject);
  return median(Array.from({ length: READINGS }, () => timed(() => build(subject))));
}
const again = warmTime(bitesize, WARM_UP);
const slowestWarm = slowest.map(
  ([name]) => [name, warmTime(all.find((subject) => subject.name === name) as Subject, WARM_UP / 10)] as const,
);

printTable([
  ['processor time, ms', 'skep'],
  ['bitesize, first in the process', ms(first)],
  ['bitesize, warm', ms(again)],
  ['bitesize, one of all in turn', ms(warm.get('bitesize.0'))],
  [`all ${all.length} programs in turn, mean`, ms(mean([...warm.values()]))],
  ...slowestWarm.map(([name, time]) => [`  slowest: ${name}`, ms(time)]),
]);
console.log(`heap after each round of all programs: ${heaps.map((mib) => mib.toFixed(1)).join(', ')} MiB`);

const count = Math.min(all.length, Number(process.argv[2] ?? 8));
const sample = Array.from({ length: count }, (_, i) => all[Math.floor(((i + 0.5) * all.length) / count)] as Subject);
const out = mkdtempSync(join(tmpdir(), 'skep-compile-'));
try {
  runBcc(
    SERIES,
    bccFolder(),
    out,
    sample.map(({ name }) => name),
  );
  const rows = sample.map(({ name }) => {
    const bcc = JSON.parse(readFileSync(join(out, `${name}.json`), 'utf8')) as BccBytecode;
    return { name, ours: warm.get(name) ?? Number.NaN, theirs: bcc.error === undefined ? bcc.ms : Number.NaN };
  });
  printTable([
    ['', 'skep', 'BCC', 'BCC / skep'],
    ...rows.map(({ name, ours, theirs }) => [
      name,
      ms(ours),
      ms(theirs),
      Number.isNaN(theirs) ? 'not compiled' : (theirs / ours).toFixed(0),
    ]),
  ]);
  const both = rows.filter(({ theirs }) => !Number.isNaN(theirs));
  console.log(`means of these: ${ms(mean(both.map((r) => r.ours)))} and ${ms(mean(both.map((r) => r.theirs)))} ms`);
} catch (error) {
  console.log(`BCC cannot be run here: ${(error as Error).message.split('\n')[0]}`);
} finally {
  rmSync(out, { recursive: true, force: true });
}

if (installed(CLANG)) {
  const clang: number[] = [];
  for (let round = 0; round < 5; round++) {
    const started = performance.now();
    const run = spawnSync(CLANG, ['-target', 'bpf', '-O2', '-mcpu=v3', '-g', '-c', '-x', 'c', '-', '-o', '/dev/null'], {
      input: CLANG_TEXT,
    });
    if (run.status !== 0) throw new Error(String(run.stderr));
    if (round > 0) clang.push(performance.now() - started);
  }
  console.log(`${CLANG} -O2 on a program like bitesize, a process: ${ms(median(clang))} ms`);
}
