/** One program of gcc.c-torture: through the whole compiler, and in the VM. */
import { existsSync, readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import type { Dialect } from '../../../src/compiler/dialect/dialect.ts';
import { createMachine } from '../../../src/vm/index.ts';
import type { SourceFile } from '../../corpora/corpora.ts';
import { EMPTY_DIALECT } from '../c/support.ts';
import { compilePlain } from '../compiler/support.ts';
import { FUNCTIONS, headers, withFunctions } from './library.ts';

export type Verdict =
  | { readonly kind: 'passed' }
  | { readonly kind: 'refused'; readonly code: string; readonly message: string }
  | { readonly kind: 'wrong'; readonly message: string };

class Stop extends Error {}
function stop(how: string): () => number {
  return () => {
    throw new Stop(how);
  };
}
const helpers = [
  { id: 1001, name: 'abort', run: stop('abort') },
  { id: 1002, name: 'exit', run: stop('exit') },
  { id: 1003, name: 'heap', run: stop('the heap of the test is full') },
];
const PRELUDE = `
void skep_abort(void) { ((void (*)(void))1001)(); }
void skep_exit(int status) { if (status) ((void (*)(void))1001)(); ((void (*)(void))1002)(); }
`;
const DEFINES = [
  'abort=skep_abort',
  'exit=skep_exit',
  '_exit=skep_exit',
  '__builtin_abort=skep_abort',
  '__builtin_exit=skep_exit',
  '__builtin_trap=skep_abort',
];
/** C as before 1999: a call declares its function. */
const IMPLICIT: Dialect = { ...EMPTY_DIALECT, functionText: (name) => `int ${name}();` };
const SOCKET = { type: 'socket_filter', section: 'socket', autoAttach: false, autoLoad: true };

export function runTorture(file: SourceFile): Verdict {
  const source = textOf(file.path);
  const names = new Set<string>();
  let implicit = false;
  for (;;) {
    const library = withFunctions(names);
    const c = compilePlain(`${PRELUDE}${library.text}\n#line 1\n${source}`, {
      file: file.name,
      verify: false,
      maxErrors: 1,
      storeAddresses: true,
      dialect: implicit ? IMPLICIT : undefined,
      includes: headers((name) => sibling(file, name)),
      defines: [...DEFINES, ...library.defines],
    });
    if (c.spec) {
      try {
        const spec = { ...c.spec, programs: [{ name: 'main', entry: 'main', ...SOCKET }] };
        const { r0 } = createMachine(spec, { helpers, stackFill: 0xa5, budget: 200_000_000 }).run('main', { args: [0n, 0n, 0n, 0n, 0n] });
        return BigInt.asIntN(32, r0) === 0n ? { kind: 'passed' } : { kind: 'wrong', message: `main returns ${BigInt.asIntN(32, r0)}` };
      } catch (e) {
        const message = e instanceof Error ? (e.message.split('\n')[0] as string) : String(e);
        if (e instanceof Stop && message === 'exit') return { kind: 'passed' };
        if (/more than 8 frames/.test(message)) return { kind: 'refused', code: 'recursion', message };
        return { kind: 'wrong', message };
      }
    }
    const error = c.diagnostics.find((d) => d.severity === 'error');
    if (!error) return { kind: 'wrong', message: 'refused without an error' };
    const name = /'(?:__builtin_|skep_)?(\w+)'/.exec(error.message)?.[1] ?? '';
    if (LIBRARY_CODES.has(error.code) && FUNCTIONS[name] && !names.has(name)) names.add(name);
    else if (error.code === 'undeclared-function' && !implicit) implicit = true;
    else return { kind: 'refused', code: error.code, message: error.message };
  }
}

/** Refusals that mean "a library would have this". */
const LIBRARY_CODES = new Set(['undefined-function', 'undeclared-function', 'unsupported-builtin', 'unknown-builtin', 'variable-size']);

/** Bytes beyond ASCII as escapes: the programs mean bytes. */
function textOf(path: string): string {
  return readFileSync(path, 'latin1').replace(/[\x80-\xff]/g, (c) => `\\${c.charCodeAt(0).toString(8)}`);
}

function sibling(file: SourceFile, name: string): string | undefined {
  const path = join(dirname(file.path), name);
  return /^[\w.-]+\.c$/.test(name) && existsSync(path) ? textOf(path) : undefined;
}
