/**
 * BCC's dialect, line by line of `docs/dialect.md`: each construct compiles without a word, and this kernel's verifier
 * accepts what comes of it, under the program type that it is for.
 */
import assert from 'node:assert/strict';
import { KINDS } from '../../../src/compiler/dialect/bcc/maps.ts';
import { METHODS } from '../../../src/compiler/dialect/bcc/methods.ts';
import { readTargetFacts } from '../../../src/kernel/facts.ts';
import { linuxKernel } from '../../../src/kernel/linux.ts';
import { loadObject } from '../../../src/link/load.ts';
import type { ProgramSpec } from '../../../src/object/spec.ts';
import type { Source } from '../../corpora/compiled.ts';
import { sourcesOf } from '../../corpora/sources.ts';
import { kernelTest, type Needs } from '../../run/needs.ts';
import { compiledFor } from '../corpora/verdict.ts';
import { type DialectProgram, PROGRAMS } from './bcc-dialect-programs.ts';

const NEEDS: Readonly<Record<NonNullable<DialectProgram['needs']>, Needs>> = {
  lsm: { lsm: true },
  // Typed programs of kernel functions may be forbidden where a kernel is shared.
  fentry: { fentry: true, guest: true },
  'kmod-ret': { fentry: true, guest: true },
};

const SOURCES = new Map(sourcesOf('dialect').map((source) => [source.name, source]));

for (const [name, { as = {}, needs, minKernel = '5.8' }] of Object.entries(PROGRAMS)) {
  kernelTest(name, { btf: true, readKernel: true, minKernel, ...(needs === undefined ? {} : NEEDS[needs]) }, () => {
    const kernel = linuxKernel();
    const facts = readTargetFacts(kernel);
    const compiled = compiledFor({ kernel, facts }, 'dialect', SOURCES.get(name) as Source);
    assert.ok('spec' in compiled, 'failure' in compiled ? compiled.failure : '');
    const { spec } = compiled;
    const object = loadObject(spec, kernel, { facts, programs: () => false });
    const refused: string[] = [];
    try {
      for (const program of spec.programs) {
        try {
          object.load(as[program.name] === undefined ? program : ({ ...program, ...as[program.name] } as ProgramSpec));
        } catch (error) {
          refused.push(`${program.name}: ${(error as { report?(): string }).report?.() ?? String(error)}`);
        }
      }
    } finally {
      object.close();
    }
    assert.deepEqual(refused, []);
  });
}

kernelTest('every kind of map and every method is among them', { root: false }, () => {
  const all = Object.values(PROGRAMS)
    .map((p) => p.text)
    .join('\n');
  assert.deepEqual(
    Object.keys(METHODS).filter((m) => !new RegExp(String.raw`\w\.${m}\(`).test(all)),
    [],
  );
  const spelled = new Set([...all.matchAll(/"([a-z_]+)"/g)].map((m) => m[1]));
  const macros: Readonly<Record<string, RegExp>> = MACROS;
  assert.deepEqual(
    Object.keys(KINDS).filter((kind) => kind !== 'extern' && !spelled.has(kind) && macros[kind]?.test(all) !== true),
    [],
  );
});

/** The macro that makes a map of this kind. */
const MACROS: Readonly<Record<string, RegExp>> = {
  hash: /BPF_HASH\(/,
  array: /BPF_ARRAY\(/,
  histogram: /BPF_HISTOGRAM\(/,
  percpu_hash: /BPF_PERCPU_HASH\(/,
  percpu_array: /BPF_PERCPU_ARRAY\(/,
  lpm_trie: /BPF_LPM_TRIE\(/,
  prog: /BPF_PROG_ARRAY\(/,
  perf_output: /BPF_PERF_OUTPUT\(/,
  perf_array: /BPF_PERF_ARRAY\(/,
  ringbuf: /BPF_RINGBUF_OUTPUT\(/,
  queue: /BPF_QUEUE\(/,
  stack: /BPF_STACK\(/,
  cgroup_array: /BPF_CGROUP_ARRAY\(/,
  stacktrace: /BPF_STACK_TRACE\(/,
  devmap: /BPF_DEVMAP\(/,
  cpumap: /BPF_CPUMAP\(/,
  xskmap: /BPF_XSKMAP\(/,
  hash_of_maps: /BPF_HASH_OF_MAPS\(/,
  array_of_maps: /BPF_ARRAY_OF_MAPS\(/,
  sk_storage: /BPF_SK_STORAGE\(/,
  inode_storage: /BPF_INODE_STORAGE\(/,
  task_storage: /BPF_TASK_STORAGE\(/,
  sockmap: /BPF_SOCKMAP\(/,
  sockhash: /BPF_SOCKHASH\(/,
  cgroup_storage: /BPF_CGROUP_STORAGE\(/,
  percpu_cgroup_storage: /BPF_PERCPU_CGROUP_STORAGE\(/,
};
