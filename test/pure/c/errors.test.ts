/**
 * What a user reads after a mistake: code, message and position of every diagnostic of semantic analysis.
 *
 * `§` marks where the diagnostic stands and is no part of the text; where there are several, they come in order.
 * Unless a case says why not, clang must have something to say about the same line.
 */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { SEMA_CODES } from '../../../src/compiler/c/sema/codes.ts';
import { CLANG, clangErrors, compile, hasClang } from './support.ts';

interface Case {
  readonly text: string;
  /** `severity code message`, in order; `@` in a note's place stands for nothing: notes are checked in a test of their own. */
  readonly expect: readonly string[];
  /** Why clang does not complain there. */
  readonly apart?: string;
}

const R = 'struct point { int x; int y; };\n';

/** s0 in s1 in s2 … */
const NESTED = Array.from(
  { length: 101 },
  (_, i) => `struct ${i === 100 ? '§' : ''}s${i} { ${i === 0 ? 'int' : `struct s${i - 1}`} a; };`,
).join('\n');

const CASES: readonly Case[] = [
  // Names
  { text: 'int f(int count) { return §coutn; }', expect: ["error undeclared-identifier 'coutn' is not declared; did you mean 'count'?"] },
  { text: 'int f(void) { return §zzzzzz; }', expect: ["error undeclared-identifier 'zzzzzz' is not declared"] },
  {
    text: 'static int total(void) { return 1; }\nint f(void) { return §totla(); }',
    expect: ["error undeclared-function function 'totla' is not declared; did you mean 'total'?"],
  },
  {
    text: 'asm("");\n§asm("nop");',
    expect: ['error bad-type asm outside of a function is not supported'],
    apart: 'clang puts it into .text',
  },
  { text: '§u46 x;', expect: ["error unknown-type unknown type 'u46'; did you mean 'u64'?"] },
  {
    text: '§va_list args;',
    expect: ["error unsupported-builtin 'va_list' is not supported: BPF functions cannot take a variable number of arguments"],
  },
  {
    text: 'typedef __builtin_va_list list;\nint g(list l);\nvoid f(list l) { §__builtin_va_start(l, l); }',
    expect: ["error unsupported-builtin '__builtin_va_start' is not supported: BPF functions cannot take a variable number of arguments"],
  },
  { text: `${R}§point p;`, expect: ["error unknown-type 'point' is not a type by itself; write 'struct point'"] },
  {
    text: 'int n;\nint f(void) { return (§n *)0; }'.replace('(§n *)0', 'sizeof(struct { §n m; })'),
    expect: ["error unknown-type 'n' is a variable and no type"],
  },
  {
    text: 'typedef int number;\nint f(void) { return §number; }',
    expect: ["error not-a-value 'number' is a type; a value is needed here"],
  },
  { text: 'void f(void) { int a; int §a; }', expect: ["error redefinition 'a' is declared twice in this block"] },
  { text: 'void f(int a) { int §a; }', expect: ["error redefinition 'a' is declared twice in this block"] },
  { text: 'int f(int a, int §a) { return a; }', expect: ["error redefinition parameter 'a' is there twice"] },
  { text: 'struct s { int a; };\nstruct §s { int b; };', expect: ["error redefinition 'struct s' is defined twice"] },
  { text: 'enum e { A };\nenum §e { B };', expect: ["error redefinition 'enum e' is defined twice"] },
  { text: 'enum e { A, §A };', expect: ["error redefinition 'A' is declared twice"] },
  { text: 'int f(void) { return 1; }\nint §f(void) { return 2; }', expect: ["error redefinition function 'f' is defined twice"] },
  { text: 'int a = 1;\nint a = §2;', expect: ["error redefinition 'a' is initialized twice"] },
  { text: 'int f(int);\nchar §f(int);', expect: ["error conflicting-types function 'f' is declared as 'char (int)' and was 'int (int)'"] },
  { text: 'extern int a;\nlong §a;', expect: ["error conflicting-types 'a' is declared with type 'long' and had 'int'"] },
  {
    text: 'typedef int t;\ntypedef char *§t;',
    expect: ["error conflicting-types type 't' is declared as 'char *' and was 't' (aka 'int')"],
  },
  { text: 'int f(void);\nint §f;', expect: ["error different-kind 'f' is declared as a variable and was a function"] },
  { text: 'int f;\nint §f(void);', expect: ["error different-kind 'f' is declared as a function and was a variable"] },
  { text: 'int f;\ntypedef int §f;', expect: ["error different-kind 'f' is declared as a type and was a variable"] },
  { text: 'struct s { int a; };\nunion §s *p;', expect: ["error tag-mismatch 's' is used as union and was declared as struct"] },
  { text: 'struct s { int a; };\nenum §s e;', expect: ["error tag-mismatch 's' is used as enum and was declared as struct"] },
  {
    text: 'int f(void);\nstatic int §f(void) { return 1; }',
    expect: ["error linkage-conflict function 'f' is declared 'static' after a declaration without"],
  },
  { text: 'static int a;\nint §a;', expect: ["error linkage-conflict 'a' is declared without 'static' after a declaration with it"] },
  { text: 'int a;\nstatic int §a;', expect: ["error linkage-conflict 'a' is declared 'static' after a declaration without"] },

  // Types
  { text: '§short char x;', expect: ["error bad-type 'short char' is no type"] },
  { text: '§long long long x;', expect: ["error bad-type 'long long long' is no type"] },
  { text: 'enum e { §};', expect: ['error bad-type an enum needs an enumerator'] },
  {
    text: 'struct s;\nvoid f(void) { struct s §x; }',
    expect: ["error incomplete-type variable 'x' cannot be made: incomplete type 'struct s'"],
  },
  {
    text: 'void f(void) { int §x[]; }',
    expect: ["error incomplete-type variable 'x' cannot be made: an array without a length needs an initializer"],
  },
  { text: 'void §x;', expect: ["error incomplete-type variable 'x' has type 'void'"] },
  {
    text: 'struct s;\nint f(struct s *p) { return p->§a; }',
    expect: ["error incomplete-type member 'a' of incomplete type 'struct s': it is named but nowhere declared"],
  },
  {
    text: 'struct s;\nstruct s *f(struct s *p) { return p §+ 1; }',
    expect: ["error incomplete-type arithmetic on 'struct s *': the size of what it points to is not known"],
  },
  {
    text: 'struct s { struct s §inner; };',
    expect: ["error incomplete-type member 'inner' has incomplete type 'struct s'; a record can hold a pointer to itself, not itself"],
  },
  { text: 'struct s;\nstruct s §x;', expect: ["error incomplete-type variable 'x' has incomplete type 'struct s'"] },
  { text: 'struct s;\nstruct s x§[2];', expect: ["error incomplete-type an array of incomplete type 'struct s'"] },
  { text: 'struct s;\nint f(struct s §p) { return 1; }', expect: ["error incomplete-type parameter 'p' has incomplete type 'struct s'"] },
  {
    text: 'struct here { int a; };\nint f(struct §hers *p) { return p != 0; }',
    expect: ["warning tag-in-parameters 'struct hers' is named here for the first time, and declared nowhere; did you mean 'struct here'?"],
    apart: 'warning',
  },
  { text: 'int §a[];\nint b;', expect: ["warning incomplete-type array 'a' has no length; one element is assumed"], apart: 'warning' },
  { text: 'void x§[3];', expect: ["error bad-array an array of 'void'"] },
  { text: 'int x§[3](void);', expect: ["error bad-array an array of functions; did you mean an array of pointers, 'int (*)(void)'?"] },
  { text: 'int *p;\nint x[§p];', expect: ["error bad-array the length of an array must be an integer; found 'int *'"] },
  { text: 'int x[§-3];', expect: ['error negative-array-size an array of -3 elements'] },
  { text: 'int x[§0x7fffffffffffffff];', expect: ['error array-too-large an array of 9223372036854775807 elements is too large'] },
  {
    text: 'void f(int n) { char buf[§n]; }',
    expect: [
      'error variable-length-array the length of this array is not a constant: BPF has no stack for arrays of variable length; use a constant bound',
    ],
    apart: 'clang has such arrays, its BPF backend not',
  },
  {
    text: 'int f(int n, int a[n§++]) { return n; }',
    expect: [
      'error variable-length-array the length of this array changes something whenever the function is called, which is not supported: do it in the body',
    ],
    apart: 'clang evaluates it',
  },
  { text: 'typedef int a[2];\na f§(void);', expect: ['error bad-return-type a function cannot return an array; it can return a pointer'] },
  { text: 'int f(int a, void §b);', expect: ["error bad-parameter parameter 'b' has type 'void'"] },
  { text: 'typedef int fn(void);\nfn §* __restrict p;', expect: ["error bad-qualifier a pointer to a function cannot be 'restrict'"] },
  {
    text: 'int a = §1.5;',
    expect: ["error no-floating-point a value of type 'double' is used: BPF has no floating point"],
    apart: 'clang cuts it off',
  },
  {
    text: 'int f(int x) { return x §* 0.5; }',
    expect: ["error no-floating-point a value of type 'double' is used: BPF has no floating point"],
    apart: 'only its backend complains',
  },
  {
    text: 'void f(int x) { x §*= 0.5; }',
    expect: ["error no-floating-point a value of type 'double' is used: BPF has no floating point"],
    apart: 'only its backend complains',
  },
  {
    text: 'int f(void) { if §(0.5) return 1; return 0; }',
    expect: ["error no-floating-point a value of type 'double' is used: BPF has no floating point"],
    apart: 'only its backend complains',
  },
  {
    text: 'void g(int, ...);\nvoid f(void) { g(1, §0.5); }',
    expect: ["error no-floating-point a value of type 'double' is used: BPF has no floating point"],
    apart: 'only its backend complains',
  },
  {
    text: 'int f(int x) { return x §? 0.5 : 1; }',
    expect: ["error no-floating-point a value of type 'double' is used: BPF has no floating point"],
    apart: 'only its backend complains',
  },
  {
    text: 'int f(void) { return (int)§1e300; }',
    expect: ["error no-floating-point a value of type 'double' is used: BPF has no floating point"],
    apart: 'C does not say what it gives',
  },
  {
    text: 'unsigned char c = (unsigned char)§256.0;',
    expect: ["error no-floating-point a value of type 'double' is used: BPF has no floating point"],
    apart: 'C does not say what it gives',
  },
  { text: 'int a[§0.5];', expect: ["error bad-array the length of an array must be an integer; found 'double'"] },
  {
    text: 'enum { A = §0.5 };',
    expect: ["error not-constant the value of enumerator 'A' must be an integer constant; this has type 'double'"],
  },
  {
    text: 'void f(int n) { switch (n) { case §0.5: ; } }',
    expect: ["error not-constant a case value must be an integer constant; found 'double'"],
  },
  { text: 'int f(int *p) { return p§[0.5]; }', expect: ["error bad-subscript a subscript must be an integer; found 'double'"] },
  {
    text: 'double d;\nint f(void) { return §d; }',
    expect: ["error no-floating-point a value of type 'double' is used: BPF has no floating point"],
    apart: 'only its backend complains',
  },
  {
    text: 'float a, b;\nvoid f(void) { a §= b; }',
    expect: ["error no-floating-point a value of type 'float' is used: BPF has no floating point"],
    apart: 'only its backend complains',
  },
  {
    text: 'int f(int i) { return (§float)i > 2; }'.replace('(§float)', '§(float)'),
    expect: ["error no-floating-point a value of type 'float' is used: BPF has no floating point"],
    apart: 'only its backend complains',
  },

  // Records and enums
  { text: 'struct s { int a; char §a; };', expect: ["error duplicate-member member 'a' is there twice"] },
  { text: 'struct s { int a; struct { char §a; }; };', expect: ["error duplicate-member member 'a' is there twice"] },
  { text: 'struct s { int §f(void); };', expect: ["error bad-member member 'f' is a function; a member can be a pointer to one"] },
  {
    text: 'struct s { unsigned a : §33; };',
    expect: ["error bitfield-width the width of member 'a', 33 bits, exceeds the 32 bits of its type"],
  },
  { text: 'struct s { unsigned a : §-1; };', expect: ["error bitfield-width the width of member 'a' is negative: -1"] },
  {
    text: 'struct s { unsigned a : §0; };',
    expect: ["error bitfield-width member 'a' has a width of zero; only a bit-field without a name may"],
  },
  {
    text: 'struct s { int *§a : 3; };',
    expect: ["error bitfield-type member 'a' is a bit-field and must have an integer type; found 'int *'"],
  },
  { text: 'int n;\nstruct s { int a : §n; };', expect: ["error not-constant the width of member 'a' must be an integer constant"] },
  {
    text: 'struct s { int §a[]; int b; };',
    expect: ["error flexible-array member 'a' is an array without a length and not the last member"],
  },
  {
    text: NESTED,
    expect: ['error nesting-too-deep records are nested in records more than 100 levels deep'],
    apart: 'clang has no such limit',
  },
  {
    text: 'struct s { int n; int a[]; };\nvoid f(void) { struct s x = { 1, §{ 2 } }; }',
    expect: ["error flexible-array 'a' has no length and can be initialized in static objects only"],
  },
  {
    text: `${R}int f(struct point *p) { return p->§z; }`,
    expect: ["error no-member 'struct point' has no member 'z'; it has 'x' and 'y'"],
  },
  {
    text: 'struct sk { int skc_port; int skc_state; int other; };\nint f(struct sk *p) { return p->§port; }',
    expect: ["error no-member 'struct sk' has no member 'port'; did you mean 'skc_port'?"],
  },
  { text: 'int f(int *p) { return p->§x; }', expect: ["error not-a-record '->x' needs a pointer to a struct or union; found 'int *'"] },
  {
    text: 'int f(void *p) { return p->§x; }',
    expect: ["error not-a-record '->x' needs a pointer to a struct or union; found 'void *'; cast it first"],
  },
  { text: 'int f(int p) { return p.§x; }', expect: ["error not-a-record '.x' needs a struct or union; found 'int'"] },
  {
    text: `${R}int f(struct point *p) { return p.§x; }`,
    expect: ["error arrow-needed '.' on 'struct point *', which is a pointer; write '->x'"],
  },
  {
    text: `${R}int f(struct point p) { return p->§x; }`,
    expect: ["error arrow-needed '->' on 'struct point', which is no pointer; write '.x'"],
  },
  {
    text: 'enum e : unsigned char { §A = 256 };',
    expect: ["error enumerator-range the value of enumerator 'A', 256, does not fit into 'unsigned char'"],
  },
  {
    text: 'enum e { A = -1, B = 0xffffffffffffffff §};',
    expect: ['error enumerator-range no integer type holds both the negative and the largest enumerator'],
    apart: 'position: clang warns at the tag',
  },
  { text: '§int;', expect: ['warning empty-declaration this declares nothing'], apart: 'warning only, off with -w' },

  // Constants
  {
    text: 'int n;\nint x = §n;',
    expect: ["error not-constant the initial value of a static object must be a constant; found an expression of type 'int'"],
  },
  { text: 'int n;\nenum { A = §n };', expect: ["error not-constant the value of enumerator 'A' must be an integer constant; this is not"] },
  { text: 'void f(int n) { switch (n) { case §n: ; } }', expect: ['error not-constant a case value must be an integer constant'] },
  {
    text: 'int f(int n) { int a[] = { [§n] = 1 }; return a[0]; }',
    expect: ['error not-constant the index in a designator must be an integer constant'],
  },
  { text: 'int n;\n_Static_assert(§n, "");', expect: ['error not-constant _Static_assert needs an integer constant'] },
  { text: 'int x = §0x1g;', expect: ["error bad-number 'g' is no suffix of a number; known are u, l, ul, ll and ull"] },
  { text: 'int x = §0b12;', expect: ["error bad-number digit '2' in the binary number '0b12'"] },
  { text: 'int x = §089;', expect: ["error bad-number digit '8' in the octal number '089'; a number that starts with 0 is octal"] },
  { text: 'int x = §0x;', expect: ["error bad-number '0x' has no digits"] },
  { text: 'long x = §99999999999999999999;', expect: ["error integer-too-large '99999999999999999999' does not fit into 64 bits"] },
  {
    text: 'unsigned long x = §18446744073709551615;',
    expect: [
      "warning integer-too-large '18446744073709551615' is too large for a signed type and becomes unsigned; write '18446744073709551615u'",
    ],
    apart: 'warning',
  },
  { text: "int x = §'';", expect: ['error bad-character a character constant needs a character'] },
  { text: "int x = §'ab';", expect: ['warning multi-character character constant of 2 characters'], apart: 'warning' },
  { text: 'const char *s = §"a\\qb";', expect: ["warning unknown-escape unknown escape '\\q'"], apart: 'warning' },
  { text: 'const char *s = §"\\x";', expect: ["error bad-escape '\\x' without a hexadecimal digit"] },
  { text: 'const char *s = §"\\xfff";', expect: ["error bad-escape hexadecimal escape '\\xfff' is out of range"] },
  { text: 'const char *s = §"\\777";', expect: ["error bad-escape octal escape '\\777' is out of range"] },
  { text: 'void f(void) { §L"a" u"b"; }', expect: ["error bad-string strings with the prefixes 'L' and 'u' cannot be joined"] },
  {
    text: '§_Static_assert(sizeof(int) == 8, "int has 8 bytes");',
    expect: ['error static-assert static assertion failed: int has 8 bytes'],
  },
  {
    text: 'int x = 0x7fffffff §+ 1;',
    expect: ["warning constant-overflow 2147483647 + 1 does not fit into 'int' and becomes -2147483648"],
    apart: 'warning',
  },
  { text: 'char c = §300;', expect: ["warning constant-conversion 300 becomes 44 when converted to 'char'"], apart: 'warning' },
  {
    text: 'struct s { unsigned a : 3; };\nvoid f(struct s *p) { p->a = §9; }',
    expect: ["warning constant-conversion 9 does not fit into the 3 bits of 'a'"],
    apart: 'warning',
  },
  { text: 'int f(int a) { return a §/ 0; }', expect: ['warning division-by-zero division by zero: BPF gives 0'], apart: 'warning' },
  {
    text: 'int f(int a) { return a §% 0; }',
    expect: ['warning division-by-zero remainder of a division by zero: BPF gives the dividend'],
    apart: 'warning',
  },
  {
    text: 'int f(int a) { return a §<< 32; }',
    expect: ["warning shift-count shift by 32 bits, which is not less than the 32 of 'int'"],
    apart: 'warning',
  },
  { text: 'int f(int a) { return a §>> -1; }', expect: ['warning shift-count shift by the negative count -1'], apart: 'warning' },

  // Expressions
  {
    text: `${R}int f(struct point p) { return p §+ 1; }`,
    expect: ["error bad-operands '+' does not go with types 'struct point' and 'int'"],
  },
  { text: 'int f(int *p, int *q) { return p §* q; }', expect: ["error bad-operands '*' does not go with types 'int *' and 'int *'"] },
  { text: 'int f(int *p) { return §-p; }', expect: ["error bad-operands '-' does not take an operand of type 'int *'"] },
  {
    text: 'long f(int *p, char *q) { return p §- q; }',
    expect: ["error bad-operands pointers of different types cannot be subtracted: 'int *' and 'char *'"],
  },
  {
    text: `${R}int f(struct point p, int c) { return (c §? p : 1); }`,
    expect: ["error bad-operands '?:' chooses between 'struct point' and 'int', which have no type in common"],
  },
  { text: `${R}void f(struct point p) { p§++; }`, expect: ["error bad-operands '++' needs a number or a pointer; found 'struct point'"] },
  { text: 'void f(int *p, int n) { p §*= n; }', expect: ["error bad-operands '*=' does not go with types 'int *' and 'int'"] },
  {
    text: 'void f(int a) { a + 1 §= 2; }',
    expect: ["error not-an-lvalue the left side of '=' is a value, not a place that can be assigned to"],
  },
  {
    text: 'void f(long a) { (int)a §= 2; }',
    expect: ["error not-an-lvalue the left side of '=' is a value of a cast, not a place that can be assigned to"],
  },
  {
    text: 'int *f(int a) { return §&(a + 1); }',
    expect: ["error not-an-lvalue '&' needs something that has an address; found a value of type 'int'"],
  },
  { text: 'const int n = 1;\nvoid f(void) { n §= 2; }', expect: ["error not-assignable 'n' is const: its type is 'const int'"] },
  {
    text: 'struct s { const int a; int b; };\nvoid f(struct s *p, struct s *q) { *p §= *q; }',
    expect: ["error not-assignable 'struct s' cannot be assigned to: its member 'a' is const"],
  },
  {
    text: `${R}void f(const struct point *p) { p->x §= 1; }`,
    expect: ["error not-assignable member 'x' is const: its type is 'const int'"],
  },
  {
    text: 'void f(void) { char a[2], b[2]; a §= b; }',
    expect: ["error not-assignable an array cannot be assigned to; copy it with __builtin_memcpy or by elements (type 'char[2]')"],
  },
  {
    text: 'struct s { int a : 3; };\nint *f(struct s *p) { return §&p->a; }',
    expect: ["error address-of-bitfield the address of bit-field 'a' cannot be taken"],
  },
  {
    text: 'int *f(void) { register int r; return §&r; }',
    expect: ["error address-of-register 'r' is declared 'register' and has no address"],
  },
  { text: 'int f(int n) { return §*n; }', expect: ["error not-a-pointer '*' needs a pointer; found 'int'"] },
  { text: 'int f(int n) { return §n(1); }', expect: ["error not-callable this is called and is no function: its type is 'int'"] },
  { text: 'int g(int a, int b);\nint f(void) { return §g(1); }', expect: ["error bad-argument-count 'g' takes 2 arguments; found 1"] },
  { text: 'int g(void);\nint f(void) { return g(§1); }', expect: ["error bad-argument-count 'g' takes no arguments; found 1"] },
  { text: 'int g(int a, ...);\nint f(void) { return §g(); }', expect: ["error bad-argument-count 'g' takes 1 or more arguments; found 0"] },
  {
    text: 'void g(void);\nint f(void) { return §g(); }',
    expect: [
      "error void-value-used a call or expression of type 'void' has no value: returning 'void' from a function with result type 'int'",
    ],
  },
  {
    text: 'int f(void *p) { return §*p; }',
    expect: ["error void-value-used a value of type 'void' is used; cast the pointer to the type of what it points to first"],
  },
  {
    text: 'void g(void);\nint f(void) { return g() §+ 1; }',
    expect: ["error void-value-used an operand of '+' has type 'void' and so no value"],
  },
  { text: 'void g(void);\nvoid f(void) { if §(g()) ; }', expect: ["error void-value-used a condition is needed and this has type 'void'"] },
  { text: `${R}int f(struct point p) { return §(int)p; }`, expect: ["error bad-cast 'struct point' cannot be cast to 'int'"] },
  { text: `${R}int f(int n) { return (§(struct point)n).x; }`, expect: ["error bad-cast 'int' cannot be cast to 'struct point'"] },
  { text: 'void f(int n) { §(int[2])n; }', expect: ["error bad-cast a cast to 'int[2]': nothing can be cast to an array"] },
  {
    text: `${R}void f(struct point p) { if §(p) ; }`,
    expect: ["error not-a-condition a condition must be a number or a pointer; found 'struct point'"],
  },
  { text: 'int f(int a, int b) { return a§[b]; }', expect: ["error bad-subscript a subscript needs an array or a pointer; found 'int'"] },
  { text: 'int f(int *a, int *b) { return a§[b]; }', expect: ["error bad-subscript a subscript must be an integer; found 'int *'"] },
  {
    text: `${R}void f(struct point p) { int n; n §= p; }`,
    expect: ["error incompatible-assign types do not go together: assigning to 'int' from 'struct point'"],
  },
  {
    text: `${R}void f(struct point *p) { struct point q = §p; }`,
    expect: [
      "error incompatible-assign types do not go together: initializing 'struct point' with a value of type 'struct point *'; dereference with '*'",
    ],
  },
  {
    text: `${R}int g(struct point *p);\nint f(struct point p) { return g(§p); }`,
    expect: [
      "error incompatible-assign types do not go together: passing 'struct point' to parameter 1 of 'g', which is 'struct point *'; take the address with '&'",
    ],
  },
  {
    text: 'int g(int *p);\nint f(char *p) { return g(§p); }',
    expect: ["warning incompatible-pointer incompatible pointers, passing 'char *' to parameter 1 of 'g', which is 'int *'"],
    apart: 'warning',
  },
  {
    text: 'void f(const char *p) { char *q = §p; }',
    expect: ["warning discards-qualifiers 'const' is lost, initializing 'char *' with a value of type 'const char *'"],
    apart: 'warning',
  },
  {
    text: 'int *f(int n) { return §n; }',
    expect: ["warning int-conversion integer becomes a pointer without a cast, returning 'int' from a function with result type 'int *'"],
    apart: 'an error there, off with -w',
  },
  {
    text: 'void f(int *p) { long n; n §= p; }',
    expect: ["warning int-conversion pointer becomes an integer without a cast, assigning to 'long' from 'int *'"],
    apart: 'an error there, off with -w',
  },
  {
    text: 'int f(int *p, char *q) { return p §== q; }',
    expect: ["warning distinct-pointers '==' compares pointers of different types, 'int *' and 'char *'"],
    apart: 'warning',
  },
  {
    text: 'int f(int *p) { return p §== 5; }',
    expect: ["warning pointer-integer-comparison '==' compares 'int *' with 'int': a pointer and an integer"],
    apart: 'warning',
  },
  {
    text: 'struct s { int a : 3; };\nint f(struct s *p) { return §sizeof(p->a); }',
    expect: ["error bad-sizeof sizeof bit-field 'a', which has no size in bytes"],
  },
  { text: 'struct s;\nint x = §sizeof(struct s);', expect: ["error bad-sizeof sizeof incomplete type 'struct s'"] },
  { text: 'struct s;\nint x = §_Alignof(struct s);', expect: ["error bad-sizeof _Alignof incomplete type 'struct s'"] },
  { text: 'int x = §_Generic(1, char: 2, long: 3);', expect: ["error bad-generic _Generic has no association for type 'int'"] },
  {
    text: 'int x = _Generic(1, int: 2, int: §3);',
    expect: ["error bad-generic _Generic names type 'int' twice"],
    apart: 'position: clang marks the type',
  },
  {
    text: 'void f(void) { void *p = §&&out; out: ; }',
    expect: ["error computed-goto the address of label 'out' cannot be taken: BPF has no indirect jumps"],
    apart: 'only its backend complains',
  },
  {
    text: 'void f(_Atomic int *p) { *p §+= 1; }',
    expect: ["error atomic-operation '+=' on an _Atomic object is not supported; use __sync_fetch_and_add and its like"],
    apart: 'clang can do this one',
  },

  // Initialisers
  { text: 'int a[2] = §5;', expect: ["error bad-initializer an array needs a list in braces; found 'int'"] },
  { text: 'char a[2] = §5;', expect: ["error bad-initializer an array needs a list in braces or a string; found 'int'"] },
  {
    text: 'void f(void) { extern int x = §5; }',
    expect: ["error bad-initializer 'x' is extern in this block and cannot be initialized here"],
  },
  {
    text: 'int a[2] = { §[2] = 1 };'.replace('§[2]', '[§2]'),
    expect: ['error bad-designator the index 2 is beyond the 2 elements of the array'],
  },
  { text: 'int a = { §.x = 1 };', expect: ["error bad-designator 'int' has no parts to designate"] },
  {
    text: `${R}struct point p = { §[0] = 1 };`,
    expect: ["error bad-designator '[…]' designates an element, and 'struct point' is no array"],
  },
  { text: 'int a[2] = { .§x = 1 };', expect: ["error bad-designator '.x' designates a member, and 'int[2]' is no struct or union"] },
  { text: `${R}struct point p = { .§z = 1 };`, expect: ["error no-member 'struct point' has no member 'z'; it has 'x' and 'y'"] },
  {
    text: 'int a[2] = { 1, 2, §3 };',
    expect: ["warning excess-initializers this array has no part left for this initializer: 'int[2]'"],
    apart: 'warning',
  },
  {
    text: 'char s[2] = §"abc";',
    expect: ["warning excess-initializers this string of 3 characters is longer than the array, 'char[2]', and is cut"],
    apart: 'warning',
  },
  {
    text: `${R}struct point p = { .x = 1, §.x = 2 };`.replace('§.x = 2', '.x = §2'),
    expect: ['warning initializer-overrides this initializes a part a second time; the first value is lost'],
    apart: 'warning',
  },
  {
    text: 'int a[] = §{ [0 ... 3000000] = 1 };',
    expect: ['error initializer-too-large this initializer has more than 262144 parts'],
    apart: 'clang takes it',
  },

  // Statements
  { text: 'void f(int n) { switch (n) { case 1: §case 1: ; } }', expect: ['error duplicate-case case 1 is there already'] },
  { text: 'void f(int n) { switch (n) { case 3 ... 5: §case 4: ; } }', expect: ['error duplicate-case case 4 is there already'] },
  { text: 'void f(int n) { switch (n) { case 9: §case 3 ... 10: ; } }', expect: ['error duplicate-case case 3 ... 10 is there already'] },
  { text: 'void f(int n) { switch (n) { default: §default: ; } }', expect: ["error duplicate-case this switch has two 'default'"] },
  { text: 'void f(int n) { §case 1: ; }', expect: ["error case-outside-switch 'case' stands in no switch"] },
  {
    text: 'void f(int n) { switch (n) { §case 5 ... 3: ; } }',
    expect: ['warning empty-case-range the range 5 ... 3 is empty'],
    apart: 'warning',
  },
  {
    text: 'void f(unsigned char n) { switch (n) { case §0x100000001: ; } }',
    expect: ["warning case-range case value 4294967297 becomes 1 in the type of the switch value, 'int'"],
    apart: 'warning',
  },
  { text: 'void f(int *p) { §switch (p) { } }', expect: ["error switch-not-integer 'switch' needs an integer; found 'int *'"] },
  {
    text: 'int f(void) { §return; }',
    expect: ["error return-value 'f' returns 'int': 'return' needs a value"],
    apart: 'an error there, off with -w',
  },
  {
    text: 'void f(void) { §return 1; }',
    expect: ["error return-value 'f' returns 'void' and cannot return a value"],
    apart: 'an error there, off with -w',
  },
  {
    text: 'int f(int n) { if (n) return 1; §}',
    expect: ["warning missing-return the end of 'f' can be reached without a 'return' of 'int'"],
    apart: 'warning',
  },
  {
    text: 'void f(int a) { asm("" : "r"(§a)); }',
    expect: ["error bad-asm-operand the constraint of an output must start with '=' or '+'; found \"r\""],
  },
  {
    text: 'void f(int a) { asm("" : "=r"(§1)); }',
    expect: ["error not-an-lvalue the left side of 'asm' is a value, not a place that can be assigned to"],
  },

  // Builtins and attributes
  {
    text: 'int x = §__builtin_bswop32(1);',
    expect: ["error unknown-builtin builtin '__builtin_bswop32' is not known; did you mean '__builtin_bswap32'?"],
  },
  {
    text: 'void *f(int n) { return §__builtin_alloca(n); }',
    expect: ["error unsupported-builtin '__builtin_alloca' is not supported: the stack of a BPF program has a fixed size"],
    apart: 'only its backend complains',
  },
  {
    text: 'int f(char *p) { return §__builtin_strlen(p); }',
    expect: [
      "error unsupported-builtin '__builtin_strlen' works on string literals and const arrays only: BPF has no function for it; sizeof(array) - 1 is the length of one that is full, and bpf_probe_read_kernel_str returns that of a string in the kernel",
    ],
    apart: 'a call that fails to load',
  },
  {
    text: '__attribute__((section(§"a\\0b"))) int f(void *p) { return 0; }',
    expect: ['error bad-string the compiler itself reads this string, and no NUL can be in it'],
  },
  {
    text: 'int x asm(§"a\\0b");',
    expect: ['error bad-string the compiler itself reads this string, and no NUL can be in it'],
    apart: 'a name that no loader can read',
  },
  {
    text: 'int x __attribute__((btf_decl_tag(§"a" "\\0b")));',
    expect: ['error bad-string the compiler itself reads this string, and no NUL can be in it'],
  },
  {
    text: 'short s;\nvoid f(void) { §__sync_fetch_and_add(&s, 1); }',
    expect: ["error unsupported-builtin '__sync_fetch_and_add' on 2 bytes ('short'): BPF has atomic operations on 4 and 8 bytes only"],
    apart: 'only its backend complains',
  },
  {
    text: 'int f(int a) { return __builtin_popcount(§&a); }'.replace('§&a', '&§a').replace('&§a', '§&a'),
    expect: ["error bad-builtin-argument argument 1 of '__builtin_popcount' must be an integer; found 'int *'"],
    apart: 'an error there, off with -w',
  },
  {
    text: 'int f(int a) { return §__builtin_bswap32(a, a); }',
    expect: ["error bad-argument-count '__builtin_bswap32' takes 1 argument; found 2"],
  },
  {
    text: 'int x = §__builtin_huge_val();',
    expect: ["error no-floating-point '__builtin_huge_val' works on floating point, which BPF does not have"],
    apart: 'clang computes it',
  },
  {
    text: 'int x __attribute__((§wobbly));',
    expect: ["warning unknown-attribute unknown attribute 'wobbly' is ignored"],
    apart: 'warning',
  },
  {
    text: 'void f(void) { static int x __attribute__((§tls_model("local-exec"))); }',
    expect: ["error unsupported-attribute attribute 'tls_model' is not supported"],
    apart: 'it is for thread-local variables',
  },
  {
    text: '__attribute__((§naked)) int f(void) { asm volatile("r0 = 7; exit;"); }',
    expect: [
      "error unsupported-attribute functions that are 'naked' are not supported: write 'f' in C, with 'asm volatile' for what needs it",
    ],
    apart: 'clang has it',
  },
  {
    text: 'struct ops { int (*f)(void); }; __attribute__((§section(".struct_ops.link"))) struct ops o = { 0 };',
    expect: [
      'error unsupported-attribute SEC(".struct_ops.link") is not supported: the struct of functions is given in TypeScript, by b.attachStructOps() (docs/hooks.md)',
    ],
    apart: 'a section like others there',
  },
  {
    text: 'typedef int v __attribute__((§vector_size(16)));',
    expect: ["error unsupported-attribute attribute 'vector_size': vectors are not supported"],
    apart: 'clang has it',
  },
  {
    text: 'char §g[1ULL << 33];',
    expect: ["error object-too-large variable 'g' has 8589934592 bytes; global variables have 64 MiB at most"],
    apart: 'there it becomes an object file that nothing loads',
  },
  {
    text: 'char §g[] = { [0x7fffffff] = 1 };',
    expect: ["error object-too-large variable 'g' has 2147483648 bytes; global variables have 64 MiB at most"],
    apart: 'as above',
  },
  {
    text: 'int f(void) { char §g[100000000] = { 1 }; return g[5]; }',
    expect: ["error object-too-large variable 'g' has 100000000 bytes; a BPF program has 512 bytes of stack"],
    apart: 'there the back end says it',
  },
  { text: 'int x __attribute__((§aligned(3)));', expect: ['error bad-attribute an alignment must be a power of two up to 2^28; found 3'] },
];

