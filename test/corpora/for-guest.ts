/**
 * Compiles the corpora and what tests have clang compile for a guest: for-guest.js <series> <folder>. A process of its own, because it takes
 * twenty seconds and others wait for the runner meanwhile.
 */
import { mkdirSync } from 'node:fs';
import { readTargetFacts } from '../../src/kernel/facts.ts';
import { linuxKernel } from '../../src/kernel/linux.ts';
import { compileXlated } from '../host/isa/xlated-source.ts';
import { compileVariant, VARIANTS } from '../host/vm/objects-source.ts';
import { guestFacts } from '../lab/kernel-parts.ts';
import { SERIES } from '../lab/kernels.ts';
import { EXTERNS, fixture, LOADED_EXTERNS, MAPS } from '../pure/object/fixtures.ts';
import { GUEST_OBJECTS } from '../run/guest-objects.ts';
import { keepToolPrograms } from '../support/tool-programs.ts';
import { compileSource, keepCompiled } from './compiled.ts';
import { CorpusMissing } from './corpora.ts';
import { CORPORA, type Corpus, factsFor, sourcesOf } from './sources.ts';

const [wanted, folder] = process.argv.slice(2);
const series = SERIES.find((name) => name === wanted);
if (series === undefined || folder === undefined) throw new Error('usage: for-guest.js <series> <folder>');
mkdirSync(folder, { recursive: true });
process.env[GUEST_OBJECTS] = folder;
for (const source of [MAPS, EXTERNS, LOADED_EXTERNS]) fixture(source);
compileXlated();
for (const flags of VARIANTS) compileVariant(flags);
const facts = guestFacts(series, readTargetFacts(linuxKernel()));
for (const corpus of CORPORA)
  for (const source of sources(corpus)) keepCompiled(folder, corpus, source, compileSource(source, factsFor(corpus, facts)));
await keepToolPrograms(folder, facts);

function sources(corpus: Corpus): ReturnType<typeof sourcesOf> {
  try {
    return sourcesOf(corpus);
  } catch (error) {
    // The test that needs it says so.
    if (error instanceof CorpusMissing) return [];
    throw error;
  }
}
