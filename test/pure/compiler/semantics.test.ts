import assert from 'node:assert/strict';
import { test } from 'node:test';
import { compilePlain, hasCommand, plainFacts, runFunction, runNative } from './support.ts';

/**
 * Functions `long name(void)`; what they return is gcc's to say. Each line is a thing that C programs do. No undefined
 * behaviour but what -fwrapv defines.
 */
const CASES: Readonly<Record<string, string>> = {
  promotion: 'unsigned char a = 200, b = 100; signed char c = -3; unsigned short s = 65535; return (a + b) * 7 + c * s + (a << 4) + ~b;',
  narrowing:
    'volatile int v = 0x12345678; signed char c = v; short s = v; unsigned char u = v * 3; _Bool b = v; return c + s * 1000L + u * 7 + b;',
  widening:
    'volatile int v = -5; unsigned u = v; long l = v; unsigned long ul = v; return l + (long)u + (long)(ul >> 3) + (unsigned long)(unsigned char)v;',
  comparisons:
    'volatile int a = -1; volatile unsigned b = 1; volatile long c = -1; return (a < 0) + 2 * (a < b) + 4 * (c < b) + 8 * (a == -1) + 16 * ((unsigned char)a > b) + 32 * ((long)a <= c);',
  division:
    'volatile long a = -17, b = 5; volatile unsigned long c = 17; volatile int i = -17, j = -5; return a / b + 10 * (a % b) + 100 * (c / 5) + 1000 * (i / j) + 10000 * (i % j) + 100000L * (-17 / 4) + (a / 8) * 7 + (a % 8) * 11;',
  unsignedDivision:
    'volatile unsigned a = 0xfffffff0u; volatile unsigned long b = 0xfffffffffffffff0ul; return a / 7 + a % 7 + b / 1000003 % 999983 + (b % 10);',
  shifts:
    'volatile int a = -64; volatile unsigned u = 0xf0000000; volatile long l = -1L << 40; volatile int n = 3; return (a >> n) + (u >> n) + (l >> n) + ((long)1 << (n + 30)) + (a << n);',
  logic:
    'volatile int a = 3, b = 0; int n = 0; if (a && (n++, b)) n += 100; if (b || (n++, a)) n += 10; n += (a && b) * 1000 + (a || b) * 2000 + !a * 4000 + !b * 8000; return n;',
  ternary: 'volatile int a = 5; long x = a > 3 ? a : -a; x += a ?: 7; x += (a - 5) ?: 9; return x + (a == 5 ? a == 4 ? 1 : 2 : 3) * 100;',
  comma: 'int a = 1, b; b = (a++, a++, a * 10); return a + b * 100;',
  compoundAssign:
    'unsigned char c = 250; c += 10; short s = 1000; s *= 100; int i = 7; i <<= 3; i |= 5; i ^= 0xff; i %= 100; long l = -9; l /= 2; l >>= 1; unsigned u = 5; u -= 7; c -= 20; return c + s + i + l + u;',
  increments:
    'signed char c = 127; c++; unsigned char u = 0; u--; int a[4] = {1, 2, 3, 4}; int *p = a; int x = *p++ + *++p; x = x * 10 + (*p)--; x = x * 10 + a[2]; return x * 1000 + c + u;',
  loops:
    'int n = 0; for (int i = 0; i < 20; i++) { if (i == 3) continue; if (i == 15) break; n += i; } int k = 5; while (k--) n ^= k << 3; do n += 3; while (n < 200); return n;',
  nestedBreak:
    'int n = 0; for (int i = 0; i < 5; i++) { for (int j = 0; j < 5; j++) { if (j == i) break; n += i * j; switch (j) { case 2: continue; default: break; } n++; } } return n;',
  switchFallthrough:
    'int n = 0; for (int i = -3; i < 12; i++) { switch (i) { case -2: n += 1; case 0: n += 10; break; case 3 ... 6: n += 100; break; case 8: n += 1000; default: n += 7; } } return n;',
  switchLong: 'volatile unsigned long v = 0x100000002ul; switch (v) { case 2: return 1; case 0x100000002ul: return 2; } return 3;',
  duff: 'int n = 0, count = 11; switch (count % 4) { case 0: do { n += 1; case 3: n += 2; case 2: n += 4; case 1: n += 8; } while ((count -= 4) > 0); } return n;',
  gotos: 'int i = 0, n = 0; again: n += i * 3; if (++i < 7) goto again; goto out; n = -1; out: return n;',
  gotoInto: 'int n = 0; goto inside; for (int i = 0; i < 3; i++) { n += 100; inside: n++; } return n > 0;',
  structCopy:
    'struct s { int a; char b[5]; long c; } x = { 1, "abc", 3 }, y; y = x; y.a++; y.b[1] = 0x7f; struct s *p = &x; *p = y; return x.a + x.b[1] * 10 + x.b[2] * 100 + x.c * 100000;',
  structArray:
    'struct p { short x, y; } a[4] = { { 1, 2 }, [2] = { .y = 7 }, { 9 } }; long n = 0; for (int i = 0; i < 4; i++) n = n * 10 + a[i].x * 3 + a[i].y; return n;',
  unions:
    'union { unsigned u; unsigned char b[4]; struct { unsigned short lo, hi; }; } v; v.u = 0x11223344; v.b[1] = 0xaa; v.hi ^= 0xffff; return v.u + v.lo;',
  bitFields:
    'struct { unsigned a : 3, b : 7; int c : 5; unsigned long d : 40; int : 0; signed e : 1; } s = { 5, 100, -9, 0x123456789a, -1 }; s.a += 5; s.c -= 10; s.d <<= 2; s.b ^= 0x55; return s.a + s.b * 10 + s.c * 1000 + (long)s.d + s.e;',
  bitFieldValue:
    'struct { unsigned a : 4; int b : 4; } s; int x = (s.a = 19), y = (s.b = 9), z = s.a++ + ++s.b; return x * 10000 + y * 100 + z * 10 + s.a + s.b;',
  packed:
    'struct __attribute__((packed)) { char c; int i; short s; long l; } p = { 1, 0x11223344, 0x5566, 0x778899aabbccddee }; p.i++; p.l ^= 0xff; unsigned char *b = (unsigned char *)&p; long n = sizeof p; for (unsigned k = 0; k < sizeof p; k++) n = n * 31 + b[k]; return n + p.l;',
  packedBits:
    'struct __attribute__((packed)) { unsigned a : 5; unsigned long b : 61; unsigned c : 13; } s = { 21, 0x1234567812345678, 0x1abc }; s.b += 3; s.c ^= 0x155; return s.a + s.b + s.c * 7 + sizeof s;',
  designators:
    'int a[10] = { [3] = 1, 2, [8] = 5, [0 ... 1] = 7 }; struct { int x, y[3]; struct { char p, q; } z; } s = { .y[1] = 4, .z.q = 9, .x = 2 }; long n = 0; for (int i = 0; i < 10; i++) n = n * 3 + a[i]; return n * 100 + s.x + s.y[0] + s.y[1] * 10 + s.z.p + s.z.q;',
  compoundLiteral:
    'struct p { int x, y; }; struct p *q = &(struct p){ 3, 4 }; int *a = (int[]){ 5, 6, 7 }; a[1] += q->y; return q->x + a[0] * 10 + a[1] * 100 + ((struct p){ .y = 8 }).y * 1000;',
  arrays:
    'int m[3][4]; for (int i = 0; i < 3; i++) for (int j = 0; j < 4; j++) m[i][j] = i * 10 + j; int (*r)[4] = m; r += 1; return r[1][2] + (*r)[3] * 100 + *(*(m + 2) + 1) * 10000 + (int)(&m[2][3] - &m[0][1]);',
  strings:
    'char a[] = "hello", b[8] = "xy", *p = "literal"; long n = 0; for (int i = 0; i < 6; i++) n = n * 7 + a[i]; for (int i = 0; i < 8; i++) n = n * 3 + b[i]; while (*p) n += *p++; return n + sizeof a;',
  pointers:
    'long a[6] = { 1, 2, 3, 4, 5, 6 }; long *p = a + 5, *q = a + 1; char *c = (char *)q; return (p - q) + *(p - 2) * 10 + q[-1] * 100 + (p > q) * 1000 + *(long *)(c + 16) * 10000 + (c + 8 == (char *)&a[2]) * 100000;',
  pointerToPointer: 'int x = 1, y = 2; int *p = &x, **pp = &p; **pp = 10; *pp = &y; **pp += 5; return x + y * 100;',
  byValue: 'struct s v = make(4); long n = take(v, 2); return n * 10 + v.a[0];',
  statementExpression: 'int n = ({ int t = 3; t * t; }) + ({ int i, s = 0; for (i = 0; i < 4; i++) s += i; s; }); return n;',
  staticLocals: 'extern int counter(void); counter(); counter(); return counter() * 10 + counter();',
  globals:
    'extern int gi; extern short ga[4]; extern const int table[5]; gi += 5; ga[1] *= 3; long n = gi; for (int i = 0; i < 4; i++) n = n * 10 + ga[i]; for (int i = 0; i < 5; i++) n += table[i]; gi -= 5; ga[1] /= 3; return n;',
  functionPointers:
    'extern int twice(int (*)(int), int); extern int inc(int); extern int dbl(int); int (*f)(int) = inc; return twice(f, 3) * 100 + twice(dbl, 3);',
  functionTable:
    'extern int inc(int); static int (*const ops[])(int) = { inc, inc, inc }; volatile int v = 3; int s = 0;\n#pragma GCC unroll 8\nfor (int i = 0; i < 3; i++) s = s * 3 + ops[i](v + i);\nreturn s;',
  recursion: 'extern long fact(int); return fact(6);',
  memory:
    'char a[24], b[24]; __builtin_memset(a, 0x5a, sizeof a); __builtin_memcpy(b, a, 24); b[7] = 1; __builtin_memmove(b + 2, b, 12); long n = 0; for (int i = 0; i < 24; i++) n = n * 5 + b[i]; return n + (__builtin_memcmp(a, b, 2) == 0) + (__builtin_memcmp(a, b, 24) > 0);',
  order:
    'char a[16] = "abc", b[16] = "abd"; volatile int k = 0; a[9] += k; long r = __builtin_memcmp(a, b, 16); int less = __builtin_memcmp(a, b, 8) < 0, more = __builtin_memcmp(b, a, 16) > 0, s = __builtin_memcmp(a, b, 3) >> 31; return less + 2 * more + 4 * (r < 0) + 8 * (s == -1) + 16 * (__builtin_memcmp(a, b, 2) >= 0);',
  bits: 'volatile unsigned v = 0x00f0c010; volatile unsigned long w = 0x0000f00000000080ul; return __builtin_popcount(v) + 100 * __builtin_ctz(v) + 10000 * __builtin_clz(v) + __builtin_popcountl(w) * 7 + __builtin_ctzl(w) * 11 + __builtin_clzl(w) * 13 + __builtin_ffs(v) + __builtin_parity(v) + __builtin_bswap32(v) % 1000 + __builtin_bswap16(0x1234) + (long)(__builtin_bswap64(w) >> 20);',
  overflow:
    'int r; long l; unsigned u; long n = __builtin_add_overflow(2147483647, 1, &r); n = n * 2 + __builtin_sub_overflow(3u, 4u, &u); n = n * 2 + __builtin_mul_overflow(1L << 62, 4L, &l); volatile long a = -3, b = 1L << 61; n = n * 2 + __builtin_mul_overflow(a, b, &l); n = n * 2 + __builtin_add_overflow(a, b, &r); return n * 1000 + r + u % 10 + l % 7;',
  atomics:
    'static int x = 5; static long y = 7; long n = __sync_fetch_and_add(&x, 3); n = n * 10 + __sync_add_and_fetch(&x, 1); n = n * 10 + __sync_fetch_and_or(&y, 8); n = n * 10 + __sync_lock_test_and_set(&y, 2); n = n * 10 + __sync_val_compare_and_swap(&x, 9, 1); n = n * 10 + __sync_bool_compare_and_swap(&x, 5, 6); int r = n * 10 + x + y; x = 5; y = 7; return r;',
  enums: 'enum e { A, B = 5, C, D = -2 } v = C; enum e w = D; return v * 10 + w + A + B + (w < 0);',
  sizes:
    'struct s { char a; long b; short c; }; return sizeof(struct s) + sizeof(int[7]) * 100 + _Alignof(struct s) * 10000 + __builtin_offsetof(struct s, c) * 100000;',
  volatiles: 'volatile int v = 1; v = v + v; v++; return v * 10 + (v, 3);',
  truth: 'int *p = 0; int x = 2; _Bool b = &x, c = p; b += 5; return b + c * 2 + !p * 4 + !!x * 8 + (p == 0) * 16;',
  casts:
    'volatile long v = 0x1234567890abcdef; return (int)v + (unsigned char)v * 3 + (short)(v >> 8) + (_Bool)(v & 0x100) + (long)(unsigned)v % 1000;',
  manyValues:
    'volatile int s = 1; int a = s + 1, b = a * 3, c = b ^ a, d = c + b, e = d * a, f = e - c, g = f * 3, h = g ^ e, i = h + f, j = i * 5, k = j - g, l = k ^ h, m = l + i, n = m * 7; return a + b * 2 + c * 3 + d * 4 + e * 5 + f * 6 + g * 7 + h * 8 + i * 9 + j * 10 + k * 11 + l * 12 + m * 13 + n * 14;',
  sort: 'int a[8] = { 5, 2, 9, 1, 7, 3, 8, 6 }; for (int i = 0; i < 8; i++) for (int j = i + 1; j < 8; j++) if (a[j] < a[i]) { int t = a[i]; a[i] = a[j]; a[j] = t; } long n = 0; for (int i = 0; i < 8; i++) n = n * 10 + a[i]; return n;',
  typeofs: 'int x = 3; typeof(x) y = x * 2; __auto_type z = y + 1L; return sizeof(z) * 10 + z;',
  generic: 'char c = 1; return _Generic(c, int: 1, char: 2, default: 3) + _Generic(1L, long: 10, default: 20);',
  int128:
    'volatile unsigned long a = 0xfedcba9876543210ul, b = 0x0123456789abcdeful; volatile int n = 37, m = 90; unsigned __int128 x = a, y = b; x = (x << 64) | b; unsigned __int128 s = x + y * 3, d = y - x, p = x * y; __int128 neg = -(__int128)a; unsigned __int128 l = x << n, r = x >> m; __int128 ar = neg >> m; unsigned __int128 z = 0; z += x; z ^= y; return (long)(s >> 64) + (long)d * 3 + (long)(p >> 64) * 5 + (long)p + (long)(l >> 64) * 7 + (long)l + (long)r * 11 + (long)ar * 13 + (long)(z >> 32) + (x > y) + 2 * (neg < 0) + 4 * (x == y) + 8 * !x + 16 * (neg <= (__int128)n) + 32 * (z ? 1 : 0);',
  labelsInSwitch:
    'int n = 0; for (int i = 0; i < 4; i++) switch (i) { int t; case 0: t = 5; n += t; break; case 2: t = 7; n += t * 2; default: n++; } return n;',
};

