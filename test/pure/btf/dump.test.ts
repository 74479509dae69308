/** C dumps: clang compiles them, and lays everything out as BTF says. */
import assert from 'node:assert/strict';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { BtfBuilder } from '../../../src/btf/builder.ts';
import { dumpAll, dumpTypes } from '../../../src/btf/dump.ts';
import { BtfError } from '../../../src/btf/error.ts';
import type { BtfSource, BtfStruct } from '../../../src/btf/types.ts';
import { CLANG, compileBpf, inTempDir, run, toolTest } from '../object/clang.ts';
import { btfOf, kernelBtf } from './support.ts';

const CHECK = ['-target', 'bpf', '-std=gnu11', '-fsyntax-only', '-w', '-ferror-limit=5'];

function checks(source: string): void {
  inTempDir((dir) => {
    writeFileSync(join(dir, 'dump.c'), source);
    run(CLANG, [...CHECK, join(dir, 'dump.c')]);
  });
}

/** sizeof and offsetof of everything that has one name only, and the values of enumerators. */
function assertions(btf: BtfSource): string {
  const lines: string[] = [];
  const enumerators = new Map<string, bigint[]>();
  for (let id = 1; id < btf.size; id++) {
    const type = btf.type(id);
    if (type.kind === 'enum' || type.kind === 'enum64') {
      for (const v of type.values) enumerators.set(v.name, [...(enumerators.get(v.name) ?? []), v.value]);
    }
    if ((type.kind !== 'struct' && type.kind !== 'union') || type.name === '') continue;
    if (btf.findAll(type.name, 'struct', 'union', 'enum', 'enum64').length > 1) continue;
    const name = `${type.kind} ${type.name}`;
    lines.push(`_Static_assert(sizeof(${name}) == ${type.size}, "size of ${name}");`);
    for (const m of type.members) {
      if (m.name === '' || m.bitSize > 0) continue;
      lines.push(`_Static_assert(__builtin_offsetof(${name}, ${m.name}) == ${m.bitOffset / 8}, "${name}.${m.name}");`);
    }
  }
  for (const [name, [value, ...others]] of enumerators) {
    if (others.length > 0) continue;
    lines.push(`_Static_assert((unsigned long long)${name} == ${BigInt.asUintN(64, value)}ULL, "${name}");`);
  }
  return lines.join('\n');
}

toolTest('all types of this kernel compile to the same layout', { btf: true, commands: [CLANG] }, () => {
  const btf = kernelBtf();
  const asserts = assertions(btf);
  assert.ok(asserts.length > 1_000_000);
  checks(dumpAll(btf) + asserts);
  checks(dumpAll(btf, { tags: true }));
});

toolTest('bit-fields of this kernel come back from clang at the same bits', { btf: true, commands: [CLANG] }, () => {
  const btf = kernelBtf();
  const wanted: { id: number; type: BtfStruct }[] = [];
  for (const id of btf.ids('struct')) {
    const type = btf.type(id);
    if (type.kind !== 'struct' || type.name === '' || !type.members.some((m) => m.bitSize > 0)) continue;
    if (btf.findAll(type.name, 'struct', 'union', 'enum', 'enum64').length === 1) wanted.push({ id, type });
  }
  assert.ok(wanted.length > 100, `${wanted.length} structs`);
  const globals = wanted.map(({ type }, i) => `struct ${type.name} keep${i};`).join('\n');
  const compiled = btfOf(
    compileBpf(
      `${dumpTypes(
        btf,
        wanted.map((w) => w.id),
      )}\n${globals}`,
      '-w',
    ),
  );
  const shape = (t: BtfStruct) => [t.size, ...t.members.map((m) => `${m.name} ${m.bitOffset} ${m.bitSize}`)];
  for (const { type } of wanted) {
    const got = compiled.type(compiled.find(type.name, 'struct') ?? 0);
    assert.ok(got.kind === 'struct', type.name);
    const named = { ...got, members: got.members.filter((m) => !m.name.startsWith('__gap')) };
    assert.deepEqual(shape(named), shape(type), type.name);
  }
});

const AWKWARD = `
struct self { struct self *next; struct other *o; int (*cb)(struct self *, const struct other *); };
struct other { struct self in; struct { int a, b; } pair[2]; union { long l; char c[3]; }; };
typedef struct self self_t; struct uses { self_t *later; self_t whole; };
struct __attribute__((packed)) packed { char c; long l; struct { short s; char d; } inner; };
struct __attribute__((aligned(64))) aligned { int i; };
struct gaps { char a; int : 0; unsigned b : 5; unsigned : 7; unsigned c : 9; long d; char e; };
struct __attribute__((packed)) packedbits { unsigned a : 3; unsigned b : 17; char c; unsigned d : 30; };
struct holds { char x; struct packed p; struct aligned q; struct packedbits r; };
struct edge { unsigned long long a : 60; unsigned b : 5; _Bool c : 1; char d[0]; };
enum small { S1, S2 } __attribute__((packed)); enum sign { NEG = -5, POS = 7 }; enum wide { W = -0x8000000000000000LL, V = 3 };
struct enums { enum small s; enum sign t : 4; enum wide w; enum { ANON = 9 } a; };
typedef int matrix[2][3]; typedef int (*fn_t)(matrix *, ...); struct fns { fn_t f; matrix m; const char *const volatile *q; };
union many { struct { char c; long l; } a; struct { short s[5]; } b; };
`;

