/** The reader against bpftool over a whole kernel, and on BTF that is newer, odd or broken. */
import assert from 'node:assert/strict';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { dumpTypes } from '../../../src/btf/dump.ts';
import { BtfError } from '../../../src/btf/error.ts';
import { BtfReader } from '../../../src/btf/read.ts';
import { describeType } from '../../../src/btf/schema.ts';
import { alignOf, findMember, formatType, resolve, sizeOf } from '../../../src/btf/walk.ts';
import { CLANG, compileBpf, inTempDir, toolTest } from '../object/clang.ts';
import { asBpftool, bpftoolTypes, kernelBtf, numbers, RawBtf, sectionOf, VMLINUX } from './support.ts';

toolTest('every type of this kernel is what bpftool reads', { btf: true, commands: ['bpftool'] }, () => {
  const btf = kernelBtf();
  const want = bpftoolTypes(VMLINUX);
  assert.deepEqual(btf.warnings, []);
  assert.equal(btf.size, want.length + 1);
  for (const w of want) {
    // Comparing texts first is ten times as fast.
    const got = asBpftool(btf, w.id);
    if (JSON.stringify(got) !== JSON.stringify(w)) assert.deepEqual(got, w);
  }
});

toolTest('searches find what a search through bpftool finds', { btf: true, commands: ['bpftool'] }, () => {
  const btf = kernelBtf();
  const want = bpftoolTypes(VMLINUX);
  const byName = new Map<string, { id: number; kind: string }[]>();
  const enumerators = new Map<string, number>();
  for (const t of want) {
    const name = String(t['name']);
    if (name !== '(anon)') byName.set(name, [...(byName.get(name) ?? []), { id: t.id, kind: String(t['kind']) }]);
    for (const v of (t['values'] as { name: string }[] | undefined) ?? []) {
      if (!enumerators.has(v.name)) enumerators.set(v.name, t.id);
    }
  }
  for (const [name, types] of byName) {
    assert.deepEqual(
      btf.findAll(name),
      types.map((t) => t.id),
      name,
    );
    assert.equal(btf.find(name), types[0].id);
    assert.deepEqual(
      btf.findAll(name, 'func'),
      types.filter((t) => t.kind === 'FUNC').map((t) => t.id),
    );
    assert.equal(btf.find(name, 'struct', 'union'), types.find((t) => t.kind === 'STRUCT' || t.kind === 'UNION')?.id);
  }
  for (const [name, id] of enumerators) assert.equal(btf.findEnumerator(name)?.id, id, name);
  assert.equal(btf.findEnumerator('BPF_MAP_TYPE_ARRAY')?.value, 2n);
  assert.equal(btf.find('no_such_type_here'), undefined);
  assert.equal(btf.find(''), undefined);
  assert.equal(btf.find('task_struct\0'), undefined);
  assert.equal(btf.findEnumerator('NO_SUCH_ENUMERATOR'), undefined);
});

toolTest('similar names', { btf: true }, () => {
  const btf = kernelBtf();
  assert.equal(btf.similar('task_strcut', 'struct')[0], 'task_struct');
  assert.equal(btf.similar('vfs_raed', 'func')[0], 'vfs_read');
  assert.ok(btf.similar('tcp_v4_conect').includes('tcp_v4_connect'));
  assert.ok(!btf.similar('task_struct', 'struct').includes('task_struct'));
  assert.deepEqual(btf.similar('qqqqxqqqq'), []);
  assert.deepEqual(btf.similar(''), []);
});

test('void, and ids that do not exist', () => {
  const btf = new BtfReader(new RawBtf().type('int', 1, 0, 4, (1 << 24) | 32).bytes());
  assert.deepEqual(btf.type(0), { kind: 'void' });
  assert.deepEqual(btf.type(1), { kind: 'int', name: 'int', size: 4, bits: 32, encoding: 'signed' });
  for (const id of [2, -1, 1.5, Number.NaN, 2 ** 32]) assert.throws(() => btf.type(id), BtfError);
});

