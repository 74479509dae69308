import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { ElfFile, parseUsdtArguments, ptRegsOffset, usdtProbes } from '../../../src/elf/index.ts';

const short = (text: string, machine: 'x86_64' | 'arm64'): unknown[] =>
  parseUsdtArguments(text, machine).map(({ size, signed, place }) => [signed ? -size : size, place]);

test('operands of x86-64', () => {
  assert.deepEqual(short('-4@%eax 8@%r10 1@%ah 2@%r9w 1@%sil -1@%bl', 'x86_64'), [
    [-4, { kind: 'register', register: 'ax', shift: 0 }],
    [8, { kind: 'register', register: 'r10', shift: 0 }],
    [1, { kind: 'register', register: 'ax', shift: 8 }],
    [2, { kind: 'register', register: 'r9', shift: 0 }],
    [1, { kind: 'register', register: 'si', shift: 0 }],
    [-1, { kind: 'register', register: 'bx', shift: 0 }],
  ]);
  assert.deepEqual(short('8@$5 -4@$-1 8@-16(%rbp) 4@8(%rax,%rbx,8) 8@(%rdi) 4@(%rax,%rcx) 8@8+-24(%rbp)', 'x86_64'), [
    [8, { kind: 'constant', value: 5n }],
    [-4, { kind: 'constant', value: -1n }],
    [8, { kind: 'memory', base: 'bp', offset: -16n }],
    [4, { kind: 'memory', base: 'ax', offset: 8n, index: { register: 'bx', shift: 3 } }],
    [8, { kind: 'memory', base: 'di', offset: 0n }],
    [4, { kind: 'memory', base: 'ax', offset: 0n, index: { register: 'cx', shift: 0 } }],
    [8, { kind: 'memory', base: 'bp', offset: -16n }],
  ]);
  assert.deepEqual(short('4@counter(%rip) -8@table+16(%rip) 8@4+table(%rip)', 'x86_64'), [
    [4, { kind: 'symbol', symbol: 'counter', offset: 0n }],
    [-8, { kind: 'symbol', symbol: 'table', offset: 16n }],
    [8, { kind: 'symbol', symbol: 'table', offset: 4n }],
  ]);
});

test('operands of arm64', () => {
  assert.deepEqual(short('-4@x0 8@[sp, 24] 4@5 8@[x1, x2, lsl 3] 1@[x29] 4@[x0, w1, sxtw 2] 8@w30 8@xzr 8@[x3, -8]', 'arm64'), [
    [-4, { kind: 'register', register: 'regs[0]', shift: 0 }],
    [8, { kind: 'memory', base: 'sp', offset: 24n }],
    [4, { kind: 'constant', value: 5n }],
    [8, { kind: 'memory', base: 'regs[1]', offset: 0n, index: { register: 'regs[2]', shift: 3 } }],
    [1, { kind: 'memory', base: 'regs[29]', offset: 0n }],
    [4, { kind: 'memory', base: 'regs[0]', offset: 0n, index: { register: 'regs[1]', shift: 2, extend: 'signed' } }],
    [8, { kind: 'register', register: 'regs[30]', shift: 0 }],
    [8, { kind: 'constant', value: 0n }],
    [8, { kind: 'memory', base: 'regs[3]', offset: -8n }],
  ]);
});

test('what is not known stays one argument, and nothing is thrown', () => {
  for (const text of ['8f@%xmm0', '4@', '@', '3@%eax', '8@%nope', '8@(%rax,%rbx,3)', '8@[x0', '8@1(2(3', '16@%rax', '8@x(%rax)', '-']) {
    for (const machine of ['x86_64', 'arm64'] as const) {
      const [argument, ...more] = parseUsdtArguments(text, machine);
      assert.equal(argument?.place.kind, 'unknown', `${machine} ${text}`);
      assert.deepEqual(more, []);
    }
  }
  assert.deepEqual(parseUsdtArguments('', 'x86_64'), []);
  assert.equal(parseUsdtArguments('8f@%xmm0 4@%eax', 'x86_64')[1]?.place.kind, 'register');
});

test('offsets of registers are those of struct pt_regs', () => {
  assert.deepEqual(
    ['r15', 'bp', 'ax', 'di', 'ip', 'sp', 'nope'].map((r) => ptRegsOffset(r, 'x86_64')),
    [0, 32, 80, 112, 128, 152, undefined],
  );
  assert.deepEqual(
    ['regs[0]', 'regs[30]', 'sp', 'pc'].map((r) => ptRegsOffset(r, 'arm64')),
    [0, 240, 248, 256],
  );
});

/** Arguments as compilers place them: in registers, on the stack, in arrays, in the file's own variables, as constants. */
const PROBES = `
#include <sys/sdt.h>
static int counter; static long table[64]; char letters[16]; struct { short a; unsigned char b; } pair;
__attribute__((noinline)) long work(int a, long b, char *c, unsigned short d, signed char e, unsigned long i) {
  volatile int local = a; volatile short wide[8]; long many[12];
  for (int k = 0; k < 12; k++) many[k] = b * k;
  wide[i & 7] = d;
  DTRACE_PROBE6(t, first, a, b, c, d, e, i);
  DTRACE_PROBE5(t, second, local, wide[i & 7], table[i & 63], counter, 42);
  DTRACE_PROBE6(t, third, letters[i & 15], pair.a, pair.b, many[i % 12], -3, c[i]);
  DTRACE_PROBE3(t, fourth, many[0] + many[1], &local, "text");
  return many[i % 12] + local;
}
int main(int argc, char **argv) { counter = argc; return work(argc, argc * 3l, argv[0], 7, -1, argc); }
`;

test('operands that gcc and clang write are all understood', { skip: missing() }, () => {
  const folder = mkdtempSync(join(tmpdir(), 'skep-usdt-'));
  try {
    writeFileSync(join(folder, 'p.c'), PROBES);
    for (const compiler of ['gcc', 'clang-19']) {
      for (const level of ['-O0', '-O1', '-O2', '-Os']) {
        const out = join(folder, 'p');
        const made = spawnSync(compiler, [level, '-o', out, join(folder, 'p.c')], { encoding: 'utf8' });
        assert.equal(made.status, 0, made.stderr);
        const probes = usdtProbes(new ElfFile(readFileSync(out)));
        assert.equal(new Set(probes.map((p) => p.name)).size, 4);
        for (const probe of probes) {
          const args = parseUsdtArguments(probe.arguments, process.arch === 'arm64' ? 'arm64' : 'x86_64');
          assert.equal(args.length, { first: 6, second: 5, third: 6, fourth: 3 }[probe.name], probe.arguments);
          for (const a of args) assert.notEqual(a.place.kind, 'unknown', `${compiler} ${level}: ${a.text}`);
        }
      }
    }
  } finally {
    rmSync(folder, { recursive: true });
  }
});

function missing(): string | false {
  const has = (compiler: string): boolean =>
    spawnSync(compiler, ['-fsyntax-only', '-include', 'sys/sdt.h', '-xc', '/dev/null'], { encoding: 'utf8' }).status === 0;
  if (!['x64', 'arm64'].includes(process.arch)) return `no operands of ${process.arch} are known`;
  return has('gcc') && has('clang-19') ? false : 'needs gcc, clang-19 and systemtap-sdt-dev';
}
