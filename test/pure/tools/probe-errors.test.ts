/** What is refused in a probe, and how it is told: the compiler and a real library say it, and say whether the advice is right. */
import assert from 'node:assert/strict';
import test from 'node:test';
import { compile } from '../../../src/compiler/compile.ts';
import { CompileError } from '../../../src/compiler/compile-error.ts';
import { bccDialect } from '../../../src/compiler/dialect/bcc/dialect.ts';
import { UsageError } from '../../../src/kernel/errors.ts';
import { type ArgdistProbe, argdistProgram, textsOf } from '../../../src/tools/language/argdist-program.ts';
import { parseArgdist } from '../../../src/tools/language/argdist-spec.ts';
import { SpecError } from '../../../src/tools/language/cursor.ts';
import { parsePattern } from '../../../src/tools/language/pattern.ts';
import { placesOf } from '../../../src/tools/parts/places.ts';
import { atTheName, withLargestText } from '../../../src/tools/parts/probe-errors.ts';
import { testFacts } from '../dialect/front.ts';

const facts = testFacts({ similarTracepoints: () => ['sched:sched_switch'] });
const probesOf = (text: string): ArgdistProbe[] => [{ spec: parseArgdist(text, 'count'), use: 'count', number: 1, syscall: false }];

function refusal(probes: readonly ArgdistProbe[], size: number): CompileError | undefined {
  const compiled = compile(argdistProgram(probes, size, ''), { facts, dialect: bccDialect, name: 'argdist', file: 'argdist.c' });
  return compiled.spec ? undefined : new CompileError(compiled);
}

test('texts that do not fit on the stack: the size that is named fits, and the next does not', () => {
  for (const [text, size, step] of [
    ['p:c:open(char *path):char*:path', 400, 1],
    ['p:c:open(char *path):char*:path', 257, 1],
    ['p:c:rename(char *from, char *to):char*,char*:from,to', 300, 1],
    ['p:c:open(char *path, int flags):char*,int:path,flags', 400, 8],
    ['r:c:open(char *path):char*,u64:$entry(path),$latency:STRCMP("abcdefgh",$entry(path))', 300, 8],
  ] as const) {
    const probes = probesOf(text);
    const told = withLargestText(refusal(probes, size), size, textsOf(probes));
    assert.ok(told instanceof UsageError, `${text}: ${String(told)}`);
    const most = Number(/the most is (\d+)$/.exec(told.message)?.[1]);
    assert.equal(refusal(probes, most), undefined, `${text}: ${most}`);
    assert.ok(refusal(probes, most + step), `${text}: ${most + step}`);
  }
});

test('another refusal stays what it is', () => {
  const probes = probesOf('p:c:open(char *path):char*:nosuch');
  const error = refusal(probes, 80);
  assert.ok(error instanceof CompileError);
  assert.equal(atTheName(withLargestText(error, 80, textsOf(probes)), []), error);
});

test('a type that is none is told at its place', () => {
  assert.match(refusal(probesOf('p:c:write(int fd):nosuchtype:fd'), 80)?.message ?? '', /^probe 1:1:19: error: unknown type 'nosuchtype'/);
});

test('a tracepoint that is none is told at its name, with what is near', () => {
  const probes = probesOf('t:sched:sched_swich():u32:1');
  const told = atTheName(
    refusal(probes, 80),
    probes.map(({ spec }) => spec),
  );
  assert.ok(told instanceof SpecError, String(told));
  assert.equal(told.offset, 't:sched:'.length);
  assert.match(told.message, /^there is no tracepoint sched:sched_swich; did you mean sched:sched_switch\?\n/);
});

// glibc has a strlen for each kind of processor there.
test('a function that is chosen when its library is loaded', { skip: process.arch !== 'x64' && 'of x86_64' }, () => {
  assert.throws(
    () => placesOf(parsePattern('c:strlen', false), 'c:strlen', undefined),
    /'strlen' in .* stands for one of several functions/,
  );
  assert.throws(() => placesOf(parsePattern('c:strlenn', false), 'c:strlenn', undefined), /there is no function 'strlenn' in /);
  assert.throws(() => placesOf(parsePattern('c:nosuch*', false), 'c:nosuch*', undefined), /no functions matched by pattern c:nosuch\*/);
});
