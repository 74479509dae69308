/** Inputs that nobody would write, each from a number: the same number gives the same input, so that a number is a test case. */
import type { Random } from '../pure/preprocessor/random-text.ts';

const TOKENS =
  'int char long unsigned signed void struct union enum typedef static extern const volatile if else for while do switch case default break continue return goto sizeof typeof _Alignof __attribute__ __builtin_memcpy __builtin_offsetof __extension__ asm inline _Static_assert _Generic __auto_type x y z f g s e p u64 u32 task_struct BPF_HASH BPF_ARRAY TRACEPOINT_PROBE SEC bpf_map_lookup_elem h.lookup h.increment PT_REGS_RC BPF_CORE_READ 0 1 0x7fffffff 18446744073709551615 1.5 \'a\' "s" ( ) { } [ ] ; , : ? = == != < > <= >= << >> <<= + ++ - -- -> * / % & && | || ^ ~ ! . ... # ## \\ @ $ ` \n \t'.split(
    ' ',
  );
const LINES = [
  '#define A(x) x x',
  '#define B A(A)',
  '#define A A',
  '#undef A',
  '#if A',
  '#if defined(',
  '#elif 1',
  '#else',
  '#endif',
  '#include <linux/sched.h>',
  '#include "x.h"',
  '#include __FILE__',
  '#pragma unroll',
  '#pragma pack(push, 1)',
  '#line 3 "x"',
  '#error e',
  '_Pragma("once")',
  'struct s { int a : 3, : 0; struct s *n; } __attribute__((packed));',
  'enum e { X = -1, Y = 1ull << 40 };',
  'int f(struct pt_regs *ctx) {',
  '}',
  '/*',
  '*/',
  "'",
  '"',
  'asm volatile("r0 = %0" :: "r"(x) : "memory");',
  '__builtin_preserve_access_index(({',
  'struct { __uint(type, 1); __type(key, int); } m SEC(".maps");',
];

export function soup(r: Random): string {
  let text = '';
  for (let n = 1 + r.below(r.below(4) === 0 ? 2000 : 60); n > 0; n--) {
    const what = r.below(12);
    if (what === 0) text += `\n${r.pick(LINES)}\n`;
    else if (what === 1) text += String.fromCharCode(r.below(0x250));
    else text += `${r.pick(TOKENS)}${r.below(3) === 0 ? '' : ' '}`;
  }
  return text;
}

const WORD = /[A-Za-z_]\w*|\d+|\s+|[^\w\s]/g;

/** One of the given texts, changed in a few places. */
export function mutated(r: Random, seeds: readonly string[]): string {
  let words: string[] = [...(r.pick(seeds).match(WORD) ?? [])];
  for (let n = 1 + r.below(8); n > 0 && words.length > 0; n--) {
    const at = r.below(words.length);
    const length = 1 + r.below(r.below(5) === 0 ? 40 : 3);
    switch (r.below(8)) {
      case 0:
        words.splice(at, length);
        break;
      case 1:
        words.splice(at, 0, ...words.slice(at, at + length));
        break;
      case 2:
        words[at] = r.pick(TOKENS);
        break;
      case 3:
        words[at] = r.pick(words);
        break;
      case 4:
        words.splice(at, 0, `\n${r.pick(LINES)}\n`);
        break;
      case 5:
        words.splice(at, 0, String.fromCodePoint(r.pick([0, 1, 9, 13, 27, 92, 127, 0xa0, 0x202e, 0xfeff, 0xd800, 0x1f600, 0xfffd])));
        break;
      case 6:
        // Somewhere in another program.
        words.splice(at, 0, ...(r.pick(seeds).match(WORD) ?? []).slice(at, at + length));
        break;
      default:
        words = words.slice(0, at);
    }
  }
  return words.join('');
}

const times = (n: number, text: string | ((i: number) => string)): string =>
  typeof text === 'string' ? text.repeat(n) : Array.from({ length: n }, (_, i) => text(i)).join('');

