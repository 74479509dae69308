/**
 * Codecs: values of a BTF type between bytes and JavaScript.
 *
 * Given: a type id (or the schema made from it). Promised: a decoder and an encoder that agree with the C layout.
 *
 *   int up to 32 bits, enum, float   number          char[N]                  string (UTF-8, up to NUL)
 *   64 and 128 bits                  bigint          T[N]                     array
 *   bool                             boolean         struct, union            object, anonymous members flattened
 *   pointer                          bigint
 *
 * A codec is a tree of closures made once; decoding does no look-ups in types. Records have all members in
 * declaration order, unions every view of the same bytes.
 *
 * Encoding writes every byte of the type, padding as zero, and takes what decoding gives. Members that are left out
 * are zero (in `{}` all are), a member that does not exist is an error, and so is another object without any of them.
 * Enumerators may be given by name. Of a union only one member needs to be given; of several, the last in declaration
 * order wins, but texts and bools, which do not tell all of their bytes, give way to the others.
 */
import {
  bitsReader,
  bitsWriter,
  type Decoder,
  doesNotFit,
  type Encoder,
  intReader,
  intWriter,
  textReader,
  textWriter,
} from './codec-scalars.ts';
import { BtfError } from './error.ts';
import { makeRecordReader } from './record-sites.ts';
import { describeType, type EnumSchema, type MemberSchema, type RecordSchema, type SchemaOptions, type TypeSchema } from './schema.ts';
import type { BtfSource } from './types.ts';

export type { SchemaOptions, TypeSchema } from './schema.ts';
export { describeType } from './schema.ts';

export type BtfValue = number | bigint | boolean | string | Uint8Array | undefined | BtfValue[] | BtfRecord;
export interface BtfRecord {
  [member: string]: BtfValue;
}

/** What encoding takes: values as decoding gives them, and what can stand for them. */
export type BtfInput =
  | number
  | bigint
  | boolean
  | string
  | Uint8Array
  | undefined
  | readonly BtfInput[]
  | { readonly [member: string]: BtfInput };

export interface Codec {
  readonly schema: TypeSchema;
  /** Bytes. */
  readonly size: number;
  readonly decode: Decoder<BtfValue>;
  /** Writes all `size` bytes. Throws `BtfError` ('value') and may have written part of them. */
  readonly encode: Encoder<BtfInput>;
}

export function makeCodec(source: BtfSource, id: number, options: SchemaOptions = {}): Codec {
  return codecOf(describeType(source, id, options));
}

export function codecOf(schema: TypeSchema): Codec {
  const write = writerOf(schema, '');
  return {
    schema,
    size: schema.size,
    decode: readerOf(schema),
    encode: (view, offset, value) => {
      new Uint8Array(view.buffer, view.byteOffset + offset, schema.size).fill(0);
      write(view, offset, value);
    },
  };
}

/** Decodes a value that stands alone. */
export function decodeBytes(codec: Codec, bytes: Uint8Array): BtfValue {
  return codec.decode(new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength), 0);
}

/** Encodes into bytes of their own. */
export function encodeBytes(codec: Codec, value: BtfInput): Uint8Array {
  const bytes = new Uint8Array(codec.size);
  codec.encode(new DataView(bytes.buffer), 0, value);
  return bytes;
}

// ---- decoding

export function readerOf(schema: TypeSchema): Decoder<BtfValue> {
  switch (schema.kind) {
    case 'void':
      return () => undefined;
    case 'int':
    case 'enum':
      return intReader(schema.size, schema.signed, schema.js);
    case 'bool': {
      const read = intReader(schema.size, false, 'number');
      return (view, offset) => Boolean(read(view, offset));
    }
    case 'float':
      return schema.size === 4 ? (view, offset) => view.getFloat32(offset, true) : (view, offset) => view.getFloat64(offset, true);
    case 'pointer':
      return (view, offset) => view.getBigUint64(offset, true);
    case 'text':
      return textReader(schema.size);
    case 'bytes': {
      const { size } = schema;
      return (view, offset) => new Uint8Array(view.buffer, view.byteOffset + offset, size).slice();
    }
    case 'array': {
      const { length } = schema;
      const step = schema.element.size;
      const read = readerOf(schema.element);
      return (view, offset) => {
        const result = new Array<BtfValue>(length);
        for (let i = 0; i < length; i++) result[i] = read(view, offset + i * step);
        return result;
      };
    }
    case 'record':
      return recordReader(schema);
    default:
      return schema satisfies never;
  }
}

