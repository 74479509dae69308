/** The corpora that every kernel must accept, as sources for the compiler. */
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { folderResolver } from '../../src/compiler/c/preprocessor/headers.ts';
import { guessDialect } from '../../src/compiler/dialect/auto.ts';
import { bccDialect } from '../../src/compiler/dialect/bcc/dialect.ts';
import { libbpfDialect } from '../../src/compiler/dialect/libbpf/dialect.ts';
import type { TargetFacts } from '../../src/compiler/target-facts.ts';
import type { UsdtProgram } from '../../src/compiler/usdt.ts';
import { parseUsdtArguments } from '../../src/elf/usdt-arguments.ts';
import { PROGRAMS } from '../host/compiler/bcc-dialect-programs.ts';
import { CORE, FEATURES } from '../host/compiler/libbpf-programs.ts';
import { CALLBACK_CONTEXTS, CHECKED_AFTER, CHECKED_BEFORE, CONTEXT_STORES, ITERATORS, LISTS } from '../host/compiler/pointer-programs.ts';
import { root } from '../run/paths.ts';
import { BPFFS } from '../support/bpffs.ts';
import { withCpu } from '../support/facts.ts';
import type { Source } from './compiled.ts';
import { bccPrograms, kernelSamples } from './corpora.ts';

export const SAMPLE_SERIES = ['6.1', '6.12'] as const;
export const CORPORA = [
  'bcc',
  'samples-6.1',
  'samples-6.12',
  'own-v2',
  'own-v3',
  'own-v4',
  'dialect',
  'features',
  'features-portable',
] as const;
export type Corpus = (typeof CORPORA)[number];

/** Throws `CorpusMissing` where its Debian package is not installed. */
export function sourcesOf(corpus: Corpus): Source[] {
  switch (corpus) {
    case 'bcc':
      return bccSources();
    case 'samples-6.1':
      return sampleSources('6.1');
    case 'samples-6.12':
      return sampleSources('6.12');
    case 'own-v2':
    case 'own-v3':
    case 'own-v4':
      return ownSources();
    case 'dialect':
      return dialectSources();
    case 'features':
      return featureSources(false);
    case 'features-portable':
      return featureSources(true);
    default:
      return corpus satisfies never;
  }
}

const OWN_CPU: Readonly<Partial<Record<Corpus, TargetFacts['cpu']>>> = { 'own-v2': 2, 'own-v3': 3, 'own-v4': 4 };

/** The instruction set that a corpus is compiled for, where it is not the newest that the kernel has. */
export function factsFor(corpus: Corpus, facts: TargetFacts): TargetFacts {
  const cpu = OWN_CPU[corpus];
  return cpu === undefined ? facts : withCpu(facts, cpu);
}

/** The programs of bench/codegen. */
function ownSources(): Source[] {
  const folder = join(root, 'bench', 'codegen');
  return readdirSync(folder)
    .filter((name) => name.endsWith('.c'))
    .sort()
    .map((name) => {
      const text = readFileSync(join(folder, name), 'utf8');
      return { name, text, options: { dialect: guessDialect(text), file: name } };
    });
}

function dialectSources(): Source[] {
  return Object.entries(PROGRAMS).map(([name, { text }]) => ({
    name,
    text,
    options: { dialect: bccDialect, file: 'program.c', verify: true },
    silent: true,
  }));
}

function featureSources(portable: boolean): Source[] {
  const texts = portable
    ? { CORE, FEATURES }
    : { CORE, FEATURES, CALLBACK_CONTEXTS, ITERATORS, LISTS, CHECKED_AFTER, CHECKED_BEFORE, CONTEXT_STORES };
  return Object.entries(texts).map(([name, text]) => ({
    name,
    text,
    options: { dialect: libbpfDialect, file: `${name}.bpf.c`, portable, verify: true },
    // Those that show what the verifier takes are written without a flaw; the others try what gives warnings, too.
    silent: name !== 'CORE' && name !== 'FEATURES',
  }));
}

/** Where the one pinned map of BCC's examples goes. */
export const BCC_PINS: string = join(BPFFS, 'pins');

function bccSources(): Source[] {
  return bccPrograms().map(({ name, text, tool, cflags }) => ({
    name,
    // The tools' examples name it 'mappath'; the real path is in the kernel's own file system.
    text: text.replace(/(BPF_TABLE_PINNED\([^;]*)"mappath"/g, `$1"${BCC_PINS}/map"`),
    options: {
      dialect: bccDialect,
      name: tool.slice(0, 15),
      file: `${name}.c`,
      defines: cflags.filter((flag) => flag.startsWith('-D')).map((flag) => flag.slice(2)),
      usdt: USDT[name] ?? [],
    },
  }));
}

/**
 * Programs that read arguments of probes of a process that BCC was named and that does not run here: where that
 * process's file has them, as its notes would say it.
 */
const USDT: Readonly<Record<string, readonly UsdtProgram[]>> = {
  'argdist.10': probe('pthread_start_probe0', 'libpthread:pthread_start', '8@%rax 8@1600(%rbx) 8@1608(%rbx)'),
  'dbslower.0': probe('query_start', 'postgresql:query__start', '8@%rdi'),
  'dbslower.1': probe('query_start', 'mysql:query__start', '8@%rdi -8@-48(%rbp)'),
  'mysqld_qslower.0': probe('do_start', 'mysql:query__start', '8@%rdi -8@-48(%rbp)'),
};

function probe(program: string, name: string, words: string): UsdtProgram[] {
  return [{ program, probe: name, locations: [{ address: 0x1000n, arguments: parseUsdtArguments(words, 'x86_64') }] }];
}

function sampleSources(series: (typeof SAMPLE_SERIES)[number]): Source[] {
  const { folder, files } = kernelSamples(series);
  const includes = folderResolver({ quoted: [folder], read: readIfThere });
  return files
    .filter(({ name }) => name !== PART)
    .map(({ name, path }) => ({
      name,
      text: linked(readFileSync(path, 'utf8')),
      entries: ENTRIES,
      options: { dialect: libbpfDialect, name: name.slice(0, 15), file: path, includes, defines: DEFINES[name] ?? [] },
    }));
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