/** `struct late { int a; }` behind types of kinds that do not exist yet. */
function future(): RawBtf {
  return new RawBtf()
    .type('int', 1, 0, 4, (1 << 24) | 32)
    .type('strange', 77, 3, 0, 1111, /* elements */ 1, 2, 3, 4, 5, 6)
    .type('plain', 120, 0, 1)
    .type('late', 4, 1, 4, 0, 1, 0);
}
function futureLayout(): [number, number][] {
  const layout = Array.from({ length: 121 }, (): [number, number] => [0, 0]);
  layout[77] = [4, 8];
  // A wrong entry for a known kind does not count.
  layout[1] = [40, 4];
  return layout;
}

test('future BTF: unknown kinds are skipped by the layout section', () => {
  const btf = new BtfReader(future().bytes({ layout: futureLayout() }));
  assert.deepEqual(btf.warnings, []);
  assert.equal(btf.size, 5);
  assert.deepEqual(btf.type(2), { kind: 'unknown', raw: 77 });
  assert.deepEqual(btf.type(3), { kind: 'unknown', raw: 120 });
  assert.equal(btf.find('late', 'struct'), 4);
  assert.equal(btf.find('strange'), 2);
  assert.equal(btf.find('strange', 'unknown'), 2);
  assert.equal(btf.find('strange', 'struct'), undefined);
  assert.equal(sizeOf(btf, 4), 4);
});

test('future BTF: without a layout, what comes before an unknown kind is kept', () => {
  const btf = new BtfReader(future().bytes());
  assert.equal(btf.size, 2);
  assert.equal(btf.find('int'), 1);
  assert.equal(btf.warnings.length, 1);
  assert.match(btf.warnings[0], /type 2 is of unknown kind 77/);
});

test('future BTF: longer headers, and more elements than 16 bits can count', () => {
  const raw = new RawBtf().type('int', 1, 0, 4, (1 << 24) | 32);
  const count = 70_000;
  raw.type('big', 6, count, 4);
  for (let i = 0; i < count; i++) raw.words.push(raw.name(`V${i % 7}`), i);
  raw.type('after', 8, 0, 1);
  const btf = new BtfReader(raw.bytes({ header: 48 }));
  assert.deepEqual(btf.warnings, []);
  const big = btf.type(2);
  assert.ok(big.kind === 'enum');
  assert.equal(big.values.length, count);
  assert.equal(big.values[count - 1].value, BigInt(count - 1));
  assert.equal(btf.find('after', 'typedef'), 3);
});

test('no strings, and bytes that are not aligned', () => {
  const empty = new BtfReader(new RawBtf().type('', 4, 0, 0).bytes({ noStrings: true }));
  assert.deepEqual(empty.type(1), { kind: 'struct', name: '', size: 0, members: [] });
  assert.equal(empty.find('x'), undefined);

  const bytes = new RawBtf().type('int', 1, 0, 4, (1 << 24) | 32).bytes();
  const shifted = new Uint8Array(bytes.length + 1);
  shifted.set(bytes, 1);
  assert.equal(new BtfReader(shifted.subarray(1)).find('int'), 1);
});

/** A base of two types, and three more that build on it: nameless, named from their own strings, named from the base's. */
function splitBtf(): { readonly base: Uint8Array; readonly split: Uint8Array } {
  const base = new RawBtf().type('int', 1, 0, 4, (1 << 24) | 32).type('same', 4, 0, 0);
  const split = new RawBtf();
  const start = 1 + 'int\0same\0'.length;
  split.words.push(0, (4 << 24) | 1, 4, 0, 1, 0);
  split.words.push(start + split.name('own'), 8 << 24, 3);
  split.words.push(1, 8 << 24, 1);
  return { base: base.bytes(), split: split.bytes() };
}

