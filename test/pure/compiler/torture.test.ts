/**
 * `gcc.c-torture/execute` of GCC 12: each program ends well in the VM, or is refused for something BPF cannot do.
 */
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { test } from 'node:test';
import { createMachine } from '../../../src/vm/machine.ts';
import { CorpusMissing, cTorture } from '../../corpora/corpora.ts';
import { LIBRARY, LIBRARY_NAMES, standardHeader } from './c-library.ts';
import { compilePlain } from './support.ts';

class Stop extends Error {}
const helpers = [
  { id: 1001, name: 'abort', run: (): number => { throw new Stop('abort'); } },
  { id: 1002, name: 'exit', run: (): number => { throw new Stop('exit'); } },
];
const PRELUDE = `
void skep_abort(void) { ((void (*)(void))1001)(); }
void skep_exit(int status) { if (status) ((void (*)(void))1001)(); ((void (*)(void))1002)(); }
`;
const DEFINES = ['abort=skep_abort', 'exit=skep_exit', '_exit=skep_exit', '__builtin_abort=skep_abort', '__builtin_exit=skep_exit'];

/** What these test is gcc's own, or no C: clang's output fails them too, or cannot be made. */
const OTHER_SEMANTICS: Readonly<Record<string, string>> = {
  '20000227-1.c': 'a source in Latin-1 compared byte by byte',
  '950710-1.c': 'the distance of two objects that nothing is stored in',
  '970217-1.c': 'side effects in the size of an array parameter',
  '980701-1.c': 'takes the low half of an address for nonzero',
  'alias-2.c': "attribute 'alias'", 'alias-3.c': "attribute 'alias'", 'alias-4.c': "attribute 'alias'",
  'align-3.c': 'alignment of functions',
  'bitfld-3.c': 'arithmetic in the width of a bit-field', 'bitfld-5.c': 'arithmetic in the width of a bit-field',
  'pr32244-1.c': 'arithmetic in the width of a bit-field', 'pr34971.c': 'arithmetic in the width of a bit-field',
  'builtin-constant.c': 'what gcc finds constant', 'eeprof-1.c': '-finstrument-functions', 'pr77767.c': 'side effects in the size of an array parameter',
  'pr23135.c': 'vectors', 'scal-to-vec2.c': 'vectors',
  'bitfld-6.c': 'byte order of the host', 'pr22061-2.c': 'side effects in the size of an array parameter',
};

let files: ReturnType<typeof cTorture> | undefined;
try {
  files = cTorture();
} catch (e) {
  if (!(e instanceof CorpusMissing) || process.env['CI'] === 'true') throw e;
  test.skip(e.message, () => undefined);
}

if (files) {
  const list = files;
  test('programs of gcc.c-torture end well', { timeout: 600_000 }, (t) => {
    let passed = 0;
    const refused = new Map<string, number>();
    const wrong: string[] = [];
    for (const f of list) {
      const source = readFileSync(f.path, 'latin1');
      const own = /\b(size_t|int|char)\s*\*?\s*str(len|cmp|ncmp|cpy|chr)\s*\(.*\n?\{/.test(source);
      const library = /\bstr(len|cmp|ncmp|cpy|chr)\b/.test(source) && !own;
      const c = compilePlain(PRELUDE + (library ? LIBRARY : '') + source, {
        file: f.name, verify: false, maxErrors: 1, includes: standardHeader, storeAddresses: true,
        defines: library ? [...DEFINES, ...LIBRARY_NAMES] : DEFINES,
      });
      if (!c.spec) {
        const code = c.diagnostics.find((d) => d.severity === 'error')?.code ?? 'nothing said';
        refused.set(code, (refused.get(code) ?? 0) + 1);
        continue;
      }
      try {
        const spec = { ...c.spec, programs: [{ name: 'main', entry: 'main', type: 'socket_filter', section: 'socket', autoAttach: false, autoLoad: true }] };
        createMachine(spec, { helpers, stackFill: 0xa5, budget: 50_000_000 }).run('main', { args: [0n, 0n, 0n, 0n, 0n] });
        passed++;
      } catch (e) {
        if (e instanceof Stop && e.message === 'exit') passed++;
        else if (e instanceof Error && /more than 8 frames/.test(e.message)) refused.set('recursion', (refused.get('recursion') ?? 0) + 1);
        else if (OTHER_SEMANTICS[f.name] === undefined) wrong.push(`${f.name}: ${e instanceof Error ? e.message.split('\n')[0] : String(e)}`);
      }
    }
    t.diagnostic(`${passed} of ${list.length} end well; refused: ${[...refused].sort((a, b) => b[1] - a[1]).map(([k, n]) => `${k} ${n}`).join(', ')}`);
    assert.deepEqual(wrong, []);
    assert.ok(passed >= 1145, `only ${passed} of ${list.length} end well`);
  });
}
