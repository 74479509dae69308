/** The writer: bpftool reads what it wrote; builders find equal types. */
import assert from 'node:assert/strict';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { BtfBuilder } from '../../../src/btf/builder.ts';
import { TypeCopier } from '../../../src/btf/copy.ts';
import { BtfError } from '../../../src/btf/error.ts';
import { BtfReader } from '../../../src/btf/read.ts';
import type { BtfType } from '../../../src/btf/types.ts';
import { sizeOf } from '../../../src/btf/walk.ts';
import { BtfImage, encodeBtf } from '../../../src/btf/write.ts';
import { inTempDir, toolTest } from '../object/clang.ts';
import { asBpftool, type BpftoolType, bpftoolTypes, kernelBtf, VMLINUX } from './support.ts';

function readByBpftool(bytes: Uint8Array): BpftoolType[] {
  return inTempDir((dir) => {
    const path = join(dir, 'raw.btf');
    writeFileSync(path, bytes);
    return bpftoolTypes(path);
  });
}

/** One type of every kind. */
const SAMPLES: readonly BtfType[] = [
  { kind: 'int', name: 'int', size: 4, bits: 32, encoding: 'signed' },
  { kind: 'int', name: 'unsigned long', size: 8, bits: 64, encoding: 'unsigned' },
  { kind: 'int', name: '_Bool', size: 1, bits: 8, encoding: 'bool' },
  { kind: 'int', name: 'char', size: 1, bits: 8, encoding: 'char' },
  { kind: 'ptr', type: 10 },
  { kind: 'array', element: 4, index: 1, length: 16 },
  { kind: 'const', type: 4 },
  { kind: 'volatile', type: 7 },
  { kind: 'restrict', type: 5 },
  {
    kind: 'struct',
    name: 'node',
    size: 32,
    members: [
      { name: 'next', type: 5, bitOffset: 0, bitSize: 0 },
      { name: 'comm', type: 6, bitOffset: 64, bitSize: 0 },
      { name: 'a', type: 1, bitOffset: 192, bitSize: 3 },
      { name: 'b', type: 1, bitOffset: 195, bitSize: 29 },
    ],
  },
  {
    kind: 'union',
    name: '',
    size: 8,
    members: [
      { name: 'x', type: 1, bitOffset: 0, bitSize: 0 },
      { name: 'y', type: 2, bitOffset: 0, bitSize: 0 },
    ],
  },
  {
    kind: 'enum',
    name: 'e',
    size: 4,
    signed: true,
    values: [
      { name: 'A', value: 0n },
      { name: 'B', value: -1n },
    ],
  },
  { kind: 'enum', name: 'eu', size: 4, signed: false, values: [{ name: 'C', value: 0xffffffffn }] },
  { kind: 'enum64', name: 'big', size: 8, signed: false, values: [{ name: 'D', value: 1n << 40n }] },
  { kind: 'enum64', name: 'bigs', size: 8, signed: true, values: [{ name: 'E', value: -(1n << 40n) }] },
  { kind: 'fwd', name: 'later', union: false },
  { kind: 'fwd', name: 'lateru', union: true },
  { kind: 'typedef', name: 'node_t', type: 10 },
  { kind: 'funcProto', returns: 1, params: [{ name: 'n', type: 5 }], variadic: true },
  { kind: 'func', name: 'main', type: 19, linkage: 'global' },
  { kind: 'func', name: 'helper', type: 19, linkage: 'static' },
  { kind: 'func', name: 'kfunc', type: 19, linkage: 'extern' },
  { kind: 'var', name: 'counter', type: 1, linkage: 'global' },
  { kind: 'var', name: 'config', type: 1, linkage: 'extern' },
  { kind: 'datasec', name: '.data', size: 4, entries: [{ type: 23, offset: 0, size: 4 }] },
  { kind: 'float', name: 'double', size: 8 },
  { kind: 'declTag', name: 'tag', type: 10, component: 1 },
  { kind: 'declTag', name: 'tag', type: 20, component: -1 },
  { kind: 'typeTag', name: 'user', type: 4 },
  { kind: 'typeTag', name: 'address_space(1)', type: 4, attribute: true },
];

function samples(): BtfBuilder {
  const builder = new BtfBuilder();
  for (const type of SAMPLES) builder.append(type);
  return builder;
}

toolTest('one of every kind, read by bpftool', { commands: ['bpftool'] }, () => {
  const builder = samples();
  const want = SAMPLES.map((_, i) => asBpftool(builder, i + 1));
  assert.deepEqual(readByBpftool(encodeBtf(builder)), want);
});

test('one of every kind, read by ourselves', () => {
  const read = new BtfReader(encodeBtf(samples()));
  assert.deepEqual(read.warnings, []);
  for (const [i, type] of SAMPLES.entries()) assert.deepEqual(read.type(i + 1), type);
});

