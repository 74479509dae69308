/**
 * What the parser switches on: a small number for every keyword and punctuator.
 *
 * The preprocessor hands over spellings, because a macro may be named like a keyword; the cursor looks each one up
 * here once. Aliases (`__inline__`, `__const`, …) share the code of the plain spelling.
 */
import type { Token } from '../token.ts';
import { QUAL } from '../types.ts';

export const T = {
  EOF: 0,
  IDENT: 1,
  NUMBER: 2,
  CHAR: 3,
  STRING: 4,
  OTHER: 5,
  // punctuators
  LPAREN: 6,
  RPAREN: 7,
  LBRACKET: 8,
  RBRACKET: 9,
  LBRACE: 10,
  RBRACE: 11,
  SEMI: 12,
  COMMA: 13,
  COLON: 14,
  QUESTION: 15,
  DOT: 16,
  ARROW: 17,
  ELLIPSIS: 18,
  TILDE: 19,
  NOT: 20,
  INCREMENT: 21,
  DECREMENT: 22,
  COLONCOLON: 23,
  ASSIGN: 24,
  ASSIGN_OP: 25,
  STAR: 26,
  SLASH: 27,
  PERCENT: 28,
  PLUS: 29,
  MINUS: 30,
  SHL: 31,
  SHR: 32,
  LT: 33,
  GT: 34,
  LE: 35,
  GE: 36,
  EQ: 37,
  NE: 38,
  AND: 39,
  XOR: 40,
  OR: 41,
  ANDAND: 42,
  OROR: 43,
  // statements
  IF: 50,
  ELSE: 51,
  FOR: 52,
  WHILE: 53,
  DO: 54,
  SWITCH: 55,
  CASE: 56,
  DEFAULT: 57,
  BREAK: 58,
  CONTINUE: 59,
  RETURN: 60,
  GOTO: 61,
  ASM: 62,
  LABEL_DECL: 63,
  // operators spelled as words
  SIZEOF: 64,
  ALIGNOF: 65,
  GENERIC: 66,
  EXTENSION: 67,
  COMPLEX_PART: 68,
  FUNC_NAME: 69,
  // declarations
  STATIC_ASSERT: 70,
  ATTRIBUTE: 71,
  TYPEDEF: 72,
  EXTERN: 73,
  STATIC: 74,
  AUTO: 75,
  REGISTER: 76,
  THREAD: 77,
  INLINE: 78,
  NORETURN: 79,
  ALIGNAS: 80,
  QUALIFIER: 81,
  NULLABILITY: 82,
  ATOMIC: 83,
  BASIC: 84,
  COMPLEX: 85,
  STRUCT: 86,
  UNION: 87,
  ENUM: 88,
  TYPEOF: 89,
  TYPEOF_UNQUAL: 90,
  AUTO_TYPE: 91,
  BIT_INT: 92,
};
/** A plain number: `advance` changes the current code under the type checker's eyes, so literal types would mislead it. */
export type Code = number;

const PUNCTUATORS: Readonly<Record<string, Code>> = {
  '(': T.LPAREN,
  ')': T.RPAREN,
  '[': T.LBRACKET,
  ']': T.RBRACKET,
  '{': T.LBRACE,
  '}': T.RBRACE,
  ';': T.SEMI,
  ',': T.COMMA,
  ':': T.COLON,
  '?': T.QUESTION,
  '.': T.DOT,
  '->': T.ARROW,
  '...': T.ELLIPSIS,
  '~': T.TILDE,
  '!': T.NOT,
  '++': T.INCREMENT,
  '--': T.DECREMENT,
  '::': T.COLONCOLON,
  '=': T.ASSIGN,
  '+=': T.ASSIGN_OP,
  '-=': T.ASSIGN_OP,
  '*=': T.ASSIGN_OP,
  '/=': T.ASSIGN_OP,
  '%=': T.ASSIGN_OP,
  '&=': T.ASSIGN_OP,
  '|=': T.ASSIGN_OP,
  '^=': T.ASSIGN_OP,
  '<<=': T.ASSIGN_OP,
  '>>=': T.ASSIGN_OP,
  '*': T.STAR,
  '/': T.SLASH,
  '%': T.PERCENT,
  '+': T.PLUS,
  '-': T.MINUS,
  '<<': T.SHL,
  '>>': T.SHR,
  '<': T.LT,
  '>': T.GT,
  '<=': T.LE,
  '>=': T.GE,
  '==': T.EQ,
  '!=': T.NE,
  '&': T.AND,
  '^': T.XOR,
  '|': T.OR,
  '&&': T.ANDAND,
  '||': T.OROR,
};

