/** BTF: reading, walking, values, writing. What `skep/btf` exports. */

export { BtfBuilder } from './builder.ts';
export {
  type BtfInput,
  type BtfRecord,
  type BtfValue,
  type Codec,
  codecOf,
  decodeBytes,
  encodeBytes,
  makeCodec,
} from './codec.ts';
export { type CopyOptions, TypeCopier } from './copy.ts';
export { type Column, type ColumnReader, type Cursor, type CursorOf, columnReader, makeCursor } from './cursor.ts';
export { type DumpOptions, dumpAll, dumpTypes } from './dump.ts';
export { BtfError, type BtfErrorCode } from './error.ts';
export {
  type CoreRecord,
  type ExtInfo,
  type ExtSection,
  encodeExt,
  encodeFuncInfo,
  encodeLineInfo,
  type FuncInfo,
  type LineRecord,
  readExt,
} from './ext.ts';
export { loadableBtf } from './loadable.ts';
export { BtfOverlay } from './overlay.ts';
export { BtfReader, type BtfReaderOptions } from './read.ts';
export { describeType, type MemberSchema, type RecordSchema, type SchemaOptions, type TypeSchema } from './schema.ts';
export type * from './types.ts';
export {
  alignOf,
  type BtfResolved,
  type FoundMember,
  findMember,
  formatType,
  isChar,
  isText,
  resolve,
  resolveId,
  sizeOf,
} from './walk.ts';
export { BtfImage, encodeBtf } from './write.ts';
