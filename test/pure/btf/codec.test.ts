/** Codecs against bytes that clang made from C initialisers. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { type BtfInput, type BtfValue, codecOf, decodeBytes, encodeBytes, makeCodec } from '../../../src/btf/codec.ts';
import { columnReader, makeCursor } from '../../../src/btf/cursor.ts';
import { BtfError } from '../../../src/btf/error.ts';
import { BtfReader } from '../../../src/btf/read.ts';
import { describeType, type TypeSchema } from '../../../src/btf/schema.ts';
import { sizeOf } from '../../../src/btf/walk.ts';
import { ElfFile } from '../../../src/elf/read.ts';
import { CLANG, compileBpf, toolTest } from '../object/clang.ts';
import { btfOf, kernelBtf, numbers, RawBtf } from './support.ts';

const SOURCE = `
typedef unsigned char u8; typedef unsigned short u16; typedef unsigned int u32; typedef unsigned long long u64; typedef long long s64;
enum color { RED, GREEN = 70000, BLUE = -3 };
enum big { BIG = 0x123456789abcULL };
u8 v_u8 = 200; signed char v_s8 = -7; char v_char = 'x'; u16 v_u16 = 60000; short v_s16 = -2; u32 v_u32 = 4000000000u; int v_s32 = -5;
u64 v_u64 = 18446744073709551615ull; s64 v_s64 = -9007199254740993ll; __int128 v_wide = -(__int128)1 << 100;
_Bool v_bool = 1; enum color v_enum = BLUE; enum big v_big = BIG; double v_double = 1.5; float v_float = -0.25f;
void *v_null; char v_text[16] = "h\\xc3\\xa9llo"; char v_full[4] = "full"; char v_bad[4] = "a\\xff"; char v_lines[2][4] = { "one", "two" };
u8 v_bytes[3] = { 1, 2, 3 }; int v_matrix[2][3] = { { 1, 2, 3 }, { 4, 5, -6 } };
struct plain { char c; u64 n; const char name[5]; } v_plain = { 'a', 7, "bob" };
struct anon { int kind; union { struct { u16 lo, hi; }; u32 whole; }; u8 end; } v_anon = { 1, { .whole = 0x00020001 }, 9 };
struct bits { u32 a : 3; int b : 5; u32 : 6; u64 c : 33; _Bool d : 1; enum color e : 20; s64 f : 40; u8 g; } v_bits =
  { 5, -9, 0x1deadbeefull, 1, GREEN & 0xffff, -1234567890123ll >> 2, 77 };
union both { u32 n; u8 b[4]; } v_both = { 0x04030201 };
struct deep { struct plain list[2]; union both u; } v_deep = { { { 1, 2, "x" }, { 3, 4, "y" } }, { 6 } };
struct empty {} v_empty; struct __attribute__((packed)) tight { u8 a; u64 b; } v_tight = { 1, 2 };
`;

const WANT: Readonly<Record<string, BtfValue>> = {
  v_u8: 200,
  v_s8: -7,
  v_char: 120,
  v_u16: 60000,
  v_s16: -2,
  v_u32: 4000000000,
  v_s32: -5,
  v_u64: 18446744073709551615n,
  v_s64: -9007199254740993n,
  v_wide: -(1n << 100n),
  v_bool: true,
  v_enum: -3,
  v_big: 0x123456789abcn,
  v_double: 1.5,
  v_float: -0.25,
  v_null: 0n,
  v_text: 'héllo',
  v_full: 'full',
  v_bad: 'a�',
  v_lines: ['one', 'two'],
  v_bytes: [1, 2, 3],
  v_matrix: [
    [1, 2, 3],
    [4, 5, -6],
  ],
  v_plain: { c: 97, n: 7n, name: 'bob' },
  v_anon: { kind: 1, lo: 1, hi: 2, whole: 0x20001, end: 9 },
  v_bits: { a: 5, b: -9, c: 0x1deadbeefn, d: true, e: 70000 & 0xffff, f: -1234567890123n >> 2n, g: 77 },
  v_both: { n: 0x04030201, b: [1, 2, 3, 4] },
  v_deep: {
    list: [
      { c: 1, n: 2n, name: 'x' },
      { c: 3, n: 4n, name: 'y' },
    ],
    u: { n: 6, b: [6, 0, 0, 0] },
  },
  v_empty: {},
  v_tight: { a: 1, b: 2n },
};

interface Global {
  readonly type: number;
  readonly bytes: Uint8Array;
}

/** The initial bytes of all globals, found by symbol. */
function globalsOf(object: Uint8Array, btf: BtfReader): Map<string, Global> {
  const elf = new ElfFile(object);
  const result = new Map<string, Global>();
  for (const symbol of elf.symbols(elf.section('.symtab') ?? elf.sections[0])) {
    const id = btf.find(symbol.name, 'var');
    if (id === undefined) continue;
    const section = elf.sections[symbol.section];
    const size = sizeOf(btf, id);
    const data = section.name === '.bss' ? new Uint8Array(section.size) : elf.data(section);
    result.set(symbol.name, { type: id, bytes: data.slice(Number(symbol.value), Number(symbol.value) + size) });
  }
  return result;
}

