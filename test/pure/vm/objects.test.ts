/** C that clang compiled, read from its object and run in the machine, against the same C compiled for this computer. */
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import test from 'node:test';
import { readObject } from '../../../src/object/read.ts';
import { createMachine } from '../../../src/vm/machine.ts';

/** Each is `u64 run(u64 seed)`; names begin with what they are about. */
const PARTS: Readonly<Record<string, string>> = {
  hashes: `
static u32 crc_table[256];
static void __attribute__((noinline)) crc_init(void) { for (u32 i = 0; i < 256; i++) { u32 c = i; for (int k = 0; k < 8; k++) c = c & 1 ? 0xedb88320u ^ (c >> 1) : c >> 1; crc_table[i] = c; } }
static u32 __attribute__((noinline)) crc(const u8 *p, int n) { u32 c = ~0u; for (int i = 0; i < n; i++) c = crc_table[(c ^ p[i]) & 255] ^ (c >> 8); return ~c; }
static u8 bytes[512];
u64 run(u64 seed) { crc_init(); for (int i = 0; i < 512; i++) { seed = seed * 6364136223846793005ULL + 1442695040888963407ULL; bytes[i] = seed >> 56; }
  u64 h = crc(bytes, 512); for (int i = 0; i < 64; i++) h = (h << 7 | h >> 57) ^ crc(bytes + i, 64 + i) * 0x9e3779b97f4a7c15ULL; return h; }`,
  arithmetic: `
u64 run(u64 seed) { u64 h = 1; s64 a = seed; s32 b = (s32)(seed >> 7) | 1; u32 c = (u32)seed | 5; s16 d = seed; s8 e = seed >> 3;
  for (int i = 0; i < 200; i++) {
    h += (u64)(a / (b ? b : 1)) + (u64)(a % 1000003) + (u64)(b / 7) + (u64)(b % (s32)(c | 3)) + a / -5;
    h ^= (h << 13); h ^= h >> 7; h ^= h << 17;
    a = a * 31 + (s64)h; b = (s32)(b * 1103515245 + d); c = c / 3 + (u32)(h >> 40); d += (s16)h; e -= d;
    h += (u64)(s64)e + (u64)(s64)d + (s64)(s32)c; h -= (u64)(a >> (i & 63)) + (c >> (i & 31)) + (u32)(b << (i & 31));
    if (a < b) h += 3; if ((u32)b < c) h ^= 0x55; if (e > d) h = -h; if (a <= -1 || (s32)c > 9) h += a;
    h += __builtin_bswap64(h) + __builtin_bswap32((u32)h) + __builtin_bswap16((u16)h);
  } return h; }`,
  sorting: `
struct item { u32 key; u16 tag; s8 small; u64 value; };
static struct item items[100];
static void __attribute__((noinline)) swap(struct item *a, struct item *b) { struct item t = *a; *a = *b; *b = t; }
u64 run(u64 seed) { for (int i = 0; i < 100; i++) { seed = seed * 2862933555777941757ULL + 3037000493ULL; items[i].key = seed >> 33; items[i].tag = seed >> 5; items[i].small = seed >> 11; items[i].value = seed; }
  for (int i = 1; i < 100; i++) for (int j = i; j > 0 && items[j - 1].key > items[j].key; j--) swap(&items[j - 1], &items[j]);
  u64 h = 0; for (int i = 0; i < 100; i++) h = h * 33 + items[i].key + items[i].tag * 3 + (s64)items[i].small + (items[i].value >> 9); return h; }`,
  strings: `
static const char words[8][12] = { "alpha", "bravo", "charlie", "delta", "echo", "foxtrot", "golf", "hotel" };
static int __attribute__((noinline)) length(const char *s) { int n = 0; while (n < 12 && s[n]) n++; return n; }
static int __attribute__((noinline)) order(const char *a, const char *b) { for (int i = 0; i < 12; i++) { if (a[i] != b[i]) return (u8)a[i] < (u8)b[i] ? -1 : 1; if (!a[i]) return 0; } return 0; }
u64 run(u64 seed) { char text[64]; u64 h = seed; int n = 0; for (int i = 0; i < 64; i++) text[i] = 0;
  for (int i = 0; i < 8; i++) { int k = (seed >> (i * 3)) & 7; for (int j = 0; j < length(words[k]) && n < 63; j++) text[n++] = words[k][j] ^ (i & 1 ? 0x20 : 0); h = h * 31 + length(words[k]); h += (s64)order(words[k], words[i]) * 7; }
  for (int i = 0; i < 64; i++) h = h * 131 + (u8)text[i]; for (int i = 0; i < 4; i++) h += length(words[2 * i + 1]) * order(words[2 * i + 1], words[seed & 7]); return h; }`,
  switches: `
static u64 __attribute__((noinline)) step(int op, u64 a, u64 b) { switch (op) { case 0: return a + b; case 1: return a - b; case 2: return a * b; case 3: return b ? a / b : 1; case 4: return a ^ b; case 5: return a << (b & 63); case 6: return a >> (b & 63); case 7: return (s64)a >> (b & 63); case 9: return ~a; case 11: return a & b; case 15: return a | b; default: return a + 0x1234; } }
u64 run(u64 seed) { u64 a = seed, b = seed ^ 0x5555; int i = 0;
again: a = step((int)(a ^ b) & 15, a, b); b = b * 6364136223846793005ULL + 1; if (++i < 300) { if (a & 1) goto again; b ^= a; if ((u32)i % 3) goto again; i += 2; goto again; } return a ^ b; }`,
};

