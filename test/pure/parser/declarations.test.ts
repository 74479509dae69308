import assert from 'node:assert/strict';
import { test } from 'node:test';
import { bodyOf, complaints, logOf } from './fake-actions.ts';

/** Text to the lines of the log it makes. */
const cases = (name: string, table: Readonly<Record<string, string | readonly string[]>>): void => {
  for (const [text, expected] of Object.entries(table)) {
    test(`${name}: ${text}`, () => assert.deepEqual(logOf(text), typeof expected === 'string' ? [expected] : expected));
  }
};

cases('declarators', {
  'int x;': 'global x: int',
  'int *p;': 'global p: pointer to int',
  'int *const p;': 'global p: const pointer to int',
  'const int *volatile *p;': 'global p: pointer to volatile pointer to const int',
  'int a[3][4];': 'global a: array 3 of array 4 of int',
  'int *a[3];': 'global a: array 3 of pointer to int',
  'int (*a)[3];': 'global a: pointer to array 3 of int',
  'int f(void);': 'global f: function() returning int',
  'int f();': 'global f: function(?) returning int',
  'int *f(int, char *b, ...);': 'global f: function(int, b: pointer to char, ...) returning pointer to int',
  'int (*f)(int a);': 'global f: pointer to function(a: int) returning int',
  'int *(*f[3])(long);': 'global f: array 3 of pointer to function(long) returning pointer to int',
  'void (*signal(int sig, void (*func)(int)))(int);':
    'global signal: function(sig: int, func: pointer to function(int) returning void) returning pointer to function(int) returning void',
  'char (*(*x(void))[])(void);': 'global x: function() returning pointer to array of pointer to function() returning char',
  'int ((x));': 'global x: int',
  'int (f)(int);': 'global f: function(int) returning int',
  'int f(int (x));': 'global f: function(x: int) returning int',
  'int f(u32);': 'global f: function(u32) returning int',
  'int f(int (u32));': 'global f: function(function(u32) returning int) returning int',
  'int f(int u32);': 'global f: function(u32: int) returning int',
  'int f(int *(*)(u32), int (*)[2]);':
    'global f: function(pointer to function(u32) returning pointer to int, pointer to array 2 of int) returning int',
  'int f(int a[3], char *b[], int c[const 4], int d[static 2], int e[*], int m[2][3]);':
    'global f: function(a: pointer to int, b: pointer to pointer to char, c: const pointer to int, d: pointer to int, e: pointer to int, m: pointer to array 3 of int) returning int',
  'int f(int n, int a[n]);': 'global f: function(n: int, a: pointer to int) returning int',
  'int f(register int x, const void *);': 'global f: function(x: int, pointer to const void) returning int',
  'int f(...);': 'global f: function(...) returning int',
  'int a, *b, c[2], d(void);': [
    'global a: int',
    'global b: pointer to int',
    'global c: array 2 of int',
    'global d: function() returning int',
  ],
});

cases('specifiers in any order', {
  'unsigned long int static const x;': 'static x: const unsigned long int',
  'long unsigned extern x;': 'extern x: long unsigned',
  'int typedef T;': 'typedef T: int',
  '__const __signed__ __volatile__ char c;': 'global c: const volatile signed char',
  'static __inline__ void f(void);': 'static inline f: function() returning void',
  '_Noreturn void f(void);': 'global noreturn f: function() returning void',
  '_Alignas(8) int x;': 'global x: int alignas 8',
  '_Atomic int x; _Atomic(long) y;': ['global x: atomic int', 'global y: atomic long'],
  '__extension__ unsigned __int128 x;': 'global x: unsigned __int128',
  'typeof(1 + 2) x; __typeof__(char *) y;': ['global x: const struct typeof((1 + 2))', 'global y: pointer to char'],
  'int *_Nonnull p;': 'global p: pointer to int',
  'int *restrict p, *__restrict__ q;': ['global p: restrict pointer to int', 'global q: restrict pointer to int'],
});

cases('typedefs', {
  'typedef int T, *P; T x; P y;': ['typedef T: int', 'typedef P: pointer to int', 'global x: int', 'global y: pointer to int'],
  'typedef int (*fn)(u32); fn table[2];': [
    'typedef fn: pointer to function(u32) returning int',
    'global table: array 2 of pointer to function(u32) returning int',
  ],
  'typedef struct s s; struct s { s *next; };': ['typedef s: struct s', 'struct s {next: pointer to struct s}'],
  // The name is declared at once and may be declared again as something else inside.
  'typedef int T; void f(void) { T T = 1; }': [
    'typedef T: int',
    'global f: function() returning void',
    'auto T: int',
    'init T = 1',
    'body f {var T;}',
  ],
  'typedef unsigned u32;': 'typedef u32: unsigned',
});

