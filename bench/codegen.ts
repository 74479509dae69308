/**
 * Code beside clang's for the same source: instructions (in slots of eight bytes, as the kernel counts), and as root the
 * instructions that this kernel's verifier walks through to accept them. Prints a table, worst first; never fails.
 *
 *   node build/bench/codegen.js [--all] [file.c …]
 *
 * Without files: bench/codegen/. clang: `-O2 -mcpu=v3 -target bpf`; both compile the same text, ours without headers.
 */
import { spawnSync } from 'node:child_process';
import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { basename, dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { compile } from '../src/compiler/compile.ts';
import { guessDialect } from '../src/compiler/dialect/auto.ts';
import type { TargetFacts } from '../src/compiler/target-facts.ts';
import { slotCount } from '../src/isa/encode.ts';
import { readTargetFacts } from '../src/kernel/facts.ts';
import { linuxKernel } from '../src/kernel/linux.ts';
import type { Kernel } from '../src/kernel/port.ts';
import { loadObject } from '../src/link/load.ts';
import { readObject } from '../src/object/read.ts';
import type { ObjectSpec } from '../src/object/spec.ts';
import { geometricMean, installed, median, printTable } from './measure.ts';

const root = join(dirname(fileURLToPath(import.meta.url)), '..', '..');
const clang = ['clang-19', 'clang'].find(installed);
const given = process.argv.slice(2).filter((a) => a.endsWith('.c'));
const folder = join(root, 'bench', 'codegen');
const files =
  given.length > 0
    ? given
    : readdirSync(folder)
        .filter((f) => f.endsWith('.c'))
        .sort()
        .map((f) => join(folder, f));

const kernel = linuxKernel();
const own = readTargetFacts(kernel);
/** The same instruction set for both. */
const facts: TargetFacts = Object.defineProperty(Object.create(own) as TargetFacts, 'cpu', { value: 3 });

interface Row {
  readonly name: string;
  readonly ours: number;
  readonly theirs: number | undefined;
  readonly walked: number | undefined;
  readonly theirWalked: number | undefined;
  readonly ms: number;
}

function slotsOf(spec: ObjectSpec): number {
  let n = 0;
  for (const f of spec.functions.values()) n += slotCount(f.insns);
  return n;
}

function compileOurs(path: string): { spec: ObjectSpec; ms: number } | string {
  const text = readFileSync(path, 'utf8');
  const times: number[] = [];
  for (;;) {
    const started = performance.now();
    const { spec, diagnostics } = compile(text, { facts, dialect: guessDialect(text), file: basename(path) });
    times.push(performance.now() - started);
    if (!spec) return diagnostics.find((d) => d.severity === 'error')?.message ?? 'not compiled';
    if (times.length === 5) return { spec, ms: median(times) };
  }
}

function compileTheirs(path: string, out: string): ObjectSpec | undefined {
  if (clang === undefined) return undefined;
  const run = spawnSync(
    clang,
    ['-O2', '-g', '-mcpu=v3', '-target', 'bpf', '-I/usr/include/x86_64-linux-gnu', '-w', '-c', path, '-o', out],
    { encoding: 'utf8' },
  );
  return run.status === 0 ? readObject(new Uint8Array(readFileSync(out)), { name: basename(path) }) : undefined;
}

/** Instructions that the verifier processed for all programs; undefined where they cannot be loaded here. */
function walked(spec: ObjectSpec, on: Kernel): number | undefined {
  if (process.getuid?.() !== 0) return undefined;
  try {
    using object = loadObject(spec, on, { facts: own, logLevel: 4 });
    let n = 0;
    for (const p of object.programs.values()) n += Number(/processed (\d+) insns/.exec(p.log)?.[1] ?? Number.NaN);
    return n;
  } catch {
    return undefined;
  }
}

const rows: Row[] = [];
const work = mkdtempSync(join(tmpdir(), 'skep-codegen-'));
try {
  for (const path of files) {
    const name = basename(path).replace(/(\.bpf)?\.c$/, '');
    const ours = compileOurs(path);
    if (typeof ours === 'string') {
      console.log(`${name}: ${ours}`);
      continue;
    }
    const theirs = compileTheirs(path, join(work, 'peer.o'));
    rows.push({
      name,
      ours: slotsOf(ours.spec),
      theirs: theirs && slotsOf(theirs),
      ms: ours.ms,
      walked: walked(ours.spec, kernel),
      theirWalked: theirs && walked(theirs, kernel),
    });
  }
} finally {
  rmSync(work, { recursive: true, force: true });
}

const ratio = (a: number | undefined, b: number | undefined): number | undefined =>
  a === undefined || b === undefined || b === 0 ? undefined : a / b;
const show = (n: number | undefined, digits = 0): string => (n === undefined || Number.isNaN(n) ? '-' : n.toFixed(digits));
rows.sort((a, b) => (ratio(b.ours, b.theirs) ?? 0) - (ratio(a.ours, a.theirs) ?? 0));
printTable([
  ['program', 'skep', 'clang', 'ratio', 'walked', 'clang', 'ratio', 'compile ms'],
  ...rows.map((r) => [
    r.name,
    show(r.ours),
    show(r.theirs),
    show(ratio(r.ours, r.theirs), 3),
    show(r.walked),
    show(r.theirWalked),
    show(ratio(r.walked, r.theirWalked), 3),
    show(r.ms, 1),
  ]),
]);
const mean = (list: readonly (number | undefined)[]): string => {
  const known = list.filter((n): n is number => n !== undefined && Number.isFinite(n));
  return known.length === 0 ? '-' : geometricMean(known).toFixed(3);
};
console.log(
  `geometric mean: instructions ${mean(rows.map((r) => ratio(r.ours, r.theirs)))}, walked ${mean(rows.map((r) => ratio(r.walked, r.theirWalked)))}`,
);
