import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { test } from 'node:test';
import type { Header } from '../../../src/compiler/c/preprocessor/headers.ts';
import { firstOf, folderResolver, virtualResolver } from '../../../src/compiler/c/preprocessor/headers.ts';
import { predefinedMacros } from '../../../src/compiler/c/preprocessor/predefined.ts';
import { CLANG, haveClang, preprocess } from './support.ts';

/** Files by path; counts how often each is read. */
function tree(files: Record<string, string>): { read(path: string): string | undefined; reads: Map<string, number> } {
  const reads = new Map<string, number>();
  return {
    reads,
    read(path) {
      reads.set(path, (reads.get(path) ?? 0) + 1);
      return Object.hasOwn(files, path) ? files[path] : undefined;
    },
  };
}

test('quoted includes look beside the file that asks, then in the folders; angled only in the folders', () => {
  const files = {
    'dir/a.h': 'beside',
    'inc/a.h': 'searched',
    'dir/sub/b.h': '#include "c.h"\n',
    'dir/sub/c.h': 'inner',
  };
  const resolve = folderResolver({ user: ['inc'], ...tree(files) });
  const run = (text: string): readonly string[] => preprocess(text, { name: 'dir/main.c', folder: 'dir', resolve }).words;
  assert.deepEqual(run('#include "a.h"\n#include <a.h>\n#include "sub/b.h"\n'), ['beside', 'searched', 'inner']);
});

test('include_next goes on behind the folder of its file, through three of them', () => {
  const files = { '1/x.h': 'one\n#include_next <x.h>\n', '2/x.h': 'two\n#include_next <x.h>\n', '3/x.h': 'three\n' };
  const resolve = folderResolver({ user: ['1', '2'], system: ['3'], ...tree(files) });
  assert.deepEqual(preprocess('#include <x.h>\n', { resolve }).words, ['one', 'two', 'three']);
});

test('__has_include and __has_include_next ask the same folders', () => {
  const files = {
    '1/x.h': '#if __has_include_next(<x.h>)\nnext\n#endif\n#if __has_include("y.h")\nbeside\n#endif\n',
    '1/y.h': '',
    '2/x.h': '#if !__has_include_next(<x.h>)\nlast\n#endif\n',
    '1/z.h': '#include_next <x.h>\n',
  };
  const resolve = folderResolver({ user: ['1', '2'], ...tree(files) });
  const text =
    '#include <x.h>\n#define H <y.h>\n#if __has_include(H) && !__has_include(<no.h>) && __has_include(<y.h>)\nyes\n#endif\n#include <z.h>\n';
  assert.deepEqual(preprocess(text, { resolve, folder: '' }).words, ['next', 'beside', 'yes', 'last']);
});

test('computed includes', () => {
  const resolve = virtualResolver((path) => (path === 'linux/x.h' ? 'x' : undefined));
  const text =
    '#define A <linux/x.h>\n#define B "linux/x.h"\n#define D linux\n#define C <D/x.h>\n#include A\n#include B\n#define linux linux\n#include C\n';
  assert.deepEqual(preprocess(text, { resolve }).words, ['x', 'x', 'x']);
});

test('pragma once and include guards: the text is entered once', () => {
  let asked = 0;
  const texts: Record<string, string> = {
    'once.h': '#pragma once\nonce\n',
    'guard.h': '/* c */\n#ifndef G_H\n#define G_H\nguarded\n#endif /* G_H */\n\n',
    'guard2.h': '#if !defined(G2)\n#define G2\nguarded2\n#endif\n',
    'noguard.h': '#ifndef N_H\n#define N_H\nfirst\n#endif\nagain\n',
    'elseguard.h': '#ifndef E_H\n#define E_H\nfirst\n#else\nsecond\n#endif\n',
  };
  const resolve = ({ path }: { path: string }): Header | undefined => {
    asked++;
    return texts[path] === undefined ? undefined : { name: path, text: texts[path] };
  };
  const twice = (name: string): readonly string[] => preprocess(`#include "${name}"\n#include "${name}"\n`, { resolve }).words;
  assert.deepEqual(twice('once.h'), ['once']);
  assert.deepEqual(twice('guard.h'), ['guarded']);
  assert.deepEqual(twice('guard2.h'), ['guarded2']);
  assert.deepEqual(twice('noguard.h'), ['first', 'again', 'again']);
  assert.deepEqual(twice('elseguard.h'), ['first', 'second']);
  assert.equal(asked, 10);
  const { pp, words } = preprocess('#include "guard.h"\n#undef G_H\n#include "guard.h"\n#include "guard.h"\n', {
    resolve,
  });
  assert.deepEqual(words, ['guarded', 'guarded'], 'the guard is the macro, not the file');
  assert.equal(pp.source.files.length, 3, 'the last one is not even entered');
});

