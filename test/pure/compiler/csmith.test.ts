/**
 * Random programs of csmith: skep's code in the VM computes the checksum that gcc's code computes.
 * SKEP_CSMITH says how many (200 in the long run of CI), SKEP_CSMITH_FROM where the seeds start.
 */
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import { test } from 'node:test';
import { compilePlain, hasCommand, runFunction, runNative } from './support.ts';

/** In place of csmith.h: types, limits, and a checksum that is simple enough to be inlined everywhere. */
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
const FLAGS = ['--no-float', '--no-argc', '--max-funcs', '4', '--max-block-depth', '3', '--max-expr-complexity', '6', '--no-packed-struct'];
const SAFE_MATH = '/usr/include/csmith/safe_math.h';

if (!hasCommand('csmith') || !hasCommand('gcc') || !existsSync(SAFE_MATH)) {
  if (process.env['CI'] === 'true') throw new Error('csmith and gcc are not installed');
  test.skip('csmith and gcc are not installed', () => undefined);
} else {
  const full = readFileSync(SAFE_MATH, 'utf8');
  // Its last part is about floating point.
  const math = full.slice(0, full.indexOf('STATIC float')).replace(/#ifndef SAFE_MATH_H[\s\S]*?#define SAFE_MATH_H/, '').replace(/#ifdef __STDC__\s*$/, '');
  const count = Number(process.env['SKEP_CSMITH'] ?? 15), from = Number(process.env['SKEP_CSMITH_FROM'] ?? 1);
  test(`${count} programs of csmith from seed ${from}`, { timeout: 3_600_000 }, (t) => {
    let same = 0, slow = 0, refused = 0;
    for (let seed = from; seed < from + count; seed++) {
      const made = execFileSync('csmith', ['-s', String(seed), ...FLAGS], { encoding: 'utf8', maxBuffer: 1 << 26 })
        .replace('#include "csmith.h"', HEADER + math)
        .replace(/printf\([^;]*\);/g, ';').replace(/static long __undefined;/, '').replace(/platform_main_end\(.*\);/, '');
      const ending = (text: string): string => made.replace(/return 0;\s*}\s*\/\*+ statistics/, `${text} }\n/* statistics`);
      const native = runNative(ending('__builtin_printf("%llu\\n", (unsigned long long)checksum); return 0;'));
      // Some programs never end; csmith does not promise that they do.
      if (native === undefined) {
        slow++;
        continue;
      }
      const c = compilePlain(ending('return (int)(checksum ^ (checksum >> 32));'), { verify: false, storeAddresses: true, inlineAll: true });
      if (!c.spec) {
        const error = c.diagnostics.find((d) => d.severity === 'error');
        assert.equal(error?.code, 'stack-too-large', `seed ${seed}: ${error?.message}`);
        refused++;
        continue;
      }
      const sum = BigInt(native.trim());
      assert.equal(BigInt.asIntN(32, runFunction(c, 'main', { budget: 500_000_000 })), BigInt.asIntN(32, sum ^ (sum >> 32n)), `seed ${seed}`);
      same++;
    }
    t.diagnostic(`${same} the same, ${slow} without an end, ${refused} with too much stack`);
    assert.ok(same > 0);
  });
}
