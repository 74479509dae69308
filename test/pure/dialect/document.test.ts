/** `docs/dialect.md` names everything that the code has. */
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { bccFunctionNames } from '../../../src/compiler/dialect/bcc/functions.ts';
import { MAP_MACROS } from '../../../src/compiler/dialect/bcc/map-macros.ts';
import { KINDS } from '../../../src/compiler/dialect/bcc/maps.ts';
import { METHODS } from '../../../src/compiler/dialect/bcc/methods.ts';
import { BCC_PRELUDE } from '../../../src/compiler/dialect/bcc/prelude.ts';
import { PREFIXES } from '../../../src/compiler/dialect/bcc/programs.ts';
import { libbpfHeader } from '../../../src/compiler/dialect/libbpf/headers.ts';
import { root } from '../../run/paths.ts';

const page = readFileSync(join(root, 'docs', 'dialect.md'), 'utf8');
const missing = (names: Iterable<string>): string[] => [...names].filter((name) => !new RegExp(String.raw`(?<![\w])${name}\b`).test(page));

test('kinds of maps, methods, prefixes', () => {
  assert.deepEqual(missing(Object.keys(KINDS)), []);
  assert.deepEqual(missing(Object.keys(METHODS)), []);
  assert.deepEqual(
    PREFIXES.map((p) => p.prefix).filter((p) => !page.includes(`\`${p}`)),
    [],
  );
  // As many as BCC has: 28 kinds and `extern`, 35 methods.
  assert.deepEqual([Object.keys(KINDS).length, Object.keys(METHODS).length], [29, 35]);
});

test('macros', () => {
  const defined = (text: string): string[] => [...text.matchAll(/^#define (\w+)\(/gm)].map((m) => m[1] as string);
  // Forms by number of arguments, and what macros use among themselves.
  const inner =
    /^_|_\d$|_(?:pick|many)$|^BPF_(?:F_TABLE_PUBLIC|QUEUESTACK|QUEUESTACK_PUBLIC|QUEUESTACK_SHARED|XDP_REDIRECT_MAP|ANNOTATE_KV_PAIR)$|^SEC$/;
  assert.deepEqual(missing(defined(MAP_MACROS).filter((name) => !inner.test(name))), []);
  const numbered = /^PT_REGS_PARM[2-6](?:_SYSCALL)?$|^PT_REGS_(?:IP|SP|FP|RET)$/;
  assert.deepEqual(
    missing(defined(BCC_PRELUDE).filter((name) => !inner.test(name) && !numbered.test(name) && !defined(MAP_MACROS).includes(name))),
    [],
  );
});

test('functions and headers', () => {
  const grouped = /^bpf_(?:ntoh|hton|store_)/;
  assert.deepEqual(missing(bccFunctionNames().filter((name) => !grouped.test(name))), []);
  for (const header of page.matchAll(/^\| `(\w+(?:\.bpf)?\.h)`/gm)) {
    const [, name = ''] = header;
    assert.notEqual(libbpfHeader(name === 'vmlinux.h' ? name : `bpf/${name}`), undefined, name);
  }
});
