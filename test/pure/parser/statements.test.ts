import assert from 'node:assert/strict';
import { test } from 'node:test';
import { bodyOf, complaints, logOf, parseText } from './fake-actions.ts';

const cases = (name: string, table: Readonly<Record<string, string>>): void => {
  for (const [text, expected] of Object.entries(table)) test(`${name}: ${text}`, () => assert.equal(bodyOf(text), expected));
};

cases('statements', {
  'if (a) b; else if (c) d; else e;': 'if a b; else if c d; else e;',
  'if (a) if (b) c; else d;': 'if a if b c; else d;',
  'while (a) b;': 'while[|a|] b;',
  'do a; while (b); c;': 'do[|b|] a; c;',
  'for (;;) ;': 'for[||] ;',
  'for (i = 0; i < 3; i++) a;': 'for[(i = 0);|(i < 3)|(i++)] a;',
  'for (int i = 0, j; i < 3; i++, j++) { a; }': 'for[var i,j;|(i < 3)|((i++) , (j++))] {a;}',
  'for (u32 i = 0; ; ) break;': 'for[var i;||] break;',
  'switch (a) { case 1: b; break; case 2 ... 5: default: c; }': 'switch a {case 1: b; break; case 2...5: default: c;}',
  'switch (a) case 1: b;': 'switch a case 1: b;',
  'switch (a) { case 1: int x; case 2: }': 'switch a {case 1: var x; case 2: ;}',
  'return; return a, b;': 'return ; return (a , b);',
  'goto out; a; out: b;': 'goto out; a; out: b;',
  'out: __attribute__((unused)) ;': 'out: ;',
  'goto end; end: ;': 'goto end; end: ;',
  'goto end; end: }  void g(void) {': 'goto end; end: ;',
  '__attribute__((fallthrough)); [[fallthrough]];': '; ;',
  '__attribute__((__attribute__((__fallthrough__)))); [[__attribute__((__fallthrough__))]]; [[clang::fallthrough]];': '; ; ;',
  '__attribute__((unused)) int x; [[likely]] a;': 'var x; a;',
  '__extension__ int x; __extension__ (a);': 'var x; a;',
  'u32: a; goto u32;': 'u32: a; goto u32;',
  'a; ; { } { b; }': 'a; ; {} {b;}',
  'struct s { int a; } x; enum { A } y; typedef int T; T z;': 'var x; var y; var z;',
  '_Static_assert(1, ""); static_assert(1); a;': 'a;',
  'x = &&l; l: a;': '(x = &&l); l: a;',
});

cases('asm', {
  'asm("nop");': 'asm volatile "nop" :::;',
  'asm volatile ("" : : : "memory");': 'asm volatile "" ::memory:;',
  '__asm__ __volatile__("" ::: "memory", "r0");': 'asm volatile "" ::memory,r0:;',
  'asm("%0 = %1" : "=r"(a), [b] "+r"(*p) : "r"(c + 1), "i"(3));': 'asm "%0 = %1" =r(a),b+r((*p)):r((c + 1)),i(3)::;',
  'asm goto("if %0 goto %l1" :: "r"(a) :: out); out: b;': 'asm volatile "if %0 goto %l1" :r(a)::out; out: b;',
  'asm("" "x" : "=r"(a));': 'asm "x" =r(a):::;',
});

cases('unroll pragmas', {
  '\n#pragma unroll\nfor (;;) a;': 'unroll=full for[||] a;',
  '\n#pragma unroll(4)\nwhile (a) b;': 'unroll=4 while[|a|] b;',
  '\n#pragma unroll 8\ndo a; while (b);': 'unroll=8 do[|b|] a;',
  '\n#pragma nounroll\nfor (;;) a;': 'unroll=none for[||] a;',
  '\n#pragma unroll 1\nfor (;;) a;': 'unroll=none for[||] a;',
  '\n#pragma clang loop unroll(full)\nfor (;;) a;': 'unroll=full for[||] a;',
  '\n#pragma clang loop unroll(disable)\nfor (;;) a;': 'unroll=none for[||] a;',
  '\n#pragma clang loop unroll_count(16)\nfor (;;) a;': 'unroll=16 for[||] a;',
  '\n#pragma GCC unroll 3\nfor (;;) a;': 'unroll=3 for[||] a;',
  '\n#pragma GCC diagnostic push\na;': 'a;',
  // Each loop has its own.
  '\n#pragma unroll\nfor (;;) {\n#pragma nounroll\nfor (;;) a; }': 'unroll=full for[||] {unroll=none for[||] a;}',
});

