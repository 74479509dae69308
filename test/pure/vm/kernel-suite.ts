/**
 * The kernel's own tests of its interpreter and JIT compilers (lib/test_bpf.c), from Debian's kernel source: 915 eBPF
 * programs with the results that every correct machine gives.
 *
 * They are C data made by C macros and functions, so gcc compiles them with a few stand-ins for the kernel around them,
 * and the result prints them as bytes.
 */
import { execFileSync } from 'node:child_process';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { exit } from '../../../src/isa/build.ts';
import { decode } from '../../../src/isa/decode.ts';
import type { Insn } from '../../../src/isa/insn.ts';
import { CorpusMissing, once, untar } from '../../corpora/corpora.ts';

export interface SuiteTest {
  readonly name: string;
  readonly insns: readonly Insn[];
  readonly data: Uint8Array;
  /** The context is plain memory of the size, not a packet. */
  readonly memory: boolean;
  /** No context at all. */
  readonly empty: boolean;
  readonly runs: readonly { readonly size: number; readonly result: number }[];
}

const BEFORE = `
#include <stdint.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <errno.h>
#include <linux/bpf.h>
#include <linux/filter.h>
#include <linux/if_ether.h>
#include <linux/if_packet.h>
/* glibc defines both, the kernel one of them. */
#undef __BIG_ENDIAN
typedef uint8_t u8; typedef uint16_t u16; typedef uint32_t u32; typedef uint64_t u64;
typedef int8_t s8; typedef int16_t s16; typedef int32_t s32; typedef int64_t s64;
#define BIT(n) (1u << (n))
#define BITS_PER_LONG 64
#define CONFIG_64BIT 1
#define GFP_KERNEL 0
#define PAGE_SIZE 4096
#define BPF_MAXINSNS 4096
#define U32_MAX UINT32_MAX
#define S16_MAX INT16_MAX
#define S16_MIN INT16_MIN
#define S32_MAX INT32_MAX
#define S32_MIN INT32_MIN
#define S64_MAX INT64_MAX
#define S64_MIN INT64_MIN
#define ARRAY_SIZE(a) (sizeof(a) / sizeof((a)[0]))
#define kmalloc_array(n, size, flags) calloc(n, size)
#define kfree(p) free(p)
#define BUILD_BUG_ON(x)
#define BUG_ON(x) ((void)(x))
#define WARN_ON(x) (x)
#define min(a, b) ((a) < (b) ? (a) : (b))
#define max(a, b) ((a) > (b) ? (a) : (b))
#define upper_32_bits(n) ((u32)(((n) >> 16) >> 16))
#define lower_32_bits(n) ((u32)(n))
#define do_div(n, base) ({ u32 rest_ = (n) % (base); (n) = (n) / (base); rest_; })
static u64 div64_u64(u64 a, u64 b) { return a / b; }
static u64 div64_u64_rem(u64 a, u64 b, u64 *r) { *r = a % b; return a / b; }
static s64 div64_s64(s64 a, s64 b) { return a / b; }
#define cpu_to_be16 __builtin_bswap16
#define cpu_to_be32 __builtin_bswap32
#define cpu_to_be64 __builtin_bswap64
#define cpu_to_le16(x) (x)
#define cpu_to_le32(x) (x)
#define cpu_to_le64(x) (x)
struct rnd_state { u32 s; };
static void prandom_seed_state(struct rnd_state *r, u64 seed) { r->s = seed; }
static u32 prandom_u32_state(struct rnd_state *r) { return r->s = r->s * 1664525u + 1013904223u; }
#define raw_smp_processor_id() 0
static void __bpf_call_base(void) {}
`;

