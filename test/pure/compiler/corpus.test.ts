/**
 * Compiling all that BCC's tools are made of in one process: the same bytes every time, and nothing is kept.
 *
 * The first program of every third tool; all of all with SKEP_LONG=1.
 */
import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { encodeBtf } from '../../../src/btf/write.ts';
import { compile } from '../../../src/compiler/compile.ts';
import { bccDialect } from '../../../src/compiler/dialect/bcc/dialect.ts';
import { encode } from '../../../src/isa/encode.ts';
import type { ObjectSpec } from '../../../src/object/spec.ts';
import { type BccProgram, bccPrograms, CorpusMissing } from '../../corpora/corpora.ts';
import { kernelBtf, testFacts } from '../dialect/front.ts';

let programs: readonly BccProgram[] = [];
try {
  const all = process.env['SKEP_LONG'] === '1';
  programs = bccPrograms()
    .filter(({ name }) => all || name.endsWith('.0'))
    .filter((_, at) => all || at % 3 === 0);
} catch (error) {
  if (!(error instanceof CorpusMissing) || process.env['CI'] === 'true') throw error;
}

const EVENTS = ['/sys/kernel/tracing/events', '/sys/kernel/debug/tracing/events'].find((path) => existsSync(join(path, 'sched')));
const facts = testFacts({
  tracepointFormat: (category, event) => {
    const path = join(EVENTS ?? '/nowhere', category, event, 'format');
    return existsSync(path) ? readFileSync(path, 'utf8') : undefined;
  },
});

/** One text for all that an object says; undefined where the kernel's types do not have what the program asks for. */
function digest({ name, text, cflags }: BccProgram): string | undefined {
  const defines = cflags.filter((flag) => flag.startsWith('-D')).map((flag) => flag.slice(2));
  const { spec } = compile(text, { facts, dialect: bccDialect, name: name.slice(0, 15), file: `${name}.c`, defines });
  return spec && createHash('sha256').update(bytesOf(spec)).digest('hex');
}

function bytesOf(spec: ObjectSpec): string {
  const functions = [...spec.functions.values()].map(({ name, insns, refs, lines, core }) => [
    name,
    Buffer.from(encode(insns)).toString('hex'),
    refs,
    lines,
    core,
  ]);
  const btf = spec.btf === undefined ? '' : Buffer.from(encodeBtf(spec.btf)).toString('hex');
  return JSON.stringify([spec.programs, functions, [...spec.maps.values()], [...spec.variables.values()], btf], (_, value) =>
    typeof value === 'bigint' ? `${value}n` : value instanceof Uint8Array ? Buffer.from(value).toString('hex') : value,
  );
}

setFlagsFromString('--expose-gc');
const collect = runInNewContext('gc') as () => void;
function heap(): number {
  for (let i = 0; i < 3; i++) collect();
  return process.memoryUsage().heapUsed / 2 ** 20;
}

test("BCC's tools in one process: the same bytes again, and the heap stays flat", {
  skip: programs.length === 0 ? 'needs bpfcc-tools' : kernelBtf() === undefined ? 'needs kernel BTF' : false,
}, (t) => {
  const first = programs.map(digest);
  assert.ok(first.filter((d) => d !== undefined).length > programs.length / 3);
  // Twice, so that what is made once (types read from the kernel, snapshots of preludes, code of hot functions) is there.
  assert.deepEqual(programs.map(digest), first);
  const before = heap();
  for (let round = 0; round < 2; round++) assert.deepEqual(programs.toReversed().map(digest), first.toReversed());
  const grown = heap() - before;
  t.diagnostic(`${programs.length} programs; ${before.toFixed(1)} MiB, after two more rounds ${grown.toFixed(2)} MiB more`);
  // One kept syntax tree or IR per program would be tens of megabytes.
  assert.ok(grown < 4, `the heap grew by ${grown.toFixed(2)} MiB`);
});
