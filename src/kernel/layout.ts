/**
 * C structs of the kernel's ABI as data: encoded and decoded from one descriptor.
 *
 *   const MAP_GET_NEXT_ID = { start_id: 'u32', next_id: 'u32' } as const;
 *   encode(layoutOf(MAP_GET_NEXT_ID), { start_id: 7 }, kernel)   ─▶ 07 00 00 00 00 00 00 00
 *
 * Members lie where C puts them (natural alignment, in the order of the descriptor), so a descriptor is the struct's
 * declaration and nothing else; a test compares every offset with the kernel's own BTF and with what gcc says.
 * A union is one descriptor per use.
 */

/** `ptr` takes a buffer (its address is written) or a raw address; `name` is `char[16]`; `tag` is `u8[8]`. */
export type FieldType = 'u8' | 'u16' | 'u32' | 's32' | 'u64' | 'ptr' | 'name' | 'tag';
export type Fields = Readonly<Record<string, FieldType>>;

type InputOf<F extends FieldType> = F extends 'u64'
  ? number | bigint
  : F extends 'ptr'
    ? Uint8Array | bigint | number
    : F extends 'name'
      ? string
      : F extends 'tag'
        ? Uint8Array
        : number;
type OutputOf<F extends FieldType> = F extends 'u64' | 'ptr' ? bigint : F extends 'name' ? string : F extends 'tag' ? Uint8Array : number;

/** What is not given is zero. */
export type Input<F extends Fields> = { readonly [K in keyof F]?: InputOf<F[K]> };
export type Output<F extends Fields> = { readonly [K in keyof F]: OutputOf<F[K]> };

export interface Member {
  readonly name: string;
  readonly type: FieldType;
  readonly offset: number;
  readonly size: number;
}

export interface Layout<F extends Fields> {
  readonly fields: F;
  readonly members: readonly Member[];
  /** sizeof, padded to the struct's alignment. */
  readonly size: number;
}

/** Turns a buffer into the address that the kernel is to see. */
export interface AddressSource {
  addressOf(buffer: Uint8Array): bigint;
}

// biome-ignore format: a table
const SIZE: Readonly<Record<FieldType, readonly [size: number, align: number]>> = {
  u8: [1, 1], u16: [2, 2], u32: [4, 4], s32: [4, 4], u64: [8, 8], ptr: [8, 8], name: [16, 1], tag: [8, 1],
};

const layouts = new WeakMap<Fields, Layout<Fields>>();

export function layoutOf<F extends Fields>(fields: F): Layout<F> {
  const known = layouts.get(fields);
  if (known !== undefined) return known as Layout<Fields> as Layout<F>;
  const members: Member[] = [];
  let end = 0;
  let alignment = 1;
  for (const [name, type] of Object.entries(fields)) {
    const [size, align] = SIZE[type];
    const offset = Math.ceil(end / align) * align;
    members.push({ name, type, offset, size });
    end = offset + size;
    if (align > alignment) alignment = align;
  }
  const layout: Layout<F> = { fields, members, size: Math.ceil(end / alignment) * alignment };
  layouts.set(fields, layout);
  return layout;
}

// biome-ignore format: a table
const RANGE: Readonly<Partial<Record<FieldType, readonly [low: number | bigint, high: number | bigint]>>> = {
  u8: [0, 0xff], u16: [0, 0xffff], u32: [0, 0xffff_ffff], s32: [-0x8000_0000, 0x7fff_ffff],
  u64: [0, 0xffff_ffff_ffff_ffffn], ptr: [0, 0xffff_ffff_ffff_ffffn],
};

function within(value: number | bigint | string, [low, high]: readonly [number | bigint, number | bigint]): boolean {
  if (typeof value === 'string' || (typeof value === 'number' && !Number.isSafeInteger(value))) return false;
  return value >= low && value <= high;
}

const textEncoder = new TextEncoder();
const textDecoder = new TextDecoder();

export function encode<F extends Fields>(layout: Layout<F>, values: Input<F>, addresses: AddressSource): Uint8Array {
  const bytes = new Uint8Array(layout.size);
  const view = new DataView(bytes.buffer);
  const given: Readonly<Record<string, number | bigint | string | Uint8Array | undefined>> = values;
  for (const member of layout.members) {
    const value = given[member.name];
    if (value !== undefined) store(view, bytes, member, value, addresses);
  }
  return bytes;
}

function store(
  view: DataView,
  bytes: Uint8Array,
  member: Member,
  value: number | bigint | string | Uint8Array,
  addresses: AddressSource,
): void {
  const { type, offset, size } = member;
  const range = RANGE[type];
  // What does not fit would become another number: another descriptor, other entries, and no error.
  if (range !== undefined && !(value instanceof Uint8Array) && !within(value, range))
    throw new RangeError(`${member.name}: ${String(value)} is no ${type === 'ptr' ? 'address' : type}`);
  switch (type) {
    case 'u8':
      view.setUint8(offset, Number(value));
      return;
    case 'u16':
      view.setUint16(offset, Number(value), true);
      return;
    case 'u32':
    case 's32':
      view.setUint32(offset, Number(value), true);
      return;
    case 'u64':
      view.setBigUint64(offset, BigInt(value as number | bigint), true);
      return;
    case 'ptr':
      view.setBigUint64(offset, value instanceof Uint8Array ? (value.length === 0 ? 0n : addresses.addressOf(value)) : BigInt(value), true);
      return;
    case 'name': {
      // The kernel wants a terminator inside the 16 bytes.
      bytes.set(textEncoder.encode(String(value)).subarray(0, size - 1), offset);
      return;
    }
    case 'tag':
      bytes.set((value as Uint8Array).subarray(0, size), offset);
      return;
    default:
      void (type satisfies never);
  }
}

/** Reads a struct; members beyond the end of `bytes` (an older kernel wrote less) are zero. */
export function decode<F extends Fields>(layout: Layout<F>, bytes: Uint8Array): Output<F> {
  let from = bytes;
  if (bytes.length < layout.size) {
    from = new Uint8Array(layout.size);
    from.set(bytes);
  }
  const view = new DataView(from.buffer, from.byteOffset, from.byteLength);
  const out: Record<string, number | bigint | string | Uint8Array> = {};
  for (const member of layout.members) out[member.name] = load(view, from, member);
  return out as Output<F>;
}

function load(view: DataView, bytes: Uint8Array, member: Member): number | bigint | string | Uint8Array {
  const { type, offset, size } = member;
  switch (type) {
    case 'u8':
      return view.getUint8(offset);
    case 'u16':
      return view.getUint16(offset, true);
    case 'u32':
      return view.getUint32(offset, true);
    case 's32':
      return view.getInt32(offset, true);
    case 'u64':
    case 'ptr':
      return view.getBigUint64(offset, true);
    case 'name': {
      let end = offset;
      while (end < offset + size && bytes[end] !== 0) end++;
      return textDecoder.decode(bytes.subarray(offset, end));
    }
    case 'tag':
      return bytes.slice(offset, offset + size);
    default:
      return type satisfies never;
  }
}

/** Offset of a member, for the few who patch or read one field in place. */
export function offsetOf<F extends Fields>(layout: Layout<F>, name: keyof F & string): number {
  const member = layout.members.find((m) => m.name === name);
  if (member === undefined) throw new RangeError(`no member ${name}`);
  return member.offset;
}