const AFTER = `
int main(void)
{
	for (unsigned i = 0; i < ARRAY_SIZE(tests); i++) {
		struct bpf_test *t = &tests[i];
		const void *insns = t->u.insns_int;
		unsigned len;
		if ((t->aux & TEST_TYPE_MASK) != INTERNAL || (t->aux & (FLAG_EXPECTED_FAIL | FLAG_SKB_FRAG))) continue;
		if (t->fill_helper) {
			if (t->fill_helper(t)) continue;
			insns = t->u.ptr.insns;
			len = t->u.ptr.len;
		} else for (len = MAX_INSNS; len > 0 && t->u.insns_int[len - 1].code == 0;) len--;
		u32 head[3] = { strlen(t->descr), len, t->aux };
		fwrite(head, 4, 3, stdout);
		fwrite(t->descr, 1, head[0], stdout);
		fwrite(insns, 8, len, stdout);
		fwrite(t->data, 1, MAX_DATA, stdout);
		for (int k = 0; k < MAX_SUBTESTS; k++) {
			u32 run[2] = { t->test[k].data_size, t->test[k].result };
			fwrite(run, 4, 2, stdout);
		}
		if (t->fill_helper) free((void *)insns);
	}
	return 0;
}
`;

/** The part of a text from one mark up to another. */
function between(text: string, from: string, to: string): string {
  const start = text.indexOf(from);
  const end = text.indexOf(to, start);
  if (start === -1 || end === -1) throw new Error(`the kernel source has no '${start === -1 ? from : to}' any more`);
  return text.slice(start, end);
}

function build(folder: string): void {
  untar('/usr/src/linux-source-6.12.tar.xz', folder, 1, [
    '*/lib/test_bpf.c',
    'linux-source-6.12/include/linux/filter.h',
    'linux-source-6.12/include/uapi/linux/bpf.h',
  ]);
  const macros = between(readFileSync(join(folder, 'include/linux/filter.h'), 'utf8'), '#define BPF_REG_ARG1', '#define bytes_to_bpf_size');
  const tests = between(readFileSync(join(folder, 'lib/test_bpf.c'), 'utf8'), '#define MAX_SUBTESTS', 'static struct net_device dev;');
  writeFileSync(join(folder, 'suite.c'), BEFORE + macros + tests + AFTER);
  try {
    execFileSync('gcc', ['-O1', '-w', '-Iinclude/uapi', '-o', 'suite', 'suite.c'], { cwd: folder, stdio: ['ignore', 'ignore', 'pipe'] });
  } catch (error) {
    if (error instanceof Error && 'code' in error && error.code === 'ENOENT') throw new CorpusMissing('gcc is not installed');
    throw error;
  }
  writeFileSync(join(folder, 'suite.bin'), execFileSync('./suite', { cwd: folder, maxBuffer: 1 << 28 }));
}

const FLAG_NO_DATA = 1;
const FLAG_LARGE_MEM = 16;
const DATA = 128;

/** All tests with at most so many slots. */
export function* kernelSuite(limit: number): Generator<SuiteTest> {
  const folder = once('test-bpf-6.12', build);
  const bytes = readFileSync(join(folder, 'suite.bin'));
  for (let at = 0; at < bytes.length; ) {
    const nameLength = bytes.readUInt32LE(at);
    const length = bytes.readUInt32LE(at + 4);
    const flags = bytes.readUInt32LE(at + 8);
    const name = bytes.toString('latin1', at + 12, at + 12 + nameLength);
    const code = at + 12 + nameLength;
    const data = code + length * 8;
    at = data + DATA + 24;
    if (length > limit) continue;
    const runs = [0, 1, 2]
      .map((i) => ({ size: bytes.readUInt32LE(data + DATA + i * 8), result: bytes.readUInt32LE(data + DATA + i * 8 + 4) }))
      .filter((run, i) => i === 0 || run.size !== 0 || run.result !== 0);
    // Some use the verifier's own mark for zero extension; some end in dead code, which only a verifier would refuse.
    const insns = decode(new Uint8Array(bytes.subarray(code, data)), { translated: true }).map((insn) =>
      insn.op === 0xbc && insn.imm === 1 ? { ...insn, imm: 0 } : insn,
    );
    yield {
      name,
      insns: [...insns, exit()],
      runs,
      data: new Uint8Array(bytes.subarray(data, data + DATA)),
      memory: (flags & FLAG_LARGE_MEM) !== 0,
      empty: (flags & FLAG_NO_DATA) !== 0,
    };
  }
}