toolTest('values are decoded as C initialised them, and encoded to the same bytes', { commands: [CLANG] }, () => {
  const object = compileBpf(SOURCE);
  const btf = btfOf(object);
  const globals = globalsOf(object, btf);
  assert.deepEqual([...globals.keys()].sort(), Object.keys(WANT).sort());
  for (const [name, { type, bytes }] of globals) {
    const codec = makeCodec(btf, type);
    const value = decodeBytes(codec, bytes);
    assert.deepEqual(value, WANT[name], name);
    // U+FFFD stands for bytes that are lost.
    if (name !== 'v_bad') assert.deepEqual(encodeBytes(codec, value as BtfInput), bytes, name);
  }
});

toolTest('options: numbers for 64 bits, bytes for text and unsigned char', { commands: [CLANG] }, () => {
  const object = compileBpf(SOURCE);
  const btf = btfOf(object);
  const globals = globalsOf(object, btf);
  const decode = (name: string, options: Parameters<typeof makeCodec>[2]): BtfValue => {
    const { type, bytes } = globals.get(name) as Global;
    return decodeBytes(makeCodec(btf, type, options), bytes);
  };
  assert.equal(decode('v_u64', { int64: 'number' }), 2 ** 64);
  assert.equal(decode('v_s64', { int64: 'number' }), -9007199254740992);
  assert.equal(decode('v_s64', { int64: 'safe' }), -9007199254740993n);
  assert.equal(decode('v_big', { int64: 'safe' }), 0x123456789abc);
  assert.deepEqual(decode('v_bits', { int64: 'number' }), {
    ...(WANT['v_bits'] as object),
    c: 0x1deadbeef,
    f: Number(-1234567890123n >> 2n),
  });
  assert.deepEqual(decode('v_text', { text: 'bytes' }), new Uint8Array([104, 0xc3, 0xa9, 108, 108, 111, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0]));
  assert.deepEqual(decode('v_bytes', { bytes: 'bytes' }), new Uint8Array([1, 2, 3]));
});

toolTest('encoding: zeros for what is left out, errors for what does not fit', { commands: [CLANG] }, () => {
  const btf = btfOf(compileBpf(SOURCE));
  const codec = (name: string) => makeCodec(btf, btf.find(name, 'var') ?? 0);
  const view = new DataView(new Uint8Array(64).fill(0xee).buffer);
  codec('v_anon').encode(view, 8, { hi: 3 });
  assert.deepEqual(
    new Uint8Array(view.buffer, 0, 24),
    new Uint8Array([...Array(8).fill(0xee), 0, 0, 0, 0, 0, 0, 3, 0, 0, 0, 0, 0, ...Array(4).fill(0xee)]),
  );
  assert.deepEqual(encodeBytes(codec('v_enum'), 'GREEN'), new Uint8Array([0x70, 0x11, 1, 0]));
  assert.deepEqual(encodeBytes(codec('v_u32'), BigInt.asUintN(32, -1n)), new Uint8Array([255, 255, 255, 255]));
  assert.deepEqual(encodeBytes(codec('v_u64'), 5), encodeBytes(codec('v_u64'), 5n));
  assert.deepEqual(encodeBytes(codec('v_text'), new Uint8Array([1, 2])).subarray(0, 3), new Uint8Array([1, 2, 0]));
  const wrong: readonly (readonly [string, unknown, RegExp])[] = [
    ['v_u8', 256, /256 does not fit/],
    ['v_u8', -129, /does not fit/],
    ['v_u8', 1.5, /does not fit/],
    ['v_u8', Number.NaN, /NaN/],
    ['v_u64', 2n ** 64n, /does not fit/],
    ['v_u64', 'x', /'x' does not fit/],
    ['v_bool', 2, /bool/],
    ['v_enum', 'PINK', /'PINK' does not fit.*enum color/],
    ['v_full', 'fuller', /does not fit.*char\[4\]/],
    ['v_bytes', [1, 2, 3, 4], /array of 3/],
    ['v_bytes', 'abc', /does not fit/],
    ['v_plain', { nmae: 1 }, /struct plain has no member 'nmae'/],
    ['v_plain', 5, /does not fit/],
    ['v_plain', null, /null does not fit/],
    ['v_bits', { a: 8 }, /'a': .*:3/],
    ['v_deep', { list: [{ c: 'x' }] }, /'list\[\]\.c'/],
  ];
  for (const [name, value, message] of wrong) {
    assert.throws(
      () => encodeBytes(codec(name), value as BtfInput),
      (e: unknown) => e instanceof BtfError && e.code === 'value' && message.test(e.message),
      name,
    );
  }
});

