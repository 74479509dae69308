/** memcpy and its like, strings, object sizes. */
import type { Expr } from '../../ast.ts';
import { QUAL } from '../../types.ts';
import { constantText, evaluate, evaluatePlace } from '../constants.ts';
import { convertScalar, markAddressTaken, rvalue } from '../convert.ts';
import { builtin, cast, int, string } from '../nodes.ts';
import { CHAR, INT, pointer, Q, qual, ULONG, VOID, VOID_POINTER } from '../types/basic.ts';
import { sizeOf } from '../types/size.ts';
import type { BuiltinCall, BuiltinRow, BuiltinTable } from './arguments.ts';
import { row } from './arguments.ts';

const CONST_VOID_POINTER = qual(pointer(qual(VOID, QUAL.CONST)));
/** More bytes than any BPF object has room for. */
const MAX_COPY = 1 << 20;
const CONST_CHAR_POINTER = qual(pointer(qual(Q.char.type, QUAL.CONST)));

function copy(name: 'memcpy' | 'memmove'): (c: BuiltinCall) => Expr {
  return (c) => builtin(name, [c.as(0, VOID_POINTER), c.as(1, CONST_VOID_POINTER), c.integer(2, ULONG)], VOID_POINTER, c.loc);
}

function set(c: BuiltinCall): Expr {
  return builtin('memset', [c.as(0, VOID_POINTER), c.integer(1, INT), c.integer(2, ULONG)], VOID_POINTER, c.loc);
}

function compareMemory(c: BuiltinCall): Expr {
  const a = c.as(0, CONST_VOID_POINTER);
  const b = c.as(1, CONST_VOID_POINTER);
  const size = c.integer(2, ULONG);
  const x = literalBytes(a);
  const y = literalBytes(b);
  if (x && y && size.kind === 'int' && size.value <= BigInt(Math.min(x.length, y.length))) {
    return int(order(x, y, Number(size.value)), Q.int, c.loc);
  }
  return builtin('memcmp', [a, b, size], Q.int, c.loc);
}

/** What is left of a string literal from where a constant pointer points into it. */
function literalBytes(e: Expr): Uint8Array | undefined {
  const v = evaluate(e);
  if (v?.base?.kind !== 'string' || v.value < 0n || v.value >= BigInt(v.base.bytes.length)) return undefined;
  return v.base.bytes.subarray(Number(v.value));
}

function order(x: Uint8Array, y: Uint8Array, size: number): bigint {
  for (let i = 0; i < size; i++) {
    const d = (x[i] as number) - (y[i] as number);
    if (d !== 0) return d < 0 ? -1n : 1n;
  }
  return 0n;
}

function needString(c: BuiltinCall, i: number): Uint8Array {
  const bytes = literalBytes(c.as(i, CONST_CHAR_POINTER));
  if (!bytes)
    c.unsupported(
      'works on string literals only: BPF has no function for it; read strings with bpf_probe_read_kernel_str and compare byte by byte',
    );
  return bytes;
}

function stringLength(c: BuiltinCall): Expr {
  const text = constantText(c.as(0, CONST_CHAR_POINTER));
  if (!text)
    c.unsupported(
      'works on string literals and const arrays only: BPF has no function for it; sizeof(array) - 1 is the length of one that is full, and bpf_probe_read_kernel_str returns that of a string in the kernel',
    );
  return int(BigInt(text.length), Q.ulong, c.loc);
}

function stringCompare(c: BuiltinCall): Expr {
  const x = needString(c, 0);
  const y = needString(c, 1);
  const limit = c.count === 3 ? Number(c.constant(2)) : Number.POSITIVE_INFINITY;
  const size = Math.min(limit, x.indexOf(0) + 1, y.indexOf(0) + 1);
  return int(order(x, y, size), Q.int, c.loc);
}

