/** The programs of bench/codegen pass the verifier of the kernel they are compiled for. */
import assert from 'node:assert/strict';
import { readTargetFacts } from '../../../src/kernel/facts.ts';
import { linuxKernel } from '../../../src/kernel/linux.ts';
import { loadObject } from '../../../src/link/load.ts';
import { sourcesOf } from '../../corpora/sources.ts';
import { kernelTest } from '../../run/needs.ts';
import { compiledFor } from '../corpora/verdict.ts';

/** bpf_loop is of 5.17, the rest is older. */
for (const cpu of [2, 3, 4] as const) {
  kernelTest(`programs of every kind, instruction set v${cpu}`, { btf: true, ...(cpu === 4 ? { minKernel: '6.6' } : {}) }, () => {
    const kernel = linuxKernel();
    const host = { kernel, facts: readTargetFacts(kernel) };
    const corpus = `own-v${cpu}` as const;
    const sources = sourcesOf(corpus);
    assert.ok(sources.length > 10, `${sources.length} programs`);
    for (const source of sources) {
      // Before v3 there are no atomics that give the old value, and none of these asks for it.
      const compiled = compiledFor(host, corpus, source);
      assert.ok('spec' in compiled, `${source.name}: ${'failure' in compiled ? compiled.failure : ''}`);
      using object = loadObject(compiled.spec, kernel, { facts: host.facts });
      assert.equal(object.programs.size, compiled.spec.programs.length, source.name);
    }
  });
}
