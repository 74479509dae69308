/**
 * `npm run fuzz [-- --seconds 60] [--target mutated] [--seed 17]`: inputs that nobody would write, one after the other.
 * Prints the seed of what fails or takes more than a second of processor time (for each 32 KiB of text); status 1 if anything did. A seed and a target repeat a case:
 * `npm run fuzz -- --target deep --seed 4711 --count 1`.
 *
 * The cases run in a worker, so that one that never ends can be told of, too.
 */
import { parseArgs } from 'node:util';
import { isMainThread, parentPort, Worker, workerData } from 'node:worker_threads';
import { Random } from '../pure/preprocessor/random-text.ts';
import { TARGETS } from './targets.ts';

interface Job {
  readonly targets: readonly string[];
  readonly seed: number;
  readonly count: number;
  readonly seconds: number;
}

/** Milliseconds of processor time for one case; half a megabyte of code has its own for each part of it. */
const SLOW = 1000;
const PART = 32 * 1024;
/** Milliseconds without a sign of life. */
const HANG = 180_000;

function work({ targets, seed, count, seconds }: Job): void {
  const end = performance.now() + seconds * 1000;
  for (let n = 0; n < count && performance.now() < end; n++) {
    const target = targets[n % targets.length] as string;
    const number = seed + Math.floor(n / targets.length);
    parentPort?.postMessage({ at: [target, number] });
    let { failed, ms, slow } = once(target, number);
    // Code that runs for the first time is compiled first.
    if (failed === '' && slow) ({ failed, ms, slow } = once(target, number));
    if (failed !== '' || slow) parentPort?.postMessage({ found: [target, number], what: failed === '' ? `${ms} ms` : failed });
  }
}

function once(target: string, seed: number): { failed: string; ms: number; slow: boolean } {
  const before = process.cpuUsage();
  let failed = '';
  let size = 0;
  try {
    size = TARGETS[target]?.(new Random(seed)) ?? 0;
  } catch (error) {
    failed = error instanceof Error ? (error.stack ?? error.message) : String(error);
  }
  const used = process.cpuUsage(before);
  const ms = Math.round((used.user + used.system) / 1000);
  return { failed, ms, slow: ms > SLOW * Math.max(1, size / PART) };
}

interface Message {
  readonly at?: readonly [string, number];
  readonly found?: readonly [string, number];
  readonly what?: string;
}

function watch(job: Job): void {
  const worker = new Worker(new URL(import.meta.url), { workerData: job });
  let at: readonly [string, number] = ['', 0];
  let cases = 0;
  let bad = 0;
  let alive = performance.now();
  const timer = setInterval(() => {
    if (performance.now() - alive < HANG) return;
    process.stdout.write(`HANG --target ${at[0]} --seed ${at[1]}\n`);
    process.exit(1);
  }, 1000);
  worker.on('message', (m: Message) => {
    alive = performance.now();
    if (m.at !== undefined) {
      at = m.at;
      cases++;
    }
    if (m.found === undefined) return;
    bad++;
    process.stdout.write(`--target ${m.found[0]} --seed ${m.found[1]} --count 1: ${m.what}\n`);
  });
  worker.on('error', (error) => {
    process.stdout.write(`the worker died at --target ${at[0]} --seed ${at[1]}: ${error.message}\n`);
    process.exit(1);
  });
  worker.on('exit', () => {
    clearInterval(timer);
    process.stdout.write(`${cases} cases, ${bad} to look at\n`);
    process.exitCode = bad > 0 ? 1 : 0;
  });
}

if (isMainThread) {
  const { values } = parseArgs({
    options: { seconds: { type: 'string' }, target: { type: 'string' }, seed: { type: 'string' }, count: { type: 'string' } },
  });
  const { seconds = '60', target, seed, count } = values;
  if (target !== undefined && TARGETS[target] === undefined) {
    process.stdout.write(`targets: ${Object.keys(TARGETS).join(', ')}\n`);
    process.exitCode = 2;
  } else {
    const first = seed === undefined ? Date.now() % 1_000_000_000 : Number(seed);
    process.stdout.write(`seed ${first}\n`);
    watch({
      targets: target === undefined ? Object.keys(TARGETS) : [target],
      seed: first,
      count: Number(count ?? '1e9'),
      seconds: Number(seconds),
    });
  }
} else work(workerData as Job);