test('other pragmas: warned of once, and where they are of no use', () => {
  assert.deepEqual(complaints('#pragma foo bar\n#pragma foo\nint x;'), ['unknown-pragma@1:1 #pragma foo is not known and is ignored']);
  assert.deepEqual(complaints('void f(void) {\n#pragma unroll\n g(); }'), [
    'misplaced-pragma@2:1 #pragma unroll stands before no loop and is ignored',
  ]);
  assert.deepEqual(complaints('void f(void) {\n#pragma unroll(x)\n for(;;); }'), [
    "pragma-unroll@2:1 #pragma unroll takes a number from 0 to 65536; found 'x'",
  ]);
});

test('pragmas that give attributes to records', () => {
  assert.deepEqual(logOf('#pragma pack(push, 1)\nstruct a { int x; };\n#pragma pack(pop)\nstruct b { int x; };'), [
    'struct a {x: int} @pragma_pack(1)',
    'struct b {x: int}',
  ]);
  assert.deepEqual(logOf('#pragma pack(2)\nstruct a { int x; };\n#pragma pack()\nstruct b { int x; };'), [
    'struct a {x: int} @pragma_pack(2)',
    'struct b {x: int}',
  ]);
  assert.deepEqual(
    logOf(
      '#pragma clang attribute push (__attribute__((preserve_access_index)), apply_to = record)\nstruct a { int x; };\n#pragma clang attribute pop\nstruct b { int x; };',
    ),
    ['struct a {x: int} @preserve_access_index', 'struct b {x: int}'],
  );
});

test('local labels are told apart', () => {
  assert.equal(
    bodyOf('({ __label__ out; goto out; out: 1; }); ({ __label__ out; goto out; out: 2; });'),
    '({goto out.0; out.0: 1;}); ({goto out.1; out.1: 2;});',
  );
});

test('labels and jumps', () => {
  assert.deepEqual(complaints('void f(void) { goto out; }'), ["undefined-label@1:21 label 'out' is used but not defined in this function"]);
  assert.deepEqual(complaints('void f(void) { out: ; }'), ["unused-label@1:16 label 'out' is defined but not used"]);
  assert.deepEqual(complaints('void f(void) { out: goto out; out: ; }'), [
    "duplicate-label@1:31 label 'out' is defined twice in this function",
  ]);
  assert.deepEqual(complaints('void f(void) { out: goto out; } void g(void) { goto out; }'), [
    "undefined-label@1:53 label 'out' is used but not defined in this function",
  ]);
  assert.deepEqual(complaints('void f(void) { goto in; ({ in: 1; }); }'), [
    "jump-into-statement-expression@1:21 goto 'in' jumps into a statement expression",
  ]);
  assert.deepEqual(complaints('void f(void) { ({ goto out; 1; }); out: ; }'), []);
  assert.deepEqual(complaints('void f(void) { break; }'), ["break-outside-loop@1:16 'break' stands in no loop or switch"]);
  assert.deepEqual(complaints('void f(void) { switch (a) { case 1: continue; } }'), [
    "continue-outside-loop@1:37 'continue' stands in no loop",
  ]);
  assert.deepEqual(complaints('void f(void) { case 1: a; }'), ["case-outside-switch@1:16 'case' stands in no switch"]);
  assert.deepEqual(complaints('void f(void) { goto *p; }'), [
    "computed-goto@1:16 'goto *address' is not supported: BPF has no indirect jumps; use a switch",
  ]);
});

test('asks for the meaning of a name only where a type could stand', () => {
  const { actions } = parseText('void f(void) { a = b; a->b = c(d, e[1]); a++; if (a) b += c; for (i = 0; i < n; i++) a[i] = 0; }');
  // `c(` at no statement start and `(d` never ask.
  assert.equal(actions.asked, 0);
});
