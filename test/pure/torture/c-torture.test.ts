/**
 * `gcc.c-torture/execute` of GCC 12, through the whole compiler and in the VM: each program ends well, or is refused
 * for something that BPF does not have. None computes anything else than C says.
 */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { SourceFile } from '../../corpora/corpora.ts';
import { CorpusMissing, cTorture } from '../../corpora/corpora.ts';
import { runTorture } from './c-torture.ts';

/** What a refusal may be for, by the code of its diagnostic; with names where the code alone could hide a defect. */
const REASONS: Readonly<Record<string, { readonly why: string; readonly only?: RegExp }>> = {
  'no-floating-point': { why: 'floating point' },
  'complex-number': { why: 'floating point', only: /complex/i },
  'nested-function': { why: 'nested functions' },
  'computed-goto': { why: 'computed goto' },
  'variable-length-array': { why: 'arrays of variable length' },
  'indirect-call': { why: 'calls through pointers' },
  int128: { why: '128-bit integers' },
  'stack-too-large': { why: 'more than 512 bytes of stack' },
  recursion: { why: 'more than eight frames of calls' },
  'array-too-large': { why: 'an object of 2^62 bytes' },
  'unsupported-attribute': { why: 'vectors, byte order by attribute', only: /vectors|'vector_size'|'scalar_storage_order'/ },
  'unsupported-builtin': {
    why: 'builtins of a library, of variable arguments, of frames',
    only: /(printf|va_list|va_start|va_arg|va_copy|alloca|return_address|frame_address|setjmp|longjmp|strn?cpy|strn?cmp|strlen|strchr|strncat|strcat|puts|putchar)'/,
  },
  'unknown-builtin': { why: 'builtins of a library or of gcc alone', only: /_(classify_type|clrsb|apply_args)'/ },
  'undefined-function': { why: 'functions of a library', only: /'(\w*printf|qsort)'/ },
  'undefined-variable': { why: "attribute 'alias'", only: /'b'/ },
  'unknown-type': { why: 'FILE', only: /'FILE'/ },
  'undeclared-identifier': { why: 'stdout', only: /'stdout'/ },
  'include-not-found': { why: 'headers of a library', only: /'(math|signal|setjmp|gcc_tmpnam|sys\/mman)\.h'/ },
  'return-value': { why: "'return' without a value in a function that returns one, which C has not allowed since 1999" },
  'bad-character': { why: 'a wide character of two bytes', only: /wide/ },
  'unsupported-type': { why: 'a function that returns floating point' },
};

/** Programs that C itself does not promise to end well. The four of bit-fields and `eeprof-1.c` fail with clang for x86 as well. */
const NOT_C: Readonly<Record<string, string>> = {
  '950710-1.c': 'the distance of two objects that nothing is stored in',
  '980701-1.c': 'takes the low half of an address for nonzero',
  'align-3.c': 'alignment of functions',
  'bitfld-3.c': 'arithmetic in the width of a bit-field',
  'bitfld-5.c': 'arithmetic in the width of a bit-field',
  'pr32244-1.c': 'arithmetic in the width of a bit-field',
  'pr34971.c': 'arithmetic in the width of a bit-field',
  'builtin-constant.c': 'what gcc finds constant',
  'eeprof-1.c': '-finstrument-functions',
};

/** What clang 14's BPF output runs. */
const CLANG = 1171;
/** What skep's ran when this was written. */
const REACHED = 1206;

let files: readonly SourceFile[] = [];
let skip: string | false = false;
try {
  files = cTorture();
} catch (e) {
  if (!(e instanceof CorpusMissing) || process.env['CI'] === 'true') throw e;
  skip = e.message;
}

test('programs of gcc.c-torture end well, or are refused for what BPF does not have', { skip, timeout: 1_800_000 }, (t) => {
  let passed = 0;
  const refused = new Map<string, number>();
  const wrong: string[] = [],
    unexplained: string[] = [];
  for (const file of files) {
    const verdict = runTorture(file);
    if (verdict.kind === 'passed') passed++;
    else if (verdict.kind === 'wrong') {
      if (NOT_C[file.name] === undefined) wrong.push(`${file.name}: ${verdict.message}`);
    } else {
      const reason = REASONS[verdict.code];
      if (!reason || (reason.only && !reason.only.test(verdict.message)))
        unexplained.push(`${file.name}: ${verdict.code} ${verdict.message}`);
      else refused.set(verdict.code, (refused.get(verdict.code) ?? 0) + 1);
    }
  }
  const reasons = [...refused].sort((a, b) => b[1] - a[1]).map(([code, n]) => `${n} ${code} (${(REASONS[code] as { why: string }).why})`);
  t.diagnostic(
    `${passed} of ${files.length} end well (clang 14: ${CLANG}), ${wrong.length} wrong, ${Object.keys(NOT_C).length} not C's promise; refused: ${reasons.join(', ')}`,
  );
  assert.deepEqual(wrong, []);
  assert.deepEqual(unexplained, []);
  assert.ok(passed >= REACHED, `only ${passed} of ${files.length} end well`);
});
