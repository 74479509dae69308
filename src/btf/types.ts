/**
 * BTF types as plain data. Ids are positions in one BTF (0 is `void`); a split BTF continues the ids of its base.
 * Source: Documentation/bpf/btf.rst, include/uapi/linux/btf.h.
 */
export interface BtfInt {
  readonly kind: 'int';
  readonly name: string;
  /** Size in bytes. */
  readonly size: number;
  /** Bits used; less than 8*size only in old bit-field encodings. */
  readonly bits: number;
  readonly encoding: 'unsigned' | 'signed' | 'char' | 'bool';
}
export interface BtfPtr {
  readonly kind: 'ptr';
  readonly type: number;
}
export interface BtfArray {
  readonly kind: 'array';
  readonly element: number;
  readonly index: number;
  readonly length: number;
}
export interface BtfMember {
  readonly name: string;
  readonly type: number;
  /** Offset from the start of the struct in bits. */
  readonly bitOffset: number;
  /** Width in bits of a bit-field, 0 for an ordinary member. */
  readonly bitSize: number;
}
export interface BtfStruct {
  readonly kind: 'struct' | 'union';
  readonly name: string;
  readonly size: number;
  readonly members: readonly BtfMember[];
}
export interface BtfEnumerator {
  readonly name: string;
  readonly value: bigint;
}
export interface BtfEnum {
  readonly kind: 'enum' | 'enum64';
  readonly name: string;
  readonly size: number;
  readonly signed: boolean;
  readonly values: readonly BtfEnumerator[];
}
export interface BtfFwd {
  readonly kind: 'fwd';
  readonly name: string;
  readonly union: boolean;
}
export interface BtfTypedef {
  readonly kind: 'typedef';
  readonly name: string;
  readonly type: number;
}
export interface BtfQualifier {
  readonly kind: 'const' | 'volatile' | 'restrict';
  readonly type: number;
}
export interface BtfTypeTag {
  readonly kind: 'typeTag';
  readonly name: string;
  readonly type: number;
  /** `name` is a whole attribute ('address_space(1)') instead of a tag's text. */
  readonly attribute?: boolean;
}
export interface BtfDeclTag {
  readonly kind: 'declTag';
  readonly name: string;
  readonly type: number;
  /** Member or parameter index, -1 for the whole declaration. */
  readonly component: number;
  /** `name` is a whole attribute instead of a tag's text. */
  readonly attribute?: boolean;
}
export interface BtfParam {
  readonly name: string;
  readonly type: number;
}
export interface BtfFuncProto {
  readonly kind: 'funcProto';
  readonly returns: number;
  readonly params: readonly BtfParam[];
  readonly variadic: boolean;
}
export interface BtfFunc {
  readonly kind: 'func';
  readonly name: string;
  readonly type: number;
  readonly linkage: 'static' | 'global' | 'extern';
}
export interface BtfVar {
  readonly kind: 'var';
  readonly name: string;
  readonly type: number;
  readonly linkage: 'static' | 'global' | 'extern';
}
export interface BtfDatasecEntry {
  readonly type: number;
  readonly offset: number;
  readonly size: number;
}
export interface BtfDatasec {
  readonly kind: 'datasec';
  readonly name: string;
  readonly size: number;
  readonly entries: readonly BtfDatasecEntry[];
}
export interface BtfFloat {
  readonly kind: 'float';
  readonly name: string;
  readonly size: number;
}
export interface BtfVoid {
  readonly kind: 'void';
}
/** A kind newer than this reader: skipped by the layout section where the BTF has one. */
export interface BtfUnknown {
  readonly kind: 'unknown';
  readonly raw: number;
}

export type BtfType =
  | BtfVoid
  | BtfInt
  | BtfPtr
  | BtfArray
  | BtfStruct
  | BtfEnum
  | BtfFwd
  | BtfTypedef
  | BtfQualifier
  | BtfTypeTag
  | BtfDeclTag
  | BtfFuncProto
  | BtfFunc
  | BtfVar
  | BtfDatasec
  | BtfFloat
  | BtfUnknown;

export type BtfKind = BtfType['kind'];

/**
 * Types by id and by name. The lazy reader, the builder and a split BTF all look like this, so that the
 * compiler, CO-RE and the codecs do not care where types come from.
 */
export interface BtfSource {
  /** One more than the highest id. */
  readonly size: number;
  /** The type with this id. Throws `BtfError` for an id out of range. */
  type(id: number): BtfType;
  /** The id of a named type of one of the kinds given (all kinds without), `undefined` if there is none. */
  find(name: string, ...kinds: BtfKind[]): number | undefined;
  /** All ids with that name and kind (several structs may share a name). */
  findAll(name: string, ...kinds: BtfKind[]): number[];
  /** Names of enumerators with this beginning, for suggestions; some more than once. */
  enumeratorNames?(beginning: string): Iterable<string>;
  /** An enumerator by name, in any enum. */
  findEnumerator(name: string): { readonly id: number; readonly value: bigint } | undefined;
  /** Names that resemble this one, best first, for "did you mean". */
  similar(name: string, ...kinds: BtfKind[]): string[];
}
