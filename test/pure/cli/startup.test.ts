/** A start loads what the command needs: followed through the import statements of the built files. */
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { dirname, join, relative } from 'node:path';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { compile } from '../../../src/compiler/compile.ts';
import { guessDialect } from '../../../src/compiler/dialect/auto.ts';
import type { TargetFacts } from '../../../src/compiler/target-facts.ts';
import { tool as bitesize } from '../../../src/tools/bitesize.ts';
import { TOOL_LIST } from '../../../src/tools/index.ts';

const source = join(dirname(fileURLToPath(import.meta.url)), '..', '..', '..', 'src');
const STATIC = /^(?:import|export)\b[^'";]*['"](\.[^'"]+\.js)['"]/gm;

/** Everything that loading these files loads, by path below `src`. `import()` is not followed. */
function loaded(...files: readonly string[]): Set<string> {
  const seen = new Set<string>();
  const visit = (path: string) => {
    const name = relative(source, path);
    if (seen.has(name)) return;
    seen.add(name);
    for (const [, to] of readFileSync(path, 'utf8').matchAll(STATIC)) visit(join(dirname(path), to as string));
  };
  for (const file of files) visit(join(source, file));
  return seen;
}

test('the command itself loads neither tools nor the compiler', () => {
  const files = [...loaded('cli/skep.js', 'tools/index.js', 'cli/commands.js', 'cli/run-tool.js')];
  assert.ok(files.includes('cli/errors.js'), 'the imports are followed');
  // Suggestions for misspelt flags are a page of code of their own.
  assert.deepEqual(
    files.filter((file) => /^(compiler|link|vm|bcc)\//.test(file) && file !== 'compiler/did-you-mean.js'),
    [],
  );
  assert.deepEqual(
    files.filter((file) => TOOL_LIST.some((tool) => file === `tools/${tool.name}.js`)),
    [],
  );
});

test('a tool loads no other tool, no user-space machine and no fake', () => {
  const files = [...loaded('cli/skep.js', 'cli/run-tool.js', 'tools/bitesize.js', 'bcc/bpf.js', 'bcc/compile-text.js')];
  assert.ok(files.includes('compiler/compile.js'), 'the imports are followed');
  assert.deepEqual(
    // Of the machine's WebAssembly, the names of its types are a page that demangling shares.
    files.filter(
      (file) => (file.startsWith('vm/') && file !== 'vm/wasm/types.js') || file === 'kernel/fake.js' || file === 'cli/warm-up.js',
    ),
    [],
  );
  assert.deepEqual(
    files.filter((file) => TOOL_LIST.some(({ name }) => name !== 'bitesize' && file === `tools/${name}.js`)),
    [],
  );
});

test('bitesize is compiled without a look at the types of the kernel', () => {
  const facts: TargetFacts = {
    arch: 'x86_64',
    kernelVersion: 0x060c00,
    cpu: 4,
    cpus: 2,
    possibleCpus: 2,
    get btf(): undefined {
      throw new Error('5 MB of BTF are read');
    },
    kconfig: () => undefined,
    tracepointFormat: () => `name: block_rq_issue
ID: 1200
format:
\tfield:unsigned short common_type;\toffset:0;\tsize:2;\tsigned:0;

\tfield:dev_t dev;\toffset:8;\tsize:4;\tsigned:0;
\tfield:sector_t sector;\toffset:16;\tsize:8;\tsigned:0;
\tfield:unsigned int bytes;\toffset:28;\tsize:4;\tsigned:0;
\tfield:char comm[16];\toffset:44;\tsize:16;\tsigned:0;

print fmt: "%d", REC->dev
`,
    similarTracepoints: () => [],
  };
  for (const options of [{ pid: undefined }, { pid: 1 }]) {
    const text = bitesize.program(options, {}, { kind: 'tracepoint', targets: [] });
    const { diagnostics, spec } = compile(text, { facts, dialect: guessDialect(text), name: 'bitesize' });
    assert.deepEqual(
      diagnostics.map((d) => d.message),
      [],
    );
    assert.ok(spec);
  }
});