toolTest('awkward declarations come back the same', { commands: [CLANG] }, () => {
  const keep = ['self', 'other', 'uses', 'packed', 'aligned', 'gaps', 'packedbits', 'holds', 'edge', 'enums', 'fns'];
  const globals = `${keep.map((k, i) => `struct ${k} keep${i};`).join('\n')} union many keep_many;`;
  const btf = btfOf(compileBpf(AWKWARD + globals, '-w'));
  const dump = dumpAll(btf);
  checks(dump + assertions(btf));
  const again = btfOf(compileBpf(dump + globals, '-w'));
  for (const name of [...keep, 'many']) {
    const [a, b] = [btf, again].map((s) => s.type(s.find(name, 'struct', 'union') ?? 0));
    assert.ok(a.kind === 'struct' || a.kind === 'union');
    assert.ok(b.kind === 'struct' || b.kind === 'union');
    const named = b.members.filter((m) => !m.name.startsWith('__gap'));
    assert.deepEqual(
      named.map((m) => [m.name, m.bitOffset, m.bitSize]),
      a.members.map((m) => [m.name, m.bitOffset, m.bitSize]),
      name,
    );
    assert.equal(b.size, a.size);
  }
});

toolTest('functions, variables and names that C would confuse', { commands: [CLANG] }, () => {
  const b = new BtfBuilder();
  const int = b.add({ kind: 'int', name: 'int', size: 4, bits: 32, encoding: 'signed' });
  const u8 = b.add({ kind: 'int', name: 'u8', size: 1, bits: 8, encoding: 'unsigned' });
  const member = (name: string, type: number, bitOffset = 0) => ({ name, type, bitOffset, bitSize: 0 });
  const one = b.append({ kind: 'struct', name: 'same', size: 4, members: [member('a', int)] });
  const two = b.append({ kind: 'struct', name: 'same', size: 8, members: [member('a', int), member('b', int, 32)] });
  const rust = b.append({ kind: 'struct', name: 'core::Option<u8>', size: 1, members: [member('0', u8)] });
  const keyword = b.append({ kind: 'typedef', name: 'while', type: int });
  const e1 = b.append({ kind: 'enum', name: '', size: 4, signed: false, values: [{ name: 'X', value: 1n }] });
  const e2 = b.append({ kind: 'enum', name: '', size: 4, signed: false, values: [{ name: 'X', value: 2n }] });
  const proto = b.append({
    kind: 'funcProto',
    returns: int,
    params: [
      { name: 'u8', type: u8 },
      { name: 'p', type: b.add({ kind: 'ptr', type: two }) },
    ],
    variadic: true,
  });
  const func = b.append({ kind: 'func', name: 'work', type: proto, linkage: 'global' });
  const variable = b.append({ kind: 'var', name: 'count', type: u8, linkage: 'global' });
  const text = dumpTypes(b, [one, two, rust, keyword, e1, e2, func, variable]);
  checks(`${text}
    _Static_assert(sizeof(struct same) + 4 == sizeof(struct same___2), "");
    _Static_assert(sizeof(struct core__Option_u8_) == 1 && X == 1 && X___2 == 2 && sizeof(while_) == 4, "");
    int test(void) { return work(count, (struct same___2 *)0, 5); }`);
});

test('types that contain themselves are errors', () => {
  const b = new BtfBuilder();
  const self = b.reserve();
  b.define(self, { kind: 'struct', name: 'self', size: 8, members: [{ name: 'x', type: self, bitOffset: 0, bitSize: 0 }] });
  const anonymous = b.reserve();
  const pointer = b.add({ kind: 'ptr', type: anonymous });
  b.define(anonymous, { kind: 'struct', name: '', size: 8, members: [{ name: 'x', type: pointer, bitOffset: 0, bitSize: 0 }] });
  const overlap = b.append({
    kind: 'struct',
    name: 'overlap',
    size: 8,
    members: [
      { name: 'x', type: pointer, bitOffset: 0, bitSize: 0 },
      { name: 'y', type: pointer, bitOffset: 8, bitSize: 0 },
    ],
  });
  for (const id of [self, anonymous, overlap]) assert.throws(() => dumpTypes(b, [id]), BtfError, String(id));
});