test('split BTF continues the ids and strings of its base', () => {
  const { base, split } = splitBtf();
  const baseReader = new BtfReader(base);
  const btf = new BtfReader(split, { base: baseReader });
  assert.equal(btf.size, 6);
  assert.deepEqual(btf.type(3), { kind: 'struct', name: '', size: 4, members: [{ name: '', type: 1, bitOffset: 0, bitSize: 0 }] });
  assert.equal(btf.find('own', 'typedef'), 4);
  assert.deepEqual(btf.findAll('int'), [1, 5]);
  assert.equal(btf.find('same'), 2);
  assert.equal(sizeOf(btf, 4), 4);
  assert.equal(btf.type(1), baseReader.type(1));
});

toolTest('split BTF is what bpftool reads', { commands: ['bpftool'] }, () => {
  const { base, split } = splitBtf();
  const btf = new BtfReader(split, { base: new BtfReader(base) });
  const want = inTempDir((dir) => {
    writeFileSync(join(dir, 'base'), base);
    writeFileSync(join(dir, 'split'), split);
    return bpftoolTypes(join(dir, 'split'), '-B', join(dir, 'base'));
  });
  assert.deepEqual(
    want.map((w) => w.id),
    [3, 4, 5],
  );
  for (const w of want) assert.deepEqual(asBpftool(btf, w.id), w);
});

test('no BTF at all', () => {
  const good = new RawBtf().type('int', 1, 0, 4, 32).bytes();
  const swapped = good.slice();
  swapped.set([0xeb, 0x9f]);
  assert.throws(
    () => new BtfReader(new Uint8Array(0)),
    (e: BtfError) => e.code === 'truncated',
  );
  assert.throws(
    () => new BtfReader(new Uint8Array(24)),
    (e: BtfError) => e.code === 'format',
  );
  assert.throws(
    () => new BtfReader(swapped),
    (e: BtfError) => e.code === 'unsupported',
  );
});

test('truncated BTF keeps what is whole', () => {
  const bytes = new RawBtf().type('int', 1, 0, 4, 32).type('s', 4, 1000, 4, 0, 1, 0).bytes();
  const btf = new BtfReader(bytes);
  assert.equal(btf.size, 2);
  assert.match(btf.warnings[0], /type 2 reaches beyond/);
  assert.ok(new BtfReader(bytes.subarray(0, 40)).warnings.length > 0);
});

toolTest('damaged BTF gives errors, never crash or hang', { commands: [CLANG] }, () => {
  const original = sectionOf(
    compileBpf(`struct list { struct list *next; int (*f)(struct list *, char); union { long a; struct { char b[4]; int bits : 5; }; } u[3]; };
      enum e { A, B = -1 }; typedef const struct list list_t; list_t head; enum e value;
      int use(list_t *l, enum e x) { return l->f((struct list *)l, x); }`),
    '.BTF',
  );
  const next = numbers(99);
  const started = performance.now();
  let done = 0;
  const rounds = Number(process.env['SKEP_FUZZ_ROUNDS'] ?? 2000);
  for (let round = 0; round < rounds; round++) {
    const bytes = original.slice();
    const view = new DataView(bytes.buffer);
    for (let i = next(4); i >= 0; i--) {
      const at = next(bytes.length >> 2) * 4;
      // Small numbers hit other ids and kinds, large ones the limits.
      view.setUint32(at, [next(40), next(2 ** 32), 0xffffffff, (next(20) << 24) | next(4)][next(4)], true);
    }
    attempt(() => {
      const btf = new BtfReader(bytes);
      for (let id = 0; id <= btf.size; id++) {
        for (const ask of [sizeOf, alignOf, resolve, formatType, describeType]) attempt(() => ask(btf, id));
        attempt(() => findMember(btf, id, 'u[1].bits'));
        attempt(() => dumpTypes(btf, [id]));
      }
      btf.findAll('list');
      btf.findEnumerator('A');
      btf.similar('lisst');
      done++;
    });
  }
  assert.ok(done > rounds / 4);
  assert.ok((performance.now() - started) / rounds < 30, 'ms for each round');
});

function attempt(fn: () => unknown): void {
  try {
    fn();
  } catch (error) {
    if (!(error instanceof BtfError)) throw error;
  }
}
