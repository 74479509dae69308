/** Numbers, characters and strings as C spells them (6.4.4, 6.4.5, and GNU's `0b` and `\e`). */
import type { Loc } from '../../diagnostics.ts';
import type { Expr } from '../ast.ts';
import type { IntType, QualType } from '../types.ts';
import type { Context } from './context.ts';
import { floatLiteral } from './floats.ts';
import { errorExpr, int, string } from './nodes.ts';
import { fits } from './types/arithmetic.ts';
import { CHAR, INT, LLONG, LONG, Q, qual, UINT, ULLONG, ULONG, USHORT } from './types/basic.ts';

/* ---------- numbers ---------- */

/** By suffix (lower case, `u` first): the types to try for a decimal number and for the others. */
const CANDIDATES: Readonly<{ [suffix: string]: readonly [decimal: readonly IntType[], other: readonly IntType[]] | undefined }> = {
  '': [
    [INT, LONG, LLONG],
    [INT, UINT, LONG, ULONG, LLONG, ULLONG],
  ],
  u: [
    [UINT, ULONG, ULLONG],
    [UINT, ULONG, ULLONG],
  ],
  l: [
    [LONG, LLONG],
    [LONG, ULONG, LLONG, ULLONG],
  ],
  ul: [
    [ULONG, ULLONG],
    [ULONG, ULLONG],
  ],
  ll: [[LLONG], [LLONG, ULLONG]],
  ull: [[ULLONG], [ULLONG]],
};
const SUFFIXES: Readonly<{ [spelling: string]: string | undefined }> = {
  u: 'u',
  U: 'u',
  l: 'l',
  L: 'l',
  ll: 'll',
  LL: 'll',
  ul: 'ul',
  uL: 'ul',
  Ul: 'ul',
  UL: 'ul',
  lu: 'ul',
  lU: 'ul',
  Lu: 'ul',
  LU: 'ul',
  ull: 'ull',
  uLL: 'ull',
  Ull: 'ull',
  ULL: 'ull',
  llu: 'ull',
  llU: 'ull',
  LLu: 'ull',
  LLU: 'ull',
};
const TYPES = new Map<IntType, QualType>([INT, UINT, LONG, ULONG, LLONG, ULLONG].map((t) => [t, qual(t)]));
TYPES.set(INT, Q.int);

const isDigit = (c: number): boolean => c >= 48 && c <= 57;

export function intLiteral(ctx: Context, spelling: string, loc: Loc): Expr {
  // Most numbers are short and decimal.
  if (spelling.length < 10) {
    let n = 0;
    let i = 0;
    for (; i < spelling.length; i++) {
      const c = spelling.charCodeAt(i);
      if (!isDigit(c)) break;
      n = n * 10 + c - 48;
    }
    if (i === spelling.length && (spelling.charCodeAt(0) !== 48 || i === 1)) return int(BigInt(n), Q.int, loc);
  }
  const c1 = spelling.charCodeAt(1) | 32;
  const base = spelling[0] !== '0' || spelling.length === 1 ? 10 : c1 === 120 ? 16 : c1 === 98 ? 2 : 8;
  const start = base === 16 || base === 2 ? 2 : 0;
  let end = start;
  while (end < spelling.length && isDigitOf(spelling.charCodeAt(end), base)) end++;
  const rest = spelling.slice(end);
  if (isFloat(spelling, base)) {
    const number = floatLiteral(spelling, loc);
    if (number) return number;
    ctx.error('no-floating-point', loc, `'${spelling}' is a floating point number: BPF has no floating point`);
    return errorExpr(loc);
  }
  const suffix = rest === '' ? '' : SUFFIXES[rest];
  const candidates = suffix === undefined ? undefined : CANDIDATES[suffix];
  if (!candidates || end === start) {
    ctx.error('bad-number', loc, badNumber(spelling, rest, base, end === start));
    return errorExpr(loc);
  }
  const digits = spelling.slice(start, end);
  if (base === 8) {
    const bad = /[89]/.exec(digits);
    if (bad) {
      ctx.error('bad-number', loc, `digit '${bad[0]}' in the octal number '${spelling}'; a number that starts with 0 is octal`);
      return errorExpr(loc);
    }
  }
  const value = BigInt((base === 16 ? '0x' : base === 2 ? '0b' : base === 8 ? '0o' : '') + (digits === '' ? '0' : digits));
  for (const type of candidates[base === 10 ? 0 : 1]) {
    if (fits(value, type)) return int(value, TYPES.get(type) as QualType, loc);
  }
  if (fits(value, ULLONG)) {
    ctx.warn('integer-too-large', loc, `'${spelling}' is too large for a signed type and becomes unsigned; write '${spelling}u'`);
    return int(value, TYPES.get(ULLONG) as QualType, loc);
  }
  ctx.error('integer-too-large', loc, `'${spelling}' does not fit into 64 bits`);
  return errorExpr(loc);
}

