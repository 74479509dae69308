/** Scalars between bytes and JavaScript values: integers of all sizes, bit-fields, text. All little endian. */
import { BtfError } from './error.ts';
import type { Int64 } from './schema.ts';

export type Decoder<T> = (view: DataView, offset: number) => T;
export type Encoder<T> = (view: DataView, offset: number, value: T) => void;

const TWO32 = 4294967296;

const signedReaders: readonly Decoder<number>[] = [
  (view, offset) => view.getInt8(offset),
  (view, offset) => view.getInt16(offset, true),
  (view, offset) => view.getInt32(offset, true),
];
const unsignedReaders: readonly Decoder<number>[] = [
  (view, offset) => view.getUint8(offset),
  (view, offset) => view.getUint16(offset, true),
  (view, offset) => view.getUint32(offset, true),
];

const signed64: Decoder<bigint> = (view, offset) => view.getBigInt64(offset, true);
const unsigned64: Decoder<bigint> = (view, offset) => view.getBigUint64(offset, true);

const number64: Decoder<number> = (view, offset) => view.getUint32(offset + 4, true) * TWO32 + view.getUint32(offset, true);
const signedNumber64: Decoder<number> = (view, offset) => view.getInt32(offset + 4, true) * TWO32 + view.getUint32(offset, true);

/**
 * Below this bigints are made once: most sizes and counts are small, and a bigint costs more than all else of an integer.
 * Many more would not stay in the processor's cache, and finding one costs more than making it.
 */
const SMALL = 4097;
const small: (bigint | undefined)[] = new Array<bigint | undefined>(SMALL).fill(undefined);

function smallFirst(read: Decoder<bigint>): Decoder<bigint> {
  return (view, offset) => {
    const low = view.getUint32(offset, true);
    if (low >= SMALL || view.getUint32(offset + 4, true) !== 0) return read(view, offset);
    return (small[low] ??= BigInt(low));
  };
}

function safe64(exact: Decoder<bigint>, rounded: Decoder<number>): Decoder<number | bigint> {
  return (view, offset) => {
    const value = rounded(view, offset);
    return Number.isSafeInteger(value) ? value : exact(view, offset);
  };
}

export function intReader(size: number, signed: boolean, js: Int64): Decoder<number | bigint> {
  if (size <= 4) return (signed ? signedReaders : unsignedReaders)[size >> 1];
  if (size === 16) {
    const high = signed ? signed64 : unsigned64;
    return (view, offset) => (high(view, offset + 8) << 64n) | view.getBigUint64(offset, true);
  }
  const exact = smallFirst(signed ? signed64 : unsigned64);
  const rounded = signed ? signedNumber64 : number64;
  return js === 'bigint' ? exact : js === 'number' ? rounded : safe64(exact, rounded);
}

/** Only what the type holds is taken: an unsigned 255 is no signed -1. `BigInt.asUintN` says that the bits are meant. */
export function intWriter(size: number, signed: boolean, what: string): Encoder<unknown> {
  const bits = size * 8;
  const toWhole = wholeNumber(bits, signed, what);
  if (size <= 4) {
    const write: Encoder<number> =
      size === 1
        ? (view, offset, value) => view.setUint8(offset, value)
        : size === 2
          ? (view, offset, value) => view.setUint16(offset, value, true)
          : (view, offset, value) => view.setUint32(offset, value, true);
    const low = signed ? -(2 ** (bits - 1)) : 0;
    const high = 2 ** (signed ? bits - 1 : bits);
    return (view, offset, value) => {
      const fits = typeof value === 'number' && Number.isInteger(value) && value >= low && value < high;
      write(view, offset, fits ? value : Number(toWhole(value)));
    };
  }
  // setBigUint64 keeps the low 64 bits, so a negative number is written as its two's complement.
  if (size === 8) return (view, offset, value) => view.setBigUint64(offset, toWhole(value), true);
  return (view, offset, value) => {
    const whole = toWhole(value);
    view.setBigUint64(offset, whole, true);
    view.setBigUint64(offset + 8, whole >> 64n, true);
  };
}

function wholeNumber(bits: number, signed: boolean, what: string): (value: unknown) => bigint {
  const low = signed ? -(1n << BigInt(bits - 1)) : 0n;
  const high = 1n << BigInt(signed ? bits - 1 : bits);
  return (value) => {
    let whole: bigint | undefined;
    if (typeof value === 'bigint') whole = value;
    else if (typeof value === 'number' && Number.isInteger(value)) whole = BigInt(value);
    else if (typeof value === 'boolean') whole = value ? 1n : 0n;
    if (whole === undefined || whole < low || whole >= high) throw doesNotFit(value, `${what} (${low} to ${high - 1n})`);
    // Digits were lost before the number came here: writing what is left would be a guess.
    if (typeof value === 'number' && !Number.isSafeInteger(value))
      throw new BtfError('value', `${value} is not exact, for ${what}: numbers beyond 2^53 are given as bigint`);
    return whole;
  };
}

export function doesNotFit(value: unknown, what: string): BtfError {
  const shown = typeof value === 'object' && value !== null ? 'an object' : typeof value === 'string' ? `'${value}'` : String(value);
  return new BtfError('value', `${shown} does not fit ${what}`);
}

