/** Sizes, alignments, members and spellings against what clang knows of the same types. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { BtfError } from '../../../src/btf/error.ts';
import { BtfReader } from '../../../src/btf/read.ts';
import { alignOf, findMember, formatType, resolve, sizeOf } from '../../../src/btf/walk.ts';
import { CLANG, compileBpf, toolTest } from '../object/clang.ts';
import { btfOf, RawBtf, sectionOf } from './support.ts';

const TYPES = `
typedef unsigned long long u64; typedef unsigned int u32; typedef const volatile u32 cu32;
struct small { char c; short s; };
struct __attribute__((packed)) packed { char c; u64 u; };
struct nested { struct small a[3]; struct packed p; union { u64 deep; struct { int x, y; } pair; }; char tail; };
struct bits { u32 a : 3, b : 7; u64 c : 40; cu32 d; };
struct odd { __int128 wide; char c; };
union either { char bytes[9]; double d; };
struct __attribute__((aligned(32))) wide { int i; };
struct flexible { int n; u64 data[]; };
enum color { RED, GREEN = 70000 };
enum big { BIG = 0x100000000ULL };
`;
const NAMES = [
  'struct small',
  'struct packed',
  'struct nested',
  'struct bits',
  'struct odd',
  'union either',
  'struct flexible',
  'enum color',
  'enum big',
  'u64',
  'cu32',
];

function globals(): string {
  return NAMES.map((name, i) => `${name} *keep${i};`).join('\n');
}

toolTest('sizes and alignments are those of clang', { commands: [CLANG] }, () => {
  const numbers = NAMES.map((name) => `sizeof(${name}), _Alignof(${name})`).join(', ');
  const object = compileBpf(`${TYPES} ${globals()} unsigned long answers[] = { ${numbers} };`);
  const btf = btfOf(object);
  const answers = sectionOf(object, '.data');
  const view = new DataView(answers.buffer, answers.byteOffset);
  NAMES.forEach((name, i) => {
    const id = btf.find(name.split(' ').at(-1) ?? '');
    assert.ok(id !== undefined, name);
    assert.equal(sizeOf(btf, id), view.getUint32(i * 16, true), `sizeof(${name})`);
    assert.equal(alignOf(btf, id), view.getUint32(i * 16 + 8, true), `_Alignof(${name})`);
  });
});

toolTest('members are where offsetof says', { commands: [CLANG] }, () => {
  const paths = ['a', 'a[2].s', 'p.u', 'deep', 'pair.y', 'tail'];
  const object = compileBpf(
    `${TYPES} ${globals()} unsigned long answers[] = { ${paths.map((p) => `__builtin_offsetof(struct nested, ${p})`).join(', ')} };`,
  );
  const btf = btfOf(object);
  const answers = sectionOf(object, '.data');
  const view = new DataView(answers.buffer, answers.byteOffset);
  const nested = btf.find('nested', 'struct');
  assert.ok(nested !== undefined);
  for (const [i, path] of paths.entries()) assert.equal(findMember(btf, nested, path)?.bitOffset, 8 * view.getUint32(i * 8, true), path);
  assert.deepEqual(findMember(btf, nested, 'pair.y')?.indexes, [2, 1, 1]);
  assert.deepEqual(findMember(btf, nested, 'a[2].s')?.indexes, [0, 2, 1]);
  const bits = findMember(btf, btf.find('bits') ?? 0, 'b');
  assert.deepEqual([bits?.bitOffset, bits?.bitSize], [3, 7]);
  assert.equal(findMember(btf, nested, 'nothing'), undefined);
  for (const path of ['', 'a[', 'a[x]', 'a[-1]', '.a', 'tail.x', 'tail[0]']) {
    assert.throws(() => findMember(btf, nested, path), BtfError, path);
  }
  assert.deepEqual(resolve(btf, btf.find('cu32') ?? 0), { kind: 'int', name: 'unsigned int', size: 4, bits: 32, encoding: 'unsigned' });
});

toolTest('types are spelled as C spells them', { commands: [CLANG] }, () => {
  const declarations: Readonly<Record<string, string>> = {
    a: 'int a',
    b: 'const char *b',
    c: 'char * const c',
    d: 'int (*d)(struct small *, unsigned int)',
    e: 'struct small (*e)[3][4]',
    f: 'const volatile int f[2]',
    g: 'u64 (*(*g)(void))[5]',
    h: 'char * const *h[3]',
    i: 'int (*i)(const char *, ...)',
    j: 'union either *(*j[2])(enum color)',
  };
  const btf = btfOf(
    compileBpf(
      `${TYPES} ${Object.values(declarations)
        .map((d) => `${d};`)
        .join('\n')}`,
    ),
  );
  for (const [name, text] of Object.entries(declarations)) {
    const id = btf.find(name, 'var');
    assert.ok(id !== undefined, name);
    assert.equal(formatType(btf, id), text);
  }
});

test('types that go round in a circle are errors', () => {
  // 1 is a typedef of itself, 2 an array of itself, 3 a struct that holds itself, 4 and 5 functions of each other.
  const raw = new RawBtf()
    .type('loop', 8, 0, 1)
    .type('', 3, 0, 0, 2, 2, 10)
    .type('in', 4, 1, 8, 0, 3, 0)
    .type('', 2, 0, 5)
    .type('', 13, 2, 4, 0, 4, 0, 4);
  const btf = new BtfReader(raw.bytes());
  for (const id of [1, 2]) for (const ask of [sizeOf, alignOf]) assert.throws(() => ask(btf, id), BtfError);
  assert.throws(() => formatType(btf, 2), BtfError);
  assert.throws(() => alignOf(btf, 3), BtfError);
  assert.equal(formatType(btf, 3), 'struct in');
  assert.throws(() => formatType(btf, 4), BtfError);
  assert.throws(() => sizeOf(btf, 5), BtfError);
});
