/**
 * The one test command: four tiers, then a table.
 *
 *   pure   formats, compiler, codecs, rendering             no root
 *   fake   what goes into each system call                  no root
 *   host   this kernel                                      root
 *   guest  the host tests and its own, on each guest kernel the lab
 *
 * Guests, the host's files and the files of the rootless tiers run beside each other: as many at a time as there are
 * processors, and one more where there are guests, which are busy with one processor for two thirds of their time. Host files
 * never run two at a time, because they look at the kernel.
 *
 * A tier that cannot run says why; with CI=true that is a failure. So is a test that ran on no kernel at all.
 *
 * usage: main.js [--help] [--tier pure,fake,host,guest] [--kernel 6.1] [--only <pattern>] [--file <parts of names>] [--keep]
 */

import { availableParallelism } from 'node:os';
import { dirname } from 'node:path';
import { parseArgs } from 'node:util';
import { CorpusMissing, kernelSamples } from '../corpora/corpora.ts';
import { guestObjects } from '../corpora/guest-objects.ts';
import { labMissing } from '../lab/guest.ts';
import { guestKernel, SERIES } from '../lab/kernels.ts';
import { bundleTree, removeTree } from './bundle.ts';
import { runFile, runGroupOfFiles, TIERS, type Tier, testFiles } from './files.ts';
import { GUEST_OBJECTS } from './guest-objects.ts';
import { runGuestTier } from './guest-tier.ts';
import { runKernelFile, runKernelGroup } from './kernel-file.ts';
import { needsOwnProcess } from './own-process.ts';
import { neverRun, type Result } from './result.ts';
import { summaryLines } from './summary.ts';

const CI = process.env['CI'] === 'true';
const FILE_MINUTES = 30;
/** Tests that take too long under emulation: in guests with SKEP_LONG=1 only. */
const LONG_IN_GUESTS = ['guest/tools/examples', 'host/tools/killed'];

/** Tests whose programs are compiled on this machine for the guest's kernel. */
const COMPILED_BELOW = [
  'guest/tools/',
  'host/tools/',
  'host/corpora/',
  'host/object/',
  'host/isa/',
  'host/vm/objects',
  'host/target/programs',
  'host/compiler/bcc-dialect',
  'host/compiler/features',
];

const long = process.env['SKEP_LONG'] === '1';
const onlyLong = (file: string): boolean => LONG_IN_GUESTS.some((start) => file.startsWith(start));

const { values: flags } = parseArgs({
  options: {
    tier: { type: 'string' },
    kernel: { type: 'string' },
    only: { type: 'string' },
    file: { type: 'string' },
    keep: { type: 'boolean', default: false },
    help: { type: 'boolean', short: 'h', default: false },
  },
});

const USAGE = `usage: node build/test/run/main.js [flags]
  --tier pure,fake,host,guest   these tiers; all without
  --kernel 6.1,6.12             these guests; without --tier, guests only
  --file PARTS                  files whose names contain one of these, by comma
  --only PATTERN                tests whose names match
  --keep                        a shell in the guest if a test failed
`;

const results: Result[] = [];
const problems: string[] = [];
/** Of each place: the time it took, in seconds. */
const seconds = new Map<string, number>();

function print(line: string): void {
  process.stdout.write(`${line}\n`);
}

function record(result: Result): void {
  results.push(result);
  const label = `[${result.where}] ${result.file}: ${result.name}`;
  if (result.status === 'pass') print(`ok   ${label} (${Math.round(result.ms)} ms)`);
  else if (result.status === 'skip') print(`skip ${label} # ${result.reason ?? ''}`);
  else print(`FAIL ${label}\n${(result.error ?? '').replace(/^/gm, '       ')}`);
}

function chosen(tier: Tier): string[] {
  const parts = flags.file?.split(',');
  return testFiles(tier).filter((name) => parts === undefined || parts.some((part) => name.includes(part)));
}

async function timed(where: string, action: () => Promise<void>): Promise<void> {
  const start = performance.now();
  await action();
  seconds.set(where, (seconds.get(where) ?? 0) + (performance.now() - start) / 1000);
}

function fileTask(tier: Exclude<Tier, 'guest'>, name: string): () => Promise<void> {
  const run = tier === 'host' ? runKernelFile : runFile;
  return () =>
    timed(tier, () =>
      run(name, {
        onEvent: (event) => record({ ...event, file: name, where: tier }),
        onText: (line) => line && print(line),
        timeLimit: FILE_MINUTES * 60_000,
        ...(flags.only === undefined ? {} : { pattern: flags.only }),
      }),
    );
}

/** What of a tier can run beside everything else: each guest, all host files in a row, each rootless file. */
function tasks(tier: Tier): (() => Promise<void>)[] {
  if (tier === 'guest') return kernels().map((series) => () => timed(series, () => guestTask(series)));
  // A pattern is for a test or two, and would pass over the marks of files.
  const alone = chosen(tier).filter((file) => flags.only !== undefined || needsOwnProcess(file));
  const together = chosen(tier).filter((file) => !alone.includes(file));
  const folders =
    tier === 'host' ? [together] : [...new Set(together.map(dirname))].map((folder) => together.filter((file) => dirname(file) === folder));
  const all = [
    ...alone.map((name) => fileTask(tier, name)),
    ...folders.filter((names) => names.length > 0).map((names) => groupTask(tier, names)),
  ];
  if (tier !== 'host') return all;
  const inARow = async () => {
    for (const task of all) await task();
  };
  return all.length === 0 ? [] : [inARow];
}

