/** Reading and writing scalars at a place; bit-fields within their bytes. */

import type { CType, QualType, RecordType } from '../../c/types.ts';
import type { Loc } from '../../diagnostics.ts';
import { constant, undef } from '../builder.ts';
import type { MemBits, Value } from '../ir.ts';
import { alignAt, settle } from './place.ts';
import type { FunctionState, Place } from './state.ts';
import { integer, memBits, pointeeOf, scalarType, sizeOfType, spaceOf } from './types.ts';

/** The scalar of this type at a place. */
export function readPlace(f: FunctionState, at: Place, type: QualType, loc: Loc): Value {
  const t = scalarType(type.type);
  if (!t) return unsupported(f, type, loc);
  const p = settle(f, at);
  if (p.bit) return readBits(f, p, type);
  const resultSpace = type.type.kind === 'pointer' ? (spaceOf(type.type.to.quals) ?? trusted(type.type.to)) : undefined;
  return f.b.load(t, memBits(type.type), integer(type.type)?.signed ?? false, p.ptr, p.offset, {
    volatile: p.volatile,
    resultSpace,
    pointee: p.union && hidesRecord(p.union.record, p.union.at, type.type) ? 'other' : pointeeOf(type.type),
    align: p.align,
  });
}

/** Stores a scalar; the value it then has (a bit-field may have cut it). */
export function writePlace(f: FunctionState, at: Place, type: QualType, value: Value, loc: Loc): Value {
  if (!scalarType(type.type)) return unsupported(f, type, loc);
  const p = settle(f, at);
  if (p.bit) return writeBits(f, p, type, value);
  f.b.store(memBits(type.type), value, p.ptr, p.offset, { volatile: p.volatile, align: p.align });
  return value;
}

/**
 * Whether the verifier does not see this pointer to a record there: of a union's members it takes the first at the place.
 * Source: kernel/bpf/btf.c, `btf_struct_walk`.
 */
function hidesRecord(record: RecordType, at: number, wanted: CType): boolean {
  for (const field of record.fields ?? []) {
    let t = field.type.type;
    let inside = at - field.offset;
    if (inside >= sizeOfType(t)) continue;
    while (t.kind === 'array') {
      t = t.of.type;
      inside %= sizeOfType(t);
    }
    if (inside < 0 || field.bit) return true;
    if (t.kind === 'record') return hidesRecord(t, inside, wanted);
    if (t.kind !== 'pointer' || wanted.kind !== 'pointer' || inside !== 0) return true;
    const [seen, meant] = [t.to.type, wanted.to.type];
    return seen !== meant && !(seen.kind === 'record' && meant.kind === 'record' && seen.name !== '' && seen.name === meant.name);
  }
  return true;
}

/** A kptr field of a map value holds a pointer that the verifier knows by BTF. */
function trusted(to: QualType): 'btf' | undefined {
  return to.tags?.some((t) => t === 'kptr' || t === 'kptr_untrusted' || t === 'percpu_kptr' || t === 'rcu') ? 'btf' : undefined;
}

export function unsupported(f: FunctionState, type: QualType, loc: Loc): Value {
  const t = type.type;
  if (t.kind === 'float') f.m.error('floating-point', loc, `BPF has no floating point: '${t.name}' cannot be computed with`);
  else if (t.kind === 'int') f.m.error('int128', loc, `'${t.name}' is not supported: BPF registers have 64 bits`);
  else f.m.error('unsupported-type', loc, `a value of type '${t.kind}' cannot be used here`);
  return undef('i64');
}

interface Window {
  /** Bytes from the place's offset to the start of the access, and its width. */
  readonly at: number;
  readonly bits: MemBits;
  /** Lowest bit of the field in it. */
  readonly shift: number;
}

/**
 * The bytes to access: the smallest naturally aligned unit that holds all bits and stays in the record, so that no
 * byte outside is touched and the access is one the verifier takes in any memory.
 */
function windowOf(p: Place): Window | undefined {
  const bit = p.bit as NonNullable<Place['bit']>;
  const before = p.before ?? 0,
    after = p.after ?? 8;
  const first = Math.floor(bit.offset / 8),
    last = Math.floor((bit.offset + bit.width - 1) / 8);
  for (const size of [1, 2, 4, 8]) {
    const start = Math.floor((before + first) / size) * size - before;
    if (start + size > last && start + size <= after) return { at: start, bits: (size * 8) as MemBits, shift: bit.offset - start * 8 };
  }
  // Packed: no aligned unit will do.
  for (const size of [1, 2, 4, 8]) {
    for (const start of [first, after - size]) {
      if (start + before >= 0 && start <= first && start + size > last && start + size <= after)
        return { at: start, bits: (size * 8) as MemBits, shift: bit.offset - start * 8 };
    }
  }
  return undefined;
}