test('a file is the same by all its paths; another text is another file whatever the paths say', () => {
  const places: Record<string, string> = { 'sub/../a.h': 'a.h', './a.h': 'a.h', 'link/../b.h': 'b.h' };
  const files = {
    'a.h': '#pragma once\na\n',
    'sub/../a.h': '#pragma once\na\n',
    './a.h': '#pragma once\na\n',
    'b.h': '#pragma once\nb\n',
    'link/../b.h': '#pragma once\nother\n',
  };
  const resolve = folderResolver({ ...tree(files), resolve: (path) => places[path] ?? path });
  const text = '#include "a.h"\n#include "sub/../a.h"\n#import "./a.h"\n#include "b.h"\n#include "link/../b.h"\n';
  assert.deepEqual(preprocess(text, { resolve, folder: '' }).words, ['a', 'b', 'other']);
});

test('import reads no file twice', () => {
  const resolve = virtualResolver(() => 'x');
  assert.deepEqual(preprocess('#import <a>\n#import <a>\n#include <b>\n#import <b>\n', { resolve }).words, ['x', 'x']);
});

test('virtual headers before folders', () => {
  const resolve = firstOf(
    virtualResolver((path) => (path === 'a.h' ? 'virtual' : undefined)),
    folderResolver({ user: ['i'], ...tree({ 'i/a.h': 'real', 'i/b.h': 'real' }) }),
  );
  assert.deepEqual(preprocess('#include <a.h>\n#include <b.h>\n', { resolve }).words, ['virtual', 'real']);
});

test('a header that is not there names itself', () => {
  const { diagnostics, pp } = preprocess('int a;\n#include <linux/nope.h>\nint b;\n');
  assert.equal(diagnostics.length, 1);
  assert.equal(diagnostics[0]!.code, 'include-not-found');
  assert.match(diagnostics[0]!.message, /linux\/nope\.h/);
  assert.deepEqual([pp.source.resolve(diagnostics[0]!.loc)?.line, pp.source.resolve(diagnostics[0]!.loc)?.column], [2, 10]);
});

test('__FILE__, __BASE_FILE__, __INCLUDE_LEVEL__ and a fixed time', () => {
  const resolve = virtualResolver(() => '__FILE__ __INCLUDE_LEVEL__ __BASE_FILE__ __FILE_NAME__\n');
  const { words } = preprocess('__INCLUDE_LEVEL__\n#include <a/b.h>\n__FILE__ __DATE__ __TIME__\n', {
    resolve,
    name: 'm.c',
  });
  assert.deepEqual(words, ['0', '"<a/b.h>"', '1', '"m.c"', '"b.h>"', '"m.c"', '"Jan  1 1970"', '"00:00:00"']);
});

test('several main files in a row share macros', () => {
  assert.deepEqual(preprocess('A\n', { before: '#define A 1\n' }).words, ['1']);
});

test('warnings have stable codes and point at the name', () => {
  const cases: readonly (readonly [string, string, number, number])[] = [
    ['#define A 1\n#define A 2\n', 'macro-redefined', 2, 9],
    ['#ifdef A\n#endif A\n', 'extra-tokens', 2, 8],
    ['#if 1\n#else x\n#endif\n', 'extra-tokens', 2, 7],
    ['#undef A B\n', 'extra-tokens', 1, 10],
    ['#define A(x)1\n#define B+1\n', 'missing-space', 2, 9],
    ['#warning look\n', 'user-warning', 1, 2],
    ['#pragma message "hi"\n', 'user-message', 1, 2],
    ['#pragma once\n', 'pragma-once-in-main', 1, 2],
    ['#define __LINE__ 3\n', 'builtin-macro', 1, 9],
    ['#undef __FILE__\n', 'builtin-macro', 1, 8],
    ['#if -1 > 0u\n#endif\n', 'negative-as-unsigned', 1, 8],
    ['#define A __VA_ARGS__\n', 'va-args-outside', 1, 11],
    ['#line 99999999999\n', 'line-number-range', 1, 7],
    ["#if 'ab'\n#endif\n", 'multi-character', 1, 5],
    ['#pragma pop_macro("A")\n', 'pop-without-push', 1, 2],
  ];
  for (const [text, code, line, column] of cases) {
    const { diagnostics, pp } = preprocess(text);
    assert.deepEqual(
      diagnostics.map((d) => [d.severity, d.code, pp.source.resolve(d.loc)?.line, pp.source.resolve(d.loc)?.column]),
      [['warning', code, line, column]],
      text,
    );
  }
});

