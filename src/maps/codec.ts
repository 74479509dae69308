/**
 * Keys and values between bytes and JavaScript, as maps use them.
 *
 * Where the object has types, codecs come from `btf/codec.ts`. Where it has none, a size of 1, 2, 4 or 8 bytes is an
 * unsigned integer and anything else raw bytes.
 */
import { type BtfInput, type BtfValue, makeCodec, type SchemaOptions, type TypeSchema } from '../btf/codec.ts';
import { doesNotFit, intReader, intWriter } from '../btf/codec-scalars.ts';
import type { BtfSource } from '../btf/types.ts';
import { sizeOf } from '../btf/walk.ts';

/** `In` is what encoding takes, `Out` what decoding gives. */
export interface ValueCodec<Out, In = Out> {
  readonly size: number;
  /** What it reads; a codec of the caller's own may have none. */
  readonly schema?: TypeSchema;
  decode(view: DataView, offset: number): Out;
  encode(view: DataView, offset: number, value: In): void;
}

export type MapValue = BtfValue;
export type MapInput = BtfInput;
/** What may be given for a `T`: anything that can be encoded where nothing is known about it. */
export type In<T> = MapValue extends T ? MapInput : T;
export type MapCodec = ValueCodec<MapValue, MapInput>;

/** The codec for a key or value of a map: `type` is 0 where there is none. */
export function mapCodec(btf: BtfSource | undefined, type: number, size: number, options: SchemaOptions = {}): MapCodec {
  // Per-CPU and flexible values may differ from their type: the size that the kernel was told decides.
  if (btf !== undefined && type !== 0 && sizeOf(btf, type) === size) return makeCodec(btf, type, options);
  return size === 1 || size === 2 || size === 4 || size === 8 ? integerCodec(size, options) : bytesCodec(size);
}

export function integerCodec(size: 1 | 2 | 4 | 8, options: SchemaOptions): MapCodec {
  const js = size === 8 ? (options.int64 ?? 'bigint') : 'number';
  return {
    size,
    schema: { kind: 'int', name: `u${size * 8}`, size, signed: false, js },
    decode: intReader(size, false, js),
    encode: intWriter(size, false, `the value: u${size * 8}`),
  };
}

function bytesCodec(size: number): MapCodec {
  return {
    size,
    schema: { kind: 'bytes', size },
    decode: (view, offset) => new Uint8Array(view.buffer, view.byteOffset + offset, size).slice(),
    encode: (view, offset, value) => {
      if (!(value instanceof Uint8Array) || value.length !== size) throw doesNotFit(value, `the value: a Uint8Array of ${size} bytes`);
      new Uint8Array(view.buffer, view.byteOffset + offset, size).set(value);
    },
  };
}
