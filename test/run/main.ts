/**
 * The one test command: four tiers, then a table.
 *
 *   pure   formats, compiler, codecs, rendering             no root
 *   fake   what goes into each system call                  no root
 *   host   this kernel                                      root
 *   guest  the host tests and its own, on each guest kernel the lab
 *
 * A tier that cannot run says why; with CI=true that is a failure. So is a test that ran on no kernel at all.
 *
 * usage: main.js [--tier pure,fake,host,guest] [--kernel 6.1] [--only <pattern>] [--file <part of a name>] [--keep]
 */

import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { labMissing, runGuest } from '../lab/guest.ts';
import { guestKernel, SERIES, type Series } from '../lab/kernels.ts';
import { runFile, TIERS, type Tier, testFiles } from './files.ts';
import { runKernelFile } from './kernel-file.ts';
import { built } from './paths.ts';
import { neverRun, type Result, ResultReader, skipLines, type TestEvent, table } from './result.ts';

const CI = process.env['CI'] === 'true';
const GUEST_MINUTES = 25;
/** Host tests that were not yet seen to pass in both guests in the time there is: there with SKEP_LONG=1 only. */
const LONG_IN_GUESTS = ['host/corpora/', 'host/vm/', 'host/isa/', 'host/object/', 'host/target/'];

const { values: flags } = parseArgs({
  options: {
    tier: { type: 'string' },
    kernel: { type: 'string' },
    only: { type: 'string' },
    file: { type: 'string' },
    keep: { type: 'boolean', default: false },
  },
});

const results: Result[] = [];
const problems: string[] = [];

function record(result: Result): void {
  results.push(result);
  const label = `[${result.where}] ${result.file}: ${result.name}`;
  if (result.status === 'pass') process.stdout.write(`ok   ${label} (${Math.round(result.ms)} ms)\n`);
  else if (result.status === 'skip') process.stdout.write(`skip ${label} # ${result.reason ?? ''}\n`);
  else process.stdout.write(`FAIL ${label}\n${indent(result.error ?? '')}\n`);
}

function indent(text: string): string {
  return text.replace(/^/gm, '       ');
}

function chosen(tier: Tier): string[] {
  return testFiles(tier).filter((name) => flags.file === undefined || name.includes(flags.file));
}

/** Files of the rootless tiers run two at a time; those that touch the kernel alone. */
async function runHere(tier: Tier, files: readonly string[]): Promise<void> {
  const queue = [...files];
  const worker = async () => {
    for (let file = queue.shift(); file !== undefined; file = queue.shift()) {
      const name = file;
      await (tier === 'host' ? runKernelFile : runFile)(name, {
        onEvent: (event) => record({ ...event, file: name, where: tier }),
        onText: (line) => line && process.stdout.write(`${line}\n`),
        timeLimit: 900_000,
        ...(flags.only === undefined ? {} : { pattern: flags.only }),
      });
    }
  };
  await Promise.all(tier === 'host' ? [worker()] : [worker(), worker()]);
}

async function runGuestTier(series: Series): Promise<void> {
  const long = process.env['SKEP_LONG'] === '1';
  const left = chosen('host').filter((name) => !long && LONG_IN_GUESTS.some((folder) => name.startsWith(folder)));
  if (left.length > 0) process.stdout.write(`only with SKEP_LONG=1 in the guest ${series}: ${left.join(', ')}\n`);
  const files = [...chosen('host'), ...chosen('guest')].filter((name) => !left.includes(name));
  if (files.length === 0) return;
  const command = [
    process.execPath,
    '--enable-source-maps',
    join(built, 'test', 'run', 'agent.js'),
    ...(flags.only === undefined ? [] : ['--pattern', `'${flags.only}'`]),
    ...files,
  ].join(' ');
  let last = 'the boot';
  const reader = new ResultReader(
    (event) => {
      const { file, ...rest } = event as TestEvent & { file: string };
      last = `${file}: ${rest.name}`;
      record({ ...rest, file, where: series });
    },
    (line) => process.stdout.write(`${line}\n`),
  );
  const { end, console: text } = await runGuest({
    kernel: guestKernel(series),
    command,
    env: Object.fromEntries(['CI', 'SKEP_LONG'].flatMap((name) => (process.env[name] === undefined ? [] : [[name, process.env[name]]]))),
    keep: flags.keep,
    timeLimit: GUEST_MINUTES * 60_000,
    onOutput: (output) => reader.push(output),
  });
  reader.push('\n');
  if (end.kind === 'exit' && end.status === 0) return;
  const how = end.kind === 'exit' ? `ended with status ${end.status}` : end.kind === 'died' ? 'died' : `hung (${GUEST_MINUTES} minutes)`;
  problems.push(`the guest ${series} ${how} after ${last}`);
  process.stdout.write(`${text}\n`);
}

async function tierMissing(tier: Tier): Promise<string | undefined> {
  if (tier === 'host' && process.getuid?.() !== 0) return 'needs root';
  if (tier !== 'guest') return undefined;
  const missing = labMissing();
  if (missing !== undefined) return missing;
  for (const series of kernels()) guestKernel(series);
  return undefined;
}

function kernels(): readonly Series[] {
  return SERIES.filter((series) => flags.kernel === undefined || flags.kernel.split(',').includes(series));
}

async function main(): Promise<void> {
  const started = performance.now();
  const wanted = flags.tier?.split(',') ?? (flags.kernel === undefined ? TIERS : ['guest']);
  for (const tier of TIERS) {
    if (!wanted.includes(tier)) continue;
    const missing = await tierMissing(tier).catch((error: Error) => error.message);
    if (missing !== undefined) {
      process.stdout.write(`the tier '${tier}' cannot run here: ${missing}\n`);
      if (CI) problems.push(`the tier '${tier}' did not run: ${missing}`);
    } else if (tier === 'guest') {
      for (const series of kernels()) await runGuestTier(series);
    } else {
      await runHere(tier, chosen(tier));
    }
  }
  if (CI)
    for (const { file, name, reason, where, status } of results)
      if (status === 'skip' && (where === 'pure' || where === 'fake')) problems.push(`${file}: ${name} was skipped (${reason})`);
  if (wanted.includes('guest') && wanted.includes('host') && flags.only === undefined)
    for (const name of neverRun(results)) problems.push(`ran on no kernel: ${name}`);

  process.stdout.write('\nslowest:\n');
  for (const { where, file, name, ms } of results.toSorted((a, b) => b.ms - a.ms).slice(0, 10))
    process.stdout.write(`  ${(ms / 1000).toFixed(1).padStart(6)} s  [${where}] ${file}: ${name}\n`);
  const skipped = skipLines(results);
  if (skipped.length > 0) process.stdout.write(`\nskipped:\n${skipped.join('\n')}\n`);
  const failures = results.filter((result) => result.status === 'fail');
  if (failures.length > 0)
    process.stdout.write(`\nfailed:\n${failures.map(({ where, file, name }) => `  [${where}] ${file}: ${name}`).join('\n')}\n`);
  if (problems.length > 0) process.stdout.write(`\nproblems:\n${problems.map((line) => `  ${line}`).join('\n')}\n`);
  process.stdout.write(`\n${table(results).join('\n')}\n\n${((performance.now() - started) / 1000).toFixed(0)} s\n`);
  const failed = failures.length + problems.length;
  const passed = results.filter((result) => result.status === 'pass').length;
  process.stdout.write(`${passed} passed, ${failed} failed, ${results.length - passed - failures.length} skipped\n`);
  process.exitCode = failed > 0 || passed === 0 ? 1 : 0;
}

await main();