/** The copy of a literal is a memcpy. */
function stringCopy(c: BuiltinCall): Expr {
  const text = needString(c, 1);
  const length = text.indexOf(0) + 1;
  const dst = c.as(0, VOID_POINTER);
  const room = c.count === 3 ? Number(c.constant(2)) : length;
  if (room > MAX_COPY) c.fail(`'${c.name}' of ${room} bytes`);
  const bytes = new Uint8Array(room);
  bytes.set(text.subarray(0, Math.min(length, room)));
  const source = convertScalar(c.ctx, rvalue(c.ctx, string(bytes, CHAR, 1, c.loc)), CONST_VOID_POINTER);
  const copied = builtin('memcpy', [dst, source, int(BigInt(room), Q.ulong, c.loc)], VOID_POINTER, c.loc);
  return convertScalar(c.ctx, copied, qual(pointer(Q.char)));
}

/** Bytes from where the pointer points to the end of the object, where both are known (types 0 and 1: else -1; 2 and 3: else 0). */
function objectSize(c: BuiltinCall): Expr {
  const kind = c.constant(1);
  if (kind < 0n || kind > 3n) c.fail(`the second argument of '${c.name}' is 0 to 3; found ${kind}`);
  const known = sizeBehind(c.value(0));
  return int(known ?? ((kind & 2n) !== 0n ? 0n : 0xffff_ffff_ffff_ffffn), Q.ulong, c.loc);
}

function sizeBehind(e: Expr): bigint | undefined {
  let place: Expr | undefined = e;
  while (place?.kind === 'cast' && (place.cast === 'pointer' || place.cast === 'noop')) place = place.operand;
  let offset = 0n;
  if (place.kind === 'pointerArith' && place.op === 'add' && place.index.kind === 'int') {
    offset = place.index.value * BigInt(place.elementSize);
    place = place.pointer;
  }
  const object = place.kind === 'addressOf' ? place.operand : place.kind === 'cast' && place.cast === 'decay' ? place.operand : undefined;
  if (!object || (object.kind !== 'ref' && object.kind !== 'string' && object.kind !== 'compoundLiteral')) {
    const v = object && evaluatePlace(object);
    const size = v?.base && v.base.kind !== 'function' ? sizeOf(v.base.type.type) : undefined;
    return v === undefined || size === undefined ? undefined : rest(BigInt(size), v.value + offset);
  }
  const size = sizeOf(object.type.type);
  return size === undefined ? undefined : rest(BigInt(size), offset);
}

function rest(size: bigint, offset: bigint): bigint {
  return offset < 0n || offset > size ? 0n : size - offset;
}

function prefetch(c: BuiltinCall): Expr {
  return cast('toVoid', c.as(0, CONST_VOID_POINTER), Q.void);
}

/** Functions of the C library that are builtins whether or not they are declared. */
export const LIBRARY: BuiltinTable = {
  memcpy: row(3, copy('memcpy')),
  memmove: row(3, copy('memmove')),
  memset: row(3, set),
  memcmp: row(3, compareMemory),
  bcmp: row(3, compareMemory),
  bzero: row(2, (c) => builtin('memset', [c.as(0, VOID_POINTER), int(0n, Q.int, c.loc), c.integer(1, ULONG)], VOID_POINTER, c.loc)),
  strlen: row(1, stringLength),
  strcmp: row(2, stringCompare),
  strncmp: row(3, stringCompare),
  strcpy: row(2, stringCopy),
  strncpy: row(3, stringCopy),
};

function prefixed(table: BuiltinTable): { [name: string]: BuiltinRow } {
  return Object.fromEntries(Object.entries(table).map(([name, entry]) => [`__builtin_${name}`, entry]));
}

export const MEMORY: BuiltinTable = {
  ...prefixed(LIBRARY),
  __builtin_memcpy_inline: row(3, copy('memcpy')),
  __builtin_memset_inline: row(3, set),
  __builtin___memcpy_chk: row(4, copy('memcpy')),
  __builtin___memmove_chk: row(4, copy('memmove')),
  __builtin___memset_chk: row(4, set),
  __builtin_object_size: row(2, objectSize),
  __builtin_dynamic_object_size: row(2, objectSize),
  __builtin_prefetch: row([1, 3], prefetch),
  __builtin_addressof: row(1, (c) => {
    const e = c.raw(0);
    markAddressTaken(e);
    return c.ctx.actions.unary('&', e, c.loc);
  }),
};
