/** Sources that nobody here wrote, through preprocessor, parser and sema: what fails must be the kernel's doing. */
import assert from 'node:assert/strict';
import { existsSync, readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { test } from 'node:test';
import type { HeaderResolver } from '../../../src/compiler/c/preprocessor/headers.ts';
import { compile } from '../../../src/compiler/compile.ts';
import { bccDialect } from '../../../src/compiler/dialect/bcc/dialect.ts';
import { libbpfDialect } from '../../../src/compiler/dialect/libbpf/dialect.ts';
import { bccPrograms, CorpusMissing, kernelSamples } from '../../corpora/corpora.ts';
import { front, kernelBtf, testFacts } from './front.ts';

function corpus<T>(load: () => readonly T[]): readonly T[] {
  try {
    return load();
  } catch (error) {
    if (error instanceof CorpusMissing) return [];
    throw error;
  }
}

const EVENTS = ['/sys/kernel/tracing/events', '/sys/kernel/debug/tracing/events'].find((path) => existsSync(join(path, 'sched')));
const facts = testFacts({
  tracepointFormat: (category, event) => {
    const path = join(EVENTS ?? '/nowhere', category, event, 'format');
    return existsSync(path) ? readFileSync(path, 'utf8') : undefined;
  },
});

/** This kernel lacks a member, a module's types or an event, or the program needs a running process. */
const OF_THE_KERNEL = new Set(['no-member', 'incomplete-type', 'unknown-tracepoint', 'usdt-unknown-probe', 'not-implemented']);

const programs = corpus(() => bccPrograms());
test("programs of BCC's tools", {
  skip: programs.length === 0 ? 'needs bpfcc-tools' : kernelBtf() === undefined ? 'needs kernel BTF' : false,
}, () => {
  const wrong: string[] = [];
  let clean = 0;
  let withoutEvents = 0;
  for (const { name, text, cflags } of programs) {
    if (EVENTS === undefined && /TRACEPOINT_PROBE|tracepoint__/.test(text)) {
      withoutEvents++;
      continue;
    }
    const defines = cflags.filter((flag) => flag.startsWith('-D')).map((flag) => flag.slice(2));
    const { errors, said } = front(text, bccDialect, facts, defines);
    if (errors.length === 0) clean++;
    else if (errors.some((e) => !OF_THE_KERNEL.has(e.code))) wrong.push(`${name}: ${said.join('; ')}`);
  }
  assert.deepEqual(wrong, []);
  // Kernels change; nine in ten of the programs do not mind.
  assert.ok(clean > (programs.length - withoutEvents) * 0.9, `${clean} of ${programs.length - withoutEvents}`);
});

for (const series of ['6.1', '6.12'] as const) {
  const files = corpus(() => kernelSamples(series).files);
  test(`kernel samples of ${series}`, {
    skip: files.length === 0 ? `needs linux-source-${series}` : kernelBtf() === undefined ? 'needs kernel BTF' : false,
  }, () => {
    const failed: string[] = [];
    for (const { name, path } of files) {
      const folder = dirname(path);
      const includes: HeaderResolver = ({ path: wanted, quoted }) => {
        const file = join(folder, wanted);
        if (!quoted || wanted === 'vmlinux.h' || !existsSync(file)) return undefined;
        return { name: file, text: readFileSync(file, 'utf8'), folder };
      };
      const { spec, diagnostics, source } = compile(readFileSync(path, 'utf8'), {
        facts: testFacts(),
        dialect: libbpfDialect,
        file: name,
        includes,
        maxErrors: 100,
      });
      if (spec === undefined)
        failed.push(
          `${name}: ${diagnostics
            .filter((d) => d.severity === 'error')
            .slice(0, 3)
            .map((d) => `${source.filePosition(d.loc)?.line ?? 0} ${d.message}`)
            .join('; ')}`,
        );
    }
    assert.deepEqual(
      failed.filter((f) => !KNOWN.test(f)),
      [],
    );
  });
}

/**
 * test_lwt_bpf takes values from the command line of its script. xdp_sample.bpf.h copies by a size that is a constant
 * only after inlining, which the front end does not wait for yet.
 */
const KNOWN = /^(?:test_lwt_bpf|xdp_(?:redirect|router_ipv4|sample)\w*\.bpf)/;