/** Reads one member, from the start of its record. */
export function memberReader(member: MemberSchema): Decoder<BtfValue> {
  const { offset: at, type, bits } = member;
  const read = bits === undefined ? readerOf(type) : bitFieldReader(type, bits);
  return at === 0 ? read : (view, offset) => read(view, offset + at);
}

function bitFieldReader(type: TypeSchema, bits: { readonly shift: number; readonly width: number }): Decoder<BtfValue> {
  switch (type.kind) {
    case 'int':
    case 'enum':
      return bitsReader(bits.shift, bits.width, type.signed, type.js);
    case 'bool': {
      const read = bitsReader(bits.shift, bits.width, false, 'number');
      return (view, offset) => Boolean(read(view, offset));
    }
    default:
      throw new BtfError('badType', `a bit-field of kind ${type.kind}`);
  }
}

function recordReader(schema: RecordSchema): Decoder<BtfRecord> {
  const names = schema.members.map((m) => m.name);
  const readers = schema.members.map(memberReader);
  // Only a hostile type has such a member; as an ordinary assignment it would change the prototype.
  if (names.includes('__proto__')) {
    return (view, offset) => Object.fromEntries(names.map((name, i) => [name, readers[i](view, offset)]));
  }
  return makeRecordReader(names, readers);
}

// ---- encoding

function writerOf(schema: TypeSchema, path: string): Encoder<BtfInput> {
  const what = `${path === '' ? 'the value' : `'${path}'`}: ${nameOf(schema)}`;
  switch (schema.kind) {
    case 'void':
      return (_view, _offset, value) => {
        if (value !== undefined) throw doesNotFit(value, what);
      };
    case 'int':
      return intWriter(schema.size, schema.signed, what);
    case 'enum': {
      const write = intWriter(schema.size, schema.signed, what);
      return (view, offset, value) => write(view, offset, enumerator(schema, value, what));
    }
    case 'bool': {
      const write = intWriter(schema.size, false, what);
      return (view, offset, value) => write(view, offset, truth(value, what));
    }
    case 'float':
      return (view, offset, value) => {
        if (typeof value !== 'number') throw doesNotFit(value, what);
        if (schema.size === 4) view.setFloat32(offset, value, true);
        else view.setFloat64(offset, value, true);
      };
    case 'pointer':
      return intWriter(8, false, what);
    case 'text':
      return textWriter(schema.size, what);
    case 'bytes':
      return bytesWriter(schema.size, what);
    case 'array': {
      const write = writerOf(schema.element, `${path}[]`);
      const step = schema.element.size;
      const { length } = schema;
      return (view, offset, value) => {
        const list = value instanceof Uint8Array || Array.isArray(value) ? value : undefined;
        if (list === undefined || list.length > length) throw doesNotFit(value, what);
        for (let i = 0; i < list.length; i++) write(view, offset + i * step, list[i]);
      };
    }
    case 'record':
      return recordWriter(schema, path, what);
    default:
      return schema satisfies never;
  }
}

