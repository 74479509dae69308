/**
 * Reading records without making objects of them.
 *
 * A cursor is one object that is moved over many records; each member is decoded when it is read. A column reader
 * takes one member out of many records into a typed array. Both for those who read millions.
 */
import { type BtfRecord, type BtfValue, memberReader } from './codec.ts';
import { BtfError } from './error.ts';
import type { RecordSchema, TypeSchema } from './schema.ts';

export interface Cursor {
  /** Points at a record. The bytes are read when members are; they must stay as they are until then. */
  move(view: DataView, offset: number): this;
  /** A copy that no longer depends on the bytes. */
  toObject(): BtfRecord;
}
/** Members stand beside the methods; where one has the name of a method, use `toObject()`. */
export type CursorOf<T> = Cursor & Readonly<T>;

export function makeCursor<T = BtfRecord>(schema: RecordSchema): CursorOf<T> {
  const readers = schema.members.map((m) => [m.name, memberReader(m)] as const);
  class RecordCursor implements Cursor {
    #view: DataView = new DataView(new ArrayBuffer(schema.size));
    #offset = 0;

    static {
      for (const [name, read] of readers) {
        if (name in RecordCursor.prototype) continue;
        Object.defineProperty(RecordCursor.prototype, name, {
          enumerable: true,
          get(this: RecordCursor): BtfValue {
            return read(this.#view, this.#offset);
          },
        });
      }
    }

    move(view: DataView, offset: number): this {
      this.#view = view;
      this.#offset = offset;
      return this;
    }

    toObject(): BtfRecord {
      return Object.fromEntries(readers.map(([name, read]) => [name, read(this.#view, this.#offset)]));
    }
  }
  return new RecordCursor() as unknown as CursorOf<T>;
}

export type Column =
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

export interface ColumnReader {
  /** Takes a scalar out of `count` records that lie `stride` bytes apart. */
  read(view: DataView, offset: number, stride: number, count: number): Column;
}

/** For a scalar type at a byte offset in its record. Undefined for what no typed array can hold. */
export function columnReader(type: TypeSchema, at = 0): ColumnReader | undefined {
  switch (type.kind) {
    case 'int':
    case 'enum':
      return type.size > 8 ? undefined : columnOf(type.size, type.signed, at);
    case 'bool':
      return columnOf(type.size, false, at);
    case 'pointer':
      return columnOf(8, false, at);
    case 'float':
      return type.size === 4
        ? column(
            (n) => new Float32Array(n),
            (view, offset) => view.getFloat32(offset, true),
            at,
          )
        : column(
            (n) => new Float64Array(n),
            (view, offset) => view.getFloat64(offset, true),
            at,
          );
    default:
      return undefined;
  }
}

function columnOf(size: number, signed: boolean, at: number): ColumnReader {
  switch (size) {
    case 1:
      return signed
        ? column(
            (n) => new Int8Array(n),
            (view, offset) => view.getInt8(offset),
            at,
          )
        : column(
            (n) => new Uint8Array(n),
            (view, offset) => view.getUint8(offset),
            at,
          );
    case 2:
      return signed
        ? column(
            (n) => new Int16Array(n),
            (view, offset) => view.getInt16(offset, true),
            at,
          )
        : column(
            (n) => new Uint16Array(n),
            (view, offset) => view.getUint16(offset, true),
            at,
          );
    case 4:
      return signed
        ? column(
            (n) => new Int32Array(n),
            (view, offset) => view.getInt32(offset, true),
            at,
          )
        : column(
            (n) => new Uint32Array(n),
            (view, offset) => view.getUint32(offset, true),
            at,
          );
    case 8:
      return wideColumn(signed, at);
    default:
      throw new BtfError('badType', `a column of ${size}-byte integers`);
  }
}

function column<A extends Exclude<Column, BigInt64Array | BigUint64Array>>(
  make: (count: number) => A,
  read: (view: DataView, offset: number) => number,
  at: number,
): ColumnReader {
  return {
    read: (view, offset, stride, count) => {
      const result = make(count);
      for (let i = 0, from = offset + at; i < count; i++, from += stride) result[i] = read(view, from);
      return result;
    },
  };
}

/** Two 32-bit halves at a time: no bigint is made on the way. */
function wideColumn(signed: boolean, at: number): ColumnReader {
  return {
    read: (view, offset, stride, count) => {
      const halves = new Uint32Array(2 * count);
      for (let i = 0, from = offset + at; i < count; i++, from += stride) {
        halves[2 * i] = view.getUint32(from, true);
        halves[2 * i + 1] = view.getUint32(from + 4, true);
      }
      return signed ? new BigInt64Array(halves.buffer) : new BigUint64Array(halves.buffer);
    },
  };
}