const COMMON =
  'typedef unsigned char u8; typedef unsigned short u16; typedef unsigned int u32; typedef unsigned long long u64;\ntypedef signed char s8; typedef short s16; typedef int s32; typedef long long s64;\n';
const SEEDS = [0n, 1n, 0xdeadbeefcafef00dn, 0x8000000000000000n, 12345678901234567n];
const missing = ['/usr/bin/clang-19', '/usr/bin/gcc'].find((path) => !existsSync(path));
if (missing !== undefined && process.env['CI'] === 'true') throw new Error(`cannot run: ${missing} is missing`);

for (const [name, part] of Object.entries(PARTS)) {
  test(name, { skip: missing === undefined ? false : `${missing} is missing` }, () => {
    const folder = mkdtempSync(join(tmpdir(), 'skep-vm-'));
    try {
      writeFileSync(join(folder, 'part.c'), COMMON + part);
      writeFileSync(
        join(folder, 'native.c'),
        `${COMMON}${part}\n#include <stdio.h>\n#include <stdlib.h>\nint main(int n, char **v) { printf("%llu", run(strtoull(v[1], 0, 10))); return 0; }\n`,
      );
      execFileSync('gcc', ['-O1', '-fwrapv', '-w', '-o', 'native', 'native.c'], { cwd: folder });
      const expected = SEEDS.map((seed) => BigInt(execFileSync(join(folder, 'native'), [String(seed)], { encoding: 'utf8' })));
      for (const flags of [
        ['-O2', '-mcpu=v1'],
        ['-O2', '-mcpu=v2'],
        ['-O2', '-mcpu=v3'],
        ['-O2', '-mcpu=v4'],
        ['-O1', '-mcpu=v4'],
        ['-Os', '-mcpu=v3'],
      ]) {
        // BPF before v4 has no signed division at all.
        if (name === 'arithmetic' && !flags.includes('-mcpu=v4')) continue;
        execFileSync('clang-19', ['-target', 'bpf', '-g', '-fwrapv', '-w', ...flags, '-c', 'part.c', '-o', 'part.o'], { cwd: folder });
        const spec = readObject(new Uint8Array(readFileSync(join(folder, 'part.o'))));
        for (const engine of ['wasm', 'interpreter'] as const) {
          const results = SEEDS.map((seed) => createMachine(spec, { engine }).run('run', { args: [seed] }).r0);
          assert.deepEqual(results, expected, `${flags.join(' ')} in ${engine}`);
        }
      }
    } finally {
      rmSync(folder, { recursive: true });
    }
  });
}
