/** BTF: reading, walking, values, writing. What `skep/btf` exports. */
export type * from './types.ts';
export { BtfBuilder } from './builder.ts';
export {
  codecOf, decodeBytes, encodeBytes, makeCodec,
  type BtfInput, type BtfRecord, type BtfValue, type Codec,
} from './codec.ts';
export { TypeCopier, type CopyOptions } from './copy.ts';
export { columnReader, makeCursor, type Column, type ColumnReader, type Cursor, type CursorOf } from './cursor.ts';
export { dumpAll, dumpTypes, type DumpOptions } from './dump.ts';
export { BtfError, type BtfErrorCode } from './error.ts';
export {
  encodeExt, encodeFuncInfo, encodeLineInfo, readExt,
  type CoreRecord, type ExtInfo, type ExtSection, type FuncInfo, type LineRecord,
} from './ext.ts';
export { loadableBtf } from './loadable.ts';
export { BtfOverlay } from './overlay.ts';
export { BtfReader, type BtfReaderOptions } from './read.ts';
export { describeType, type MemberSchema, type RecordSchema, type SchemaOptions, type TypeSchema } from './schema.ts';
export {
  alignOf, findMember, formatType, isChar, isText, resolve, resolveId, sizeOf,
  type BtfResolved, type FoundMember,
} from './walk.ts';
export { BtfImage, encodeBtf } from './write.ts';
