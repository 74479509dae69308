/**
 * The basic types, each one object: they may be compared by identity. LP64 as clang's BPF target has it.
 */
import type { ArrayType, CType, FloatType, FunctionType, IntType, ParamType, PointerType, QualType, VoidType } from '../../types.ts';

function int(name: string, size: number, signed: boolean, rank: number): IntType {
  return { kind: 'int', name, size, signed, rank };
}

function float(name: string, size: number): FloatType {
  return { kind: 'float', name, size };
}

export const VOID: VoidType = { kind: 'void' };
export const BOOL = int('_Bool', 1, false, 0);
export const CHAR = int('char', 1, true, 1);
export const SCHAR = int('signed char', 1, true, 1);
export const UCHAR = int('unsigned char', 1, false, 1);
export const SHORT = int('short', 2, true, 2);
export const USHORT = int('unsigned short', 2, false, 2);
export const INT = int('int', 4, true, 3);
export const UINT = int('unsigned int', 4, false, 3);
export const LONG = int('long', 8, true, 4);
export const ULONG = int('unsigned long', 8, false, 4);
export const LLONG = int('long long', 8, true, 5);
export const ULLONG = int('unsigned long long', 8, false, 5);
export const INT128 = int('__int128', 16, true, 6);
export const UINT128 = int('unsigned __int128', 16, false, 6);
export const FLOAT = float('float', 4);
export const DOUBLE = float('double', 8);
export const LDOUBLE = float('long double', 8);

/**
 * The type of a node that stands for something already reported. It reads and behaves like `int`; whoever meets it
 * says nothing more.
 */
export const ERROR: IntType = int('int', 4, true, 3);

/** Always with all properties, so that every `QualType` has one shape. */
export function qual(type: CType, quals = 0, tags?: readonly string[], alias?: string, align?: number): QualType {
  return { type, quals, tags, alias, align };
}

/** The types that nodes need most, unqualified. */
export const Q = {
  void: qual(VOID),
  bool: qual(BOOL),
  char: qual(CHAR),
  int: qual(INT),
  uint: qual(UINT),
  long: qual(LONG),
  ulong: qual(ULONG),
  error: qual(ERROR),
} as const;

export function pointer(to: QualType): PointerType {
  return { kind: 'pointer', to };
}

export function array(of: QualType, length: number | undefined): ArrayType {
  return { kind: 'array', of, length };
}

export function functionType(returns: QualType, params: readonly ParamType[], variadic: boolean, prototype: boolean): FunctionType {
  return { kind: 'function', returns, params, variadic, prototype };
}

export const VOID_POINTER = qual(pointer(Q.void));

const UNQUALIFIED = new Map<CType, QualType>(Object.values(Q).map((q) => [q.type, q]));

/** The type without qualifiers, tags and, where it had qualifiers, without its typedef name. */
export function unqualified(q: QualType): QualType {
  if (q.quals === 0 && q.tags === undefined) return q;
  return UNQUALIFIED.get(q.type) ?? qual(q.type);
}

export function withQuals(q: QualType, quals: number): QualType {
  if ((q.quals | quals) === q.quals) return q;
  const t = q.type;
  // Qualifiers of an array are those of its elements (6.7.3p9).
  if (t.kind === 'array') return qual(array(withQuals(t.of, quals), t.length), q.quals, q.tags, undefined, q.align);
  return qual(t, q.quals | quals, q.tags, q.alias, q.align);
}

const UNSIGNED_OF = new Map<IntType, IntType>([
  [CHAR, UCHAR],
  [SCHAR, UCHAR],
  [SHORT, USHORT],
  [INT, UINT],
  [LONG, ULONG],
  [LLONG, ULLONG],
  [INT128, UINT128],
]);

export function unsignedOf(type: IntType): IntType {
  return UNSIGNED_OF.get(type) ?? type;
}

/** The signed type with this size, the one of lowest rank. */
export function signedOfSize(size: number): IntType | undefined {
  return size === 1 ? SCHAR : size === 2 ? SHORT : size === 4 ? INT : size === 8 ? LONG : size === 16 ? INT128 : undefined;
}

export function unsignedOfSize(size: number): IntType | undefined {
  const signed = signedOfSize(size);
  return signed && unsignedOf(signed);
}

/* ---------- specifier words ---------- */

const BY_WORDS = new Map<string, CType>();

function words(type: CType, ...spellings: string[]): void {
  for (const s of spellings) BY_WORDS.set(s, type);
}

// Keys are the words in alphabetical order.
words(VOID, 'void');
words(BOOL, '_Bool', 'bool');
words(CHAR, 'char');
words(SCHAR, 'char signed');
words(UCHAR, 'char unsigned');
words(SHORT, 'short', 'short signed', 'int short', 'int short signed');
words(USHORT, 'short unsigned', 'int short unsigned');
words(INT, 'int', 'signed', 'int signed');
words(UINT, 'unsigned', 'int unsigned');
words(LONG, 'long', 'long signed', 'int long', 'int long signed');
words(ULONG, 'long unsigned', 'int long unsigned');
words(LLONG, 'long long', 'long long signed', 'int long long', 'int long long signed');
words(ULLONG, 'long long unsigned', 'int long long unsigned');
words(INT128, '__int128', '__int128 signed', '__int128_t');
words(UINT128, '__int128 unsigned', '__uint128_t');
words(FLOAT, 'float', '_Float32');
words(DOUBLE, 'double', '_Float64');
words(LDOUBLE, 'double long');

/** The type that a multiset of specifier words names, undefined if they do not go together. */
export function typeOfWords(list: readonly string[]): CType | undefined {
  return BY_WORDS.get(list.length === 1 ? (list[0] as string) : [...list].sort().join(' '));
}