/** Bits of a bit-field as an unsigned number (up to 32 bits wide) or bigint. */
function rawBits(shift: number, width: number): Decoder<number> | Decoder<bigint> {
  const bytes = Math.ceil((shift + width) / 8);
  if (bytes <= 4) {
    const mask = width === 32 ? -1 : (1 << width) - 1;
    const read: Decoder<number> =
      bytes === 3 ? (view, offset) => view.getUint16(offset, true) | (view.getUint8(offset + 2) << 16) : unsignedReaders[bytes >> 1];
    return (view, offset) => ((read(view, offset) >>> shift) & mask) >>> 0;
  }
  return (view, offset) => {
    let value = 0n;
    for (let i = bytes - 1; i >= 0; i--) value = (value << 8n) | BigInt(view.getUint8(offset + i));
    return BigInt.asUintN(width, value >> BigInt(shift));
  };
}

export function bitsReader(shift: number, width: number, signed: boolean, js: Int64): Decoder<number | bigint> {
  const raw: Decoder<number | bigint> = rawBits(shift, width);
  const fromNumber = signed && width <= 32 ? (v: number): number => (v << (32 - width)) >> (32 - width) : undefined;
  const wanted = (exact: bigint): number | bigint => {
    const number = Number(exact);
    return js === 'bigint' || (js === 'safe' && !Number.isSafeInteger(number)) ? exact : number;
  };
  return (view, offset) => {
    const value = raw(view, offset);
    if (typeof value === 'bigint') return wanted(signed ? BigInt.asIntN(width, value) : value);
    const number = fromNumber === undefined ? value : fromNumber(value);
    return js === 'bigint' ? BigInt(number) : number;
  };
}

/** Sets the bits of a bit-field and leaves its neighbours. */
export function bitsWriter(shift: number, width: number, signed: boolean, what: string): Encoder<unknown> {
  const bytes = Math.ceil((shift + width) / 8);
  const mask = ((1n << BigInt(width)) - 1n) << BigInt(shift);
  const toWhole = wholeNumber(width, signed, what);
  return (view, offset, value) => {
    const bits = BigInt.asUintN(width, toWhole(value)) << BigInt(shift);
    for (let i = 0; i < bytes; i++) {
      const at = BigInt(8 * i);
      const keep = view.getUint8(offset + i) & ~Number((mask >> at) & 0xffn);
      view.setUint8(offset + i, keep | Number((bits >> at) & 0xffn));
    }
  };
}

const utf8 = new TextDecoder();
const toUtf8 = new TextEncoder();

/** Above this a text is decoded at once instead of letter by letter. */
const SHORT_TEXT = 64;
const REMEMBERED = 256;

/**
 * Text up to the first NUL. Bytes that are no UTF-8 become U+FFFD.
 *
 * Records name the same few commands, disks and devices over and over: short texts are remembered by hash and
 * compared, which is twice as fast as making the string anew and leaves nothing to collect.
 */
export function textReader(size: number): Decoder<string> {
  return size % 4 === 0 && size > 0 && size <= WORDS_LIMIT ? wordsReader(size >> 2, letterReader(size)) : letterReader(size);
}

/** Names of commands and the like, of 16 letters: compared word by word, all of their bytes, is four times faster again. */
const WORDS_LIMIT = 32;

function wordsReader(count: number, read: Decoder<string>): Decoder<string> {
  // All zero, as the empty text is.
  const words = new Int32Array(REMEMBERED * count);
  const texts = new Array<string>(REMEMBERED).fill('');
  return (view, offset) => {
    let hash = 0;
    for (let i = 0; i < count; i++) hash = Math.imul(hash ^ view.getInt32(offset + i * 4, true), 0x9e3779b1);
    const slot = (hash ^ (hash >>> 15)) & (REMEMBERED - 1);
    const base = slot * count;
    let same = true;
    for (let i = 0; i < count; i++) {
      const word = view.getInt32(offset + i * 4, true);
      if (words[base + i] === word) continue;
      words[base + i] = word;
      same = false;
    }
    return same ? texts[slot] : (texts[slot] = read(view, offset));
  };
}

function letterReader(size: number): Decoder<string> {
  const remembered = new Array<string>(REMEMBERED).fill('');
  return (view, offset) => {
    let length = 0;
    let hash = 0;
    let high = 0;
    for (; length < size; length++) {
      const byte = view.getUint8(offset + length);
      if (byte === 0) break;
      high |= byte;
      hash = (Math.imul(hash, 31) + byte) | 0;
    }
    if (high >= 0x80 || length > SHORT_TEXT) {
      return utf8.decode(new Uint8Array(view.buffer, view.byteOffset + offset, length).slice());
    }
    const slot = (hash ^ (hash >>> 8)) & (REMEMBERED - 1);
    const known = remembered[slot];
    if (known.length === length) {
      let i = 0;
      while (i < length && known.charCodeAt(i) === view.getUint8(offset + i)) i++;
      if (i === length) return known;
    }
    const codes = [];
    for (let i = 0; i < length; i++) codes.push(view.getUint8(offset + i));
    const text = String.fromCharCode.apply(null, codes);
    remembered[slot] = text;
    return text;
  };
}

/** The rest is zero already. A text may fill its array without a NUL, as the kernel's do. */
export function textWriter(size: number, what: string): Encoder<unknown> {
  return (view, offset, value) => {
    const bytes = typeof value === 'string' ? toUtf8.encode(value) : value;
    if (!(bytes instanceof Uint8Array) || bytes.length > size) throw doesNotFit(value, what);
    new Uint8Array(view.buffer, view.byteOffset + offset, size).set(bytes);
  };
}
