/** BTF: reading, walking, values, writing. What `skep/btf` exports. */
export type * from './types.ts';
export { BtfError, type BtfErrorCode } from './error.ts';
export { BtfReader, type BtfReaderOptions } from './read.ts';
export {
  alignOf, findMember, formatType, isChar, isText, resolve, resolveId, sizeOf,
  type BtfResolved, type FoundMember,
} from './walk.ts';
export {
  codecOf, decodeBytes, encodeBytes, makeCodec,
  type BtfInput, type BtfRecord, type BtfValue, type Codec,
} from './codec.ts';
export { describeType, type MemberSchema, type RecordSchema, type SchemaOptions, type TypeSchema } from './schema.ts';
export { columnReader, makeCursor, type Column, type ColumnReader, type Cursor, type CursorOf } from './cursor.ts';
