/** Functions and macros of kernel headers, by what they compute. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { bccDialect } from '../../../src/compiler/dialect/bcc/dialect.ts';
import { kernelHeader } from '../../../src/compiler/dialect/kernel/headers.ts';
import { libbpfDialect } from '../../../src/compiler/dialect/libbpf/dialect.ts';
import { createMachine } from '../../../src/vm/machine.ts';
import { front, testFacts } from './front.ts';
import { build } from './run.ts';

/** A function of one 64-bit number, run over many. */
function compute(body: string): (x: bigint) => bigint {
  const machine = createMachine(
    build(`struct in { u64 x; }; int f(struct in *ctx) { u64 x = ctx->x; ${body} }`.replace('int f', 'u64 f'), bccDialect),
  );
  return (x) => machine.run('f', { ctx: new Uint8Array(new BigUint64Array([BigInt.asUintN(64, x)]).buffer) }).r0;
}
const SAMPLES = [
  0n,
  1n,
  2n,
  3n,
  4n,
  5n,
  7n,
  8n,
  255n,
  256n,
  1000n,
  65535n,
  65536n,
  0x7fff_ffffn,
  0x8000_0000n,
  0xffff_ffffn,
  0x1_0000_0000n,
  0x7fff_ffff_ffff_ffffn,
  0x8000_0000_0000_0000n,
  0xffff_ffff_ffff_ffffn,
];
const same = (name: string, body: string, expected: (x: bigint) => bigint, samples = SAMPLES): void => {
  test(name, () => {
    const f = compute(body);
    for (const x of samples) assert.equal(f(x), BigInt.asUintN(64, expected(x)), `${x}`);
  });
};
const bits = (x: bigint): number => (x === 0n ? 0 : x.toString(2).length);
const low32 = (x: bigint): bigint => x & 0xffff_ffffn;
const swapped = (x: bigint, bytes: number): bigint => {
  let r = 0n;
  for (let i = 0; i < bytes; i++) r = (r << 8n) | ((x >> BigInt(8 * i)) & 255n);
  return r;
};

// BCC's logarithm: floor(log2 v) + 1; of 0 and 1 it is 1 (bpf_log2 of 0 and 1 is 0).
same('bpf_log2l', 'return bpf_log2l(x);', (x) => BigInt(Math.max(1, bits(x))));
same('bpf_log2', 'return bpf_log2(x);', (x) => BigInt(Math.max(1, bits(low32(x))) - 1));
same('fls64', 'return fls64(x);', (x) => BigInt(bits(x)));
same('fls', 'return fls(x);', (x) => BigInt(bits(low32(x))));
same('ilog2', 'return ilog2(x);', (x) => BigInt(bits(x) - 1), SAMPLES.slice(1));
same(
  'roundup_pow_of_two',
  'return roundup_pow_of_two(x);',
  (x) => (x <= 1n ? 1n : 1n << BigInt(bits(x - 1n))),
  SAMPLES.filter((x) => x <= 1n << 63n),
);
same('is_power_of_2', 'return is_power_of_2(x);', (x) => (x !== 0n && (x & (x - 1n)) === 0n ? 1n : 0n));
same('ntohs', 'return ntohs(x);', (x) => swapped(x & 0xffffn, 2));
same('htonl', 'return htonl(x);', (x) => swapped(low32(x), 4));
same('bpf_ntohll', 'return bpf_ntohll(x);', (x) => swapped(x, 8));
same('cpu_to_le32', 'return cpu_to_le32(x);', low32);
same('min', 'return min(x, 1000ULL);', (x) => (x < 1000n ? x : 1000n));
same('max, signed', 'return (long long)max((long long)x, -1LL);', (x) => (BigInt.asIntN(64, x) > -1n ? x : -1n));
same('min_t', 'return min_t(unsigned int, x, 7);', (x) => (low32(x) < 7n ? low32(x) : 7n));
same('clamp', 'return clamp(x, 3ULL, 300ULL);', (x) => (x < 3n ? 3n : x > 300n ? 300n : x));
same('div_u64', 'return div_u64(x, 1000);', (x) => x / 1000n);
same('div_s64', 'return div_s64(x, -7);', (x) => BigInt.asIntN(64, x) / -7n);
same('div64_s64', 'return div64_s64(x, 9);', (x) => BigInt.asIntN(64, x) / 9n);
same('round_up', 'return round_up(x, 8ULL);', (x) => (x + 7n) & ~7n);
same(
  'DIV_ROUND_UP',
  'return DIV_ROUND_UP(x, 3ULL);',
  (x) => (x + 2n) / 3n,
  SAMPLES.filter((x) => x < 1n << 63n),
);
same('IS_ERR', 'return IS_ERR((void *)x);', (x) => (x >= 2n ** 64n - 4095n ? 1n : 0n));
same('MINOR and MAJOR', 'return MAJOR((u32)x) * 10000000ULL + MINOR((u32)x);', (x) => (low32(x) >> 20n) * 10000000n + (x & 0xfffffn));
same('GENMASK', 'return GENMASK(15, 4) & x;', (x) => x & 0xfff0n);
same('do_div', 'u64 n = x; u32 r = do_div(n, 10); return n * 16 + r;', (x) => (x / 10n) * 16n + (x % 10n));
same('container_of', 'struct s { int a; u64 b; } s = { 5, x }; u64 *p = &s.b; return container_of(p, struct s, b)->a;', () => 5n);
same('swap', 'u64 y = 1; swap(x, y); return y;', (x) => x);
same('S_ISREG', 'return S_ISREG(x);', (x) => ((x & 0o170000n) === 0o100000n ? 1n : 0n), [0o100644n, 0o040755n, 0o120777n, 0n]);

