/**
 * Every C program of Debian's BCC tools compiles for this kernel and is accepted by its verifier.
 *
 * A guest is emulated and ten times slower: there the first variant of each tool is judged, and all with SKEP_LONG=1.
 */
import assert from 'node:assert/strict';
import { mkdirSync, readdirSync, unlinkSync } from 'node:fs';
import { join } from 'node:path';
import { bccDialect } from '../../../src/compiler/dialect/bcc/dialect.ts';
import { readTargetFacts } from '../../../src/kernel/facts.ts';
import { linuxKernel } from '../../../src/kernel/linux.ts';
import { type BccProgram, bccPrograms, CorpusMissing } from '../../corpora/corpora.ts';
import { guestSeries, kernelTest } from '../../run/needs.ts';
import { BPFFS, ownBpffs } from '../../support/bpffs.ts';
import { BCC_EXCEPTIONS } from './bcc-exceptions.ts';
import { judge, type Source, summary, unexpected, type Verdict } from './verdict.ts';

const complete = guestSeries === undefined || process.env['SKEP_LONG'] === '1';
/** Of each tool, where not all are judged. */
const VARIANTS = 1;

kernelTest("the programs of BCC's tools compile and are accepted", { btf: true, timeout: 1_200_000 }, (t) => {
  let programs: readonly BccProgram[];
  try {
    programs = bccPrograms();
  } catch (error) {
    if (!(error instanceof CorpusMissing) || process.env['CI'] === 'true') throw error;
    return t.skip(error.message);
  }
  const kernel = linuxKernel();
  const host = { kernel, facts: readTargetFacts(kernel) };
  ownBpffs(kernel);
  const pins = join(BPFFS, 'pins');
  mkdirSync(pins);
  const verdicts: Verdict[] = [];
  for (const program of complete ? programs : firstOfEach(programs)) {
    verdicts.push(...judge(host, asSource(program, pins)));
    for (const pin of readdirSync(pins)) unlinkSync(join(pins, pin));
  }
  t.diagnostic(summary(verdicts));
  const problems = unexpected(host, verdicts, BCC_EXCEPTIONS, complete);
  assert.equal(problems.length, 0, `${summary(verdicts)}\n${problems.join('\n')}`);
});

function firstOfEach(programs: readonly BccProgram[]): BccProgram[] {
  const seen = new Map<string, number>();
  return programs.filter(({ tool }) => {
    const count = (seen.get(tool) ?? 0) + 1;
    seen.set(tool, count);
    return count <= VARIANTS;
  });
}

/** The tools' examples name a pinned map 'mappath'; the real path is in the kernel's own file system. */
function asSource({ name, text, tool, cflags }: BccProgram, pins: string): Source {
  return {
    name,
    text: text.replace(/(BPF_TABLE_PINNED\([^;]*)"mappath"/g, `$1"${pins}/map"`),
    options: {
      dialect: bccDialect,
      name: tool.slice(0, 15),
      file: `${name}.c`,
      defines: cflags.filter((flag) => flag.startsWith('-D')).map((flag) => flag.slice(2)),
    },
  };
}