function groupTask(tier: Exclude<Tier, 'guest'>, names: readonly string[]): () => Promise<void> {
  const run = tier === 'host' ? runKernelGroup : runGroupOfFiles;
  return () =>
    timed(tier, () =>
      run(names, {
        onEvent: (file, event) => record({ ...event, file, where: tier }),
        onMark: () => {},
        onText: (line) => line && print(line),
        timeLimit: FILE_MINUTES * 60_000,
      }),
    );
}

/** The test files for guests, and the tree with them, made once for all guests. */
const guestFiles = (): string[] => [...chosen('host'), ...chosen('guest')].filter((name) => long || !onlyLong(name));
let tree: Promise<string> | undefined;

async function guestTask(series: (typeof SERIES)[number]): Promise<void> {
  const left = [...chosen('host'), ...chosen('guest')].filter((name) => !long && onlyLong(name));
  if (left.length > 0) print(`only with SKEP_LONG=1 in the guest ${series}: ${left.join(', ')}`);
  const files = guestFiles();
  if (files.includes('host/bcc/sockex1')) unpackHere();
  tree ??= bundleTree(files);
  const env: Record<string, string> = {};
  if (files.some((name) => COMPILED_BELOW.some((start) => name.startsWith(start)))) env[GUEST_OBJECTS] = await guestObjects(series);
  problems.push(...(await runGuestTier(series, files, await tree, { record, print, pattern: flags.only, keep: flags.keep, env })));
}

/** An emulated processor takes minutes to unpack the kernel's source; a guest sees what this machine has unpacked. */
function unpackHere(): void {
  try {
    kernelSamples('6.1');
  } catch (error) {
    // The test that needs it says so.
    if (!(error instanceof CorpusMissing)) throw error;
  }
}

function kernels(): (typeof SERIES)[number][] {
  return SERIES.filter((series) => flags.kernel === undefined || flags.kernel.split(',').includes(series));
}

function tierMissing(tier: Tier): string | undefined {
  if (tier === 'host' && process.getuid?.() !== 0) return 'needs root';
  if (tier !== 'guest') return undefined;
  const missing = labMissing();
  if (missing !== undefined) return missing;
  try {
    for (const series of kernels()) guestKernel(series);
  } catch (error) {
    return (error as Error).message;
  }
  return undefined;
}

async function main(): Promise<void> {
  if (flags.help) {
    process.stdout.write(USAGE);
    return;
  }
  const started = performance.now();
  const wanted: readonly string[] = flags.tier?.split(',') ?? (flags.kernel === undefined ? TIERS : ['guest']);
  const unknown = [
    ...wanted.filter((name) => !TIERS.some((tier) => tier === name)),
    ...(flags.kernel?.split(',').filter((name) => !SERIES.some((series) => series === name)) ?? []),
  ];
  if (unknown.length > 0) {
    print(`unknown: ${unknown.join(', ')}; tiers are ${TIERS.join(', ')}, kernels ${SERIES.join(', ')}`);
    process.exitCode = 2;
    return;
  }
  const none = flags.file?.split(',').filter((part) => !TIERS.some((tier) => testFiles(tier).some((name) => name.includes(part)))) ?? [];
  for (const part of none) problems.push(`no test file has '${part}' in its name`);
  const queue: (() => Promise<void>)[] = [];
  const without = new Set<Tier>();
  // The long ones first, so that no processor waits for one at the end.
  for (const tier of TIERS.toReversed()) {
    if (!wanted.includes(tier)) continue;
    const missing = tierMissing(tier);
    if (missing === undefined) queue.push(...tasks(tier));
    else {
      print(`the tier '${tier}' cannot run here: ${missing}`);
      without.add(tier);
      if (CI) problems.push(`the tier '${tier}' did not run: ${missing}`);
    }
  }
  const worker = async () => {
    for (let task = queue.shift(); task !== undefined; task = queue.shift()) await task();
  };
  // A shell in a guest has the terminal for itself.
  try {
    await Promise.all(Array.from({ length: flags.keep ? 1 : availableParallelism() + (wanted.includes('guest') ? 1 : 0) }, worker));
  } finally {
    if (tree !== undefined) removeTree(await tree);
  }

  if (CI)
    for (const { file, name, reason, where, status } of results)
      if (status === 'skip' && (where === 'pure' || where === 'fake')) problems.push(`${file}: ${name} was skipped (${reason})`);
  // What the guests would have run is no failure of a machine that has none; with CI=true the missing tier is one.
  const all = (['host', 'guest'] as const).every((tier) => wanted.includes(tier) && !without.has(tier));
  if (all && flags.only === undefined)
    for (const name of neverRun(results.filter(({ file }) => long || !onlyLong(file)))) problems.push(`ran on no kernel: ${name}`);

  for (const line of summaryLines(results, problems, seconds)) print(line);
  const count = (status: string) => results.filter((result) => result.status === status).length;
  const failed = count('fail') + problems.length;
  print(`${((performance.now() - started) / 1000).toFixed(0)} s`);
  print(`${count('pass')} passed, ${failed} failed, ${count('skip')} skipped`);
  process.exitCode = failed > 0 || count('pass') === 0 ? 1 : 0;
}

await main();
