/**
 * Initialisers of locals. Bytes that no initialiser names are zero, padding included: the object may be handed to a
 * helper as a whole, and the verifier refuses bytes that were never written. Where everything is named, nothing is
 * zeroed first.
 */
import type { InitItem, Initializer } from '../../c/ast.ts';
import type { QualType } from '../../c/types.ts';
import { constant } from '../builder.ts';
import { writePlace } from './access.ts';
import { address, alignAt } from './place.ts';
import { recordInto } from './record.ts';
import { scalar } from './scalar.ts';
import type { FunctionState, Place } from './state.ts';
import { isRecord, sizeOfType } from './types.ts';

export function initialize(f: FunctionState, p: Place, type: QualType, init: Initializer): void {
  const size = sizeOfType(type.type);
  switch (init.kind) {
    case 'scalar':
      if (isRecord(type.type)) recordInto(f, init.value, p);
      else {
        const v = scalar(f, init.value);
        f.b.loc = init.value.loc;
        writePlace(f, p, type, v, init.value.loc);
      }
      return;
    case 'string':
      f.b.loc = init.loc;
      writeBytes(f, p, init.bytes, size);
      return;
    case 'list': {
      f.b.loc = init.loc;
      if (!covers(init.items, size)) f.b.memset(address(f, p), constant('i32', 0), size, p.align);
      for (const item of init.items) initializeItem(f, p, size, item);
      return;
    }
    default:
      never(init);
  }
}

function initializeItem(f: FunctionState, whole: Place, size: number, item: InitItem): void {
  const { value } = item;
  const at: Place = {
    ptr: whole.ptr,
    offset: whole.offset + item.offset,
    align: alignAt(whole.align, item.offset),
    volatile: whole.volatile,
    ...(item.bit ? { bit: item.bit, before: item.offset, after: size - item.offset } : {}),
  };
  if (value.kind === 'bytes') {
    f.b.loc = value.loc;
    writeBytes(f, at, value.bytes, sizeOfType(item.type.type));
    return;
  }
  if (isRecord(item.type.type)) return recordInto(f, value, at);
  const v = scalar(f, value);
  f.b.loc = value.loc;
  writePlace(f, at, item.type, v, value.loc);
}

/** Whether the items leave no byte out. */
function covers(items: readonly InitItem[], size: number): boolean {
  let end = 0;
  for (const item of items) {
    // The rest of a bit-field's unit may be padding.
    if (item.bit) return false;
    if (item.offset !== end) return false;
    end += sizeOfType(item.type.type);
  }
  return end >= size;
}

/** Text as wide constant stores. */
export function writeBytes(f: FunctionState, p: Place, bytes: Uint8Array, size: number): void {
  let at = 0;
  // A long tail of zeros is one fill.
  const used = lastUsed(bytes, size);
  const head = Math.min(size, Math.ceil(used / 8) * 8);
  while (at < head) {
    let width = 8;
    while (width > 1 && (at + width > size || alignAt(p.align, at) < width)) width /= 2;
    let v = 0n;
    for (let i = width - 1; i >= 0; i--) v = (v << 8n) | BigInt(bytes[at + i] ?? 0);
    f.b.store((width * 8) as 8 | 16 | 32 | 64, constant(width === 8 ? 'i64' : 'i32', v), p.ptr, p.offset + at, { volatile: p.volatile });
    at += width;
  }
  if (at < size) f.b.memset(address(f, { ...p, offset: p.offset + at }), constant('i32', 0), size - at, alignAt(p.align, at));
}

function lastUsed(bytes: Uint8Array, size: number): number {
  let n = Math.min(bytes.length, size);
  while (n > 0 && bytes[n - 1] === 0) n--;
  return n;
}

function never(x: never): never {
  throw new Error(`unhandled ${JSON.stringify(x)}`);
}
