/**
 * C types. A type is a plain object; named types (records, enums) have identity, all others are compared by
 * structure (`types-equal` in sema). A `QualType` adds qualifiers and tags.
 *
 * Data model: LP64 of clang's BPF target: int 4, long 8, pointers 8, `char` signed, bit-fields as in the
 * Itanium ABI (little endian).
 */
import type { Loc } from '../diagnostics.ts';

export const QUAL = {
  CONST: 1,
  VOLATILE: 2,
  RESTRICT: 4,
  ATOMIC: 8,
  /** `__user`: the pointee lives in user memory. */
  USER: 16,
  /** `__percpu`. */
  PERCPU: 32,
  /** `__rcu`. */
  RCU: 64,
  /** Kernel memory of which nothing is known to the verifier: BCC's external pointers. */
  KERNEL: 128,
  /** address_space(1): BPF arena. */
  ARENA: 256,
} as const;

export interface QualType {
  readonly type: CType;
  /** Bits of `QUAL`. */
  readonly quals: number;
  /** btf_type_tag strings, outermost first ('kptr', 'user', …). */
  readonly tags?: readonly string[] | undefined;
  /** Name of the typedef this was written as, for messages and BTF. Types are never compared by it. */
  readonly alias?: string | undefined;
  /** From `aligned` on a typedef: bytes, in place of the type's own alignment. */
  readonly align?: number | undefined;
}

export interface VoidType {
  readonly kind: 'void';
}

export interface IntType {
  readonly kind: 'int';
  /** Canonical C spelling: 'unsigned long', 'char', '_Bool', '__int128'. */
  readonly name: string;
  /** 1, 2, 4, 8 or 16 bytes. */
  readonly size: number;
  readonly signed: boolean;
  /** Conversion rank: bool 0, char 1, short 2, int 3, long 4, long long 5, int128 6. */
  readonly rank: number;
}

/** Parsed and laid out; arithmetic on it is an error that says BPF has no floating point. */
export interface FloatType {
  readonly kind: 'float';
  readonly name: string;
  readonly size: number;
}

export interface PointerType {
  readonly kind: 'pointer';
  readonly to: QualType;
}

export interface ArrayType {
  readonly kind: 'array';
  readonly of: QualType;
  /** Undefined: incomplete (`[]`), a flexible member or yet to be completed by an initialiser. */
  readonly length: number | undefined;
}

export interface ParamType {
  readonly name: string | undefined;
  readonly type: QualType;
  readonly loc: Loc;
  /** btf_decl_tag strings (`__arg_ctx`, …). */
  readonly tags?: readonly string[];
}

export interface FunctionType {
  readonly kind: 'function';
  readonly returns: QualType;
  readonly params: readonly ParamType[];
  readonly variadic: boolean;
  /** False for `int f()`: arguments are not checked. */
  readonly prototype: boolean;
}

export interface Field {
  /** Empty for an anonymous struct or union member and for unnamed bit-fields. */
  readonly name: string;
  readonly type: QualType;
  /** Bytes from the start of the record; for a bit-field the start of its storage unit (sizeof its type, aligned). */
  readonly offset: number;
  /**
   * Only for bit-fields: lowest bit counted from `offset`*8, and width in bits (0 allowed when unnamed).
   * In packed records the bits may reach beyond their unit, and the unit beyond the record.
   */
  readonly bit?: { readonly offset: number; readonly width: number };
  readonly loc: Loc;
  readonly tags?: readonly string[];
}

/** Struct or union. `fields` is undefined while incomplete. Records from BTF are completed when first asked. */
export interface RecordType {
  readonly kind: 'record';
  readonly tag: 'struct' | 'union';
  /** Empty for anonymous ones. */
  readonly name: string;
  /** Undefined while incomplete. A getter for records from BTF. */
  readonly fields: readonly Field[] | undefined;
  /** Bytes, 0 while incomplete. */
  readonly size: number;
  /** Bytes. */
  readonly align: number;
  readonly packed: boolean;
  /** Id in the target's BTF when the record is the kernel's own. */
  readonly btfId?: number;
  /** Accesses are CO-RE relocatable: `preserve_access_index`, or `vmlinux.h` in portable mode. */
  readonly preserveAccessIndex: boolean;
  readonly loc: Loc;
}

export interface Enumerator {
  readonly name: string;
  readonly value: bigint;
  readonly loc: Loc;
}

export interface EnumType {
  readonly kind: 'enum';
  readonly name: string;
  /** Undefined while incomplete. */
  readonly values: readonly Enumerator[] | undefined;
  readonly underlying: IntType;
  readonly btfId?: number;
  /** Values are CO-RE relocatable: an enum of `vmlinux.h` in portable mode. */
  readonly relocatable?: boolean;
  readonly loc: Loc;
}

export type CType = VoidType | IntType | FloatType | PointerType | ArrayType | FunctionType | RecordType | EnumType;