/** One row per keyword: its code and all its spellings. */
const KEYWORDS: readonly (readonly [Code, string])[] = [
  [T.IF, 'if'],
  [T.ELSE, 'else'],
  [T.FOR, 'for'],
  [T.WHILE, 'while'],
  [T.DO, 'do'],
  [T.SWITCH, 'switch'],
  [T.CASE, 'case'],
  [T.DEFAULT, 'default'],
  [T.BREAK, 'break'],
  [T.CONTINUE, 'continue'],
  [T.RETURN, 'return'],
  [T.GOTO, 'goto'],
  [T.ASM, 'asm __asm __asm__'],
  [T.LABEL_DECL, '__label__'],
  [T.SIZEOF, 'sizeof'],
  [T.ALIGNOF, '_Alignof __alignof __alignof__ alignof'],
  [T.GENERIC, '_Generic'],
  [T.EXTENSION, '__extension__'],
  [T.COMPLEX_PART, '__real __real__ __imag __imag__'],
  [T.FUNC_NAME, '__func__ __FUNCTION__ __PRETTY_FUNCTION__'],
  [T.STATIC_ASSERT, '_Static_assert static_assert'],
  [T.ATTRIBUTE, '__attribute__ __attribute'],
  [T.TYPEDEF, 'typedef'],
  [T.EXTERN, 'extern'],
  [T.STATIC, 'static'],
  [T.AUTO, 'auto'],
  [T.REGISTER, 'register'],
  [T.THREAD, '_Thread_local __thread'],
  [T.INLINE, 'inline __inline __inline__'],
  [T.NORETURN, '_Noreturn'],
  [T.ALIGNAS, '_Alignas'],
  [T.QUALIFIER, 'const __const __const__ volatile __volatile __volatile__ restrict __restrict __restrict__'],
  [T.NULLABILITY, '_Nonnull _Nullable _Null_unspecified'],
  [T.ATOMIC, '_Atomic'],
  [T.BASIC, 'void char short int long signed __signed __signed__ unsigned float double _Bool __int128'],
  [T.BASIC, '_Float16 _Float32 _Float64 _Float128 __float128 __fp16 __bf16'],
  [T.COMPLEX, '_Complex __complex __complex__ _Imaginary'],
  [T.STRUCT, 'struct'],
  [T.UNION, 'union'],
  [T.ENUM, 'enum'],
  [T.TYPEOF, 'typeof __typeof __typeof__'],
  [T.TYPEOF_UNQUAL, 'typeof_unqual __typeof_unqual __typeof_unqual__'],
  [T.AUTO_TYPE, '__auto_type'],
  [T.BIT_INT, '_BitInt _ExtInt'],
];

const codes = new Map<string, Code>();
for (const [code, spellings] of KEYWORDS) for (const spelling of spellings.split(' ')) codes.set(spelling, code);
const punctuators = new Map<string, Code>(Object.entries(PUNCTUATORS));

export function codeOf(token: Token): Code {
  switch (token.kind) {
    case 'ident':
      return codes.get(token.text) ?? T.IDENT;
    case 'punct':
      return punctuators.get(token.text) ?? T.OTHER;
    case 'number':
      return T.NUMBER;
    case 'string':
      return T.STRING;
    case 'char':
      return T.CHAR;
    case 'eof':
      return T.EOF;
    case 'pragma':
    case 'other':
      return T.OTHER;
    default: {
      const never: never = token.kind;
      return never;
    }
  }
}

/** The QUAL bit of a qualifier keyword. */
export function qualifierBit(spelling: string): number {
  if (spelling.includes('const')) return QUAL.CONST;
  return spelling.includes('volatile') ? QUAL.VOLATILE : QUAL.RESTRICT;
}

/** The canonical word of a basic type specifier. */
export function basicWord(spelling: string): string {
  return spelling.startsWith('__signed') ? 'signed' : spelling;
}

/** Binding strength of binary operators, 0 for all other tokens; higher binds tighter, all associate to the left. */
export const PRECEDENCE = new Uint8Array(128);
const LEVELS: readonly (readonly Code[])[] = [
  [T.OROR],
  [T.ANDAND],
  [T.OR],
  [T.XOR],
  [T.AND],
  [T.EQ, T.NE],
  [T.LT, T.GT, T.LE, T.GE],
  [T.SHL, T.SHR],
  [T.PLUS, T.MINUS],
  [T.STAR, T.SLASH, T.PERCENT],
];
for (const [level, members] of LEVELS.entries()) for (const code of members) PRECEDENCE[code] = level + 1;

const set = (...members: Code[]): Uint8Array => {
  const bits = new Uint8Array(128);
  for (const code of members) bits[code] = 1;
  return bits;
};

/** Tokens that only a declaration (or a type name) can start with; typedef names come on top. */
export const STARTS_SPECIFIER = set(
  T.TYPEDEF,
  T.EXTERN,
  T.STATIC,
  T.AUTO,
  T.REGISTER,
  T.THREAD,
  T.INLINE,
  T.NORETURN,
  T.ALIGNAS,
  T.QUALIFIER,
  T.NULLABILITY,
  T.ATOMIC,
  T.BASIC,
  T.COMPLEX,
  T.STRUCT,
  T.UNION,
  T.ENUM,
  T.TYPEOF,
  T.TYPEOF_UNQUAL,
  T.AUTO_TYPE,
  T.BIT_INT,
);
/** The same without storage classes and function specifiers: what a type name starts with. */
export const STARTS_TYPE_NAME = set(
  T.QUALIFIER,
  T.NULLABILITY,
  T.ATOMIC,
  T.BASIC,
  T.COMPLEX,
  T.STRUCT,
  T.UNION,
  T.ENUM,
  T.TYPEOF,
  T.TYPEOF_UNQUAL,
  T.BIT_INT,
  T.ATTRIBUTE,
);
/** Keywords that start a statement: recovery stops in front of them. */
export const STARTS_STATEMENT = set(T.IF, T.FOR, T.WHILE, T.DO, T.SWITCH, T.CASE, T.DEFAULT, T.BREAK, T.CONTINUE, T.RETURN, T.GOTO);

/** How a message calls the token. */
export function describe(token: Token): string {
  switch (token.kind) {
    case 'eof':
      return 'the end of the file';
    case 'string':
      return 'a string literal';
    case 'char':
      return 'a character constant';
    case 'number':
      return `the number ${shorten(token.text)}`;
    case 'pragma':
      return '#pragma';
    case 'ident':
    case 'punct':
    case 'other':
      return `'${shorten(token.text)}'`;
    default: {
      const never: never = token.kind;
      return never;
    }
  }
}

function shorten(text: string): string {
  return text.length > 60 ? `${text.slice(0, 57)}…` : text;
}
