/**
 * The wire form of BTF: numbers and sizes, shared by reader and writer.
 *
 *   header | types | (layout) | strings
 *
 * A type is 12 bytes (name offset, info, size or type id), then a fixed part and `vlen` elements that depend on the
 * kind. The info word is  vlen:24  kind:7  flag:1. Kernels before 7.2 define vlen as 16 bits and kind as 5, but
 * refuse BTF that has any of the other bits set, so the wide reading is right for both.
 *
 * Source: include/uapi/linux/btf.h, Documentation/bpf/btf.rst.
 */
import type { BtfKind } from './types.ts';

export const BTF_MAGIC = 0xeb9f;
export const BTF_VERSION = 1;
export const HEADER_SIZE = 24;
/** Header that also names the layout section. */
export const HEADER_SIZE_LAYOUT = 32;
/** The part of a type that all kinds have. */
export const TYPE_SIZE = 12;

/** Where the kernel stops: ids and name offsets above are refused by it. */
export const MAX_TYPE_ID = 0xfffff;
export const MAX_NAME_OFFSET = 0xffffff;
export const MAX_VLEN = 0xffff;

export interface KindFormat {
  readonly raw: number;
  readonly kind: BtfKind;
  /** Bytes after the common part. */
  readonly fixed: number;
  /** Bytes of each of the `vlen` elements. */
  readonly element: number;
  readonly named: boolean;
}

export const KINDS: readonly KindFormat[] = [
  { raw: 1, kind: 'int', fixed: 4, element: 0, named: true },
  { raw: 2, kind: 'ptr', fixed: 0, element: 0, named: false },
  { raw: 3, kind: 'array', fixed: 12, element: 0, named: false },
  { raw: 4, kind: 'struct', fixed: 0, element: 12, named: true },
  { raw: 5, kind: 'union', fixed: 0, element: 12, named: true },
  { raw: 6, kind: 'enum', fixed: 0, element: 8, named: true },
  { raw: 7, kind: 'fwd', fixed: 0, element: 0, named: true },
  { raw: 8, kind: 'typedef', fixed: 0, element: 0, named: true },
  { raw: 9, kind: 'volatile', fixed: 0, element: 0, named: false },
  { raw: 10, kind: 'const', fixed: 0, element: 0, named: false },
  { raw: 11, kind: 'restrict', fixed: 0, element: 0, named: false },
  { raw: 12, kind: 'func', fixed: 0, element: 0, named: true },
  { raw: 13, kind: 'funcProto', fixed: 0, element: 8, named: false },
  { raw: 14, kind: 'var', fixed: 4, element: 0, named: true },
  { raw: 15, kind: 'datasec', fixed: 0, element: 12, named: true },
  { raw: 16, kind: 'float', fixed: 0, element: 0, named: true },
  { raw: 17, kind: 'declTag', fixed: 4, element: 0, named: true },
  { raw: 18, kind: 'typeTag', fixed: 0, element: 0, named: true },
  { raw: 19, kind: 'enum64', fixed: 0, element: 12, named: true },
];

/** Number of a kind. `void` has none of its own: it is id 0. */
export const RAW_KIND: ReadonlyMap<BtfKind, number> = new Map(KINDS.map((k) => [k.kind, k.raw]));

export const RAW = { FUNC: 12, ENUM: 6, ENUM64: 19, DECL_TAG: 17, LAST: 19 } as const;

/** Bits of the word after an INT. */
export const INT_SIGNED = 1;
export const INT_CHAR = 2;
export const INT_BOOL = 4;

export const LINKAGES = ['static', 'global', 'extern'] as const;
