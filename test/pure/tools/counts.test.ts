/** The parts that counting tools share: what is shown is what was added since, and system calls have the names of libc's headers. */
import assert from 'node:assert/strict';
import { execFileSync, spawnSync } from 'node:child_process';
import test from 'node:test';
import type { BPF } from '../../../src/bcc/bpf.ts';
import type { Table } from '../../../src/bcc/table.ts';
import { UsageError } from '../../../src/kernel/errors.ts';
import { parseTrace } from '../../../src/tools/language/trace-spec.ts';
import { Histograms } from '../../../src/tools/parts/hist.ts';
import { Sums } from '../../../src/tools/parts/sums.ts';
import { Syscalls } from '../../../src/tools/parts/syscalls.ts';
import { TraceLines } from '../../../src/tools/parts/trace-lines.ts';

/** As much of a table as the parts take; `drain` empties a hash. */
function table<V>(type: 'array' | 'hash', content: Map<unknown, V>): Table {
  return {
    map: { spec: { type } },
    entries: () => [...content].values(),
    drain: () => {
      const all = [...content];
      content.clear();
      return all.values();
    },
  } as unknown as Table;
}

test('histograms of an array: what was added since the last time, and only what was', () => {
  const content = new Map<unknown, { total: bigint; slots: bigint[] }>([
    [0, { total: 70n, slots: [0n, 2n, 5n] }],
    [1, { total: 0n, slots: [0n, 0n, 0n] }],
  ]);
  const histograms = new Histograms<number>(table('array', content));
  assert.deepEqual(histograms.take(), [{ key: 0, slots: [0n, 2n, 5n], count: 7n, total: 70n }]);
  assert.deepEqual(histograms.take(), []);
  content.set(0, { total: 75n, slots: [0n, 2n, 6n] });
  content.set(1, { total: 3n, slots: [0n, 1n, 0n] });
  assert.deepEqual(histograms.take(), [
    { key: 0, slots: [0n, 0n, 1n], count: 1n, total: 5n },
    { key: 1, slots: [0n, 1n, 0n], count: 1n, total: 3n },
  ]);
});

test('histograms of a hash are taken out of it', () => {
  const content = new Map<unknown, { slots: bigint[] }>([[7, { slots: [0n, 1n] }]]);
  const histograms = new Histograms<number>(table('hash', content));
  assert.deepEqual(histograms.take(), [{ key: 7, slots: [0n, 1n], count: 1n, total: 0n }]);
  assert.equal(content.size, 0);
  content.set(7, { slots: [0n, 2n] });
  assert.deepEqual(histograms.take(), [{ key: 7, slots: [0n, 2n], count: 2n, total: 0n }]);
});

test('sums: the increase of each counter, also where keys are structs', () => {
  const key = () => ({ irq: 3, action: 5n });
  let now = { count: 4n, ns: 100n };
  const sums = new Sums<ReturnType<typeof key>, typeof now>({
    map: { spec: { type: 'hash' } },
    entries: () => [[key(), now]].values(),
  } as unknown as Table);
  const id = ({ irq, action }: ReturnType<typeof key>): string => `${irq} ${action}`;
  assert.deepEqual(sums.take(id), [[key(), { count: 4n, ns: 100n }]]);
  now = { count: 6n, ns: 150n };
  assert.deepEqual(sums.take(id), [[key(), { count: 2n, ns: 50n }]]);
});

const gcc = spawnSync('gcc', ['--version']).status === 0;

test('names of system calls are those of the installed headers', { skip: !gcc && 'needs gcc' }, () => {
  const text = execFileSync('gcc', ['-E', '-dM', '-'], { input: '#include <asm/unistd.h>\n', encoding: 'utf8' });
  const calls = new Syscalls(process.arch === 'arm64' ? 'arm64' : 'x86_64');
  let compared = 0;
  for (const [, name = '', number] of text.matchAll(/^#define __NR_(\w+) (\d+)$/gm)) {
    assert.equal(calls.name(Number(number)), name);
    assert.equal(calls.number(name), Number(number));
    compared++;
  }
  assert.ok(compared > 250, `${compared} names`);
  assert.equal(calls.name(1000), '[unknown: 1000]');
  assert.throws(
    () => calls.number('opnat'),
    (error) => error instanceof UsageError && error.suggestions.includes('openat'),
  );
});

test("trace: the user's own format goes out as it is, and what was traced is made safe", () => {
  const probe = { spec: parseTrace(String.raw`c:f "a\tb\n%s %c %U", arg1, arg2, arg3`), number: 1, syscall: false };
  const none = { name: undefined, message: undefined };
  const off = { timestamp: false, unix: false, timeOfDay: false, cpu: false, kernelStack: false, userStack: false, address: false };
  const names = { sym: () => 'f\x1b[2J' } as unknown as BPF;
  const lines = new TraceLines(names, [probe], { ...none, ...off });
  const common = { time: 0n, number: 1, tgid: 7, pid: 8, cpu: 0, kernel_stack: -1, user_stack: -1, comm: 'x\ty' };
  const line = lines.line({ ...common, v0: 'p\nq', v1: 7, v2: 1n });
  assert.equal(line?.text, `${'7'.padEnd(8)}${'8'.padEnd(8)}${'x\\x09y'.padEnd(16)}${'f'.padEnd(17)}a\tb\np\\x0aq \\x07 f\\x1b[2J`);
});