toolTest('a whole kernel, written and read by bpftool', { btf: true, commands: ['bpftool'] }, () => {
  const bytes = encodeBtf(kernelBtf());
  const got = readByBpftool(bytes);
  const want = bpftoolTypes(VMLINUX);
  assert.equal(got.length, want.length);
  for (const [i, type] of got.entries()) assert.equal(JSON.stringify(type), JSON.stringify(want[i]));
});

test('extra strings are in the table, each once', () => {
  const image = new BtfImage(samples());
  const file = image.string('main.c');
  assert.equal(image.string('main.c'), file);
  const named = image.string('node');
  const read = new BtfReader(image.bytes());
  assert.equal(read.text(file), 'main.c');
  assert.equal(read.text(named), 'node');
  assert.equal(read.text(0), '');
  assert.throws(() => read.text(1 << 20), BtfError);
});

test('the builder gives equal types one id, and finds them', () => {
  const b = new BtfBuilder();
  const int = b.add({ kind: 'int', name: 'int', size: 4, bits: 32, encoding: 'signed' });
  const node = b.reserve();
  assert.throws(() => b.type(node), BtfError);
  const pointer = b.add({ kind: 'ptr', type: node });
  b.define(node, { kind: 'struct', name: 'node', size: 8, members: [{ name: 'next', type: pointer, bitOffset: 0, bitSize: 0 }] });
  assert.equal(b.add({ type: node, kind: 'ptr' }), pointer);
  assert.equal(b.add({ kind: 'int', size: 4, name: 'int', encoding: 'signed', bits: 32 }), int);
  assert.notEqual(b.add({ kind: 'int', name: 'int', size: 4, bits: 32, encoding: 'unsigned' }), int);
  assert.equal(b.add({ kind: 'void' }), 0);
  const color = b.add({ kind: 'enum', name: 'color', size: 4, signed: false, values: [{ name: 'RED', value: 5n }] });
  assert.deepEqual(b.findEnumerator('RED'), { id: color, value: 5n });
  assert.equal(b.find('node', 'struct'), node);
  assert.equal(b.find('node', 'union'), undefined);
  assert.deepEqual(b.similar('nodee'), ['node']);
  assert.throws(() => b.define(node, { kind: 'ptr', type: 0 }), BtfError);
  assert.throws(() => b.type(99), BtfError);
  b.replace(color, { kind: 'enum', name: 'color', size: 4, signed: false, values: [{ name: 'BLUE', value: 1n }] });
  assert.equal(b.findEnumerator('RED'), undefined);
  assert.equal(b.findEnumerator('BLUE')?.value, 1n);
  assert.throws(() => b.replace(color, { kind: 'ptr', type: 0 }), BtfError);
});

toolTest('copies of kernel types keep their layout and stay small', { btf: true }, () => {
  const kernel = kernelBtf();
  const b = new BtfBuilder();
  const copier = new TypeCopier(kernel, b);
  for (const name of ['task_struct', 'sk_buff', 'file', 'bpf_attr', 'sockaddr_in6']) {
    const from = kernel.find(name, 'struct', 'union') ?? 0;
    const copy = copier.copy(from);
    assert.equal(copier.copy(from), copy);
    assert.equal(sizeOf(b, copy), sizeOf(kernel, from));
  }
  assert.ok(b.size < 6000, `${b.size} types`);
  assert.equal(b.find('mm_struct', 'struct'), undefined);
  assert.ok(b.find('mm_struct', 'fwd') !== undefined);
  assert.equal(new BtfReader(encodeBtf(b)).size, b.size);

  const whole = new BtfBuilder();
  new TypeCopier(kernel, whole, { behindPointers: 'full' }).copy(kernel.find('task_struct', 'struct') ?? 0);
  assert.ok(whole.find('super_block', 'struct') !== undefined);
  assert.equal(new BtfReader(encodeBtf(whole)).size, whole.size);
});

test('what BTF cannot hold is refused', () => {
  const b = new BtfBuilder();
  b.append({
    kind: 'enum',
    name: 'e',
    size: 4,
    signed: false,
    values: Array.from({ length: 70_000 }, (_, i) => ({ name: `v${i}`, value: BigInt(i) })),
  });
  assert.throws(
    () => encodeBtf(b),
    (e: BtfError) => e.code === 'limit',
  );
  const far = new BtfBuilder();
  far.append({ kind: 'struct', name: 's', size: 1 << 24, members: [{ name: 'x', type: 0, bitOffset: 1 << 25, bitSize: 1 }] });
  assert.throws(
    () => encodeBtf(far),
    (e: BtfError) => e.code === 'limit',
  );
  const unknown = new BtfBuilder();
  unknown.append({ kind: 'unknown', raw: 77 });
  assert.throws(
    () => encodeBtf(unknown),
    (e: BtfError) => e.code === 'unsupported',
  );
});
