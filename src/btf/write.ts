/**
 * BTF to bytes.
 *
 * Given: any `BtfSource`; ids stay as they are. Promised: a blob that the kernel, libbpf and bpftool take, the same
 * for the same types. What line info, CO-RE and `.BTF.ext` name besides goes into the same string table, so it is
 * asked for through the image before the bytes are taken.
 */
import { BtfError } from './error.ts';
import {
  BTF_MAGIC,
  BTF_VERSION,
  HEADER_SIZE,
  INT_BOOL,
  INT_CHAR,
  INT_SIGNED,
  LINKAGES,
  MAX_NAME_OFFSET,
  MAX_TYPE_ID,
  MAX_VLEN,
  RAW_KIND,
} from './format.ts';
import type { BtfMember, BtfSource, BtfType } from './types.ts';

export { BtfBuilder } from './builder.ts';

const toUtf8 = new TextEncoder();

/** Strings by offset, each once. Offset 0 is the empty string. */
class StringPool {
  readonly #offsets = new Map<string, number>([['', 0]]);
  readonly #parts: Uint8Array[] = [];
  #size = 1;

  add(text: string): number {
    const known = this.#offsets.get(text);
    if (known !== undefined) return known;
    if (text.includes('\0')) throw new BtfError('value', `the name '${text}' contains a NUL`);
    const offset = this.#size;
    if (offset > MAX_NAME_OFFSET) throw new BtfError('limit', 'more names than BTF can hold');
    const bytes = toUtf8.encode(text);
    this.#offsets.set(text, offset);
    this.#parts.push(bytes);
    this.#size += bytes.length + 1;
    return offset;
  }

  get size(): number {
    return this.#size;
  }

  writeTo(target: Uint8Array, at: number): void {
    let to = at + 1;
    for (const part of this.#parts) {
      target.set(part, to);
      to += part.length + 1;
    }
  }
}

export class BtfImage {
  readonly #strings = new StringPool();
  readonly #types: Uint32Array;

  constructor(source: BtfSource) {
    if (source.size - 1 > MAX_TYPE_ID) throw new BtfError('limit', `more than ${MAX_TYPE_ID} types`);
    const words: number[] = [];
    const name = (text: string): number => this.#strings.add(text);
    for (let id = 1; id < source.size; id++) encodeType(source.type(id), id, words, name);
    this.#types = Uint32Array.from(words);
  }

  /** The offset of a text in the string table; added if it is not there. */
  string(text: string): number {
    return this.#strings.add(text);
  }

  bytes(): Uint8Array {
    const types = this.#types.byteLength;
    const bytes = new Uint8Array(HEADER_SIZE + types + this.#strings.size);
    const view = new DataView(bytes.buffer);
    view.setUint16(0, BTF_MAGIC, true);
    view.setUint8(2, BTF_VERSION);
    view.setUint32(4, HEADER_SIZE, true);
    view.setUint32(12, types, true);
    view.setUint32(16, types, true);
    view.setUint32(20, this.#strings.size, true);
    bytes.set(new Uint8Array(this.#types.buffer), HEADER_SIZE);
    this.#strings.writeTo(bytes, HEADER_SIZE + types);
    return bytes;
  }
}

export function encodeBtf(source: BtfSource): Uint8Array {
  return new BtfImage(source).bytes();
}

function encodeType(type: BtfType, id: number, out: number[], name: (text: string) => number): void {
  const head = (text: string, vlen: number, flag: boolean, third: number): void => {
    if (vlen > MAX_VLEN) throw new BtfError('limit', `${vlen} elements in one type`, id);
    const kind = RAW_KIND.get(type.kind) ?? 0;
    out.push(name(text), ((flag ? 0x80000000 : 0) | (kind << 24) | vlen) >>> 0, third);
  };
  switch (type.kind) {
    case 'void':
      throw new BtfError('badType', 'void has no encoding of its own: it is id 0', id);
    case 'unknown':
      throw new BtfError('unsupported', `kind ${type.raw} is unknown here and cannot be written`, id);
    case 'int': {
      const encoding = { unsigned: 0, signed: INT_SIGNED, char: INT_CHAR, bool: INT_BOOL }[type.encoding];
      head(type.name, 0, false, type.size);
      out.push((encoding << 24) | type.bits);
      break;
    }
    case 'ptr':
    case 'const':
    case 'volatile':
    case 'restrict':
      head('', 0, false, type.type);
      break;
    case 'typedef':
      head(type.name, 0, false, type.type);
      break;
    case 'typeTag':
      head(type.name, 0, type.attribute === true, type.type);
      break;
    case 'array':
      head('', 0, false, 0);
      out.push(type.element, type.index, type.length);
      break;
    case 'struct':
    case 'union': {
      const bitFields = type.members.some((m) => m.bitSize > 0);
      head(type.name, type.members.length, bitFields, type.size);
      for (const m of type.members) out.push(name(m.name), m.type, memberOffset(m, bitFields, id));
      break;
    }
    case 'enum':
      head(type.name, type.values.length, type.signed, type.size);
      for (const v of type.values) out.push(name(v.name), Number(BigInt.asUintN(32, v.value)));
      break;
    case 'enum64':
      head(type.name, type.values.length, type.signed, type.size);
      for (const v of type.values) {
        out.push(name(v.name), Number(BigInt.asUintN(32, v.value)), Number(BigInt.asUintN(32, v.value >> 32n)));
      }
      break;
    case 'fwd':
      head(type.name, 0, type.union, 0);
      break;
    case 'funcProto':
      head('', type.params.length + (type.variadic ? 1 : 0), false, type.returns);
      for (const p of type.params) out.push(name(p.name), p.type);
      if (type.variadic) out.push(0, 0);
      break;
    case 'func':
      head(type.name, LINKAGES.indexOf(type.linkage), false, type.type);
      break;
    case 'var':
      head(type.name, 0, false, type.type);
      out.push(LINKAGES.indexOf(type.linkage));
      break;
    case 'datasec':
      head(type.name, type.entries.length, false, type.size);
      for (const e of type.entries) out.push(e.type, e.offset, e.size);
      break;
    case 'float':
      head(type.name, 0, false, type.size);
      break;
    case 'declTag':
      head(type.name, 0, type.attribute === true, type.type);
      out.push(type.component >>> 0);
      break;
    default:
      void (type satisfies never);
  }
}

/** With bit-fields in a record, widths share the word with offsets. */
function memberOffset(member: BtfMember, bitFields: boolean, id: number): number {
  if (!bitFields) return member.bitOffset;
  if (member.bitOffset > 0xffffff || member.bitSize > 0xff) {
    throw new BtfError('limit', `member '${member.name}' lies too far from the start of a record with bit-fields`, id);
  }
  return ((member.bitSize << 24) | member.bitOffset) >>> 0;
}
