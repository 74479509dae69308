/** Callbacks, subprograms, globals, strings and rings, as clang makes them in three ways. */
import { compile } from '../../pure/object/clang.ts';

const SOURCE = `
#define SEC(name) __attribute__((section(name), used))
typedef unsigned char u8; typedef unsigned int u32; typedef unsigned long long u64; typedef long long s64;
struct skb { u32 len; };
struct { int (*type)[2]; u32 *key; u64 *value; int (*max_entries)[20]; } numbers SEC(".maps");
struct { int (*type)[1]; u64 *key; u64 *value; int (*max_entries)[64]; } seen SEC(".maps");
struct { int (*type)[27]; int (*max_entries)[4096]; } ring SEC(".maps");
static void *(*lookup)(void *, const void *) = (void *)1;
static long (*update)(void *, const void *, const void *, u64) = (void *)2;
static long (*remove_elem)(void *, const void *) = (void *)3;
static long (*load_bytes)(const void *, u32, void *, u32) = (void *)26;
static long (*output)(void *, void *, u64, u64) = (void *)130;
static void *(*reserve)(void *, u64, u64) = (void *)131;
static void (*submit)(void *, u64) = (void *)132;
static void (*discard)(void *, u64) = (void *)133;
static u64 (*query)(void *, u64) = (void *)134;
static long (*for_each)(void *, void *, void *, u64) = (void *)164;
static long (*snprintf_)(char *, u32, const char *, const u64 *, u32) = (void *)165;
static long (*loop)(u32, void *, void *, u64) = (void *)181;
static long (*strncmp_)(const char *, u32, const char *) = (void *)182;
u64 total = 5; static u64 calls; const volatile u32 factor = 31; u32 zeroed[4];
static const char format[] = "%d|%08x|%-5u|%5lld|%c|%s|%pI4";
static const char known[] = "beta";

static __attribute__((noinline)) u64 mix(u64 a, u64 b) { calls++; a ^= b + 0x9e3779b97f4a7c15ULL + (a << 6) + (a >> 2); return a * factor; }
struct walk { u64 sum; u32 stop; };
static long each(void *map, u32 *key, u64 *value, struct walk *w) { w->sum = mix(w->sum, *key * *value); return *key == w->stop; }
static long fill(u32 i, struct walk *w) { u64 v = (u64)i * i + 3; u32 k = i; update(&numbers, &k, &v, 0); w->sum += v; return i == w->stop; }
static long inner(u32 i, u64 *x) { *x = mix(*x, i); return 0; }
static long nested(u32 i, struct walk *w) { u64 x = i; loop(i & 3, inner, &x, 0); w->sum ^= x; return 0; }
static long over_hash(void *map, u64 *key, u64 *value, struct walk *w) { w->sum += *key * *value; if (*key & 1) remove_elem(map, key); return 0; }

SEC("socket") int first(struct skb *ctx)
{
  struct walk w = { .sum = 1, .stop = 15 }; u8 bytes[16] = {}; char text[80] = {}; u64 h = 7;
  h = mix(h, loop(40, fill, &w, 0)); h = mix(h, w.sum);
  w.stop = 9; h = mix(h, for_each(&numbers, each, &w, 0)); h = mix(h, w.sum);
  h = mix(h, loop(10, nested, &w, 0)); h = mix(h, w.sum);
  for (u32 n = 0; n < 30; n++) { u64 k = n, v = n * 3; update(&seen, &k, &v, 1); }
  w.sum = 0; h = mix(h, for_each(&seen, over_hash, &w, 0)); h = mix(h, w.sum);
  w.sum = 0; h = mix(h, for_each(&seen, over_hash, &w, 0)); h = mix(h, w.sum);
  h = mix(h, load_bytes(ctx, 2, bytes, sizeof(bytes))); for (int i = 0; i < 16; i++) h = h * 33 + bytes[i];
  h = mix(h, load_bytes(ctx, 60, bytes, sizeof(bytes)));
  u32 ip = 0x0201a8c0; u64 args[7] = { (u64)-42, 0xbeef, 7, (u64)-99, 'x', (u64)known, (u64)&ip };
  h = mix(h, snprintf_(text, sizeof(text), format, args, sizeof(args))); for (int i = 0; i < 80; i++) h = h * 131 + text[i];
  h = mix(h, snprintf_(text, 7, format, args, sizeof(args))); for (int i = 0; i < 80; i++) h = h * 131 + text[i];
  h = mix(h, strncmp_("beta", 4, known)); h = mix(h, strncmp_("bet", 3, known)); h = mix(h, strncmp_("bety", 4, known) + 5); h = mix(h, strncmp_("alpha", 5, known) + 5);
  for (int i = 0; i < 20; i++) { u64 *r = reserve(&ring, 200, 0); if (!r) { h = mix(h, i); break; } r[0] = i; if (i % 3 == 0) discard(r, 1); else submit(r, 1); }
  h = mix(h, query(&ring, 0)); h = mix(h, query(&ring, 1)); h = mix(h, output(&ring, text, 40, 1) + 11); h = mix(h, output(&ring, text, 4000 & 79, 1));
  zeroed[h & 3] += 3; for (int i = 0; i < 4; i++) h += zeroed[i] * (i + 1);
  total += h; h = mix(total, calls);
  return (int)(h ^ h >> 32);
}
char LICENSE[] SEC("license") = "GPL";
`;

export const VARIANTS: readonly (readonly string[])[] = [
  ['-O2', '-mcpu=v3'],
  ['-O2', '-mcpu=v4'],
  ['-O1', '-mcpu=v2'],
];

export const compileVariant = (flags: readonly string[]): Uint8Array => compile(SOURCE, ['-target', 'bpf', '-g', '-w', ...flags]);
