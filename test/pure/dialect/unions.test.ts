/** Pointers in unions, in programs that have the kernel's types: the verifier takes the first member at a place. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { compile } from '../../../src/compiler/compile.ts';
import { libbpfDialect } from '../../../src/compiler/dialect/libbpf/dialect.ts';
import { testFacts } from './front.ts';

const CALL = 0x85;
const PROBE_READ_KERNEL = 113;

/** How many probe reads it takes to read `it->…->n`. */
function probeReads(types: string, path: string): number {
  const { spec, diagnostics } = compile(
    `#include <bpf/bpf_helpers.h>
${types}
struct arguments { struct it *it; };
SEC("fentry/f") int f(struct arguments *ctx) { return ctx->it->${path}->n; }
char LICENSE[] SEC("license") = "GPL";`,
    { facts: testFacts({ btf: undefined }), dialect: libbpfDialect },
  );
  assert.deepEqual(
    diagnostics.map((d) => d.message),
    [],
  );
  return spec?.functions.get('f')?.insns.filter((i) => i.op === CALL && i.src === 0 && i.imm === PROBE_READ_KERNEL).length ?? Number.NaN;
}

test('the first pointer of a union is known, others are read as numbers', () => {
  const records = 'struct a { long m; int n; }; struct b { int n; };';
  const union = (members: string): string => `${records} struct it { long x; union { ${members} } u; };`;
  assert.equal(probeReads(`${records} struct it { long x; struct b *b; };`, 'b'), 0);
  assert.equal(probeReads(union('struct b *b; struct a *a;'), 'u.b'), 0);
  assert.equal(probeReads(union('struct b *b; struct a *a;'), 'u.a'), 1);
  assert.equal(probeReads(union('struct b *one, *two;'), 'u.two'), 0);
  // A record in front, whose member lies there; an array of them; a number.
  assert.equal(probeReads(union('struct { long y; struct b *b; } first; struct { long z; struct b *b; } second;'), 'u.second.b'), 0);
  assert.equal(probeReads(union('struct { void *base; long size; } first; struct b *b;'), 'u.b'), 1);
  assert.equal(probeReads(union('struct { struct b *b; } first[4]; struct { long z; struct b *b; } second;'), 'u.second.b'), 0);
  assert.equal(probeReads(union('long number; struct b *b;'), 'u.b'), 1);
});
