/**
 * What libbpf's dialect can say, compiled for this kernel and as CO-RE, and accepted by the verifier: CO-RE in all its
 * forms, callbacks, timers, spin locks, subprograms, globals, tail calls, open-coded iterators, packets, kernel memory.
 */
import assert from 'node:assert/strict';
import { readTargetFacts } from '../../../src/kernel/facts.ts';
import { linuxKernel } from '../../../src/kernel/linux.ts';
import { loadObject } from '../../../src/link/load.ts';
import type { ObjectSpec } from '../../../src/object/spec.ts';
import { sourcesOf } from '../../corpora/sources.ts';
import { kernelTest } from '../../run/needs.ts';
import { compiledFor, type Host } from '../corpora/verdict.ts';

const PROGRAMS: readonly (readonly [name: string, key: string, relocations: number, minKernel: string])[] = [
  // One question, about a type that no kernel has, is asked when it is loaded in any case.
  ['CO-RE', 'CORE', 1, '5.8'],
  ['features', 'FEATURES', 0, '6.4'],
];

const POINTERS: readonly (readonly [name: string, key: string, minKernel: string])[] = [
  ["pointers in callbacks' contexts", 'CALLBACK_CONTEXTS', '5.17'],
  ['what iterators lend', 'ITERATORS', '5.10'],
  ['lists of own objects', 'LISTS', '6.6'],
  ['indices checked after one is taken off', 'CHECKED_AFTER', '5.10'],
  ['indices checked before one is taken off', 'CHECKED_BEFORE', '6.8'],
  ["stores to a context's fields", 'CONTEXT_STORES', '5.10'],
];

function compiled(host: Host, key: string, portable: boolean): ObjectSpec {
  const corpus = portable ? 'features-portable' : 'features';
  const source = sourcesOf(corpus).find(({ name }) => name === key);
  assert.ok(source, key);
  const made = compiledFor(host, corpus, source);
  assert.ok('spec' in made, 'failure' in made ? made.failure : '');
  return made.spec;
}

for (const [name, key, minKernel] of POINTERS) {
  kernelTest(name, { btf: true, readKernel: true, minKernel }, () => {
    const kernel = linuxKernel();
    const facts = readTargetFacts(kernel);
    const spec = compiled({ kernel, facts }, key, false);
    const object = loadObject(spec, kernel, { facts });
    assert.equal(object.programs.size, spec.programs.length);
    object.close();
  });
}

for (const [name, key, relocations, minKernel] of PROGRAMS) {
  for (const portable of [false, true]) {
    kernelTest(`${name}${portable ? ', portable' : ''}`, { btf: true, readKernel: true, minKernel }, () => {
      const kernel = linuxKernel();
      const facts = readTargetFacts(kernel);
      const spec = compiled({ kernel, facts }, key, portable);
      const core = [...spec.functions.values()].flatMap((f) => f.core);
      if (portable) {
        assert.ok(core.length > 5);
        // What clang leaves to the loader for these lines.
        const kinds = new Set(core.map(({ kind }) => kind));
        const left = ['typeExists', 'typeSize', 'enumvalValue', 'enumvalExists', 'fieldByteSize', 'fieldExists'] as const;
        if (key === 'CORE') for (const kind of left) assert.ok(kinds.has(kind), kind);
      } else assert.equal(core.length, relocations);
      const object = loadObject(spec, kernel, { facts });
      try {
        assert.deepEqual(
          [...object.programs.keys()],
          spec.programs.map((p) => p.name),
        );
      } finally {
        object.close();
      }
    });
  }
}