toolTest('kernel structs of any kind: random bytes survive decoding and encoding', { btf: true }, () => {
  const btf = kernelBtf();
  const next = numbers(7);
  let records = 0;
  let ids = 0;
  for (const id of btf.ids('struct', 'union')) {
    if (++ids % 7 !== 0) continue;
    const codec = makeCodec(btf, id, { text: 'bytes' });
    if (codec.size > 20_000) continue;
    // In a union with two bools over other members, only bytes that both can hold survive.
    const bytes = Uint8Array.from({ length: codec.size }, () => next(records % 2 === 0 ? 2 : 256));
    if (records % 2 === 1 && holdsBool(codec.schema)) continue;
    const value = decodeBytes(codec, bytes);
    const encoded = encodeBytes(codec, value as BtfInput);
    // Padding is lost and bool is 0 or 1; what remains is the same value.
    assert.deepEqual(decodeBytes(codec, encoded), value, `type ${id}`);
    records++;
  }
  assert.ok(records > 1000, `${records} records`);
});

function holdsBool(schema: TypeSchema): boolean {
  if (schema.kind === 'array') return holdsBool(schema.element);
  return schema.kind === 'bool' || (schema.kind === 'record' && schema.members.some((m) => holdsBool(m.type)));
}

test('of the members of a union, those that may lose something are written first', () => {
  const u8 = { kind: 'int', name: 'u8', size: 1, signed: false, js: 'number' } as const;
  const members = [
    { name: 'raw', offset: 0, type: { kind: 'array', size: 4, length: 4, element: u8 } as const },
    { name: 'text', offset: 0, type: { kind: 'text', size: 4 } as const },
    { name: 'flags', offset: 0, type: { kind: 'array', size: 4, length: 4, element: { kind: 'bool', size: 1 } } as const },
  ];
  const codec = codecOf({ kind: 'record', tag: 'union', name: 'u', size: 4, members });
  const bytes = new Uint8Array([200, 0, 7, 255]);
  assert.deepEqual(encodeBytes(codec, decodeBytes(codec, bytes) as BtfInput), bytes);
});

toolTest('cursors and columns read the same as objects', { commands: [CLANG] }, () => {
  const object =
    compileBpf(`struct e { unsigned int pid; long long ns; char comm[8]; short s; double d; _Bool b; unsigned long p; } all[3] =
    { { 1, -5, "a", -1, 0.5, 1, ~0ul }, { 2, 1ll << 60, "b", 2, 2, 0, 3 }, { 4000000000u, 7, "cc", 3, -1, 1, 0 } };`);
  const btf = btfOf(object);
  const id = btf.find('e', 'struct') ?? 0;
  const { bytes } = globalsOf(object, btf).get('all') as Global;
  const view = new DataView(bytes.buffer, bytes.byteOffset);
  const codec = makeCodec(btf, id);
  const schema = describeType(btf, id);
  assert.ok(schema.kind === 'record');
  const cursor = makeCursor<{ pid: number; ns: bigint; comm: string }>(schema);
  for (let i = 0; i < 3; i++) {
    const at = cursor.move(view, i * codec.size);
    const want = codec.decode(view, i * codec.size) as { pid: number; ns: bigint; comm: string };
    assert.deepEqual([at.pid, at.ns, at.comm], [want.pid, want.ns, want.comm]);
    assert.deepEqual(at.toObject(), want);
  }
  for (const member of schema.members) {
    const column = columnReader(member.type, member.offset)?.read(view, 0, codec.size, 3);
    const want = [0, 1, 2].map((i) => (codec.decode(view, i * codec.size) as Record<string, BtfValue>)[member.name]);
    if (member.name === 'comm') assert.equal(column, undefined);
    else
      assert.deepEqual(
        [...(column ?? [])].map((v) => (member.name === 'b' ? v === 1 : v)),
        want,
        member.name,
      );
  }
});

