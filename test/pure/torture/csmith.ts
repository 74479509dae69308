/**
 * Random programs of csmith, as text that both the native compiler and skep read.
 *
 *   csmith -s SEED FLAGS ──▶ text with HEADER in place of csmith.h ──▶ gcc -O0, many in one executable ──▶ checksums
 *                                                                └──▶ skep, the VM ──────────────────▶ checksums
 *
 * Which flags a seed gets is a matter of its number, so a seed alone names a program.
 */
import { execFileSync, spawnSync } from 'node:child_process';
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

/** In place of csmith.h: types, limits, and a checksum over every byte that csmith's would cover. */
const HEADER = `
typedef signed char int8_t; typedef short int16_t; typedef int int32_t; typedef long long int64_t;
typedef unsigned char uint8_t; typedef unsigned short uint16_t; typedef unsigned int uint32_t; typedef unsigned long long uint64_t;
#define INT8_MIN (-128)
#define INT16_MIN (-32768)
#define INT32_MIN (-2147483647 - 1)
#define INT64_MIN (-9223372036854775807LL - 1)
#define INT8_MAX 127
#define INT16_MAX 32767
#define INT32_MAX 2147483647
#define INT64_MAX 9223372036854775807LL
#define UINT8_MAX 255
#define UINT16_MAX 65535
#define UINT32_MAX 4294967295U
#define UINT64_MAX 18446744073709551615ULL
#define CHAR_BIT 8
#define INT_MAX 2147483647
static uint64_t checksum;
static void platform_main_begin(void) { checksum = 5381; }
static void crc32_gentab(void) { }
static void __attribute__((noinline)) mix(uint64_t v) { checksum = (checksum * 0x9E3779B97F4A7C15ULL) ^ (v + 0x7F4A7C15) ^ (checksum >> 29); }
#define transparent_crc(v, name, flag) mix(v)
#define transparent_crc_bytes(p, length, name, flag) do { for (int at = 0; at < (length); at++) mix(((unsigned char *)(p))[at]); } while (0)
#define STATIC static
#define FUNC_NAME(x) (safe_##x)
#define UNDEFINED(x) (x)
#define LOG_INDEX
#define LOG_EXEC
`;

const COMMON = ['--no-float', '--no-argc'];
const SHAPES: readonly (readonly string[])[] = [
  ['--max-funcs', '4', '--max-block-depth', '3', '--max-expr-complexity', '6'],
  ['--no-longlong', '--max-funcs', '3', '--max-block-depth', '3', '--max-expr-complexity', '5'],
  ['--max-funcs', '2', '--max-block-depth', '2', '--max-expr-complexity', '10', '--no-packed-struct'],
  ['--no-longlong', '--max-funcs', '5', '--max-block-depth', '2', '--max-expr-complexity', '4', '--max-array-dim', '2'],
  ['--max-funcs', '3', '--max-block-depth', '4', '--max-expr-complexity', '4', '--max-pointer-depth', '3', '--inline-function'],
  ['--max-funcs', '1', '--max-block-depth', '4', '--max-expr-complexity', '5', '--no-volatiles'],
];

const SAFE_MATH = '/usr/include/csmith/safe_math.h';

/** Why the programs cannot be had here; undefined if they can. */
export function missing(): string | undefined {
  if (!existsSync(SAFE_MATH)) return 'libcsmith-dev is not installed';
  for (const name of ['csmith', 'gcc'])
    if (spawnSync(name, ['--version'], { cwd: workFolder(), stdio: 'ignore' }).status !== 0) return `${name} is not installed`;
  return undefined;
}

let math: string | undefined;

function safeMath(): string {
  if (math === undefined) {
    const full = readFileSync(SAFE_MATH, 'utf8');
    // Its last part is about floating point.
    math = full
      .slice(0, full.indexOf('STATIC float'))
      .replace(/#ifndef SAFE_MATH_H[\s\S]*?#define SAFE_MATH_H/, '')
      .replace(/#ifdef __STDC__\s*$/, '');
  }
  return math;
}

let work: string | undefined;

/** csmith writes `platform.info` into the folder that it runs in. */
function workFolder(): string {
  if (work === undefined) {
    const made = mkdtempSync(join(tmpdir(), 'skep-csmith-'));
    process.on('exit', () => rmSync(made, { recursive: true, force: true }));
    work = made;
  }
  return work;
}

/** The program of a seed; what it computes is the result of `skep_main`. */
export function program(seed: number): string {
  const flags = SHAPES[seed % SHAPES.length] as readonly string[];
  const made = execFileSync('csmith', ['-s', String(seed), ...COMMON, ...flags], {
    cwd: workFolder(),
    encoding: 'utf8',
    maxBuffer: 1 << 26,
  });
  const body = made
    .replace('#include "csmith.h"', () => HEADER + safeMath())
    .replace(/printf\([^;]*\);/g, ';')
    .replace(/static long __undefined;/, '')
    .replace(/platform_main_end\(.*\);/, '')
    .replace(/^int main \(.*\)$/m, 'static int csmith_main(void)');
  return `${body}\nunsigned long long skep_main(void) { csmith_main(); return checksum; }\n`;
}

/** What gcc's code computes; undefined for a program that runs for more than 0.2 s: csmith does not promise an end. */
export function nativeChecksums(texts: readonly string[]): (bigint | undefined)[] {
  const folder = mkdtempSync(join(tmpdir(), 'skep-csmith-'));
  try {
    const names = texts.map((text, at) => {
      writeFileSync(
        join(folder, `p${at}.c`),
        text.replace('unsigned long long skep_main(void)', `unsigned long long skep_main_${at}(void)`),
      );
      return `p${at}.c`;
    });
    writeFileSync(
      join(folder, 'main.c'),
      `
#include <stdio.h>
#include <stdlib.h>
#include <sys/time.h>
${texts.map((_, at) => `unsigned long long skep_main_${at}(void);`).join('\n')}
static unsigned long long (*const all[])(void) = { ${texts.map((_, at) => `skep_main_${at}`).join(', ')} };
int main(int argc, char **argv) {
  struct itimerval end = { { 0, 0 }, { 0, 200000 } };
  setitimer(ITIMER_PROF, &end, 0);
  printf("%llu\\n", all[atoi(argv[1])]());
  return 0;
}`,
    );
    execFileSync('gcc', ['-w', '-O0', '-fwrapv', '-fno-strict-aliasing', '-o', 'all', 'main.c', ...names], {
      cwd: folder,
      stdio: ['ignore', 'ignore', 'pipe'],
    });
    return texts.map((_, at) => {
      const r = spawnSync(join(folder, 'all'), [String(at)], { encoding: 'utf8', timeout: 20_000 });
      return r.status === 0 ? BigInt(r.stdout.trim()) : undefined;
    });
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}
