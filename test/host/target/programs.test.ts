/** The programs of bench/codegen pass the verifier of the kernel they are compiled for. */
import assert from 'node:assert/strict';
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { compile } from '../../../src/compiler/compile.ts';
import { guessDialect } from '../../../src/compiler/dialect/auto.ts';
import { renderDiagnostics } from '../../../src/compiler/render-diagnostic.ts';
import type { TargetFacts } from '../../../src/compiler/target-facts.ts';
import { readTargetFacts } from '../../../src/kernel/facts.ts';
import { linuxKernel } from '../../../src/kernel/linux.ts';
import { loadObject } from '../../../src/link/load.ts';
import { kernelTest } from '../../run/needs.ts';
import { root } from '../../run/paths.ts';

const folder = join(root, 'bench', 'codegen');
const files = readdirSync(folder)
  .filter((f) => f.endsWith('.c'))
  .sort();

/** bpf_loop is of 5.17, the rest is older. */
for (const cpu of [2, 3, 4] as const) {
  kernelTest(`programs of every kind, instruction set v${cpu}`, { btf: true, ...(cpu === 4 ? { minKernel: '6.6' } : {}) }, () => {
    const kernel = linuxKernel();
    const facts: TargetFacts = Object.defineProperty(Object.create(readTargetFacts(kernel)) as TargetFacts, 'cpu', { value: cpu });
    for (const file of files) {
      const text = readFileSync(join(folder, file), 'utf8');
      // Before v3 there are no atomics that give the old value, and none of these asks for it.
      const { spec, diagnostics, source } = compile(text, { facts, dialect: guessDialect(text), file });
      assert.ok(spec, renderDiagnostics(diagnostics, source));
      using object = loadObject(spec, kernel, { facts });
      assert.equal(object.programs.size, spec.programs.length, file);
    }
  });
}
