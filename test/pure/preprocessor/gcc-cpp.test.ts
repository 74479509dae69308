/**
 * GCC's own tests of its preprocessor (`gcc.dg/cpp`): where clang takes the file, the same tokens; where the file
 * says `dg-error` on a line and clang agrees that the file is wrong, an error.
 */
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { dirname } from 'node:path';
import { test } from 'node:test';
import { CorpusMissing, gccCpp } from '../../corpora/corpora.ts';
import { CLANG, clang, difference, haveClang, normal, preprocessFile } from './support.ts';

/** What differs on purpose. */
const DIFFERENT: ReadonlyMap<string, string> = new Map([
  ['multiline.c', 'a string without its end is an error to us at once'],
  ['multiline-2.c', 'the same'],
  ['source_date_epoch-1.c', 'our clock stands still'],
  ['source_date_epoch-2.c', 'our clock stands still'],
  ['source_date_epoch-3.c', 'our clock stands still'],
]);
/** Files that clang refuses and gcc, like us, takes. */
const MORE_THAN_CLANG: ReadonlyMap<string, string> = new Map([
  ['arith-1.c', 'shifts by negative counts go the other way'],
  ['if-shift.c', 'the same'],
  ['if-oppr2.c', 'a comma in #if'],
  ['vararg4.c', 'a comma in #if'],
  ['line6.c', '#line 0'],
  ['line10.c', '#line beyond 31 bits is a warning'],
  ['line12.c', 'the same'],
  ['paste16.c', 'a row of ## is one'],
  ['pr34692.c', '#pragma among the arguments of a macro'],
  ['pr35322.c', '#pragma GCC dependency is ignored'],
]);

/** Lines that the file says are errors. */
function errorLines(text: string): Set<number> {
  const lines = new Set<number>();
  text.split('\n').forEach((line, i) => {
    for (const m of line.matchAll(/dg-error\s+(?:"(?:[^"\\]|\\.)*"|\{[^}]*\})(?:\s+(?:"[^"]*"|\{[^}]*\}))?(?:\s*\{[^}]*\})?\s*(\S+)?/g)) {
      const where = m[1];
      if (where === undefined || where === '}') lines.add(i + 1);
      else if (/^\d+$/.test(where)) lines.add(Number(where));
      else if (/^\.[+-]\d+$/.test(where)) lines.add(i + 1 + Number(where.slice(1)));
    }
  });
  return lines;
}

function corpus(): ReturnType<typeof gccCpp> | string {
  if (!haveClang()) return `${CLANG} is not installed`;
  try {
    return gccCpp();
  } catch (error) {
    if (error instanceof CorpusMissing) return error.message;
    throw error;
  }
}

const found = corpus();

test('gcc.dg/cpp', { skip: typeof found === 'string' ? found : false, timeout: 600_000 }, (t) => {
  if (typeof found === 'string') return;
  let same = 0;
  let refused = 0;
  let preprocessOnly = 0;
  let errorsFound = 0;
  const wrong: string[] = [];
  for (const { name, path } of found.files) {
    const text = readFileSync(path, 'latin1');
    const options = [...text.matchAll(/dg-options\s+(?:"((?:[^"\\]|\\.)*)"|(\S+))/g)].map((m) => m[1] ?? m[2]).join(' ');
    if (/traditional|-fpreprocessed/.test(options) || path.includes('/trad/')) continue;
    const trigraphs = /trigraphs|std=(?:c|iso)|-ansi/.test(options);
    const defines = [...options.matchAll(/-D\s*(\w+)(?:=(\S+))?/g)];
    const user = [
      dirname(path),
      ...[...options.matchAll(/-I\s*(\S+)/g)].map((m) => m[1]!.replace(/^\$\{?srcdir\}?\/gcc\.dg\/cpp/, found.folder)),
    ];
    const ours = preprocessFile(path, { user }, { trigraphs, before: defines.map((m) => `#define ${m[1]} ${m[2] ?? 1}\n`).join('') });
    const theirs = clang(path, [
      '-nostdinc',
      ...(trigraphs ? ['-trigraphs'] : []),
      ...defines.map((m) => `-D${m[1]}=${m[2] ?? 1}`),
      ...user.flatMap((folder) => ['-I', folder]),
    ]);
    const errors = ours.diagnostics.filter((d) => d.severity === 'error');
    const base = name.split('/').pop()!;
    const first = errors[0] === undefined ? '' : `${ours.pp.source.lineOf(errors[0].loc)}: ${errors[0].message}`;
    if (theirs.ok) {
      const differs = errors.length > 0 ? first : difference(ours.words.map(normal), theirs.words);
      if (differs === undefined) same++;
      if ((differs !== undefined) !== DIFFERENT.has(base)) wrong.push(`${name}: ${differs ?? 'no longer different'}`);
      continue;
    }
    refused++;
    if ((errors.length === 0) !== MORE_THAN_CLANG.has(base))
      wrong.push(
        `${name}: ${errors.length === 0 ? `no error, but clang: ${theirs.stderr.slice(0, 200)}` : `no longer accepted: ${first}`}`,
      );
    if (!/dg-do\s+preprocess/.test(text) || errors.length === 0) continue;
    // Pedantic errors aside (clang has none of them here), each line that gcc and clang call wrong is wrong to us.
    preprocessOnly++;
    const theirLines = new Set([...theirs.stderr.matchAll(/:(\d+):\d+: error:/g)].map((m) => Number(m[1])));
    const ourLines = new Set(errors.map((d) => ours.pp.source.lineOf(d.loc)));
    const missed = [...errorLines(text)].filter((line) => theirLines.has(line) && !ourLines.has(line));
    if (missed.length === 0) errorsFound++;
    else wrong.push(`${name}: no error on line ${missed.join(', ')}`);
  }
  t.diagnostic(
    `${found.files.length} files: ${same} with clang's tokens, ${refused} that clang refuses too; of ${preprocessOnly} with dg-error, ${errorsFound} with all its lines`,
  );
  assert.deepEqual(wrong, []);
  assert.ok(same > 290 && refused > 100);
});
