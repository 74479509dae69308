/**
 * As much of a C library as gcc's torture programs need, name by name: a program gets only what it was refused for.
 *
 *   compile ─▶ refused: "'strlen' is declared but has no body" ─▶ compile with skep_strlen and -Dstrlen=skep_strlen ─▶ …
 */
import type { HeaderResolver } from '../../../src/compiler/c/preprocessor/headers.ts';
import { standardHeader } from '../compiler/c-library.ts';

const size = 'unsigned long';
const COPY = `static void *skep_memcpy(void *a, const void *b, ${size} n) { char *x = a; const char *y = b; while (n--) *x++ = *y++; return a; }\n`;
const LENGTH = `static ${size} skep_strlen(const char *s) { ${size} n = 0; while (s[n]) n++; return n; }\n`;
const HEAP = `static char skep_heap[1 << 18] __attribute__((aligned(16))); static ${size} skep_used;
static void *skep_malloc(${size} n) { char *p = skep_heap + skep_used; skep_used += (n + 15) & ~15UL; if (skep_used > sizeof skep_heap) ((void (*)(void))1003)(); return p; }\n`;

interface Row {
  readonly text: string;
  /** Other names whose text must come first. */
  readonly needs?: readonly string[];
}

export const FUNCTIONS: Readonly<Record<string, Row>> = {
  memcpy: { text: COPY },
  mempcpy: {
    text: `static void *skep_mempcpy(void *a, const void *b, ${size} n) { char *x = a; const char *y = b; while (n--) *x++ = *y++; return x; }\n`,
  },
  memmove: {
    text: `static void *skep_memmove(void *a, const void *b, ${size} n) { char *x = a; const char *y = b; if (x < y) while (n--) *x++ = *y++; else while (n--) x[n] = y[n]; return a; }\n`,
  },
  memset: { text: `static void *skep_memset(void *a, int c, ${size} n) { char *x = a; while (n--) *x++ = c; return a; }\n` },
  memcmp: {
    text: `static int skep_memcmp(const void *a, const void *b, ${size} n) { const unsigned char *x = a, *y = b; for (; n; n--, x++, y++) if (*x != *y) return *x - *y; return 0; }\n`,
  },
  memchr: {
    text: `static void *skep_memchr(const void *a, int c, ${size} n) { const unsigned char *x = a; for (; n; n--, x++) if (*x == (unsigned char)c) return (void *)x; return 0; }\n`,
  },
  strlen: { text: LENGTH },
  strnlen: { text: `static ${size} skep_strnlen(const char *s, ${size} m) { ${size} n = 0; while (n < m && s[n]) n++; return n; }\n` },
  strcmp: {
    text: 'static int skep_strcmp(const char *a, const char *b) { while (*a && *a == *b) { a++; b++; } return *(const unsigned char *)a - *(const unsigned char *)b; }\n',
  },
  strncmp: {
    text: `static int skep_strncmp(const char *a, const char *b, ${size} n) { for (; n; n--, a++, b++) { if (*a != *b) return *(const unsigned char *)a - *(const unsigned char *)b; if (!*a) break; } return 0; }\n`,
  },
  strcpy: { text: 'static char *skep_strcpy(char *a, const char *b) { char *r = a; while ((*a++ = *b++)) ; return r; }\n' },
  stpcpy: { text: 'static char *skep_stpcpy(char *a, const char *b) { while ((*a = *b++)) a++; return a; }\n' },
  strncpy: {
    text: `static char *skep_strncpy(char *a, const char *b, ${size} n) { char *r = a; for (; n; n--) if ((*a++ = *b)) b++; return r; }\n`,
  },
  strcat: { text: 'static char *skep_strcat(char *a, const char *b) { char *r = a; while (*a) a++; while ((*a++ = *b++)) ; return r; }\n' },
  strchr: {
    text: 'static char *skep_strchr(const char *s, int c) { for (;; s++) { if (*s == (char)c) return (char *)s; if (!*s) return 0; } }\n',
  },
  strrchr: {
    text: 'static char *skep_strrchr(const char *s, int c) { char *r = 0; for (;; s++) { if (*s == (char)c) r = (char *)s; if (!*s) return r; } }\n',
  },
  malloc: { text: HEAP },
  calloc: { text: `static void *skep_calloc(${size} n, ${size} m) { return skep_malloc(n * m); }\n`, needs: ['malloc'] },
  free: { text: 'static void skep_free(void *p) { }\n' },
  isprint: { text: 'static int skep_isprint(int c) { return c >= 32 && c < 127; }\n' },
  abs: { text: 'static int skep_abs(int n) { return n < 0 ? -n : n; }\n' },
  labs: { text: 'static long skep_labs(long n) { return n < 0 ? -n : n; }\n' },
  // What -O0 leaves in: the programs define it where they are not optimised.
  link_failure: { text: '#undef __OPTIMIZE__\n' },
  link_error: { text: '#undef __OPTIMIZE__\n' },
};

export function withFunctions(names: ReadonlySet<string>): { readonly text: string; readonly defines: readonly string[] } {
  const texts = new Set<string>(),
    defines = new Set<string>();
  for (const name of names) {
    const row = FUNCTIONS[name];
    if (!row) continue;
    for (const need of row.needs ?? []) texts.add((FUNCTIONS[need] as Row).text);
    texts.add(row.text);
    if (!row.text.startsWith('static')) continue;
    defines.add(`${name}=skep_${name}`).add(`__builtin_${name}=skep_${name}`);
  }
  return { text: [...texts].join(''), defines: [...defines] };
}

const HEADERS: Readonly<Record<string, string>> = {
  'stdarg.h': `
typedef __builtin_va_list va_list;
#define va_start(list, last) __builtin_va_start(list, last)
#define va_arg(list, type) __builtin_va_arg(list, type)
#define va_end(list) __builtin_va_end(list)
#define va_copy(to, from) __builtin_va_copy(to, from)
`,
  'sys/types.h': 'typedef unsigned long size_t; typedef long ssize_t; typedef long off_t;\n',
};

/** Headers of the library, and the suite's own files beside one another. */
export function headers(sibling: (name: string) => string | undefined): HeaderResolver {
  return (request) => {
    const { path } = request;
    const text = HEADERS[path];
    if (text !== undefined) return { name: path, text: `#pragma once\n${text}`, system: true };
    const known = standardHeader(request);
    if (known) return known;
    const own = sibling(path);
    return own === undefined ? undefined : { name: path, text: own, system: false };
  };
}