test('errors have stable codes and point at what is wrong', () => {
  const cases: readonly (readonly [string, string, number, number])[] = [
    ['#error out of luck\n', 'user-error', 1, 2],
    ['x\n#if 1\n', 'unterminated-conditional', 2, 2],
    ['#endif\n', 'conditional-without-if', 1, 2],
    ['#if 0\n#else\n#else\n#endif\n', 'conditional-after-else', 3, 2],
    ['#define f(x) x\n  f(1\n', 'unterminated-macro-call', 2, 3],
    ['#define f(x) x\nf(1,  2)\n', 'macro-argument-count', 2, 4],
    ['#define f(x,x) x\n', 'bad-macro-parameters', 1, 13],
    ['#define f(x) #y\n', 'stray-stringify', 1, 14],
    ['#define f ##y\n', 'misplaced-paste', 1, 11],
    ['#if 1 / 0\n#endif\n', 'division-by-zero', 1, 7],
    ['#if (1\n#endif\n', 'bad-condition', 1, 6],
    ['#if f(1)\n#endif\n', 'undefined-function-macro', 1, 5],
    ['#if 1.5\n#endif\n', 'float-in-if', 1, 5],
    ['#if\n#endif\n', 'missing-condition', 1, 2],
    ['#inclued <x>\n', 'unknown-directive', 1, 2],
    ['#include x\n', 'bad-include', 1, 10],
    ['#define 3\n', 'bad-macro-name', 1, 9],
    ['#pragma GCC poison foo\n foo\n', 'poisoned-identifier', 2, 2],
    ['_Pragma(3)\n', 'bad-pragma-operator', 1, 1],
  ];
  for (const [text, code, line, column] of cases) {
    const { diagnostics, pp } = preprocess(text);
    assert.deepEqual(
      diagnostics.map((d) => [d.severity, d.code, pp.source.resolve(d.loc)?.line, pp.source.resolve(d.loc)?.column]),
      [['error', code, line, column]],
      text,
    );
  }
});

test('a misspelled directive is corrected', () => {
  const { diagnostics } = preprocess('#inlcude <x>\n');
  assert.equal(diagnostics[0]?.notes?.[0]?.message, "did you mean '#include'?");
});

test("headers that are not the user's do not warn", () => {
  const resolve = virtualResolver(() => '#define A 1\n#define A 2\n#warning shown all the same\n');
  assert.deepEqual(preprocess('#include <x>\n', { resolve }).codes, ['user-warning']);
});

test('pragmas for the compiler come out as tokens, macros expanded where clang does', () => {
  const { tokens } = preprocess(
    '#define N 4\n#pragma unroll N\n#pragma other N\nint a; _Pragma("clang loop unroll_count(N)") int b;\n#pragma GCC diagnostic push\n',
  );
  assert.deepEqual(
    tokens.filter((t) => t.kind === 'pragma').map((t) => t.text),
    ['unroll 4', 'other N', 'clang loop unroll_count(4)'],
  );
});

for (const cpu of [1, 2, 3, 4] as const) {
  test(`predefined macros are clang's for BPF v${cpu}`, {
    skip: haveClang() ? false : `${CLANG} is not installed`,
  }, () => {
    const { stdout } = spawnSync(CLANG, ['-target', 'bpf', '-O2', `-mcpu=v${cpu}`, '-dM', '-E', '-'], {
      input: '',
      encoding: 'utf8',
    });
    const theirs = new Map([...stdout.matchAll(/^#define (\S+) ?(.*)$/gm)].map((m) => [m[1]!, m[2]!]));
    assert.ok(theirs.size > 300);
    // Whose compiler it is, and which build, is ours to say.
    const own = new Set(['__VERSION__', '__clang_version__', '__skep__']);
    const ours = new Map([...predefinedMacros(cpu)].filter(([name]) => !own.has(name)));
    for (const name of own) theirs.delete(name);
    assert.deepEqual([...ours].sort(), [...theirs].sort());
  });
}
