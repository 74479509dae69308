/**
 * What a user reads about a refused program, from logs that three kernels wrote (`refusals/*.json`; made by
 * `test/host/link/gather-logs.ts` from our own programs): the class, the line that the program's author marked, the
 * lines that led there, and something to do about it.
 */
import assert from 'node:assert/strict';
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { VerifierError } from '../../../src/link/verifier-error.ts';
import type { VerifierClass } from '../../../src/link/verifier-table.ts';
import { REFUSED } from '../../host/link/refused-programs.ts';
import { root } from '../../run/paths.ts';
import type { GatheredLog, GatheredLogs } from './refusals.ts';

const FOLDER = join(root, 'test', 'pure', 'link', 'refusals');
const KERNELS = (existsSync(FOLDER) ? readdirSync(FOLDER) : [])
  .filter((name) => name.endsWith('.json'))
  .map((name) => ({ name, ...(JSON.parse(readFileSync(join(FOLDER, name), 'utf8')) as GatheredLogs) }));

function errorOf({ text, log, errno, lines, functions }: GatheredLog): VerifierError {
  return new VerifierError({
    program: 'f',
    errno,
    code: errno === 13 ? 'EACCES' : 'EINVAL',
    log,
    joined: {
      insns: [],
      refs: [],
      functions: functions.map(([slot, name]) => ({ name, slot, insn: slot, btfFunc: undefined })),
      lines: lines.map(([slot, line, column, file = 'prog.c']) => ({ slot, insn: slot, file, line, column })),
      slots: new Int32Array(),
    },
    sources: new Map([['prog.c', text]]),
    poisoned: new Map(),
  });
}

for (const { name, kernel, logs } of KERNELS) {
  test(`refusals of Linux ${kernel}`, () => {
    const wrong: string[] = [];
    for (const gathered of logs) {
      const program = REFUSED[gathered.name];
      if (program === undefined) {
        wrong.push(`${gathered.name}: in ${name}, and no such program any more`);
        continue;
      }
      const error = errorOf(gathered);
      const say = (what: string): void => void wrong.push(`${gathered.name}: ${what}\n${error.report()}\n${gathered.log.slice(-900)}\n`);
      if (error.class !== program.class) say(`class ${error.class}, not ${program.class}`);
      if (program.says?.test(error.message) === false) say(`not ${program.says}`);
      if (error.hint === undefined) say('nothing to do about it');
      const marked = gathered.text.split('\n').findIndex((line) => line.includes('!!')) + 1;
      if (program.nowhere !== true) {
        if (error.source?.line !== marked) say(`line ${error.source?.line}, not ${marked}`);
        if (!error.report().includes(`\n  ${marked} | `)) say('the line is not shown');
      }
      for (const wanted of program.via ?? []) if (!error.trail.some((place) => wanted.test(place.text))) say(`${wanted} is not on the way`);
    }
    assert.deepEqual(wrong, []);
  });
}

test('at least fifteen classes', { skip: KERNELS.length === 0 ? 'no logs have been gathered yet' : false }, () => {
  const seen = new Set<VerifierClass>(KERNELS.flatMap(({ logs }) => logs.map((g) => errorOf(g).class)));
  assert.ok(seen.size >= 15, `${seen.size}: ${[...seen].join(' ')}`);
});
