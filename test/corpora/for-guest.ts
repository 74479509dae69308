/**
 * Compiles the corpora for a guest's kernel: for-guest.js <series> <folder>. A process of its own, because it takes
 * twenty seconds and others wait for the runner meanwhile.
 */
import { mkdirSync } from 'node:fs';
import { readTargetFacts } from '../../src/kernel/facts.ts';
import { linuxKernel } from '../../src/kernel/linux.ts';
import { guestFacts } from '../lab/kernel-parts.ts';
import { SERIES } from '../lab/kernels.ts';
import { compileSource, keepCompiled } from './compiled.ts';
import { CorpusMissing } from './corpora.ts';
import { CORPORA, type Corpus, sourcesOf } from './sources.ts';

const [wanted, folder] = process.argv.slice(2);
const series = SERIES.find((name) => name === wanted);
if (series === undefined || folder === undefined) throw new Error('usage: for-guest.js <series> <folder>');
mkdirSync(folder, { recursive: true });
const facts = guestFacts(series, readTargetFacts(linuxKernel()));
for (const corpus of CORPORA) for (const source of sources(corpus)) keepCompiled(folder, corpus, source, compileSource(source, facts));

function sources(corpus: Corpus): ReturnType<typeof sourcesOf> {
  try {
    return sourcesOf(corpus);
  } catch (error) {
    // The test that needs it says so.
    if (error instanceof CorpusMissing) return [];
    throw error;
  }
}
