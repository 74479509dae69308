import assert from 'node:assert/strict';
import { test } from 'node:test';
import { IrParseError, parseFunction, parseModule } from '../../../src/compiler/ir/parse.ts';
import { printFunction, printModule } from '../../../src/compiler/ir/print.ts';

/** One of each instruction and terminator, in the printer's own form. */
const EVERYTHING = `global counter .data size=8 align=8 static btf=3 data=01000000000000ff
global zero .bss size=4 align=4 global readonly volatile
function f(ptr %ctx space=ctx, i32 %n, i64 %w): i64 static auto program=tracing:trace_fentry {
b0:
  %1 = alloca 16 align 8 "key"
  %2 = ext i64 u32 %n
  %3 = load i32 u16 %1+4
  %4 = load ptr u64 %ctx-8 volatile space=kernel result=user pointee=record align=2 core=fieldByteOffset,7,0:1:2,16
  store 64 -1, %1+8 align=4
  store 8 255, %1 volatile
  store 64 null, %1
  %5 = add i32 %3, 5
  %6 = ashr i64 %w, 3
  %7 = ptradd %1, -8
  %8 = cmp ult i32 %5, 10
  %9 = cmp eq ptr %4, null
  %10 = trunc %6
  %11 = ptrtoint %7
  %12 = inttoptr %11 space=user pointee=other
  %13 = spacecast kernel %12
  %14 = bswap i32 16 %5
  %15 = select i64 %8, %6, 9
  memcpy %1, %13, 16 align 8 move
  memset %1, 0, 16 align 8
  %16 = memcmp %1, %7, 3 align 1
  %17 = mapaddr "events"
  %18 = globaladdr "counter"+4
  %19 = funcaddr "callback"
  %20 = ksymaddr "bpf_prog_active" typed weak
  %21 = call i64 helper 1 map_lookup_elem(%17, 5:i32, 7) result=map
  call void function g(%2)
  %22 = call ptr kfunc bpf_task_from_pid weak(%5)
  %23 = atomic add fetch 64 %2, %1+8
  atomic xor 32 1, %1
  %24 = atomic cmpxchg fetch 32 1, %1, 0
  %25 = ldpacket 16 %ctx+12, %2
  %26 = core typeSize,4,0,24
  %27 = asm "%0 += %1" ("=r" i64, "+r" i32 tied 0) ("r" %2) ("memory")
  %28 = asmout i64 %27 0
  branch %8, b29, b30 likely
b29: unroll=full
  %31 = phi i32 [b0: %5, b29: %32]
  %32 = add i32 %31, 1
  switch i32 signed %32 {-3 to 5: b29, 9: b30} else b33
b30:
  unreachable
b33:
  jump b34
b34: unroll=4
  return undef:i64
}
`;

test('text of every construct survives parsing and printing', () => {
  assert.equal(printModule(parseModule(EVERYTHING)), EVERYTHING);
});

test('names are free and may be used before their definition', () => {
  const fn = parseFunction(`
    function loop(i32 %n): i32 static auto {
    b0:
      jump b1
    b1:           # the header
      %i = phi i32 [b0: 0, b1: %next]
      %next = add i32 %i, 1
      %more = cmp ult i32 %next, %n
      branch %more, b1, b2
    b2:
      return %next
    }`);
  const header = fn.blocks[1];
  assert.equal(header?.insts.length, 3);
  const phi = header?.insts[0];
  assert.ok(phi?.op === 'phi');
  assert.equal(phi.incoming[1]?.value, header?.insts[1]);
  assert.equal(new Set(fn.blocks.flatMap((b) => [b.id, ...b.insts.map((i) => i.id)])).size, 6);
  assert.equal(printFunction(parseFunction(printFunction(fn))), printFunction(fn));
});

test('locations are kept', () => {
  const text = 'function f(): void static auto {\nb0:\n  return !17\n}\n';
  assert.equal(printFunction(parseFunction(text), { locs: true }), text);
});

test('text that is not IR is an error with its line', () => {
  for (const [text, message] of [
    ['function f(): void static auto {\nb0:\n  %1 = frob i32 1\n', /line 3: unknown instruction frob/],
    ['function f(): void static auto {\nb0:\n  jump b9\n}\n', /undefined block b9/],
    ['function f(): void static auto {\nb0:\n  store 8 %q, null\n  return\n}\n', /undefined %q/],
    ['function f(): void static auto {\nb0:\n', /without }/],
    ['nonsense', /expected global or function/],
  ] as const)
    assert.throws(
      () => parseModule(text),
      (e) => e instanceof IrParseError && message.test(e.message),
    );
});