function isDigitOf(c: number, base: number): boolean {
  if (isDigit(c)) return base > 2 || c <= 49;
  const lower = c | 32;
  return base === 16 && lower >= 97 && lower <= 102;
}

function isFloat(spelling: string, base: number): boolean {
  if (spelling.includes('.')) return true;
  return base === 16 ? /^0x[0-9a-f]+p/i.test(spelling) : base !== 2 && /^[0-9]+e[-+0-9]/i.test(spelling);
}

function badNumber(spelling: string, rest: string, base: number, empty: boolean): string {
  if (empty) return `'${spelling}' has no digits`;
  if (base === 2 && /^[2-9]/.test(rest)) return `digit '${rest[0]}' in the binary number '${spelling}'`;
  return `'${rest}' is no suffix of a number; known are u, l, ul, ll and ull`;
}

/* ---------- characters and strings ---------- */

interface Encoding {
  readonly prefix: string;
  readonly unit: IntType;
}
const NARROW: Encoding = { prefix: '', unit: CHAR };
const ENCODINGS: Readonly<{ [prefix: string]: Encoding | undefined }> = {
  '': NARROW,
  u8: { prefix: 'u8', unit: CHAR },
  L: { prefix: 'L', unit: INT },
  u: { prefix: 'u', unit: USHORT },
  U: { prefix: 'U', unit: UINT },
};

function encodingOf(spelling: string, quote: string): { readonly encoding: Encoding; readonly start: number } {
  const start = spelling.indexOf(quote);
  return { encoding: ENCODINGS[spelling.slice(0, start)] ?? NARROW, start: start + 1 };
}

const utf8 = new TextEncoder();
/** What macros can make of a string has no end; what a BPF program can hold has. */
const MAX_STRING = 1 << 20;

export function charLiteral(ctx: Context, spelling: string, loc: Loc): Expr {
  const { encoding, start } = encodingOf(spelling, "'");
  const units: number[] = [];
  decode(ctx, spelling, start, spelling.length - 1, encoding, loc, units);
  const wide = encoding.unit !== CHAR;
  const type = wide ? qual(encoding.unit) : Q.int;
  if (units.length === 0) {
    ctx.error('bad-character', loc, 'a character constant needs a character');
    return errorExpr(loc);
  }
  if (units.length === 1 || wide) {
    if (units.length > 1) ctx.error('bad-character', loc, 'a wide character constant holds one character');
    const value = units[0] as number;
    return int(BigInt(wide ? (encoding.unit === INT ? value | 0 : value) : (value << 24) >> 24), type, loc);
  }
  ctx.warn('multi-character', loc, `character constant of ${units.length} characters`);
  let value = 0;
  for (const u of units) value = (value << 8) | u;
  return int(BigInt(value), type, loc);
}

export function stringLiteral(ctx: Context, spellings: readonly string[], loc: Loc): Expr {
  let encoding = NARROW;
  let length = 0;
  for (const s of spellings) {
    length += s.length;
    if (s.charCodeAt(0) === 34) continue;
    const own = encodingOf(s, '"').encoding;
    if (encoding !== NARROW && own !== NARROW && encoding.unit !== own.unit) {
      ctx.error('bad-string', loc, `strings with the prefixes '${encoding.prefix}' and '${own.prefix}' cannot be joined`);
    } else if (own !== NARROW) encoding = own;
  }
  if (length > MAX_STRING) {
    ctx.error('bad-string', loc, `a string of more than ${MAX_STRING} characters`);
    return errorExpr(loc);
  }
  const size = encoding.unit.size;
  if (size === 1 && spellings.length === 1) {
    const plain = plainAscii(spellings[0] as string);
    if (plain) return string(plain, CHAR, 1, loc);
  }
  const units: number[] = [];
  for (const s of spellings) decode(ctx, s, encodingOf(s, '"').start, s.length - 1, encoding, loc, units);
  units.push(0);
  const bytes = new Uint8Array(units.length * size);
  const view = new DataView(bytes.buffer);
  units.forEach((u, i) => {
    if (size === 1) bytes[i] = u;
    else if (size === 2) view.setUint16(i * 2, u, true);
    else view.setUint32(i * 4, u, true);
  });
  return string(bytes, encoding.unit, size, loc);
}

