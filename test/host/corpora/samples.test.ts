/** Every kernel-side file of the kernel's own samples, unmodified, compiles for this kernel and is accepted by its verifier. */
import assert from 'node:assert/strict';
import { mkdirSync, readFileSync } from 'node:fs';
import { folderResolver } from '../../../src/compiler/c/preprocessor/headers.ts';
import { libbpfDialect } from '../../../src/compiler/dialect/libbpf/dialect.ts';
import { readTargetFacts } from '../../../src/kernel/facts.ts';
import { linuxKernel } from '../../../src/kernel/linux.ts';
import { CorpusMissing, kernelSamples } from '../../corpora/corpora.ts';
import { kernelTest } from '../../run/needs.ts';
import { BPFFS, ownBpffs } from '../../support/bpffs.ts';
import { SAMPLE_EXCEPTIONS } from './samples-exceptions.ts';
import { judge, summary, unexpected } from './verdict.ts';

for (const series of ['6.1', '6.12'] as const) {
  kernelTest(`the samples of Linux ${series} compile and are accepted`, { btf: true, timeout: 1_200_000 }, (t) => {
    let samples: ReturnType<typeof kernelSamples>;
    try {
      samples = kernelSamples(series);
    } catch (error) {
      if (!(error instanceof CorpusMissing) || process.env['CI'] === 'true') throw error;
      return t.skip(error.message);
    }
    const kernel = linuxKernel();
    const host = { kernel, facts: readTargetFacts(kernel) };
    const includes = folderResolver({ quoted: [samples.folder], read: readIfThere });
    // Some samples pin maps, where `tc` does and where libbpf does.
    ownBpffs(kernel);
    mkdirSync(`${BPFFS}/tc/globals`, { recursive: true });
    const verdicts = samples.files
      .filter(({ name }) => name !== PART)
      .flatMap(({ name, path }) => {
        const text = readFileSync(path, 'utf8');
        return judge(host, {
          name,
          text: linked(text),
          entries: ENTRIES,
          options: { dialect: libbpfDialect, name: name.slice(0, 15), file: path, includes, defines: DEFINES[name] ?? [] },
        });
      });
    t.diagnostic(summary(verdicts));
    const problems = unexpected(host, verdicts, SAMPLE_EXCEPTIONS[series], true);
    assert.equal(problems.length, 0, `${summary(verdicts)}\n${problems.join('\n')}`);
  });
}

/** What the script beside the sample gives on clang's command line: addresses of its own interfaces. */
const DEFINES: Readonly<Record<string, readonly string[]>> = { 'test_lwt_bpf.c': ['SRC_MAC=0x1', 'DST_MAC=0x2', 'DST_IFINDEX=1'] };

/** User space sizes these by CPUs before it loads them. */
const ENTRIES: Readonly<Record<string, number>> = {
  rx_cnt: 64,
  redir_err_cnt: 64,
  cpumap_enqueue_cnt: 64,
  cpumap_kthread_cnt: 64,
  exception_cnt: 64,
  devmap_xmit_cnt: 64,
  cpu_map: 64,
  cpus_available: 64,
};

/** No sample of its own (it has no licence): the samples' Makefile links it with those that include its header; here the two are one unit. */
const PART = 'xdp_sample.bpf.c';
function linked(text: string): string {
  return text.includes('"xdp_sample.bpf.h"') ? `${text}\n#include "${PART}"\n` : text;
}

function readIfThere(path: string): string | undefined {
  try {
    return readFileSync(path, 'utf8');
  } catch {
    return undefined;
  }
}
