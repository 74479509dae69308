/** Every C program of Debian's BCC tools compiles for this kernel and is accepted by its verifier. */
import assert from 'node:assert/strict';
import { mkdirSync, readdirSync, unlinkSync } from 'node:fs';
import { join } from 'node:path';
import { readTargetFacts } from '../../../src/kernel/facts.ts';
import { linuxKernel } from '../../../src/kernel/linux.ts';
import type { Source } from '../../corpora/compiled.ts';
import { CorpusMissing } from '../../corpora/corpora.ts';
import { BCC_PINS, sourcesOf } from '../../corpora/sources.ts';
import { kernelTest } from '../../run/needs.ts';
import { ownBpffs } from '../../support/bpffs.ts';
import { BCC_EXCEPTIONS } from './bcc-exceptions.ts';
import { compiledTwice, judge, summary, unexpected, type Verdict } from './verdict.ts';

/** With a tracepoint, an array sized by CPUs, and types of the kernel: compiled in the guest, too. */
const COMPILED_HERE = ['bitesize.0', 'tcpconnect.0'];

kernelTest("the programs of BCC's tools compile and are accepted", { btf: true, timeout: 1_200_000 }, (t) => {
  let sources: readonly Source[];
  try {
    sources = sourcesOf('bcc');
  } catch (error) {
    if (!(error instanceof CorpusMissing) || process.env['CI'] === 'true') throw error;
    return t.skip(error.message);
  }
  const kernel = linuxKernel();
  const host = { kernel, facts: readTargetFacts(kernel) };
  ownBpffs(kernel);
  mkdirSync(BCC_PINS);
  const verdicts: Verdict[] = [];
  for (const source of sources) {
    verdicts.push(...judge(host, 'bcc', source));
    for (const pin of readdirSync(BCC_PINS)) unlinkSync(join(BCC_PINS, pin));
  }
  t.diagnostic(summary(verdicts));
  const problems = unexpected(host, verdicts, BCC_EXCEPTIONS);
  assert.equal(problems.length, 0, `${summary(verdicts)}\n${problems.join('\n')}`);
  const again = sources.filter(({ name }) => COMPILED_HERE.includes(name));
  assert.equal(again.length, COMPILED_HERE.length, 'programs to compile here are not in the corpus');
  for (const source of again) {
    const [below = '', here = ''] = compiledTwice(host, 'bcc', source) ?? [];
    let same = 0;
    while (same < here.length && here[same] === below[same]) same++;
    const around = (text: string): string => text.slice(Math.max(0, same - 100), same + 100);
    assert.ok(here === below, `${source.name}: compiled here …${around(here)}…, below …${around(below)}…`);
  }
});
