import assert from 'node:assert/strict';
import { test } from 'node:test';
import { compile } from '../../../src/compiler/compile.ts';
import { bccDialect } from '../../../src/compiler/dialect/bcc/dialect.ts';
import type { TargetFacts } from '../../../src/compiler/target-facts.ts';
import type { UsdtLocation, UsdtProgram } from '../../../src/compiler/usdt.ts';
import { parseUsdtArguments } from '../../../src/elf/usdt-arguments.ts';
import type { ObjectSpec } from '../../../src/object/spec.ts';
import { createMachine } from '../../../src/vm/machine.ts';
import { testFacts } from './front.ts';
import { PT_REGS, ptRegs } from './run.ts';

const at = (address: bigint, args: string, symbols?: ReadonlyMap<string, bigint>): UsdtLocation => ({
  address,
  arguments: parseUsdtArguments(args, 'x86_64'),
  ...(symbols === undefined ? {} : { symbols }),
});
const probe = (...locations: UsdtLocation[]): readonly UsdtProgram[] => [{ program: 'f', probe: 'app:work', locations }];

function made(
  body: string,
  usdt: readonly UsdtProgram[],
  changes: Partial<TargetFacts> = {},
): { readonly spec: ObjectSpec | undefined; readonly said: string[] } {
  const { spec, diagnostics, source } = compile(`${PT_REGS}int f(struct pt_regs *ctx) { ${body} }`, {
    facts: testFacts({ btf: undefined, ...changes }),
    dialect: bccDialect,
    usdt,
  });
  return { spec, said: diagnostics.map((d) => `${source.filePosition(d.loc)?.column ?? 0} ${d.code} ${d.message}`) };
}

function run(
  body: string,
  usdt: readonly UsdtProgram[],
  registers: (region: (bytes: Uint8Array) => bigint) => Readonly<Record<string, bigint>>,
  cookie = 0n,
): bigint {
  const { spec, said } = made(body, usdt);
  assert.deepEqual(said, []);
  const machine = createMachine(spec as ObjectSpec, { stackFill: 0xa5 });
  machine.state.cookie = cookie;
  return BigInt.asIntN(32, machine.run('f', { ctx: ptRegs(registers((bytes) => machine.region(bytes))) }).r0);
}

const long = (value: bigint): Uint8Array => new Uint8Array(BigInt64Array.of(0x1111n, value, 0x2222n, 0x3333n).buffer);
const READ = 'long v = 99; int r = bpf_usdt_readarg(1, ctx, &v); return r ? -1000 + r : v == (int)v ? v : 0x7fffffff;';

test('each form of argument is read as the compiler that wrote it meant', () => {
  const value = (args: string, registers: (region: (bytes: Uint8Array) => bigint) => Readonly<Record<string, bigint>>): bigint =>
    run(READ, probe(at(0x1000n, args)), registers);
  assert.equal(
    value('-4@%eax', () => ({ ax: 0xdead_ffff_fff0n })),
    -16n,
  );
  assert.equal(
    value('4@%eax', () => ({ ax: 0xdead_0000_0010n })),
    16n,
  );
  assert.equal(
    value('1@%ah', () => ({ ax: 0x7f12n })),
    0x7fn,
  );
  assert.equal(
    value('-1@%dl', () => ({ dx: 0x80n })),
    -128n,
  );
  assert.equal(
    value('2@%r9w', () => ({ r9: 0x1_ffffn })),
    0xffffn,
  );
  assert.equal(
    value('8@$-5', () => ({})),
    -5n,
  );
  assert.equal(
    value('-2@$65535', () => ({})),
    -1n,
  );
  assert.equal(
    value('-8@8(%rbp)', (region) => ({ bp: region(long(-7n)) })),
    -7n,
  );
  assert.equal(
    value('8@-8(%rsp)', (region) => ({ sp: region(long(12n)) + 16n })),
    12n,
  );
  assert.equal(
    value('-4@4(%rax,%rbx,4)', (region) => ({ ax: region(long(-9n)), bx: 1n })),
    -9n,
  );
});

test('constants, and what cannot be read is zero', () => {
  assert.equal(
    run(READ, probe(at(0x1000n, '8@0(%rax)')), () => ({ ax: 0n })),
    0n,
  );
});

test('a variable of the file, from the distance between it and the probe', () => {
  const usdt = probe(at(0x401000n, '-8@counter(%rip)', new Map([['counter', 0x404008n]])));
  assert.equal(
    run(READ, usdt, (region) => ({ ip: region(long(55n)) + 8n - 0x3008n })),
    55n,
  );
});

