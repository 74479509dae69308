/**
 * A whole map as columns: one typed array for each number, as statistics and pictures want them.
 *
 *   | key value | key value | …      batches, as the kernel fills them
 *     └───┬───────┬──────── …
 *         ▼       ▼
 *   keys: [k k k …]   values: { bytes: [b b b …], comm: ['sh', 'dd', …] }
 *
 * Nothing is made for each entry unless it is a text, an array or a bit-field. Integers of 64 bits go into
 * BigInt64Array and BigUint64Array, or into Float64Array where the options say `int64: 'number'`.
 */
import { memberReader, readerOf, type TypeSchema } from '../btf/codec.ts';
import type { MemberSchema } from '../btf/schema.ts';
import type { MapValue } from './codec.ts';

export type NumberColumn =
  | Int8Array
  | Uint8Array
  | Int16Array
  | Uint16Array
  | Int32Array
  | Uint32Array
  | BigInt64Array
  | BigUint64Array
  | Float32Array
  | Float64Array;

/** Of numbers, of anything else, or of a struct: a column for each member. */
export type Column = NumberColumn | readonly MapValue[] | { readonly [member: string]: Column };

export interface Columns<K extends Column = Column, V extends Column = Column> {
  /** Number of entries; every column is as long. */
  readonly length: number;
  readonly keys: K;
  readonly values: V;
}

/** Takes values from batches and gives them back as a column. */
export interface ColumnBuilder {
  /** Adds `count` values that lie `stride` bytes apart, the first at `offset`. */
  add(batch: DataView, offset: number, stride: number, count: number): void;
  /** The column. The builder is not used afterwards. */
  finish(): Column;
}

export function columnBuilder(schema: TypeSchema): ColumnBuilder {
  switch (schema.kind) {
    case 'int':
    case 'enum': {
      const numbers = arrayFor(schema.size, schema.signed);
      if (schema.size === 8 && schema.js === 'number') return new RoundedBuilder(schema.signed);
      return numbers === undefined ? new ValueBuilder(readerOf(schema)) : new NumberBuilder(numbers);
    }
    case 'bool':
      return schema.size === 1 ? new NumberBuilder(Uint8Array) : new ValueBuilder(readerOf(schema));
    case 'float':
      return new NumberBuilder(schema.size === 4 ? Float32Array : Float64Array);
    case 'pointer':
      return new NumberBuilder(BigUint64Array);
    case 'record':
      return new RecordBuilder(schema.members);
    case 'text':
    case 'bytes':
    case 'array':
    case 'void':
      return new ValueBuilder(readerOf(schema));
    default:
      return schema satisfies never;
  }
}

interface NumberArrayClass {
  readonly BYTES_PER_ELEMENT: number;
  new (length: number): NumberColumn;
  new (buffer: ArrayBufferLike, offset: number, length: number): NumberColumn;
}

function arrayFor(size: number, signed: boolean): NumberArrayClass | undefined {
  switch (size) {
    case 1:
      return signed ? Int8Array : Uint8Array;
    case 2:
      return signed ? Int16Array : Uint16Array;
    case 4:
      return signed ? Int32Array : Uint32Array;
    case 8:
      return signed ? BigInt64Array : BigUint64Array;
    default:
      return undefined;
  }
}

function grown<T extends NumberColumn>(Class: NumberArrayClass, old: T, needed: number): T {
  const bigger = new Class(Math.max(needed, old.length * 2)) as T;
  (bigger as Uint8Array).set(old as Uint8Array);
  return bigger;
}

class NumberBuilder implements ColumnBuilder {
  private readonly Class: NumberArrayClass;
  private numbers: NumberColumn;
  private length = 0;

  constructor(Class: NumberArrayClass) {
    this.Class = Class;
    this.numbers = new Class(0);
  }

