/**
 * Names for 100,000 addresses of the kernel, of libc and of a Node process with a perf map, after the first load; BCC's
 * symbol cache over the same addresses beside it. Then a perf map of fifty megabytes: how long the event loop waits.
 *
 *   node build/bench/symbols.js [addresses] [megabytes]
 */
import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { linuxKernel } from '../src/kernel/linux.ts';
import { frameText } from '../src/symbols/frame.ts';
import { PerfMap } from '../src/symbols/perf-map.ts';
import { inSlices } from '../src/symbols/sliced.ts';
import { Symbols } from '../src/symbols/symbols.ts';

const count = Number(process.argv[2] ?? 100_000);
const megabytes = Number(process.argv[3] ?? 50);
const CHILD = `for (let i = 0; i < 400; i++) globalThis['f' + i] = new Function('n', 'let s = ' + i + '; for (let j = 0; j < n; j++) s = (s * 31 + j) % 1000003; return s');
for (let i = 0; i < 400; i++) for (let j = 0; j < 50; j++) globalThis['f' + i](200);
console.log('ready'); process.stdin.on('end', () => process.exit(0)).resume();`;

// V8 leaves a log where it is started.
const folder = mkdtempSync(join(tmpdir(), 'skep-bench-'));
const child = spawn(process.execPath, ['--perf-basic-prof', '-e', CHILD], { stdio: ['pipe', 'pipe', 'inherit'], cwd: folder });
const pid = child.pid as number;
await once(child.stdout, 'data');
const symbols = new Symbols(linuxKernel());
try {
  const [kernelMs, processMs] = [await timed(() => symbols.kernelFrame(0xffffffff81000000n)), await timed(() => symbols.prepare(pid))];
  print('first load', [
    ['the kernel', `${kernelMs.toFixed(0)} ms`],
    ['a Node process', `${processMs.toFixed(0)} ms`],
  ]);
  const addresses = sample(count);
  const named = new Map<string, number>();
  const before = process.cpuUsage();
  const ms = await timed(() => {
    for (const [kind, address] of addresses) {
      const frame = kind === 'kernel' ? symbols.kernelFrame(address) : symbols.userFrame(address, pid);
      frameText(frame, { showModule: true, showOffset: true });
      if (frame.name !== undefined) named.set(kind, (named.get(kind) ?? 0) + 1);
    }
  });
  const cpu = process.cpuUsage(before);
  print(`${count} addresses`, [
    [
      'skep',
      `${ms.toFixed(0)} ms, ${((cpu.user + cpu.system) / 1000).toFixed(0)} ms of CPU (named: ${[...named].map(([kind, n]) => `${n} ${kind}`).join(', ')})`,
    ],
    ['BCC', bcc(addresses)],
  ]);
} finally {
  symbols.close();
  child.stdin.end();
  await once(child, 'exit');
  rmSync(`/tmp/perf-${pid}.map`, { force: true });
  rmSync(folder, { recursive: true });
}

const bytes = perfMap(megabytes);
const gaps = { worst: 0 };
let last = performance.now();
const timer = setInterval(() => {
  const now = performance.now();
  gaps.worst = Math.max(gaps.worst, now - last);
  last = now;
}, 1);
const map = new PerfMap();
const took = await timed(() =>
  inSlices(
    (function* () {
      for (let at = 0; at < bytes.length; at = map.read) yield* map.append(bytes.subarray(at, at + (1 << 20)));
      yield* map.prepare();
    })(),
  ),
);
clearInterval(timer);
print(`a perf map of ${megabytes} MB, ${map.size} lines`, [
  ['read and ready', `${took.toFixed(0)} ms`],
  ['longest wait of the event loop', `${gaps.worst.toFixed(0)} ms`],
]);

type Kind = 'kernel' | 'libc' | 'node' | 'perf map';

/** A quarter each of the kernel, libc, node itself and its perf map, spread evenly. */
function sample(total: number): (readonly [Kind, bigint])[] {
  const each = Math.floor(total / 4);
  const code = [...readFileSync('/proc/kallsyms', 'latin1').matchAll(/^([0-9a-f]{16}) [tT] /gm)]
    .map((m) => BigInt(`0x${m[1]}`))
    .filter((a) => a !== 0n);
  const maps = readFileSync(`/proc/${pid}/maps`, 'latin1');
  const range = (pattern: RegExp): [bigint, bigint] => {
    const line = maps.split('\n').find((l) => / r-xp /.test(l) && pattern.test(l)) ?? '0-1';
    const [from = '0', to = '0'] = line.split(' ')[0]?.split('-') ?? [];
    return [BigInt(`0x${from}`), BigInt(`0x${to}`)];
  };
  const lines = readFileSync(`/tmp/perf-${pid}.map`, 'latin1').trimEnd().split('\n');
  const spread = (pattern: RegExp, i: number): bigint => {
    const [from, to] = range(pattern);
    return from + ((to - from) * BigInt(i)) / BigInt(each);
  };
  return Array.from({ length: each }, (_, i): (readonly [Kind, bigint])[] => [
    ['kernel', (code[(i * 7919) % code.length] ?? 0n) + 4n],
    ['libc', spread(/libc[.-]/, i)],
    ['node', spread(/\/node$/, i)],
    ['perf map', BigInt(`0x${(lines[(i * 31) % lines.length] ?? '0').split(' ')[0]}`)],
  ]).flat();
}

/** The time that BCC's own cache takes once it is warm, asked for in the same process as its Python. */
function bcc(addresses: readonly (readonly [Kind, bigint])[]): string {
  const python = '/usr/bin/python3';
  if (!existsSync(python)) return 'not installed';
  try {
    writeFileSync(join(folder, 'addresses'), addresses.map(([kind, address]) => `${kind === 'kernel' ? -1 : pid} ${address}\n`).join(''));
    const script = `
import sys, time
from bcc import BPF
todo = [tuple(int(w) for w in line.split()) for line in open(sys.argv[1])]
for pid, address in todo[:8]: BPF.sym(address, pid)
start, cpu = time.time(), time.process_time()
for pid, address in todo: BPF.sym(address, pid, show_module=True, show_offset=True)
print('%d ms, %d ms of CPU' % ((time.time() - start) * 1000, (time.process_time() - cpu) * 1000))`;
    const run = spawnSync(python, ['-c', script, join(folder, 'addresses')], { timeout: 300_000 });
    return run.status === 0 ? run.stdout.toString().trim() : 'not installed';
  } finally {
    rmSync(join(folder, 'addresses'), { force: true });
  }
}

function perfMap(size: number): Uint8Array {
  const parts: Buffer[] = [];
  for (let total = 0, n = 0; total < size * 1e6; n++) {
    // Code that was moved: every seventh line lies over earlier ones.
    const start = 0x3ef414c00 + n * 416 - (n % 7 === 0 ? 2400 : 0);
    const line = Buffer.from(
      `${start.toString(16)} ${(200 + (n % 300)).toString(16)} JS:*function_${n} /app/src/file${n % 1000}.js:${n % 5000}\n`,
    );
    parts.push(line);
    total += line.length;
  }
  return Buffer.concat(parts);
}

async function timed(work: () => unknown): Promise<number> {
  const start = performance.now();
  await work();
  return performance.now() - start;
}

function print(title: string, rows: readonly (readonly [string, string])[]): void {
  process.stdout.write(`${title}\n${rows.map(([name, value]) => `  ${name.padEnd(32)} ${value}\n`).join('')}`);
}
