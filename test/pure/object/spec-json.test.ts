/** A spec survives its JSON: all of it, and its types byte for byte. */
import assert from 'node:assert/strict';
import test from 'node:test';
import { encodeBtf } from '../../../src/btf/write.ts';
import { compile } from '../../../src/compiler/compile.ts';
import { guessDialect } from '../../../src/compiler/dialect/auto.ts';
import { renderDiagnostics } from '../../../src/compiler/render-diagnostic.ts';
import { specFromJson, specToJson } from '../../../src/object/spec-json.ts';
import { testFacts } from '../dialect/front.ts';

const TEXTS: Readonly<Record<string, string>> = {
  'tables, histograms, events and constants of 64 bits': `
struct event { u64 when; u32 pid; char name[16]; };
BPF_HASH(starts, u32, u64);
BPF_HISTOGRAM(dist);
BPF_PERF_OUTPUT(events);
BPF_PROG_ARRAY(next, 4);
int probe(struct pt_regs *ctx) {
  struct event e = { .when = bpf_ktime_get_ns() ^ 0xfedcba9876543210ull, .pid = bpf_get_current_pid_tgid() };
  bpf_get_current_comm(e.name, sizeof(e.name));
  starts.update(&e.pid, &e.when);
  dist.increment(bpf_log2l(e.when));
  events.perf_submit(ctx, &e, sizeof(e));
  next.call(ctx, 1);
  return 0;
}`,
  'data, subprograms, externals': `
#include <linux/bpf.h>
#include <bpf/bpf_helpers.h>
struct __sk_buff { __u32 len; };
extern int LINUX_KERNEL_VERSION __kconfig;
const volatile int step = 3;
__u64 total = 5;
static const char word[] = "word";
static __noinline int twice(int x) { return x * step * 2 + word[x & 3]; }
SEC("socket") int f(struct __sk_buff *skb) { total += twice(skb->len); return LINUX_KERNEL_VERSION > 0; }
char LICENSE[] SEC("license") = "GPL";`,
};

for (const [name, text] of Object.entries(TEXTS)) {
  test(name, () => {
    const { spec, diagnostics, source } = compile(text, { facts: testFacts({ btf: undefined }), dialect: guessDialect(text), file: 'p.c' });
    assert.ok(spec, renderDiagnostics(diagnostics, source));
    const { btf, ...rest } = spec;
    const { btf: types, ...same } = specFromJson(specToJson(spec));
    assert.ok(btf && types);
    assert.deepEqual(same, defined(rest));
    assert.deepEqual(encodeBtf(types), encodeBtf(btf));
  });
}

/** JSON has no members that are undefined, and one kind of bytes. */
function defined<T>(value: T): T {
  if (value instanceof Uint8Array) return new Uint8Array(value) as T;
  if (value instanceof Map) return new Map([...value].map(([key, one]) => [key, defined(one)])) as T;
  if (Array.isArray(value)) return value.map(defined) as T;
  if (typeof value !== 'object' || value === null) return value;
  return Object.fromEntries(
    Object.entries(value)
      .filter(([, one]) => one !== undefined)
      .map(([key, one]) => [key, defined(one as unknown)]),
  ) as T;
}