cases('records', {
  'struct s { int a, *b; char c[2]; };': 'struct s {a: int; b: pointer to int; c: array 2 of char}',
  'struct s;': ['forward struct s', 'empty struct s'],
  'struct s { unsigned a : 3, : 0, b : 5; };': 'struct s {a: unsigned : 3; : unsigned : 0; b: unsigned : 5}',
  'struct s { struct { int a; }; union { int b; long c; } u; };': [
    'struct - {a: int}',
    'union - {b: int; c: long}',
    'struct s {: struct; u: union}',
  ],
  'struct __attribute__((packed)) s { int a; } __attribute__((aligned(8))) x;': [
    'struct s {a: int} @packed @aligned(8)',
    'global x: struct s',
  ],
  'struct s { int a __attribute__((aligned(4))); int b:3 __attribute__((packed)); };': 'struct s {a: int @aligned(4); b: int : 3 @packed}',
  'struct s { struct t *p; int (*f)(struct s *); };':
    'struct s {p: pointer to struct t; f: pointer to function(pointer to struct s) returning int}',
  'struct s { _Static_assert(1, "x"); ; int a; };': ['assert 1 x', 'struct s {a: int}'],
  'struct s { enum e { A, B = 2, } a; };': ['enum e {A B=2}', 'struct s {a: enum e}'],
  'enum e : u32 { A };': 'enum e {: u32 A}',
  'enum { A, B = A + 1 }; enum e { C } x;': ['enum - {A B=(A + 1)}', 'enum e {C}', 'global x: enum e'],
  'union { int a; } x, *y;': ['union - {a: int}', 'global x: union', 'global y: pointer to union'],
  'struct s { u32 u32; };': 'struct s {u32: u32}',
});

cases('attributes', {
  '__attribute__((section("maps"), used)) int x;': 'global x: int @section("maps") @used',
  'int x __attribute__((section(".data" ".x")));': 'global x: int @section(".data.x")',
  'static __attribute__((__always_inline__)) inline int f(void);': 'static inline f: function() returning int @always_inline',
  'int f(void) __attribute__((noinline)) __attribute__((weak));': 'global f: function() returning int @noinline @weak',
  'struct task __attribute__((btf_type_tag("kptr"))) *p;': 'global p: pointer to tag(btf_type_tag("kptr")) struct task',
  'int *__attribute__((address_space(1))) p;': 'global p: tag(address_space(1)) pointer to int',
  'int f(void *ctx __attribute__((btf_decl_tag("arg:ctx"))));': 'global f: function(ctx: pointer to void {arg:ctx}) returning int',
  '[[gnu::used]] int x [[maybe_unused]];': 'global x: int @used @maybe_unused',
  '__attribute__((format(printf, 1, 2), cleanup(fn), mystery(1 + (2), <>)))int x;':
    'global x: int @format(printf, 1, 2) @cleanup(fn) @mystery',
  'int __attribute__((__attribute__((noinline)), used)) f(void);': 'global f: function() returning int @noinline @used',
  '__attribute__(()) __attribute__((,unused,)) int x;': 'global x: int @unused',
  'int x asm("y") __attribute__((unused));': 'global x: int @asm("y") @unused',
  '__attribute__((skep_map("hash", struct key, u32 *, 10)))int x;': 'global x: int @skep_map("hash", <struct key>, <pointer to u32>, 10)',
  'int (__attribute__((noinline)) *f)(void);': 'global f: pointer to function() returning int @noinline',
  'typedef int T __attribute__((aligned(2)));': 'typedef T: int @aligned(2)',
});

cases('initializers', {
  'int x = 1, y = 2;': ['global x: int', 'init x = 1', 'global y: int', 'init y = 2'],
  'int a[] = { 1, 2, };': ['global a: array of int', 'init a = {1, 2}'],
  'int a[] = {};': ['global a: array of int', 'init a = {}'],
  'struct s x = { .a = 1, .b.c[2] = 3, [4] = { 5 } };': ['global x: struct s', 'init x = {.a=1, .b.c[2]=3, [4]={5}}'],
  'int a[] = { [0 ... 3] = 1, [4] 5, x: 6 };': ['global a: array of int', 'init a = {[0...3]=1, [4]=5, .x=6}'],
  'int x = (1, 2);': ['global x: int', 'init x = (1 , 2)'],
});

