/**
 * Text to ObjectSpec in a warm process, beside clang for the same amount of work.
 *
 *   sudo node build/bench/compile.js [rounds]      (root reads the tracepoint's format)
 *
 * clang is timed as a whole process on a libbpf program of the same size: it has no warm form. Left out where it is
 * not installed.
 */
import { spawnSync } from 'node:child_process';
import { compile } from '../src/compiler/compile.ts';
import { bccDialect } from '../src/compiler/dialect/bcc/dialect.ts';
import { readTargetFacts } from '../src/kernel/facts.ts';
import { linuxKernel } from '../src/kernel/linux.ts';
import { tool } from '../src/tools/bitesize.ts';
import { installed, median, printTable } from './measure.ts';

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

const rounds = Number(process.argv[2] ?? 200);
const facts = readTargetFacts(linuxKernel());
const text = tool.program({ pid: undefined }, {}, { kind: 'tracepoint', targets: [] });
const times: number[] = [];
for (let round = 0; round < rounds; round++) {
  const started = performance.now();
  const { spec } = compile(text, { facts, dialect: bccDialect, name: 'bitesize' });
  times.push(performance.now() - started);
  if (!spec) throw new Error('bitesize does not compile');
}
const rows = [
  ['', 'ms'],
  ['skep, first in the process', (times[0] ?? 0).toFixed(1)],
  ['skep, warm (median of the last half)', median(times.slice(rounds >> 1)).toFixed(1)],
];
if (installed(CLANG)) {
  const clang: number[] = [];
  for (let round = 0; round < 7; round++) {
    const started = performance.now();
    const run = spawnSync(CLANG, ['-target', 'bpf', '-O2', '-mcpu=v3', '-g', '-c', '-x', 'c', '-', '-o', '/dev/null'], {
      input: CLANG_TEXT,
    });
    if (run.status !== 0) throw new Error(String(run.stderr));
    if (round > 0) clang.push(performance.now() - started);
  }
  rows.push([`${CLANG} -O2, a process`, median(clang).toFixed(1)]);
}
printTable(rows);
