/**
 * What is checked stays checked: bounds survive register pressure, calls, widths and merges, for the oldest verifier in
 * the matrix too. Each function is accepted only if the verifier sees the check and the use as one value.
 */
import assert from 'node:assert/strict';
import { compile } from '../../../src/compiler/compile.ts';
import { libbpfDialect } from '../../../src/compiler/dialect/libbpf/dialect.ts';
import { renderDiagnostics } from '../../../src/compiler/render-diagnostic.ts';
import { readTargetFacts } from '../../../src/kernel/facts.ts';
import { linuxKernel } from '../../../src/kernel/linux.ts';
import { loadObject } from '../../../src/link/load.ts';
import { kernelTest } from '../../run/needs.ts';
import { withCpu } from '../../support/facts.ts';

const HEAD = `
#include <linux/bpf.h>
#include <bpf/bpf_helpers.h>
struct value { __u64 cells[64]; __u32 index; __s32 signed_index; __u64 wide; char text[256]; };
struct { __uint(type, BPF_MAP_TYPE_ARRAY); __uint(max_entries, 1); __type(key, __u32); __type(value, struct value); } values SEC(".maps");
struct { __uint(type, BPF_MAP_TYPE_PERF_EVENT_ARRAY); __uint(key_size, 4); __uint(value_size, 4); } events SEC(".maps");
char LICENSE[] SEC("license") = "GPL";
#define LOOKUP() __u32 zero = 0; struct value *v = bpf_map_lookup_elem(&values, &zero); if (!v) return 0
/* Seven values that live across calls: more than survive in registers. */
#define CROWD() __u64 c1 = bpf_ktime_get_ns(), c2 = bpf_get_prandom_u32(), c3 = bpf_ktime_get_ns(), c4 = bpf_get_smp_processor_id(), c5 = bpf_ktime_get_ns(), c6 = v->wide, c7 = v->cells[3]
#define SUM() (c1 ^ c2 ^ c3 ^ c4 ^ c5 ^ c6 ^ c7)
`;

const BODIES: Readonly<Record<string, string>> = {
  'a check before calls, the use after them': `
    LOOKUP(); __u32 i = v->index; if (i >= 64) return 0; CROWD(); bpf_ktime_get_ns(); return v->cells[i] ^ SUM();`,
  'loaded before calls, checked and used after them': `
    LOOKUP(); __u32 i = v->index; CROWD(); if (i >= 64) return SUM(); bpf_ktime_get_ns(); return v->cells[i] ^ SUM();`,
  'checked between calls': `
    LOOKUP(); __u32 i = v->index; CROWD(); if (i >= 64) return 0; __u64 d = bpf_ktime_get_ns(); __u64 e = bpf_ktime_get_ns(); v->cells[i] = d ^ e; bpf_ktime_get_ns(); v->cells[i & 31] = e; return SUM();`,
  'a 64-bit value compared in 32 bits': `
    LOOKUP(); __u64 w = v->wide; __u32 i = w; CROWD(); if (i > 63) return 1; bpf_ktime_get_ns(); return v->cells[i] + w + SUM();`,
  'a signed index with both bounds': `
    LOOKUP(); int i = v->signed_index; CROWD(); if (i < 0 || i >= 64) return 0; bpf_ktime_get_ns(); return v->cells[i] ^ SUM();`,
  'a length that was clamped': `
    LOOKUP(); __u32 n = v->index; CROWD(); if (n > sizeof(v->text)) n = sizeof(v->text); bpf_perf_event_output(ctx, &events, BPF_F_CURRENT_CPU, v->text, n); return SUM();`,
  'a length by mask': `
    LOOKUP(); CROWD(); __u32 n = v->index & 127; bpf_ktime_get_ns(); bpf_perf_event_output(ctx, &events, BPF_F_CURRENT_CPU, v->text, n + 1); return SUM();`,
  'a length from a helper, checked as signed': `
    LOOKUP(); CROWD(); long n = bpf_probe_read_kernel_str(v->text, 128, (void *)v->wide); if (n < 0 || n > 128) return 0; bpf_ktime_get_ns(); bpf_perf_event_output(ctx, &events, BPF_F_CURRENT_CPU, v->text, n & 127); return SUM();`,
  'a loop counter as index, calls in the loop': `
    LOOKUP(); CROWD(); __u64 s = 0; for (__u32 i = 0; i < 8; i++) { s += v->cells[i * 2] ^ bpf_ktime_get_ns(); } return s ^ SUM();`,
  'the smaller of two': `
    LOOKUP(); __u32 a = v->index, b = v->wide; __u32 i = a < b ? a : b; CROWD(); if (i > 63) i = 63; bpf_ktime_get_ns(); return v->cells[i] ^ SUM();`,
  'an offset built from a checked part': `
    LOOKUP(); __u32 i = v->index; if (i >= 16) return 0; CROWD(); __u64 *p = &v->cells[i * 4]; bpf_ktime_get_ns(); p[1] = c1; p[3] = c2; return SUM();`,
  'a pointer that was checked for null lives on': `
    LOOKUP(); __u32 k = v->index; struct value *w = bpf_map_lookup_elem(&values, &k); CROWD(); if (!w) return 0; bpf_ktime_get_ns(); w->wide = c3; bpf_ktime_get_ns(); return w->wide ^ SUM();`,
};

for (const cpu of [2, 3, 4] as const) {
  kernelTest(
    `checked values stay checked, instruction set v${cpu}`,
    { btf: true, readKernel: false, ...(cpu === 4 ? { minKernel: '6.6' } : {}) },
    () => {
      const kernel = linuxKernel();
      const facts = withCpu(readTargetFacts(kernel), cpu);
      const refused: string[] = [];
      for (const [name, body] of Object.entries(BODIES)) {
        const text = `${HEAD}\nSEC("tracepoint/syscalls/sys_enter_getpid") int f(void *ctx) {${body}}`;
        const { spec, diagnostics, source } = compile(text, { facts, dialect: libbpfDialect, file: 't.c' });
        assert.ok(spec, renderDiagnostics(diagnostics, source));
        try {
          loadObject(spec, kernel, { facts }).close();
        } catch (error) {
          refused.push(`${name}: ${String(error)}`);
        }
      }
      assert.deepEqual(refused, []);
    },
  );
}