const SHARED = `
struct s { int a[3]; long b; };
struct s make(int n) { struct s r = { { n, n + 1, n + 2 }, n * 10L }; return r; }
long take(struct s v, int k) { v.a[0] += k; return v.a[0] + v.a[1] * 2 + v.a[2] * 3 + v.b; }
int counter(void) { static int n; static int step = 2; n += step; return n; }
int gi = 37; short ga[4] = { 1, -2, 3, -4 }; const int table[5] = { 10, 20, [4] = 50 };
int inc(int x) { return x + 1; }
int dbl(int x) { return x * 2; }
static inline __attribute__((always_inline)) int twice(int (*f)(int), int x) { return f(f(x)); }
long fact(int n) { return n < 2 ? 1 : n * fact(n - 1); }
`;
const names = Object.keys(CASES);
const FUNCTIONS = names.map((n) => `long case_${n}(void) { ${(CASES[n] as string).replace(/extern int twice[^;]*;/, '')} }`).join('\n');

if (!hasCommand('gcc')) test.skip('gcc is not installed', () => undefined);
else {
  const native = (
    runNative(
      `${SHARED}\n${FUNCTIONS}\nint main(void) { ${names.map((n) => `__builtin_printf("%ld\\n", case_${n}());`).join('\n')} return 0; }`,
    ) ?? ''
  )
    .trim()
    .split('\n')
    .map(BigInt);
  for (const [label, options] of [
    ['', {}],
    [', unoptimised', { level: 0 }],
    [', everything inlined', { inlineAll: true }],
    [', for the first instruction set', { facts: plainFacts({ cpu: 1 }) }],
    [', for the newest instruction set', { facts: plainFacts({ cpu: 4 }) }],
  ] as const) {
    names.forEach((name, k) => {
      // The first set has no atomics that fetch, and no function pointers go in calls that are not inlined.
      if (label.includes('first') && name === 'atomics') return;
      test(`${name}${label}`, () => {
        const text = `${SHARED}\nlong case_${name}(void) { ${(CASES[name] as string).replace(/extern int twice[^;]*;/, '')} }`;
        const c = compilePlain(text, { roots: [`case_${name}`], ...options });
        assert.equal(BigInt.asIntN(64, runFunction(c, `case_${name}`)), native[k]);
      });
    });
  }
}
