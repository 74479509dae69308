/**
 * What libbpf's dialect can say, compiled for this kernel and as CO-RE, and accepted by the verifier: CO-RE in all its
 * forms, callbacks, timers, spin locks, subprograms, globals, tail calls, open-coded iterators, packets, kernel memory.
 */
import assert from 'node:assert/strict';
import { compile } from '../../../src/compiler/compile.ts';
import { libbpfDialect } from '../../../src/compiler/dialect/libbpf/dialect.ts';
import { readTargetFacts } from '../../../src/kernel/facts.ts';
import { linuxKernel } from '../../../src/kernel/linux.ts';
import { loadObject } from '../../../src/link/load.ts';
import { kernelTest } from '../../run/needs.ts';
import { CORE, FEATURES } from './libbpf-programs.ts';
import { CALLBACK_CONTEXTS, CHECKED_AFTER, CHECKED_BEFORE, ITERATORS, LISTS } from './pointer-programs.ts';

const PROGRAMS: readonly (readonly [name: string, text: string, relocations: number, minKernel: string])[] = [
  // One question, about a type that no kernel has, is asked when it is loaded in any case.
  ['CO-RE', CORE, 1, '5.8'],
  ['features', FEATURES, 0, '6.4'],
];

const POINTERS: readonly (readonly [name: string, text: string, minKernel: string])[] = [
  ["pointers in callbacks' contexts", CALLBACK_CONTEXTS, '5.17'],
  ['what iterators lend', ITERATORS, '5.10'],
  ['lists of own objects', LISTS, '6.6'],
  ['indices checked after one is taken off', CHECKED_AFTER, '5.10'],
  ['indices checked before one is taken off', CHECKED_BEFORE, '6.8'],
];

for (const [name, text, minKernel] of POINTERS) {
  kernelTest(name, { btf: true, readKernel: true, minKernel }, () => {
    const kernel = linuxKernel();
    const facts = readTargetFacts(kernel);
    const { spec, diagnostics } = compile(text, { facts, dialect: libbpfDialect, file: 'pointers.bpf.c', verify: true });
    assert.deepEqual(
      diagnostics.map((d) => d.message),
      [],
    );
    assert.ok(spec);
    const object = loadObject(spec, kernel, { facts });
    assert.equal(object.programs.size, spec.programs.length);
    object.close();
  });
}

for (const [name, text, relocations, minKernel] of PROGRAMS) {
  for (const portable of [false, true]) {
    kernelTest(`${name}${portable ? ', portable' : ''}`, { btf: true, readKernel: true, minKernel }, () => {
      const kernel = linuxKernel();
      const facts = readTargetFacts(kernel);
      const c = compile(text, { facts, dialect: libbpfDialect, file: `${name}.bpf.c`, portable, verify: true });
      assert.deepEqual(
        c.diagnostics.filter((d) => d.severity === 'error'),
        [],
      );
      assert.ok(c.spec);
      const core = [...c.spec.functions.values()].flatMap((f) => f.core);
      if (portable) assert.ok(core.length > 5);
      else assert.equal(core.length, relocations);
      const object = loadObject(c.spec, kernel, { facts });
      try {
        assert.deepEqual(
          [...object.programs.keys()],
          c.spec.programs.map((p) => p.name),
        );
      } finally {
        object.close();
      }
    });
  }
}