/** The parser says so first. */
const ELSEWHERE = new Set(['implicit-int']);

function positions(text: string): { readonly clean: string; readonly at: readonly string[] } {
  const at: string[] = [];
  const clean: string[] = [];
  text.split('\n').forEach((line, i) => {
    let rest = line;
    for (let c = rest.indexOf('§'); c >= 0; c = rest.indexOf('§')) {
      at.push(`${i + 1}:${c + 1}`);
      rest = rest.slice(0, c) + rest.slice(c + 1);
    }
    clean.push(rest);
  });
  return { clean: clean.join('\n'), at };
}

for (const { text, expect } of CASES) {
  test(`error: ${text.replaceAll('\n', ' ').slice(0, 90)}`, () => {
    const { clean, at } = positions(text);
    const found = compile(clean).messages.map((m) => m.split('\n')[0] as string);
    assert.deepEqual(
      found,
      expect.map((e, i) => e.replace(/^(\w+ [\w-]+)/, `$1 ${at[i]}`)),
    );
  });
}

test('clang has something to say about the same lines', { skip: hasClang ? false : `${CLANG} is not installed` }, () => {
  for (const { text, apart } of CASES) {
    if (apart !== undefined) continue;
    const { clean, at } = positions(text);
    const line = at[0]?.split(':')[0];
    assert.match(clangErrors(clean), new RegExp(`^<stdin>:${line}:\\d+: error`, 'm'), clean);
  }
});

test('every code of the table is in a test', () => {
  const tested = new Set(CASES.flatMap((c) => c.expect.map((e) => e.split(' ')[1] as string)));
  const missing = Object.keys(SEMA_CODES).filter((c) => !tested.has(c) && !ELSEWHERE.has(c));
  assert.deepEqual(missing, []);
});