  add(batch: DataView, offset: number, stride: number, count: number): void {
    const size = this.Class.BYTES_PER_ELEMENT;
    const start = this.length;
    this.length += count;
    if (this.numbers.length < this.length) this.numbers = grown(this.Class, this.numbers, this.length);
    const { numbers } = this;
    const at = batch.byteOffset + offset;
    if (size === 8 && stride !== 8 && at % 4 === 0 && stride % 4 === 0) {
      // By halves: as bigints, each would be made anew.
      const to = new Int32Array(numbers.buffer, start * 8, count * 2);
      const step = stride / 4;
      const from = new Int32Array(batch.buffer, at, count === 0 ? 0 : (count - 1) * step + 2);
      for (let i = 0; i < count; i++) {
        to[2 * i] = from[i * step] as number;
        to[2 * i + 1] = from[i * step + 1] as number;
      }
    } else if (stride === size) {
      new Uint8Array(numbers.buffer, start * size, count * size).set(new Uint8Array(batch.buffer, at, count * size));
    } else if (at % size === 0 && stride % size === 0) {
      const step = stride / size;
      const from = new this.Class(batch.buffer, at, count === 0 ? 0 : (count - 1) * step + 1);
      // One loop for all kinds of arrays; each builder sees only one kind of numbers.
      for (let i = 0; i < count; i++) numbers[start + i] = from[i * step] as never;
    } else {
      const to = new Uint8Array(numbers.buffer, start * size);
      const from = new Uint8Array(batch.buffer, at);
      for (let i = 0; i < count; i++) for (let byte = 0; byte < size; byte++) to[i * size + byte] = from[i * stride + byte] as number;
    }
  }

  finish(): NumberColumn {
    return this.numbers.subarray(0, this.length);
  }
}

const TWO32 = 4294967296;

/** Integers of 64 bits as numbers: rounded beyond 2^53. */
class RoundedBuilder implements ColumnBuilder {
  private readonly signed: boolean;
  private numbers = new Float64Array(0);
  private length = 0;

  constructor(signed: boolean) {
    this.signed = signed;
  }

  add(batch: DataView, offset: number, stride: number, count: number): void {
    const start = this.length;
    this.length += count;
    if (this.numbers.length < this.length) this.numbers = grown(Float64Array, this.numbers, this.length);
    const { numbers, signed } = this;
    for (let i = 0, at = offset; i < count; i++, at += stride) {
      const high = signed ? batch.getInt32(at + 4, true) : batch.getUint32(at + 4, true);
      numbers[start + i] = high * TWO32 + batch.getUint32(at, true);
    }
  }

  finish(): Float64Array {
    return this.numbers.subarray(0, this.length);
  }
}

class ValueBuilder implements ColumnBuilder {
  private readonly read: (view: DataView, offset: number) => MapValue;
  private readonly list: MapValue[] = [];

  constructor(read: (view: DataView, offset: number) => MapValue) {
    this.read = read;
  }

  add(batch: DataView, offset: number, stride: number, count: number): void {
    const { list, read } = this;
    for (let i = 0; i < count; i++) list.push(read(batch, offset + i * stride));
  }

  finish(): readonly MapValue[] {
    return this.list;
  }
}

class RecordBuilder implements ColumnBuilder {
  private readonly members: readonly { readonly name: string; readonly at: number; readonly builder: ColumnBuilder }[];

  constructor(members: readonly MemberSchema[]) {
    this.members = members.map((member) =>
      member.bits === undefined
        ? { name: member.name, at: member.offset, builder: columnBuilder(member.type) }
        : { name: member.name, at: 0, builder: new ValueBuilder(memberReader(member)) },
    );
  }

  add(batch: DataView, offset: number, stride: number, count: number): void {
    for (const { at, builder } of this.members) builder.add(batch, offset + at, stride, count);
  }

  finish(): { readonly [member: string]: Column } {
    // From entries: a hostile type may name a member __proto__.
    return Object.fromEntries(this.members.map(({ name, builder }) => [name, builder.finish()]));
  }
}
