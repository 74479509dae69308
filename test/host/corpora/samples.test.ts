/** Every kernel-side file of the kernel's own samples, unmodified, compiles for this kernel and is accepted by its verifier. */
import assert from 'node:assert/strict';
import { mkdirSync } from 'node:fs';
import { readTargetFacts } from '../../../src/kernel/facts.ts';
import { linuxKernel } from '../../../src/kernel/linux.ts';
import type { Source } from '../../corpora/compiled.ts';
import { CorpusMissing } from '../../corpora/corpora.ts';
import { SAMPLE_SERIES, sourcesOf } from '../../corpora/sources.ts';
import { kernelTest } from '../../run/needs.ts';
import { BPFFS, ownBpffs } from '../../support/bpffs.ts';
import { SAMPLE_EXCEPTIONS } from './samples-exceptions.ts';
import { judge, summary, unexpected } from './verdict.ts';

for (const series of SAMPLE_SERIES) {
  kernelTest(`the samples of Linux ${series} compile and are accepted`, { btf: true, timeout: 1_200_000 }, (t) => {
    const corpus = `samples-${series}` as const;
    let sources: readonly Source[];
    try {
      sources = sourcesOf(corpus);
    } catch (error) {
      if (!(error instanceof CorpusMissing) || process.env['CI'] === 'true') throw error;
      return t.skip(error.message);
    }
    const kernel = linuxKernel();
    const host = { kernel, facts: readTargetFacts(kernel) };
    // Some samples pin maps, where `tc` does and where libbpf does.
    ownBpffs(kernel);
    mkdirSync(`${BPFFS}/tc/globals`, { recursive: true });
    const verdicts = sources.flatMap((source) => judge(host, corpus, source));
    t.diagnostic(summary(verdicts));
    const problems = unexpected(host, verdicts, SAMPLE_EXCEPTIONS[series]);
    assert.equal(problems.length, 0, `${summary(verdicts)}\n${problems.join('\n')}`);
  });
}