function recordWriter(schema: RecordSchema, path: string, what: string): Encoder<BtfInput> {
  const ordered = [...schema.members.filter((m) => isLossy(m.type)), ...schema.members.filter((m) => !isLossy(m.type))];
  const writers = ordered.map((member) => {
    const at = path === '' ? member.name : `${path}.${member.name}`;
    const write = member.bits === undefined ? writerOf(member.type, at) : bitFieldWriter(member.type, member.bits, at);
    return { name: member.name, offset: member.offset, write };
  });
  const known = new Set(schema.members.map((m) => m.name));
  return (view, offset, value) => {
    if (typeof value !== 'object' || value === null || Array.isArray(value) || value instanceof Uint8Array) {
      throw doesNotFit(value, what);
    }
    const record = value as { readonly [member: string]: BtfInput };
    for (const name in record) {
      if (!known.has(name)) throw new BtfError('value', `${what} has no member '${name}'`);
    }
    let any = false;
    for (const member of writers) {
      if (!hasMember(record, member.name)) continue;
      any = true;
      const given = record[member.name];
      if (given !== undefined) member.write(view, offset + member.offset, given);
    }
    if (!any && !isPlain(record)) throw new BtfError('value', `${what}: the object given has none of the members ${[...known].join(', ')}`);
  };
}

/** Own members, and accessors of a class; not what every object has, nor the size of a collection. */
function hasMember(record: object, name: string): boolean {
  if (Object.hasOwn(record, name)) return true;
  return name in record && !(name in Object.prototype) && !(record instanceof Map || record instanceof Set || ArrayBuffer.isView(record));
}

/** `{}`, which stands for zeros, also of another realm. */
function isPlain(record: object): boolean {
  const prototype: unknown = Object.getPrototypeOf(record);
  return prototype === null || Object.getPrototypeOf(prototype) === null;
}

/** Types whose decoded values do not tell all of their bytes. */
function isLossy(type: TypeSchema): boolean {
  if (type.kind === 'array') return isLossy(type.element);
  return type.kind === 'text' || type.kind === 'bool' || (type.kind === 'record' && type.members.some((m) => isLossy(m.type)));
}

function bitFieldWriter(type: TypeSchema, bits: { readonly shift: number; readonly width: number }, path: string): Encoder<BtfInput> {
  const what = `'${path}': ${nameOf(type)}:${bits.width}`;
  const signed = (type.kind === 'int' || type.kind === 'enum') && type.signed;
  const write = bitsWriter(bits.shift, bits.width, signed, what);
  if (type.kind === 'enum') return (view, offset, value) => write(view, offset, enumerator(type, value, what));
  if (type.kind === 'bool') return (view, offset, value) => write(view, offset, truth(value, what));
  return write;
}

function enumerator(schema: EnumSchema, value: BtfInput, what: string): BtfInput {
  if (typeof value !== 'string') return value;
  const number = schema.values.get(value);
  if (number === undefined) throw doesNotFit(value, what);
  return number;
}

function truth(value: BtfInput, what: string): number {
  if (value === true || value === 1 || value === 1n) return 1;
  if (value === false || value === 0 || value === 0n) return 0;
  throw doesNotFit(value, what);
}

function bytesWriter(size: number, what: string): Encoder<BtfInput> {
  return (view, offset, value) => {
    const list = Array.isArray(value) ? value.map(Number) : undefined;
    if (list?.some((byte) => !Number.isInteger(byte) || byte < 0 || byte > 255)) throw doesNotFit(value, `${what} (0 to 255 each)`);
    const bytes = list === undefined ? value : Uint8Array.from(list);
    if (!(bytes instanceof Uint8Array) || bytes.length > size) throw doesNotFit(value, what);
    new Uint8Array(view.buffer, view.byteOffset + offset, size).set(bytes);
  };
}

/** How messages call the type. */
function nameOf(schema: TypeSchema): string {
  switch (schema.kind) {
    case 'int':
      return schema.name;
    case 'enum':
      return `enum ${schema.name}`;
    case 'record':
      return `${schema.tag} ${schema.name}`.trim();
    case 'text':
      return `char[${schema.size}]`;
    case 'bytes':
      return `${schema.size} bytes`;
    case 'array':
      return `array of ${schema.length}`;
    case 'bool':
    case 'float':
    case 'pointer':
    case 'void':
      return schema.kind;
    default:
      return schema satisfies never;
  }
}
