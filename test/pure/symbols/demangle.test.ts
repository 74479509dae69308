/** C++ and Rust names, beside c++filt. */
import assert from 'node:assert/strict';
import { execFileSync, spawnSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { test } from 'node:test';
import { demangle } from '../../../src/symbols/demangle.ts';

test('what is not mangled stays', () => {
  for (const name of ['main', '', '_start', '__libc_start_main', '_Z', '_R', 'JS:*f', '__x64_sys_read', 'Zone'])
    assert.equal(demangle(name), name);
});

// From the documents of the two Rust manglings (RFC 2603 and rustc's legacy scheme).
test('Rust, old and new', () => {
  assert.equal(demangle('_ZN4core3fmt9Formatter3pad17h0123456789abcdefE'), 'core::fmt::Formatter::pad');
  assert.equal(demangle('_RNvNtCs1234_7mycrate3foo3bar'), 'mycrate::foo::bar');
  assert.equal(demangle('_RINvNtC3std3mem8align_ofjE'), 'std::mem::align_of::<usize>');
});

const LIBRARIES = ['/usr/lib/x86_64-linux-gnu/libstdc++.so.6', '/usr/lib/aarch64-linux-gnu/libstdc++.so.6'];
const library = LIBRARIES.find((path) => existsSync(path));
const missing = library === undefined ? 'needs libstdc++' : spawnSync('c++filt', ['--version']).error ? 'needs c++filt' : false;

test('libstdc++: the same as c++filt, but for spelling', { skip: missing }, () => {
  const names = [
    ...new Set(
      [
        ...execFileSync('nm', ['-D', '--defined-only', library as string], { maxBuffer: 1 << 26 })
          .toString()
          .matchAll(/ [TWV] (_Z[^@\n]+)/g),
      ].map((m) => m[1] as string),
    ),
  ];
  assert.ok(names.length > 3000);
  const theirs = execFileSync('c++filt', { input: names.join('\n'), maxBuffer: 1 << 26 })
    .toString()
    .trimEnd()
    .split('\n');
  // Abbreviations of std::string and the streams are spelled out by one or the other.
  const long = [
    ['basic_string<char,std::char_traits<char>,std::allocator<char>>', 'string'],
    ['basic_istream<char,std::char_traits<char>>', 'istream'],
    ['basic_ostream<char,std::char_traits<char>>', 'ostream'],
    ['basic_iostream<char,std::char_traits<char>>', 'iostream'],
  ] as const;
  const spelling = (text: string) =>
    long.reduce(
      (out, [from, to]) => out.replaceAll(from, to),
      text
        .replace(/\s+/g, '')
        .replace(/\{[^}]*\}|\[[^\]]*\]/g, '')
        .replaceAll('std::__cxx11::', 'std::'),
    );
  const functions = names.map((name, i) => ({ name, theirs: theirs[i] as string })).filter(({ name }) => !/^_Z[TG]/.test(name));
  // Ours leaves out what a template returns, which stands in front.
  const wrong = functions.filter(({ name, theirs }) => !spelling(theirs).endsWith(spelling(demangle(name))));
  assert.ok(functions.every(({ name }) => demangle(name) !== name));
  assert.ok(wrong.length < functions.length * 0.02, `${wrong.length} of ${functions.length}, as ${wrong[0]?.name}`);
});
