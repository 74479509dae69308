/** A program with all that a dump can show: calls of every kind, maps, data, atomics, a loop. */
import { compileBpf } from '../../pure/object/clang.ts';

const SOURCE = `
typedef unsigned int u32; typedef unsigned long long u64; typedef long long s64;
struct context { u32 len; u32 pad[20]; };
struct { int (*type)[1]; u32 *key; u64 *value; int (*max_entries)[16]; } counts __attribute__((section(".maps"), used));
static void *(*lookup)(void *, const void *) = (void *)1;
static long (*update)(void *, const void *, const void *, u64) = (void *)2;
static u64 (*ktime)(void) = (void *)5;
static u32 (*random)(void) = (void *)7;
static long (*loop)(u32, void *, void *, u64) = (void *)181;
u64 total; u32 seen; const volatile int limit = 7;
static __attribute__((noinline)) s64 mix(s64 a, s64 b) { return a * 31 + (b >> 3) - (a ^ b) / 3; }
static long step(u32 i, u64 *sum) { *sum += mix(i, i << 2); return i > 100; }
__attribute__((section("socket"), used)) int prog(struct context *ctx)
{
  u32 key = ctx->len & 0xff; u64 one = 1, sum = 0;
  u64 *v = lookup(&counts, &key);
  if (v) { __sync_fetch_and_add(v, 1); sum = __sync_fetch_and_or(v, 4); sum += __sync_val_compare_and_swap(v, 3, 4) + __sync_lock_test_and_set(v, 9); }
  else update(&counts, &key, &one, 0);
  loop(20, step, &sum, 0);
  sum += ktime() % 1000; sum -= random() / 7; sum = sum << 3 | sum >> 61;
  if ((s64)sum < -5 || (int)key > limit) total += sum;
  seen = __builtin_bswap32(key) + __builtin_bswap16(key);
  for (int i = 0; i < 40; i++) { sum ^= sum << 5; if (sum & 0x800) sum = -sum; }
  return sum == 12 ? 1 : (int)sum;
}
char LICENSE[] __attribute__((section("license"), used)) = "GPL";
`;

export const compileXlated = (): Uint8Array => compileBpf(SOURCE);
