/** BTF that lies, goes round in circles or points nowhere: a wrong type at worst, never a crash or a hang. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { BtfKind, BtfSource, BtfType } from '../../../src/btf/types.ts';
import { BtfTypes } from '../../../src/compiler/c/sema/btf-types.ts';
import { formatType } from '../../../src/compiler/c/sema/types/format.ts';
import { findMember, memberNames } from '../../../src/compiler/c/sema/types/members.ts';
import type { RecordType } from '../../../src/compiler/c/types.ts';
import { compile } from '../c/support.ts';

function source(types: readonly BtfType[]): BtfSource {
  const all: readonly BtfType[] = [{ kind: 'void' }, ...types];
  const find = (name: string, ...kinds: BtfKind[]): number[] =>
    all.flatMap((t, i) => ('name' in t && t.name === name && (kinds.length === 0 || kinds.includes(t.kind)) ? [i] : []));
  return {
    size: all.length,
    type: (id) => all[id] ?? { kind: 'void' },
    find: (name, ...kinds) => find(name, ...kinds)[0],
    findAll: find,
    findEnumerator: () => undefined,
    similar: () => [],
  };
}

const member = (
  name: string,
  type: number,
  bitOffset = 0,
  bitSize = 0,
): { name: string; type: number; bitOffset: number; bitSize: number } => ({ name, type, bitOffset, bitSize });

test('chains that lead back to themselves end', () => {
  const types = new BtfTypes(
    source([
      { kind: 'ptr', type: 1 },
      { kind: 'typedef', name: 't', type: 2 },
      { kind: 'const', type: 4 },
      { kind: 'volatile', type: 3 },
      { kind: 'array', element: 5, index: 0, length: 4 },
      { kind: 'funcProto', returns: 6, params: [{ name: 'p', type: 6 }], variadic: false },
    ]),
    false,
  );
  for (let id = 1; id <= 6; id++) assert.match(formatType(types.get(id)), /void|t/);
});

test('ids that are not there are void', () => {
  const types = new BtfTypes(
    source([
      { kind: 'ptr', type: 999 },
      { kind: 'struct', name: 's', size: 8, members: [member('a', 77)] },
    ]),
    false,
  );
  assert.equal(formatType(types.get(1)), 'void *');
  assert.equal(types.get(12345).type.kind, 'void');
  assert.equal((types.get(2).type as RecordType).fields?.[0]?.type.type.kind, 'void');
});

test('records that hold themselves', () => {
  const btf = source([
    { kind: 'struct', name: 'self', size: 8, members: [member('', 1), member('x', 3)] },
    { kind: 'struct', name: 'ring', size: 8, members: [member('', 4)] },
    { kind: 'int', name: 'int', size: 4, bits: 32, encoding: 'signed' },
    { kind: 'union', name: '', size: 8, members: [member('', 2), member('y', 3)] },
  ]);
  const types = new BtfTypes(btf, false);
  const self = types.get(1).type as RecordType;
  assert.equal(self.size, 8);
  assert.ok(self.align >= 1);
  assert.equal(findMember(self, 'nowhere'), undefined);
  assert.ok(findMember(self, 'x'));
  assert.ok(memberNames(types.get(2).type as RecordType).includes('y'));
  const c = compile(
    'int f(struct self *p, struct ring *q) { struct self a = { 1, 2 }; a = *p; q->zzz; return a.x + q->y + sizeof(struct ring) + _Alignof(struct self); }',
    { btf },
  );
  assert.deepEqual(
    c.messages.map((m) => m.split(' ')[1]),
    ['initializer-too-large', 'no-member'],
  );
});

test('chains of a hundred thousand types', () => {
  const deep: BtfType[] = [];
  for (let i = 1; i <= 100_000; i++) deep.push({ kind: 'ptr', type: i + 1 });
  const structs: BtfType[] = [];
  for (let i = 1; i <= 100_000; i++) structs.push({ kind: 'struct', name: i === 1 ? 'top' : '', size: 4, members: [member('', i + 1)] });
  new BtfTypes(source(deep), false).get(1);
  const types = new BtfTypes(source(structs), false);
  const top = types.get(1).type as RecordType;
  assert.equal(findMember(top, 'x'), undefined);
  assert.ok(top.align >= 1);
});

test('impossible sizes, offsets and widths', () => {
  const btf = source([
    { kind: 'int', name: 'long', size: 3, bits: 999, encoding: 'unsigned' },
    { kind: 'struct', name: 's', size: 0xffffffff, members: [member('a', 1, 0xffffffff, 255), member('b', 1, 3), member('a', 4, 7, 1)] },
    { kind: 'enum64', name: 'e', size: 200, signed: true, values: [{ name: 'X', value: 1n << 70n }] },
    { kind: 'array', element: 2, index: 0, length: 0xffffffff },
  ]);
  const c = compile('int f(struct s *p, enum e k) { struct s x = { 1 }; p->a; p->b = 3; return p->a[0].b + sizeof(*p) + k; }', { btf });
  assert.ok(c.unit, 'the text was read to its end');
});
