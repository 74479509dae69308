/** As much of the C library as test programs of others use: headers, and string functions in C. */
import type { HeaderResolver } from '../../../src/compiler/c/preprocessor/headers.ts';

const INTEGERS = `
typedef signed char int8_t; typedef short int16_t; typedef int int32_t; typedef long int64_t;
typedef unsigned char uint8_t; typedef unsigned short uint16_t; typedef unsigned int uint32_t; typedef unsigned long uint64_t;
typedef long intptr_t; typedef unsigned long uintptr_t; typedef long intmax_t; typedef unsigned long uintmax_t;
#define INT64_MAX 9223372036854775807L
`;
const SIZE = 'typedef unsigned long size_t;\n#define NULL ((void *)0)\n';

const HEADERS: Readonly<Record<string, string>> = {
  'limits.h': `
#define CHAR_BIT 8
#define SCHAR_MAX 127
#define SCHAR_MIN (-128)
#define UCHAR_MAX 255
#define CHAR_MAX 127
#define CHAR_MIN (-128)
#define SHRT_MAX 32767
#define SHRT_MIN (-32768)
#define USHRT_MAX 65535
#define INT_MAX 2147483647
#define INT_MIN (-INT_MAX - 1)
#define UINT_MAX 4294967295U
#define LONG_MAX 9223372036854775807L
#define LONG_MIN (-LONG_MAX - 1L)
#define ULONG_MAX 18446744073709551615UL
#define LLONG_MAX 9223372036854775807LL
#define LLONG_MIN (-LLONG_MAX - 1LL)
#define ULLONG_MAX 18446744073709551615ULL
`,
  'stddef.h': `${SIZE}typedef long ptrdiff_t; typedef int wchar_t;\n#define offsetof(t, m) __builtin_offsetof(t, m)\n`,
  'stdlib.h': `${SIZE}void abort(void); void exit(int); void *malloc(size_t); void *calloc(size_t, size_t); void free(void *); int abs(int);\n`,
  'string.h': `${SIZE}void *memcpy(void *, const void *, size_t); void *memset(void *, int, size_t); void *memmove(void *, const void *, size_t); int memcmp(const void *, const void *, size_t); size_t strlen(const char *); int strcmp(const char *, const char *); char *strcpy(char *, const char *);\n`,
  'stdbool.h': '#define bool _Bool\n#define true 1\n#define false 0\n',
  'stdint.h': INTEGERS,
  'inttypes.h': INTEGERS,
  'stdio.h': 'int printf(const char *, ...);\n',
  'assert.h': 'void abort(void);\n#define assert(x) do { if (!(x)) abort(); } while (0)\n',
};

export const standardHeader: HeaderResolver = ({ path }) => {
  const text = HEADERS[path];
  return text === undefined ? undefined : { name: path, text: `#pragma once\n${text}`, system: true };
};

export const LIBRARY = `
static unsigned long skep_strlen(const char *s) { unsigned long n = 0; while (s[n]) n++; return n; }
static int skep_strcmp(const char *a, const char *b) { while (*a && *a == *b) { a++; b++; } return *(const unsigned char *)a - *(const unsigned char *)b; }
static int skep_strncmp(const char *a, const char *b, unsigned long n) { for (; n; n--, a++, b++) { if (*a != *b) return *(const unsigned char *)a - *(const unsigned char *)b; if (!*a) break; } return 0; }
static char *skep_strcpy(char *a, const char *b) { char *r = a; while ((*a++ = *b++)) ; return r; }
static char *skep_strchr(const char *s, int c) { for (;; s++) { if (*s == (char)c) return (char *)s; if (!*s) return 0; } }
`;

/** As -D: the library's names to the functions above. */
export const LIBRARY_NAMES: readonly string[] = ['strlen', 'strcmp', 'strncmp', 'strcpy', 'strchr'].flatMap((n) => [
  `${n}=skep_${n}`,
  `__builtin_${n}=skep_${n}`,
]);
