/**
 * What particular IR becomes, instruction by instruction. The expectations are worked out by hand from the instruction
 * set: each is the shortest way there is.
 */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Diagnostics } from '../../../src/compiler/diagnostics.ts';
import { parseModule } from '../../../src/compiler/ir/parse.ts';
import { emitFunction } from '../../../src/compiler/target/emit-function.ts';
import { disassemble } from '../../../src/isa/disassemble.ts';
import type { FunctionSpec } from '../../../src/object/spec.ts';

type Cpu = 1 | 2 | 3 | 4;

function compile(text: string, cpu: Cpu = 3): { spec: FunctionSpec; said: string[] } {
  const module = parseModule(text);
  const fn = module.functions.values().next().value;
  assert.ok(fn);
  const diagnostics = new Diagnostics();
  const spec = emitFunction(fn, module, {
    cpu,
    diagnostics,
    resolve: (loc) => (loc === 0 ? undefined : { file: 't.c', line: loc, column: 1 }),
  });
  return { spec, said: diagnostics.list.map((d) => `${d.loc} ${d.code} ${d.message}`) };
}

/** The instructions as text, without numbers and opcodes. */
function code(body: string, cpu: Cpu = 3, head = 'i64 static'): string[] {
  const [params, text] = body.includes('|') ? (body.split('|') as [string, string]) : ['i64 %a, i64 %b', body];
  const lines = /^\s*b\d+:/.test(text) ? text : `b0:\n${text}`;
  const { spec, said } = compile(`function f(${params}): ${head} auto {\n${lines}\n}`, cpu);
  assert.deepEqual(said, []);
  return disassemble(spec.insns)
    .split('\n')
    .map((l) => l.replace(/^\s*\d+: \(..\) /, '').trim())
    .filter(Boolean);
}

test('arithmetic happens in place', () => {
  assert.deepEqual(code('%1 = add i64 %a, %b\nreturn %1'), ['r0 = r1', 'r0 += r2', 'exit']);
  assert.deepEqual(code('%1 = sub i64 0, %a\nreturn %1'), ['r0 = r1', 'r0 = -r0', 'exit']);
  assert.deepEqual(code('%1 = bswap i64 32 %a\nreturn %1'), ['r0 = r1', 'r0 = be32 r0', 'exit']);
});

test('a result that lives on is copied once', () => {
  assert.deepEqual(code('%1 = call i64 helper 5 t()\n%2 = add i64 %1, 1\n%3 = mul i64 %2, %1\nreturn %3', 3), [
    'call unknown#5',
    'r1 = r0',
    'r0 += 1',
    'r0 *= r1',
    'exit',
  ]);
});

test('constants in as few slots as there is a way', () => {
  assert.deepEqual(code('return 5:i64'), ['r0 = 5', 'exit']);
  assert.deepEqual(code('return 4294967295:i64'), ['w0 = -1', 'exit']);
  assert.deepEqual(code('return 4294967296:i64'), ['r0 = 0x100000000', 'exit']);
  assert.deepEqual(code('return 4294967295:i64', 2), ['r0 = 0xffffffff', 'exit']);
  assert.deepEqual(code('return -1:i32', 3, 'i32 static'), ['r0 = -1', 'exit']);
  assert.deepEqual(code('%1 = and i64 %a, 1099511627775\nreturn %1'), ['r0 = r1', 'r0 <<= 24', 'r0 >>= 24', 'exit']);
});

test('extensions that change nothing are no instructions', () => {
  assert.deepEqual(code('ptr %p | %1 = load i32 u32 %p\n%2 = ext i64 u32 %1\nreturn %2'), ['r0 = *(u32 *)(r1 +0)', 'exit']);
  assert.deepEqual(code('ptr %p | %1 = load i32 u16 %p\n%2 = ext i64 s32 %1\nreturn %2'), ['r0 = *(u16 *)(r1 +0)', 'exit']);
  assert.deepEqual(code('ptr %p | %1 = load i32 u32 %p\n%2 = add i32 %1, 1\n%3 = ext i64 u32 %2\nreturn %3'), [
    'r0 = *(u32 *)(r1 +0)',
    'w0 += 1',
    'exit',
  ]);
  assert.deepEqual(code('%1 = trunc %a\n%2 = ext i64 u32 %1\nreturn %2'), ['w0 = w1', 'exit']);
});