/** Ways to go deep: each is given how deep. */
const DEEP: readonly ((n: number) => string)[] = [
  (n) => `int f(int a) { return ${times(n, '(')}a${times(n, ')')}; }`,
  (n) => `int f(int a) { return ${times(n, '(')}a; }`,
  (n) => `int f(int a) { return ${times(n, '-')} a; }`,
  (n) => `int f(int a) { return ${times(n, '!')}a; }`,
  (n) => `int f(int a) { ${times(n, 'if (a) ')} return 1; return 0; }`,
  (n) => `int f(int a) { ${times(n, 'if (a) a++; else ')} return 1; }`,
  (n) => `int f(int a) { ${times(n, '{')}${times(n, '}')} return a; }`,
  (n) => `int f(int a) { ${times(n, 'for (;;) ')}; }`,
  (n) => `int f(int a) { return a${times(n, '+a')}; }`,
  (n) => `int f(int a) { return ${times(n, 'a?1:')}0; }`,
  (n) => `int f(int a) { return ${times(n, 'a?')}0${times(n, ':1')}; }`,
  (n) => `int f(int *a) { return ${times(n, '*')}a; }`,
  (n) => `int ${times(n, '*')}p;`,
  (n) => `int ${times(n, '(*')}p${times(n, ')')};`,
  (n) => `int a${times(n, '[2]')};`,
  (n) => `int f${times(n, '(int)')};`,
  (n) => `${times(n, 'struct {')} int a; ${times(n, '} x;')}`,
  (n) => `int a[] = ${times(n, '{')}1${times(n, '}')};`,
  (n) => `int f(int a) { return ${times(n, '({')}a;${times(n, '});')} }`,
  (n) => `int f(int a) { return sizeof${times(n, '(')}int${times(n, ')')}; }`,
  (n) => `int f(int a) { ${times(n, 'switch (a) ')}{ case 1: ; } return 0; }`,
  (n) => `int f(int a) { ${times(n, (i) => `l${i}: `)} return a; }`,
  (n) => `int f(int a) { ${times(n, (i) => `int v${i} = a + ${i}; `)} return v0; }`,
  (n) => `int f(int a) { return a${times(n, ' = a')}; }`,
  (n) => `int f(int a) { return a${times(n, '&&a')} ${times(n, '||a')}; }`,
  (n) => `int f(int a) { return ${times(n, '(int)')}a; }`,
  (n) => `int f(int a) { return ${times(n, 'typeof(')}a${times(n, ')')} }`,
  (n) => `#if ${times(n, '(')}1${times(n, ')')}\n#endif`,
  (n) => `#if ${times(n, '-')}1\n#endif`,
  (n) => `${times(n, '#if 1\n')}int a;`,
  (n) => `char s[] = ${times(n, '"a" ')};`,
  (n) => `${times(n, (i) => `struct s${i} { int a; ${i > 0 ? `struct s${i - 1} b;` : ''} };\n`)}`,
  (n) => `${times(n, (i) => `static int f${i}(int a) { return ${i > 0 ? `f${i - 1}(a)` : 'a'}; }\n`)}int f(int a) { return f${n - 1}(a); }`,
  (n) => `int f(int a) { switch (a) { ${times(n, (i) => `case ${i}: a += ${i}; break; `)} } return a; }`,
  (n) => `enum e { ${times(n, (i) => `E${i}, `)} };`,
];

/** Macros that grow. */
const GROW: readonly ((n: number) => string)[] = [
  (n) => `#define M0 x x\n${times(n, (i) => `#define M${i + 1} M${i} M${i}\n`)}int a = M${n};`,
  (n) => `#define F(x) F(x x)\n#define G(x) x x\nint a = ${times(n, 'G(')}1${times(n, ')')};`,
  (n) => `#define P(a, b) a##b\nint ${times(n, 'P(x, ')}y${times(n, ')')};`,
  (n) => `#define S(x) #x\nchar s[] = S(${times(n, '"\\\\" ')});`,
  (n) => `#define V(...) __VA_ARGS__ __VA_ARGS__\nint a = V(V(V(V(V(V(V(V(${times(n, '1, ')}))))))));`,
  (n) => `#define A(${times(n, (i) => `p${i},`)}z) z\nint a = A(${times(n, '1,')} 2);`,
  (n) => `#define E() \nint a = ${times(n, 'E()')} 1;`,
  (n) => `${times(n, (i) => `#define D${i} D${(i + 1) % n}\n`)}int a = D0;`,
  (n) => `#include __FILE__\n${times(n, '#define X(x) x\n')}`,
];

/** Half a megabyte at most: beyond, time is a matter of size. */
const LONGEST = 1 << 19;

export function deep(r: Random): string {
  const make = r.pick(DEEP);
  let n = 1 << r.below(17);
  while (make(16).length * n > LONGEST * 16) n >>= 1;
  return make(n);
}

export function growing(r: Random): string {
  return r.pick(GROW)(1 + r.below(1 << r.below(13)));
}

/** Bytes, changed in a few places; from a few on, cut. */
export function mutatedBytes(r: Random, seed: Uint8Array): Uint8Array {
  const bytes = Uint8Array.from(seed);
  for (let n = 1 + r.below(12); n > 0 && bytes.length > 0; n--) {
    const at = r.below(r.below(2) === 0 ? Math.min(128, bytes.length) : bytes.length);
    const value = r.pick([0, 1, 0x7f, 0x80, 0xff, r.below(256)]);
    if (r.below(3) > 0) bytes[at] = value;
    else bytes.fill(value, at, at + r.below(9));
  }
  return r.below(4) === 0 ? bytes.subarray(0, r.below(bytes.length + 1)) : bytes;
}
