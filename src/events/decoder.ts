/**
 * From a payload to a record, for records that programs submit longer or shorter than their type.
 *
 *   | struct event                 | … |      longer: what is behind goes to a flexible array at the end, or to the
 *                                            member that `tail` names, or nowhere
 *   | struct ev|                             shorter: reads as if zeros followed (a text that was cut is as long as it is)
 *
 * A perf buffer rounds lengths up, so behind a payload there may be up to seven bytes that nobody wrote.
 */
import { type BtfRecord, type BtfValue, memberReader, readerOf, type TypeSchema } from '../btf/codec.ts';
import { makeRecordReader } from '../btf/record-sites.ts';
import type { MemberSchema, RecordSchema } from '../btf/schema.ts';
import { UsageError } from '../kernel/errors.ts';

/** Makes a value of `length` bytes at `offset`. The view is valid only during the call. */
export type RecordDecoder<T> = (view: DataView, offset: number, length: number, cpu: number) => T;

export interface DecoderOptions {
  /** Name of a member for the bytes behind the type, as a Uint8Array of their own. */
  readonly tail?: string;
}

export function recordDecoder(schema: TypeSchema, options: DecoderOptions = {}): RecordDecoder<BtfValue> {
  const { size } = schema;
  const flexible = schema.kind === 'record' ? flexibleMember(schema) : undefined;
  if (options.tail !== undefined && flexible !== undefined)
    throw new UsageError(`the bytes behind the record are its member '${flexible.name}': leave 'tail' out`);
  if (options.tail !== undefined && schema.kind !== 'record') throw new UsageError(`'tail' needs a struct to be a member of`);
  const short = new Uint8Array(new ArrayBuffer(Math.max(size, 8)));
  const shortView = new DataView(short.buffer);
  const filled = (view: DataView, offset: number, length: number): DataView => {
    short.set(new Uint8Array(view.buffer, view.byteOffset + offset, length));
    short.fill(0, length);
    return shortView;
  };
  if (schema.kind === 'record' && (flexible !== undefined || options.tail !== undefined)) {
    const read = withTail(schema, flexible, options.tail);
    return (view, offset, length) => (length >= size ? read(view, offset, length) : read(filled(view, offset, length), 0, size));
  }
  const read = readerOf(schema);
  return (view, offset, length) => (length >= size ? read(view, offset) : read(filled(view, offset, length), 0));
}

/** Bytes of their own: for records without a type. */
export const copyBytes: RecordDecoder<Uint8Array> = (view, offset, length) =>
  new Uint8Array(view.buffer, view.byteOffset + offset, length).slice();

type Whole = (view: DataView, offset: number, length: number) => BtfValue;

/** `char name[]`, `struct frame frames[0]` at the end. */
function flexibleMember(schema: RecordSchema): MemberSchema | undefined {
  const last = schema.members.at(-1);
  if (last === undefined || last.type.size !== 0 || last.offset > schema.size) return undefined;
  return last.type.kind === 'text' || last.type.kind === 'bytes' || last.type.kind === 'array' ? last : undefined;
}

function withTail(schema: RecordSchema, flexible: MemberSchema | undefined, tail: string | undefined): Whole {
  // A reader is told only where its record begins: the end is kept beside.
  let end = 0;
  const fixed = flexible === undefined ? schema.members : schema.members.slice(0, -1);
  const names = fixed.map((member) => member.name);
  const readers = fixed.map(memberReader);
  if (flexible !== undefined) {
    const read = flexibleReader(flexible);
    names.push(flexible.name);
    readers.push((view, offset) => read(view, offset + flexible.offset, end - flexible.offset));
  } else if (tail !== undefined) {
    if (names.includes(tail)) throw new UsageError(`the record has a member '${tail}' already: give 'tail' another name`);
    names.push(tail);
    readers.push((view, offset) => copyBytes(view, offset + schema.size, end - schema.size, -1));
  }
  const read: (view: DataView, offset: number) => BtfRecord = makeRecordReader(names, readers);
  return (view, offset, length) => {
    end = length;
    return read(view, offset);
  };
}

function flexibleReader(member: MemberSchema): (view: DataView, offset: number, length: number) => BtfValue {
  const { type } = member;
  if (type.kind === 'array') {
    const { element } = type;
    const read = readerOf(element);
    return (view, offset, length) => {
      const count = element.size === 0 ? 0 : Math.max(0, Math.floor(length / element.size));
      return Array.from({ length: count }, (_, i) => read(view, offset + i * element.size));
    };
  }
  if (type.kind === 'text')
    return (view, offset, length) => {
      const bytes = new Uint8Array(view.buffer, view.byteOffset + offset, Math.max(0, length));
      const end = bytes.indexOf(0);
      return utf8.decode(bytes.slice(0, end < 0 ? length : end));
    };
  return (view, offset, length) => copyBytes(view, offset, Math.max(0, length), -1);
}

const utf8 = new TextDecoder();