cases('definitions', {
  'int f(int a) { return a; }': ['global f: function(a: int) returning int', 'body f {return a;}'],
  'int f(a, b) int *a; { return b; }': ['global f: function(a: pointer to int, b: int, ?) returning int', 'body f {return b;}'],
  'f(a) char a[]; {}': ['global f: function(a: pointer to char, ?) returning int', 'body f {}'],
  'main() {}': ['global main: function(?) returning int', 'body main {}'],
  'static x = 1; y;': ['static x: int', 'init x = 1', 'global y: int'],
  ';;int x;;': 'global x: int',
  'asm("nop"); __asm__ volatile ("x" "y");': ['asm nop', 'asm xy'],
  '_Static_assert(sizeof(int) == 4, "no"); static_assert(1);': ['assert (sizeof<int> == 4) no', 'assert 1'],
  'int (*f(int a))(long) { return 0; }': [
    'global f: function(a: int) returning pointer to function(long) returning int',
    'body f {return 0;}',
  ],
});

test('old ways are warned of', () => {
  assert.deepEqual(complaints('f(a) int a; {}'), [
    "implicit-int@1:1 no type before 'f': int is assumed",
    "old-style-definition@1:2 function 'f' is defined in the old style, without a prototype",
  ]);
});

test('__auto_type takes the type of its initializer', () => {
  assert.deepEqual(logOf('void f(void) { const __auto_type x = a + 1; }').slice(1), [
    'auto x: const struct typeof((a + 1))',
    'init x = (a + 1)',
    'body f {var x;}',
  ]);
  assert.deepEqual(complaints('void f(void) { __auto_type x; }'), [
    "expected-token@1:29 expected '=' and an initializer after a name declared with '__auto_type'; found ';'",
  ]);
});

test('static and extern locals are no part of the block', () => {
  assert.equal(bodyOf('int a; static int b; extern int c; int d(void);'), 'var a;');
});

test('wrong combinations of specifiers', () => {
  assert.deepEqual(complaints('static extern int x;'), ["two-storage-classes@1:8 'extern' does not go together with 'static'"]);
  assert.deepEqual(complaints('struct s { static int x; };'), ["misplaced-specifier@1:12 'static' is not allowed on a member"]);
  assert.deepEqual(complaints('int f(static int x);'), ["misplaced-specifier@1:7 'static' is not allowed on a parameter"]);
  assert.deepEqual(complaints('auto int x;'), ["misplaced-specifier@1:1 'auto' is not allowed outside a function"]);
  assert.deepEqual(complaints('int struct s x;'), [
    "two-types@1:5 'struct' after another type: a declaration has one type (is a ';' missing before it?)",
  ]);
  assert.deepEqual(complaints('_Thread_local int x;'), [
    "thread-local@1:1 '_Thread_local': BPF programs have no threads of their own; use a per-CPU map or task storage",
  ]);
  assert.deepEqual(complaints('_Complex double x;'), [
    "complex-number@1:1 '_Complex': complex numbers are not supported: BPF has no floating point",
  ]);
  assert.deepEqual(complaints('_Alignas(3) int x;'), ['bad-alignment@1:1 an alignment must be a power of two up to 2^28; found 3']);
  assert.deepEqual(complaints('typedef int T = 3;'), ["typedef-initializer@1:15 typedef 'T' cannot have an initializer"]);
  assert.deepEqual(complaints('int f(void) = 3;'), ["function-initializer@1:13 function 'f' cannot be initialized like a variable"]);
});

test('a type that is not known is called so', () => {
  const unknown = (text: string): void =>
    assert.deepEqual(complaints(text), [`unknown-type-name@1:${text.indexOf('foo') + 1} unknown type name 'foo'`]);
  unknown('foo x;');
  unknown('static const foo *x;');
  unknown('int f(foo x);');
  unknown('int f(int, foo);');
  unknown('int f(foo);');
  unknown('struct s { foo x; };');
  unknown('void f(void) { foo x; }');
  unknown('void f(void) { foo *x = 1; }');
  unknown('int x = sizeof(struct { foo *x; });');
  // These two could be expressions.
  assert.deepEqual(complaints('void f(int x) { foo * x; }'), []);
  assert.deepEqual(complaints('void f(void) { foo(x); }'), []);
});