/** The bytes of a string that needs no decoding. */
function plainAscii(spelling: string): Uint8Array | undefined {
  if (spelling.charCodeAt(0) !== 34) return undefined;
  const bytes = new Uint8Array(spelling.length - 1);
  for (let i = 1; i < spelling.length - 1; i++) {
    const c = spelling.charCodeAt(i);
    if (c === 92 || c > 127) return undefined;
    bytes[i - 1] = c;
  }
  return bytes;
}

const SIMPLE: Readonly<{ [c: string]: number | undefined }> = {
  n: 10,
  t: 9,
  r: 13,
  a: 7,
  b: 8,
  f: 12,
  v: 11,
  e: 27,
  E: 27,
  '\\': 92,
  "'": 39,
  '"': 34,
  '?': 63,
};

/** Appends the code units of `text[start..end)`. */
function decode(ctx: Context, text: string, start: number, end: number, { unit }: Encoding, loc: Loc, out: number[]): void {
  const limit = unit.size === 1 ? 0xff : unit.size === 2 ? 0xffff : 0xffffffff;
  for (let i = start; i < end; ) {
    const c = text.charCodeAt(i);
    if (c !== 92) {
      const point = text.codePointAt(i) as number;
      i += point > 0xffff ? 2 : 1;
      encode(point, unit.size, out);
      continue;
    }
    const e = text[i + 1] as string;
    const simple = SIMPLE[e];
    if (simple !== undefined) {
      out.push(simple);
      i += 2;
    } else if (e >= '0' && e <= '7') {
      let j = i + 1;
      let value = 0;
      while (j < end && j < i + 4 && text.charCodeAt(j) >= 48 && text.charCodeAt(j) <= 55) value = value * 8 + text.charCodeAt(j++) - 48;
      if (value > limit) ctx.error('bad-escape', loc, `octal escape '${text.slice(i, j)}' is out of range`);
      out.push(value & limit);
      i = j;
    } else if (e === 'x') {
      let j = i + 2;
      let value = 0;
      while (j < end && isDigitOf(text.charCodeAt(j), 16)) value = value * 16 + Number.parseInt(text[j++] as string, 16);
      if (j === i + 2) ctx.error('bad-escape', loc, "'\\x' without a hexadecimal digit");
      else if (value > limit) ctx.error('bad-escape', loc, `hexadecimal escape '${text.slice(i, j)}' is out of range`);
      out.push(value > limit ? 0 : value >>> 0);
      i = j;
    } else if (e === 'u' || e === 'U') {
      const length = e === 'u' ? 4 : 8;
      const digits = text.slice(i + 2, Math.min(i + 2 + length, end));
      const value = /^[0-9a-fA-F]+$/.test(digits) && digits.length === length ? Number.parseInt(digits, 16) : -1;
      if (value < 0 || value > 0x10ffff || (value >= 0xd800 && value < 0xe000)) {
        ctx.error('bad-escape', loc, `'\\${e}' needs ${length} hexadecimal digits that name a character`);
      } else encode(value, unit.size, out);
      i += 2 + digits.length;
    } else {
      ctx.warn('unknown-escape', loc, `unknown escape '\\${e}'`);
      i += 1;
    }
  }
}

function encode(point: number, size: number, out: number[]): void {
  if (size === 1) {
    if (point < 128) out.push(point);
    else out.push(...utf8.encode(String.fromCodePoint(point)));
  } else if (size === 2 && point > 0xffff) {
    out.push(0xd800 + ((point - 0x10000) >> 10), 0xdc00 + ((point - 0x10000) & 0x3ff));
  } else out.push(point);
}
