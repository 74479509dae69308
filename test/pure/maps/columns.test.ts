/** Columns hold what the decoders give, value for value, of every kind of member, in portions of any size. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { BtfBuilder } from '../../../src/btf/builder.ts';
import { type BtfRecord, type BtfValue, makeCodec, type SchemaOptions } from '../../../src/btf/codec.ts';
import { type Column, columnBuilder } from '../../../src/maps/columns.ts';

const btf = new BtfBuilder();
const int = (name: string, size: number, encoding: 'signed' | 'unsigned' | 'bool') =>
  btf.add({ kind: 'int', name, size, bits: size * 8, encoding });
const u8 = int('u8', 1, 'unsigned');
const s16 = int('s16', 2, 'signed');
const u32 = int('u32', 4, 'unsigned');
const s32 = int('s32', 4, 'signed');
const u64 = int('u64', 8, 'unsigned');
const s64 = int('s64', 8, 'signed');
const bool = int('_Bool', 1, 'bool');
const char = btf.add({ kind: 'int', name: 'char', size: 1, bits: 8, encoding: 'signed' });
const name = btf.add({ kind: 'array', element: char, index: u32, length: 5 });
const list = btf.add({ kind: 'array', element: u32, index: u32, length: 2 });
const double = btf.add({ kind: 'float', name: 'double', size: 8 });
const pointer = btf.add({ kind: 'ptr', type: 0 });
const inner = btf.add({
  kind: 'struct',
  name: 'inner',
  size: 12,
  members: [
    { name: 'a', type: u32, bitOffset: 0, bitSize: 0 },
    // Packed: not where its size asks for it.
    { name: 'b', type: u64, bitOffset: 32, bitSize: 0 },
  ],
});

const MEMBERS: readonly (readonly [string, number, number, number?])[] = [
  ['u8', u8, 0],
  ['s16', s16, 1],
  ['u32', u32, 4],
  ['s32', s32, 8],
  ['bool', bool, 12],
  ['low', u32, 16, 5],
  ['u64', u64, 24],
  ['s64', s64, 32],
  ['name', name, 40],
  ['list', list, 48],
  ['double', double, 56],
  ['pointer', pointer, 64],
  ['inner', inner, 72],
];
const SIZE = 84;
const record = btf.add({
  kind: 'struct',
  name: 'all',
  size: SIZE,
  members: MEMBERS.map(([member, type, at, bits = 0]) => ({ name: member, type, bitOffset: at * 8, bitSize: bits })),
});

function at(column: Column, i: number): unknown {
  if (Array.isArray(column) || ArrayBuffer.isView(column)) return (column as readonly unknown[])[i];
  return Object.fromEntries(Object.entries(column as { readonly [member: string]: Column }).map(([key, inside]) => [key, at(inside, i)]));
}

/** Booleans are 0 and 1 in a typed array. */
function plain(value: BtfValue): unknown {
  if (typeof value === 'boolean') return Number(value);
  if (typeof value !== 'object' || Array.isArray(value) || value instanceof Uint8Array) return value;
  return Object.fromEntries(Object.entries(value as BtfRecord).map(([key, inside]) => [key, plain(inside)]));
}

for (const options of [{}, { int64: 'number' }] as const satisfies readonly SchemaOptions[]) {
  test(`a struct with everything, in portions (${JSON.stringify(options)})`, () => {
    const codec = makeCodec(btf, record, options);
    const count = 300;
    // Some bytes in front, so that nothing lies where it would by chance.
    const bytes = new Uint8Array(3 + count * SIZE);
    let seed = 12345;
    for (let i = 0; i < bytes.length; i++) {
      seed = (Math.imul(seed, 1103515245) + 12345) >>> 0;
      bytes[i] = seed >>> 24;
    }
    // A bool that is neither 0 nor 1 is not something that C makes.
    for (let i = 0; i < count; i++) bytes[3 + i * SIZE + 12] = i & 1;
    const view = new DataView(bytes.buffer, 3);
    const builder = columnBuilder(codec.schema);
    for (let done = 0, portion = 1; done < count; done += portion, portion = Math.min(portion * 3, count - done))
      builder.add(view, done * SIZE, SIZE, Math.min(portion, count - done));
    const column = builder.finish();
    for (let i = 0; i < count; i++) assert.deepEqual(at(column, i), plain(codec.decode(view, i * SIZE)), `entry ${i}`);
  });
}

test('plain numbers are typed arrays of their kind', () => {
  for (const [type, Class] of [
    [u8, Uint8Array],
    [s16, Int16Array],
    [u32, Uint32Array],
    [s32, Int32Array],
    [u64, BigUint64Array],
    [s64, BigInt64Array],
  ] as const) {
    const codec = makeCodec(btf, type);
    const bytes = Uint8Array.from({ length: 40 * codec.size }, (_, i) => i * 37);
    const view = new DataView(bytes.buffer);
    const builder = columnBuilder(codec.schema);
    builder.add(view, 0, codec.size, 25);
    builder.add(view, 25 * codec.size, codec.size, 15);
    const column = builder.finish();
    assert.ok(column instanceof Class);
    assert.equal(column.length, 40);
    for (let i = 0; i < 40; i++) assert.equal(column[i], codec.decode(view, i * codec.size));
  }
  assert.equal((columnBuilder(makeCodec(btf, u64).schema).finish() as BigUint64Array).length, 0);
});