test('integers are written only where the type holds them: nothing becomes another number', () => {
  const cases: readonly (readonly [size: number, bits: number, signed: boolean])[] = [
    [1, 8, true],
    [1, 8, false],
    [1, 5, true],
    [1, 3, false],
    [2, 16, true],
    [2, 16, false],
    [4, 32, true],
    [4, 32, false],
    [8, 64, true],
    [8, 64, false],
    [8, 40, true],
    [16, 128, true],
    [16, 128, false],
  ];
  for (const [size, bits, signed] of cases) {
    const name = `${signed ? 's' : 'u'}${size * 8}`;
    const type = { kind: 'int', name, size, signed, js: size < 8 ? 'number' : 'bigint' } as const;
    const member = { name: 'm', offset: 0, type, ...(bits === size * 8 ? {} : { bits: { shift: 0, width: bits } }) };
    const codec = codecOf({ kind: 'record', tag: 'struct', name: 's', size, members: [member] });
    const low = signed ? -(2n ** BigInt(bits - 1)) : 0n;
    const high = 2n ** BigInt(signed ? bits - 1 : bits) - 1n;
    const back = (m: BtfInput): unknown => (decodeBytes(codec, encodeBytes(codec, { m })) as { m: number | bigint }).m;
    for (const value of [low, high, 0n]) {
      assert.equal(BigInt(back(value) as number), value, `${name}:${bits}`);
      if (bits <= 40) assert.equal(Number(back(Number(value))), Number(value), `${name}:${bits}`);
    }
    for (const value of [low - 1n, high + 1n]) {
      const message = `${value} does not fit 'm': ${name}${'bits' in member ? `:${bits}` : ''} (${low} to ${high})`;
      assert.throws(() => back(value), { name: 'BtfError', message });
      if (bits <= 40) assert.throws(() => back(Number(value)), { name: 'BtfError', message });
    }
    if (bits >= 64) {
      assert.equal(BigInt(back(2 ** 53 - 1) as bigint), 2n ** 53n - 1n);
      for (const value of [2 ** 53, 2 ** 53 + 2, 2 ** 60]) assert.throws(() => back(value), /is not exact, for 'm': .*as bigint/);
    }
  }
  const bytes = codecOf({ kind: 'bytes', size: 3 });
  for (const value of [[256], [-1], [0.5], ['x']]) assert.throws(() => encodeBytes(bytes, value as BtfInput), /0 to 255 each/);
});

test('records of every length are made with all their members', () => {
  for (const count of [0, 1, 7, 8, 9, 31, 32, 33, 100]) {
    const members = Array.from({ length: count }, (_, i) => ({
      name: `m${i}`,
      offset: i,
      type: { kind: 'int', name: 'u8', size: 1, signed: false, js: 'number' } as const,
    }));
    const codec = codecOf({ kind: 'record', tag: 'struct', name: 's', size: count, members });
    const bytes = Uint8Array.from({ length: count }, (_, i) => i);
    assert.deepEqual(decodeBytes(codec, bytes), Object.fromEntries(members.map((m, i) => [m.name, i])));
  }
});

test('a member called __proto__ stays a member', () => {
  const raw = new RawBtf().type('int', 1, 0, 4, 32).type('s', 4, 1, 4);
  raw.words.push(raw.name('__proto__'), 1, 0);
  const value = decodeBytes(makeCodec(new BtfReader(raw.bytes()), 2), new Uint8Array([5, 0, 0, 0])) as object;
  assert.ok(Object.hasOwn(value, '__proto__'));
  assert.equal(Object.getPrototypeOf(value), Object.prototype);
});

test('types without values, or with too many, are refused when the codec is made', () => {
  const raw = new RawBtf()
    .type('int', 1, 0, 4, 32)
    .type('', 3, 0, 0, 1, 1, 0xffffffff)
    .type('f', 7, 0, 0)
    .type('self', 4, 1, 4, 0, 4, 0)
    .type('outside', 4, 1, 4, 0, 1, 8)
    .type('none', 4, 0, 0)
    .type('', 3, 0, 0, 6, 1, 0xffffffff);
  const btf = new BtfReader(raw.bytes());
  for (const id of [2, 3, 4, 5, 7]) assert.throws(() => makeCodec(btf, id), BtfError, String(id));
  assert.deepEqual(decodeBytes(makeCodec(btf, 6), new Uint8Array(0)), {});

  // Each struct holds the next one twice, at the same place so that the size does not give it away.
  const doubling = new RawBtf().type('int', 1, 0, 4, 32);
  for (let i = 0; i < 40; i++) {
    doubling.type(`u${i}`, 5, 2, 4);
    doubling.words.push(doubling.name('a'), i + 1, 0, doubling.name('b'), i + 1, 0);
  }
  const deep = new BtfReader(doubling.bytes());
  assert.doesNotThrow(() => makeCodec(deep, 10));
  assert.throws(
    () => makeCodec(deep, 41),
    (e: BtfError) => e.code === 'limit',
  );
});