test('sign extension', () => {
  const load = 'ptr %p | %1 = load i64 s8 %p+3\nreturn %1';
  assert.deepEqual(code(load, 3), ['r0 = *(u8 *)(r1 +3)', 'r0 <<= 56', 'r0 s>>= 56', 'exit']);
  assert.deepEqual(code(load, 4), ['r0 = *(s8 *)(r1 +3)', 'exit']);
  assert.deepEqual(code('%1 = trunc %a\n%2 = ext i64 s32 %1\nreturn %2', 3), ['r0 = r1', 'r0 <<= 32', 'r0 s>>= 32', 'exit']);
  assert.deepEqual(code('%1 = trunc %a\n%2 = ext i64 s32 %1\nreturn %2', 4), ['r0 = (s32)r1', 'exit']);
});

test('signed division before v4 and in v4', () => {
  assert.deepEqual(code('%1 = sdiv i64 %a, %b\nreturn %1', 4), ['r0 = r1', 'r0 s/= r2', 'exit']);
  const v3 = code('%1 = sdiv i64 %a, %b\nreturn %1', 3);
  assert.ok(v3.some((l) => /^r\d \/= r\d$/.test(l)) && !v3.some((l) => l.includes('s/=')), v3.join('\n'));
});

test('constant offsets go into the memory operand', () => {
  assert.deepEqual(code('ptr %p | %1 = ptradd %p, 16\n%2 = load i64 u64 %1+8\nreturn %2'), ['r0 = *(u64 *)(r1 +24)', 'exit']);
  assert.deepEqual(code('ptr %p | %1 = ptradd %p, 40000\n%2 = load i64 u64 %1\nreturn %2'), [
    'r1 += 40000',
    'r0 = *(u64 *)(r1 +0)',
    'exit',
  ]);
});

test('stack objects are addressed from r10', () => {
  assert.deepEqual(code('ptr %p | %1 = alloca 8 align 8 "x"\n%2 = ptradd %1, 4\nstore 32 7, %2\n%3 = call i64 helper 5 t(%2)\nreturn %3'), [
    '*(u32 *)(r10 -4) = 7',
    'r1 = r10',
    'r1 += -4',
    'call unknown#5',
    'exit',
  ]);
});

test('immediates are stored from a register where the function reads them back, until v4', () => {
  const text = 'ptr %p | %1 = alloca 8 align 8 "x"\nstore 64 7, %1\n%2 = call i64 helper 5 t(%1)\n%3 = load i64 u64 %1\nreturn %3';
  assert.deepEqual(code(text, 3).slice(0, 2), ['r1 = 7', '*(u64 *)(r10 -8) = r1']);
  assert.deepEqual(code(text, 4).slice(0, 1), ['*(u64 *)(r10 -8) = 7']);
});

test('the context is not written by immediates before v4', () => {
  const text = (op: string): string => `ptr %c space=ctx | store 32 1, %c+48\n${op}`;
  assert.deepEqual(code(text('return 0:i64'), 3), ['r2 = 1', '*(u32 *)(r1 +48) = r2', 'r0 = 0', 'exit']);
  assert.deepEqual(code(text('return 0:i64'), 4), ['*(u32 *)(r1 +48) = 1', 'r0 = 0', 'exit']);
});

const branching = (cond: string, params = 'i64 %a, i64 %b'): string =>
  `${params} | b0:\n${cond}\nbranch %9, b1, b2\nb1:\nreturn 7:i64\nb2:\n%20 = call i64 helper 5 t()\nreturn %20`;

test('a comparison that decides a branch is the branch', () => {
  assert.deepEqual(code(branching('%9 = cmp ult i64 %a, %b')), ['if r1 < r2 goto pc+2', 'call unknown#5', 'exit', 'r0 = 7', 'exit']);
  assert.deepEqual(code(branching('%9 = cmp slt i32 %a, 5', 'i32 %a')), [
    'if w1 s< 0x5 goto pc+2',
    'call unknown#5',
    'exit',
    'r0 = 7',
    'exit',
  ]);
  // Known to be zero-extended: the verifier learns about the whole register.
  assert.deepEqual(code(branching('%1 = load i32 u16 %p\n%9 = cmp ult i32 %1, 5', 'ptr %p'))[1], 'if r1 < 0x5 goto pc+2');
});

test('bit tests are one instruction', () => {
  assert.deepEqual(code(branching('%1 = and i64 %a, 64\n%9 = cmp ne i64 %1, 0')), [
    'if r1 & 0x40 goto pc+2',
    'call unknown#5',
    'exit',
    'r0 = 7',
    'exit',
  ]);
  assert.deepEqual(code(branching('%1 = and i64 %a, 64\n%9 = cmp eq i64 %1, 0'))[0], 'if r1 & 0x40 goto pc+2');
});