test('a probe at several places is read by where it was hit', () => {
  const usdt = probe(at(0x1010n, '4@%eax 4@%ecx'), at(0x2020n, '4@%edx'), at(0x3030n, '4@%eax'));
  const value = (ip: bigint): bigint => run(READ, usdt, () => ({ ip, ax: 1n, dx: 2n }));
  assert.deepEqual([value(0x7f00_0000_0010n), value(0x7f00_0000_0020n), value(0x7f00_0000_0030n)], [1n, 2n, 1n]);
  // The second argument is at one of them only.
  const second = READ.replace('readarg(1', 'readarg(2');
  assert.equal(
    run(second, usdt, () => ({ ip: 0x5010n, cx: 5n })),
    5n,
  );
  assert.equal(
    run(second, usdt, () => ({ ip: 0x5020n, cx: 5n })),
    -1001n,
  );
});

test('places that share their low bits are told apart by the cookie', () => {
  const usdt = probe(at(0x1010n, '4@%eax'), at(0x2010n, '4@%edx'));
  const value = (cookie: bigint): bigint => run(READ, usdt, () => ({ ip: 0x10n, ax: 1n, dx: 2n }), cookie);
  assert.deepEqual([value(0n), value(1n)], [1n, 2n]);
  assert.match(made(READ, usdt, { kernelVersion: 0x050a00 }).said[0] ?? '', /usdt-ambiguous argument 1 of probe app:work/);
});

test('readarg_p reads what the argument points to', () => {
  const body = 'char text[8] = {}; if (bpf_usdt_readarg_p(1, ctx, text, sizeof(text))) return -1; return text[0] << 8 | text[1];';
  assert.equal(
    run(body, probe(at(0x1000n, '8@%rdi')), (region) => ({ di: region(new TextEncoder().encode('hi there')) })),
    BigInt((0x68 << 8) | 0x69),
  );
});

test('destinations of other sizes, pointers, and a helper function', () => {
  const usdt = probe(at(0x1000n, '-4@%eax 8@%rdx'));
  assert.equal(
    run('u8 v = 0; bpf_usdt_readarg(1, ctx, &v); return v;', usdt, () => ({ ax: 0x1ffn })),
    0xffn,
  );
  assert.equal(
    run('char *p = 0; bpf_usdt_readarg(2, ctx, &p); return (long)p;', usdt, () => ({ dx: 0x1234n })),
    0x1234n,
  );
  const { spec, diagnostics } = compile(
    `${PT_REGS}static int get(void *c) { int v = 0; bpf_usdt_readarg(1, c, &v); return v; } int f(struct pt_regs *ctx) { return get(ctx); }`,
    { facts: testFacts({ btf: undefined }), dialect: bccDialect, usdt },
  );
  assert.deepEqual(diagnostics, []);
  assert.equal(createMachine(spec as ObjectSpec).run('f', { ctx: ptRegs({ ax: 3n }) }).r0, 3n);
});

test('arm64: registers by number', () => {
  const text =
    'struct pt_regs { u64 regs[31]; u64 sp; u64 pc; u64 pstate; };\nint f(struct pt_regs *ctx) { long v; bpf_usdt_readarg(1, ctx, &v); return v; }';
  const usdt: UsdtProgram[] = [
    { program: 'f', probe: 'a:b', locations: [{ address: 0n, arguments: parseUsdtArguments('-8@[x1, x2, lsl 3]', 'arm64') }] },
  ];
  const { spec, diagnostics } = compile(text, { facts: testFacts({ btf: undefined, arch: 'arm64' }), dialect: bccDialect, usdt });
  assert.deepEqual(diagnostics, []);
  const machine = createMachine(spec as ObjectSpec);
  const ctx = new BigUint64Array(34);
  ctx[1] = machine.region(long(77n));
  ctx[2] = 1n;
  assert.equal(machine.run('f', { ctx: new Uint8Array(ctx.buffer) }).r0, 77n);
});

test('mistakes', () => {
  const said = (call: string, usdt: readonly UsdtProgram[] = probe(at(0n, '4@%eax 8f@%xmm0'))): string | undefined =>
    made(`u64 v; struct { int a; } s; ${call}; return 0;`, usdt).said[0]?.replace(/^\d+ /, '');
  assert.match(
    said('bpf_usdt_readarg(1, ctx, &v)', []) ?? '',
    /^usdt-unknown-probe 'f' reads arguments of a USDT probe, and is enabled for none/,
  );
  assert.match(said('bpf_usdt_readarg(3, ctx, &v)') ?? '', /^usdt-no-such-argument probe app:work has 2 arguments; there is no number 3/);
  assert.match(
    said('bpf_usdt_readarg(2, ctx, &v)') ?? '',
    /^usdt-unreadable-argument argument 2 of probe app:work cannot be read: it is '8f@%xmm0'/,
  );
  assert.match(said('bpf_usdt_readarg(v, ctx, &v)') ?? '', /^usdt-argument-number /);
  assert.match(said('bpf_usdt_readarg(1, ctx, &s)') ?? '', /^usdt-destination /);
  assert.match(said('bpf_usdt_readarg(1, ctx, v)') ?? '', /^usdt-destination /);
  assert.match(said('bpf_usdt_readarg(1, ctx)') ?? '', /^bad-argument-count /);
});
