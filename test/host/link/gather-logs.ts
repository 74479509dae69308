/**
 * Gathers what this kernel's verifier says about `refused-programs.ts`, as JSON on stdout, for the tests in
 * `test/pure/link/refusals.test.ts`: the kernel's own words, where each instruction stands, and the text.
 *
 *   node build/test/host/link/gather-logs.js > test/pure/link/refusals/KERNEL.json
 */
import { compile } from '../../../src/compiler/compile.ts';
import { bccDialect } from '../../../src/compiler/dialect/bcc/dialect.ts';
import { libbpfDialect } from '../../../src/compiler/dialect/libbpf/dialect.ts';
import { readTargetFacts } from '../../../src/kernel/facts.ts';
import { linuxKernel } from '../../../src/kernel/linux.ts';
import { joinProgram } from '../../../src/link/join.ts';
import { loadObject } from '../../../src/link/load.ts';
import { VerifierError } from '../../../src/link/verifier-error.ts';
import type { GatheredLog } from '../../pure/link/refusals.ts';
import { REFUSED } from './refused-programs.ts';

/** Longer logs lose their middle: their reason is at the end. */
const LINES_KEPT = 120;

function shortened(log: string): string {
  const lines = log.split('\n');
  return lines.length <= LINES_KEPT * 2 ? log : [...lines.slice(0, 20), ...lines.slice(-LINES_KEPT)].join('\n');
}

const kernel = linuxKernel();
const facts = readTargetFacts(kernel);
const gathered: GatheredLog[] = [];
for (const [name, { text, dialect }] of Object.entries(REFUSED)) {
  const { spec, diagnostics } = compile(text, { facts, dialect: dialect === 'bcc' ? bccDialect : libbpfDialect, file: 'prog.c' });
  if (spec === undefined) throw new Error(`${name}: ${diagnostics.map((d) => d.message).join('; ')}`);
  const object = loadObject(spec, kernel, { facts, programs: () => false });
  try {
    const program = spec.programs[0];
    if (program === undefined) throw new Error(`${name}: no program`);
    try {
      object.load(program);
      process.stderr.write(`accepted: ${name}\n`);
    } catch (error) {
      if (!(error instanceof VerifierError)) {
        process.stderr.write(`otherwise: ${name}: ${String(error)}\n`);
        continue;
      }
      const { lines, functions } = joinProgram(spec.functions, program.entry);
      gathered.push({
        name,
        text,
        log: shortened(error.log),
        errno: error.errno,
        lines: lines.map((l) => (l.file === 'prog.c' ? [l.slot, l.line, l.column] : [l.slot, l.line, l.column, l.file])),
        functions: functions.map((f) => [f.slot, f.name]),
      });
    }
  } finally {
    object.close();
  }
}
process.stdout.write(
  `{"kernel":${JSON.stringify(facts.version.release)},"logs":[\n${gathered.map((g) => JSON.stringify(g)).join(',\n')}\n]}\n`,
);