test('v1 has no less-than', () => {
  assert.deepEqual(code(branching('%9 = cmp ult i64 %a, %b'), 1)[0], 'if r2 > r1 goto pc+2');
  const v1 = code(branching('%9 = cmp ule i64 %a, 9'), 1);
  assert.equal(v1[0], 'if r1 > 0x9 goto pc+2');
  assert.ok(!v1.some((l) => / s?<=? /.test(l)));
});

test('an index keeps one register from its check to its use', () => {
  const lines = code(
    'i64 %a, ptr %p | b0:\n%1 = trunc %a\n%2 = cmp ult i32 %1, 64\nbranch %2, b1, b2\nb1:\n%3 = ext i64 u32 %1\n%4 = ptradd %p, %3\n%5 = load i64 u8 %4\nreturn %5\nb2:\nreturn 0:i64',
  );
  assert.deepEqual(lines, ['w1 = w1', 'if r1 < 0x40 goto pc+2', 'r0 = 0', 'exit', 'r2 += r1', 'r0 = *(u8 *)(r2 +0)', 'exit']);
});

test('what a condition decides is computed by one branch', () => {
  assert.deepEqual(
    code(
      'i32 %a, i32 %n | %1 = add i32 %a, 0\n%2 = cmp ugt i32 %1, 255\n%3 = shl i32 %2, 3\n%4 = lshr i32 %1, %3\n%5 = or i32 %4, %3\n%6 = ext i64 u32 %5\nreturn %6',
    ).length <= 8,
    true,
  );
  // r = a + (a > 9): no number is made of the comparison.
  assert.deepEqual(code('ptr %p | %1 = load i32 u32 %p\n%2 = cmp ugt i32 %1, 9\n%3 = add i32 %1, %2\n%4 = ext i64 u32 %3\nreturn %4'), [
    'r0 = *(u32 *)(r1 +0)',
    'if r0 <= 0x9 goto pc+1',
    'w0 += 1',
    'exit',
  ]);
});

test('atomics', () => {
  assert.deepEqual(code('ptr %p, i64 %v | atomic add 64 %v, %p+8\nreturn 0:i64'), ['lock *(u64 *)(r1 +8) += r2', 'r0 = 0', 'exit']);
  assert.deepEqual(code('ptr %p, i64 %v | %1 = atomic add fetch 64 %v, %p+8\nreturn %1'), [
    'r0 = r2',
    'r0 = atomic64_fetch_add((u64 *)(r1 +8), r0)',
    'exit',
  ]);
  assert.deepEqual(code('ptr %p, i64 %v, i64 %e | %1 = atomic cmpxchg fetch 64 %v, %p, %e\nreturn %1'), [
    'r0 = r3',
    'r0 = atomic64_cmpxchg((u64 *)(r1 +0), r0, r2)',
    'exit',
  ]);
  const { said } = compile('function f(ptr %p, i64 %v): i64 static auto {\nb0:\n%1 = atomic add fetch 64 %v, %p !7\nreturn %1\n}', 2);
  assert.deepEqual(said, ['7 atomic-needs-v3 this atomic operation needs instruction set v3, the target has v2']);
});

test('packet loads take the context in r6', () => {
  assert.deepEqual(
    code('ptr %c space=ctx | %1 = ldpacket 16 %c+12\n%2 = ldpacket 8 %c+23\n%3 = add i32 %1, %2\n%4 = ext i64 u32 %3\nreturn %4').slice(
      0,
      3,
    ),
    ['r6 = r1', 'r0 = *(u16 *)skb[12]', 'r7 = r0'],
  );
});

test('calls: arguments in place, at most five, none through pointers', () => {
  assert.deepEqual(
    code(
      '%1 = mapaddr "m"\n%2 = alloca 4 align 4 "k"\nstore 32 0, %2\n%3 = call ptr helper 1 bpf_map_lookup_elem(%1, %2)\n%4 = ptrtoint %3\nreturn %4',
    ),
    ['*(u32 *)(r10 -4) = 0', 'r1 = map[id:0]', 'r2 = r10', 'r2 += -4', 'call unknown#1', 'exit'],
  );
  const many = compile('function f(): i64 static auto {\nb0:\n%1 = call i64 helper 6 g(1, 2, 3, 4, 5, 6) !9\nreturn %1\n}');
  assert.deepEqual(many.said, ['9 too-many-arguments g is called with 6 arguments; a BPF call passes at most 5']);
  const through = compile('function f(ptr %p): i64 static auto {\nb0:\n%1 = call i64 indirect(%p) !4\nreturn %1\n}');
  assert.deepEqual(through.said, ['4 indirect-call BPF cannot call through a pointer; the called function must be known here']);
});

