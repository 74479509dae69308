/**
 * BTF of this kernel: index, search, decode; values of records; C dump. bpftool's whole dump beside it.
 *
 *   node build/bench/btf.js [rounds] [file]
 *
 * "Cold" is measured in processes of their own, as the start of a tool sees it: most of it is the engine warming up.
 */
import { execFileSync, spawnSync } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { type BtfRecord, codecOf } from '../src/btf/codec.ts';
import { makeCursor } from '../src/btf/cursor.ts';
import { dumpAll } from '../src/btf/dump.ts';
import { BtfReader } from '../src/btf/read.ts';
import type { MemberSchema, RecordSchema } from '../src/btf/schema.ts';
import { encodeBtf } from '../src/btf/write.ts';
import { installed, median, printTable } from './measure.ts';

const rounds = Number(process.argv[2] ?? 9);
const file = process.argv[3] ?? '/sys/kernel/btf/vmlinux';

function timed<T>(fn: () => T): [number, T] {
  const started = performance.now();
  const result = fn();
  return [performance.now() - started, result];
}

function cold(): readonly number[] {
  const bytes = new Uint8Array(readFileSync(file));
  const [index, btf] = timed(() => new BtfReader(bytes));
  const [first] = timed(() => btf.find('task_struct', 'struct'));
  const [second] = timed(() => btf.find('vfs_read', 'func'));
  const [enumerator] = timed(() => btf.findEnumerator('BPF_MAP_TYPE_HASH'));
  return [index, first, second, enumerator];
}

/** A 64-byte record of eight members, as a tracing tool sends it. */
function sample(): RecordSchema {
  const int = (name: string, offset: number, size: number, signed = false): MemberSchema => ({
    name,
    offset,
    type: { kind: 'int', name: 'int', size, signed, js: size === 8 ? 'bigint' : 'number' },
  });
  const members: MemberSchema[] = [
    int('ts', 0, 8),
    int('delta', 8, 8),
    int('pid', 16, 4),
    int('tgid', 20, 4),
    int('uid', 24, 4),
    int('ret', 28, 4, true),
    int('flags', 32, 4),
    { name: 'comm', offset: 40, type: { kind: 'text', size: 16 } },
  ];
  return { kind: 'record', tag: 'struct', name: 'event', size: 64, members };
}

function recordsPerSecond(): readonly (readonly [string, number])[] {
  const schema = sample();
  const bytes = new Uint8Array(1024 * 64);
  for (let i = 0; i < 1024; i++) {
    for (let b = 0; b < 40; b++) bytes[i * 64 + b] = i * 7 + b;
    bytes.set(new TextEncoder().encode(['node', 'bash', 'systemd-journal'][i % 3]), i * 64 + 40);
  }
  const view = new DataView(bytes.buffer);
  const codec = codecOf(schema);
  const cursor = makeCursor<{ pid: number; ret: number }>(schema);
  let sink = 0;
  const count = 200_000;
  const rate = (fn: (offset: number) => void): number => {
    const times = Array.from(
      { length: 5 },
      () =>
        timed(() => {
          for (let i = 0; i < count; i++) fn((i & 1023) * 64);
        })[0],
    );
    return count / Math.min(...times) / 1000;
  };
  const results: [string, number][] = [
    [
      'objects of eight members',
      rate((at) => {
        sink += (codec.decode(view, at) as BtfRecord & { pid: number }).pid;
      }),
    ],
    [
      'cursor, two members read',
      rate((at) => {
        const e = cursor.move(view, at);
        sink += e.pid + e.ret;
      }),
    ],
  ];
  const target = new DataView(new ArrayBuffer(64));
  const value = codec.decode(view, 0) as BtfRecord;
  results.push([
    'encoded',
    rate(() => {
      codec.encode(target, 0, value as Parameters<typeof codec.encode>[2]);
    }),
  ]);
  if (sink === 0) throw new Error('nothing was read');
  return results;
}

function main(): void {
  if (!existsSync(file)) {
    console.log(`skipped: there is no ${file}`);
    return;
  }
  const samples: number[][] = [[], [], [], []];
  for (let i = 0; i < rounds; i++) {
    const child = spawnSync(process.execPath, [fileURLToPath(import.meta.url), 'cold', file], { encoding: 'utf8' });
    for (const [n, ms] of child.stdout.trim().split(' ').entries()) samples[n]?.push(Number(ms));
  }
  const bytes = new Uint8Array(readFileSync(file));
  const btf = new BtfReader(bytes);
  const rows: (readonly string[])[] = [
    ['index, cold', `${median(samples[0]).toFixed(1)} ms`],
    ['first search by name, cold', `${median(samples[1]).toFixed(1)} ms`],
    ['next search', `${median(samples[2]).toFixed(2)} ms`],
    ['first enumerator, cold', `${median(samples[3]).toFixed(1)} ms`],
    ['"did you mean" over all names', `${timed(() => btf.similar('task_strcut'))[0].toFixed(1)} ms`],
    [
      `all ${btf.size} types decoded`,
      `${timed(() => {
        for (let id = 1; id < btf.size; id++) btf.type(id);
      })[0].toFixed(0)} ms`,
    ],
    ['all types written', `${timed(() => encodeBtf(btf))[0].toFixed(0)} ms`],
    ['all types as C', `${timed(() => dumpAll(btf))[0].toFixed(0)} ms`],
  ];
  if (installed('bpftool')) {
    rows.push([
      'bpftool btf dump, raw',
      `${timed(() => execFileSync('bpftool', ['btf', 'dump', 'file', file], { maxBuffer: 1 << 30, stdio: ['ignore', 'ignore', 'ignore'] }))[0].toFixed(0)} ms`,
    ]);
    rows.push([
      'bpftool btf dump, as C',
      `${timed(() => execFileSync('bpftool', ['btf', 'dump', 'file', file, 'format', 'c'], { maxBuffer: 1 << 30, stdio: ['ignore', 'ignore', 'ignore'] }))[0].toFixed(0)} ms`,
    ]);
  }
  for (const [name, rate] of recordsPerSecond()) rows.push([name, `${rate.toFixed(1)} M records/s`]);
  printTable(rows);
}

if (process.argv[2] === 'cold') console.log(cold().join(' '));
else main();