/** `place.align` is that of the field's offset; the window may start elsewhere. */
function accessOf(p: Place, w: Window): { volatile: boolean; align: number } {
  return { volatile: p.volatile, align: alignAt(p.align, w.at) };
}

function readBits(f: FunctionState, p: Place, type: QualType): Value {
  const w = windowOf(p);
  const bit = p.bit as NonNullable<Place['bit']>;
  const t = scalarType(type.type) === 'i64' ? 'i64' : 'i32';
  const { b } = f;
  if (!w) return readSplit(f, p, type);
  const wide = w.bits === 64 || t === 'i64' ? 'i64' : 'i32';
  const raw = b.load(wide, w.bits, false, p.ptr, p.offset + w.at, accessOf(p, w));
  return narrow(f, raw, type, w.shift, bit.width, t);
}

/** Bits `shift … shift + width` of an integer, extended as the type says, as i32 or i64. */
function narrow(f: FunctionState, raw: Value, type: QualType, shift: number, width: number, t: 'i32' | 'i64'): Value {
  const { b } = f;
  const wide = raw.type as 'i32' | 'i64';
  const w = wide === 'i64' ? 64 : 32;
  let v: Value;
  if (integer(type.type)?.signed) {
    v = b.bin('ashr', b.bin('shl', raw, constant(wide, w - shift - width)), constant(wide, w - width));
  } else {
    v = b.bin('lshr', raw, constant(wide, shift));
    if (width < w) v = b.bin('and', v, constant(wide, (1n << BigInt(width)) - 1n));
  }
  if (wide === t) return v;
  return t === 'i32' ? b.trunc(v) : b.ext('i64', integer(type.type)?.signed ?? false, 32, v);
}

function writeBits(f: FunctionState, p: Place, type: QualType, value: Value): Value {
  const w = windowOf(p);
  const bit = p.bit as NonNullable<Place['bit']>;
  const { b } = f;
  const t = value.type as 'i32' | 'i64';
  if (!w) writeSplit(f, p, value);
  else {
    const wide = w.bits === 64 ? 'i64' : 'i32';
    let v = t === wide ? value : wide === 'i64' ? b.ext('i64', false, 32, value) : b.trunc(value);
    if (w.bits !== bit.width) {
      const ones = (1n << BigInt(bit.width)) - 1n;
      const old = b.load(wide, w.bits, false, p.ptr, p.offset + w.at, accessOf(p, w));
      const kept = b.bin('and', old, constant(wide, ~(ones << BigInt(w.shift))));
      v = b.bin('or', kept, b.bin('shl', b.bin('and', v, constant(wide, ones)), constant(wide, w.shift)));
    }
    b.store(w.bits, v, p.ptr, p.offset + w.at, accessOf(p, w));
  }
  return narrow(f, value, type, 0, bit.width, t);
}

/** A packed bit-field across nine bytes, or one for which no unit fits: byte by byte. */
function readSplit(f: FunctionState, p: Place, type: QualType): Value {
  const { b } = f;
  const bit = p.bit as NonNullable<Place['bit']>;
  let v: Value = constant('i64', 0);
  for (const part of bytesOf(bit)) {
    const byte = b.load('i64', 8, false, p.ptr, p.offset + part.at, { volatile: p.volatile });
    const bits = b.bin('and', b.bin('lshr', byte, constant('i64', part.shift)), constant('i64', (1 << part.width) - 1));
    v = b.bin('or', v, b.bin('shl', bits, constant('i64', part.to)));
  }
  return narrow(f, v, type, 0, bit.width, scalarType(type.type) === 'i64' ? 'i64' : 'i32');
}

function writeSplit(f: FunctionState, p: Place, value: Value): void {
  const { b } = f;
  const bit = p.bit as NonNullable<Place['bit']>;
  const wide = value.type === 'i64' ? value : b.ext('i64', false, 32, value);
  for (const part of bytesOf(bit)) {
    const mask = (1 << part.width) - 1;
    let byte: Value = b.bin('and', b.bin('lshr', wide, constant('i64', part.to)), constant('i64', mask));
    if (part.width < 8) {
      const old = b.load('i64', 8, false, p.ptr, p.offset + part.at, { volatile: p.volatile });
      byte = b.bin('or', b.bin('and', old, constant('i64', ~(mask << part.shift) & 0xff)), b.bin('shl', byte, constant('i64', part.shift)));
    }
    b.store(8, byte, p.ptr, p.offset + part.at, { volatile: p.volatile });
  }
}

function* bytesOf(bit: {
  readonly offset: number;
  readonly width: number;
}): Generator<{ at: number; shift: number; width: number; to: number }> {
  for (let to = 0; to < bit.width; ) {
    const at = bit.offset + to;
    const shift = at % 8;
    const width = Math.min(8 - shift, bit.width - to);
    yield { at: Math.floor(at / 8), shift, width, to };
    to += width;
  }
}