test('constants stay constant', () => {
  const { said } = front(
    'int f(void *ctx) { switch ((long)ctx) { case htons(0x800): return 1; case bpf_ntohl(1): return 2; } static int a[min(3, 4)]; _Static_assert(sizeof(a) == 12, ""); _Static_assert(KERNEL_VERSION(6, 1, 300) == 0x0601ff, ""); return a[0]; }',
    bccDialect,
    testFacts({ btf: undefined }),
  );
  assert.deepEqual(
    said.filter((s) => s.includes('error') || s.includes('constant')),
    [],
  );
});

test('const objects are constants where one has to stand', () => {
  const text = `static const int n = 8;
    static const char msg[] = "hello", full[4] = "full", filled[8] = "ab";
    static u8 bytes[n];
    struct s { u8 a[n]; u32 bits : n; };
    u64 f(u64 *ctx) {
      const int m = 16; const char local[] = "hi";
      u8 b[m];
      _Static_assert(sizeof(b) == 16 && sizeof(bytes) == 8 && sizeof(struct s) == 12, "");
      switch (*ctx) { case n: return 100; case 1 ... m: return 200; }
      return __builtin_strlen(msg) + 10 * __builtin_strlen(local) + 100 * strlen(filled) + 1000 * strlen(msg + 1) + 10000 * __builtin_strlen(&local[1]);
    }`;
  const machine = createMachine(build(text.replace('case 1 ... m', 'case m'), bccDialect));
  const run = (x: bigint): bigint => machine.run('f', { ctx: new Uint8Array(new BigUint64Array([x]).buffer) }).r0;
  assert.deepEqual([8n, 16n, 0n].map(run), [100n, 200n, 14225n]);
  for (const wrong of [
    'int f(int x) { const int n = x; static int a[n]; return a[0]; }',
    'int n = 3; int a[n];',
    'extern const int n; int a[n];',
  ])
    assert.match(front(wrong, bccDialect).said.join(), /variable-length-array/);
  assert.match(
    front('static const char full[4] = "full"; int f(void *ctx) { return strlen(full); }', bccDialect).said.join(),
    /unsupported-builtin/,
  );
});

test('what a program declares itself is its own', () => {
  const machine = createMachine(
    build(
      'static int min(int a, int b) { return 42; }\nstatic u64 ilog2(u64 x) { return 43; }\nenum { fls = 1 };\n#define htons(x) 44\nint f(void *ctx) { return min(1, 2) == 42 && ilog2(8) == 43 && fls == 1 && htons(1) == 44; }'.replace(
        '#define',
        '#undef htons\n#define',
      ),
      bccDialect,
    ),
  );
  assert.equal(machine.run('f', { ctx: new Uint8Array(8) }).r0, 1n);
});

test('members of sockets that are macros', () => {
  const text = `#include <net/sock.h>
    struct in6_addr { union { unsigned char u6_addr8[16]; unsigned int u6_addr32[4]; } in6_u; };
    struct sock_common { unsigned short skc_family, skc_num; struct in6_addr skc_v6_daddr; };
    struct sock { struct sock_common __sk_common; };
    struct inet_sock { struct sock sk; unsigned short inet_sport; };
    int f(struct inet_sock *ctx) { return ctx->sk.sk_family + ctx->inet_num * 10 + ctx->sk.sk_v6_daddr.s6_addr32[1] * 100; }`;
  const machine = createMachine(build(text, libbpfDialect, {}, ['f']));
  const ctx = new Uint8Array(24);
  new DataView(ctx.buffer).setUint16(0, 1, true);
  new DataView(ctx.buffer).setUint16(2, 2, true);
  new DataView(ctx.buffer).setUint32(8, 3, true);
  assert.equal(machine.run('f', { ctx }).r0, 321n);
});

test('headers for user space leave the names of kernel macros to a libbpf program; those of the kernel alone do not', () => {
  const text = (header: string) => `#include <linux/bpf.h>
#include <linux/tcp.h>
#include <${header}>
#include <bpf/bpf_helpers.h>
struct event { __u16 sk_family; int sk_num; __u32 noinline; };
SEC("xdp") int f(struct xdp_md *c) { struct event swap = { .sk_family = 2, .noinline = 3 }; return swap.sk_family + swap.noinline; }`;
  for (const header of [
    'linux/in6.h',
    'linux/types.h',
    'linux/version.h',
    'net/if.h',
    'netinet/in.h',
    'asm/types.h',
    'linux/netdevice.h',
    'linux/sched/types.h',
  ])
    assert.deepEqual(front(text(header), libbpfDialect).said, [], header);
  for (const header of ['net/sock.h', 'linux/skbuff.h']) assert.notDeepEqual(front(text(header), libbpfDialect).said, [], header);
  assert.deepEqual(
    front('#include <linux/in6.h>\nint f(struct in6_addr *a) { return a->s6_addr[0] + a->s6_addr32[1]; }', libbpfDialect).said,
    [],
  );
});

test('which includes are known', () => {
  for (const path of [
    'linux/sched.h',
    'uapi/linux/ptrace.h',
    'net/sock.h',
    'asm/unistd.h',
    'linux/fs.h',
    'stddef.h',
    'stdint.h',
    'string.h',
    'sys/socket.h',
    'netinet/in.h',
  ]) {
    assert.notEqual(kernelHeader(path), undefined, path);
  }
  for (const path of ['mine.h', 'linux.h', 'foo/linux/x.h', '../linux/sched.h', 'stdint'])
    assert.equal(kernelHeader(path), undefined, path);
});
