/** Our reading of translated programs against bpftool's, over what this kernel makes of a clang object. */
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import test from 'node:test';
import { assemble } from '../../../src/isa/assemble.ts';
import { decode } from '../../../src/isa/decode.ts';
import { disassemble } from '../../../src/isa/disassemble.ts';
import { linuxKernel } from '../../../src/kernel/linux.ts';
import { unmet } from '../../run/needs.ts';
import { BPFFS, ownBpffs } from '../../support/bpffs.ts';

const SOURCE = `
typedef unsigned int u32; typedef unsigned long long u64; typedef long long s64;
struct { int (*type)[1]; u32 *key; u64 *value; int (*max_entries)[16]; } counts __attribute__((section(".maps"), used));
static void *(*lookup)(void *, const void *) = (void *)1;
static long (*update)(void *, const void *, const void *, u64) = (void *)2;
static u64 (*ktime)(void) = (void *)5;
static u64 (*pidtgid)(void) = (void *)14;
static long (*loop)(u32, void *, void *, u64) = (void *)181;
u64 total; u32 seen; const volatile int limit = 7;
static __attribute__((noinline)) s64 mix(s64 a, s64 b) { return a * 31 + (b >> 3) - (a ^ b) / 3; }
static long step(u32 i, u64 *sum) { *sum += mix(i, i << 2); return i > 100; }
__attribute__((section("socket"), used)) int prog(struct { u32 len; u32 pad[20]; } *ctx)
{
  u32 key = ctx->len & 0xff; u64 one = 1, sum = 0;
  u64 *v = lookup(&counts, &key);
  if (v) { __sync_fetch_and_add(v, 1); sum = __sync_fetch_and_or(v, 4); sum += __sync_val_compare_and_swap(v, 3, 4) + __sync_lock_test_and_set(v, 9); }
  else update(&counts, &key, &one, 0);
  loop(20, step, &sum, 0);
  sum += ktime() % 1000; sum -= (u32)pidtgid() / 7; sum = sum << 3 | sum >> 61;
  if ((s64)sum < -5 || (int)key > limit) total += sum;
  seen = __builtin_bswap32(key) + __builtin_bswap16(key);
  for (int i = 0; i < 40; i++) { sum ^= sum << 5; if (sum & 0x800) sum = -sum; }
  return sum == 12 ? 1 : (int)sum;
}
char LICENSE[] __attribute__((section("license"), used)) = "GPL";
`;

/** Linux 6.1 does not take a context of a type that has no name. */
const tooOld = unmet({ minKernel: '6.6' });
const missing = process.getuid?.() !== 0 ? 'not root' : ['/usr/bin/clang-19', '/usr/sbin/bpftool'].find((path) => !existsSync(path));
if (missing !== undefined && process.env['CI'] === 'true') throw new Error(`cannot run: ${missing}`);

test('the dump of a loaded program reads as bpftool reads it', { skip: missing ?? tooOld ?? false }, () => {
  const folder = mkdtempSync(join(tmpdir(), 'skep-xlated-'));
  const pin = `${BPFFS}/skep_xlated`;
  ownBpffs(linuxKernel());
  try {
    writeFileSync(join(folder, 'a.c'), SOURCE);
    execFileSync('clang-19', ['-target', 'bpf', '-mcpu=v3', '-O2', '-g', '-c', 'a.c', '-o', 'a.o'], {
      cwd: folder,
      stdio: ['ignore', 'ignore', 'inherit'],
    });
    execFileSync('bpftool', ['prog', 'load', 'a.o', pin, 'type', 'socket'], { cwd: folder });
    const names = new Map<number, string>();
    const text = execFileSync('bpftool', ['prog', 'dump', 'xlated', 'pinned', pin], { encoding: 'utf8' });
    execFileSync('bpftool', ['prog', 'dump', 'xlated', 'pinned', pin, 'file', join(folder, 'raw')]);
    const insns = decode(new Uint8Array(readFileSync(join(folder, 'raw'))), { translated: true });
    // Names of helpers and subprograms come from kallsyms there: take them from the text, so that only they are given.
    for (const match of text.matchAll(/call (\w+)#(-?\d+)/g)) names.set(Number(match[2]), match[1] as string);
    const theirs = text
      .split('\n')
      .filter((line) => /^\s*\d+: \(/.test(line))
      .map((line) => line.replace(/(call pc[+-]\d+)#.*/, '$1'));
    const ours = disassemble(insns, { helperName: (id) => names.get(id), kfuncName: (insn) => names.get(insn.imm) })
      .trimEnd()
      .split('\n');
    assert.ok(ours.length > 100, `${ours.length} lines`);
    assert.deepEqual(ours, theirs);
    assert.deepEqual(assemble(ours.join('\n')).insns, insns);
  } finally {
    rmSync(folder, { recursive: true });
  }
});