test('references name what the linker must fill in', () => {
  const { spec } = compile(`global g .data size=8 align=8 global
global h .data size=8 align=8 global
global CONFIG_HZ .kconfig size=4 align=4 extern
function f(): i64 static auto {
b0:
  %1 = mapaddr "m"
  %2 = globaladdr "h"
  %3 = funcaddr "cb"
  %4 = ksymaddr "runqueues" typed weak
  %5 = call i64 helper 9 x(%1, %2, %3, %4)
  %6 = call i64 function sub(%5)
  %7 = call i64 kfunc bpf_k weak(%6)
  %8 = globaladdr "CONFIG_HZ"
  %9 = load i64 u32 %8
  return %9
}`);
  assert.deepEqual(
    spec.refs.map((r) => r.to),
    [
      { kind: 'map', map: 'm' },
      { kind: 'mapValue', map: '.data', offset: 8 },
      { kind: 'functionAddress', function: 'cb' },
      { kind: 'ksym', name: 'runqueues', typed: true, weak: true },
      { kind: 'call', function: 'sub' },
      { kind: 'kfunc', name: 'bpf_k', weak: true },
      { kind: 'kconfig', name: 'CONFIG_HZ', weak: false },
    ],
  );
});

test('relocated accesses keep the relocation as their whole offset', () => {
  const { spec } = compile(
    'function f(ptr %p): i64 static auto {\nb0:\n%1 = load i64 u64 %p+16 core=fieldByteOffset,3,0:1,24\n%2 = core typeSize,3,0,40\n%3 = add i64 %1, %2\nreturn %3\n}',
  );
  assert.deepEqual(spec.core, [
    { insn: 1, kind: 'fieldByteOffset', type: 3, access: '0:1' },
    { insn: 2, kind: 'typeSize', type: 3, access: '0' },
  ]);
  assert.equal(spec.insns[1]?.off, 24);
  assert.equal(spec.insns[2]?.imm, 40);
});

test('inline assembly gets registers for its operands', () => {
  const lines = code(
    'i64 %a, i64 %b | %1 = asm "%0 += %2; %0 <<= %3" ("=r" i64 tied 0) ("0" %a, "r" %b, "i" 3:i64) ()\n%2 = asmout i64 %1 0\nreturn %2',
  );
  assert.deepEqual(lines, ['r0 = r1', 'r0 += r2', 'r0 <<= 3', 'exit']);
  assert.deepEqual(code('i64 %a, i64 %b | %1 = asm "" ("=r" i64 tied 0) ("0" %a) ("memory")\n%2 = asmout i64 %1 0\nreturn %2'), [
    'r0 = r1',
    'exit',
  ]);
  const bad = compile('function f(i64 %a): i64 static auto {\nb0:\n%1 = asm "r0 ?? 1" () () () !5\nreturn %a\n}');
  assert.equal(bad.said.length, 1);
  assert.match(bad.said[0] as string, /^5 asm-syntax /);
});

test('positions: a row per change, the first instruction always has one', () => {
  const { spec } = compile(
    'function f(ptr %p): i64 static auto {\nb0:\n%1 = load i64 u64 %p !3\n%2 = add i64 %1, 1 !3\n%3 = call i64 helper 5 t(%2) !4\nreturn %3 !6\n}',
  );
  assert.deepEqual(
    spec.lines.map((l) => l.line),
    [3, 4, 6],
  );
  assert.equal(spec.lines[0]?.insn, 0);
});

test('ends that are alike are kept once, with the question that they end in', () => {
  // Both arms ask the map for a key of their own; the objects share their place on the stack.
  const text = code(
    `i64 %a, i64 %b|
b0:
  %k1 = alloca 4 align 4
  %k2 = alloca 4 align 4
  %c = cmp eq i64 %a, 7
  branch %c, b1, b2
b1:
  store 32 1, %k1
  %m1 = mapaddr "counts"
  %p1 = call ptr helper 1 map_lookup_elem(%m1, %k1)
  %z1 = cmp eq ptr %p1, 0
  branch %z1, b3, b4
b2:
  store 32 2, %k2
  %m2 = mapaddr "counts"
  %p2 = call ptr helper 1 map_lookup_elem(%m2, %k2)
  %z2 = cmp eq ptr %p2, 0
  branch %z2, b3, b4
b3:
  return 0:i64
b4:
  return 1:i64`,
    3,
  );
  assert.equal(text.filter((l) => l.startsWith('call')).length, 1, text.join('\n'));
  assert.equal(text.filter((l) => l.startsWith('if')).length, 2, text.join('\n'));
});
