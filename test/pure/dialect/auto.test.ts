import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { test } from 'node:test';
import { guessDialect } from '../../../src/compiler/dialect/auto.ts';
import { bccPrograms, CorpusMissing, kernelSamples } from '../../corpora/corpora.ts';

test('the dialect of a text', () => {
  const guess = (text: string): string => guessDialect(text).name;
  assert.equal(guess('BPF_HASH(counts);\nint f(struct pt_regs *ctx) { counts.increment(1); return 0; }'), 'bcc');
  assert.equal(guess('int kprobe__vfs_read(void *ctx) { return 0; }'), 'bcc');
  assert.equal(guess('TRACEPOINT_PROBE(a, b) { return 0; }'), 'bcc');
  assert.equal(guess('int hello(void *ctx) { bpf_trace_printk("x"); return 0; }'), 'bcc');
  assert.equal(guess('#include "vmlinux.h"\n#include <bpf/bpf_helpers.h>\nSEC("kprobe/x") int f(void *ctx) { return 0; }'), 'libbpf');
  assert.equal(
    guess('#include <linux/bpf.h>\n#define SEC(n) __attribute__((section(n)))\nSEC("xdp") int f(void *ctx) { return 2; }'),
    'libbpf',
  );
  assert.equal(guess('#include "bpf_helpers.h"\nint x;'), 'libbpf');
});

function corpus<T>(load: () => T): T | undefined {
  try {
    return load();
  } catch (error) {
    if (error instanceof CorpusMissing) return undefined;
    throw error;
  }
}

const programs = corpus(() => bccPrograms());
test("every program of BCC's tools is BCC's", { skip: programs === undefined ? 'needs bpfcc-tools' : false }, () => {
  assert.deepEqual(
    (programs ?? []).filter((p) => guessDialect(p.text).name !== 'bcc').map((p) => p.name),
    [],
  );
});

const samples = corpus(() => kernelSamples('6.1').files);
test("every kernel sample is libbpf's", { skip: samples === undefined ? 'needs linux-source-6.1' : false }, () => {
  assert.deepEqual(
    (samples ?? []).filter((f) => guessDialect(readFileSync(f.path, 'utf8')).name !== 'libbpf').map((f) => f.name),
    [],
  );
});
